//! A job's scripts before and after a migration → the worlds and failures in which they publish something else or end otherwise.
//!
//! Without a failure both must publish the same contents under the same references. Where a command fails that is no push, too. Where a push fails the original has
//! published what it pushed before, and the migrated job, which pushes all names of a build in one step, the same or less. A step of the original that the migrated job
//! does not have can't fail there; it is a difference only if it is no part of handling images.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::publication::{Outcome, Step, replay};
use super::sandbox::{Sandbox, Scripts, Trace};
use super::worlds::{World, worlds};

/// The limit of failing steps that are tried for each way through a script.
const MOST_FAILURES: usize = 40;
/// Commands that only wait, or prepare the client that a migrated job may not need any more.
const PREPARATION: [&str; 6] = ["apk", "apt-get", "apt", "curl", "wget", "chown"];

/// What a comparison found.
#[derive(Default)]
pub struct Findings {
    pub differences: Vec<String>,
    /// Pairs of runs that were compared.
    pub compared: usize,
    /// Runs that did not end in time, on either side.
    pub unfinished: usize,
    /// Whether any run of the original published anything.
    pub publishes: bool,
    /// `depot` command lines of the migrated job.
    pub depot: BTreeSet<Vec<String>>,
}

/// One side's scripts with the variables that reach them.
pub struct Side {
    pub scripts: Scripts,
    pub variables: BTreeMap<String, Value>,
}

/// One side's undisturbed run.
struct Baseline {
    trace: Trace,
    outcome: Outcome,
    steps: Vec<Vec<Step>>,
}

/// The two sides of one job.
struct Pair<'a> {
    sandbox: Sandbox,
    before: &'a Side,
    after: &'a Side,
}

/// Runs both sides in every world, and again with each step failing for each new way through the original.
pub fn compare(before: &Side, after: &Side) -> Findings {
    let pair = Pair { sandbox: Sandbox::new(&[&before.scripts, &after.scripts]), before, after };
    let mut findings = Findings::default();
    let mut seen = BTreeSet::new();
    for world in &worlds((&before.scripts, &before.variables), (&after.scripts, &after.variables)) {
        let Some((old, new)) = pair.baselines(world, &mut findings) else {
            continue;
        };
        findings.depot.extend(new.trace.calls.iter().filter(|call| call.words[0] == "depot").map(|call| call.words.clone()));
        findings.publishes |= !old.outcome.published.is_empty();
        findings.differences.extend(unequal(&world.name, &old.outcome, &new.outcome));
        let way: Vec<String> = [&old, &new].iter().flat_map(|side| side.trace.calls.iter().map(|call| call.line.clone())).collect();
        if seen.insert(way) {
            pair.failures(world, &old, &new, &mut findings);
        }
    }
    findings.differences.dedup();
    findings
}

impl Pair<'_> {
    fn baselines(&self, world: &World, findings: &mut Findings) -> Option<(Baseline, Baseline)> {
        let old = self.run(self.before, world, &[]);
        let new = self.run(self.after, world, &[]);
        let (Some(old), Some(new)) = (old, new) else {
            findings.unfinished += 1;
            return None;
        };
        findings.compared += 1;
        Some((old, new))
    }

    fn run(&self, side: &Side, world: &World, failing: &[String]) -> Option<Baseline> {
        let trace = self.sandbox.run(&side.scripts, &world.variables(&side.variables), world.remote, failing)?;
        let (outcome, steps) = replay(&trace);
        Some(Baseline { trace, outcome, steps })
    }

    fn failures(&self, world: &World, old: &Baseline, new: &Baseline, findings: &mut Findings) {
        let steps: BTreeSet<&Step> = old.steps.iter().flatten().collect();
        for step in steps.into_iter().take(MOST_FAILURES) {
            let (there, here) = (old.calls_of(step), new.calls_of(step));
            if here.is_empty() {
                findings.differences.extend(vanished(&world.name, step, new.outcome.published.is_empty()));
                continue;
            }
            let (Some(failed), Some(migrated)) = (self.run(self.before, world, &there), self.run(self.after, world, &here)) else {
                findings.unfinished += 1;
                continue;
            };
            findings.compared += 1;
            let name = format!("{}, {step:?} fails", world.name);
            findings.differences.extend(match step {
                Step::Publish(_) => unequal(&name, &only_common(&failed.outcome, &migrated.outcome), &migrated.outcome),
                Step::Build(_) | Step::Login(_) | Step::Command(_) => unequal(&name, &failed.outcome, &migrated.outcome),
            });
        }
    }
}

impl Baseline {
    /// The calls that take `step`, as the stand-in compares them.
    fn calls_of(&self, step: &Step) -> Vec<String> {
        let calls = self.trace.calls.iter().zip(&self.steps).filter(|(_, steps)| steps.contains(step));
        calls.map(|(call, _)| call.line.clone()).collect()
    }
}

/// `original` without what the migrated job did not publish.
fn only_common(original: &Outcome, migrated: &Outcome) -> Outcome {
    let published = original.published.iter().filter(|(image, _)| migrated.published.contains_key(*image));
    Outcome { succeeded: original.succeeded, published: published.map(|(image, content)| (image.clone(), content.clone())).collect() }
}

fn unequal(world: &str, old: &Outcome, new: &Outcome) -> Option<String> {
    if old == new {
        return None;
    }
    let ends = |outcome: &Outcome| if outcome.succeeded { "succeeds" } else { "fails" };
    let mut what = format!("{world}: ");
    if old.succeeded != new.succeeded {
        what += &format!("the job {} and {} before; ", ends(new), ends(old));
    }
    let images: BTreeSet<&String> = old.published.keys().chain(new.published.keys()).collect();
    for image in images.into_iter().filter(|image| old.published.get(*image) != new.published.get(*image)) {
        let side = |outcome: &Outcome| outcome.published.get(image).map_or("nothing", String::as_str).to_owned();
        what += &format!("{image} is [{}] and was [{}] before; ", side(new), side(old));
    }
    Some(what)
}

/// A step that the migrated job does not take. Where it publishes nothing either, the undisturbed comparison has said so.
fn vanished(world: &str, step: &Step, publishes_nothing: bool) -> Option<String> {
    match step {
        // Only the daemon listens there.
        Step::Command(words) if words.ends_with(" 2375") || words.ends_with(" 2376") => None,
        // Whether emulation is needed is asked of the machine, and of nothing that could notice.
        Step::Command(words) if ["arch", "uname -m", "apk --print-arch"].contains(&words.as_str()) => None,
        Step::Command(words) if !publishes_nothing && !PREPARATION.iter().any(|name| words.split(' ').next() == Some(*name)) => {
            Some(format!("{world}: `{words}` is not run any more"))
        }
        Step::Command(_) | Step::Build(_) | Step::Publish(_) | Step::Login(_) => None,
    }
}
