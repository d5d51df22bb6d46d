//! `if`, loops, `case`, `[[ … ]]`, parentheses and functions, into statements.

use std::sync::Arc;

use crate::shell::ast::{Arm, Branch, Statement, StatementKind, Word};
use crate::shell::parse::Parser;

impl Parser<'_> {
    pub(super) fn conditional(&mut self) -> StatementKind {
        let start = self.pos;
        let mut branches = Vec::new();
        self.pos += "if".len();
        loop {
            let condition = self.body(start);
            self.expect_keyword("then", start);
            branches.push(Branch { condition, body: self.body(start) });
            self.blank_lines();
            if !self.take_keyword("elif") {
                break;
            }
        }
        let otherwise = self.take_keyword("else").then(|| self.body(start));
        self.expect_keyword("fi", start);
        StatementKind::If { branches, otherwise }
    }

    pub(super) fn repetition(&mut self) -> StatementKind {
        let start = self.pos;
        let until = self.take_keyword("until");
        if !until {
            self.pos += "while".len();
        }
        let condition = self.body(start);
        let body = self.loop_body(start);
        StatementKind::While { until, condition, body }
    }

    pub(super) fn loop_body(&mut self, start: usize) -> Vec<Statement> {
        self.expect_keyword("do", start);
        let body = self.body(start);
        self.expect_keyword("done", start);
        body
    }

    pub(super) fn iteration(&mut self) -> StatementKind {
        let start = self.pos;
        self.pos += self.keyword().len();
        self.blanks();
        let mut variable = String::new();
        let mut words = None;
        if self.looking_at("((") {
            let start = self.pos;
            self.skip_parentheses();
            let parts = self.parts_between(start + 2, self.pos.saturating_sub(2).max(start + 2));
            words = Some(vec![Word { range: self.range_from(start), parts }]);
        } else {
            variable = self.name();
            self.blank_lines();
            if self.take_keyword("in") {
                words = Some(self.words());
            }
        }
        self.semicolon();
        StatementKind::For { variable, words, body: self.loop_body(start) }
    }

    pub(super) fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        loop {
            self.blanks();
            match self.word() {
                Some(word) => words.push(word),
                None => return words,
            }
        }
    }

    pub(super) fn case(&mut self) -> StatementKind {
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

    pub(super) fn arm(&mut self, start: usize) -> Arm {
        self.take("(");
        let mut patterns = Vec::new();
        loop {
            self.blanks();
            patterns.extend(self.word());
            self.blanks();
            if !self.take("|") {
                break;
            }
        }
        if !self.take(")") || patterns.is_empty() {
            self.error(start, self.pos);
        }
        let body = self.statements();
        self.blank_lines();
        let terminated = self.take(";;&") || self.take(";;") || self.take(";&");
        if !terminated && self.keyword() != "esac" {
            self.error(start, self.pos);
        }
        Arm { patterns, body }
    }

    pub(super) fn test(&mut self) -> StatementKind {
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

    pub(super) fn keyword_is_closing_test(&self) -> bool {
        self.looking_at("]]") && matches!(self.peek_at(2), 0 | b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b')')
    }

    /// `(( … ))` or a subshell.
    pub(super) fn parenthesised(&mut self) -> StatementKind {
        let start = self.pos;
        if self.looking_at("((") {
            self.skip_parentheses();
            if self.text.as_bytes()[..self.pos].ends_with(b"))") {
                let parts = self.parts_between(start + 2, self.pos - 2);
                return StatementKind::Test(vec![Word { range: self.range_from(start), parts }]);
            }
            self.pos = start;
        }
        self.pos += 1;
        let body = self.body(start);
        self.closing_parenthesis(start);
        StatementKind::Subshell(body)
    }

    pub(super) fn closing_parenthesis(&mut self, start: usize) {
        if !self.take(")") {
            self.error(start, self.end);
            self.pos = self.end;
        }
    }

    pub(super) fn name(&mut self) -> String {
        let start = self.pos;
        while matches!(self.peek(), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_') {
            self.pos += 1;
        }
        self.text[start..self.pos].to_owned()
    }

    pub(super) fn function_keyword(&mut self) -> Option<StatementKind> {
        let start = self.pos;
        self.pos += "function".len();
        self.blanks();
        let name = self.function_name();
        self.blanks();
        if self.take("(") {
            self.blanks();
            if !self.take(")") {
                self.error(start, self.pos);
            }
        }
        self.function_body(name, start)
    }

    pub(super) fn function_name(&mut self) -> String {
        let start = self.pos;
        while matches!(self.peek(), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b':' | b'/') {
            self.pos += 1;
        }
        self.text[start..self.pos].to_owned()
    }

    pub(super) fn function(&mut self) -> Option<StatementKind> {
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

    pub(super) fn function_body(&mut self, name: String, start: usize) -> Option<StatementKind> {
        self.blank_lines();
        let body = self.deeper(Self::command);
        if body.is_none() {
            self.error(start, self.pos);
        }
        Some(StatementKind::Function { name, body: Arc::new(body?) })
    }
}
