//! CFG008: `!reference` to a key that no file defines. Knows nothing of what the key would hold.

use super::problems::report;
use crate::diagnostic::Severity;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::problem::UNKNOWN_REFERENCE;

/// The rule.
pub static RULE: Rule = Rule {
    id: UNKNOWN_REFERENCE.1,
    name: UNKNOWN_REFERENCE.0,
    severity: Severity::Error,
    page: include_str!("unknown_reference.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    report(&RULE, context, |_| "a reference needs a key that has a value, in this file or in one that it includes".to_owned(), findings);
}
