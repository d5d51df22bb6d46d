//! A job and one of its builds into what the build is for. Knows words that people use, not what they mean.

use crate::docker::Operation;
use crate::pipeline::Job;
use crate::yaml::Value;

/// Whether the job evidently only tries the build.
#[must_use]
pub fn is_check(job: &Job, operation: &Operation) -> bool {
    const WORDS: &[&str] = &["test", "check", "lint", "verify", "validate", "scan", "sbom", "cache", "warm", "dry"];
    let speaks = |text: &str| {
        let lower = text.to_ascii_lowercase();
        lower.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word) || word.starts_with("test"))
    };
    let stage = job.config.get("stage").and_then(Value::as_str).unwrap_or_default();
    let flags = ["lint", "sbom", "sbom-dir"].iter().any(|name| operation.flag(name).is_some());
    flags || operation.value("target").is_some_and(speaks) || speaks(&job.name) || speaks(stage) || for_merge_requests(job)
}

/// Whether every rule that lets the job run asks for a merge request.
fn for_merge_requests(job: &Job) -> bool {
    let text = |rule: &Value| rule.get("if").and_then(Value::scalar_text).unwrap_or_default();
    let asks = |rule: &&Value| text(rule).contains("merge_request") || text(rule).contains("CI_MERGE_REQUEST");
    let never = |rule: &&Value| rule.get("when").and_then(Value::as_str) == Some("never");
    match job.config.get("rules").and_then(Value::as_sequence) {
        Some(rules) => {
            let mut running = rules.iter().filter(|rule| !never(rule)).peekable();
            running.peek().is_some() && running.all(|rule| asks(&rule))
        }
        None => {
            let refs = job.config.get("only").map(|only| only.get("refs").unwrap_or(only)).and_then(Value::as_sequence);
            refs.is_some_and(|refs| !refs.is_empty() && refs.iter().all(|name| name.as_str() == Some("merge_requests")))
        }
    }
}
