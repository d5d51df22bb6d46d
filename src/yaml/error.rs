//! What is wrong with a YAML text and where, and the limits within which one is read.

use crate::source::Span;

/// Why a text can't be read as Ruby's Psych (and so GitLab) reads YAML, or why we refuse to.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// The narrowest place.
    pub span: Span,
    /// Whose rule was broken.
    pub kind: YamlErrorKind,
    /// What was being read when the error was met, and where that begins.
    pub context: Option<(String, Span)>,
}

/// The kinds of [`YamlError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum YamlErrorKind {
    /// Not YAML as libyaml reads it.
    Syntax,
    /// An alias whose anchor is unknown, or that lies within what it names.
    Alias,
    /// A value of a Ruby class that GitLab doesn't permit: a date, a time, a set …
    DisallowedClass,
    /// A value that Psych fails to convert, such as `!!float x`.
    Conversion,
    /// One of the [`Limits`].
    Limit,
}

impl YamlError {
    pub(super) fn new(kind: YamlErrorKind, span: Span, message: impl Into<String>) -> Self {
        Self { message: message.into(), span, kind, context: None }
    }

    pub(super) fn limit(span: Span, message: impl Into<String>) -> Self {
        Self::new(YamlErrorKind::Limit, span, message)
    }

    pub(super) fn disallowed(span: Span, class: &str) -> Self {
        Self::new(YamlErrorKind::DisallowedClass, span, format!("a value of the class `{class}`, which GitLab doesn't permit"))
    }
}

/// How much of a text is read before it is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Collections within each other, as written and after aliases are followed; never more than [`Limits::MAX_DEPTH`].
    pub depth: usize,
    /// Nodes as written.
    pub nodes: usize,
    /// Nodes after aliases and merge keys are followed.
    pub expanded_nodes: usize,
    /// `%` directives before the document: libyaml compares each with all others.
    pub directives: usize,
    /// Digits of one number.
    pub digits: usize,
}

impl Limits {
    /// The depth up to which the recursive passes keep to an ordinary thread's stack.
    pub const MAX_DEPTH: usize = 256;

    pub(super) fn depth(&self) -> usize {
        self.depth.min(Self::MAX_DEPTH)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 10 << 20, depth: 100, nodes: 1_000_000, expanded_nodes: 1_000_000, directives: 64, digits: 1_000 }
    }
}
