//! The corpus folder and the fixtures of the migration → cases, each a repository that can be checked out into a temporary folder. It does not know what is
//! in the files.
//!
//! `files/NAME` is a single pipeline and becomes a repository with nothing but a `.gitlab-ci.yml`; `trees/NAME` is a whole repository, whose `.TREE.txt` says
//! `root PATH` for its pipeline; `fixtures/FILE/NUMBER` is a case of `tests/migrate/FILE.yml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::TempDir;

/// One pipeline of the corpus with the files around it.
pub struct Case {
    pub name: String,
    /// The pipeline's path in the repository.
    pub pipeline: String,
    files: Vec<(String, Vec<u8>)>,
}

/// What of a fixture makes a case.
#[derive(Deserialize)]
struct Fixture {
    cases: Vec<FixtureCase>,
}

#[derive(Deserialize)]
struct FixtureCase {
    files: BTreeMap<String, String>,
    #[serde(default)]
    config: String,
}

impl Case {
    /// A writable copy of the repository.
    pub fn checkout(&self) -> TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        for (path, bytes) in &self.files {
            let target = folder.path().join(path);
            fs::create_dir_all(target.parent().expect("a file lies in a folder")).expect("the copy's folder can be created");
            fs::write(target, bytes).expect("the copy can be written");
        }
        folder
    }
}

/// The cases of the corpus that `UNDIND_ONLY` lets through, sorted by name, or why there are none.
pub fn cases() -> Result<Vec<Case>, String> {
    let corpus = folder();
    if !corpus.join("files").is_dir() {
        return Err(format!("no corpus at {}", corpus.display()));
    }
    let mut cases: Vec<Case> = entries(&corpus.join("files")).into_iter().map(single).collect();
    cases.extend(entries(&corpus.join("trees")).into_iter().filter_map(|path| tree(&path)));
    Ok(wanted(cases))
}

/// The cases of the fixtures that `UNDIND_ONLY` lets through, and those of the corpus where it is there.
pub fn all_cases() -> Vec<Case> {
    every(1)
}

/// As [`all_cases`], but each `UNDIND_EACH`th of those of the corpus, for what takes long.
pub fn some_cases() -> Vec<Case> {
    every(std::env::var("UNDIND_EACH").map_or(1, |each| each.parse().expect("UNDIND_EACH is a number from 1")))
}

fn every(step: usize) -> Vec<Case> {
    let mut all = fixtures();
    match cases() {
        Ok(cases) => all.extend(cases.into_iter().step_by(step)),
        Err(why) => crate::say(&format!("the fixtures alone, since there is {why}")),
    }
    all
}

fn wanted(mut cases: Vec<Case>) -> Vec<Case> {
    let only = std::env::var("UNDIND_ONLY").unwrap_or_default();
    cases.retain(|case| case.name.contains(&only));
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// The cases of the fixtures of modules.
pub fn module_fixtures() -> Vec<Case> {
    fixtures_in("module")
}

fn fixtures() -> Vec<Case> {
    fixtures_in("migrate")
}

fn fixtures_in(folder: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let files = entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder));
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yml")) {
        let text = fs::read_to_string(path).expect("a fixture is readable");
        let fixture: Fixture = serde_yaml::from_str(&text).expect("a fixture is YAML");
        for (number, case) in fixture.cases.into_iter().enumerate() {
            let config = Some((".undind.yml".to_owned(), case.config.into_bytes())).filter(|(_, config)| !config.is_empty());
            let files = case.files.into_iter().map(|(path, text)| (path, text.into_bytes())).chain(config).collect();
            let name = format!(
                "{}/{}/{}",
                if folder == "migrate" { "fixtures" } else { folder },
                path.file_stem().expect("a name").to_string_lossy(),
                number + 1
            );
            cases.push(Case { name, pipeline: ".gitlab-ci.yml".to_owned(), files });
        }
    }
    wanted(cases)
}

/// Every file below `folder` by its path from there, with its bytes.
pub fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    files_below(folder).into_iter().map(|(path, source)| (path, fs::read(source).expect("the copy is readable"))).collect()
}

fn folder() -> PathBuf {
    std::env::var_os("UNDIND_CORPUS").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from)
}

fn single(source: PathBuf) -> Case {
    let name = format!("files/{}", file_name(&source));
    Case { name, pipeline: ".gitlab-ci.yml".to_owned(), files: vec![(".gitlab-ci.yml".to_owned(), read(&source))] }
}

fn tree(folder: &Path) -> Option<Case> {
    let listing = fs::read_to_string(folder.join(".TREE.txt")).ok()?;
    let pipeline = listing.lines().find_map(|line| line.strip_prefix("root "))?.to_owned();
    let files =
        files_below(folder).into_iter().filter(|(path, _)| path != ".TREE.txt").map(|(path, source)| (path, read(&source))).collect();
    Some(Case { name: format!("trees/{}", file_name(folder)), pipeline, files })
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("the corpus is readable")
}

fn files_below(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for path in entries(&next) {
            if path.is_dir() {
                pending.push(path);
            } else {
                let relative = path.strip_prefix(folder).expect("an entry lies below its folder");
                found.push((relative.to_string_lossy().into_owned(), path));
            }
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder).into_iter().flatten();
    listing.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("an entry has a name").to_string_lossy().into_owned()
}
