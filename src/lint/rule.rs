//! What a rule is, what it sees and where its findings go.

use std::collections::BTreeSet;

use crate::analysis::{Analysis, AnalyzedPipeline};
use crate::detect::JobFacts;
use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::include::Kind;
use crate::pipeline::{Job, MissingKind, Unresolved};
use crate::source::{FileId, Span};
use crate::yaml::{Tree, Value};

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
    /// Whether no job needs what none of the files defines.
    whole: bool,
}

impl<'a> Context<'a> {
    /// A rule's view of `pipeline`, one of `analysis`.
    #[must_use]
    pub fn new(analysis: &'a Analysis, pipeline: &'a AnalyzedPipeline) -> Self {
        let names: BTreeSet<&str> = pipeline.pipeline.jobs.iter().map(|job| &*job.name).collect();
        let whole = pipeline.pipeline.jobs.iter().all(|job| job.missing.is_empty() && needed(job).all(|name| names.contains(name)));
        Self { analysis, pipeline, whole }
    }

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

    /// Whether all files of the pipeline are known, so that what is absent is absent. A job that needs what no file defines tells that there are
    /// more files: it is a part of some pipeline.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.pipeline.pipeline.unresolved.is_empty() && self.whole
    }

    /// Whether all files of the pipeline are known but for what jobs need of each other.
    #[must_use]
    pub fn is_complete_but_for_needs(&self) -> bool {
        self.pipeline.pipeline.unresolved.is_empty() && self.pipeline.pipeline.jobs.iter().all(|job| job.missing.is_empty())
    }

    /// Whether all files are known that may set variables, services or scripts for every job. GitLab's own templates of jobs leave Docker's alone.
    #[must_use]
    pub fn knows_defaults(&self) -> bool {
        self.pipeline.pipeline.unresolved.iter().all(is_template_of_jobs) && self.whole
    }

    /// What the files tell of the commands of `job`: a reference may lead nowhere, and what it extends or a default may bring a `before_script`.
    #[must_use]
    pub fn knowledge(&self, job: &Job) -> Knowledge {
        let has = |keyword| job.config.entry(keyword).is_some();
        let extends = job.missing.iter().any(|missing| missing.kind == MissingKind::Extends);
        if job.missing.iter().any(|missing| missing.kind == MissingKind::Reference) || (extends && !(has("before_script") && has("script")))
        {
            Knowledge::Partial
        } else if has("before_script") || self.knows_defaults() {
            Knowledge::Full
        } else {
            Knowledge::Doubtful
        }
    }
}

/// Folders of templates that only add jobs (<https://gitlab.com/gitlab-org/gitlab/-/tree/master/lib/gitlab/ci/templates>); those of languages
/// and Auto DevOps set images, services and scripts for every job.
const TEMPLATES_OF_JOBS: &[&str] = &["Jobs/", "Security/", "Verify/", "Workflows/"];

fn is_template_of_jobs(include: &Unresolved) -> bool {
    include.kind == Kind::Template && TEMPLATES_OF_JOBS.iter().any(|folder| include.name.starts_with(folder))
}

/// What is known of the commands that a job runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Knowledge {
    /// All of them.
    Full,
    /// A file that isn't here may put commands before them.
    Doubtful,
    /// Some surely are elsewhere.
    Partial,
}

/// The jobs of this pipeline that `job` waits for, by name (<https://docs.gitlab.com/ci/yaml/#needs>).
fn needed(job: &Job) -> impl Iterator<Item = &str> {
    let items = job.config.get("needs").and_then(Value::as_sequence).unwrap_or_default();
    let elsewhere = |need: &Value| need.get("project").is_some() || need.get("pipeline").is_some();
    let name = move |need| if elsewhere(need) { None } else { need.as_str().or_else(|| need.get("job")?.as_str()) };
    items.iter().filter_map(name).filter(|name| !name.contains('$'))
}

/// `finding` as it is without all evidence: a warning at most, and its fix for a person to choose.
#[must_use]
pub fn doubted(mut finding: Diagnostic) -> Diagnostic {
    finding.severity = finding.severity.min(Severity::Warning);
    finding.alternatives.extend(finding.fix.take());
    finding
}

/// The names of jobs for a message: `` `build` ``, `` `build` and `test` ``, `` `build`, `test` and 3 more ``; none is no text.
#[must_use]
pub fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names {
        [rest @ .., last] if names.len() <= SHOWN && !rest.is_empty() => format!("{} and `{last}`", quoted(rest)),
        _ if names.len() <= SHOWN => quoted(names),
        _ => format!("{} and {} more", quoted(&names[..SHOWN - 1]), names.len() - (SHOWN - 1)),
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

    /// The places of the findings with the id of a rule.
    #[must_use]
    pub fn spans(&self, id: &str) -> BTreeSet<Span> {
        self.found.keys().filter(|(_, known, _)| *known == id).map(|(span, ..)| *span).collect()
    }

    /// The findings, in the order of their first occurrence.
    #[must_use]
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.found.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn a_message_names_three_jobs_at_most() {
        for (names, expected) in [
            (&[][..], ""),
            (&["a"][..], "`a`"),
            (&["a", "b"][..], "`a` and `b`"),
            (&["a", "b", "c"][..], "`a`, `b` and `c`"),
            (&["a", "b", "c", "d"][..], "`a`, `b` and 2 more"),
        ] {
            assert_eq!(listed(names), expected);
        }
    }
}
