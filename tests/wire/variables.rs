//! A script → a value for each variable in it, by which every word that GitLab's variables would make has a form that clients take.

use std::collections::BTreeMap;

use regex::Regex;

/// Gives each `$NAME` of `script` its own name as its value, in letters that are good in references, paths and values alike.
pub fn samples(script: &str) -> BTreeMap<String, String> {
    let name = Regex::new(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)").expect("the pattern is valid");
    let names = name.captures_iter(script).map(|found| found[1].to_owned());
    names
        .filter(|name| !["HOME", "PATH", "PWD", "SSH_AUTH_SOCK", "CI_PROJECT_DIR"].contains(&name.as_str()))
        .map(|name| (name.clone(), sample(&name)))
        .collect()
}

fn sample(name: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|word| name.to_uppercase().contains(word));
    if has(&["PLATFORM"]) {
        "linux/amd64".to_owned()
    } else if has(&["ARGS", "OPTS", "OPTIONS", "FLAGS", "PARAMS"]) {
        "--build-arg SAMPLE=1".to_owned()
    } else {
        name.trim_matches('_').to_lowercase().replace('_', "-")
    }
}

/// Whether a client would obey `name` rather than hand it on.
pub fn steers(name: &str) -> bool {
    ["DOCKER_", "BUILDX_", "BUILDKIT_", "DEPOT_", "SSH_"].iter().any(|start| name.starts_with(start))
}
