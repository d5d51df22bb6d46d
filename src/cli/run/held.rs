//! The jobs of a plan that are not run unasked, each with why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use undind::detect::Detector;
use undind::detect::outside::{Push, effects};
use undind::pipeline::context::Context as Situation;
use undind::pipeline::{Documents, Pipeline, resolve};
use undind::plan::Plan;
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
        let taken = self.registry.is_some() && push.is_own(self.registry);
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

/// Looks at the jobs of `plan`, which are those of `view`. What a migration moved behind another command is seen in the pipeline as it was, made at the path
/// `entry` of the files `before`.
pub fn held(
    arguments: &Arguments,
    pushes: Pushes<'_>,
    plan: &Plan,
    view: View<'_>,
    situation: &Situation,
    before: Option<(&Workspace, &str)>,
) -> Held {
    let original = before.and_then(|(workspace, entry)| {
        let mut documents = Documents::default();
        let file = documents.load(workspace, entry).ok()?;
        let pipeline = resolve(workspace, &mut documents, entry, file, situation);
        Some((workspace, pipeline, documents))
    });
    let mut found: Vec<Effect> = look(plan, view, arguments, pushes, situation)
        .into_iter()
        .map(|effect| effect.unwrap_or_else(|| (Some("it has no `script`".to_owned()), false)))
        .collect();
    if let Some((workspace, pipeline, mut documents)) = original {
        let view = View { workspace, pipeline: &pipeline, documents: &mut documents };
        // What a migration adds was not there.
        for (known, before) in found.iter_mut().zip(look(plan, view, arguments, pushes, situation)) {
            let Some((why, pushes)) = before else { continue };
            *known = (known.0.take().or(why), known.1 || pushes);
        }
    }
    let mut held = Held { why: BTreeMap::new(), pushing: BTreeSet::new() };
    for (job, (reaches_out, pushes)) in plan.jobs.iter().zip(found) {
        let why = match &job.trigger {
            Some(trigger) => trigger.project.as_ref().map(|project| format!("it starts a pipeline of `{project}`, which is not here")),
            None => reaches_out,
        };
        match why {
            Some(why) => drop(held.why.insert(job.name.clone(), why)),
            None if pushes => drop(held.pushing.insert(job.name.clone())),
            None => {}
        }
    }
    held
}

/// Why a job does not start, and whether it pushes to the project's registry.
type Effect = (Option<String>, bool);

/// What each job of `plan` does that has a script. Variables have the values that the job gets, since they lead pushes elsewhere.
fn look(plan: &Plan, view: View<'_>, arguments: &Arguments, pushes: Pushes<'_>, situation: &Situation) -> Vec<Option<Effect>> {
    let mut detector = Detector::new(view.workspace);
    let mut known: BTreeMap<Arc<str>, Effect> = BTreeMap::new();
    let mut found = Vec::new();
    for planned in &plan.jobs {
        let Some(job) = view.pipeline.job(&planned.base).filter(|job| job.is_script()) else {
            found.push(None);
            continue;
        };
        // All that `parallel: N` makes of one are alike.
        let varies = !job.conditional.is_empty();
        let key = if varies { planned.name.clone() } else { planned.base.clone() };
        let result = known.entry(key).or_insert_with(|| {
            let own = planned.variables.iter().map(|(name, text)| (&**name, &**text));
            let job = job.settled(own.chain(situation.all_given()));
            let facts = detector.facts(view.documents, view.pipeline, &job);
            let effects = effects(&job, &facts, view.workspace);
            let deploys = effects.deploys.into_iter().next().filter(|_| !arguments.include_deploys);
            let why = deploys.or_else(|| effects.pushes.iter().find_map(|push| pushes.against(push, &job.name, arguments)));
            (why, effects.pushes.iter().any(|push| push.is_own(pushes.registry)))
        });
        found.push(Some(result.clone()));
    }
    found
}
