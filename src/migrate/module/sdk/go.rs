//! A module's words in Go, as gofmt would write them. Knows Go, not what the module is for.

use minijinja::Environment;

use crate::migrate::module::form::{Parameter, Part, Text};
use crate::migrate::module::names::{camel, parameter as words};
use crate::migrate::module::sdk::Language;

/// Go.
pub(super) struct Go;

impl Language for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn main(&self) -> (&'static str, &'static str) {
        ("main.go", include_str!("../../../../templates/dagger/go/main.go"))
    }

    fn files(&self) -> &'static [(&'static str, &'static str)] {
        &[("go.mod", "module dagger/ci\n\ngo 1.24\n"), (".gitignore", "/dagger.gen.go\n/internal/dagger\n/internal/telemetry\n/.env\n")]
    }

    fn function(&self, words: &[String]) -> String {
        camel(words, true)
    }

    fn helper(&self, words: &[String]) -> String {
        camel(words, false)
    }

    fn parameter(&self, words: &[String]) -> String {
        free(camel(words, false))
    }

    fn constants(&self, words: &[String]) -> [String; 2] {
        let name = camel(words, true);
        [format!("script{name}"), format!("after{name}")]
    }

    fn string(&self, text: &str) -> String {
        string(text)
    }

    fn text(&self, text: &Text) -> String {
        joined(text, " + ")
    }

    fn text_among(&self, text: &Text) -> String {
        joined(text, "+")
    }

    fn block(&self, text: &str) -> String {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let is_raw = |letter: char| letter != '`' && letter != '\u{feff}' && (!letter.is_control() || letter == '\n' || letter == '\t');
        if text.chars().all(is_raw) {
            return format!("`{text}\n`");
        }
        let lines: Vec<String> = text.split('\n').map(|line| string(&format!("{line}\n"))).collect();
        lines.join(" +\n\t")
    }

    fn below(&self, folder: &str, path: &str) -> String {
        format!("{folder}+{}", string(&format!("/{path}")))
    }

    fn folder(&self) -> &'static str {
        "folder"
    }

    fn declared(&self, name: &str, parameter: &Parameter) -> [String; 2] {
        let kind = match (parameter.secret, is_pointer(parameter)) {
            (true, _) => "*dagger.Secret",
            (false, true) => "*string",
            (false, false) => "string",
        };
        let comment = match &parameter.default {
            Some(default) if !parameter.secret => format!("// +default={}\n\t", serde_json::Value::from(default.as_str())),
            _ if parameter.required => String::new(),
            _ => "// +optional\n\t".to_owned(),
        };
        [format!("{comment}{name} {kind}"), format!("{name} {kind}")]
    }

    fn declared_folder(&self, name: &str) -> [String; 2] {
        [format!("// +default=\"/builds/project\"\n\t{name} string"), format!("{name} string")]
    }

    fn otherwise(&self, parameter: &Parameter) -> Option<String> {
        Some(match &parameter.default {
            Some(default) if !parameter.secret => string(default),
            _ => "nil".to_owned(),
        })
    }

    fn given(&self, variable: &str, name: &str, parameter: &Parameter) -> String {
        if parameter.secret || is_pointer(parameter) { format!("{{{}, {name}}}", string(variable)) } else { self.set(variable, name) }
    }

    fn set(&self, variable: &str, value: &str) -> String {
        format!("{{{}, text({value})}}", string(variable))
    }

    fn maybe(&self, name: &str, parameter: &Parameter) -> String {
        if parameter.secret || is_pointer(parameter) { name.to_owned() } else { format!("&{name}") }
    }

    fn option(&self, name: &'static str, value: &str) -> String {
        match name {
            "dockerfile" => format!("Dockerfile: {value}"),
            "target" => format!("Target: {value}"),
            "platform" => format!("Platform: {value}"),
            _ => "BuildArgs: buildArgs".to_owned(),
        }
    }

    fn argument(&self, name: &str, value: &Text) -> String {
        format!("{{Name: {}, Value: {}}}", string(name), self.text(value))
    }

    /// The SDK looks for `+` anywhere in a comment, and gofmt rewrites two quotes in a row.
    fn doc(&self, name: &str) -> String {
        let name: String = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let name = name.replace('+', "＋").replace("``", "`").replace("''", "'");
        format!("`{}`", name.trim())
    }

    fn helpers(&self, environment: &mut Environment<'_>) {
        environment.add_function("list", list);
    }
}

/// Whether a parameter is told from an empty one when it is not given.
fn is_pointer(parameter: &Parameter) -> bool {
    !parameter.secret && !parameter.required && parameter.default.is_none()
}

/// Names that mean something else in the module.
const NAMES: &[&str] = &[
    "job",
    "user",
    "volume",
    "storage",
    "cached",
    "service",
    "running",
    "variables",
    "secrets",
    "command",
    "arguments",
    "include",
    "exclude",
    "files",
    "published",
    "buildArgs",
    "platforms",
    "platform",
    "variants",
    "variant",
    "image",
    "addresses",
    "address",
    "digest",
    "dag",
    "folder",
    "run",
    "text",
    "variable",
    "secret",
    "withVariables",
    "withSecrets",
    "withLogin",
    "append",
    "true",
    "false",
    "error",
    "context",
    "options",
];

/// A name that means nothing else. A `_` at the end of a name is no part of the flag.
fn free(name: String) -> String {
    let may_be_script = ["script", "after"].iter().any(|begin| name.starts_with(begin));
    if may_be_script || NAMES.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// The name of a variable's parameter.
fn identifier(variable: &str) -> String {
    free(camel(&words(variable), false))
}

/// A string literal.
fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '\\' | '"' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{feff}' => out.push_str("\\ufeff"),
            _ if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out + "\""
}

/// The parts of a text, joined by what gofmt puts between them.
fn joined(text: &Text, plus: &str) -> String {
    let parts: Vec<String> = text
        .0
        .iter()
        .map(|part| match part {
            Part::Literal(literal) => string(literal),
            Part::Variable(name) => identifier(name),
        })
        .collect();
    if parts.is_empty() { "\"\"".to_owned() } else { parts.join(plus) }
}

/// A list on one line where it is short, else with an item a line.
fn list(head: &str, items: Vec<String>, indentation: usize) -> String {
    let one = items.join(", ");
    if one.len() <= 60 || items.len() == 1 {
        return format!("{head}{{{one}}}");
    }
    let margin = "\t".repeat(indentation);
    let lines: String = items.iter().map(|item| format!("{margin}\t{item},\n")).collect();
    format!("{head}{{\n{lines}{margin}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_go_literals() {
        let text = Text::new("python:$PY_3-\"");
        assert_eq!((Go.text(&text), Go.text_among(&text)), ("\"python:\" + py3 + \"-\\\"\"".into(), "\"python:\"+py3+\"-\\\"\"".into()));
        assert_eq!(Go.block("a \\n\n\"b\"\n"), "`a \\n\n\"b\"\n`");
        assert_eq!(Go.block("a `b`\nc"), "\"a `b`\\n\" +\n\t\"c\\n\"");
        assert_eq!(Go.block("a\r\nb"), "\"a\\r\\n\" +\n\t\"b\\n\"");
        assert_eq!(
            (identifier("TYPE"), identifier("IMAGE"), identifier("SCRIPT_ONE")),
            ("variableType".into(), "image_".into(), "scriptOne_".into())
        );
        assert_eq!(Go.doc("c++ ``x``"), "`c＋＋ `x``");
    }
}
