//! Segments of `|` and `>` scalars, folded and chomped as libyaml's `yaml_parser_scan_block_scalar` does.

use std::ops::Range;

use super::line::{break_length, break_text, line_end};
use super::text_map::{SegmentKind, Written};
use super::tree::{Scalar, ScalarStyle};

/// The segments of the scalar at `span`, header included; they may reach over the line end behind it.
pub(super) fn block_segments(scalar: &Scalar, span: Range<usize>, source: &str) -> Written {
    let end = span.end + break_length(source.as_bytes(), span.end);
    let header = line_end(source.as_bytes(), span.start);
    let mut indicators = source[span.start + 1..header.max(span.start + 1)].bytes().take_while(|byte| b"+-0123456789".contains(byte));
    let chomping = indicators.find(|byte| matches!(byte, b'+' | b'-'));
    let body = header + break_length(source.as_bytes(), header);
    let bytes = &source.as_bytes()[..end.max(body)];
    let folded = scalar.style == ScalarStyle::Folded;
    let read = |indent| Reader { source, bytes, indent, folded, at: body, written: Written::default() }.read(header, chomping);
    let written = read(indentation(&scalar.text, bytes, body));
    if written.decodes_to(&scalar.text) {
        return written;
    }
    // Lines of blanks alone don't tell their indentation; libyaml took it from the indicator and from the parent's.
    (0..=MAX_GUESS).map(read).find(|written| written.decodes_to(&scalar.text)).unwrap_or(written)
}

/// The deepest indentation that is tried where the text doesn't show it.
const MAX_GUESS: usize = 32;

/// How many blanks each line begins with: those of the first line with other text, less those that the decoded text has there.
fn indentation(text: &str, bytes: &[u8], body: usize) -> usize {
    let spaces = |line: &[u8]| line.iter().take_while(|byte| **byte == b' ').count();
    let mut first: &[u8] = &[];
    let mut at = body;
    while at < bytes.len() {
        let end = line_end(bytes, at);
        first = &bytes[at..end];
        if spaces(first) < first.len() {
            break;
        }
        at = end + break_length(bytes, end);
    }
    let mut lines = text.split(['\n', '\u{2028}', '\u{2029}']);
    let line = lines.find(|line| spaces(line.as_bytes()) < line.len()).unwrap_or_default();
    spaces(first).saturating_sub(spaces(line.as_bytes()))
}

struct Reader<'a> {
    source: &'a str,
    /// Up to the scalar's end, its last line end included.
    bytes: &'a [u8],
    indent: usize,
    folded: bool,
    at: usize,
    written: Written,
}

impl Reader<'_> {
    /// Reads all lines; what stands before the first begins at `pending`.
    fn read(mut self, mut pending: usize, chomping: Option<u8>) -> Written {
        let mut first = "";
        let mut blank_before = false;
        let mut others = self.empty_lines();
        while self.at < self.bytes.len() && self.indented() {
            let blank = matches!(self.bytes[self.at], b' ' | b'\t');
            let folds = self.folded && first == "\n" && !blank_before && !blank;
            let kept = match (folds, others.is_empty()) {
                (true, true) => " ",
                (true, false) => "",
                (false, _) => first,
            };
            self.line_break(pending..self.at, &format!("{kept}{others}"));
            let end = line_end(self.bytes, self.at);
            self.written.verbatim(self.source, self.at..end);
            blank_before = blank;
            pending = end;
            let length = break_length(self.bytes, end);
            first = if length > 0 { break_text(self.source, end) } else { "" };
            self.at = end + length;
            others = self.empty_lines();
        }
        match chomping {
            Some(b'-') => {}
            Some(_) => self.line_break(pending..self.bytes.len(), &format!("{first}{others}")),
            None => self.line_break(pending..pending + break_length(self.bytes, pending), first),
        }
        self.written
    }

    /// Skips up to the next line with text and its indentation; the line ends on the way.
    fn empty_lines(&mut self) -> String {
        let mut ends = String::new();
        loop {
            let spaces = self.bytes[self.at..].iter().take(self.indent).take_while(|byte| **byte == b' ').count();
            let length = break_length(self.bytes, self.at + spaces);
            if length == 0 {
                self.at += spaces;
                return ends;
            }
            ends.push_str(break_text(self.source, self.at + spaces));
            self.at += spaces + length;
        }
    }

    /// Whether the place reached is as far from the line's start as the scalar's indentation.
    fn indented(&self) -> bool {
        self.bytes[..self.at].iter().rev().take(self.indent).all(|byte| *byte == b' ')
    }

    fn line_break(&mut self, range: Range<usize>, text: &str) {
        if !text.is_empty() {
            self.written.other(SegmentKind::Break, range, text);
        }
    }
}
