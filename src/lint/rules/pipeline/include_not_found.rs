//! CFG003: `include:local` of a file that is not in the repository. Knows paths, not what the file would hold.

use super::problems::report;
use crate::diagnostic::Severity;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::problem::INCLUDE_NOT_FOUND;

/// The rule.
pub static RULE: Rule = Rule {
    id: INCLUDE_NOT_FOUND.1,
    name: INCLUDE_NOT_FOUND.0,
    severity: Severity::Error,
    page: include_str!("include_not_found.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    report(&RULE, context, |_| "paths begin at the root of the repository, not at the file that includes them".to_owned(), findings);
}
