//! Simple commands: assignments, words, redirections and here-documents.

use std::sync::Arc;

use crate::shell::ast::{Assignment, Command, Heredoc, Part, PartKind, Quoting, Redirection, StatementKind, TextRange, Word};
use crate::shell::parse::{LONGEST_INDEX, Parser};

const DECLARATIONS: [&str; 5] = ["export", "local", "readonly", "declare", "typeset"];

impl Parser<'_> {
    pub(super) fn simple(&mut self) -> Option<StatementKind> {
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

    pub(super) fn assignment(&mut self) -> Option<Assignment> {
        let start = self.pos;
        let name = if self.peek().is_ascii_digit() { String::new() } else { self.name() };
        let mut array = false;
        if !name.is_empty() && self.peek() == b'[' {
            array = true;
            let line = &self.text.as_bytes()[self.pos..self.end.min(self.pos + LONGEST_INDEX)];
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

    pub(super) fn array(&mut self) -> Word {
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

    pub(super) fn redirection(&mut self) -> Option<Redirection> {
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
        // In `>2>&1` the digit belongs to the second operator, and the first has no target.
        let number = self.text[delimiter..self.pos].bytes().all(|byte| byte.is_ascii_digit()) && matches!(self.peek(), b'<' | b'>');
        if (target.parts.is_empty() && delimiter == self.pos) || number {
            self.error(start, self.pos);
        }
        let range = self.range_from(start);
        let heredoc = operator.starts_with("<<").then_some(operator).filter(|&o| o != "<<<");
        let heredoc = heredoc.map(|operator| self.heredoc(delimiter, operator == "<<-", start));
        Some(Redirection { range, operator: operator.to_owned(), descriptor, target, heredoc })
    }

    /// Reads the body of a here-document whose delimiter was just read; the position stays on the operator's line.
    pub(super) fn heredoc(&mut self, delimiter_start: usize, strip_tabs: bool, operator_start: usize) -> Heredoc {
        let written = &self.text[delimiter_start..self.pos];
        let quoted = written.contains(['\'', '"', '\\']);
        let delimiter: String = written.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
        let pending = self.heredocs.filter(|pending| pending.0 > self.pos);
        let first = pending.map_or_else(|| self.next_line(self.pos), |pending| pending.0);
        let body_start = pending.map_or(first, |pending| pending.1);
        let mut at = body_start;
        let mut close = None;
        let mut continued = false;
        while at < self.end {
            let end = self.line_end(at);
            let content = &self.text[at..end];
            let content = if strip_tabs { content.trim_start_matches('\t') } else { content };
            let next = self.next_line(end);
            if content == delimiter && !continued {
                close = Some((at, next));
                break;
            }
            // Nothing is quoted, so a backslash takes the newline away: what follows is no line of its own.
            continued = !quoted && self.text[at..end].bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1;
            at = next;
        }
        if close.is_none() {
            self.error(operator_start, self.end);
        }
        let (body_end, resume) = close.unwrap_or((self.end, self.end));
        let parts = if quoted { Vec::new() } else { self.parts_between(body_start, body_end) };
        self.heredocs = Some((first, resume));
        Heredoc { body: self.range(body_start, body_end), quoted, parts }
    }
}

/// An assignment among a declaration's arguments, as the word that it is too.
fn assignment_word(assignment: &Assignment) -> Word {
    let range = TextRange { start: assignment.range.start, end: assignment.value.range.start.max(assignment.range.start) };
    let text = format!("{}=", assignment.name);
    let mut parts = vec![Part { range, quoted: false, kind: PartKind::Literal { text, quoting: Quoting::None } }];
    parts.extend(assignment.value.parts.iter().cloned());
    Word { range: assignment.range, parts }
}
