//! DAG806: a socket of Dagger's engine that the pods of jobs don't mount. Knows paths, not what lies there.

use crate::detect::dagger::{ENGINE, engine_call, names_engine};
use crate::detect::setting;
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::runners::{Takers, add_volume, same_path};
use crate::lint::{Context, Findings, Knowledge, Rule};
use crate::pipeline::Job;
use crate::runner::{Config, Entry, Executor};
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DAG806",
    name: "dagger-socket-not-in-job-pod",
    severity: Severity::Error,
    page: include_str!("dagger_socket_not_in_job_pod.md"),
    check,
};

/// A socket that a job is to reach.
struct Wanted {
    /// Its folder.
    folder: String,
    /// Where that is said.
    span: Span,
    message: &'static str,
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) == Knowledge::Full) {
        let Some((shell, call)) = engine_call(facts) else { continue };
        let Some(takers) = Takers::of(context, job).filter(|takers| takers.all(Executor::Kubernetes)) else { continue };
        let elsewhere = facts.has_dind() || facts.daemon.setting.is_some();
        let own = own_socket(job);
        if elsewhere || (own.is_none() && names_engine(job, shell, &shell.steps[call])) {
            continue;
        }
        let lacking: Vec<_> =
            takers.entries.iter().filter_map(|(config, entry)| Some((config, entry, lacks(context, entry, own.as_ref())?))).collect();
        // Where one of several runners has what it takes, the job may be meant for that.
        if lacking.len() == takers.entries.len() {
            for (config, entry, wanted) in lacking {
                findings.add(finding(context, job, (config, entry), &wanted));
            }
        }
    }
}

/// The socket that the job itself names.
fn own_socket(job: &Job) -> Option<Wanted> {
    let own = setting(job, ENGINE).filter(|own| own.is_known())?;
    Some(Wanted { folder: folder(&own.text)?, span: own.span, message: "the engine's socket" })
}

/// The folder of a socket named by a URL.
fn folder(host: &str) -> Option<String> {
    let path = host.strip_prefix("unix://")?;
    path.rsplit_once('/').map(|(folder, _)| folder.to_owned()).filter(|folder| !folder.is_empty())
}

/// The socket that jobs are to reach through this runner and can't.
fn lacks(context: &Context<'_>, entry: &Entry, own: Option<&Wanted>) -> Option<Wanted> {
    if entry.is_patched() {
        return None;
    }
    let environment = entry.environment();
    let named = environment.iter().find(|variable| variable.name == ENGINE);
    let wanted = match (own, named) {
        (Some(own), _) => Wanted { folder: own.folder.clone(), ..*own },
        (None, Some(named)) => Wanted { folder: folder(named.value)?, span: named.span, message: "the engine's socket" },
        // Nobody names the socket, but the runner's own pod has its folder.
        (None, None) => {
            let mount = context.analysis.runners.mounts.iter().find(|mount| mount.path.contains("dagger"))?;
            Wanted { folder: mount.path.clone(), span: mount.span, message: "only the runner's own pod has it" }
        }
    };
    let shared = entry.volumes().iter().any(|volume| same_path(volume.mount_path, &wanted.folder));
    (!shared).then_some(wanted)
}

fn finding(context: &Context<'_>, job: &Job, (config, entry): (&Config, &Entry), wanted: &Wanted) -> Diagnostic {
    let place = entry.kubernetes().map_or(entry.table.span, |section| section.span);
    let folder = &wanted.folder;
    let finding = RULE
        .at(place, format!("{} mounts nothing at `{folder}` into the pods of jobs, where Dagger's engine is to be found", entry.name()))
        .help(format!("add a `[[runners.kubernetes.volumes.host_path]]` with `mount_path = \"{folder}\"`, and as `host_path` the folder in which the engine's pod puts its socket"))
        .label(wanted.span, wanted.message)
        .job(&job.name);
    let lines = ["name = \"dagger\"".to_owned(), format!("mount_path = \"{folder}\""), format!("host_path = \"{folder}\"")];
    match add_volume(context, config, entry, "host_path", &lines).filter(|_| !folder.contains(['"', '\\', '$', '{'])) {
        Some(edits) => finding.fix(Fix { title: format!("mount `{folder}` of the node"), safety: Safety::Unsafe, edits }),
        None => finding,
    }
}
