//! What holds for every fix of every rule, whatever the file looks like.

use undind::edit::apply;

use crate::{Case, Files};

/// A way to write a file, by name.
type Form = (&'static str, fn(&str) -> String);

/// The laws that the files of `case` break, in each of the forms in which a file may be written.
pub fn broken(rule: &str, case: &Case) -> Vec<String> {
    let forms: [Form; 4] = [
        ("as written", str::to_owned),
        ("with CRLF", |text| text.replace('\n', "\r\n")),
        ("without the last newline", |text| text.trim_end_matches('\n').to_owned()),
        ("with a byte order mark", |text| format!("\u{feff}{text}")),
    ];
    let mut broken = Vec::new();
    for (name, form) in forms {
        let files: Files = case.files.iter().map(|(path, text)| (path.clone(), form(text))).collect();
        broken.extend(broken_by(rule, case, &files).into_iter().map(|law| format!("{name}: {law}")));
    }
    broken
}

fn broken_by(rule: &str, case: &Case, files: &Files) -> Vec<String> {
    let (analysis, findings) = crate::run(rule, case, files);
    let sources = analysis.documents.sources();
    let mut broken = Vec::new();
    for finding in &findings {
        let diagnostic = &finding.diagnostic;
        for fix in diagnostic.fix.iter().chain(&diagnostic.alternatives) {
            let Ok(changed) = apply(sources, &fix.edits) else {
                broken.push(format!("`{}` overlaps itself", fix.title));
                continue;
            };
            let mut after = files.clone();
            for (file, text) in changed {
                let before = sources.get(file).text();
                broken.extend(broken_in(before, &text).map(|law| format!("`{}` {law}", fix.title)));
                after.insert(sources.get(file).path().to_owned(), text);
            }
            let (analysis, _) = crate::run(rule, case, &after);
            if !analysis.documents.problems().is_empty() || !analysis.runners.problems.is_empty() {
                broken.push(format!("`{}` leaves a file that doesn't parse", fix.title));
            }
        }
    }
    broken
}

/// What an edit must never lose: the line ends, the end of the file, comments.
fn broken_in(before: &str, after: &str) -> impl Iterator<Item = &'static str> {
    let bare = |text: &str| text.matches('\n').count() - text.matches("\r\n").count();
    let laws = [
        (before == after, "changes nothing"),
        (before.contains("\r\n") && bare(before) == 0 && bare(after) > 0, "mixes line ends"),
        (before.ends_with('\n') != after.ends_with('\n'), "changes the end of the file"),
        (before.starts_with('\u{feff}') != after.starts_with('\u{feff}'), "loses the byte order mark"),
        (before.matches(" # ").count() > after.matches(" # ").count(), "loses a comment"),
    ];
    laws.into_iter().filter(|(broken, _)| *broken).map(|(_, law)| law)
}
