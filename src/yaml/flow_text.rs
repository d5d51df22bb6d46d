//! Segments of plain and quoted scalars, folded over lines as libyaml's `yaml_parser_scan_flow_scalar` and `…_plain_scalar` do.

use std::ops::Range;

use super::line::{break_length, break_text};
use super::text_map::{SegmentKind, Written};
use super::tree::ScalarStyle;

/// The segments of the scalar at `span`, quotes included.
pub(super) fn flow_segments(style: ScalarStyle, span: Range<usize>, source: &str) -> Written {
    let quotes = usize::from(style != ScalarStyle::Plain);
    let end = span.end.saturating_sub(quotes);
    let mut reader = Reader { source, bytes: &source.as_bytes()[..end], style, at: span.start + quotes, written: Written::default() };
    while reader.at < end {
        reader.word();
    }
    reader.written
}

struct Reader<'a> {
    source: &'a str,
    /// Up to the scalar's end.
    bytes: &'a [u8],
    style: ScalarStyle,
    at: usize,
    written: Written,
}

impl Reader<'_> {
    /// Reads up to the next blanks, and these.
    fn word(&mut self) {
        let mut start = self.at;
        while self.at < self.bytes.len() && !self.blank() && break_length(self.bytes, self.at) == 0 {
            let escape = match (self.style, self.bytes[self.at]) {
                (ScalarStyle::SingleQuoted, b'\'') => Some((2, '\'')),
                (ScalarStyle::DoubleQuoted, b'\\') => {
                    let line_end = break_length(self.bytes, self.at + 1);
                    if line_end > 0 {
                        self.written.verbatim(self.source, start..self.at);
                        let start = self.at;
                        self.at += 1 + line_end;
                        return self.blanks(start, true);
                    }
                    escape(&self.source[self.at..self.bytes.len()])
                }
                _ => None,
            };
            match escape {
                None => self.at += 1,
                Some((length, letter)) => {
                    self.written.verbatim(self.source, start..self.at);
                    let end = (self.at + length).min(self.bytes.len());
                    self.written.other(SegmentKind::Escape, self.at..end, letter.encode_utf8(&mut [0; 4]));
                    self.at = end;
                    start = end;
                }
            }
        }
        self.written.verbatim(self.source, start..self.at);
        self.blanks(self.at, false);
    }

    /// Reads blanks and line ends; `start` is where an escaped line end before them begins.
    fn blanks(&mut self, start: usize, escaped: bool) {
        let mut first: Option<&str> = escaped.then_some("");
        let mut others = String::new();
        while self.at < self.bytes.len() {
            let length = break_length(self.bytes, self.at);
            if length == 0 && !self.blank() {
                break;
            }
            if length > 0 {
                let text = break_text(self.source, self.at);
                if first.is_some() { others.push_str(text) } else { first = Some(text) }
            }
            self.at += length.max(1);
        }
        match first {
            None => self.written.verbatim(self.source, start..self.at),
            Some("\n") if others.is_empty() => self.written.other(SegmentKind::Break, start..self.at, " "),
            Some("\n") => self.written.other(SegmentKind::Break, start..self.at, &others),
            Some(first) => self.written.other(SegmentKind::Break, start..self.at, &format!("{first}{others}")),
        }
    }

    fn blank(&self) -> bool {
        matches!(self.bytes[self.at], b' ' | b'\t')
    }
}

/// The length of the escape at the start of `text` and the character that it stands for.
fn escape(text: &str) -> Option<(usize, char)> {
    let code = text[1..].chars().next()?;
    let letter = match code {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '/' | '\\' => code,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        'x' | 'u' | 'U' => {
            let digits = match code {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let value = u32::from_str_radix(text.get(2..2 + digits)?, 16).ok()?;
            return Some((2 + digits, char::from_u32(value)?));
        }
        _ => return None,
    };
    Some((2, letter))
}
