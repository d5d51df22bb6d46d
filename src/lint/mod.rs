//! An analysis into findings: every rule on every pipeline, what is wrong with the files themselves, suppressions applied.

pub mod addition;
pub mod rule;
pub mod rules;
pub mod runners;
pub mod script_edit;
pub mod suppress;

use std::collections::BTreeSet;

pub use rule::{Context, Findings, Knowledge, Rule, doubted, listed};
pub use rules::RULES;

use crate::analysis::Analysis;
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::Fix;
use suppress::Suppressions;

/// What to look for.
#[derive(Clone, Default, Debug)]
pub struct LintOptions {
    /// Names, ids or id prefixes of the only rules to run; empty for all.
    pub select: Vec<String>,
    /// Names, ids or id prefixes of rules to leave out.
    pub ignore: Vec<String>,
    /// Findings below it are left out.
    pub min_severity: Option<Severity>,
}

impl LintOptions {
    fn wants(&self, name: &str, id: &str) -> bool {
        let named = |patterns: &[String]| {
            patterns.iter().any(|pattern| pattern == name || (!pattern.is_empty() && id.starts_with(pattern.as_str())))
        };
        (self.select.is_empty() || named(&self.select)) && !named(&self.ignore)
    }
}

/// The findings of one lint.
#[derive(Default, Debug)]
pub struct LintReport {
    /// By file in the order of loading, then by place.
    pub findings: Vec<Finding>,
    /// How many findings comments silenced.
    pub suppressed: usize,
}

/// A finding and the pipeline in which it was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was found.
    pub diagnostic: Diagnostic,
    /// The path of the pipeline's entry file.
    pub pipeline: String,
}

/// Runs the rules over all pipelines of an analysis.
#[must_use]
pub fn lint(analysis: &Analysis, options: &LintOptions) -> LintReport {
    let mut suppressions = Suppressions::new(&analysis.documents, &analysis.runners.files);
    let mut report = LintReport::default();
    let mut seen = BTreeSet::new();
    for (pipeline, mut diagnostic) in found(analysis, options) {
        // What is wrong in a file from elsewhere is its owner's to mend.
        if analysis.documents.is_foreign(diagnostic.span.file) {
            continue;
        }
        let elsewhere = |file| analysis.documents.is_foreign(file) || analysis.runners.outside.contains(&file);
        let ours = |fix: &Fix| !fix.edits.iter().any(|edit| elsewhere(edit.span.file));
        diagnostic.fix = diagnostic.fix.filter(ours);
        diagnostic.alternatives.retain(ours);
        if !seen.insert((diagnostic.span, diagnostic.id, diagnostic.message.clone(), diagnostic.jobs.clone())) {
            continue;
        }
        if suppressions.silences(&diagnostic, &analysis.documents) {
            report.suppressed += 1;
        } else if options.min_severity.is_none_or(|threshold| diagnostic.severity >= threshold) {
            report.findings.push(Finding { diagnostic, pipeline });
        }
    }
    // With some rules left out, a comment for one of them would seem unused.
    if options.select.is_empty() && options.ignore.is_empty() {
        let entry = analysis.pipelines.first().map(|pipeline| pipeline.pipeline.path.clone()).unwrap_or_default();
        let unused =
            suppressions.unused().into_iter().filter(|unused| options.min_severity.is_none_or(|threshold| unused.severity >= threshold));
        report.findings.extend(unused.map(|diagnostic| Finding { diagnostic, pipeline: entry.clone() }));
    }
    report.findings.sort_by(|a, b| (a.diagnostic.span, a.diagnostic.id).cmp(&(b.diagnostic.span, b.diagnostic.id)));
    report
}

fn found(analysis: &Analysis, options: &LintOptions) -> Vec<(String, Diagnostic)> {
    let mut found = Vec::new();
    for problem in analysis.documents.problems().iter().chain(&analysis.runners.problems) {
        found.push((analysis.documents.sources().get(problem.span.file).path().to_owned(), problem.clone()));
    }
    for pipeline in &analysis.pipelines {
        let mut findings = Findings::default();
        for problem in pipeline.pipeline.problems.iter().filter(|problem| RULES.iter().all(|rule| rule.id != problem.id)) {
            findings.add(problem.clone());
        }
        let context = Context::new(analysis, pipeline);
        for rule in RULES.iter().filter(|rule| options.wants(rule.name, rule.id)) {
            (rule.check)(&context, &mut findings);
        }
        found.extend(findings.into_vec().into_iter().map(|finding| (pipeline.pipeline.path.clone(), finding)));
    }
    found
}
