//! What one job wants changed, as changes to definitions that other jobs may share: services, variables, script items, tags.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::detect::JobFacts;
use crate::detect::flow::DAEMON_VARIABLES;
use crate::edit::Edit;
use crate::migrate::lower::Lowered;
use crate::migrate::script_edit::{ItemChange, Stuck, TextEdit, item_changes};
use crate::pipeline::{Job, Level, Pipeline, Script, Section};
use crate::source::Span;
use crate::yaml::structure::scalar;
use crate::yaml::{Data, Entry, NodeId, ScalarStyle, Step, Value};

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
    /// The node of `value`.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        Self { span: value.span, node: value.node }
    }
}

/// A place for lines: before or behind a definition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Beside {
    /// The item.
    pub definition: Definition,
    /// Behind it.
    pub behind: bool,
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
    /// Its text changes by these edits.
    Item(Vec<Edit>),
    /// The scalar becomes this text.
    Replace(String),
    /// The scalar becomes this value, as YAML.
    Value(String),
}

/// What a job wants.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Wants {
    /// Changes to definitions.
    pub changes: BTreeMap<Definition, Change>,
    /// Lines to come beside an item.
    pub insertions: BTreeMap<Beside, Vec<String>>,
    /// Definitions of services, of which the job can have an override instead.
    pub services: BTreeSet<Definition>,
    /// Definitions of variables with their names, of which the job can do without the change or have an override.
    pub variables: BTreeMap<Definition, String>,
    /// The job's script sections as they must be, by keyword, for a job that inherits one and cannot change it where it is written.
    pub sections: BTreeMap<&'static str, SectionWants>,
    /// Aliases that are items of the job's own lists, with the texts that they stand for and may become.
    pub aliases: BTreeMap<Definition, (Definition, Option<String>)>,
    /// The image that the job gets, as YAML, with the definition of the one that it has; none where it has none.
    pub image: Option<(Option<Definition>, String)>,
    /// `before_script` and `script` after the change.
    pub script: String,
    /// `after_script` after the change.
    pub after_script: String,
}

/// One of a job's script sections.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct SectionWants {
    /// The items that it must have.
    pub items: Vec<String>,
    /// The definitions in it that would change, or before which lines come.
    pub definitions: BTreeSet<Definition>,
}

/// The changes that a job's lowered script, services, variables and tags need.
///
/// # Errors
/// [`Stuck`] where a script item cannot be edited.
pub fn wants(analysis: &Analysis, pipeline: &Pipeline, job: &Job, facts: &JobFacts, lowered: &Lowered) -> Result<Wants, Stuck> {
    let mut wants = Wants::default();
    let mut lowered = lowered.clone();
    lines_in_block(analysis, job, &mut lowered);
    wants.script = script(analysis, pipeline, job, &job.script, &lowered.edits, Some(&lowered), &mut wants)?;
    wants.after_script = script(analysis, pipeline, job, &job.after_script, &lowered.after_edits, None, &mut wants)?;
    if !lowered.keeps_daemon {
        services(pipeline, job, facts, &mut wants);
        variables(pipeline, job, &mut wants);
        tags(analysis, job, &mut wants);
    }
    image(job, &lowered, &mut wants)?;
    Ok(wants)
}

/// A script that is one literal block gets the added lines where the first command stands, as lines of the block.
fn lines_in_block(analysis: &Analysis, job: &Job, lowered: &mut Lowered) {
    let Some(first) = lowered.first.filter(|_| !lowered.setup.is_empty()) else { return };
    let Some(item) = job.script.item_at(first).map(|index| &job.script.items[index]) else { return };
    let Some(document) = analysis.documents.get(item.value.span.file) else { return };
    let tree = &document.tree;
    let in_sequence = tree.parent(item.value.node).is_some_and(|parent| tree.items(parent).is_some());
    let literal = tree.scalar(item.value.node).is_some_and(|scalar| scalar.style == ScalarStyle::Literal);
    let line = job.script.text[..first].rfind('\n').map_or(0, |at| at + 1).max(item.range.start);
    if in_sequence || !literal || !job.script.text[line..first].trim().is_empty() {
        return;
    }
    let text: String = lowered.setup.drain(..).map(|line_text| format!("{line_text}\n{}", &job.script.text[line..first])).collect();
    let at = lowered.edits.partition_point(|edit| edit.range.start < first);
    lowered.edits.insert(at, TextEdit { range: first..first, text });
}

/// The changes of one script's items; gives the text that it then has.
fn script(
    analysis: &Analysis,
    pipeline: &Pipeline,
    job: &Job,
    script: &Script,
    edits: &[TextEdit],
    lowered: Option<&Lowered>,
    wants: &mut Wants,
) -> Result<String, Stuck> {
    let mut after: Vec<Option<String>> = script.items.iter().map(|item| item.value.as_str().map(str::to_owned)).collect();
    let mut removed: BTreeMap<Section, Vec<Definition>> = BTreeMap::new();
    let mut touched: BTreeMap<Section, BTreeSet<Definition>> = BTreeMap::new();
    for (index, change) in item_changes(script, &analysis.documents, edits)? {
        let item = &script.items[index];
        let definition = Definition::of(&item.value);
        touched.entry(item.section).or_default().insert(definition);
        let (change, text) = match change {
            ItemChange::Remove => {
                let alias = alias_of(analysis, &item.value);
                removed.entry(item.section).or_default().extend(std::iter::once(definition).chain(alias));
                wants.changes.extend(alias.map(|alias| (alias, Change::RemoveItem)));
                (Change::RemoveItem, None)
            }
            ItemChange::Rewrite(edits, text) => (Change::Item(edits), Some(text)),
        };
        if wants.changes.insert(definition, change.clone()).is_some_and(|known| known != change) {
            return Err(Stuck { why: "the item is used twice in the job and would have to differ", at: item.range.start });
        }
        if let Some(alias) = alias_of(analysis, &item.value).filter(|_| has_anchor(analysis, &item.value)) {
            wants.aliases.insert(definition, (alias, text.clone()));
        }
        after[index] = text;
    }
    let mut before_item: BTreeMap<usize, &[String]> = BTreeMap::new();
    let mut behind_item: BTreeMap<usize, &[String]> = BTreeMap::new();
    if let Some((first, lowered)) = lowered.and_then(|lowered| Some((lowered.first.filter(|_| !lowered.setup.is_empty())?, lowered))) {
        let behind = lowered.behind_before_script;
        let index = if behind {
            script.items.iter().rposition(|item| item.section == Section::BeforeScript).expect("the job has the section")
        } else {
            script.item_at(first).expect("the first command lies in an item")
        };
        let value = &script.items[index].value;
        let definition = position(analysis, value);
        let lines = lowered.setup.clone();
        if behind { &mut behind_item } else { &mut before_item }.insert(index, &lowered.setup);
        touched.entry(script.items[index].section).or_default().insert(definition);
        if !behind && wants.changes.get(&definition) == Some(&Change::RemoveItem) {
            return Err(Stuck { why: "the item with the first command would go", at: first });
        }
        wants.insertions.insert(Beside { definition, behind }, lines);
    }
    let lines = |lines: &BTreeMap<usize, &[String]>, index: usize| lines.get(&index).copied().unwrap_or_default().to_vec();
    let texts = |index: usize| lines(&before_item, index).into_iter().chain(after[index].clone()).chain(lines(&behind_item, index));
    for (section, definitions) in touched {
        let of_section = script.items.iter().enumerate().filter(|(_, item)| item.section == section);
        let items = of_section.flat_map(|(index, _)| texts(index)).collect();
        wants.sections.insert(section.keyword(), SectionWants { items, definitions });
    }
    let all: Vec<String> = (0..after.len()).flat_map(texts).collect();
    if behind_item.is_empty() {
        emptied(pipeline, job, script, removed, wants);
    }
    Ok(all.join("\n"))
}

/// A section of which every item goes is removed as an entry; it keeps an empty list where a default or an ancestor would show through.
fn emptied(pipeline: &Pipeline, job: &Job, script: &Script, removed: BTreeMap<Section, Vec<Definition>>, wants: &mut Wants) {
    for (section, definitions) in removed {
        let mut items = script.items.iter().filter(|item| item.section == section);
        if section == Section::Script || !items.all(|item| definitions.contains(&Definition::of(&item.value))) {
            continue;
        }
        let Some(entry) = job.config.entry(section.keyword()) else { continue };
        for definition in definitions {
            wants.changes.remove(&definition);
        }
        let keep_empty = !entry.shadowed.is_empty() || shows_through(pipeline, entry, section.keyword());
        wants.changes.insert(Definition::of(&entry.key), Change::RemoveEntry { keep_empty });
        wants.sections.entry(section.keyword()).or_default().definitions.insert(Definition::of(&entry.key));
    }
}

/// Whether a default would take an entry's place. (`inherit` could forbid it; an empty list is right then too.)
fn shows_through(pipeline: &Pipeline, entry: &Entry, keyword: &str) -> bool {
    let is_default = entry.via.as_ref().is_some_and(|via| via.step == Step::Default);
    let given = pipeline.root.get("default").is_some_and(|default| default.get(keyword).is_some()) || pipeline.root.get(keyword).is_some();
    given && !is_default
}

/// Where an item stands in its list: the alias, where it is one.
#[must_use]
pub fn position(analysis: &Analysis, value: &Value) -> Definition {
    alias_of(analysis, value).unwrap_or(Definition::of(value))
}

fn has_anchor(analysis: &Analysis, value: &Value) -> bool {
    analysis.documents.get(value.span.file).is_some_and(|document| document.tree.node(value.node).anchor.is_some())
}

/// The alias through which a value is reached directly.
fn alias_of(analysis: &Analysis, value: &Value) -> Option<Definition> {
    let via = value.via.as_ref().filter(|via| matches!(via.step, Step::Alias(_)))?;
    let tree = &analysis.documents.get(via.span.file)?.tree;
    let (node, _) = tree.nodes().find(|(_, node)| node.span == via.span)?;
    Some(Definition { span: via.span, node })
}

fn services(pipeline: &Pipeline, job: &Job, facts: &JobFacts, wants: &mut Wants) {
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
    let keep_empty = !entry.shadowed.is_empty() || shows_through(pipeline, entry, "services");
    wants.changes.insert(definition, Change::RemoveEntry { keep_empty });
    wants.services.insert(definition);
}

fn variables(pipeline: &Pipeline, job: &Job, wants: &mut Wants) {
    for (name, variable) in job.variables.iter().filter(|(name, _)| DAEMON_VARIABLES.contains(&&***name)) {
        let definition = Definition::of(&variable.entry.key);
        let global = variable.level == Level::Job && pipeline.root.get("variables").is_some_and(|variables| variables.get(name).is_some());
        let read = matches!(&**name, "DOCKER_HOST" | "DOCKER_TLS_VERIFY" | "DOCKER_TLS" | "DOCKER_CONTEXT" | "BUILDX_BUILDER");
        let covers = read && (global || !variable.entry.shadowed.is_empty());
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

/// The image that the lowered script needs instead of the job's own.
fn image(job: &Job, lowered: &Lowered, wants: &mut Wants) -> Result<(), Stuck> {
    let Some(image) = &lowered.image else { return Ok(()) };
    let text = if image.resets_entrypoint { format!("{{ name: \"{}\", entrypoint: [\"\"] }}", image.name) } else { scalar(&image.name) };
    let Some(value) = job.config.get("image") else {
        wants.image = Some((None, text));
        return Ok(());
    };
    let name = value.get("name").filter(|_| !image.resets_entrypoint).unwrap_or(value);
    if name.as_str().is_none() {
        return Err(Stuck { why: "the job's image has settings of its own", at: 0 });
    }
    let definition = Definition::of(name);
    wants.changes.insert(definition, Change::Value(text.clone()));
    wants.image = Some((Some(definition), text));
    Ok(())
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
