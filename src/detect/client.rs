//! What a job's docker client goes by: the variables of its environment, and whether the script or a context has the last word. Knows no rule.

use crate::detect::daemon::{Endpoint, Listener, listener};
use crate::detect::flow::needs_daemon;
use crate::detect::image::{ImageFacts, ServiceFacts};
use crate::detect::variables::{Setting, is_open, setting, varies};
use crate::detect::{JobFacts, JobOperation};
use crate::docker::{Op, Tool};
use crate::pipeline::Job;
use crate::yaml::Value;

/// The variables by which a docker client finds its daemon.
const READ: [&str; 5] = ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"];

/// Whose runner takes a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Runner {
    /// A Linux machine of GitLab.com, which has nothing but the job's containers (<https://docs.gitlab.com/ci/runners/hosted_runners/linux/>).
    Hosted,
    /// One that the job chooses by its tags, of which the files tell nothing.
    Chosen,
    /// Any.
    Any,
}

impl Runner {
    /// The runner of `job`, by its tags.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        let tags: Vec<String> = job.tags().iter().filter_map(Value::scalar_text).collect();
        match tags.iter().any(|tag| tag.starts_with("saas-linux-")) {
            true => Self::Hosted,
            false if tags.is_empty() => Self::Any,
            false => Self::Chosen,
        }
    }
}

/// A job with a dind service whose client may dial it.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The job.
    pub job: &'a Job,
    /// Its facts.
    pub facts: &'a JobFacts,
    /// Its dind service.
    pub service: &'a ServiceFacts,
}

impl<'a> Client<'a> {
    /// None where the job has no dind service, surely doesn't talk to it, or chooses its daemon by a context.
    #[must_use]
    pub fn of(job: &'a Job, facts: &'a JobFacts) -> Option<Self> {
        let service = facts.services.get(facts.daemon.service?)?;
        (may_dial(facts) && !chooses_context(job, facts)).then_some(Self { job, facts, service })
    }

    /// What the service listens on; a host in its command adds to what the entrypoint says, so that the port is not known then.
    #[must_use]
    pub fn listener(&self) -> Listener {
        let hosts = |argument: &String| argument.starts_with("--host") || argument.starts_with("-H");
        let own = self.service.image.image.command().is_some_and(|command| command.iter().any(hosts));
        let listener = listener(self.job, self.service);
        if own { Listener { port: None, certdir: None, ..listener } } else { listener }
    }

    /// `DOCKER_HOST`, where YAML or the script sets it and the files tell its value.
    #[must_use]
    pub fn endpoint(&self) -> Option<(&'a Setting, Endpoint)> {
        let setting = self.facts.daemon.setting.as_ref()?;
        Some((setting, Endpoint::parse(&setting.text)?))
    }

    /// The port of the service that is dialled: written in `DOCKER_HOST`, or chosen by the entrypoint of the `docker` image
    /// (docker-library/docker, `docker-entrypoint.sh`); none where another host is dialled or the files don't tell.
    #[must_use]
    pub fn dialled_port(&self) -> Option<u16> {
        if self.facts.daemon.setting.is_some() {
            let (_, endpoint) = self.endpoint()?;
            return self.service.names.contains(&endpoint.host).then(|| endpoint.dialled_port());
        }
        if varies(self.job, "DOCKER_HOST") || !self.facts.image.as_ref().is_some_and(ImageFacts::runs_docker_entrypoint) {
            return None;
        }
        let served = self.listener().certdir?;
        let seen = self.certdir()?;
        let certificates = !served.is_empty() && !seen.is_empty();
        let verifies = self.value("DOCKER_TLS_VERIFY").is_some();
        Some(if certificates || verifies { 2376 } else { 2375 })
    }

    /// `DOCKER_TLS_CERTDIR` as the job sees it: `/certs` in `docker` images since 19.03; none where it is not known.
    #[must_use]
    pub fn certdir(&self) -> Option<String> {
        if varies(self.job, "DOCKER_TLS_CERTDIR") {
            return None;
        }
        match setting(self.job, "DOCKER_TLS_CERTDIR") {
            Some(setting) => setting.is_known().then_some(setting.text),
            None => Some("/certs".to_owned()),
        }
    }

    /// The variable `name` of the job, where it is set and not empty.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Setting> {
        setting(self.job, name).filter(|setting| !setting.text.is_empty())
    }

    /// Whether `name` may have another value than YAML says while the commands run: by a rule, a matrix or the script.
    #[must_use]
    pub fn may_change(&self, name: &str) -> bool {
        varies(self.job, name) || assigns(self.job, name)
    }

    /// Whether the script handles certificate files, or hands them to `docker` as flags.
    #[must_use]
    pub fn brings_certificates(&self) -> bool {
        [".pem", "--tlscacert", "--tlsverify", "--tlscert"].iter().any(|word| self.job.script.text.contains(word))
    }
}

/// The operations that talk to the daemon of the job through a docker client.
pub fn dials(facts: &JobFacts) -> impl Iterator<Item = &JobOperation> {
    let docker = |tool| matches!(tool, Tool::Docker | Tool::Buildx | Tool::Compose);
    facts.operations.iter().filter(move |found| docker(found.operation.tool) && needs_daemon(&found.operation))
}

/// Whether something in the job may talk to a daemon.
#[must_use]
pub fn may_dial(facts: &JobFacts) -> bool {
    !facts.opaque.is_empty() || facts.operations.iter().any(|found| needs_daemon(&found.operation))
}

/// Whether the job chooses its daemon by a Docker context, which beats `DOCKER_HOST` (docker/cli, `cli/command/cli.go`).
#[must_use]
pub fn chooses_context(job: &Job, facts: &JobFacts) -> bool {
    let variable = job.variables.contains_key("DOCKER_CONTEXT") || assigns(job, "DOCKER_CONTEXT");
    let by_command = |operation: &JobOperation| operation.operation.op == Op::Context || operation.operation.global("context").is_some();
    variable || facts.operations.iter().any(by_command)
}

/// Whether the script says itself where the daemon is: in a variable of the client or a flag.
#[must_use]
pub fn chooses_daemon(job: &Job, facts: &JobFacts) -> bool {
    let by_flag = |operation: &JobOperation| operation.operation.global("host").is_some();
    READ.iter().any(|name| assigns(job, name)) || chooses_context(job, facts) || facts.operations.iter().any(by_flag)
}

/// Whether a script of the job assigns `name`, in whatever way; a mention in a message counts as well, to be on the safe side.
#[must_use]
pub fn assigns(job: &Job, name: &str) -> bool {
    [&job.script.text, &job.after_script.text].iter().any(|text| {
        text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let own_word = before.is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != '$' && before != '{');
            own_word && text[at + name.len()..].starts_with('=')
        })
    })
}

/// Whether a variable, the script or a service leads to a daemon, or may do so.
#[must_use]
pub fn finds_daemon(job: &Job, facts: &JobFacts) -> bool {
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

/// Whether a job says that its daemon is behind the client's own socket, which only a runner can put there.
#[must_use]
pub fn asks_for_socket(job: &Job) -> bool {
    job.variables.get("DOCKER_HOST").is_some_and(|variable| variable.text().is_some_and(|text| text.is_empty()))
}

/// Parts of tags by which people call runners that have a daemon, or let a job start one.
const TELLING_TAGS: [&str; 4] = ["dind", "privileged", "shell", "socket"];

/// How many signs there are of a daemon that a runner brings along: the job chooses it by tags, or by telling ones, or has no image and may run
/// in a shell.
#[must_use]
pub fn signs_of_daemon(job: &Job, facts: &JobFacts) -> usize {
    let tags: Vec<String> = job.tags().iter().filter_map(Value::scalar_text).map(|tag| tag.to_ascii_lowercase()).collect();
    let telling = tags.iter().any(|tag| TELLING_TAGS.iter().any(|part| tag.contains(part)));
    let signs = [Runner::of(job) == Runner::Chosen, telling, facts.image.is_none()];
    signs.into_iter().filter(|sign| *sign).count()
}

/// Parts of tags by which people call runners on Kubernetes.
const KUBERNETES_TAGS: [&str; 6] = ["kube", "k8s", "eks", "gke", "aks", "openshift"];

/// Whether something in the files speaks of a runner on Kubernetes, which runs no entrypoint of an image
/// (<https://docs.gitlab.com/runner/configuration/feature-flags/>, `FF_KUBERNETES_HONOR_ENTRYPOINT`).
#[must_use]
pub fn speaks_of_kubernetes(job: &Job) -> bool {
    let tags = job.tags();
    let mut tags = tags.iter().filter_map(Value::scalar_text).map(|tag| tag.to_ascii_lowercase());
    let by_variable = job.variables.keys().any(|name| name.starts_with("KUBERNETES_") || name.starts_with("FF_KUBERNETES_"));
    by_variable || tags.any(|tag| KUBERNETES_TAGS.iter().any(|part| tag.contains(part)))
}
