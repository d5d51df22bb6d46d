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

/// [`OWN`] with a setting, and variants of it.
fn varying(variants: &str) -> String {
    format!("{OWN}settings: {{where: {{description: where, default: here, values: [here, there]}}}}\n{variants}\n")
}

#[test]
fn a_setting_varies_what_a_target_is() {
    let manifest = varying("variants: {where: {here: {build: own here, flags: {drop: [pull]}}, there: {build: own there}}}");
    for (config, build) in [("", "own here --publish"), ("targets: {own: {where: there}}\n", "own there --publish")] {
        let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("tools/target.yml", &manifest), (".undind.yml", config)]);
        let diff = folder.run(&["migrate", "--to", "tools"]).stdout;
        assert!(diff.contains(build), "{diff}");
    }
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
        (varying("variants: {place: {here: {build: own here}}}"), "`variants.place`: there is no such setting"),
        (varying("variants: {where: {nowhere: {build: own}}}"), "`variants.where.nowhere`: the setting is never that"),
        (varying("variants: {where: {here: {build: null}}}"), "`variants.where.here`: the file: `build` is missing"),
        (varying("variants: {where: {here: {biuld: own}}}"), "`variants.where.here`: unknown key `biuld`"),
        (varying("variants: {where: {here: {build: '{{ plain }}'}}}"), "`build`: there is no value `plain` here"),
        (varying("variants: {where: {here: {name: other}}}"), "`variants.where.here`"),
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
        ("targets: {buildkit: {driver: podman}}", "`targets.buildkit.driver` must be one of `remote`, `kubernetes`, `rootless`"),
        ("targets: {buildkit: {job_image: true}}", "has no image of its own"),
        ("targets: {buildkit: {driver: [remote]}}", "`targets.buildkit.driver`"),
    ] {
        let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), (".undind.yml", settings)]);
        folder.refuses(&["migrate", "--to", "buildkit"], message);
    }
}

#[test]
fn a_module_grows_and_no_edit_of_somebody_is_lost() {
    let job = |name: &str| format!("{name}:\n  image: alpine:3.22\n  script: [ls {name}]\n");
    let folder = Folder::new(&[(".gitlab-ci.yml", &(job("lint") + &job("other")))]);
    let migrate = |arguments: &[&str]| folder.run(&[&["migrate", "--to", "dagger"], arguments].concat());
    let ran = migrate(&["--jobs", "lint", "--write"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("created ci/dagger/src/ci/main.py"), "{}", ran.stderr);
    let written = folder.files();
    assert_eq!(written.len(), 7);
    assert_eq!(migrate(&["--jobs", "lint", "--check"]).code, 0, "nothing is left to do for it");

    let code = std::fs::read_to_string(folder.path().join("ci/dagger/src/ci/main.py")).unwrap();
    folder.write("ci/dagger/src/ci/main.py", (code.clone() + "# mine\n").as_bytes());
    let edited = folder.files();
    folder.refuses(&["migrate", "--to", "dagger", "--write"], "`ci/dagger/src/ci/main.py` was written or changed by hand");
    assert!(folder.files() == edited, "a refusal writes nothing");
    folder.write("ci/dagger/src/ci/main.py", code.as_bytes());

    let ran = migrate(&["--write"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("edited ci/dagger/src/ci/main.py"), "{}", ran.stderr);
    let both = std::fs::read_to_string(folder.path().join("ci/dagger/src/ci/main.py")).unwrap();
    assert!(both.contains("async def lint(") && both.contains("ls lint") && both.contains("async def other("), "{both}");
}

#[test]
fn a_module_of_somebody_else_is_overwritten_only_by_force_and_never_where_jobs_call_it() {
    let job = "lint:\n  image: alpine:3.22\n  script: [ls]\n";
    let folder = Folder::new(&[(".gitlab-ci.yml", job), ("ci/dagger/dagger.json", "{}\n")]);
    folder.refuses(&["migrate", "--to", "dagger", "--write"], "`ci/dagger/dagger.json` was written or changed by hand");
    let ran = folder.run(&["migrate", "--to", "dagger", "--write", "--force"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);

    let calls = "mine:\n  image: alpine:3.22\n  script: [dagger -m ci/dagger call --source=. my-own]\n";
    let folder = Folder::new(&[(".gitlab-ci.yml", &format!("{job}{calls}"))]);
    for force in [&[][..], &["--force"]] {
        folder.refuses(&[&["migrate", "--to", "dagger"], force].concat(), "the job `mine` calls a function that `ci/dagger` would lose");
    }
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

#[test]
fn a_toggle_keeps_the_old_way_for_a_variable_to_choose() {
    let pipeline = "\
# Of the shop.
# We include what all share.
include: shared.yml

# Builds the image.
build:
  image: docker:28
  services: [docker:28-dind]
  script:
    - docker build -t $CI_REGISTRY_IMAGE . # all of it
    - docker push $CI_REGISTRY_IMAGE

test: # after it
  needs: [build]
  script: [ls]
";
    let folder = Folder::new(&[(".gitlab-ci.yml", pipeline), ("shared.yml", "lint: {script: [ls]}\n")]);
    let ran = folder.run(&["migrate", "--to", "depot", "--mode", "toggle", "--write"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("WITHOUT_DEPOT"), "a person is told of the variable: {}", ran.stderr);
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    let main = "\
# Of the shop.
# We include what all share.
include:
  - shared.yml
  - local: ci/without-depot.yml
    rules:
      - if: $WITHOUT_DEPOT == \"true\"
  - local: ci/with-depot.yml
    rules:
      - if: $WITHOUT_DEPOT != \"true\"

test: # after it
  needs: [build]
  script: [ls]
";
    assert_eq!(read(".gitlab-ci.yml"), main);
    let old = "# Builds the image.\nbuild:\n  image: docker:28\n  services: [docker:28-dind]\n  script:\n    - docker build -t $CI_REGISTRY_IMAGE . # all of it\n";
    assert!(read("ci/without-depot.yml").contains(old), "{}", read("ci/without-depot.yml"));
    let new = read("ci/with-depot.yml");
    assert!(new.contains("    - depot build --push --provenance=false -t $CI_REGISTRY_IMAGE . # all of it\n"), "{new}");
    assert!(!new.contains("dind"), "{new}");

    let job = |variables: &[&str]| {
        let event = ["expand", "--event", "push", "--branch", "main", "--format", "json"];
        folder.run(&[&event[..], variables].concat()).json()["build"].clone()
    };
    let original = Folder::new(&[(".gitlab-ci.yml", pipeline), ("shared.yml", "lint: {script: [ls]}\n")]);
    let before = original.run(&["expand", "--event", "push", "--branch", "main", "--format", "json"]).json()["build"].clone();
    assert_eq!(job(&["--var", "WITHOUT_DEPOT=true"]), before);
    for variables in [&[][..], &["--var", "WITHOUT_DEPOT=false"]] {
        assert!(job(variables)["services"].is_null(), "{}", job(variables));
    }
    let again = folder.run(&["migrate", "--to", "depot", "--mode", "toggle", "--check"]);
    assert_eq!(again.code, 0, "what is toggled is done: {}{}", again.stdout, again.stderr);
}

#[test]
fn a_toggle_leaves_the_bytes_of_what_stays() {
    let stays = "test: # \u{e9}\r\n  script: [ls]   \r\n  image: alpine:3.22\n\r\n\r\n";
    let build = "build:\r\n  image: docker:28\r\n  services: [docker:28-dind]\r\n  script:\r\n    - docker build -t $CI_REGISTRY_IMAGE .\r\n    - docker push $CI_REGISTRY_IMAGE\r\n\r\n";
    let folder = Folder::new(&[(".gitlab-ci.yml", &format!("---\r\n{build}{stays}"))]);
    let ran = folder.run(&["migrate", "--to", "depot", "--mode", "toggle", "--write"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let main = std::fs::read_to_string(folder.path().join(".gitlab-ci.yml")).unwrap();
    let include = "---\r\ninclude:\r\n  - local: ci/without-depot.yml\r\n";
    assert!(main.starts_with(include) && main.ends_with(&format!("\r\n\r\n{stays}")), "{main:?}");
    let old = std::fs::read_to_string(folder.path().join("ci/without-depot.yml")).unwrap();
    assert!(old.ends_with(&format!("\r\n\r\n{}\r\n", build.trim_end())), "{old:?}");
}

#[test]
fn a_toggle_moves_what_anchors_join_and_refuses_what_would_mean_something_else() {
    let build = "\
build:
  image: docker:28
  services: [docker:28-dind]
  script:
    - docker build -t \"$CI_REGISTRY_IMAGE:latest\" .
    - docker push \"$CI_REGISTRY_IMAGE:latest\"
  rules: &rules
    - if: $CI_COMMIT_TAG
";
    let other = "other:\n  script: [ls]\n  rules: *rules\nfree:\n  script: [ls]\n";
    let folder = Folder::new(&[(".gitlab-ci.yml", &format!("{build}{other}"))]);
    let ran = folder.run(&["migrate", "--to", "buildkit", "--mode", "toggle", "--write"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    assert!(!read(".gitlab-ci.yml").contains("other:") && read(".gitlab-ci.yml").contains("free:"), "{}", read(".gitlab-ci.yml"));
    assert!(read("ci/with-buildkit.yml").contains("rules: *rules") && read("ci/without-buildkit.yml").contains("rules: *rules"));

    let header = "spec:\n  inputs:\n    tag:\n      default: latest\n---\n";
    let with_input = build.replace(":latest", ":$[[ inputs.tag ]]");
    let folder = Folder::new(&[(".gitlab-ci.yml", &format!("{header}{with_input}"))]);
    let ran = folder.run(&["migrate", "--to", "buildkit", "--mode", "toggle"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{}", ran.stderr);
}

#[test]
fn functions_run_on_kubernetes_nodes_that_the_written_configuration_prepares() {
    let job = "lint:\n  image: alpine:3.22\n  tags: [shell]\n  script: [ls]\n";
    let folder = Folder::new(&[(".gitlab-ci.yml", job)]);
    let ran = folder.run(&["migrate", "--to", "dagger", "--executor", "kubernetes", "--runner-config-out", "deploy/runner", "--write"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let pipeline = folder.run(&["expand", "--format", "json"]).json();
    assert_eq!(pipeline["lint"]["tags"], serde_json::json!(["dagger-node"]));
    let read = |name: &str| std::fs::read_to_string(folder.path().join("deploy/runner").join(name)).unwrap();
    assert!(read("deployment.yml").contains("name: gitlab-runner-config") && read("dagger-values.yml").contains("--version 0.21.11"));
    for name in ["configmap.yml", "values.yml"] {
        let lint = ["lint", "--format", "json", "--runner-config", &format!("deploy/runner/{name}")];
        let report = folder.run(&lint).json();
        assert_eq!(report["findings"], serde_json::json!([]), "{name}: {report}");
        let broken =
            read(name).replace("mount_path = \"/run/dagger\"", "mount_path = \"/var/lib/other\"").replace("node_affinity", "nodeAffinity");
        folder.write(&format!("deploy/runner/{name}"), broken.as_bytes());
        let report = folder.run(&lint).json();
        let rules: Vec<&str> = report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["rule"].as_str()).collect();
        assert!(rules.contains(&"dagger-socket-not-in-job-pod") && rules.contains(&"runner-affinity-key-case"), "{name}: {report}");
    }
    let elsewhere = ["migrate", "--to", "dagger", "--executor", "kubernetes", "--runner-config-out", ".."];
    Folder::new(&[(".gitlab-ci.yml", job)]).refuses(&elsewhere, "does not lie in the repository");
    Folder::new(&[(".gitlab-ci.yml", job)])
        .refuses(&["migrate", "--to", "dagger", "--runner-config-out", "x"], "is for `--executor kubernetes`");
}

#[test]
fn a_shadow_builds_beside_the_job_and_publishes_nothing() {
    let pipeline = "\
variables:
  DOCKER_HOST: tcp://docker:2375
  DOCKER_TLS_CERTDIR: \"\"
default:
  services: [docker:28-dind]
build:
  image: docker:28
  variables: {VERSION: \"012\", MODE: \"on\"}
  script:
    - docker build -t \"$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA\" .
    - docker push \"$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA\"
  rules:
    - if: $CI_COMMIT_TAG
      allow_failure: false
  environment: production
  artifacts: {paths: [out]}
build:depot:
  services: []
  script: [ls]
tell:
  image: docker:28
  script:
    - docker build -t $CI_REGISTRY_IMAGE .
    - docker push $CI_REGISTRY_IMAGE
    - curl https://example.com
";
    let before = Folder::new(&[(".gitlab-ci.yml", pipeline)]).run(&["expand", "--format", "json"]).json();
    for (target, name, command) in [
        (
            "depot",
            "build:depot-2",
            "depot build --suppress-no-output-warning --provenance=false -t \"$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA\" .",
        ),
        (
            "buildkit",
            "build:buildkit",
            "docker buildx build --output type=cacheonly --provenance=false -t \"$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA\" .",
        ),
    ] {
        let folder = Folder::new(&[(".gitlab-ci.yml", pipeline)]);
        let ran = folder.run(&["migrate", "--to", target, "--mode", "shadow", "--write"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains("`curl` would run twice"), "{}", ran.stderr);
        let text = std::fs::read_to_string(folder.path().join(".gitlab-ci.yml")).unwrap();
        assert!(text.starts_with(pipeline), "what is there stays: {text}");
        let after = folder.run(&["expand", "--format", "json"]).json();
        for (job, config) in before.as_object().unwrap() {
            assert_eq!(after[job], *config, "{job}");
        }
        let shadow = &after[name];
        assert_eq!(shadow["script"].as_array().unwrap().last().unwrap(), command, "{text}");
        assert_eq!(shadow["variables"], serde_json::json!({"VERSION": "012", "MODE": "on", "DOCKER_HOST": "", "DOCKER_TLS_CERTDIR": ""}));
        assert!(shadow["services"].as_array().is_none_or(Vec::is_empty) && shadow["allow_failure"] == true, "{shadow}");
        assert_eq!(shadow["rules"], serde_json::json!([{"if": "$CI_COMMIT_TAG"}]));
        assert!(shadow["environment"].is_null() && shadow["artifacts"].is_null(), "{shadow}");
    }
}

#[test]
fn a_shadow_has_the_variables_of_its_job_and_no_others() {
    let pipeline = "\
variables: {A: '1', B: '2'}
build:
  image: docker:28
  services: [docker:28-dind]
  inherit: {variables: [A]}
  script:
    - docker build -t \"$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA\" .
    - docker push \"$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA\"
";
    let folder = Folder::new(&[(".gitlab-ci.yml", pipeline), ("Dockerfile", "FROM alpine:3.22\n")]);
    assert_eq!(folder.run(&["migrate", "--to", "buildkit", "--mode", "shadow", "--write"]).code, 0);
    let plan = folder.run(&["plan", "--event", "push", "--format", "json"]).json();
    let jobs = plan["jobs"].as_array().unwrap();
    let shadow = jobs.iter().find(|job| job["name"] == "build:buildkit").expect("the job beside");
    assert!(shadow["variables"]["A"] == "1" && shadow["variables"]["B"].is_null(), "{shadow}");
}

#[test]
fn a_shadow_of_functions_runs_what_may_run_twice() {
    let pipeline = "\
test:
  image: alpine:3.22
  script: [ls]
tell:
  image: alpine:3.22
  script: [curl https://example.com]
build:
  image: docker:28
  services: [docker:28-dind]
  script:
    - docker build -t $CI_REGISTRY_IMAGE .
    - docker push $CI_REGISTRY_IMAGE
";
    let folder = Folder::new(&[(".gitlab-ci.yml", pipeline)]);
    let ran = folder.run(&["migrate", "--to", "dagger", "--mode", "shadow", "--write"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("would do so twice"), "{}", ran.stderr);
    let code = std::fs::read_to_string(folder.path().join("ci/dagger/src/ci/main.py")).unwrap();
    assert!(code.contains("await image.sync()") && !code.contains("publish("), "{code}");
    let after = folder.run(&["expand", "--format", "json"]).json();
    assert_eq!(after["test:dagger"]["allow_failure"], true);
    assert_eq!(after["build:dagger"]["script"], serde_json::json!(["dagger -m ./ci/dagger call build --source=."]));
    assert!(after["tell:dagger"].is_null());
}
