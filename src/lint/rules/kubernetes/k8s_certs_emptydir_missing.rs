//! K8S306: certificates of a dind service that the job's container doesn't see. Knows the volumes of the runner, not what the image holds.

use crate::detect::client::{Client, dials};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::runners::{Takers, add_volume, same_path};
use crate::lint::{Context, Findings, Rule};
use crate::runner::{Config, Entry, Executor};

/// The rule.
pub static RULE: Rule = Rule {
    id: "K8S306",
    name: "k8s-certs-emptydir-missing",
    severity: Severity::Error,
    page: include_str!("k8s_certs_emptydir_missing.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|_| context.knows_defaults()) {
        let Some(client) = Client::of(job, facts) else { continue };
        let Some(takers) = Takers::of(context, job).filter(|takers| takers.all(Executor::Kubernetes)) else { continue };
        let listener = client.listener();
        let Some(certdir) = listener.certdir.filter(|certdir| certdir.starts_with('/') && !certdir.contains(['$', '"', '\\'])) else {
            continue;
        };
        // Only who speaks TLS looks for certificates; what listens on 2375 is another rule's business.
        if listener.port != Some(2376)
            || facts.daemon.setting.is_none()
            || client.dialled_port() != Some(2376)
            || client.brings_certificates()
            || dials(facts).next().is_none()
        {
            continue;
        }
        let folder = format!("{}/client", certdir.trim_end_matches('/'));
        let lacks = |entry: &Entry| !entry.is_patched() && !entry.volumes().iter().any(|volume| same_path(volume.mount_path, &folder));
        if !takers.entries.iter().all(|(_, entry)| lacks(entry)) {
            continue;
        }
        for (config, entry) in &takers.entries {
            let severity = if takers.certain { Severity::Error } else { Severity::Warning };
            let finding =
                finding(context, (config, entry), &folder).label(client.service.image.image.name.span, "the daemon that writes them");
            findings.add(Diagnostic { severity, ..finding.job(&job.name) });
        }
    }
}

fn finding(context: &Context<'_>, (config, entry): (&Config, &Entry), folder: &str) -> Diagnostic {
    let place = entry.kubernetes().map_or(entry.table.span, |section| section.span);
    let message = format!("{} has no volume at `{folder}`, so the certificates of the Docker daemon never reach the job", entry.name());
    let finding =
        RULE.at(place, message).help(format!("add a `[[runners.kubernetes.volumes.empty_dir]]` with `mount_path = \"{folder}\"`"));
    let lines = ["name = \"docker-certs\"".to_owned(), format!("mount_path = \"{folder}\""), "medium = \"Memory\"".to_owned()];
    match add_volume(context, config, entry, "empty_dir", &lines) {
        Some(edits) => finding.fix(Fix { title: format!("share `{folder}`"), safety: Safety::Safe, edits }),
        None => finding,
    }
}
