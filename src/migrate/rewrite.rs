//! Jobs that can move into one rewrite of the files: definitions edited once where all their users agree, overridden in a job where they don't.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::config::Auth;
use crate::detect::{JobFacts, Reason, ServiceFacts, reason};
use crate::edit::{Edit, apply};
use crate::migrate::changes::{Beside, Change, Definition, JobId, Users, Wants, position, wants};
use crate::migrate::compose_edits::{LEVEL, Override, edits};
use crate::migrate::lower::{Lowered, Refusal, lower};
use crate::migrate::script_edit::Stuck;
use crate::migrate::target::Target;
use crate::pipeline::{Job, Section};
use crate::source::{FileId, Span};
use crate::yaml::Entry;
use crate::yaml::structure::scalar;

/// What the files become.
#[derive(Clone, Default, Debug)]
pub struct Rewrite {
    /// The edits, all files together.
    pub edits: Vec<Edit>,
    /// The new text of each edited file.
    pub files: BTreeMap<FileId, String>,
    /// The jobs that change, with the script text that each must then have and what was taken for granted.
    pub changed: BTreeMap<JobId, Changed>,
    /// The jobs that stay although their flow could move.
    pub refused: BTreeMap<JobId, Vec<Reason>>,
}

/// What becomes of a job.
#[derive(Clone, Default, Debug)]
pub struct Changed {
    /// `before_script` and `script` afterwards.
    pub script: String,
    /// `after_script` afterwards.
    pub after_script: String,
    /// What was taken for granted: code and message.
    pub assumptions: Vec<(&'static str, String)>,
    /// Whether the target's command runs in it.
    pub uses_target: bool,
    /// The name of the image that it gets instead of its own.
    pub image: Option<String>,
}

struct Mover<'a> {
    job: &'a Job,
    facts: &'a JobFacts,
    lowered: Lowered,
    wants: Wants,
    /// Definitions that the job no longer uses, since it got its own.
    released: BTreeSet<Definition>,
    /// Script sections that it gets of its own.
    owned: BTreeMap<&'static str, String>,
}

impl Mover<'_> {
    /// Whether the job stops using a definition, or changes it into `change`.
    fn agrees(&self, definition: &Definition, change: &Change) -> bool {
        self.released.contains(definition) || self.wants.changes.get(definition) == Some(change)
    }

    fn agrees_to_insert(&self, place: &Beside, lines: &[String]) -> bool {
        self.released.contains(&place.definition) || self.wants.insertions.get(place).is_some_and(|own| own == lines)
    }

    /// How the job can do without changing a script item that others share.
    fn way_around(&self, definition: &Definition) -> Option<WayAround> {
        let (&section, wanted) = self.wants.sections.iter().find(|(_, wanted)| wanted.definitions.contains(definition))?;
        let inherited = self.job.own.as_mapping().and_then(|own| own.entry(section)).is_none_or(|entry| !self.writes(entry));
        if inherited {
            return (wanted.items.len() <= MAX_OWN_ITEMS).then_some(WayAround::Section(section));
        }
        self.wants
            .aliases
            .get(definition)
            .filter(|(_, text)| text.as_ref().is_none_or(|text| !text.contains('\n')))
            .map(|_| WayAround::Alias(*definition))
    }

    /// Whether an entry is written in the job itself and not merged into it.
    fn writes(&self, entry: &Entry) -> bool {
        self.job.own.span.contains(entry.key.span)
    }

    /// Changes what was lowered, and what it asks for; nothing, where that could not be written.
    fn lower_again(&mut self, analysis: &Analysis, id: JobId, change: impl FnOnce(&mut Lowered)) {
        let mut lowered = self.lowered.clone();
        change(&mut lowered);
        if let Ok(wants) = wants(analysis, &analysis.pipelines[id.pipeline].pipeline, self.job, self.facts, &lowered) {
            self.lowered = lowered;
            self.wants = wants;
        }
    }

    fn take(&mut self, way: WayAround) {
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

/// The items of a section of its own that a job may get: more of them would be a copy that nobody wants to keep up to date.
const MAX_OWN_ITEMS: usize = 12;

/// What a job does instead of changing a script item that others share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum WayAround {
    /// It gets the section of this keyword as a list of its own.
    Section(&'static str),
    /// In its own list the alias of this definition becomes its text.
    Alias(Definition),
}

/// A list of script items, as [`Override`]s are written.
fn items(items: &[String]) -> String {
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

/// Rewrites the files so that `candidates` move.
#[must_use]
pub fn rewrite(analysis: &Analysis, target: &Target, candidates: &BTreeSet<JobId>) -> Rewrite {
    let users = Users::new(analysis);
    let mut rewrite = Rewrite::default();
    let mut movers: BTreeMap<JobId, Mover<'_>> = BTreeMap::new();
    for &id in candidates {
        match mover(analysis, target, id) {
            Ok(mover) => {
                movers.insert(id, mover);
            }
            Err(reason) => {
                rewrite.refused.insert(id, vec![reason]);
            }
        }
    }
    common_setup(analysis, target, &users, &mut movers);
    loop {
        let agreement = agree(analysis, target, &users, &movers);
        if !agreement.around.is_empty() {
            for (id, way) in agreement.around {
                movers.get_mut(&id).expect("only movers go around").take(way);
            }
            continue;
        }
        if !agreement.refused.is_empty() {
            for (id, reason) in agreement.refused {
                movers.remove(&id);
                rewrite.refused.entry(id).or_default().push(reason);
            }
            continue;
        }
        let composed = edits(&analysis.documents, &agreement.changes, &agreement.insertions, &agreement.overrides);
        let applied = composed.map_err(|cannot| (cannot.span, cannot.why)).and_then(|edits| {
            let files = apply(analysis.documents.sources(), &edits).map_err(|overlap| (overlap.first, "two changes meet in one place"))?;
            Ok((edits, files))
        });
        match applied {
            Ok((edits, files)) => {
                rewrite.edits = edits;
                rewrite.files = files;
                break;
            }
            Err((span, why)) => {
                let blamed = blamed(&movers, &users, span);
                for id in blamed {
                    movers.remove(&id);
                    rewrite.refused.entry(id).or_default().push(Reason {
                        code: reason::NOT_EDITABLE,
                        message: format!("a change cannot be written here: {why}"),
                        span,
                    });
                }
            }
        }
        if movers.is_empty() {
            break;
        }
    }
    rewrite.changed = movers.into_iter().map(|(id, mover)| (id, changed(mover))).collect();
    rewrite
}

fn changed(mover: Mover<'_>) -> Changed {
    Changed {
        script: mover.wants.script,
        after_script: mover.wants.after_script,
        assumptions: mover.lowered.assumptions,
        uses_target: mover.lowered.uses_target,
        image: mover.lowered.image.map(|image| image.name),
    }
}

/// The jobs that a place belongs to; all, where it belongs to none.
fn blamed(movers: &BTreeMap<JobId, Mover<'_>>, users: &Users, span: Span) -> Vec<JobId> {
    let touches =
        |definition: &Definition| definition.span.file == span.file && (span.contains(definition.span) || definition.span.contains(span));
    let mut blamed: Vec<JobId> = movers
        .iter()
        .filter(|(id, mover)| {
            mover.wants.changes.keys().any(touches) || mover.job.own.span.contains(span) || users.of(span).any(|user| user == **id)
        })
        .map(|(id, _)| *id)
        .collect();
    if blamed.is_empty() {
        blamed = movers.keys().copied().collect();
    }
    blamed
}

fn mover<'a>(analysis: &'a Analysis, target: &Target, id: JobId) -> Result<Mover<'a>, Reason> {
    let pipeline = &analysis.pipelines[id.pipeline];
    let (job, facts) = (&pipeline.pipeline.jobs[id.job], &pipeline.facts[id.job]);
    let place = |at: Option<std::ops::Range<usize>>| at.map_or(job.key, |range| job.place(&job.script, range));
    let lowered = lower(job, facts, target, &analysis.config.depot).map_err(|Refusal { code, message, at }| Reason {
        code,
        message,
        span: place(at),
    })?;
    let wants = wants(analysis, &pipeline.pipeline, job, facts, &lowered).map_err(|Stuck { why, at }| Reason {
        code: reason::NOT_EDITABLE,
        message: why.to_owned(),
        span: place(Some(at..at + 1)),
    })?;
    Ok(Mover { job, facts, lowered, wants, released: BTreeSet::new(), owned: BTreeMap::new() })
}

/// Makes lines that several jobs need alike, and written once where they share a `before_script`.
fn common_setup(analysis: &Analysis, target: &Target, users: &Users, movers: &mut BTreeMap<JobId, Mover<'_>>) {
    let mut together: BTreeMap<Beside, Vec<JobId>> = BTreeMap::new();
    let mut behind: BTreeMap<Span, Vec<JobId>> = BTreeMap::new();
    for (&id, mover) in &*movers {
        for &place in mover.wants.insertions.keys() {
            together.entry(place).or_default().push(id);
        }
        if let Some(list) = shared_before_script(mover) {
            behind.entry(list).or_default().push(id);
        }
    }
    let install_anyhow = |lines: &[String]| {
        let ways = ["apk", "apt", "any"].map(|way| &target.setup[way]);
        let rest = if lines.first().is_some_and(|first| ways.contains(&first)) { &lines[1..] } else { lines };
        std::iter::once(target.setup["any"].clone()).chain(rest.iter().cloned()).collect::<Vec<_>>()
    };
    for ids in together.values() {
        if ids.iter().all(|id| movers[id].lowered.setup == movers[&ids[0]].lowered.setup) {
            continue;
        }
        for id in ids {
            let lines = install_anyhow(&movers[id].lowered.setup);
            let mover = movers.get_mut(id).expect("a mover");
            mover.lower_again(analysis, *id, |lowered| lowered.setup = lines);
        }
    }
    for (list, ids) in behind {
        let alike = ids.iter().all(|id| movers[id].lowered.setup == movers[&ids[0]].lowered.setup);
        let places = ids.iter().flat_map(|id| movers[id].wants.insertions.keys()).collect::<BTreeSet<_>>().len();
        if places < 2 || !alike || users.of(list).any(|user| !ids.contains(&user)) {
            continue;
        }
        for id in ids {
            movers.get_mut(&id).expect("a mover").lower_again(analysis, id, |lowered| lowered.behind_before_script = true);
        }
    }
}

/// The `before_script` of a job that could take the lines which the job needs before its `script`.
fn shared_before_script(mover: &Mover<'_>) -> Option<Span> {
    let list = mover.job.config.get("before_script")?;
    let items = &mover.job.script.items;
    let last = items.iter().rposition(|item| item.section == Section::BeforeScript)?;
    let first = mover.lowered.first.filter(|_| !mover.lowered.setup.is_empty())?;
    let begins_later = items.get(last + 1).is_some_and(|next| next.range.start <= first);
    let end = items[last].range.end;
    let shell = mover.facts.shell.as_ref()?;
    let complete = shell.script.body.iter().all(|statement| statement.range.range().end <= end || end <= statement.range.range().start);
    let own = list.span.contains(items[last].value.span) && mover.wants.changes.get(&Definition::of(&items[last].value)).is_none();
    (begins_later && complete && own).then_some(list.span)
}

#[derive(Default)]
struct Agreement {
    changes: BTreeMap<Definition, Change>,
    overrides: BTreeSet<Override>,
    insertions: BTreeMap<Beside, Vec<String>>,
    refused: BTreeMap<JobId, Reason>,
    around: BTreeSet<(JobId, WayAround)>,
}

fn agree(analysis: &Analysis, target: &Target, users: &Users, movers: &BTreeMap<JobId, Mover<'_>>) -> Agreement {
    let mut agreement = Agreement::default();
    for (&id, mover) in movers {
        for (place, lines) in &mover.wants.insertions {
            let definition = &place.definition;
            let differs = users.of(definition.span).find(|user| {
                holds(analysis, *user, definition) && movers.get(user).is_none_or(|other| !other.agrees_to_insert(place, lines))
            });
            let Some(other) = differs else {
                agreement.insertions.insert(*place, lines.clone());
                continue;
            };
            match mover.way_around(definition) {
                Some(way) => {
                    agreement.around.insert((id, way));
                }
                None => {
                    agreement.refused.insert(id, shared(analysis, other, definition));
                }
            }
        }
        for (definition, change) in &mover.wants.changes {
            let differs = users.of(definition.span).find(|user| movers.get(user).is_none_or(|other| !other.agrees(definition, change)));
            let Some(other) = differs else {
                agreement.changes.insert(*definition, change.clone());
                continue;
            };
            if let Some(way) = mover.way_around(definition) {
                agreement.around.insert((id, way));
                continue;
            }
            match instead(mover, definition) {
                Some(overrides) => agreement.overrides.extend(overrides),
                None => {
                    agreement.refused.insert(id, shared(analysis, other, definition));
                }
            }
        }
        agreement.overrides.extend(mover.owned.iter().map(|(section, text)| own_entry(mover, section, None, text.clone())));
        if let Some((None, text)) = &mover.wants.image {
            agreement.overrides.insert(own_entry(mover, "image", None, format!(" {text}")));
        }
        if analysis.config.depot.auth == Auth::Oidc && mover.lowered.uses_target {
            match id_token(analysis, target, mover) {
                Some(token) => agreement.overrides.extend(token),
                None => {
                    let message = "the job's `id_tokens` cannot be extended safely".to_owned();
                    agreement.refused.insert(id, Reason { code: reason::NOT_EDITABLE, message, span: mover.job.key });
                }
            }
        }
    }
    agreement
}

fn shared(analysis: &Analysis, other: JobId, definition: &Definition) -> Reason {
    let other = &analysis.pipelines[other.pipeline].pipeline.jobs[other.job].name;
    let message = format!("this is shared with `{other}`, which does not change in the same way");
    Reason { code: reason::SHARED_DEFINITION, message, span: definition.span }
}

/// Whether a job's script has an item at this place, not only its text through an alias elsewhere.
fn holds(analysis: &Analysis, id: JobId, definition: &Definition) -> bool {
    let job = &analysis.pipelines[id.pipeline].pipeline.jobs[id.job];
    job.script.items.iter().any(|item| position(analysis, &item.value) == *definition)
}

fn own_entry(mover: &Mover<'_>, keyword: &'static str, name: Option<String>, text: String) -> Override {
    Override { file: mover.job.own.span.file, mapping: mover.job.own.node, keyword, name, text }
}

/// What the job gets of its own where a shared definition stays; none where there is no way.
fn instead(mover: &Mover<'_>, definition: &Definition) -> Option<Vec<Override>> {
    let own = |keyword, name: Option<String>, text: String| own_entry(mover, keyword, name, text);
    if let Some((Some(image), text)) = &mover.wants.image
        && image == definition
    {
        let free = mover.job.own.get("image").is_none();
        return free.then(|| vec![own("image", None, format!(" {text}"))]);
    }
    if mover.wants.services.contains(definition) {
        if mover
            .job
            .own
            .get("services")
            .is_some_and(|own| own.via.is_none() && mover.job.config.get("services").is_some_and(|resolved| resolved.span == own.span))
        {
            return None;
        }
        let left: Vec<&ServiceFacts> = mover.facts.services.iter().filter(|service| !service.is_dind()).collect();
        let names: Option<String> =
            left.iter().map(|service| service.image.image.value.as_str().map(|name| format!("\n{LEVEL}- {}", scalar(name)))).collect();
        return Some(vec![own("services", None, if left.is_empty() { " []".to_owned() } else { names? })]);
    }
    let name = mover.wants.variables.get(definition)?;
    let needed = match name.as_str() {
        "DOCKER_TLS_VERIFY" | "DOCKER_TLS" | "DOCKER_CONTEXT" => mover.lowered.first.is_some() || mover.lowered.keeps_client,
        "DOCKER_HOST" | "BUILDX_BUILDER" => mover.lowered.keeps_client,
        _ => false,
    };
    let empty = mover.job.variables.get(name.as_str()).and_then(crate::pipeline::Variable::text).is_some_and(|text| text.is_empty());
    if !needed || empty {
        return Some(Vec::new());
    }
    let written = mover.job.own.get("variables");
    if written
        .is_some_and(|variables| variables.via.is_some() || variables.get(name).is_some() || variables.span.file != mover.job.own.span.file)
    {
        return None;
    }
    Some(vec![own("variables", Some(name.clone()), "\"\"".to_owned())])
}

/// The `id_tokens` entry beside the job's script.
fn id_token(analysis: &Analysis, target: &Target, mover: &Mover<'_>) -> Option<Vec<Override>> {
    let known = mover.job.config.get("id_tokens");
    if known.is_some_and(|tokens| tokens.get(&target.id_token.name).is_some()) {
        return Some(Vec::new());
    }
    if let Some(known) = known {
        let own = known.span.file == mover.job.own.span.file
            && mover.job.own.get("id_tokens").is_some_and(|own| own.span == known.span && own.via.is_none());
        let text = format!("{}:\n{LEVEL}aud: {}\n", target.id_token.name, target.id_token.aud);
        return own.then(|| vec![Override { file: known.span.file, mapping: known.node, keyword: "", name: None, text }]);
    }
    let script = mover.job.config.entry("script")?;
    let document = analysis.documents.get(script.key.span.file)?;
    let mapping = document.tree.parent(script.key.node)?;
    let text = format!("\n{LEVEL}{}:\n{LEVEL}{LEVEL}aud: {}", target.id_token.name, target.id_token.aud);
    Some(vec![Override { file: script.key.span.file, mapping, keyword: "id_tokens", name: None, text }])
}
