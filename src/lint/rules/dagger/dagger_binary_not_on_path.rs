//! DAG808: Dagger's installer without a folder that is on `PATH`. Knows the installer's default, not what an image holds.

use crate::detect::installer::Installer;
use crate::detect::{JobFacts, JobShell, Step};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule, doubted, script_edit};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DAG808",
    name: "dagger-binary-not-on-path",
    severity: Severity::Error,
    page: include_str!("dagger_binary_not_on_path.md"),
    check,
};

const INSTALLER: &str = "dl.dagger.io/dagger/install.sh";
const FOLDER: &str = "BIN_DIR";

fn check(context: &Context<'_>, findings: &mut Findings) {
    let runner_sets =
        |name| context.analysis.runners.entries().any(|(_, entry)| entry.environment().iter().any(|variable| variable.name == name));
    if runner_sets(FOLDER) || runner_sets("PATH") {
        return;
    }
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        // A file that isn't here may set the folder, or `PATH`, for all jobs.
        let finding = finding(context, job, facts);
        findings.add_some(if context.knows_defaults() { finding } else { finding.map(doubted) });
    }
}

fn finding(context: &Context<'_>, job: &Job, facts: &JobFacts) -> Option<Diagnostic> {
    let shell = facts.shell.as_ref()?;
    let found = Installer::all(shell).find(|installer| installer.address(INSTALLER).is_some())?;
    let before = before_pipe(shell, found.fetch);
    if is_set(job, shell, found.run, FOLDER) && !before || is_set(job, shell, found.run, "PATH") || handles_folder(shell) {
        return None;
    }
    let call = shell.steps.iter().find(|step| step.constant(0) == Some("dagger") && step.range().start > found.run.range().start)?;
    let runner = found.run.name().unwrap_or("sh");
    let argument = &found.fetch.invocation.argv()[found.address(INSTALLER)?];
    let message = if before {
        format!(
            "`{FOLDER}` is set for `{}` alone; the shell behind the pipe installs into `./bin`, which is not on `PATH`",
            found.fetch.name().unwrap_or("the download")
        )
    } else {
        "the installer puts `dagger` into `./bin`, which is not on `PATH`".to_owned()
    };
    let finding = RULE
        .at(job.place(&job.script, argument.range.range()), message)
        .help(format!("set `{FOLDER}=/usr/local/bin` in front of the `{runner}` that runs it, or call `./bin/dagger`"))
        .label(job.place(&job.script, call.range()), "isn't found")
        .job(&job.name);
    let start = found.run.range().start;
    let plain = found.run.invocation.wrappers.is_empty() && !found.run.invocation.opaque && !before;
    let edit = script_edit::replace(context, &job.script, start..start, &format!("{FOLDER}=/usr/local/bin ")).filter(|_| plain);
    Some(match edit {
        Some(edit) => {
            finding.fix(Fix { title: "install dagger into `/usr/local/bin`".to_owned(), safety: Safety::Safe, edits: vec![edit] })
        }
        None => finding,
    })
}

/// Whether the folder is given to the download, which has no use for it.
fn before_pipe(shell: &JobShell, fetch: &Step) -> bool {
    let own = fetch.invocation.command.assignments.iter().any(|assignment| assignment.name == FOLDER);
    own && !shell
        .evaluated
        .bindings
        .iter()
        .any(|binding| binding.name == FOLDER && binding.exported && binding.range.start < fetch.range().start as u32)
}

/// Whether the shell that installs, or all of the job, has a value for `name`.
fn is_set(job: &Job, shell: &JobShell, run: &Step, name: &str) -> bool {
    let own = run.invocation.environment.iter().any(|(known, _)| known == name)
        || run.invocation.command.assignments.iter().any(|assignment| assignment.name == name);
    let yaml = job.variables.contains_key(name) || job.conditional.iter().any(|(known, _)| &**known == name);
    own || yaml || shell.evaluated.bindings.iter().any(|binding| binding.name == name)
}

/// Whether the script moves the program, or goes to its folder.
fn handles_folder(shell: &JobShell) -> bool {
    let text = &shell.script.text;
    text.contains("bin/dagger") || text.contains("/bin:") || text.contains("cd bin") || text.contains("alias dagger")
}
