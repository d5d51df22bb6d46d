//! DAG802: Dagger's installer without a version. Knows what the files say, not what the project's settings do.

use crate::detect::installer::Installer;
use crate::detect::{JobFacts, JobShell};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule, doubted, script_edit};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule =
    Rule { id: "DAG802", name: "dagger-cli-unpinned", severity: Severity::Warning, page: include_str!("dagger_cli_unpinned.md"), check };

const INSTALLER: &str = "dl.dagger.io/dagger/install.sh";
/// The variables by which the installer knows what to install.
const VERSIONS: &[&str] = &["DAGGER_VERSION", "DAGGER_COMMIT"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        let finding = finding(context, job, facts);
        // A file that isn't here may set the version for all jobs.
        findings.add_some(if context.knows_defaults() {
            finding
        } else {
            finding.map(|finding| doubted(Diagnostic { severity: Severity::Info, ..finding }))
        });
    }
}

fn finding(context: &Context<'_>, job: &Job, facts: &JobFacts) -> Option<Diagnostic> {
    let shell = facts.shell.as_ref()?;
    let found = Installer::all(shell).find(|installer| installer.address(INSTALLER).is_some())?;
    if names_version(job, shell, &found) {
        return None;
    }
    let argument = &found.fetch.invocation.argv()[found.address(INSTALLER)?];
    let finding = RULE
        .at(job.place(&job.script, argument.range.range()), "the installer takes the newest Dagger, whatever that is when the job runs")
        .help(format!(
            "set `DAGGER_VERSION` for the `{}` that runs it, to the version that your modules are written for",
            found.run.name().unwrap_or("sh")
        ))
        .job(&job.name);
    Some(match fix(context, job, &found) {
        Some(fix) => finding.fix(fix),
        None => finding,
    })
}

fn names_version(job: &Job, shell: &JobShell, found: &Installer<'_>) -> bool {
    let named = |name: &str| VERSIONS.contains(&name);
    job.variables.keys().any(|name| named(name))
        || job.conditional.iter().any(|(name, _)| named(name))
        || shell.evaluated.bindings.iter().any(|binding| named(&binding.name))
        || [found.fetch, found.run].iter().any(|step| step.invocation.environment.iter().any(|(name, _)| named(name)))
}

/// The version that the module at the root of the repository asks for, in front of the shell that installs.
fn fix(context: &Context<'_>, job: &Job, found: &Installer<'_>) -> Option<Fix> {
    let module: serde_json::Value = serde_json::from_str(&context.analysis.workspace.text("dagger.json").ok()?).ok()?;
    let version = module.get("engineVersion")?.as_str()?.trim_start_matches('v');
    let plain = !version.is_empty() && version.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-".contains(letter));
    let other_module = [" -m ", " --mod", "DAGGER_MODULE"].iter().any(|word| job.script.text.contains(word));
    if !plain || other_module || !found.run.invocation.wrappers.is_empty() || found.run.invocation.opaque {
        return None;
    }
    let start = found.run.range().start;
    let edit = script_edit::replace(context, &job.script, start..start, &format!("DAGGER_VERSION={version} "))?;
    Some(Fix { title: format!("install {version}, as `dagger.json` has it"), safety: Safety::Safe, edits: vec![edit] })
}
