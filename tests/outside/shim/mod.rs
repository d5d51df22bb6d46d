//! Each fully migrated job, run beside its original in a sandbox in which every command is a recording stand-in → jobs that publish something else, under another
//! condition, or end otherwise. The bench with a real daemon and registry is slower and knows a handful of pipelines; this knows all of the corpus and the fixtures.

mod comparison;
mod effect;
mod options;
mod publication;
pub mod sandbox;
mod words;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::binary::undind;
use crate::corpus::{Case, some_cases};
use crate::target::Target;
use crate::{say, workers};
use comparison::{Findings, Side, compare};
use sandbox::Scripts;

/// How many differences are printed.
const SHOWN: usize = 20;

/// One job of one case.
pub struct Judged {
    pub case: String,
    pub job: String,
    findings: Findings,
}

impl Judged {
    /// The `depot` command lines that the migrated job ran.
    pub fn depot(&self) -> &BTreeSet<Vec<String>> {
        &self.findings.depot
    }
}

#[test]
fn a_script_that_moves_to_depot_publishes_what_the_original_did() {
    check(Target::Depot);
}

#[test]
fn a_script_that_moves_to_buildkit_publishes_what_the_original_did() {
    check(Target::Buildkit);
}

#[test]
fn a_script_that_moves_to_rootless_buildkit_publishes_what_the_original_did() {
    check(Target::Rootless);
}

fn check(target: Target) {
    if let Err(why) = sandbox::available() {
        return say(&format!("skipped: {why}"));
    }
    let judged = judged(target);
    let count = |number: fn(&Findings) -> usize| judged.iter().map(|job| number(&job.findings)).sum::<usize>();
    let publishing = judged.iter().filter(|job| job.findings.publishes).count();
    let (compared, unfinished) = (count(|findings| findings.compared), count(|findings| findings.unfinished));
    say(&format!(
        "{}: {} migrated jobs, {publishing} of which publish; {compared} pairs of runs, {unfinished} did not end",
        target.name(),
        judged.len()
    ));
    let wrong: Vec<&Judged> = judged.iter().filter(|job| !job.findings.differences.is_empty()).collect();
    for job in wrong.iter().take(SHOWN) {
        say(&format!("{}: {}: {} differences, such as {}", job.case, job.job, job.findings.differences.len(), job.findings.differences[0]));
    }
    assert!(wrong.is_empty(), "{} migrated jobs differ from their originals", wrong.len());
}

/// Every fully migrated job of the corpus and the fixtures, compared; jobs of a case with the same scripts and variables only once.
pub fn judged(target: Target) -> Vec<Judged> {
    let cases: Vec<Case> = some_cases().into_iter().step_by(target.step()).collect();
    let jobs: Vec<(String, String, Side, Side)> = workers::each(&cases, |case| migrated(case, target)).into_iter().flatten().collect();
    workers::each(&jobs, |(case, job, before, after)| Judged { case: case.clone(), job: job.clone(), findings: compare(before, after) })
}

fn migrated(case: &Case, target: Target) -> Vec<(String, String, Side, Side)> {
    let folder = case.checkout();
    let expand = || undind(folder.path(), &["expand", &case.pipeline, "--format", "json"]).json();
    let Some(before) = expand() else {
        return Vec::new();
    };
    let report = undind(folder.path(), &[&target.migrate(&case.pipeline)[..], &["--write"]].concat()).json().unwrap_or_default();
    let after = expand().unwrap_or_default();
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
        return Vec::new();
    };
    let changed = crate::promises::report::jobs(&report).into_iter().filter(|job| job.changed && job.verdict == "full");
    let mut seen = BTreeSet::new();
    let pairs = changed.filter_map(|job| {
        let (before_side, mut after_side) = (side(before, job.name)?, side(after, job.name)?);
        if is_cold(&before[job.name]) {
            after_side.scripts.main = with_cache(&before_side.scripts.main, &after_side.scripts.main);
        }
        Some((job.name, before_side, after_side))
    });
    let new = pairs.filter(|(_, before, after)| {
        seen.insert((before.scripts.clone(), after.scripts.clone(), format!("{:?}{:?}", before.variables, after.variables)))
    });
    new.map(|(job, before, after)| (case.name.clone(), job.to_owned(), before, after)).collect()
}

fn side(pipeline: &Map<String, Value>, job: &str) -> Option<Side> {
    let definition = pipeline.get(job)?;
    let lines = |key: &str| script(definition.get(key).unwrap_or(&Value::Null));
    let main = [lines("before_script"), lines("script")].concat().join("\n");
    let mut variables = crate::promises::variables(pipeline, job);
    variables.extend(matrix(definition));
    Some(Side { scripts: Scripts { main, after: lines("after_script").join("\n") }, variables })
}

/// Whether the daemon of a job comes with the job, and has no cache to begin with.
fn is_cold(job: &Value) -> bool {
    let services = job["services"].as_array().into_iter().flatten();
    services.filter_map(|service| service["name"].as_str().or(service.as_str())).any(|name| name.contains("dind"))
}

/// The migrated script as if its builds took what a builder keeps. Where the original began with no cache, and says nothing of one, `--no-cache` does not
/// change what is built; an original's own `--no-cache` has to stay.
fn with_cache(before: &str, after: &str) -> String {
    let is_build = |line: &str| line.contains(" build ") && line.contains(" --no-cache");
    if before.lines().any(is_build) {
        return after.to_owned();
    }
    let line = |line: &str| if is_build(line) { line.replace(" --no-cache", "") } else { line.to_owned() };
    after.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The variables of the first job that `parallel:matrix` makes.
fn matrix(job: &Value) -> Vec<(String, Value)> {
    let first = job["parallel"]["matrix"].get(0).and_then(Value::as_object);
    let values = first.into_iter().flatten();
    values.map(|(name, value)| (name.clone(), value.get(0).unwrap_or(value).clone())).collect()
}

fn script(value: &Value) -> Vec<String> {
    match value {
        Value::String(line) => vec![line.clone()],
        Value::Array(items) => items.iter().flat_map(script).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(before: &str, after: &str) -> Vec<String> {
        let side = |text: &str| Side { scripts: Scripts { main: text.to_owned(), after: String::new() }, variables: BTreeMap::new() };
        let found = compare(&side(before), &side(after));
        assert!(found.compared > 0 && found.publishes, "nothing was compared");
        found.differences
    }

    #[test]
    fn a_build_without_a_cache_is_as_before_only_where_there_was_none() {
        let dind = serde_json::json!({"services": [{"name": "docker:28-dind"}]});
        assert!(is_cold(&dind) && !is_cold(&serde_json::json!({"services": ["redis"]})));
        let anew = "apk add --no-cache curl\ndepot build --push --no-cache -t a .";
        assert_eq!(with_cache("docker build -t a .", anew), "apk add --no-cache curl\ndepot build --push -t a .");
        assert_eq!(with_cache("docker build --no-cache -t a .", anew), anew);
    }

    #[test]
    fn sound_rewrites_are_accepted() {
        if let Err(why) = sandbox::available() {
            return say(&format!("skipped: {why}"));
        }
        let pairs = [
            ("docker build -t $A .\ndocker push $A", "depot build -t $A --push --provenance=false ."),
            (
                "docker build -t $A -f d/F .\ndocker tag $A $B\ndocker push $A\ndocker push $B",
                "curl -L https://x | sh\ndepot build --push -t $A --tag=$B --file d/F .",
            ),
            ("docker pull $A:l || true\ndocker build --cache-from $A:l -t $A:l .\ndocker push $A:l", "depot build --push -t $A:l ."),
            ("docker pull $A\ndocker tag $A $B\ndocker push $B", "docker buildx imagetools create --prefer-index=false -t $B $A"),
            (
                "docker build -t $A .\nif [ \"$D\" = y ]; then docker push $A; fi",
                "if [ \"$D\" = y ]; then depot build -t $A --push .; else depot build -t $A .; fi",
            ),
            (
                "docker build -t a .\nnpm test\ndocker push a",
                "depot build --save --metadata-file m.json -t a .\nnpm test\ndepot push -t a \"$(jq -r '.[\"depot.build\"].buildID' m.json)\"",
            ),
            ("cd sub\ndocker build -t a .\ndocker push a", "depot build --push -t a sub"),
            (
                "docker build -t $A .\ndocker push $A",
                "docker buildx create --use --driver remote tcp://b:1\ndocker buildx build --push -t $A .",
            ),
            (
                "docker build -t a .\nnpm test\ndocker push a",
                "docker buildx build --output type=docker,dest=/tmp/a.tar -t a .\nnpm test\ncrane push /tmp/a.tar a",
            ),
            ("docker-compose -f d/c.yml build\ndocker-compose -f d/c.yml push", "cd d && depot bake -f c.yml --push"),
            (
                "/kaniko/executor --context $CI_PROJECT_DIR --dockerfile $CI_PROJECT_DIR/Dockerfile --destination $A",
                "depot build --push -t $A .",
            ),
        ];
        for (before, after) in pairs {
            assert_eq!(findings(before, after), Vec::<String>::new(), "{before} → {after}");
        }
    }

    #[test]
    fn unsound_rewrites_are_found() {
        if let Err(why) = sandbox::available() {
            return say(&format!("skipped: {why}"));
        }
        let pairs = [
            ("a test is no gate any more", "docker build -t a .\nnpm test\ndocker push a", "depot build --push -t a .\nnpm test"),
            ("a tag is lost", "docker build -t a .\ndocker tag a b\ndocker push a\ndocker push b", "depot build --push -t a ."),
            ("a tag is too many", "docker build -t a -t b .\ndocker push b", "depot build --push -t a -t b ."),
            (
                "another image is pushed",
                "docker build -t a .\ndocker build -t b b\ndocker push a\ndocker push b",
                "docker buildx build --output type=docker,dest=/tmp/a.tar -t a .\ncrane push /tmp/a.tar a\ncrane push /tmp/a.tar b",
            ),
            (
                "a remote builder reads an image that only the daemon had",
                "docker build -t x .\ndocker build --build-arg B=x -t a d\ndocker push a",
                "docker buildx create --use --driver remote tcp://b:1\ndocker buildx build -t x .\n\
                 docker buildx build --push --build-arg B=x -t a d",
            ),
            ("a condition is lost", "docker build -t a .\nif [ -n \"$D\" ]; then docker push a; fi", "depot build --push -t a ."),
            ("an argument is lost", "docker build --build-arg X=1 -t a .\ndocker push a", "depot build --push -t a ."),
            ("another folder is built", "cd sub\ndocker build -t a .\ndocker push a", "depot build --push -t a ."),
            ("a tolerated failure ends the job", "docker build -t a .\ndocker push a || true", "depot build --push -t a ."),
            ("a failure is tolerated", "docker build -t a .\ndocker push a", "depot build --push -t a . || true"),
            (
                "an image is used that no builder can see",
                "docker build -t x .\ndocker build --build-arg B=x -t a d\ndocker push a",
                "depot build -t x .\ndepot build --push --build-arg B=x -t a d",
            ),
            ("a command is gone", "docker build -t a .\nnpm test\ndocker push a", "depot build --push -t a ."),
            (
                "a push moves over a failing command",
                "docker build -t a .\ndocker push a\nnpm publish\ndocker build -t b b\ndocker push b",
                "depot build --push -t a .\ndepot build --push -t b b\nnpm publish",
            ),
        ];
        for (what, before, after) in pairs {
            assert!(!findings(before, after).is_empty(), "{what}: {before} → {after}");
        }
    }
}
