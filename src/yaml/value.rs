//! A document as GitLab's loader sees it: typed scalars, merged mappings, and for every value where it was written and how it got there.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::source::Span;
use crate::yaml::NodeId;

/// A resolved value. Cloning is cheap: collections are shared.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it is.
    pub data: Data,
    /// Where it is written, without anchor and tag: quotes, block header and brackets included.
    pub span: Span,
    /// Its node in the tree of the file that `span` names.
    pub node: NodeId,
    /// How it got here from where it is written, nearest step first; empty where it is written in place.
    pub via: Option<Arc<Via>>,
}

/// The data of a [`Value`], typed as Ruby's Psych types YAML 1.1 scalars.
#[derive(Clone, Debug)]
pub enum Data {
    /// `~`, `null` or nothing.
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// An integer in decimal, with `-` where it is negative; of any size.
    Integer(Arc<str>),
    /// A float.
    Float(f64),
    /// A string.
    String(Arc<str>),
    /// A Ruby symbol (`:name`), without the colon.
    Symbol(Arc<str>),
    /// A sequence.
    Sequence(Arc<Vec<Value>>),
    /// A mapping.
    Mapping(Arc<Mapping>),
    /// `!reference [job, key, …]`, not yet resolved.
    Reference(Arc<Vec<Value>>),
}

/// One step between where a value is written and where it applies.
#[derive(Clone, Debug, PartialEq)]
pub struct Via {
    /// What kind of step.
    pub step: Step,
    /// Where the step is written: the alias, the `<<` key, the `extends` name, the `!reference`, the `include` entry.
    pub span: Span,
    /// The step before this one, nearer to where the value is written.
    pub next: Option<Arc<Via>>,
}

/// The kinds of [`Via`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `*name`.
    Alias(Arc<str>),
    /// `<<: …`.
    MergeKey,
    /// `extends: name`.
    Extends(Arc<str>),
    /// `!reference [name, …]`; the path joined by dots.
    Reference(Arc<str>),
    /// `default:`, or a deprecated global keyword.
    Default,
    /// `$[[ inputs.name ]]`. Its place is where the input's value is written.
    Input {
        /// The input.
        name: Arc<str>,
        /// The bytes of the block in the text as written.
        block: Range<usize>,
        /// How many bytes were put in their place; none where the value is no text within another, but the input itself.
        length: Option<usize>,
    },
    /// `include:`; the path or name of what is included.
    Include(Arc<str>),
}

/// A mapping's key as it compares: strings and symbols are the same to GitLab, other scalars are not strings.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Key {
    /// A string or a symbol.
    String(Arc<str>),
    /// Any other value, as JSON text.
    Other(Arc<str>),
}

/// A mapping's entry: what won, and what it hides.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key as written.
    pub key: Value,
    /// The value that applies.
    pub value: Value,
    /// How the entry as a whole got into this mapping (a merge key, `extends`), nearest step first.
    pub via: Option<Arc<Via>>,
    /// Entries of the same key that this one hides, nearest first: duplicates, merged mappings, ancestors, included files.
    pub shadowed: Vec<Entry>,
}

/// A mapping in the order in which its keys first came.
#[derive(Clone, Default, Debug)]
pub struct Mapping {
    /// Its entries.
    pub entries: IndexMap<Key, Entry>,
}

impl Mapping {
    /// The entry of a string key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(&Key::String(key.into()))
    }

    /// The value of a string key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entries whose key is a string, with that string.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().filter_map(|(key, entry)| match key {
            Key::String(name) => Some((&**name, entry)),
            Key::Other(_) => None,
        })
    }
}

impl Value {
    /// The value of a string key, where this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_mapping()?.get(key)
    }

    /// The mapping, where this is one.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.data {
            Data::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The items, where this is a sequence.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Value]> {
        match &self.data {
            Data::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a string or symbol; other scalars have none.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) | Data::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// A scalar as Ruby's `to_s` prints it, which is what GitLab makes of a variable's value; none for collections.
    #[must_use]
    pub fn scalar_text(&self) -> Option<String> {
        self.data.scalar_text()
    }

    /// Whether inputs were put into it, so that its text is not what is written at its place.
    #[must_use]
    pub fn is_interpolated(&self) -> bool {
        self.steps().any(|via| matches!(via.step, Step::Input { .. }))
    }

    /// What was put into its text: the bytes that it replaced in the text as written, and how many took their place, in order. None where the value as
    /// a whole is an input.
    #[must_use]
    pub fn put_in(&self) -> Option<Vec<(Range<usize>, usize)>> {
        let pieces = self.steps().filter_map(|via| match &via.step {
            Step::Input { block, length, .. } => Some(length.map(|length| (block.clone(), length))),
            Step::Alias(_) | Step::MergeKey | Step::Extends(_) | Step::Reference(_) | Step::Default | Step::Include(_) => None,
        });
        let mut pieces = pieces.collect::<Option<Vec<_>>>()?;
        pieces.sort_by_key(|(block, _)| block.start);
        Some(pieces)
    }

    /// The texts that were put into its text, in order.
    #[must_use]
    pub fn texts_put_in(&self) -> Vec<&str> {
        let (Some(text), Some(pieces)) = (self.as_str(), self.put_in()) else { return Vec::new() };
        let (mut texts, mut written, mut at) = (Vec::new(), 0, 0);
        for (block, length) in pieces {
            at += block.start - written;
            texts.extend(text.get(at..at + length));
            (written, at) = (block.end, at + length);
        }
        texts
    }

    /// The steps from here back to where the value is written.
    pub fn steps(&self) -> impl Iterator<Item = &Via> {
        std::iter::successors(self.via.as_deref(), |via| via.next.as_deref())
    }

    /// The same value, reached by one more step.
    #[must_use]
    pub fn reached_by(&self, step: Step, span: Span) -> Self {
        let via = Via { step, span, next: self.via.clone() };
        Self { via: Some(Arc::new(via)), ..self.clone() }
    }
}

impl Data {
    /// A scalar as Ruby's `to_s` prints it; none for collections.
    #[must_use]
    pub fn scalar_text(&self) -> Option<String> {
        match self {
            Self::Null => Some(String::new()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Integer(text) | Self::String(text) | Self::Symbol(text) => Some(text.to_string()),
            Self::Float(value) => Some(ruby_float(*value)),
            Self::Sequence(_) | Self::Mapping(_) | Self::Reference(_) => None,
        }
    }

    /// As a value at the place of `at`.
    #[must_use]
    pub fn at(self, at: &Value) -> Value {
        Value { data: self, ..at.clone() }
    }
}

/// A float as Ruby's `Float#to_s` prints it: `3.1`, `1.0`, `1.0e+20`, `1.0e-05`.
#[must_use]
pub fn ruby_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if value == 0.0 || (1e-4..1e16).contains(&magnitude) {
        let text = value.to_string();
        return if text.contains('.') { text } else { format!("{text}.0") };
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').expect("`{:e}` writes an exponent");
    let mantissa = if mantissa.contains('.') { mantissa.to_owned() } else { format!("{mantissa}.0") };
    let exponent: i32 = exponent.parse().expect("`{:e}` writes a whole exponent");
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}
