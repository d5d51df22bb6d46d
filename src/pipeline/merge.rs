//! Two mappings into one, as GitLab's `deep_merge` does: mappings merge, anything else replaces; what is hidden stays known.

use std::sync::Arc;

use crate::source::Span;
use crate::yaml::{Data, Entry, Mapping, Step, Value, Via};

/// `over` merged over `base`. Entries that come from `base` note `step`, where one is given.
#[must_use]
pub fn merge(base: &Mapping, over: &Mapping, step: Option<(&Step, Span)>) -> Mapping {
    let mut merged = Mapping::default();
    for (key, entry) in &base.entries {
        merged.entries.insert(key.clone(), step.map_or_else(|| entry.clone(), |(step, span)| reached(entry, step, span)));
    }
    for (key, entry) in &over.entries {
        match (base.entries.get(key), merged.entries.get_mut(key)) {
            (Some(below), Some(slot)) => *slot = laid_over(below, slot, entry, step),
            (None | Some(_), None | Some(_)) => {
                merged.entries.insert(key.clone(), entry.clone());
            }
        }
    }
    merged
}

/// The entry, reached by one more step; what it hides is reached by it too.
#[must_use]
pub fn reached(entry: &Entry, step: &Step, span: Span) -> Entry {
    let via = Via { step: step.clone(), span, next: entry.via.clone() };
    Entry { via: Some(Arc::new(via)), shadowed: entry.shadowed.iter().map(|below| reached(below, step, span)).collect(), ..entry.clone() }
}

fn laid_over(base: &Entry, reached_base: &Entry, over: &Entry, step: Option<(&Step, Span)>) -> Entry {
    let data = match (&base.value.data, &over.value.data) {
        (Data::Mapping(below), Data::Mapping(above)) => Data::Mapping(Arc::new(merge(below, above, step))),
        (_, above) => above.clone(),
    };
    let mut shadowed = over.shadowed.clone();
    shadowed.push(Entry { shadowed: Vec::new(), ..reached_base.clone() });
    shadowed.extend(reached_base.shadowed.iter().cloned());
    Entry { value: Value { data, ..over.value.clone() }, shadowed, ..over.clone() }
}
