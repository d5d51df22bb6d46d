//! DND209: docker images whose tag moves between releases. Knows how the official image's tags are made, not which releases exist.

use crate::detect::client::may_dial;
use crate::detect::flow::needs_daemon;
use crate::detect::variables::is_open;
use crate::detect::{ImageFacts, JobFacts};
use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::rule::{Context, Findings, Rule};

/// The rule.
pub static RULE: Rule =
    Rule { id: "DND209", name: "dind-floating-tag", severity: Severity::Warning, page: include_str!("dind_floating_tag.md"), check };

/// The oldest version of Docker of which the official image still has new releases; tags of older ones rest (docker-library/docker, November 2026).
const OLDEST_ALIVE: u32 = 26;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let services = facts.services.iter().map(|service| &service.image);
        for image in facts.image.iter().chain(services) {
            if let Some(finding) = image.docker.as_ref().and_then(|_| docker(image)) {
                findings.add(finding.job(&job.name));
            }
        }
        let client = facts.image.as_ref().filter(|image| image.docker.is_none() && facts.has_dind() && has_client(image, facts));
        if let Some(finding) = client.and_then(other) {
            findings.add(finding.job(&job.name));
        }
    }
}

fn docker(image: &ImageFacts) -> Option<Diagnostic> {
    let tag = moving_tag(image)?;
    if tag.starts_with("stable") {
        return None;
    }
    let help = "pin a full version, the same for client and daemon";
    let span = image.image.name.span;
    match tag.split('-').map(numbers).max().unwrap_or_default() {
        0 => Some(RULE.at(span, format!("`{}` moves to each new Docker release", image.text)).help(help)),
        1 | 2 if rests(image) => None,
        1 | 2 => {
            let finding = RULE.at(span, format!("`{}` moves to each new release of that version", image.text)).help(help);
            Some(Diagnostic { severity: Severity::Info, ..finding })
        }
        _ => None,
    }
}

/// Whether the tag is of a version that gets no more releases.
fn rests(image: &ImageFacts) -> bool {
    let major = image.docker.as_ref().filter(|docker| docker.official).and_then(|docker| docker.version.first());
    major.is_some_and(|major| *major < OLDEST_ALIVE)
}

/// Whether something in the job surely talks to the daemon, or its image is named after the client and something may call it.
fn has_client(image: &ImageFacts, facts: &JobFacts) -> bool {
    let talks = facts.operations.iter().any(|found| needs_daemon(&found.operation));
    talks || (image.text.contains("docker") && may_dial(facts))
}

/// A client that the script installs moves with the image.
fn other(image: &ImageFacts) -> Option<Diagnostic> {
    (moving_tag(image)? == "latest").then(|| {
        let finding = RULE
            .at(image.image.name.span, format!("`{}` moves, and what talks to the daemon in it as well, but not the daemon", image.text));
        Diagnostic { severity: Severity::Info, ..finding.help("pin a version") }
    })
}

/// The tag, `latest` where none is written; none where a digest fixes the image or the files don't tell.
fn moving_tag(image: &ImageFacts) -> Option<&str> {
    if image.text.contains('@') {
        return None;
    }
    let last = image.text.rsplit('/').next().unwrap_or(&image.text);
    let tag = last.split_once(':').map_or("latest", |(_, tag)| tag);
    (!is_open(last) && !tag.is_empty()).then_some(tag)
}

/// How many numbers a part of a tag has: three for `29.7.2`, none for `dind`.
fn numbers(part: &str) -> usize {
    let numeric = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let part = part.strip_prefix('v').unwrap_or(part);
    if part.split('.').all(numeric) { part.split('.').count() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn a_version_counts_its_numbers_and_a_word_has_none() {
        for (part, expected) in [("29.7.2", 3), ("29", 1), ("29.7", 2), ("dind", 0), ("29.x", 0), ("", 0), ("v29", 1)] {
            assert_eq!(numbers(part), expected, "{part}");
        }
    }
}
