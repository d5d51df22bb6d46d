//! A document as it is written: nodes with spans, styles, anchors, tags and comments. Knows no types of scalars and follows no alias.

use std::sync::Arc;

use super::NodeId;
use super::text_map::TextMap;
use crate::source::{FileId, Span};

/// One document. Nodes are named by [`NodeId`] in the order in which they begin.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) comments: Vec<Comment>,
    pub(super) line_starts: Vec<u32>,
    pub(super) empty: bool,
    pub(super) document: Span,
}

/// One node of a [`Tree`].
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// The content: quotes, brackets and block header included, anchor and tag not. A block collection reaches from its first key or
    /// dash to the end of its last child. A block scalar ends before its last line end; blank lines behind it belong to it for `|+` and `>+` only.
    pub span: Span,
    /// `span` with anchor and tag.
    pub full: Span,
    /// The anchor, without `&`, and its span, with `&`.
    pub anchor: Option<Property>,
    /// The tag as resolved (`tag:yaml.org,2002:str` for `!!str`) and the span of what is written. None for the tag `!`, which Psych ignores.
    pub tag: Option<Property>,
    /// The `-` of an item of a block sequence.
    pub dash: Option<Span>,
    /// 0-based column of `span`'s start, in bytes; of a block collection this is its indentation.
    pub column: u32,
    pub(super) parent: Option<NodeId>,
}

/// An anchor or a tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Property {
    /// Its name.
    pub text: Arc<str>,
    /// Where it is written.
    pub span: Span,
}

/// The kinds of [`Node`].
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A mapping.
    Mapping {
        /// How it is written.
        style: CollectionStyle,
        /// Its keys and values, in the order written.
        pairs: Vec<Pair>,
    },
    /// A sequence.
    Sequence {
        /// How it is written.
        style: CollectionStyle,
        /// Its items.
        items: Vec<NodeId>,
    },
    /// A scalar; where nothing is written it is plain and empty.
    Scalar(Scalar),
    /// `*name`.
    Alias {
        /// The anchor's name.
        name: Arc<str>,
        /// The node that had the anchor most recently; none where it is unknown.
        target: Option<NodeId>,
    },
}

/// A key and its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pair {
    /// The key.
    pub key: NodeId,
    /// The value.
    pub value: NodeId,
}

/// A scalar's decoded text and style.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scalar {
    /// The text without quotes, escapes, folds and indentation.
    pub text: Arc<str>,
    /// How it is written.
    pub style: ScalarStyle,
    /// Whether it is a string because it isn't plain and has no tag; Psych types all others by their text.
    pub quoted: bool,
}

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// `'…'`.
    SingleQuoted,
    /// `"…"`.
    DoubleQuoted,
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

/// How a collection is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CollectionStyle {
    /// By indentation.
    Block,
    /// In brackets or braces.
    Flow,
    /// A mapping of one pair without braces, as in `[a: 1]`.
    FlowPair,
}

/// A comment, from `#` to the end of its line (line end excluded).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Comment {
    /// Where it is written.
    pub span: Span,
    /// Whether nothing but blanks stands before it on its line.
    pub own_line: bool,
}

impl Scalar {
    /// What stands where nothing is written.
    pub(super) fn nothing() -> Self {
        Self { text: "".into(), style: ScalarStyle::Plain, quoted: false }
    }
}

impl Tree {
    /// The file that this was read from.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.document.file
    }

    /// The root; none where the document is empty.
    #[must_use]
    pub fn root(&self) -> Option<NodeId> {
        (!self.empty).then_some(NodeId(0))
    }

    /// The bytes that the document takes: from the start of the text that was given to its end, `...` included.
    #[must_use]
    pub fn document(&self) -> Span {
        self.document
    }

    /// The node that `id` names; ids of other trees may panic.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// All nodes, a parent before its children.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        let written = if self.empty { &[] } else { &self.nodes[..] };
        written.iter().enumerate().map(|(at, node)| (NodeId(u32::try_from(at).expect("limited when parsed")), node))
    }

    /// The collection that holds this node.
    #[must_use]
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).parent
    }

    /// The children in the order written; of a mapping keys and values in turn.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let (pairs, items): (&[Pair], &[NodeId]) = match &self.node(id).kind {
            NodeKind::Mapping { pairs, .. } => (pairs, &[]),
            NodeKind::Sequence { items, .. } => (&[], items),
            NodeKind::Scalar(_) | NodeKind::Alias { .. } => (&[], &[]),
        };
        pairs.iter().flat_map(|pair| [pair.key, pair.value]).chain(items.iter().copied())
    }

    /// The pairs, where the node is a mapping.
    #[must_use]
    pub fn pairs(&self, id: NodeId) -> Option<&[Pair]> {
        match &self.node(id).kind {
            NodeKind::Mapping { pairs, .. } => Some(pairs),
            NodeKind::Sequence { .. } | NodeKind::Scalar(_) | NodeKind::Alias { .. } => None,
        }
    }

    /// The items, where the node is a sequence.
    #[must_use]
    pub fn items(&self, id: NodeId) -> Option<&[NodeId]> {
        match &self.node(id).kind {
            NodeKind::Sequence { items, .. } => Some(items),
            NodeKind::Mapping { .. } | NodeKind::Scalar(_) | NodeKind::Alias { .. } => None,
        }
    }

    /// The scalar, where the node is one.
    #[must_use]
    pub fn scalar(&self, id: NodeId) -> Option<&Scalar> {
        match &self.node(id).kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            NodeKind::Mapping { .. } | NodeKind::Sequence { .. } | NodeKind::Alias { .. } => None,
        }
    }

    /// The pair of a mapping that a key or a value belongs to.
    #[must_use]
    pub fn pair_of(&self, id: NodeId) -> Option<Pair> {
        let pairs = self.pairs(self.parent(id)?)?;
        let at = pairs.partition_point(|pair| pair.value < id);
        pairs.get(at).copied().filter(|pair| pair.key == id || pair.value == id)
    }

    /// The decoded text of a scalar and which source byte each of its bytes is; none for other nodes.
    /// `source` is the whole text of the file.
    #[must_use]
    pub fn text_map(&self, id: NodeId, source: &str) -> Option<TextMap> {
        let scalar = self.scalar(id)?;
        Some(TextMap::new(scalar, self.node(id).span, &source[..self.document.range().end]))
    }

    /// All comments in the order written.
    #[must_use]
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// The comments that begin within `span`.
    #[must_use]
    pub fn comments_in(&self, span: Span) -> &[Comment] {
        let start = self.comments.partition_point(|comment| comment.span.start < span.start);
        let end = self.comments.partition_point(|comment| comment.span.start < span.end);
        &self.comments[start..end.max(start)]
    }

    /// The comments on lines of their own directly above the line on which the node begins, without a blank line between.
    #[must_use]
    pub fn comments_above(&self, id: NodeId) -> &[Comment] {
        let node = self.node(id);
        let start = node.dash.map_or(node.full.start, |dash| dash.start);
        let mut line = self.line_index(start);
        let end = self.comments.partition_point(|comment| comment.span.start < self.line_starts[line]);
        let mut first = end;
        while first > 0 && line > 0 && self.comments[first - 1].own_line && self.line_index(self.comments[first - 1].span.start) == line - 1
        {
            first -= 1;
            line -= 1;
        }
        &self.comments[first..end]
    }

    /// The comment behind the node's end, on the same line.
    #[must_use]
    pub fn comment_after(&self, id: NodeId) -> Option<&Comment> {
        let end = self.node(id).full.end;
        let next = self.comments.get(self.comments.partition_point(|comment| comment.span.start < end))?;
        (self.line_index(next.span.start) == self.line_index(end)).then_some(next)
    }

    /// The 0-based line of a byte, counted within the whole file by YAML's line ends.
    pub(super) fn line_index(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|&start| start <= offset).saturating_sub(1)
    }
}
