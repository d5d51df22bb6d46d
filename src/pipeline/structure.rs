//! A resolved pipeline against the JSON Schema of GitLab CI/CD: each mistake once, as one message, at its place. Knows no rules and no graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::document::Documents;
use crate::pipeline::expand::{json, key_text};
use crate::pipeline::problem::{INVALID_VALUE, RULES_WITH_ONLY, UNKNOWN_KEYWORD};
use crate::pipeline::{Job, MissingKind, Pipeline};
use crate::source::Span;
use crate::yaml::{Data, Entry, Key, Mapping, Value};

/// The JSON Schema (draft 2020-12) of a `.gitlab-ci.yml`.
pub const SCHEMA: &str = include_str!("../../schemas/gitlab-ci.schema.json");

static SCHEMA_VALUE: LazyLock<Json> = LazyLock::new(|| serde_json::from_str(SCHEMA).expect("our schema is JSON"));

/// Keywords of the root, which are looked at as they are after everything is merged, with their definitions.
const ROOT: &[(&str, &str)] = &[
    ("after_script", "optional_script"),
    ("before_script", "optional_script"),
    ("cache", "cache"),
    ("default", "default"),
    ("image", "image"),
    ("services", "services"),
    ("stages", "stages"),
    ("variables", "variables"),
    ("workflow", "workflow"),
];

/// Where in the schema a validator begins, as a JSON pointer.
type Start = String;

/// The validators of the parts of the schema, each made when it is first needed: all of them together cost more than the lint of a small pipeline.
static VALIDATORS: LazyLock<BTreeMap<Start, Lazy>> = LazyLock::new(|| {
    let mut starts: Vec<Start> =
        ROOT.iter().map(|(_, name)| definition(name)).chain([definition("include"), definition("header")]).collect();
    for name in OPEN {
        let start = definition(name);
        let properties = SCHEMA_VALUE.pointer(&format!("{start}/properties")).and_then(Json::as_object);
        starts
            .extend(properties.into_iter().flat_map(|properties| properties.keys()).map(|keyword| format!("{start}/properties/{keyword}")));
        starts.push(start);
    }
    let lazy = |start: &Start| -> Lazy {
        let start = start.clone();
        LazyLock::new(Box::new(move || validator(&start)))
    };
    starts.iter().map(|start| (start.clone(), lazy(start))).collect()
});

type Lazy = LazyLock<Validator, Box<dyn FnOnce() -> Validator + Send>>;

/// Definitions of mappings that are looked at keyword by keyword.
const OPEN: &[&str] = &["job", "default", "workflow"];

fn definition(name: &str) -> Start {
    format!("/$defs/{name}")
}

/// The validator of the part at `start`: of a mapping that is looked at keyword by keyword, of all but what its keywords hold.
fn validator(start: &str) -> Validator {
    let mut part = SCHEMA_VALUE.pointer(start).cloned().unwrap_or_default();
    if OPEN.iter().any(|name| definition(name) == start) {
        let properties = part.get_mut("properties").and_then(Json::as_object_mut).expect("a mapping has properties");
        properties.values_mut().for_each(|property| *property = Json::Bool(true));
    }
    let mut needed: BTreeSet<String> = BTreeSet::new();
    let mut open = vec![&part];
    let definitions = SCHEMA_VALUE.get("$defs").and_then(Json::as_object).expect("our schema has definitions");
    while let Some(json) = open.pop() {
        match json {
            Json::Object(members) => {
                let name = members.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
                if let Some((name, definition)) = name.and_then(|name| Some((name, definitions.get(name)?)))
                    && needed.insert(name.to_owned())
                {
                    open.push(definition);
                }
                open.extend(members.values());
            }
            Json::Array(items) => open.extend(items),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
    let kept: serde_json::Map<String, Json> =
        needed.into_iter().filter_map(|name| Some((name.clone(), definitions.get(&name)?.clone()))).collect();
    let members = part.as_object_mut().expect("a part of the schema is an object");
    members.insert("$schema".to_owned(), SCHEMA_VALUE.get("$schema").cloned().unwrap_or_default());
    members.insert("$defs".to_owned(), kept.into());
    jsonschema::options().with_pattern_options(PatternOptions::regex()).build(&part).expect("our schema is a schema")
}

/// What in `pipeline` has a form that GitLab refuses. What is missing is not taken for wrong.
#[must_use]
pub fn problems(pipeline: &Pipeline, documents: &Documents) -> Vec<Diagnostic> {
    let mut found = Found::default();
    for &file in &pipeline.files {
        let Some(document) = documents.get(file) else { continue };
        if let Some(header) = &document.header {
            found.check(&definition("header"), header, "the header", &BTreeSet::new(), None);
        }
        if let Some(include) = document.root.get("include").filter(|include| !include.is_null()) {
            found.check(&definition("include"), include, "include", &BTreeSet::new(), None);
        }
    }
    let missing: BTreeSet<Span> = pipeline.missing.iter().map(|missing| missing.span).collect();
    for (keyword, start) in ROOT {
        if let Some(value) = pipeline.keywords.get(keyword).filter(|value| !value.is_null() || ["image", "services"].contains(keyword)) {
            found.check(&definition(start), value, keyword, &missing, None);
        }
    }
    for job in &pipeline.jobs {
        let missing: BTreeSet<Span> = job.missing.iter().map(|missing| missing.span).collect();
        found.check(&definition("job"), &whole(job), "a job", &missing, Some(job));
        // What refers to something that is not known may become a text.
        for &span in job.script.invalid.iter().chain(&job.after_script.invalid).filter(|_| missing.is_empty()) {
            let told = found.problems.keys().any(|told| told.file == span.file && told.start <= span.start && span.end <= told.end);
            if !told {
                let message = "a script is made of texts, in lists within each other of 10 levels at most";
                found.problems.insert(span, Diagnostic::new(INVALID_VALUE, Severity::Error, span, message.to_owned()).job(&job.name));
            }
        }
    }
    found.problems.into_values().collect()
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
    problems: IndexMap<Span, Diagnostic>,
    /// Collections that are known to be right as what a keyword holds. They live as long as the pipeline that is looked at.
    right: BTreeSet<(&'static str, usize)>,
}

impl Found {
    /// Looks at a mapping keyword by keyword.
    fn keywords(&mut self, start: &str, mapping: &Mapping) -> Vec<Mistake> {
        let mut mistakes = mistakes(start, &outline(mapping), &[]);
        for entry in mapping.entries.values() {
            let keyword = key_text(entry);
            let Some((start, _)) = VALIDATORS.get_key_value(&format!("{start}/properties/{keyword}")) else { continue };
            let known = address(&entry.value).map(|address| (start.as_str(), address));
            if known.is_some_and(|known| self.right.contains(&known)) {
                continue;
            }
            let found = self::mistakes(start, &json(&entry.value), &[keyword]);
            self.right.extend(known.filter(|_| found.is_empty()));
            mistakes.extend(found);
        }
        mistakes
    }

    /// `name` is what the value is called; `missing` are places that hold nothing because what they refer to is not known.
    fn check(&mut self, start: &str, value: &Value, name: &str, missing: &BTreeSet<Span>, job: Option<&Job>) {
        let mistakes = match &value.data {
            Data::Mapping(mapping) if OPEN.iter().any(|name| definition(name) == start) => self.keywords(start, mapping),
            _ => mistakes(start, &json(value), &[]),
        };
        // Of several messages for one value the first tells most.
        for mistake in mistakes {
            let place = Place::find(value, &mistake);
            if missing.contains(&place.value) {
                continue;
            }
            let message = mistake.message(name);
            let problem = || Diagnostic::new(mistake.code(), Severity::Error, place.span, message.clone());
            let known = self.problems.entry(place.span).or_insert_with(problem);
            // The jobs come one after another.
            if known.message == message
                && let Some(job) = job.filter(|job| known.jobs.last().is_none_or(|last| **last != *job.name))
            {
                known.jobs.push(job.name.to_string());
            }
        }
    }
}

/// What [`OPEN`] validators look at: the keys of a mapping and of the mappings in it, and what stands there if it is a scalar.
fn outline(mapping: &Mapping) -> Json {
    let inner = |value: &Value| match &value.data {
        Data::Sequence(_) => Json::Array(Vec::new()),
        Data::Mapping(_) => Json::Null,
        _ => json(value),
    };
    let outer = |value: &Value| match &value.data {
        Data::Mapping(mapping) => mapping.entries.values().map(|entry| (key_text(entry), inner(&entry.value))).collect(),
        _ => inner(value),
    };
    mapping.entries.values().map(|entry| (key_text(entry), outer(&entry.value))).collect()
}

/// Where the collection lies in memory that jobs share if they have it from one place.
fn address(value: &Value) -> Option<usize> {
    match &value.data {
        Data::Sequence(items) => Some(Arc::as_ptr(items).addr()),
        Data::Mapping(mapping) => Some(Arc::as_ptr(mapping).addr()),
        _ => None,
    }
}

/// What the validator that begins at `start` says of `instance`, which is at `path`; nothing where there is no such validator.
fn mistakes(start: &str, instance: &Json, path: &[String]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let Some(validator) = VALIDATORS.get(start) else { return mistakes };
    if !validator.is_valid(instance) {
        validator.iter_errors(instance).for_each(|error| reduce(&error, start, &mut mistakes));
    }
    mistakes.iter_mut().for_each(|mistake| mistake.path = [path, &mistake.path[..]].concat());
    mistakes
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
fn reduce(error: &ValidationError<'_>, start: &str, into: &mut Vec<Mistake>) {
    let path: Vec<String> = error.instance_path().iter().map(|segment| segment.to_string()).collect();
    let said = message_at(error.schema_path().as_str(), start);
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
                Some(branch) => branch.iter().for_each(|inner| reduce(inner, start, into)),
                None => push(Kind::Expected(format!("has to be {}", listed(context.iter().flatten().filter_map(types).flatten())))),
            }
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().for_each(|key| into.push(Mistake { path: path.clone(), kind: Kind::UnknownKey(key.clone()) }));
        }
        ValidationErrorKind::PropertyNames { error } => reduce(error, start, into),
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
    // Forms that only files before their references and inputs are put in can have.
    let path = error.schema_path().as_str();
    if path.starts_with("/$defs/reference/") || path.starts_with("/$defs/interpolated_") {
        return None;
    }
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
fn message_at(pointer: &str, start: &str) -> Option<String> {
    let mut at = if pointer.starts_with("/$defs/") { &*SCHEMA_VALUE } else { SCHEMA_VALUE.pointer(start)? };
    let mut message = at.get("x-message").and_then(Json::as_str).map(str::to_owned);
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
