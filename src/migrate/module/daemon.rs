//! A job that works with images or containers into a script with a Docker daemon beside it. Knows what a daemon elsewhere can't see: the job's files.

use crate::detect::{JobFacts, Reason, reason};
use crate::docker::{Op, Operation, Tool};
use crate::migrate::module::form::{Part, Text};
use crate::migrate::module::service::{Daemon, Service};
use crate::pipeline::Job;

/// The variables by which a client finds its daemon, and by which that one starts.
pub(super) const VARIABLES: &[&str] = &["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH", "DOCKER_TLS_CERTDIR"];

/// Where the client of a job finds the daemon.
pub(super) const ADDRESS: &str = "tcp://docker:2375";

/// Flags of `docker run` and `docker create` that lead to files, sockets or devices of the daemon's machine.
const OF_THE_MACHINE: &[&str] =
    &["volume", "mount", "volumes-from", "device", "env-file", "cidfile", "ipc", "pid", "userns", "uts", "cgroupns", "security-opt"];

/// The daemon of a job, and why the job needs it.
///
/// # Errors
/// Why it can't be one that the functions' engine runs: a fragment.
pub(super) fn daemon(job: &Job, facts: &JobFacts) -> Result<(Service, Reason), String> {
    let no = |why: &str| Err(why.to_owned());
    let service = facts.daemon.service.and_then(|index| facts.services.get(index));
    let Some(service) = service else { return no("its daemon is none of the job's own") };
    let plain = |flag: &String| {
        ["--mtu=", "--insecure-registry=", "--registry-mirror=", "--log-level="].iter().any(|known| flag.starts_with(known))
    };
    let command = service.image.image.command().unwrap_or_default();
    let flags: Vec<String> = command.iter().filter(|word| !["dockerd", "--tls=false"].contains(&word.as_str())).cloned().collect();
    let official = service.image.docker.as_ref().is_some_and(|docker| docker.official && !docker.rootless);
    if !official || service.image.image.entrypoint().is_some() || !flags.iter().all(plain) || service.image.text.contains('$') {
        return no("its daemon is no plain `docker:dind`");
    }
    if facts.services.iter().filter(|service| service.is_dind()).count() > 1 {
        return no("it has several daemons");
    }
    let text = [&job.script.text, &job.after_script.text];
    if let Some(word) = ["/certs", "docker.sock", "DOCKER_HOST", "DOCKER_TLS", "--host", " -H "]
        .iter()
        .find(|word| text.iter().any(|text| text.contains(**word)))
    {
        return Err(format!("its script has `{}`, which is about the daemon as it is now", word.trim()));
    }
    if let Some(opaque) = facts.opaque.first() {
        return Err(format!("`{}` may use docker with files that a daemon elsewhere does not have", opaque.name));
    }
    if let Some(operation) = facts.operations.iter().map(|found| &found.operation).find(|operation| !is_free_of_files(operation)) {
        return Err(format!("`{}` may work with files that a daemon elsewhere does not have", words(operation)));
    }
    let Some(first) = facts.flow.reasons.first() else { return no("nothing says what it needs a daemon for") };
    let mut names = service.names.clone();
    if !names.iter().any(|name| name == "docker") {
        names.push("docker".to_owned());
    }
    let reason =
        Reason { code: reason::TARGET_REFUSES, message: format!("{}, which the function has beside it", first.message), span: first.span };
    let args = ["dockerd", "--host=unix:///var/run/docker.sock", "--host=tcp://0.0.0.0:2375", "--tls=false"].map(str::to_owned);
    Ok((
        Service {
            image: Text::new(service.image.image.text()),
            names,
            ports: vec![2375],
            variables: vec![("DOCKER_TLS_CERTDIR".to_owned(), Text::default())],
            command: args.into_iter().chain(flags).collect(),
            entrypoint: None,
            daemon: Some(Daemon { storage: Text(vec![Part::Literal("docker-".to_owned()), Part::Variable("CI_JOB_ID".to_owned())]) }),
        },
        reason,
    ))
}

fn words(operation: &Operation) -> String {
    if operation.op == Op::Run { "docker run".to_owned() } else { "docker".to_owned() }
}

/// Whether an operation reaches no files but by the client, which sends them.
fn is_free_of_files(operation: &Operation) -> bool {
    let docker = matches!(operation.tool, Tool::Docker | Tool::Buildx);
    let named = !operation.unknown.is_empty() || operation.global("host").is_some() || operation.global("context").is_some();
    match operation.op {
        Op::Run => docker && !named && !OF_THE_MACHINE.iter().any(|flag| operation.flags_named(flag).next().is_some()),
        Op::Build | Op::Push | Op::Pull | Op::Tag | Op::Login | Op::Logout | Op::Info | Op::Save | Op::Load | Op::Inspect => {
            docker && !named
        }
        Op::Exec | Op::Clean => docker && !named,
        _ => false,
    }
}
