//! REG502: a push in a job that has no credentials for the registry. Knows what leaves credentials behind, not the runner's own files.

use crate::detect::JobFacts;
use crate::detect::client::Runner;
use crate::detect::registry::{Push, Registry, RegistryUse};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::Tool;
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule, script_edit};
use crate::pipeline::{Job, Section};

use super::login_lost_by_before_script::DefaultLogin;

/// The rule.
pub static RULE: Rule =
    Rule { id: "REG502", name: "push-without-login", severity: Severity::Error, page: include_str!("push_without_login.md"), check };

/// What GitLab's documentation tells to run.
const LOGIN: &str = r#"echo "$CI_REGISTRY_PASSWORD" | docker login -u "$CI_REGISTRY_USER" --password-stdin "$CI_REGISTRY""#;

fn check(context: &Context<'_>, findings: &mut Findings) {
    let uses: Vec<(&Job, RegistryUse)> = context.jobs().map(|(job, facts)| (job, RegistryUse::of(job, facts))).collect();
    let default = DefaultLogin::of(context);
    for ((job, facts), (_, registries)) in context.jobs().zip(&uses) {
        // A login to another registry, and one that an override lost, have rules of their own; a login out of sight needs none.
        let elsewhere = !registries.logins.is_empty() || default.as_ref().is_some_and(|default| default.lost_in(job, facts).is_some());
        if elsewhere || context.knowledge(job) != Knowledge::Full {
            continue;
        }
        let mut seen = Vec::new();
        for push in registries.pushes.iter().filter(|push| push.registry != Registry::Unknown && registries.lacks(&push.registry)) {
            if !seen.contains(&&push.registry) {
                seen.push(&push.registry);
                findings.add(finding(context, job, facts, push, &uses));
            }
        }
    }
}

fn finding(context: &Context<'_>, job: &Job, facts: &JobFacts, push: &Push, uses: &[(&Job, RegistryUse)]) -> Diagnostic {
    let host = push.registry.name().expect("unknown registries were left out");
    let span = facts.operations[push.operation].span;
    let elsewhere = uses.iter().find_map(|(other, registries)| {
        let login = registries.logins.iter().find(|login| login.registry == push.registry)?;
        (other.name != job.name).then_some((*other, login))
    });
    let finding = match elsewhere {
        Some((other, login)) => RULE
            .at(span, format!("this job pushes to `{host}` without a login; the one in `{}` does not carry over", other.name))
            .label(login.span, "each job starts without credentials, so this login is gone"),
        None => Diagnostic {
            severity: Severity::Warning,
            ..RULE.at(span, format!("nothing in this job authenticates to `{host}`, which it pushes to"))
        },
    };
    let help = match push.registry {
        Registry::Project => format!("log in first: `{LOGIN}`"),
        Registry::Hub | Registry::Host(_) | Registry::Unknown => "log in before the push, in this job".to_owned(),
    };
    let mut finding = finding.help(help).job(&job.name);
    // Without an image a runner of one's own may run the job in its shell, where a login lasts.
    if Runner::of(job) == Runner::Chosen && facts.image.is_none() {
        finding.severity = if finding.severity == Severity::Error { Severity::Warning } else { Severity::Info };
    }
    match fix(context, job, facts, push) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

fn fix(context: &Context<'_>, job: &Job, facts: &JobFacts, push: &Push) -> Option<Fix> {
    let operation = &facts.operations[push.operation];
    let has_docker = matches!(operation.operation.tool, Tool::Docker | Tool::Buildx);
    if push.registry != Registry::Project || !has_docker || operation.section == Section::AfterScript {
        return None;
    }
    let edits = script_edit::insert_items(context, &job.script, facts.step(operation)?.range().start, &[LOGIN])?;
    Some(Fix { title: "log in to the project's registry before the push".to_owned(), safety: Safety::Safe, edits })
}
