//! A pipeline into its plans at the moments that a repository meets: pushes to the branches that its rules name, a tag, a merge request, a schedule …
//! What holds at one of them in spite of all that is not known, happens.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::pipeline::Pipeline;
use crate::pipeline::context::{Context, Event, Facts, Ref};
use crate::pipeline::script::flat;
use crate::plan::{Plan, plan};
use crate::yaml::{Mapping, Value};

/// Most branches that are tried of those that rules name.
const MAX_BRANCHES: usize = 12;
/// A branch that no rule knows.
const OTHER_BRANCH: &str = "some-branch";

/// A moment and what is created at it.
#[derive(Debug)]
pub struct Moment {
    /// What happens, as it stands behind "in a pipeline for": `a push to \`main\``.
    pub name: String,
    /// The event.
    pub event: Event,
    /// The plan.
    pub plan: Plan,
}

/// The moments of `pipeline`, which was resolved in [`Context::any`] and has no includes with rules.
#[must_use]
pub fn moments(pipeline: &Pipeline) -> Vec<Moment> {
    let branches = branches(pipeline);
    let default = ["main", "master", "develop"].into_iter().find(|name| branches.contains(*name)).unwrap_or("main");
    let facts = Facts { default_branch: Some(default.into()), ..Facts::default() };
    let on = |branch: &str| Ref::Branch(branch.into());
    let mut all: Vec<(String, Event, Ref)> = vec![
        ("a push to the default branch".to_owned(), Event::Push, on(default)),
        (format!("a push to a branch such as `{OTHER_BRANCH}`"), Event::Push, on(OTHER_BRANCH)),
        ("a tag such as `v1.0.0`".to_owned(), Event::Tag, Ref::Tag("v1.0.0".into())),
        ("a merge request".to_owned(), Event::MergeRequest, Ref::MergeRequest { source: OTHER_BRANCH.into(), target: default.into() }),
        ("a schedule on the default branch".to_owned(), Event::Schedule, on(default)),
        ("the button in the web interface, on the default branch".to_owned(), Event::Web, on(default)),
    ];
    let named = branches.iter().filter(|branch| **branch != default).take(MAX_BRANCHES);
    all.extend(named.map(|branch| (format!("a push to `{branch}`"), Event::Push, on(branch))));
    let planned = all.into_iter().map(|(name, event, reference)| {
        let context = Context::new(event, reference, &facts).with_inputs([]);
        Moment { name, event, plan: plan(pipeline, &context, Vec::new()) }
    });
    planned.collect()
}

/// A branch with a merge request that is open: the plans of a push to it and of the request.
#[must_use]
pub fn push_and_request(pipeline: &Pipeline) -> (Plan, Plan) {
    let facts = Facts { default_branch: Some("main".into()), ..Facts::default() };
    let open = [(Arc::from("CI_OPEN_MERGE_REQUESTS"), Arc::from("group/project!1"))];
    let push = Context::new(Event::Push, Ref::Branch(OTHER_BRANCH.into()), &facts).with_variables(open);
    let request = Ref::MergeRequest { source: OTHER_BRANCH.into(), target: "main".into() };
    let request = Context::new(Event::MergeRequest, request, &facts);
    (plan(pipeline, &push, Vec::new()), plan(pipeline, &request, Vec::new()))
}

/// The texts that rules compare the branch with, and the names in policies.
fn branches(pipeline: &Pipeline) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let workflow = pipeline.keywords.get("workflow").and_then(Value::as_mapping);
    for config in pipeline.jobs.iter().map(|job| &job.config).chain(workflow) {
        of_rules(config, &mut names);
        for keyword in ["only", "except"] {
            let Some(policy) = config.get(keyword) else { continue };
            let refs = if policy.as_mapping().is_some() { policy.get("refs") } else { Some(policy) };
            names.extend(
                refs.map(|refs| flat(refs, &mut Vec::new()))
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(Value::scalar_text)
                    .filter(|text| is_name(text)),
            );
        }
    }
    names
}

fn of_rules(config: &Mapping, names: &mut BTreeSet<String>) {
    for rule in config.get("rules").map(|rules| flat(rules, &mut Vec::new())).unwrap_or_default() {
        let Some(condition) = rule.get("if").and_then(Value::as_str) else { continue };
        if !condition.contains("CI_COMMIT_BRANCH") && !condition.contains("CI_COMMIT_REF_NAME") {
            continue;
        }
        for quote in ['"', '\''] {
            names.extend(condition.split(quote).skip(1).step_by(2).map(str::to_owned).filter(|text| is_name(text)));
        }
    }
}

/// Whether it is a branch's name, by its form, and no kind of pipeline.
fn is_name(text: &str) -> bool {
    const KINDS: &[&str] = &[
        "api",
        "branches",
        "chat",
        "external",
        "external_pull_requests",
        "merge_requests",
        "merge_request_event",
        "pipelines",
        "pushes",
        "push",
        "schedules",
        "schedule",
        "tags",
        "triggers",
        "trigger",
        "web",
        "parent_pipeline",
        "pipeline",
        "true",
        "false",
    ];
    !text.is_empty()
        && text.len() < 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !text.starts_with(['/', '.', '-'])
        && !KINDS.contains(&text)
}
