//! DEP709: bills of materials that are written into a folder which the job doesn't keep. Knows artifacts, not what other programs upload.

use crate::detect::variables::{expand, is_open};
use crate::detect::{JobFacts, JobOperation, Step};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Tool};
use crate::edit::{Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::{Job, Section};
use crate::yaml::{Data, Value};

/// The rule.
pub static RULE: Rule =
    Rule { id: "DEP709", name: "depot-sbom-lost", severity: Severity::Warning, page: include_str!("depot_sbom_lost.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        // A default from a file that isn't here may keep the folder.
        let known = job.missing.is_empty() && (context.knows_defaults() || job.config.get("artifacts").is_some());
        for (operation, step) in facts.own_operations().filter(|(operation, _)| known && operation.section != Section::AfterScript) {
            let builds = operation.operation.tool == Tool::Depot && matches!(operation.operation.op, Op::Build | Op::Bake);
            let lost = |folder: &String| builds && !is_kept(job, folder) && !is_used_later(facts, operation, folder);
            if let Some(folder) = folder(operation, step).filter(lost) {
                findings.add(finding(context, job, operation, &folder));
            }
        }
    }
}

/// The folder of `--sbom-dir`, as a path in the repository; none where it can't be told or is elsewhere.
fn folder(found: &JobOperation, step: &Step) -> Option<String> {
    let written = found.operation.value("sbom-dir")?;
    let path = written
        .strip_prefix("${CI_PROJECT_DIR}/")
        .map_or_else(|| Some(format!("{}/{written}", step.folder()?)), |rest| Some(rest.to_owned()))?;
    let inside = !is_open(&path) && !path.contains("..") && !written.starts_with('/') && found.operation.unknown.is_empty();
    let normal = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/");
    (inside && !normal.is_empty()).then_some(normal)
}

/// Whether artifacts, reports among them, or a cache keep something of the folder.
fn is_kept(job: &Job, folder: &str) -> bool {
    let artifacts = job.config.get("artifacts");
    let untracked = artifacts.and_then(|artifacts| artifacts.get("untracked")).is_some_and(|value| matches!(value.data, Data::Bool(true)));
    untracked || [artifacts, job.config.get("cache")].into_iter().flatten().any(|value| names(job, value, folder))
}

/// Whether a string anywhere in `value` is a path that shares something with the folder.
fn names(job: &Job, value: &Value, folder: &str) -> bool {
    if let Some(items) = value.as_sequence() {
        return items.iter().any(|item| names(job, item, folder));
    }
    if let Some(mapping) = value.as_mapping() {
        let paths = |name: &str| !matches!(name, "name" | "when" | "expire_in" | "expose_as" | "access" | "exclude" | "key" | "policy");
        return mapping.named().any(|(name, entry)| paths(name) && names(job, &entry.value, folder));
    }
    value.as_str().is_some_and(|text| shares(&expand(job, text), folder))
}

fn shares(path: &str, folder: &str) -> bool {
    let path = path.strip_prefix("${CI_PROJECT_DIR}/").or_else(|| path.strip_prefix("./")).unwrap_or(path).trim_end_matches('/');
    let literal = path.split(['*', '?', '[', '{', '$']).next().unwrap_or_default();
    let within = |inner: &str, outer: &str| inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let by_pattern = literal.len() < path.len() && (folder.starts_with(literal) || literal.starts_with(&format!("{folder}/")));
    path.is_empty() || path == "." || within(folder, path) || within(path, folder) || by_pattern
}

/// Whether a later command names the folder, or does something that can't be seen.
fn is_used_later(facts: &JobFacts, found: &JobOperation, folder: &str) -> bool {
    let unseen = facts.opaque.iter().any(|opaque| opaque.step.is_none_or(|step| Some(step) > found.step));
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let behind = |shell: &crate::detect::JobShell, after: Option<usize>| {
        shell
            .steps
            .iter()
            .enumerate()
            .any(|(index, step)| after.is_none_or(|after| index > after) && shell.slice(step.range()).contains(name))
    };
    unseen || facts.shell.iter().any(|shell| behind(shell, found.step)) || facts.after_shell.iter().any(|shell| behind(shell, None))
}

fn finding(context: &Context<'_>, job: &Job, found: &JobOperation, folder: &str) -> Diagnostic {
    let message = format!("the bill of materials goes into `{folder}`, which ends with the job: it is no artifact");
    let help = format!("add `{folder}/` to `artifacts:paths`");
    let finding = RULE.at(found.span, message).help(help).job(&job.name);
    match addition::artifact(context, job, &format!("{folder}/")) {
        Some(edits) => finding.fix(Fix { title: "keep the folder as an artifact".to_owned(), safety: Safety::Safe, edits }),
        None => finding,
    }
}
