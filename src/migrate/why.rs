//! The edits of a rewrite into reasons for people. Knows what jobs wanted, not how it was written.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::detect::flow::{Action, Output, Why};
use crate::migrate::agreement::Agreement;
use crate::migrate::changes::{Change, Definition, JobId};
use crate::migrate::mover::Mover;
use crate::source::Span;

/// A change with its place in the file as it was, and why it is made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Motive {
    /// Where.
    pub span: Span,
    /// Why, as a fragment.
    pub why: String,
}

/// The motives of all changes that were agreed to.
pub(super) fn motives(analysis: &Analysis, agreement: &Agreement, movers: &BTreeMap<JobId, Mover<'_>>) -> Vec<Motive> {
    let mut motives: BTreeSet<Motive> = BTreeSet::new();
    let mut left: BTreeSet<&Definition> = agreement.changes.keys().collect();
    for mover in movers.values() {
        let wanted: Vec<&Definition> = mover.wants.changes.keys().filter(|definition| left.remove(definition)).collect();
        let steps = if wanted.is_empty() { BTreeMap::new() } else { steps(mover) };
        motives.extend(wanted.into_iter().flat_map(|definition| of_change(mover, definition, &steps)));
    }
    for place in agreement.insertions.keys() {
        let why = "what the new commands need is installed here".to_owned();
        motives.insert(Motive { span: place.definition.span.start_point(), why });
    }
    for item in &agreement.overrides {
        let job = movers.values().find(|mover| (mover.job.own.span.file, mover.job.own.node) == (item.file, item.mapping));
        let template = job.is_none().then(|| analysis.documents.get(item.file)).flatten().map(|document| &document.tree);
        let template = template.and_then(|tree| Some((tree, tree.pair_of(item.mapping)?)));
        let name = match (job, template) {
            (Some(mover), _) => mover.job.name.to_string(),
            (None, Some((tree, pair))) => tree.scalar(pair.key).map(|key| key.text.to_string()).unwrap_or_default(),
            (None, None) => "the job".to_owned(),
        };
        let stays = job.is_none() && !name.starts_with('.');
        let why = match item.keyword {
            _ if stays => format!("`{name}` stays, and keeps what the others give up"),
            "services" => format!("`{name}` inherits a daemon that jobs which stay still need"),
            "variables" => format!("`{name}` inherits a variable of docker's clients that jobs which stay still need"),
            "image" => format!("`{name}` needs an image that can run its commands"),
            "before_script" | "script" | "after_script" => format!("`{name}` inherits lines that other jobs need as they are"),
            _ => format!("`{name}` proves with it who it is"),
        };
        let span = match (job, template) {
            (Some(mover), _) => mover.job.key,
            (None, Some((tree, pair))) => tree.node(pair.key).span,
            (None, None) => Span::new(item.file, 0, 0),
        };
        motives.insert(Motive { span, why });
    }
    motives.into_iter().collect()
}

/// The items of the job's scripts, with what becomes of the steps in them.
fn steps(mover: &Mover<'_>) -> BTreeMap<Definition, BTreeSet<&'static str>> {
    let scripts = [
        (&mover.job.script, &mover.facts.shell, mover.actions()),
        (&mover.job.after_script, &mover.facts.after_shell, &mover.facts.flow.after_actions),
    ];
    let mut all: BTreeMap<Definition, BTreeSet<&'static str>> = BTreeMap::new();
    for (script, shell, actions) in scripts {
        for item in &script.items {
            all.entry(Definition::of(&item.value)).or_default();
        }
        for (&index, action) in actions {
            let Some(range) = shell.as_ref().map(|shell| shell.steps[index].range()) else { continue };
            let item = script.item_at(range.start).map(|at| &script.items[at]).filter(|item| range.end <= item.range.end + 1);
            if let Some(item) = item {
                all.entry(Definition::of(&item.value)).or_default().insert(phrase(action));
            }
        }
    }
    all
}

fn of_change(mover: &Mover<'_>, definition: &Definition, steps: &BTreeMap<Definition, BTreeSet<&'static str>>) -> Vec<Motive> {
    let one = |why: String| vec![Motive { span: definition.span, why }];
    let wants = &mover.wants;
    if wants.services.contains(definition) {
        return one(format!("nothing in `{}` needs the daemon any more", mover.job.name));
    }
    if let Some(name) = wants.variables.get(definition) {
        return one(format!("only docker's clients read `{name}`"));
    }
    if wants.image.as_ref().is_some_and(|(image, _)| *image == Some(*definition)) {
        return one("the job needs an image that can run its commands".to_owned());
    }
    let emptied = ["before_script", "after_script"]
        .iter()
        .any(|keyword| mover.job.config.entry(keyword).is_some_and(|entry| Definition::of(&entry.key) == *definition));
    if emptied {
        return one("all of it only served the daemon".to_owned());
    }
    match (steps.get(definition).filter(|whys| !whys.is_empty()), steps.contains_key(definition)) {
        (Some(whys), _) => whys.iter().map(|why| Motive { span: definition.span, why: (*why).to_owned() }).collect(),
        (None, true) if renames_hub(wants.changes.get(definition)) => {
            one("remote builders look for the credentials of Docker Hub under `docker.io`".to_owned())
        }
        (None, true) => one("`docker login` of this client would look for the daemon".to_owned()),
        (None, false) => one("the configuration replaces the tags of privileged runners".to_owned()),
    }
}

/// Whether a change does nothing but name Docker Hub in another way.
fn renames_hub(change: Option<&Change>) -> bool {
    matches!(change, Some(Change::Item(edits)) if edits.iter().all(|edit| edit.text.trim_matches(['"', '\'']) == "docker.io"))
}

fn phrase(action: &Action) -> &'static str {
    match action {
        Action::Build(build) | Action::BuildHere(build) => match build.output {
            Output::AsWritten | Output::Discard => "the build runs remotely",
            Output::Load => "the build runs remotely, and its image comes back into the daemon",
            Output::Push { .. } => "the build runs remotely, and pushes what was pushed behind it",
            Output::Save(_) => "the build runs remotely, and keeps its image until it may be pushed",
        },
        Action::PushSaved { .. } => "the image that the remote builder kept is pushed",
        Action::Promote { .. } => "the registry copies the image itself",
        Action::Inspect { .. } => "the registry is asked whether the image exists",
        Action::RemoveLoop { .. } => "it waited for the daemon",
        Action::Remove(why) => match why {
            Why::PushedByBuild => "the remote build pushes it",
            Why::TaggedByBuild => "the remote build gives this name itself",
            Why::BuiltAtPush => "the build runs where it was pushed",
            Why::CopiedByRegistry => "the registry copies the image itself",
            Why::CachePull => "the remote builder keeps its own cache",
            Why::DaemonChatter => "it asked or tidied the daemon",
            Why::LocalBuilder => "it made a builder that nothing uses any more",
            Why::Emulation => "the remote builder needs no emulation",
            Why::DaemonVariable => "only docker's clients read it",
        },
    }
}
