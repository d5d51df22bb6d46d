//! Jobs that can move into one rewrite of the files: definitions edited once where all their users agree, overridden in a job where they don't.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::config::Auth;
use crate::detect::{JobFacts, Reason, ServiceFacts, reason};
use crate::edit::{Edit, apply};
use crate::migrate::changes::{Change, Definition, JobId, Users, Wants, position, wants};
use crate::migrate::compose_edits::{Override, edits};
use crate::migrate::lower::{Lowered, Refusal, lower};
use crate::migrate::script_edit::Stuck;
use crate::migrate::target::Target;
use crate::pipeline::Job;
use crate::source::{FileId, Span};
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
    loop {
        let agreement = agree(analysis, target, &users, &movers);
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
        uses_target: mover.lowered.first.is_some(),
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
    Ok(Mover { job, facts, lowered, wants })
}

#[derive(Default)]
struct Agreement {
    changes: BTreeMap<Definition, Change>,
    overrides: BTreeSet<Override>,
    insertions: BTreeMap<Definition, Vec<String>>,
    refused: BTreeMap<JobId, Reason>,
}

fn agree(analysis: &Analysis, target: &Target, users: &Users, movers: &BTreeMap<JobId, Mover<'_>>) -> Agreement {
    let mut agreement = Agreement::default();
    for (&id, mover) in movers {
        for (definition, lines) in &mover.wants.insertions {
            let differs = users.of(definition.span).find(|user| {
                holds(analysis, *user, definition)
                    && movers.get(user).is_none_or(|other| other.wants.insertions.get(definition) != Some(lines))
            });
            match differs {
                None => {
                    agreement.insertions.insert(*definition, lines.clone());
                }
                Some(other) => {
                    agreement.refused.insert(id, shared(analysis, other, definition));
                }
            }
        }
        for (definition, change) in &mover.wants.changes {
            let differs = users
                .of(definition.span)
                .find(|user| movers.get(user).is_none_or(|other| other.wants.changes.get(definition) != Some(change)));
            let Some(other) = differs else {
                agreement.changes.insert(*definition, change.clone());
                continue;
            };
            match instead(mover, definition) {
                Some(overrides) => agreement.overrides.extend(overrides),
                None => {
                    agreement.refused.insert(id, shared(analysis, other, definition));
                }
            }
        }
        if let Some((None, text)) = &mover.wants.image {
            agreement.overrides.insert(own_entry(mover, "image", None, format!(" {text}")));
        }
        if analysis.config.depot.auth == Auth::Oidc && mover.lowered.first.is_some() {
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
            left.iter().map(|service| service.image.image.value.as_str().map(|name| format!("\n  - {}", scalar(name)))).collect();
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
        let text = format!("{}:\n  aud: {}\n", target.id_token.name, target.id_token.aud);
        return own.then(|| vec![Override { file: known.span.file, mapping: known.node, keyword: "", name: None, text }]);
    }
    let script = mover.job.config.entry("script")?;
    let document = analysis.documents.get(script.key.span.file)?;
    let mapping = document.tree.parent(script.key.node)?;
    let text = format!("\n  {}:\n    aud: {}", target.id_token.name, target.id_token.aud);
    Some(vec![Override { file: script.key.span.file, mapping, keyword: "id_tokens", name: None, text }])
}
