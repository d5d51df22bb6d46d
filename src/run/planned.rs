//! The jobs of a plan into those of a schedule. Knows GitLab's keywords, not what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::Pipeline;
use crate::pipeline::script::flat;
use crate::plan::{Plan, PlannedJob};
use crate::run::schedule::{AllowFailure, Circle, Job, Retry, Schedule, When};
use crate::yaml::{Mapping, Value};

impl Schedule {
    /// The schedule of what `plan` made of `pipeline`, job by job.
    ///
    /// # Errors
    /// [`Circle`] where jobs wait for each other.
    pub fn of(pipeline: &Pipeline, plan: &Plan) -> Result<Self, Circle> {
        let all: Vec<usize> = (0..plan.jobs.len()).collect();
        Self::new(jobs(pipeline, plan, &all), stops_on_failure(pipeline))
    }
}

/// Those of the jobs of `plan` that `chosen` numbers, as if there were no others.
pub(super) fn jobs(pipeline: &Pipeline, plan: &Plan, chosen: &[usize]) -> Vec<Job> {
    let planned: Vec<&PlannedJob> = chosen.iter().filter_map(|&index| plan.jobs.get(index)).collect();
    let numbers: BTreeMap<&str, usize> = planned.iter().enumerate().map(|(index, job)| (&*job.name, index)).collect();
    let stages: BTreeMap<&str, usize> = plan.stages.iter().enumerate().map(|(index, stage)| (&**stage, index)).collect();
    let job = |planned: &PlannedJob| {
        let config = pipeline.job(&planned.base).map(|job| &job.config);
        Job {
            name: planned.name.clone(),
            stage: stages.get(&*planned.stage).copied().unwrap_or_default(),
            // A need that is not in the pipeline may be absent; otherwise there would be no pipeline.
            needs: planned.needs.as_ref().map(|needs| needs.iter().filter_map(|need| numbers.get(&*need.job).copied()).collect()),
            when: when(&planned.effect.when),
            allow_failure: config.map_or(AllowFailure::Never, |config| allow_failure(config, planned)),
            retry: config.and_then(|config| config.get("retry")).map(retry).unwrap_or_default(),
            resource_group: planned.resource_group.as_deref().map(Into::into),
        }
    };
    planned.into_iter().map(job).collect()
}

/// Whether the first failure ends the pipeline.
pub(super) fn stops_on_failure(pipeline: &Pipeline) -> bool {
    let canceling = pipeline.keywords.get("workflow").and_then(|workflow| workflow.get("auto_cancel"));
    canceling.and_then(|canceling| canceling.get("on_job_failure")).and_then(Value::as_str) == Some("all")
}

fn when(name: &str) -> When {
    match name {
        "on_failure" => When::OnFailure,
        "always" => When::Always,
        "manual" => When::Manual,
        "delayed" => When::Delayed,
        _ => When::OnSuccess,
    }
}

/// Exit codes count where the rule that lets the job in says nothing of failures (gitlab, `Seed::Build#allow_failure_criteria_attributes`).
fn allow_failure(config: &Mapping, planned: &PlannedJob) -> AllowFailure {
    if planned.effect.allow_failure {
        return AllowFailure::Always;
    }
    let rules = config.get("rules").map(|rules| flat(rules, &mut Vec::new())).unwrap_or_default();
    let rule = planned.rule_index.and_then(|index| rules.get(index).copied());
    if rule.and_then(|rule| rule.get("allow_failure")).is_some_and(|value| !value.is_null()) {
        return AllowFailure::Never;
    }
    let codes = config.get("allow_failure").and_then(|value| value.get("exit_codes")).map(numbers).unwrap_or_default();
    if codes.is_empty() { AllowFailure::Never } else { AllowFailure::ExitCodes(codes) }
}

fn retry(value: &Value) -> Retry {
    let number = |value: &Value| value.scalar_text().and_then(|text| text.parse().ok()).unwrap_or_default();
    if value.as_mapping().is_none() {
        return Retry { max: number(value), ..Retry::default() };
    }
    let when = value.get("when").map(|when| flat(when, &mut Vec::new())).unwrap_or_default();
    Retry {
        max: value.get("max").map(number).unwrap_or_default(),
        when: when.into_iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        exit_codes: value.get("exit_codes").map(numbers).unwrap_or_default(),
    }
}

/// A number, or several.
fn numbers(value: &Value) -> BTreeSet<i32> {
    flat(value, &mut Vec::new()).into_iter().filter_map(Value::scalar_text).filter_map(|text| text.parse().ok()).collect()
}
