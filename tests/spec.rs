//! Every fixture: what a rule reports, what its fixes make of the files, and the laws that hold for every fix.

#[path = "spec/laws.rs"]
mod laws;

use std::collections::BTreeMap;
use std::path::Path;

use undind::analysis::{Analysis, analyze};
use undind::config::Config;
use undind::diagnostic::Severity;
use undind::edit::{Edit, Safety, apply};
use undind::lint::{Finding, LintOptions, lint};
use undind::workspace::Workspace;

/// Most rounds in which fixes may lead to further fixes.
const MAX_ROUNDS: usize = 5;

type Files = BTreeMap<String, String>;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    rule: String,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    /// The file with which the pipeline begins.
    #[serde(default = "entry")]
    entry: String,
    files: Files,
    /// Files that `--runner-config` names.
    #[serde(default)]
    runner_config: Files,
    #[serde(default)]
    config: String,
    #[serde(default)]
    findings: Vec<Expected>,
    fixed: Option<Files>,
    fixed_unsafe: Option<Files>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    at: Option<String>,
    line: Option<usize>,
    #[serde(default = "entry")]
    file: String,
    severity: Severity,
    jobs: Option<Vec<String>>,
    message: Option<String>,
}

fn entry() -> String {
    ".gitlab-ci.yml".to_owned()
}

#[test]
fn every_rule_reports_and_fixes_what_its_fixture_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut wrong = Vec::new();
    for path in paths {
        let mut fixture: Fixture =
            serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), fixture.rule, "a fixture is called after its rule");
        for case in &mut fixture.cases {
            case.files.extend(case.runner_config.clone());
            let problems = problems(&fixture.rule, case);
            if !problems.is_empty() {
                wrong.push(format!("{}: {}\n    {}", fixture.rule, case.title, problems.join("\n    ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases fail:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn problems(rule: &str, case: &Case) -> Vec<String> {
    let (analysis, findings) = run(rule, case, &case.files);
    let mut problems = unexpected(&analysis, &findings, &case.findings);
    for (safety, expected) in [(Safety::Safe, &case.fixed), (Safety::Unsafe, &case.fixed_unsafe)] {
        if safety == Safety::Unsafe && expected.is_none() {
            continue;
        }
        match fixed(rule, case, safety) {
            Ok(files) => problems.extend(differences(safety, &files, expected.as_ref().unwrap_or(&case.files))),
            Err(problem) => problems.push(problem),
        }
    }
    problems.extend(laws::broken(rule, case));
    problems
}

fn run(rule: &str, case: &Case, files: &Files) -> (Analysis, Vec<Finding>) {
    let config = if case.config.is_empty() { Config::default() } else { Config::parse(&case.config).unwrap() };
    let workspace = Workspace::memory(files.clone());
    let mut analysis = analyze(&workspace, std::slice::from_ref(&case.entry), &config);
    case.runner_config.keys().for_each(|path| analysis.add_runner_config(path, &files[path], false));
    let options = LintOptions { select: vec![rule.to_owned()], ..LintOptions::default() };
    let findings = lint(&analysis, &options).findings.into_iter().filter(|finding| finding.diagnostic.rule == rule).collect();
    (analysis, findings)
}

fn unexpected(analysis: &Analysis, findings: &[Finding], expected: &[Expected]) -> Vec<String> {
    let mut left: Vec<&Finding> = findings.iter().collect();
    let mut problems = Vec::new();
    for expected in expected {
        match left.iter().position(|finding| is_at(analysis, finding, expected)) {
            Some(index) => problems.extend(differs(left.remove(index), expected)),
            None => problems.push(format!("nothing reported at {:?}, line {:?}", expected.at, expected.line)),
        }
    }
    let sources = analysis.documents.sources();
    problems.extend(left.iter().map(|finding| {
        let diagnostic = &finding.diagnostic;
        format!("reported at line {}, {:?}: {}", sources.start(diagnostic.span).line, sources.slice(diagnostic.span), diagnostic.message)
    }));
    problems
}

fn is_at(analysis: &Analysis, finding: &Finding, expected: &Expected) -> bool {
    let sources = analysis.documents.sources();
    let span = finding.diagnostic.span;
    sources.get(span.file).path() == expected.file
        && expected.at.as_ref().is_none_or(|at| sources.slice(span) == at)
        && expected.line.is_none_or(|line| sources.start(span).line == line)
        && expected
            .message
            .as_ref()
            .is_none_or(|message| finding.diagnostic.message.contains(message.as_str()) || has_help(finding, message))
}

fn has_help(finding: &Finding, message: &str) -> bool {
    finding.diagnostic.help.as_ref().is_some_and(|help| help.contains(message))
}

fn differs(finding: &Finding, expected: &Expected) -> Vec<String> {
    let diagnostic = &finding.diagnostic;
    let mut problems = Vec::new();
    if diagnostic.severity != expected.severity {
        problems.push(format!("{} instead of {}: {}", diagnostic.severity.name(), expected.severity.name(), diagnostic.message));
    }
    if let Some(jobs) = expected.jobs.as_ref().filter(|jobs| **jobs != diagnostic.jobs) {
        problems.push(format!("jobs {:?} instead of {jobs:?}: {}", diagnostic.jobs, diagnostic.message));
    }
    problems
}

/// The files after applying fixes, up to `safety`, until none is left.
fn fixed(rule: &str, case: &Case, safety: Safety) -> Result<Files, String> {
    let mut files = case.files.clone();
    for _ in 0..MAX_ROUNDS {
        let (analysis, findings) = run(rule, case, &files);
        let fixes: Vec<_> =
            findings.iter().filter_map(|finding| finding.diagnostic.fix.as_ref()).filter(|fix| fix.safety <= safety).collect();
        if fixes.is_empty() {
            return Ok(files);
        }
        let edits: Vec<Edit> = fixes.iter().flat_map(|fix| fix.edits.clone()).collect();
        let sources = analysis.documents.sources();
        let changed = apply(sources, &edits).map_err(|overlap| format!("{overlap}: {:?}", fixes))?;
        files.extend(changed.into_iter().map(|(file, text)| (sources.get(file).path().to_owned(), text)));
    }
    Err(format!("{safety:?} fixes don't converge"))
}

fn differences(safety: Safety, files: &Files, expected: &Files) -> Vec<String> {
    let changed = expected.iter().filter(|(path, text)| files.get(*path) != Some(*text));
    changed.map(|(path, _)| format!("{path} after {safety:?} fixes:\n{}", files.get(path).map_or("", String::as_str))).collect()
}
