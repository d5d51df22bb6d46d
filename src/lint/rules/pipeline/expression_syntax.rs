//! PIP1116: `rules:if` and `only:variables` that GitLab can't read, or that say nothing. Knows the language, not the values.

use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::expression::Expression;
use crate::pipeline::script::flat;
use crate::source::Span;
use crate::yaml::Value;

/// The rule.
pub static RULE: Rule =
    Rule { id: "PIP1116", name: "expression-syntax", severity: Severity::Error, page: include_str!("expression_syntax.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    let pipeline = &context.pipeline.pipeline;
    let workflow = pipeline.keywords.get("workflow").and_then(|workflow| workflow.get("rules"));
    for value in conditions(workflow) {
        findings.add_some(finding(context, value));
    }
    for &file in &pipeline.files {
        let include =
            context.analysis.documents.get(file).and_then(|document| document.root.get("include")?.as_sequence().map(<[Value]>::to_vec));
        for value in include.iter().flatten().flat_map(|entry| conditions(entry.get("rules"))) {
            findings.add_some(finding(context, value));
        }
    }
    for job in &pipeline.jobs {
        let policies = ["only", "except"].into_iter().filter_map(|keyword| job.config.get(keyword)?.get("variables")?.as_sequence());
        for value in conditions(job.config.get("rules")).into_iter().chain(policies.flatten()) {
            findings.add_some(finding(context, value).map(|finding| finding.job(&job.name)));
        }
    }
}

/// The values of `if` of a list of rules.
fn conditions(rules: Option<&Value>) -> Vec<&Value> {
    let rules = rules.map(|rules| flat(rules, &mut Vec::new())).unwrap_or_default();
    rules.into_iter().filter_map(|rule| rule.get("if")).collect()
}

fn finding(context: &Context<'_>, value: &Value) -> Option<Diagnostic> {
    let text = value.as_str().filter(|text| !text.contains("$[["))?;
    let map = context.analysis.documents.scalar_text(value);
    let place = |range: std::ops::Range<usize>| map.as_ref().map_or(value.span, |map| map.cover(range));
    match Expression::parse(text) {
        Err(error) => {
            let finding = RULE.at(place(error.range.clone()), error.message.clone());
            Some(match without_braces(context, text, &error.range, place(error.range.clone())) {
                Some(fix) => finding.fix(fix),
                None => finding.help("variables are `$NAME`, texts stand in quotes, patterns between slashes"),
            })
        }
        Ok(_) => quoted_variable(text).map(|range| {
            let message = format!("`{}` is a text and not the variable: it never changes", &text[range.clone()]);
            let finding = RULE.at(place(range.clone()), message).help(format!("write `{}`", text[range].trim_matches(['"', '\''])));
            Diagnostic { severity: Severity::Warning, ..finding }
        }),
    }
}

/// `$NAME` for `${NAME}`.
fn without_braces(context: &Context<'_>, text: &str, range: &std::ops::Range<usize>, span: Span) -> Option<Fix> {
    let written = text.get(range.clone())?;
    let name = written.strip_prefix("${")?.split_once('}').map(|(name, _)| name)?;
    let whole = format!("${{{name}}}");
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name || !context.slice(span).starts_with(&whole) {
        return None;
    }
    let replaced = Span::new(span.file, span.start as usize, span.start as usize + whole.len());
    Some(Fix { title: format!("write `${name}`"), safety: Safety::Safe, edits: vec![Edit::replace(replaced, format!("${name}"))] })
}

/// A text that is nothing but a variable's name, compared with something.
fn quoted_variable(text: &str) -> Option<std::ops::Range<usize>> {
    let parsed: Vec<_> = ['"', '\'']
        .into_iter()
        .filter_map(|quote| {
            let start = text.find(&format!("{quote}$"))?;
            let end = start + 1 + text[start + 1..].find(quote)?;
            let name = &text[start + 2..end];
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            is_name.then_some(start..end + 1)
        })
        .collect();
    parsed.into_iter().min_by_key(|range| range.start)
}
