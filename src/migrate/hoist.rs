//! Overrides that all jobs of one template want alike → one entry of the template. Knows `extends`, not what the entries mean.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::migrate::compose_edits::Override;
use crate::source::FileId;
use crate::yaml::{Data, Key, Mapping, NodeId, Value};

/// A mapping of a file.
type Place = (FileId, NodeId);

/// A template with the jobs that extend it as their last, so that nothing but the jobs themselves has another word.
struct Template<'a> {
    value: &'a Value,
    jobs: BTreeSet<Place>,
}

/// The overrides, written once where a template's jobs all want the same.
pub(super) fn hoisted(analysis: &Analysis, mut overrides: BTreeSet<Override>) -> BTreeSet<Override> {
    let mut wanted: BTreeMap<(&'static str, String), BTreeSet<Place>> = BTreeMap::new();
    for item in overrides.iter().filter(|item| item.name.is_none() && !item.keyword.is_empty()) {
        wanted.entry((item.keyword, item.text.clone())).or_default().insert((item.file, item.mapping));
    }
    wanted.retain(|_, places| places.len() > 1);
    if wanted.is_empty() {
        return overrides;
    }
    let templates = templates(analysis);
    for ((keyword, text), mut places) in wanted {
        for template in templates.values().filter(|template| template.value.get(keyword).is_none() && template.jobs.len() > 1) {
            if !template.jobs.is_subset(&places) {
                continue;
            }
            places.retain(|place| !template.jobs.contains(place));
            overrides.retain(|item| !(item.keyword == keyword && template.jobs.contains(&(item.file, item.mapping))));
            let (file, mapping) = place(template.value);
            overrides.insert(Override { file, mapping, keyword, name: None, text: text.clone() });
        }
    }
    overrides
}

fn place(value: &Value) -> Place {
    (value.span.file, value.node)
}

/// The templates that may take an entry, by where they are written.
fn templates(analysis: &Analysis) -> BTreeMap<Place, Template<'_>> {
    let mut templates: BTreeMap<Place, Template<'_>> = BTreeMap::new();
    let mut unfit: BTreeSet<Place> = BTreeSet::new();
    for analyzed in &analysis.pipelines {
        let root = &analyzed.pipeline.root;
        for (key, entry) in &root.entries {
            let hidden = matches!(key, Key::Other(_)) || matches!(key, Key::String(name) if name.starts_with('.'));
            let names = extended(&entry.value);
            for (index, parent) in names.iter().enumerate() {
                let Some(template) = root.entry(parent).filter(|_| parent.starts_with('.')) else { continue };
                let value = &template.value;
                let whole = template.shadowed.is_empty() && value.via.is_none() && is_plain(analysis, value);
                if !whole
                    || hidden
                    || !is_plain(analysis, &entry.value)
                    || index + 1 != names.len()
                    || entry.value.via.is_some()
                    || !entry.shadowed.is_empty()
                {
                    unfit.insert(place(value));
                }
                let known = templates.entry(place(value)).or_insert_with(|| Template { value, jobs: BTreeSet::new() });
                known.jobs.insert(place(&entry.value));
            }
        }
    }
    templates.retain(|place, _| !unfit.contains(place));
    templates
}

/// The names that an entry extends, in their order.
fn extended(value: &Value) -> Vec<&str> {
    match value.get("extends").map(|extends| (extends.as_str(), &extends.data)) {
        Some((Some(name), _)) => vec![name],
        Some((None, Data::Sequence(names))) => names.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    }
}

/// Whether a mapping is all that it seems: nothing is merged into it, and no alias takes it elsewhere.
fn is_plain(analysis: &Analysis, value: &Value) -> bool {
    let Some(tree) = analysis.documents.get(value.span.file).map(|document| &document.tree) else { return false };
    let merges = |mapping: &Mapping| mapping.entries.values().any(|entry| entry.via.is_some());
    tree.node(value.node).anchor.is_none() && value.as_mapping().is_some_and(|mapping| !merges(mapping))
}
