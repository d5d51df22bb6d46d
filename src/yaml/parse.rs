//! libyaml's events into a [`Tree`]: spans without the slack of libyaml's marks, and what events leave out (comments, dashes,
//! the places of anchors and tags). Knows no types of scalars.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::NodeId;
use super::error::{Limits, YamlError, YamlErrorKind};
use super::events::{Event, EventKind, Events, Problem, Properties, ScalarEvent};
use super::line::{before_break, break_length, line_end, line_starts};
use super::tree::{CollectionStyle, Comment, Node, NodeKind, Pair, Property, Scalar, ScalarStyle, Tree};
use crate::source::{FileId, Span};

/// Reads the first document of `text[range]`, as `Psych.safe_load` does: what follows it isn't looked at.
/// Spans are byte offsets in the whole `text`. A byte order mark is a character of the first line, as for Psych.
///
/// # Errors
/// Where libyaml refuses the text, or a limit is reached.
///
/// # Panics
/// If `range` doesn't lie in `text` on character boundaries.
pub fn parse(file: FileId, text: &str, range: Range<usize>, limits: &Limits) -> Result<Tree, YamlError> {
    let part = &text[range.clone()];
    let start = Span::new(file, range.start, range.start);
    if part.len() > limits.bytes {
        return Err(YamlError::limit(start, format!("{} bytes are more than the limit of {}", part.len(), limits.bytes)));
    }
    check_directives(file, part, range.start, limits)?;
    let mut builder = Builder::new(file, &text[..range.end], range.start, limits);
    let mut events = Events::new(part);
    loop {
        let event = events.next_event().map_err(|problem| builder.error(problem))?;
        if builder.accept(event)? {
            return Ok(builder.tree);
        }
    }
}

/// Refuses a text with many directives before libyaml compares them all with each other.
fn check_directives(file: FileId, part: &str, base: usize, limits: &Limits) -> Result<(), YamlError> {
    let header = part.lines().take_while(|line| line.is_empty() || line.starts_with(['%', '#', ' ', '\t', '\u{feff}']));
    match header.filter(|line| line.starts_with('%')).nth(limits.directives) {
        None => Ok(()),
        Some(line) => {
            let at = base + (line.as_ptr() as usize - part.as_ptr() as usize);
            let message = format!("more than {} directives", limits.directives);
            Err(YamlError::limit(Span::new(file, at, at + line.len()), message))
        }
    }
}

struct Builder<'a> {
    file: FileId,
    bytes: &'a [u8],
    base: usize,
    limits: &'a Limits,
    tree: Tree,
    open: Vec<Open>,
    anchors: HashMap<Arc<str>, NodeId>,
    /// The end of the last token: between it and the next stand only indicators, blanks and comments.
    position: usize,
}

/// A collection that hasn't ended yet.
struct Open {
    id: NodeId,
    /// A mapping's key that has no value yet.
    key: Option<NodeId>,
}

/// The text between two tokens.
struct Gap {
    /// The first `-`.
    dash: Option<usize>,
    /// The end of the last indicator, or where the gap begins.
    end: usize,
}

/// A node's properties as written.
struct Prefix {
    anchor: Option<Property>,
    tag: Option<Property>,
    content: usize,
}

impl<'a> Builder<'a> {
    fn new(file: FileId, text: &'a str, base: usize, limits: &'a Limits) -> Self {
        let document = Span::new(file, base, text.len());
        let tree = Tree { nodes: Vec::new(), comments: Vec::new(), line_starts: line_starts(text), empty: true, document };
        Self { file, bytes: text.as_bytes(), base, limits, tree, open: Vec::new(), anchors: HashMap::new(), position: base }
    }

    fn error(&self, problem: Problem) -> YamlError {
        let place = |offset: usize| {
            let at = offset.saturating_add(self.base).min(self.bytes.len());
            let text = std::str::from_utf8(&self.bytes[at..]).unwrap_or_default();
            Span::new(self.file, at, at + text.chars().next().map_or(0, char::len_utf8))
        };
        let context = problem.context.map(|(text, at)| (text, place(at)));
        YamlError { context, ..YamlError::new(YamlErrorKind::Syntax, place(problem.offset), problem.message) }
    }

    /// Takes one event; whether the document has ended.
    fn accept(&mut self, event: Event) -> Result<bool, YamlError> {
        let range = event.range.start + self.base..event.range.end + self.base;
        match event.kind {
            EventKind::StreamStart => {}
            EventKind::DocumentStart => {
                self.gap(range.start);
                self.position = self.position.max(range.end);
            }
            EventKind::StreamEnd | EventKind::DocumentEnd => {
                self.gap(range.start);
                self.finish(range);
                return Ok(true);
            }
            EventKind::Alias { name } => self.alias(&name, range)?,
            EventKind::Scalar(scalar) => self.scalar(scalar, range)?,
            EventKind::SequenceStart { properties, flow } => self.sequence(&properties, flow, range)?,
            EventKind::MappingStart { properties, flow } => self.mapping(&properties, flow, range)?,
            EventKind::SequenceEnd | EventKind::MappingEnd => self.close(range),
        }
        Ok(false)
    }

    fn finish(&mut self, range: Range<usize>) {
        self.tree.document = Span::new(self.file, self.base, range.end.max(self.position));
        self.tree.empty = self.tree.nodes.is_empty();
        if self.tree.empty {
            let nothing = self.node(NodeKind::Scalar(Scalar::nothing()), self.position..self.position, None);
            self.tree.nodes.push(nothing);
        }
    }

    fn alias(&mut self, name: &str, range: Range<usize>) -> Result<(), YamlError> {
        let gap = self.gap(range.start);
        self.position = range.end;
        let kind = NodeKind::Alias { name: name.into(), target: self.anchors.get(name).copied() };
        let node = self.node(kind, range, gap.dash);
        self.push(node).map(|_| ())
    }

    fn scalar(&mut self, event: ScalarEvent, range: Range<usize>) -> Result<(), YamlError> {
        let gap = self.gap(range.start);
        // libyaml puts a missing node at the token that shows that it is missing, which may be many lines below.
        let range = if range.is_empty() { gap.end..gap.end } else { range };
        let prefix = self.prefix(&event.properties, &range);
        self.position = range.end;
        let mut content = prefix.content..range.end;
        if matches!(event.style, ScalarStyle::Literal | ScalarStyle::Folded) {
            content.end = self.block_end(&content, &event.text);
            self.header_comment(&content);
        }
        let ScalarEvent { properties, text, style, quoted } = event;
        let mut node = self.node(NodeKind::Scalar(Scalar { text, style, quoted }), content.clone(), gap.dash);
        node.full = Span::new(self.file, range.start, content.end);
        (node.anchor, node.tag) = (prefix.anchor, prefix.tag);
        let id = self.push(node)?;
        self.remember(&properties, id);
        Ok(())
    }

    fn sequence(&mut self, properties: &Properties, flow: bool, range: Range<usize>) -> Result<(), YamlError> {
        let gap = self.gap(if flow { range.start } else { self.block_start(&range) });
        let style = if flow { CollectionStyle::Flow } else { CollectionStyle::Block };
        self.open(properties, NodeKind::Sequence { style, items: Vec::new() }, range, gap)
    }

    fn mapping(&mut self, properties: &Properties, flow: bool, range: Range<usize>) -> Result<(), YamlError> {
        let gap = self.gap(range.start);
        let braced = range.end > range.start && self.bytes[range.end - 1] == b'{';
        let style = match (flow, braced) {
            (true, true) => CollectionStyle::Flow,
            (true, false) => CollectionStyle::FlowPair,
            (false, _) => CollectionStyle::Block,
        };
        self.open(properties, NodeKind::Mapping { style, pairs: Vec::new() }, range, gap)
    }

    /// Where a block sequence with its properties begins: libyaml's mark of one that isn't indented lies behind its dash.
    fn block_start(&self, range: &Range<usize>) -> usize {
        if range.is_empty() { self.first_dash(range.end) } else { range.start.min(self.first_dash(range.end)) }
    }

    fn first_dash(&self, at: usize) -> usize {
        if self.bytes.get(at) == Some(&b'-') { at } else { at - 1 }
    }

    fn open(&mut self, properties: &Properties, kind: NodeKind, range: Range<usize>, gap: Gap) -> Result<(), YamlError> {
        let at = Span::new(self.file, range.start, range.end);
        if self.open.len() >= self.limits.depth() {
            return Err(YamlError::limit(at, format!("collections nested more than {} deep", self.limits.depth())));
        }
        let prefix = self.prefix(properties, &range);
        let content = match &kind {
            NodeKind::Sequence { style: CollectionStyle::Block, .. } => self.first_dash(range.end),
            NodeKind::Mapping { style: CollectionStyle::Block, .. } => range.end,
            _ => prefix.content,
        };
        // The first dash or key is read again, as the child's.
        self.position = match &kind {
            NodeKind::Sequence { style: CollectionStyle::Flow, .. } | NodeKind::Mapping { style: CollectionStyle::Flow, .. } => range.end,
            _ => content,
        };
        let mut node = self.node(kind, content..content.max(self.position), gap.dash);
        if prefix.anchor.is_some() || prefix.tag.is_some() || range.start < content {
            node.full = Span::new(self.file, range.start, node.span.range().end);
        }
        (node.anchor, node.tag) = (prefix.anchor, prefix.tag);
        let id = self.push(node)?;
        self.remember(properties, id);
        self.open.push(Open { id, key: None });
        Ok(())
    }

    fn close(&mut self, range: Range<usize>) {
        let open = self.open.pop().expect("libyaml ends what it began");
        let bracket = matches!(
            self.tree.node(open.id).kind,
            NodeKind::Mapping { style: CollectionStyle::Flow, .. } | NodeKind::Sequence { style: CollectionStyle::Flow, .. }
        );
        if bracket {
            self.gap(range.start);
            self.position = range.end;
        }
        let last = match &self.tree.node(open.id).kind {
            NodeKind::Mapping { pairs, .. } => pairs.last().map(|pair| pair.value),
            NodeKind::Sequence { items, .. } => items.last().copied(),
            NodeKind::Scalar(_) | NodeKind::Alias { .. } => None,
        };
        let end = if bracket { Some(self.position) } else { last.map(|id| self.tree.node(id).full.range().end) };
        let node = &mut self.tree.nodes[open.id.0 as usize];
        if let Some(end) = end {
            let end = end.max(node.span.range().end);
            node.span = Span::new(self.file, node.span.range().start, end);
            node.full = Span::new(self.file, node.full.range().start, end);
        }
    }

    fn node(&self, kind: NodeKind, content: Range<usize>, dash: Option<usize>) -> Node {
        let span = Span::new(self.file, content.start, content.end);
        let column = span.start - self.tree.line_starts[self.tree.line_index(span.start)];
        let dash = dash.map(|at| Span::new(self.file, at, at + 1));
        Node { kind, span, full: span, anchor: None, tag: None, dash, column, parent: self.open.last().map(|open| open.id) }
    }

    fn push(&mut self, node: Node) -> Result<NodeId, YamlError> {
        let at = self.tree.nodes.len();
        if at >= self.limits.nodes {
            return Err(YamlError::limit(node.span, format!("more than {} keys, values and items", self.limits.nodes)));
        }
        let id = NodeId(u32::try_from(at).map_err(|_| YamlError::limit(node.span, "more nodes than can be counted"))?);
        self.tree.nodes.push(node);
        let Some(open) = self.open.last_mut() else { return Ok(id) };
        match &mut self.tree.nodes[open.id.0 as usize].kind {
            NodeKind::Sequence { items, .. } => items.push(id),
            NodeKind::Mapping { pairs, .. } => match open.key.take() {
                None => open.key = Some(id),
                Some(key) => pairs.push(Pair { key, value: id }),
            },
            NodeKind::Scalar(_) | NodeKind::Alias { .. } => {}
        }
        Ok(id)
    }

    fn remember(&mut self, properties: &Properties, id: NodeId) {
        if let Some(name) = &properties.anchor {
            self.anchors.insert((&**name).into(), id);
        }
    }

    /// Reads the text up to the token at `end`: notes its comments and, within a block sequence, finds the item's dash.
    fn gap(&mut self, end: usize) -> Gap {
        let in_sequence = self
            .open
            .last()
            .is_some_and(|open| matches!(self.tree.node(open.id).kind, NodeKind::Sequence { style: CollectionStyle::Block, .. }));
        let mut gap = Gap { dash: None, end: self.position };
        let mut at = self.position;
        while at < end.min(self.bytes.len()) {
            match self.bytes[at] {
                b'#' => at = self.comment(at),
                b' ' | b'\t' => at += 1,
                _ => match break_length(self.bytes, at) {
                    0 => {
                        if in_sequence && self.bytes[at] == b'-' {
                            gap.dash.get_or_insert(at);
                        }
                        at += 1;
                        gap.end = at;
                    }
                    length => at += length,
                },
            }
        }
        self.position = self.position.max(gap.dash.map_or(0, |dash| dash + 1));
        gap
    }

    /// Notes the comment at `at`, and says where it ends.
    fn comment(&mut self, at: usize) -> usize {
        let end = line_end(self.bytes, at);
        let span = Span::new(self.file, at, end);
        let line_start = self.tree.line_starts[self.tree.line_index(span.start)] as usize;
        let own_line = self.bytes[line_start..at].iter().all(|byte| matches!(byte, b' ' | b'\t'));
        self.tree.comments.push(Comment { span, own_line });
        end
    }

    fn header_comment(&mut self, content: &Range<usize>) {
        let end = line_end(self.bytes, content.start);
        if let Some(at) = memchr::memchr(b'#', &self.bytes[content.start..end]) {
            self.comment(content.start + at);
        }
    }

    /// Finds where anchor and tag are written and where the content behind them begins.
    fn prefix(&mut self, properties: &Properties, range: &Range<usize>) -> Prefix {
        let mut prefix = Prefix { anchor: None, tag: None, content: range.start };
        let mut at = range.start;
        let mut seen_tag = false;
        while at < range.end {
            let start = at;
            match self.bytes[at] {
                b' ' | b'\t' => at += 1,
                b'#' if at > range.start => at = self.comment(at),
                // libyaml skips a byte order mark at the start of any line.
                0xEF if at > range.start && self.bytes[at..].starts_with(b"\xEF\xBB\xBF") && before_break(self.bytes, at) < at => at += 3,
                b'&' if prefix.anchor.is_none() => {
                    let Some(name) = &properties.anchor else { break };
                    at += 1 + name.len();
                    prefix.anchor = Some(self.property(name, start..at));
                }
                b'!' if !seen_tag => {
                    seen_tag = true;
                    at = self.tag_end(at, range.end);
                    prefix.tag = properties.tag.as_ref().map(|tag| self.property(tag, start..at));
                }
                _ => match break_length(self.bytes, at) {
                    0 => break,
                    length => at += length,
                },
            }
        }
        prefix.content = at.min(range.end);
        prefix
    }

    fn property(&self, text: &str, range: Range<usize>) -> Property {
        Property { text: text.into(), span: Span::new(self.file, range.start, range.end) }
    }

    fn tag_end(&self, start: usize, end: usize) -> usize {
        if self.bytes.get(start + 1) == Some(&b'<') {
            return memchr::memchr(b'>', &self.bytes[start..end]).map_or(end, |at| start + at + 1);
        }
        let mut at = start;
        while at < end && !matches!(self.bytes[at], b' ' | b'\t' | b',') && break_length(self.bytes, at) == 0 {
            at += 1;
        }
        at
    }

    /// Where a block scalar's content ends: before its last line end, and before blank lines that don't count.
    fn block_end(&self, content: &Range<usize>, text: &str) -> usize {
        let header_end = line_end(self.bytes, content.start);
        if content.end <= header_end {
            return content.end;
        }
        let header = &self.bytes[content.start..header_end];
        let keep = header.iter().take_while(|byte| !matches!(byte, b' ' | b'\t' | b'#')).any(|byte| *byte == b'+');
        let mut end = before_break(self.bytes, content.end);
        if keep {
            return end.max(header_end);
        }
        let text = text.trim_end_matches(['\n', '\u{2028}', '\u{2029}']);
        if text.is_empty() {
            return header_end;
        }
        // A line of blanks is content if it is longer than the indentation; then the text ends with those blanks.
        let blanks = text.bytes().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        loop {
            let line = self.bytes[..end].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let before = before_break(self.bytes, end - line);
            if before == end - line || before < header_end || (blanks > 0 && line >= blanks && line > 0) {
                return end;
            }
            end = before;
        }
    }
}
