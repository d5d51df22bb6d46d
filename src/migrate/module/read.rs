//! Scripts into the names of the variables that they read from outside. Takes too many rather than too few.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::detect::JobShell;

/// Variables that a shell or a container has by itself, and what awk calls its own.
const OF_THE_SHELL: &[&str] = &[
    "BASH_SOURCE",
    "BASH_VERSION",
    "CI",
    "CI_JOB_STATUS",
    "EUID",
    "FNR",
    "FS",
    "GITLAB_CI",
    "HOME",
    "HOSTNAME",
    "IFS",
    "LANG",
    "LINENO",
    "NF",
    "NR",
    "OFS",
    "OLDPWD",
    "OPTARG",
    "OPTIND",
    "ORS",
    "OSTYPE",
    "PATH",
    "PIPESTATUS",
    "PPID",
    "PWD",
    "RANDOM",
    "REPLY",
    "RS",
    "SECONDS",
    "SHELL",
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

/// The variables that two scripts, each a shell of its own, read and do not set before, in the order in which they are named.
pub(super) fn variables_of(main: &JobShell, after: &JobShell) -> Vec<String> {
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    for shell in [main, after] {
        for (at, name) in read_in(&shell.script.text) {
            let set = shell.evaluated.bindings.iter().any(|binding| binding.name == name && (binding.range.start as usize) < at);
            let upper = name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
            if !set && upper && !OF_THE_SHELL.contains(&name) && seen.insert(name.to_owned()) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// `$NAME`, and `${NAME` with whatever follows, with the byte where each begins.
fn read_in(text: &str) -> impl Iterator<Item = (usize, &str)> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$(?:\{[#!]?)?([A-Za-z_][A-Za-z0-9_]*)").expect("a constant pattern"));
    NAME.captures_iter(text).filter_map(|captures| Some((captures.get(0)?.start(), captures.get(1)?.as_str())))
}

#[cfg(test)]
mod tests {
    use super::{names_in, read_in};

    #[test]
    fn names_are_told_from_dollar_signs() {
        let names = |text| names_in(text).into_iter().map(|(_, name)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(names("python:$A-${B}$$C $1 ${D:-x}"), ["A", "B"]);
        let read = |text| read_in(text).map(|(_, name)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(read("echo ${A:-x} \"$B\" ${#C} $1 $? ${!D}"), ["A", "B", "C", "D"]);
    }
}
