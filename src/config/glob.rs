//! A glob as users write it in `.undind.yml`, as a matcher. Knows no files.

use std::hash::{Hash, Hasher};

use regex::Regex;
use serde::Deserialize;

/// `*` and `?` stay within a path segment, `**` does not, everything else is itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Glob {
    pattern: String,
    regex: Regex,
}

impl Glob {
    /// The matcher of `pattern`.
    ///
    /// # Errors
    /// A message where the pattern is too long to be compiled.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let regex = Regex::new(&regex_source(pattern)).map_err(|_| format!("`{pattern}` is too long for a glob"))?;
        Ok(Self { pattern: pattern.to_owned(), regex })
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The glob as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }
}

/// `**/` also matches no folder at all, and a trailing `/` everything in the folder.
fn regex_source(pattern: &str) -> String {
    let pattern = if pattern.ends_with('/') { format!("{pattern}**") } else { pattern.to_owned() };
    let mut source = String::from("^");
    let mut rest = pattern.trim_start_matches("./").trim_start_matches('/');
    while let Some(first) = rest.chars().next() {
        let (piece, length) = if rest.starts_with("**/") {
            ("(?:.*/)?".to_owned(), 3)
        } else if rest.starts_with("**") {
            (".*".to_owned(), 2)
        } else if first == '*' {
            ("[^/]*".to_owned(), 1)
        } else if first == '?' {
            ("[^/]".to_owned(), 1)
        } else {
            (regex::escape(first.encode_utf8(&mut [0; 4])), first.len_utf8())
        };
        source.push_str(&piece);
        rest = &rest[length..];
    }
    source + "$"
}

impl TryFrom<String> for Glob {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        Self::new(&pattern)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Glob {}

impl Hash for Glob {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pattern.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stop_at_slashes_and_double_stars_do_not() {
        for (pattern, text, expected) in [
            ("ci/*.yml", "ci/a.yml", true),
            ("ci/*.yml", "ci/deep/a.yml", false),
            ("ci/**", "ci/deep/a.yml", true),
            ("**/a.yml", "a.yml", true),
            ("**/a.yml", "b/c/a.yml", true),
            ("**/a.yml", "ba.yml", false),
            ("vendor/", "vendor/x/y", true),
            ("./a?.yml", "ab.yml", true),
            ("a.yml", "axyml", false),
            ("*.corp.example", "x.corp.example", true),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(text), expected, "{pattern} on {text}");
        }
    }
}
