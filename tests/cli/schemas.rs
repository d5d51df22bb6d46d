use serde_json::Value;

use crate::{Folder, PIPELINE};

/// Jobs of all kinds that a plan can have.
const RULES: &str = "\
stages: [build, test]
build: {stage: build, script: a, parallel: {matrix: [{A: [1, 2]}]}}
test:
  script: a
  needs: [build, {job: late, optional: true}, {project: g/p, job: j, ref: main}]
late: {script: a, rules: [{if: $CI_COMMIT_TAG, when: delayed, start_in: 1 hour}]}
perhaps: {script: a, rules: [{if: $X, when: manual}]}
broken: {script: a, needs: [nobody]}
deploy: {script: a, environment: {name: review/$CI_COMMIT_REF_SLUG}, tags: [a, $B], resource_group: x}
child: {trigger: {include: [{artifact: x.yml, job: build}], strategy: mirror}}
";

#[track_caller]
fn fits(folder: &Folder, schema: &str, output: &Value) {
    let schema = folder.run(&["schema", schema]).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(output).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{output:#}");
}

#[test]
fn real_outputs_fit_their_schemas() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("broken.yml", "a: ["), ("done.yml", "job: {script: docker run x}\n")]);
    for path in [".gitlab-ci.yml", "broken.yml"] {
        fits(&folder, "lint", &folder.run(&["lint", path, "--format", "json"]).json());
    }
    folder.write("rules.yml", RULES.as_bytes());
    for event in ["push", "mr", "tag", "schedule"] {
        fits(&folder, "plan", &folder.run(&["plan", "rules.yml", "--event", event, "--format", "json"]).json());
    }
    fits(&folder, "inspect", &folder.run(&["inspect", "--format", "json"]).json());
    for path in [".gitlab-ci.yml", "done.yml"] {
        fits(&folder, "migrate", &folder.run(&["migrate", path, "--to", "depot", "--report", "json"]).json());
    }
    folder.run(&["lint", "broken.yml", "--write-baseline", "baseline.json"]);
    let baseline = std::fs::read_to_string(folder.path().join("baseline.json")).unwrap();
    fits(&folder, "baseline", &serde_json::from_str(&baseline).unwrap());
}

#[test]
fn every_schema_is_a_schema() {
    let folder = Folder::new(&[]);
    for name in ["baseline", "config", "gitlab-ci", "inspect", "lint", "migrate", "plan"] {
        jsonschema::meta::validate(&folder.run(&["schema", name]).json()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
