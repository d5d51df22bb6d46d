//! Scripts into the names of the variables that they read from outside. Takes too many rather than too few.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::detect::JobShell;
use crate::shell::Certainty;

/// Variables that a shell or a container has by itself, and what awk calls its own.
const OF_THE_SHELL: &[&str] = &[
    "BASHPID",
    "BASH_LINENO",
    "BASH_REMATCH",
    "BASH_SOURCE",
    "BASH_SUBSHELL",
    "BASH_VERSINFO",
    "BASH_VERSION",
    "CI",
    "CI_JOB_STATUS",
    "COLUMNS",
    "COMP_WORDS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FNR",
    "FS",
    "FUNCNAME",
    "GITLAB_CI",
    "GROUPS",
    "HOME",
    "HOSTNAME",
    "HOSTTYPE",
    "IFS",
    "LANG",
    "LINENO",
    "LINES",
    "MACHTYPE",
    "MAPFILE",
    "NF",
    "NR",
    "OFS",
    "OLDPWD",
    "OPTARG",
    "OPTERR",
    "OPTIND",
    "ORS",
    "OSTYPE",
    "PATH",
    "PIPESTATUS",
    "PPID",
    "PROMPT_COMMAND",
    "PS1",
    "PS2",
    "PS4",
    "PWD",
    "RANDOM",
    "READLINE_LINE",
    "REPLY",
    "RLENGTH",
    "RS",
    "RSTART",
    "SECONDS",
    "SHELL",
    "SHELLOPTS",
    "SHLVL",
    "SUBSEP",
    "TERM",
    "TMPDIR",
    "UID",
    "USER",
];

/// `$NAME` and `${NAME…` in a text: the bytes of `$NAME` or `${NAME}`, and the name. `$$` stands for a dollar sign.
#[must_use]
pub fn names_in(text: &str) -> Vec<(Range<usize>, &str)> {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\$\$|\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})").expect("a constant pattern"));
    let found = NAME.captures_iter(text);
    found.filter_map(|captures| Some((captures.get(0)?.range(), captures.get(1).or(captures.get(2))?.as_str()))).collect()
}

/// The variables that two scripts, each a shell of its own, may read before they set them for sure, in the order in which they are named.
pub(super) fn variables_of(main: &JobShell, after: &JobShell) -> Vec<String> {
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    for shell in [main, after] {
        let text = &shell.script.text;
        let mut own: BTreeMap<&str, usize> = BTreeMap::new();
        for binding in shell.evaluated.bindings.iter().filter(|binding| binding.is_plain && binding.certainty == Certainty::Always) {
            let range = binding.range.range();
            let appends = text.get(range.clone()).is_none_or(|text| text[binding.name.len().min(text.len())..].starts_with('+'));
            if !appends {
                own.entry(&binding.name).or_insert(range.end);
            }
        }
        for (at, name) in read_in(text) {
            let set = own.get(name).is_some_and(|end| *end <= at);
            let upper = name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
            if !set && upper && !OF_THE_SHELL.contains(&name) && seen.insert(name.to_owned()) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// `$NAME`, `${NAME` with whatever follows, and `-v NAME`, with the byte where each begins.
fn read_in(text: &str) -> impl Iterator<Item = (usize, &str)> {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?:\$(?:\{[#!]?)?|\s-v\s+)([A-Za-z_][A-Za-z0-9_]*)").expect("a constant pattern"));
    NAME.captures_iter(text).filter_map(|captures| Some((captures.get(0)?.start(), captures.get(1)?.as_str())))
}

/// Where a script looks a variable up by a name that another one holds: `${!NAME}`.
pub(super) fn looks_up(text: &str) -> Option<Range<usize>> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{![A-Za-z_][A-Za-z0-9_]*\}?").expect("a constant pattern"));
    Some(NAME.find(text)?.range())
}

#[cfg(test)]
mod tests {
    use super::{names_in, read_in};

    #[test]
    fn names_are_told_from_dollar_signs() {
        let names = |text| names_in(text).into_iter().map(|(_, name)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(names("python:$A-${B}$$C $1 ${D:-x}"), ["A", "B"]);
        let read = |text| read_in(text).map(|(_, name)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(read("echo ${A:-x} \"$B\" ${#C} $1 $? ${!D}; [[ -v E ]]"), ["A", "B", "C", "D", "E"]);
    }
}
