//! What users see of a few small repositories, as texts in `snapshots/`. After a change on purpose, `INSTA_UPDATE=always cargo test --test snapshots`
//! writes them anew: read them before you commit them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use insta::{Settings, assert_snapshot};
use tempfile::TempDir;
use walkdir::WalkDir;

/// Repositories by name, from the root of the crate.
const REPOSITORIES: [(&str, &str); 4] = [
    ("dind", "examples/dind"),
    ("includes", "tests/repositories/includes"),
    ("platforms", "tests/repositories/platforms"),
    ("promotion", "tests/repositories/promotion"),
];

#[test]
fn lint_shows_findings_at_their_places() {
    each_repository("lint", &["lint"]);
}

#[test]
fn inspect_shows_what_jobs_do_with_docker() {
    each_repository("inspect", &["inspect"]);
}

#[test]
fn migrate_shows_a_diff_and_what_it_does_not_say() {
    each_repository("migrate", &["migrate", "--to", "depot"]);
}

#[test]
fn migrate_reports_in_markdown() {
    each_repository("migrate-report", &["migrate", "--to", "depot", "--report", "md"]);
}

#[test]
fn expand_shows_what_gitlab_sees() {
    each_repository("expand", &["expand"]);
}

#[test]
fn expand_tells_where_values_come_from() {
    let (name, path) = REPOSITORIES[1];
    same(&format!("expand-provenance-{name}"), &run(&copied(path), &["expand", "--provenance", "--format", "json"]));
}

#[test]
fn explain_lists_the_rules() {
    same("explain", &run(&tempfile::tempdir().unwrap(), &["explain"]));
}

fn each_repository(command: &str, arguments: &[&str]) {
    for (name, path) in REPOSITORIES {
        same(&format!("{command}-{name}"), &run(&copied(path), arguments));
    }
}

/// A copy of a repository outside of this one, which would be its root.
fn copied(path: &str) -> TempDir {
    let (from, to) = (root().join(path), tempfile::tempdir().unwrap());
    for file in WalkDir::new(&from).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file()) {
        let target = to.path().join(file.path().strip_prefix(&from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file.path(), target).unwrap();
    }
    to
}

/// The command line, what it printed on both streams, and its exit code.
fn run(folder: &TempDir, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_undind")).args(arguments).current_dir(folder.path()).env_clear().output().unwrap();
    let Output { status, stdout, stderr } = output;
    let mut text = format!("$ undind {}\n", arguments.join(" "));
    for (title, bytes) in [("standard output", stdout), ("standard error", stderr)] {
        let bytes = String::from_utf8(bytes).unwrap();
        if !bytes.is_empty() {
            text.push_str(&format!("-- {title}\n{bytes}"));
        }
    }
    text + &format!("-- exit code {}\n", status.code().expect("the process was not killed"))
}

fn same(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!(name, text));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
