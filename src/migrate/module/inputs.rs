//! Which functions' outputs each function is given where one function runs them all. Knows `needs`, `dependencies` and stages, not what the functions do.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::analysis::{Analysis, AnalyzedPipeline};
use crate::migrate::JobId;
use crate::migrate::module::form::Form;
use crate::migrate::module::function;
use crate::pipeline::Job;
use crate::pipeline::script::flat;
use crate::yaml::{Data, Value};

/// The functions whose outputs a function takes, by the function's name.
///
/// A function is missing where its job takes files of a job that is none or variables of any, or where only GitLab knows what it takes: of another pipeline, or by its rules.
pub(super) fn inputs(analysis: &Analysis, moved: &BTreeMap<JobId, Form>) -> BTreeMap<String, BTreeSet<String>> {
    let mut inputs: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
    for (index, pipeline) in analysis.pipelines.iter().enumerate() {
        let stages = pipeline.pipeline.stages();
        let ranks: BTreeMap<&str, usize> = stages.iter().enumerate().map(|(rank, stage)| (&**stage, rank)).collect();
        let rank = |job: &Job| ranks.get(job.stage()).copied();
        let functions = functions(index, pipeline, moved);
        let jobs: IndexMap<&str, &Job> = pipeline.pipeline.jobs.iter().map(|job| (&*job.name, job)).collect();
        let leaving: IndexMap<&str, &Job> = jobs.iter().filter(|(_, job)| leaves(job)).map(|(&name, &job)| (name, job)).collect();
        for (name, function) in &functions {
            let job = jobs[*name];
            let taken: Option<Vec<&str>> = named(job).map(|names| match names {
                Some(names) => names.into_iter().filter(|name| leaving.contains_key(name) || !jobs.contains_key(name)).collect(),
                None => leaving.iter().filter(|(_, other)| rank(other) < rank(job)).map(|(&name, _)| name).collect(),
            });
            let function_of = |name| functions.get(name).filter(|_| jobs.get(name).is_none_or(|job| dotenv(job).is_none())).cloned();
            let found = taken.and_then(|names| names.into_iter().map(function_of).collect::<Option<BTreeSet<String>>>());
            let known = inputs.entry(function.clone()).or_insert_with(|| found.clone());
            if *known != found {
                *known = None;
            }
        }
    }
    inputs.into_iter().filter_map(|(function, taken)| Some((function, taken?))).collect()
}

/// The functions that jobs are or call, by the names of the jobs.
fn functions<'a>(index: usize, pipeline: &'a AnalyzedPipeline, moved: &BTreeMap<JobId, Form>) -> BTreeMap<&'a str, String> {
    let all = pipeline.jobs().enumerate().filter_map(|(number, (job, facts))| {
        let form = moved.get(&JobId { pipeline: index, job: number });
        let called = || facts.own_operations().find_map(|(operation, step)| function(operation, step));
        Some((&*job.name, form.map(|form| form.function.clone()).or_else(called)?))
    });
    all.collect()
}

/// The names of the jobs whose artifacts a job says it takes: none inside where it says nothing and takes those of all earlier stages,
/// none where that can't be known here.
fn named(job: &Job) -> Option<Option<Vec<&str>>> {
    let config = |keyword| job.config.get(keyword).filter(|value| !value.is_null());
    let rules = config("rules").map(|rules| flat(rules, &mut Vec::new())).unwrap_or_default();
    if rules.iter().any(|rule| rule.get("needs").is_some()) {
        return None;
    }
    let needs = match config("needs") {
        Some(needs) => {
            let items = if needs.as_mapping().is_some() { vec![needs] } else { flat(needs, &mut Vec::new()) };
            Some(items.into_iter().filter(|item| takes(item)).map(need).collect::<Option<Vec<&str>>>()?)
        }
        None => None,
    };
    let Some(dependencies) = config("dependencies") else { return Some(needs) };
    let names = flat(dependencies, &mut Vec::new()).into_iter().filter_map(Value::as_str);
    Some(Some(names.filter(|name| needs.as_ref().is_none_or(|needs| needs.contains(name))).collect()))
}

/// Whether the artifacts of a needed job are fetched.
fn takes(item: &Value) -> bool {
    !matches!(item.get("artifacts").map(|value| &value.data), Some(Data::Bool(false)))
}

/// The job that is needed, where it is one of this pipeline and all of it.
fn need(item: &Value) -> Option<&str> {
    let elsewhere = ["project", "pipeline", "parallel"].iter().any(|keyword| item.get(keyword).is_some());
    item.as_str().or_else(|| item.get("job").and_then(Value::as_str)).filter(|_| !elsewhere)
}

/// Whether a job leaves files or variables for later ones (docs.gitlab.com, "Fetching artifacts": the archive and the `dotenv` report are fetched, no other report is).
fn leaves(job: &Job) -> bool {
    let Some(artifacts) = job.config.get("artifacts").filter(|artifacts| !artifacts.is_null()) else { return false };
    let is_given = |value: Option<&Value>| value.is_some_and(|value| !value.is_null() && !matches!(value.data, Data::Bool(false)));
    let has_files = is_given(artifacts.get("paths")) || is_given(artifacts.get("untracked")) || job.config.get("pages").is_some();
    has_files || dotenv(job).is_some()
}

/// The report that makes variables of later jobs.
fn dotenv(job: &Job) -> Option<&Value> {
    job.config.get("artifacts")?.get("reports")?.get("dotenv").filter(|dotenv| !dotenv.is_null())
}
