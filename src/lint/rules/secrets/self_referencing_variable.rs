//! SEC601: variables that are defined as themselves. Knows how GitLab expands them, not which exist in the project's settings.

use std::collections::BTreeMap;

use crate::detect::JobFacts;
use crate::detect::secret::is_secret_name;
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::{Job, Level, Variable};
use crate::source::Span;
use crate::yaml::structure::Page;
use crate::yaml::{CollectionStyle, NodeId, NodeKind};

/// The rule.
pub static RULE: Rule = Rule {
    id: "SEC601",
    name: "self-referencing-variable",
    severity: Severity::Warning,
    page: include_str!("self_referencing_variable.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut definitions: BTreeMap<Span, Definition<'_>> = BTreeMap::new();
    for (job, facts) in context.jobs() {
        let triggers = job.config.get("trigger").is_some();
        for (name, variable) in job.variables.iter().filter(|(name, variable)| is_itself(name, variable)) {
            let span = variable.entry.key.span.to(variable.entry.value.span);
            let new = || Definition { name, variable, jobs: Vec::new(), services: false, kept: false };
            definitions.entry(span).or_insert_with(new).add(context, job, facts, triggers);
        }
    }
    for (span, definition) in definitions.into_iter().filter(|(_, definition)| !definition.jobs.is_empty()) {
        findings.add(finding(context, span, &definition));
    }
}

/// Whether the value is `$NAME` or `${NAME}` of its own name; `%NAME%` in the syntax of cmd.exe.
fn is_itself(name: &str, variable: &Variable) -> bool {
    let text = variable.text().unwrap_or_default();
    variable.expands() && [format!("${name}"), format!("${{{name}}}"), format!("%{name}%")].contains(&text)
}

/// One definition and the jobs that it reaches.
struct Definition<'a> {
    name: &'a str,
    variable: &'a Variable,
    jobs: Vec<&'a str>,
    /// One of the jobs has services, which get the copy.
    services: bool,
    /// Something else may live from the copy: a downstream pipeline, or another layer that the line hides.
    kept: bool,
}

impl<'a> Definition<'a> {
    fn add(&mut self, context: &Context<'a>, job: &'a Job, facts: &JobFacts, triggers: bool) {
        let pipeline_level = context.pipeline.pipeline.root.get("variables").and_then(|variables| variables.get(self.name));
        let hides = !self.variable.entry.shadowed.is_empty() || (self.variable.level == Level::Job && pipeline_level.is_some());
        self.kept |= triggers || hides || self.variable.entry.value.get("description").is_some();
        if !triggers {
            self.jobs.push(&job.name);
            self.services |= !facts.services.is_empty();
        }
    }
}

fn finding(context: &Context<'_>, span: Span, definition: &Definition<'_>) -> Diagnostic {
    let name = definition.name;
    let secret = definition.services && is_secret_name(name);
    let message = if definition.services {
        format!(
            "`{name}` is defined as itself: every service gets a copy, and where the real variable is missing the job gets the text `${name}`"
        )
    } else {
        format!("`{name}` is defined as itself: where the real variable is missing, the job gets the text `${name}`")
    };
    let mut finding = RULE.at(span, message).help("leave the line out: a variable of the project's settings reaches the job without it");
    finding.severity = if secret { Severity::Error } else { Severity::Warning };
    finding.jobs = definition.jobs.iter().map(|&job| job.to_owned()).collect();
    match removal(context, definition) {
        Some(edits) => finding.fix(Fix { title: format!("remove `{name}`"), safety: safety(context, span, definition), edits }),
        None => finding,
    }
}

fn safety(context: &Context<'_>, span: Span, definition: &Definition<'_>) -> Safety {
    let pipelines = context.analysis.pipelines.iter().filter(|pipeline| pipeline.pipeline.files.contains(&span.file)).count();
    if definition.services || definition.kept || pipelines > 1 { Safety::Unsafe } else { Safety::Safe }
}

fn removal(context: &Context<'_>, definition: &Definition<'_>) -> Option<Vec<Edit>> {
    let key = &definition.variable.entry.key;
    let page = Page { tree: context.tree(key.span.file)?, source: context.analysis.documents.sources().get(key.span.file) };
    let mapping = page.tree.parent(key.node)?;
    let only = page.tree.pairs(mapping)?.len() == 1;
    if !only {
        return page.remove_entry(key.node, &|_, _| false).ok();
    }
    remove_with_keyword(page, mapping, key.node)
}

/// Removes `variables:` with its only entry; comments between them stay.
fn remove_with_keyword(page: Page<'_>, mapping: NodeId, entry: NodeId) -> Option<Vec<Edit>> {
    let node = page.tree.node(mapping);
    let keyword = page.tree.pair_of(mapping)?;
    if node.anchor.is_some() || keyword.value != mapping {
        return None;
    }
    let comments = page.tree.comments_in(page.tree.node(keyword.key).span.to(node.span));
    if comments.is_empty() {
        return page.remove_entry(keyword.key, &|_, _| false).ok();
    }
    let block = matches!(node.kind, NodeKind::Mapping { style: CollectionStyle::Block, .. });
    let siblings = page.tree.parent(keyword.key).and_then(|parent| page.tree.pairs(parent)).is_some_and(|pairs| pairs.len() > 1);
    let comments_apart = comments.iter().all(|comment| comment.own_line);
    let line = |node: NodeId| {
        let range = page.source.line_range(page.source.line_index(page.tree.node(node).span.start as usize));
        Edit::delete(Span::new(page.tree.file(), range.start, range.end))
    };
    (block && siblings && comments_apart).then(|| vec![line(keyword.key), line(entry)])
}
