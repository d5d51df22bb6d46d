//! DAG807: the old names of Dagger's drivers. Knows names, not which engine answers.

use crate::detect::dagger::ENGINE;
use crate::detect::setting;
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::source::Span;

/// The rule. The old names still work in current releases: an info.
pub static RULE: Rule = Rule {
    id: "DAG807",
    name: "dagger-legacy-runner-scheme",
    severity: Severity::Info,
    page: include_str!("dagger_legacy_runner_scheme.md"),
    check,
};

/// Old names and new ones (dagger/dagger, `engine/client/drivers`).
const SCHEMES: &[(&str, &str)] = &[("docker-container://", "container://"), ("docker-image://", "image://")];
/// The first minor version of 0.x that knows the new names.
const SINCE: u32 = 19;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, _) in context.jobs() {
        let version = minor_version(job);
        if version.is_some_and(|minor| minor < SINCE) {
            continue;
        }
        if let Some(value) = setting(job, ENGINE) {
            findings.add_some(finding(context, &value.raw, value.span, version).map(|finding| finding.job(&job.name)));
        }
    }
    for (_, entry) in context.analysis.runners.entries() {
        for variable in entry.environment().into_iter().filter(|variable| variable.name == ENGINE) {
            findings.add_some(finding(context, variable.value, variable.span, None));
        }
    }
}

/// The minor version of a pinned client; 1.0 and later count as the newest.
fn minor_version(job: &Job) -> Option<u32> {
    let version = setting(job, "DAGGER_VERSION").filter(|version| version.is_known())?;
    let mut parts = version.text.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (parts.next()?.ok()?, parts.next()?.ok()?) {
        (0, minor) => Some(minor),
        _ => Some(u32::MAX),
    }
}

fn finding(context: &Context<'_>, value: &str, span: Span, version: Option<u32>) -> Option<Diagnostic> {
    let (old, new) = SCHEMES.iter().find(|(old, _)| value.starts_with(old))?;
    let finding =
        RULE.at(span, format!("`{old}` is the old name of `{new}`")).help(format!("write `{new}`, which Dagger knows since 0.{SINCE}"));
    let at = context.slice(span).find(old).map(|at| span.start as usize + at)?;
    let edits = vec![Edit::replace(Span::new(span.file, at, at + old.len()), *new)];
    let safety = if version.is_some() { Safety::Safe } else { Safety::Unsafe };
    Some(finding.fix(Fix { title: format!("write `{new}`"), safety, edits }))
}
