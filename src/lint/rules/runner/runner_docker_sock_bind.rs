//! RUN404: the host's Docker socket in every job. Knows the runner's volumes, not who may use it.

use crate::diagnostic::Severity;
use crate::lint::{Context, Findings, Rule};
use crate::runner::Executor;

/// The rule.
pub static RULE: Rule = Rule {
    id: "RUN404",
    name: "runner-docker-sock-bind",
    severity: Severity::Warning,
    page: include_str!("runner_docker_sock_bind.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, entry) in context.analysis.runners.entries().filter(|(_, entry)| entry.executor() == Executor::Docker) {
        let volumes = entry.docker().map(|section| section.texts("volumes")).unwrap_or_default();
        for (volume, span) in volumes {
            // `/host:/container:options`; what has no colon is a volume of the runner's own.
            if volume.split(':').next().is_some_and(|source| source.ends_with("/docker.sock")) && volume.contains(':') {
                let message = format!("{} gives every job the Docker daemon of its host, and with it root on the host", entry.name());
                findings.add(RULE.at(span, message).help(
                    "mount `/certs/client` and build with a dind service, or at a remote builder; a runner of one trusted project may keep it",
                ));
            }
        }
    }
}
