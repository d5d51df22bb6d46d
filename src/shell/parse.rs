//! Text into statements, by recursive descent. Never fails: what no shell would accept is noted in `Script::errors`.

use std::sync::Arc;

use crate::shell::ast::{Dialect, ListOperator, Script, Statement, StatementKind, TextRange};
use crate::shell::dialect::recognise;

/// What a parse may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Texts of more bytes are not read: one error over all of it.
    pub bytes: usize,
    /// Constructs nested deeper are not read: an error from there to the end.
    pub depth: usize,
    /// The dialect if it is known; otherwise it is recognised.
    pub dialect: Option<Dialect>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 20, depth: 40, dialect: None }
    }
}

/// The tree of `text`; time and memory are linear in its length.
#[must_use]
pub fn parse(text: &str, limits: Limits) -> Script {
    let dialect = limits.dialect.unwrap_or_else(|| recognise(text));
    let mut script = Script { text: Arc::from(text), dialect, body: Vec::new(), errors: Vec::new() };
    if text.len() > limits.bytes {
        script.errors.push(TextRange::new(0, text.len().min(u32::MAX as usize)));
    } else if dialect == Dialect::Posix {
        let (body, errors) = parse_at(text, Place::Shifted(0), limits.depth);
        (script.body, script.errors) = (body, joined(errors));
    }
    script
}

/// Sorted, and those that touch made one, so that a place is found by bisection.
fn joined(mut errors: Vec<TextRange>) -> Vec<TextRange> {
    errors.sort_unstable();
    let mut all: Vec<TextRange> = Vec::new();
    for error in errors {
        match all.last_mut() {
            Some(last) if error.start <= last.end => last.end = last.end.max(error.end),
            Some(_) | None => all.push(error),
        }
    }
    all
}

/// Where the ranges of a parsed text lie in the script.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The text stands in the script as it is, from this byte on.
    Shifted(usize),
    /// The text was decoded; everything lies in this range, no place is more exact.
    Opaque(TextRange),
}

pub(super) fn parse_at(text: &str, place: Place, depth: usize) -> (Vec<Statement>, Vec<TextRange>) {
    let mut parser = Parser { text, end: text.len(), pos: 0, place, depth, errors: Vec::new(), heredocs: None };
    let body = parser.program();
    (body, parser.errors)
}

/// A position in a text, and what was found wrong before it.
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    /// Nothing behind this byte is looked at.
    pub(super) end: usize,
    pub(super) pos: usize,
    pub(super) place: Place,
    /// How much deeper constructs may nest.
    pub(super) depth: usize,
    pub(super) errors: Vec<TextRange>,
    /// Where the bodies of the here-documents that this line announces begin (its newline) and end.
    pub(super) heredocs: Option<(usize, usize)>,
}

/// An array index is looked for in so many bytes.
pub(super) const LONGEST_INDEX: usize = 256;
const CLOSERS: [&str; 10] = ["then", "elif", "else", "fi", "do", "done", "esac", "}", "in", "]]"];

impl Parser<'_> {
    pub(super) fn peek(&self) -> u8 {
        self.peek_at(0)
    }

    /// The byte `ahead` of the position, 0 behind the end.
    pub(super) fn peek_at(&self, ahead: usize) -> u8 {
        let at = self.pos + ahead;
        if at < self.end { self.text.as_bytes()[at] } else { 0 }
    }

    pub(super) fn at_end(&self) -> bool {
        self.pos >= self.end
    }

    pub(super) fn looking_at(&self, token: &str) -> bool {
        self.text.as_bytes()[self.pos.min(self.end)..self.end].starts_with(token.as_bytes())
    }

    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.looking_at(token);
        if found {
            self.pos += token.len();
        }
        found
    }

    pub(super) fn range_from(&self, start: usize) -> TextRange {
        self.range(start, self.pos)
    }

    pub(super) fn range(&self, start: usize, end: usize) -> TextRange {
        match self.place {
            Place::Shifted(by) => TextRange::new(start + by, end + by),
            Place::Opaque(range) => range,
        }
    }

    pub(super) fn error(&mut self, start: usize, end: usize) {
        let range = self.range(start, end);
        self.errors.push(range);
    }

    /// Runs `inner` one level deeper, or gives up on the rest of the text.
    pub(super) fn deeper<T: Default>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth == 0 {
            self.error(self.pos, self.end);
            self.pos = self.end;
            return T::default();
        }
        self.depth -= 1;
        let result = inner(self);
        self.depth += 1;
        result
    }

    pub(super) fn is_newline(&self) -> bool {
        self.peek() == b'\n' || (self.peek() == b'\r' && self.peek_at(1) == b'\n')
    }

    pub(super) fn newline(&mut self) {
        self.pos += if self.peek() == b'\r' { 2 } else { 1 };
        if let Some((line_end, resume)) = self.heredocs
            && self.pos >= line_end
        {
            self.pos = self.pos.max(resume);
            self.heredocs = None;
        }
    }

    /// Blanks, escaped newlines and a comment.
    pub(super) fn blanks(&mut self) {
        loop {
            match self.peek() {
                b' ' | b'\t' => self.pos += 1,
                b'\r' if self.peek_at(1) != b'\n' && self.pos + 1 >= self.end => self.pos += 1,
                b'\\' if self.peek_at(1) == b'\n' => self.pos += 2,
                b'\\' if self.peek_at(1) == b'\r' && self.peek_at(2) == b'\n' => self.pos += 3,
                b'#' => self.pos = self.line_end(self.pos),
                _ => return,
            }
        }
    }

    pub(super) fn blank_lines(&mut self) {
        loop {
            self.blanks();
            if !self.is_newline() {
                return;
            }
            self.newline();
        }
    }

    pub(super) fn line_end(&self, from: usize) -> usize {
        let line = &self.text.as_bytes()[from..self.end];
        let end = memchr::memchr(b'\n', line).map_or(self.end, |at| from + at);
        if end > from && end < self.end && self.text.as_bytes()[end - 1] == b'\r' { end - 1 } else { end }
    }

    pub(super) fn next_line(&self, from: usize) -> usize {
        memchr::memchr(b'\n', &self.text.as_bytes()[from..self.end]).map_or(self.end, |at| from + at + 1)
    }

    /// The reserved word at the position, if it ends there.
    pub(super) fn keyword(&self) -> &str {
        let bytes = &self.text.as_bytes()[self.pos..self.end];
        let length = bytes.iter().take(9).take_while(|b| b.is_ascii_lowercase() || matches!(b, b'{' | b'}' | b'!' | b'[' | b']')).count();
        let rest = &bytes[length..];
        let ends = rest.first().is_none_or(|b| b" \t\r\n;&|()<>".contains(b)) || matches!(rest, [b'\\', b'\n', b' ' | b'\t', ..]);
        if ends { &self.text[self.pos..self.pos + length] } else { "" }
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.keyword() == keyword;
        if found {
            self.pos += keyword.len();
        }
        found
    }

    pub(super) fn expect_keyword(&mut self, keyword: &str, start: usize) {
        self.blank_lines();
        if !self.take_keyword(keyword) {
            self.error(start, self.pos.max(start + 1).min(self.end));
        }
    }

    /// A `;` that ends a statement or the words of a loop; not `;;`.
    pub(super) fn semicolon(&mut self) -> bool {
        self.blanks();
        let found = self.peek() == b';' && self.peek_at(1) != b';';
        self.pos += usize::from(found);
        found
    }

    pub(super) fn program(&mut self) -> Vec<Statement> {
        let mut body = Vec::new();
        loop {
            body.extend(self.statements());
            if self.at_end() {
                return body;
            }
            body.push(self.unexpected());
        }
    }

    /// The rest of a line that begins with something no statement begins with.
    pub(super) fn unexpected(&mut self) -> Statement {
        let start = self.pos;
        self.pos = self.line_end(self.pos).max(start + 1);
        while !self.text.is_char_boundary(self.pos) {
            self.pos += 1;
        }
        self.error(start, self.pos);
        Statement { range: self.range_from(start), kind: StatementKind::Error, redirections: Vec::new(), background: false }
    }

    /// Statements up to a token that closes what is around them.
    pub(super) fn statements(&mut self) -> Vec<Statement> {
        self.deeper(|parser| {
            let mut body = Vec::new();
            loop {
                parser.blank_lines();
                let before = parser.pos;
                if parser.semicolon() {
                    parser.error(before, parser.pos);
                    continue;
                }
                if parser.at_end() || CLOSERS.contains(&parser.keyword()) {
                    return body;
                }
                let Some(mut statement) = parser.list() else { return body };
                parser.blanks();
                if parser.peek() == b'&' && parser.peek_at(1) != b'&' {
                    parser.pos += 1;
                    statement.background = true;
                }
                let separated = statement.background || parser.semicolon() || parser.at_separator() || CLOSERS.contains(&parser.keyword());
                body.push(statement);
                if !separated || parser.pos == before {
                    return body;
                }
            }
        })
    }

    /// The same for what is around them from `start` on, which needs at least one.
    pub(super) fn body(&mut self, start: usize) -> Vec<Statement> {
        let body = self.statements();
        if body.is_empty() {
            self.error(start, self.pos);
        }
        body
    }

    /// What may follow a statement; anything else is a mistake that the caller notes.
    fn at_separator(&self) -> bool {
        self.at_end() || self.is_newline() || matches!(self.peek(), b';' | b')')
    }

    pub(super) fn list(&mut self) -> Option<Statement> {
        let start = self.pos;
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        let mut end = first.range.end;
        loop {
            self.blanks();
            let operator = if self.take("&&") {
                ListOperator::And
            } else if self.take("||") {
                ListOperator::Or
            } else {
                break;
            };
            self.blank_lines();
            let Some(operand) = self.pipeline() else {
                self.error(start, self.pos);
                break;
            };
            end = operand.range.end;
            rest.push((operator, operand));
        }
        if rest.is_empty() {
            return Some(first);
        }
        let range = TextRange { start: first.range.start, end };
        Some(statement(range, StatementKind::List { first: Box::new(first), rest }))
    }

    pub(super) fn pipeline(&mut self) -> Option<Statement> {
        let start = self.pos;
        let mut negated = false;
        while self.take_keyword("!") {
            negated = !negated;
            self.blanks();
        }
        if negated && self.at_separator() {
            // Nothing negated: false.
            let nothing = statement(self.range_from(self.pos), StatementKind::Group(Vec::new()));
            return Some(statement(self.range_from(start), StatementKind::Pipeline { negated, stages: vec![nothing] }));
        }
        let Some(first) = self.command() else {
            if negated {
                self.error(start, self.pos);
            }
            return None;
        };
        let mut stages = vec![first];
        loop {
            self.blanks();
            if self.peek() != b'|' || self.peek_at(1) == b'|' {
                break;
            }
            self.pos += if self.peek_at(1) == b'&' { 2 } else { 1 };
            self.blank_lines();
            if self.take_keyword("!") {
                // Only a whole pipeline is negated.
                self.error(start, self.pos);
            }
            match self.command() {
                Some(stage) => stages.push(stage),
                None => {
                    self.error(start, self.pos);
                    break;
                }
            }
        }
        if stages.len() == 1 && !negated {
            return stages.pop();
        }
        let end = stages.last().map_or(start, |stage| stage.range.end as usize);
        let range = TextRange { start: self.range(start, start).start, end: u32::try_from(end).unwrap_or(u32::MAX) };
        Some(statement(range, StatementKind::Pipeline { negated, stages }))
    }

    pub(super) fn command(&mut self) -> Option<Statement> {
        let start = self.pos;
        let kind = match self.keyword() {
            "if" => self.deeper(|p| Some(p.conditional())),
            "while" | "until" => self.deeper(|p| Some(p.repetition())),
            "for" | "select" => self.deeper(|p| Some(p.iteration())),
            "case" => self.deeper(|p| Some(p.case())),
            "{" => {
                self.pos += 1;
                let body = self.body(start);
                self.expect_keyword("}", start);
                Some(StatementKind::Group(body))
            }
            "[[" => Some(self.test()),
            closer if CLOSERS.contains(&closer) => None,
            "function" => self.function_keyword(),
            _ if self.peek() == b'(' => Some(self.parenthesised()),
            _ => self.function().or_else(|| self.simple()),
        }?;
        let mut result = statement(self.range_from(start), kind);
        if let StatementKind::Command(command) = &result.kind {
            result.range = command.range;
            return Some(result);
        }
        loop {
            let end = self.pos;
            self.blanks();
            match self.redirection() {
                Some(redirection) => result.redirections.push(redirection),
                None => {
                    result.range = self.range(start, end);
                    return Some(result);
                }
            }
        }
    }
}

fn statement(range: TextRange, kind: StatementKind) -> Statement {
    Statement { range, kind, redirections: Vec::new(), background: false }
}
