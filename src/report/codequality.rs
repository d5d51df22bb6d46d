//! Findings as GitLab's Code Quality report
//! (<https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>). Knows no other format.

use serde::Serialize;

use crate::diagnostic::Severity;
use crate::report::finding::Found;
use crate::report::fingerprint::fingerprints;

/// One entry of the report, which is an array of them.
#[derive(Clone, Debug, Serialize)]
pub struct Issue {
    /// What is wrong, and what to do.
    pub description: String,
    /// The rule's name.
    pub check_name: &'static str,
    /// What GitLab compares between two pipelines.
    pub fingerprint: String,
    /// `info`, `minor`, `major`, `critical` or `blocker`.
    pub severity: &'static str,
    /// Where it is.
    pub location: Location,
}

/// The place of an [`Issue`].
#[derive(Clone, Debug, Serialize)]
pub struct Location {
    /// The file, from the root of the repository.
    pub path: String,
    /// The first line.
    pub lines: Lines,
}

/// The lines of a [`Location`].
#[derive(Clone, Debug, Serialize)]
pub struct Lines {
    /// 1-based.
    pub begin: usize,
}

/// The report on `found`.
#[must_use]
pub fn issues(found: &[Found<'_>]) -> Vec<Issue> {
    found.iter().zip(fingerprints(found)).map(|(found, fingerprint)| issue(found, fingerprint)).collect()
}

fn issue(found: &Found<'_>, fingerprint: String) -> Issue {
    let diagnostic = found.diagnostic;
    let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
    Issue {
        description: format!("{}{help}", diagnostic.message),
        check_name: diagnostic.rule,
        fingerprint,
        severity: severity(diagnostic.severity),
        location: Location { path: found.path(diagnostic.span), lines: Lines { begin: found.sources.start(diagnostic.span).line } },
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "minor",
        Severity::Error => "major",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::tests::{TEXT, example};

    #[test]
    fn an_issue_has_what_gitlab_requires() {
        let (sources, diagnostic) = example(TEXT);
        let found = Found { diagnostic: &diagnostic, sources: &sources, pipeline: ".gitlab-ci.yml", prefix: "" };
        let mut json = serde_json::to_value(issues(&[found])).unwrap();
        assert_eq!(json[0]["fingerprint"].as_str().unwrap().len(), 64);
        json[0]["fingerprint"] = "".into();
        let expected = serde_json::json!([{
            "description": "`2375` is not where the daemon listens (use port 2376)", "check_name": "dind-port-tls-mismatch",
            "fingerprint": "", "severity": "major", "location": {"path": ".gitlab-ci.yml", "lines": {"begin": 5}}}]);
        assert_eq!(json, expected);
    }
}
