//! Names of jobs and variables into names that Dagger, the command line and the SDKs have for them.
//!
//! The engine knows a name in camel case, and the command line splits that one again where letters and digits meet and before capitals (`e2e` is `e-2-e`;
//! iancoleman/strcase 0.3.0, which dagger's `core/gqlformat.go` uses). Names are made of words that survive this way and back in every language.

use std::collections::{BTreeMap, BTreeSet};

use crate::migrate::JobId;
use crate::migrate::module::form::Form;

/// Words that no function may be called: what the module has besides, and what the command line lists beside functions.
const TAKEN: &[&str] = &["all", "id", "help", "source"];

/// Gives each form a name of its own that none of `known` has; jobs of one name, in several pipelines, that run the same share it.
pub(super) fn give(forms: &mut BTreeMap<JobId, Form>, known: &[Form]) {
    let mut taken: BTreeSet<String> = TAKEN.iter().map(|&name| name.to_owned()).collect();
    taken.extend(known.iter().map(|form| form.function.clone()));
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
        // Two numbers would become one.
        let joint = if base.ends_with(|letter: char| letter.is_ascii_digit()) { "-job-" } else { "-" };
        let numbered = std::iter::once(base.clone()).chain((2..).map(|number| format!("{base}{joint}{number}")));
        let reserved = if TAKEN.contains(&base.as_str()) { Some(format!("{base}-job")) } else { None };
        let name = reserved.into_iter().chain(numbered).find(|name| !taken.contains(name)).expect("numbers go on");
        taken.insert(name.clone());
        form.function = name;
        alike.push(form.clone());
    }
}

/// The words of a name, in lower case, as the command line splits it.
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
    lasting(words)
}

/// Words that stay apart on the command line: of two numbers in a row, and of letters that stand alone in a row, camel case makes one.
fn lasting(words: Vec<String>) -> Vec<String> {
    let mut lasting: Vec<String> = Vec::new();
    let mut before: Option<(bool, bool)> = None;
    for word in words {
        let (number, letter) = (word.starts_with(|first: char| first.is_ascii_digit()), word.len() == 1);
        let joins = before.is_some_and(|(numbers, letters)| number && numbers || !number && letter && letters);
        before = Some((number, !number && letter));
        match lasting.last_mut().filter(|_| joins) {
            Some(last) => last.push_str(&word),
            None => lasting.push(word),
        }
    }
    lasting
}

/// The words as one name in camel case that the engine reads back as the same words.
pub(super) fn camel(words: &[String], capital: bool) -> String {
    let is_number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    let raised = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    let mut name = String::new();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| words[before].as_str());
        let part = match before {
            None if capital => raised(word),
            None => word.clone(),
            Some(_) if is_number(word) => word.clone(),
            // The engine raises what follows a number.
            Some(before) if is_number(before) => word.clone(),
            // Of two capitals in a row it lowers the second.
            Some(before) if before.len() == 1 && !(at > 1 && is_number(&words[at - 2])) => format!("_{}", raised(word)),
            Some(_) => raised(word),
        };
        name.push_str(&part);
    }
    name
}

/// Flags that `dagger call` has itself, that the functions have besides variables, or that are words of Go which the engine declares as they are.
const FLAGS: &[&str] = &[
    "all",
    "allow-llm",
    "auto-apply",
    "break",
    "byte",
    "case",
    "chan",
    "ci-project-dir",
    "cloud",
    "const",
    "continue",
    "ctx",
    "dagger",
    "debug",
    "default",
    "defer",
    "docs",
    "dot-focus-field",
    "dot-output",
    "dot-show-internal",
    "eager-runtime",
    "else",
    "env",
    "err",
    "fallthrough",
    "fmt",
    "focus",
    "for",
    "func",
    "go",
    "goto",
    "help",
    "if",
    "import",
    "input-args",
    "interactive",
    "interactive-command",
    "interface",
    "json",
    "load-module",
    "lock",
    "map",
    "mod",
    "model",
    "nil",
    "no-exit",
    "no-mod",
    "output",
    "package",
    "panic",
    "parent",
    "progress",
    "quiet",
    "range",
    "return",
    "select",
    "silent",
    "source",
    "string",
    "struct",
    "switch",
    "type",
    "var",
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
    use super::{camel, words};

    #[test]
    fn names_in_camel_case_are_split_into_the_same_words() {
        for (name, expected) in [
            ("ci-commit-sha", "ciCommitSha"),
            ("k-8-s-token", "k8sToken"),
            ("py-39-test", "py39test"),
            ("x-ray", "x_Ray"),
            ("build-x-ray", "buildX_Ray"),
            ("job-a-1", "jobA1"),
            ("abc", "abc"),
        ] {
            assert_eq!(camel(&words(name), false), expected);
            assert_eq!(words(name).join("-"), name);
        }
        assert_eq!(camel(&words("e2e"), true), "E2e");
    }

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
            ("A_B_C", "abc"),
            ("test a b", "test-ab"),
            ("test 3.9", "test-39"),
            ("K8S_TOKEN", "k-8-s-token"),
            ("v1_2_x", "v-12-x"),
        ] {
            assert_eq!(words(name).join("-"), expected);
        }
    }
}
