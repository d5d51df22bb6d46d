//! A text and a unified diff → the text that the diff describes. Nothing is searched for: a hunk lies where its header says or the diff is wrong.

/// Applies `diff`, which may start with `---` and `+++` lines. Errors name the hunk or the line that does not fit.
pub fn apply(before: &str, diff: &str) -> Result<String, String> {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let mut lines = diff.split_inclusive('\n').peekable();
    while lines.next_if(|line| !line.starts_with("@@")).is_some() {}
    let mut new = String::with_capacity(before.len());
    let mut taken = 0;
    while let Some(header) = lines.next() {
        let start = hunk_start(header)?;
        let unchanged = old.get(taken..start).ok_or_else(|| format!("`{}` lies outside of the text", header.trim_end()))?;
        new.extend(unchanged.iter().copied());
        taken = start;
        while let Some(line) = lines.next_if(|line| !line.starts_with("@@")) {
            let no_newline = lines.next_if(|next| next.starts_with('\\')).is_some();
            taken = hunk_line(line, no_newline, &old, taken, &mut new)?;
        }
    }
    new.extend(old[taken..].iter().copied());
    Ok(new)
}

/// The number of hunks in `diff`.
pub fn hunks(diff: &str) -> usize {
    diff.lines().filter(|line| line.starts_with("@@ ")).count()
}

/// The 0-based line at which a hunk's old side starts.
fn hunk_start(header: &str) -> Result<usize, String> {
    let wrong = || format!("`{}` is no hunk header", header.trim_end());
    let range = header.strip_prefix("@@ -").and_then(|rest| rest.split(' ').next()).ok_or_else(wrong)?;
    let (start, length) = range.split_once(',').unwrap_or((range, "1"));
    let start: usize = start.parse().map_err(|_| wrong())?;
    // An empty old side names the line before it.
    Ok(if length == "0" { start } else { start.saturating_sub(1) })
}

fn hunk_line(line: &str, no_newline: bool, old: &[&str], taken: usize, new: &mut String) -> Result<usize, String> {
    let text = line.get(1..).unwrap_or("");
    let text = if no_newline { text.strip_suffix('\n').unwrap_or(text) } else { text };
    let sign = line.chars().next().unwrap_or(' ');
    if sign == '+' {
        new.push_str(text);
        return Ok(taken);
    }
    if sign != ' ' && sign != '-' {
        return Err(format!("`{}` is no line of a hunk", line.trim_end()));
    }
    let found = old.get(taken).copied().unwrap_or("");
    if found != text {
        return Err(format!("line {} is {found:?}, the diff has {text:?}", taken + 1));
    }
    if sign == ' ' {
        new.push_str(text);
    }
    Ok(taken + 1)
}

#[test]
fn a_diff_gives_the_text_that_it_was_made_from() {
    let texts = [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\nb", "a\nc"),
        ("a\r\nb\r\n", "a\r\n"),
        ("", "a\n"),
        ("a\n", "a"),
        ("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n9\nx\n"),
    ];
    for (before, after) in texts {
        for radius in [0, 3] {
            let diff = similar::TextDiff::from_lines(before, after).unified_diff().context_radius(radius).header("a/x", "b/x").to_string();
            assert_eq!(apply(before, &diff).as_deref(), Ok(after), "{diff}");
        }
    }
}

#[test]
fn a_diff_that_does_not_fit_is_refused() {
    assert!(apply("a\nb\n", "@@ -1,2 +1,2 @@\n a\n-c\n+d\n").is_err());
    assert!(apply("a\n", "@@ -9 +9 @@\n-a\n+b\n").is_err());
}
