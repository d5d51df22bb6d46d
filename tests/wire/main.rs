//! What builders' clients ask BuildKit for, before and after a migration. Each line that builds an image goes through the real buildx as it stands, and through the
//! real client of each target as `undind migrate` rewrites it; a BuildKit that builds nothing writes down what comes in, and both must have asked for the same, up
//! to a list of differences with reasons (`difference::KNOWN`). What is compared is the request and what its session would hand over: secrets, SSH agents, and which
//! folders the context and the Dockerfile come from. It does not see what clients do in a registry: the tags that Depot's gives to an image for several platforms.
//!
//! | file | makes |
//! |---|---|
//! | `lines` | lines out of `cases.yml` and of the corpus |
//! | `rewrite` | the smallest job out of a line, and its migration by the binary |
//! | `inside` | recordings out of scripts, in a sandbox whose only network is its own loopback |
//! | `buildkit`, `session`, `depot`, `grpc`, `messages` | the servers that the clients meet there |
//! | `request` | facts out of a recorded request |
//! | `difference` | what two recordings have not in common, and whether that may be |

#[path = "../outside/binary.rs"]
mod binary;
mod buildkit;
mod buildx;
#[path = "../outside/clients.rs"]
mod clients;
mod command;
#[path = "../outside/corpus.rs"]
#[expect(dead_code, reason = "some of it is for the tests that live there")]
mod corpus;
mod depot;
mod difference;
mod grpc;
mod inside;
mod lines;
mod messages;
mod recording;
mod request;
mod rewrite;
#[path = "../outside/shim/sandbox.rs"]
mod sandbox;
mod session;
#[expect(dead_code, reason = "modules have no build lines to compare")]
#[path = "../outside/target.rs"]
mod target;
mod variables;
#[path = "../outside/workers.rs"]
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use difference::{Change, KNOWN, compare};
use lines::Line;
use recording::{Outcome, Task};
use target::Target;

const TARGETS: [Target; 3] = [Target::Depot, Target::Buildkit, Target::Rootless];
/// How many wrong lines are printed.
const SHOWN: usize = 90;

#[test]
fn every_case_asks_for_the_same_build_once_it_is_migrated() {
    check("cases", || Ok(lines::own()));
}

#[test]
fn every_build_of_the_corpus_asks_for_the_same_once_it_is_migrated() {
    check("corpus", lines::of_the_corpus);
}

#[test]
fn every_build_that_others_tried_asks_for_the_same_once_it_is_migrated() {
    check("others", lines::of_others);
}

/// What came of a line for one target.
enum Verdict {
    /// With the codes of the reasons.
    Refused(Vec<String>),
    /// buildx does not build the original either, so that nothing can be compared.
    NoReference(String),
    Compared(BTreeSet<&'static str>, Vec<Change>),
}

fn check(name: &str, lines: fn() -> Result<Vec<Line>, String>) {
    let lines = match possible().and_then(|()| lines()) {
        Ok(lines) => lines,
        Err(why) => return say(&format!("skipped: {why}")),
    };
    let verdicts = verdicts(&lines);
    let wrong: Vec<String> = lines.iter().zip(&verdicts).flat_map(|(line, verdicts)| mistakes(line, verdicts)).collect();
    for target in TARGETS {
        say(&format!("{name}, {}: {}", target.name(), summary(verdicts.iter().map(|verdicts| &verdicts[target.name()]))));
    }
    wrong.iter().take(SHOWN).for_each(|line| say(line));
    assert!(wrong.is_empty(), "{} of {} lines are wrong", wrong.len(), lines.len());
}

/// Whether the clients are there, and a sandbox for them.
fn possible() -> Result<(), String> {
    sandbox::available()?;
    buildx::buildx()?;
    clients::depot().map(drop)
}

/// By target, what came of each line.
fn verdicts(lines: &[Line]) -> Vec<BTreeMap<&'static str, Verdict>> {
    let migrated = workers::each(lines, |line| {
        let script = rewrite::script(&line.text);
        let rewritten = TARGETS.map(|target| (target, rewrite::migrated(&script, target)));
        (Task { original: line.text.clone(), pushes: rewrite::pushes(&script), rewritten: BTreeMap::new() }, rewritten)
    });
    let tasks: Vec<Task> = migrated
        .iter()
        .map(|(task, rewritten)| {
            let scripts = rewritten.iter().filter_map(|(target, script)| Some((target.name().to_owned(), script.clone().ok()?)));
            Task { rewritten: scripts.collect(), ..task.clone() }
        })
        .collect();
    let outcomes = outcomes(&tasks);
    migrated
        .into_iter()
        .zip(outcomes)
        .map(|((_, rewritten), outcome)| {
            rewritten.into_iter().map(|(target, script)| (target.name(), verdict(script.map(drop), &outcome, target))).collect()
        })
        .collect()
}

fn verdict(rewritten: Result<(), Vec<String>>, outcome: &Outcome, target: Target) -> Verdict {
    let reference = &outcome.reference;
    match rewritten {
        Err(codes) => Verdict::Refused(codes),
        Ok(()) if reference.requests.is_empty() => Verdict::NoReference(reference.message.clone()),
        Ok(()) => {
            let (known, unknown) = compare(reference, &outcome.rewritten[target.name()], target);
            Verdict::Compared(known, unknown)
        }
    }
}

/// Runs the tasks in the sandbox.
fn outcomes(tasks: &[Task]) -> Vec<Outcome> {
    let folder = tempfile::tempdir().expect("a temporary folder can be created");
    fs::write(folder.path().join("tasks.json"), serde_json::to_vec(tasks).expect("tasks are JSON")).expect("the tasks can be written");
    let mut command = sandbox::bubblewrap();
    command.args(["--tmpfs", inside::ROOT]);
    let recorder = std::env::current_exe().expect("the test is a file");
    let programs = [
        (recorder, "/tmp/recorder"),
        (buildx::buildx().expect("it was found"), inside::BUILDX),
        (clients::depot().expect("it was found"), inside::DEPOT),
    ];
    for (program, place) in &programs {
        command.arg("--ro-bind").arg(fs::canonicalize(program).expect("the program is a file")).arg(place);
    }
    command.arg("--bind").arg(folder.path()).args(["/tmp/wire", "--chdir", inside::ROOT, "/tmp/recorder"]);
    command.args(["--exact", "inside::tasks_become_recordings", "--ignored"]);
    command.env(inside::SIGN, "1").env("PATH", "/usr/bin:/bin");
    let output = command.output().expect("bubblewrap starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the recording failed: {said}");
    serde_json::from_slice(&fs::read(folder.path().join("outcomes.json")).expect("there are outcomes")).expect("they are JSON")
}

/// What is wrong with a line.
fn mistakes(line: &Line, verdicts: &BTreeMap<&'static str, Verdict>) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (target, verdict) in verdicts {
        let (found, unknown): (BTreeSet<String>, &[Change]) = match verdict {
            Verdict::Refused(codes) => (codes.iter().cloned().collect(), &[]),
            Verdict::NoReference(_) => (BTreeSet::from(["no-reference".to_owned()]), &[]),
            Verdict::Compared(known, unknown) => (known.iter().map(|&name| name.to_owned()).collect(), unknown),
        };
        mistakes.extend(unknown.iter().map(|change| format!("{target}: `{}`: {change}", line.text)));
        if let Some(expected) = line.expected.as_ref().map(|expected| &expected[*target]).filter(|expected| **expected != found) {
            let said = if let Verdict::NoReference(message) = verdict { message } else { "" };
            mistakes.push(format!("{target}: `{}`: {found:?} instead of {expected:?} {said}", line.text));
        }
    }
    mistakes
}

fn summary<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> String {
    let (mut lines, mut compared, mut same, mut wrong, mut silent) = (0, 0, 0, 0, 0);
    let (mut known, mut refused): (BTreeMap<&str, usize>, BTreeMap<&str, usize>) = (BTreeMap::new(), BTreeMap::new());
    for verdict in verdicts {
        lines += 1;
        match verdict {
            Verdict::Refused(codes) => codes.iter().for_each(|code| *refused.entry(code).or_default() += 1),
            Verdict::NoReference(_) => silent += 1,
            Verdict::Compared(differences, unknown) => {
                compared += 1;
                same += usize::from(differences.is_empty() && unknown.is_empty());
                wrong += usize::from(!unknown.is_empty());
                differences.iter().for_each(|name| *known.entry(name).or_default() += 1);
            }
        }
    }
    let counted =
        |counts: &BTreeMap<&str, usize>| counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ");
    format!(
        "{lines} lines, {compared} compared: {same} the same, {wrong} wrong, known differences: {}; refused: {}; {silent} that buildx does not build",
        counted(&known),
        counted(&refused)
    )
}

/// Prints a line past the test harness's capture, so that numbers and reasons for skipping are always seen.
fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The folder for reports and fetched programs, beside the build's own output.
fn target_folder() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's temporary folder lies in the target folder")
}

#[test]
fn a_wrong_rewrite_is_reported() {
    if let Err(why) = possible() {
        return say(&format!("skipped: {why}"));
    }
    let original = "docker build --target a --build-arg V=1 --secret id=s,src=k -f d/f -t r/x:1 -t r/y:1 d";
    let right = "--push --provenance=false --target a --build-arg V=1 --secret id=s,src=k -f d/f -t r/x:1 -t r/y:1 d";
    let wrong = [
        ("--build-arg V=1 ", "", "attr build-arg:V"),
        ("--target a", "--target b", "attr target"),
        ("--secret id=s,src=k ", "", "secret s"),
        ("-f d/f ", "", "attr filename"),
        (" -t r/y:1", "", "exporter 1 name"),
        ("--push ", "", "exporter 1"),
        ("r/y:1 d", "r/y:1 .", "folder context"),
        ("-f d/f", "-f f", "folder dockerfile"),
        ("--push", "--pushes", "requests"),
        ("--push", "--push --no-cache", "attr no-cache"),
        ("--push", "--push --cache-from r/c", "cache import 1"),
        ("", "", ""),
    ];
    let task = |(words, others, _): &(&str, &str, &str)| {
        let arguments = if words.is_empty() { right.to_owned() } else { right.replacen(words, others, 1) };
        let line = |target: Target, client: &str| (target.name().to_owned(), format!("{client} {arguments}"));
        let rewritten = [
            line(Target::Depot, "depot build --project p"),
            line(Target::Buildkit, "docker buildx build"),
            line(Target::Rootless, "docker-buildx build"),
        ];
        Task { original: original.to_owned(), pushes: true, rewritten: rewritten.into() }
    };
    let outcomes = outcomes(&wrong.iter().map(task).collect::<Vec<_>>());
    for ((words, others, fact), outcome) in wrong.iter().zip(&outcomes) {
        for target in TARGETS {
            let (_, unknown) = compare(&outcome.reference, &outcome.rewritten[target.name()], target);
            let facts: Vec<&str> = unknown.iter().map(|change| change.fact.as_str()).collect();
            assert_eq!(facts.contains(fact), !fact.is_empty(), "{} with `{others}` for `{words}`: {facts:?}", target.name());
            assert_eq!(facts.is_empty(), fact.is_empty(), "{}: {facts:?}", target.name());
        }
    }
}

#[test]
fn every_known_difference_says_why_it_may_be() {
    let names: BTreeSet<&str> = KNOWN.iter().map(|known| known.name).collect();
    assert_eq!(names.len(), KNOWN.len());
    assert!(KNOWN.iter().all(|known| known.why.len() > 30));
}
