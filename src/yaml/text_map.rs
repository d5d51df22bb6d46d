//! A scalar's decoded text against the bytes that it is written with. Knows the folding and escaping of each style, not what the text means.

use std::ops::Range;

use super::block_text::block_segments;
use super::flow_text::flow_segments;
use super::tree::{Scalar, ScalarStyle};
use crate::source::Span;

/// Which source bytes each part of a scalar's text is written with.
#[derive(Clone, Debug)]
pub struct TextMap {
    span: Span,
    segments: Vec<Segment>,
}

/// A part of a scalar's text and of its source. Segments follow each other in both; together they decode to the whole text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Bytes of the decoded text.
    pub decoded: Range<usize>,
    /// Bytes of the file.
    pub source: Range<usize>,
    /// How the one is written as the other.
    pub kind: SegmentKind,
}

/// The kinds of [`Segment`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentKind {
    /// Byte for byte.
    Verbatim,
    /// An escape: `''`, `\n`, `\u00e9` …
    Escape,
    /// Line ends with the blanks around them: kept, folded to a space, or dropped.
    Break,
    /// Not known in detail.
    Opaque,
}

impl TextMap {
    pub(super) fn new(scalar: &Scalar, span: Span, source: &str) -> Self {
        let written = match scalar.style {
            ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => flow_segments(scalar.style, span.range(), source),
            ScalarStyle::Literal | ScalarStyle::Folded => block_segments(scalar, span.range(), source),
        };
        // What doesn't decode to exactly this text isn't trusted.
        let segments = written
            .finish(&scalar.text)
            .unwrap_or_else(|| vec![Segment { decoded: 0..scalar.text.len(), source: span.range(), kind: SegmentKind::Opaque }]);
        Self { span, segments }
    }

    /// A text of `length` bytes that is not written as such, but made of what stands at `span`.
    #[must_use]
    pub fn opaque(length: usize, span: Span) -> Self {
        Self { span, segments: vec![Segment { decoded: 0..length, source: span.range(), kind: SegmentKind::Opaque }] }
    }

    /// The map of the text that comes of this one when each of `pieces`, ranges of it in order, is replaced by so many bytes.
    #[must_use]
    pub fn with_replaced(&self, pieces: &[(Range<usize>, usize)]) -> Self {
        let mut segments: Vec<Segment> = Vec::new();
        let (mut from, mut at) = (0, 0);
        let whole = self.segments.last().map_or(0, |segment| segment.decoded.end);
        for (block, length) in pieces.iter().cloned().chain([(whole..whole, 0)]) {
            at = self.copy(from..block.start, at, &mut segments);
            if !block.is_empty() {
                let source = self.cover(block.clone()).range();
                segments.push(Segment { decoded: at..at + length, source, kind: SegmentKind::Opaque });
                at += length;
            }
            from = block.end;
        }
        Self { span: self.span, segments }
    }

    /// Adds the segments of `decoded`, from `at` on in the new text; where it ends there.
    fn copy(&self, decoded: Range<usize>, mut at: usize, into: &mut Vec<Segment>) -> usize {
        for segment in &self.segments {
            let (start, end) = (segment.decoded.start.max(decoded.start), segment.decoded.end.min(decoded.end));
            let whole = start == segment.decoded.start && end == segment.decoded.end;
            if start > end || (start == end && !whole) {
                continue;
            }
            let source = match segment.kind {
                SegmentKind::Verbatim => {
                    let first = segment.source.start + (start - segment.decoded.start);
                    first..first + (end - start)
                }
                SegmentKind::Escape | SegmentKind::Break | SegmentKind::Opaque => segment.source.clone(),
            };
            let kind = if whole || segment.kind == SegmentKind::Verbatim { segment.kind } else { SegmentKind::Opaque };
            into.push(Segment { decoded: at..at + (end - start), source, kind });
            at += end - start;
        }
        at
    }

    /// The segments in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Where a range of the decoded text is written, if it is written there byte for byte in one piece: other text may take
    /// its place as long as that needs no escape in this style.
    #[must_use]
    pub fn source(&self, decoded: Range<usize>) -> Option<Span> {
        let first = self.segments.partition_point(|segment| segment.decoded.end < decoded.start);
        self.segments[first..]
            .iter()
            .take_while(|segment| segment.decoded.start <= decoded.start)
            .find(|segment| segment.kind == SegmentKind::Verbatim && decoded.end <= segment.decoded.end)
            .map(|segment| {
                let shift = |at: usize| segment.source.start + (at - segment.decoded.start);
                Span::new(self.span.file, shift(decoded.start), shift(decoded.end))
            })
    }

    /// The smallest span that holds all that the range of the decoded text is written with, indentation between its lines included;
    /// the scalar's span where the text is empty.
    #[must_use]
    pub fn cover(&self, decoded: Range<usize>) -> Span {
        if let Some(exact) = self.source(decoded.clone()) {
            return exact;
        }
        let from = self.segments.partition_point(|segment| segment.decoded.end <= decoded.start);
        let to = self.segments.partition_point(|segment| segment.decoded.start < decoded.end);
        let (Some(first), Some(last)) = (self.segments.get(from), to.checked_sub(1).and_then(|at| self.segments.get(at))) else {
            return self.span;
        };
        if from >= to {
            return self.span;
        }
        let start = match first.kind {
            SegmentKind::Verbatim => first.source.start + decoded.start.saturating_sub(first.decoded.start),
            SegmentKind::Escape | SegmentKind::Break | SegmentKind::Opaque => first.source.start,
        };
        let end = match last.kind {
            SegmentKind::Verbatim => last.source.end - last.decoded.end.saturating_sub(decoded.end),
            SegmentKind::Escape | SegmentKind::Break | SegmentKind::Opaque => last.source.end,
        };
        Span::new(self.span.file, start, end)
    }

    /// The offset in the decoded text of a byte of the file; that of the whole escape or line end where it is part of one.
    #[must_use]
    pub fn decoded(&self, source: usize) -> Option<usize> {
        let at = self.segments.partition_point(|segment| segment.source.end <= source);
        let segment = self.segments.get(at).filter(|segment| segment.source.start <= source)?;
        Some(match segment.kind {
            SegmentKind::Verbatim => segment.decoded.start + (source - segment.source.start),
            SegmentKind::Escape | SegmentKind::Break | SegmentKind::Opaque => segment.decoded.start,
        })
    }
}

/// Segments in the making, with the text that they decode to.
#[derive(Default)]
pub(super) struct Written {
    segments: Vec<Segment>,
    text: String,
}

impl Written {
    /// Bytes of the source that stand for themselves.
    pub fn verbatim(&mut self, source: &str, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(&source[range.clone()]);
        match self.segments.last_mut() {
            Some(last) if last.kind == SegmentKind::Verbatim && last.source.end == range.start => {
                last.source.end = range.end;
                last.decoded.end = self.text.len();
            }
            _ => self.segments.push(Segment { decoded: start..self.text.len(), source: range, kind: SegmentKind::Verbatim }),
        }
    }

    /// Bytes of the source that stand for `text`.
    pub fn other(&mut self, kind: SegmentKind, range: Range<usize>, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.segments.push(Segment { decoded: start..self.text.len(), source: range, kind });
    }

    pub fn decodes_to(&self, text: &str) -> bool {
        self.text == text
    }

    /// The segments, if they decode to `text`.
    fn finish(self, text: &str) -> Option<Vec<Segment>> {
        self.decodes_to(text).then_some(self.segments)
    }
}
