//! Changes to files as byte ranges and new text. Knows no format.

use std::collections::BTreeMap;

use crate::source::{FileId, Sources, Span};

/// Replaces the bytes of `span` by `text`; an empty span inserts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Edit {
    /// What goes.
    pub span: Span,
    /// What comes.
    pub text: String,
}

impl Edit {
    /// Replaces `span` by `text`.
    #[must_use]
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Self { span, text: text.into() }
    }

    /// Inserts `text` where `span` begins.
    #[must_use]
    pub fn insert_before(span: Span, text: impl Into<String>) -> Self {
        Self { span: span.start_point(), text: text.into() }
    }

    /// Removes `span`.
    #[must_use]
    pub fn delete(span: Span) -> Self {
        Self { span, text: String::new() }
    }
}

/// Whether a fix can turn a working pipeline into a failing one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Safety {
    /// It can't: applied by `--fix`.
    Safe,
    /// It might: applied by `--unsafe-fixes`.
    Unsafe,
}

/// A change that resolves a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// What applying it does, as an imperative sentence without a full stop.
    pub title: String,
    /// Whether it is applied without being asked for.
    pub safety: Safety,
    /// All or nothing.
    pub edits: Vec<Edit>,
}

/// Two edits that change the same bytes in different ways.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("two edits overlap")]
pub struct Overlap {
    /// The edit that comes first in the file.
    pub first: Span,
    /// The edit that reaches into it.
    pub second: Span,
}

/// The new text of every file that `edits` change. Equal edits count once; insertions at one place keep their order.
///
/// # Errors
/// [`Overlap`] where two edits change the same bytes; then nothing is applied.
pub fn apply(sources: &Sources, edits: &[Edit]) -> Result<BTreeMap<FileId, String>, Overlap> {
    let mut by_file: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(edit.span.file).or_default().push(edit);
    }
    by_file.into_iter().map(|(file, edits)| Ok((file, apply_to_file(sources.get(file).text(), edits)?))).collect()
}

fn apply_to_file(text: &str, mut edits: Vec<&Edit>) -> Result<String, Overlap> {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    edits.dedup();
    let mut out = String::with_capacity(text.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut done = 0;
    let mut before: Option<&Edit> = None;
    for edit in edits {
        let range = edit.span.range();
        if let Some(first) = before.filter(|_| range.start < done) {
            return Err(Overlap { first: first.span, second: edit.span });
        }
        out.push_str(&text[done..range.start]);
        out.push_str(&edit.text);
        done = range.end;
        before = Some(edit);
    }
    out.push_str(&text[done..]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;

    fn applied(text: &str, edits: &[(usize, usize, &str)]) -> Result<String, Overlap> {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new("a", text));
        let edits: Vec<_> = edits.iter().map(|&(start, end, text)| Edit::replace(Span::new(file, start, end), text)).collect();
        Ok(apply(&sources, &edits)?.remove(&file).expect("the file was edited"))
    }

    #[test]
    fn edits_apply_in_the_order_of_the_file_and_equal_ones_once() {
        assert_eq!(applied("abcdef", &[(4, 5, "E"), (1, 2, "B"), (4, 5, "E")]).unwrap(), "aBcdEf");
    }

    #[test]
    fn insertions_at_one_place_keep_their_order() {
        assert_eq!(applied("ab", &[(1, 1, "x"), (1, 1, "y"), (1, 2, "")]).unwrap(), "axy");
    }

    #[test]
    fn overlapping_edits_are_refused() {
        assert!(applied("abcdef", &[(1, 4, "x"), (3, 5, "y")]).is_err());
    }
}
