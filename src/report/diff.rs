//! Two texts into a unified diff that `git apply` and `patch -p1` take. Knows no YAML.

use std::fmt::Write;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

const CONTEXT_LINES: usize = 3;
/// From this many lines on, lines that occur once are matched first: the shortest diff takes time with the square of what changes.
const MANY_LINES: usize = 20_000;

/// The diff of the file at `path` (from the root of the workspace); `before` is none for a new file. Empty where nothing changes.
/// Lines end at `\n` alone, so carriage returns are part of what is compared.
#[must_use]
pub fn unified(path: &str, before: Option<&str>, after: &str) -> String {
    let old: Vec<&str> = before.unwrap_or("").split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let algorithm = if old.len() + new.len() < MANY_LINES { Algorithm::Myers } else { Algorithm::Patience };
    let hunks = group_diff_ops(capture_diff_slices(algorithm, &old, &new), CONTEXT_LINES);
    let mut out = String::new();
    if hunks.iter().all(Vec::is_empty) {
        return out;
    }
    let name = |side: &str| format!("{side}/{path}{}", if path.contains(' ') { "\t" } else { "" });
    let from = if before.is_some() { name("a") } else { "/dev/null".to_owned() };
    let _ = writeln!(out, "--- {from}\n+++ {}", name("b"));
    for hunk in &hunks {
        push_hunk(&mut out, hunk, &old, &new);
    }
    out
}

fn push_hunk(out: &mut String, ops: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (ops.first(), ops.last()) else { return };
    let from = range(first.old_range().start, last.old_range().end);
    let to = range(first.new_range().start, last.new_range().end);
    let _ = writeln!(out, "@@ -{from} +{to} @@");
    for op in ops {
        if let DiffOp::Equal { .. } = op {
            push_lines(out, ' ', &old[op.old_range()]);
        } else {
            push_lines(out, '-', &old[op.old_range()]);
            push_lines(out, '+', &new[op.new_range()]);
        }
    }
}

fn push_lines(out: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        out.push(sign);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// A hunk's range: 1-based first line and count, where an empty range names the line before it.
fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        count => format!("{},{count}", start + 1),
    }
}

/// The diff with ANSI colours: removed lines red, added lines green, hunk headers cyan, file headers bold.
#[must_use]
pub fn coloured(diff: &str) -> String {
    let colour = |line: &str| match line.as_bytes() {
        [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => Some("1"),
        [b'-', ..] => Some("31"),
        [b'+', ..] => Some("32"),
        [b'@', ..] => Some("36"),
        _ => None,
    };
    let mut out = String::with_capacity(diff.len() + diff.len() / 4);
    for line in diff.split_inclusive('\n') {
        let text = line.trim_end_matches('\n');
        match colour(line) {
            Some(code) => out.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m{}", &line[text.len()..])),
            None => out.push_str(line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_has_context_and_counts() {
        let before: String = (1..=9).map(|line| format!("{line}\n")).collect();
        let after = before.replace("5\n", "five\nand\n");
        let expected = "--- a/ci/a.yml\n+++ b/ci/a.yml\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n+and\n 6\n 7\n 8\n";
        assert_eq!(unified("ci/a.yml", Some(&before), &after), expected);
    }

    #[test]
    fn a_missing_last_newline_is_marked_on_its_side() {
        let expected = "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n";
        assert_eq!(unified("a", Some("x"), "x\n"), expected);
    }

    #[test]
    fn carriage_returns_stay_in_the_lines() {
        assert_eq!(unified("a", Some("x\r\ny\rz\r\n"), "x\r\ny\rw\r\n"), "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n x\r\n-y\rz\r\n+y\rw\r\n");
    }

    #[test]
    fn a_new_file_comes_from_nothing() {
        assert_eq!(unified("my file", None, "x\n"), "--- /dev/null\n+++ b/my file\t\n@@ -0,0 +1 @@\n+x\n");
    }

    #[test]
    fn a_diff_of_very_many_changes_is_found_too() {
        let before: String = (0..20_000).map(|line| format!("line {line}\nsame\n")).collect();
        let after = before.replace("7\n", "seven\n");
        let diff = unified("a", Some(&before), &after);
        let lines = |sign: char| diff.lines().skip(2).filter(|line| line.starts_with(sign)).count();
        assert_eq!((lines('-'), lines('+')), (2000, 2000));
    }

    #[test]
    fn equal_texts_have_no_diff() {
        assert_eq!(unified("a", Some("x\n"), "x\n"), "");
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let diff = unified("a", Some("x\n"), "y\n");
        let plain = regex::Regex::new("\u{1b}\\[[0-9]+m").unwrap().replace_all(&coloured(&diff), "").into_owned();
        assert_eq!(plain, diff);
    }
}
