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
/// Most values that all references of a configuration may bring; references to lists of references multiply.
const MAX_VALUES: usize = 500_000;

/// Resolves the references of one configuration; each path once, however many values refer to it.
#[derive(Debug)]
pub struct References<'a, 'r> {
    root: &'r Mapping,
    extends: &'a mut Extends<'r>,
    done: BTreeMap<Vec<Arc<str>>, Found>,
    stack: Vec<Vec<Arc<str>>>,
    /// How deep references are nested in what is being resolved.
    nested: usize,
    values: usize,
    complete: bool,
    /// What the values resolved since this was last emptied miss.
    pub missing: Vec<Missing>,
    /// What is wrong.
    pub problems: Vec<Diagnostic>,
}

/// What a path leads to.
#[derive(Clone, Debug)]
struct Found {
    value: Option<Value>,
    /// How deep references were nested in it.
    nested: usize,
    /// How many values it holds.
    values: usize,
    /// What it misses.
    missing: Vec<Missing>,
}

impl<'a, 'r> References<'a, 'r> {
    /// `complete` says that all files are known, so that a missing path is the user's mistake.
    pub fn new(root: &'r Mapping, extends: &'a mut Extends<'r>, complete: bool) -> Self {
        let (done, stack) = (BTreeMap::new(), Vec::new());
        Self { root, extends, done, stack, nested: 0, values: 0, complete, missing: Vec::new(), problems: Vec::new() }
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
        let around = std::mem::take(&mut self.nested);
        let found = if self.stack.len() >= MAX_DEPTH || self.stack.contains(&names) { None } else { Some(self.found(&names)) };
        // What is known already was not found at its depth again; GitLab counts it in whatever order the references stand.
        let found = found.filter(|found| found.nested < MAX_DEPTH);
        self.nested = around.max(found.as_ref().map_or(0, |found| found.nested + 1));
        let Some(found) = found else {
            let message = format!("`!reference [{}]` refers to itself or is nested too deep", names.join(", "));
            self.problem(problem::INVALID_VALUE, value.span, &message);
            return nothing;
        };
        let dotted = names.join(".");
        self.values += found.values;
        let why = match found.value {
            Some(found) if self.values <= MAX_VALUES => return found.reached_by(Step::Reference(dotted.into()), value.span),
            Some(_) => Some(format!(
                "`!reference [{}]` is not followed: all references together hold more than {MAX_VALUES} values",
                names.join(", ")
            )),
            None => self.complete.then(|| format!("`!reference [{}]` could not be found", names.join(", "))),
        };
        self.missing.push(Missing { kind: MissingKind::Reference, name: dotted, span: value.span });
        if let Some(why) = why {
            self.problem(problem::UNKNOWN_REFERENCE, value.span, &why);
        }
        nothing
    }

    fn found(&mut self, names: &[Arc<str>]) -> Found {
        if let Some(done) = self.done.get(names) {
            // Each job that comes by hears of what is missing.
            self.missing.extend(done.missing.iter().cloned());
            return done.clone();
        }
        let found = self.dig(names);
        let before = self.missing.len();
        self.stack.push(names.to_vec());
        let value = found.map(|value| self.value(&value));
        self.stack.pop();
        let mut missing: Vec<Missing> = Vec::new();
        for new in self.missing.drain(before..) {
            if !missing.contains(&new) {
                missing.push(new);
            }
        }
        self.missing.extend(missing.iter().cloned());
        let values = value.as_ref().map_or(0, |value| count(value, MAX_VALUES));
        let found = Found { value, nested: self.nested, values, missing };
        self.done.insert(names.to_vec(), found.clone());
        found
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

/// How many values `value` holds, itself included; from `most` on it doesn't matter.
fn count(value: &Value, most: usize) -> usize {
    let sum = |values: &mut dyn Iterator<Item = &Value>| {
        let mut all = 1;
        for value in values {
            if all >= most {
                break;
            }
            all += count(value, most - all);
        }
        all
    };
    match &value.data {
        Data::Sequence(items) => sum(&mut items.iter()),
        Data::Mapping(mapping) => sum(&mut mapping.entries.values().map(|entry| &entry.value)),
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) | Data::Reference(_) => 1,
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
