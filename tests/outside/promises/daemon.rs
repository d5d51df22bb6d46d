//! Promises 3 and 4: what `inspect` says about a fully migrated job before and after → commands that still need a daemon, and published references that differ.
//! References are compared as text; what they are at run time is for the scripts' own test.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::observation::Observation;
use super::report;

/// Operations of the Docker client that do without a daemon: they talk to registries or edit the client's configuration.
const DAEMONLESS: [&str; 4] = ["login", "logout", "imagetools", "manifest"];
/// Tools that are the Docker client or stand for it.
const CLIENTS: [&str; 4] = ["docker", "buildx", "compose", "podman"];

/// What a fully migrated job still asks of a daemon.
pub fn check_none_left(seen: &Observation) -> Vec<String> {
    let after = jobs(&seen.after.inspect);
    let mut wrong = Vec::new();
    let before = jobs(&seen.before.inspect);
    // A pipeline that only the configuration names is not what was inspected.
    for job in migrated(&seen.report).filter(|job| before.contains_key(job)) {
        let Some(now) = after.get(job) else {
            wrong.push(format!("job {job} is not inspected afterwards"));
            continue;
        };
        if now["daemon"]["kind"] != "none" {
            wrong.push(format!("job {job} was fully migrated and has the daemon {}", now["daemon"]));
        }
        if !matches!(now["verdict"].as_str(), Some("done" | "none")) {
            wrong.push(format!("job {job} was fully migrated and its verdict is {}", now["verdict"]));
        }
        let remote = operations(now).any(makes_remote_builder);
        let still = operations(now).filter(|operation| needs_daemon(operation, remote));
        wrong.extend(still.map(|operation| format!("job {job} was fully migrated and still runs `{}`", text(operation))));
        let lost = operations(now).filter(|operation| looks_for_a_host(now["image"].as_str().unwrap_or(""), operation));
        wrong.extend(lost.map(|operation| format!("job {job} has no daemon, for which `{}` looks in vain", text(operation))));
    }
    wrong
}

/// Jobs that publish other references than before.
pub fn check_published(seen: &Observation) -> Vec<String> {
    let (before, after) = (jobs(&seen.before.inspect), jobs(&seen.after.inspect));
    let both = migrated(&seen.report).filter_map(|job| Some((job, before.get(job)?, after.get(job)?)));
    let pairs = both.map(|(job, old, new)| (job, published(old), published(new)));
    pairs
        .filter(|(_, old, new)| old != new)
        .map(|(job, old, new)| format!("job {job} published {old:?} and now publishes {new:?}"))
        .collect()
}

/// The names of the jobs that were migrated fully.
fn migrated(report: &Value) -> impl Iterator<Item = &str> {
    report::jobs(report).into_iter().filter(|job| job.changed && job.verdict == "full").map(|job| job.name)
}

fn jobs(inspect: &Value) -> BTreeMap<&str, &Value> {
    let listed = inspect["jobs"].as_array().into_iter().flatten();
    listed.filter_map(|job| Some((job["name"].as_str()?, job))).collect()
}

fn operations(job: &Value) -> impl Iterator<Item = &Value> {
    job["operations"].as_array().into_iter().flatten()
}

fn text(operation: &Value) -> &str {
    operation["text"].as_str().unwrap_or("")
}

/// Whether it makes a builder elsewhere for the builds of the job.
fn makes_remote_builder(operation: &Value) -> bool {
    let elsewhere = ["--driver remote", "--driver kubernetes"].iter().any(|driver| text(operation).contains(driver));
    operation["op"] == "builder" && elsewhere && text(operation).contains("--use")
}

/// `remote`: whether the job makes a builder elsewhere.
fn needs_daemon(operation: &Value, remote: bool) -> bool {
    let tool = operation["tool"].as_str().unwrap_or("");
    let op = operation["op"].as_str().unwrap_or("");
    let words: Vec<&str> = text(operation).split_whitespace().collect();
    let asks_version =
        words.contains(&"--version") || words.contains(&"-v") && op == "info" || tool == "buildx" && words.contains(&"version");
    if remote && tool == "buildx" && (makes_remote_builder(operation) || (op == "build" && !words.contains(&"--load"))) {
        return false;
    }
    let loads = tool == "depot" && (op == "pull" || words.contains(&"--load"));
    loads || (CLIENTS.contains(&tool) && !DAEMONLESS.contains(&op) && !asks_version)
}

/// Whether a login stops at the host that the entrypoint of Docker's image names: clients before 28 take a name without address for an error.
fn looks_for_a_host(image: &str, operation: &Value) -> bool {
    let (name, tag) = image.rsplit('/').next().unwrap_or(image).split_once(':').unwrap_or(("", ""));
    let major: u32 = tag.split(['.', '-']).next().and_then(|major| major.parse().ok()).unwrap_or(if tag == "stable" { 19 } else { 28 });
    let login = operation["op"] == "login" && operation["tool"] == "docker" && operation["section"] != "after_script";
    login && name == "docker" && major < 28 && !text(operation).contains("DOCKER_HOST= ")
}

/// The references that a job's operations push, as they are written but for quotes, braces and `:latest`.
fn published(job: &Value) -> BTreeSet<String> {
    operations(job).filter(|operation| publishes(operation)).flat_map(destinations).map(|image| canonical(&image)).collect()
}

fn publishes(operation: &Value) -> bool {
    let words: Vec<&str> = text(operation).split_whitespace().collect();
    let pushes = words.iter().any(|word| {
        *word == "--push" || word.starts_with("--output=type=registry") || *word == "type=registry" || word.contains("push=true")
    });
    match operation["op"].as_str().unwrap_or("") {
        "push" | "compose-push" => true,
        "imagetools" => words.contains(&"create"),
        "manifest" => words.contains(&"push"),
        // Kaniko pushes unless it is told not to.
        "build" if operation["tool"] == "kaniko" => !words.iter().any(|word| word.starts_with("--no-push") || word.starts_with("--noPush")),
        "build" | "bake" | "compose-build" => pushes,
        _ => false,
    }
}

/// An image index is created from others, so only the tags count; every other operation names what it publishes.
fn destinations(operation: &Value) -> Vec<String> {
    let words: Vec<&str> = text(operation).split_whitespace().collect();
    let images = || operation["images"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if operation["op"] == "imagetools" {
        // The names come first, then what they are made of.
        let names = words.iter().filter(|word| **word == "-t" || **word == "--tag" || word.starts_with("--tag=")).count();
        return images().take(names).map(str::to_owned).collect();
    }
    // `crane copy` names its source first; what `crane push` takes first is no image.
    let from = usize::from(operation["tool"] == "crane" && words.get(1) != Some(&"push"));
    // What a build reads is no destination.
    let beside = |flags: &[&str], image: &str| words.windows(2).any(|pair| flags.contains(&pair[0]) && pair[1].contains(image));
    let read = |image: &str| {
        beside(&["--cache-from", "--cache-to"], image) || words.iter().any(|word| word.starts_with("--cache-") && word.contains(image))
    };
    let tagged = |image: &str| beside(&["-t", "--tag"], image);
    images().skip(from).filter(|image| !read(image) || tagged(image)).map(str::to_owned).collect()
}

fn canonical(image: &str) -> String {
    let bare: String = image.chars().filter(|c| !matches!(c, '"' | '\'' | '{' | '}')).collect();
    let bare = bare.strip_suffix(":latest").unwrap_or(&bare);
    // What has no name is numbered anew in each script.
    let mut pieces = bare.split("$?");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |whole, piece| whole + "$?" + piece.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn a_push_folded_into_its_build_publishes_the_same_references() {
    let before = serde_json::json!({"operations": [
        {"op": "build", "tool": "docker", "text": "docker build -t $A .", "images": ["$A"]},
        {"op": "tag", "tool": "docker", "text": "docker tag $A $B", "images": ["$A", "$B"]},
        {"op": "push", "tool": "docker", "text": "docker push \"${B}\"", "images": ["\"${B}\""]}]});
    let fold = |tags: &[&str]| serde_json::json!({"operations": [{"op": "build", "tool": "depot", "text": "depot build --push .", "images": tags}]});
    assert_eq!(published(&before), published(&fold(&["$B"])));
    assert_ne!(published(&before), published(&fold(&["$A", "$B"])));
}

#[test]
fn an_old_client_logs_in_without_a_daemon_where_it_is_told_of_none() {
    let login = |text: &str| serde_json::json!({"op": "login", "tool": "docker", "section": "script", "text": text});
    assert!(looks_for_a_host("docker:20.10", &login("docker login -u a")));
    assert!(looks_for_a_host("proxy.example.com/library/docker:stable", &login("docker login -u a")));
    assert!(!looks_for_a_host("docker:20.10", &login("DOCKER_HOST= docker login -u a")));
    assert!(!looks_for_a_host("docker:28.1-cli", &login("docker login -u a")));
}

#[test]
fn logging_in_needs_no_daemon_and_building_does() {
    let operation = |op: &str, tool: &str, text: &str| serde_json::json!({"op": op, "tool": tool, "text": text});
    assert!(!needs_daemon(&operation("login", "docker", "docker login -u a -p b"), false));
    assert!(!needs_daemon(&operation("build", "depot", "depot build --push ."), false));
    assert!(needs_daemon(&operation("build", "depot", "depot build --load ."), false));
    assert!(needs_daemon(&operation("build", "docker", "docker build ."), false));
    assert!(needs_daemon(&operation("info", "docker", "docker info"), false));
}
