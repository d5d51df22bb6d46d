//! The jobs of a plan that are not run unasked, each with why.

use std::collections::BTreeMap;
use std::sync::Arc;

use undind::detect::Detector;
use undind::detect::outside::{Push, effects};
use undind::pipeline::{Documents, Pipeline};
use undind::plan::{Plan, PlannedJob};
use undind::workspace::Workspace;

use crate::cli::args::Run as Arguments;

/// The jobs that don't start, by their names: those that can't run here, and those that reach out unless the options let them.
pub fn held(
    arguments: &Arguments,
    workspace: &Workspace,
    pipeline: &Pipeline,
    plan: &Plan,
    documents: &mut Documents,
) -> BTreeMap<Arc<str>, String> {
    let mut detector = Detector::new(workspace);
    let mut by_base: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for job in pipeline.jobs.iter().filter(|job| job.is_script()) {
        let facts = detector.facts(documents, pipeline, job);
        let effects = effects(job, &facts, workspace);
        let deploys = effects.deploys.into_iter().next().filter(|_| !arguments.include_deploys);
        // The project's registry is a throw-away one where one is given.
        let is_real = |push: &&Push| !arguments.real_registry && !(push.is_own && arguments.registry.is_some());
        let pushes = effects.pushes.iter().find(is_real).map(|push| format!("it pushes images: {}", push.command));
        by_base.insert(&job.name, deploys.or(pushes));
    }
    let why = |job: &PlannedJob| match &job.trigger {
        Some(trigger) => trigger.project.as_ref().map(|project| format!("it starts a pipeline of `{project}`, which is not here")),
        None => by_base.get(&*job.base).cloned().unwrap_or_else(|| Some("it has no `script`".to_owned())),
    };
    plan.jobs.iter().filter_map(|job| Some((job.name.clone(), why(job)?))).collect()
}
