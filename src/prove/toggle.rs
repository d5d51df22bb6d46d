//! A migration beside what was there, so that a CI/CD variable chooses; proven for both of its values.

use std::collections::BTreeMap;

use crate::analysis::{Analysis, analyze};
use crate::detect::{Reason, Verdict, reason};
use crate::migrate::toggle::{Names, Split, Version, split};
use crate::pipeline::Job;
use crate::prove::{FileChange, Migration, Toggle, same};
use crate::source::Span;

/// The folder with the files of both ways.
const FOLDER: &str = "ci";

/// The variable that brings the old way back, for a target called `name`.
fn variable(name: &str) -> String {
    format!("WITHOUT_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Keeps the old way of `migration` beside the new one, which is for the target `name`, written `title` for people. What can't be kept so stays as it was.
pub(super) fn toggled(migration: Migration, entries: &[String], name: &str, title: &str) -> Migration {
    if !migration.files.iter().any(|file| is_edited(&migration, file)) {
        return migration;
    }
    let overlay = |files: &BTreeMap<String, String>| {
        analyze(&migration.before.workspace.with_overlay(files.clone()), entries, &migration.before.config)
    };
    let after = overlay(&migration.files.iter().map(|file| (file.path.clone(), file.after.clone())).collect());
    let splits = match splits(&migration, &after, name, title) {
        Ok(splits) => splits,
        Err(reason) => return refused(migration, &reason),
    };
    let texts = |main: fn(&Split) -> &String| {
        let parts = splits.iter().flat_map(|(path, (names, split))| {
            [(path.clone(), main(split).clone()), (names.old.clone(), split.old.clone()), (names.new.clone(), split.new.clone())]
        });
        parts.collect::<BTreeMap<String, String>>()
    };
    let with_old = overlay(&texts(|split| &split.with_old));
    let with_new = overlay(&texts(|split| &split.with_new));
    // Without the variable, the file with both is what it is with the new way.
    let with_both = overlay(&texts(|split| &split.main));
    let compared = [
        ("old", difference(&migration.before, &with_old)),
        ("new", difference(&after, &with_new)),
        ("new", difference(&after, &with_both)),
    ];
    match compared.into_iter().find_map(|(way, why)| Some((way, why?))) {
        Some((way, why)) => {
            let span = Span::new(migration.before.pipelines[0].pipeline.files[0], 0, 0);
            let message = format!("the {way} way would not be what it is in one file: {why}");
            refused(migration, &Reason { code: reason::PROOF_FAILED, message, span })
        }
        None => written(migration, splits),
    }
}

type Splits = BTreeMap<String, (Names, Split)>;

fn is_edited(migration: &Migration, file: &FileChange) -> bool {
    let documents = &migration.before.documents;
    documents.sources().find(&file.path).is_some_and(|id| documents.get(id).is_some())
}

fn splits(migration: &Migration, after: &Analysis, name: &str, title: &str) -> Result<Splits, Reason> {
    let mut splits = BTreeMap::new();
    for file in migration.files.iter().filter(|file| is_edited(migration, file)) {
        let (old, new) = (version(&migration.before, &file.path), version(after, &file.path));
        let (Some(old), Some(new)) = (old, new) else { continue };
        let names = names(migration, &file.path, name, title);
        let split = split(old, new, &names).map_err(|cannot| {
            let message = format!("what changes can't be moved to a file of its own: {}", cannot.why);
            Reason { code: reason::NOT_EDITABLE, message, span: cannot.span }
        })?;
        splits.insert(file.path.clone(), (names, split));
    }
    Ok(splits)
}

fn version<'a>(analysis: &'a Analysis, path: &str) -> Option<Version<'a>> {
    let id = analysis.documents.sources().find(path)?;
    Some(Version { document: analysis.documents.get(id)?, source: analysis.documents.sources().get(id) })
}

/// Names that no file has.
fn names(migration: &Migration, path: &str, name: &str, title: &str) -> Names {
    let stem = path.trim_start_matches('.').trim_end_matches(".yaml").trim_end_matches(".yml").replace('/', "-");
    let stem = if path == ".gitlab-ci.yml" { String::new() } else { format!("{stem}-") };
    let free = |base: String| {
        let numbered = (2..).map(|number| format!("{base}-{number}.yml"));
        let mut all = std::iter::once(format!("{base}.yml")).chain(numbered);
        all.find(|path| migration.before.workspace.text(path).is_err()).expect("numbers go on")
    };
    let variable = variable(name);
    Names {
        old: free(format!("{FOLDER}/{stem}without-{name}")),
        new: free(format!("{FOLDER}/{stem}with-{name}")),
        old_title: format!("What is used instead of {title} where the CI/CD variable {variable} is \"true\"."),
        new_title: format!("What is used with {title}, unless the CI/CD variable {variable} is \"true\"."),
        variable,
    }
}

/// What differs between the pipelines of two analyses, whose jobs may come in another order.
fn difference(wanted: &Analysis, found: &Analysis) -> Option<String> {
    if found.documents.problems().len() > wanted.documents.problems().len() || found.pipelines.len() != wanted.pipelines.len() {
        return Some("a file would not be read as YAML".to_owned());
    }
    for (wanted, found) in wanted.pipelines.iter().zip(&found.pipelines) {
        let (wanted, found) = (&wanted.pipeline, &found.pipeline);
        if wanted.jobs.len() != found.jobs.len() || wanted.unresolved.len() != found.unresolved.len() || wanted.stages() != found.stages() {
            return Some("there would be other jobs, stages or includes".to_owned());
        }
        let by_name: BTreeMap<&str, &Job> = found.jobs.iter().map(|job| (&*job.name, job)).collect();
        let differs = |job: &&Job| by_name.get(&*job.name).is_none_or(|found| !same(job, found));
        if let Some(job) = wanted.jobs.iter().find(differs) {
            return Some(format!("`{}` differs", job.name));
        }
        let keyword = |name: &str| (wanted.keywords.get(name), found.keywords.get(name));
        for name in ["workflow", "default", "variables"] {
            let (wanted, found) = keyword(name);
            if wanted.map(crate::yaml::json_text) != found.map(crate::yaml::json_text) {
                return Some(format!("`{name}` differs"));
            }
        }
    }
    None
}

fn refused(mut migration: Migration, reason: &Reason) -> Migration {
    migration.files.clear();
    migration.changed_by_hand.clear();
    for job in migration.jobs.iter_mut().filter(|job| job.changed.is_some()) {
        job.changed = None;
        job.verdict = Verdict::Blocked;
        job.reasons.push(reason.clone());
    }
    migration
}

fn written(mut migration: Migration, splits: Splits) -> Migration {
    let new_file = |path: String, after: String| FileChange { path, before: None, after, edits: 0, motives: Vec::new() };
    let old = splits.values().map(|(names, _)| names.old.clone()).collect();
    migration.toggle = splits.values().next().map(|(names, _)| Toggle { variable: names.variable.clone(), old });
    for (path, (names, split)) in splits {
        let file = migration.files.iter_mut().find(|file| file.path == path).expect("it was split because it changes");
        file.after = split.main;
        file.edits = 1;
        file.motives.clear();
        migration.files.push(new_file(names.old, split.old));
        migration.files.push(new_file(names.new, split.new));
    }
    migration
}
