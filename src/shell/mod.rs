//! Shell text into commands with places, certainty and variables. Knows sh and bash; not docker, not GitLab, not YAML.
//!
//! [`parse`] gives a tree with byte ranges, [`evaluate`] walks it in execution order and gives every simple command with its
//! symbolic arguments, its wrappers and the constructs around it.
//!
//! The grammar is read by hand (POSIX XCU 2 and the bash manual): docs/decisions/0002-shell.md tells why.

mod ast;
mod compound;
mod dialect;
mod effect;
mod evaluate;
mod expand;
mod flow;
mod invocation;
mod operators;
mod parameter;
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
