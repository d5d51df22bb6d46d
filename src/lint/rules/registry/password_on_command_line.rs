//! REG504: registry passwords as arguments of `login`. Knows the tools' spellings of the flag.

use std::ops::Range;

use crate::detect::{JobFacts, JobShell, Step};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Rule, script_edit};
use crate::pipeline::{Job, Script};
use crate::shell::{Expansion, PartKind, Word};

/// The rule.
pub static RULE: Rule = Rule {
    id: "REG504",
    name: "password-on-command-line",
    severity: Severity::Warning,
    page: include_str!("password_on_command_line.md"),
    check,
};

/// Tools with `login`, and the word that stands before it.
const TOOLS: &[(&str, Option<&str>)] = &[
    ("docker", None),
    ("podman", None),
    ("buildah", None),
    ("skopeo", None),
    ("nerdctl", None),
    ("oras", None),
    ("crane", Some("auth")),
    ("helm", Some("registry")),
];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| job.script.text.contains("login")) {
        let shell = facts.main_shell(job);
        for step in &shell.steps {
            if let Some(password) = password(step) {
                let finding = at(job, &job.script, &password);
                let fix = fix(context, job, &shell, step, &password).filter(|_| script_edit::runs_in_sh(job, facts, &shell));
                findings.add(Diagnostic { fix, ..finding });
            }
        }
    }
    for (job, facts) in context.jobs() {
        after_script(job, facts, findings);
    }
}

fn after_script(job: &Job, facts: &JobFacts, findings: &mut Findings) {
    for step in facts.after_shell.iter().flat_map(|shell| &shell.steps) {
        if let Some(password) = password(step) {
            findings.add(at(job, &job.after_script, &password));
        }
    }
}

/// A password among the arguments, as indices of the shell's words.
struct Password {
    /// The bytes of flag and value in the script.
    range: Range<usize>,
    /// The bytes of the value.
    value: Range<usize>,
    /// The index of the value's word in the command.
    word: usize,
    /// Whether a user name is given and the password doesn't come by standard input.
    movable: bool,
}

fn password(step: &Step) -> Option<Password> {
    let argv = step.invocation.argv();
    let text = |index: usize| argv.get(index).and_then(|argument| argument.value.constant());
    let (_, group) = TOOLS.iter().find(|(tool, _)| step.name() == Some(tool))?;
    let login = (1..argv.len()).find(|&index| text(index) == Some("login"))?;
    if group.is_some_and(|group| text(login - 1) != Some(group))
        || (group.is_none() && (1..login).any(|index| text(index).is_some_and(|word| !word.starts_with('-'))))
    {
        return None;
    }
    let user = argv[login..].iter().any(|argument| {
        let word = argument.value.known_prefix();
        word == "--username" || word.starts_with("--username=") || (word.starts_with("-u") && !word.starts_with("--"))
    });
    for index in login + 1..argv.len() {
        let range = argv[index].range.range();
        let (value, word) = match argv[index].value.known_prefix() {
            "-p" | "--password" if argv[index].value.constant().is_some() => {
                let next = argv.get(index + 1)?;
                (next.range.range(), next.word)
            }
            long if long.starts_with("--password=") => (range.start + "--password=".len()..range.end, argv[index].word),
            short if short.starts_with("-p") && !short.starts_with("--") => (range.start + 2..range.end, argv[index].word),
            _ => continue,
        };
        let empty =
            argv.iter().any(|argument| argument.word == word && matches!(argument.value.constant(), Some("" | "--password=" | "-p")));
        return (!empty).then_some(Password { range: range.start..value.end, value, word, movable: user });
    }
    None
}

fn at(job: &Job, script: &Script, password: &Password) -> Diagnostic {
    RULE.at(
        job.place(script, password.range.clone()),
        "a password among the arguments can be read in the list of processes and in traces of the shell",
    )
    .help("pipe it in: `printf '%s' \"$PASSWORD\" | … login -u USER --password-stdin`")
    .job(&job.name)
}

fn fix(context: &Context<'_>, job: &Job, shell: &JobShell, step: &Step, password: &Password) -> Option<Fix> {
    let command = &step.invocation.command;
    let reads_input = command.redirections.iter().any(|redirection| redirection.operator.starts_with('<'));
    let fed = step.invocation.pipe().is_some_and(|(stage, _)| stage > 0);
    let usable = password.movable
        && !reads_input
        && !fed
        && !step.invocation.opaque
        && !step.invocation.damaged
        && step.invocation.wrappers.is_empty();
    let variable = command.words.get(password.word).and_then(|word| single_variable(word, &password.value, shell)).filter(|_| usable)?;
    let start = step.range().start;
    let mut edits = vec![
        script_edit::replace(context, &job.script, start..start, &format!("printf '%s' \"{variable}\" | "))?,
        script_edit::replace(context, &job.script, password.range.clone(), "--password-stdin")?,
    ];
    edits.dedup();
    Some(Fix { title: "pipe the password in".to_owned(), safety: Safety::Safe, edits })
}

/// The value as `$NAME` or `${NAME}`, where it is that and nothing more.
fn single_variable(word: &Word, value: &Range<usize>, shell: &JobShell) -> Option<String> {
    let behind: Vec<_> = word.parts.iter().filter(|part| part.range.start as usize >= value.start).collect();
    let [part] = behind.as_slice() else { return None };
    let PartKind::Variable(variable) = &part.kind else { return None };
    let plain = matches!(variable.expansion, Expansion::Plain)
        && variable.name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    plain.then(|| shell.slice(part.range.range()).to_owned())
}
