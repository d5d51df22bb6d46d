//! RUN401: a dind service on runners that start no privileged containers. Knows what the given configuration says, not which other runners there are.

use crate::detect::ServiceFacts;
use crate::detect::client::may_dial;
use crate::detect::dagger::engine_call;
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::runners::{Takers, allows, line_before};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::runner::{Config, Entry, Executor, Table};

/// The rule.
pub static RULE: Rule =
    Rule { id: "RUN401", name: "dind-needs-privileged", severity: Severity::Error, page: include_str!("dind_needs_privileged.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        // A daemon that nobody calls may fail; that it is there at all is another rule's business.
        if !may_dial(facts) && engine_call(facts).is_none() {
            continue;
        }
        let Some(service) = facts.services.iter().find(|service| service.is_dind()) else { continue };
        let Some(takers) = Takers::of(context, job) else { continue };
        if takers.entries.iter().any(|(_, entry)| !surely_refuses(entry, service)) {
            continue;
        }
        for (config, entry) in &takers.entries {
            let finding = finding(context, job, service, (config, entry));
            let severity = if takers.certain { Severity::Error } else { Severity::Warning };
            findings.add(Diagnostic { severity, ..finding });
        }
    }
}

/// Whether the runner starts the service without the rights that it needs.
fn surely_refuses(entry: &Entry, service: &ServiceFacts) -> bool {
    let Some(section) = entry.section() else { return false };
    // Another runtime, such as sysbox or Kata, and an unconfined rootless daemon need no privileged container.
    let otherwise = ["runtime", "runtime_class_name", "security_opt", "services_security_opt", "pod_spec", "devices", "cap_add"];
    if entry.is_template && entry.privileged().is_none() || otherwise.iter().any(|key| section.get(key).is_some()) {
        return false;
    }
    let allowed: Vec<&str> = section.texts("allowed_privileged_services").into_iter().map(|(text, _)| text).collect();
    let excluded = !allowed.is_empty() && !service.image.text.contains('$') && !allows(&allowed, &service.image.text);
    !entry.has_privileged_services() || excluded
}

fn finding(context: &Context<'_>, job: &Job, service: &ServiceFacts, (config, entry): (&Config, &Entry)) -> Diagnostic {
    let section = entry.section().expect("a runner that refuses has a section");
    // A security context for services has the last word on Kubernetes.
    let context_of_services = section.table("service_container_security_context").filter(|services| services.get("privileged").is_some());
    let section = context_of_services.unwrap_or(section);
    let key = match entry.executor() {
        Executor::Kubernetes => "privileged",
        Executor::Docker | Executor::Machines | Executor::Shell | Executor::Other | Executor::Unknown => "services_privileged",
    };
    let setting = section.get(key).or_else(|| section.get("privileged"));
    let (place, message) = if entry.has_privileged_services() {
        let list = section.get("allowed_privileged_services").map_or(section.span, |setting| setting.value.span);
        (list, format!("{} starts `{}` without privileges: no pattern fits its name", entry.name(), service.image.text))
    } else {
        let place = setting.map_or(section.span, |setting| setting.value.span);
        (place, format!("{} starts services without privileges, and a Docker daemon needs them", entry.name()))
    };
    let finding =
        RULE.at(place, message).help(help(key)).label(service.image.image.name.span, "the daemon that won't start").job(&job.name);
    match fix(context, config, section, key).filter(|_| !entry.has_privileged_services()) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

fn help(key: &str) -> &'static str {
    match key {
        "privileged" => "set `privileged = true` on a runner that only trusted projects use, or build without a daemon",
        _ => "set `services_privileged = true` with `allowed_privileged_services`, or build without a daemon",
    }
}

/// Gives the right to services alone, where the executor can tell them from jobs.
fn fix(context: &Context<'_>, config: &Config, section: &Table, key: &str) -> Option<Fix> {
    let edits = match section.get(key) {
        Some(setting) => vec![Edit::replace(setting.value.span, "true")],
        None => line_before(context, config, section.settings.first()?.key, &format!("{key} = true"))?,
    };
    Some(Fix { title: format!("set `{key} = true`"), safety: Safety::Unsafe, edits })
}
