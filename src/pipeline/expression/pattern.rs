//! `/…/flags` into a compiled regular expression, as `Gitlab::UntrustedRegexp::RubySyntax` reads it for RE2.

use std::sync::LazyLock;

use regex::Regex;

use crate::pipeline::expression::re2;

/// A regular expression between slashes.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// `/…/` with flags behind it.
static SYNTAX: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^/(.*)/([ismU]*)$").expect("a valid pattern"));

impl Pattern {
    /// Whether `text` has the form of a pattern; what begins with a slash and does not end with one is a text.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        SYNTAX.is_match(text)
    }

    /// Compiles `/…/` with the flags `i`, `s`, `m` and `U` behind it; `\/` stands for a slash.
    ///
    /// # Errors
    /// What RE2 refuses in it, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.replace("\\/", "/");
        let parts =
            SYNTAX.captures(&text).ok_or("a pattern stands between slashes, with no more than the flags `i`, `s`, `m`, `U` behind it")?;
        Self::compile(&parts[1], &parts[2])
    }

    /// Compiles a pattern that stands without slashes, as `regex` of an input does.
    ///
    /// # Errors
    /// What RE2 refuses in it.
    pub fn bare(pattern: &str) -> Result<Self, String> {
        Self::compile(pattern, "")
    }

    fn compile(pattern: &str, flags: &str) -> Result<Self, String> {
        let mut source = re2::translated(pattern)?;
        if !flags.is_empty() {
            source.insert_str(0, &format!("(?{})", distinct(flags)));
        }
        Regex::new(&source).map(Self).map_err(|error| format!("`{pattern}` is no regular expression: {}", last_line(&error.to_string())))
    }

    /// Whether it is found anywhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// RE2 takes a flag twice, the crate doesn't.
fn distinct(flags: &str) -> String {
    let mut seen = String::new();
    seen.extend(flags.chars().enumerate().filter(|(index, flag)| !flags[..*index].contains(*flag)).map(|(_, flag)| flag));
    seen
}

fn last_line(message: &str) -> String {
    message.lines().last().unwrap_or(message).trim_start_matches("error: ").to_owned()
}
