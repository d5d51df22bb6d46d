//! What an `include` may be, and what is recorded of one that could not be joined. Knows no files.

use crate::source::Span;
use crate::yaml::{Data, Value};

/// Why an include could not be joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `include:project`.
    Project,
    /// `include:remote`, or a URL.
    Remote,
    /// `include:template`.
    Template,
    /// `include:component`.
    Component,
    /// A local path that holds a variable.
    Variable,
    /// A local file that isn't there or cannot be read as a pipeline.
    Missing,
    /// An include whose rules depend on what is not known.
    Undecided,
    /// A child pipeline's configuration from an artifact.
    Artifact,
}

impl Kind {
    /// The keyword or word that users know it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Remote => "remote",
            Self::Template => "template",
            Self::Component => "component",
            Self::Variable => "local with a variable",
            Self::Missing => "missing local file",
            Self::Undecided => "undecided rules",
            Self::Artifact => "artifact",
        }
    }
}

/// An include that could not be joined: what it would add or change is not known.
#[derive(Clone, Debug)]
pub struct Unresolved {
    /// Why.
    pub kind: Kind,
    /// Path, address or name as written.
    pub name: String,
    /// The include's entry.
    pub span: Span,
}

/// The entries of an `include` value, a scalar and a mapping being a list of one.
#[must_use]
pub fn entries(include: &Value) -> Vec<&Value> {
    match &include.data {
        Data::Sequence(items) => items.iter().collect(),
        Data::Null => Vec::new(),
        Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) | Data::Mapping(_) | Data::Reference(_) => {
            vec![include]
        }
    }
}
