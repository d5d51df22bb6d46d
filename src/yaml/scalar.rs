//! The text of an unquoted scalar into a value, as Psych's `ScalarScanner#tokenize` types it (psych 5.0.2, `scalar_scanner.rb`).

use std::sync::LazyLock;

use regex::Regex;

use super::number::{base60_float, base60_integer, float, integer};
use super::value::Data;

/// Why Psych doesn't load a scalar.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is of a class that isn't permitted.
    Class(&'static str),
    /// Ruby fails to convert it.
    Conversion(String),
    /// It has more digits than we read.
    TooLong,
}

/// Types a scalar's text; numbers of more than `max_digits` characters are refused.
pub(super) fn tokenize(text: &str, max_digits: usize) -> Result<Data, Refusal> {
    if text.is_empty() {
        return Ok(Data::Null);
    }
    if text.contains('\n') || looks_like_a_word(text) {
        return Ok(word(text));
    }
    if TIME.is_match(text) {
        return Err(Refusal::Class("Time"));
    }
    if DATE.is_match(text) {
        return Err(Refusal::Class("Date"));
    }
    if let Some(name) = text.strip_prefix(':').filter(|name| !name.is_empty()) {
        return Ok(Data::Symbol(symbol(name).into()));
    }
    number(text, max_digits).unwrap_or_else(|| Ok(Data::String(text.into())))
}

/// `None` where the text isn't written as a number.
fn number(text: &str, max_digits: usize) -> Option<Result<Data, Refusal>> {
    match text.to_ascii_lowercase().as_str() {
        ".inf" | "+.inf" => return Some(Ok(Data::Float(f64::INFINITY))),
        "-.inf" => return Some(Ok(Data::Float(f64::NEG_INFINITY))),
        ".nan" => return Some(Ok(Data::Float(f64::NAN))),
        _ => {}
    }
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit() || b"+-.,_:xX".contains(&byte)) {
        return None;
    }
    let read: fn(&str) -> Result<Data, Refusal> = if BASE60_INTEGER.is_match(text) {
        base60_integer
    } else if BASE60_FLOAT.is_match(text) {
        |text| Ok(Data::Float(base60_float(text)))
    } else if matches!(text, "." | "+." | "-.") {
        return None;
    } else if FLOAT.is_match(text) {
        float
    } else if INTEGER.is_match(text) {
        integer
    } else {
        return None;
    };
    Some(if text.len() > max_digits { Err(Refusal::TooLong) } else { read(text) })
}

/// Psych's first test: `%r{^[^\d.:-]?[[:alpha:]_\s!@#$%\^&*(){}<>|/\\~;=]+}`.
fn looks_like_a_word(text: &str) -> bool {
    let mut chars = text.chars();
    let in_set = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphabetic() || "_ \t\r\n\u{b}\u{c}!@#$%^&*(){}<>|/\\~;=".contains(letter))
    };
    let first = chars.next();
    in_set(first) || (first.is_some_and(|letter| !letter.is_ascii_digit() && !".:-".contains(letter)) && in_set(chars.next()))
}

/// What Psych makes of a word. Ruby's `^` and `$` match at every line, which matters for texts of several short lines.
fn word(text: &str) -> Data {
    let string = || Data::String(text.into());
    if text.len() > 5 && text.chars().count() > 5 {
        return string();
    }
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let mut initials = starts.filter_map(|at| text[at..].chars().next());
    if initials.any(|letter| !"ytonf~".contains(letter.to_ascii_lowercase())) {
        return string();
    }
    let any_line = |words: &[&str]| text.split('\n').any(|line| words.iter().any(|word| line.eq_ignore_ascii_case(word)));
    if text == "~" || any_line(&["null"]) {
        Data::Null
    } else if any_line(&["yes", "true", "on"]) {
        Data::Bool(true)
    } else if any_line(&["no", "false", "off"]) {
        Data::Bool(false)
    } else {
        string()
    }
}

/// A symbol's name behind its colon: `:"a b"` may be quoted, and what follows the quotes is lost.
fn symbol(name: &str) -> &str {
    let quoted = name.chars().next().filter(|quote| matches!(quote, '"' | '\'')).and_then(|quote| {
        let end = name[1..].rfind(quote)?;
        Some(&name[1..=end])
    });
    match quoted {
        Some(inner) => inner.strip_prefix(':').unwrap_or(inner),
        None => name,
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern that tests compile")
}

static TIME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^-?[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t\r\f\x0B]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t\r\f\x0B]*(?:Z|[-+][0-9]{1,2}:?(?:[0-9]{2})?))?$",
    )
});
static DATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[0-9]{4}-(?:1[012]|0[0-9]|[0-9])-(?:[12][0-9]|3[01]|0[0-9]|[0-9])$"));
static BASE60_INTEGER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9]){1,2}$"));
static BASE60_FLOAT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9]){1,2}\.[0-9_]*$"));
static FLOAT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[-+]?(?:[0-9][0-9_,]*)?\.[0-9]*(?:[eE][-+][0-9]+)?$"));
static INTEGER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^[-+]?(?:0b[01_,]+|0[0-7_,]+|0|[1-9](?:[0-9]|,[0-9]|_[0-9])*|0x[0-9a-fA-F_,]+)$"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::value::ruby_float;

    fn shown(text: &str) -> String {
        match tokenize(text, 100) {
            Ok(Data::Null) => "null".into(),
            Ok(Data::Bool(value)) => value.to_string(),
            Ok(Data::Integer(digits)) => digits.to_string(),
            Ok(Data::Float(value)) => format!("{}f", ruby_float(value)),
            Ok(Data::Symbol(name)) => format!(":{name}"),
            Ok(Data::String(text)) => format!("'{text}'"),
            Err(refusal) => format!("{refusal:?}"),
            Ok(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn plain_scalars_are_typed_as_ruby_types_them() {
        let cases = [
            ("tRue", "true"),
            ("OFF", "false"),
            ("y", "'y'"),
            ("nUll", "null"),
            ("~", "null"),
            ("~~", "'~~'"),
            ("on\nno", "true"),
            ("on\nx", "'on\nx'"),
            ("0755", "493"),
            ("-017", "-15"),
            ("0o17", "'0o17'"),
            ("0x_1F", "31"),
            ("-0b1_1", "-3"),
            ("08", "'08'"),
            ("1_000", "1000"),
            ("1,000", "1000"),
            ("1_", "'1_'"),
            ("+12", "12"),
            ("-0", "0"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("0xFFFFFFFFFFFFFFFFFFFF", "1208925819614629174706175"),
            ("1:30", "5400"),
            ("-1:30", "-1800"),
            ("22:22", "80520"),
            ("1:60", "'1:60'"),
            ("3:25:45.5", "12345.5f"),
            ("3.10", "3.1f"),
            ("1.", "1.0f"),
            ("1_0,0.5", "100.5f"),
            ("1e3", "'1e3'"),
            ("1.0e+3", "1000.0f"),
            ("-.inf", "-Infinityf"),
            (".NaN", "NaNf"),
            (".", "'.'"),
            (":sym", ":sym"),
            (":\"a b\"c", ":a b"),
            ("::x", "::x"),
            (":", "':'"),
            ("1-2", "'1-2'"),
            ("2024-1-1", "Class(\"Date\")"),
            ("2024-02-31", "Class(\"Date\")"),
            ("2024-13-01", "'2024-13-01'"),
            ("2024-01-01 10:00:00 +02:00", "Class(\"Time\")"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_ruby_fails_to_convert_is_refused() {
        for text in ["0x_", "0b,", ".e+3", "-.e-1"] {
            assert!(matches!(tokenize(text, 100), Err(Refusal::Conversion(_))), "{text}");
        }
        assert_eq!(tokenize(&"9".repeat(101), 100).unwrap_err(), Refusal::TooLong);
    }
}
