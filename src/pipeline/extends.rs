//! `extends` into merged jobs, with what is missing and what is wrong. Knows mappings with names, not what a job does.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::include::entries;
use crate::pipeline::merge::merge;
use crate::pipeline::problem;
use crate::source::Span;
use crate::yaml::{Data, Entry, Key, Mapping, Step, Value};

/// Most levels of inheritance (<https://docs.gitlab.com/ci/yaml/#extends>): an entry with more than `Extendable::Entry::MAX_NESTING_LEVELS` (10)
/// below it must not extend another.
const MOST_LEVELS: usize = 11;
/// Most names in one `extends` that are followed: each is merged over all before it.
const MOST_NAMES: usize = 100;

/// Something that a job needs and that no readable file defines.
#[derive(Clone, PartialEq, Debug)]
pub struct Missing {
    /// What needs it.
    pub kind: MissingKind,
    /// The name, or the path of a reference joined by dots.
    pub name: String,
    /// Where it is named.
    pub span: Span,
}

/// What needs something [`Missing`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MissingKind {
    /// `extends`.
    Extends,
    /// `!reference`.
    Reference,
}

/// A job with its ancestors merged in.
#[derive(Clone, Default, Debug)]
pub struct Extended {
    /// The merged job, `extends` included as written in the job itself.
    pub mapping: Arc<Mapping>,
    /// What it extends that no file defines, its ancestors' included.
    pub missing: Vec<Missing>,
    /// How many generations of ancestors it has.
    generations: usize,
}

/// Resolves the `extends` of one configuration; each job once.
#[derive(Debug)]
pub struct Extends<'a> {
    root: &'a Mapping,
    done: BTreeMap<Arc<str>, Extended>,
    stack: Vec<Arc<str>>,
    complete: bool,
    /// What is wrong.
    pub problems: Vec<Diagnostic>,
}

impl<'a> Extends<'a> {
    /// `complete` says that all files are known, so that a missing name is the user's mistake.
    #[must_use]
    pub fn new(root: &'a Mapping, complete: bool) -> Self {
        Self { root, done: BTreeMap::new(), stack: Vec::new(), complete, problems: Vec::new() }
    }

    /// The mapping at the top-level key `name` with its ancestors merged in; none where there is no such mapping.
    pub fn get(&mut self, name: &str) -> Option<Extended> {
        if let Some(done) = self.done.get(name) {
            return Some(done.clone());
        }
        let own = self.root.get(name)?;
        let Data::Mapping(own) = &own.data else { return None };
        self.stack.push(name.into());
        let extended = match own.get("extends") {
            None => Extended { mapping: own.clone(), ..Extended::default() },
            Some(names) => self.extended(own, names),
        };
        self.stack.pop();
        self.done.insert(name.into(), extended.clone());
        Some(extended)
    }

    fn extended(&mut self, own: &Arc<Mapping>, names: &Value) -> Extended {
        let mut merged: Option<Mapping> = None;
        let mut missing = Vec::new();
        let mut generations = 0;
        for (index, name) in entries(names).into_iter().enumerate() {
            if index == MOST_NAMES {
                self.problem(problem::INVALID_VALUE, name.span, &format!("only {MOST_NAMES} names in `extends` are followed"));
                missing.push(Missing { kind: MissingKind::Extends, name: name.scalar_text().unwrap_or_default(), span: name.span });
                break;
            }
            let Some(text) = name.as_str() else {
                self.problem(problem::INVALID_VALUE, name.span, "`extends` needs names of jobs");
                continue;
            };
            let Some(base) = self.base(text, name.span, &mut missing) else { continue };
            let step = Step::Extends(text.into());
            merged = Some(match merged {
                None => merge(&base.mapping, &Mapping::default(), Some((&step, name.span))),
                Some(before) => merge(&before, &merge(&base.mapping, &Mapping::default(), Some((&step, name.span))), None),
            });
            missing.extend(base.missing);
            generations = generations.max(base.generations + 1);
        }
        let mapping = merged.map_or_else(|| own.clone(), |bases| Arc::new(without_extends(merge(&bases, own, None), own)));
        Extended { mapping, missing, generations }
    }

    fn base(&mut self, name: &str, span: Span, missing: &mut Vec<Missing>) -> Option<Extended> {
        if self.stack.iter().any(|above| &**above == name) {
            self.problem(problem::EXTENDS_CYCLE, span, &format!("`{name}` extends itself"));
            return None;
        }
        if self.stack.len() > MOST_LEVELS {
            return self.too_many(span);
        }
        match self.get(name) {
            // Where the ancestors are known already the stack is short; GitLab counts them in whatever order the jobs stand.
            Some(base) if base.generations >= MOST_LEVELS => return self.too_many(span),
            Some(base) => return Some(base),
            None => {}
        }
        if self.root.get(name).is_some_and(|value| !value.is_null()) {
            self.problem(problem::INVALID_VALUE, span, &format!("`{name}` cannot be extended: it is not a mapping"));
            return None;
        }
        missing.push(Missing { kind: MissingKind::Extends, name: name.to_owned(), span });
        if self.complete {
            self.problem(problem::UNKNOWN_EXTENDS, span, &format!("`{name}` is not defined"));
        }
        None
    }

    fn too_many(&mut self, span: Span) -> Option<Extended> {
        self.problem(problem::EXTENDS_CYCLE, span, &format!("more than {MOST_LEVELS} levels of `extends`"));
        None
    }

    fn problem(&mut self, code: problem::Code, span: Span, message: &str) {
        self.problems.push(Diagnostic::new(code, Severity::Error, span, message));
    }
}

/// The job keeps its own `extends` and none of its ancestors'.
fn without_extends(mut merged: Mapping, own: &Mapping) -> Mapping {
    let key = Key::String("extends".into());
    let own: Option<Entry> = own.entries.get(&key).cloned();
    match own {
        Some(own) => {
            merged.entries.insert(key, own);
        }
        None => {
            merged.entries.shift_remove(&key);
        }
    }
    merged
}
