//! Every case of `tests/plan`: which jobs an event creates, which it leaves out and why.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use undind::Workspace;
use undind::pipeline::context::{Changed, Context, Event, Facts, Ref};
use undind::pipeline::{Documents, resolve};
use undind::plan::{Plan, plan, refusals};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    title: String,
    /// The page or source that says so.
    #[expect(dead_code, reason = "for readers of the fixture")]
    source: Option<String>,
    files: BTreeMap<String, String>,
    #[serde(default)]
    includes: BTreeMap<String, String>,
    events: BTreeMap<String, Expected>,
}

/// What is given, and what comes of it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    branch: Option<String>,
    tag: Option<String>,
    changed: Option<Vec<String>>,
    #[serde(default)]
    vars: BTreeMap<String, String>,
    #[serde(default)]
    inputs: BTreeMap<String, serde_json::Value>,
    project: Option<String>,
    #[serde(default)]
    no_other_vars: bool,
    /// Names of jobs in order; behind ` | ` how they start, such as `manual, may fail`.
    #[serde(default)]
    jobs: Vec<String>,
    #[serde(default)]
    needs: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    variables: BTreeMap<String, BTreeMap<String, String>>,
    /// Names with a part of why.
    #[serde(default)]
    left_out: BTreeMap<String, String>,
    #[serde(default)]
    unknown: BTreeMap<String, String>,
    /// A part of the reason; `created` is then false, or not known where it begins with `?`.
    reason: Option<String>,
    /// A part of each problem.
    #[serde(default)]
    problems: Vec<String>,
}

#[test]
fn every_event_creates_the_jobs_that_its_case_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut wrong = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let fixture: Fixture = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in &fixture.cases {
            for (event, expected) in &case.events {
                let problems = problems(case, event, expected);
                if !problems.is_empty() {
                    wrong.push(format!("{}: {} ({event})\n    {}", path.display(), case.title, problems.join("\n    ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases fail:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn problems(case: &Case, event: &str, expected: &Expected) -> Vec<String> {
    // A second case of the same event has a remark behind its name.
    let name = event.split(' ').next().unwrap_or_default();
    let event = Event::ALL.into_iter().find(|event| event.name() == name).unwrap_or_else(|| panic!("`{name}` is no event"));
    let plan = planned(case, event, expected);
    let mut problems = Vec::new();
    let mut differ = |what: &str, found: String, expected: String| {
        if found != expected {
            problems.push(format!("{what}: {found}\n      instead of {expected}"));
        }
    };
    let shown: Vec<String> = plan.jobs.iter().map(shown).collect();
    differ("jobs", format!("{shown:?}"), format!("{:?}", expected.jobs));
    for (name, needs) in &expected.needs {
        let found = plan.jobs.iter().find(|job| *job.name == **name).and_then(|job| job.needs.as_ref());
        let found: Vec<&str> = found.into_iter().flatten().map(|need| &*need.job).collect();
        differ(&format!("needs of {name}"), format!("{found:?}"), format!("{needs:?}"));
    }
    for (name, variables) in &expected.variables {
        let found = plan.jobs.iter().find(|job| *job.name == **name);
        let found: BTreeMap<String, String> =
            found.iter().flat_map(|job| job.variables.iter()).map(|(name, text)| (name.to_string(), text.to_string())).collect();
        differ(&format!("variables of {name}"), format!("{found:?}"), format!("{variables:?}"));
    }
    let left_out: Vec<(&str, &str)> = plan.left_out.iter().map(|job| (&*job.name, job.why.as_str())).collect();
    let unknown: Vec<(&str, &str)> = plan.unknown.iter().map(|job| (&*job.name, job.why.as_str())).collect();
    for (what, found, expected) in [("left out", left_out, &expected.left_out), ("unknown", unknown, &expected.unknown)] {
        let agrees = found.len() == expected.len()
            && found.iter().all(|(name, why)| expected.get(*name).is_some_and(|expected| why.contains(expected.as_str())));
        differ(what, format!("{found:?}"), if agrees { format!("{found:?}") } else { format!("{expected:?}") });
    }
    let reason = plan.reason.as_ref().map(|reason| reason.message.clone()).unwrap_or_default();
    let (created, wanted) = match expected.reason.as_deref() {
        None => (Some(true), ""),
        Some(reason) => reason.strip_prefix('?').map_or((Some(false), reason), |reason| (None, reason.trim())),
    };
    differ(
        "created",
        format!("{:?}: {reason}", plan.created),
        format!("{created:?}: {}", if reason.contains(wanted) { &reason } else { wanted }),
    );
    let found: Vec<&str> = plan.problems.iter().map(|problem| problem.message.as_str()).collect();
    let agrees =
        found.len() == expected.problems.len() && found.iter().zip(&expected.problems).all(|(found, part)| found.contains(part.as_str()));
    differ("problems", format!("{found:?}"), if agrees { format!("{found:?}") } else { format!("{:?}", expected.problems) });
    problems
}

fn shown(job: &undind::plan::PlannedJob) -> String {
    let mut how = Vec::new();
    if *job.effect.when != *"on_success" {
        how.push(job.effect.when.to_string());
    }
    how.extend(job.effect.start_in.as_ref().map(ToString::to_string));
    if job.effect.allow_failure {
        how.push("may fail".to_owned());
    }
    if how.is_empty() { job.name.to_string() } else { format!("{} | {}", job.name, how.join(", ")) }
}

fn planned(case: &Case, event: Event, expected: &Expected) -> Plan {
    let workspace = Workspace::memory(case.files.clone()).with_includes(memory(&case.includes));
    let mut documents = Documents::default();
    let entry = documents.load(&workspace, ".gitlab-ci.yml").unwrap();
    assert!(documents.get(entry).is_some(), "{}: {:?}", case.title, documents.problems());
    let text = |text: &Option<String>, default: &str| Arc::from(text.as_deref().unwrap_or(default));
    let reference = match (event, &expected.tag) {
        (Event::Tag, tag) => Ref::Tag(text(tag, "v1.0.0")),
        (_, Some(tag)) => Ref::Tag(tag.as_str().into()),
        (Event::MergeRequest, None) => Ref::MergeRequest { source: text(&expected.branch, "feature"), target: "main".into() },
        (_, None) => Ref::Branch(text(&expected.branch, "main")),
    };
    let facts = Facts { default_branch: Some("main".into()), project: expected.project.as_deref().map(Arc::from), ..Facts::default() };
    let files: Vec<String> = case.files.keys().cloned().collect();
    let mut context = Context::new(event, reference, &facts)
        .with_variables(expected.vars.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())))
        .with_inputs(expected.inputs.iter().map(|(name, value)| (name.as_str().into(), value.clone())))
        .with_history(Arc::new(Changed(expected.changed.clone())))
        .with_files(files);
    if expected.no_other_vars {
        context = context.with_no_other_variables();
    }
    let pipeline = resolve(&workspace, &mut documents, ".gitlab-ci.yml", entry, &context);
    plan(&pipeline, &context, refusals(&pipeline, &documents))
}

fn memory(files: &BTreeMap<String, String>) -> undind::workspace::MemoryLoader {
    files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect()
}
