//! Commands that a script feeds to a shell or writes to a file, instead of having them in it: here-documents, here-strings, `echo … | sh`.

use crate::detect::steps::{JobShell, Step};
use crate::shell::{Frame, Redirection};

const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "zsh", "ksh"];

/// Programs that run a shell which they are told.
const RUNNERS: &[&str] =
    &["docker", "docker-compose", "podman", "nerdctl", "busybox", "chroot", "nsenter", "unshare", "su", "runuser", "flock", "lxc"];

/// Whether a step's last words are a shell that reads commands from its standard input: `bash`, `docker exec -i web sh`, `bash -s -- -v`.
#[must_use]
pub fn is_shell(step: &Step) -> bool {
    let name = |text: &str| SHELLS.contains(&text.rsplit('/').next().unwrap_or(text));
    let Some(at) = step.argv.iter().position(|word| name(&word.text)) else { return false };
    if at > 0 && !step.name().is_some_and(|name| RUNNERS.contains(&name)) {
        return false;
    }
    let options: Vec<&str> = step.argv[at + 1..].iter().map(|word| &*word.text).collect();
    let reads = |option: &&str| option.starts_with('-') && !option.starts_with("--") && option.contains('s');
    let is_told = options.iter().any(|option| option.starts_with('-') && !option.starts_with("--") && option.contains('c'));
    !is_told && (options.iter().any(reads) || options.iter().all(|option| option.starts_with(['-', '+']) || *option == "pipefail"))
}

/// Whether a step is Python, reading its program from its standard input.
#[must_use]
pub fn is_python(step: &Step) -> bool {
    step.name().is_some_and(|name| name.starts_with("python")) && step.argv[1..].iter().all(|word| word.text == "-" || word.text == "-u")
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
            let words = step.argv[1..]
                .iter()
                .map(|word| &*word.text)
                .filter(|word| !matches!(*word, "-e" | "-n" | "-en" | "-ne" | "%s" | "%b" | "%s\\n"));
            let words: Vec<&str> = words.collect();
            Some(format!("{}\n", words.join(" ").replace("\\n", "\n")))
        }
        _ => None,
    }
}

/// The files that a step writes its output to, with whether it adds to them.
pub fn files(step: &Step) -> impl Iterator<Item = (String, bool)> {
    let by_shell = step.invocation.command.redirections.iter().filter_map(|redirection| {
        let adds = redirection.operator == ">>";
        let is_output =
            adds || matches!(redirection.operator.as_str(), ">" | ">|") && redirection.descriptor.is_none_or(|number| number == 1);
        is_output.then(|| redirection.target.literal()).flatten().map(|path| (path, adds))
    });
    let is_tee = step.name() == Some("tee");
    let adds = step.argv.iter().any(|word| word.text == "-a");
    let by_tee =
        step.argv.iter().skip(1).filter(move |word| is_tee && !word.text.starts_with('-')).map(move |word| (word.text.clone(), adds));
    by_shell.chain(by_tee)
}

fn redirected(step: &Step, shell: &JobShell) -> Option<String> {
    // Where the text was decoded, its places are none.
    if step.invocation.opaque {
        return None;
    }
    step.invocation.command.redirections.iter().rev().find_map(|redirection| text(redirection, shell))
}

fn text(redirection: &Redirection, shell: &JobShell) -> Option<String> {
    match &redirection.heredoc {
        Some(heredoc) => {
            let body = shell.slice(heredoc.body.range());
            // Where the delimiter is bare, a backslash keeps the outer shell from expanding.
            Some(if heredoc.quoted { body.to_owned() } else { body.replace("\\$", "$").replace("\\`", "`") })
        }
        None => (redirection.operator == "<<<").then(|| redirection.target.literal()).flatten(),
    }
}
