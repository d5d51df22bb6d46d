//! Data flow over images.

use crate::detect::{JobFacts, Reason, Verdict};
use crate::docker::Operation;
use crate::pipeline::{Job, Pipeline};

/// What a remote builder could take over.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// How much.
    pub verdict: Verdict,
    /// Why not more.
    pub reasons: Vec<Reason>,
}

/// Whether `operation` contacts a daemon.
#[must_use]
pub fn needs_daemon(operation: &Operation) -> bool {
    matches!(operation.tool, crate::docker::Tool::Docker | crate::docker::Tool::Compose)
}

/// The flow of `job`.
#[must_use]
pub fn flow(_pipeline: &Pipeline, _job: &Job, _facts: &JobFacts) -> Flow {
    Flow::default()
}
