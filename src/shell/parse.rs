//! Text into statements, by recursive descent. Never fails: what no shell would accept is noted in `Script::errors`.

use std::sync::Arc;

use crate::shell::ast::{
    Arm, Assignment, Branch, Command, Dialect, Heredoc, ListOperator, Redirection, Script, Statement, StatementKind, TextRange, Word,
};
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
        (script.body, script.errors) = parse_at(text, Place::Shifted(0), limits.depth);
    }
    script
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
    heredocs: Option<(usize, usize)>,
}

const DECLARATIONS: [&str; 5] = ["export", "local", "readonly", "declare", "typeset"];
const CLOSERS: [&str; 9] = ["then", "elif", "else", "fi", "do", "done", "esac", "}", "in"];

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

    fn is_newline(&self) -> bool {
        self.peek() == b'\n' || (self.peek() == b'\r' && self.peek_at(1) == b'\n')
    }

    fn newline(&mut self) {
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

    fn blank_lines(&mut self) {
        loop {
            self.blanks();
            if !self.is_newline() {
                return;
            }
            self.newline();
        }
    }

    fn line_end(&self, from: usize) -> usize {
        let line = &self.text.as_bytes()[from..self.end];
        let end = memchr::memchr(b'\n', line).map_or(self.end, |at| from + at);
        if end > from && end < self.end && self.text.as_bytes()[end - 1] == b'\r' { end - 1 } else { end }
    }

    /// The reserved word at the position, if it ends there.
    fn keyword(&self) -> &str {
        let bytes = &self.text.as_bytes()[self.pos..self.end];
        let length = bytes.iter().take(9).take_while(|b| b.is_ascii_lowercase() || matches!(b, b'{' | b'}' | b'!' | b'[')).count();
        let ends = bytes.get(length).is_none_or(|b| b" \t\r\n;&|()<>".contains(b));
        if ends { &self.text[self.pos..self.pos + length] } else { "" }
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.keyword() == keyword;
        if found {
            self.pos += keyword.len();
        }
        found
    }

    fn expect_keyword(&mut self, keyword: &str, start: usize) {
        self.separators();
        if !self.take_keyword(keyword) {
            self.error(start, self.pos.max(start + 1).min(self.end));
        }
    }

    fn separators(&mut self) {
        loop {
            self.blank_lines();
            if self.peek() != b';' || self.peek_at(1) == b';' {
                return;
            }
            self.pos += 1;
        }
    }

    fn program(&mut self) -> Vec<Statement> {
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
    fn unexpected(&mut self) -> Statement {
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
                parser.separators();
                let before = parser.pos;
                if parser.at_end() || CLOSERS.contains(&parser.keyword()) {
                    return body;
                }
                let Some(mut statement) = parser.list() else { return body };
                parser.blanks();
                if parser.peek() == b'&' && parser.peek_at(1) != b'&' {
                    parser.pos += 1;
                    statement.background = true;
                }
                body.push(statement);
                if parser.pos == before {
                    return body;
                }
            }
        })
    }

    fn list(&mut self) -> Option<Statement> {
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

    fn pipeline(&mut self) -> Option<Statement> {
        let start = self.pos;
        let mut negated = false;
        while self.take_keyword("!") {
            negated = !negated;
            self.blanks();
        }
        let mut stages = vec![self.command()?];
        loop {
            self.blanks();
            if self.peek() != b'|' || self.peek_at(1) == b'|' {
                break;
            }
            self.pos += if self.peek_at(1) == b'&' { 2 } else { 1 };
            self.blank_lines();
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

    fn command(&mut self) -> Option<Statement> {
        let start = self.pos;
        let kind = match self.keyword() {
            "if" => self.deeper(|p| Some(p.conditional())),
            "while" | "until" => self.deeper(|p| Some(p.repetition())),
            "for" | "select" => self.deeper(|p| Some(p.iteration())),
            "case" => self.deeper(|p| Some(p.case())),
            "{" => {
                self.pos += 1;
                let body = self.statements();
                self.expect_keyword("}", start);
                Some(StatementKind::Group(body))
            }
            "[[" => Some(self.test()),
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

    fn conditional(&mut self) -> StatementKind {
        let start = self.pos;
        let mut branches = Vec::new();
        self.pos += "if".len();
        loop {
            let condition = self.statements();
            self.expect_keyword("then", start);
            branches.push(Branch { condition, body: self.statements() });
            self.separators();
            if !self.take_keyword("elif") {
                break;
            }
        }
        let otherwise = self.take_keyword("else").then(|| self.statements());
        self.expect_keyword("fi", start);
        StatementKind::If { branches, otherwise }
    }

    fn repetition(&mut self) -> StatementKind {
        let start = self.pos;
        let until = self.take_keyword("until");
        if !until {
            self.pos += "while".len();
        }
        let condition = self.statements();
        let body = self.loop_body(start);
        StatementKind::While { until, condition, body }
    }

    fn loop_body(&mut self, start: usize) -> Vec<Statement> {
        self.expect_keyword("do", start);
        let body = self.statements();
        self.expect_keyword("done", start);
        body
    }

    fn iteration(&mut self) -> StatementKind {
        let start = self.pos;
        self.pos += self.keyword().len();
        self.blanks();
        let mut variable = String::new();
        let mut words = None;
        if self.looking_at("((") {
            self.skip_parentheses();
        } else {
            variable = self.name();
            self.blank_lines();
            if self.take_keyword("in") {
                words = Some(self.words());
            }
        }
        StatementKind::For { variable, words, body: self.loop_body(start) }
    }

    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        loop {
            self.blanks();
            match self.word() {
                Some(word) => words.push(word),
                None => return words,
            }
        }
    }

    fn case(&mut self) -> StatementKind {
        let start = self.pos;
        self.pos += "case".len();
        self.blanks();
        let subject = self.word().unwrap_or_else(|| self.empty_word());
        self.blank_lines();
        self.expect_keyword("in", start);
        let mut arms = Vec::new();
        loop {
            self.blank_lines();
            if self.at_end() || self.keyword() == "esac" {
                break;
            }
            let before = self.pos;
            arms.push(self.arm(start));
            if self.pos == before {
                break;
            }
        }
        self.expect_keyword("esac", start);
        StatementKind::Case { subject, arms }
    }

    fn arm(&mut self, start: usize) -> Arm {
        self.take("(");
        let mut patterns = self.words();
        while self.take("|") {
            patterns.extend(self.words());
        }
        if !self.take(")") {
            self.error(start, self.pos);
        }
        let body = self.statements();
        self.blank_lines();
        let _terminated = self.take(";;&") || self.take(";;") || self.take(";&");
        Arm { patterns, body }
    }

    fn test(&mut self) -> StatementKind {
        let start = self.pos;
        self.pos += 2;
        let mut words = Vec::new();
        loop {
            self.blank_lines();
            if self.at_end() {
                self.error(start, self.pos);
                break;
            }
            if self.keyword_is_closing_test() {
                self.pos += 2;
                break;
            }
            match self.word() {
                Some(word) => words.push(word),
                None => self.pos += 1,
            }
        }
        StatementKind::Test(words)
    }

    fn keyword_is_closing_test(&self) -> bool {
        self.looking_at("]]") && matches!(self.peek_at(2), 0 | b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b')')
    }

    /// `(( … ))` or a subshell.
    fn parenthesised(&mut self) -> StatementKind {
        let start = self.pos;
        if self.looking_at("((") {
            self.skip_parentheses();
            if self.text.as_bytes()[..self.pos].ends_with(b"))") {
                return StatementKind::Test(Vec::new());
            }
            self.pos = start;
        }
        self.pos += 1;
        let body = self.statements();
        self.closing_parenthesis(start);
        StatementKind::Subshell(body)
    }

    pub(super) fn closing_parenthesis(&mut self, start: usize) {
        if !self.take(")") {
            self.error(start, self.end);
            self.pos = self.end;
        }
    }

    fn name(&mut self) -> String {
        let start = self.pos;
        while matches!(self.peek(), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_') {
            self.pos += 1;
        }
        self.text[start..self.pos].to_owned()
    }

    fn function_keyword(&mut self) -> Option<StatementKind> {
        let start = self.pos;
        self.pos += "function".len();
        self.blanks();
        let name = self.function_name();
        self.blanks();
        if self.take("(") {
            self.blanks();
            self.take(")");
        }
        self.function_body(name, start)
    }

    fn function_name(&mut self) -> String {
        let start = self.pos;
        while matches!(self.peek(), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b':' | b'/') {
            self.pos += 1;
        }
        self.text[start..self.pos].to_owned()
    }

    fn function(&mut self) -> Option<StatementKind> {
        let start = self.pos;
        let name = self.function_name();
        while matches!(self.peek(), b' ' | b'\t') {
            self.pos += 1;
        }
        let mut found = !name.is_empty() && self.take("(");
        while matches!(self.peek(), b' ' | b'\t') {
            self.pos += 1;
        }
        found = found && self.take(")");
        if !found {
            self.pos = start;
            return None;
        }
        self.function_body(name, start)
    }

    fn function_body(&mut self, name: String, start: usize) -> Option<StatementKind> {
        self.blank_lines();
        let body = self.deeper(Self::command);
        if body.is_none() {
            self.error(start, self.pos);
        }
        Some(StatementKind::Function { name, body: Arc::new(body?) })
    }

    fn simple(&mut self) -> Option<StatementKind> {
        let start = self.pos;
        let mut end = start;
        let range = self.range(start, start);
        let mut command = Command { range, assignments: Vec::new(), words: Vec::new(), redirections: Vec::new(), declared: Vec::new() };
        let mut declares = false;
        loop {
            self.blanks();
            if let Some(redirection) = self.redirection() {
                command.redirections.push(redirection);
            } else if command.words.is_empty()
                && let Some(assignment) = self.assignment()
            {
                command.assignments.push(assignment);
            } else if declares && let Some(assignment) = self.assignment() {
                command.words.push(assignment_word(&assignment));
                command.declared.push(assignment);
            } else if let Some(word) = self.word() {
                declares |= command.words.is_empty() && word.literal().is_some_and(|name| DECLARATIONS.contains(&name.as_str()));
                command.words.push(word);
            } else {
                break;
            }
            end = self.pos;
        }
        if end == start {
            return None;
        }
        command.range = self.range(start, end);
        Some(StatementKind::Command(Arc::new(command)))
    }

    fn assignment(&mut self) -> Option<Assignment> {
        let start = self.pos;
        let name = if self.peek().is_ascii_digit() { String::new() } else { self.name() };
        let mut array = false;
        if !name.is_empty() && self.peek() == b'[' {
            array = true;
            let line = &self.text.as_bytes()[self.pos..self.line_end(self.pos)];
            self.pos += memchr::memchr(b']', line).map_or(0, |at| at + 1);
        }
        let append = self.take("+");
        if name.is_empty() || !self.take("=") {
            self.pos = start;
            return None;
        }
        let value = if self.peek() == b'(' {
            array = true;
            self.array()
        } else {
            self.word().unwrap_or_else(|| self.empty_word())
        };
        Some(Assignment { range: self.range_from(start), name, array, append, value })
    }

    fn array(&mut self) -> Word {
        let start = self.pos;
        self.pos += 1;
        let mut parts = Vec::new();
        loop {
            self.blank_lines();
            match self.word() {
                Some(word) => parts.extend(word.parts),
                None => break,
            }
        }
        self.closing_parenthesis(start);
        Word { range: self.range_from(start), parts }
    }

    pub(super) fn empty_word(&self) -> Word {
        Word { range: self.range(self.pos, self.pos), parts: Vec::new() }
    }

    fn redirection(&mut self) -> Option<Redirection> {
        let start = self.pos;
        let digits = self.text.as_bytes()[self.pos..self.end].iter().take_while(|b| b.is_ascii_digit()).count();
        self.pos += digits;
        let operators = ["&>>", "&>", "<<<", "<<-", "<<", "<&", "<>", ">>", ">&", ">|", "<", ">"];
        let operator = operators.into_iter().find(|operator| self.looking_at(operator));
        let substitution = self.looking_at("<(") || self.looking_at(">(");
        let Some(operator) = operator.filter(|operator| !substitution && (digits == 0 || !operator.starts_with('&'))) else {
            self.pos = start;
            return None;
        };
        let descriptor = self.text[start..self.pos].parse().ok();
        self.pos += operator.len();
        self.blanks();
        let delimiter = self.pos;
        let target = self.word().unwrap_or_else(|| self.empty_word());
        if target.parts.is_empty() && delimiter == self.pos {
            self.error(start, self.pos);
        }
        let range = self.range_from(start);
        let heredoc = operator.starts_with("<<").then_some(operator).filter(|&o| o != "<<<");
        let heredoc = heredoc.map(|operator| self.heredoc(delimiter, operator == "<<-", start));
        Some(Redirection { range, operator: operator.to_owned(), descriptor, target, heredoc })
    }

    /// Reads the body of a here-document whose delimiter was just read; the position stays on the operator's line.
    fn heredoc(&mut self, delimiter_start: usize, strip_tabs: bool, operator_start: usize) -> Heredoc {
        let written = &self.text[delimiter_start..self.pos];
        let quoted = written.contains(['\'', '"', '\\']);
        let delimiter: String = written.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
        let line = self.line_end(self.pos);
        let first = (line + if self.text.as_bytes().get(line) == Some(&b'\r') { 2 } else { 1 }).min(self.end);
        let body_start = self.heredocs.filter(|pending| pending.0 == first).map_or(first, |pending| pending.1);
        let mut at = body_start;
        let mut close = None;
        while at < self.end {
            let end = self.line_end(at);
            let content = &self.text[at..end];
            let content = if strip_tabs { content.trim_start_matches('\t') } else { content };
            let next = memchr::memchr(b'\n', &self.text.as_bytes()[end..self.end]).map_or(self.end, |n| end + n + 1);
            if content == delimiter {
                close = Some((at, next));
                break;
            }
            at = next;
        }
        if close.is_none() {
            self.error(operator_start, self.end);
        }
        let (body_end, resume) = close.unwrap_or((self.end, self.end));
        self.heredocs = None;
        let parts = if quoted { Vec::new() } else { self.heredoc_parts(body_start, body_end) };
        self.heredocs = Some((first, resume));
        Heredoc { body: self.range(body_start, body_end), quoted, parts }
    }
}

fn statement(range: TextRange, kind: StatementKind) -> Statement {
    Statement { range, kind, redirections: Vec::new(), background: false }
}

/// An assignment among a declaration's arguments, as the word that it is too.
fn assignment_word(assignment: &Assignment) -> Word {
    use crate::shell::ast::{Part, PartKind, Quoting};
    let range = TextRange { start: assignment.range.start, end: assignment.value.range.start.max(assignment.range.start) };
    let text = format!("{}=", assignment.name);
    let mut parts = vec![Part { range, quoted: false, kind: PartKind::Literal { text, quoting: Quoting::None } }];
    parts.extend(assignment.value.parts.iter().cloned());
    Word { range: assignment.range, parts }
}
