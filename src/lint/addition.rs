//! What a fix adds to a job or a service, as edits. Refuses where the form of the file, or another job, stands in the way. Knows no rule.

use crate::edit::Edit;
use crate::lint::rule::Context;
use crate::pipeline::{Image, Job};
use crate::source::FileId;
use crate::yaml::structure::Page;
use crate::yaml::{CollectionStyle, Entry, NodeKind, Step, Value, Via};

/// A file's tree and text, for edits.
fn page<'a>(context: &Context<'a>, file: FileId) -> Option<Page<'a>> {
    Some(Page { tree: context.tree(file)?, source: context.analysis.documents.sources().get(file) })
}

/// Adds variables to the job, in its own `variables` or in new ones; values as YAML.
///
/// None where the job takes its variables from an alias, is written in braces, or is extended by another job, which would get them as well.
#[must_use]
pub fn variables(context: &Context<'_>, job: &Job, new: &[(&str, &str)]) -> Option<Vec<Edit>> {
    let own = job.own.as_mapping()?;
    let lines = new.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>();
    match own.entry("variables") {
        Some(entry) => {
            let place = (entry.via.is_none() && entry.value.via.is_none() && !is_extended(context, job)).then_some(&entry.value)?;
            page(context, place.span.file)?.append_entry(place.node, &lines.join("\n")).ok()
        }
        None => entries(context, job, &format!("variables:\n  {}", lines.join("\n  "))),
    }
}

/// Adds entries to the job itself: `text` is YAML without indentation.
#[must_use]
pub fn entries(context: &Context<'_>, job: &Job, text: &str) -> Option<Vec<Edit>> {
    let in_place = job.own.via.is_none() && job.own.span.file == job.key.file && !is_extended(context, job);
    in_place.then(|| page(context, job.own.span.file)?.append_entry(job.own.node, text).ok())?
}

/// Adds an entry to a service: to its mapping, or to the mapping that its name becomes.
#[must_use]
pub fn service_entry(context: &Context<'_>, service: &Image, keyword: &str, value: &str) -> Option<Vec<Edit>> {
    let place = &service.value;
    let page = page(context, place.span.file)?;
    let entry = format!("{keyword}: {value}");
    if place.as_mapping().is_some() {
        return page.append_entry(place.node, &entry).ok();
    }
    let node = page.tree.node(place.node);
    let NodeKind::Scalar(_) = node.kind else { return None };
    if node.anchor.is_some() || node.tag.is_some() {
        return None;
    }
    if node.dash.is_some() {
        let below = page.lines_below(node.full.end as usize, node.column as usize, &entry);
        return Some(vec![Edit::insert_before(node.full, "name: "), below]);
    }
    let parent = page.tree.parent(place.node)?;
    let in_flow = matches!(page.tree.node(parent).kind, NodeKind::Sequence { style: CollectionStyle::Flow, .. });
    in_flow.then(|| vec![Edit::replace(node.full, format!("{{name: {}, {entry}}}", context.slice(node.full)))])
}

/// Gives a job's image an empty entrypoint, so that the runner's shell is what runs.
///
/// None where the image is an anchor's or an alias's, or has an entrypoint.
#[must_use]
pub fn without_entrypoint(context: &Context<'_>, image: &Image) -> Option<Vec<Edit>> {
    const ENTRYPOINT: &str = "entrypoint: [\"\"]";
    let page = page(context, image.value.span.file)?;
    if image.value.as_mapping().is_some() {
        let unset = image.value.get("entrypoint").is_none();
        return unset.then(|| page.append_entry(image.value.node, ENTRYPOINT).ok())?;
    }
    let node = page.tree.node(image.value.node);
    let NodeKind::Scalar(_) = node.kind else { return None };
    let written = context.slice(node.full);
    let quoted = written.starts_with(['"', '\'']);
    let plain = node.anchor.is_none() && node.tag.is_none() && (quoted || !written.contains(['"', '\\', '\n']));
    let name = if quoted { written.to_owned() } else { format!("\"{written}\"") };
    plain.then(|| vec![Edit::replace(node.full, format!("{{ name: {name}, {ENTRYPOINT} }}"))])
}

/// Adds a path to the artifacts of the job, which may have none.
///
/// None where they come from elsewhere, or another job extends this one.
#[must_use]
pub fn artifact(context: &Context<'_>, job: &Job, path: &str) -> Option<Vec<Edit>> {
    let Some(entry) = job.own.as_mapping()?.entry("artifacts") else {
        let inherited = job.config.entry("artifacts").is_some();
        return if inherited { None } else { entries(context, job, &format!("artifacts:\n  paths:\n    - {path}")) };
    };
    let in_place = |value: &Value| value.via.is_none() && !is_extended(context, job);
    let page = page(context, entry.value.span.file)?;
    match entry.value.get("paths") {
        _ if entry.via.is_some() || !in_place(&entry.value) => None,
        Some(paths) if in_place(paths) => page.append_item(paths.node, path).ok(),
        Some(_) => None,
        None => page.append_entry(entry.value.node, &format!("paths:\n  - {path}")).ok(),
    }
}

/// Adds an argument to the `command` of a service, where that is a list.
#[must_use]
pub fn service_argument(context: &Context<'_>, service: &Image, argument: &str) -> Option<Vec<Edit>> {
    let command = service.value.get("command").filter(|command| command.via.is_none())?;
    page(context, command.span.file)?.append_item(command.node, argument).ok()
}

/// Adds an entry beside `entry`, in the mapping in which that is written.
#[must_use]
pub fn sibling(context: &Context<'_>, entry: crate::source::Span, text: &str) -> Option<Vec<Edit>> {
    let page = page(context, entry.file)?;
    let key = page.tree.nodes().find(|(_, node)| node.span == entry).map(|(id, _)| id)?;
    page.append_entry(page.tree.parent(key)?, text).ok()
}

/// Removes a service, and the whole `services` with the last one.
#[must_use]
pub fn without_service(context: &Context<'_>, services: &Entry, service: &Image) -> Option<Vec<Edit>> {
    let page = page(context, service.value.span.file)?;
    let keep = |_: &str, _: bool| false;
    match services.value.as_sequence()? {
        [_] => page.remove_entry(services.key.node, &keep).ok(),
        _ => page.remove_item(service.value.node, &keep).ok(),
    }
}

/// Removes an entry that is written in place and is not the only one of its mapping, with nothing of the comments around it.
#[must_use]
pub fn without_entry(context: &Context<'_>, entry: &Entry) -> Option<Vec<Edit>> {
    let keep = |_: &str, _: bool| false;
    page(context, entry.key.span.file)?.remove_entry(entry.key.node, &keep).ok()
}

/// Whether another job extends this one.
fn is_extended(context: &Context<'_>, job: &Job) -> bool {
    let jobs = context.analysis.pipelines.iter().flat_map(|pipeline| &pipeline.pipeline.jobs);
    let others = jobs.filter(|other| other.key != job.key);
    others
        .flat_map(|other| other.config.entries.values())
        .any(|entry| extends(entry.via.as_deref(), job) || extends(entry.value.via.as_deref(), job))
}

fn extends(via: Option<&Via>, job: &Job) -> bool {
    std::iter::successors(via, |via| via.next.as_deref()).any(|via| matches!(&via.step, Step::Extends(name) if *name == job.name))
}
