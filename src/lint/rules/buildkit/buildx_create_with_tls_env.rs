//! BLD901: builders that are created while TLS comes from the environment. Knows when the client uses TLS, not whether its certificates are there.

use crate::detect::variables::is_open;
use crate::detect::{JobFacts, JobShell, Kind, Step, Tls, setting};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Slot, Tool};
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule, doubted, script_edit};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "BLD901",
    name: "buildx-create-with-tls-env",
    severity: Severity::Error,
    page: include_str!("buildx_create_with_tls_env.md"),
    check,
};

/// Drivers that leave the local daemon alone.
const REMOTE_DRIVERS: &[&str] = &["remote", "kubernetes", "cloud"];
/// The name of the context that the fix creates.
const CONTEXT: &str = "ci";

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let knowledge = context.knowledge(job);
        if knowledge == Knowledge::Partial {
            continue;
        }
        let Some(shell) = facts.shell.as_ref().filter(|_| facts.daemon.kind == Kind::Dind && facts.daemon.tls == Tls::On) else { continue };
        for (index, step) in shell.steps.iter().enumerate() {
            if is_create(step) && !is_rearranged(job, shell, index) {
                let finding = finding(context, job, facts, shell, index);
                findings.add(if knowledge == Knowledge::Full { finding } else { doubted(finding) });
            }
        }
    }
}

/// `docker buildx create` for the local daemon without an endpoint.
fn is_create(step: &Step) -> bool {
    let Some(operation) = step.operation.as_ref().filter(|operation| operation.tool == Tool::Buildx && operation.op == Op::Builder) else {
        return false;
    };
    let create = operation.command.last().and_then(|&index| step.constant(index)) == Some("create");
    let remote = operation.value("driver").is_some_and(|driver| REMOTE_DRIVERS.contains(&driver) || is_open(driver));
    create
        && operation.unknown.is_empty()
        && !remote
        && operation.slot(Slot::Name).next().is_none()
        && operation.global("context").is_none()
}

/// Whether the script or a variable chose another daemon or took TLS away before.
fn is_rearranged(job: &Job, shell: &JobShell, create: usize) -> bool {
    let chooses = |step: &Step| {
        let text = shell.slice(step.range());
        (step.operation.as_ref().is_some_and(|operation| operation.op == Op::Context) && text.contains(" use "))
            || (step.name() == Some("unset") && text.contains("DOCKER_"))
    };
    let bound = shell.evaluated.bindings.iter().any(|binding| {
        binding.name.starts_with("DOCKER_TLS") || matches!(&*binding.name, "DOCKER_HOST" | "DOCKER_CONTEXT" | "DOCKER_CERT_PATH")
    });
    bound || setting(job, "DOCKER_CONTEXT").is_some() || shell.steps[..create].iter().any(chooses)
}

fn finding(context: &Context<'_>, job: &Job, facts: &JobFacts, shell: &JobShell, index: usize) -> Diagnostic {
    let step = &shell.steps[index];
    let existing = shell.steps[..index].iter().rev().find_map(created_context);
    let name = existing.unwrap_or(CONTEXT);
    let help = match existing {
        Some(name) => format!("name the context: `docker buildx create … {name}`"),
        None => format!("run `docker context create {CONTEXT}` first, and name it: `docker buildx create … {CONTEXT}`"),
    };
    let message = "Buildx refuses to create a builder while the daemon's TLS settings come from the environment";
    let finding = RULE.at(job.place(&job.script, step.range()), message).help(help).job(&job.name);
    // Where no file speaks of TLS, the runner's own configuration may have turned it off, and a Kubernetes executor runs no entrypoint.
    let finding = if speaks_of_tls(job, facts) { finding } else { Diagnostic { severity: Severity::Warning, ..finding } };
    let finding = match facts.daemon.span {
        Some(span) => finding.label(span, "the daemon is reached by TLS"),
        None => finding,
    };
    let end = step.invocation.command.words.last().map_or(step.range().end, |word| word.range.range().end);
    let Some(edit) = script_edit::replace(context, &job.script, end..end, &format!(" {name}")).filter(|_| !step.invocation.opaque) else {
        return finding;
    };
    let mut edits = vec![edit];
    if existing.is_none() {
        let Some(insertion) =
            script_edit::insert_items(context, &job.script, step.range().start, &[&format!("docker context create {CONTEXT}")])
        else {
            return finding;
        };
        edits.extend(insertion);
    }
    finding.fix(Fix { title: "create the builder from a context".to_owned(), safety: Safety::Safe, edits })
}

/// Whether the pipeline itself says that the daemon is reached by TLS.
fn speaks_of_tls(job: &Job, facts: &JobFacts) -> bool {
    let names = ["DOCKER_TLS_CERTDIR", "DOCKER_TLS_VERIFY"];
    let service = facts.daemon.service.and_then(|index| facts.services[index].image.image.variables());
    facts.daemon.setting.is_some()
        || names.iter().any(|name| setting(job, name).is_some() || service.is_some_and(|variables| variables.get(name).is_some()))
}

/// The name that `docker context create NAME` gives.
fn created_context(step: &Step) -> Option<&str> {
    let operation = step.operation.as_ref().filter(|operation| operation.op == Op::Context && operation.unknown.is_empty())?;
    let create = operation.command.last().and_then(|&index| step.constant(index)) == Some("create");
    let name = operation.slot(Slot::Name).next().map(|name| &*name.text).filter(|name| !is_open(name));
    name.filter(|_| create && step.invocation.certainty == crate::shell::Certainty::Always)
}
