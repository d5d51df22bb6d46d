//! The merged pipelines that gitlab-ci-local printed for its own cases against `expand`, both in one form: scalars as texts, short forms written out.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use undind::Workspace;
use undind::pipeline::context::{Context, Event, Facts, Ref};
use undind::pipeline::expand::expanded;
use undind::pipeline::{Documents, resolve};
use undind::plan::{plan, refusals, restrict};

/// Cases in which the peer is wrong, or prints more than the merged configuration, with what says so.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("cache-paths-undefined-array", "a cache without paths stays a cache: gitlab, `Entry::Cache` only asks for its keys"),
    (
        "component-inputs-cli",
        "inputs of a component come from `include:inputs` alone, not from a file of the peer: docs.gitlab.com/ci/inputs/",
    ),
    (
        "component-inputs-edge-cases",
        "inputs of a component come from `include:inputs` alone, not from a file of the peer: docs.gitlab.com/ci/inputs/",
    ),
    (
        "component-inputs-multiple",
        "inputs of a component come from `include:inputs` alone, not from a file of the peer: docs.gitlab.com/ci/inputs/",
    ),
    ("include-rules", "`GITLAB_CI` is `true`: docs.gitlab.com/ci/variables/predefined_variables/"),
    ("rules-needs", "`needs` of a rule count when the rule is evaluated, with the job's `rules` gone: docs.gitlab.com/ci/yaml/#rulesneeds"),
    ("services", "a reference is a list of texts, not of indices: gitlab, `Tags::Reference#valid?`"),
];

fn folder() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("UNDIND_CONFORMANCE").map_or(default, PathBuf::from);
    folder.is_dir().then_some(folder)
}

#[test]
fn merged_pipelines_are_those_of_the_peer() {
    let Some(folder) = folder() else {
        eprintln!("skipped: no folder of the peer's cases, set UNDIND_CONFORMANCE");
        return;
    };
    let mut names: Vec<String> = std::fs::read_dir(folder.join("gitlab-ci-local-preview"))
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".yml")?.to_owned()))
        .collect();
    names.sort();
    let (mut wrong, mut excused) = (Vec::new(), Vec::new());
    for name in &names {
        let text = std::fs::read_to_string(folder.join(format!("gitlab-ci-local-preview/{name}.yml"))).unwrap();
        let theirs = one_form(theirs(&text));
        let ours = |event| one_form(ours(&folder.join("gitlab-ci-local").join(name), event));
        if ours(None) == theirs || ours(Some(Event::Push)) == theirs {
            continue;
        }
        match EXCEPTIONS.iter().find(|(known, _)| known == name) {
            Some((known, _)) => excused.push(*known),
            None => wrong.push(format!("{name}\n  ours   {}\n  theirs {theirs}", ours(None))),
        }
    }
    let stale: Vec<_> = EXCEPTIONS.iter().filter(|(name, _)| !excused.contains(name)).collect();
    eprintln!("{} merged pipelines, {} of them excused", names.len(), excused.len());
    assert!(names.len() > 70, "the folder is incomplete");
    assert!(stale.is_empty(), "no exceptions: {stale:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn ours(folder: &Path, event: Option<Event>) -> Value {
    let files = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
    let files = files.filter_map(|entry| {
        let path = entry.path().strip_prefix(folder).ok()?.to_str()?.to_owned();
        Some((path, std::fs::read_to_string(entry.path()).ok()?))
    });
    let workspace = Workspace::memory(files);
    let mut documents = Documents::default();
    let entry = documents.load(&workspace, ".gitlab-ci.yml").unwrap();
    let context = match event {
        None => Context::any(),
        Some(event) => Context::new(event, Ref::Branch("main".into()), &Facts { default_branch: Some("main".into()), ..Facts::default() }),
    };
    let context = context.with_inputs([]).with_no_other_variables().with_files(workspace.paths());
    let pipeline = resolve(&workspace, &mut documents, ".gitlab-ci.yml", entry, &context);
    let mut merged = expanded(&pipeline);
    if event.is_some() {
        let workflow = merged.get("workflow").cloned();
        restrict(&mut merged, &plan(&pipeline, &context, refusals(&pipeline, &documents)));
        // The peer keeps what it evaluates.
        if let Some(workflow) = workflow {
            merged["workflow"] = workflow;
        }
    }
    merged
}

/// What the peer printed, behind its warnings.
fn theirs(text: &str) -> Value {
    let start = text.find("---\n").expect("a document");
    serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(&text[start..]).unwrap()).unwrap()
}

fn one_form(merged: Value) -> Value {
    let Value::Object(merged) = texts(merged) else { panic!("a pipeline is a mapping") };
    let keywords = ["stages", "variables", "workflow"];
    merged
        .into_iter()
        .map(|(name, value)| match value {
            Value::Object(job) if !keywords.contains(&name.as_str()) => (name, one_job(job)),
            value => (name, value),
        })
        .collect()
}

/// Numbers, booleans and nothing as texts: the peer types scalars as YAML 1.2 does.
fn texts(value: Value) -> Value {
    match value {
        Value::Null => json!(""),
        Value::Bool(value) => json!(value.to_string()),
        Value::Number(number) => json!(number.to_string()),
        Value::String(text) => json!(text),
        Value::Array(items) => items.into_iter().map(texts).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, texts(value))).collect(),
    }
}

fn one_job(mut job: Map<String, Value>) -> Value {
    if job.get("stage") == Some(&json!("test")) {
        job.remove("stage");
    }
    let named = |value: &Value| if value.is_string() { json!({"name": value}) } else { value.clone() };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    for (keyword, value) in &mut job {
        *value = match keyword.as_str() {
            "image" => named(value),
            "services" => list(value).iter().map(named).collect(),
            "needs" => flat(value)
                .into_iter()
                .map(|need| {
                    with(json!({"artifacts": "true", "optional": "false"}), if need.is_string() { json!({"job": need}) } else { need })
                })
                .collect(),
            "cache" => list(value).into_iter().map(|cache| with(json!({"policy": "pull-push", "when": "on_success"}), cache)).collect(),
            "rules" => flat(value).into(),
            "parallel" => match value["matrix"].as_array() {
                Some(rows) => {
                    json!({"matrix": rows.iter().map(|row| row.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), json!(list(value)))).collect::<Value>()).collect::<Vec<_>>()})
                }
                None => value.clone(),
            },
            _ => continue,
        };
    }
    Value::Object(job)
}

fn flat(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        other => vec![other.clone()],
    }
}

fn with(mut defaults: Value, value: Value) -> Value {
    let members = defaults.as_object_mut().expect("defaults are a mapping");
    members.extend(value.as_object().cloned().unwrap_or_default());
    defaults
}
