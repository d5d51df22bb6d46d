//! The conditions of a pipeline, wherever they stand, with what GitLab can't read in them. Knows no values of variables.

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::document::Documents;
use crate::pipeline::expression::Expression;
use crate::pipeline::problem::EXPRESSION;
use crate::pipeline::script::flat;
use crate::pipeline::{Job, Pipeline};
use crate::source::Span;
use crate::yaml::Value;

/// A condition and the job that it is of; none for those of the workflow and of includes.
#[derive(Clone, Copy, Debug)]
pub struct Condition<'a> {
    /// The text.
    pub value: &'a Value,
    /// The job.
    pub job: Option<&'a Job>,
}

/// Hands each condition of `pipeline` to `visit`: `if` of rules, and `variables` of `only` and `except`. Empty ones, and those that inputs which are not
/// known complete, are left out.
pub fn each(pipeline: &Pipeline, documents: &Documents, visit: &mut dyn FnMut(Condition<'_>, &str)) {
    let mut visit = |value: &Value, job: Option<&Job>| {
        if let Some(text) = value.as_str().filter(|text| !text.contains("$[[") && !text.is_empty()) {
            visit(Condition { value, job }, text);
        }
    };
    let workflow = pipeline.keywords.get("workflow").and_then(|workflow| workflow.get("rules"));
    of_rules(workflow).into_iter().for_each(|value| visit(value, None));
    for document in pipeline.files.iter().filter_map(|file| documents.get(*file)) {
        let includes = document.root.get("include").and_then(Value::as_sequence).unwrap_or_default();
        includes.iter().flat_map(|entry| of_rules(entry.get("rules"))).for_each(|value| visit(value, None));
    }
    for job in &pipeline.jobs {
        of_rules(job.config.get("rules")).into_iter().for_each(|value| visit(value, Some(job)));
        let policies = ["only", "except"].into_iter().filter_map(|keyword| job.config.get(keyword)?.get("variables")?.as_sequence());
        policies.flatten().for_each(|value| visit(value, Some(job)));
    }
}

/// The values of `if` of a list of rules.
fn of_rules(rules: Option<&Value>) -> Vec<&Value> {
    let rules = rules.map(|rules| flat(rules, &mut Vec::new())).unwrap_or_default();
    rules.into_iter().filter_map(|rule| rule.get("if")).collect()
}

/// What GitLab can't read in the conditions of `pipeline`, each place once.
#[must_use]
pub fn mistakes(pipeline: &Pipeline, documents: &Documents) -> Vec<Diagnostic> {
    let mut mistakes: IndexMap<Span, Diagnostic> = IndexMap::new();
    each(pipeline, documents, &mut |condition, text| {
        let Err(error) = Expression::parse(text) else { return };
        let map = documents.scalar_text(condition.value);
        let span = map.map_or(condition.value.span, |map| map.cover(error.range));
        let mistake = mistakes.entry(span).or_insert_with(|| Diagnostic::new(EXPRESSION, Severity::Error, span, error.message));
        // The jobs come one after another.
        let job = condition.job.map(|job| &*job.name).filter(|job| mistake.jobs.last().is_none_or(|last| last != job));
        mistake.jobs.extend(job.map(str::to_owned));
    });
    mistakes.into_values().collect()
}
