//! `before_script`, `script` and `after_script` into the text that one shell runs, each byte knowing where it is written. Knows no shell.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::pipeline::document::Documents;
use crate::source::{FileId, Span};
use crate::yaml::{Data, Mapping, NodeId, TextMap, Value};

/// Deepest nesting of lists in a script: `Gitlab::Ci::Config::Entry::Commands`.
const MAX_DEPTH: usize = 10;
/// Most items of one script; lists that refer to each other can multiply.
const MAX_ITEMS: usize = 20_000;

/// The keyword that a script item belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Section {
    /// `before_script`.
    BeforeScript,
    /// `script`.
    Script,
    /// `after_script`.
    AfterScript,
}

impl Section {
    /// The keyword.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::BeforeScript => "before_script",
            Self::Script => "script",
            Self::AfterScript => "after_script",
        }
    }
}

/// One command list item.
#[derive(Clone, Debug)]
pub struct Item {
    /// The keyword it applies through.
    pub section: Section,
    /// The string.
    pub value: Value,
    /// Its bytes in [`Script::text`].
    pub range: Range<usize>,
    map: Option<Arc<TextMap>>,
}

impl Item {
    /// How its text maps to the bytes of its file.
    #[must_use]
    pub fn map(&self) -> Option<&TextMap> {
        self.map.as_deref()
    }
}

/// How scalars map to the bytes of their files, for the jobs that share them.
#[derive(Default, Debug)]
pub struct TextMaps(HashMap<(FileId, NodeId), Option<Arc<TextMap>>>);

impl TextMaps {
    fn of(&mut self, value: &Value, documents: &Documents) -> Option<Arc<TextMap>> {
        if value.is_interpolated() {
            // The same place gives other texts elsewhere.
            return documents.scalar_text(value).map(Arc::new);
        }
        self.0.entry((value.span.file, value.node)).or_insert_with(|| documents.scalar_text(value).map(Arc::new)).clone()
    }
}

/// The items that run in one shell, joined by newlines.
#[derive(Clone, Default, Debug)]
pub struct Script {
    /// The text.
    pub text: Arc<str>,
    /// Its items, in order.
    pub items: Vec<Item>,
    /// Items that are no strings; GitLab refuses such a job.
    pub invalid: Vec<Span>,
}

impl Script {
    /// Joins the items of `sections` of a resolved job.
    #[must_use]
    pub fn new(job: &Mapping, sections: &[Section], documents: &Documents, maps: &mut TextMaps) -> Self {
        let mut script = Self::default();
        let mut text = String::new();
        for &section in sections {
            let Some(value) = job.get(section.keyword()) else { continue };
            for value in flat(value, &mut script.invalid) {
                let Some(line) = value.as_str() else {
                    script.invalid.push(value.span);
                    continue;
                };
                if !script.items.is_empty() {
                    text.push('\n');
                }
                let start = text.len();
                text.push_str(line);
                let map = maps.of(value, documents);
                script.items.push(Item { section, value: value.clone(), range: start..text.len(), map });
            }
        }
        script.text = text.into();
        script
    }

    /// The index of the item that holds the byte at `offset` of the text.
    #[must_use]
    pub fn item_at(&self, offset: usize) -> Option<usize> {
        let index = self.items.partition_point(|item| item.range.end < offset);
        (index < self.items.len() && self.items[index].range.start <= offset).then_some(index)
    }

    /// The source bytes of `range` of the text, where they are the same bytes, in one item, and may be edited in place.
    #[must_use]
    pub fn source(&self, range: Range<usize>) -> Option<Span> {
        let item = &self.items[self.item_at(range.start)?];
        if range.end > item.range.end {
            return None;
        }
        item.map.as_ref()?.source(range.start - item.range.start..range.end - item.range.start)
    }

    /// The smallest source span that shows `range` of the text to a person, cut at the end of the item in which it begins.
    #[must_use]
    pub fn place(&self, range: Range<usize>) -> Option<Span> {
        let item = &self.items[self.item_at(range.start)?];
        let end = range.end.min(item.range.end).max(range.start);
        let within = range.start - item.range.start..end - item.range.start;
        Some(item.map.as_ref().map_or(item.value.span, |map| map.cover(within)))
    }
}

/// The items of a script value, nested lists flattened, a string being a list of one; `null` has none.
#[must_use]
pub fn flat<'a>(value: &'a Value, invalid: &mut Vec<Span>) -> Vec<&'a Value> {
    let mut items = Vec::new();
    push_flat(value, 0, &mut items, invalid);
    items
}

fn push_flat<'a>(value: &'a Value, depth: usize, items: &mut Vec<&'a Value>, invalid: &mut Vec<Span>) {
    match &value.data {
        Data::Null if depth == 0 => {}
        Data::Sequence(nested) if depth < MAX_DEPTH => {
            for item in nested.iter() {
                push_flat(item, depth + 1, items, invalid);
            }
        }
        Data::Sequence(_) => invalid.push(value.span),
        Data::Null
        | Data::Bool(_)
        | Data::Integer(_)
        | Data::Float(_)
        | Data::String(_)
        | Data::Symbol(_)
        | Data::Mapping(_)
        | Data::Reference(_) => {
            if items.len() < MAX_ITEMS {
                items.push(value);
            } else if items.len() == MAX_ITEMS {
                invalid.push(value.span);
            }
        }
    }
}
