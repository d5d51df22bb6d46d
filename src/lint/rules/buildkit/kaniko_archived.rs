//! BLD911: jobs that build with kaniko's image, which nobody maintains any more. Knows the image's name; forks have others.

use crate::detect::JobFacts;
use crate::diagnostic::Severity;
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::source::Span;

/// The rule.
pub static RULE: Rule =
    Rule { id: "BLD911", name: "kaniko-archived", severity: Severity::Warning, page: include_str!("kaniko_archived.md"), check };

/// Where the project published.
const FOLDER: &str = "gcr.io/kaniko-project/";

fn check(context: &Context<'_>, findings: &mut Findings) {
    let image = |facts: &JobFacts| facts.image.as_ref().filter(|image| image.text.starts_with(FOLDER)).map(|image| image.image.name.span);
    let found: Vec<(&Job, Span)> =
        context.jobs().filter(|(job, _)| job.is_script()).filter_map(|(job, facts)| Some((job, image(facts)?))).collect();
    let Some((_, first)) = found.first() else { return };
    let message = "kaniko's project was archived in June 2025: its images get no more updates, not for their security either";
    let help = "build with rootless BuildKit or Buildah, on a remote builder, or with a maintained fork";
    // It is one decision for the whole pipeline.
    let finding = RULE.at(*first, message).help(help);
    findings.add(found.iter().fold(finding, |finding, (job, _)| finding.job(&job.name)));
}
