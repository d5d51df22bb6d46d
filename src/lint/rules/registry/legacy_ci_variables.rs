//! REG505: predefined variables that GitLab 16 no longer sets. Knows their names and successors.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::detect::{JobShell, Step};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::{Job, Script};
use crate::shell::{Expansion, Frame, Part, PartKind};
use crate::source::Span;
use crate::yaml::{Data, Value};

/// The rule.
pub static RULE: Rule =
    Rule { id: "REG505", name: "legacy-ci-variables", severity: Severity::Error, page: include_str!("legacy_ci_variables.md"), check };

/// Removed in 16.0 (<https://docs.gitlab.com/update/deprecations/>), with what took their place.
const RENAMED: &[(&str, &str)] = &[
    ("CI_BUILD_BEFORE_SHA", "CI_COMMIT_BEFORE_SHA"),
    ("CI_BUILD_ID", "CI_JOB_ID"),
    ("CI_BUILD_MANUAL", "CI_JOB_MANUAL"),
    ("CI_BUILD_NAME", "CI_JOB_NAME"),
    ("CI_BUILD_REF", "CI_COMMIT_SHA"),
    ("CI_BUILD_REF_NAME", "CI_COMMIT_REF_NAME"),
    ("CI_BUILD_REF_SLUG", "CI_COMMIT_REF_SLUG"),
    ("CI_BUILD_REPO", "CI_REPOSITORY_URL"),
    ("CI_BUILD_STAGE", "CI_JOB_STAGE"),
    ("CI_BUILD_TAG", "CI_COMMIT_TAG"),
    ("CI_BUILD_TOKEN", "CI_JOB_TOKEN"),
    ("CI_BUILD_TRIGGERED", "CI_PIPELINE_TRIGGERED"),
];

/// Keywords whose values decide what runs.
const CONDITIONS: &[&str] = &["rules", "only", "except"];
const SCRIPTS: &[&str] = &["before_script", "script", "after_script"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        for (keyword, entry) in job.config.named().filter(|(keyword, _)| !SCRIPTS.contains(keyword)) {
            let safety = if CONDITIONS.contains(&keyword) { Safety::Unsafe } else { Safety::Safe };
            in_value(context, job, &entry.value, safety, findings);
        }
        for variable in job.variables.values() {
            in_value(context, job, &variable.entry.value, Safety::Safe, findings);
        }
        if job.script.text.contains("CI_BUILD_") {
            let shell = facts.main_shell(job);
            in_script(job, &job.script, &shell, findings);
        }
        if job.after_script.text.contains("CI_BUILD_") {
            in_script(job, &job.after_script, &JobShell::read(job, &job.after_script), findings);
        }
    }
}

fn successor(job: &Job, name: &str) -> Option<&'static str> {
    let own = job.variables.contains_key(name) || job.conditional.iter().any(|(conditional, _)| &**conditional == name);
    RENAMED.iter().find(|(gone, _)| *gone == name).map(|(_, successor)| *successor).filter(|_| !own)
}

/// A finding at the place of the name; `exact` where that is the name itself and may be replaced.
fn finding(job: &Job, name: &str, successor: &str, place: Span, exact: bool, safety: Safety) -> Diagnostic {
    let finding = RULE
        .at(place, format!("GitLab 16 and later do not set `{name}`, unless the project's settings do; its successor is `{successor}`"))
        .help(format!("write `{successor}`"))
        .job(&job.name);
    if !exact {
        return finding;
    }
    finding.fix(Fix { title: format!("rename it to `{successor}`"), safety, edits: vec![Edit::replace(place, successor)] })
}

fn in_value(context: &Context<'_>, job: &Job, value: &Value, safety: Safety, findings: &mut Findings) {
    static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\$|\$\{?(CI_BUILD_[A-Z_]+)").expect("a valid pattern"));
    match &value.data {
        Data::Sequence(items) => items.iter().for_each(|item| in_value(context, job, item, safety, findings)),
        Data::Mapping(mapping) => mapping.entries.values().for_each(|entry| in_value(context, job, &entry.value, safety, findings)),
        Data::String(text) => {
            for found in NAME.captures_iter(text).filter_map(|found| found.get(1)) {
                let Some(successor) = successor(job, found.as_str()) else { continue };
                let Some(map) = context.analysis.documents.scalar_text(value) else { continue };
                let exact = map.source(found.range());
                let place = exact.unwrap_or_else(|| map.cover(found.range()));
                findings.add(finding(job, found.as_str(), successor, place, exact.is_some(), safety));
            }
        }
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::Symbol(_) | Data::Reference(_) => {}
    }
}

fn in_script(job: &Job, script: &Script, shell: &JobShell, findings: &mut Findings) {
    for step in shell.steps.iter().filter(|step| !step.invocation.opaque) {
        let decides = matches!(step.name(), Some("[" | "test"))
            || step
                .invocation
                .path
                .iter()
                .any(|frame| matches!(frame, Frame::If { condition: true, .. } | Frame::Loop { condition: true }));
        let safety = if decides { Safety::Unsafe } else { Safety::Safe };
        for (name, range) in variables(step) {
            let assigned = shell.evaluated.bindings.iter().any(|binding| binding.name == name);
            let Some(successor) = successor(job, &name).filter(|_| !assigned) else { continue };
            let exact = script.source(range.clone());
            let place = exact.unwrap_or_else(|| job.place(script, range));
            findings.add(finding(job, &name, successor, place, exact.is_some(), safety));
        }
    }
}

/// The plain expansions in a command, each with the bytes of its name.
fn variables(step: &Step) -> Vec<(String, Range<usize>)> {
    let command = &step.invocation.command;
    let values = command.assignments.iter().chain(&command.declared).map(|assignment| &assignment.value);
    let targets = command.redirections.iter().map(|redirection| &redirection.target);
    let words = command.words.iter().chain(values).chain(targets).flat_map(|word| &word.parts);
    let documents = command.redirections.iter().filter_map(|redirection| redirection.heredoc.as_ref()).flat_map(|heredoc| &heredoc.parts);
    words.chain(documents).filter_map(variable).collect()
}

fn variable(part: &Part) -> Option<(String, Range<usize>)> {
    let PartKind::Variable(variable) = &part.kind else { return None };
    let start = part.range.start as usize + if variable.braces { 2 } else { 1 };
    matches!(variable.expansion, Expansion::Plain).then(|| (variable.name.clone(), start..start + variable.name.len()))
}
