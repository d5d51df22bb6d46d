//! Every case of `tests/migrate/*.yml`: what a migration makes of small pipelines.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use undind::config::{Auth, Config};
use undind::migrate::Target;
use undind::prove::{MigrateOptions, Migration, migrate};
use undind::report::migration::MigrationReport;
use undind::workspace::Workspace;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    #[expect(dead_code, reason = "names the file for readers")]
    topic: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    files: BTreeMap<String, String>,
    /// What is included from elsewhere, by its path in the mirror.
    #[serde(default)]
    includes: BTreeMap<String, String>,
    #[serde(default)]
    config: String,
    /// `depot` where it is not said.
    target: Option<String>,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    verdicts: BTreeMap<String, String>,
    #[serde(default)]
    reasons: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    after: BTreeMap<String, String>,
    manual: Option<Vec<String>>,
    assumptions: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Options {
    auth: Option<String>,
    project: Option<String>,
    jobs: Vec<String>,
    allow_partial: bool,
    drop_idle: bool,
}

fn run(files: &BTreeMap<String, String>, case: &Case) -> (Migration, MigrationReport) {
    let mirror: undind::workspace::MemoryLoader =
        case.includes.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect();
    let workspace = Workspace::memory(files.clone()).with_includes(mirror);
    let config = Config::parse(&case.config).expect("the configuration is valid");
    let name = case.target.as_deref().unwrap_or("depot");
    let mut target = Target::named(name, &config).expect("there is such a target").expect("the configuration fits it");
    if case.options.auth.as_deref() == Some("oidc") {
        target = target.with_auth(Auth::Oidc).expect("the target takes tokens");
    }
    if let Some(project) = &case.options.project {
        target = target.with_project(project).expect("the target has projects");
    }
    let options = MigrateOptions {
        jobs: case.options.jobs.clone(),
        allow_partial: case.options.allow_partial,
        drop_idle: case.options.drop_idle,
        ..MigrateOptions::default()
    };
    let mut entries = vec![".gitlab-ci.yml".to_owned()];
    entries.extend(config.entries.iter().cloned());
    let migration = migrate(&workspace, &entries, &config, &target, &options);
    let report = MigrationReport::of(&migration, &target);
    (migration, report)
}

fn failures(case: &Case) -> Vec<String> {
    let mut failures = Vec::new();
    let (migration, report) = run(&case.files, case);
    let summary = || {
        report
            .jobs
            .iter()
            .map(|job| {
                format!(
                    "{}: {} {:?}",
                    job.name,
                    job.verdict,
                    job.reasons.iter().map(|reason| format!("{}: {}", reason.code, reason.message)).collect::<Vec<_>>()
                )
            })
            .collect::<Vec<_>>()
            .join("; ")
    };
    for (name, verdict) in &case.verdicts {
        let found = report.jobs.iter().find(|job| job.name == *name).map_or("none", |job| job.verdict.as_str());
        if found != verdict {
            failures.push(format!("`{name}` is {found} instead of {verdict} ({})", summary()));
        }
    }
    for (name, codes) in &case.reasons {
        let found: Vec<String> = report
            .jobs
            .iter()
            .filter(|job| job.name == *name)
            .flat_map(|job| job.reasons.iter().map(|reason| reason.code.clone()))
            .collect();
        let (mut found, mut wanted) = (found, codes.clone());
        found.sort();
        found.dedup();
        wanted.sort();
        if found != wanted {
            failures.push(format!("the reasons of `{name}` are {found:?} instead of {wanted:?}"));
        }
    }
    let mut after = case.files.clone();
    for file in &migration.files {
        after.insert(file.path.clone(), file.after.clone());
    }
    for (path, text) in &after {
        let wanted = case.after.get(path).unwrap_or(&case.files[path]);
        if text != wanted {
            let diff = similar::TextDiff::from_lines(wanted.as_str(), text.as_str()).unified_diff().header("wanted", "found").to_string();
            failures.push(format!("{path} differs ({}):\n{diff}", summary()));
        }
    }
    if let Some(manual) = &case.manual {
        let found: Vec<&str> = report.manual.iter().map(|step| step.code.as_str()).collect();
        if found != *manual {
            failures.push(format!("manual steps are {found:?} instead of {manual:?}"));
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
fn every_case_of_the_fixtures_migrates_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrate");
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("the fixtures").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let only = std::env::var("UNDIND_ONLY").unwrap_or_default();
    let (mut cases, mut failed) = (0, Vec::new());
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yml")) {
        let text = std::fs::read_to_string(path).expect("a readable fixture");
        let fixture: Fixture = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in fixture.cases.iter().filter(|case| case.title.contains(&only)) {
            cases += 1;
            let found = failures(case);
            if !found.is_empty() {
                failed.push(format!("{}: {}\n  {}", path.file_name().expect("a name").display(), case.title, found.join("\n  ")));
            }
        }
    }
    assert!(cases > 0, "no case matches");
    assert!(failed.is_empty(), "{} of {cases} cases failed\n\n{}", failed.len(), failed.join("\n\n"));
}
