//! PIP1116: `rules:if` and `only:variables` that GitLab can't read, or that say nothing. Knows the language, not the values.

use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::conditions::{each, mistakes};
use crate::pipeline::expression::Expression;
use crate::source::Span;

/// The rule.
pub static RULE: Rule =
    Rule { id: "PIP1116", name: "expression-syntax", severity: Severity::Error, page: include_str!("expression_syntax.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    let (pipeline, documents) = (&context.pipeline.pipeline, &context.analysis.documents);
    for mistake in mistakes(pipeline, documents) {
        findings.add(match without_braces(context, &mistake) {
            Some(fix) => mistake.fix(fix),
            None => mistake.help("variables are `$NAME`, texts stand in quotes, patterns between slashes"),
        });
    }
    each(pipeline, documents, &mut |condition, text| {
        let Some(range) = quoted_variable(text).filter(|_| Expression::parse(text).is_ok()) else { return };
        let span = documents.scalar_text(condition.value).map_or(condition.value.span, |map| map.cover(range.clone()));
        let message = format!("`{}` is a text and not the variable: it never changes", &text[range.clone()]);
        let finding = RULE.at(span, message).help(format!("write `{}`", text[range].trim_matches(['"', '\''])));
        let finding = condition.job.map_or(finding.clone(), |job| finding.job(&job.name));
        findings.add(Diagnostic { severity: Severity::Warning, ..finding });
    });
}

/// `$NAME` for `${NAME}`.
fn without_braces(context: &Context<'_>, mistake: &Diagnostic) -> Option<Fix> {
    let written = context.slice(mistake.span);
    let name = written.strip_prefix("${")?.split_once('}').map(|(name, _)| name)?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    let start = mistake.span.start as usize;
    let replaced = Span::new(mistake.span.file, start, start + name.len() + "${}".len());
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
