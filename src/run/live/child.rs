//! What a job with `trigger` asks for into the configuration and the variables of the pipeline that it starts
//! (<https://docs.gitlab.com/ci/pipelines/downstream_pipelines/>). Makes no pipeline itself.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::pipeline::context::Context;
use crate::pipeline::expand;
use crate::pipeline::include;
use crate::pipeline::{Job, Pipeline};
use crate::plan::{Plan, PlannedJob};
use crate::run::live::runner::Choice;
use crate::run::variables::Values;
use crate::yaml::{Data, Value};

/// Makes the pipelines that jobs start.
pub trait Children {
    /// The pipeline that `request` asks for, with its plan, the context of both, and what of it is run.
    ///
    /// # Errors
    /// Why there is none: a sentence without its end.
    fn make(&mut self, request: Request) -> Result<(Pipeline, Plan, Context, Choice), String>;
}

/// A pipeline that a job starts.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// The entries of `include` that are its whole configuration.
    pub entries: Json,
    /// Texts of files that only the run has, by the paths that entries name.
    pub files: BTreeMap<String, String>,
    /// Variables that it is given.
    pub variables: BTreeMap<String, String>,
}

/// The folder in which files of artifacts seem to lie.
const GENERATED: &str = ".undind/child";

/// The text of a file among the artifacts of a job, by the job's name and the path.
type Artifact<'a> = &'a dyn Fn(&str, &str) -> Result<String, String>;

/// The configuration that `job` starts a pipeline with, and the files of artifacts that it names.
pub(super) fn entries(job: &Job, values: &Values, artifact: Artifact<'_>) -> Result<(Json, BTreeMap<String, String>), String> {
    let trigger = job.config.get("trigger").ok_or("it has no `trigger`")?;
    let include = trigger.get("include").ok_or("it starts a pipeline of another project, which is not here")?;
    let mut files = BTreeMap::new();
    let mut entries = Vec::new();
    for entry in include::entries(include) {
        let mut entry = put_in(expand::json(entry), values);
        if let (Some(path), Some(other)) = (entry["artifact"].as_str().map(str::to_owned), entry["job"].as_str().map(str::to_owned)) {
            let generated = format!("{GENERATED}/{other}/{path}");
            files.insert(generated.clone(), artifact(&other, &path)?);
            let mut members = serde_json::Map::new();
            members.insert("local".to_owned(), json!(format!("/{generated}")));
            members.extend(entry.get("inputs").map(|inputs| ("inputs".to_owned(), inputs.clone())));
            entry = Json::Object(members);
        }
        if let (Some(inputs), Some(members)) = (trigger.get("inputs"), entry.as_object_mut()) {
            members.entry("inputs").or_insert_with(|| expand::json(inputs));
        }
        entries.push(entry);
    }
    Ok((Json::Array(entries), files))
}

/// The texts of an entry with values put in; not those of its inputs and rules.
fn put_in(entry: Json, values: &Values) -> Json {
    match entry {
        Json::String(text) => json!(values.put_into(&text)),
        Json::Object(members) => {
            let put = |(name, value): (String, Json)| {
                let value = if let ("inputs" | "rules", value) | (_, value @ Json::Array(_)) = (name.as_str(), value.clone()) {
                    value
                } else {
                    put_in(value, values)
                };
                (name, value)
            };
            Json::Object(members.into_iter().map(put).collect())
        }
        other => other,
    }
}

/// The variables that the pipeline of `job` is given: those of the files, unless `trigger:forward` keeps them, and those of its own pipeline if that says so.
pub(super) fn forwarded(job: &Job, planned: &PlannedJob, context: &Context, values: &Values) -> BTreeMap<String, String> {
    let forward = job.config.get("trigger").and_then(|trigger| trigger.get("forward"));
    let says = |keyword: &str| match forward.and_then(|forward: &Value| forward.get(keyword)).map(|value| &value.data) {
        Some(Data::Bool(says)) => Some(*says),
        _ => None,
    };
    let mut variables = BTreeMap::new();
    if says("yaml_variables") != Some(false) {
        let own = planned.variables.keys().filter_map(|name| Some((name.to_string(), values.get(name)?.to_owned())));
        variables.extend(own);
    }
    if says("pipeline_variables") == Some(true) {
        variables.extend(context.all_given().map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    variables
}
