//! CFG006: `extends` with a name that no file defines. Knows names of jobs.

use super::problems::report;
use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::problem::UNKNOWN_EXTENDS;
use crate::suggestion::nearest;

/// The rule.
pub static RULE: Rule =
    Rule { id: UNKNOWN_EXTENDS.1, name: UNKNOWN_EXTENDS.0, severity: Severity::Error, page: include_str!("unknown_extends.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    report(&RULE, context, |problem| help(context, problem), findings);
}

fn help(context: &Context<'_>, problem: &Diagnostic) -> String {
    let name = context.slice(problem.span).trim_matches(['"', '\'']);
    let near = nearest(name, context.pipeline.pipeline.root.named().map(|(name, _)| name));
    near.map_or("define it, or include the file that does".to_owned(), |near| format!("did you mean `{near}`?"))
}
