//! Shell text into commands with places, certainty and variables. Knows sh and bash; not docker, not GitLab, not YAML.
//!
//! [`parse`] gives a tree with byte ranges, [`evaluate`] walks it in execution order and gives every simple command with its
//! symbolic arguments, its wrappers and the constructs around it.
//!
//! The grammar is read by hand (POSIX XCU 2 and the bash manual) instead of from tree-sitter-bash 0.25, whose trees cannot be
//! rewritten from: it drops the `-` of `docker build - <<EOF -t x`, counts arguments behind a redirection (`cmd 2>/dev/null arg`)
//! as targets of that redirection, hangs the rest of a `<<EOF | next && last` line into the here-document, gives `a && b > c`
//! the redirection of the whole list, and `! a | b` the negation of the first stage alone.

mod ast;
mod compound;
mod dialect;
mod effect;
mod evaluate;
mod expand;
mod flow;
mod invocation;
mod operators;
mod parse;
mod simple;
mod symbolic;
#[cfg(test)]
mod tests;
mod word;
mod wrappers;

pub use ast::{
    Arm, Assignment, Branch, Command, Dialect, Expansion, Heredoc, ListOperator, Part, PartKind, Quoting, Redirection, Script, Statement,
    StatementKind, TextRange, Variable, Word,
};
pub use dialect::recognise;
pub use evaluate::evaluate;
pub use invocation::{Argument, Binding, Certainty, Evaluated, Frame, Invocation, Side, commands};
pub use parse::{Limits, parse};
pub use symbolic::{Atom, Cause, Env, Operation, Symbolic};
pub use wrappers::Wrapper;
