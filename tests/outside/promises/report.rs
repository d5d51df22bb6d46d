//! The report of a migration → its jobs by name, and what is missing in it (promises 7 and 8, exit codes, totals).

use std::collections::BTreeMap;

use serde_json::Value;

use super::observation::Observation;

/// One job of `migrate --report json`.
pub struct Job<'a> {
    pub name: &'a str,
    pub verdict: &'a str,
    pub changed: bool,
    pub reasons: &'a [Value],
}

/// The report's jobs in its order.
pub fn jobs(report: &Value) -> Vec<Job<'_>> {
    let listed = report["jobs"].as_array().into_iter().flatten();
    listed
        .map(|job| Job {
            name: job["name"].as_str().unwrap_or(""),
            verdict: job["verdict"].as_str().unwrap_or(""),
            changed: job["changed"].as_bool().unwrap_or(false),
            reasons: job["reasons"].as_array().map_or(&[], Vec::as_slice),
        })
        .collect()
}

/// Whether any job of that name was changed; several pipelines may hold one each.
pub fn changed(report: &Value) -> BTreeMap<&str, bool> {
    let mut changed = BTreeMap::new();
    for job in jobs(report) {
        *changed.entry(job.name).or_insert(false) |= job.changed;
    }
    changed
}

/// Every defect of the reports and exit codes, as sentences.
pub fn check(seen: &Observation) -> Vec<String> {
    let mut wrong = Vec::new();
    for job in jobs(&seen.report) {
        wrong.extend(job_defects(&job).into_iter().map(|what| format!("job {}: {what}", job.name)));
    }
    for list in ["manual", "assumptions"] {
        let entries = seen.report[list].as_array().into_iter().flatten();
        let silent = entries.filter(|entry| is_blank(&entry["code"]) || (is_blank(&entry["message"]) && is_blank(&entry["title"])));
        wrong.extend(silent.map(|entry| format!("an entry of `{list}` says nothing: {entry}")));
    }
    wrong.extend(totals(&seen.report));
    wrong.extend(codes(seen));
    wrong
}

/// Whether a second migration finds nothing more to do.
pub fn check_second(seen: &Observation) -> Vec<String> {
    let again = jobs(&seen.second).into_iter().filter(|job| job.changed);
    let mut wrong: Vec<String> = again.map(|job| format!("job {} is migrated a second time", job.name)).collect();
    if !matches!(seen.codes[2], Some(0 | 3)) {
        wrong.push(format!("the second migration exits with {:?}", seen.codes[2]));
    }
    wrong
}

fn job_defects(job: &Job) -> Vec<String> {
    let mut wrong = Vec::new();
    if !["full", "partial", "blocked", "done", "none"].contains(&job.verdict) {
        wrong.push(format!("unknown verdict {:?}", job.verdict));
    }
    if job.changed && job.verdict != "full" {
        wrong.push(format!("changed although its verdict is {}", job.verdict));
    }
    if matches!(job.verdict, "partial" | "blocked") && job.reasons.is_empty() {
        wrong.push(format!("{} without a reason", job.verdict));
    }
    if job.verdict == "full" && !job.changed && job.reasons.is_empty() {
        wrong.push("full, not changed, and no reason why".to_owned());
    }
    let vague = |reason: &&Value| {
        is_blank(&reason["code"])
            || is_blank(&reason["message"])
            || is_blank(&reason["file"])
            || reason["line"].as_u64().is_none_or(|line| line == 0)
    };
    wrong.extend(job.reasons.iter().filter(vague).map(|reason| format!("a reason without code, message or place: {reason}")));
    wrong
}

fn totals(report: &Value) -> Vec<String> {
    let jobs = jobs(report);
    let count = |verdict| jobs.iter().filter(|job| job.verdict == verdict).count() as u64;
    let expected = [("jobs", jobs.len() as u64), ("full", count("full")), ("partial", count("partial")), ("blocked", count("blocked"))];
    let off = expected.into_iter().filter(|(key, number)| report["totals"][*key].as_u64() != Some(*number));
    off.map(|(key, number)| format!("totals.{key} is {}, the report lists {number}", report["totals"][key])).collect()
}

/// 0 where something changed or nothing uses Docker, 3 where Docker is used and nothing changed.
fn codes(seen: &Observation) -> Vec<String> {
    let jobs = jobs(&seen.report);
    let any_changed = jobs.iter().any(|job| job.changed);
    let any_refused = jobs.iter().any(|job| matches!(job.verdict, "partial" | "blocked"));
    let expected = if !any_changed && any_refused { 3 } else { 0 };
    let named = ["migrate", "migrate --write"].into_iter().zip(seen.codes);
    let off = named.filter(|(_, code)| *code != Some(expected));
    off.map(|(command, code)| format!("`{command}` exits with {code:?}, not {expected}")).collect()
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_none_or(|text| text.trim().is_empty())
}
