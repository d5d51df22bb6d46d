//! Jobs into functions of a Dagger module, and into the thin jobs that call them. Knows no SDK beyond its templates.

mod build;
pub mod form;
mod glue;
mod keywords;
mod names;
mod programs;
mod python;
mod read;
mod service;

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::detect::Reason;
use crate::edit::{Edit, apply};
use crate::migrate::JobId;
use crate::source::FileId;

pub use form::Form;
pub use glue::{OWN, calls, image, setup};

/// The folder of the module.
pub const FOLDER: &str = "ci/dagger";

/// Where the Dagger engine runs that a job reaches.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Engine {
    /// Elsewhere: `_EXPERIMENTAL_DAGGER_RUNNER_HOST` says where.
    #[default]
    Remote,
    /// In a Docker daemon that is a service of the job, started by the command.
    Docker,
}

/// What jobs become.
#[derive(Clone, Default, Debug)]
pub struct Generated {
    /// The edits of pipeline files.
    pub edits: Vec<Edit>,
    /// The new text of each edited file.
    pub files: BTreeMap<FileId, String>,
    /// Files that come into being, by path.
    pub created: BTreeMap<String, String>,
    /// The jobs that move, with what they become.
    pub moved: BTreeMap<JobId, Form>,
    /// The jobs that stay, with why.
    pub refused: BTreeMap<JobId, Vec<Reason>>,
}

/// Turns `candidates` into functions, as far as they can be, and their jobs into calls.
#[must_use]
pub fn generate(analysis: &Analysis, engine: Engine, candidates: &BTreeSet<JobId>) -> Generated {
    let mut generated = Generated::default();
    for &id in candidates {
        let pipeline = &analysis.pipelines[id.pipeline];
        let (job, facts) = (&pipeline.pipeline.jobs[id.job], &pipeline.facts[id.job]);
        match Form::of(job, facts, &analysis.workspace) {
            Ok(mut form) => {
                let stages = pipeline.pipeline.stages();
                form.rank = stages.iter().position(|stage| **stage == *job.stage()).unwrap_or(stages.len());
                generated.moved.insert(id, form);
            }
            Err(reasons) => drop(generated.refused.insert(id, reasons)),
        }
    }
    names::give(&mut generated.moved);
    loop {
        let written = glue::edits(analysis, engine, &generated.moved).and_then(|edits| {
            let files = apply(analysis.documents.sources(), &edits).map_err(|overlap| glue::Stuck::overlap(&overlap, &generated.moved))?;
            Ok((edits, files))
        });
        match written {
            Ok((edits, files)) => {
                (generated.edits, generated.files) = (edits, files);
                break;
            }
            Err(stuck) => {
                for id in stuck.jobs {
                    generated.moved.remove(&id);
                    generated.refused.entry(id).or_default().push(stuck.reason.clone());
                }
            }
        }
    }
    if !generated.moved.is_empty() {
        generated.created = python::files(generated.moved.values());
    }
    generated
}
