//! K8S310: the node's Docker socket in job pods. Knows volumes, not what runs on the nodes.

use crate::diagnostic::Severity;
use crate::lint::{Context, Findings, Rule};

/// The rule. Nodes with Docker are rare, but there are some: a warning.
pub static RULE: Rule = Rule {
    id: "K8S310",
    name: "k8s-docker-sock-hostpath",
    severity: Severity::Warning,
    page: include_str!("k8s_docker_sock_hostpath.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, entry) in context.analysis.runners.entries() {
        for volume in entry.volumes().into_iter().filter(|volume| volume.kind == "host_path") {
            if !matches!(volume.host_path.trim_end_matches('/'), "/var/run/docker.sock" | "/run/docker.sock") {
                continue;
            }
            let place = volume.table.get("host_path").or_else(|| volume.table.get("mount_path"));
            let span = place.map_or(volume.table.span, |setting| setting.value.span);
            let message = "job pods mount the node's Docker socket: nodes with containerd or CRI-O have none, and where there is one, jobs are root on the node";
            findings.add(RULE.at(span, message).help("remove it, and build with a dind service, rootless BuildKit or a remote builder"));
        }
    }
}
