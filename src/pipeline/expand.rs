//! A resolved pipeline into the one mapping that GitLab works with, as JSON, and where each of its values comes from.

use serde_json::{Map, Value as Json, json};

use crate::pipeline::job::Job;
use crate::pipeline::resolve::Pipeline;
use crate::pipeline::script::flat;
use crate::source::Sources;
use crate::yaml::{Data, Entry, Mapping, Step, Value, Via, ruby_float};

const SCRIPTS: &[&str] = &["before_script", "script", "after_script"];

/// The merged pipeline: `stages`, `variables`, `workflow`, then each visible job with everything that applies to it.
#[must_use]
pub fn expanded(pipeline: &Pipeline) -> Json {
    let mut whole = Map::new();
    whole.insert("stages".to_owned(), json!(pipeline.stages()));
    for keyword in ["variables", "workflow"] {
        if let Some(value) = pipeline.keywords.get(keyword) {
            whole.insert(keyword.to_owned(), json(value));
        }
    }
    for job in &pipeline.jobs {
        whole.insert(job.name.to_string(), expanded_job(job));
    }
    Json::Object(whole)
}

/// One job as [`expanded`] shows it. The defaults are in it; which of the pipeline's variables it has, `inherit:variables` says.
#[must_use]
pub fn expanded_job(job: &Job) -> Json {
    let entries = job.config.entries.values().map(|entry| {
        let name = key_text(entry);
        let value = if SCRIPTS.contains(&name.as_str()) { script(&entry.value) } else { json(&entry.value) };
        (name, value)
    });
    let inherit = inherited_variables(job).map(|variables| ("inherit".to_owned(), json!({ "variables": json(variables) })));
    Json::Object(entries.chain(inherit).collect())
}

/// What a job says about the pipeline's variables.
fn inherited_variables(job: &Job) -> Option<&Value> {
    job.inherit.as_ref()?.get("variables").filter(|variables| !variables.is_null())
}

fn script(value: &Value) -> Json {
    let mut invalid = Vec::new();
    Json::Array(flat(value, &mut invalid).into_iter().map(json).collect())
}

/// A value as plain JSON: what JSON has no type for becomes text.
#[must_use]
pub fn json(value: &Value) -> Json {
    json_data(&value.data)
}

/// [`json()`] of what a value holds.
#[must_use]
pub fn json_data(data: &Data) -> Json {
    match data {
        Data::Null => Json::Null,
        Data::Bool(value) => json!(value),
        Data::Integer(text) => text.parse::<i64>().map_or_else(|_| json!(&**text), |number| json!(number)),
        Data::Float(number) => serde_json::Number::from_f64(*number).map_or_else(|| json!(ruby_float(*number)), Json::Number),
        Data::String(text) | Data::Symbol(text) => json!(&**text),
        Data::Sequence(items) => Json::Array(items.iter().map(json).collect()),
        Data::Mapping(mapping) => Json::Object(mapping.entries.values().map(|entry| (key_text(entry), json(&entry.value))).collect()),
        Data::Reference(path) => json!({ "$reference": path.iter().map(json).collect::<Vec<_>>() }),
    }
}

pub(super) fn key_text(entry: &Entry) -> String {
    entry.key.scalar_text().unwrap_or_else(|| json(&entry.key).to_string())
}

/// For the path of every value of [`expanded`] (`build.services[0]`): file, 1-based line, and the steps by which it got there.
#[must_use]
pub fn origins(pipeline: &Pipeline, sources: &Sources) -> Json {
    let mut origins = Map::new();
    for keyword in ["stages", "variables", "workflow"] {
        if let Some(entry) = pipeline.keywords.entry(keyword) {
            origin(keyword.to_owned(), &entry.value, &steps(entry.via.as_deref()), sources, &mut origins);
        }
    }
    for job in &pipeline.jobs {
        mapping_origins(&job.name, &job.config, &[], sources, &mut origins);
        if let Some(variables) = inherited_variables(job) {
            origin(format!("{}.inherit.variables", job.name), variables, &[], sources, &mut origins);
        }
    }
    Json::Object(origins)
}

fn mapping_origins(path: &str, mapping: &Mapping, via: &[String], sources: &Sources, origins: &mut Map<String, Json>) {
    for entry in mapping.entries.values() {
        let name = key_text(entry);
        let via: Vec<String> = steps(entry.via.as_deref()).into_iter().chain(via.iter().cloned()).collect();
        let path = format!("{path}.{name}");
        if !SCRIPTS.contains(&name.as_str()) {
            origin(path, &entry.value, &via, sources, origins);
            continue;
        }
        let mut invalid = Vec::new();
        for (index, item) in flat(&entry.value, &mut invalid).into_iter().enumerate() {
            origin(format!("{path}[{index}]"), item, &via, sources, origins);
        }
    }
}

fn origin(path: String, value: &Value, via: &[String], sources: &Sources, origins: &mut Map<String, Json>) {
    let own: Vec<String> = steps(value.via.as_deref()).into_iter().chain(via.iter().cloned()).collect();
    match &value.data {
        Data::Mapping(mapping) if !mapping.entries.is_empty() => mapping_origins(&path, mapping, &own, sources, origins),
        Data::Sequence(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                origin(format!("{path}[{index}]"), item, &own, sources, origins);
            }
        }
        Data::Null
        | Data::Bool(_)
        | Data::Integer(_)
        | Data::Float(_)
        | Data::String(_)
        | Data::Symbol(_)
        | Data::Reference(_)
        | Data::Mapping(_)
        | Data::Sequence(_) => {
            let at = sources.start(value.span);
            origins.insert(path, json!({ "file": sources.get(value.span.file).path(), "line": at.line, "via": own }));
        }
    }
}

fn steps(via: Option<&Via>) -> Vec<String> {
    std::iter::successors(via, |via| via.next.as_deref()).map(|via| step(&via.step)).collect()
}

fn step(step: &Step) -> String {
    match step {
        Step::Alias(name) => format!("anchor &{name}"),
        Step::MergeKey => "merge key <<".to_owned(),
        Step::Extends(name) => format!("extends {name}"),
        Step::Reference(path) => format!("!reference {path}"),
        Step::Default => "default".to_owned(),
        Step::Input { name, .. } => format!("input {name}"),
        Step::Include(path) => format!("include {path}"),
    }
}
