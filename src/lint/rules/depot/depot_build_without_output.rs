//! DEP701: Depot builds whose image goes nowhere. Knows the flags that ask for an output, not what the build is for.

use crate::detect::purpose::is_check;
use crate::detect::{JobFacts, JobOperation, Step, setting};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Operation, Role, Tool};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DEP701",
    name: "depot-build-without-output",
    severity: Severity::Error,
    page: include_str!("depot_build_without_output.md"),
    check,
};

/// With it set, Depot's client says nothing either (depot/cli, `pkg/buildx/build`).
const DELIBERATE: &str = "DEPOT_SUPPRESS_NO_OUTPUT_WARNING";
/// The files that a bake reads where none is named (<https://docs.docker.com/build/bake/reference/>).
const BAKE_FILES: &[&str] = &[
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        for (operation, step) in facts.own_operations() {
            if is_lost(context, job, facts, operation, step) {
                findings.add(finding(job, facts, operation));
            }
        }
    }
}

fn finding(job: &Job, facts: &JobFacts, operation: &JobOperation) -> Diagnostic {
    let named = operation.operation.images_as(Role::Built).next();
    let message = match named {
        Some(_) => "the image gets a name but stays in Depot's cache: no registry and no daemon has it afterwards",
        None => "the result of this build stays in Depot's cache",
    };
    let pushes_later = facts.operations.iter().any(|other| other.operation.op == Op::Push && other.operation.tool == Tool::Docker);
    let help = if pushes_later {
        "add `--push` here instead of `docker push`"
    } else {
        "add `--push` to publish the image, `--load` to use it in this job, `--save` to keep it in Depot's registry"
    };
    let severity = match (named, is_check(job, &operation.operation)) {
        (_, true) => Severity::Info,
        (Some(_), false) => Severity::Error,
        (None, false) => Severity::Warning,
    };
    Diagnostic { severity, ..RULE.at(operation.span, message).help(help).job(&job.name) }
}

fn is_lost(context: &Context<'_>, job: &Job, facts: &JobFacts, job_operation: &JobOperation, step: &Step) -> bool {
    let operation = &job_operation.operation;
    let builds = operation.tool == Tool::Depot && matches!(operation.op, Op::Build | Op::Bake);
    let asked = ["push", "load", "save", "output", "suppress-no-output-warning", "print", "call", "check"];
    let has_output = operation.flags.iter().any(|flag| asked.contains(&flag.name) && flag.is_on() != Some(false));
    let overridden = operation.flags_named("set").any(|flag| flag.value.as_deref().is_none_or(|value| value.contains("output")));
    let deliberate = setting(job, DELIBERATE).is_some() || step.invocation.environment.iter().any(|(name, _)| name == DELIBERATE);
    let exported = facts.shell.iter().flat_map(|shell| &shell.evaluated.bindings).any(|binding| binding.name == DELIBERATE);
    builds
        && operation.unknown.is_empty()
        && !has_output
        && !overridden
        && !deliberate
        && !exported
        && (operation.op == Op::Build || bakes_nothing_out(context, operation, step))
}

/// Whether the bake files are in the repository and none of them has an output.
fn bakes_nothing_out(context: &Context<'_>, operation: &Operation, step: &Step) -> bool {
    if step.folder().is_none_or(|folder| !folder.is_empty()) {
        return false;
    }
    let named: Vec<&str> = operation.flags_named("file").filter_map(|flag| flag.value.as_deref()).collect();
    let read = |path: &&str| context.analysis.workspace.text(path.strip_prefix("./").unwrap_or(path)).ok();
    let texts: Vec<_> =
        if named.is_empty() { BAKE_FILES.iter().filter_map(read).collect() } else { named.iter().filter_map(read).collect() };
    let complete = !texts.is_empty() && (named.is_empty() || texts.len() == named.len());
    complete && !texts.iter().any(|text| text.contains("output") || text.contains("push"))
}
