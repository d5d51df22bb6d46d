//! Agreed changes to definitions, and overrides for single jobs, into byte edits of the files. Knows YAML structure, not docker.

use std::collections::{BTreeMap, BTreeSet};

use crate::edit::Edit;
use crate::migrate::changes::{Beside, Change, Definition};
use crate::pipeline::Documents;
use crate::source::FileId;
use crate::yaml::structure::{CannotEdit, Page, scalar};
use crate::yaml::{NodeId, NodeKind};

/// An entry that a job gets of its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Override {
    /// The file of the mapping.
    pub file: FileId,
    /// The mapping.
    pub mapping: NodeId,
    /// The keyword, such as `services`, or `variables` with a name.
    pub keyword: &'static str,
    /// For `variables`: the variable's name.
    pub name: Option<String>,
    /// What stands behind `keyword:`, with a [`LEVEL`] for each level of indentation.
    pub text: String,
}

/// Stands for one level of indentation at the beginning of an override's line.
pub const LEVEL: char = '\0';

/// The edits of all changes.
///
/// # Errors
/// [`CannotEdit`] where the text's form leaves room for doubt.
pub fn edits(
    documents: &Documents,
    changes: &BTreeMap<Definition, Change>,
    insertions: &BTreeMap<Beside, Vec<String>>,
    overrides: &BTreeSet<Override>,
) -> Result<Vec<Edit>, CannotEdit> {
    let mut composer = Composer { documents, changes, edits: Vec::new(), removed: BTreeMap::new() };
    for (definition, change) in changes {
        composer.change(*definition, change)?;
    }
    for (place, lines) in insertions {
        composer.insert(*place, lines)?;
    }
    composer.removals()?;
    composer.overrides(overrides)?;
    Ok(composer.edits)
}

struct Composer<'a> {
    documents: &'a Documents,
    changes: &'a BTreeMap<Definition, Change>,
    edits: Vec<Edit>,
    /// By collection: the children (items, or keys) that go.
    removed: BTreeMap<(FileId, NodeId), BTreeSet<NodeId>>,
}

/// Words of comments that only describe what goes.
const STALE: &[&str] = &[
    "dind",
    "docker-in-docker",
    "docker in docker",
    "tls",
    "2375",
    "2376",
    "overlay",
    "daemon",
    "docker_host",
    "docker_driver",
    "buildkit",
    "docker host",
];

/// A comment goes with all the lines that it heads, or where it only describes a daemon.
fn stale(comment: &str, whole: bool) -> bool {
    let comment = comment.to_ascii_lowercase();
    whole || (STALE.iter().any(|word| comment.contains(word)) && !comment.contains("undind:"))
}

impl Composer<'_> {
    fn page(&self, file: FileId) -> Page<'_> {
        let document = self.documents.get(file).expect("definitions lie in loaded documents");
        Page { tree: &document.tree, source: self.documents.sources().get(file) }
    }

    fn change(&mut self, definition: Definition, change: &Change) -> Result<(), CannotEdit> {
        let file = definition.span.file;
        match change {
            Change::RemoveEntry { keep_empty } => self.remove_entry(file, definition.node, *keep_empty),
            Change::RemoveItem => {
                let Some(sequence) = self
                    .page(file)
                    .tree
                    .parent(definition.node)
                    .filter(|parent| matches!(self.page(file).tree.node(*parent).kind, NodeKind::Sequence { .. }))
                else {
                    return Err(CannotEdit { why: "it is not an item of a sequence", span: definition.span });
                };
                self.removed.entry((file, sequence)).or_default().insert(definition.node);
                Ok(())
            }
            Change::EmptyValue(span) => {
                self.edits.push(Edit::replace(*span, "\"\""));
                Ok(())
            }
            Change::Replace(text) => {
                self.edits.push(Edit::replace(definition.span, scalar(text)));
                Ok(())
            }
            Change::Value(text) => {
                self.edits.push(Edit::replace(definition.span, text));
                Ok(())
            }
            Change::Item(edits) => {
                self.edits.extend(edits.iter().cloned());
                Ok(())
            }
        }
    }

    fn insert(&mut self, place: Beside, lines: &[String]) -> Result<(), CannotEdit> {
        let definition = place.definition;
        if place.behind {
            let items: Vec<String> = lines.iter().map(|line| scalar(line)).collect();
            let added = self.page(definition.span.file).insert_items_behind(definition.node, &items)?;
            self.edits.extend(added);
            return Ok(());
        }
        let own = match self.changes.get(&definition) {
            Some(Change::Item(edits)) => edits.clone(),
            Some(Change::RemoveEntry { .. } | Change::EmptyValue(_) | Change::RemoveItem | Change::Replace(_) | Change::Value(_))
            | None => Vec::new(),
        };
        let added = self.before(definition.span.file, definition, lines, &own)?;
        self.edits.extend(added);
        Ok(())
    }

    /// Lines before an item; before a script that is one string, which becomes a list, or gets them as its first lines.
    fn before(&mut self, file: FileId, definition: Definition, lines: &[String], edits: &[Edit]) -> Result<Vec<Edit>, CannotEdit> {
        let page = self.page(file);
        let items: Vec<String> = lines.iter().map(|line| scalar(line)).collect();
        let in_sequence =
            page.tree.parent(definition.node).is_some_and(|parent| matches!(page.tree.node(parent).kind, NodeKind::Sequence { .. }));
        if in_sequence {
            return page.insert_items_before(definition.node, &items);
        }
        page.scalar_to_items(definition.node, lines, edits)
    }

    fn remove_entry(&mut self, file: FileId, key: NodeId, keep_empty: bool) -> Result<(), CannotEdit> {
        let page = self.page(file);
        let (Some(mapping), Some(pair)) = (page.tree.parent(key), page.tree.pair_of(key)) else {
            return Err(CannotEdit { why: "it is not an entry of a mapping", span: page.tree.node(key).span });
        };
        if keep_empty {
            let edit = page.empty_list(pair);
            self.edits.push(edit);
            return Ok(());
        }
        self.removed.entry((file, mapping)).or_default().insert(pair.key);
        Ok(())
    }

    /// Children that go; a collection of which nothing would be left goes as a whole, or becomes an empty list.
    fn removals(&mut self) -> Result<(), CannotEdit> {
        while let Some(((file, collection), children)) = self.removed.pop_last() {
            let document = self.documents.get(file).expect("definitions lie in loaded documents").clone();
            let page = Page { tree: &document.tree, source: self.documents.sources().get(file) };
            let all = match &page.tree.node(collection).kind {
                NodeKind::Mapping { pairs, .. } => pairs.len(),
                NodeKind::Sequence { items, .. } => items.len(),
                NodeKind::Scalar(_) | NodeKind::Alias { .. } => 0,
            };
            if children.len() < all {
                self.edits.extend(page.remove_children(collection, &children, &stale)?);
                continue;
            }
            let Some(pair) = page.tree.pair_of(collection).filter(|pair| pair.value == collection) else {
                return Err(CannotEdit { why: "nothing would be left of it", span: page.tree.node(collection).span });
            };
            let keyword = page.tree.scalar(pair.key).map(|key| key.text.to_string()).unwrap_or_default();
            let parent = page.tree.parent(pair.key).expect("a key lies in a mapping");
            let is_job = page.tree.parent(parent).is_none() && !["variables", "default", "services"].contains(&keyword.as_str());
            if is_job {
                // GitLab refuses an empty job or template, so one entry stays and becomes empty.
                let edits = page.empty_all(collection, &children, &stale)?;
                self.edits.extend(edits);
            } else if ["variables", "services", "default", "tags", "before_script", "after_script"].contains(&keyword.as_str()) {
                self.removed.entry((file, parent)).or_default().insert(pair.key);
            } else {
                return Err(CannotEdit { why: "nothing would be left of it", span: page.tree.node(collection).span });
            }
        }
        Ok(())
    }

    fn overrides(&mut self, overrides: &BTreeSet<Override>) -> Result<(), CannotEdit> {
        let mut by_mapping: BTreeMap<(FileId, NodeId), Vec<&Override>> = BTreeMap::new();
        for item in overrides {
            by_mapping.entry((item.file, item.mapping)).or_default().push(item);
        }
        for ((file, mapping), items) in by_mapping {
            let page = self.page(file);
            let unit = page.indentation_unit(mapping);
            let indented = |text: &str| text.replace(LEVEL, &unit);
            let mut text = String::new();
            let mut edits = Vec::new();
            for item in items.iter().filter(|item| item.keyword.is_empty()) {
                edits.extend(page.insert_entry(mapping, &[], &indented(&item.text))?);
            }
            for item in items.iter().filter(|item| item.keyword == "services") {
                text.push_str(&format!("services:{}\n", indented(&item.text)));
            }
            let variables: Vec<&&Override> = items.iter().filter(|item| item.keyword == "variables").collect();
            if !variables.is_empty() {
                let lines: String =
                    variables.iter().map(|item| format!("{}: {}\n", item.name.as_deref().unwrap_or_default(), item.text)).collect();
                match page.value_of(mapping, "variables") {
                    Some(own) if self.empties(file, own) => {
                        return Err(CannotEdit { why: "its variables would change twice", span: page.tree.node(own).span });
                    }
                    Some(own) => edits.extend(page.insert_entry(own, &[], &lines)?),
                    None => {
                        text.push_str(&format!("variables:\n{}", lines.lines().map(|line| format!("{unit}{line}\n")).collect::<String>()))
                    }
                }
            }
            for item in items.iter().filter(|item| !matches!(item.keyword, "" | "services" | "variables")) {
                text.push_str(&format!("{}:{}\n", item.keyword, indented(&item.text)));
            }
            if !text.is_empty() {
                edits.extend(page.insert_entry(mapping, &["before_script", "script", "after_script"], &text)?);
            }
            self.edits.extend(edits);
        }
        Ok(())
    }

    /// Whether all entries of a mapping go.
    fn empties(&self, file: FileId, mapping: NodeId) -> bool {
        let page = self.page(file);
        let pairs = page.tree.pairs(mapping).unwrap_or_default();
        !pairs.is_empty() && pairs.iter().all(|pair| self.changes.keys().any(|definition| definition.span == page.tree.node(pair.key).span))
    }
}
