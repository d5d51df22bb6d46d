//! The fixes of findings into new texts of files.

use std::collections::BTreeMap;

use undind::diagnostic::Diagnostic;
use undind::edit::{Edit, Safety, apply};
use undind::lint::LintOptions;
use undind::report::diff::unified;
use undind::source::Sources;
use undind::workspace::Workspace;

use crate::cli::Context;
use crate::cli::check::{Checked, check};
use crate::cli::discover::Repository;
use crate::cli::write::Change;

/// A fix may uncover another finding; rules whose fixes undo each other stop here.
const MOST_ROUNDS: usize = 10;

/// The new texts of files, by path from the root.
pub type Texts = BTreeMap<String, String>;

/// What a repository's files hold once every fix up to `safety` is applied, and what is found then.
pub fn fixed(repository: &Repository, safety: Safety, wish: &LintOptions, context: &Context) -> (Texts, Vec<Checked>) {
    let mut texts = Texts::new();
    let mut checked = check(repository, &repository.workspace, wish, context);
    for _ in 0..MOST_ROUNDS {
        let round: Vec<(String, String)> = checked
            .iter()
            .flat_map(|checked| round(checked.sources(), checked.findings.iter().map(|finding| &finding.diagnostic), safety))
            .collect();
        if round.is_empty() {
            break;
        }
        texts.extend(round);
        checked = check(repository, &overlaid(&repository.workspace, &texts), wish, context);
    }
    (texts, checked)
}

fn overlaid(workspace: &Workspace, texts: &Texts) -> Workspace {
    workspace.with_overlay(texts.iter().map(|(path, text)| (path.clone(), text.clone())))
}

/// The texts after the first fixes that don't touch each other; the rest waits for the next round.
fn round<'a>(sources: &Sources, findings: impl Iterator<Item = &'a Diagnostic>, safety: Safety) -> Vec<(String, String)> {
    let mut edits: Vec<Edit> = Vec::new();
    for fix in findings.filter_map(|finding| finding.fix.as_ref()).filter(|fix| fix.safety <= safety) {
        if fix.edits.iter().all(|edit| fits(&edits, edit)) {
            edits.extend(fix.edits.iter().filter(|edit| !edits.contains(edit)).cloned().collect::<Vec<_>>());
        }
    }
    let texts = apply(sources, &edits).unwrap_or_default();
    texts
        .into_iter()
        .map(|(file, text)| (sources.get(file), text))
        .filter(|(file, text)| file.text() != text)
        .map(|(file, text)| (file.path().to_owned(), text))
        .collect()
}

/// Whether `edit` is one of `edits`, or touches none of them.
fn fits(edits: &[Edit], edit: &Edit) -> bool {
    let apart = |other: &Edit| other.span.file != edit.span.file || other.span.end < edit.span.start || edit.span.end < other.span.start;
    edits.iter().all(|other| other == edit || apart(other))
}

/// The changes that turn the repository's files into `texts`.
pub fn changes(repository: &Repository, texts: &Texts) -> Vec<Change> {
    let before = |path: &str| repository.workspace.text(path).ok().map(|text| text.as_bytes().to_vec());
    let changes = texts.iter().map(|(path, text)| Change { path: path.clone(), before: before(path), after: text.clone().into_bytes() });
    changes.filter(|change| change.before.as_ref() != Some(&change.after)).collect()
}

/// The unified diff of `texts` against the repository's files.
pub fn diff(repository: &Repository, texts: &Texts) -> String {
    texts.iter().map(|(path, text)| unified(path, repository.workspace.text(path).ok().as_deref(), text)).collect()
}

#[cfg(test)]
mod tests {
    use undind::diagnostic::Severity;
    use undind::edit::Fix;
    use undind::source::{SourceFile, Span};

    use super::*;

    /// A fix: whether it is safe, and its edits.
    type Wanted = (Safety, &'static [(usize, usize, &'static str)]);

    fn fixes(text: &str, fixes: &[Wanted], safety: Safety) -> Vec<(String, String)> {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a", text));
        let finding = |(safety, edits): &Wanted| {
            let edits = edits.iter().map(|&(start, end, text)| Edit::replace(Span::new(file, start, end), text)).collect();
            let fix = Fix { title: String::new(), safety: *safety, edits };
            Diagnostic::new(("r", "R"), Severity::Error, Span::new(file, 0, 0), "").fix(fix)
        };
        let findings: Vec<Diagnostic> = fixes.iter().map(finding).collect();
        round(&sources, findings.iter(), safety)
    }

    #[test]
    fn of_fixes_that_touch_each_other_the_first_is_applied_whole_and_the_second_not_at_all() {
        let wanted: [Wanted; 2] = [(Safety::Safe, &[(1, 3, "X")]), (Safety::Safe, &[(2, 4, "Y"), (5, 6, "Z")])];
        assert_eq!(fixes("abcdef", &wanted, Safety::Safe), [("a".to_owned(), "aXdef".to_owned())]);
    }

    #[test]
    fn unsafe_fixes_are_applied_only_when_they_are_asked_for() {
        let wanted: [Wanted; 2] = [(Safety::Unsafe, &[(0, 1, "A")]), (Safety::Safe, &[(2, 3, "C")])];
        assert_eq!(fixes("abc", &wanted, Safety::Safe), [("a".to_owned(), "abC".to_owned())]);
        assert_eq!(fixes("abc", &wanted, Safety::Unsafe), [("a".to_owned(), "AbC".to_owned())]);
    }

    #[test]
    fn a_fix_that_changes_nothing_is_not_a_change() {
        assert!(fixes("abc", &[(Safety::Safe, &[(0, 1, "a")])], Safety::Safe).is_empty());
    }
}
