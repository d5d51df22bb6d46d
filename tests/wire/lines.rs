//! The cases of `cases.yml` and the corpus → lines that build an image, each once, with what is expected of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::binary::undind;
use crate::corpus::{Case, cases};
use crate::workers;

/// A line of a job's script.
pub struct Line {
    pub text: String,
    /// By target, the codes of reasons to refuse it, or the known differences; none where nothing is expected.
    pub expected: Option<BTreeMap<String, BTreeSet<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    line: String,
    #[serde(default)]
    depot: BTreeSet<String>,
    #[serde(default)]
    buildkit: BTreeSet<String>,
}

/// The lines of `cases.yml`.
pub fn own() -> Vec<Line> {
    let cases: Vec<Own> = serde_yaml::from_str(include_str!("cases.yml")).expect("the cases are YAML");
    let line = |case: Own| {
        // A daemon in the job is asked for what one elsewhere is.
        let expected = [("depot", case.depot), ("buildkit", case.buildkit.clone()), ("rootless", case.buildkit)];
        Line { text: case.line, expected: Some(expected.map(|(target, names)| (target.to_owned(), names)).into()) }
    };
    cases.into_iter().map(line).collect()
}

/// The lines that others tried, arguments of `docker buildx build` in a file beside the corpus, or why there are none.
pub fn of_others() -> Result<Vec<Line>, String> {
    let path = std::env::var_os("UNDIND_BUILD_LINES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kits/depot/cases.txt"), PathBuf::from);
    let text = std::fs::read_to_string(&path).map_err(|_| "the file with builds that others tried is not there".to_owned())?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(|line| Line { text: format!("docker buildx build {line}"), expected: None }).collect())
}

/// The distinct lines of the corpus, or why there are none.
pub fn of_the_corpus() -> Result<Vec<Line>, String> {
    let texts: BTreeSet<String> = workers::each(&cases()?, builds).into_iter().flatten().collect();
    Ok(texts.into_iter().map(|text| Line { text, expected: None }).collect())
}

/// The builds that the jobs of a pipeline run themselves, as they are written.
fn builds(case: &Case) -> Vec<String> {
    let folder = case.checkout();
    let inspected = undind(folder.path(), &["inspect", &case.pipeline, "--format", "json"]).json().unwrap_or_default();
    let jobs = inspected["jobs"].as_array().into_iter().flatten();
    let operations = jobs.flat_map(|job| job["operations"].as_array().into_iter().flatten()).filter(|operation| operation["op"] == "build");
    operations.filter_map(|operation| operation["text"].as_str()).filter(|text| text.starts_with("docker ")).map(str::to_owned).collect()
}
