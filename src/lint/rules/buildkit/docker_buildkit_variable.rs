//! BLD907: `DOCKER_BUILDKIT` where it is the default, or where it takes away what the build asks for. Knows versions by tags, not what is in an image
//! of one's own.

use std::collections::BTreeSet;

use crate::analysis::AnalyzedPipeline;
use crate::detect::variables::{Setting, setting};
use crate::detect::{JobFacts, JobOperation, is_frozen};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Tool};
use crate::edit::{Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::{Job, Level};
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    id: "BLD907",
    name: "docker-buildkit-variable",
    severity: Severity::Info,
    page: include_str!("docker_buildkit_variable.md"),
    check,
};

const VARIABLE: &str = "DOCKER_BUILDKIT";
/// The first version that takes BuildKit unless told otherwise (<https://docs.docker.com/engine/release-notes/23.0/>).
const DEFAULT_SINCE: u32 = 23;
/// Flags that the legacy builder doesn't take.
const BUILDKIT_ONLY: &[&str] = &["secret", "ssh", "output", "cache-to", "build-context", "push", "load", "attest", "sbom", "provenance"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    let needed = needed(context);
    for (job, facts) in context.jobs() {
        let Some(value) = setting(job, VARIABLE).filter(|_| builds(facts)) else { continue };
        findings.add_some(match value.text.as_str() {
            "1" | "true" if !needed.contains(&value.key) => needless(context, job, &value),
            "0" | "false" => legacy(job, facts, &value),
            _ => None,
        });
    }
}

/// Whether the job runs `docker build`, which the variable is for.
fn builds(facts: &JobFacts) -> bool {
    facts.operations.iter().any(|found| found.operation.tool == Tool::Docker && found.operation.op == Op::Build)
}

/// Where the variable is set for a job that may need it: with an older or unknown client, or with a script that reads it.
fn needed(context: &Context<'_>) -> BTreeSet<Span> {
    let users = context.analysis.pipelines.iter().flat_map(AnalyzedPipeline::jobs);
    let needing = users.filter(|(job, facts)| !is_new(facts) || job.script.text.contains(VARIABLE));
    needing.filter_map(|(job, _)| Some(job.variables.get(VARIABLE)?.entry.key.span)).collect()
}

/// The variable at its default value, where no job needs it.
fn needless(context: &Context<'_>, job: &Job, value: &Setting) -> Option<Diagnostic> {
    let variable = job.variables.get(VARIABLE)?;
    let known = variable.level == Level::Job || context.is_complete();
    if !known || !job.missing.is_empty() || !variable.entry.shadowed.is_empty() {
        return None;
    }
    let message = format!("`{VARIABLE}` changes nothing here: BuildKit is the default since Docker {DEFAULT_SINCE}");
    let finding = RULE.at(value.key, message).help("remove the variable").job(&job.name);
    Some(match addition::without_entry(context, &variable.entry) {
        Some(edits) => finding.fix(Fix { title: "remove the variable".to_owned(), safety: Safety::Safe, edits }),
        None => finding,
    })
}

/// Whether the job's client surely is of a version with BuildKit as its default, or there is none.
fn is_new(facts: &JobFacts) -> bool {
    let idle = facts.operations.is_empty() && facts.opaque.is_empty();
    let compose = facts.operations.iter().any(|found| found.operation.tool == Tool::Compose);
    let new = facts.image.as_ref().is_some_and(|image| {
        let frozen = is_frozen(&image.text);
        image.docker.as_ref().is_some_and(|docker| {
            let recent = docker.version.first().is_some_and(|major| *major >= DEFAULT_SINCE);
            docker.official && !docker.variable && !frozen && (recent || docker.floating)
        })
    });
    idle || (new && !compose)
}

/// The legacy builder, which is deprecated, and lacks what a build asks for.
fn legacy(job: &Job, facts: &JobFacts, value: &Setting) -> Option<Diagnostic> {
    // Who sets it in the script, for one command or all, knows both builders.
    let assigned = facts.shell.iter().any(|shell| shell.evaluated.bindings.iter().any(|binding| binding.name == VARIABLE));
    let prefixed =
        |found: &JobOperation| facts.step(found).is_none_or(|step| step.invocation.environment.iter().any(|(name, _)| name == VARIABLE));
    let builds = || facts.operations.iter().filter(|found| found.operation.tool == Tool::Docker && found.operation.op == Op::Build);
    if assigned || builds().any(prefixed) {
        return None;
    }
    let lacking = builds().find_map(|found| Some((found, found.operation.flags.iter().find(|flag| BUILDKIT_ONLY.contains(&flag.name))?)));
    let Some((found, flag)) = lacking else {
        let message = format!("`{VARIABLE}` selects the legacy builder, which is deprecated and will be removed");
        return Some(RULE.at(value.span, message).help("remove the variable, and see whether BuildKit builds the same").job(&job.name));
    };
    let message = format!("`{VARIABLE}` selects the legacy builder, which has no `{}`", flag.spelled);
    let finding = RULE.at(value.span, message).label(found.span, "this build asks for it").help("remove the variable");
    Some(Diagnostic { severity: Severity::Error, ..finding.job(&job.name) })
}
