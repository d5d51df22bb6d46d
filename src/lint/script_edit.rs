//! Changes to a job's script text as edits of the file that it is written in. Refuses where the text is not in the file as it is, or where
//! the YAML around it would need another form. Knows one shell from another, and no more of them.

use std::ops::Range;

use crate::analysis::AnalyzedPipeline;
use crate::detect::{JobFacts, JobShell};
use crate::edit::Edit;
use crate::lint::Context;
use crate::pipeline::{Item, Job, Script};
use crate::shell::Dialect;
use crate::yaml::structure::{Page, scalar};
use crate::yaml::{CollectionStyle, NodeKind, ScalarStyle, Value};

/// Replaces the bytes `range` of the script's text by `text`, which has no newline.
#[must_use]
pub fn replace(context: &Context<'_>, script: &Script, range: Range<usize>, text: &str) -> Option<Edit> {
    let item = &script.items[script.item_at(range.start)?];
    let source = script.source(range.clone())?;
    let begins = range.start == item.range.start;
    let whole = begins.then(|| format!("{text}{}", &script.text[range.end..item.range.end]));
    fits(context, item, whole.as_deref(), text).then(|| Edit::replace(source, text))
}

/// Adds items before the one that holds the byte at `at`, each a command on one line.
#[must_use]
pub fn insert_items(context: &Context<'_>, script: &Script, at: usize, commands: &[&str]) -> Option<Vec<Edit>> {
    let item = &script.items[script.item_at(at)?];
    let commands: Vec<String> = commands.iter().map(|command| scalar(command)).collect();
    page(context, item)?.insert_items_before(item.value.node, &commands).ok()
}

/// The jobs of all pipelines that run the item which holds the byte at `at`, with their facts; the given job is among them.
pub fn sharing<'a>(context: &Context<'a>, script: &Script, at: usize) -> impl Iterator<Item = (&'a Job, &'a JobFacts)> {
    let place = script.item_at(at).map(|index| script.items[index].value.span);
    let runs = move |job: &Job| {
        [&job.script, &job.after_script].iter().any(|script| script.items.iter().any(|item| Some(item.value.span) == place))
    };
    context.analysis.pipelines.iter().flat_map(AnalyzedPipeline::jobs).filter(move |(job, _)| runs(job))
}

/// Whether nothing speaks against a shell in which `printf` is a command: PowerShell and cmd.exe have none.
#[must_use]
pub fn runs_in_sh(job: &Job, facts: &JobFacts, shell: &JobShell) -> bool {
    let windows = |text: &str| ["windows", "nanoserver", "servercore"].iter().any(|word| text.to_ascii_lowercase().contains(word));
    let image = facts.image.as_ref().is_some_and(|image| windows(&image.text));
    let tags = job.tags().iter().filter_map(Value::scalar_text).any(|tag| windows(&tag));
    shell.script.dialect == Dialect::Posix && !image && !tags
}

/// The tree and text of the file that an item is written in.
fn page<'a>(context: &Context<'a>, item: &Item) -> Option<Page<'a>> {
    let file = item.value.span.file;
    Some(Page { tree: context.tree(file)?, source: context.analysis.documents.sources().get(file) })
}

/// Whether `text` can stand in the item's scalar without another quoting; `whole` is what the scalar becomes, if `text` begins it.
fn fits(context: &Context<'_>, item: &Item, whole: Option<&str>, text: &str) -> bool {
    let Some(tree) = context.tree(item.value.span.file) else { return false };
    let Some(style) = tree.scalar(item.value.node).map(|scalar| scalar.style) else { return false };
    let in_flow = tree.parent(item.value.node).is_some_and(|parent| {
        matches!(tree.node(parent).kind, NodeKind::Sequence { style: CollectionStyle::Flow | CollectionStyle::FlowPair, .. })
    });
    let plain = || {
        let breaks =
            text.contains(": ") || text.contains(" #") || text.ends_with(':') || (in_flow && text.contains(['[', ']', '{', '}', ',']));
        !breaks && whole.is_none_or(|whole| scalar(whole) == whole)
    };
    match style {
        ScalarStyle::Plain => plain(),
        ScalarStyle::SingleQuoted => !text.contains('\''),
        ScalarStyle::DoubleQuoted => !text.contains(['"', '\\']),
        ScalarStyle::Literal | ScalarStyle::Folded => true,
    }
}
