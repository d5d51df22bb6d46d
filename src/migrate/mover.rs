//! A job that can move, with what it wants changed and how it can do without a change that others refuse.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::detect::flow::{Action, Output, RemoteBuild};
use crate::detect::{JobFacts, Reason, reason};
use crate::migrate::changes::{Beside, Change, Definition, JobId, Wants, wants};
use crate::migrate::compose_edits::{LEVEL, Override};
use crate::migrate::lower::{Lowered, Refusal, lower};
use crate::migrate::script_edit::Stuck;
use crate::migrate::target::Target;
use crate::pipeline::Job;
use crate::yaml::Entry;
use crate::yaml::structure::scalar;

/// A job that can move.
pub(super) struct Mover<'a> {
    pub(super) job: &'a Job,
    pub(super) facts: &'a JobFacts,
    pub(super) lowered: Lowered,
    pub(super) wants: Wants,
    /// Definitions that the job no longer uses, since it got its own.
    pub(super) released: BTreeSet<Definition>,
    /// Script sections that it gets of its own.
    pub(super) owned: BTreeMap<&'static str, String>,
}

impl Mover<'_> {
    /// Whether the job stops using a definition, or changes it into `change`.
    pub(super) fn agrees(&self, definition: &Definition, change: &Change) -> bool {
        self.released.contains(definition) || self.wants.changes.get(definition) == Some(change)
    }

    pub(super) fn agrees_to_insert(&self, place: &Beside, lines: &[String]) -> bool {
        self.released.contains(&place.definition) || self.wants.insertions.get(place).is_some_and(|own| own == lines)
    }

    /// What becomes of the job's steps.
    pub(super) fn actions(&self) -> &BTreeMap<usize, Action> {
        if self.lowered.keeps_daemon { &self.facts.flow.loads } else { &self.facts.flow.actions }
    }

    /// How the job can do without changing a script item that others share.
    pub(super) fn way_around(&self, definition: &Definition) -> Option<WayAround> {
        let (&section, wanted) = self.wants.sections.iter().find(|(_, wanted)| wanted.definitions.contains(definition))?;
        let inherited = self.job.own.as_mapping().and_then(|own| own.entry(section)).is_none_or(|entry| !writes(self.job, entry));
        if inherited {
            let lines = wanted.items.iter().map(|item| item.trim_end().lines().count().max(1)).sum::<usize>();
            let worth = self.lowered.uses_target || lines <= MAX_LINES_WITHOUT_BUILD;
            return (wanted.items.len() <= MAX_OWN_ITEMS && worth).then_some(WayAround::Section(section));
        }
        self.wants
            .aliases
            .get(definition)
            .filter(|(_, text)| text.as_ref().is_none_or(|text| !text.contains('\n')))
            .map(|_| WayAround::Alias(*definition))
    }

    /// Where builds are defined outside of the job and would get names that the job itself adds.
    pub(super) fn names_added_elsewhere(&self) -> BTreeSet<Definition> {
        let Some(shell) = &self.facts.shell else { return BTreeSet::new() };
        let item = |step: usize| self.job.script.item_at(shell.steps[step].range().start).map(|index| &self.job.script.items[index].value);
        let own = |step: usize| item(step).is_some_and(|value| self.job.own.span.contains(value.span));
        let builds = self.actions().values().filter_map(|action| match action {
            Action::Build(RemoteBuild { step, output: Output::Push { added, .. }, .. }) => Some((*step, added)),
            _ => None,
        });
        let foreign = builds.filter(|(step, added)| !own(*step) && added.iter().any(|(step, _)| own(*step)));
        foreign.filter_map(|(step, _)| item(step)).map(Definition::of).collect()
    }

    /// Changes what was lowered, and what it asks for; nothing, where that could not be written.
    pub(super) fn lower_again(&mut self, analysis: &Analysis, id: JobId, change: impl FnOnce(&mut Lowered)) {
        let mut lowered = self.lowered.clone();
        change(&mut lowered);
        if let Ok(wants) = wants(analysis, &analysis.pipelines[id.pipeline].pipeline, self.job, self.facts, &lowered) {
            self.lowered = lowered;
            self.wants = wants;
        }
    }

    pub(super) fn take(&mut self, way: WayAround) {
        match way {
            WayAround::Section(section) => {
                let wanted = &self.wants.sections[section];
                for definition in &wanted.definitions {
                    self.wants.changes.remove(definition);
                    self.wants.insertions.retain(|place, _| place.definition != *definition);
                }
                self.released.extend(&wanted.definitions);
                self.owned.insert(section, items(&wanted.items));
            }
            WayAround::Alias(definition) => {
                self.wants.changes.remove(&definition);
                self.released.insert(definition);
                if let Some((alias, Some(text))) = self.wants.aliases.get(&definition) {
                    self.wants.changes.insert(*alias, Change::Value(scalar(text)));
                }
            }
        }
    }
}

/// Whether an entry is written in the job itself and not merged into it.
pub(super) fn writes(job: &Job, entry: &Entry) -> bool {
    job.own.span.contains(entry.key.span)
}

/// An entry that a job gets of its own.
pub(super) fn own_entry(job: &Job, keyword: &'static str, name: Option<String>, text: String) -> Override {
    Override { file: job.own.span.file, mapping: job.own.node, keyword, name, text }
}

/// The items of a section of its own that a job may get: more of them would be a copy that nobody wants to keep up to date.
pub(super) const MAX_OWN_ITEMS: usize = 12;

/// The lines of such a section where no build moves: a service that goes is not worth more.
const MAX_LINES_WITHOUT_BUILD: usize = 8;

/// What a job does instead of changing a script item that others share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum WayAround {
    /// It gets the section of this keyword as a list of its own.
    Section(&'static str),
    /// In its own list the alias of this definition becomes its text.
    Alias(Definition),
}

/// A list of script items, as [`Override`]s are written.
pub(super) fn items(items: &[String]) -> String {
    if items.is_empty() {
        return " []".to_owned();
    }
    let item = |text: &String| {
        let lines = text.strip_suffix('\n').unwrap_or(text);
        let block = text.contains('\n') && !lines.starts_with([' ', '\t', '\n']) && !lines.ends_with('\n') && !lines.contains('\t');
        if !block {
            return format!("\n{LEVEL}- {}", scalar(text));
        }
        let style = if text.ends_with('\n') { "|" } else { "|-" };
        let lines: String =
            lines.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("\n{LEVEL}{LEVEL}{line}") }).collect();
        format!("\n{LEVEL}- {style}{lines}")
    };
    items.iter().map(item).collect()
}

/// The job `id` with what it wants changed.
pub(super) fn mover<'a>(analysis: &'a Analysis, target: &Target, id: JobId) -> Result<Mover<'a>, Reason> {
    let pipeline = &analysis.pipelines[id.pipeline];
    let (job, facts) = (&pipeline.pipeline.jobs[id.job], &pipeline.facts[id.job]);
    let place = |at: Option<std::ops::Range<usize>>| at.map_or(job.key, |range| job.place(&job.script, range));
    let lowered = lower(job, facts, target).map_err(|Refusal { code, message, at }| Reason { code, message, span: place(at) })?;
    let wants = wants(analysis, &pipeline.pipeline, job, facts, &lowered).map_err(|Stuck { why, at }| Reason {
        code: reason::NOT_EDITABLE,
        message: why.to_owned(),
        span: place(Some(at..at + 1)),
    })?;
    Ok(Mover { job, facts, lowered, wants, released: BTreeSet::new(), owned: BTreeMap::new() })
}
