//! DND205: a dind service, docker commands, and an image in which nothing sets `DOCKER_HOST`. Knows whose entrypoint sets it.

use crate::detect::ImageFacts;
use crate::detect::JobFacts;
use crate::detect::client::{chooses_daemon, dials};
use crate::detect::daemon::listener;
use crate::detect::variables::{is_open, varies};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule, doubted};
use crate::pipeline::Job;
use crate::shell::Certainty;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DND205",
    name: "docker-host-missing-in-custom-image",
    severity: Severity::Error,
    page: include_str!("docker_host_missing_in_custom_image.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let lacks_host = facts.has_dind() && job.missing.is_empty() && !has_host(job, facts);
        if let Some(finding) = lacks_host.then(|| socket(context, job, facts)).flatten() {
            findings.add(finding.job(&job.name));
        }
    }
}

/// Whether anything sets `DOCKER_HOST`, or may do so.
fn has_host(job: &Job, facts: &JobFacts) -> bool {
    facts.daemon.setting.is_some() || varies(job, "DOCKER_HOST") || chooses_daemon(job, facts)
}

fn socket(context: &Context<'_>, job: &Job, facts: &JobFacts) -> Option<Diagnostic> {
    let operation = dials(facts).next()?;
    let certain = matches!(operation.certainty, Certainty::Always | Certainty::Repeated);
    let (span, what, sure) = match &facts.image {
        Some(image) if image.runs_docker_entrypoint() || is_open(&image.text) && image.docker.is_none() => return None,
        Some(image) => (image.image.name.span, describe(image), is_overridden(image) || is_foreign(image)),
        None => (job.key, "the job names no image".to_owned(), false),
    };
    let message = format!("{what}, so nothing sets `DOCKER_HOST`: docker dials its local socket, not the dind service");
    let finding = RULE.at(span, message).label(operation.span, "this needs the daemon").help("set `DOCKER_HOST` in the job's `variables`");
    let finding = Diagnostic { severity: if sure && certain { Severity::Error } else { Severity::Warning }, ..finding };
    let finding = match setting(context, job, facts).filter(|_| sure) {
        Some(edits) => finding.fix(Fix { title: "set `DOCKER_HOST`".to_owned(), safety: Safety::Safe, edits }),
        None => finding,
    };
    // A file that isn't here may set it for all jobs.
    Some(if context.knows_defaults() { finding } else { doubted(finding) })
}

/// The variables that fit what the service listens on.
fn setting(context: &Context<'_>, job: &Job, facts: &JobFacts) -> Option<Vec<Edit>> {
    let service = facts.services.get(facts.daemon.service?).filter(|service| service.names.iter().any(|name| name == "docker"))?;
    let listener = listener(job, service);
    let certdir = listener.certdir?;
    let path = format!("{certdir}/client");
    let tls = [("DOCKER_HOST", "tcp://docker:2376"), ("DOCKER_TLS_VERIFY", "\"1\""), ("DOCKER_CERT_PATH", path.as_str())];
    let known = tls[1..].iter().any(|(name, _)| job.variables.contains_key(*name) || varies(job, name));
    match listener.port? {
        2375 => addition::variables(context, job, &[("DOCKER_HOST", "tcp://docker:2375")]),
        _ if known => addition::variables(context, job, &tls[..1]),
        _ => addition::variables(context, job, &tls),
    }
}

/// Whether the image surely isn't made from the `docker` image: it is a library's or a cloud vendor's. Anybody else's may be.
fn is_foreign(image: &ImageFacts) -> bool {
    let name = image.text.split(['@', ':']).next().unwrap_or_default();
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    ["google/cloud-sdk", "amazon/aws-cli", "hashicorp/terraform"].contains(&name) || !name.contains(['/', '$']) && !name.contains("docker")
}

fn is_overridden(image: &ImageFacts) -> bool {
    image.docker.as_ref().is_some_and(|docker| docker.official)
}

fn describe(image: &ImageFacts) -> String {
    if is_overridden(image) {
        "`entrypoint` replaces that of the `docker` image".to_owned()
    } else {
        format!("`{}` is not the official `docker` image", image.text)
    }
}
