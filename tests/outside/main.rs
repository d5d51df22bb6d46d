//! Judges the `undind` binary from outside: what it prints and writes for real pipelines is held against what `migrate` promises, by code that shares nothing
//! with the binary. It knows the command line and the JSON outputs, and nothing of the library.
//!
//! | test | judges |
//! |---|---|
//! | `promises` | each promise on every pipeline of the corpus, for each target |
//! | `rollout` | what `--mode toggle` and `--mode shadow` leave as it was, for each target |
//! | `shim` | each migrated script against its original, run in a sandbox with recording stand-ins for every command, for each target |
//! | `depot_cli` | every `depot` command line that a migration emits, by the argument parser of the real Depot CLI |
//! | `module` | the code of Dagger modules, by their language's tools, the real SDK and a program that compares what functions ask for with the jobs |
//! | `sample` (ignored) | nothing: draws diffs and findings into a folder for somebody to read |
//!
//! The corpus is the folder in `UNDIND_CORPUS` (default: `../shared/corpus` beside the crate); without one the tests say so and pass. `UNDIND_ONLY=substring`
//! keeps the cases with that name, `UNDIND_EACH=2` each second one where that takes long, `UNDIND_BIN=path` judges another binary, such as a release build.

mod binary;
mod clients;
mod corpus;
mod depot_cli;
mod module;
mod patch;
mod promises;
mod rollout;
mod sample;
mod shim;
mod target;
mod workers;

/// Prints a line past the test harness's capture, so that tables and reasons for skipping are always seen.
fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The folder for reports, beside the build's own output.
fn target_folder() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's temporary folder lies in the target folder")
}
