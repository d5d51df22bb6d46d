//! DND202: a dind service in a job that never talks to it. Knows which commands can't reach a daemon.

use indexmap::IndexMap;

use crate::detect::client::may_dial;
use crate::detect::flow::needs_daemon;
use crate::detect::{JobFacts, ServiceFacts, Step, installer};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::reference::{Reference, Same};
use crate::docker::{Op, Operation, Role, Tool};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Knowledge, Rule, listed};
use crate::pipeline::Job;
use crate::source::Span;
use crate::yaml::Value;

/// The rule.
pub static RULE: Rule =
    Rule { id: "DND202", name: "dind-service-unused", severity: Severity::Warning, page: include_str!("dind_service_unused.md"), check };

/// Words in a script by which something else than a docker client may reach the daemon.
const HINTS: [&str; 6] = ["docker", "2375", "2376", "testcontainers", "TESTCONTAINERS", "DOCKER_HOST"];

/// What a job does with its dind service.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Use {
    /// Surely nothing.
    Never,
    /// Nothing that can be seen.
    NoSign,
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut idle: IndexMap<(Span, Use), Vec<(&Job, &ServiceFacts)>> = IndexMap::new();
    for (job, facts) in context.jobs().filter(|(job, _)| job.is_script() && job.missing.is_empty()) {
        for service in facts.services.iter().filter(|service| service.is_dind()) {
            if let Some(kind) = use_of(context, job, facts, service) {
                idle.entry((service.image.image.name.span, kind)).or_default().push((job, service));
            }
        }
    }
    for ((span, kind), jobs) in &idle {
        findings.add_some(finding(context, *span, *kind, jobs));
    }
}

/// None where the job talks to the service, or may well do so.
fn use_of(context: &Context<'_>, job: &Job, facts: &JobFacts, service: &ServiceFacts) -> Option<Use> {
    let span = service.image.image.name.span;
    if facts.operations.iter().any(|found| needs_daemon(&found.operation) || prepares_builder(&found.operation)) {
        return None;
    }
    let built_here = is_built_here(context, facts);
    if !may_dial(facts) && !runs_unseen_text(facts) && !hints(job, facts) && !built_here {
        return Some(Use::Never);
    }
    // A declaration that reaches every job, with another job as its evident user.
    let inherited = job.config.get("services")?.steps().any(|via| via.step == crate::yaml::Step::Default) || is_default(job);
    let suspicious = inherited && !hints(job, facts) && is_used(context, span);
    (suspicious && !built_here && !is_chosen(context, facts)).then_some(Use::NoSign)
}

/// Whether the job, of which not everything can be seen, probably has the service on purpose: its image is Docker's own, it runs a script that uses
/// the daemon elsewhere, or those who wrote the file take the service from the jobs that don't need it.
fn is_chosen(context: &Context<'_>, facts: &JobFacts) -> bool {
    let docker = facts.image.as_ref().and_then(|image| image.docker.as_ref()).is_some_and(|docker| docker.official);
    let scripts: Vec<&str> = scripts(context, facts).collect();
    let uses = |facts: &JobFacts| facts.operations.iter().any(|found| needs_daemon(&found.operation));
    let shared = context.jobs().any(|(_, other)| uses(other) && self::scripts(context, other).any(|script| scripts.contains(&script)));
    let opted_out = |job: &Job| job.config.get("services").and_then(Value::as_sequence).is_some_and(<[Value]>::is_empty);
    docker || shared || context.jobs().any(|(job, _)| opted_out(job))
}

/// The script files that the job runs and that cannot be looked into, without `./`.
fn scripts<'a>(context: &Context<'a>, facts: &'a JobFacts) -> impl Iterator<Item = &'a str> {
    let context = *context;
    let file = |command: &'a str| command.split_whitespace().find(|word| word.contains('/') || word.ends_with(".sh"));
    facts.opaque.iter().filter_map(move |opaque| file(context.slice(opaque.span))).map(|file| file.trim_start_matches("./"))
}

/// Whether the job's image is one that a job of this pipeline builds: what its programs do cannot be seen.
fn is_built_here(context: &Context<'_>, facts: &JobFacts) -> bool {
    let Some(image) = facts.image.as_ref().and_then(|image| image.reference.as_ref()) else { return false };
    let operations = context.jobs().flat_map(|(_, facts)| &facts.operations).map(|found| &found.operation);
    let mut built =
        operations.flat_map(|operation| operation.images.iter().filter(|image| matches!(image.role, Role::Built | Role::Pushed)));
    built.any(|built| Reference::parse(&built.text).is_some_and(|built| built.same(image) == Same::Yes))
}

fn finding(context: &Context<'_>, span: Span, kind: Use, jobs: &[(&Job, &ServiceFacts)]) -> Option<Diagnostic> {
    let (_, service) = jobs.first()?;
    let names: Vec<&str> = jobs.iter().map(|(job, _)| &*job.name).collect();
    let (idle, help) = match (kind, names.len()) {
        (Use::Never, 1) => ("never talks to a Docker daemon", "declare it only in the jobs that use it"),
        (Use::Never, _) => ("never talk to a Docker daemon", "declare it only in the jobs that use it"),
        (Use::NoSign, 1) => ("shows no sign of using a Docker daemon", "declare it only in the jobs that use it, if this one doesn't"),
        (Use::NoSign, _) => ("show no sign of using a Docker daemon", "declare it only in the jobs that use it, if these don't"),
    };
    let finding = RULE.at(span, format!("`{}` is started for {}, which {idle}", service.image.text, listed(&names))).help(help);
    let finding = names.iter().fold(finding, |finding, name| finding.job(name));
    let known = jobs.iter().any(|(job, _)| context.knowledge(job) == Knowledge::Full);
    if kind == Use::NoSign || !known {
        return Some(Diagnostic { severity: Severity::Info, ..finding });
    }
    let only = match jobs {
        [(job, service)] => removal(context, job, service),
        _ => None,
    };
    Some(match only {
        Some(edits) => finding.fix(Fix { title: "remove the service".to_owned(), safety: Safety::Safe, edits }),
        None => finding,
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
