//! The corpus → 40 migrations and 100 lint findings in a folder for somebody to read, the same ones for the same corpus and binary. Judges nothing.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::binary::undind;
use crate::corpus::{Case, cases};
use crate::target::Target;
use crate::{say, target_folder, workers};

const DIFFS: usize = 40;
const FINDINGS: usize = 100;
const SEED: u64 = 55_117_201;

#[test]
#[ignore = "draws a sample for somebody to read: cargo test --test outside sample -- --ignored"]
fn migrations_and_findings_are_drawn_for_reading() {
    [Target::Depot, Target::Buildkit].into_iter().for_each(draw);
}

fn draw(target: Target) {
    let cases = match cases() {
        Ok(cases) => cases,
        Err(why) => return say(&format!("skipped: {why}")),
    };
    let (diffs, findings): (Vec<Vec<String>>, Vec<Vec<String>>) = workers::each(&cases, |case| read(case, target)).into_iter().unzip();
    let folder = target_folder().join("sample").join(target.name());
    fs::create_dir_all(&folder).expect("the folder can be created");
    for (index, diff) in drawn(diffs.concat(), DIFFS).iter().enumerate() {
        fs::write(folder.join(format!("migration-{:02}.diff", index + 1)), diff).expect("the sample can be written");
    }
    fs::write(folder.join("findings.txt"), drawn(findings.concat(), FINDINGS).join("\n")).expect("the sample can be written");
    say(&format!("{}", folder.display()));
}

/// A case's diffs with the jobs' verdicts, and its findings with the lines that they point at.
fn read(case: &Case, target: Target) -> (Vec<String>, Vec<String>) {
    let folder = case.checkout();
    let report = undind(folder.path(), &target.migrate(&case.pipeline)).json().unwrap_or_default();
    let lint = undind(folder.path(), &["lint", &case.pipeline, "--format", "json"]).json().unwrap_or_default();
    let files: Vec<&Value> = report["files"].as_array().into_iter().flatten().collect();
    let mut diff = format!("{}\n", case.name);
    for part in ["jobs", "manual", "assumptions"] {
        for entry in report[part].as_array().into_iter().flatten() {
            let _ = writeln!(diff, "# {part}: {entry}");
        }
    }
    for file in &files {
        for change in file["changes"].as_array().into_iter().flatten() {
            let _ = writeln!(
                diff,
                "# why: {}:{}: {}",
                file["path"].as_str().unwrap_or(""),
                change["line"],
                change["why"].as_str().unwrap_or("")
            );
        }
        let _ = writeln!(diff, "{}", file["diff"].as_str().unwrap_or(""));
    }
    let findings = lint["findings"].as_array().into_iter().flatten().map(|finding| described(case, folder.path(), finding));
    (if files.is_empty() { Vec::new() } else { vec![diff] }, findings.collect())
}

fn described(case: &Case, folder: &std::path::Path, finding: &Value) -> String {
    let file = finding["file"].as_str().unwrap_or("");
    let (start, end) = (finding["start"]["line"].as_u64().unwrap_or(1) as usize, finding["end"]["line"].as_u64().unwrap_or(1) as usize);
    let text = fs::read(folder.join(file)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let mut lines = format!("{}: {file}:{start}: {} {}: {}\n", case.name, finding["severity"], finding["rule"], finding["message"]);
    let context = text.lines().enumerate().skip(start.saturating_sub(4)).take_while(|(index, _)| *index < end + 3);
    for (index, line) in context {
        let mark = if (start..=end).contains(&(index + 1)) { '>' } else { ' ' };
        let _ = writeln!(lines, "{mark} {:>5}  {line}", index + 1);
    }
    lines
}

/// `count` of `all`, chosen by a shuffle with a fixed seed.
fn drawn(mut all: Vec<String>, count: usize) -> Vec<String> {
    let mut state = SEED;
    for index in (1..all.len()).rev() {
        // Knuth's MMIX generator; the low bits repeat soon, so the high ones choose.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        all.swap(index, (state >> 33) as usize % (index + 1));
    }
    all.truncate(count);
    all
}

#[test]
fn the_same_sample_is_drawn_again() {
    let all: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let sample = drawn(all.clone(), 40);
    assert_eq!(sample, drawn(all.clone(), 40));
    assert_ne!(sample[..], all[..40]);
}
