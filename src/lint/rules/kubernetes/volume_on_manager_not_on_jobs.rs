//! K8S309: a socket of the node in the runner's own pod, and not in those of jobs. Knows mounts, not what uses them.

use crate::diagnostic::Severity;
use crate::edit::{Fix, Safety};
use crate::lint::runners::{add_volume, same_path};
use crate::lint::{Context, Findings, Rule};
use crate::runner::{Executor, Mount};

/// The rule.
pub static RULE: Rule = Rule {
    id: "K8S309",
    name: "volume-on-manager-not-on-jobs",
    severity: Severity::Error,
    page: include_str!("volume_on_manager_not_on_jobs.md"),
    check,
};

/// What a folder or socket for jobs has in its name.
const FOR_JOBS: &[&str] = &["docker.sock", "dagger", "buildkit", "podman"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    let runners = &context.analysis.runners;
    let entries: Vec<_> = runners.entries().collect();
    // A shell or docker executor in that pod uses the mount itself.
    let only = !entries.is_empty() && entries.iter().all(|(_, entry)| entry.executor() == Executor::Kubernetes && !entry.is_patched());
    let shared = |mount: &Mount| {
        let volumes = entries.iter().flat_map(|(_, entry)| entry.volumes());
        volumes.into_iter().any(|volume| same_path(volume.host_path, &mount.host_path) || same_path(volume.mount_path, &mount.path))
    };
    let for_jobs = |mount: &&Mount| FOR_JOBS.iter().any(|word| mount.path.contains(word));
    for mount in runners.mounts.iter().filter(for_jobs).filter(|mount| only && !shared(mount)) {
        let finding = RULE
            .at(mount.span, format!("`{}` is mounted into the pod of the runner, and the pods of jobs don't inherit it", mount.path))
            .help("name it in `[[runners.kubernetes.volumes.host_path]]`, and remove it here: this pod starts the pods of jobs and runs none itself");
        let finding = entries.iter().fold(finding, |finding, (_, entry)| {
            let place = entry.kubernetes().map_or(entry.table.span, |section| section.span);
            finding.label(place, "the settings of the pods of jobs")
        });
        let edits = entries.iter().map(|(config, entry)| {
            let name = if mount.path.contains("dagger") { "dagger" } else { "engine" };
            let lines =
                [format!("name = \"{name}\""), format!("mount_path = \"{}\"", mount.path), format!("host_path = \"{}\"", mount.host_path)];
            add_volume(context, config, entry, "host_path", &lines)
        });
        let plain = ![&mount.path, &mount.host_path].iter().any(|path| path.contains(['"', '\\', '{']));
        findings.add(match edits.collect::<Option<Vec<_>>>().filter(|_| plain) {
            Some(edits) => {
                finding.fix(Fix { title: "mount it into the pods of jobs".to_owned(), safety: Safety::Unsafe, edits: edits.concat() })
            }
            None => finding,
        });
    }
}
