//! What is to be run in the sandbox, and what came of it, as both sides write and read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::request::Facts;

/// A script and its migrations.
#[derive(Serialize, Deserialize, Clone)]
pub struct Task {
    /// A line that builds an image.
    pub original: String,
    /// Whether the image is pushed afterwards.
    pub pushes: bool,
    /// By target, the script with the rewritten line.
    pub rewritten: BTreeMap<String, String>,
}

/// What clients sent for a task.
#[derive(Serialize, Deserialize, Clone)]
pub struct Outcome {
    /// What buildx sent for the original line, with `--push` where the image is pushed afterwards.
    pub reference: Recording,
    /// By target, what its client sent for the rewritten line.
    pub rewritten: BTreeMap<String, Recording>,
}

/// What one client sent.
#[derive(Serialize, Deserialize, Clone, Default, Debug)]
pub struct Recording {
    /// Its arguments behind `build`.
    pub arguments: Vec<String>,
    /// None: killed.
    pub code: Option<i32>,
    /// The last line that it printed.
    pub message: String,
    pub requests: Vec<Facts>,
}
