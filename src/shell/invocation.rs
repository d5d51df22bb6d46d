//! What an evaluation gives: every simple command in execution order, with its arguments and the constructs around it.

use std::sync::Arc;

use crate::shell::ast::{Command, ListOperator, Script, TextRange};
use crate::shell::evaluate::evaluate;
use crate::shell::symbolic::{Env, Symbolic};
use crate::shell::wrappers::Wrapper;

/// The commands of `script` in execution order, evaluated with nothing known from outside.
#[must_use]
pub fn commands(script: &Script) -> Vec<Arc<Invocation>> {
    evaluate(script, &Env::default()).invocations
}

/// A script's commands and variables.
#[derive(Clone, Debug, Default)]
pub struct Evaluated {
    /// In execution order. A function's commands come at its definition (with [`Frame::Definition`]) and at each call.
    pub invocations: Vec<Arc<Invocation>>,
    /// Every assignment, in the same order.
    pub bindings: Vec<Binding>,
    /// `exit`, `return` and `exec` that end the script early, in source order.
    pub early_exits: Vec<TextRange>,
    /// The names of the functions that the script defines.
    pub functions: Vec<String>,
    /// The script was too large to follow to its end: what follows the last invocation is unknown.
    pub truncated: bool,
}

impl Evaluated {
    /// The commands whose name is `name` (without its folder) once wrappers are stripped.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Invocation> {
        self.invocations.iter().map(Arc::as_ref).filter(move |invocation| invocation.name() == Some(name))
    }
}

/// A variable that is assigned.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The variable.
    pub name: String,
    /// Its new value.
    pub value: Symbolic,
    /// The assignment.
    pub range: TextRange,
    /// Visible to programs.
    pub exported: bool,
    /// How certain it is that it happens.
    pub certainty: Certainty,
    /// Whether it is a statement of the script itself, in no construct, so that it holds for all that follows.
    pub is_plain: bool,
}

/// How often something runs when the script runs and nothing fails.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Certainty {
    /// Once. An earlier `exit` in a branch does not count, see [`Evaluated::early_exits`].
    Always,
    /// Once or never.
    Conditional,
    /// Any number of times, none included.
    Repeated,
}

/// One run of a simple command.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The command as written.
    pub command: Arc<Command>,
    /// The statement that it belongs to in the innermost list of statements, with `&&`, `|` and all: what can be removed as a whole.
    pub statement: TextRange,
    /// The 0-based index of the script's statement that holds it.
    pub top_level: usize,
    /// All arguments, wrappers included.
    pub arguments: Vec<Argument>,
    /// The index in `arguments` of the name of the program that really runs.
    pub program: usize,
    /// The wrappers before it, outermost first.
    pub wrappers: Vec<Wrapper>,
    /// More arguments follow that are not in the script (`xargs`).
    pub unknown_arguments: bool,
    /// Variables set for this command alone.
    pub environment: Vec<(String, Symbolic)>,
    /// The working directory.
    pub directory: Symbolic,
    /// Whether it runs.
    pub certainty: Certainty,
    /// The constructs around it, outermost first.
    pub path: Vec<Frame>,
    /// The script goes on when it fails: `|| true`, a condition, `!`, `trap`, background.
    pub ignores_failure: bool,
    /// Ranges inside are not exact: the text was decoded, and cannot be edited here.
    pub opaque: bool,
    /// Lies in or beside something that could not be read.
    pub damaged: bool,
    /// Runs a text as shell that is not known: `sh -c "$(curl …)"`.
    pub unread_text: bool,
}

impl Invocation {
    /// The program's name without its folder, if it is known.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let path = self.arguments.get(self.program)?.value.constant()?;
        path.rsplit('/').next()
    }

    /// The program and its arguments, without wrappers.
    #[must_use]
    pub fn argv(&self) -> &[Argument] {
        self.arguments.get(self.program..).unwrap_or_default()
    }

    /// Its place in the nearest pipeline: the 0-based stage and their number.
    #[must_use]
    pub fn pipe(&self) -> Option<(usize, usize)> {
        self.path.iter().rev().find_map(|frame| if let Frame::Pipeline { stage, of } = frame { Some((*stage, *of)) } else { None })
    }

    /// Runs on another machine (`ssh`).
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.path.contains(&Frame::Remote)
    }

    /// Stands in a function's definition, so that it runs only if the function is called.
    #[must_use]
    pub fn is_definition(&self) -> bool {
        self.path.iter().any(|frame| matches!(frame, Frame::Definition(_)))
    }
}

/// An argument as far as it is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Argument {
    /// Its text.
    pub value: Symbolic,
    /// The index in [`Command::words`] of the word that it comes from.
    pub word: usize,
    /// That word's place.
    pub range: TextRange,
    /// It may be no argument or several at run time: an unquoted unknown value or a pattern.
    pub splittable: bool,
    /// It is one of several that its word became.
    pub field: bool,
}

/// Which side of an operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Before it.
    Left,
    /// Behind it.
    Right,
}

/// A construct around a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// An operand of `&&` or `||`; `Left` of the operator behind it for the first, else `Right` of the one before it.
    List(ListOperator, Side),
    /// `if`: the 0-based branch (`else` counts), and whether in its condition.
    If {
        /// The branch.
        branch: usize,
        /// In the condition.
        condition: bool,
    },
    /// A loop: whether in its condition.
    Loop {
        /// In the condition.
        condition: bool,
    },
    /// An arm of `case`, 0-based.
    Case(usize),
    /// In the definition of this function.
    Definition(String),
    /// In a call of this function.
    Call(String),
    /// `( … )`.
    Subshell,
    /// `$( … )` or backticks.
    Substitution,
    /// `<( … )`.
    ProcessSubstitution,
    /// A stage of a pipeline of several.
    Pipeline {
        /// 0-based.
        stage: usize,
        /// How many.
        of: usize,
    },
    /// `! …`.
    Negated,
    /// `… &`.
    Background,
    /// `{ … }`.
    Group,
    /// Text that a new shell runs (`sh -c`).
    Shell,
    /// Text that this shell runs (`eval`).
    Eval,
    /// Text that runs on a signal or at the end.
    Trap,
    /// Text that another machine runs.
    Remote,
}
