//! What is said about a user's file: a message at a place, with help, related places and fixes.

use crate::edit::Fix;
use crate::source::Span;

/// How bad a finding is. Ordered: `Info < Warning < Error`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Style, deprecation, advice.
    Info,
    /// Fails on common set-ups, is slow, or is a security weakness.
    Warning,
    /// Fails or loses the build with near certainty.
    Error,
}

impl Severity {
    /// The word that users read and write: `info`, `warning`, `error`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A second place that a finding is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is to be seen there.
    pub message: String,
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The rule's name, such as `dind-port-tls-mismatch`, or `syntax-error`, `not-a-pipeline`.
    pub rule: &'static str,
    /// The rule's id, such as `TLS101`.
    pub id: &'static str,
    /// How bad it is here; missing evidence lowers it below the rule's usual severity.
    pub severity: Severity,
    /// What is wrong, in the user's words: a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The narrowest place.
    pub span: Span,
    /// Other places.
    pub related: Vec<Label>,
    /// The jobs that it concerns, in the order of the pipeline.
    pub jobs: Vec<String>,
    /// The change to apply.
    pub fix: Option<Fix>,
    /// Other changes, of which a person must choose.
    pub alternatives: Vec<Fix>,
}

impl Diagnostic {
    /// A finding without help, labels or fixes.
    #[must_use]
    pub fn new(rule: (&'static str, &'static str), severity: Severity, span: Span, message: impl Into<String>) -> Self {
        Self {
            rule: rule.0,
            id: rule.1,
            severity,
            message: message.into(),
            help: None,
            span,
            related: Vec::new(),
            jobs: Vec::new(),
            fix: None,
            alternatives: Vec::new(),
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related.push(Label { span, message: message.into() });
        self
    }

    /// Adds a job that it concerns.
    #[must_use]
    pub fn job(mut self, name: &str) -> Self {
        self.jobs.push(name.to_owned());
        self
    }

    /// Adds the change to apply.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}
