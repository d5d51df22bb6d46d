//! Every case of `tests/module/*.yml`: which jobs of small pipelines become functions, what the pipeline and the module are then, and why the others stay.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use undind::config::Config;
use undind::migrate::module::{Engine, Sdk, Way};
use undind::prove::{MigrateOptions, Migration, migrate_to_module};
use undind::report::migration::MigrationReport;
use undind::workspace::Workspace;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    files: BTreeMap<String, String>,
    #[serde(default)]
    jobs: Vec<String>,
    /// Whether jobs with a command that can't be seen through move.
    #[serde(default)]
    partial: bool,
    #[serde(default)]
    docker: bool,
    #[serde(default)]
    kubernetes: bool,
    /// `typescript` or `go`; Python where nothing is said.
    #[serde(default)]
    sdk: String,
    #[serde(default)]
    verdicts: BTreeMap<String, String>,
    /// A part of why a job stays.
    #[serde(default)]
    stays: BTreeMap<String, String>,
    /// The files afterwards.
    #[serde(default)]
    after: BTreeMap<String, String>,
    /// Parts of the module's code, in order.
    #[serde(default)]
    code: Vec<String>,
    /// What must be nowhere in the module or the pipeline.
    #[serde(default)]
    nowhere: Vec<String>,
    assumptions: Option<Vec<String>>,
}

fn run(files: &BTreeMap<String, String>, case: &Case) -> (Migration, MigrationReport) {
    let options = MigrateOptions { jobs: case.jobs.clone(), allow_partial: case.partial, ..MigrateOptions::default() };
    let engine = match (case.docker, case.kubernetes) {
        (true, _) => Engine::Docker,
        (false, true) => Engine::Kubernetes,
        (false, false) => Engine::Remote,
    };
    let sdk = match case.sdk.as_str() {
        "" => Sdk::Python,
        "typescript" => Sdk::TypeScript,
        "go" => Sdk::Go,
        other => panic!("there is no language `{other}`"),
    };
    let way = Way { engine, sdk, ..Way::default() };
    let migration = migrate_to_module(&Workspace::memory(files.clone()), &[".gitlab-ci.yml".to_owned()], &Config::default(), way, &options);
    let report = MigrationReport::of_module(&migration, engine);
    (migration, report)
}

fn failures(case: &Case) -> Vec<String> {
    let mut failures = Vec::new();
    let (migration, report) = run(&case.files, case);
    let job = |name: &str| report.jobs.iter().find(|job| job.name == name);
    for (name, verdict) in &case.verdicts {
        let found = job(name).map_or("none", |job| job.verdict.as_str());
        if found != verdict {
            failures.push(format!("`{name}` is {found} instead of {verdict}: {:?}", job(name).map(|job| &job.reasons)));
        }
    }
    for (name, why) in &case.stays {
        if !job(name).is_some_and(|job| !job.changed && job.reasons.iter().any(|reason| reason.message.contains(why))) {
            failures.push(format!("`{name}` does not stay because `{why}`: {:?}", job(name)));
        }
    }
    let mut after = case.files.clone();
    after.extend(migration.files.iter().map(|file| (file.path.clone(), file.after.clone())));
    for (path, wanted) in &case.after {
        let found = after.get(path).map_or("", String::as_str);
        if found != wanted {
            let diff = similar::TextDiff::from_lines(wanted.as_str(), found).unified_diff().header("wanted", "found").to_string();
            failures.push(format!("{path} differs:\n{diff}"));
        }
    }
    let main = ["src/ci/main.py", "src/index.ts", "main.go"].iter().find_map(|path| after.get(&format!("ci/dagger/{path}")).cloned());
    let main = main.unwrap_or_default();
    let mut rest = main.as_str();
    for part in &case.code {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => failures.push(format!("the code lacks, at its place:\n{part}\nin:\n{main}")),
        }
    }
    for text in &case.nowhere {
        if let Some((path, _)) = after.iter().find(|(path, found)| !case.files.contains_key(*path) && found.contains(text.as_str())) {
            failures.push(format!("`{text}` is in {path}"));
        }
    }
    if let Some(assumptions) = &case.assumptions {
        let found: Vec<&str> = report.assumptions.iter().map(|assumption| assumption.code.as_str()).collect();
        if found != *assumptions {
            failures.push(format!("assumptions are {found:?} instead of {assumptions:?}"));
        }
    }
    let (again, _) = run(&after, case);
    if let Some(file) = again.files.first() {
        failures.push(format!("a second migration changes {}", file.path));
    }
    failures
}

#[test]
fn every_job_becomes_the_function_that_its_case_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/module");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut wrong = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let fixture: Fixture = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in &fixture.cases {
            let failures = failures(case);
            if !failures.is_empty() {
                wrong.push(format!("{}: {}\n    {}", path.display(), case.title, failures.join("\n    ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
