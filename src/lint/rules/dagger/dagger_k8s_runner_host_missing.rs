//! DAG805: Dagger on runners of the Kubernetes executor that tell of no engine. Knows the runner's environment, not what is set in the project's
//! settings.

use crate::detect::dagger::{ENGINE, engine_call, names_engine};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::runners::{Takers, is_for_dagger, line_before};
use crate::lint::{Context, Findings, Knowledge, Rule};
use crate::pipeline::Job;
use crate::runner::{Config, Data, Entry, Executor};
use crate::source::Span;
use crate::yaml::Value;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DAG805",
    name: "dagger-k8s-runner-host-missing",
    severity: Severity::Error,
    page: include_str!("dagger_k8s_runner_host_missing.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) == Knowledge::Full) {
        let Some((shell, call)) = engine_call(facts) else { continue };
        let Some(takers) = Takers::of(context, job).filter(|takers| takers.all(Executor::Kubernetes)) else { continue };
        // A daemon beside the job, or one that the job finds by itself, can run the engine.
        let daemon = facts.has_dind() || facts.daemon.setting.is_some() || !facts.opaque.is_empty();
        let told = |entry: &Entry| entry.environment().iter().any(|variable| variable.name == ENGINE) || has_daemon(entry);
        if daemon || names_engine(job, shell, &shell.steps[call]) || takers.entries.iter().any(|(_, entry)| told(entry)) {
            continue;
        }
        let place = job.place(&job.script, shell.steps[call].range());
        let tagged = job.tags().iter().filter_map(Value::scalar_text).any(|tag| tag.to_ascii_lowercase().contains("dagger"));
        for (config, entry) in &takers.entries {
            let sure = takers.certain || tagged || is_for_dagger(entry);
            let severity = if sure { Severity::Error } else { Severity::Warning };
            findings.add(Diagnostic { severity, ..finding(context, job, place, (config, entry)) });
        }
    }
}

/// Whether job pods get a container daemon from the runner: a service of its own, or a socket of the node.
fn has_daemon(entry: &Entry) -> bool {
    let services = entry.kubernetes().is_some_and(|section| section.tables("services").next().is_some());
    let socket = |path: &str| path.ends_with(".sock") && !path.contains("dagger");
    services || entry.is_patched() || entry.volumes().iter().any(|volume| socket(volume.mount_path) || socket(volume.host_path))
}

fn finding(context: &Context<'_>, job: &Job, call: Span, (config, entry): (&Config, &Entry)) -> Diagnostic {
    let place = entry.table.get("environment").map_or(entry.table.span, |setting| setting.value.span);
    let finding = RULE
        .at(place, format!("{} tells Dagger of no engine, and the pods of jobs have no daemon to start one with", entry.name()))
        .help(format!(
            "set `environment = [\"{ENGINE}=unix:///run/dagger/engine.sock\"]`, with the path at which the engine's socket is mounted"
        ))
        .label(call, "needs an engine")
        .job(&job.name);
    match fix(context, config, entry) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

/// Names the socket in the folder that the runner already mounts.
fn fix(context: &Context<'_>, config: &Config, entry: &Entry) -> Option<Fix> {
    let volumes = entry.volumes();
    let folder = volumes.iter().find(|volume| volume.host_path.contains("dagger"))?.mount_path.trim_end_matches('/');
    let socket = if folder.ends_with(".sock") { folder.to_owned() } else { format!("{folder}/engine.sock") };
    let pair = format!("\"{ENGINE}=unix://{socket}\"");
    let edits = match entry.table.get("environment") {
        Some(setting) => match (&setting.value.data, setting.value.as_array().last()) {
            (Data::Array(_), Some(last)) => vec![Edit::insert_before(last.span.end_point(), format!(", {pair}"))],
            (Data::Array(_), None) => vec![Edit::replace(setting.value.span, format!("[{pair}]"))],
            _ => return None,
        },
        None => line_before(context, config, entry.table.settings.first()?.key, &format!("environment = [{pair}]"))?,
    };
    config.is_editable.then(|| Fix { title: "name the engine in `environment`".to_owned(), safety: Safety::Unsafe, edits })
}
