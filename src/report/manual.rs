//! What a migration leaves to a person: settings of projects, and builds to look at. Knows refs and names, not edits.

use indexmap::IndexSet;
use serde::Serialize;

use crate::config::Auth;
use crate::migrate::Target;
use crate::migrate::module::{Engine, FOLDER, TAG};
use crate::migrate::target::{Manual, VariableType};
use crate::prove::{Migration, Outcome};
use crate::report::refs::{Refs, is_scheduled, refs};

/// One entry of `manual`.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct ManualStep {
    /// The registered code.
    pub code: String,
    /// The CI/CD variable to create.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// `project` or `group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The type of the variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable_type: Option<VariableType>,
    /// Whether the variable has to be masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked: Option<bool>,
    /// Whether the variable may be protected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    /// The jobs that need it.
    pub jobs: Vec<String>,
    /// What to do, as an imperative sentence.
    pub title: String,
    /// Why, and why so.
    pub why: String,
}

fn names<'a>(jobs: impl Iterator<Item = &'a Outcome>) -> Vec<String> {
    jobs.map(|job| job.name.clone()).collect::<IndexSet<String>>().into_iter().collect()
}

/// What a person has to do in the projects' settings, and elsewhere.
pub(super) fn manual(migration: &Migration, target: &Target) -> Vec<ManualStep> {
    let uses_target = |job: &&Outcome| job.changed.as_ref().is_some_and(|changed| changed.uses_target);
    let jobs = names(migration.jobs.iter().filter(uses_target));
    if jobs.is_empty() {
        return Vec::new();
    }
    let token = target.manifest.id_token.as_ref().filter(|_| target.auth == Auth::Oidc).map(|token| &token.manual);
    let manual = token.into_iter().chain(&target.manifest.manual).filter(|manual| target.has_to(manual));
    let mut steps: Vec<ManualStep> = manual.map(|manual| step(migration, target, manual, jobs.clone())).collect();
    steps.extend(fresh_builds(migration));
    steps.extend(switch(migration));
    steps
}

/// What a person has to do before the thin jobs of a module run.
pub(super) fn manual_for_module(migration: &Migration, engine: Engine) -> Vec<ManualStep> {
    let jobs = names(migration.jobs.iter().filter(|job| job.changed.is_some()));
    if jobs.is_empty() {
        return Vec::new();
    }
    let address = match engine {
        Engine::Docker => None,
        Engine::Remote => Some(ManualStep {
            code: "engine-address".to_owned(),
            variable: Some("_EXPERIMENTAL_DAGGER_RUNNER_HOST".to_owned()),
            scope: Some("project".to_owned()),
            variable_type: Some(VariableType::EnvVar),
            masked: Some(false),
            protected: Some(false),
            jobs,
            title: "Store the address of the Dagger Engine, such as tcp://HOST:PORT, as the variable _EXPERIMENTAL_DAGGER_RUNNER_HOST"
                .to_owned(),
            why: "the functions run there; without it the command looks for a container runtime in the job. Such an address is neither \
                  encrypted nor guarded: keep it in a network that nobody else reaches. Pipelines of forks get no variables of this \
                  project, and need an engine of their own"
                .to_owned(),
        }),
        Engine::Kubernetes => Some(ManualStep {
            code: "kubernetes-runner".to_owned(),
            jobs,
            title: format!("Create a runner with the tag {TAG} in GitLab, and configure it for nodes with a Dagger Engine"),
            why: "the jobs reach the engine through a socket of their node; `--runner-config-out DIR` writes the configuration".to_owned(),
            ..ManualStep::default()
        }),
    };
    address.into_iter().chain(licences(migration)).chain(switch(migration)).collect()
}

fn step(migration: &Migration, target: &Target, manual: &Manual, jobs: Vec<String>) -> ManualStep {
    let fill = |text: &String| target.fill(text, &[]);
    let (protected, why) = if manual.secret { protection(migration) } else { (false, String::new()) };
    let variable = manual.variable.as_ref().map(fill);
    let of_variable = variable.is_some();
    ManualStep {
        code: manual.code.clone(),
        scope: of_variable.then(|| "project".to_owned()),
        variable_type: of_variable.then_some(manual.variable_type),
        // GitLab masks no file.
        masked: of_variable.then_some(manual.secret && manual.variable_type == VariableType::EnvVar),
        protected: of_variable.then_some(protected),
        variable,
        jobs,
        title: fill(&manual.title),
        why: manual.why.as_ref().map_or(why, fill),
    }
}

/// Files that a job of the pipeline wants a licence of.
fn licences(migration: &Migration) -> Option<ManualStep> {
    let asks = |job: &crate::pipeline::Job| {
        job.script.text.contains("reuse lint") || job.image().is_some_and(|image| image.text().starts_with("fsfe/reuse"))
    };
    let mut all = migration.before.pipelines.iter().flat_map(|pipeline| &pipeline.pipeline.jobs);
    let job = all.find(|job| asks(job))?;
    Some(ManualStep {
        code: "licences".to_owned(),
        jobs: vec![job.name.to_string()],
        title: format!("Say the licence of the files in {FOLDER}"),
        why: format!("`{}` looks for it in every file", job.name),
        ..ManualStep::default()
    })
}

/// The variable that brings the old way of jobs back.
fn switch(migration: &Migration) -> Option<ManualStep> {
    let toggle = migration.toggle.as_ref()?;
    let jobs = names(migration.jobs.iter().filter(|job| job.changed.is_some()));
    Some(ManualStep {
        code: "rollout-switch".to_owned(),
        title: format!(
            "Know the switch: where the CI/CD variable {} is `true`, for a project or a group, jobs run as before",
            toggle.variable
        ),
        why: format!(
            "when it is needed no more, delete {} with their includes, and move what the others hold to where it is included",
            toggle.old.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
        ),
        variable: Some(toggle.variable.clone()),
        scope: Some("project".to_owned()),
        variable_type: Some(VariableType::EnvVar),
        masked: Some(false),
        protected: Some(false),
        jobs,
    })
}

/// The jobs that build the same commit again, from which a kept cache takes the point.
fn fresh_builds(migration: &Migration) -> Option<ManualStep> {
    let keeps_cache = |job: &&Outcome| job.changed.iter().flat_map(|changed| &changed.assumptions).any(|(code, _)| *code == "keeps-cache");
    let scheduled = |job: &&Outcome| is_scheduled(&migration.before.pipelines[job.id.pipeline].pipeline.jobs[job.id.job]);
    let jobs = names(migration.jobs.iter().filter(keeps_cache).filter(scheduled));
    (!jobs.is_empty()).then(|| ManualStep {
        code: "fresh-builds".to_owned(),
        title: "Add `--no-cache` to the scheduled builds that fetch what changes outside of the repository".to_owned(),
        why: format!(
            "schedules build the same commit again ({}), and the builder's cache gives a step that has not changed its last result",
            jobs.iter().map(|job| format!("`{job}`")).collect::<Vec<_>>().join(", ")
        ),
        jobs,
        ..ManualStep::default()
    })
}

/// Whether the variable with the token can be protected, and why.
fn protection(migration: &Migration) -> (bool, String) {
    let changed = migration.jobs.iter().filter(|job| job.changed.as_ref().is_some_and(|changed| changed.uses_target));
    let refs: Vec<(&str, Refs)> =
        changed.map(|job| (job.name.as_str(), refs(&migration.before.pipelines[job.id.pipeline].pipeline.jobs[job.id.job]))).collect();
    if let Some((name, _)) = refs.iter().find(|(_, refs)| *refs == Refs::MergeRequests) {
        return (
            false,
            format!(
                "`{name}` also runs for merge requests, so a protected variable would not reach it; the pipelines of forks get none at all"
            ),
        );
    }
    match refs.iter().find(|(_, refs)| *refs != Refs::Protected) {
        Some((name, _)) => (
            false,
            format!(
                "nothing keeps `{name}` to protected branches and tags, so a protected variable might not reach it; the pipelines of forks get none at all"
            ),
        ),
        None => (true, "the jobs that read it run for protected branches and tags only, so that no other job needs to see it".to_owned()),
    }
}
