//! CFG010: inputs that are declared, passed or used in a way that GitLab refuses. Knows nothing of what they are used for.

use crate::diagnostic::Severity;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::problem::INVALID_INPUT;

/// The rule.
pub static RULE: Rule =
    Rule { id: INVALID_INPUT.1, name: INVALID_INPUT.0, severity: Severity::Error, page: include_str!("invalid_input.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for problem in context.pipeline.pipeline.problems.iter().filter(|problem| problem.id == RULE.id) {
        findings.add(problem.clone());
    }
}
