//! JSON values as YAML that every parser, Ruby's Psych included, reads back as the same values. Knows no pipeline and keeps no formatting: it never
//! touches what people wrote.

use serde_json::Value;

/// `value` as a YAML document in block style.
#[must_use]
pub fn document(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => push_block(&mut out, value, 0),
        Value::Array(items) if !items.is_empty() => push_block(&mut out, value, 0),
        _ => {
            out.push_str(&flow(value));
            out.push('\n');
        }
    }
    out
}

fn push_block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) => {
            for (at, (key, value)) in map.iter().enumerate() {
                // A pipeline's jobs are easier told apart so.
                if indent == 0 && at > 0 && value.is_object() {
                    out.push('\n');
                }
                push_key(out, key, indent);
                push_nested(out, value, indent);
            }
        }
        Value::Array(items) => {
            for value in items {
                out.push_str(&" ".repeat(indent));
                out.push('-');
                push_item(out, value, indent);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&flow(value)),
    }
}

/// The key with its colon. libyaml takes only short keys without a question mark.
fn push_key(out: &mut String, key: &str, indent: usize) {
    let key = scalar(key);
    let indent = " ".repeat(indent);
    if key.chars().count() > LONGEST_SIMPLE_KEY {
        out.push_str(&format!("{indent}? {key}\n{indent}:"));
    } else {
        out.push_str(&format!("{indent}{key}:"));
    }
}

/// libyaml's limit is 1024, the quotes included.
const LONGEST_SIMPLE_KEY: usize = 1000;

/// What follows `-`, the line end included; a collection begins on the same line.
fn push_item(out: &mut String, value: &Value, indent: usize) {
    let deeper = indent + 2;
    let is_filled = value.as_array().is_some_and(|items| !items.is_empty()) || value.as_object().is_some_and(|map| !map.is_empty());
    if is_filled {
        let start = out.len();
        push_block(out, value, deeper);
        out.replace_range(start..start + deeper, " ");
    } else {
        push_nested(out, value, indent);
    }
}

/// What follows `key:`, the line end included.
fn push_nested(out: &mut String, value: &Value, indent: usize) {
    let deeper = indent + 2;
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            push_block(out, value, deeper);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            push_block(out, value, deeper);
        }
        Value::String(text) if fits_literal(text) => push_literal(out, text, deeper),
        _ => {
            out.push(' ');
            out.push_str(&flow(value));
            out.push('\n');
        }
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        // Ruby reads `1e20` as a string.
        Value::Number(number) if number.is_f64() => number.as_f64().map_or_else(|| number.to_string(), crate::yaml::ruby_float),
        _ => value.to_string(),
    }
}

/// Several lines of printable text without blanks where a literal block scalar would need an indentation indicator or `+`.
fn fits_literal(text: &str) -> bool {
    let printable = text.chars().all(|character| character == '\n' || is_plain_printable(character));
    let Some(body) = text.strip_suffix('\n').or(Some(text)).filter(|body| body.contains('\n')) else { return false };
    printable && !body.starts_with([' ', '\n']) && !body.ends_with('\n')
}

fn push_literal(out: &mut String, text: &str, indent: usize) {
    out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.lines() {
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Text that no YAML 1.1 or 1.2 parser reads as anything but this string; stricter than YAML asks for.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "null", "y"];
    let starts_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '/' | '$' | '_'))
        || (text.starts_with('.') && text[1..].starts_with(|next: char| next.is_ascii_alphabetic()));
    let inside = text.chars().all(|character| matches!(character, ' '..='~'));
    let indicator = text.contains(": ") || text.ends_with(':') || text.contains(" #");
    let word = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
        || text.eq_ignore_ascii_case("n")
        || text.eq_ignore_ascii_case(".inf")
        || text.eq_ignore_ascii_case(".nan");
    starts_plain && inside && !indicator && !word && !text.ends_with(' ')
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if is_plain_printable(character) => out.push(character),
            _ if u32::from(character) <= 0xff => out.push_str(&format!("\\x{:02X}", u32::from(character))),
            _ if u32::from(character) <= 0xffff => out.push_str(&format!("\\u{:04X}", u32::from(character))),
            _ => out.push_str(&format!("\\U{:08X}", u32::from(character))),
        }
    }
    out + "\""
}

/// Printable in YAML 1.1 without being a line break or a byte order mark.
fn is_plain_printable(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pipeline_reads_as_people_write_it() {
        let value =
            json!({"stages": ["build"], "build": {"script": ["docker build -t $IMAGE .", "a\nb\n"], "tags": [], "when": null, "retry": 2}});
        let expected = "stages:\n  - build\n\nbuild:\n  script:\n    - docker build -t $IMAGE .\n    - |\n      a\n      b\n  tags: []\n  when: null\n  retry: 2\n";
        assert_eq!(document(&value), expected);
    }

    #[test]
    fn every_string_comes_back_as_the_same_string() {
        let hostile = [
            "",
            " ",
            "yes",
            "No",
            "on",
            "y",
            "~",
            "null",
            "0777",
            "1:30",
            "1_000",
            "1e3",
            ".5",
            ".inf",
            ":sym",
            "- a",
            "a: b",
            "a #b",
            "#",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "a\n",
            "\na\nb",
            "a\n\nb",
            "a\nb",
            "a\nb\n\n",
            " a\nb",
            "a \nb",
            "a\r\nb",
            "tab\there",
            "\u{1b}",
            "\u{85}",
            "\u{2028}",
            "\u{feff}a",
            "é",
            "😀",
            "a:",
            "a,b",
            "{a}",
            "[a",
            "\"",
            "'",
            "\\",
            "2001-12-14",
            "=",
            "<<",
            "---",
            "...",
            "a\nb: c\n  d",
            "echo \"a: b\" | tee 'c'",
            "a:b",
            "docker build -t \"$IMAGE:1\" . # twice",
            "echo \"$A\" && c \\ | d > e; f * & ! ? % ` ~ ^ [x] {y}",
        ];
        for text in hostile {
            let value = json!({"key": text, "list": [text, [text]], text: 1});
            let back: Value =
                serde_yaml::from_str(&document(&value)).unwrap_or_else(|error| panic!("{text:?}: {error}\n{}", document(&value)));
            assert_eq!(back, value, "{text:?}\n{}", document(&value));
        }
    }

    #[test]
    fn collections_in_sequences_begin_at_their_dashes_and_long_keys_are_marked() {
        let value = json!([{"name": "docker:dind", "alias": "docker", "command": ["a"]}, [["x"], []], {}]);
        let expected = "- name: docker:dind\n  alias: docker\n  command:\n    - a\n- - - x\n  - []\n- {}\n";
        assert_eq!(document(&value), expected);
        let long = json!({"k".repeat(2000): {"a": [{"b": 1}]}});
        assert_eq!(serde_yaml::from_str::<Value>(&document(&long)).unwrap(), long);
    }

    #[test]
    fn floats_are_written_as_ruby_writes_them() {
        assert_eq!(document(&json!([1e20, 1.0, 0.5])), "- 1.0e+20\n- 1.0\n- 0.5\n");
    }

    #[test]
    fn strings_that_ruby_reads_as_something_else_are_quoted() {
        for text in ["yes", "off", "0777", "1:30", "1,000", "1_000", ":a", "2001-12-14", "y", "N", "~"] {
            assert_eq!(document(&json!(text)), format!("\"{text}\"\n"));
        }
    }
}
