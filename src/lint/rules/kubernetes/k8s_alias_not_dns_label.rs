//! K8S304: aliases of services that Kubernetes refuses. Knows the form of names, not who uses them.

use std::sync::LazyLock;

use regex::Regex;

use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::runners::on_kubernetes;
use crate::lint::{Context, Findings, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    id: "K8S304",
    name: "k8s-alias-not-dns-label",
    severity: Severity::Error,
    page: include_str!("k8s_alias_not_dns_label.md"),
    check,
};

/// Longest name (RFC 1123).
const LONGEST: usize = 253;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let Some(severity) = on_kubernetes(context, job) else { continue };
        for service in &facts.services {
            let image = &service.image.image;
            let Some(place) = image.value.get("alias") else { continue };
            for alias in image.aliases.iter().filter(|alias| !alias.contains('$') && !is_name(alias)) {
                let message = format!("`{alias}` is no name for a host in Kubernetes, which refuses the pod of the job");
                let finding = RULE
                    .at(place.span, message)
                    .help("use lower-case letters, digits and `-`, also where the job calls the service")
                    .job(&job.name);
                findings.add(Diagnostic { severity, ..finding });
            }
        }
    }
}

/// Whether it is a lower-case subdomain in the sense of RFC 1123 (gitlab-runner, `executors/kubernetes/host_aliases.go`).
fn is_name(alias: &str) -> bool {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$").expect("a valid pattern"));
    alias.len() <= LONGEST && NAME.is_match(alias)
}
