//! DEP704: Depot's installer without a folder that is on `PATH`. Knows the installer's default, not what an image's `PATH` holds.

use crate::detect::contents::Contents;
use crate::detect::installer::Installer;
use crate::detect::{JobFacts, JobShell, Step};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::Tool;
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule, doubted, script_edit};
use crate::pipeline::Job;
use crate::shell::Assignment;
use crate::source::Span;

/// The rule.
pub static RULE: Rule =
    Rule { id: "DEP704", name: "depot-not-on-path", severity: Severity::Error, page: include_str!("depot_not_on_path.md"), check };

const INSTALLER: &str = "depot.dev/install-cli.sh";
const FOLDER: &str = "DEPOT_INSTALL_DIR";

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        if let Some(shell) = &facts.shell {
            // A file that isn't here may set the folder, or `PATH`, for all jobs.
            let finding = misplaced(context, job, facts, shell);
            findings.add_some(if context.knows_defaults() { finding } else { finding.map(doubted) });
        }
    }
}

fn misplaced(context: &Context<'_>, job: &Job, facts: &JobFacts, shell: &JobShell) -> Option<Diagnostic> {
    let found = Installer::all(shell).find(|installer| installer.address(INSTALLER).is_some())?;
    let Installer { fetch, run } = found;
    if has_folder(job, shell, run) || reaches_depot(job, shell) || !calls_by_name(facts, run) {
        return None;
    }
    let known = match &facts.image {
        Some(image) => Some(Contents::of(image)?),
        None => None,
    };
    let finding = match assignment(fetch) {
        Some(assignment) => {
            let message = format!(
                "this sets `{FOLDER}` for `{}` alone; the shell behind the pipe, which installs, never sees it",
                fetch.name().unwrap_or("the download")
            );
            RULE.at(job.place(&job.script, assignment.range.range()), message)
        }
        None => RULE.at(address(job, &found)?, "the installer puts `depot` into `$HOME/.depot/bin`, which is not on `PATH`"),
    };
    let finding =
        finding.help(format!("set `{FOLDER}=/usr/local/bin` in front of the `{}` that runs it", run.name().unwrap_or("sh"))).job(&job.name);
    let safety = if known.is_some() { Safety::Safe } else { Safety::Unsafe };
    Some(match edits(context, job, shell, fetch, run) {
        Some(edits) => finding.fix(Fix { title: "install depot into `/usr/local/bin`".to_owned(), safety, edits }),
        None => finding,
    })
}

/// Whether the shell that installs sees a folder.
fn has_folder(job: &Job, shell: &JobShell, run: &Step) -> bool {
    let own = run.invocation.environment.iter().any(|(name, _)| name == FOLDER) || assignment(run).is_some();
    let yaml = job.variables.contains_key(FOLDER) || job.conditional.iter().any(|(name, _)| &**name == FOLDER);
    own || yaml
        || shell
            .evaluated
            .bindings
            .iter()
            .any(|binding| binding.name == FOLDER && binding.exported && !is_for_one_command(shell, binding.range.start))
}

/// Whether the assignment at `start` stands in front of a command.
fn is_for_one_command(shell: &JobShell, start: u32) -> bool {
    shell.steps.iter().any(|step| {
        !step.invocation.command.words.is_empty()
            && step.invocation.command.assignments.iter().any(|assignment| assignment.range.start == start)
    })
}

/// Whether the script goes to the installer's folder by itself, or changes where programs are looked for.
fn reaches_depot(job: &Job, shell: &JobShell) -> bool {
    shell.script.text.contains(".depot/bin")
        || job.variables.contains_key("PATH")
        || shell.evaluated.bindings.iter().any(|binding| binding.name == "PATH")
}

fn calls_by_name(facts: &JobFacts, run: &Step) -> bool {
    facts.own_operations().any(|(operation, step)| {
        operation.operation.tool == Tool::Depot && step.constant(0) == Some("depot") && step.range().start > run.range().start
    })
}

fn assignment(step: &Step) -> Option<&Assignment> {
    step.invocation.command.assignments.iter().find(|assignment| assignment.name == FOLDER)
}

fn address(job: &Job, installer: &Installer<'_>) -> Option<Span> {
    let argument = &installer.fetch.invocation.argv()[installer.address(INSTALLER)?];
    Some(job.place(&job.script, argument.range.range()))
}

fn edits(context: &Context<'_>, job: &Job, shell: &JobShell, fetch: &Step, run: &Step) -> Option<Vec<Edit>> {
    if !run.invocation.wrappers.is_empty() || run.invocation.opaque || fetch.invocation.opaque {
        return None;
    }
    let start = run.range().start;
    let Some(assignment) = assignment(fetch) else {
        return Some(vec![script_edit::replace(context, &job.script, start..start, &format!("{FOLDER}=/usr/local/bin "))?]);
    };
    let range = assignment.range.range();
    let blanks = shell.script.text[range.end..].bytes().take_while(|byte| *byte == b' ').count();
    let text = format!("{} ", shell.slice(range.clone()));
    let removed = script_edit::replace(context, &job.script, range.start..range.end + blanks, "")?;
    Some(vec![removed, script_edit::replace(context, &job.script, start..start, &text)?])
}
