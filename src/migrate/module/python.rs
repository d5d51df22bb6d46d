//! Forms into the files of a module in Python, as `ruff format` would write them. Knows Python's words, not what the module is for.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::migrate::module::FOLDER;
use crate::migrate::module::build::Build;
use crate::migrate::module::form::{Form, Outputs, Parameter, Part, Text};
use crate::migrate::module::names::parameter as words;

/// The longest line, in characters.
const WIDTH: usize = 88;

/// The version of Dagger that the module is written for.
pub const ENGINE: &str = "v0.21.11";

const MAIN: &str = include_str!("../../../templates/dagger/python/main.py");
const PROJECT: &str = include_str!("../../../templates/dagger/python/pyproject.toml");

/// The files of the module, by path from the root of the repository.
pub(super) fn files<'a>(forms: impl Iterator<Item = &'a Form>) -> BTreeMap<String, String> {
    let mut seen = BTreeSet::new();
    let mut forms: Vec<&Form> = forms.filter(|form| seen.insert(form.function.clone())).collect();
    forms.sort_by_key(|form| form.rank);
    let mut jobs: Vec<Job> = forms.iter().map(|form| Job::of(form)).collect();
    if jobs.iter().filter(|job| job.together).count() < 2 {
        jobs.iter_mut().for_each(|job| job.together = false);
    }
    let context = Module {
        has_secrets: jobs.iter().any(|job| !job.secrets.is_empty()),
        has_scripts: jobs.iter().any(|job| job.builds.is_empty()),
        has_login: jobs.iter().any(|job| !job.registry.is_empty()),
        together: jobs.iter().filter(|job| job.together).collect(),
        jobs: &jobs,
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_function("layout", layout);
    let context = minijinja::value::Serde(&context);
    let main = environment.render_str(MAIN, context).expect("the template is given what it names").trim_end().to_owned() + "\n";
    let manifest = serde_json::json!({"name": "ci", "engineVersion": ENGINE, "sdk": {"source": "python"}, "source": "."});
    let manifest = serde_json::to_string_pretty(&manifest).expect("a text");
    BTreeMap::from([
        (format!("{FOLDER}/dagger.json"), manifest + "\n"),
        (format!("{FOLDER}/pyproject.toml"), PROJECT.to_owned()),
        (format!("{FOLDER}/.gitignore"), "/sdk\n".to_owned()),
        (format!("{FOLDER}/src/ci/__init__.py"), "from .main import Ci as Ci\n".to_owned()),
        (format!("{FOLDER}/src/ci/main.py"), main),
    ])
}

/// What the template is given.
#[derive(Serialize)]
struct Module<'a> {
    jobs: &'a [Job],
    has_secrets: bool,
    has_scripts: bool,
    has_login: bool,
    /// The jobs that one function runs together.
    together: Vec<&'a Job>,
}

/// A job as the template has it: its texts are Python.
#[derive(Serialize)]
struct Job {
    name: String,
    constant: String,
    title: String,
    script: String,
    after_script: String,
    command: Vec<String>,
    parameters: Vec<String>,
    inner_parameters: Vec<String>,
    arguments: Vec<String>,
    variables: Vec<String>,
    secrets: Vec<String>,
    registry: Vec<String>,
    image: String,
    folder: String,
    caches: Vec<Volume>,
    services: Vec<Beside>,
    builds: Vec<Image>,
    logins: Vec<[String; 3]>,
    include: Vec<String>,
    exclude: Vec<String>,
    repeatable: bool,
    /// Whether one function runs it with others, with nothing given but the files.
    together: bool,
}

#[derive(Serialize)]
struct Image {
    context: String,
    /// Arguments of the call besides the platform.
    options: Vec<String>,
    /// The argument for one platform.
    platform: Vec<String>,
    platforms: Vec<String>,
    arguments: Vec<String>,
    labels: Vec<[String; 2]>,
    addresses: Vec<String>,
    plain: bool,
}

impl Image {
    fn of(build: &Build) -> Self {
        let mut options: Vec<String> = build.file.iter().map(|file| format!("dockerfile={}", string(file))).collect();
        options.extend(build.target.iter().map(|target| format!("target={}", text(target))));
        options.extend((!build.arguments.is_empty()).then(|| "build_args=build_args".to_owned()));
        let platform = match build.platforms.as_slice() {
            [only] => vec![format!("platform=dagger.Platform({})", string(only))],
            [] | [_, _, ..] => Vec::new(),
        };
        let context = if build.context.is_empty() { "source".to_owned() } else { format!("source.directory({})", string(&build.context)) };
        Self {
            options,
            platform,
            platforms: build.platforms.iter().map(|platform| string(platform)).collect(),
            arguments: build.arguments.iter().map(|(name, value)| argument(name, value)).collect(),
            labels: build.labels.iter().map(|(name, value)| [string(name), text(value)]).collect(),
            addresses: build.addresses.iter().map(text).collect(),
            plain: build.plain,
            context,
        }
    }
}

#[derive(Serialize)]
struct Volume {
    path: String,
    key: String,
}

#[derive(Serialize)]
struct Beside {
    image: String,
    names: Vec<String>,
    ports: Vec<u16>,
    variables: Vec<[String; 2]>,
    command: Vec<String>,
    entrypoint: Vec<String>,
}

impl Job {
    fn of(form: &Form) -> Self {
        let name = form.function.replace('-', "_");
        let name = if KEYWORDS.contains(&name.as_str()) { format!("{name}_") } else { name };
        let constant = name.to_uppercase();
        let mut parameters: Vec<(&String, &Parameter)> = form.parameters.iter().collect();
        parameters.sort_by_key(|(_, parameter)| !parameter.required);
        let declared: Vec<String> = parameters.iter().map(|(variable, parameter)| declared(variable, parameter)).collect();
        let own = form.names_folder.then(|| format!("{} = FOLDER", "ci_project_dir: str"));
        let declared: Vec<String> = declared.into_iter().chain(own).collect();
        let mut arguments = vec!["source".to_owned()];
        arguments.extend(parameters.iter().map(|(variable, _)| identifier(variable)));
        arguments.extend(form.names_folder.then(|| "ci_project_dir".to_owned()));
        let with = |source: &str| ["self".to_owned(), source.to_owned()].into_iter().chain(declared.iter().cloned()).collect::<Vec<_>>();
        let folder = if form.names_folder { "ci_project_dir" } else { "FOLDER" };
        let secret = |name: &&String| form.parameters.get(*name).is_some_and(|parameter| parameter.secret);
        let entry = |name: &String| format!("{}: {}", string(name), identifier(name));
        let constants = ["\"CI\": \"true\"".to_owned(), "\"GITLAB_CI\": \"true\"".to_owned(), format!("\"CI_PROJECT_DIR\": {folder}")];
        let plain = form.environment.iter().filter(|name| !secret(name)).map(entry);
        let (include, exclude, always) = match &form.outputs {
            Some(Outputs { paths, exclude, always }) => {
                let code = always.then(|| "\".exit-code\"".to_owned());
                (paths.iter().map(text).chain(code).collect(), exclude.iter().map(text).collect(), *always)
            }
            None => (Vec::new(), Vec::new(), false),
        };
        let mut command: Vec<String> = ["\"sh\"", "\"-c\"", "RUN", "\"sh\""].map(str::to_owned).to_vec();
        command.push(constant.clone());
        command.push(if form.after_script.trim().is_empty() { "\"\"".to_owned() } else { format!("{constant}_AFTER") });
        command.push(if always { "\".exit-code\"".to_owned() } else { "\"\"".to_owned() });
        Self {
            title: format!("The job {}.", doc(&form.job)),
            script: block(&form.script),
            after_script: if form.after_script.trim().is_empty() { String::new() } else { block(&form.after_script) },
            command,
            parameters: with("source: Checkout"),
            inner_parameters: with("source: dagger.Directory"),
            arguments,
            variables: constants.into_iter().chain(plain).collect(),
            secrets: form.environment.iter().filter(secret).map(entry).collect(),
            registry: form.registry.iter().flatten().map(|name| identifier(name)).collect(),
            image: text(&form.image),
            caches: form
                .caches
                .iter()
                .map(|cache| Volume { path: format!("f\"{{{folder}}}/{}\"", cache.path), key: text(&cache.key) })
                .collect(),
            services: form.services.iter().map(Beside::of).collect(),
            builds: form.builds.iter().map(Image::of).collect(),
            logins: form.logins.iter().map(|login| [text(&login.registry), text(&login.user), identifier(&login.password)]).collect(),
            include,
            exclude,
            repeatable: form.repeatable,
            together: form.repeatable && !form.parameters.values().any(|parameter| parameter.required),
            folder: folder.to_owned(),
            name,
            constant,
        }
    }
}

impl Beside {
    fn of(service: &crate::migrate::module::service::Service) -> Self {
        Self {
            image: text(&service.image),
            names: service.names.iter().map(|name| string(name)).collect(),
            ports: service.ports.clone(),
            variables: service.variables.iter().map(|(name, value)| [string(name), text(value)]).collect(),
            command: service.command.iter().map(|word| string(word)).collect(),
            entrypoint: service.entrypoint.iter().flatten().map(|word| string(word)).collect(),
        }
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
];

/// The name of a parameter.
fn identifier(variable: &str) -> String {
    let name = words(variable).join("_");
    // The SDK takes a `_` at the end of a name away, so that the flag stays the same.
    if KEYWORDS.contains(&name.as_str()) { format!("{name}_") } else { name }
}

fn declared(variable: &str, parameter: &Parameter) -> String {
    let name = identifier(variable);
    match (parameter.secret, parameter.required, &parameter.default) {
        (true, true, _) => format!("{name}: dagger.Secret"),
        (true, false, _) => format!("{name}: dagger.Secret | None = None"),
        (false, true, _) => format!("{name}: str"),
        (false, false, Some(default)) => format!("{name}: str = {}", string(default)),
        (false, false, None) => format!("{name}: str | None = None"),
    }
}

/// A string literal.
fn string(text: &str) -> String {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    format!("{quote}{}{quote}", escaped(text, quote))
}

fn escaped(text: &str, quote: char) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if letter == quote => out.extend(['\\', letter]),
            _ if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out
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

/// A build argument in a list of them.
fn argument(name: &str, value: &Text) -> String {
    layout(12, "dagger.BuildArg(", vec![string(name), text(value)], "),", None).trim_start().trim_end_matches(',').to_owned()
}

/// A job's name in a docstring.
fn doc(name: &str) -> String {
    let name: String = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    format!("`{}`", name.replace('\\', "\\\\").replace("\"\"\"", "'''"))
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
