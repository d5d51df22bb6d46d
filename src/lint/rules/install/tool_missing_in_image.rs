//! INS1001: programs that a job calls and its image lacks. Knows the contents of well-known images, not those of private ones.

use crate::detect::contents::{Contents, Packages, TOOLS, may_provide};
use crate::detect::{ImageFacts, JobFacts, JobShell, Program, Step, installer};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule, doubted, script_edit};
use crate::pipeline::Job;
use crate::shell::Certainty;

/// The rule.
pub static RULE: Rule =
    Rule { id: "INS1001", name: "tool-missing-in-image", severity: Severity::Error, page: include_str!("tool_missing_in_image.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        let Some((image, contents)) = facts.image.as_ref().and_then(|image| Some((image, Contents::of(image)?))) else { continue };
        let wanted: Vec<&str> = TOOLS.iter().copied().filter(|tool| contents.lacks(tool) && job.script.text.contains(tool)).collect();
        if wanted.is_empty() {
            continue;
        }
        let shell = facts.main_shell(job);
        for tool in wanted {
            let finding = missing(context, job, &shell, image, contents, tool);
            findings.add_some(if context.knowledge(job) == Knowledge::Full { finding } else { finding.map(doubted) });
        }
    }
}

/// Whether the job ends at its first call of `tool`, since its image lacks it and nothing before may have brought it.
pub(in crate::lint::rules) fn ends_for_lack_of(job: &Job, facts: &JobFacts, tool: &str) -> bool {
    let lacks = facts.image.as_ref().and_then(Contents::of).is_some_and(|contents| contents.lacks(tool));
    lacks && missing_call(&facts.main_shell(job), tool).is_some()
}

/// The index of the first step that calls `tool` where nothing before it may have installed it.
fn missing_call(shell: &JobShell, tool: &str) -> Option<usize> {
    let call = shell.steps.iter().position(|step| calls(step, tool))?;
    let defined = shell.evaluated.functions.iter().any(|function| function == tool);
    let provided = (0..call).any(|index| {
        let before = &shell.steps[index];
        may_provide(before, shell.slice(before.range()), tool) || may_run_anything(shell, index)
    });
    (!defined && !provided).then_some(call)
}

fn missing(context: &Context<'_>, job: &Job, shell: &JobShell, image: &ImageFacts, contents: Contents, tool: &str) -> Option<Diagnostic> {
    let step = &shell.steps[missing_call(shell, tool)?];
    let message = format!("`{}` has no `{tool}`, and nothing installs it before this", image.text);
    let name = step.invocation.argv().first()?.range.range();
    let package = package(contents.packages, tool);
    let help = package
        .as_ref()
        .map_or_else(|| format!("use an image with `{tool}`, or install it first"), |command| format!("run `{command}` first"));
    let finding = RULE.at(job.place(&job.script, name), message).help(help).job(&job.name);
    let at = step.range().start;
    let edits = package
        .filter(|_| shared_alike(context, job, at, contents, tool))
        .and_then(|command| script_edit::insert_items(context, &job.script, at, &[&command]));
    Some(match edits {
        Some(edits) => finding.fix(Fix { title: format!("install {tool}"), safety: Safety::Safe, edits }),
        None => finding,
    })
}

/// Whether every job that runs the line at `at` lacks the program and installs it the same way; others would not survive the new line.
fn shared_alike(context: &Context<'_>, job: &Job, at: usize, contents: Contents, tool: &str) -> bool {
    let of = |facts: &JobFacts| facts.image.as_ref().and_then(Contents::of);
    let alike = |other: Contents| other.packages == contents.packages && other.lacks(tool);
    script_edit::sharing(context, &job.script, at).all(|(_, facts)| of(facts).is_some_and(alike))
}

/// Whether the step surely calls `tool` in the job's own container.
fn calls(step: &Step, tool: &str) -> bool {
    let own = !step.invocation.is_remote() && !step.invocation.is_definition() && !step.invocation.damaged;
    own && step.invocation.certainty == Certainty::Always && !step.invocation.ignores_failure && step.constant(0) == Some(tool)
}

/// Whether the step at `index` runs something that can't be seen and may install programs.
fn may_run_anything(shell: &JobShell, index: usize) -> bool {
    let step = &shell.steps[index];
    matches!(step.program, Program::Opaque | Program::Runs(_)) && !installer::is_known(shell, index)
}

fn package(packages: Packages, tool: &str) -> Option<String> {
    match (packages, tool) {
        (Packages::None, _) | (_, "aws") | (Packages::Debian, "docker") => None,
        (Packages::Alpine, "docker") => Some("apk add --no-cache docker-cli".to_owned()),
        (Packages::Alpine, tool) => Some(format!("apk add --no-cache {tool}")),
        (Packages::Debian, tool) => Some(format!("apt-get update && apt-get install -y --no-install-recommends {tool} ca-certificates")),
    }
}
