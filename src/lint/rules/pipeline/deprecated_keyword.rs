//! PIP1107: keywords that GitLab has deprecated, each told once. Knows names, not meanings.

use indexmap::IndexMap;

use crate::diagnostic::Severity;
use crate::lint::rule::{Context, Findings, Rule};
use crate::source::Span;
use crate::yaml::{Mapping, Value};

/// The rule.
pub static RULE: Rule =
    Rule { id: "PIP1107", name: "deprecated-keyword", severity: Severity::Info, page: include_str!("deprecated_keyword.md"), check };

/// Of the root, with what to write instead (<https://docs.gitlab.com/ci/yaml/deprecated_keywords/>).
const ROOT: &[&str] = &["after_script", "before_script", "cache", "image", "services"];
/// Of a job, as paths.
const JOB: &[(&[&str], &str)] = &[
    (&["only"], "write `rules`"),
    (&["except"], "write `rules`"),
    (&["publish"], "write `publish` under `pages`"),
    (&["environment", "kubernetes", "namespace"], "write it under `dashboard`"),
    (&["environment", "kubernetes", "flux_resource_path"], "write it under `dashboard`"),
    (&["artifacts", "reports", "license_management"], "write `license_scanning`"),
];

fn check(context: &Context<'_>, findings: &mut Findings) {
    let pipeline = &context.pipeline.pipeline;
    for keyword in ROOT {
        if let Some(entry) = pipeline.root.entry(keyword) {
            let message = format!("`{keyword}` at the root is deprecated");
            findings.add(RULE.at(entry.key.span, message).help("write it under `default`, which does the same"));
        }
    }
    let mut first: IndexMap<&str, (Span, String, Vec<String>)> = IndexMap::new();
    for job in &pipeline.jobs {
        for (path, help) in JOB {
            if let Some(span) = key(&job.config, path) {
                let found =
                    first.entry(path.last().expect("a path has a keyword")).or_insert_with(|| (span, (*help).to_owned(), Vec::new()));
                found.2.push(job.name.to_string());
            }
        }
    }
    for (keyword, (span, help, jobs)) in first {
        let mut finding = RULE.at(span, format!("`{keyword}` is deprecated")).help(help);
        finding.jobs = jobs;
        findings.add(finding);
    }
}

/// The place of the key at the end of `path`; `null` only takes back what a job extends.
fn key(mapping: &Mapping, path: &[&str]) -> Option<Span> {
    let (first, rest) = path.split_first()?;
    let entry = mapping.entry(first).filter(|entry| !entry.value.is_null())?;
    if rest.is_empty() { Some(entry.key.span) } else { key(Value::as_mapping(&entry.value)?, rest) }
}
