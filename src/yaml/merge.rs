//! Entries into a mapping in the order in which Ruby's `Hash#merge!` and `[]=` apply them: a later entry takes the place of an
//! earlier one of the same key and hides it.

use std::sync::Arc;

use indexmap::IndexMap;
use indexmap::map::Entry as Slot;

use super::value::{Data, Entry, Key, Mapping, Step, Value, Via};
use crate::source::Span;

/// A mapping that is being built. Until it is finished, hidden entries are kept oldest first, so that each costs the same.
#[derive(Default)]
pub(super) struct Builder {
    entries: IndexMap<Key, Entry>,
}

impl Builder {
    pub fn with_capacity(pairs: usize) -> Self {
        Self { entries: IndexMap::with_capacity(pairs) }
    }

    /// Adds an entry whose own hidden entries are oldest first.
    pub fn insert(&mut self, key: Key, entry: Entry) {
        match self.entries.entry(key) {
            Slot::Vacant(slot) => {
                slot.insert(entry);
            }
            Slot::Occupied(mut slot) => {
                let mut old = slot.insert(entry);
                let mut hidden = std::mem::take(&mut old.shadowed);
                hidden.push(old);
                let winner = slot.get_mut();
                hidden.append(&mut winner.shadowed);
                winner.shadowed = hidden;
            }
        }
    }

    /// Adds the entries of the mapping that `source` is, brought by the key at `key`.
    pub fn merge(&mut self, mapping: &Mapping, key: Span, source: &Value) {
        let steps: Vec<(Step, Span)> =
            std::iter::once((Step::MergeKey, key)).chain(source.steps().map(|via| (via.step.clone(), via.span))).collect();
        let direct = behind(&steps, None);
        let reach = |via: &Option<Arc<Via>>| if via.is_none() { direct.clone() } else { behind(&steps, via.clone()) };
        for (name, entry) in &mapping.entries {
            let mut copy = brought(entry, &reach);
            copy.shadowed = entry.shadowed.iter().rev().map(|hidden| brought(hidden, &reach)).collect();
            self.insert(name.clone(), copy);
        }
    }

    /// Adds the entries of several mappings, of which earlier ones win; false, and nothing changed, if one isn't a mapping.
    pub fn merge_list(&mut self, sources: &[Value], key: Span) -> bool {
        let mut together = Self::default();
        for source in sources.iter().rev() {
            let Data::Mapping(mapping) = &source.data else { return false };
            together.merge(mapping, key, source);
        }
        for (name, entry) in together.entries {
            self.insert(name, entry);
        }
        true
    }

    pub fn finish(mut self) -> Mapping {
        for entry in self.entries.values_mut() {
            entry.shadowed.reverse();
        }
        Mapping { entries: self.entries }
    }
}

fn brought(entry: &Entry, reach: &impl Fn(&Option<Arc<Via>>) -> Option<Arc<Via>>) -> Entry {
    let value = Value { via: reach(&entry.value.via), ..entry.value.clone() };
    Entry { key: entry.key.clone(), value, via: reach(&entry.via), shadowed: Vec::new() }
}

/// The steps, nearest first, in front of those before them.
fn behind(steps: &[(Step, Span)], before: Option<Arc<Via>>) -> Option<Arc<Via>> {
    steps.iter().rev().fold(before, |next, (step, span)| Some(Arc::new(Via { step: step.clone(), span: *span, next })))
}
