//! A module's words in TypeScript, as prettier would write them. Knows TypeScript, not what the module is for.

use minijinja::Environment;

use crate::migrate::module::form::{Parameter, Part, Text};
use crate::migrate::module::names::{camel, parameter as words};
use crate::migrate::module::sdk::{Language, escaped};

/// The longest line, in columns.
const WIDTH: usize = 80;

/// TypeScript.
pub(super) struct TypeScript;

impl Language for TypeScript {
    fn name(&self) -> &'static str {
        "typescript"
    }

    fn main(&self) -> (&'static str, &'static str) {
        ("src/index.ts", include_str!("../../../../templates/dagger/typescript/index.ts"))
    }

    fn files(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("package.json", include_str!("../../../../templates/dagger/typescript/package.json")),
            ("tsconfig.json", include_str!("../../../../templates/dagger/typescript/tsconfig.json")),
            (".gitignore", "/sdk\n/**/node_modules/**\n/**/.pnpm-store/**\n"),
        ]
    }

    fn function(&self, words: &[String]) -> String {
        let name = camel(words, false);
        if name == "constructor" { format!("{name}_") } else { name }
    }

    fn parameter(&self, words: &[String]) -> String {
        free(camel(words, false))
    }

    fn constants(&self, words: &[String]) -> [String; 2] {
        let name = words.join("_").to_uppercase();
        [format!("SCRIPT_{name}"), format!("AFTER_{name}")]
    }

    fn string(&self, text: &str) -> String {
        string(text)
    }

    fn text(&self, text: &Text) -> String {
        match text.0.as_slice() {
            [] => "\"\"".to_owned(),
            [Part::Literal(literal)] => string(literal),
            [Part::Variable(name)] => identifier(name),
            parts => {
                let parts = parts.iter().map(|part| match part {
                    Part::Literal(literal) => in_template(literal),
                    Part::Variable(name) => format!("${{{}}}", identifier(name)),
                });
                format!("`{}`", parts.collect::<String>())
            }
        }
    }

    fn block(&self, text: &str) -> String {
        format!("`{}\n`", in_template(text.strip_suffix('\n').unwrap_or(text)))
    }

    fn below(&self, folder: &str, path: &str) -> String {
        format!("`${{{folder}}}/{}`", in_template(path))
    }

    fn folder(&self) -> &'static str {
        "FOLDER"
    }

    fn declared(&self, name: &str, parameter: &Parameter) -> [String; 2] {
        let declared = match (parameter.secret, parameter.required, &parameter.default) {
            (true, true, _) => format!("{name}: Secret"),
            (true, false, _) => format!("{name}?: Secret"),
            (false, true, _) => format!("{name}: string"),
            (false, false, Some(default)) => format!("{name} = {}", string(default)),
            (false, false, None) => format!("{name}?: string"),
        };
        [declared.clone(), declared]
    }

    fn declared_folder(&self, name: &str) -> [String; 2] {
        let declared = format!("{name} = FOLDER");
        [declared.clone(), declared]
    }

    fn set(&self, variable: &str, value: &str) -> String {
        // What GitLab and shells take for the name of a variable is a name here, too.
        format!("{variable}: {value}")
    }

    fn option(&self, name: &'static str, value: &str) -> String {
        match name {
            "build_args" => "buildArgs".to_owned(),
            "platform" => format!("platform: {value} as Platform"),
            _ => format!("{name}: {value}"),
        }
    }

    fn argument(&self, name: &str, value: &Text) -> String {
        let (name, value) = (string(name), self.text(value));
        let one = format!("{{ name: {name}, value: {value} }}");
        if columns(&one) + 9 <= WIDTH { one } else { format!("{{\n        name: {name},\n        value: {value},\n      }}") }
    }

    fn doc(&self, name: &str) -> String {
        let name: String = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        format!("`{}`", name.replace("*/", "*\\/"))
    }

    fn helpers(&self, environment: &mut Environment<'_>) {
        environment.add_function("layout", layout);
        environment.add_function("from_image", container);
        environment.add_function("synced", synced);
    }
}

/// Words that TypeScript keeps for itself, and names that mean something else in the module.
const KEYWORDS: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "dag",
    "func",
    "object",
    "argument",
    "source",
    "job",
    "user",
    "variables",
    "secrets",
    "cached",
    "command",
    "include",
    "exclude",
    "files",
    "published",
    "options",
    "platform",
    "variant",
    "address",
    "digest",
    "withVariables",
    "withSecrets",
    "withLogin",
];

/// Names in the module that may have a number behind them.
const NUMBERED: &[&str] =
    &["volume", "service", "running", "args", "context", "buildArgs", "platforms", "variants", "image", "addresses", "storage"];

/// A name that means nothing else. A `_` at the end of a name is no part of the flag.
fn free(name: String) -> String {
    let base = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    if KEYWORDS.contains(&name.as_str()) || NUMBERED.contains(&base) { format!("{name}_") } else { name }
}

/// The name of a variable's parameter.
fn identifier(variable: &str) -> String {
    free(camel(&words(variable), false))
}

/// A string literal, in the quotes that need fewer escapes.
fn string(text: &str) -> String {
    let count = |quote: char| text.chars().filter(|letter| *letter == quote).count();
    let quote = if count('"') > count('\'') { '\'' } else { '"' };
    format!("{quote}{}{quote}", escaped(text, quote))
}

/// A text in a template literal.
fn in_template(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' | '`' => out.extend(['\\', letter]),
            '$' if letters.peek() == Some(&'{') => out.push_str("\\$"),
            '\r' => out.push_str("\\r"),
            '\n' | '\t' => out.push(letter),
            _ if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out
}

/// How many columns a line takes: two for each letter of East Asian scripts and for each picture.
fn columns(line: &str) -> usize {
    let is_wide = |letter: char| {
        matches!(u32::from(letter),
            0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60
            | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd)
    };
    line.chars().map(|letter| if is_wide(letter) { 2 } else { 1 }).sum()
}

fn fits(line: &str) -> bool {
    columns(line) <= WIDTH
}

/// A call, a definition or a literal, on as many lines as it takes; one that is `long` has one item a line. A head with `{` at its end begins an object.
fn layout(indentation: usize, head: &str, items: Vec<String>, tail: &str, long: Option<bool>) -> String {
    let margin = " ".repeat(indentation);
    let blank = if head.ends_with('{') { " " } else { "" };
    let one = format!("{margin}{head}{blank}{}{blank}{tail}", items.join(", "));
    let has_lines = items.iter().any(|item| item.contains('\n'));
    if items.is_empty() || long != Some(true) && !has_lines && fits(&one) {
        return if items.is_empty() { format!("{margin}{head}{tail}") } else { one };
    }
    let is_object = head.ends_with('{');
    let line = |item: &String| {
        let line = format!("{margin}  {item},");
        match item.split_once(": ").filter(|(_, value)| is_object && !item.contains('\n') && !value.starts_with('`')) {
            Some((key, value)) if !fits(&line) => format!("{margin}  {key}:\n{margin}    {value},\n"),
            _ => format!("{line}\n"),
        }
    };
    format!("{margin}{head}\n{}{margin}{tail}", items.iter().map(line).collect::<String>())
}

/// A container from an image.
fn container(indentation: usize, target: &str, image: &str) -> String {
    let margin = " ".repeat(indentation);
    let one = format!("{margin}{target} = dag.container().from({image});");
    if fits(&one) {
        return one;
    }
    let name = target.trim_start_matches("let ");
    let from = layout(indentation, &format!("{name} = {name}.from("), vec![image.to_owned()], ");", None);
    format!("{margin}{target} = dag.container();\n{from}")
}

/// A job of others that is run to its end.
fn synced(indentation: usize, name: &str, given: &str) -> String {
    let margin = " ".repeat(indentation);
    let one = format!("{margin}await (await this._{name}({given})).sync();");
    if fits(&one) {
        return one;
    }
    let inner = layout(indentation + 2, &format!("await this._{name}("), vec![given.to_owned()], ")", None);
    format!("{margin}await (\n{inner}\n{margin}).sync();")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_typescript_literals() {
        let text = |text: &str| TypeScript.text(&Text::new(text));
        assert_eq!((string("it's"), string("say \"a\"")), ("\"it's\"".to_owned(), "'say \"a\"'".to_owned()));
        assert_eq!(text("python:$PY_3-`"), "`python:${py3}-\\``");
        assert_eq!((text("$TAG"), text("$IMAGE"), text("$SERVICE_2")), ("tag".into(), "image_".into(), "service2_".into()));
        assert_eq!(TypeScript.block("a ${b} $c \\n\r\n"), "`a \\${b} $c \\\\n\\r\n`");
        assert_eq!(identifier("K8S_TOKEN"), "k8sToken");
    }

    #[test]
    fn lines_are_broken_at_80_columns() {
        let items = |length: usize| vec!["a".repeat(length), "b".to_owned()];
        assert_eq!(layout(2, "f(", items(71), ");", None).lines().count(), 1);
        assert_eq!(layout(2, "f(", items(72), ");", None), format!("  f(\n    {},\n    b,\n  );", "a".repeat(72)));
        assert_eq!(layout(2, "f({", vec!["a: 1".to_owned(), "b".to_owned()], "});", None), "  f({ a: 1, b });");
        let long = vec![format!("key: {}", "v".repeat(80))];
        assert_eq!(layout(0, "x = {", long, "};", Some(true)), format!("x = {{\n  key:\n    {},\n}};", "v".repeat(80)));
        assert_eq!(columns("a語"), 3);
        assert_eq!(container(0, "let job", &"i".repeat(60)), format!("let job = dag.container();\njob = job.from({});", "i".repeat(60)));
    }
}
