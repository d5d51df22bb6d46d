//! PIP1104: a need for a job that the rules leave out while the job that needs it is in. Knows plans, not how they are made.

use std::collections::BTreeMap;

use super::problems::is_included;
use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::rule::{Context, Findings, Rule};
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    id: "PIP1104",
    name: "needs-missing-in-pipeline",
    severity: Severity::Error,
    page: include_str!("needs_missing_in_pipeline.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let has_needs = context.pipeline.pipeline.jobs.iter().any(|job| job.config.entry("needs").is_some());
    if !has_needs || !context.is_complete() || is_included(context) {
        return;
    }
    let mut told: BTreeMap<(Span, &str), Diagnostic> = BTreeMap::new();
    for moment in context.pipeline.moments().iter().filter(|moment| moment.plan.admitted == Some(true)) {
        for unmet in &moment.plan.unmet {
            let finding = told.entry((unmet.span, &*unmet.need)).or_insert_with(|| {
                let message = format!("`{}` is needed, but not in a pipeline for {}: GitLab creates none", unmet.need, moment.name);
                let help = "give both jobs the same rules, or write the need as `job:` with `optional: true`";
                RULE.at(unmet.span, message).help(help)
            });
            if !finding.jobs.iter().any(|job| **job == *unmet.job) {
                finding.jobs.push(unmet.job.to_string());
            }
        }
    }
    told.into_values().for_each(|finding| findings.add(finding));
}
