//! DND209: docker images whose tag names no exact release. Knows how the official image's tags are made, not which releases exist.

use crate::detect::client::may_dial;
use crate::detect::flow::needs_daemon;
use crate::detect::variables::is_open;
use crate::detect::{ImageFacts, JobFacts, is_frozen};
use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::rule::{Context, Findings, Rule};
use crate::lint::rules::install::ends_for_lack_of;

/// The rule.
pub static RULE: Rule =
    Rule { id: "DND209", name: "dind-floating-tag", severity: Severity::Warning, page: include_str!("dind_floating_tag.md"), check };

/// The oldest version of Docker of which the official image still has new releases, as major and minor number; tags of older ones rest. 28 was dropped
/// in November 2025 (docker-library/docker#558), and a minor version with the next one, since there is one folder for each major one (docker-library/docker,
/// `versions.json`).
const OLDEST_ALIVE: [u32; 2] = [29, 7];
/// The words of the official image's tags, besides versions (<https://hub.docker.com/_/docker/tags>).
const TAG_WORDS: [&str; 13] = [
    "latest",
    "dind",
    "cli",
    "git",
    "rootless",
    "ce",
    "experimental",
    "windowsservercore",
    "nanoserver",
    "ltsc2019",
    "ltsc2022",
    "ltsc2025",
    "1809",
];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let services = facts.services.iter().map(|service| &service.image);
        for image in facts.image.iter().chain(services) {
            if let Some(finding) = image.docker.as_ref().and_then(|_| docker(image)) {
                findings.add(finding.job(&job.name));
            }
        }
        let client = facts.image.as_ref().filter(|image| image.docker.is_none() && facts.has_dind() && has_client(image, facts));
        let client = client.filter(|_| !ends_for_lack_of(job, facts, "docker"));
        if let Some(finding) = client.and_then(|image| other(image, facts)) {
            findings.add(finding.job(&job.name));
        }
    }
}

fn docker(image: &ImageFacts) -> Option<Diagnostic> {
    let docker = image.docker.as_ref()?;
    let tag = moving_tag(image)?;
    let numbers = tag.split('-').map(numbers).max().unwrap_or_default();
    // Of a version that Docker's own image hasn't, nobody knows whether it moves.
    let foreign = docker.official && !tag.split('-').all(is_official);
    let rests = docker.official && !docker.version.is_empty() && docker.version.as_slice() < &OLDEST_ALIVE[..docker.version.len().min(2)];
    if is_frozen(&format!(":{tag}")) || numbers > 2 || rests || (foreign && numbers > 0) {
        return None;
    }
    let span = image.image.name.span;
    let help = "pin a full version, the same for client and daemon";
    if numbers == 0 && docker.official && !foreign && is_from_hub(&image.text) {
        return Some(RULE.at(span, format!("`{}` moves to each new Docker release", image.text)).help(help));
    }
    Some(inexact(image, "").help(help))
}

fn inexact(image: &ImageFacts, tail: &str) -> Diagnostic {
    let finding = RULE.at(image.image.name.span, format!("`{}` names no exact release{tail}", image.text));
    Diagnostic { severity: Severity::Info, ..finding }
}

/// Whether a part of a tag is one that tags of Docker's own image have.
fn is_official(part: &str) -> bool {
    numbers(part) > 0 || TAG_WORDS.contains(&part) || part.starts_with("alpine") || part.starts_with("rc") || part.starts_with("beta")
}

/// Whether the name leads to Docker Hub, or to a proxy or mirror that keeps its paths.
fn is_from_hub(text: &str) -> bool {
    let path = text.rsplit_once('/').map(|(path, _)| path);
    path.is_none_or(|path| {
        let host = path.split('/').next().unwrap_or(path);
        path.contains("CI_DEPENDENCY_PROXY") || path.rsplit('/').next() == Some("library") || (host == path && host.ends_with("docker.io"))
    })
}

/// Whether something in the job surely talks to the daemon.
fn talks(facts: &JobFacts) -> bool {
    facts.operations.iter().any(|found| needs_daemon(&found.operation))
}

/// Whether something in the job surely talks to the daemon, or its image is named after the client and something may call it.
fn has_client(image: &ImageFacts, facts: &JobFacts) -> bool {
    talks(facts) || (image.text.contains("docker") && may_dial(facts))
}

/// A client that the script installs moves with the image.
fn other(image: &ImageFacts, facts: &JobFacts) -> Option<Diagnostic> {
    let service = facts.services.get(facts.daemon.service?)?;
    let exact = service.image.text.contains('@') || service.image.docker.as_ref().is_some_and(|docker| docker.version.len() > 2);
    let tail = match (talks(facts), exact) {
        (true, true) => ": what talks to the daemon may change while the daemon stays",
        (true, false) => ": what talks to the daemon may change",
        (false, _) => "",
    };
    (moving_tag(image)? == "latest").then(|| inexact(image, tail).help("pin a version"))
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
    use super::{is_from_hub, numbers};

    #[test]
    fn a_mirror_keeps_the_paths_of_docker_hub() {
        for (text, expected) in [
            ("docker:dind", true),
            ("docker.io/docker:dind", true),
            ("docker.io/library/docker:dind", true),
            ("mirror.example.com/hub/library/docker", true),
            ("${CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX}/docker:dind", true),
            ("${CI_REGISTRY_IMAGE}/docker:latest", false),
            ("registry.example.com/tools/docker", false),
            ("acme/docker", false),
        ] {
            assert_eq!(is_from_hub(text), expected, "{text}");
        }
    }

    #[test]
    fn a_version_counts_its_numbers_and_a_word_has_none() {
        for (part, expected) in [("29.7.2", 3), ("29", 1), ("29.7", 2), ("dind", 0), ("29.x", 0), ("", 0), ("v29", 1)] {
            assert_eq!(numbers(part), expected, "{part}");
        }
    }
}
