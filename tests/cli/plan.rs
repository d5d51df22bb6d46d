//! `undind plan` and `expand --event` in a real git repository, and what they refuse.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::{Folder, Ran};

const RULES: &str = "\
build: {script: make, rules: [{changes: [src/*]}]}
docs: {script: make docs, rules: [{changes: {paths: [docs/*], compare_to: $CI_DEFAULT_BRANCH}}]}
main: {script: a, rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]}
here: {script: a, rules: [{if: $CI_PROJECT_PATH == \"group/project\" && $CI_COMMIT_TITLE =~ /^Add/ && $CI_SERVER_HOST == \"gitlab.example\"}]}
exists: {script: a, rules: [{exists: [src/main.rs]}]}
ignored: {script: a, rules: [{exists: [target/x]}]}
given: {script: a, rules: [{if: $A == \"1\" && $B == \"two words\"}]}
tag: {script: a, rules: [{if: $CI_COMMIT_TAG =~ /^v1/}]}
";

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false"]);
    let output = command.args(arguments).current_dir(folder).output().expect("git is there");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository on the branch `topic`, which has one commit more than the default branch `trunk`.
fn repository() -> Folder {
    let folder = Folder::new(&[(".gitlab-ci.yml", RULES), ("docs/a.md", "a"), (".gitignore", "target\n"), ("target/x", "")]);
    let git = |arguments: &[&str]| git(folder.path(), arguments);
    git(&["init", "--quiet", "--initial-branch=trunk"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "Start"]);
    git(&["remote", "add", "origin", "git@gitlab.example:group/project.git"]);
    git(&["update-ref", "refs/remotes/origin/trunk", "HEAD"]);
    git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    git(&["checkout", "--quiet", "-b", "topic"]);
    folder.write("src/main.rs", b"fn main() {}");
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "Add a program"]);
    folder
}

fn names(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    json["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap().to_owned()).collect()
}

fn plan(folder: &Folder, more: &[&str]) -> Ran {
    folder.run(&[&["plan", "--format", "json", "--no-other-vars"], more].concat())
}

#[test]
fn git_tells_the_branch_the_project_the_commit_and_what_changed() {
    let folder = repository();
    let push = plan(&folder, &[]);
    assert_eq!(names(&push), ["build", "here", "exists"]);
    assert_eq!(push.json()["ref"], "topic");
    assert_eq!(push.json()["assumptions"], json!(["the push is taken to bring one commit (`--changed` names the files otherwise)"]));
    assert_eq!(names(&plan(&folder, &["--branch", "trunk", "--changed", "docs/a.md"])), ["docs", "main", "here", "exists"]);

    let request = plan(&folder, &["--event", "mr"]);
    assert_eq!(names(&request), ["build", "here", "exists"]);
    folder.write("docs/b.md", b"b");
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "-m", "Add docs"]);
    assert_eq!(names(&plan(&folder, &[])), ["docs", "here", "exists"], "a push brings the last commit");
    assert_eq!(names(&plan(&folder, &["--event", "mr"])), ["build", "docs", "here", "exists"], "a merge request all since the target");

    git(folder.path(), &["tag", "v1.5"]);
    let tag = plan(&folder, &["--event", "tag"]);
    assert_eq!((tag.json()["ref"].clone(), names(&tag).contains(&"tag".to_owned())), (json!("v1.5"), true));
}

#[test]
fn variables_come_from_options_and_files() {
    let folder = Folder::new(&[(".gitlab-ci.yml", RULES), ("vars.env", "# set in the project\nA=0\nexport B='two words'\n")]);
    assert!(names(&plan(&folder, &["--env-file", "vars.env", "--var", "A=1"])).contains(&"given".to_owned()));
    let open = folder.run(&["plan", "--format", "json"]).json();
    let given = open["unknown"].as_array().unwrap().iter().find(|job| job["name"] == "given").unwrap();
    assert_eq!(given["why"], "depends on `$A` and `$B`, which this event does not fix");
    folder.refuses(&["plan", "--var", "A"], "a variable is given as NAME=VALUE");
    folder.refuses(&["plan", "--var", "A-B=1"], "no name of a variable");
    folder.refuses(&["plan", "--env-file", "absent"], "absent");
    folder.write("bad.env", b"A\n");
    folder.refuses(&["plan", "--env-file", "bad.env"], "line 1 is no NAME=VALUE");
}

#[test]
fn events_that_contradict_the_other_options_are_refused() {
    let folder = Folder::new(&[(".gitlab-ci.yml", RULES)]);
    folder.refuses(&["plan", "--event", "push", "--tag", "v1"], "don't go together");
    folder.refuses(&["plan", "--event", "tag", "--branch", "x"], "don't go together");
    folder.refuses(&["plan", "--event", "merge"], "possible values: push, mr, tag, schedule, web, api, trigger, parent_pipeline");
    folder.refuses(&["plan", "absent"], "there is no such file or folder");
    folder.refuses(&["plan", "--includes", "absent"], "absent");
    assert_eq!(folder.run(&["plan", "--tag", "v1", "--format", "json"]).json()["event"], "tag");
}

#[test]
fn no_pipeline_is_an_answer_and_a_broken_file_is_not() {
    let folder = Folder::new(&[(".gitlab-ci.yml", "a: {script: a, only: [tags]}\n"), ("bad.yml", "a: [")]);
    let ran = folder.run(&["plan"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.starts_with("push on branch main: no pipeline: no job is in the pipeline\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("a  `only` does not admit it"), "{}", ran.stdout);
    folder.refuses(&["plan", "bad.yml"], "bad.yml:");
    let json: Value = folder.run_with(&["plan", "-", "--format", "json"], &[], b"a: {script: a}").json();
    assert_eq!(json["created"], true);
}

#[test]
fn graphs_escape_names_and_mark_optional_needs() {
    let text = "a: {stage: build, script: a}\n'b \"x\" <y>': {script: a, needs: [{job: a, optional: true}]}\n";
    let folder = Folder::new(&[(".gitlab-ci.yml", text)]);
    let mermaid = folder.run(&["plan", "--format", "mermaid"]).stdout;
    assert!(mermaid.contains("j1[\"b #quot;x#quot; #lt;y#gt;\"]") && mermaid.contains("j0 -.-> j1"), "{mermaid}");
    let dot = folder.run(&["plan", "--format", "dot"]).stdout;
    assert!(dot.contains("j1 [label=\"b \\\"x\\\" <y>\"]") && dot.contains("j0 -> j1 [style=dashed];"), "{dot}");
}

#[test]
fn expand_for_an_event_has_the_jobs_that_are_in_with_what_their_rules_decide() {
    let text = "\
workflow: {rules: [{if: $CI_COMMIT_TAG, variables: {KIND: tag}}, {when: always}]}
build: {stage: build, script: make}
deploy:
  script: make deploy
  rules:
    - {if: $CI_COMMIT_TAG, when: manual, allow_failure: true, variables: {TO: prod}, needs: [build]}
perhaps: {script: a, rules: [{if: $X}]}
";
    let folder = Folder::new(&[(".gitlab-ci.yml", text)]);
    let tag = folder.run(&["expand", "--event", "tag", "--format", "json"]).json();
    let deploy =
        json!({"script": ["make deploy"], "when": "manual", "allow_failure": true, "variables": {"TO": "prod"}, "needs": ["build"]});
    assert_eq!(tag["deploy"], deploy);
    assert_eq!((&tag["variables"], &tag["perhaps"]["rules"]), (&json!({"KIND": "tag"}), &json!([{"if": "$X"}])));
    let push = folder.run(&["expand", "--event", "push", "--format", "json"]).json();
    assert!(push.get("deploy").is_none() && push.get("variables").is_none(), "{push}");
    assert!(folder.run(&["expand", "--format", "json"]).json()["deploy"]["rules"].is_array());
}

#[test]
fn expand_for_an_event_keeps_the_needs_that_a_rule_does_not_change() {
    let text = "build: {stage: build, script: a}\ntest: {script: a, needs: [build], rules: [{when: always, needs: []}]}\n";
    let folder = Folder::new(&[(".gitlab-ci.yml", text)]);
    let expanded = folder.run(&["expand", "--event", "push", "--format", "json"]).json();
    assert_eq!(expanded["test"], json!({"script": ["a"], "needs": ["build"], "when": "always"}));
}

#[test]
fn what_gitlab_expands_is_expanded_and_what_jobs_start_is_named() {
    let text = "\
variables: {STAGE: 'x/$NAME', NAME: n}
deploy: {script: a, environment: 'review/$STAGE/$CI_COMMIT_REF_SLUG/$OUTSIDE', tags: ['$NAME', b], image: '$NAME'}
child: {trigger: {include: [ci/child.yml, {project: g/p, file: a.yml}], strategy: depend}}
other: {trigger: '$NAME/project'}
";
    let folder = Folder::new(&[(".gitlab-ci.yml", text), ("ci/child.yml", "a: {script: a}")]);
    let ran = folder.run(&["plan", "--branch", "Feature/X", "--format", "json"]).json();
    let job = |name: &str| ran["jobs"].as_array().unwrap().iter().find(|job| job["name"] == name).unwrap().clone();
    assert_eq!(
        (job("deploy")["environment"].clone(), job("deploy")["tags"].clone()),
        (json!("review/x/n/feature-x/$OUTSIDE"), json!(["n", "b"]))
    );
    assert_eq!(job("child")["trigger"]["include"], json!(["ci/child.yml", "g/p: a.yml"]));
    assert_eq!(job("other")["trigger"]["project"], "n/project");
    assert!(
        folder.run(&["plan"]).stdout.contains("child   starts the child pipeline ci/child.yml, g/p: a.yml"),
        "{}",
        folder.run(&["plan"]).stdout
    );
}
