//! Words into symbolic text and into the fields that the shell splits them into.

use crate::shell::ast::{Expansion, Part, PartKind, Quoting, Statement, TextRange, Variable, Word};
use crate::shell::evaluate::Walker;
use crate::shell::invocation::{Argument, Certainty, Frame};
use crate::shell::operators::{apply_default, derived, replace, substring, trim};
use crate::shell::symbolic::{Atom, Cause, Operation, Symbolic};

/// A field that a word is split into.
#[derive(Default)]
struct Field {
    value: Symbolic,
    splittable: bool,
    present: bool,
}

impl Walker<'_> {
    pub(super) fn lookup(&mut self, name: &str, range: TextRange) -> Symbolic {
        if let Some(value) = self.known(name) {
            return value.clone();
        }
        if let Ok(index) = name.parse::<usize>() {
            let known = self.parameters.as_ref().map(|all| index.checked_sub(1).and_then(|at| all.get(at)).cloned().unwrap_or_default());
            let function = self.scope.path.iter().rev().find_map(|f| if let Frame::Definition(name) = f { Some(name) } else { None });
            let name = function.map_or(name.to_owned(), |function| format!("{function}:{name}"));
            return known.filter(|_| index > 0).unwrap_or_else(|| Symbolic::atom(Atom::Variable { name, generation: self.generation }));
        }
        match name {
            "@" | "*" => self.opaque(Cause::Argument, range),
            "?" | "$" | "!" | "-" | "#" | "RANDOM" | "SECONDS" | "LINENO" | "EPOCHSECONDS" | "_" | "" => self.opaque(Cause::Special, range),
            _ if name.ends_with(']') => self.opaque(Cause::Expansion, range),
            _ => Symbolic::atom(Atom::Variable { name: name.to_owned(), generation: self.generation }),
        }
    }

    /// The text of a word without splitting, as in an assignment.
    pub(super) fn expand(&mut self, word: &Word) -> Symbolic {
        let mut value = Symbolic::default();
        for part in &word.parts {
            let piece = self.part(part);
            value.extend(&piece);
        }
        value
    }

    pub(super) fn part(&mut self, part: &Part) -> Symbolic {
        match &part.kind {
            PartKind::Literal { text, .. } | PartKind::Pattern(text) => Symbolic::literal(text),
            PartKind::Variable(variable) => self.variable(variable, part.range),
            PartKind::Substitution { body, backtick } => {
                // A body with backslashes was decoded: its statements have the place of the whole.
                let decoded = *backtick && body.first().is_some_and(|statement| statement.range.start <= part.range.start);
                let outer = self.scope.opaque;
                self.scope.opaque |= decoded;
                self.inner_shell(body, Frame::Substitution);
                self.scope.opaque = outer;
                self.opaque(Cause::Command, part.range)
            }
            PartKind::ProcessSubstitution { body } => {
                self.inner_shell(body, Frame::ProcessSubstitution);
                self.opaque(Cause::Command, part.range)
            }
            PartKind::Arithmetic(inner) => {
                for part in inner {
                    self.part(part);
                }
                self.opaque(Cause::Arithmetic, part.range)
            }
            PartKind::Interpolation => self.opaque(Cause::Interpolation, part.range),
        }
    }

    /// Statements that run in a shell of their own: what they assign is lost.
    pub(super) fn inner_shell(&mut self, body: &[Statement], frame: Frame) {
        self.branch(|walker| walker.within(frame, |walker| walker.body(body)));
    }

    fn variable(&mut self, variable: &Variable, range: TextRange) -> Symbolic {
        let base = self.lookup(&variable.name, range);
        match &variable.expansion {
            Expansion::Plain | Expansion::Required => base,
            Expansion::Default { assign, colon, word } => {
                let word = self.conditional_word(word);
                let value = apply_default(base, *colon, word);
                if *assign {
                    self.set(&variable.name, value.clone(), range);
                }
                value
            }
            Expansion::Alternative { colon, word } => {
                let word = self.conditional_word(word);
                match base.constant() {
                    Some(text) if *colon => {
                        if text.is_empty() {
                            Symbolic::default()
                        } else {
                            word
                        }
                    }
                    Some(_) => word,
                    None => derived(base, Operation::Alternative { colon: *colon, word }),
                }
            }
            Expansion::Trim { end, longest, pattern } => {
                let glob = is_plain_glob(pattern);
                let pattern = self.expand(pattern);
                glob.then(|| trim(&base, *end, *longest, &pattern))
                    .flatten()
                    .unwrap_or_else(|| derived(base, Operation::Trim { end: *end, longest: *longest, pattern }))
            }
            Expansion::Replace { mode, pattern, replacement } => {
                let glob = is_plain_glob(pattern);
                let (pattern, replacement) = (self.expand(pattern), self.expand(replacement));
                glob.then(|| replace(&base, *mode, &pattern, &replacement))
                    .flatten()
                    .unwrap_or_else(|| derived(base, Operation::Replace { mode: *mode, pattern, replacement }))
            }
            Expansion::Substring { offset, length } => {
                let offset = self.expand(offset);
                let length = length.as_ref().map(|length| self.expand(length));
                substring(&base, &offset, length.as_ref()).unwrap_or_else(|| {
                    match (offset.constant(), length.as_ref().map(Symbolic::constant)) {
                        (Some(offset), None) => derived(base, Operation::Other(format!(":{offset}"))),
                        (Some(offset), Some(Some(length))) => derived(base, Operation::Other(format!(":{offset}:{length}"))),
                        (_, Some(None)) | (None, _) => self.opaque(Cause::Expansion, range),
                    }
                })
            }
            Expansion::Other(operator) if operator.starts_with('!') => self.opaque(Cause::Expansion, range),
            Expansion::Other(operator) => derived(base, Operation::Other(operator.clone())),
        }
    }

    /// A word that is only expanded in some runs.
    fn conditional_word(&mut self, word: &Word) -> Symbolic {
        let certainty = self.scope.certainty;
        self.scope.certainty = certainty.max(Certainty::Conditional);
        let value = self.expand(word);
        self.scope.certainty = certainty;
        value
    }

    pub(super) fn arguments(&mut self, words: &[Word]) -> Vec<Argument> {
        let mut arguments = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let fields = self.fields(word);
            let several = fields.len() != 1;
            arguments.extend(fields.into_iter().map(|field| Argument {
                value: field.value,
                word: index,
                range: word.range,
                splittable: field.splittable,
                field: several,
            }));
        }
        arguments
    }

    /// What the shell makes of a word: usually one field.
    fn fields(&mut self, word: &Word) -> Vec<Field> {
        let mut done = Vec::new();
        let mut now = Field::default();
        for part in &word.parts {
            if let PartKind::Variable(variable) = &part.kind
                && variable.name == "@"
                && let Some(parameters) = self.parameters.clone()
            {
                for (index, value) in parameters.iter().enumerate() {
                    if index > 0 {
                        done.push(std::mem::take(&mut now));
                    }
                    now.value.extend(value);
                    now.present = true;
                    now.splittable |= !part.quoted && value.constant().is_none();
                }
                continue;
            }
            let list = matches!(&part.kind, PartKind::Variable(variable) if variable.is_list());
            let value = self.part(part);
            match &part.kind {
                PartKind::Literal { .. } | PartKind::ProcessSubstitution { .. } => {
                    now.value.extend(&value);
                    now.present = true;
                }
                PartKind::Pattern(_) => {
                    now.value.extend(&value);
                    (now.present, now.splittable) = (true, true);
                }
                PartKind::Variable(_) | PartKind::Substitution { .. } | PartKind::Arithmetic(_) | PartKind::Interpolation
                    if part.quoted =>
                {
                    now.value.extend(&value);
                    now.present = true;
                    now.splittable |= list;
                }
                PartKind::Variable(_) | PartKind::Substitution { .. } | PartKind::Arithmetic(_) | PartKind::Interpolation => {
                    split(&value, &mut now, &mut done);
                }
            }
        }
        if now.present {
            done.push(now);
        }
        done
    }
}

/// Whether no `*` or `?` of a pattern is quoted, so that its text alone says what it matches.
fn is_plain_glob(pattern: &Word) -> bool {
    pattern.parts.iter().all(|part| match &part.kind {
        PartKind::Literal { text, quoting } => *quoting == Quoting::None || !text.contains(['*', '?']),
        PartKind::Variable(_)
        | PartKind::Substitution { .. }
        | PartKind::ProcessSubstitution { .. }
        | PartKind::Arithmetic(_)
        | PartKind::Pattern(_)
        | PartKind::Interpolation => true,
    })
}

/// Splits an unquoted value at blanks.
fn split(value: &Symbolic, now: &mut Field, done: &mut Vec<Field>) {
    for atom in &value.atoms {
        let Atom::Literal(text) = atom else {
            now.value.push(atom.clone());
            (now.present, now.splittable) = (true, true);
            continue;
        };
        for (index, piece) in text.split([' ', '\t', '\n']).enumerate() {
            if index > 0 && now.present {
                done.push(std::mem::take(now));
            }
            if !piece.is_empty() {
                now.value.push_text(piece);
                now.present = true;
                now.splittable |= piece.contains(['*', '?']);
            }
        }
    }
}
