//! DND202: a dind service in a job that never talks to it. Knows which commands can't reach a daemon.

use crate::detect::client::may_dial;
use crate::detect::flow::needs_daemon;
use crate::detect::{JobFacts, ServiceFacts, Step, installer};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Operation, Tool};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Knowledge, Rule};
use crate::pipeline::Job;
use crate::source::Span;

/// The rule.
pub static RULE: Rule =
    Rule { id: "DND202", name: "dind-service-unused", severity: Severity::Warning, page: include_str!("dind_service_unused.md"), check };

/// Words in a script by which something else than a docker client may reach the daemon.
const HINTS: [&str; 6] = ["docker", "2375", "2376", "testcontainers", "TESTCONTAINERS", "DOCKER_HOST"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| job.is_script() && job.missing.is_empty()) {
        for service in facts.services.iter().filter(|service| service.is_dind()) {
            if let Some(finding) = idle(context, job, facts, service) {
                findings.add(finding.job(&job.name));
            }
        }
    }
}

fn idle(context: &Context<'_>, job: &Job, facts: &JobFacts, service: &ServiceFacts) -> Option<Diagnostic> {
    let span = service.image.image.name.span;
    let name = &service.image.text;
    if facts.operations.iter().any(|found| needs_daemon(&found.operation) || prepares_builder(&found.operation)) {
        return None;
    }
    if !may_dial(facts) && !runs_unseen_text(facts) && !hints(job, facts) {
        let message = format!("`{name}` is started for jobs that never talk to a Docker daemon");
        let finding = RULE.at(span, message).help("declare it only in the jobs that use it");
        if context.knowledge(job) != Knowledge::Full {
            return Some(Diagnostic { severity: Severity::Info, ..finding });
        }
        return Some(match removal(context, job, service) {
            Some(edits) => finding.fix(Fix { title: "remove the service".to_owned(), safety: Safety::Safe, edits }),
            None => finding,
        });
    }
    // A declaration that reaches every job, with another job as its evident user.
    let inherited = job.config.get("services")?.steps().any(|via| via.step == crate::yaml::Step::Default) || is_default(job);
    (inherited && !hints(job, facts) && is_used(context, span)).then(|| {
        let message = format!("`{name}` is started for jobs that show no sign of using a Docker daemon");
        let finding = RULE.at(span, message).help("declare it only in the jobs that use it, if these don't");
        Diagnostic { severity: Severity::Info, ..finding }
    })
}

/// Whether a builder is made on the daemon: nobody does that for nothing, so that a build is somewhere out of sight.
fn prepares_builder(operation: &Operation) -> bool {
    operation.tool == Tool::Buildx
        && operation.op == Op::Builder
        && !matches!(operation.value("driver"), Some("remote" | "kubernetes" | "cloud"))
}

/// Whether a shell runs text that comes through a pipe, and is no known installer.
fn runs_unseen_text(facts: &JobFacts) -> bool {
    facts.shell.iter().chain(&facts.after_shell).any(|shell| {
        let is_fed = |step: &Step| {
            matches!(step.name(), Some("sh" | "bash" | "ash" | "dash")) && step.invocation.pipe().is_some_and(|(stage, _)| stage > 0)
        };
        shell.steps.iter().enumerate().any(|(index, step)| is_fed(step) && !installer::is_known(shell, index))
    })
}

/// Removes the service from a job that declares it for itself alone, where nothing comes to light below it.
fn removal(context: &Context<'_>, job: &Job, service: &ServiceFacts) -> Option<Vec<Edit>> {
    let own = job.own.as_mapping()?.entry("services")?;
    let in_place = own.via.is_none() && own.value.via.is_none() && service.image.image.value.via.is_none() && own.shadowed.is_empty();
    let root = &context.pipeline.pipeline.root;
    let below = root.entry("services").is_some() || root.get("default").is_some_and(|default| default.get("services").is_some());
    let span = service.image.image.name.span;
    let users = context.analysis.pipelines.iter().flat_map(|pipeline| pipeline.jobs());
    let mut users = users.filter(|(_, facts)| facts.services.iter().any(|service| service.image.image.name.span == span));
    let alone = users.all(|(user, _)| user.key == job.key) && job.own.as_mapping()?.entry("extends").is_none();
    (in_place && !below && alone).then(|| addition::without_service(context, own, &service.image.image))?
}

/// Whether the job takes `services` over from `default` or the top of the file.
fn is_default(job: &Job) -> bool {
    let reached = job.config.entry("services").and_then(|entry| entry.via.as_deref());
    std::iter::successors(reached, |via| via.next.as_deref()).any(|via| via.step == crate::yaml::Step::Default)
}

/// Whether a word of the scripts points to the daemon although no docker command does; a look at the client's version is none.
fn hints(job: &Job, facts: &JobFacts) -> bool {
    let shells = [(&job.script, &facts.shell), (&job.after_script, &facts.after_shell)];
    shells.into_iter().any(|(script, shell)| {
        let Some(shell) = shell else { return true };
        let commands = shell.steps.iter().filter(|step| step.operation.is_none());
        let damaged = !shell.script.errors.is_empty();
        damaged
            || script.text.is_empty() != shell.steps.is_empty()
            || commands.into_iter().any(|step| HINTS.iter().any(|hint| shell.slice(step.range()).contains(hint)))
    })
}

/// Whether a job of the pipeline with the same service surely talks to it.
fn is_used(context: &Context<'_>, span: Span) -> bool {
    context.jobs().any(|(_, facts)| {
        let same = facts.services.iter().any(|service| service.image.image.name.span == span);
        same && facts.operations.iter().any(|found| needs_daemon(&found.operation))
    })
}
