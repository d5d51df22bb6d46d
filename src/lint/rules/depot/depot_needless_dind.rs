//! DEP703: a Docker daemon beside builds that Depot does alone. Knows which commands contact a daemon.

use crate::detect::JobFacts;
use crate::detect::flow::needs_daemon;
use crate::diagnostic::Severity;
use crate::docker::{Op, Operation, Tool};
use crate::lint::{Context, Findings, Knowledge, Rule};

/// The rule.
pub static RULE: Rule =
    Rule { id: "DEP703", name: "depot-needless-dind", severity: Severity::Warning, page: include_str!("depot_needless_dind.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let Some(service) = facts.daemon.service.and_then(|index| facts.services.get(index)) else { continue };
        if context.knowledge(job) == Knowledge::Full && uses_depot_alone(facts) {
            let finding = RULE.at(
                service.image.image.name.span,
                "this daemon is not needed: Depot builds and pushes without one, and `docker login` needs none",
            );
            findings.add(finding.help("remove the service with its variables: `undind migrate --to depot --drop-idle`").job(&job.name));
        }
    }
}

fn uses_depot_alone(facts: &JobFacts) -> bool {
    let builds = facts.operations.iter().any(|operation| is_remote_build(&operation.operation));
    let rest = facts.operations.iter().all(|operation| is_remote_build(&operation.operation) || is_harmless(&operation.operation));
    builds && rest && facts.opaque.is_empty()
}

/// A build whose result surely doesn't come back into a daemon.
fn is_remote_build(operation: &Operation) -> bool {
    let builds = operation.tool == Tool::Depot && matches!(operation.op, Op::Build | Op::Bake);
    let loads = operation.switch("load") != Some(false) || operation.outputs().iter().any(|output| output.get("type") == Some("docker"));
    builds && operation.unknown.is_empty() && !loads
}

fn is_harmless(operation: &Operation) -> bool {
    match operation.op {
        Op::Login | Op::Logout | Op::Imagetools | Op::Manifest => true,
        Op::Push | Op::Pull => operation.tool == Tool::Depot,
        Op::Info => operation.tool == Tool::Depot || !needs_daemon(operation),
        Op::Other => operation.tool == Tool::Crane || operation.tool == Tool::Skopeo,
        Op::Build
        | Op::Bake
        | Op::Tag
        | Op::Run
        | Op::Exec
        | Op::Save
        | Op::Load
        | Op::Import
        | Op::ComposeBuild
        | Op::ComposePush
        | Op::ComposeUp
        | Op::ComposeRun
        | Op::Builder
        | Op::Context
        | Op::Inspect
        | Op::Wait
        | Op::Clean => false,
    }
}
