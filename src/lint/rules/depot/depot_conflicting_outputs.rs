//! DEP712: outputs that Depot's client takes one at a time. Knows the client's own checks, which come before anything is built.

use crate::detect::JobOperation;
use crate::detect::variables::is_open;
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::attributes::Attributes;
use crate::docker::{Op, Tool};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DEP712",
    name: "depot-conflicting-outputs",
    severity: Severity::Error,
    page: include_str!("depot_conflicting_outputs.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        for found in &facts.operations {
            if found.operation.tool == Tool::Depot && found.operation.op == Op::Build && found.operation.unknown.is_empty() {
                findings.add_some(finding(job, found));
            }
        }
    }
}

fn finding(job: &Job, found: &JobOperation) -> Option<Diagnostic> {
    let operation = &found.operation;
    let written: Vec<&str> = operation.flags_named("output").filter_map(|flag| flag.value.as_deref()).collect();
    let at = |message: String, help: &str| Some(RULE.at(found.span, message).help(help).job(&job.name));
    if written.len() > 1 {
        return at("Depot takes one `--output` a build: `multiple outputs currently unsupported`".to_owned(), TWO);
    }
    let known = written.first().filter(|text| !is_open(text));
    let kind = known.and_then(|text| Attributes::output(text)).and_then(|output| output.get("type").map(str::to_owned));
    let pushes = operation.flag("push").is_some() && operation.switch("push") == Some(true);
    match kind.as_deref() {
        Some(kind @ ("local" | "tar" | "docker" | "oci")) if pushes => {
            at(format!("`--push` and an output of type `{kind}` can't be used together"), TWO)
        }
        _ => None,
    }
}

/// The second of two builds finds everything in the cache.
const TWO: &str = "build twice, each time with one output: the second build finds everything in Depot's cache";
