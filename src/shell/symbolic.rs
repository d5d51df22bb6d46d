//! Texts that are known in part: literals, variables and what is unknown, in a form in which equal means the same text at run time.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::shell::TextRange;

/// A text of which some pieces are only known by name. Compare only values of one evaluation: opaque atoms are numbered in it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Symbolic {
    /// The pieces in order; neighbouring literals are joined and none is empty.
    pub atoms: SmallVec<[Atom; 1]>,
}

/// A piece of a [`Symbolic`] text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Atom {
    /// Text.
    Literal(String),
    /// A variable that came from outside; within one generation it always has the same value.
    Variable {
        /// Its name.
        name: String,
        /// How often code that cannot be seen (`source`, `eval`) may have changed it.
        generation: u32,
    },
    /// A value that was computed once: equal to itself only.
    Opaque {
        /// Its number in the evaluation.
        id: u32,
        /// Why it is not known.
        cause: Cause,
        /// Where it was computed, in the script's text.
        range: TextRange,
    },
    /// A value that is derived from another one in a known way.
    Derived {
        /// What it is derived from.
        base: Box<Symbolic>,
        /// How.
        operation: Box<Operation>,
    },
}

/// Why a value is not known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// The output of a command.
    Command,
    /// Depends on a condition or on how often a loop ran.
    Branch,
    /// The variable of a loop.
    Loop,
    /// Read from input.
    Read,
    /// An arithmetic expansion.
    Arithmetic,
    /// `$1` of a function that is looked at where it is defined, or of the script.
    Argument,
    /// A list, or an expansion that is not followed.
    Expansion,
    /// Replaced by GitLab before the shell runs (`$[[ … ]]`).
    Interpolation,
    /// Which files a pattern matches.
    Pattern,
    /// Removed or never visible to this shell.
    Unset,
    /// `$?`, `$$`, `$!`, `$RANDOM` and the like.
    Special,
}

/// How a derived value comes from its base.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Operation {
    /// The base, or this where it is unset (with `colon`: or empty).
    Default {
        /// Also where it is empty.
        colon: bool,
        /// The text then.
        word: Symbolic,
    },
    /// This where the base is set (with `colon`: and not empty), else nothing.
    Alternative {
        /// Not where it is empty.
        colon: bool,
        /// The text then.
        word: Symbolic,
    },
    /// A prefix or suffix taken away.
    Trim {
        /// A suffix.
        end: bool,
        /// The longest match.
        longest: bool,
        /// The glob.
        pattern: Symbolic,
    },
    /// Matches replaced.
    Replace {
        /// `/` all, `#` at the start, `%` at the end, a space: the first.
        mode: char,
        /// The glob.
        pattern: Symbolic,
        /// What replaces it.
        replacement: Symbolic,
    },
    /// Any other operator, as written.
    Other(String),
}

impl Symbolic {
    /// A known text.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        let mut value = Self::default();
        value.push_text(text);
        value
    }

    /// A value of one piece.
    #[must_use]
    pub fn atom(atom: Atom) -> Self {
        let mut value = Self::default();
        value.push(atom);
        value
    }

    /// The variable `name` as it was when the script began.
    #[must_use]
    pub fn variable(name: &str) -> Self {
        Self::atom(Atom::Variable { name: name.to_owned(), generation: 0 })
    }

    /// Reads `$NAME` and `${NAME}` as GitLab expands them in YAML values; `$$` is a dollar; all else is text.
    ///
    /// <https://docs.gitlab.com/ci/variables/where_variables_can_be_used/#gitlab-internal-variable-expansion-mechanism>
    #[must_use]
    pub fn from_gitlab(text: &str) -> Self {
        let mut value = Self::default();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            value.push_text(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                value.push_text("$");
                rest = after;
                continue;
            }
            let (open, body) = rest.strip_prefix('{').map_or((false, rest), |body| (true, body));
            let length = body.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            let named = length > 0 && !body.as_bytes()[0].is_ascii_digit() && (!open || body[length..].starts_with('}'));
            if named {
                value.push(Atom::Variable { name: body[..length].to_owned(), generation: 0 });
                rest = &body[length + usize::from(open)..];
            } else {
                value.push_text("$");
            }
        }
        value.push_text(rest);
        value
    }

    /// The text, if all of it is known.
    #[must_use]
    pub fn constant(&self) -> Option<&str> {
        match self.atoms.as_slice() {
            [] => Some(""),
            [Atom::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The known text that the value begins with.
    #[must_use]
    pub fn known_prefix(&self) -> &str {
        match self.atoms.first() {
            Some(Atom::Literal(text)) => text,
            _ => "",
        }
    }

    /// Appends a piece.
    pub fn push(&mut self, atom: Atom) {
        match atom {
            Atom::Literal(text) if self.atoms.is_empty() && !text.is_empty() => self.atoms.push(Atom::Literal(text)),
            Atom::Literal(text) => self.push_text(&text),
            other => self.atoms.push(other),
        }
    }

    /// Appends known text.
    pub fn push_text(&mut self, text: &str) {
        if let Some(Atom::Literal(last)) = self.atoms.last_mut() {
            last.push_str(text);
        } else if !text.is_empty() {
            self.atoms.push(Atom::Literal(text.to_owned()));
        }
    }

    /// Appends another value.
    pub fn extend(&mut self, other: &Self) {
        if self.atoms.is_empty() {
            self.atoms.clone_from(&other.atoms);
            return;
        }
        for atom in &other.atoms {
            self.push(atom.clone());
        }
    }

    /// The value behind the first `bytes` of its known prefix.
    pub(super) fn behind(&self, bytes: usize) -> Self {
        let mut rest = Self::literal(&self.known_prefix()[bytes..]);
        for atom in self.atoms.iter().skip(1) {
            rest.push(atom.clone());
        }
        rest
    }

    /// How many atoms it has, nested ones included; 16 bytes of text count as one.
    #[must_use]
    pub fn size(&self) -> usize {
        self.atoms
            .iter()
            .map(|atom| match atom {
                Atom::Literal(text) => 1 + text.len() / 16,
                Atom::Variable { .. } | Atom::Opaque { .. } => 1,
                Atom::Derived { base, operation } => 1 + base.size() + operation.size(),
            })
            .sum()
    }
}

impl Operation {
    fn size(&self) -> usize {
        match self {
            Self::Default { word, .. } | Self::Alternative { word, .. } => word.size(),
            Self::Trim { pattern, .. } => pattern.size(),
            Self::Replace { pattern, replacement, .. } => pattern.size() + replacement.size(),
            Self::Other(text) => text.len() / 16,
        }
    }
}

/// What a script starts with: the variables that its caller knows.
#[derive(Clone, Debug, Default)]
pub struct Env {
    pub(super) variables: BTreeMap<String, Symbolic>,
    pub(super) exported: BTreeSet<String>,
}

impl Env {
    /// Adds an environment variable, such as one from `variables:` (see [`Symbolic::from_gitlab`]).
    pub fn set(&mut self, name: &str, value: Symbolic) {
        self.variables.insert(name.to_owned(), value);
        self.exported.insert(name.to_owned());
    }

    /// The value of `name`, if the caller gave one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Symbolic> {
        self.variables.get(name)
    }
}
