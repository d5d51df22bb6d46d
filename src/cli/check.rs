//! A repository's pipelines into what the rules find in them.

use std::collections::BTreeSet;

use undind::analysis::{Analysis, analyze};
use undind::diagnostic::Diagnostic;
use undind::lint::{Finding, LintOptions, lint};
use undind::report::finding::Found;
use undind::source::Sources;
use undind::workspace::Workspace;

use crate::cli::Context;
use crate::cli::discover::{PIPELINE, Repository};
use crate::cli::selection::selects;

/// The findings of one analysis.
#[derive(Debug)]
pub struct Checked {
    analysis: Analysis,
    /// The findings, by file and place.
    pub findings: Vec<Finding>,
    /// How many findings comments suppressed.
    pub suppressed: usize,
}

impl Checked {
    /// The files that were read.
    pub fn sources(&self) -> &Sources {
        self.analysis.documents.sources()
    }

    /// The findings with what is needed to show them, `prefix` before their paths.
    pub fn found<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Found<'a>> {
        let found = move |finding: &'a Finding| Found {
            diagnostic: &finding.diagnostic,
            sources: self.sources(),
            pipeline: &finding.pipeline,
            prefix,
        };
        self.findings.iter().map(found)
    }

    /// The paths of the files that were read.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.sources().iter().map(|(_, file)| file.path())
    }

    fn retain(&mut self, keep: impl Fn(&str, &Diagnostic) -> bool) {
        let Self { analysis, findings, .. } = self;
        let sources = analysis.documents.sources();
        findings.retain(|finding| keep(sources.get(finding.diagnostic.span.file).path(), &finding.diagnostic));
    }
}

/// What the rules find in a repository as `workspace` shows it: in its entries, and in its parts through the pipeline that includes them.
pub fn check(repository: &Repository, workspace: &Workspace, wish: &LintOptions, context: &Context) -> Vec<Checked> {
    let mut checked = Vec::new();
    let mut alone: Vec<String> = repository.entries.clone();
    if !repository.parts.is_empty() {
        let whole = whole_pipeline(repository, workspace, wish, context);
        let reached = |file: &String| whole.as_ref().is_some_and(|whole| whole.sources().find(file).is_some());
        let (parts, others): (Vec<String>, Vec<String>) = repository.parts.iter().cloned().partition(reached);
        alone.extend(others);
        if let Some(mut whole) = whole.filter(|_| !parts.is_empty()) {
            let runner_files = repository.runner_files.iter().map(|file| &*file.path);
            let shown: BTreeSet<&str> = parts.iter().map(String::as_str).chain(runner_files).collect();
            whole.retain(|path, _| shown.contains(path));
            checked.push(whole);
        }
    }
    if !alone.is_empty() {
        checked.push(run(repository, workspace, &alone, wish, context));
    }
    for checked in &mut checked {
        checked.retain(|path, finding| is_wanted(repository, path, finding));
    }
    checked
}

/// The repository's own pipeline, where it has one that was not asked for anyway.
fn whole_pipeline(repository: &Repository, workspace: &Workspace, wish: &LintOptions, context: &Context) -> Option<Checked> {
    let entries = own_entries(repository, workspace);
    (!entries.is_empty()).then(|| run(repository, workspace, &entries, wish, context))
}

/// The files from which the repository's own pipelines start, as far as they can be read.
pub fn own_entries(repository: &Repository, workspace: &Workspace) -> Vec<String> {
    let own = std::iter::once(PIPELINE.to_owned()).chain(repository.config.entries.iter().cloned());
    own.filter(|entry| workspace.text(entry).is_ok()).collect()
}

fn is_wanted(repository: &Repository, path: &str, finding: &Diagnostic) -> bool {
    let ignores = repository.config.lint.per_file_ignores.iter().filter(|(glob, _)| glob.matches(path)).flat_map(|(_, rules)| rules);
    !repository.config.ignores(path) && !ignores.into_iter().any(|selector| selects(selector, (finding.rule, finding.id)))
}

fn run(repository: &Repository, workspace: &Workspace, entries: &[String], wish: &LintOptions, context: &Context) -> Checked {
    let mut analysis = context.output.timed("analyze", || analyze(workspace, entries, &repository.config));
    for file in &repository.runner_files {
        // A fix may have changed it.
        let text = if file.outside { None } else { workspace.text(&file.path).ok() };
        analysis.add_runner_config(&file.path, text.as_deref().unwrap_or(&file.text), file.outside);
    }
    let report = context.output.timed("lint", || lint(&analysis, wish));
    Checked { analysis, findings: report.findings, suppressed: report.suppressed }
}
