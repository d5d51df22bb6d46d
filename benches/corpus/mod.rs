//! The corpus of real pipelines as repositories in memory; none, with the reason printed, where it is absent.

use std::path::{Path, PathBuf};

use undind::workspace::Workspace;

/// A repository and where its pipeline starts.
pub struct Case {
    pub workspace: Workspace,
    pub entries: [String; 1],
}

/// `files/NAME` is a pipeline of its own, `trees/NAME` a repository whose `.TREE.txt` names its pipeline after `root`.
pub fn cases() -> Vec<Case> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("UNDIND_CORPUS").map_or(default, PathBuf::from);
    if !folder.is_dir() {
        eprintln!("skipped: no corpus of pipelines at {}, set UNDIND_CORPUS", folder.display());
        return Vec::new();
    }
    let files = files_below(&folder.join("files")).into_iter().filter_map(|(_, text)| {
        let entry = ".gitlab-ci.yml".to_owned();
        Some(Case { workspace: Workspace::memory([(entry.clone(), text?)]), entries: [entry] })
    });
    let trees = std::fs::read_dir(folder.join("trees")).into_iter().flatten().filter_map(|tree| tree_case(&tree.ok()?.path()));
    files.chain(trees).collect()
}

fn tree_case(folder: &Path) -> Option<Case> {
    let listing = std::fs::read_to_string(folder.join(".TREE.txt")).ok()?;
    let entry = listing.lines().find_map(|line| line.strip_prefix("root "))?.to_owned();
    let texts = files_below(folder).into_iter().filter_map(|(path, text)| Some((path, text?)));
    Some(Case { workspace: Workspace::memory(texts), entries: [entry] })
}

/// The files below `folder` by their paths from there, in order, with their texts where they are UTF-8.
fn files_below(folder: &Path) -> Vec<(String, Option<String>)> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files
        .filter_map(|entry| {
            let path = entry.path().strip_prefix(folder).ok()?.to_string_lossy().into_owned();
            Some((path, std::fs::read_to_string(entry.path()).ok()))
        })
        .collect()
}
