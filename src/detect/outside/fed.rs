//! Commands that a script feeds to a shell or writes to a file, instead of having them in it: here-documents, here-strings, `echo … | sh`.

use crate::detect::steps::{JobShell, Step};
use crate::shell::{Frame, Redirection};

const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "zsh", "ksh"];

/// Programs that run a shell which they are told.
#[rustfmt::skip]
const RUNNERS: &[&str] = &[
    "docker", "docker-compose", "podman", "nerdctl", "busybox", "chroot", "nsenter", "unshare", "su", "runuser", "flock", "lxc", "poetry", "pipenv",
    "bundle", "nix-shell", "doppler",
];

/// Where the words of a step name a shell.
fn shell_at(step: &Step) -> Option<usize> {
    let is_shell = |text: &str| SHELLS.contains(&text.rsplit('/').next().unwrap_or(text));
    let at = step.argv.iter().position(|word| is_shell(&word.text))?;
    (at == 0 || step.name().is_some_and(|name| RUNNERS.contains(&name))).then_some(at)
}

/// The options behind a shell's name, and the index of the first word behind them.
fn options(step: &Step, shell: usize) -> (Vec<&str>, usize) {
    let mut options = Vec::new();
    let mut at = shell + 1;
    while let Some(word) = step.argv.get(at).map(|word| &*word.text).filter(|word| word.starts_with(['-', '+'])) {
        options.push(word);
        // `-o pipefail`
        at += if word.ends_with('o') && !word.starts_with("--") { 2 } else { 1 };
        if matches!(word, "-" | "--") {
            break;
        }
    }
    (options, at)
}

fn has(options: &[&str], letter: char) -> bool {
    options.iter().any(|option| option.starts_with('-') && !option.starts_with("--") && option.contains(letter))
}

/// Whether a step has a shell read commands without running them: `bash -n FILE`.
#[must_use]
pub fn is_checked(step: &Step) -> bool {
    shell_at(step).is_some_and(|shell| has(&options(step, shell).0, 'n'))
}

/// Whether a step is a shell, or ends with one, that reads commands from its standard input: `bash`, `docker exec -i web sh`, `bash -s -- -v`.
#[must_use]
pub fn is_shell(step: &Step) -> bool {
    let Some(shell) = shell_at(step) else { return false };
    let (options, operand) = options(step, shell);
    let file = step.argv.get(operand).map(|word| &*word.text);
    !has(&options, 'c') && (has(&options, 's') || matches!(file, None | Some("/dev/stdin")))
}

/// The text that a step hands to a shell, and that is not among the commands of its script: `docker run image sh -ec TEXT`, `eval a b`.
#[must_use]
pub fn text(step: &Step) -> Option<String> {
    let is_read = !step.invocation.unread_text;
    if step.name() == Some("eval") {
        let words: Vec<&str> = step.argv[1..].iter().map(|word| &*word.text).collect();
        return (words.len() != 1 || !is_read).then(|| words.join(" "));
    }
    let shell = shell_at(step)?;
    let (options, operand) = options(step, shell);
    let text = &step.argv.get(operand)?.text;
    (has(&options, 'c') && (shell > 0 || !is_read)).then(|| text.clone())
}

/// Whether a step is an interpreter that reads its program from its standard input.
#[must_use]
pub fn is_interpreter(step: &Step) -> bool {
    let name = step.name().unwrap_or_default();
    let reads = |word: &str| word.starts_with('-') && !matches!(word, "-c" | "-e" | "-m");
    ["python", "node", "ruby", "perl", "php"].iter().any(|known| name.starts_with(known))
        && step.argv.get(1).is_none_or(|word| reads(&word.text))
        && !step.argv.iter().any(|word| matches!(&*word.text, "-c" | "-e" | "-m" | "-V" | "--version"))
}

/// The text that the step `index` has as its standard input, from its own redirections or from the commands before it in its pipeline.
#[must_use]
pub fn input(shell: &JobShell, index: usize) -> Option<String> {
    if let Some(text) = redirected(&shell.steps[index], shell) {
        return Some(text);
    }
    let texts: Vec<String> = before(shell, index).filter_map(|step| output(step, shell)).collect();
    (!texts.is_empty()).then(|| texts.concat())
}

/// The files that the step `index` has as its standard input: `sh < FILE`, `cat FILE | sh`.
pub fn input_files(shell: &JobShell, index: usize) -> Vec<String> {
    let step = &shell.steps[index];
    let redirections = if step.invocation.opaque { &[] } else { step.invocation.command.redirections.as_slice() };
    let own = redirections.iter().filter(|redirection| redirection.operator == "<").filter_map(|redirection| target(redirection, shell));
    let shown = before(shell, index).filter(|before| matches!(before.name(), Some("cat" | "sed" | "envsubst")));
    own.chain(shown.flat_map(|step| step.argv.iter().skip(1).map(|word| word.text.clone()))).collect()
}

/// The steps whose output the step `index` reads.
pub fn before(shell: &JobShell, index: usize) -> impl Iterator<Item = &Step> {
    let (own, first) = (&shell.steps[index].invocation, index.saturating_sub(MOST_BEFORE));
    let stage = own.pipe().and_then(|(stage, of)| Some(Frame::Pipeline { stage: stage.checked_sub(1)?, of }));
    // They stand right before it, in the same statement.
    shell.steps[first..index].iter().filter(move |other| {
        stage.as_ref().is_some_and(|stage| other.invocation.path.contains(stage)) && own.statement.contains(other.invocation.command.range)
    })
}

/// Most steps that are looked at for the one that feeds another.
const MOST_BEFORE: usize = 16;

/// The text that a step prints, where the script has it.
#[must_use]
pub fn output(step: &Step, shell: &JobShell) -> Option<String> {
    match step.name()? {
        "cat" | "tee" | "envsubst" => redirected(step, shell),
        "echo" | "printf" => {
            let words = || step.argv[1..].iter().map(|word| &*word.text);
            let between = if words().any(|word| word == "%s\\n") { "\n" } else { " " };
            let words: Vec<&str> = words().filter(|word| !matches!(*word, "-e" | "-n" | "-en" | "-ne" | "%s" | "%b" | "%s\\n")).collect();
            Some(format!("{}\n", words.join(between).replace("\\n", "\n")))
        }
        _ => None,
    }
}

/// The files that a step writes its output to, with whether it adds to them.
pub fn files(step: &Step, shell: &JobShell) -> Vec<(String, bool)> {
    let redirections = if step.invocation.opaque { &[] } else { step.invocation.command.redirections.as_slice() };
    let by_shell = redirections.iter().filter_map(|redirection| {
        let adds = redirection.operator == ">>";
        let is_output =
            adds || matches!(redirection.operator.as_str(), ">" | ">|") && redirection.descriptor.is_none_or(|number| number == 1);
        is_output.then(|| target(redirection, shell)).flatten().map(|path| (path, adds))
    });
    let is_tee = step.name() == Some("tee");
    let adds = step.argv.iter().any(|word| word.text == "-a");
    let by_tee = step.argv.iter().skip(1).filter(|word| is_tee && !word.text.starts_with('-')).map(|word| (word.text.clone(), adds));
    by_shell.chain(by_tee).collect()
}

/// The file or text of a redirection, as it is written where a variable is in it.
fn target(redirection: &Redirection, shell: &JobShell) -> Option<String> {
    redirection.target.literal().or_else(|| {
        let text = shell.slice(redirection.target.range.range()).trim_matches('"');
        (!text.is_empty()).then(|| text.replace("$CI_PROJECT_DIR/", "").replace("$PWD/", ""))
    })
}

fn redirected(step: &Step, shell: &JobShell) -> Option<String> {
    // Where the text was decoded, its places are none.
    if step.invocation.opaque {
        return None;
    }
    step.invocation.command.redirections.iter().rev().find_map(|redirection| match &redirection.heredoc {
        Some(heredoc) => {
            let body = shell.slice(heredoc.body.range());
            // Where the delimiter is bare, a backslash keeps the outer shell from expanding.
            Some(if heredoc.quoted { body.to_owned() } else { body.replace("\\$", "$").replace("\\`", "`") })
        }
        None => (redirection.operator == "<<<").then(|| target(redirection, shell)).flatten(),
    })
}
