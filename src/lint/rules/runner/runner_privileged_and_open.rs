//! RUN406: privileged containers of any image. Knows the runner's lists, not which projects it serves.

use crate::diagnostic::Severity;
use crate::lint::{Context, Findings, Rule};
use crate::runner::{Executor, Table};

/// The rule.
pub static RULE: Rule = Rule {
    id: "RUN406",
    name: "runner-privileged-and-open",
    severity: Severity::Warning,
    page: include_str!("runner_privileged_and_open.md"),
    check,
};

/// Lists that say which images a privileged container may have.
const LISTS: &[&str] = &["allowed_images", "allowed_services", "allowed_privileged_images", "allowed_privileged_services"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, entry) in context.analysis.runners.entries() {
        // With a machine for each job there is nothing else on it to reach.
        if !matches!(entry.executor(), Executor::Docker | Executor::Kubernetes) {
            continue;
        }
        let Some(section) = entry.section().filter(|section| section.is_true("privileged") && !is_limited(section)) else { continue };
        let place = section.get("privileged").map_or(section.span, |setting| setting.key.to(setting.value.span));
        let (message, help) = match entry.executor() {
            Executor::Kubernetes => (
                format!("every container of {} is privileged, whatever its image: a job can become root on the node", entry.name()),
                "keep it for trusted projects and nodes of its own, and set `allowed_images` and `allowed_services`; a remote builder needs no privileges",
            ),
            Executor::Docker | Executor::Machines | Executor::Shell | Executor::Other | Executor::Unknown => (
                format!("every container of {} is privileged, whatever its image: a job can become root on the host", entry.name()),
                "set `privileged = false`, `services_privileged = true` and `allowed_privileged_services`, or build at a remote builder, which needs no privileges",
            ),
        };
        findings.add(RULE.at(place, message).help(help));
    }
}

/// Whether a list says which images there may be.
fn is_limited(section: &Table) -> bool {
    LISTS.iter().any(|list| !section.texts(list).is_empty())
}
