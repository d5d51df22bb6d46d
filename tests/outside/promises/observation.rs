//! A case → everything that the commands say about it before, during and after a migration, and what they wrote. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::binary::{Run, undind};
use crate::corpus::{Case, contents};
use crate::target::Target;

/// The files and the answers of one migration, each command run in a folder that holds nothing but the repository.
pub struct Observation {
    pub name: String,
    pub before: Side,
    pub after: Side,
    /// What `migrate --report json` said without `--write`.
    pub preview: Value,
    /// What it said with `--write`.
    pub report: Value,
    /// What it said when it was run again, and the files then.
    pub second: Value,
    pub second_files: BTreeMap<String, Vec<u8>>,
    /// The files after the preview, which must not write.
    pub preview_files: BTreeMap<String, Vec<u8>>,
    /// Every command that was run, in order.
    pub runs: Vec<Run>,
    /// The code of the last three `migrate` runs: preview, write, second.
    pub codes: [Option<i32>; 3],
}

/// The repository at one moment.
pub struct Side {
    pub files: BTreeMap<String, Vec<u8>>,
    pub expand_code: Option<i32>,
    /// The pipeline and its child pipelines from local files, by path, as `expand` gives them; absent where it fails.
    pub pipelines: BTreeMap<String, Value>,
    /// `expand`'s messages about includes, without positions.
    pub unresolved: Vec<String>,
    pub inspect: Value,
    pub lint: Value,
}

/// Runs every command on a fresh copy of `case`.
pub fn observe(case: &Case, target: Target) -> Observation {
    let folder = case.checkout();
    let mut runs = Vec::new();
    let before = side(folder.path(), &case.pipeline, &mut runs);
    let migrate = target.migrate(&case.pipeline);
    let write: Vec<&str> = migrate.iter().copied().chain(["--write"]).collect();
    let (preview, first) = ask(folder.path(), &migrate, &mut runs);
    let preview_files = contents(folder.path());
    let (report, wrote) = ask(folder.path(), &write, &mut runs);
    let after = side(folder.path(), &case.pipeline, &mut runs);
    let (second, again) = ask(folder.path(), &write, &mut runs);
    let second_files = contents(folder.path());
    Observation {
        name: case.name.clone(),
        before,
        after,
        preview,
        report,
        second,
        second_files,
        preview_files,
        runs,
        codes: [first, wrote, again],
    }
}

fn side(folder: &Path, pipeline: &str, runs: &mut Vec<Run>) -> Side {
    let files = contents(folder);
    let (expanded, expand_code) = ask(folder, &["expand", pipeline, "--format", "json"], runs);
    let unresolved = unresolved_includes(&runs[runs.len() - 1].stderr);
    let mut pipelines = BTreeMap::from([(pipeline.to_owned(), expanded)]);
    children(folder, pipeline, &mut pipelines, runs);
    let (inspect, _) = ask(folder, &["inspect", pipeline, "--format", "json"], runs);
    let (lint, _) = ask(folder, &["lint", pipeline, "--format", "json"], runs);
    Side { files, expand_code, pipelines, unresolved, inspect, lint }
}

fn ask(folder: &Path, arguments: &[&str], runs: &mut Vec<Run>) -> (Value, Option<i32>) {
    let run = undind(folder, arguments);
    let answer = (run.json().unwrap_or(Value::Null), run.code);
    runs.push(run);
    answer
}

/// Expands the child pipelines that `pipeline`'s trigger jobs take from local files, and theirs.
fn children(folder: &Path, pipeline: &str, pipelines: &mut BTreeMap<String, Value>, runs: &mut Vec<Run>) {
    for path in local_triggers(&pipelines[pipeline]) {
        if !pipelines.contains_key(&path) && folder.join(&path).is_file() {
            let (expanded, _) = ask(folder, &["expand", &path, "--format", "json"], runs);
            pipelines.insert(path.clone(), expanded);
            children(folder, &path, pipelines, runs);
        }
    }
}

fn local_triggers(pipeline: &Value) -> BTreeSet<String> {
    let jobs = pipeline.as_object().into_iter().flatten().map(|(_, job)| job);
    let includes = jobs.filter_map(|job| job.get("trigger")?.get("include"));
    let entries = includes.flat_map(|include| include.as_array().map_or_else(|| vec![include], |list| list.iter().collect()));
    let paths = entries.filter_map(|entry| entry.as_str().or_else(|| entry.get("local")?.as_str()));
    paths.map(|path| path.trim_start_matches('/').to_owned()).collect()
}

/// The lines about includes, sorted, without their numbers: an edit may move an include.
fn unresolved_includes(stderr: &str) -> Vec<String> {
    let about = stderr.lines().filter(|line| line.contains("include"));
    let mut lines: Vec<String> = about.map(|line| line.chars().filter(|c| !c.is_ascii_digit()).collect()).collect();
    lines.sort();
    lines
}
