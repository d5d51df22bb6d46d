use serde_json::json;

use crate::{Folder, PIPELINE};

const TOML: &str = "[[runners]]\n  executor = \"docker\"\n  [runners.docker]\n    image = \"docker:28\"\n    privileged = false\n";

/// What is found in the runners' files.
fn findings(folder: &Folder, arguments: &[&str]) -> Vec<serde_json::Value> {
    let json = folder.run(&[&["lint", "--format", "json"], arguments].concat()).json();
    let rules = ["dind-needs-privileged", "syntax-error", "no-runner-config"];
    json["findings"].as_array().unwrap().iter().filter(|finding| rules.iter().any(|rule| finding["rule"] == *rule)).cloned().collect()
}

#[test]
fn a_finding_in_the_runner_s_file_has_its_place_wherever_that_lies() {
    let folder = Folder::new(&[("app/.gitlab-ci.yml", PIPELINE), ("app/ci/config.toml", TOML), ("config.toml", TOML)]);
    let found = findings(&folder, &["app", "--runner-config", "app/ci/config.toml"]);
    assert_eq!((&found[0]["file"], &found[0]["start"]["line"]), (&json!("ci/config.toml"), &json!(5)));
    let outside = findings(&folder, &["app", "--runner-config", "config.toml"]);
    assert_eq!(outside[0]["file"], json!(folder.path().join("config.toml").canonicalize().unwrap().to_str().unwrap()));
    let text = folder.run(&["lint", "app", "--runner-config", "config.toml", "--select", "RUN401"]).stdout;
    assert!(text.contains("┌─ /") && text.contains("config.toml:5:"), "{text}");
}

#[test]
fn fixes_change_a_file_of_the_repository_and_none_outside() {
    let folder = Folder::new(&[("app/.gitlab-ci.yml", PIPELINE), ("app/config.toml", TOML), ("config.toml", TOML)]);
    let arguments = ["lint", "app", "--unsafe-fixes", "--select", "RUN401", "--runner-config"];
    folder.run(&[&arguments[..], &["config.toml"]].concat());
    let text = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    assert_eq!(text("config.toml"), TOML);
    assert_eq!(folder.run(&[&arguments[..], &["app/config.toml"]].concat()).code, 0);
    assert!(text("app/config.toml").contains("services_privileged = true"), "{}", text("app/config.toml"));
}

#[test]
fn several_files_are_read_and_a_comment_silences_a_finding() {
    let comment = TOML.replace("privileged = false", "privileged = false # undind: ignore[dind-needs-privileged]");
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("a.toml", TOML), ("b.toml", &comment)]);
    assert_eq!(findings(&folder, &["--runner-config", "a.toml", "--runner-config", "b.toml"]).len(), 1);
    assert_eq!(findings(&folder, &["--runner-config", "b.toml"]).len(), 0);
}

#[test]
fn a_file_that_cannot_be_read_ends_with_2_and_one_that_is_wrong_is_a_finding() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("bad.toml", "a = \n"), ("service.yml", "kind: Service\n")]);
    folder.write("latin.toml", b"name = \"\xe9\"\n");
    folder.refuses(&["lint", "--runner-config", "gone.toml"], "`gone.toml`: there is no such file");
    folder.refuses(&["lint", "--runner-config", "latin.toml"], "not UTF-8");
    folder.refuses(&["lint", "--runner-config", "."], "this is not a file");
    for (file, rule) in [("bad.toml", "syntax-error"), ("service.yml", "no-runner-config")] {
        let found = findings(&folder, &["--runner-config", file]);
        assert_eq!((&found[0]["rule"], &found[0]["file"]), (&json!(rule), &json!(file)));
    }
}

#[cfg(unix)]
#[test]
fn a_file_of_more_than_ten_mebibytes_is_not_read() {
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE)]);
    std::fs::File::create(folder.path().join("big.toml")).unwrap().set_len((10 << 20) + 1).unwrap();
    folder.refuses(&["lint", "--runner-config", "big.toml"], "at most 10485760 are read");
}

#[test]
fn tables_within_each_other_have_a_limit() {
    let deep = format!("a = {}1{}\n", "[".repeat(5000), "]".repeat(5000));
    let folder = Folder::new(&[(".gitlab-ci.yml", PIPELINE), ("deep.toml", &deep)]);
    assert_eq!(findings(&folder, &["--runner-config", "deep.toml"])[0]["rule"], json!("syntax-error"));
}
