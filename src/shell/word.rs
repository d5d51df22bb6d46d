//! Words: quotes, escapes, expansions and substitutions, into parts.

use crate::shell::ast::{Part, PartKind, Quoting, Word};
use crate::shell::parse::{Parser, Place, parse_at};

/// The end of a GitLab expression is looked for in so many bytes of its line.
const LONGEST_INTERPOLATION: usize = 1024;

/// Where a run of parts ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// A blank, a newline or an operator.
    Word,
    /// The `}` of a parameter expansion.
    Brace,
    /// That, or a slash.
    Slash,
    /// That, or a colon.
    Colon,
    /// The closing double quote.
    Quote,
    /// The end of a here-document.
    Heredoc,
}

/// Parts, and the literal that is being gathered.
#[derive(Default)]
struct Gathered {
    parts: Vec<Part>,
    text: String,
    start: usize,
    end: usize,
    quoting: Option<Quoting>,
}

impl Gathered {
    fn push(&mut self, parser: &Parser<'_>, text: &str, quoting: Quoting, start: usize, end: usize) {
        if self.quoting.is_some_and(|now| now != quoting) {
            self.flush(parser);
        }
        if self.quoting.is_none() {
            self.quoting = Some(quoting);
            self.start = start;
        }
        self.text.push_str(text);
        self.end = end;
    }

    fn flush(&mut self, parser: &Parser<'_>) {
        if let Some(quoting) = self.quoting.take() {
            let text = std::mem::take(&mut self.text);
            let quoted = !matches!(quoting, Quoting::None | Quoting::Escaped);
            self.parts.push(Part { range: parser.range(self.start, self.end), quoted, kind: PartKind::Literal { text, quoting } });
        }
    }
}

impl Parser<'_> {
    /// The word at the position, if one begins there.
    pub(super) fn word(&mut self) -> Option<Word> {
        let start = self.pos;
        let parts = self.parts(Until::Word, false);
        // A line end that is taken away behind the word stands between it and the next one.
        while let Some(continued) = ["\\\n", "\\\r\n"].into_iter().find(|line_end| self.text[start..self.pos].ends_with(line_end)) {
            self.pos -= continued.len();
        }
        (self.pos > start).then(|| Word { range: self.range_from(start), parts })
    }

    /// The parts of what is expanded as in double quotes: a here-document's body, arithmetic.
    pub(super) fn parts_between(&mut self, start: usize, end: usize) -> Vec<Part> {
        // A here-document that the line around it announces is not part of it.
        let outer = (self.pos, self.end, self.heredocs.take());
        (self.pos, self.end) = (start, end);
        let parts = self.deeper(|parser| parser.parts(Until::Heredoc, true));
        (self.pos, self.end, self.heredocs) = outer;
        parts
    }

    pub(super) fn parts(&mut self, until: Until, quoted: bool) -> Vec<Part> {
        let mut gathered = Gathered { start: self.pos, ..Gathered::default() };
        let first = self.pos;
        while !self.at_end() && !self.ends(until) {
            let at = self.pos;
            match self.peek() {
                b'\\' => self.backslash(&mut gathered, quoted, until),
                b'\'' if !quoted => self.single_quotes(&mut gathered),
                b'"' if until != Until::Heredoc => self.double_quotes(&mut gathered),
                b'$' if !quoted && self.peek_at(1) == b'\'' => self.ansi_c_quotes(&mut gathered),
                b'$' if !quoted && self.peek_at(1) == b'"' => {
                    self.pos += 1;
                    self.double_quotes(&mut gathered);
                }
                b'$' | b'`' | b'<' | b'>' => self.expansion(&mut gathered, quoted),
                b'*' | b'?' | b'[' | b'~' | b'{' if !quoted && (until == Until::Word) => self.pattern(&mut gathered, at == first),
                _ => self.plain(&mut gathered, quoted),
            }
        }
        gathered.flush(self);
        gathered.parts
    }

    fn ends(&self, until: Until) -> bool {
        let byte = self.peek();
        match until {
            Until::Word => match byte {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' => true,
                b'\r' => matches!(self.peek_at(1), b'\n' | 0),
                b'<' | b'>' => self.peek_at(1) != b'(',
                _ => false,
            },
            Until::Brace => byte == b'}',
            Until::Slash => matches!(byte, b'}' | b'/'),
            Until::Colon => matches!(byte, b'}' | b':'),
            Until::Quote => byte == b'"',
            Until::Heredoc => false,
        }
    }

    /// The bytes that mean nothing special, as one run.
    fn plain(&mut self, gathered: &mut Gathered, quoted: bool) {
        let start = self.pos;
        let rest = &self.text.as_bytes()[start..self.end];
        let ordinary = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80 || matches!(b, b'-' | b'_' | b'.' | b',' | b'=' | b'@' | b'+');
        self.pos += rest.iter().take_while(|b| ordinary(b)).count().max(1);
        let quoting = if quoted { Quoting::Double } else { Quoting::None };
        gathered.push(self, &self.text[start..self.pos], quoting, start, self.pos);
    }

    fn backslash(&mut self, gathered: &mut Gathered, quoted: bool, until: Until) {
        let start = self.pos;
        if self.peek_at(1) == b'\n' || (self.peek_at(1) == b'\r' && self.peek_at(2) == b'\n') {
            self.pos += if self.peek_at(1) == b'\n' { 2 } else { 3 };
            return;
        }
        self.pos += 1;
        let next = self.text[self.pos..self.end].chars().next();
        let in_braces = matches!(until, Until::Brace | Until::Slash | Until::Colon);
        let escapes = !quoted || next.is_some_and(|c| matches!(c, '$' | '`' | '"' | '\\') || (in_braces && c == '}'));
        let quoting = if quoted { Quoting::Double } else { Quoting::Escaped };
        match next {
            Some(c) if escapes => {
                self.pos += c.len_utf8();
                gathered.push(self, c.encode_utf8(&mut [0; 4]), quoting, start, self.pos);
            }
            Some(_) => gathered.push(self, "\\", quoting, start, self.pos),
            None => {
                // The line would go on with what a runner writes behind the script.
                self.error(start, self.pos);
                gathered.push(self, "\\", quoting, start, self.pos);
            }
        }
    }

    fn single_quotes(&mut self, gathered: &mut Gathered) {
        let start = self.pos + 1;
        let end = memchr::memchr(b'\'', &self.text.as_bytes()[start..self.end]).map(|at| start + at);
        let text = &self.text[start..end.unwrap_or(self.end)];
        gathered.flush(self);
        gathered.push(self, text, Quoting::Single, start, start + text.len());
        gathered.flush(self);
        self.pos = start + text.len() + 1;
        if end.is_none() {
            self.pos = self.end;
            self.error(start - 1, self.end);
        }
    }

    fn double_quotes(&mut self, gathered: &mut Gathered) {
        let start = self.pos;
        self.pos += 1;
        gathered.flush(self);
        let inner = self.deeper(|parser| parser.parts(Until::Quote, true));
        if inner.is_empty() {
            gathered.push(self, "", Quoting::Double, start + 1, self.pos);
            gathered.flush(self);
        }
        gathered.parts.extend(inner);
        if !self.take("\"") {
            self.error(start, self.end);
        }
    }

    fn ansi_c_quotes(&mut self, gathered: &mut Gathered) {
        let start = self.pos + 2;
        let mut text = String::new();
        let mut chars = self.text[start..self.end].char_indices();
        let mut close = None;
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => {
                    close = Some(start + at);
                    break;
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(c @ ('\\' | '\'' | '"' | '?')) => text.push(c),
                    Some(c) => text.extend(['\\', c]),
                    None => {}
                },
                _ => text.push(c),
            }
        }
        let end = close.unwrap_or(self.end);
        gathered.flush(self);
        gathered.push(self, &text, Quoting::AnsiC, start, end);
        gathered.flush(self);
        self.pos = (end + 1).min(self.end);
        if close.is_none() {
            self.error(start - 2, self.end);
        }
    }

    /// Globs, braces and tildes stay as written: what they become depends on the files that are there.
    fn pattern(&mut self, gathered: &mut Gathered, first: bool) {
        let start = self.pos;
        let rest = &self.text.as_bytes()[start..self.end];
        let rest = &rest[..rest.iter().take(256).position(|b| b" \t\r\n;&|()<>'\"`$\\".contains(b)).unwrap_or(rest.len().min(256))];
        let length = match rest.first() {
            Some(b'*' | b'?') => 1,
            Some(b'[') => rest.iter().position(|&b| b == b']').filter(|&at| at > 1).map_or(0, |at| at + 1),
            Some(b'~') if first => rest.iter().position(|&b| b == b'/').unwrap_or(rest.len()),
            Some(b'{') => {
                let end = rest.iter().position(|&b| b == b'}').map_or(0, |at| at + 1);
                let list = rest[..end].contains(&b',') || memchr::memmem::find(&rest[..end], b"..").is_some();
                if list { end } else { 0 }
            }
            _ => 0,
        };
        if length == 0 {
            self.plain(gathered, false);
            return;
        }
        gathered.flush(self);
        self.pos += length;
        let text = self.text[start..self.pos].to_owned();
        gathered.parts.push(Part { range: self.range_from(start), quoted: false, kind: PartKind::Pattern(text) });
    }

    /// What begins with `$`, a backtick or `<(`; or that character alone.
    fn expansion(&mut self, gathered: &mut Gathered, quoted: bool) {
        let start = self.pos;
        let kind = match (self.peek(), self.peek_at(1)) {
            (b'`', _) => Some(self.backticks(quoted)),
            (b'<' | b'>', b'(') if !quoted => {
                self.pos += 2;
                let body = self.statements();
                self.closing_parenthesis(start);
                Some(PartKind::ProcessSubstitution { body })
            }
            (b'$', b'(') => Some(self.substitution()),
            (b'$', b'[') if self.peek_at(2) == b'[' => self.interpolation("]]"),
            (b'$', b'{') if self.peek_at(2) == b'{' => self.interpolation("}}"),
            (b'$', b'{') => Some(self.braced_parameter(quoted)),
            (b'$', b'\\') if self.peek_at(2) == b'\n' => {
                // The dollar belongs to what the next line begins with.
                self.error(start, start + 3);
                None
            }
            (b'$', _) => self.parameter(),
            _ => None,
        };
        match kind {
            Some(kind) => {
                gathered.flush(self);
                gathered.parts.push(Part { range: self.range_from(start), quoted, kind });
            }
            None => {
                self.pos = start;
                self.plain(gathered, quoted);
            }
        }
    }

    fn interpolation(&mut self, close: &str) -> Option<PartKind> {
        let rest = &self.text.as_bytes()[self.pos..self.end.min(self.pos + LONGEST_INTERPOLATION)];
        let line = rest.split(|&b| b == b'\n').next().unwrap_or_default();
        self.pos += memchr::memmem::find(line, close.as_bytes())? + close.len();
        Some(PartKind::Interpolation)
    }

    fn substitution(&mut self) -> PartKind {
        let start = self.pos;
        self.pos += 1;
        if self.looking_at("((") {
            self.skip_parentheses();
            if self.text[..self.pos].ends_with("))") {
                return PartKind::Arithmetic(self.parts_between(start + 3, self.pos - 2));
            }
        }
        self.pos = start + 2;
        let body = self.statements();
        self.closing_parenthesis(start);
        PartKind::Substitution { body, backtick: false }
    }

    /// From an opening parenthesis behind the one that closes it, or to the end.
    pub(super) fn skip_parentheses(&mut self) {
        let mut open = 0_usize;
        while !self.at_end() {
            match self.peek() {
                b'(' => open += 1,
                b')' => open -= 1,
                b'\\' => self.pos += 1,
                b'\'' | b'"' => {
                    let quote = self.peek();
                    let rest = &self.text.as_bytes()[self.pos + 1..self.end];
                    self.pos += memchr::memchr(quote, rest).map_or(rest.len(), |at| at + 1);
                }
                _ => {}
            }
            self.pos += 1;
            if open == 0 {
                break;
            }
        }
        self.pos = self.pos.min(self.end);
        while !self.text.is_char_boundary(self.pos) {
            self.pos -= 1;
        }
    }

    fn backticks(&mut self, quoted: bool) -> PartKind {
        let start = self.pos;
        let mut at = start + 1;
        let mut escaped = false;
        let bytes = self.text.as_bytes();
        while at < self.end && bytes[at] != b'`' {
            if bytes[at] == b'\\' && at + 1 < self.end {
                escaped |= matches!(bytes[at + 1], b'$' | b'`' | b'\\') || (quoted && bytes[at + 1] == b'"');
                at += 1;
            }
            at += 1;
        }
        let close = at.min(self.end);
        let body = if escaped {
            let place = Place::Opaque(self.range(start, (close + 1).min(self.end)));
            let inner = unescape(&self.text[start + 1..close], quoted);
            let depth = self.depth;
            let (body, errors) = self.deeper(|_| parse_at(&inner, place, depth.saturating_sub(1)));
            self.errors.extend(errors);
            body
        } else {
            let outer = (self.end, self.heredocs.take());
            (self.pos, self.end) = (start + 1, close);
            let body = self.statements();
            if self.pos < close {
                self.error(self.pos, close);
            }
            (self.end, self.heredocs) = outer;
            body
        };
        self.pos = close;
        if !self.take("`") {
            self.error(start, self.end);
            self.pos = self.end;
        }
        PartKind::Substitution { body, backtick: true }
    }
}

/// Takes the backslashes away that backticks take.
fn unescape(text: &str, quoted: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let special = chars.peek().is_some_and(|&next| matches!(next, '$' | '`' | '\\') || (quoted && next == '"'));
        if c == '\\' && special {
            out.extend(chars.next());
        } else {
            out.push(c);
        }
    }
    out
}
