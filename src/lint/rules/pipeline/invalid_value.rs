//! CFG009: values of a form that GitLab refuses. Knows how they are found, not what is right.

use super::problems::structure;
use crate::diagnostic::Severity;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::problem::INVALID_VALUE;

/// The rule.
pub static RULE: Rule =
    Rule { id: INVALID_VALUE.1, name: INVALID_VALUE.0, severity: Severity::Error, page: include_str!("invalid_value.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for problem in context.pipeline.pipeline.problems.iter().filter(|problem| problem.id == RULE.id) {
        findings.add(problem.clone());
    }
    let told: Vec<_> = context.pipeline.pipeline.problems.iter().map(|problem| problem.span).collect();
    for problem in structure(context, RULE.id).filter(|problem| !told.iter().any(|span| problem.span.contains(*span))) {
        findings.add(problem.clone());
    }
    let parallel = context.pipeline.needs().iter().filter(|problem| problem.id == RULE.id);
    parallel
        .filter(|problem| !structure(context, RULE.id).any(|known| problem.span.contains(known.span)))
        .for_each(|problem| findings.add(problem.clone()));
}
