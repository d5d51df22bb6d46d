//! PIP1106: keywords that GitLab doesn't know at their place. Knows GitLab's keywords, not what their values mean.

use std::collections::BTreeSet;

use super::keywords::{self, Place};
use super::problems::structure;
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::source::Span;
use crate::suggestion::nearest;
use crate::yaml::{Entry, Mapping, Value};

/// The rule.
pub static RULE: Rule =
    Rule { id: "PIP1106", name: "unknown-keyword", severity: Severity::Error, page: include_str!("unknown_keyword.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    let root = &context.pipeline.pipeline.root;
    for (keyword, place) in [("default", &keywords::DEFAULT), ("workflow", &keywords::WORKFLOW)] {
        if let Some(value) = root.get(keyword) {
            Search { context, job: None, findings: &mut *findings }.value(value, place);
        }
    }
    for (name, entry) in root.named().filter(|(name, _)| !name.starts_with('.')) {
        match context.pipeline.pipeline.job(name) {
            Some(job) if is_runnable(job) => Search { context, job: Some(job), findings: &mut *findings }.job(job),
            Some(job) if !job.missing.is_empty() => {}
            Some(_) | None => mistyped_root_keyword(context, root, name, entry, findings),
        }
    }
    let told: BTreeSet<Span> = findings.spans(RULE.id);
    for problem in structure(context, RULE.id).filter(|problem| !told.contains(&problem.span)) {
        findings.add(problem.clone());
    }
}

fn is_runnable(job: &Job) -> bool {
    ["script", "run", "trigger"].iter().any(|keyword| job.config.entry(keyword).is_some())
}

/// What is no keyword of the root is taken for a job, which this one cannot be: it has nothing to run.
fn mistyped_root_keyword(context: &Context<'_>, root: &Mapping, name: &str, entry: &Entry, findings: &mut Findings) {
    if keywords::ROOT.contains(&name) {
        return;
    }
    let Some(meant) = nearest(name, keywords::ROOT.iter().copied()) else { return };
    let message = format!("`{name}` is no keyword of the root and has nothing to run as a job; did you mean `{meant}`?");
    let finding = RULE.at(entry.key.span, message);
    findings.add(with_correction(context, finding, root, entry, name, keywords::ROOT));
}

/// Looks for unknown keywords in one job, or in a keyword of the root.
struct Search<'a, 'f> {
    context: &'a Context<'a>,
    job: Option<&'a Job>,
    findings: &'f mut Findings,
}

impl Search<'_, '_> {
    fn job(&mut self, job: &Job) {
        self.mapping(&job.config, &keywords::JOB);
        if let Some(inherit) = job.own.get("inherit") {
            self.value(inherit, &keywords::INHERIT);
        }
    }

    /// A mapping is looked at, and so is each item of a list, however deep it is nested.
    fn value(&mut self, value: &Value, place: &'static Place) {
        if let Some(mapping) = value.as_mapping() {
            self.mapping(mapping, place);
        }
        for item in value.as_sequence().unwrap_or_default() {
            self.value(item, place);
        }
    }

    fn mapping(&mut self, mapping: &Mapping, place: &'static Place) {
        for (name, entry) in mapping.named() {
            if let Some((_, inner)) = place.inside.iter().find(|(keyword, _)| *keyword == name) {
                self.value(&entry.value, inner);
            } else if !place.keywords.contains(&name) && !name.contains("$[[") {
                self.unknown(mapping, entry, name, place);
            }
        }
    }

    fn unknown(&mut self, mapping: &Mapping, entry: &Entry, name: &str, place: &'static Place) {
        let candidates: Vec<&str> = place.all().collect();
        let question = nearest(name, candidates.iter().copied()).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        let mut finding = RULE.at(entry.key.span, format!("`{name}` is no keyword of {}{question}", place.name));
        if let Some(help) = place.help(name) {
            finding = finding.help(help);
        }
        if let Some(job) = self.job {
            finding = finding.job(&job.name);
        }
        self.findings.add(with_correction(self.context, finding, mapping, entry, name, &candidates));
    }
}

/// Adds the correction, where exactly one keyword is a letter away, is not written yet, and the key is written plainly.
fn with_correction(
    context: &Context<'_>,
    finding: Diagnostic,
    mapping: &Mapping,
    entry: &Entry,
    name: &str,
    keywords: &[&str],
) -> Diagnostic {
    let mut near = keywords.iter().filter(|keyword| strsim::damerau_levenshtein(name, keyword) == 1);
    let (Some(meant), None) = (near.next(), near.next()) else { return finding };
    if mapping.entry(meant).is_some() || context.slice(entry.key.span) != name {
        return finding;
    }
    let edits = vec![Edit::replace(entry.key.span, *meant)];
    finding.fix(Fix { title: format!("write `{meant}`"), safety: Safety::Safe, edits })
}
