//! A file before and after a migration into one file and two includes, of which a CI/CD variable chooses one: the old way and the new. Knows files, not jobs.

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::Document;
use crate::source::{SourceFile, Span};
use crate::yaml::structure::CannotEdit;
use crate::yaml::{NodeId, NodeKind, Tree};

/// A document with its text.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// What it says.
    pub document: &'a Document,
    /// Its text.
    pub source: &'a SourceFile,
}

/// The paths of the two includes and the variable that chooses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    /// The file with what is used where the variable is `true`.
    pub old: String,
    /// The file with what is used otherwise.
    pub new: String,
    /// The variable.
    pub variable: String,
    /// Heads the file with the old way, without `#`.
    pub old_title: String,
    /// Heads the file with the new way, without `#`.
    pub new_title: String,
}

/// What a file becomes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    /// The file itself, which includes one of the others.
    pub main: String,
    /// The file itself as it is where the old way is chosen.
    pub with_old: String,
    /// The file itself as it is where the new way is chosen.
    pub with_new: String,
    /// The file with the old way.
    pub old: String,
    /// The file with the new way.
    pub new: String,
}

/// A top-level entry with the comments above it.
struct Part<'a> {
    name: String,
    text: &'a str,
    /// Anchors that it sets, and that it uses.
    anchors: BTreeSet<&'a str>,
}

/// Moves what differs between two versions of a file into two others.
///
/// # Errors
/// [`CannotEdit`] where it would mean something else there.
pub fn split(before: Version<'_>, after: Version<'_>, names: &Names) -> Result<Split, CannotEdit> {
    let root = before.document.tree.root().ok_or(CannotEdit { why: "the file is empty", span: before.document.root.span })?;
    let cannot = |why| CannotEdit { why, span: before.document.tree.node(root).span };
    let (preamble, old) = parts(before).ok_or_else(|| cannot("it is not a mapping by indentation"))?;
    let (_, new) = parts(after).ok_or_else(|| cannot("it is not a mapping by indentation"))?;
    let moved = moved(&old, &new);
    if moved.contains("include") {
        return Err(cannot("anchors join what changes with `include`"));
    }
    let text = |parts: &[Part<'_>]| -> String {
        let texts = parts.iter().filter(|part| moved.contains(part.name.as_str())).map(|part| format!("{}\n", part.text.trim_end()));
        texts.collect::<Vec<_>>().join("\n")
    };
    let (old_text, new_text) = (text(&old), text(&new));
    if old_text.contains("$[[") || new_text.contains("$[[") {
        return Err(cannot("inputs of the file reach into what changes"));
    }
    let kept: Vec<&Part<'_>> = old.iter().filter(|part| !moved.contains(part.name.as_str())).collect();
    let include = kept.iter().find(|part| part.name == "include").map(|_| listed(before)).transpose()?;
    let newline = before.source.newline();
    let own = |text: &str| text.replace("\r\n", "\n").replace('\n', newline);
    let last_goes = old.last().is_some_and(|part| moved.contains(part.name.as_str()));
    let main = |entries: &str| {
        let include = own(&format!("include:\n{}{entries}", include.clone().unwrap_or_default()));
        let mut out = preamble.to_owned();
        if !kept.iter().any(|part| part.name == "include") {
            out.push_str(&include);
            out.push_str(if kept.is_empty() { "" } else { newline });
        }
        for part in &kept {
            if part.name == "include" {
                let comments: usize =
                    part.text.split_inclusive('\n').take_while(|line| line.trim_start().starts_with('#')).map(str::len).sum();
                let blank = &part.text[part.text.trim_end().len()..];
                let blank = blank.split_once('\n').map_or("", |(_, rest)| rest);
                out.push_str(&format!("{}{include}{blank}", &part.text[..comments]));
            } else {
                out.push_str(part.text);
            }
        }
        if last_goes { format!("{}{newline}", out.trim_end()) } else { out }
    };
    let choice =
        |path: &str, operator: &str| format!("  - local: {path}\n    rules:\n      - if: ${} {operator} \"true\"\n", names.variable);
    let file = |title: &str, text: String| own(&format!("# {title}\n\n{text}"));
    Ok(Split {
        main: main(&(choice(&names.old, "==") + &choice(&names.new, "!="))),
        with_old: main(&format!("  - local: {}\n", names.old)),
        with_new: main(&format!("  - local: {}\n", names.new)),
        old: file(&names.old_title, old_text),
        new: file(&names.new_title, new_text),
    })
}

/// The top-level entries of a file, and what stands before them.
fn parts(version: Version<'_>) -> Option<(&str, Vec<Part<'_>>)> {
    let tree = &version.document.tree;
    let text = version.source.text();
    let pairs = tree.pairs(tree.root()?)?;
    let line = |at: usize| version.source.line_range(version.source.line_index(at)).start;
    let mut starts = Vec::new();
    for pair in pairs {
        let key = tree.node(pair.key).full.start as usize;
        if !text[line(key)..key].is_empty() {
            return None;
        }
        let above = tree.comments_above(pair.key).first().map_or(key, |comment| comment.span.start as usize);
        starts.push(line(above));
    }
    let ends = starts.iter().skip(1).copied().chain([tree.document().end as usize]);
    let preamble = &text[..*starts.first()?];
    let mut parts = Vec::new();
    for ((pair, &start), end) in pairs.iter().zip(&starts).zip(ends) {
        let name = tree.scalar(pair.key)?.text.to_string();
        parts.push(Part { name, text: text.get(start..end)?, anchors: anchors(tree, Span::new(tree.file(), start, end)) });
    }
    Some((preamble, parts))
}

/// The anchors that are set or used within a place.
fn anchors(tree: &Tree, place: Span) -> BTreeSet<&str> {
    let within = |id: &NodeId| place.contains(tree.node(*id).full);
    let nodes = tree.nodes().filter(|(id, _)| within(id));
    nodes
        .filter_map(|(_, node)| match &node.kind {
            NodeKind::Alias { name, .. } => Some(&**name),
            _ => node.anchor.as_ref().map(|anchor| &*anchor.text),
        })
        .collect()
}

/// The names of the entries that differ, and of those that anchors join with them: anchors end with their file.
fn moved<'a>(old: &'a [Part<'a>], new: &'a [Part<'a>]) -> BTreeSet<&'a str> {
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    old.iter().for_each(|part| counts.entry(&part.name).or_default()[0] += 1);
    new.iter().for_each(|part| counts.entry(&part.name).or_default()[1] += 1);
    let text = |parts: &'a [Part<'a>], name: &str| -> Vec<&'a str> {
        parts.iter().filter(|part| part.name == name).map(|part| part.text.trim_end()).collect()
    };
    let mut moved: BTreeSet<&str> = counts.keys().copied().filter(|name| text(old, name) != text(new, name)).collect();
    loop {
        let anchors: BTreeSet<&str> =
            old.iter().chain(new).filter(|part| moved.contains(part.name.as_str())).flat_map(|part| part.anchors.iter().copied()).collect();
        let before = moved.len();
        let joined = old.iter().chain(new).filter(|part| part.anchors.iter().any(|name| anchors.contains(name)));
        moved.extend(joined.map(|part| part.name.as_str()));
        if moved.len() == before {
            return moved;
        }
    }
}

/// The value of `include` as items of a list by indentation.
fn listed(version: Version<'_>) -> Result<String, CannotEdit> {
    let tree = &version.document.tree;
    let root = tree.root().expect("the file has entries");
    let pairs = tree.pairs(root).expect("the file has entries");
    let pair = pairs.iter().find(|pair| tree.scalar(pair.key).is_some_and(|key| &*key.text == "include")).expect("it has this entry");
    let node = tree.node(pair.value);
    let text = version.source.text();
    let start = version.source.line_range(version.source.line_index(node.full.start as usize)).start;
    let end = version.source.line_range(version.source.line_index(node.full.end.saturating_sub(1) as usize)).end;
    let lines = |first: &str, rest: &str| -> String {
        let lines = text[start..end].lines().map(|line| line.get(node.column as usize..).unwrap_or_else(|| line.trim_start()));
        lines.enumerate().map(|(at, line)| format!("{}{line}\n", if at == 0 { first } else { rest })).collect()
    };
    let key = tree.node(pair.key).full;
    let own_line = start > key.end as usize;
    match &node.kind {
        NodeKind::Sequence { items, .. } if own_line && tree.node(items[0]).dash.is_some() => Ok(lines("  ", "  ")),
        NodeKind::Mapping { .. } if own_line => Ok(lines("  - ", "    ")),
        NodeKind::Sequence { items, .. } if tree.node(pair.value).anchor.is_none() => {
            let items = items.iter().map(|&item| format!("  - {}\n", &text[tree.node(item).full.range()]));
            Ok(items.collect())
        }
        NodeKind::Scalar(_) | NodeKind::Mapping { .. } if !text[node.full.range()].contains('\n') => {
            Ok(format!("  - {}\n", &text[node.full.range()]))
        }
        _ => Err(CannotEdit { why: "`include` is written in a form that is not added to", span: node.span }),
    }
}
