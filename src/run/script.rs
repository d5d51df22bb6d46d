//! Commands and variables into the text that a shell is given, as GitLab Runner prepares it (gitlab-runner, `shells/bash.go`). Knows no process.

use crate::run::variables::Values;

/// What the runner says in green.
const GREEN: &str = "\u{1b}[32;1m";
/// The end of a colour.
const RESET: &str = "\u{1b}[0;m";

/// The text that runs `commands` in the folder `directory`: the shell stops at the first that fails, also within a pipe where the shell knows how, and says
/// each before it runs it. `values` are exported; names that no shell takes are left out.
#[must_use]
pub fn text(commands: &[String], values: &Values, directory: &str) -> String {
    let mut text = String::from("case \"$(set -o)\" in *pipefail*) set -o pipefail ;; esac\nset -o errexit\nset +o noclobber\n");
    for (name, value) in values.iter().filter(|(name, value)| is_name(name) && !value.contains('\0')) {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    text.push_str(&format!("cd {}\n", quoted(directory)));
    if values.get("CI_DEBUG_TRACE").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        text.push_str("set -o xtrace\n");
    }
    for command in commands {
        if command.trim().is_empty() {
            text.push_str("echo\n");
            continue;
        }
        text.push_str(&format!("printf '%s\\n' {}\n{command}\n", quoted(&said(command))));
    }
    text
}

/// The text that a shell has to read from its standard input to run `script`, which itself finds nothing there.
#[must_use]
pub fn to_read(script: &str) -> String {
    format!("eval {} < /dev/null\n", quoted(script))
}

/// A command as the log shows it: its first line.
fn said(command: &str) -> String {
    let mut lines = command.trim_end_matches('\n').lines();
    let first = lines.next().unwrap_or_default();
    let more = if lines.next().is_some() { " # collapsed multi-line command" } else { "" };
    format!("{GREEN}$ {first}{more}{RESET}")
}

/// Whether a shell takes `name` as that of a variable.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_said_before_they_run_and_values_are_quoted() {
        let mut values = Values::default();
        values.set("A", "it's");
        values.set("B.C", "no name");
        let text = text(&["echo $A".to_owned(), String::new(), "if x; then\n  y\nfi\n".to_owned()], &values, "/builds/a b");
        assert!(text.contains("export A='it'\\''s'\n"), "{text}");
        assert!(!text.contains("B.C") && text.contains("cd '/builds/a b'\n"));
        assert!(text.contains("\u{1b}[32;1m$ echo $A\u{1b}[0;m'\necho $A\necho\n"), "{text}");
        assert!(text.contains("$ if x; then # collapsed multi-line command"));
    }
}
