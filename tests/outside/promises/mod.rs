//! Each promise of `migrate`, checked from outside on each pipeline of the corpus and the fixtures → violations, and a table of what was migrated and why the rest was not.

mod bytes;
mod daemon;
mod floor;
mod meaning;
mod observation;
pub mod report;
mod summary;

use std::time::Duration;

use crate::binary::Run;
use crate::corpus::{Case, all_cases};
use crate::target::Target;
use crate::{say, target_folder, workers};
use floor::Floor;
pub use meaning::variables;
use observation::{Observation, observe};
use summary::Summary;

/// The time over which a command of an unoptimised build fails the test.
const SLOW: Duration = Duration::from_secs(15);
/// How many violations are printed.
const SHOWN: usize = 20;

/// A promise that was broken.
struct Violation {
    case: String,
    promise: &'static str,
    what: String,
}

#[test]
fn every_pipeline_is_migrated_to_depot_as_promised() {
    check(Target::Depot);
}

#[test]
fn every_pipeline_is_migrated_to_buildkit_as_promised() {
    check(Target::Buildkit);
}

#[test]
fn every_pipeline_is_migrated_to_rootless_buildkit_as_promised() {
    check(Target::Rootless);
}

#[test]
fn every_pipeline_is_migrated_to_dagger_as_promised() {
    check(Target::Dagger);
}

fn check(target: Target) {
    let cases: Vec<Case> = all_cases().into_iter().step_by(target.step()).collect();
    let judged = workers::each(&cases, |case| judge(case, target));
    let mut summary = Summary::default();
    let mut violations = Vec::new();
    let mut floor = Floor::default();
    for (row, own_floor, broken) in judged {
        summary.add(row, broken.len());
        floor.add(own_floor);
        violations.extend(broken);
    }
    say(&format!("{}\n{}", target.name(), summary.table()));
    let path = target_folder().join(format!("promises-{}.json", target.name()));
    std::fs::write(&path, summary.json(violations.iter().map(|broken| (&*broken.case, broken.promise, &*broken.what))))
        .expect("the report can be written");
    for broken in violations.iter().take(SHOWN) {
        say(&format!("{}: {}: {}", broken.case, broken.promise, shortened(&broken.what)));
    }
    say(&format!("{} jobs are meant to move, {} of which do; the others:", floor.meant, floor.full));
    floor.rest.iter().for_each(|job| say(&format!("  {job}")));
    // A module takes no job whose programs look for credentials, tests between build and push, and so on, and an image with BuildKit none whose other
    // commands need a client: there is no floor yet.
    let low = matches!(target, Target::Depot | Target::Buildkit) && floor.full * 10 < floor.meant * 9;
    assert!(!low, "more than a tenth of the jobs that are meant to move stay");
    assert!(violations.is_empty(), "{} violations, all of them in {}", violations.len(), path.display());
}

fn judge(case: &Case, target: Target) -> (summary::Row, Floor, Vec<Violation>) {
    let seen = observe(case, target);
    let violations = broken(&seen, target).into_iter().map(|(promise, what)| Violation { case: seen.name.clone(), promise, what });
    (summary::Row::of(&seen), Floor::of(&seen), violations.collect())
}

/// Every promise that `seen` breaks, with a sentence about it.
fn broken(seen: &Observation, target: Target) -> Vec<(&'static str, String)> {
    let mut checks = vec![("runs", seen.runs.iter().filter_map(misbehaviour).collect::<Vec<_>>())];
    if seen.before.expand_code == Some(2) {
        // A file that is no pipeline is refused by every command, and nothing is written.
        let refused =
            if seen.codes == [Some(2); 3] { None } else { Some(format!("`expand` exits with 2 and `migrate` with {:?}", seen.codes)) };
        checks.push(("exit codes", refused.into_iter().collect()));
        checks.push(("1 bytes", bytes::check(seen)));
    } else {
        checks.push(("1 bytes", bytes::check(seen)));
        checks.push(("2 other jobs", meaning::check_others(seen)));
        checks.push(("3 no daemon", daemon::check_none_left(seen)));
        // What a function publishes, its code says; `module` looks there.
        if target != Target::Dagger {
            checks.push(("4 published", daemon::check_published(seen)));
        }
        checks.push(("5 result", meaning::check_result(seen)));
        checks.push(("6 twice", bytes::check_second(seen)));
        checks.push(("6 twice", report::check_second(seen)));
        checks.push(("7 report", report::check(seen)));
    }
    checks.into_iter().flat_map(|(promise, found)| found.into_iter().map(move |what| (promise, what))).collect()
}

/// A panic, a hang, an exit code that the command does not have, output that is no JSON.
fn misbehaviour(run: &Run) -> Option<String> {
    let allowed: &[i32] = if run.arguments.starts_with("migrate") {
        &[0, 2, 3]
    } else if run.arguments.starts_with("lint") {
        &[0, 1, 2]
    } else {
        &[0, 2]
    };
    let what = match run.code {
        _ if run.stderr.contains("panicked") => format!("panics: {}", run.stderr.trim()),
        None => "hangs or is killed".to_owned(),
        Some(code) if !allowed.contains(&code) => format!("exits with {code}: {}", run.stderr.trim()),
        Some(code) if code != 2 && run.json().is_none() => "prints no JSON".to_owned(),
        Some(2) if run.stderr.trim().is_empty() => "exits with 2 and says nothing".to_owned(),
        Some(_) if run.elapsed > SLOW => format!("takes {:.1} s", run.elapsed.as_secs_f32()),
        Some(_) => return None,
    };
    Some(format!("`undind {}` {what}", run.arguments))
}

fn shortened(text: &str) -> String {
    text.chars().take(400).collect()
}
