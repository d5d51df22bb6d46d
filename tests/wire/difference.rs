//! Two recordings → what is different, and why that is known and right. Everything else that is different is a wrong rewrite.

use std::collections::BTreeSet;

use crate::recording::Recording;
use crate::request::Facts;
use crate::target::Target;

/// A fact that the two have not in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub fact: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// A difference that may be.
pub struct Known {
    pub name: &'static str,
    targets: &'static [Target],
    /// Why it is right.
    pub why: &'static str,
    /// Whether a change is of this kind, in a recording with this number of requests.
    explains: fn(&Change, usize) -> bool,
}

/// All that may be different.
pub const KNOWN: &[Known] = &[
    Known {
        name: "plain-manifest",
        targets: &[Target::Depot, Target::Buildkit, Target::Rootless],
        why: "what `docker push` published from a daemon had no attestations, so the rewritten build is told to leave out the default one",
        explains: |change, _| change.fact == "attr attest:provenance" && change.is("mode=min,inline-only=true", "-"),
    },
    Known {
        name: "cgroup-parent",
        targets: &[Target::Depot],
        why: "the group is one of the daemon's machine; Depot's client takes the flag and sends nothing, so it goes",
        explains: |change, _| change.fact == "attr cgroup-parent" && change.after.is_none(),
    },
    Known {
        name: "attestation-enabled",
        targets: &[Target::Depot],
        why: "Depot's client says of a wanted attestation that it is wanted, which it is anyway",
        explains: |change, _| {
            let enabled = change.before.as_ref().map(|before| format!("{before},enabled=true"));
            change.fact.starts_with("attr attest:") && change.before.is_some() && change.after == enabled
        },
    },
    Known {
        name: "s3-without-credentials",
        targets: &[Target::Depot],
        why: "buildx drops a cache in S3 where the job has no credentials for it; Depot's client leaves it to the builder to find none",
        explains: |change, _| {
            change.fact.starts_with("cache export ")
                && change.before.is_none()
                && (change.after.as_deref() == Some("s3") || change.is_of_s3())
        },
    },
    Known {
        name: "folder-of-an-export",
        targets: &[Target::Depot],
        why: "both clients make the folder of a cache or an OCI layout before they send a context that it lies in; Depot's has a folder `ingest` in it by then",
        explains: |change, _| {
            let list = |text: &Option<String>| text.iter().flat_map(|text| text.split(' ')).map(str::to_owned).collect::<Vec<_>>();
            let (before, after) = (list(&change.before), list(&change.after));
            let added: Vec<&String> = after.iter().filter(|path| !before.contains(path)).collect();
            let made = |path: &str| path.strip_suffix("/ingest").is_some_and(|folder| before.iter().any(|known| known == folder));
            change.fact.starts_with("folder ") && after.len() == before.len() + 1 && added.iter().all(|path| made(path))
        },
    },
    Known {
        name: "builder-for-each-platform",
        targets: &[Target::Depot],
        why: "Depot builds each platform on a machine of its own, pushes them by digest, and its client then gives that image its tags in the registry, which is not here",
        explains: |change, requests| {
            requests > 1
                && match change.fact.as_str() {
                    "attr multi-platform" => change.is("-", "true"),
                    "exporter 1 push-by-digest" => change.is("-", "true"),
                    "exporter 1 name" => change.before.as_deref().map(without_tags) == change.after.as_deref().map(without_tags),
                    "exit code" => {
                        change.after.as_ref().is_some_and(|after| after.starts_with('1') && after.contains("/manifests/sha256:0000"))
                    }
                    _ => false,
                }
        },
    },
];

/// The repositories of references between commas, each once and with its registry.
fn without_tags(names: &str) -> String {
    let mut repositories: Vec<String> = names.split(',').map(repository).collect();
    repositories.dedup();
    repositories.join(",")
}

fn repository(reference: &str) -> String {
    let name = reference.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(reference, |(name, _)| name);
    match name.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

/// What is different about `after`, and which of it is known.
pub fn compare(reference: &Recording, after: &Recording, target: Target) -> (BTreeSet<&'static str>, Vec<Change>) {
    let (mut known, mut unknown) = (BTreeSet::new(), Vec::new());
    for change in changes(reference, after) {
        match KNOWN.iter().find(|known| known.targets.contains(&target) && (known.explains)(&change, after.requests.len())) {
            Some(explanation) => _ = known.insert(explanation.name),
            None => unknown.push(change),
        }
    }
    (known, unknown)
}

impl Change {
    /// Whether it is about where a cache in S3 is.
    fn is_of_s3(&self) -> bool {
        ["bucket", "region"].iter().any(|part| self.fact.ends_with(part))
    }

    /// Whether it is from one value to another; `-` is none.
    fn is(&self, before: &str, after: &str) -> bool {
        self.before.as_deref().unwrap_or("-") == before && self.after.as_deref().unwrap_or("-") == after
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} → {}", self.fact, self.before.as_deref().unwrap_or("-"), self.after.as_deref().unwrap_or("-"))
    }
}

fn changes(reference: &Recording, after: &Recording) -> Vec<Change> {
    let count = |recording: &Recording| match recording.requests.len() {
        0 => format!("none ({})", recording.message),
        number => number.to_string(),
    };
    let ([before], Some(joined)) = (reference.requests.as_slice(), joined(&after.requests)) else {
        return vec![Change { fact: "requests".to_owned(), before: Some(count(reference)), after: Some(count(after)) }];
    };
    let mut changes = facts(before, &joined);
    if reference.code != after.code {
        let code = |recording: &Recording| {
            Some(recording.code.map_or_else(|| "killed".to_owned(), |code| format!("{code} ({})", recording.message)))
        };
        changes.push(Change { fact: "exit code".to_owned(), before: code(reference), after: code(after) });
    }
    changes
}

/// Requests that differ in nothing but their platform as one for all of them; none where there is none, or where they differ in more.
fn joined(requests: &[Facts]) -> Option<Facts> {
    const PLATFORM: &str = "attr platform";
    let mut joined = requests.first()?.clone();
    let mut platforms: Vec<&str> = requests.iter().filter_map(|request| request.get(PLATFORM)).map(String::as_str).collect();
    platforms.sort_unstable();
    platforms.dedup();
    let others = |request: &Facts| {
        request.iter().filter(|(name, _)| *name != PLATFORM).map(|(name, value)| (name.clone(), value.clone())).collect::<Facts>()
    };
    let alike = requests.iter().all(|request| others(request) == others(&joined));
    if requests.len() > 1 {
        joined.insert(PLATFORM.to_owned(), platforms.join(","));
    }
    (alike && platforms.len() == requests.len() || requests.len() == 1).then_some(joined)
}

fn facts(before: &Facts, after: &Facts) -> Vec<Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| Change { fact: name.clone(), before: before.get(name).cloned(), after: after.get(name).cloned() }).collect()
}

#[cfg(test)]
fn recording(requests: &[&[(&str, &str)]]) -> Recording {
    let facts = |pairs: &&[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Recording { code: Some(0), requests: requests.iter().map(facts).collect(), ..Recording::default() }
}

#[test]
fn a_lost_argument_and_another_stage_are_unknown_differences() {
    let before = recording(&[&[("attr build-arg:V", "1"), ("attr target", "a"), ("attr attest:provenance", "mode=min,inline-only=true")]]);
    let (known, unknown) = compare(&before, &recording(&[&[("attr target", "b")]]), Target::Buildkit);
    assert_eq!(known, BTreeSet::from(["plain-manifest"]));
    let said: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["attr build-arg:V: 1 → -", "attr target: a → b"]);
    let (_, unknown) = compare(&before, &Recording { message: "unknown flag".to_owned(), ..Recording::default() }, Target::Depot);
    assert_eq!(unknown[0].to_string(), "requests: 1 → none (unknown flag)");
}

#[test]
fn a_difference_is_known_for_its_own_target_alone() {
    let before = recording(&[&[("attr target", "a"), ("attr cgroup-parent", "g")]]);
    let after = recording(&[&[("attr target", "a")]]);
    assert!(compare(&before, &after, Target::Depot).1.is_empty());
    assert_eq!(compare(&before, &after, Target::Buildkit).1.len(), 1);
}

#[test]
fn every_platform_has_to_be_asked_for() {
    let before = recording(&[&[("attr platform", "linux/amd64,linux/arm64"), ("exporter 1 name", "r:5/x:1,app:2")]]);
    let part = |platform: &'static str| {
        [("attr platform", platform), ("attr multi-platform", "true"), ("exporter 1 name", "r:5/x,docker.io/library/app")]
    };
    let (amd, arm) = (part("linux/amd64"), part("linux/arm64"));
    let (known, unknown) = compare(&before, &recording(&[&arm, &amd]), Target::Depot);
    assert_eq!((known, unknown), (BTreeSet::from(["builder-for-each-platform"]), Vec::new()));
    assert_eq!(compare(&before, &recording(&[&arm]), Target::Depot).1.len(), 3);
    assert_eq!(compare(&before, &recording(&[&arm, &arm]), Target::Depot).1[0].fact, "requests");
}
