//! TOML text into tables whose keys and values have spans in the file that holds the text. Knows no key.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use toml::de::{DeTable, DeValue};

use crate::source::{FileId, Span};
use crate::yaml::TextMap;

/// A table, its entries in the order written.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its first header, or its braces; an empty span at its start for the whole text.
    pub span: Span,
    /// What it holds.
    pub settings: Vec<Setting>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The key, without quotes.
    pub name: String,
    /// Where it is written first.
    pub key: Span,
    /// Its value.
    pub value: Value,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Value {
    /// Quotes and brackets included; of a table written with headers, its first header.
    pub span: Span,
    /// What it is.
    pub data: Data,
}

/// The kinds of [`Value`].
#[derive(Clone, Debug)]
pub enum Data {
    /// A string.
    Text(String),
    /// An integer that fits.
    Integer(i64),
    /// A boolean.
    Bool(bool),
    /// An array, also one of tables with headers.
    Array(Vec<Value>),
    /// A table.
    Table(Table),
    /// A float, a date or a huge integer.
    Other,
}

/// A table's header, such as `[runners.docker]`.
#[derive(Clone, Debug)]
pub struct Header {
    /// With its brackets.
    pub span: Span,
    /// Its keys, without quotes, each with its place.
    pub keys: Vec<(String, Span)>,
}

impl Table {
    /// The setting `name`. The runner's decoder takes an exact name, else one that differs in case alone (BurntSushi/toml, `decode.go`).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Setting> {
        let exact = self.settings.iter().find(|setting| setting.name == name);
        exact.or_else(|| self.settings.iter().find(|setting| setting.name.eq_ignore_ascii_case(name)))
    }

    /// The table `name` in this one.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Self> {
        self.get(name)?.value.as_table()
    }

    /// The tables of the array `name`.
    pub fn tables<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Self> + use<'a> {
        self.get(name).map_or(&[][..], |setting| setting.value.as_array()).iter().filter_map(Value::as_table)
    }

    /// The string `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.value.as_text()
    }

    /// Whether `name` is `true`.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|setting| matches!(setting.value.data, Data::Bool(true)))
    }

    /// The strings of the array `name`, with their places.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<(&str, Span)> {
        let items = self.get(name).map_or(&[][..], |setting| setting.value.as_array());
        items.iter().filter_map(|item| Some((item.as_text()?, item.span))).collect()
    }
}

impl Value {
    /// The table, where this is one.
    #[must_use]
    pub fn as_table(&self) -> Option<&Table> {
        if let Data::Table(table) = &self.data { Some(table) } else { None }
    }

    /// The items of an array; none of anything else.
    #[must_use]
    pub fn as_array(&self) -> &[Self] {
        if let Data::Array(items) = &self.data { items } else { &[] }
    }

    /// The text, where this is a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }
}

/// Where the bytes of a TOML text stand in its file.
pub(super) enum Places {
    /// One after the other from an offset on.
    Plain(FileId, usize),
    /// In a YAML scalar; the flag says whether that is a literal one.
    Scalar(TextMap, bool),
}

impl Places {
    /// The text stands in `file` as it is, from `start` on.
    pub fn plain(file: FileId, start: usize) -> Self {
        Self::Plain(file, start)
    }

    /// Whether a line may be added without regard to quotes and folding.
    pub fn is_editable(&self) -> bool {
        match self {
            Self::Plain(..) => true,
            Self::Scalar(_, literal) => *literal,
        }
    }

    fn span(&self, range: Range<usize>) -> Span {
        match self {
            Self::Plain(file, start) => Span::new(*file, start + range.start, start + range.end),
            Self::Scalar(map, _) => map.cover(range),
        }
    }
}

/// Reads `text`.
///
/// # Errors
/// The place and the reason where it is no TOML.
pub(super) fn parse(text: &str, places: &Places) -> Result<(Table, Vec<Header>), (Span, String)> {
    let parsed = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0..0, |span| span.start.min(text.len())..span.end.min(text.len()));
        // The end of a text has no byte to show.
        let at = if at.start == text.len() { text.trim_end().len().saturating_sub(1)..text.trim_end().len() } else { at };
        (places.span(at), error.message().trim().to_owned())
    })?;
    let mut values = Vec::new();
    leaves(parsed.get_ref(), &mut values);
    let headers = headers(text, &values, places);
    Ok((table(parsed.get_ref(), 0..0, places), headers))
}

fn table(table: &DeTable<'_>, span: Range<usize>, places: &Places) -> Table {
    let mut settings: Vec<Setting> = table
        .iter()
        .map(|(key, found)| Setting {
            name: key.get_ref().to_string(),
            key: places.span(key.span()),
            value: value(found.get_ref(), found.span(), places),
        })
        .collect();
    settings.sort_by_key(|setting| setting.key);
    Table { span: places.span(span), settings }
}

fn value(found: &DeValue<'_>, span: Range<usize>, places: &Places) -> Value {
    let data = match found {
        DeValue::String(text) => Data::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).map_or(Data::Other, Data::Integer),
        DeValue::Boolean(value) => Data::Bool(*value),
        DeValue::Array(items) => Data::Array(items.iter().map(|item| value(item.get_ref(), item.span(), places)).collect()),
        DeValue::Table(inner) => Data::Table(table(inner, span.clone(), places)),
        DeValue::Float(_) | DeValue::Datetime(_) => Data::Other,
    };
    Value { span: places.span(span), data }
}

/// The places of the values that are no tables.
fn leaves(table: &DeTable<'_>, into: &mut Vec<Range<usize>>) {
    for (_, value) in table.iter() {
        leaf(value.get_ref(), value.span(), into);
    }
}

fn leaf(value: &DeValue<'_>, span: Range<usize>, into: &mut Vec<Range<usize>>) {
    match value {
        DeValue::Table(table) => leaves(table, into),
        DeValue::Array(items) if items.iter().all(|item| matches!(item.get_ref(), DeValue::Table(_))) => {
            items.iter().for_each(|item| leaf(item.get_ref(), item.span(), into));
        }
        _ => into.push(span),
    }
}

/// The lines that begin with a bracket outside of values.
fn headers(text: &str, values: &[Range<usize>], places: &Places) -> Vec<Header> {
    static KEY: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#""((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+)"#).expect("a valid pattern"));
    let mut values = values.to_vec();
    values.sort_by_key(|value| value.start);
    let mut at = 0;
    let mut headers = Vec::new();
    for line in text.split_inclusive('\n') {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let before = values[..values.partition_point(|value| value.start <= start)].last();
        if !text[start..].starts_with('[') || before.is_some_and(|value| start < value.end) {
            continue;
        }
        let content = text[start..at].split('#').next().unwrap_or_default().trim_end();
        let found = KEY.captures_iter(content).filter_map(|found| {
            let name = found.get(1).or(found.get(2)).or(found.get(3))?.as_str().to_owned();
            let whole = found.get(0)?.range();
            Some((name, places.span(start + whole.start..start + whole.end)))
        });
        headers.push(Header { span: places.span(start..start + content.len()), keys: found.collect() });
    }
    headers
}
