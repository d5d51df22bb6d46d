//! Changes to YAML structure as byte edits built from tree nodes: entries and items removed or added, everything else untouched.
//! Refuses where the text's form leaves room for doubt. Knows no GitLab.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::edit::Edit;
use crate::source::{SourceFile, Span};
use crate::yaml::{CollectionStyle, NodeId, NodeKind, Pair, ScalarStyle, Tree};

/// Why a change cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why}")]
pub struct CannotEdit {
    /// What stands in the way, as a fragment.
    pub why: &'static str,
    /// Where.
    pub span: Span,
}

/// Whether a comment above something that goes may go with it: its text, and whether all the lines that it heads go.
pub type Stale<'a> = &'a dyn Fn(&str, bool) -> bool;

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

    /// Removes children of a collection, of which some are left: items of a sequence, or entries of a mapping by their keys. The comments directly above
    /// them go where `stale` accepts them all.
    ///
    /// # Errors
    /// [`CannotEdit`] where one shares its line with something else.
    pub fn remove_children(self, collection: NodeId, children: &BTreeSet<NodeId>, stale: Stale<'_>) -> Result<Vec<Edit>, CannotEdit> {
        let (style, all): (CollectionStyle, Vec<(NodeId, Range<usize>)>) = match &self.tree.node(collection).kind {
            NodeKind::Mapping { style, pairs } => (*style, pairs.iter().map(|pair| (pair.key, self.pair_range(*pair))).collect()),
            NodeKind::Sequence { style, items } => (*style, items.iter().map(|&item| (item, self.item_range(item))).collect()),
            NodeKind::Scalar(_) | NodeKind::Alias { .. } => return self.cannot(collection, "it is no collection"),
        };
        if style != CollectionStyle::Block {
            return Ok(self.remove_from_flow(&all, children));
        }
        let mut edits = Vec::new();
        for (index, (node, range)) in all.iter().enumerate().filter(|(_, (node, _))| children.contains(node)) {
            if !self.begins_line(range.start) {
                return self.cannot(*node, "it shares its line with what stands before it");
            }
            // A comment heads the lines down to the next comment or blank line; with all of them it goes.
            let headed = all[index + 1..].iter().take_while(|(next, range)| !self.begins_paragraph(*next, range.start));
            let whole = headed.into_iter().all(|(next, _)| children.contains(next));
            edits.push(self.remove_lines(*node, range.start, range.end, &|comment, _| stale(comment, whole)));
        }
        Ok(edits)
    }

    /// Removes the entry whose key is `key` from its mapping, with the comments above it that `stale` accepts.
    ///
    /// # Errors
    /// [`CannotEdit`] where it is the only entry, or shares its line with something else.
    pub fn remove_entry(self, key: NodeId, stale: Stale<'_>) -> Result<Vec<Edit>, CannotEdit> {
        let (Some(mapping), Some(pair)) = (self.tree.parent(key), self.tree.pair_of(key)) else {
            return self.cannot(key, "it is not an entry of a mapping");
        };
        if self.tree.pairs(mapping).is_none_or(|pairs| pairs.len() == 1) {
            return self.cannot(mapping, "nothing would be left of this mapping");
        }
        self.remove_children(mapping, &BTreeSet::from([pair.key]), stale)
    }

    /// Removes an item from its sequence, with the comments above it that `stale` accepts.
    ///
    /// # Errors
    /// [`CannotEdit`] where it is the only item, or shares its line with something else.
    pub fn remove_item(self, item: NodeId, stale: Stale<'_>) -> Result<Vec<Edit>, CannotEdit> {
        let Some(sequence) = self.tree.parent(item) else { return self.cannot(item, "it is not an item of a sequence") };
        if self.tree.items(sequence).is_none_or(|items| items.len() == 1) {
            return self.cannot(sequence, "nothing would be left of this sequence");
        }
        self.remove_children(sequence, &BTreeSet::from([item]), stale)
    }

    /// Whether a comment or a blank line stands directly above a child that begins at `start`.
    fn begins_paragraph(self, child: NodeId, start: usize) -> bool {
        let line = self.source.line_index(start);
        let blank = line > 0 && self.text()[self.source.line_range(line - 1)].trim().is_empty();
        blank || !self.tree.comments_above(child).is_empty()
    }

    fn pair_range(self, pair: Pair) -> Range<usize> {
        let (key, value) = (self.tree.node(pair.key).full.range(), self.tree.node(pair.value).full.range());
        key.start..value.end.max(key.end)
    }

    fn item_range(self, item: NodeId) -> Range<usize> {
        let node = self.tree.node(item);
        let start = node.dash.map_or(node.full.start, |dash| dash.start) as usize;
        start..(node.full.end as usize).max(node.dash.map_or(0, |dash| dash.end as usize))
    }

    /// Removes runs of neighbours with their commas; the brackets and what is left stay as written.
    fn remove_from_flow(self, all: &[(NodeId, Range<usize>)], children: &BTreeSet<NodeId>) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut at = 0;
        while at < all.len() {
            if !children.contains(&all[at].0) {
                at += 1;
                continue;
            }
            let first = at;
            while at < all.len() && children.contains(&all[at].0) {
                at += 1;
            }
            let range = if at < all.len() { all[first].1.start..all[at].1.start } else { all[first - 1].1.end..all[at - 1].1.end };
            edits.push(Edit::delete(self.span(range)));
        }
        edits
    }

    /// Empties a mapping of which all entries are to go: the first stays, with an empty value.
    ///
    /// # Errors
    /// [`CannotEdit`] where an entry shares its line with something else, or the mapping has no entry.
    pub fn empty_all(self, mapping: NodeId, children: &BTreeSet<NodeId>, stale: Stale<'_>) -> Result<Vec<Edit>, CannotEdit> {
        let Some(first) = self.tree.pairs(mapping).and_then(<[Pair]>::first).copied() else {
            return self.cannot(mapping, "it has no entry");
        };
        let rest: BTreeSet<NodeId> = children.iter().copied().filter(|child| *child != first.key).collect();
        let mut edits = self.remove_children(mapping, &rest, stale)?;
        let empty = if matches!(self.tree.node(first.value).kind, NodeKind::Mapping { .. }) { " {}" } else { " []" };
        let key = self.tree.node(first.key).full.end as usize;
        let colon = self.text()[key..].find(':').map_or(key, |at| key + at + 1);
        edits.push(Edit::replace(self.span(colon..(self.tree.node(first.value).full.end as usize).max(colon)), empty));
        Ok(edits)
    }

    /// The blanks by which the file indents what is nested in a mapping: as this one is within its parent, else two.
    #[must_use]
    pub fn indentation_unit(self, mapping: NodeId) -> String {
        let own = self.tree.node(mapping).column as usize;
        let parent = self.tree.parent(mapping).map_or(0, |parent| self.tree.node(parent).column as usize);
        " ".repeat(if own > parent && own - parent <= 8 { own - parent } else { 2 })
    }

    /// The value of the entry `key` of a mapping.
    #[must_use]
    pub fn value_of(self, mapping: NodeId, key: &str) -> Option<NodeId> {
        let named = |pair: &&Pair| self.tree.scalar(pair.key).is_some_and(|scalar| &*scalar.text == key);
        self.tree.pairs(mapping)?.iter().find(named).map(|pair| pair.value)
    }

    /// Replaces an entry's value by an empty list on the key's line.
    #[must_use]
    pub fn empty_list(self, pair: Pair) -> Edit {
        let key = self.tree.node(pair.key).full.end as usize;
        let value = self.tree.node(pair.value).full.range();
        let colon = self.text()[key..].find(':').map_or(key, |at| key + at + 1);
        Edit::replace(self.span(colon..value.end.max(colon)), " []")
    }

    /// Gives a script that is one string `lines` to run before it: a literal block gets them as its first lines, any other scalar becomes an item of a list.
    ///
    /// # Errors
    /// [`CannotEdit`] where the scalar is folded, spans lines, or has an anchor.
    pub fn scalar_to_items(self, node: NodeId, lines: &[String], edits: &[Edit]) -> Result<Vec<Edit>, CannotEdit> {
        let value = self.tree.node(node);
        let NodeKind::Scalar(written) = &value.kind else { return self.cannot(node, "it is not a string") };
        let newline = self.source.newline();
        if written.style == ScalarStyle::Literal {
            let content =
                self.text()[value.span.range()].find('\n').map_or(value.span.end as usize, |at| value.span.start as usize + at + 1);
            let first = &self.text()[content..];
            let indentation = &first[..first.len() - first.trim_start_matches(' ').len()];
            let text: String = lines.iter().map(|line| format!("{indentation}{line}{newline}")).collect();
            return Ok(vec![Edit::replace(self.span(content..content), text)]);
        }
        let source = &self.text()[value.span.range()];
        let Some(pair) =
            self.tree.pair_of(node).filter(|_| value.anchor.is_none() && !source.contains('\n') && written.style != ScalarStyle::Folded)
        else {
            return self.cannot(node, "it is not a list of commands, and cannot become one safely");
        };
        let key = self.tree.node(pair.key).full.start as usize;
        if !self.begins_line(key) {
            return self.cannot(node, "it shares its line with what stands before it");
        }
        let indentation = format!("{newline}{}  - ", self.indentation(key));
        let whole = edits.iter().any(|edit| edit.span == value.span);
        let before: String = lines.iter().map(|line| format!("{indentation}{}", scalar(line))).collect();
        let colon = self.text()[self.tree.node(pair.key).full.end as usize..]
            .find(':')
            .map_or(key, |at| self.tree.node(pair.key).full.end as usize + at + 1);
        debug_assert!(whole || edits.iter().all(|edit| value.span.contains(edit.span)));
        Ok(vec![Edit::replace(self.span(colon..value.span.start as usize), format!("{before}{indentation}"))])
    }

    fn remove_lines(self, node: NodeId, start: usize, end: usize, stale: Stale<'_>) -> Edit {
        let above = self.tree.comments_above(node);
        let gone = above.iter().all(|comment| stale(&self.text()[comment.span.range()], false));
        let start = above.first().filter(|_| gone).map_or(start, |comment| comment.span.start as usize);
        let mut lines = self.lines(start, end);
        // Of the blank lines above and below a removed block one stays.
        let above_is_blank =
            lines.start == 0 || self.text()[..lines.start].ends_with("\n\n") || self.text()[..lines.start].ends_with("\n\r\n");
        if above_is_blank && lines.end < self.text().len() {
            let below = self.source.line_range(self.source.line_index(lines.end));
            if self.text()[below.clone()].trim().is_empty() {
                lines.end = below.end;
            }
        }
        Edit::delete(self.span(lines))
    }

    /// Adds items before `item` in its sequence, and before the comment that heads it. Each of `items` is one line of YAML without dash.
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
        let newline = self.source.newline();
        let above = self.tree.comments_above(item).first().map(|comment| comment.span.start as usize);
        if let Some(comment) = above.filter(|&comment| self.begins_line(comment)) {
            let line = self.source.line_range(self.source.line_index(comment)).start;
            let text: String = items.iter().map(|item| format!("{indentation}-{between}{item}{newline}")).collect();
            return Ok(vec![Edit::replace(self.span(line..line), text)]);
        }
        let text: String = items.iter().map(|item| format!("-{between}{item}{newline}{indentation}")).collect();
        Ok(vec![Edit::insert_before(dash, text)])
    }

    fn insert_in_flow(self, item: NodeId, items: &[String]) -> Result<Vec<Edit>, CannotEdit> {
        let node = self.tree.node(item);
        let in_flow = self
            .tree
            .parent(item)
            .is_some_and(|parent| matches!(self.tree.node(parent).kind, NodeKind::Sequence { style: CollectionStyle::Flow, .. }));
        if !in_flow {
            return self.cannot(item, "it is not an item of a sequence");
        }
        let text: String = items.iter().map(|item| format!("{}, ", in_row(item))).collect();
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
        let named = |pair: &&Pair| self.tree.scalar(pair.key).is_some_and(|key| before.contains(&&*key.text));
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

    /// Adds an entry behind the last one of a mapping in either style: `text` without indentation. Unlike [`Page::insert_entry`] the mapping may
    /// begin behind the dash of an item, and may be written in braces where `text` has one line.
    ///
    /// # Errors
    /// [`CannotEdit`] where the mapping is empty, or its last entry shares its line with something else.
    pub fn append_entry(self, mapping: NodeId, text: &str) -> Result<Vec<Edit>, CannotEdit> {
        let NodeKind::Mapping { style, pairs } = &self.tree.node(mapping).kind else { return self.cannot(mapping, "it is not a mapping") };
        let Some(last) = pairs.last() else { return self.cannot(mapping, "it has no entry") };
        let end = self.tree.node(last.value).full.end.max(self.tree.node(last.key).full.end) as usize;
        match style {
            CollectionStyle::Flow if !text.contains('\n') => Ok(vec![Edit::replace(self.span(end..end), format!(", {text}"))]),
            CollectionStyle::Flow | CollectionStyle::FlowPair => self.cannot(mapping, "it is written in braces"),
            CollectionStyle::Block => {
                let before = self.indentation(self.tree.node(mapping).span.start as usize);
                if !before.chars().all(|character| character == ' ' || character == '-') {
                    return self.cannot(mapping, "it shares its line with what stands before it");
                }
                Ok(vec![self.lines_below(end, before.len(), text)])
            }
        }
    }

    /// Adds `text`, with `indentation` blanks before each line, below the line of the byte before `end`.
    #[must_use]
    pub fn lines_below(self, end: usize, indentation: usize, text: &str) -> Edit {
        let newline = self.source.newline();
        let blanks = " ".repeat(indentation);
        let lines: String = text.lines().map(|line| format!("{blanks}{line}{newline}")).collect();
        let at = self.source.line_range(self.source.line_index(end.saturating_sub(1))).end;
        let complete = self.text()[..at].ends_with('\n');
        let text = if complete { lines } else { format!("{newline}{}", lines.trim_end_matches(['\r', '\n'])) };
        Edit::replace(self.span(at..at), text)
    }

    /// Adds items behind `item` in its block sequence. Each of `items` is one line of YAML without dash.
    ///
    /// # Errors
    /// [`CannotEdit`] where the item does not begin a line of a block sequence.
    pub fn insert_items_behind(self, item: NodeId, items: &[String]) -> Result<Vec<Edit>, CannotEdit> {
        let node = self.tree.node(item);
        let Some(dash) = node.dash.filter(|dash| self.begins_line(dash.start as usize)) else {
            return self.cannot(item, "it shares its line with what stands before it");
        };
        let between = &self.text()[dash.end as usize..node.full.start as usize];
        let between = if between.is_empty() || between.contains('\n') { " " } else { between };
        let text: String = items.iter().map(|item| format!("-{between}{item}\n")).collect();
        Ok(vec![self.lines_below(node.full.end as usize, self.indentation(dash.start as usize).len(), &text)])
    }

    /// Adds an item behind the last one of a sequence in either style.
    ///
    /// # Errors
    /// [`CannotEdit`] where it is no sequence, or is empty.
    pub fn append_item(self, sequence: NodeId, text: &str) -> Result<Vec<Edit>, CannotEdit> {
        let NodeKind::Sequence { style, items } = &self.tree.node(sequence).kind else {
            return self.cannot(sequence, "it is not a sequence");
        };
        let Some(&last) = items.last() else { return self.cannot(sequence, "it has no item") };
        let node = self.tree.node(last);
        let end = node.full.end as usize;
        match (style, node.dash) {
            (CollectionStyle::Block, Some(dash)) => {
                let before = self.indentation(dash.start as usize);
                if !before.trim().is_empty() {
                    return self.cannot(last, "it shares its line with what stands before it");
                }
                Ok(vec![self.lines_below(end, before.len(), &format!("- {text}"))])
            }
            (CollectionStyle::Block | CollectionStyle::Flow | CollectionStyle::FlowPair, _) => {
                Ok(vec![Edit::replace(self.span(end..end), format!(", {text}"))])
            }
        }
    }
}

/// A scalar of block context as one that may stand in brackets.
fn in_row(item: &str) -> String {
    let risky = !item.starts_with(['"', '\'']) && item.contains([',', '[', ']', '{', '}', ':', '|', '"', '\'']);
    if risky { serde_json::Value::from(item).to_string() } else { item.to_owned() }
}

/// A shell command as a YAML scalar on one line: plain where that reads back the same, else in quotes.
#[must_use]
pub fn scalar(text: &str) -> String {
    let risky_start =
        text.starts_with(['-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', ' ', '~', '=']);
    let risky = risky_start
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with([':', ' '])
        || text.contains(['\n', '\t'])
        || text.is_empty();
    if !risky {
        return text.to_owned();
    }
    if !text.contains(['\n', '\t']) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    serde_json::Value::from(text).to_string()
}
