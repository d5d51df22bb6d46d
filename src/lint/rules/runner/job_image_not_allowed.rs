//! RUN407: images and services of a job that its runners refuse. Knows the runners' lists, not variables from outside of the files.

use crate::detect::{ImageFacts, JobFacts, variables};
use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::runners::{Takers, allows};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::runner::{Entry, Table};
use crate::source::Span;

/// The rule.
pub static RULE: Rule =
    Rule { id: "RUN407", name: "job-image-not-allowed", severity: Severity::Error, page: include_str!("job_image_not_allowed.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let Some(takers) = Takers::of(context, job) else { continue };
        for (image, list) in images(facts) {
            let refusals: Vec<Span> = takers.entries.iter().filter_map(|(_, entry)| refusal(entry, list, &image.text)).collect();
            if refusals.len() == takers.entries.len() {
                let severity = if takers.certain { Severity::Error } else { Severity::Warning };
                findings.add(Diagnostic { severity, ..finding(job, image, list, &refusals) });
            }
        }
    }
}

/// What the job asks for, each with the list that it has to be in.
fn images(facts: &JobFacts) -> impl Iterator<Item = (&ImageFacts, &'static str)> {
    let services = facts.services.iter().map(|service| (&service.image, "allowed_services"));
    let known = |(image, _): &(&ImageFacts, &str)| !variables::is_open(&image.text) && !image.text.is_empty();
    facts.image.iter().map(|image| (image, "allowed_images")).chain(services).filter(known)
}

/// The list of a runner that `image` is not in.
fn refusal(entry: &Entry, list: &str, image: &str) -> Option<Span> {
    let section = entry.section()?;
    let patterns: Vec<&str> = section.texts(list).into_iter().map(|(text, _)| text).collect();
    let refused = !patterns.is_empty() && !is_own(section, image) && !allows(&patterns, image);
    refused.then(|| section.get(list).expect("it has patterns").value.span)
}

/// Whether it is what the runner itself uses, which is always allowed.
fn is_own(section: &Table, image: &str) -> bool {
    section.text("image") == Some(image) || section.tables("services").any(|service| service.text("name") == Some(image))
}

fn finding(job: &Job, image: &ImageFacts, list: &str, refusals: &[Span]) -> Diagnostic {
    let message = format!("`{}` is in none of the lists `{list}` of the runners that may take the job", image.text);
    let finding = RULE
        .at(image.image.name.span, message)
        .help(format!("use an image that a pattern allows, or add a pattern to `{list}`; `*` stops at a slash, `**` doesn't"))
        .job(&job.name);
    refusals.iter().fold(finding, |finding, span| finding.label(*span, "doesn't allow it"))
}
