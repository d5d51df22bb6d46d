//! One job with everything that applies to it, and typed views of the keywords that matter here.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::pipeline::extends::Missing;
use crate::pipeline::script::Script;
use crate::source::Span;
use crate::yaml::{Data, Entry, Mapping, NodeId, Value};

/// A visible job, resolved.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub name: Arc<str>,
    /// Where its name is written, in the file that has the last word on it.
    pub key: Span,
    /// Everything merged in: `extends`, `!reference`, `default`; without `extends` and `inherit`.
    pub config: Mapping,
    /// The job as its file has it, only `extends` of its own name list merged away; what an override may be added to.
    pub own: Value,
    /// What it needs that no readable file defines.
    pub missing: Vec<Missing>,
    /// `before_script` and `script`: one shell.
    pub script: Script,
    /// `after_script`: another shell, which starts anew.
    pub after_script: Script,
    /// The variables that YAML gives it: `variables` of the pipeline as far as inherited, then its own.
    pub variables: IndexMap<Arc<str>, Variable>,
    /// Variables that rules or a matrix set in some pipelines.
    pub conditional: Vec<(Arc<str>, Variable)>,
    /// Its `inherit`.
    pub inherit: Option<Value>,
}

/// Where a variable is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// `variables` of the pipeline.
    Pipeline,
    /// `variables` of the job.
    Job,
    /// `rules:variables` or `workflow:rules:variables`.
    Rule,
    /// `parallel:matrix`.
    Matrix,
}

/// A variable of a job.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Where it is set.
    pub level: Level,
    /// Its entry: key, value and the entries that it hides. The value may be a mapping with `value` and `expand`.
    pub entry: Entry,
}

impl Variable {
    /// The value as the job sees it before expansion, as Ruby's `to_s` prints it; none where the form is invalid.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        self.value().and_then(Value::scalar_text)
    }

    /// The scalar that holds the value.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        let value = &self.entry.value;
        if value.as_mapping().is_some() { value.get("value") } else { Some(value) }
    }

    /// Whether `$NAME` in the value is expanded (`expand: false` forbids it).
    #[must_use]
    pub fn expands(&self) -> bool {
        !matches!(self.entry.value.get("expand").map(|value| &value.data), Some(Data::Bool(false)))
    }
}

/// `image:`, or an item of `services:`.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name as written, variables unexpanded.
    pub name: Value,
    /// The whole value: the string, or the mapping.
    pub value: Value,
    /// `alias`, split at commas and blanks.
    pub aliases: Vec<String>,
}

impl Image {
    fn new(value: &Value) -> Option<Self> {
        let name = if value.as_mapping().is_some() { value.get("name")?.clone() } else { value.clone() };
        name.as_str()?;
        let alias = value.get("alias").and_then(Value::scalar_text).unwrap_or_default();
        let aliases = alias.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Some(Self { name, value: value.clone(), aliases })
    }

    /// The name's text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.name.as_str().expect("only strings become images")
    }

    /// The strings of `entrypoint`, where it is given.
    #[must_use]
    pub fn entrypoint(&self) -> Option<Vec<String>> {
        self.strings("entrypoint")
    }

    /// The strings of `command`, where it is given; a single string counts as one.
    #[must_use]
    pub fn command(&self) -> Option<Vec<String>> {
        self.strings("command")
    }

    /// The service's own `variables`.
    #[must_use]
    pub fn variables(&self) -> Option<&Mapping> {
        self.value.get("variables")?.as_mapping()
    }

    fn strings(&self, keyword: &str) -> Option<Vec<String>> {
        let value = self.value.get(keyword)?;
        let mut invalid = Vec::new();
        Some(super::script::flat(value, &mut invalid).into_iter().filter_map(Value::scalar_text).collect())
    }
}

impl Job {
    /// The job in one pipeline, where it is known which variables have which values, whoever sets them.
    #[must_use]
    pub fn settled<'v>(&self, values: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let mut job = Self { conditional: Vec::new(), ..self.clone() };
        let value = |text: &str| Value { data: Data::String(text.into()), span: self.key, node: NodeId(0), via: None };
        for (name, text) in values {
            let entry = Entry { key: value(name), value: value(text), via: None, shadowed: Vec::new() };
            job.variables.insert(name.into(), Variable { level: Level::Job, entry });
        }
        job
    }

    /// The image, where the pipeline names one.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        Image::new(self.config.get("image")?)
    }

    /// The services, in order; items of invalid form are left out.
    #[must_use]
    pub fn services(&self) -> Vec<Image> {
        self.config.get("services").and_then(Value::as_sequence).unwrap_or_default().iter().filter_map(Image::new).collect()
    }

    /// The runner tags.
    #[must_use]
    pub fn tags(&self) -> Vec<Value> {
        let mut invalid = Vec::new();
        self.config.get("tags").map(|tags| super::script::flat(tags, &mut invalid).into_iter().cloned().collect()).unwrap_or_default()
    }

    /// The stage's name.
    #[must_use]
    pub fn stage(&self) -> &str {
        self.config.get("stage").and_then(Value::as_str).unwrap_or("test")
    }

    /// Whether it takes the pipeline's variable `name`.
    #[must_use]
    pub fn inherits_variable(&self, name: &str) -> bool {
        super::resolve::inherits(self.inherit.as_ref(), "variables", name)
    }

    /// Whether there is something that it does: a script, steps, a pipeline that it starts or one whose status it mirrors.
    #[must_use]
    pub fn acts(&self) -> bool {
        let acts = ["script", "run", "trigger"].iter().any(|keyword| self.config.get(keyword).is_some_and(|value| !value.is_null()));
        acts || self.config.get("needs").is_some_and(|needs| needs.get("pipeline").is_some())
    }

    /// Whether it runs a script; otherwise it is a `trigger` or a `run` job, or not valid.
    #[must_use]
    pub fn is_script(&self) -> bool {
        self.config.get("script").is_some()
    }

    /// The source bytes behind `range` of `script`, for messages; the job's name where they are not known.
    #[must_use]
    pub fn place(&self, script: &Script, range: Range<usize>) -> Span {
        script.place(range).unwrap_or(self.key)
    }
}
