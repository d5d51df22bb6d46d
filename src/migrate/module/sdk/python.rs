//! A module's words in Python, as `ruff format` would write them. Knows Python, not what the module is for.

use minijinja::Environment;

use crate::migrate::module::form::{Parameter, Part, Text};
use crate::migrate::module::names::parameter as words;
use crate::migrate::module::sdk::{Language, escaped};

/// The longest line, in characters.
const WIDTH: usize = 88;

/// Python.
pub(super) struct Python;

impl Language for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn main(&self) -> (&'static str, &'static str) {
        ("src/ci/main.py", include_str!("../../../../templates/dagger/python/main.py"))
    }

    fn files(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("pyproject.toml", include_str!("../../../../templates/dagger/python/pyproject.toml")),
            (".gitignore", "/sdk\n"),
            ("src/ci/__init__.py", "from .main import Ci as Ci\n"),
        ]
    }

    fn function(&self, words: &[String]) -> String {
        free(words.join("_"))
    }

    fn parameter(&self, words: &[String]) -> String {
        free(words.join("_"))
    }

    fn constants(&self, words: &[String]) -> [String; 2] {
        let name = words.join("_").to_uppercase();
        [format!("SCRIPT_{name}"), format!("AFTER_{name}")]
    }

    fn string(&self, text: &str) -> String {
        string(text)
    }

    fn text(&self, text: &Text) -> String {
        self::text(text)
    }

    fn block(&self, text: &str) -> String {
        block(text)
    }

    fn below(&self, folder: &str, path: &str) -> String {
        format!("f\"{{{folder}}}/{}\"", escaped(path, '"').replace('{', "{{").replace('}', "}}"))
    }

    fn folder(&self) -> &'static str {
        "FOLDER"
    }

    fn declared(&self, name: &str, parameter: &Parameter) -> [String; 2] {
        let declared = match (parameter.secret, parameter.required, &parameter.default) {
            (true, true, _) => format!("{name}: dagger.Secret"),
            (true, false, _) => format!("{name}: dagger.Secret | None = None"),
            (false, true, _) => format!("{name}: str"),
            (false, false, Some(default)) => format!("{name}: str = {}", string(default)),
            (false, false, None) => format!("{name}: str | None = None"),
        };
        [declared.clone(), declared]
    }

    fn declared_folder(&self, name: &str) -> [String; 2] {
        let declared = format!("{name}: str = FOLDER");
        [declared.clone(), declared]
    }

    fn set(&self, variable: &str, value: &str) -> String {
        format!("{}: {value}", string(variable))
    }

    fn option(&self, name: &'static str, value: &str) -> String {
        match name {
            "build_args" => "build_args=build_args".to_owned(),
            "platform" => format!("platform=dagger.Platform({value})"),
            _ => format!("{name}={value}"),
        }
    }

    fn argument(&self, name: &str, value: &Text) -> String {
        layout(12, "dagger.BuildArg(", vec![string(name), text(value)], "),", None).trim_start().trim_end_matches(',').to_owned()
    }

    fn doc(&self, name: &str) -> String {
        let name: String = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        format!("`{}`", name.replace('\\', "\\\\").replace("\"\"\"", "'''"))
    }

    fn helpers(&self, environment: &mut Environment<'_>) {
        environment.add_function("layout", layout);
    }
}

/// Words that Python keeps for itself, and names that mean something else in the module.
const KEYWORDS: &[&str] = &[
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "self",
    "source",
    "job",
    "user",
    "dag",
    "dagger",
    "str",
    "dict",
    "variables",
    "secrets",
    "service",
    "volume",
    "command",
    "arguments",
    "running",
    "include",
    "exclude",
    "files",
    "outputs",
    "published",
    "context",
    "build_args",
    "platforms",
    "platform",
    "variants",
    "variant",
    "image",
    "addresses",
    "address",
    "digest",
    "None",
    "list",
    "function",
    "object_type",
    "with_variables",
    "with_secrets",
    "with_login",
];

/// A name that means nothing else. The SDK takes a `_` at the end of a name away, so that the flag stays the same.
fn free(name: String) -> String {
    if KEYWORDS.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// The name of a variable's parameter.
fn identifier(variable: &str) -> String {
    free(words(variable).join("_"))
}

/// A string literal.
fn string(text: &str) -> String {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    format!("{quote}{}{quote}", escaped(text, quote))
}

/// A text with variables: a string literal, a name, or an f-string.
fn text(text: &Text) -> String {
    match text.0.as_slice() {
        [] => "\"\"".to_owned(),
        [Part::Literal(literal)] => string(literal),
        [Part::Variable(name)] => identifier(name),
        parts => {
            let parts = parts.iter().map(|part| match part {
                Part::Literal(literal) => escaped(literal, '"').replace('{', "{{").replace('}', "}}"),
                Part::Variable(name) => format!("{{{}}}", identifier(name)),
            });
            format!("f\"{}\"", parts.collect::<String>())
        }
    }
}

/// A text of several lines.
fn block(text: &str) -> String {
    let text = text.strip_suffix('\n').unwrap_or(text);
    if text.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t') {
        return string(text);
    }
    let body = text.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"");
    format!("\"\"\"\\\n{body}\n\"\"\"")
}

/// A call, a definition or a literal, on as many lines as it takes. A literal that is `long` has one item a line where it has several.
fn layout(indentation: usize, head: &str, items: Vec<String>, tail: &str, long: Option<bool>) -> String {
    let margin = " ".repeat(indentation);
    let long = if items.iter().any(|item| item.contains('\n')) { Some(true) } else { long };
    let one = format!("{margin}{head}{}{tail}", items.join(", "));
    let fits = |line: &str| line.chars().count() <= WIDTH;
    let several = items.len() > 1 || items.iter().any(|item| item.contains('\n'));
    if (fits(&one) || items.is_empty()) && !(long == Some(true) && several) {
        return one;
    }
    let inner = format!("{margin}    {}", items.join(", "));
    if fits(&inner) && long != Some(true) && !head.ends_with('[') {
        return format!("{margin}{head}\n{inner}\n{margin}{tail}");
    }
    let lines: String = items.iter().map(|item| format!("{margin}    {item},\n")).collect();
    format!("{margin}{head}\n{lines}{margin}{tail}")
}

#[cfg(test)]
mod tests {
    use super::{Text, block, identifier, layout, string, text};

    #[test]
    fn texts_are_python_literals() {
        assert_eq!(string("a"), "\"a\"");
        assert_eq!(string("say \"a\""), "'say \"a\"'");
        assert_eq!(string("it's \"a\"\n\\"), "\"it's \\\"a\\\"\\n\\\\\"");
        assert_eq!(text(&Text::new("python:$PY_3-{x}\"")), "f\"python:{py_3}-{{x}}\\\"\"");
        assert_eq!((text(&Text::new("$TAG")), text(&Text::new("$IMAGE"))), ("tag".to_owned(), "image_".to_owned()));
        assert_eq!(block("a \\n\n\"\"\"\n"), "\"\"\"\\\na \\\\n\n\\\"\\\"\\\"\n\"\"\"");
        assert_eq!(
            (identifier("FROM"), identifier("K8S_TOKEN"), identifier("_")),
            ("from_".into(), "k_8_s_token".into(), "variable".into())
        );
    }

    #[test]
    fn lines_are_broken_at_88_characters() {
        let items = |length: usize| vec!["a".repeat(length), "b".to_owned()];
        assert_eq!(layout(4, "f(", items(10), ")", None), "    f(aaaaaaaaaa, b)");
        assert_eq!(layout(4, "long(", items(77), ")", None), format!("    long(\n        {}, b\n    )", "a".repeat(77)));
        assert_eq!(layout(0, "f(", items(90), ")", None), format!("f(\n    {},\n    b,\n)", "a".repeat(90)));
    }
}
