//! `--mode toggle` and `--mode shadow` on every pipeline of the corpus and the fixtures → jobs that would not be what they have to be: with the variable of a
//! toggle as they were, without it as `--mode replace` makes them; beside a shadow as they were.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::binary::undind;
use crate::corpus::{Case, some_cases};
use crate::target::Target;
use crate::{say, workers};

/// What came of a pipeline.
#[derive(Default)]
struct Judged {
    /// Jobs that move, by mode: replace, toggle, shadow.
    jobs: [usize; 3],
    wrong: Vec<String>,
}

#[test]
fn both_ways_of_a_toggle_and_all_jobs_beside_a_shadow_are_what_they_were() {
    for target in [Target::Depot, Target::Buildkit, Target::Dagger] {
        let judged = workers::each(&some_cases().into_iter().step_by(target.step()).collect::<Vec<_>>(), |case| judge(case, target));
        let [replace, toggle, shadow] = [0, 1, 2].map(|mode| judged.iter().map(|judged| judged.jobs[mode]).sum::<usize>());
        say(&format!("rollout, {}: {replace} jobs move, {toggle} of them with a toggle, {shadow} beside a shadow", target.name()));
        let wrong: Vec<&String> = judged.iter().flat_map(|judged| &judged.wrong).collect();
        wrong.iter().take(20).for_each(|line| say(line));
        assert!(toggle > 0 && shadow > 0 && wrong.is_empty(), "{} jobs are wrong", wrong.len());
    }
}

fn judge(case: &Case, target: Target) -> Judged {
    let mut judged = Judged::default();
    let mut wrong = |mode: &str, what: &str| judged.wrong.push(format!("{}: {}, {mode}: {what}", case.name, target.name()));
    let original = case.checkout();
    let replaced = case.checkout();
    let moved = migrated(replaced.path(), case, target, "replace");
    judged.jobs[0] = moved.len();
    if moved.is_empty() {
        return judged;
    }
    let shadowed = case.checkout();
    let shadows = migrated(shadowed.path(), case, target, "shadow");
    judged.jobs[2] = shadows.len();
    let (before, beside) = (expanded(original.path(), case, &[]), expanded(shadowed.path(), case, &[]));
    for (name, job) in jobs(&before) {
        if beside.get(name) != Some(job) {
            wrong("shadow", &format!("`{name}` changes"));
        }
    }
    for (name, job) in jobs(&beside).filter(|(name, _)| before.get(name).is_none()) {
        // Pipelines that jobs start are not in what `expand` shows of the one that starts them.
        let of_one = shadows.iter().any(|moved| name.starts_with(&format!("{moved}:{}", target.name())));
        let may_act = ["environment", "release", "artifacts", "pages"].iter().any(|keyword| !job[keyword].is_null());
        if !of_one || job["allow_failure"] != true || may_act {
            wrong("shadow", &format!("`{name}` is not a job that may fail and acts on nothing"));
        }
    }

    let toggled = case.checkout();
    let toggles = migrated(toggled.path(), case, target, "toggle");
    judged.jobs[1] = toggles.len();
    if toggles.is_empty() {
        return judged;
    }
    let variable = format!("WITHOUT_{}=true", target.name().to_uppercase());
    let event = ["--event", "push", "--branch", "main", "--no-other-vars", "--var", &variable];
    if expanded(toggled.path(), case, &event) != expanded(original.path(), case, &event) {
        wrong("toggle", &format!("with {variable} the pipeline is not what it was"));
    }
    let event = &event[..5];
    if toggles == moved && expanded(toggled.path(), case, event) != expanded(replaced.path(), case, event) {
        wrong("toggle", "without the variable the pipeline is not what it becomes without a toggle");
    }
    judged
}

/// Migrates, and gives the names of the jobs that move.
fn migrated(folder: &Path, case: &Case, target: Target, mode: &str) -> BTreeSet<String> {
    let report = undind(folder, &["migrate", &case.pipeline, "--to", target.name(), "--mode", mode, "--report", "json", "--write"]).json();
    let jobs = report.unwrap_or_default()["jobs"].as_array().cloned().unwrap_or_default();
    jobs.iter().filter(|job| job["changed"] == true).filter_map(|job| Some(job["name"].as_str()?.to_owned())).collect()
}

/// The pipeline as `expand` gives it, without what it includes.
fn expanded(folder: &Path, case: &Case, event: &[&str]) -> Value {
    let pipeline = undind(folder, &[&["expand", &case.pipeline, "--format", "json"], event].concat()).json();
    let Some(Value::Object(mut pipeline)) = pipeline else { return Value::Null };
    pipeline.remove("include");
    Value::Object(pipeline)
}

fn jobs(pipeline: &Value) -> impl Iterator<Item = (&String, &Value)> {
    const GLOBAL: &[&str] = &["default", "stages", "variables", "workflow"];
    pipeline.as_object().into_iter().flatten().filter(|(name, _)| !GLOBAL.contains(&name.as_str()))
}
