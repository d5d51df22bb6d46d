//! Jobs that stay and get their own copy of what they inherit, so that a template which nearly all of its jobs leave is changed once. Knows which
//! definitions jobs share, not why they change.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::detect::Verdict;
use crate::migrate::changes::{Beside, Change, Definition, JobId, Users, Wants, position};
use crate::migrate::compose_edits::Override;
use crate::migrate::mover::{MAX_OWN_ITEMS, Mover, items, own_entry, writes};
use crate::pipeline::{Job, Section};

/// So many jobs have to move for each one that keeps a copy.
const MOVERS_FOR_A_KEEPER: usize = 4;

/// What a job keeps.
#[derive(Default)]
pub(super) struct Keeper {
    /// What it no longer uses, since it has its own.
    pub(super) released: BTreeSet<Definition>,
    /// Its own.
    pub(super) overrides: BTreeSet<Override>,
}

impl Keeper {
    /// Whether it has an entry of its own for this keyword.
    pub(super) fn has(&self, keyword: &str) -> bool {
        self.overrides.iter().any(|item| item.keyword == keyword)
    }
}

/// The jobs that keep copies, where that is less than as many copies of what changes.
pub(super) fn keepers(analysis: &Analysis, users: &Users, movers: &BTreeMap<JobId, Mover<'_>>) -> BTreeMap<JobId, Keeper> {
    let mut wanting: BTreeMap<Definition, Vec<JobId>> = BTreeMap::new();
    for (&id, mover) in movers {
        let definitions: BTreeSet<&Definition> =
            mover.wants.changes.keys().chain(mover.wants.insertions.keys().map(|place| &place.definition)).collect();
        for definition in definitions {
            wanting.entry(*definition).or_default().push(id);
        }
    }
    let mut keepers: BTreeMap<JobId, Keeper> = BTreeMap::new();
    for (definition, ids) in wanting {
        let first = &movers[&ids[0]].wants;
        let alike = ids.iter().all(|id| wish(&movers[id].wants, &definition) == wish(first, &definition));
        let staying: Vec<JobId> = users.of(definition.span).filter(|user| !movers.contains_key(user)).collect();
        if !alike || staying.is_empty() || ids.len() < staying.len() * MOVERS_FOR_A_KEEPER {
            continue;
        }
        let copies: Option<Vec<_>> =
            staying.iter().map(|&id| Some((id, copy(analysis, id, &definition, first.changes.get(&definition))?))).collect();
        for (id, copy) in copies.into_iter().flatten() {
            let keeper = keepers.entry(id).or_default();
            keeper.released.insert(definition);
            keeper.overrides.insert(copy);
        }
    }
    keepers
}

/// What a job wants of a definition: its change, and the lines beside it.
fn wish<'w>(wants: &'w Wants, definition: &Definition) -> (Option<&'w Change>, Vec<&'w Vec<String>>) {
    let beside = [false, true].map(|behind| Beside { definition: *definition, behind });
    (wants.changes.get(definition), beside.iter().filter_map(|place| wants.insertions.get(place)).collect())
}

/// The entry that gives the job what it now inherits from a definition; none where the job has that itself, or a copy would not be the same.
fn copy(analysis: &Analysis, id: JobId, definition: &Definition, change: Option<&Change>) -> Option<Override> {
    let pipeline = &analysis.pipelines[id.pipeline];
    let job = &pipeline.pipeline.jobs[id.job];
    // A job that could move and was not asked for is not written to, and one that is not all known may move later.
    if !job.missing.is_empty() || pipeline.facts[id.job].flow.verdict == Verdict::Full {
        return None;
    }
    if let Some(services) = job.config.entry("services")
        && Definition::of(&services.key) == *definition
    {
        let all = services.value.as_sequence().filter(|_| matches!(change, Some(Change::RemoveEntry { .. })))?;
        let names: Option<Vec<String>> = all.iter().map(|service| service.as_str().map(str::to_owned)).collect();
        let names = names.filter(|_| inherits(job, "services"))?;
        return Some(own_entry(job, "services", None, items(&names)));
    }
    let section = |section: Section| job.script.items.iter().chain(&job.after_script.items).filter(move |item| item.section == section);
    let holds =
        |of: Section| section(of).any(|item| Definition::of(&item.value) == *definition || position(analysis, &item.value) == *definition);
    let of = [Section::BeforeScript, Section::Script, Section::AfterScript].into_iter().find(|&of| holds(of))?;
    let texts: Option<Vec<String>> = section(of).map(|item| item.value.as_str().map(str::to_owned)).collect();
    let texts = texts.filter(|texts| texts.len() <= MAX_OWN_ITEMS && inherits(job, of.keyword()))?;
    Some(own_entry(job, of.keyword(), None, items(&texts)))
}

/// Whether the job has the keyword from somewhere else.
fn inherits(job: &Job, keyword: &str) -> bool {
    job.own.as_mapping().and_then(|own| own.entry(keyword)).is_none_or(|entry| !writes(job, entry))
}
