//! What a rule is, what it sees and where its findings go.

use crate::analysis::{Analysis, AnalyzedPipeline};
use crate::detect::JobFacts;
use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::Job;
use crate::source::{FileId, Span};
use crate::yaml::Tree;

/// A lint rule: a static value. Its page stands beside its source file.
#[derive(Debug)]
pub struct Rule {
    /// The id, such as `TLS101`.
    pub id: &'static str,
    /// The name, such as `dind-port-tls-mismatch`.
    pub name: &'static str,
    /// How bad a finding usually is; missing evidence lowers a finding below it.
    pub severity: Severity,
    /// The page that `undind explain` shows: Markdown.
    pub page: &'static str,
    /// Looks at one pipeline.
    pub check: fn(&Context<'_>, &mut Findings),
}

impl Rule {
    /// A finding of this rule at the usual severity.
    #[must_use]
    pub fn at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new((self.name, self.id), self.severity, span, message)
    }
}

/// What a rule sees: one pipeline, and the analysis that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// All pipelines, documents and the workspace.
    pub analysis: &'a Analysis,
    /// The pipeline to look at.
    pub pipeline: &'a AnalyzedPipeline,
}

impl<'a> Context<'a> {
    /// The jobs with their facts, in the order of the pipeline.
    pub fn jobs(&self) -> impl Iterator<Item = (&'a Job, &'a JobFacts)> {
        self.pipeline.jobs()
    }

    /// The source text of `span`.
    #[must_use]
    pub fn slice(&self, span: Span) -> &'a str {
        self.analysis.documents.sources().slice(span)
    }

    /// The tree of a file that a pipeline is made of.
    #[must_use]
    pub fn tree(&self, file: FileId) -> Option<&'a Tree> {
        self.analysis.documents.get(file).map(|document| &document.tree)
    }

    /// Whether all files of the pipeline are known, so that what is absent is absent.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.pipeline.pipeline.unresolved.is_empty()
    }
}

/// Where findings go. The same finding for several jobs counts once, with all their names.
#[derive(Default, Debug)]
pub struct Findings {
    found: indexmap::IndexMap<(Span, &'static str, String), Diagnostic>,
}

impl Findings {
    /// Adds a finding, or its jobs to an equal one. Where the two would be fixed differently, neither fix is kept.
    pub fn add(&mut self, finding: Diagnostic) {
        match self.found.entry((finding.span, finding.id, finding.message.clone())) {
            indexmap::map::Entry::Vacant(vacant) => {
                vacant.insert(finding);
            }
            indexmap::map::Entry::Occupied(mut occupied) => {
                let known = occupied.get_mut();
                known.severity = known.severity.max(finding.severity);
                let new: Vec<_> = finding.jobs.into_iter().filter(|job| !known.jobs.contains(job)).collect();
                known.jobs.extend(new);
                if known.fix != finding.fix {
                    known.fix = None;
                }
            }
        }
    }

    /// Adds a finding, if there is one.
    pub fn add_some(&mut self, finding: Option<Diagnostic>) {
        if let Some(finding) = finding {
            self.add(finding);
        }
    }

    /// The findings, in the order of their first occurrence.
    #[must_use]
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.found.into_values().collect()
    }
}
