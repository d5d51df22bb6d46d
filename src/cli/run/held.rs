//! The jobs of a plan that are not run unasked, each with why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use undind::detect::Detector;
use undind::detect::outside::{Push, effects};
use undind::pipeline::context::Context as Situation;
use undind::pipeline::{Documents, Pipeline, resolve};
use undind::plan::{Plan, PlannedJob};
use undind::workspace::Workspace;

use crate::cli::args::Run as Arguments;
use crate::cli::run::moved::Moved;

/// What jobs do to others, and what becomes of them because of it.
#[derive(Debug)]
pub struct Held {
    /// The jobs that don't start, each with why: those that can't run here, and those that reach out unless the options let them.
    pub why: BTreeMap<Arc<str>, String>,
    /// The jobs that start, and push images to the project's registry.
    pub pushing: BTreeSet<Arc<str>>,
}

/// A pipeline with the files that it is made of.
pub struct View<'v> {
    pub workspace: &'v Workspace,
    pub pipeline: &'v Pipeline,
    pub documents: &'v mut Documents,
}

/// What the options say about images that jobs push.
#[derive(Clone, Copy, Debug)]
pub struct Pushes<'p> {
    /// The address of a registry that takes the place of the project's own.
    pub registry: Option<&'p str>,
    /// What was migrated.
    pub moved: &'p Moved,
}

impl Pushes<'_> {
    /// Why the job may not push as it does; none where it may.
    fn against(&self, push: &Push, job: &str, arguments: &Arguments) -> Option<String> {
        if arguments.real_registry {
            return None;
        }
        let taken = push.is_own && self.registry.is_some();
        if taken && arguments.registry.is_none() && self.moved.elsewhere && self.moved.jobs.contains(job) {
            return Some(format!(
                "it pushes images from a builder elsewhere, which does not reach the throw-away registry; `--registry HOST:PORT` names one \
                 that it does: {}",
                push.command
            ));
        }
        (!taken).then(|| format!("it pushes images: {}", push.command))
    }
}

/// Looks at the jobs of `plan`, which are those of `view`. What a migration moved behind another command is seen in the pipeline as it was, made at the same path
/// and in the same situation of the files `before`.
pub fn held(
    arguments: &Arguments,
    pushes: Pushes<'_>,
    plan: &Plan,
    view: View<'_>,
    before: Option<(&Workspace, &str, &Situation)>,
) -> Held {
    let mut by_base: BTreeMap<String, (Option<String>, bool)> = BTreeMap::new();
    let original = before.and_then(|(workspace, entry, situation)| {
        let mut documents = Documents::default();
        let file = documents.load(workspace, entry).ok()?;
        let pipeline = resolve(workspace, &mut documents, entry, file, situation);
        Some((workspace, pipeline, documents))
    });
    look(view, arguments, pushes, &mut by_base);
    if let Some((workspace, pipeline, mut documents)) = original {
        look(View { workspace, pipeline: &pipeline, documents: &mut documents }, arguments, pushes, &mut by_base);
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

/// Notes for each job why it does not start, and whether it pushes to the project's registry.
fn look(view: View<'_>, arguments: &Arguments, pushes: Pushes<'_>, by_base: &mut BTreeMap<String, (Option<String>, bool)>) {
    let mut detector = Detector::new(view.workspace);
    for job in view.pipeline.jobs.iter().filter(|job| job.is_script()) {
        let facts = detector.facts(view.documents, view.pipeline, job);
        let effects = effects(job, &facts, view.workspace);
        let deploys = effects.deploys.into_iter().next().filter(|_| !arguments.include_deploys);
        let why = deploys.or_else(|| effects.pushes.iter().find_map(|push| pushes.against(push, &job.name, arguments)));
        let known = by_base.entry(job.name.to_string()).or_default();
        known.0 = known.0.take().or(why);
        known.1 |= effects.pushes.iter().any(|push| push.is_own);
    }
}

/// Why a job does not start.
fn why(job: &PlannedJob, by_base: &BTreeMap<String, (Option<String>, bool)>) -> Option<String> {
    match &job.trigger {
        Some(trigger) => trigger.project.as_ref().map(|project| format!("it starts a pipeline of `{project}`, which is not here")),
        None => by_base.get(&*job.base).map_or_else(|| Some("it has no `script`".to_owned()), |(why, _)| why.clone()),
    }
}
