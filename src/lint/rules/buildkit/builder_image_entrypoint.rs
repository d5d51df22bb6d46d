//! BLD908: images of builders and registry tools whose entrypoint is in the way of a job's shell. Knows a few public images, not the runner.

use crate::detect::client::{Runner, speaks_of_kubernetes};
use crate::detect::{ImageFacts, JobFacts, ProgramImage};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "BLD908",
    name: "builder-image-entrypoint",
    severity: Severity::Error,
    page: include_str!("builder_image_entrypoint.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let Some((image, program)) = program_image(job, facts).filter(|(_, program)| program.program != "depot") else { continue };
        if program.lacks_shell(image) {
            findings.add(without_shell(job, image, program));
        } else {
            findings.add_some(in_the_way(&RULE, context, job, image, program));
        }
    }
}

/// The image of a job with a script, if it is one program.
#[must_use]
pub fn program_image<'a>(job: &Job, facts: &'a JobFacts) -> Option<(&'a ImageFacts, &'static ProgramImage)> {
    let image = facts.image.as_ref().filter(|_| job.is_script())?;
    Some((image, image.program()?))
}

/// A finding of `rule` where the image's entrypoint runs instead of the job's shell, and nothing speaks of a runner that leaves entrypoints out.
#[must_use]
pub fn in_the_way(rule: &Rule, context: &Context<'_>, job: &Job, image: &ImageFacts, program: &ProgramImage) -> Option<Diagnostic> {
    // What the job extends in a file that isn't here may bring the entrypoint.
    let merged = !job.missing.is_empty() && image.image.value.as_mapping().is_some();
    if image.image.entrypoint().is_some() || merged || speaks_of_kubernetes(job) {
        return None;
    }
    let severity = if Runner::of(job) == Runner::Hosted { Severity::Error } else { Severity::Warning };
    let message = format!("the entrypoint of this image is `{}`, which gets the runner's shell command as its arguments", program.program);
    let finding = Diagnostic { severity, ..rule.at(image.image.name.span, message) };
    let finding = finding.help("override it: `entrypoint: [\"\"]`; only a runner on Kubernetes does so by itself").job(&job.name);
    Some(match addition::without_entrypoint(context, &image.image) {
        Some(edits) => finding.fix(Fix { title: "override the entrypoint".to_owned(), safety: Safety::Safe, edits }),
        None => finding,
    })
}

fn without_shell(job: &Job, image: &ImageFacts, program: &ProgramImage) -> Diagnostic {
    let part = program.shell_tag.expect("only an image that may have no shell lacks one");
    let message = format!("this image has no shell, so that no script can run in it; its `{part}` tags have one");
    let help = format!("use a tag with `{part}` in it, and `entrypoint: [\"\"]`");
    RULE.at(image.image.name.span, message).help(help).job(&job.name)
}
