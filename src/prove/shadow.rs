//! A migration as jobs of their own beside those that they shall replace: they build, publish nothing and may fail. Proven like the migration itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::analysis::{Analysis, analyze};
use crate::detect::flow::{DAEMON_VARIABLES, needs_daemon};
use crate::detect::{JobFacts, Reason, Verdict, reason};
use crate::docker::{Op, Operation, Tool};
use crate::edit::apply;
use crate::migrate::module::is_harmless;
use crate::migrate::{JobId, Target};
use crate::pipeline::expand::expanded_job;
use crate::pipeline::{Job, Level};
use crate::prove::{FileChange, Migration, same, variables};
use crate::source::FileId;
use crate::yaml::block::document;
use crate::yaml::structure::Page;

/// Keywords by which a job acts on others, or which are about what it leaves behind.
const LEFT_OUT: &[&str] = &["artifacts", "cache", "coverage", "environment", "pages", "release", "resource_group", "dast_configuration"];

/// What a job has to be read back as.
#[derive(PartialEq)]
struct Wanted {
    config: Json,
    variables: Vec<(String, Option<String>, bool)>,
}

/// Puts the jobs that `migration` changes beside those that are there. `target` is the remote builder; a module publishes nothing by itself here.
pub(super) fn shadowed(mut migration: Migration, entries: &[String], name: &str, target: Option<&Target>) -> Migration {
    let overlay =
        |before: &Analysis, files: BTreeMap<String, String>| analyze(&before.workspace.with_overlay(files), entries, &before.config);
    let after = overlay(&migration.before, migration.files.iter().map(|file| (file.path.clone(), file.after.clone())).collect());
    let mut texts: BTreeMap<FileId, BTreeMap<String, String>> = BTreeMap::new();
    let mut wanted: BTreeMap<(usize, String), Wanted> = BTreeMap::new();
    for job in migration.jobs.iter_mut().filter(|job| job.changed.is_some()) {
        let (old, new) = (at(&migration.before, job.id), at(&after, job.id));
        match shadow(&migration.before, job.id, old, new, name, target) {
            Ok((title, text, own)) => {
                texts.entry(old.0.own.span.file).or_default().insert(title.clone(), text);
                wanted.insert((job.id.pipeline, title), own);
            }
            Err(why) => refuse(job, old.0, why),
        }
    }
    let created: Vec<FileChange> = migration.files.iter().filter(|file| file.before.is_none()).cloned().collect();
    let written = written(&migration.before, &texts);
    let files = match written {
        Ok(files) => files,
        Err(why) => return refused(migration, &why),
    };
    let all = files.iter().chain(&created).map(|file| (file.path.clone(), file.after.clone())).collect();
    if let Some(why) = difference(&migration.before, &overlay(&migration.before, all), &wanted) {
        return refused(migration, &why);
    }
    migration.files = if files.is_empty() { Vec::new() } else { files.into_iter().chain(created).collect() };
    migration.changed_by_hand.retain(|path| migration.files.iter().any(|file| file.path == *path));
    migration
}

fn at(analysis: &Analysis, id: JobId) -> (&Job, &JobFacts) {
    let pipeline = &analysis.pipelines[id.pipeline];
    (&pipeline.pipeline.jobs[id.job], &pipeline.facts[id.job])
}

fn refuse(job: &mut crate::prove::Outcome, old: &Job, why: String) {
    job.changed = None;
    job.verdict = Verdict::Blocked;
    job.reasons.push(Reason { code: reason::TARGET_REFUSES, message: why, span: old.key });
}

fn refused(mut migration: Migration, why: &str) -> Migration {
    for index in 0..migration.jobs.len() {
        let old = at(&migration.before, migration.jobs[index].id).0.key;
        let job = &mut migration.jobs[index];
        if job.changed.take().is_some() {
            job.verdict = Verdict::Blocked;
            job.reasons.push(Reason { code: reason::PROOF_FAILED, message: why.to_owned(), span: old });
        }
    }
    migration.files.clear();
    migration.changed_by_hand.clear();
    migration
}

/// The name, the text and the configuration of the job beside `old` that does what `new` does, but for what it publishes.
///
/// # Errors
/// Why there can be none: a fragment.
fn shadow(
    before: &Analysis,
    id: JobId,
    old: (&Job, &JobFacts),
    new: (&Job, &JobFacts),
    name: &str,
    target: Option<&Target>,
) -> Result<(String, String, Wanted), String> {
    if before.documents.is_foreign(old.0.own.span.file) {
        return Err("the job is included from elsewhere".to_owned());
    }
    let taken = |title: &str| before.pipelines[id.pipeline].pipeline.job(title).is_some();
    let numbered = (2..).map(|number| format!("{}:{name}-{number}", old.0.name));
    let title = std::iter::once(format!("{}:{name}", old.0.name)).chain(numbered).find(|title| !taken(title)).expect("numbers go on");
    let Json::Object(mut all) = expanded_job(new.0) else { return Err("the job is no mapping".to_owned()) };
    LEFT_OUT.iter().for_each(|keyword| drop(all.shift_remove(*keyword)));
    if let Some(target) = target {
        if let Some(step) = old.1.main_shell(old.0).steps.iter().find(|step| step.operation.is_none() && !is_harmless(step)) {
            let word = step.name().unwrap_or("a program").to_owned();
            return Err(format!("`{word}` would run twice, and nothing says that it may"));
        }
        let (published, kept) = unpublished(new, target)?;
        for keyword in ["before_script", "script"] {
            let Some(Json::Array(lines)) = all.get_mut(keyword) else { continue };
            for line in lines.iter_mut() {
                if let Json::String(text) = line {
                    *text = with_word(text, &published, &kept);
                }
            }
        }
    }
    // What the migrated job goes without is set where the one beside it still needs it.
    let gone = old
        .0
        .variables
        .iter()
        .filter(|(name, variable)| variable.level != Level::Job && DAEMON_VARIABLES.contains(&&***name) && target.is_some());
    let gone: Vec<String> = gone.map(|(name, _)| name.to_string()).collect();
    if !gone.is_empty() {
        let variables = all.entry("variables").or_insert_with(|| json!({}));
        gone.iter().for_each(|name| variables[name] = json!(""));
    }
    let mut variables = variables(new.0, &[]);
    for name in &gone {
        variables.retain(|(known, ..)| known != name);
        variables.push((name.clone(), Some(String::new()), true));
    }
    variables.sort();
    all.insert("allow_failure".to_owned(), json!(true));
    if let Some(Json::Array(rules)) = all.get_mut("rules") {
        rules.iter_mut().filter_map(Json::as_object_mut).for_each(|rule| drop(rule.shift_remove("allow_failure")));
    }
    let wanted = Wanted { config: Json::Object(all.clone()), variables };
    // The defaults that the job inherits are in it by now.
    all.entry("inherit").or_insert_with(|| json!({}))["default"] = json!(false);
    let text = document(&json!({ &title: Json::Object(all) }));
    let text = format!("\n# Does what `{}` would do with {name}, publishes nothing, and may fail.\n{text}", old.0.name.replace('\n', " "));
    Ok((title, text, wanted))
}

/// The word by which the builds of a job publish, and what stands there where they publish nothing.
fn unpublished((job, facts): (&Job, &JobFacts), target: &Target) -> Result<(String, String), String> {
    let flags = &target.manifest.flags;
    let mut builds = 0;
    for found in &facts.operations {
        let operation = &found.operation;
        let exports = ["cache-to", "metadata-file", "save", "iidfile"].iter().any(|flag| operation.flag(flag).is_some());
        match operation.op {
            Op::Build if matches!(operation.tool, Tool::Buildx | Tool::Depot) && !exports => builds += 1,
            Op::Login | Op::Logout | Op::Info | Op::Builder | Op::Context => {}
            _ => return Err("the job publishes or keeps something in a way that can't be left out".to_owned()),
        }
    }
    if builds == 0 || job.script.text.matches(&target.fill(&target.manifest.build, &[])).count() != builds {
        return Err("it is not known what the job would publish".to_owned());
    }
    Ok((target.fill(&flags.push, &[]), target.fill(&flags.discard, &[])))
}

/// A line with one word in the place of another.
fn with_word(line: &str, old: &str, new: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(old) {
        let ends = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
        let whole = ends(rest[..at].chars().next_back()) && ends(rest[at + old.len()..].chars().next());
        out.push_str(&rest[..at]);
        out.push_str(if whole { new } else { old });
        rest = &rest[at + old.len()..];
    }
    out + rest
}

/// The files with the jobs at their ends.
fn written(before: &Analysis, texts: &BTreeMap<FileId, BTreeMap<String, String>>) -> Result<Vec<FileChange>, String> {
    let mut edits = Vec::new();
    for (&file, jobs) in texts {
        let document = before.documents.get(file).expect("jobs lie in loaded documents");
        let page = Page { tree: &document.tree, source: before.documents.sources().get(file) };
        let root = page.tree.root().expect("a file with jobs has a root");
        let text: String = jobs.values().map(String::as_str).collect();
        edits.extend(page.insert_entry(root, &[], text.trim_end()).map_err(|cannot| cannot.why.to_owned())?);
    }
    let files = apply(before.documents.sources(), &edits).map_err(|_| "two changes meet in one place".to_owned())?;
    let change = |(&file, after): (&FileId, &String)| FileChange {
        path: before.documents.sources().get(file).path().to_owned(),
        before: Some(before.documents.sources().get(file).text().to_owned()),
        after: after.clone(),
        edits: 1,
        motives: Vec::new(),
    };
    Ok(files.iter().map(change).collect())
}

/// What differs from the pipelines as they were, besides the jobs that were `wanted`.
fn difference(before: &Analysis, found: &Analysis, wanted: &BTreeMap<(usize, String), Wanted>) -> Option<String> {
    if found.documents.problems().len() > before.documents.problems().len() || found.pipelines.len() != before.pipelines.len() {
        return Some("the result would not be read as YAML".to_owned());
    }
    for (index, (old, new)) in before.pipelines.iter().zip(&found.pipelines).enumerate() {
        let names: BTreeSet<&str> = old.pipeline.jobs.iter().map(|job| &*job.name).collect();
        for (job, facts) in new.jobs() {
            let known = old.pipeline.job(&job.name);
            if let Some(known) = known {
                if !same(known, job) {
                    return Some(format!("the job `{}`, which must not change, would change", job.name));
                }
                continue;
            }
            let mut variables = variables(job, &[]);
            variables.sort();
            if wanted.get(&(index, job.name.to_string())) != Some(&Wanted { config: expanded_job(job), variables }) {
                return Some(format!("`{}` would not be read back as it was meant", job.name));
            }
            // What a function publishes is not in the job; its form says.
            let dials = |operation: &Operation| {
                operation.tool != Tool::Dagger && (needs_daemon(operation) || operation.pushes() == Some(true) || operation.op == Op::Push)
            };
            if facts.has_dind() || facts.operations.iter().any(|found| dials(&found.operation)) {
                return Some(format!("`{}` would publish something, or need a daemon", job.name));
            }
        }
        let own = wanted.keys().filter(|(pipeline, _)| *pipeline == index).count();
        if new.pipeline.jobs.len() != names.len() + own {
            return Some("there would be other jobs".to_owned());
        }
    }
    None
}
