//! PIP1101: pushes to a branch with an open merge request that start two pipelines. Knows plans, not how they are made.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::rule::{Context, Findings, Rule, listed};
use crate::plan::moments::push_and_request;
use crate::plan::{Plan, PlannedJob};

/// The rule.
pub static RULE: Rule =
    Rule { id: "PIP1101", name: "duplicate-pipelines", severity: Severity::Warning, page: include_str!("duplicate_pipelines.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    let pipeline = &context.pipeline.pipeline;
    let is_root = pipeline.path.rsplit('/').next() == Some(".gitlab-ci.yml") && !context.pipeline.is_child;
    let known = pipeline.unresolved.is_empty() && pipeline.conditional.is_empty();
    let has_rules = pipeline.jobs.iter().any(|job| job.config.entry("rules").is_some());
    if !is_root || !known || !has_rules {
        return;
    }
    let (push, request) = push_and_request(pipeline);
    if !runs(&push) || !runs(&request) {
        return;
    }
    let pushed: BTreeSet<&str> = push.jobs.iter().map(|job| &*job.base).collect();
    let twice: Vec<&PlannedJob> = request.jobs.iter().filter(|job| pushed.contains(&*job.base)).collect();
    let Some(first) = twice.first() else { return };
    let mut names: Vec<&str> = twice.iter().map(|job| &*job.base).collect();
    names.dedup();
    let has_workflow = pipeline.keywords.get("workflow").and_then(|workflow| workflow.get("rules")).is_some();
    let message = format!("each push to a branch with an open merge request starts two pipelines, and both have {}", listed(&names));
    let finding = RULE.at(first.rule.unwrap_or(first.key), message).help(if has_workflow {
        "let the rules of `workflow` choose one of the two"
    } else {
        "add a `workflow` with rules that choose one of the two"
    });
    let jobs = names.iter().map(|name| (*name).to_owned()).collect();
    findings.add(Diagnostic { jobs, ..finding });
}

/// Whether the workflow surely lets the pipeline be created, and a job of a proper stage is in it.
fn runs(plan: &Plan) -> bool {
    plan.admitted == Some(true) && plan.jobs.iter().any(|job| *job.stage != *".pre" && *job.stage != *".post")
}
