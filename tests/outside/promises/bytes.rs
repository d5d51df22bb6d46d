//! Promises 1 and 6, on bytes alone: the files before and after and the reported diffs → what changed that was not announced. It does not read YAML.

use std::collections::BTreeMap;

use serde_json::Value;
use similar::{DiffTag, TextDiff};

use super::observation::Observation;
use crate::patch;

/// Every way in which the written files differ from the reported ones, as sentences.
pub fn check(seen: &Observation) -> Vec<String> {
    let mut wrong = Vec::new();
    if seen.preview_files != seen.before.files {
        wrong.push("migrate without --write changed files".to_owned());
    }
    if seen.preview["files"] != seen.report["files"] {
        wrong.push("migrate reports other files with --write than without".to_owned());
    }
    let announced = announced(&seen.report);
    for (path, after) in &seen.after.files {
        let before = seen.before.files.get(path);
        match (before, announced.get(path.as_str())) {
            (None, None) => wrong.push(format!("{path} was created and is not in the report")),
            (None, Some(_)) => {}
            (Some(before), None) if before != after => wrong.push(format!("{path} was changed and is not in the report")),
            (Some(_), None) => {}
            (Some(before), Some(entry)) => wrong.extend(edited(path, before, after, entry)),
        }
    }
    let lost = seen.before.files.keys().filter(|path| !seen.after.files.contains_key(*path));
    wrong.extend(lost.map(|path| format!("{path} was removed")));
    wrong
}

/// What a second migration changed.
pub fn check_second(seen: &Observation) -> Vec<String> {
    let changed = seen.second_files.iter().filter(|(path, bytes)| seen.after.files.get(*path) != Some(*bytes));
    changed.map(|(path, _)| format!("the second migration changed {path}")).collect()
}

fn announced(report: &Value) -> BTreeMap<&str, &Value> {
    let files = report["files"].as_array().into_iter().flatten();
    files.filter_map(|file| Some((file["path"].as_str()?, file))).collect()
}

fn edited(path: &str, before: &[u8], after: &[u8], entry: &Value) -> Vec<String> {
    let (Ok(before), Ok(after)) = (std::str::from_utf8(before), std::str::from_utf8(after)) else {
        return vec![format!("{path} is not UTF-8 and was migrated")];
    };
    let diff = entry["diff"].as_str().unwrap_or("");
    let mut wrong = Vec::new();
    match patch::apply(before, diff) {
        Ok(text) if text == after => {}
        Ok(_) => wrong.push("the reported diff gives another text than was written".to_owned()),
        Err(why) => wrong.push(format!("the reported diff does not apply: {why}")),
    }
    if entry["action"] != "edit" {
        wrong.push(format!("an existing file is reported as {}", entry["action"]));
    }
    let edits = entry["edits"].as_u64().unwrap_or(0);
    if edits < patch::hunks(diff) as u64 {
        wrong.push(format!("{} hunks come from {edits} edits", patch::hunks(diff)));
    }
    wrong.extend(ends(before, after));
    wrong.extend(hunks(before, after));
    wrong.into_iter().map(|what| format!("{path}: {what}")).collect()
}

/// Byte order mark, last newline and the style of line ends.
fn ends(before: &str, after: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if before.starts_with('\u{feff}') != after.starts_with('\u{feff}') {
        wrong.push("the byte order mark came or went".to_owned());
    }
    if before.ends_with('\n') != after.ends_with('\n') {
        wrong.push("the newline at the end came or went".to_owned());
    }
    let styles = |text: &str| (text.contains("\r\n"), text.replace("\r\n", "").contains('\n'));
    let (old, new) = (styles(before), styles(after));
    if (new.0 && !old.0) || (new.1 && !old.1) {
        wrong.push("lines end in another way than before".to_owned());
    }
    wrong
}

/// Hunks that only reformat, and comments that went without the lines that they describe.
fn hunks(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let (old, new) = (diff.old_slices(), diff.new_slices());
    let mut wrong = Vec::new();
    for change in diff.ops() {
        let (gone, came) = (&old[change.old_range()], &new[change.new_range()]);
        if change.tag() == DiffTag::Equal {
            continue;
        }
        let bare = |lines: &[&str]| lines.concat().split_whitespace().collect::<String>();
        if bare(gone) == bare(came) {
            wrong.push(format!("line {} is only reformatted", change.old_range().start + 1));
        }
        if let Some(comment) = orphaned_comment(gone, came) {
            wrong.push(format!("a comment went that describes no removed line: {comment}"));
        }
    }
    wrong
}

/// The first comment of a hunk that takes comments but no other line.
fn orphaned_comment<'a>(gone: &[&'a str], came: &[&str]) -> Option<&'a str> {
    let is_comment = |line: &&str| line.trim_start().starts_with('#');
    if gone.iter().any(|line| !is_comment(line) && !line.trim().is_empty()) {
        return None;
    }
    gone.iter().find(|line| is_comment(line) && !came.contains(line)).map(|line| line.trim())
}

#[test]
fn a_comment_goes_only_with_the_lines_that_it_describes() {
    let text = "a: 1\n# about b\nb: 2\n# about c\nc: 3\n";
    assert!(hunks(text, "a: 1\n# about c\nc: 3\n").is_empty());
    assert_eq!(hunks(text, "a: 1\nb: 2\n# about c\nc: 3\n").len(), 1);
}

#[test]
fn a_change_of_spaces_or_line_ends_is_seen() {
    assert_eq!(hunks("a: 1\n", "a:  1\n").len(), 1);
    assert_eq!(ends("a: 1\r\nb: 2\r\n", "a: 1\r\nb: 3\n"), ["lines end in another way than before"]);
    assert!(ends("a: 1", "a: 1\n").contains(&"the newline at the end came or went".to_owned()));
}
