//! Jobs that can move into one rewrite of the files: definitions edited once where all their users agree, overridden in a job where they don't.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::detect::{Reason, reason};
use crate::edit::{Edit, apply};
use crate::migrate::agreement::{agree, common_setup};
use crate::migrate::changes::{Definition, JobId, Users};
use crate::migrate::compose_edits::edits;
use crate::migrate::hoist::hoisted;
use crate::migrate::keeper::keepers;
use crate::migrate::mover::{Mover, mover};
use crate::migrate::target::Target;
use crate::migrate::why::{Motive, motives};
use crate::source::{FileId, Span};

/// What the files become.
#[derive(Clone, Default, Debug)]
pub struct Rewrite {
    /// The edits, all files together.
    pub edits: Vec<Edit>,
    /// The new text of each edited file.
    pub files: BTreeMap<FileId, String>,
    /// Why, by place in the files as they were.
    pub motives: Vec<Motive>,
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
    /// Whether it keeps its daemon.
    pub keeps_daemon: bool,
    /// The name of the image that it gets instead of its own.
    pub image: Option<String>,
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
    let kept = keepers(analysis, &users, &movers);
    common_setup(analysis, target, &users, &mut movers, &kept);
    loop {
        let keepers = keepers(analysis, &users, &movers);
        let mut agreement = agree(analysis, target, &users, &movers, &keepers);
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
        agreement.overrides = hoisted(analysis, agreement.overrides);
        let composed = edits(&analysis.documents, &agreement.changes, &agreement.insertions, &agreement.overrides);
        let applied = composed.map_err(|cannot| (cannot.span, cannot.why)).and_then(|edits| {
            if let Some(edit) = edits.iter().find(|edit| analysis.documents.is_foreign(edit.span.file)) {
                return Err((edit.span, "the file is included from elsewhere"));
            }
            let files = apply(analysis.documents.sources(), &edits).map_err(|overlap| (overlap.first, "two changes meet in one place"))?;
            Ok((edits, files))
        });
        match applied {
            Ok((edits, files)) => {
                rewrite.motives = motives(analysis, &agreement, &movers);
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
        keeps_daemon: mover.lowered.keeps_daemon,
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
