//! Changes to YAML structure as byte edits built from tree nodes: entries and items removed or added, everything else untouched.
//! Refuses where the text's form leaves room for doubt. Knows no GitLab.

use std::ops::Range;

use crate::edit::Edit;
use crate::source::{SourceFile, Span};
use crate::yaml::{CollectionStyle, NodeId, NodeKind, Tree};

/// Why a change cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why}")]
pub struct CannotEdit {
    /// What stands in the way, as a fragment.
    pub why: &'static str,
    /// Where.
    pub span: Span,
}

/// A file's tree and text.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// The text.
    pub source: &'a SourceFile,
}

impl<'a> Page<'a> {
    fn cannot<T>(self, node: NodeId, why: &'static str) -> Result<T, CannotEdit> {
        Err(CannotEdit { why, span: self.tree.node(node).span })
    }

    fn text(self) -> &'a str {
        self.source.text()
    }

    fn span(self, range: Range<usize>) -> Span {
        Span::new(self.tree.file(), range.start, range.end)
    }

    /// Whether only blanks stand before `offset` on its line.
    fn begins_line(self, offset: usize) -> bool {
        self.indentation(offset).trim().is_empty()
    }

    /// The text of the line before `offset`.
    fn indentation(self, offset: usize) -> &'a str {
        let start = self.source.line_range(self.source.line_index(offset)).start;
        &self.text()[start..offset]
    }

    /// The whole lines from that of `start` to that of the byte before `end`. At the end of a file without a last newline the newline before goes.
    fn lines(self, start: usize, end: usize) -> Range<usize> {
        let first = self.source.line_range(self.source.line_index(start)).start;
        let last = self.source.line_range(self.source.line_index(end.saturating_sub(1).max(start))).end;
        if last == self.text().len() && !self.text().ends_with('\n') && first > 0 {
            let newline = self.text()[..first].strip_suffix('\n').map_or(first, str::len);
            let newline = self.text()[..newline].strip_suffix('\r').map_or(newline, str::len);
            return newline..last;
        }
        first..last
    }

    /// Removes the entry whose key is `key` from its mapping, with the comments above it that `stale` accepts.
    ///
    /// # Errors
    /// [`CannotEdit`] where it is the only entry, or shares its line with something else.
    pub fn remove_entry(self, key: NodeId, stale: &dyn Fn(&str) -> bool) -> Result<Vec<Edit>, CannotEdit> {
        let (Some(mapping), Some(pair)) = (self.tree.parent(key), self.tree.pair_of(key)) else {
            return self.cannot(key, "it is not an entry of a mapping");
        };
        let NodeKind::Mapping { style, pairs } = &self.tree.node(mapping).kind else { return self.cannot(key, "it is not an entry of a mapping") };
        if pairs.len() == 1 {
            return self.cannot(mapping, "nothing would be left of this mapping");
        }
        let start = self.tree.node(pair.key).full.start as usize;
        let end = (self.tree.node(pair.value).full.end as usize).max(self.tree.node(pair.key).full.end as usize);
        match style {
            CollectionStyle::Block if self.begins_line(start) => Ok(self.remove_lines(pair.key, start, end, stale)),
            CollectionStyle::Block => self.cannot(key, "it shares its line with what stands before it"),
            CollectionStyle::Flow | CollectionStyle::FlowPair => {
                let nodes: Vec<Range<usize>> = pairs.iter().map(|pair| self.tree.node(pair.key).full.range().start..self.tree.node(pair.value).full.range().end).collect();
                let index = pairs.iter().position(|other| other.key == pair.key).expect("pair_of gives a pair of this mapping");
                Ok(vec![self.remove_from_flow(&nodes, index)])
            }
        }
    }

    /// Removes an item from its sequence, with the comments above it that `stale` accepts.
    ///
    /// # Errors
    /// [`CannotEdit`] where it is the only item, or shares its line with something else.
    pub fn remove_item(self, item: NodeId, stale: &dyn Fn(&str) -> bool) -> Result<Vec<Edit>, CannotEdit> {
        let Some(sequence) = self.tree.parent(item) else { return self.cannot(item, "it is not an item of a sequence") };
        let NodeKind::Sequence { style, items } = &self.tree.node(sequence).kind else { return self.cannot(item, "it is not an item of a sequence") };
        if items.len() == 1 {
            return self.cannot(sequence, "nothing would be left of this sequence");
        }
        let node = self.tree.node(item);
        match (style, node.dash) {
            (CollectionStyle::Block, Some(dash)) if self.begins_line(dash.start as usize) => {
                Ok(self.remove_lines(item, dash.start as usize, (node.full.end as usize).max(dash.end as usize), stale))
            }
            (CollectionStyle::Block, _) => self.cannot(item, "it shares its line with what stands before it"),
            (CollectionStyle::Flow | CollectionStyle::FlowPair, _) => {
                let nodes: Vec<Range<usize>> = items.iter().map(|&item| self.tree.node(item).full.range()).collect();
                let index = items.iter().position(|&other| other == item).expect("an item of its parent");
                Ok(vec![self.remove_from_flow(&nodes, index)])
            }
        }
    }

    fn remove_lines(self, node: NodeId, start: usize, end: usize, stale: &dyn Fn(&str) -> bool) -> Vec<Edit> {
        let above = self.tree.comments_above(node);
        let gone = above.iter().all(|comment| stale(&self.text()[comment.span.range()]));
        let start = above.first().filter(|_| gone).map_or(start, |comment| comment.span.start as usize);
        vec![Edit::delete(self.span(self.lines(start, end)))]
    }

    fn remove_from_flow(self, nodes: &[Range<usize>], index: usize) -> Edit {
        let range = if index + 1 < nodes.len() { nodes[index].start..nodes[index + 1].start } else { nodes[index - 1].end..nodes[index].end };
        Edit::delete(self.span(range))
    }

    /// Adds items before `item` in its sequence. Each of `items` is one line of YAML without dash.
    ///
    /// # Errors
    /// [`CannotEdit`] where the item does not begin a line of a block sequence.
    pub fn insert_items_before(self, item: NodeId, items: &[String]) -> Result<Vec<Edit>, CannotEdit> {
        let dash = match self.tree.node(item).dash {
            Some(dash) if self.begins_line(dash.start as usize) => dash,
            Some(_) => return self.cannot(item, "it shares its line with what stands before it"),
            None => return self.insert_in_flow(item, items),
        };
        let indentation = self.indentation(dash.start as usize);
        let between = &self.text()[dash.end as usize..self.tree.node(item).full.start as usize];
        let between = if between.is_empty() || between.contains('\n') { " " } else { between };
        let mut text = String::new();
        for item in items {
            text.push_str(&format!("-{between}{item}{}{indentation}", self.source.newline()));
        }
        Ok(vec![Edit::insert_before(dash, text)])
    }

    fn insert_in_flow(self, item: NodeId, items: &[String]) -> Result<Vec<Edit>, CannotEdit> {
        let node = self.tree.node(item);
        let in_flow = self.tree.parent(item).is_some_and(|parent| matches!(self.tree.node(parent).kind, NodeKind::Sequence { style: CollectionStyle::Flow, .. }));
        if !in_flow {
            return self.cannot(item, "it is not an item of a sequence");
        }
        let text: String = items.iter().map(|item| format!("{item}, ")).collect();
        Ok(vec![Edit::insert_before(node.full, text)])
    }

    /// Adds an entry to a block mapping: `text` without indentation, which is added to each of its lines. It comes before the first of the keys
    /// `before` that the mapping has, else at its end.
    ///
    /// # Errors
    /// [`CannotEdit`] where the mapping is written in braces, is empty or begins on the line of something else.
    pub fn insert_entry(self, mapping: NodeId, before: &[&str], text: &str) -> Result<Vec<Edit>, CannotEdit> {
        let NodeKind::Mapping { style: CollectionStyle::Block, pairs } = &self.tree.node(mapping).kind else {
            return self.cannot(mapping, "it is not a mapping by indentation");
        };
        let named = |pair: &&crate::yaml::Pair| self.tree.scalar(pair.key).is_some_and(|key| before.contains(&&*key.text));
        let anchor = pairs.iter().find(named).or(pairs.last()).expect("a block mapping has an entry");
        let key = self.tree.node(anchor.key).full.start as usize;
        if !self.begins_line(key) {
            return self.cannot(anchor.key, "it shares its line with what stands before it");
        }
        let indentation = self.indentation(key);
        let newline = self.source.newline();
        let lines: String = text.lines().map(|line| format!("{indentation}{line}{newline}")).collect();
        if pairs.iter().any(|pair| named(&pair)) {
            let above = self.tree.comments_above(anchor.key).first().map_or(key, |comment| comment.span.start as usize);
            let line = self.source.line_range(self.source.line_index(above)).start;
            return Ok(vec![Edit::replace(self.span(line..line), lines)]);
        }
        let end = self.tree.node(anchor.value).full.end.max(self.tree.node(anchor.key).full.end) as usize;
        let line = self.source.line_range(self.source.line_index(end.saturating_sub(1)));
        let at = line.end;
        let text = if self.text()[..at].ends_with('\n') { lines } else { format!("{newline}{}", lines.trim_end_matches(['\r', '\n'])) };
        Ok(vec![Edit::replace(self.span(at..at), text)])
    }
}

/// A shell command as a YAML scalar on one line: plain where that reads back the same, else in quotes.
#[must_use]
pub fn scalar(text: &str) -> String {
    let risky_start = text.starts_with(['-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', ' ', '~', '=']);
    let risky = risky_start
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with([':', ' '])
        || text.contains(['\n', '\t', '\\'])
        || text.is_empty();
    if !risky {
        return text.to_owned();
    }
    if !text.contains(['\n', '\t']) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    serde_json::Value::from(text).to_string()
}
