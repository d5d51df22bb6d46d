//! What a job's docker client goes by: the variables of its environment, and whether the script or a context has the last word. Knows no rule.

use crate::detect::daemon::{Endpoint, Listener, listener};
use crate::detect::flow::needs_daemon;
use crate::detect::image::{ImageFacts, ServiceFacts};
use crate::detect::variables::{Setting, setting, varies};
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
