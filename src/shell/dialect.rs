//! Tells sh from PowerShell and cmd.exe by the look of a script. Only marks that sh never shows count.

use crate::shell::Dialect;

/// The dialect that `text` is most likely written in; [`Dialect::Posix`] where nothing speaks against it.
#[must_use]
pub fn recognise(text: &str) -> Dialect {
    let (mut power_shell, mut cmd, mut posix) = (0_u32, 0_u32, 0_u32);
    for line in text.lines().take(10_000).map(str::trim) {
        power_shell += power_shell_marks(line);
        cmd += cmd_marks(line);
        posix += posix_marks(line);
    }
    if power_shell > 0 && power_shell > posix {
        Dialect::PowerShell
    } else if cmd > 0 && cmd > posix {
        Dialect::Cmd
    } else {
        Dialect::Posix
    }
}

fn posix_marks(line: &str) -> u32 {
    let first = line.split_whitespace().next().unwrap_or_default();
    let keyword = matches!(first, "fi" | "done" | "esac" | "then" | "export" | "[" | "[[" | "elif" | "source" | "." | "apk" | "apt-get");
    let tail = line.ends_with("; then") || line.ends_with("; do") || line.contains("|| true");
    // awk and JSON in here-documents look like PowerShell's blocks.
    let heredoc =
        line.split("<<").nth(1).is_some_and(|word| word.trim_start_matches(['-', ' ', '\'', '"']).starts_with(char::is_alphabetic));
    u32::from(keyword) + u32::from(tail) + 5 * u32::from(heredoc)
}

fn power_shell_marks(line: &str) -> u32 {
    let lower = line.to_ascii_lowercase();
    let environment = lower.starts_with("$env:") || lower.contains(" $env:") || lower.contains("\"$env:") || lower.contains("${env:");
    let assignment = line.strip_prefix('$').and_then(|rest| rest.split_once(" = ")).is_some_and(|(name, _)| is_name(name));
    let block = ["if (", "if(", "foreach (", "foreach(", "while (", "} else", "}else"].iter().any(|start| lower.starts_with(start))
        && (line.ends_with('{') || lower.contains(") {") || lower.contains("){"));
    u32::from(environment) + u32::from(assignment) + u32::from(block) + u32::from(starts_with_cmdlet(line))
}

/// `Get-Content …`: an approved verb in capitals, a hyphen and a noun.
fn starts_with_cmdlet(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let Some((verb, noun)) = first.split_once('-') else { return false };
    let verbs = [
        "Add",
        "Clear",
        "ConvertFrom",
        "ConvertTo",
        "Copy",
        "Expand",
        "Get",
        "Import",
        "Install",
        "Invoke",
        "Join",
        "Move",
        "New",
        "Out",
        "Remove",
        "Rename",
        "Select",
        "Set",
        "Split",
        "Start",
        "Stop",
        "Test",
        "Wait",
        "Write",
    ];
    verbs.iter().any(|known| known.eq_ignore_ascii_case(verb) && verb.starts_with(char::is_uppercase))
        && noun.starts_with(char::is_uppercase)
        && noun.chars().all(char::is_alphanumeric)
}

fn cmd_marks(line: &str) -> u32 {
    let lower = line.to_ascii_lowercase();
    let statement = ["if exist ", "if not exist ", "if errorlevel ", "setlocal", "@echo off", "if %", "for /f ", "rem "]
        .iter()
        .any(|start| lower.starts_with(start));
    u32::from(statement) + u32::from(has_percent_variable(line))
}

/// `%NAME%`; sh's own `%` stands in `${x%y}`, `date +%Y` and printf formats, and `sed` may look for a placeholder that is written so.
fn has_percent_variable(line: &str) -> bool {
    if line.contains(['$', '\'']) || line.split_whitespace().any(|word| matches!(word, "sed" | "awk" | "perl" | "grep")) {
        return false;
    }
    let pieces: Vec<&str> = line.split('%').collect();
    let between = pieces.get(1..pieces.len().saturating_sub(1)).unwrap_or_default();
    between
        .iter()
        .any(|name| name.len() > 2 && is_name(name) && name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !text.starts_with(|c: char| c.is_ascii_digit())
}
