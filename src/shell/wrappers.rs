//! Finds the program behind words that only run another one (`sudo`, `env`, `timeout 5` and so on).

use std::ops::Range;

use crate::shell::invocation::Argument;
use crate::shell::symbolic::Symbolic;

/// A word, with its own options, that runs the rest of the command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrapper {
    /// Its name without the folder.
    pub name: String,
    /// Its arguments and itself, as indexes in the invocation's arguments.
    pub arguments: Range<usize>,
}

/// What stands before the program.
#[derive(Default)]
pub(super) struct Stripped {
    pub(super) program: usize,
    pub(super) wrappers: Vec<Wrapper>,
    pub(super) unknown_arguments: bool,
    pub(super) environment: Vec<(String, Symbolic)>,
}

/// How a wrapper's own words are told from the command that it runs.
struct Form {
    name: &'static str,
    /// Options that take the next word, without `=`.
    valued: &'static [&'static str],
    /// `A=b` words may follow.
    assignments: bool,
    /// Words before the command that are not options.
    operands: usize,
}

const fn form(name: &'static str, valued: &'static [&'static str], assignments: bool, operands: usize) -> Form {
    Form { name, valued, assignments, operands }
}

/// From the manual pages of sudo, coreutils, util-linux, findutils and bash; `retry` as in joshdk/retry and kadwanev/retry.
const FORMS: [Form; 20] = [
    form("sudo", &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-T", "-U", "-D", "-R", "--user", "--group"], true, 0),
    form("doas", &["-u", "-C"], false, 0),
    form("env", &["-u", "-C", "--unset", "--chdir"], true, 0),
    form("time", &["-f", "-o", "--format", "--output"], false, 0),
    form("command", &[], false, 0),
    form("builtin", &[], false, 0),
    form("exec", &["-a"], false, 0),
    form("nohup", &[], false, 0),
    form("setsid", &[], false, 0),
    form("chronic", &[], false, 0),
    form("unbuffer", &[], false, 0),
    form("winpty", &[], false, 0),
    form("nice", &["-n", "--adjustment"], false, 0),
    form("ionice", &["-c", "-n", "--class", "--classdata"], false, 0),
    form("stdbuf", &["-i", "-o", "-e"], false, 0),
    form("timeout", &["-k", "-s", "--kill-after", "--signal"], false, 1),
    form("gosu", &[], false, 1),
    form("su-exec", &[], false, 1),
    form(
        "retry",
        &["-t", "-d", "-n", "-s", "-m", "--tries", "--delay", "--times", "--sleep", "--max", "--min", "--attempts", "--backoff"],
        false,
        0,
    ),
    form(
        "xargs",
        &["-n", "-P", "-I", "-L", "-d", "-a", "-E", "-s", "--max-args", "--max-procs", "--replace", "--delimiter", "--arg-file"],
        false,
        0,
    ),
];

pub(super) fn strip(arguments: &[Argument]) -> Stripped {
    let mut stripped = Stripped::default();
    while let Some(form) = text(arguments, stripped.program).and_then(form_named) {
        let start = stripped.program;
        let Some(next) = behind(form, arguments, start, &mut stripped.environment) else { break };
        if next >= arguments.len() || (start..next).any(|at| arguments[at].splittable) {
            break;
        }
        stripped.wrappers.push(Wrapper { name: form.name.to_owned(), arguments: start..next });
        stripped.unknown_arguments |= form.name == "xargs";
        stripped.program = next;
    }
    stripped
}

fn text(arguments: &[Argument], at: usize) -> Option<&str> {
    arguments.get(at)?.value.constant()
}

fn form_named(path: &str) -> Option<&'static Form> {
    let name = path.rsplit('/').next()?;
    FORMS.iter().find(|form| form.name == name)
}

/// The index of the command that the wrapper at `start` runs; `None` where it runs none or that can't be told.
fn behind(form: &Form, arguments: &[Argument], start: usize, environment: &mut Vec<(String, Symbolic)>) -> Option<usize> {
    let mut at = start + 1;
    let mut operands = form.operands;
    while let Some(argument) = arguments.get(at) {
        let word = argument.value.known_prefix();
        if word == "--" {
            at += 1;
        } else if word.len() > 1 && word.starts_with('-') {
            let query = form.name == "command" && (word.contains('v') || word.contains('V'));
            if query || (form.name == "env" && (word.starts_with("-S") || word.starts_with("--split"))) {
                return None;
            }
            at += if form.valued.contains(&word) { 2 } else { 1 };
        } else if form.assignments
            && let Some((name, value)) = assignment(&argument.value)
        {
            environment.push((name, value));
            at += 1;
        } else if operands > 0 || (form.name == "retry" && !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())) {
            operands = operands.saturating_sub(1);
            at += 1;
        } else {
            return Some(at);
        }
    }
    Some(at)
}

/// Splits `NAME=value`.
fn assignment(value: &Symbolic) -> Option<(String, Symbolic)> {
    let (name, _) = value.known_prefix().split_once('=')?;
    let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.as_bytes()[0].is_ascii_digit();
    named.then(|| (name.to_owned(), value.behind(name.len() + 1)))
}

/// Where the text stands that another shell runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Nested {
    /// `sh -c TEXT`: the argument's index.
    Shell(usize),
    /// `eval TEXT`.
    Eval(usize),
    /// `trap TEXT SIGNAL`.
    Trap(usize),
    /// `ssh host …`: where the remote command begins.
    Remote(usize),
}

const SSH_VALUED: [&str; 16] = ["-o", "-i", "-p", "-l", "-F", "-J", "-L", "-R", "-D", "-b", "-c", "-e", "-m", "-S", "-W", "-E"];

pub(super) fn nested(name: &str, arguments: &[Argument], program: usize) -> Option<Nested> {
    let first = program + 1;
    match name {
        "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh" => shell_text(arguments, first).map(Nested::Shell),
        "eval" => (arguments.len() == first + 1).then_some(Nested::Eval(first)),
        "trap" => {
            let text = text(arguments, first)?;
            (arguments.len() > first + 1 && !text.starts_with('-')).then_some(Nested::Trap(first))
        }
        "ssh" => {
            let mut at = first;
            while let Some(word) = arguments.get(at).map(|argument| argument.value.known_prefix()).filter(|word| word.starts_with('-')) {
                at += if SSH_VALUED.contains(&word) { 2 } else { 1 };
            }
            (at + 1 < arguments.len()).then_some(Nested::Remote(at + 1))
        }
        _ => None,
    }
}

/// The word behind the options, one of which is `-c` or a cluster with `c`.
fn shell_text(arguments: &[Argument], first: usize) -> Option<usize> {
    let mut at = first;
    let mut command = false;
    while let Some(word) = text(arguments, at).filter(|word| word.starts_with(['-', '+'])) {
        command |= word.starts_with('-') && !word.starts_with("--") && word.contains('c');
        at += if word.ends_with('o') || word == "--rcfile" { 2 } else { 1 };
    }
    (command && at < arguments.len()).then_some(at)
}
