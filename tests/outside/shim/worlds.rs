//! A job's scripts and variables → the worlds in which it is run: a branch, the default branch, a tag and a merge request, and in each of them values for the
//! variables that the scripts test. A variable that nobody sets gets a value with its name in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use super::sandbox::Scripts;

/// The limit of worlds for one job.
const MOST: usize = 32;

/// One set of circumstances, the same for both sides of a comparison.
pub struct World {
    pub name: String,
    /// Whether the registry holds what the job asks for.
    pub remote: bool,
    event: &'static [(&'static str, &'static str)],
    overrides: BTreeMap<String, String>,
    /// Every variable that either side refers to.
    named: BTreeSet<String>,
}

/// Variables that the shell sets itself, and the daemon's address, which a migrated job does not have.
const SHELL: [&str; 8] = ["HOME", "PATH", "PWD", "IFS", "RANDOM", "BASH_ENV", "DOCKER_HOST", "SECONDS"];
/// Variables of every pipeline, as GitLab's page of predefined variables names them.
const ALWAYS: [(&str, &str); 42] = [
    ("CI", "true"),
    ("GITLAB_CI", "true"),
    ("CI_REGISTRY", "registry.example.com"),
    ("CI_REGISTRY_IMAGE", "registry.example.com/group/project"),
    ("CI_REGISTRY_USER", "gitlab-ci-token"),
    ("CI_REGISTRY_PASSWORD", "password"),
    ("CI_JOB_TOKEN", "token"),
    ("CI_PROJECT_DIR", "/builds/group/project"),
    ("CI_PROJECT_NAME", "project"),
    ("CI_PROJECT_PATH", "group/project"),
    ("CI_PROJECT_NAMESPACE", "group"),
    ("CI_PROJECT_ROOT_NAMESPACE", "group"),
    ("CI_PROJECT_ID", "7"),
    ("CI_PROJECT_PATH_SLUG", "group-project"),
    ("CI_PROJECT_TITLE", "Project"),
    ("CI_PROJECT_URL", "https://gitlab.example.com/group/project"),
    ("CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
    ("CI_COMMIT_SHORT_SHA", "01234567"),
    ("CI_COMMIT_TITLE", "a change"),
    ("CI_COMMIT_MESSAGE", "a change"),
    ("CI_COMMIT_TIMESTAMP", "2023-11-14T22:13:20+00:00"),
    ("CI_COMMIT_BEFORE_SHA", "89abcdef0123456789abcdef0123456789abcdef"),
    ("CI_COMMIT_AUTHOR", "A <a@example.com>"),
    ("CI_DEFAULT_BRANCH", "main"),
    ("CI_PIPELINE_ID", "100"),
    ("CI_PIPELINE_IID", "10"),
    ("CI_PIPELINE_URL", "https://gitlab.example.com/group/project/-/pipelines/100"),
    ("CI_JOB_ID", "1000"),
    ("CI_JOB_NAME", "job"),
    ("CI_JOB_STAGE", "stage"),
    ("CI_JOB_URL", "https://gitlab.example.com/group/project/-/jobs/1000"),
    ("CI_SERVER_HOST", "gitlab.example.com"),
    ("CI_SERVER_URL", "https://gitlab.example.com"),
    ("CI_API_V4_URL", "https://gitlab.example.com/api/v4"),
    ("CI_REPOSITORY_URL", "https://gitlab.example.com/group/project.git"),
    ("CI_NODE_TOTAL", "1"),
    ("CI_DEPENDENCY_PROXY_SERVER", "gitlab.example.com:443"),
    ("CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX", "gitlab.example.com:443/group/dependency_proxy/containers"),
    ("CI_DEPENDENCY_PROXY_USER", "gitlab-ci-token"),
    ("CI_DEPENDENCY_PROXY_PASSWORD", "password"),
    ("GITLAB_USER_LOGIN", "user"),
    ("DEPOT_TOKEN", "token"),
];
/// The events with the variables that tell them apart.
const EVENTS: [(&str, &[(&str, &str)]); 4] = [
    (
        "branch",
        &[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "topic"), ("CI_COMMIT_REF_NAME", "topic"), ("CI_COMMIT_REF_SLUG", "topic")],
    ),
    (
        "default branch",
        &[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "main"), ("CI_COMMIT_REF_NAME", "main"), ("CI_COMMIT_REF_SLUG", "main")],
    ),
    (
        "tag",
        &[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_TAG", "v1.2.3"), ("CI_COMMIT_REF_NAME", "v1.2.3"), ("CI_COMMIT_REF_SLUG", "v1-2-3")],
    ),
    (
        "merge request",
        &[
            ("CI_PIPELINE_SOURCE", "merge_request_event"),
            ("CI_COMMIT_REF_NAME", "topic"),
            ("CI_COMMIT_REF_SLUG", "topic"),
            ("CI_MERGE_REQUEST_IID", "5"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "topic"),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_OPEN_MERGE_REQUESTS", "group/project!5"),
        ],
    ),
];

/// The worlds for a job with these scripts and variables, global ones included, before and after.
pub fn worlds(before: (&Scripts, &BTreeMap<String, Value>), after: (&Scripts, &BTreeMap<String, Value>)) -> Vec<World> {
    let text = format!("{}\n{}", before.0.main, before.0.after);
    let mut names = named(&format!("{text}\n{}\n{}", after.0.main, after.0.after));
    for value in before.1.values().chain(after.1.values()) {
        names.extend(named(&written_value(value)));
    }
    let registries: &[bool] = if text.contains("pull") || text.contains("inspect") { &[true, false] } else { &[true] };
    let mut worlds = Vec::new();
    for (setting, overrides) in settings(&text) {
        for remote in registries {
            for (name, event) in EVENTS {
                let registry = if *remote { "" } else { ", an empty registry" };
                worlds.push(World {
                    name: format!("{name}{setting}{registry}"),
                    remote: *remote,
                    event,
                    overrides: overrides.clone(),
                    named: names.clone(),
                });
            }
        }
    }
    worlds.truncate(MOST);
    worlds
}

impl World {
    /// The variables that a job sees in this world if the pipeline gives it those of `written`.
    pub fn variables(&self, written: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for name in &self.named {
            if !name.starts_with("CI_") && !SHELL.contains(&name.as_str()) {
                variables.insert(name.clone(), format!("a-{}", name.to_lowercase().replace('_', "-")));
            }
        }
        let predefined = ALWAYS.iter().chain(self.event);
        variables.extend(predefined.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        variables.extend(written.iter().map(|(name, value)| (name.clone(), written_value(value))));
        variables.extend(self.overrides.clone());
        expand(&mut variables);
        variables
    }
}

/// The values that a script's tests are tried with: all as they come, each one empty, each one as it is compared with.
fn settings(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let tested = tested(text);
    let empty: BTreeMap<String, String> = tested.keys().map(|name| (name.clone(), String::new())).collect();
    let mut settings = vec![(String::new(), BTreeMap::new())];
    if !empty.is_empty() {
        settings.push((", tested variables empty".to_owned(), empty));
    }
    for (name, literals) in &tested {
        let values = literals.iter().cloned().chain([String::new(), format!("a-{}", name.to_lowercase())]);
        settings.extend(values.map(|value| (format!(", {name}={value:?}"), BTreeMap::from([(name.clone(), value)]))));
    }
    settings
}

/// Variables on lines with a test, but for GitLab's own, with the words that stand on these lines.
fn tested(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    static TEST: OnceLock<Regex> = OnceLock::new();
    static LITERAL: OnceLock<Regex> = OnceLock::new();
    let test = TEST.get_or_init(|| {
        Regex::new(r"\b(if|elif|case|while|until)\b|(^|[;&|!(])\s*test\s|\[|&&|\|\||:[-+?]").expect("the pattern is valid")
    });
    let literal = LITERAL.get_or_init(|| Regex::new(r#"=~?\s*["']?([A-Za-z0-9_.-]+)["']?\s*\]"#).expect("the pattern is valid"));
    let mut tested: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| test.is_match(line)) {
        let literals: Vec<String> = literal.captures_iter(line).map(|captures| captures[1].to_owned()).collect();
        for name in named(line).into_iter().filter(|name| !name.starts_with("CI_") && !SHELL.contains(&name.as_str())) {
            tested.entry(name).or_default().extend(literals.iter().cloned());
        }
    }
    tested
}

/// The variables that `text` refers to.
fn named(text: &str) -> BTreeSet<String> {
    static REFERENCE: OnceLock<Regex> = OnceLock::new();
    let reference = REFERENCE.get_or_init(|| Regex::new(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)").expect("the pattern is valid"));
    reference.captures_iter(text).map(|captures| captures[1].to_owned()).collect()
}

/// A variable's value; one with a description is a mapping.
fn written_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => map.get("value").map_or_else(String::new, written_value),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Replaces references to other variables in values, as GitLab does; unknown ones stay, and circles are left after a few rounds.
fn expand(variables: &mut BTreeMap<String, String>) {
    static REFERENCE: OnceLock<Regex> = OnceLock::new();
    let reference =
        REFERENCE.get_or_init(|| Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)").expect("the pattern is valid"));
    for _ in 0..5 {
        let values = variables.clone();
        for (name, value) in variables.iter_mut().filter(|(_, value)| value.contains('$')) {
            let replaced = reference.replace_all(value, |captures: &regex::Captures<'_>| {
                let other = captures.get(1).or(captures.get(2)).expect("one side of the pattern matches").as_str();
                values.get(other).filter(|_| other != name).cloned().unwrap_or_else(|| captures[0].to_owned())
            });
            *value = replaced.into_owned();
        }
    }
}

#[test]
fn a_tested_variable_is_tried_empty_and_with_what_it_is_compared_to() {
    let scripts = Scripts { main: "if [ \"$DEPLOY\" = \"yes\" ]; then docker push $IMAGE; fi".to_owned(), after: String::new() };
    let written = BTreeMap::from([("IMAGE".to_owned(), Value::from("$CI_REGISTRY_IMAGE:$TAG"))]);
    let worlds = worlds((&scripts, &written), (&scripts, &written));
    let deploys: BTreeSet<String> = worlds.iter().map(|world| world.variables(&written)["DEPLOY"].clone()).collect();
    assert_eq!(deploys, BTreeSet::from([String::new(), "a-deploy".to_owned(), "yes".to_owned()]));
    assert_eq!(worlds[0].variables(&written)["IMAGE"], "registry.example.com/group/project:a-tag");
}
