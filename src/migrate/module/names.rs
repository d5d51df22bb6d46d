//! Names of jobs and variables into names that Dagger, the command line and the SDKs have for them.
//!
//! The command line splits names where letters and digits meet (`e2e` is `e-2-e`; iancoleman/strcase, which dagger's `core/gqlformat.go` uses), so that names are
//! split there from the start and mean the same everywhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::migrate::JobId;
use crate::migrate::module::form::Form;

/// Words that no function may be called: what the module has besides, and what the command line lists beside functions.
const TAKEN: &[&str] = &["all", "id", "help", "source"];

/// Gives each form a name of its own; jobs of one name, in several pipelines, that run the same share it.
pub(super) fn give(forms: &mut BTreeMap<JobId, Form>) {
    let mut taken: BTreeSet<String> = TAKEN.iter().map(|&name| name.to_owned()).collect();
    let mut given: BTreeMap<String, Vec<Form>> = BTreeMap::new();
    for form in forms.values_mut() {
        let alike = given.entry(form.job.clone()).or_default();
        if let Some(same) = alike.iter().find(|known| Form { function: String::new(), ..(*known).clone() } == *form) {
            form.function.clone_from(&same.function);
            continue;
        }
        let words = words(&form.job).join("-");
        let base =
            if words.is_empty() || words.starts_with(|letter: char| letter.is_ascii_digit()) { format!("job-{words}") } else { words };
        let base = base.trim_end_matches('-').to_owned();
        let numbered = std::iter::once(base.clone()).chain((2..).map(|number| format!("{base}-{number}")));
        let reserved = if TAKEN.contains(&base.as_str()) { Some(format!("{base}-job")) } else { None };
        let name = reserved.into_iter().chain(numbered).find(|name| !taken.contains(name)).expect("numbers go on");
        taken.insert(name.clone());
        form.function = name;
        alike.push(form.clone());
    }
}

/// The words of a name, in lower case: runs of letters and runs of digits.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for letter in name.chars() {
        let goes_on = letter.is_ascii_alphabetic() && before.is_ascii_alphabetic() || letter.is_ascii_digit() && before.is_ascii_digit();
        let begins_word = letter.is_ascii_uppercase() && before.is_ascii_lowercase();
        before = letter;
        if !letter.is_ascii_alphanumeric() {
            continue;
        }
        match words.last_mut().filter(|_| goes_on && !begins_word) {
            Some(word) => word.push(letter.to_ascii_lowercase()),
            None => words.push(letter.to_ascii_lowercase().to_string()),
        }
    }
    words
}

/// Flags that `dagger call` has itself, or that the functions have besides variables.
const FLAGS: &[&str] = &[
    "all",
    "allow-llm",
    "auto-apply",
    "ci-project-dir",
    "cloud",
    "debug",
    "docs",
    "dot-focus-field",
    "dot-output",
    "dot-show-internal",
    "env",
    "eager-runtime",
    "focus",
    "help",
    "interactive",
    "interactive-command",
    "json",
    "load-module",
    "lock",
    "mod",
    "model",
    "no-exit",
    "no-mod",
    "output",
    "progress",
    "quiet",
    "silent",
    "source",
    "verbose",
    "version",
    "web",
    "workdir",
    "workspace",
    "x-release",
];

/// The words of the name that a variable has as a parameter: a flag of the command line with `-` between them.
pub(super) fn parameter(variable: &str) -> Vec<String> {
    let words = words(variable);
    let flag = words.join("-");
    let begins = words.first().and_then(|word| word.chars().next());
    if FLAGS.contains(&flag.as_str()) || begins.is_none_or(|letter| letter.is_ascii_digit()) || flag.len() == 1 {
        return std::iter::once("variable".to_owned()).chain(words).collect();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_are_split_where_the_command_line_splits_them() {
        for (name, expected) in [
            ("unit-test", "unit-test"),
            ("e2e", "e-2-e"),
            ("py39_test", "py-39-test"),
            ("Build:App (arm64)", "build-app-arm-64"),
            ("deployToProd", "deploy-to-prod"),
            ("CI_COMMIT_SHA", "ci-commit-sha"),
            ("größe", "gr-e"),
        ] {
            assert_eq!(words(name).join("-"), expected);
        }
    }
}
