//! Overrides that all jobs of one template want alike → one entry of the template. Knows `extends` and merge keys, not what the entries mean.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::migrate::compose_edits::Override;
use crate::source::FileId;
use crate::yaml::{Data, Entry, Key, NodeId, NodeKind, Tree, Value};

/// A mapping of a file.
type Place = (FileId, NodeId);

/// Keywords that make a template more than a list of rules, so that a reader looks there for what its jobs run.
const WORK: [&str; 6] = ["script", "before_script", "after_script", "image", "services", "stage"];

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
        for (&(file, mapping), jobs) in templates.iter().filter(|(_, jobs)| jobs.len() > 1) {
            let writes =
                written(analysis, file, mapping).is_none_or(|keys| keys.contains(&keyword) || !WORK.iter().any(|work| keys.contains(work)));
            if writes || !jobs.is_subset(&places) {
                continue;
            }
            places.retain(|place| !jobs.contains(place));
            overrides.retain(|item| !(item.keyword == keyword && jobs.contains(&(item.file, item.mapping))));
            overrides.insert(Override { file, mapping, keyword, name: None, text: text.clone() });
        }
    }
    overrides
}

fn tree(analysis: &Analysis, file: FileId) -> Option<&Tree> {
    analysis.documents.get(file).map(|document| &document.tree)
}

/// The keys that a mapping has where it is written.
fn written(analysis: &Analysis, file: FileId, mapping: NodeId) -> Option<Vec<&str>> {
    let tree = tree(analysis, file)?;
    Some(tree.pairs(mapping)?.iter().filter_map(|pair| tree.scalar(pair.key)).map(|key| &*key.text).collect())
}

fn place(value: &Value) -> Place {
    (value.span.file, value.node)
}

/// The templates in which an entry reaches their jobs and nothing else, with these jobs: all of them take the template last, and none of them is a
/// template itself.
fn templates(analysis: &Analysis) -> BTreeMap<Place, BTreeSet<Place>> {
    let mut templates: BTreeMap<Place, BTreeSet<Place>> = BTreeMap::new();
    let mut unfit: BTreeSet<Place> = BTreeSet::new();
    for analyzed in &analysis.pipelines {
        let root = &analyzed.pipeline.root;
        let hidden = root.entries.iter().filter(|(key, entry)| is_hidden(key) && is_whole(entry));
        let hidden: BTreeSet<Place> = hidden.map(|(_, entry)| place(&entry.value)).collect();
        for (key, entry) in &root.entries {
            let job = place(&entry.value);
            let names = extended(&entry.value);
            let plain = !is_hidden(key) && is_whole(entry) && merged(analysis, job).is_some_and(|merged| merged.is_empty());
            for (index, parent) in names.iter().enumerate() {
                let Some(template) = parent.starts_with('.').then(|| root.entry(parent)).flatten() else { continue };
                let at = place(&template.value);
                if !plain || !is_whole(template) || index + 1 != names.len() {
                    unfit.insert(at);
                }
                templates.entry(at).or_default().insert(job);
            }
            let merged = merged(analysis, job).unwrap_or_default();
            for &parent in &merged {
                let last = names.is_empty() && merged.len() == 1;
                if is_hidden(key) || !is_whole(entry) || !last || !hidden.contains(&(job.0, parent)) {
                    unfit.insert((job.0, parent));
                }
                templates.entry((job.0, parent)).or_default().insert(job);
            }
        }
    }
    for (file, document) in analysis.documents.iter() {
        unfit.extend(used_elsewhere(&document.tree).map(|node| (file, node)));
    }
    templates.retain(|place, _| !unfit.contains(place));
    templates
}

fn is_hidden(key: &Key) -> bool {
    match key {
        Key::String(name) => name.starts_with('.'),
        Key::Other(_) => true,
    }
}

/// Whether an entry is written in one place.
fn is_whole(entry: &Entry) -> bool {
    entry.shadowed.is_empty() && entry.via.is_none() && entry.value.via.is_none()
}

/// The names that an entry extends, in their order.
fn extended(value: &Value) -> Vec<&str> {
    match value.get("extends").map(|extends| (extends.as_str(), &extends.data)) {
        Some((Some(name), _)) => vec![name],
        Some((None, Data::Sequence(names))) => names.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    }
}

/// The mappings that merge keys bring into a mapping; none where one of them cannot be told.
fn merged(analysis: &Analysis, (file, mapping): Place) -> Option<Vec<NodeId>> {
    let tree = tree(analysis, file)?;
    let merges = tree.pairs(mapping)?.iter().filter(|pair| is_merge_key(tree, pair.key));
    merges.map(|pair| if let NodeKind::Alias { target, .. } = &tree.node(pair.value).kind { *target } else { None }).collect()
}

fn is_merge_key(tree: &Tree, key: NodeId) -> bool {
    tree.scalar(key).is_some_and(|key| &*key.text == "<<")
}

/// The nodes that aliases take to other places than merge keys of the document's own entries.
fn used_elsewhere(tree: &Tree) -> impl Iterator<Item = NodeId> {
    let is_entry = |mapping: NodeId| tree.parent(mapping).is_some() && tree.parent(mapping) == tree.root();
    tree.nodes().filter_map(move |(id, node)| {
        let NodeKind::Alias { target: Some(target), .. } = node.kind else { return None };
        let merges = tree.pair_of(id).is_some_and(|pair| pair.value == id && is_merge_key(tree, pair.key));
        (!merges || !tree.parent(id).is_some_and(is_entry)).then_some(target)
    })
}
