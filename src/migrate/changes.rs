//! What one job wants changed, as changes to definitions that other jobs may share: services, variables, script items, tags.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::detect::JobFacts;
use crate::detect::flow::DAEMON_VARIABLES;
use crate::edit::Edit;
use crate::migrate::lower::Lowered;
use crate::migrate::script_edit::{ItemChange, Stuck, item_changes};
use crate::pipeline::{Job, Level};
use crate::source::Span;
use crate::yaml::{Data, NodeId, Value};

/// A job of an analysis: the index of its pipeline and its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct JobId {
    /// The index of the pipeline.
    pub pipeline: usize,
    /// The index of the job in the pipeline.
    pub job: usize,
}

/// A definition: the node of a value, or the key of an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Definition {
    /// Where it is written.
    pub span: Span,
    /// Its node in that file's tree.
    pub node: NodeId,
}

impl Definition {
    fn of(value: &Value) -> Self {
        Self { span: value.span, node: value.node }
    }
}

/// A change to a definition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The entry with this key goes, or keeps an empty list where `keep_empty`.
    RemoveEntry {
        /// Something below would show through.
        keep_empty: bool,
    },
    /// The entry's value becomes an empty string: something below would show through.
    EmptyValue(Span),
    /// The item goes.
    RemoveItem,
    /// Items come before it, and its text changes.
    Item {
        /// Lines to come before.
        before: Vec<String>,
        /// Edits of its text.
        edits: Vec<Edit>,
    },
    /// The scalar becomes this text.
    Replace(String),
}

/// What a job wants.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Wants {
    /// Changes to definitions.
    pub changes: BTreeMap<Definition, Change>,
    /// Definitions of services, of which the job can have an override instead.
    pub services: BTreeSet<Definition>,
    /// Definitions of variables with their names, of which the job can do without the change or have an override.
    pub variables: BTreeMap<Definition, String>,
    /// Text of the script after the change.
    pub script: String,
}

/// The changes that a job's lowered script, services, variables and tags need.
///
/// # Errors
/// [`Stuck`] where a script item cannot be edited.
pub fn wants(analysis: &Analysis, job: &Job, facts: &JobFacts, lowered: &Lowered) -> Result<Wants, Stuck> {
    let mut wants = Wants::default();
    script(analysis, job, lowered, &mut wants)?;
    services(job, facts, &mut wants);
    variables(job, &mut wants);
    tags(analysis, job, &mut wants);
    Ok(wants)
}

fn script(analysis: &Analysis, job: &Job, lowered: &Lowered, wants: &mut Wants) -> Result<(), Stuck> {
    let mut after: Vec<Option<String>> = job.script.items.iter().map(|item| item.value.as_str().map(str::to_owned)).collect();
    for (index, change) in item_changes(&job.script, &analysis.documents, &lowered.edits)? {
        let definition = Definition::of(&job.script.items[index].value);
        let (change, text) = match change {
            ItemChange::Remove => (Change::RemoveItem, None),
            ItemChange::Rewrite(edits, text) => (Change::Item { before: Vec::new(), edits }, Some(text)),
        };
        if wants.changes.insert(definition, change.clone()).is_some_and(|known| known != change) {
            return Err(Stuck {
                why: "the item is used twice in the job and would have to differ",
                at: job.script.items[index].range.start,
            });
        }
        after[index] = text;
    }
    if let Some(first) = lowered.first.filter(|_| !lowered.setup.is_empty()) {
        let index = job.script.item_at(first).expect("the first command lies in an item");
        let definition = Definition::of(&job.script.items[index].value);
        let lines = lowered.setup.clone();
        after[index] = Some(lines.iter().cloned().chain(after[index].take()).collect::<Vec<_>>().join("\n"));
        match wants.changes.entry(definition).or_insert(Change::Item { before: Vec::new(), edits: Vec::new() }) {
            Change::Item { before, .. } => *before = lines,
            Change::RemoveItem | Change::RemoveEntry { .. } | Change::EmptyValue(_) | Change::Replace(_) => {
                return Err(Stuck { why: "the item with the first command would go", at: first });
            }
        }
    }
    wants.script = after.into_iter().flatten().collect::<Vec<_>>().join("\n");
    Ok(())
}

fn services(job: &Job, facts: &JobFacts, wants: &mut Wants) {
    if !facts.has_dind() {
        return;
    }
    let entry = job.config.entry("services").expect("a job with a service has the keyword");
    let left = facts.services.iter().any(|service| !service.is_dind());
    if left {
        for service in facts.services.iter().filter(|service| service.is_dind()) {
            let definition = Definition::of(&service.image.image.value);
            wants.changes.insert(definition, Change::RemoveItem);
            wants.services.insert(definition);
        }
        return;
    }
    let definition = Definition::of(&entry.key);
    wants.changes.insert(definition, Change::RemoveEntry { keep_empty: !entry.shadowed.is_empty() });
    wants.services.insert(definition);
}

fn variables(job: &Job, wants: &mut Wants) {
    for (name, variable) in job.variables.iter().filter(|(name, _)| DAEMON_VARIABLES.contains(&&***name)) {
        let definition = Definition::of(&variable.entry.key);
        let covers = !variable.entry.shadowed.is_empty();
        let text = variable.text().unwrap_or_default();
        if text.is_empty() && variable.level == Level::Job && covers {
            continue;
        }
        let value = variable.value().map(|value| value.span);
        let change = match value.filter(|_| covers) {
            Some(span) => Change::EmptyValue(span),
            None => Change::RemoveEntry { keep_empty: false },
        };
        wants.changes.insert(definition, change);
        wants.variables.insert(definition, name.to_string());
    }
}

fn tags(analysis: &Analysis, job: &Job, wants: &mut Wants) {
    for tag in job.tags() {
        let Some(replacement) = tag.as_str().and_then(|tag| analysis.config.runner_tags.get(tag)) else { continue };
        let change = match replacement.as_slice() {
            [] => Change::RemoveItem,
            [one] => Change::Replace(one.clone()),
            several => Change::Replace(several.join(", ")),
        };
        wants.changes.insert(Definition::of(&tag), change);
    }
}

/// Which jobs use a definition.
#[derive(Debug, Default)]
pub struct Users(BTreeMap<Span, BTreeSet<JobId>>);

impl Users {
    /// All definitions that any job of the analysis uses.
    #[must_use]
    pub fn new(analysis: &Analysis) -> Self {
        let mut users = Self::default();
        for (pipeline, analyzed) in analysis.pipelines.iter().enumerate() {
            for (index, job) in analyzed.pipeline.jobs.iter().enumerate() {
                users.add(job, JobId { pipeline, job: index });
            }
        }
        users
    }

    fn add(&mut self, job: &Job, id: JobId) {
        for entry in job.config.entries.values() {
            self.0.entry(entry.key.span).or_default().insert(id);
            self.add_value(&entry.value, id);
        }
        for variable in job.variables.values() {
            self.0.entry(variable.entry.key.span).or_default().insert(id);
            self.add_value(&variable.entry.value, id);
        }
    }

    fn add_value(&mut self, value: &Value, id: JobId) {
        self.0.entry(value.span).or_default().insert(id);
        match &value.data {
            Data::Sequence(items) => items.iter().for_each(|item| self.add_value(item, id)),
            Data::Mapping(mapping) => {
                for entry in mapping.entries.values() {
                    self.0.entry(entry.key.span).or_default().insert(id);
                    self.add_value(&entry.value, id);
                }
            }
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) | Data::Reference(_) => {}
        }
    }

    /// The jobs that use the definition at `span`.
    pub fn of(&self, span: Span) -> impl Iterator<Item = JobId> {
        self.0.get(&span).into_iter().flatten().copied()
    }
}
