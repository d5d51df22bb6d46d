//! Promises 2 and 5: the pipelines before and after, as `expand` and `lint` give them → jobs that mean something else although they were not migrated, and what the
//! migration broke.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::observation::Observation;
use super::report;

/// Keys of an expanded pipeline that are no jobs.
const GLOBAL: [&str; 10] =
    ["stages", "variables", "workflow", "image", "services", "cache", "before_script", "after_script", "types", "spec"];

/// Jobs and global keys that changed without being migrated, in the pipeline and its child pipelines.
pub fn check_others(seen: &Observation) -> Vec<String> {
    let changed = report::changed(&seen.report);
    let mut wrong = Vec::new();
    for (path, before) in &seen.before.pipelines {
        let after = seen.after.pipelines.get(path).unwrap_or(&Value::Null);
        let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
            continue;
        };
        let differences = differences(before, after, |job| changed.get(job).copied().unwrap_or(false));
        wrong.extend(differences.into_iter().map(|what| format!("{path}: {what}")));
    }
    wrong
}

/// Whether the result still parses, with the same includes missing and no new finding.
pub fn check_result(seen: &Observation) -> Vec<String> {
    let mut wrong = Vec::new();
    if seen.before.expand_code == Some(0) && seen.after.expand_code != Some(0) {
        wrong.push(format!("`expand` exits with {:?} afterwards", seen.after.expand_code));
    }
    for (path, before) in &seen.before.pipelines {
        if before.is_object() && !seen.after.pipelines.get(path).is_some_and(Value::is_object) {
            wrong.push(format!("{path} does not expand any more"));
        }
    }
    if seen.before.unresolved != seen.after.unresolved {
        wrong.push(format!("other includes are missing: {:?}, before: {:?}", seen.after.unresolved, seen.before.unresolved));
    }
    let before = findings(&seen.before.lint);
    for (finding, count) in findings(&seen.after.lint) {
        let earlier = before.get(&finding).copied().unwrap_or(0);
        if count > earlier {
            wrong.push(format!("new finding {} in {} ({earlier} before, {count} after)", finding.0, finding.1));
        }
    }
    wrong
}

fn differences(before: &Map<String, Value>, after: &Map<String, Value>, may_change: impl Fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, old) in before {
        match after.get(name) {
            // Global variables are judged by what reaches each job.
            _ if name == "variables" => {}
            None => wrong.push(format!("{name} is gone")),
            Some(_) if may_change(name) => {}
            Some(new) if old != new => wrong.push(format!("{name} was not migrated and differs: {}", first_difference(name, old, new))),
            Some(_) if !GLOBAL.contains(&name.as_str()) => wrong.extend(reaching(name, before, after)),
            Some(_) => {}
        }
    }
    let added = after.keys().filter(|name| !before.contains_key(*name) && *name != "variables");
    wrong.extend(added.map(|name| format!("{name} is new")));
    wrong
}

/// Variables that reach an unmigrated job with another value than before.
fn reaching(job: &str, before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let (old, new) = (variables(before, job), variables(after, job));
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let off = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    off.map(|name| format!("{job} was not migrated and sees another {name}: {:?}, before: {:?}", new.get(name), old.get(name))).collect()
}

/// The global variables overlaid with the job's.
pub fn variables(pipeline: &Map<String, Value>, job: &str) -> BTreeMap<String, Value> {
    let own = pipeline.get(job).and_then(|job| job.get("variables"));
    let layers = [pipeline.get("variables"), own];
    layers.into_iter().flatten().filter_map(Value::as_object).flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The path of the first place where two values differ, with both.
fn first_difference(path: &str, old: &Value, new: &Value) -> String {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let keys = old.keys().chain(new.keys());
            let key = keys.into_iter().find(|key| old.get(*key) != new.get(*key)).expect("the mappings differ");
            let side = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
            first_difference(&format!("{path}.{key}"), &side(old), &side(new))
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let index = (0..old.len()).find(|index| old[*index] != new[*index]).expect("the lists differ");
            first_difference(&format!("{path}[{index}]"), &old[index], &new[index])
        }
        (old, new) => format!("{path}: {old} → {new}"),
    }
}

/// How often each rule speaks about each job.
fn findings(lint: &Value) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for finding in lint["findings"].as_array().into_iter().flatten() {
        let rule = finding["rule"].as_str().unwrap_or("").to_owned();
        let jobs: Vec<&str> = finding["jobs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if jobs.is_empty() {
            *counts.entry((rule.clone(), "the pipeline".to_owned())).or_insert(0) += 1;
        }
        for job in jobs {
            *counts.entry((rule.clone(), job.to_owned())).or_insert(0) += 1;
        }
    }
    counts
}

#[test]
fn an_unmigrated_job_may_not_lose_a_global_variable() {
    let pipeline = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
    let before =
        pipeline(r#"{"variables": {"A": "1", "B": "2"}, "test": {"script": ["x"], "variables": {"B": "3"}}, "build": {"script": ["y"]}}"#);
    let after = pipeline(r#"{"variables": {"B": "2"}, "test": {"script": ["x"], "variables": {"B": "3"}}, "build": {"script": ["z"]}}"#);
    let wrong = differences(&before, &after, |job| job == "build");
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains("sees another A"), "{wrong:?}");
    assert_eq!(differences(&before, &before, |_| false), Vec::<String>::new());
    assert!(differences(&before, &after, |_| false).iter().any(|what| what.contains("build.script[0]: \"y\" → \"z\"")));
}

#[test]
fn findings_are_counted_for_each_job() {
    let lint =
        serde_json::json!({"findings": [{"rule": "a", "jobs": ["x", "y"]}, {"rule": "a", "jobs": ["x"]}, {"rule": "b", "jobs": []}]});
    let counts = findings(&lint);
    assert_eq!(counts[&("a".to_owned(), "x".to_owned())], 2);
    assert_eq!(counts[&("b".to_owned(), "the pipeline".to_owned())], 1);
}
