//! PIP1105: `needs` and `dependencies` that name no job, or one that can't be waited for. Knows the graph, not the rules.

use super::problems::is_included;
use crate::diagnostic::Severity;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::problem::NEEDS;
use crate::suggestion::nearest;

/// The rule.
pub static RULE: Rule = Rule { id: NEEDS.1, name: NEEDS.0, severity: Severity::Error, page: include_str!("needs_undefined_job.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    let is_included = is_included(context);
    for problem in context.pipeline.needs().iter().filter(|problem| problem.id == RULE.id) {
        let mut problem = problem.clone();
        if problem.message.ends_with("no job has this name") {
            if is_included || !context.is_complete_but_for_needs() {
                continue;
            }
            let name = problem.message.split('`').nth(1).unwrap_or_default().to_owned();
            let names = context.pipeline.pipeline.jobs.iter().map(|job| &*job.name);
            problem = match nearest(&name, names) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None if name.starts_with('.') => problem.help("a hidden job is no job of the pipeline; name one that extends it"),
                None => problem.help("define it, include the file that does, or make the need `optional`"),
            };
        }
        findings.add(problem);
    }
}
