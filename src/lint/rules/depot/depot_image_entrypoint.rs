//! DEP711: Depot's image as a job's image, with its entrypoint. Knows the image's name, not the runner.

use crate::diagnostic::Severity;
use crate::lint::rules::buildkit::builder_image_entrypoint::{in_the_way, program_image};
use crate::lint::{Context, Findings, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    id: "DEP711",
    name: "depot-image-entrypoint",
    severity: Severity::Error,
    page: include_str!("depot_image_entrypoint.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        if let Some((image, program)) = program_image(job, facts).filter(|(_, program)| program.program == "depot") {
            findings.add_some(in_the_way(&RULE, context, job, image, program));
        }
    }
}
