//! Names that a person gives into the jobs of a plan, with what they need. Knows no runner.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Plan, PlannedJob};

/// The numbers of the jobs of `plan` that `names` stand for, in order: by their whole name, or by their name in the configuration for all that `parallel`
/// makes of it. With `needs`, also those that they wait for, and those that these wait for: what `needs` lists, and without `needs` all jobs of earlier stages.
///
/// # Errors
/// The first name that stands for no job.
pub fn select(plan: &Plan, names: &[String], needs: bool) -> Result<Vec<usize>, String> {
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    for name in names {
        let found: Vec<usize> = numbers(plan, |job| *job.name == **name || *job.base == **name);
        if found.is_empty() {
            return Err(name.clone());
        }
        chosen.extend(found);
    }
    if needs {
        let stages: BTreeMap<&str, usize> = plan.stages.iter().enumerate().map(|(index, stage)| (&**stage, index)).collect();
        let by_name: BTreeMap<&str, usize> = plan.jobs.iter().enumerate().map(|(index, job)| (&*job.name, index)).collect();
        let stage = |job: &PlannedJob| stages.get(&*job.stage).copied().unwrap_or_default();
        // All jobs of stages before this one are chosen.
        let mut before = 0;
        let mut open: Vec<usize> = chosen.iter().copied().collect();
        while let Some(index) = open.pop() {
            let job = &plan.jobs[index];
            let waited: Vec<usize> = match &job.needs {
                Some(needs) => needs.iter().filter_map(|need| by_name.get(&*need.job).copied()).collect(),
                None if stage(job) > before => {
                    let from = std::mem::replace(&mut before, stage(job));
                    numbers(plan, |other| (from..stage(job)).contains(&stage(other)))
                }
                None => Vec::new(),
            };
            open.extend(waited.into_iter().filter(|&other| chosen.insert(other)));
        }
    }
    Ok(chosen.into_iter().collect())
}

fn numbers(plan: &Plan, wanted: impl Fn(&PlannedJob) -> bool) -> Vec<usize> {
    plan.jobs.iter().enumerate().filter(|(_, job)| wanted(job)).map(|(index, _)| index).collect()
}
