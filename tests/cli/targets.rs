//! `migrate` to the targets besides Depot: settings, folders of the user's own, modules.

use serde_json::Value;

use crate::{Folder, PIPELINE};

/// A manifest with nothing but what it has to have.
const OWN: &str = "\
name: own
title: Own
build: own build
flags: {drop: [], refuse: [], push: --publish, plain_manifest: --plain, discard: --check, tag: '-t {{ reference }}'}
load: {flag: --load}
command: {sign: own.example.com, install: 'curl -fsSL https://own.example.com/install.sh | sh'}
login: {assumption: credentials are there}
";

#[test]
fn a_folder_of_one_s_own_is_a_target() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("tools/target.yml", OWN)]);
    let diff = folder.run(&["migrate", "--to", "tools"]).stdout;
    assert!(diff.contains("+    - curl -fsSL https://own.example.com/install.sh | sh\n"), "{diff}");
    assert!(diff.contains("own build --publish --plain -t"), "{diff}");
    let report = folder.run(&["migrate", "--to", "tools", "--report", "json"]).json();
    assert_eq!(report["target"], "own");
}

#[test]
fn a_wrong_manifest_is_refused_at_its_place() {
    for (manifest, message) in [
        (OWN.replace("refuse: []", "refused: []"), "tools/target.yml:4:8: `flags`: `refuse` is missing"),
        (format!("{OWN}titel: Own\n"), "unknown key `titel`"),
        (OWN.replace("title: Own", "title: ["), "tools/target.yml:"),
        (OWN.replace("--plain", "'{{ plain }}'"), "`flags.plain_manifest`: there is no value `plain` here"),
        (OWN.replace("--plain", "'{% if %}'"), "`flags.plain_manifest`: syntax error"),
        (OWN.replace("--plain", "'{{ 1 | nope }}'"), "`flags.plain_manifest`: unknown filter"),
    ] {
        let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("tools/target.yml", &manifest)]);
        folder.refuses(&["migrate", "--to", "tools"], message);
    }
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("tools/other.yml", OWN)]);
    folder.refuses(&["migrate", "--to", "tools"], "target.yml`");
}

#[test]
fn settings_that_a_target_does_not_have_are_refused() {
    for (settings, message) in [
        ("targets: {buildkit: {drivr: kubernetes}}", "did you mean `driver`?"),
        ("targets: {buildkit: {driver: podman}}", "`targets.buildkit.driver` must be one of `remote`, `kubernetes`"),
        ("targets: {buildkit: {job_image: true}}", "has no image of its own"),
        ("targets: {buildkit: {driver: [remote]}}", "`targets.buildkit.driver`"),
    ] {
        let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), (".undind.yml", settings)]);
        folder.refuses(&["migrate", "--to", "buildkit"], message);
    }
}

#[test]
fn a_module_is_written_once() {
    let job = |name: &str| format!("{name}:\n  image: alpine:3.22\n  script: [ls]\n");
    let folder = Folder::new(&[(".gitlab-ci.yml", &(job("lint") + &job("other")))]);
    let ran = folder.run(&["migrate", "--to", "dagger", "--jobs", "lint", "--write"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("created ci/dagger/src/ci/main.py"), "{}", ran.stderr);
    let written = folder.files();
    assert_eq!(written.len(), 6);
    folder.refuses(&["migrate", "--to", "dagger", "--write"], "is there already");
    assert!(folder.files() == written, "a refusal writes nothing");
    let again = folder.run(&["migrate", "--to", "dagger", "--jobs", "lint", "--check"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
}

#[test]
fn reports_of_all_targets_fit_the_schema() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE)]);
    let schema = folder.run(&["schema", "migrate"]).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for target in ["depot", "buildkit", "dagger"] {
        let report: Value = folder.run(&["migrate", "--to", target, "--report", "json"]).json();
        let errors: Vec<String> = validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{target}: {errors:#?}");
        assert_eq!(report["target"], target);
        assert!(!folder.run(&["migrate", "--to", target, "--report", "md"]).stdout.is_empty());
    }
}

#[test]
fn the_example_of_a_target_folder_is_one() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/build-cloud/target.yml")).unwrap();
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("cloud/target.yml", &manifest)]);
    let diff = folder.run(&["migrate", "--to", "cloud"]).stdout;
    assert!(diff.contains("docker buildx create --use --driver cloud \"$BUILD_CLOUD_BUILDER\""), "{diff}");
    assert!(diff.contains("docker buildx build --push"), "{diff}");
}
