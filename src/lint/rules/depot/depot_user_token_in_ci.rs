//! DEP705: `depot login` in a job. Knows the command, not whose token a variable holds.

use crate::diagnostic::Severity;
use crate::docker::{Op, Tool};
use crate::lint::{Context, Findings, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    id: "DEP705",
    name: "depot-user-token-in-ci",
    severity: Severity::Warning,
    page: include_str!("depot_user_token_in_ci.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        for found in facts.operations.iter().filter(|found| found.operation.tool == Tool::Depot && found.operation.op == Op::Login) {
            if found.operation.unknown.is_empty() && found.operation.flag("token").is_none() {
                let message = "`depot login` waits for a person who confirms it in a browser, and stores a token of that person";
                let help = "leave it out, and set `DEPOT_TOKEN` to a project's token in the settings";
                findings.add(RULE.at(found.span, message).help(help).job(&job.name));
            }
        }
    }
}
