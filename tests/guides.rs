//! Pipelines in the manner of the vendors' guides: which rules speak of them, and which must stay silent. The guides themselves are read too,
//! where the folder that `UNDIND_SEEDS` names (or `../shared/seeds`) has them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use undind::analysis::analyze;
use undind::config::Config;
use undind::diagnostic::Severity;
use undind::lint::{Finding, LintOptions, RULES, lint};
use undind::workspace::Workspace;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Guide {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    files: BTreeMap<String, String>,
    /// Files that `--runner-config` names.
    #[serde(default)]
    runner_config: BTreeMap<String, String>,
    reports: BTreeSet<String>,
    #[serde(default)]
    severities: BTreeMap<String, Severity>,
    silent: BTreeSet<String>,
}

#[test]
fn pipelines_in_the_manner_of_depots_guide() {
    check(include_str!("guides/depot.yml"));
}

#[test]
fn pipelines_in_the_manner_of_daggers_guide() {
    check(include_str!("guides/dagger.yml"));
}

/// Headings of Depot's page, each with the ids that its pipeline must and must not bring up.
const DEPOT: &[(&str, &[&str], &[&str])] = &[
    ("Configuration", &["DEP701", "DEP702", "SEC601"], &["DEP704", "INS1001"]),
    ("Option 1: Use the DOCKER_AUTH_CONFIG variable", &["REG506", "SEC601", "DEP702"], &["DND201", "REG502", "DEP701"]),
    (
        "Option 2: Using Docker-in-Docker",
        &["DEP703", "DND202", "SEC601"],
        &["TLS101", "TLS104", "DND210", "REG502", "REG503", "REG504", "INS1001", "DEP701", "DEP702", "DEP704"],
    ),
    ("Build multi-platform images natively without emulation", &["REG506", "SEC601", "DEP702"], &["DEP701", "DEP708", "DND201", "REG502"]),
    ("Export an image to Docker", &["REG506", "SEC601", "DEP702", "DEP707"], &["DEP701"]),
    ("Build an image with Software Bill of Materials", &["DEP701", "DEP709", "SEC601", "REG506"], &["REG502", "INS1001"]),
];

#[test]
fn depots_own_examples() {
    let Some(page) = seed("depot-gitlab-ci.txt") else { return };
    for (heading, reports, silent) in DEPOT {
        let pipeline = indented_example(&page, heading);
        let findings = found(&[(".gitlab-ci.yml".to_owned(), pipeline)].into(), &BTreeMap::new());
        assert_reported(heading, &findings, reports, silent);
        let of = |id: &str| findings.iter().find(|finding| finding.diagnostic.id == id).map(|finding| finding.diagnostic.severity);
        // A project's token names the project, and a build for its bill of materials needs no output.
        assert!(of("DEP702").is_none_or(|severity| severity == Severity::Info), "{heading}");
        assert!(!heading.contains("Bill of Materials") || of("DEP701") == Some(Severity::Info), "{heading}");
    }
}

#[test]
fn daggers_own_examples() {
    let Some(page) = seed("dagger-gitlab-ci.md") else { return };
    let examples = fenced_examples(&page, ".gitlab-ci.yml");
    assert_eq!(examples.len(), 4);
    let beside: &[&str] = &["DAG801", "DAG802", "DND209", "DND213"];
    let expected: [(&[&str], &[&str]); 4] = [
        (beside, &["TLS101", "DND201", "DND202", "INS1001", "DAG808", "DAG804"]),
        (beside, &["TLS101", "DND201", "DND202", "REG502", "INS1001", "PIP1103", "PIP1104", "PIP1113"]),
        (&["DAG801", "DAG802"], &["DND201", "DND209", "INS1001"]),
        (&["DAG801", "DAG802"], &["DND201", "DND209", "REG502", "INS1001"]),
    ];
    for (index, (pipeline, (reports, silent))) in examples.into_iter().zip(expected).enumerate() {
        let findings = found(&[(".gitlab-ci.yml".to_owned(), pipeline)].into(), &BTreeMap::new());
        assert_reported(&format!("example {index}"), &findings, reports, silent);
    }
}

#[test]
fn daggers_own_runner() {
    let Some(page) = seed("dagger-gitlab-ci.md") else { return };
    let [pipeline, ..] = &fenced_examples(&page, ".gitlab-ci.yml")[2..] else { panic!("the page has no jobs on Kubernetes") };
    let files = ["runner-config.yml", "runner.yml"].map(|name| (name.to_owned(), fenced_examples(&page, name).remove(0)));
    let findings = found(&[(".gitlab-ci.yml".to_owned(), pipeline.clone())].into(), &files.clone().into());
    let reports = ["DAG801", "DAG802", "DAG805", "DAG806", "K8S307", "K8S308", "K8S309", "RUN406"];
    assert_reported("the runner", &findings, &reports, &["RUN401", "RUN402", "SEC602", "DND201", "syntax-error", "no-runner-config"]);
    let of =
        |id: &str| findings.iter().filter(|finding| finding.diagnostic.id == id).map(|finding| &finding.diagnostic).collect::<Vec<_>>();
    assert_eq!(of("K8S307").len(), 4, "one for each key");
    for id in ["DAG805", "DAG806", "K8S307", "K8S308", "K8S309"] {
        assert!(of(id).iter().all(|finding| finding.severity == Severity::Error), "{id}");
    }
}

fn check(guide: &str) {
    let guide: Guide = serde_yaml::from_str(guide).unwrap();
    for case in guide.cases {
        let findings = found(&case.files, &case.runner_config);
        let ids = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>();
        let (reports, silent) = (ids(&case.reports), ids(&case.silent));
        assert_reported(
            &case.title,
            &findings,
            &reports.iter().map(String::as_str).collect::<Vec<_>>(),
            &silent.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        for (id, severity) in &case.severities {
            let finding = findings.iter().find(|finding| finding.diagnostic.id == id).unwrap();
            assert_eq!(finding.diagnostic.severity, *severity, "{}: {id}", case.title);
        }
    }
}

fn assert_reported(title: &str, findings: &[Finding], reports: &[&str], silent: &[&str]) {
    let ids: BTreeSet<&str> = findings.iter().map(|finding| finding.diagnostic.id).collect();
    for id in known(reports) {
        assert!(ids.contains(id), "{title}: {id} is missing; found {ids:?}");
    }
    for id in silent {
        assert!(!ids.contains(id), "{title}: {id} must stay silent");
    }
}

/// The ids that this version has a rule for; a page of the guides may call for others.
fn known<'a>(ids: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    ids.iter().copied().filter(|id| RULES.iter().any(|rule| rule.id == *id))
}

fn found(files: &BTreeMap<String, String>, runner_config: &BTreeMap<String, String>) -> Vec<Finding> {
    let workspace = Workspace::memory(files.clone());
    let mut analysis = analyze(&workspace, &[".gitlab-ci.yml".to_owned()], &Config::default());
    runner_config.iter().for_each(|(path, text)| analysis.add_runner_config(path, text, false));
    lint(&analysis, &LintOptions::default()).findings
}

fn seed(name: &str) -> Option<String> {
    let folder =
        std::env::var_os("UNDIND_SEEDS").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/seeds"), PathBuf::from);
    let page = std::fs::read_to_string(folder.join(name)).ok();
    if page.is_none() {
        eprintln!("skipped: there is no {name} in {}", folder.display());
    }
    page
}

/// The YAML behind the line `heading` of a page without markup: from the first line that is a key to the first that is neither YAML nor blank.
fn indented_example(page: &str, heading: &str) -> String {
    let behind = page.lines().skip_while(|line| line.trim() != heading).skip(1);
    let is_key = |line: &&str| line.ends_with(':') && !line.contains(' ') || line.starts_with("image: ");
    let body = behind.skip_while(|line| !is_key(line)).take_while(|line| line.trim().is_empty() || line.starts_with(' ') || is_key(line));
    body.map(|line| format!("{line}\n")).collect()
}

/// The fenced blocks of a Markdown page that carry `title`.
fn fenced_examples(page: &str, title: &str) -> Vec<String> {
    let fence = format!("```yaml title=\"{title}\"\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}
