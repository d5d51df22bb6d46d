//! REG506: traps of the variable `DOCKER_AUTH_CONFIG`. Knows what the shell does to its text and what Docker's client takes.

use crate::detect::contents::Contents;
use crate::detect::{JobFacts, JobShell, Step, setting};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Tool};
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule, script_edit};
use crate::pipeline::Job;
use crate::shell::Redirection;

/// The rule.
pub static RULE: Rule = Rule {
    id: "REG506",
    name: "docker-auth-config-misuse",
    severity: Severity::Error,
    page: include_str!("docker_auth_config_misuse.md"),
    check,
};

const VARIABLE: &str = "DOCKER_AUTH_CONFIG";
/// The first version of Docker's client that reads the variable (docker/cli, `cli/config/configfile`).
const READS_VARIABLE: [u32; 2] = [28, 3];

fn check(context: &Context<'_>, findings: &mut Findings) {
    let path_use = context.jobs().any(|(_, facts)| facts.shell.iter().flat_map(|shell| &shell.steps).any(is_path_use));
    for (job, facts) in context.jobs() {
        if let Some(shell) = &facts.shell {
            for (index, step) in shell.steps.iter().enumerate() {
                for finding in [echoed(context, job, facts, shell, step, path_use), no_folder(context, job, facts, shell, index)] {
                    findings.add_some(finding);
                }
            }
        }
        if reads_variable(facts) {
            findings.add_some(refused_key(job));
            findings.add_some(overruled_login(job, facts));
        }
    }
}

/// `cp "$DOCKER_AUTH_CONFIG" …`: the variable is taken for a path.
fn is_path_use(step: &Step) -> bool {
    let takes_path = matches!(step.name(), Some("cp" | "cat" | "mv" | "install" | "ln"));
    takes_path && step.argv.iter().any(|argument| argument.text == format!("${{{VARIABLE}}}"))
}

fn echoed(context: &Context<'_>, job: &Job, facts: &JobFacts, shell: &JobShell, step: &Step, path_use: bool) -> Option<Diagnostic> {
    let words = &step.invocation.command.words;
    let written = !step.invocation.command.redirections.is_empty() || step.invocation.pipe().is_some();
    let [echo, value] = words.as_slice() else { return None };
    let text = shell.slice(value.range.range());
    let bare = text.trim_matches('"');
    if step.name() != Some("echo") || !written || (bare != format!("${VARIABLE}") && bare != format!("${{{VARIABLE}}}")) {
        return None;
    }
    let range = echo.range.range().start..value.range.range().end;
    let span = job.place(&job.script, range.clone());
    if path_use {
        let message = format!("`{VARIABLE}` is written out as content here and used as a path elsewhere; one of the two fails");
        return Some(RULE.at(span, message).help("use `cp` for a variable of type File, `printf '%s'` for any other").job(&job.name));
    }
    if bare != text || !script_edit::runs_in_sh(job, facts, shell) {
        return None;
    }
    let message = "without quotes the shell takes the JSON apart at blanks and expands `*` in it";
    let replacement = format!("printf '%s' \"{text}\"");
    let finding =
        Diagnostic { severity: Severity::Warning, ..RULE.at(span, message) }.help(format!("write `{replacement}`")).job(&job.name);
    let Some(edit) = script_edit::replace(context, &job.script, range, &replacement) else { return Some(finding) };
    Some(finding.fix(Fix { title: "quote the variable".to_owned(), safety: Safety::Safe, edits: vec![edit] }))
}

/// `> ~/.docker/config.json` where nothing made the folder.
fn no_folder(context: &Context<'_>, job: &Job, facts: &JobFacts, shell: &JobShell, index: usize) -> Option<Diagnostic> {
    let step = &shell.steps[index];
    let (target, folder) = step.invocation.command.redirections.iter().find_map(|redirection| target(shell, redirection))?;
    Contents::of(facts.image.as_ref()?)?;
    let before = &shell.steps[..index];
    let made = before.iter().any(|step| shell.slice(step.range()).contains(".docker") || step.operation.is_some());
    let unseen = facts.opaque.iter().any(|opaque| opaque.step.is_none_or(|opaque| opaque < index));
    let mentions = shell.slice(step.range()).contains(VARIABLE) || shell.slice(step.statement()).contains(VARIABLE);
    if made || unseen || !mentions || context.knowledge(job) != Knowledge::Full {
        return None;
    }
    let message = "the image has no folder for this file, and nothing makes it";
    let finding = RULE.at(job.place(&job.script, target), message).help(format!("run `mkdir -p {folder}` first")).job(&job.name);
    let edits = script_edit::insert_items(context, &job.script, step.range().start, &[&format!("mkdir -p {folder}")]);
    Some(match edits {
        Some(edits) => finding.fix(Fix { title: "make the folder".to_owned(), safety: Safety::Safe, edits }),
        None => finding,
    })
}

/// The bytes of a target in the user's `.docker` folder, and that folder as written.
fn target(shell: &JobShell, redirection: &Redirection) -> Option<(std::ops::Range<usize>, String)> {
    let range = redirection.target.range.range();
    let text = shell.slice(range.clone());
    let path = text.trim_matches('"');
    let folder = path
        .strip_suffix("/config.json")
        .filter(|folder| ["~/.docker", "$HOME/.docker", "${HOME}/.docker", "/root/.docker"].contains(folder))?;
    let quote = if path.len() < text.len() { "\"" } else { "" };
    redirection.operator.starts_with('>').then(|| (range, format!("{quote}{folder}{quote}")))
}

/// Whether the job surely runs a docker client that reads the variable.
fn reads_variable(facts: &JobFacts) -> bool {
    let version = facts.image.as_ref().and_then(|image| image.docker.as_ref()).map(|docker| docker.version.as_slice());
    let recent = version.is_some_and(|version| version >= READS_VARIABLE.as_slice());
    recent && facts.operations.iter().any(|operation| matches!(operation.operation.tool, Tool::Docker | Tool::Buildx | Tool::Compose))
}

fn refused_key(job: &Job) -> Option<Diagnostic> {
    let setting = setting(job, VARIABLE)?;
    let json: serde_json::Value = serde_json::from_str(&setting.raw).ok()?;
    let unknown = |value: &serde_json::Value, known: &str| value.as_object()?.keys().find(|key| *key != known).cloned();
    let hosts = || json.get("auths").and_then(serde_json::Value::as_object).into_iter().flat_map(|hosts| hosts.values());
    let key = unknown(&json, "auths").or_else(|| hosts().find_map(|host| unknown(host, "auth")))?;
    let message = format!("docker refuses `{key}` in `{VARIABLE}`: since 28.3 it reads the variable, and takes `auths.<host>.auth` alone");
    Some(RULE.at(setting.span, message).help("write this configuration to `~/.docker/config.json` instead").job(&job.name))
}

fn overruled_login(job: &Job, facts: &JobFacts) -> Option<Diagnostic> {
    setting(job, VARIABLE)?;
    let login =
        facts.operations.iter().find(|operation| operation.operation.op == Op::Login && operation.operation.tool == Tool::Docker)?;
    let message = format!("`{VARIABLE}` is set and wins over this login for the hosts that it names");
    let finding = RULE.at(login.span, message).help("keep one of the two").job(&job.name);
    Some(Diagnostic { severity: Severity::Warning, ..finding })
}
