//! What a migration leaves to a person: settings of projects, and builds to look at. Knows refs and names, not edits.

use indexmap::IndexSet;
use serde::Serialize;

use crate::config::{Auth, Config};
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

/// What a person has to do in the projects' settings.
pub(super) fn manual(migration: &Migration, config: &Config) -> Vec<ManualStep> {
    let uses_target = |job: &&Outcome| job.changed.as_ref().is_some_and(|changed| changed.uses_target);
    let jobs = names(migration.jobs.iter().filter(uses_target));
    if jobs.is_empty() {
        return Vec::new();
    }
    let mut steps = vec![credentials(migration, config, jobs)];
    steps.extend(fresh_builds(migration));
    steps
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

/// How the jobs prove to the target who they are.
fn credentials(migration: &Migration, config: &Config, jobs: Vec<String>) -> ManualStep {
    if config.depot.auth == Auth::Oidc {
        return ManualStep {
            code: "trust-relationship".to_owned(),
            jobs,
            title: "Add a trust relationship for this GitLab project in the settings of the Depot project".to_owned(),
            why:
                "the jobs prove who they are with an OpenID Connect token, which Depot accepts only from projects that it was told to trust"
                    .to_owned(),
            ..ManualStep::default()
        };
    }
    let variable = &config.depot.token_variable;
    let (protected, why) = protection(migration);
    ManualStep {
        code: "variable".to_owned(),
        variable: Some(variable.clone()),
        scope: Some("project".to_owned()),
        masked: Some(true),
        protected: Some(protected),
        title: format!("Create a Depot project token and store it as the masked variable {variable}"),
        why,
        jobs,
    }
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
        Some((name, _)) => {
            (false, format!("nothing keeps `{name}` to protected branches and tags, so a protected variable might not reach it"))
        }
        None => (true, "the jobs that read it run for protected branches and tags only, so that no other job needs to see it".to_owned()),
    }
}
