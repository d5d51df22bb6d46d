//! Jobs into functions of a Dagger module, and into the thin jobs that call them. Knows no SDK beyond its templates.

mod build;
mod daemon;
pub mod form;
mod glue;
mod inputs;
mod keywords;
mod kubernetes;
mod names;
mod parameters;
mod programs;
mod read;
pub mod record;
mod sdk;
mod service;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use crate::analysis::{Analysis, AnalyzedPipeline};
use crate::detect::{JobFacts, JobOperation, Reason, Step, reason};
use crate::docker::Tool;
use crate::edit::{Edit, apply};
use crate::migrate::JobId;
use crate::pipeline::script::flat;
use crate::pipeline::{Job, Pipeline};
use crate::source::{FileId, Span};
use crate::yaml::json_text;

pub use form::Form;
pub use glue::{calls, image, own, setup};
pub use kubernetes::{TAG, runner_files};
pub use programs::is_harmless;
pub use record::Record;

/// The folder of the module.
pub const FOLDER: &str = "ci/dagger";

/// Where the Dagger engine runs that a job reaches.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Engine {
    /// Elsewhere: `_EXPERIMENTAL_DAGGER_RUNNER_HOST` says where.
    #[default]
    Remote,
    /// In a Docker daemon that is a service of the job, started by the command.
    Docker,
    /// On the node of a Kubernetes cluster on which the job runs; the runner's configuration says where ([`runner_files`]).
    Kubernetes,
}

/// The language of a module.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Sdk {
    /// Python.
    #[default]
    Python,
    /// TypeScript.
    TypeScript,
    /// Go.
    Go,
}

/// In which way jobs become functions.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Way {
    /// Where the functions run.
    pub engine: Engine,
    /// In which language they are written.
    pub sdk: Sdk,
    /// Whether they publish nothing; what acts on anything outside stays.
    pub rehearsal: bool,
    /// Whether jobs find `dagger` where they run, and don't install it.
    pub tools_are_here: bool,
}

/// What jobs become.
#[derive(Clone, Default, Debug)]
pub struct Generated {
    /// The edits of pipeline files.
    pub edits: Vec<Edit>,
    /// The new text of each edited file.
    pub files: BTreeMap<FileId, String>,
    /// Files that come into being, by path.
    pub created: BTreeMap<String, String>,
    /// The jobs that move, with what they become.
    pub moved: BTreeMap<JobId, Form>,
    /// The jobs that stay, with why.
    pub refused: BTreeMap<JobId, Vec<Reason>>,
    /// The jobs with a command that can't be seen through and with nothing else that keeps them.
    pub opaque: BTreeMap<JobId, Reason>,
}

/// Turns `candidates` into functions, as far as they can be, and their jobs into calls; with `opaque` also those with a command that can't be seen through.
/// The module gets the functions `known` besides, which jobs call already.
#[must_use]
pub fn generate(analysis: &Analysis, way: Way, opaque: bool, known: &[Form], candidates: &BTreeSet<JobId>) -> Generated {
    let mut generated = Generated::default();
    let offers: Vec<bool> = analysis.pipelines.iter().map(|pipeline| offers_templates(analysis, &pipeline.pipeline)).collect();
    let copiers: Vec<Option<String>> = analysis.pipelines.iter().map(|pipeline| copier(&pipeline.pipeline)).collect();
    for &id in candidates {
        let pipeline = &analysis.pipelines[id.pipeline];
        let (job, facts) = (&pipeline.pipeline.jobs[id.job], &pipeline.facts[id.job]);
        if let Some(copier) = &copiers[id.pipeline] {
            let message = format!("`{copier}` commits the pipeline's file to other branches, which would lack the module");
            generated.refused.insert(id, vec![Reason { code: reason::TARGET_REFUSES, message, span: job.key }]);
            continue;
        }
        match Form::of(job, facts, &analysis.workspace, way.rehearsal) {
            Ok(mut form) => {
                if let Some(reason) = form.opaque.take() {
                    generated.opaque.insert(id, reason);
                    if !opaque {
                        continue;
                    }
                }
                form.assumptions.extend(elsewhere(&pipeline.pipeline, offers[id.pipeline], job));
                let stages = pipeline.pipeline.stages();
                form.rank = stages.iter().position(|stage| **stage == *job.stage()).unwrap_or(stages.len());
                generated.moved.insert(id, form);
            }
            Err(reasons) => drop(generated.refused.insert(id, reasons)),
        }
    }
    shared_caches(analysis, &mut generated);
    names::give(&mut generated.moved, known);
    loop {
        let written = glue::edits(analysis, way, &generated.moved).and_then(|edits| {
            let files = apply(analysis.documents.sources(), &edits).map_err(|overlap| glue::Stuck::overlap(&overlap, &generated.moved))?;
            Ok((edits, files))
        });
        match written {
            Ok((edits, files)) => {
                (generated.edits, generated.files) = (edits, files);
                break;
            }
            Err(stuck) => {
                for id in stuck.jobs {
                    generated.moved.remove(&id);
                    generated.refused.entry(id).or_default().push(stuck.reason.clone());
                }
            }
        }
    }
    if !generated.moved.is_empty() {
        let mut forms: Vec<&Form> = known.iter().chain(generated.moved.values()).collect();
        forms.sort_by_key(|form| form.rank);
        let mut files = sdk::files(way.sdk, forms.iter().copied(), &inputs::inputs(analysis, &generated.moved));
        files.insert(Record::path(), Record::new(forms, &files).text());
        generated.created = files;
    }
    generated
}

/// Whether the pipeline has a hidden job of which nothing else in its files speaks, so that it is there for others.
fn offers_templates(analysis: &Analysis, pipeline: &Pipeline) -> bool {
    static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\.[A-Za-z0-9][\w:.-]*").expect("a constant pattern"));
    let hidden: BTreeSet<&str> = pipeline
        .root
        .named()
        .filter(|(name, entry)| name.starts_with('.') && entry.value.get("script").is_some_and(|script| script.via.is_none()))
        .map(|(name, _)| name)
        .collect();
    let mut counts: BTreeMap<&str, usize> = hidden.iter().map(|&name| (name, 0)).collect();
    for &file in &pipeline.files {
        for found in NAME.find_iter(analysis.documents.sources().get(file).text()) {
            if let Some(count) = counts.get_mut(found.as_str().trim_end_matches([':', '.'])) {
                *count += 1;
            }
        }
    }
    counts.values().any(|&count| count == 1)
}

/// A job that commits the pipeline's file elsewhere.
fn copier(pipeline: &Pipeline) -> Option<String> {
    let commits = |text: &str| {
        text.contains(".gitlab-ci.yml") && ["repository/commits", "repository/files", "git push"].iter().any(|word| text.contains(word))
    };
    pipeline.jobs.iter().find(|job| commits(&job.script.text)).map(|job| job.name.to_string())
}

/// What is taken for granted of files that are not at hand.
fn elsewhere(pipeline: &Pipeline, offers_templates: bool, job: &Job) -> Vec<(&'static str, String)> {
    let mut assumptions = Vec::new();
    if !pipeline.unresolved.is_empty() || pipeline.jobs.iter().any(|job| !job.missing.is_empty()) {
        let message = "what is included from elsewhere gives the jobs no `default`, `before_script` or variables".to_owned();
        assumptions.push(("includes-elsewhere", message));
    }
    let is_entry = pipeline.files.first().is_some_and(|entry| *entry == job.own.span.file);
    if !is_entry || offers_templates {
        let message = "no other project includes the file of the job, which needs the module in its own checkout".to_owned();
        assumptions.push(("included-elsewhere", message));
    }
    assumptions
}

/// The functions of the module in [`FOLDER`] that jobs call, with the jobs, by their names.
#[must_use]
pub fn called(analysis: &Analysis) -> BTreeMap<String, String> {
    let calls = |facts: &JobFacts| facts.own_operations().filter_map(|(operation, step)| function(operation, step)).collect::<Vec<_>>();
    let jobs = analysis.pipelines.iter().flat_map(AnalyzedPipeline::jobs);
    jobs.flat_map(|(job, facts)| calls(facts).into_iter().map(|name| (name, job.name.to_string()))).collect()
}

/// Which function of the module a command calls.
fn function(operation: &JobOperation, step: &Step) -> Option<String> {
    let module = operation.operation.global("mod").filter(|_| operation.operation.tool == Tool::Dagger)?.value.as_deref()?;
    let call = (1..step.argv.len()).find(|&at| step.constant(at) == Some("call"))?;
    let name = (call + 1..step.argv.len()).filter_map(|at| step.constant(at)).find(|word| !word.starts_with('-'))?;
    (module.trim_start_matches("./").trim_end_matches('/') == FOLDER).then(|| name.to_owned())
}

/// A job stays where another one that stays may take what it leaves in a cache: the engine's caches and the runners' are not the same.
fn shared_caches(analysis: &Analysis, generated: &mut Generated) {
    let caches = |id: JobId| cache_keys(&analysis.pipelines[id.pipeline].pipeline.jobs[id.job]);
    let ids = (0..analysis.pipelines.len())
        .flat_map(|pipeline| (0..analysis.pipelines[pipeline].pipeline.jobs.len()).map(move |job| JobId { pipeline, job }));
    let mut kept: BTreeSet<String> = ids.filter(|id| !generated.moved.contains_key(id)).flat_map(caches).map(|(key, _)| key).collect();
    loop {
        let shared: Vec<(JobId, Span)> =
            generated.moved.keys().filter_map(|&id| Some((id, caches(id).into_iter().find(|(key, _)| kept.contains(key))?.1))).collect();
        if shared.is_empty() {
            return;
        }
        for (id, span) in shared {
            kept.extend(caches(id).into_iter().map(|(key, _)| key));
            generated.moved.remove(&id);
            let message = "its cache is also that of a job that stays, which may take from it".to_owned();
            generated.refused.entry(id).or_default().push(Reason { code: reason::TARGET_REFUSES, message, span });
        }
    }
}

/// The keys of a job's caches, of which each is one archive for all jobs that name it, with the places of the caches.
fn cache_keys(job: &Job) -> Vec<(String, Span)> {
    let Some(value) = job.config.get("cache").filter(|value| !value.is_null()) else { return Vec::new() };
    let all = if value.as_mapping().is_some() { vec![value] } else { flat(value, &mut Vec::new()) };
    all.into_iter()
        .filter(|cache| cache.get("paths").is_some() || cache.get("untracked").is_some())
        .map(|cache| (cache.get("key").map_or_else(|| "\"default\"".to_owned(), json_text), cache.span))
        .collect()
}
