//! DND201: docker commands in a job to which nothing gives a daemon. Knows what the files say, not what the runner brings along.

use crate::detect::client::{Runner, chooses_daemon, dials};
use crate::detect::variables::is_open;
use crate::detect::{Endpoint, JobFacts, JobOperation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Tool};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::shell::Certainty;

/// The rule.
pub static RULE: Rule =
    Rule { id: "DND201", name: "docker-without-daemon", severity: Severity::Error, page: include_str!("docker_without_daemon.md"), check };

/// So many jobs without a daemon are no oversight.
const MANY: usize = 3;

fn check(context: &Context<'_>, findings: &mut Findings) {
    let stranded: Vec<(&Job, &JobFacts, &JobOperation)> =
        context.jobs().filter_map(|(job, facts)| Some((job, facts, stranded(context, job, facts)?))).collect();
    // Many jobs that use Docker, and none with a daemon: the runner evidently brings one along.
    let by_runner = stranded.len() >= MANY && !context.jobs().any(|(_, facts)| facts.has_dind());
    for (job, facts, first) in stranded {
        let finding = finding(context, job, facts, first, by_runner).job(&job.name);
        findings.add(match service(context, job, facts) {
            Some(edits) => finding.fix(Fix { title: "add a dind service".to_owned(), safety: Safety::Unsafe, edits }),
            None => finding,
        });
    }
}

/// The first command for which nothing gives the job a daemon.
fn stranded<'a>(context: &Context<'_>, job: &Job, facts: &'a JobFacts) -> Option<&'a JobOperation> {
    // A job without a script belongs to an include, which may give it the service as well.
    let whole = job.missing.is_empty() && (context.is_complete() || job.is_script());
    let known = whole && !facts.has_dind() && !finds_daemon(job, facts) && !builds_elsewhere(facts);
    dials(facts).next().filter(|_| known)
}

/// Adds a service of the client's own version, and the variables for TLS, to a job that has neither.
fn service(context: &Context<'_>, job: &Job, facts: &JobFacts) -> Option<Vec<Edit>> {
    let docker = facts.image.as_ref()?.docker.as_ref().filter(|docker| docker.official && docker.version.len() >= 3)?;
    let version = docker.version.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    let unset = job.config.entry("services").is_none() && !job.variables.keys().any(|name| name.starts_with("DOCKER_"));
    let own = job.own.as_mapping()?.entry("variables").is_none();
    let variables =
        "  DOCKER_HOST: tcp://docker:2376\n  DOCKER_TLS_CERTDIR: /certs\n  DOCKER_TLS_VERIFY: \"1\"\n  DOCKER_CERT_PATH: /certs/client";
    (unset && own).then(|| addition::entries(context, job, &format!("services:\n  - docker:{version}-dind\nvariables:\n{variables}")))?
}

fn finding(context: &Context<'_>, job: &Job, facts: &JobFacts, operation: &JobOperation, by_runner: bool) -> Diagnostic {
    // A runner that is chosen by tags, a job without an image and a default from another file may bring a daemon that the files don't show.
    let elsewhere = !context.knows_defaults() && job.config.get("services").is_none();
    let signs = [by_runner, Runner::of(job) == Runner::Chosen, facts.image.is_none(), elsewhere].into_iter().filter(|sign| *sign).count();
    let certain = matches!(operation.certainty, Certainty::Always | Certainty::Repeated);
    let severity = match signs {
        0 if certain => Severity::Error,
        0 | 1 => Severity::Warning,
        _ => Severity::Info,
    };
    let nothing = match &facts.daemon.setting {
        Some(setting) => format!("no service answers to `{}`", setting.text),
        None => "the job has no dind service and no `DOCKER_HOST`".to_owned(),
    };
    let help = "add a dind service, or use a remote builder; a runner that mounts the socket brings the daemon along";
    Diagnostic { severity, ..RULE.at(operation.span, format!("this needs a Docker daemon, but {nothing}")).help(help) }
}

/// Whether a variable, the script or a service leads to a daemon, or may do so.
fn finds_daemon(job: &Job, facts: &JobFacts) -> bool {
    if chooses_daemon(job, facts) || starts_daemon(facts) || job.conditional.iter().any(|(name, _)| &**name == "DOCKER_HOST") {
        return true;
    }
    // An image that the files don't tell may be a daemon.
    let unknown = facts.services.iter().any(|service| is_open(&service.image.text) && service.image.docker.is_none());
    let Some(setting) = &facts.daemon.setting else { return unknown };
    match Endpoint::parse(&setting.text) {
        Some(endpoint) => {
            !is_service_name(&endpoint) || facts.services.iter().any(|service| service.names.contains(&endpoint.host)) || unknown
        }
        None => true,
    }
}

/// Whether the host can only be the name of a service: no socket, no address, no machine of a domain.
fn is_service_name(endpoint: &Endpoint) -> bool {
    matches!(endpoint.scheme.as_str(), "" | "tcp" | "http" | "https")
        && !endpoint.host.contains(['.', '[', ':'])
        && endpoint.host != "localhost"
}

/// Whether the script starts a daemon of its own.
fn starts_daemon(facts: &JobFacts) -> bool {
    let steps = facts.shell.iter().flat_map(|shell| &shell.steps);
    steps.into_iter().any(|step| {
        let words = step.argv.iter().map(|argument| argument.text.rsplit('/').next().unwrap_or_default());
        let mut words = words.filter(|word| !word.starts_with('-'));
        match words.next() {
            Some("dockerd" | "dockerd-entrypoint.sh" | "dockerd-rootless.sh" | "rootlesskit" | "containerd" | "podman") => true,
            Some("service" | "systemctl" | "rc-service" | "start-stop-daemon") => words.any(|word| word.starts_with("docker")),
            Some(_) | None => false,
        }
    })
}

/// Whether a builder elsewhere takes the builds over.
fn builds_elsewhere(facts: &JobFacts) -> bool {
    facts.operations.iter().any(|found| {
        let operation = &found.operation;
        let remote = matches!(operation.value("driver"), Some("remote" | "kubernetes" | "cloud"));
        let depot = operation.tool == Tool::Depot && found.text.contains("configure-docker");
        let named = operation.tool == Tool::Buildx && operation.op == Op::Builder && found.text.contains(" use ");
        remote || depot || named
    })
}
