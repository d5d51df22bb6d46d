//! A line → the script of the smallest job that runs it, and what `undind migrate` makes of it.

use std::fs;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::binary::undind;
use crate::target::Target;

/// The items of a script that builds with `line`, and pushes every image that is named in it.
pub fn script(line: &str) -> Vec<String> {
    let mut items = vec![line.to_owned()];
    if !has(line, r"--push|-o|--output") {
        static TAG: OnceLock<Regex> = OnceLock::new();
        let tag = TAG.get_or_init(|| {
            Regex::new(r#"(?:^|\s)(?:-t[ =]*|--tag[ =]+)((?:"[^"]*"|'[^']*'|\$\{[^}]*\}|\$\([^)]*\)|[^\s"'])+)"#)
                .expect("the pattern is valid")
        });
        items.extend(tag.captures_iter(line).map(|found| format!("docker push {}", &found[1])));
    }
    items
}

/// Whether a script pushes what it builds.
pub fn pushes(script: &[String]) -> bool {
    script.len() > 1
}

fn has(line: &str, flags: &str) -> bool {
    Regex::new(&format!(r"(?:^|\s)(?:{flags})(?:[\s=]|$)")).expect("the pattern is valid").is_match(line)
}

/// The migrated script.
///
/// # Errors
/// The codes of the reasons for which it stays as it is.
pub fn migrated(script: &[String], target: Target) -> Result<String, Vec<String>> {
    let folder = tempfile::tempdir().expect("a temporary folder can be created");
    let path = folder.path().join(".gitlab-ci.yml");
    let pipeline = json!({"build": {"image": "docker:28", "services": ["docker:28-dind"], "script": script}});
    fs::write(&path, serde_yaml::to_string(&pipeline).expect("JSON is YAML")).expect("the pipeline can be written");
    fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").expect("the Dockerfile can be written");
    let arguments = [target.migrate(".gitlab-ci.yml"), vec!["--write"]].concat();
    let run = undind(folder.path(), &arguments);
    let report = run.json().unwrap_or_default();
    let job = &report["jobs"][0];
    if job["changed"] != true || job["verdict"] != "full" {
        let reasons = job["reasons"].as_array().into_iter().flatten();
        let mut codes: Vec<String> = reasons.filter_map(|reason| reason["code"].as_str()).map(str::to_owned).collect();
        codes.dedup();
        return Err(if codes.is_empty() { vec![format!("no reason: {}", run.stderr)] } else { codes });
    }
    let text = fs::read_to_string(&path).expect("the pipeline is there");
    let written: Value = serde_yaml::from_str(&text).expect("what was written is YAML");
    let items = written["build"]["script"].as_array().into_iter().flatten();
    Ok(items.filter_map(Value::as_str).collect::<Vec<_>>().join("\n"))
}

#[test]
fn what_a_line_names_is_pushed_once_it_is_built() {
    assert_eq!(
        script("docker build -t \"$A:x\" --tag=b:${C} ."),
        ["docker build -t \"$A:x\" --tag=b:${C} .", "docker push \"$A:x\"", "docker push b:${C}"]
    );
    assert_eq!(script("docker build --target t .").len(), 1);
    assert_eq!(script("docker buildx build --push -t a .").len(), 1);
}
