//! Parameter expansions: `$x`, `${x}` and what may stand behind the name, into variables.

use crate::shell::ast::{Expansion, PartKind, Variable, Word};
use crate::shell::parse::{LONGEST_INDEX, Parser};
use crate::shell::word::Until;

impl Parser<'_> {
    pub(super) fn parameter(&mut self) -> Option<PartKind> {
        self.pos += 1;
        let start = self.pos;
        let name = self.parameter_name(false);
        self.continued_name(start);
        (!name.is_empty()).then(|| PartKind::Variable(Box::new(Variable { name, braces: false, expansion: Expansion::Plain })))
    }

    /// A line that is continued in the middle of a name has another name than the one that is read here.
    fn continued_name(&mut self, start: usize) {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if self.looking_at("\\\n") && named(self.peek_at(2)) {
            self.error(start, self.pos + 3);
        }
    }

    /// A name, a number (one digit without braces) or a special parameter.
    fn parameter_name(&mut self, braces: bool) -> String {
        let rest = &self.text.as_bytes()[self.pos..self.end];
        let length = match rest.first() {
            Some(b'0'..=b'9') if braces => rest.iter().take_while(|b| b.is_ascii_digit()).count(),
            Some(b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-') => 1,
            Some(_) => rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count(),
            None => 0,
        };
        let start = self.pos;
        self.pos += length;
        self.text[start..self.pos].to_owned()
    }

    pub(super) fn braced_parameter(&mut self, quoted: bool) -> PartKind {
        let start = self.pos;
        self.pos += 2;
        let variable = self.deeper(|parser| Some(parser.braced_variable(quoted)));
        if !self.take("}") {
            self.error(start, self.end);
            self.pos = self.end;
        }
        let missing = || Variable { name: String::new(), braces: true, expansion: Expansion::Other(String::new()) };
        PartKind::Variable(Box::new(variable.unwrap_or_else(missing)))
    }

    fn braced_variable(&mut self, quoted: bool) -> Variable {
        let prefix = self.peek();
        if matches!(prefix, b'#' | b'!') && self.peek_at(1) != b'}' && !matches!(self.peek_at(1), b':' | b'-' | b'?') {
            self.pos += 1;
            let name = self.indexed_name();
            let start = self.pos;
            self.inner(Until::Brace, quoted);
            return Variable {
                name,
                braces: true,
                expansion: Expansion::Other(format!("{}{}", prefix as char, &self.text[start..self.pos])),
            };
        }
        let name = self.indexed_name();
        let expansion = self.operator(quoted);
        Variable { name, braces: true, expansion }
    }

    fn indexed_name(&mut self) -> String {
        let mut name = self.parameter_name(true);
        if self.peek() == b'[' {
            let rest = &self.text.as_bytes()[self.pos..self.end.min(self.pos + LONGEST_INDEX)];
            let end = rest.iter().position(|b| matches!(b, b']' | b'}')).filter(|&at| rest[at] == b']');
            let length = end.map_or(0, |at| at + 1);
            name.push_str(&self.text[self.pos..self.pos + length]);
            self.pos += length;
        }
        name
    }

    fn inner(&mut self, until: Until, quoted: bool) -> Word {
        let start = self.pos;
        let parts = self.parts(until, quoted);
        Word { range: self.range_from(start), parts }
    }

    fn operator(&mut self, quoted: bool) -> Expansion {
        if self.peek() == b'}' {
            return Expansion::Plain;
        }
        let start = self.pos;
        let colon = self.peek() == b':' && matches!(self.peek_at(1), b'-' | b'=' | b'+' | b'?');
        self.pos += usize::from(colon);
        let sign = self.peek();
        self.pos += 1;
        match sign {
            b'-' | b'=' => Expansion::Default { assign: sign == b'=', colon, word: self.inner(Until::Brace, quoted) },
            b'+' => Expansion::Alternative { colon, word: self.inner(Until::Brace, quoted) },
            b'?' => {
                self.inner(Until::Brace, quoted);
                Expansion::Required
            }
            b'#' | b'%' => {
                let longest = self.take(if sign == b'#' { "#" } else { "%" });
                Expansion::Trim { end: sign == b'%', longest, pattern: self.inner(Until::Brace, false) }
            }
            b'/' => self.replacement(quoted),
            b':' => {
                if self.peek() == b'\\' {
                    self.error(start, self.pos + 1);
                }
                let offset = self.inner(Until::Colon, quoted);
                let length = self.take(":").then(|| self.inner(Until::Brace, quoted));
                Expansion::Substring { offset, length }
            }
            _ => {
                self.pos = start;
                // Shells take it for a bad substitution when they get there.
                if !matches!(sign, b'^' | b',' | b'@' | b'*' | b'~') {
                    self.error(start, (start + 1).min(self.end));
                }
                self.inner(Until::Brace, quoted);
                Expansion::Other(self.text[start..self.pos].to_owned())
            }
        }
    }

    fn replacement(&mut self, quoted: bool) -> Expansion {
        let mode = match self.peek() {
            mode @ (b'/' | b'#' | b'%') => {
                self.pos += 1;
                mode as char
            }
            _ => ' ',
        };
        let pattern = self.inner(Until::Slash, false);
        let replacement = if self.take("/") { self.inner(Until::Brace, quoted) } else { self.empty_word() };
        Expansion::Replace { mode, pattern, replacement }
    }
}
