//! A job's `rules`, `only` and `except` into the refs for which it runs, as far as their text shows it: whether a protected variable reaches it. Evaluates
//! nothing.

use crate::pipeline::Job;
use crate::yaml::Value;

/// For which refs a job runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refs {
    /// Protected ones alone.
    Protected,
    /// Merge requests as well, whose refs are not protected.
    MergeRequests,
    /// Others, or it is not known.
    Any,
}

/// Conditions that only hold on protected refs: the default branch is protected unless somebody changed that
/// (<https://docs.gitlab.com/user/project/repository/branches/protected/>).
const PROTECTED: &[&str] = &[
    "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
    "$CI_COMMIT_REF_NAME == $CI_DEFAULT_BRANCH",
    "$CI_COMMIT_REF_PROTECTED == \"true\"",
    "$CI_COMMIT_REF_PROTECTED == 'true'",
];

/// The refs for which `job` runs.
#[must_use]
pub fn refs(job: &Job) -> Refs {
    let mentions_merge_requests = |value: &Value| texts(value).iter().any(|text| text.contains("merge_request"));
    if let Some(rules) = job.config.get("rules") {
        let rules: Vec<&Value> = rules.as_sequence().into_iter().flatten().filter(|rule| !is_never(rule)).collect();
        if rules.iter().any(|rule| mentions_merge_requests(rule)) {
            return Refs::MergeRequests;
        }
        let protected = |rule: &&Value| rule.get("if").and_then(Value::as_str).is_some_and(only_protected);
        return if !rules.is_empty() && rules.iter().all(protected) { Refs::Protected } else { Refs::Any };
    }
    if job.config.get("only").is_some_and(mentions_merge_requests) { Refs::MergeRequests } else { Refs::Any }
}

/// Whether `rules` or `only` of a job ask for a schedule, in which the same commit is built again.
#[must_use]
pub fn is_scheduled(job: &Job) -> bool {
    let rules = job.config.get("rules").and_then(Value::as_sequence).into_iter().flatten().filter(|rule| !is_never(rule));
    let conditions = rules.filter_map(|rule| rule.get("if")?.as_str());
    let only = job.config.get("only").into_iter().flat_map(texts);
    let asks = |text: &str| text.to_ascii_lowercase().contains("schedule") && !text.contains("!=") && !text.contains("!~");
    conditions.chain(only).any(asks)
}

/// Whether one of the conditions holds in every case in which the expression does.
fn only_protected(expression: &str) -> bool {
    let words = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    !words.contains("||") && words.split("&&").any(|part| PROTECTED.contains(&part.trim().trim_matches(['(', ')']).trim()))
}

fn is_never(rule: &Value) -> bool {
    rule.get("when").and_then(Value::as_str) == Some("never")
}

fn texts(value: &Value) -> Vec<&str> {
    if let Some(text) = value.as_str() {
        return vec![text];
    }
    let items = value.as_sequence().into_iter().flatten().flat_map(texts);
    let entries = value.as_mapping().into_iter().flat_map(|mapping| mapping.named().flat_map(|(_, entry)| texts(&entry.value)));
    items.chain(entries).collect()
}

#[cfg(test)]
mod tests {
    use super::only_protected;

    #[test]
    fn a_condition_holds_on_protected_refs_alone_where_all_of_its_ways_do() {
        assert!(only_protected("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"));
        assert!(only_protected("$DEPLOY  &&  $CI_COMMIT_REF_PROTECTED == \"true\""));
        assert!(!only_protected("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH || $CI_COMMIT_TAG"));
        assert!(!only_protected("$CI_COMMIT_BRANCH != $CI_DEFAULT_BRANCH"));
        assert!(!only_protected("$CI_COMMIT_TAG"));
    }
}
