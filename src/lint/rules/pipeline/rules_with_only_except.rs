//! PIP1102: `rules` together with `only`, `except` or `start_in`. Knows no rule.

use super::problems::structure;
use crate::diagnostic::Severity;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::problem::RULES_WITH_ONLY;

/// The rule.
pub static RULE: Rule = Rule {
    id: RULES_WITH_ONLY.1,
    name: RULES_WITH_ONLY.0,
    severity: Severity::Error,
    page: include_str!("rules_with_only_except.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for problem in structure(context, RULE.id) {
        findings.add(problem.clone().help("keep `rules`, and write what the other keyword says as rules"));
    }
}
