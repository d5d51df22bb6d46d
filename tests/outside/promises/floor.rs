//! The other side of caution: of the jobs whose docker commands a migration to Depot is meant for, how many move. A tool that refuses everything keeps every
//! promise.

use std::collections::BTreeMap;

use serde_json::Value;

use super::observation::Observation;
use super::report;

/// Operations that a remote builder takes over, or that go with the daemon.
const MEANT: &[&str] =
    &["build", "push", "pull", "tag", "login", "logout", "builder", "context", "info", "clean", "wait", "imagetools", "manifest"];
/// Reasons that lie outside of the docker commands: what the job runs or is made of is not known, it is written for another shell, somebody else writes
/// the file, a daemon is shared on purpose, is the runner's or is the job's subject, the runner alone says for which architecture it builds.
const OUTSIDE: &[&str] = &[
    "opaque-command",
    "missing-configuration",
    "invalid-job",
    "damaged-script",
    "other-shell",
    "docker-in-function",
    "docker-in-script-file",
    "unknown-flags",
    "generated-file",
    "remote-daemon",
    "image-stays-on-daemon",
    "after-script",
    "daemon-only",
    "daemon-output-used",
    "no-change",
    "chosen-machine",
];

/// Jobs that are meant to move.
#[derive(Default)]
pub struct Floor {
    pub meant: usize,
    pub full: usize,
    /// Those that don't, with their reasons.
    pub rest: Vec<String>,
}

impl Floor {
    pub fn of(seen: &Observation) -> Self {
        let listed = seen.before.inspect["jobs"].as_array().into_iter().flatten();
        let inspected: BTreeMap<&str, &Value> = listed.filter_map(|job| Some((job["name"].as_str()?, job))).collect();
        let mut floor = Self::default();
        // The fixtures are full of jobs that must stay.
        if seen.name.starts_with("fixtures/") {
            return floor;
        }
        for job in report::jobs(&seen.report) {
            let meant = inspected.get(job.name).is_some_and(|inspected| is_meant(inspected));
            let outside = |reason: &Value| OUTSIDE.contains(&reason["code"].as_str().unwrap_or(""));
            if !meant || matches!(job.verdict, "done" | "none") || job.reasons.iter().any(outside) {
                continue;
            }
            floor.meant += 1;
            if job.verdict == "full" {
                floor.full += 1;
            } else {
                let reasons: Vec<String> =
                    job.reasons.iter().map(|reason| format!("{}: {}", reason["code"], reason["message"]).replace('"', "")).collect();
                floor.rest.push(format!("{}: {}: {}", seen.name, job.name, reasons.join("; ")));
            }
        }
        floor
    }

    pub fn add(&mut self, other: Self) {
        self.meant += other.meant;
        self.full += other.full;
        self.rest.extend(other.rest);
    }
}

/// Whether the job uses docker, and every use is one that a migration is meant for.
fn is_meant(job: &Value) -> bool {
    let operations: Vec<&Value> = job["operations"].as_array().into_iter().flatten().collect();
    let by_docker = |operation: &&Value| matches!(operation["tool"].as_str(), Some("docker" | "buildx" | "compose"));
    operations.iter().any(by_docker) && operations.iter().filter(|operation| by_docker(operation)).all(|operation| meant(operation))
}

fn meant(operation: &Value) -> bool {
    let text = operation["text"].as_str().unwrap_or("");
    let emulation = operation["op"] == "run" && ["binfmt", "qemu-user-static"].iter().any(|image| text.contains(image));
    emulation || operation["op"].as_str().is_some_and(|op| MEANT.contains(&op))
}
