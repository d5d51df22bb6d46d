//! DEP702: Depot builds of which the repository doesn't say which project they belong to. Knows where the client looks, not what a token may do.

use std::sync::Arc;

use crate::detect::{JobFacts, JobOperation, Step, setting};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Operation, Tool};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule =
    Rule { id: "DEP702", name: "depot-project-unknown", severity: Severity::Error, page: include_str!("depot_project_unknown.md"), check };

const VARIABLE: &str = "DEPOT_PROJECT_ID";
/// Looked for from the build context and the Dockerfile upwards (depot/cli, `pkg/project`).
const FILES: &[&str] = &["depot.json", "depot.yml", "depot.yaml"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        for (operation, step) in facts.own_operations() {
            let builds = operation.operation.tool == Tool::Depot && matches!(operation.operation.op, Op::Build | Op::Bake);
            if builds && !is_named(job, facts, &operation.operation, step) {
                findings.add_some(finding(context, job, operation, step));
            }
        }
    }
}

/// Whether a flag, a variable or the script itself names the project, or something that can't be seen may do so.
fn is_named(job: &Job, facts: &JobFacts, operation: &Operation, step: &Step) -> bool {
    let by_variable = job.variables.contains_key(VARIABLE) || job.conditional.iter().any(|(name, _)| &**name == VARIABLE);
    let by_command = step.invocation.environment.iter().any(|(name, _)| name == VARIABLE);
    let by_script = facts.shell.iter().any(|shell| {
        let text = &shell.script.text;
        shell.evaluated.bindings.iter().any(|binding| binding.name == VARIABLE)
            || text.contains("depot.json")
            || text.contains("depot.y")
            || text.contains("depot init")
    });
    operation.flag("project").is_some() || !operation.unknown.is_empty() || by_variable || by_command || by_script
}

fn finding(context: &Context<'_>, job: &Job, operation: &JobOperation, step: &Step) -> Option<Diagnostic> {
    let folders = folders(&operation.operation, step)?;
    let found = folders.iter().flat_map(|folder| upwards(folder)).find_map(|folder| {
        FILES.iter().find_map(|file| {
            let path = if folder.is_empty() { (*file).to_owned() } else { format!("{folder}/{file}") };
            Some((context.analysis.workspace.text(&path).ok()?, path))
        })
    });
    let without_checkout = setting(job, "GIT_STRATEGY").is_some_and(|strategy| ["none", "empty"].contains(&&*strategy.text));
    let at = |severity, message: String| Diagnostic { severity, ..RULE.at(operation.span, message).job(&job.name) };
    match found {
        Some((_, path)) if without_checkout => {
            let message = format!("`GIT_STRATEGY` keeps `{path}` out of the job, so Depot doesn't learn the project from it");
            Some(at(Severity::Warning, message).help("set `DEPOT_PROJECT_ID`, or pass `--project`"))
        }
        Some((text, path)) if !has_id(&path, &text) => {
            let message = format!("`{path}` doesn't name the project: Depot reads its `id` and nothing else");
            Some(at(Severity::Warning, message).help("write `{\"id\": \"…\"}`; `depot init` does"))
        }
        Some(_) => None,
        None => Some(nowhere(job, at)),
    }
}

fn nowhere(job: &Job, at: impl Fn(Severity, String) -> Diagnostic) -> Diagnostic {
    let token = setting(job, "DEPOT_TOKEN").map(|token| token.text).unwrap_or_default();
    let shared = ["depot_org_", "depot_user_"].iter().any(|kind| token.starts_with(kind));
    let help = "add a `depot.json`, set `DEPOT_PROJECT_ID`, or pass `--project`";
    if shared {
        return at(Severity::Error, "nothing names the Depot project, and this token is not one project's".to_owned()).help(help);
    }
    at(Severity::Info, "nothing names the Depot project, so the build depends on a token that belongs to one".to_owned()).help(help)
}

/// The folders in which the client begins to look; none where they can't be told or are elsewhere.
fn folders(operation: &Operation, step: &Step) -> Option<Vec<String>> {
    let base = step.folder()?;
    let local = |path: &str| {
        let path = path.strip_prefix("${CI_PROJECT_DIR}").map_or(path, |rest| rest.trim_start_matches('/'));
        let outside = path.contains("${")
            || path.contains("..")
            || path.contains("://")
            || path.starts_with(['/', '~'])
            || path.starts_with("git@")
            || path == "-";
        (!outside).then(|| normal(&format!("{base}/{path}")))
    };
    let mut folders = vec![local(operation.context().unwrap_or("."))?];
    for file in operation.flags_named("file").filter_map(|flag| flag.value.as_deref()) {
        folders.push(local(file)?.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned()));
    }
    Some(folders)
}

fn normal(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

/// `a/b`, `a` and the root.
fn upwards(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |folder| (!folder.is_empty()).then(|| folder.rsplit_once('/').map_or("", |(above, _)| above)))
}

fn has_id(path: &str, text: &Arc<str>) -> bool {
    let value: Option<serde_json::Value> =
        if path.ends_with(".json") { serde_json::from_str(text).ok() } else { serde_yaml::from_str(text).ok() };
    value.and_then(|value| value.get("id").and_then(serde_json::Value::as_str).map(|id| !id.is_empty())).unwrap_or(false)
}
