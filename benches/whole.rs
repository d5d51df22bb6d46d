//! What users wait for: whole processes with their peak memory, and the analysis of the corpus beside the least that reading it can cost.
//! Prints a table; `cargo bench --bench whole`.

mod corpus;
mod generated;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use undind::shell;
use undind::yaml::scan;
use undind::{Analysis, Config, analyze};

use corpus::{Case, cases};
use generated::{PATH, pipeline, repository};

/// Runs of a process of which the fastest and the middle one count.
const RUNS: usize = 41;
/// Rounds over the corpus of which the fastest counts.
const ROUNDS: usize = 7;

/// The container tools; a script that mentions one has to be parsed.
const TOOLS: [&str; 9] = ["docker", "buildctl", "buildah", "podman", "kaniko", "depot", "dagger", "crane", "skopeo"];

fn main() {
    println!("whole processes, from start to exit:");
    let small = pipeline(19);
    process("lint", &["lint"], &small);
    process("migrate", &["migrate", "--to", "depot"], &small);
    for jobs in [50, 500, 5_000] {
        process("lint", &["lint"], &pipeline(jobs));
    }
    for jobs in [100, 1_000, 10_000] {
        planned(jobs);
    }
    let cases = cases();
    if !cases.is_empty() {
        beside_the_least(&cases);
    }
}

/// Runs the command on a repository with the one pipeline `text`.
fn process(name: &str, arguments: &[&str], text: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join(PATH), text).expect("the folder can be written");
    let mut times: Vec<Duration> = (0..RUNS).map(|_| timed(arguments, folder.path())).collect();
    times.sort();
    println!(
        "  {name} of {:>6} lines: {:>8} (fastest {}), peak memory {}",
        text.lines().count(),
        milliseconds(times[RUNS / 2]),
        milliseconds(times[0]),
        peak_memory(arguments, folder.path())
    );
}

/// Runs `plan` on a repository whose pipeline includes 149 files.
fn planned(jobs: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (path, text) in repository(jobs) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folder can be made");
        std::fs::write(path, text).expect("the folder can be written");
    }
    let arguments = ["plan", "--format", "json", "--changed", "README.md"];
    let mut times: Vec<Duration> = (0..RUNS / 2).map(|_| timed(&arguments, folder.path())).collect();
    times.sort();
    println!("  plan of {jobs:>6} jobs in 150 files: {:>8} (fastest {})", milliseconds(times[times.len() / 2]), milliseconds(times[0]));
}

fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undind"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}

fn timed(arguments: &[&str], folder: &Path) -> Duration {
    let start = Instant::now();
    let output = command(arguments, folder).output().expect("the binary starts");
    let elapsed = start.elapsed();
    assert!(output.status.code().is_some_and(|code| code != 2), "{}", String::from_utf8_lossy(&output.stderr));
    elapsed
}

fn peak_memory(arguments: &[&str], folder: &Path) -> String {
    let output = command(arguments, folder).arg("--verbose").output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().find_map(|line| line.strip_prefix("peak memory: ")).unwrap_or("unknown").to_owned()
}

/// The time of analysis beside that of libyaml's events alone and one parse of each script that mentions a container tool.
fn beside_the_least(cases: &[Case]) {
    let analyses: Vec<Analysis> = cases.iter().map(analysis).collect();
    let texts: Vec<&str> = analyses
        .iter()
        .flat_map(|analysis| analysis.documents.iter().map(|(file, _)| analysis.documents.sources().get(file).text()))
        .collect();
    let facts = analyses.iter().flat_map(|analysis| &analysis.pipelines).flat_map(|pipeline| &pipeline.facts);
    let scripts: BTreeSet<&str> = facts
        .flat_map(|facts| [&facts.shell, &facts.after_shell])
        .flatten()
        .map(|shell| &*shell.script.text)
        .filter(|text| TOOLS.iter().any(|tool| text.contains(tool)))
        .collect();
    let events = fastest(|| texts.iter().map(|text| scan(text)).sum::<usize>());
    let parses = fastest(|| scripts.iter().map(|text| shell::parse(text, shell::Limits::default()).body.len()).sum::<usize>());
    let whole = fastest(|| cases.iter().map(|case| analysis(case).pipelines.len()).sum::<usize>());
    let least = events + parses;
    println!("\nthe corpus, {} files and {} scripts with container tools:", texts.len(), scripts.len());
    println!("  libyaml's events {}, parsing the scripts {}, together {}", milliseconds(events), milliseconds(parses), milliseconds(least));
    println!("  analysis {}: {:.2} times that", milliseconds(whole), whole.as_secs_f64() / least.as_secs_f64());
}

fn analysis(case: &Case) -> Analysis {
    analyze(&case.workspace, &case.entries, &Config::default())
}

fn fastest(run: impl Fn() -> usize) -> Duration {
    let time = || {
        let start = Instant::now();
        std::hint::black_box(run());
        start.elapsed()
    };
    (0..ROUNDS).map(|_| time()).min().expect("there are rounds")
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
