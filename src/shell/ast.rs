//! The tree of a script: statements, commands, words and their parts, each with the bytes that it stands in.

use std::sync::Arc;

/// A half-open range of bytes in the script's text, 0-based.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TextRange {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl TextRange {
    /// The range `start..end`, in bytes.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let offset = |n: usize| u32::try_from(n).expect("scripts are capped far below 4 GiB");
        Self { start: offset(start), end: offset(end) }
    }

    /// The range as `usize`, for slicing.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether `other` lies in this range.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the two have a byte in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// The language that a script is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// sh, bash and their kin.
    Posix,
    /// PowerShell: recognised, not parsed.
    PowerShell,
    /// Windows' cmd.exe: recognised, not parsed.
    Cmd,
}

/// A parsed script.
#[derive(Clone, Debug)]
pub struct Script {
    /// The text that all ranges point into.
    pub text: Arc<str>,
    /// What it is written in; the body is empty unless [`Dialect::Posix`].
    pub dialect: Dialect,
    /// The statements in order.
    pub body: Vec<Statement>,
    /// The parts that no shell would accept or that were too deep or too long to read, sorted and apart; nothing there may be
    /// relied on.
    pub errors: Vec<TextRange>,
}

impl Script {
    /// The text of `range`.
    #[must_use]
    pub fn slice(&self, range: TextRange) -> &str {
        self.text.get(range.range()).unwrap_or_default()
    }

    /// Whether `range` has a byte in common with a damaged part.
    #[must_use]
    pub fn is_damaged(&self, range: TextRange) -> bool {
        overlaps_any(&self.errors, range)
    }
}

/// Whether `range` has a byte in common with one of `sorted`, which do not overlap.
pub(super) fn overlaps_any(sorted: &[TextRange], range: TextRange) -> bool {
    let first = sorted.partition_point(|error| error.end <= range.start);
    sorted.get(first).is_some_and(|error| error.overlaps(range))
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// From its first to its last byte, redirections included, without `;`, `&` and here-document bodies.
    pub range: TextRange,
    /// What it is.
    pub kind: StatementKind,
    /// Redirections behind a compound statement (those of a command are in [`Command`]).
    pub redirections: Vec<Redirection>,
    /// Ends with `&`.
    pub background: bool,
}

/// The kinds of [`Statement`].
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// A simple command, assignments alone, or a declaration such as `export A=b`.
    Command(Arc<Command>),
    /// `first && … || …`, left-associative.
    List {
        /// The first operand.
        first: Box<Statement>,
        /// The others, each with the operator before it.
        rest: Vec<(ListOperator, Statement)>,
    },
    /// `[!] a | b`; a negated command alone is a pipeline of one.
    Pipeline {
        /// Begins with `!`.
        negated: bool,
        /// The commands between the bars.
        stages: Vec<Statement>,
    },
    /// `if … elif … else … fi`.
    If {
        /// `if` and each `elif`.
        branches: Vec<Branch>,
        /// The `else` part.
        otherwise: Option<Vec<Statement>>,
    },
    /// `for` or `select`.
    For {
        /// The loop variable; empty for `for ((…))`.
        variable: String,
        /// The words behind `in`, or all of `((…))` as one; `None` where it loops over the arguments.
        words: Option<Vec<Word>>,
        /// Between `do` and `done`.
        body: Vec<Statement>,
    },
    /// `while` or `until`.
    While {
        /// `until`.
        until: bool,
        /// Before `do`.
        condition: Vec<Statement>,
        /// Between `do` and `done`.
        body: Vec<Statement>,
    },
    /// `case … esac`.
    Case {
        /// The word that is matched.
        subject: Word,
        /// The arms in order.
        arms: Vec<Arm>,
    },
    /// `name() …`.
    Function {
        /// The function's name.
        name: String,
        /// Its body.
        body: Arc<Statement>,
    },
    /// `{ …; }`.
    Group(Vec<Statement>),
    /// `( … )`.
    Subshell(Vec<Statement>),
    /// `[[ … ]]` with its words, or `(( … ))` as one word.
    Test(Vec<Word>),
    /// Something that no shell would accept here, up to the end of its line.
    Error,
}

/// `&&` or `||`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListOperator {
    /// `&&`.
    And,
    /// `||`.
    Or,
}

/// A condition and what runs where it holds.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Before `then`.
    pub condition: Vec<Statement>,
    /// Behind `then`.
    pub body: Vec<Statement>,
}

/// An arm of `case`.
#[derive(Clone, Debug)]
pub struct Arm {
    /// The patterns between the bars.
    pub patterns: Vec<Word>,
    /// What runs.
    pub body: Vec<Statement>,
}

/// A simple command.
#[derive(Clone, Debug)]
pub struct Command {
    /// From its first to its last byte, redirections included.
    pub range: TextRange,
    /// `A=b` before the command's name, or alone.
    pub assignments: Vec<Assignment>,
    /// The name and its arguments.
    pub words: Vec<Word>,
    /// Redirections, wherever they stand in the command.
    pub redirections: Vec<Redirection>,
    /// For `export`, `local`, `readonly`, `declare` and `typeset`: the assignments among the arguments.
    pub declared: Vec<Assignment>,
}

/// `name=value`.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// All of it.
    pub range: TextRange,
    /// The variable.
    pub name: String,
    /// Assigns to an element (`a[1]=b`) or a list (`a=(b c)`).
    pub array: bool,
    /// `+=`.
    pub append: bool,
    /// The value; for a list its first word that holds all parts.
    pub value: Word,
}

/// A redirection.
#[derive(Clone, Debug)]
pub struct Redirection {
    /// From the descriptor to the end of the target.
    pub range: TextRange,
    /// The operator: `>`, `>>`, `<`, `&>`, `<<`, `<<<` and so on.
    pub operator: String,
    /// The number before the operator.
    pub descriptor: Option<u32>,
    /// The file, descriptor, here-string or here-document delimiter.
    pub target: Word,
    /// The here-document.
    pub heredoc: Option<Heredoc>,
}

/// The body of a here-document.
#[derive(Clone, Debug)]
pub struct Heredoc {
    /// The lines between, the last newline included.
    pub body: TextRange,
    /// The delimiter is quoted: nothing is expanded.
    pub quoted: bool,
    /// The body's text and expansions.
    pub parts: Vec<Part>,
}

/// A word as written; it may become no argument or several.
#[derive(Clone, Debug)]
pub struct Word {
    /// Quotes included.
    pub range: TextRange,
    /// Its parts, side by side.
    pub parts: Vec<Part>,
}

impl Word {
    /// The text if it is the same on every run: quotes and escapes only, no expansion and no pattern.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        let mut all = String::new();
        for part in &self.parts {
            match &part.kind {
                PartKind::Literal { text, .. } => all.push_str(text),
                PartKind::Variable(_)
                | PartKind::Substitution { .. }
                | PartKind::ProcessSubstitution { .. }
                | PartKind::Arithmetic(_)
                | PartKind::Pattern(_)
                | PartKind::Interpolation => return None,
            }
        }
        Some(all)
    }

    /// Whether the shell may make no argument or several of it: an unquoted expansion or pattern, or `"$@"`.
    #[must_use]
    pub fn may_split(&self) -> bool {
        self.parts.iter().any(|part| match &part.kind {
            PartKind::Literal { .. } | PartKind::ProcessSubstitution { .. } => false,
            PartKind::Variable(variable) => !part.quoted || variable.is_list(),
            PartKind::Substitution { .. } | PartKind::Arithmetic(_) | PartKind::Interpolation => !part.quoted,
            PartKind::Pattern(_) => true,
        })
    }
}

/// A piece of a word.
#[derive(Clone, Debug)]
pub struct Part {
    /// Quotes are outside, `$` and braces inside.
    pub range: TextRange,
    /// Stands in double quotes (or in a here-document), so that it is not split.
    pub quoted: bool,
    /// What it is.
    pub kind: PartKind,
}

/// How a literal is quoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quoting {
    /// Not at all.
    None,
    /// `'…'`.
    Single,
    /// `"…"`.
    Double,
    /// `$'…'`.
    AnsiC,
    /// Unquoted, but with a backslash.
    Escaped,
}

/// The kinds of [`Part`].
#[derive(Clone, Debug)]
pub enum PartKind {
    /// Text.
    Literal {
        /// Without quotes and backslashes.
        text: String,
        /// How it was quoted.
        quoting: Quoting,
    },
    /// `$x`, `${x…}`.
    Variable(Box<Variable>),
    /// `$(…)` or backticks.
    Substitution {
        /// The statements inside.
        body: Vec<Statement>,
        /// Backticks.
        backtick: bool,
    },
    /// `<(…)` or `>(…)`.
    ProcessSubstitution {
        /// The statements inside.
        body: Vec<Statement>,
    },
    /// `$((…))`, with the text and expansions inside.
    Arithmetic(Vec<Part>),
    /// An unquoted `*`, `?`, `[…]`, leading `~` or `{a,b}` as written.
    Pattern(String),
    /// `$[[ … ]]` or `${{ … }}`: replaced before a shell sees it.
    Interpolation,
}

/// A parameter expansion.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The name, digits or special character; with its index where there is one (`a[0]`).
    pub name: String,
    /// `${…}`.
    pub braces: bool,
    /// What is done with the value.
    pub expansion: Expansion,
}

impl Variable {
    /// Whether it may stand for several arguments even in quotes.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.name == "@" || self.name.ends_with("[@]")
    }
}

/// What a parameter expansion does with the value.
#[derive(Clone, Debug)]
pub enum Expansion {
    /// `$x`, `${x}`.
    Plain,
    /// `${x-w}`, `${x:-w}`, `${x=w}`, `${x:=w}`.
    Default {
        /// `=`: also assigns.
        assign: bool,
        /// `:`: also where it is empty.
        colon: bool,
        /// The word.
        word: Word,
    },
    /// `${x+w}`, `${x:+w}`.
    Alternative {
        /// `:`: not where it is empty.
        colon: bool,
        /// The word.
        word: Word,
    },
    /// `${x?w}`, `${x:?w}`.
    Required,
    /// `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`.
    Trim {
        /// `%`.
        end: bool,
        /// Doubled.
        longest: bool,
        /// The pattern.
        pattern: Word,
    },
    /// `${x/p/r}` and `${x//p/r}`, `${x/#p/r}`, `${x/%p/r}`.
    Replace {
        /// The character behind the first slash (`/`, `#`, `%`) or a space.
        mode: char,
        /// The pattern.
        pattern: Word,
        /// The replacement.
        replacement: Word,
    },
    /// `${x:offset:length}`.
    Substring {
        /// The offset.
        offset: Word,
        /// The length.
        length: Option<Word>,
    },
    /// Any other, as written behind the name (or the whole, as for `${#x}` and `${!x}`).
    Other(String),
}
