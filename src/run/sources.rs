//! Whose artifacts a job gets: `needs`, `dependencies` and stages (gitlab, `Ci::BuildDependencies`; `Gitlab::Ci::Config::Normalizer`). Knows no files.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::pipeline::Pipeline;
use crate::pipeline::script::flat;
use crate::plan::{Plan, PlannedJob};
use crate::yaml::Value;

/// The names of the jobs of `plan` whose artifacts `planned` gets, in the order of the plan.
#[must_use]
pub fn sources(pipeline: &Pipeline, plan: &Plan, planned: &PlannedJob) -> Vec<Arc<str>> {
    let stage = |name: &str| plan.stages.iter().position(|stage| &**stage == name);
    let own = stage(&planned.stage);
    let needed: Option<BTreeSet<&str>> =
        planned.needs.as_ref().map(|needs| needs.iter().filter(|need| need.artifacts).map(|need| &*need.job).collect());
    let listed = pipeline.job(&planned.base).and_then(|job| job.config.get("dependencies")).filter(|value| !value.is_null());
    let listed: Option<BTreeSet<&str>> = listed.map(|listed| flat(listed, &mut Vec::new()).into_iter().filter_map(Value::as_str).collect());
    let comes = |other: &&PlannedJob| {
        let is_before = match &needed {
            Some(needed) => needed.contains(&*other.name),
            None => stage(&other.stage) < own,
        };
        is_before && listed.as_ref().is_none_or(|listed| listed.contains(&*other.name) || listed.contains(&*other.base))
    };
    plan.jobs.iter().filter(comes).map(|other| other.name.clone()).collect()
}
