//! A resolved pipeline against the JSON Schema of GitLab CI/CD: each mistake once, as one message, at its place. Knows no rules and no graph.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Value as Json, json as object};

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::document::Documents;
use crate::pipeline::expand::{json, key_text};
use crate::pipeline::problem::{INVALID_VALUE, RULES_WITH_ONLY, UNKNOWN_KEYWORD};
use crate::pipeline::{Job, MissingKind, Pipeline};
use crate::source::Span;
use crate::yaml::{Data, Entry, Key, Value};

/// The JSON Schema (draft 2020-12) of a `.gitlab-ci.yml`.
pub const SCHEMA: &str = include_str!("../../schemas/gitlab-ci.schema.json");

static SCHEMA_VALUE: LazyLock<Json> = LazyLock::new(|| serde_json::from_str(SCHEMA).expect("our schema is JSON"));

/// Keywords of the root that are looked at as they are after everything is merged.
const ROOT: &[&str] = &["after_script", "before_script", "cache", "default", "image", "services", "stages", "variables", "workflow"];

/// The validator of what the definition `start` describes.
fn schema(start: &'static str) -> Validator {
    let mut whole = SCHEMA_VALUE.clone();
    let members = whole.as_object_mut().expect("our schema is an object");
    members.retain(|name, _| name == "$schema" || name == "$defs");
    members.insert("$ref".to_owned(), object!(format!("#/$defs/{start}")));
    let validator = jsonschema::options().with_pattern_options(PatternOptions::regex()).build(&whole);
    validator.expect("our schema is a schema")
}

/// The job's definition is needed always, the others by some files only.
static JOB: LazyLock<Validator> = LazyLock::new(|| schema("job"));
static INCLUDE: LazyLock<Validator> = LazyLock::new(|| schema("include"));
static HEADER: LazyLock<Validator> = LazyLock::new(|| schema("header"));
static KEYWORDS: LazyLock<Vec<(&str, Validator)>> = LazyLock::new(|| {
    let of = |keyword: &str| match keyword {
        "after_script" | "before_script" => "optional_script",
        "cache" => "cache",
        "default" => "default",
        "image" => "image",
        "services" => "services",
        "stages" => "stages",
        "variables" => "variables",
        _ => "workflow",
    };
    ROOT.iter().map(|keyword| (*keyword, schema(of(keyword)))).collect()
});

/// What in `pipeline` has a form that GitLab refuses. What is missing is not taken for wrong.
#[must_use]
pub fn problems(pipeline: &Pipeline, documents: &Documents) -> Vec<Diagnostic> {
    let mut found = Found::default();
    for &file in &pipeline.files {
        let Some(document) = documents.get(file) else { continue };
        if let Some(header) = &document.header {
            found.check(&HEADER, header, "the header", &BTreeSet::new(), None);
        }
        if let Some(include) = document.root.get("include").filter(|include| !include.is_null()) {
            found.check(&INCLUDE, include, "include", &BTreeSet::new(), None);
        }
    }
    let missing: BTreeSet<Span> = pipeline.missing.iter().map(|missing| missing.span).collect();
    for (keyword, schema) in KEYWORDS.iter() {
        if let Some(value) = pipeline.keywords.get(keyword).filter(|value| !value.is_null() || ["image", "services"].contains(keyword)) {
            found.check(schema, value, keyword, &missing, None);
        }
    }
    for job in &pipeline.jobs {
        let missing: BTreeSet<Span> = job.missing.iter().map(|missing| missing.span).collect();
        found.check(&JOB, &whole(job), "a job", &missing, Some(job));
    }
    found.problems
}

/// The job as it is checked: what it extends and is not known may bring what seems to be missing, and the schema asks for less beside `extends`.
fn whole(job: &Job) -> Value {
    let mut config = job.config.clone();
    let own = job.own.as_mapping().and_then(|own| own.entry("extends"));
    if let Some(extends) = own.filter(|_| job.missing.iter().any(|missing| missing.kind == MissingKind::Extends)) {
        config.entries.insert(Key::String("extends".into()), extends.clone());
    }
    Value { data: Data::Mapping(config.into()), ..job.own.clone() }
}

#[derive(Default)]
struct Found {
    problems: Vec<Diagnostic>,
    seen: BTreeSet<(Span, String)>,
}

impl Found {
    /// `name` is what the value is called; `missing` are places that hold nothing because what they refer to is not known.
    fn check(&mut self, schema: &Validator, value: &Value, name: &str, missing: &BTreeSet<Span>, job: Option<&Job>) {
        let instance = json(value);
        if schema.is_valid(&instance) {
            return;
        }
        let mut mistakes = Vec::new();
        for error in schema.iter_errors(&instance) {
            reduce(&error, &mut mistakes);
        }
        // Of several messages for one value the first tells most.
        for mistake in mistakes {
            let place = Place::find(value, &mistake);
            if missing.contains(&place.value) {
                continue;
            }
            let message = mistake.message(name);
            if let Some(known) = self.problems.iter_mut().find(|known| known.span == place.span) {
                if known.message == message
                    && let Some(job) = job.filter(|job| !known.jobs.iter().any(|known| **known == *job.name))
                {
                    known.jobs.push(job.name.to_string());
                }
                continue;
            }
            let mut problem = Diagnostic::new(mistake.code(), Severity::Error, place.span, message);
            if let Some(job) = job {
                problem = problem.job(&job.name);
            }
            if self.seen.insert((problem.span, problem.message.clone())) {
                self.problems.push(problem);
            }
        }
    }
}

/// One mistake.
struct Mistake {
    /// Keys and indices from the value that was checked.
    path: Vec<String>,
    kind: Kind,
}

enum Kind {
    /// A message of the schema.
    Said(String),
    /// The key is none that may stand there.
    UnknownKey(String),
    /// What the value should be.
    Expected(String),
}

/// Makes one mistake of an error, or of the branch of alternatives that was meant.
fn reduce(error: &ValidationError<'_>, into: &mut Vec<Mistake>) {
    let path: Vec<String> = error.instance_path().iter().map(|segment| segment.to_string()).collect();
    let said = message_at(error.schema_path().as_str());
    let mut push = |kind| into.push(Mistake { path: path.clone(), kind });
    if let Some(said) = said {
        return push(Kind::Said(said));
    }
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let fits = |branch: &&Vec<ValidationError<'_>>| {
                !branch.iter().any(|inner| is_type(inner) && inner.instance_path() == error.instance_path())
            };
            match context.iter().find(fits) {
                Some(branch) => branch.iter().for_each(|inner| reduce(inner, into)),
                None => push(Kind::Expected(format!("has to be {}", listed(context.iter().flatten().filter_map(types).flatten())))),
            }
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().for_each(|key| into.push(Mistake { path: path.clone(), kind: Kind::UnknownKey(key.clone()) }));
        }
        ValidationErrorKind::PropertyNames { error } => reduce(error, into),
        ValidationErrorKind::Required { property } => push(Kind::Expected(format!("needs `{}`", property.as_str().unwrap_or_default()))),
        ValidationErrorKind::Type { .. } => push(Kind::Expected(format!("has to be {}", listed(types(error).into_iter().flatten())))),
        ValidationErrorKind::Enum { options } => {
            let words = options.as_array().into_iter().flatten().map(|word| format!("`{}`", word.as_str().unwrap_or_default()));
            push(Kind::Expected(format!("has to be {}", listed(words))));
        }
        ValidationErrorKind::MinItems { .. } | ValidationErrorKind::MinLength { .. } | ValidationErrorKind::MinProperties { .. } => {
            push(Kind::Expected("can't be empty".to_owned()));
        }
        ValidationErrorKind::MaxItems { limit } => push(Kind::Expected(format!("may have {limit} items at most"))),
        ValidationErrorKind::MaxLength { limit } => push(Kind::Expected(format!("may have {limit} characters at most"))),
        ValidationErrorKind::Minimum { limit } => push(Kind::Expected(format!("has to be {limit} at least"))),
        ValidationErrorKind::Maximum { limit } => push(Kind::Expected(format!("has to be {limit} at most"))),
        _ => push(Kind::Expected("has a form that GitLab refuses".to_owned())),
    }
}

fn is_type(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::Type { .. })
}

/// The types that an error asks for, in words.
fn types(error: &ValidationError<'_>) -> Option<Vec<String>> {
    let ValidationErrorKind::Type { kind } = error.kind() else { return None };
    let types: Vec<_> = match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect(),
    };
    let words = types.into_iter().filter(|name| name != "null").map(|name| {
        match name.as_str() {
            "string" => "a text",
            "array" => "a list",
            "object" => "a mapping",
            "boolean" => "`true` or `false`",
            "integer" | "number" => "a number",
            other => other,
        }
        .to_owned()
    });
    Some(words.collect())
}

/// `a text, a list or a mapping`, each once.
fn listed(words: impl IntoIterator<Item = String>) -> String {
    let mut few: Vec<String> = Vec::new();
    for word in words {
        if !few.contains(&word) {
            few.push(word);
        }
    }
    match &few[..] {
        [] => "something else".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// What the schema says of the keyword at `pointer`, or of one of those round it that are about the same value.
fn message_at(pointer: &str) -> Option<String> {
    let mut at = &*SCHEMA_VALUE;
    let mut message = None;
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        // Another value begins where a keyword goes into the instance.
        if ["properties", "items", "additionalProperties", "patternProperties"].contains(&segment.as_str()) {
            message = None;
        }
        at = match at {
            Json::Array(items) => items.get(segment.parse::<usize>().ok()?)?,
            _ => at.get(&segment)?,
        };
        if let Some(said) = at.get("x-message").and_then(Json::as_str) {
            message = Some(said.to_owned());
        }
    }
    message
}

impl Mistake {
    fn code(&self) -> crate::pipeline::problem::Code {
        match &self.kind {
            Kind::UnknownKey(_) => UNKNOWN_KEYWORD,
            Kind::Said(text) if text.ends_with("and `rules` cannot be used together") => RULES_WITH_ONLY,
            Kind::Said(_) | Kind::Expected(_) => INVALID_VALUE,
        }
    }

    /// `` `services:name` ``, without numbers of items; `name` itself where there is no path and it is no keyword.
    fn subject(&self, name: &str) -> String {
        let is_keyword = !name.contains(' ');
        let keys = self.path.iter().map(String::as_str).filter(|segment| segment.parse::<usize>().is_err());
        let all: Vec<&str> = std::iter::once(name).filter(|_| is_keyword).chain(keys).collect();
        if all.is_empty() { name.to_owned() } else { format!("`{}`", all.join(":")) }
    }

    fn message(&self, name: &str) -> String {
        let subject = self.subject(name);
        let continues = |text: &str| ["is ", "has ", "does ", "starts "].iter().any(|verb| text.starts_with(verb));
        match &self.kind {
            Kind::UnknownKey(key) => format!("`{key}` is no keyword of {subject}"),
            Kind::Expected(text) => format!("{subject} {text}"),
            Kind::Said(text) if continues(text) => format!("{subject} {text}"),
            Kind::Said(text) => text.clone(),
        }
    }
}

/// Where a mistake is shown.
struct Place {
    span: Span,
    /// The value that is wrong.
    value: Span,
}

impl Place {
    fn find(value: &Value, mistake: &Mistake) -> Self {
        let mut at = value;
        let mut key: Option<&Entry> = None;
        for segment in &mistake.path {
            match &at.data {
                Data::Mapping(mapping) => {
                    let Some(entry) = mapping.entries.values().find(|entry| key_text(entry) == *segment) else { break };
                    (at, key) = (&entry.value, Some(entry));
                }
                Data::Sequence(items) => {
                    let Some(item) = segment.parse::<usize>().ok().and_then(|index| items.get(index)) else { break };
                    (at, key) = (item, None);
                }
                _ => break,
            }
        }
        Self { span: Self::within(at, key, mistake), value: at.span }
    }

    fn within(at: &Value, key: Option<&Entry>, mistake: &Mistake) -> Span {
        let around = key.map_or(at.span, |entry| entry.key.span);
        let Some(mapping) = at.as_mapping() else { return if at.is_null() { around } else { at.span } };
        match &mistake.kind {
            Kind::UnknownKey(name) => {
                mapping.entries.values().find(|entry| key_text(entry) == *name).map_or(around, |entry| entry.key.span)
            }
            Kind::Expected(_) => around,
            Kind::Said(text) => {
                let mut named = text.split('`').skip(1).step_by(2).filter_map(|name| mapping.entry(name.split(':').next()?));
                if text.contains("` must be ") {
                    return named.next().map_or(around, |entry| entry.value.span);
                }
                named.last().map_or(around, |entry| entry.key.span)
            }
        }
    }
}
