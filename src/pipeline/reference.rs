//! `!reference` into the values it names, as `Gitlab::Ci::Config::Yaml::Tags::Reference` resolves it after `extends`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::extends::{Extends, Missing, MissingKind};
use crate::pipeline::problem;
use crate::source::Span;
use crate::yaml::{Data, Entry, Mapping, Step, Value};

/// Deepest chain of references to references (<https://docs.gitlab.com/ci/yaml/yaml_optimization/#nest-reference-tags-in-script-before_script-and-after_script>).
const MAX_DEPTH: usize = 10;

/// Resolves the references of one configuration; each path once.
#[derive(Debug)]
pub struct References<'a, 'r> {
    root: &'r Mapping,
    extends: &'a mut Extends<'r>,
    done: BTreeMap<Vec<Arc<str>>, Option<Value>>,
    stack: Vec<Vec<Arc<str>>>,
    complete: bool,
    /// What the values resolved since this was last emptied miss.
    pub missing: Vec<Missing>,
    /// What is wrong.
    pub problems: Vec<Diagnostic>,
}

impl<'a, 'r> References<'a, 'r> {
    /// `complete` says that all files are known, so that a missing path is the user's mistake.
    pub fn new(root: &'r Mapping, extends: &'a mut Extends<'r>, complete: bool) -> Self {
        Self { root, extends, done: BTreeMap::new(), stack: Vec::new(), complete, missing: Vec::new(), problems: Vec::new() }
    }

    /// The mapping with all references in it resolved.
    pub fn mapping(&mut self, mapping: &Mapping) -> Mapping {
        let mut resolved = mapping.clone();
        for entry in resolved.entries.values_mut() {
            self.entry(entry);
        }
        resolved
    }

    /// A job with its ancestors merged in, references not yet resolved.
    pub fn extended(&mut self, name: &str) -> Option<super::extends::Extended> {
        self.extends.get(name)
    }

    fn entry(&mut self, entry: &mut Entry) {
        if holds_reference(&entry.value) {
            entry.value = self.value(&entry.value);
        }
    }

    fn value(&mut self, value: &Value) -> Value {
        if !holds_reference(value) {
            return value.clone();
        }
        let data = match &value.data {
            Data::Sequence(items) => Data::Sequence(Arc::new(items.iter().map(|item| self.value(item)).collect())),
            Data::Mapping(mapping) => Data::Mapping(Arc::new(self.mapping(mapping))),
            Data::Reference(path) => return self.reference(value, path),
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) => value.data.clone(),
        };
        Value { data, ..value.clone() }
    }

    fn reference(&mut self, value: &Value, path: &[Value]) -> Value {
        let nothing = Value { data: Data::Null, ..value.clone() };
        let Some(names) =
            path.iter().map(|name| name.as_str().map(Arc::from)).collect::<Option<Vec<Arc<str>>>>().filter(|names| !names.is_empty())
        else {
            self.problem(problem::INVALID_VALUE, value.span, "`!reference` needs a sequence of names");
            return nothing;
        };
        let dotted = names.join(".");
        if self.stack.len() >= MAX_DEPTH || self.stack.contains(&names) {
            self.problem(
                problem::INVALID_VALUE,
                value.span,
                &format!("`!reference [{}]` refers to itself or is nested too deep", names.join(", ")),
            );
            return nothing;
        }
        match self.found(&names) {
            Some(found) => found.reached_by(Step::Reference(dotted.into()), value.span),
            None => {
                self.missing.push(Missing { kind: MissingKind::Reference, name: dotted, span: value.span });
                if self.complete {
                    self.problem(
                        problem::UNKNOWN_REFERENCE,
                        value.span,
                        &format!("`!reference [{}]` could not be found", names.join(", ")),
                    );
                }
                nothing
            }
        }
    }

    fn found(&mut self, names: &[Arc<str>]) -> Option<Value> {
        if let Some(done) = self.done.get(names) {
            return done.clone();
        }
        let found = self.dig(names);
        let missing = self.missing.len();
        self.stack.push(names.to_vec());
        let resolved = found.map(|value| self.value(&value));
        self.stack.pop();
        // A value that misses something is resolved again for each job, so that each hears of it.
        if self.missing.len() == missing {
            self.done.insert(names.to_vec(), resolved.clone());
        }
        resolved
    }

    /// `null` and `false` count as not found, as in GitLab.
    fn dig(&mut self, names: &[Arc<str>]) -> Option<Value> {
        let (first, rest) = names.split_first()?;
        let top = self.root.get(first)?.clone();
        let mut value = match self.extends.get(first) {
            Some(extended) => Value { data: Data::Mapping(extended.mapping), ..top },
            None => top,
        };
        for name in rest {
            value = value.get(name)?.clone();
        }
        (!matches!(value.data, Data::Null | Data::Bool(false))).then_some(value)
    }

    fn problem(&mut self, code: problem::Code, span: Span, message: &str) {
        self.problems.push(Diagnostic::new(code, Severity::Error, span, message));
    }
}

fn holds_reference(value: &Value) -> bool {
    match &value.data {
        Data::Reference(_) => true,
        Data::Sequence(items) => items.iter().any(holds_reference),
        Data::Mapping(mapping) => mapping.entries.values().any(|entry| holds_reference(&entry.value)),
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) => false,
    }
}
