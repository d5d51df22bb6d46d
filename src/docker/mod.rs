//! Command lines of container tools into typed operations, image references into their parts, Dockerfiles into instructions.
//! Knows the tools' flags; not GitLab, not shell and not YAML.

pub mod attributes;
mod command;
pub mod dockerfile;
pub mod engine_image;
mod flags;
mod images;
pub mod operation;
pub mod reference;
mod service;
mod tools;

#[cfg(test)]
mod tests;

pub use operation::{Flag, Form, ImageUse, Op, Operation, Positional, Role, Slot, Tool, Unknown};
pub use service::service_names;

/// One word of a command line: constants verbatim, variables as `${NAME}`, anything else that isn't known as `${?n}`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Arg {
    /// The symbolic text.
    pub text: String,
    /// Whether it is an unquoted expansion that may become zero or several words.
    pub opaque: bool,
}

impl Arg {
    /// A word that stays one word.
    #[must_use]
    pub fn word(text: impl Into<String>) -> Self {
        Self { text: text.into(), opaque: false }
    }
}

/// Reads a command line; `None` if its first word isn't a container tool.
///
/// A word that begins with a variable is taken for a positional, as if its value did not begin with `-`.
#[must_use]
pub fn operation(argv: &[Arg]) -> Option<Operation> {
    let (tool, root) = tools::program(argv)?;
    Some(command::walk(root, tool, argv))
}
