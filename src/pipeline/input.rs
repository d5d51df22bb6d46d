//! `spec:inputs` of a header and the values that were passed into the value of each input, checked as GitLab checks them
//! (<https://docs.gitlab.com/ci/inputs/>; gitlab, `Gitlab::Ci::Config::Interpolation::Inputs`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::expand::json_data;
use crate::pipeline::expression::{Expression, Lookup, Pattern, Truth};
use crate::pipeline::problem::INVALID_INPUT;
use crate::source::Span;
use crate::suggestion::nearest;
use crate::yaml::{Data, Mapping, Value};

/// What the inputs of a file are.
#[derive(Clone, Default, Debug)]
pub struct Inputs {
    /// By name; none where the value is not known.
    pub values: BTreeMap<Arc<str>, Option<Input>>,
}

/// The value of an input.
#[derive(Clone, Debug)]
pub struct Input {
    /// The value.
    pub data: Data,
    /// Where it is written: as it was passed, or as its default.
    pub span: Span,
}

/// The values that an include passes, or that are given for the entry.
#[derive(Clone, Copy, Debug)]
pub enum Passed<'a> {
    /// The `inputs` of an include; none where it has none.
    Include(Option<&'a Value>),
    /// Values from outside of the files.
    Given(&'a BTreeMap<Arc<str>, serde_json::Value>),
    /// Whatever the one who starts the pipeline wishes.
    Unknown,
}

/// The types of an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    String,
    Number,
    Boolean,
    Array,
}

impl Type {
    const ALL: [(&'static str, Self); 4] =
        [("string", Self::String), ("number", Self::Number), ("boolean", Self::Boolean), ("array", Self::Array)];

    fn has(self, data: &Data) -> bool {
        match self {
            Self::String => matches!(data, Data::String(_) | Data::Symbol(_)),
            Self::Number => matches!(data, Data::Integer(_) | Data::Float(_)),
            Self::Boolean => matches!(data, Data::Bool(_)),
            Self::Array => matches!(data, Data::Sequence(_)),
        }
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

/// The inputs that `specs`, the value of `spec:inputs`, declares, with the values of `passed`. Mistakes go to `problems`; `at` is where the values
/// are passed.
pub fn inputs(specs: Option<&Mapping>, passed: Passed<'_>, at: Span, problems: &mut Vec<Diagnostic>) -> Inputs {
    let mut resolver = Resolver { passed, at, inputs: Inputs::default(), problems };
    let empty = Mapping::default();
    let specs = specs.unwrap_or(&empty);
    resolver.unknown_names(specs);
    for (name, entry) in specs.named() {
        let value = resolver.value(name, &entry.value, entry.key.span);
        resolver.inputs.values.insert(name.into(), value);
    }
    resolver.inputs
}

struct Resolver<'a, 'p> {
    passed: Passed<'a>,
    at: Span,
    inputs: Inputs,
    problems: &'p mut Vec<Diagnostic>,
}

impl Resolver<'_, '_> {
    fn problem(&mut self, span: Span, message: String) {
        self.problems.push(Diagnostic::new(INVALID_INPUT, Severity::Error, span, message));
    }

    /// Names that are passed and not declared.
    fn unknown_names(&mut self, specs: &Mapping) {
        let unknown: Vec<(String, Span)> = match self.passed {
            Passed::Include(Some(value)) => {
                let named = value.as_mapping().into_iter().flat_map(Mapping::named);
                named.map(|(name, entry)| (name.to_owned(), entry.key.span)).collect()
            }
            Passed::Given(values) => values.keys().map(|name| (name.to_string(), self.at)).collect(),
            Passed::Include(None) | Passed::Unknown => Vec::new(),
        };
        for (name, span) in unknown.into_iter().filter(|(name, _)| specs.entry(name).is_none()) {
            let near = nearest(&name, specs.named().map(|(name, _)| name)).map(|near| format!("; did you mean `{near}`?"));
            self.problem(span, format!("the included file has no input `{name}`{}", near.unwrap_or_default()));
        }
    }

    fn passed(&self, name: &str, spec: &Value) -> Option<Input> {
        match self.passed {
            Passed::Include(values) => {
                let value = values?.get(name).filter(|value| !value.is_null())?;
                Some(Input { data: value.data.clone(), span: value.span })
            }
            Passed::Given(values) => Some(Input { data: data(values.get(name)?, spec), span: self.at }),
            Passed::Unknown => None,
        }
    }

    /// The value of one input; none where it is not known, or wrong.
    fn value(&mut self, name: &str, spec: &Value, key: Span) -> Option<Input> {
        let type_name = spec.get("type").and_then(Value::as_str).unwrap_or("string");
        let Some((_, kind)) = Type::ALL.into_iter().find(|(known, _)| *known == type_name) else {
            let span = spec.get("type").map_or(key, |value| value.span);
            self.problem(span, format!("`{type_name}` is no type of an input: there are `string`, `number`, `boolean` and `array`"));
            return None;
        };
        let passed = self.passed(name, spec);
        let (rule, decided) = self.rule(spec);
        let holder = rule.unwrap_or(spec);
        let default = holder.get("default").map(|value| Input { data: value.data.clone(), span: value.span });
        if matches!(self.passed, Passed::Unknown) {
            // The default has to fit whoever starts the pipeline. Newer servers make a text of a number.
            let fits = |input: &Input| kind.has(&input.data) || kind != Type::String;
            if let Some(default) = default.filter(|input| decided && fits(input)) {
                self.checked(name, spec, holder, kind, default, true);
            }
            return None;
        }
        let is_default = passed.is_none();
        let Some(input) = passed.or(default.filter(|_| decided)) else {
            if decided {
                self.problem(self.at, format!("the input `{name}` has no default and is not passed"));
            }
            return None;
        };
        self.checked(name, spec, holder, kind, input, is_default && decided)
    }

    /// The value, if it is of the type, among the options and as the pattern asks for.
    fn checked(&mut self, name: &str, spec: &Value, holder: &Value, kind: Type, input: Input, is_default: bool) -> Option<Input> {
        if !kind.has(&input.data) {
            let which = if is_default { "default" } else { "value" };
            self.problem(input.span, format!("the {which} of the input `{name}` is no {}", kind.name()));
            return None;
        }
        if let Some(options) = holder.get("options").and_then(Value::as_sequence)
            && !options.iter().any(|option| json_data(&option.data) == json_data(&input.data))
        {
            let listed: Vec<String> = options.iter().filter_map(Value::scalar_text).map(|option| format!("`{option}`")).collect();
            self.problem(input.span, format!("the input `{name}` may only be one of {}", listed.join(", ")));
            return None;
        }
        self.check_regex(name, spec, &input);
        Some(input)
    }

    fn check_regex(&mut self, name: &str, spec: &Value, input: &Input) {
        let Some(regex) = spec.get("regex") else { return };
        let (Some(source), Data::String(text)) = (regex.as_str(), &input.data) else { return };
        match Pattern::bare(source) {
            Ok(pattern) if pattern.is_match(text) => {}
            Ok(_) => self.problem(input.span, format!("`{text}` does not match `{source}`, which the input `{name}` asks for")),
            Err(why) => self.problem(regex.span, why),
        }
    }

    /// The first of the input's rules that holds, and whether that is known.
    fn rule<'v>(&self, spec: &'v Value) -> (Option<&'v Value>, bool) {
        for rule in spec.get("rules").and_then(Value::as_sequence).unwrap_or_default() {
            let Some(condition) = rule.get("if").and_then(Value::as_str) else { return (Some(rule), true) };
            let Ok(expression) = Expression::parse(condition) else { return (None, false) };
            let input = |name: &str| match self.inputs.values.get(name) {
                Some(Some(input)) => text(&input.data).map_or(Lookup::Unknown, |text| Lookup::Defined(Cow::Owned(text))),
                Some(None) => Lookup::Unknown,
                None => Lookup::Undefined,
            };
            match expression.evaluate(&|_| Lookup::Unknown, &input).truth {
                Truth::True => return (Some(rule), true),
                Truth::False => {}
                Truth::Unknown => return (None, false),
            }
        }
        (None, true)
    }
}

/// A value from outside as a YAML value, at the place of `at`.
fn data(value: &serde_json::Value, at: &Value) -> Data {
    match value {
        serde_json::Value::Null | serde_json::Value::Object(_) => Data::Null,
        serde_json::Value::Bool(value) => Data::Bool(*value),
        serde_json::Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() => Data::Float(float),
            _ => Data::Integer(number.to_string().into()),
        },
        serde_json::Value::String(text) => Data::String(text.as_str().into()),
        serde_json::Value::Array(items) => Data::Sequence(Arc::new(items.iter().map(|value| data(value, at).at(at)).collect())),
    }
}

/// What Ruby's `to_s` makes of a value that stands within a text.
#[must_use]
pub fn text(data: &Data) -> Option<String> {
    match data {
        Data::Sequence(items) => Some(format!("[{}]", items.iter().map(inspected).collect::<Option<Vec<_>>>()?.join(", "))),
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) => data.scalar_text(),
        Data::Mapping(_) | Data::Reference(_) => None,
    }
}

/// What Ruby's `inspect` makes of an item.
fn inspected(value: &Value) -> Option<String> {
    match &value.data {
        Data::String(text) => Some(format!("{text:?}")),
        Data::Null => Some("nil".to_owned()),
        Data::Symbol(text) => Some(format!(":{text}")),
        data @ (Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::Sequence(_) | Data::Mapping(_) | Data::Reference(_)) => {
            text(data)
        }
    }
}
