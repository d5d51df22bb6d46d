//! What several jobs want changed into changes that all users of a definition agree to, and overrides for jobs whose neighbours don't.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::config::Auth;
use crate::detect::{ImageFacts, Reason, ServiceFacts, reason};
use crate::migrate::changes::{Beside, Change, Definition, JobId, Users, position};
use crate::migrate::compose_edits::{LEVEL, Override};
use crate::migrate::keeper::Keeper;
use crate::migrate::mover::{Mover, WayAround, own_entry};
use crate::migrate::target::{IdToken, Target};
use crate::pipeline::Section;
use crate::source::Span;
use crate::yaml::structure::scalar;

/// Makes lines that several jobs need alike, and written once where they share a `before_script`.
pub(super) fn common_setup(
    analysis: &Analysis,
    target: &Target,
    users: &Users,
    movers: &mut BTreeMap<JobId, Mover<'_>>,
    keepers: &BTreeMap<JobId, Keeper>,
) {
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
        let curl = &target.manifest.curl;
        let rest = if lines.first().is_some_and(|first| [&curl.apk, &curl.apt, &curl.any].contains(&first)) { &lines[1..] } else { lines };
        std::iter::once(curl.any.clone()).chain(rest.iter().cloned()).collect::<Vec<_>>()
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
        let keeps = |user: &JobId| keepers.get(user).is_some_and(|keeper| keeper.has("before_script"));
        if places < 2 || !alike || users.of(list).any(|user| !ids.contains(&user) && !keeps(&user)) {
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
    let goes = mover.wants.changes.get(&Definition::of(&items[last].value)) == Some(&Change::RemoveItem);
    let own = list.span.contains(items[last].value.span) && !goes;
    (begins_later && complete && own).then_some(list.span)
}

/// What became of the jobs' wants.
#[derive(Default)]
pub(super) struct Agreement {
    pub(super) changes: BTreeMap<Definition, Change>,
    pub(super) overrides: BTreeSet<Override>,
    pub(super) insertions: BTreeMap<Beside, Vec<String>>,
    pub(super) refused: BTreeMap<JobId, Reason>,
    pub(super) around: BTreeSet<(JobId, WayAround)>,
}

/// The changes that all agree to, or what has to happen before they can.
pub(super) fn agree(
    analysis: &Analysis,
    target: &Target,
    users: &Users,
    movers: &BTreeMap<JobId, Mover<'_>>,
    keepers: &BTreeMap<JobId, Keeper>,
) -> Agreement {
    let mut agreement = Agreement::default();
    let keeps = |user: &JobId, definition: &Definition| keepers.get(user).is_some_and(|keeper| keeper.released.contains(definition));
    agreement.overrides.extend(keepers.values().flat_map(|keeper| &keeper.overrides).cloned());
    for (&id, mover) in movers {
        for (place, lines) in &mover.wants.insertions {
            let definition = &place.definition;
            // All users were asked when the first of them came.
            if agreement.insertions.get(place) == Some(lines) {
                continue;
            }
            let differs = users.of(definition.span).find(|user| {
                holds(analysis, *user, definition)
                    && !keeps(user, definition)
                    && movers.get(user).is_none_or(|other| !other.agrees_to_insert(place, lines))
            });
            let elsewhere = analysis.documents.is_foreign(definition.span.file);
            let Some(other) = differs.or(elsewhere.then_some(id)) else {
                agreement.insertions.insert(*place, lines.clone());
                continue;
            };
            match mover.way_around(definition).filter(|_| !half_known(analysis, other)) {
                Some(way) => {
                    agreement.around.insert((id, way));
                }
                None => {
                    agreement.refused.insert(id, shared(analysis, other, definition));
                }
            }
        }
        let foreign = mover.names_added_elsewhere();
        for (definition, change) in &mover.wants.changes {
            if foreign.contains(definition) {
                match mover.way_around(definition) {
                    Some(way) => drop(agreement.around.insert((id, way))),
                    None => drop(agreement.refused.insert(id, adds_names(definition))),
                }
                continue;
            }
            if agreement.changes.get(definition) == Some(change) {
                continue;
            }
            let agrees = |user: &JobId| movers.get(user).is_some_and(|other| other.agrees(definition, change)) || keeps(user, definition);
            // A file from elsewhere is used by others that are not known.
            let elsewhere = analysis.documents.is_foreign(definition.span.file);
            let Some(other) = users.of(definition.span).find(|user| !agrees(user)).or(elsewhere.then_some(id)) else {
                agreement.changes.insert(*definition, change.clone());
                continue;
            };
            if let Some(way) = mover.way_around(definition).filter(|_| !half_known(analysis, other)) {
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
        agreement.overrides.extend(mover.owned.iter().map(|(section, text)| own_entry(mover.job, section, None, text.clone())));
        if let Some((None, text)) = &mover.wants.image {
            agreement.overrides.insert(own_entry(mover.job, "image", None, format!(" {text}")));
        }
        if let Some(token) = target.manifest.id_token.as_ref().filter(|_| target.auth == Auth::Oidc && mover.lowered.uses_target) {
            match id_token(analysis, token, mover) {
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
    if analysis.documents.is_foreign(definition.span.file) {
        let message = "this is included from elsewhere, where others use it".to_owned();
        return Reason { code: reason::SHARED_DEFINITION, message, span: definition.span };
    }
    let name = &analysis.pipelines[other.pipeline].pipeline.jobs[other.job].name;
    let why = if half_known(analysis, other) { "whose configuration is not all at hand" } else { "which does not change in the same way" };
    let message = format!("this is shared with `{name}`, {why}");
    Reason { code: reason::SHARED_DEFINITION, message, span: definition.span }
}

/// Whether a job's configuration is not all at hand: once it is, the job may move with the others, and needs no copy beside it.
fn half_known(analysis: &Analysis, id: JobId) -> bool {
    !analysis.pipelines[id.pipeline].pipeline.jobs[id.job].missing.is_empty()
}

/// A template must not get names that a job adds to it: whatever else extends it, now or later, would publish them.
fn adds_names(definition: &Definition) -> Reason {
    let message = "the build is defined outside of the job, and would get a name that the job adds".to_owned();
    Reason { code: reason::SHARED_DEFINITION, message, span: definition.span }
}

/// Whether a job's script has an item at this place, not only its text through an alias elsewhere.
fn holds(analysis: &Analysis, id: JobId, definition: &Definition) -> bool {
    let job = &analysis.pipelines[id.pipeline].pipeline.jobs[id.job];
    job.script.items.iter().any(|item| position(analysis, &item.value) == *definition)
}

/// What the job gets of its own where a shared definition stays; none where there is no way.
fn instead(mover: &Mover<'_>, definition: &Definition) -> Option<Vec<Override>> {
    let own = |keyword, name: Option<String>, text: String| own_entry(mover.job, keyword, name, text);
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
        // The entrypoint of Docker's own images takes an empty host for none, and names one.
        "DOCKER_HOST" => mover.lowered.keeps_client && !mover.facts.image.as_ref().is_some_and(ImageFacts::runs_docker_entrypoint),
        "BUILDX_BUILDER" => mover.lowered.keeps_client,
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
fn id_token(analysis: &Analysis, token: &IdToken, mover: &Mover<'_>) -> Option<Vec<Override>> {
    let known = mover.job.config.get("id_tokens");
    if known.is_some_and(|tokens| tokens.get(&token.name).is_some()) {
        return Some(Vec::new());
    }
    if let Some(known) = known {
        let own = known.span.file == mover.job.own.span.file
            && mover.job.own.get("id_tokens").is_some_and(|own| own.span == known.span && own.via.is_none());
        let text = format!("{}:\n{LEVEL}aud: {}\n", token.name, token.aud);
        return own.then(|| vec![Override { file: known.span.file, mapping: known.node, keyword: "", name: None, text }]);
    }
    let script = mover.job.config.entry("script")?;
    let document = analysis.documents.get(script.key.span.file)?;
    let mapping = document.tree.parent(script.key.node)?;
    let text = format!("\n{LEVEL}{}:\n{LEVEL}{LEVEL}aud: {}", token.name, token.aud);
    Some(vec![Override { file: script.key.span.file, mapping, keyword: "id_tokens", name: None, text }])
}
