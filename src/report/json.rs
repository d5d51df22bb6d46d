//! The outputs that are JSON, as bytes: two spaces of indentation and a newline at the end. Knows the frame of `lint --format json`.

use serde::Serialize;

use crate::report::finding::{Finding, Found};

/// The tool that wrote an output.
#[derive(Clone, Debug, Serialize)]
pub struct Tool {
    /// Always `undind`.
    pub name: &'static str,
    /// The version of this build.
    pub version: &'static str,
}

impl Tool {
    /// This build.
    #[must_use]
    pub fn this() -> Self {
        Self { name: "undind", version: env!("CARGO_PKG_VERSION") }
    }
}

/// What `lint --format json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct LintOutput {
    /// The version of this shape.
    pub version: u32,
    /// What wrote it.
    pub tool: Tool,
    /// How many files were read.
    pub files: usize,
    /// How many findings comments or a baseline suppressed.
    pub suppressed: usize,
    /// The findings, by file and place.
    pub findings: Vec<Finding>,
}

impl LintOutput {
    /// The output for `found` in `files` files.
    #[must_use]
    pub fn new(files: usize, suppressed: usize, found: &[Found<'_>]) -> Self {
        Self { version: 1, tool: Tool::this(), files, suppressed, findings: found.iter().map(Finding::new).collect() }
    }
}

/// `value` as indented JSON with a newline at the end.
#[must_use]
pub fn bytes(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("our outputs have string keys and finite numbers");
    bytes.push(b'\n');
    bytes
}
