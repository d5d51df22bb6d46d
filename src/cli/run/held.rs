//! The jobs of a plan that are not run unasked, each with why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use undind::detect::Detector;
use undind::detect::outside::{Push, effects};
use undind::pipeline::{Documents, Pipeline};
use undind::plan::{Plan, PlannedJob};
use undind::workspace::Workspace;

use crate::cli::args::Run as Arguments;

/// What jobs do to others, and what becomes of them because of it.
#[derive(Debug)]
pub struct Held {
    /// The jobs that don't start, each with why: those that can't run here, and those that reach out unless the options let them.
    pub why: BTreeMap<Arc<str>, String>,
    /// The jobs that start, and push images to the project's registry.
    pub pushing: BTreeSet<Arc<str>>,
}

/// Looks at the jobs of `plan`. `takes_pushes` says that the project's registry is a throw-away one.
pub fn held(
    arguments: &Arguments,
    takes_pushes: bool,
    workspace: &Workspace,
    pipeline: &Pipeline,
    plan: &Plan,
    documents: &mut Documents,
) -> Held {
    let mut detector = Detector::new(workspace);
    let mut by_base: BTreeMap<&str, (Option<String>, bool)> = BTreeMap::new();
    for job in pipeline.jobs.iter().filter(|job| job.is_script()) {
        let facts = detector.facts(documents, pipeline, job);
        let effects = effects(job, &facts, workspace);
        let deploys = effects.deploys.into_iter().next().filter(|_| !arguments.include_deploys);
        let is_real = |push: &&Push| !(arguments.real_registry || push.is_own && takes_pushes);
        let pushes = effects.pushes.iter().find(is_real).map(|push| format!("it pushes images: {}", push.command));
        by_base.insert(&job.name, (deploys.or(pushes), effects.pushes.iter().any(|push| push.is_own)));
    }
    let mut held = Held { why: BTreeMap::new(), pushing: BTreeSet::new() };
    for job in &plan.jobs {
        match why(job, &by_base) {
            Some(why) => drop(held.why.insert(job.name.clone(), why)),
            None if by_base.get(&*job.base).is_some_and(|(_, pushes)| *pushes) => drop(held.pushing.insert(job.name.clone())),
            None => {}
        }
    }
    held
}

/// Why a job does not start.
fn why(job: &PlannedJob, by_base: &BTreeMap<&str, (Option<String>, bool)>) -> Option<String> {
    match &job.trigger {
        Some(trigger) => trigger.project.as_ref().map(|project| format!("it starts a pipeline of `{project}`, which is not here")),
        None => by_base.get(&*job.base).map_or_else(|| Some("it has no `script`".to_owned()), |(why, _)| why.clone()),
    }
}
