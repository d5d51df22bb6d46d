//! `only` and `except` into whether a job is in (gitlab, `Gitlab::Ci::Build::Policy`); deprecated, and in use.

use crate::pipeline::context::{Event, Ref};
use crate::pipeline::expression::{Pattern, Truth};
use crate::pipeline::rules::{Cause, Causes, Scope, any_matches, expression};
use crate::pipeline::script::flat;
use crate::yaml::{Mapping, Value};

/// Whether the policies of `job` let it in. `has_default` says that a job without them runs for branches and tags only, which is so where
/// neither it nor the `workflow` has rules.
#[must_use]
pub fn admits(job: &Mapping, has_default: bool, scope: Scope<'_>, causes: &mut Causes) -> Admission {
    let of = |keyword| job.get(keyword).filter(|value| !value.is_null());
    let mut only = Truth::True;
    let mut by_default = false;
    let given = of("only");
    if given.is_none_or(|only| only.as_mapping().is_some_and(|only| only.entry("refs").is_none())) && (has_default || given.is_some()) {
        only = ["branches", "tags"].into_iter().map(|name| reference(name, scope, causes)).fold(Truth::False, Truth::or);
        by_default = only == Truth::False;
    }
    for condition in given.map(conditions).unwrap_or_default() {
        only = only.and(condition.holds(scope, causes));
    }
    let mut except = Truth::False;
    for condition in of("except").map(conditions).unwrap_or_default() {
        except = except.or(condition.holds(scope, causes));
    }
    let why = match (only, except) {
        (Truth::False, _) if by_default => "without `rules`, or references under `only`, a job runs for branches and tags only",
        (Truth::False, _) => "`only` does not admit it",
        (Truth::True | Truth::Unknown, _) => "`except` excludes it",
    };
    Admission { truth: only.and(except.not()), why }
}

/// Whether a job is let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Admission {
    /// Whether it is.
    pub truth: Truth,
    /// Why not, where it is not.
    pub why: &'static str,
}

enum Condition<'a> {
    Refs(Vec<&'a Value>),
    Variables(Vec<&'a Value>),
    Changes(Vec<&'a Value>),
    Kubernetes,
}

/// The conditions of a policy: a list is one of references.
fn conditions(policy: &Value) -> Vec<Condition<'_>> {
    let items = |value| flat(value, &mut Vec::new());
    let Some(mapping) = policy.as_mapping() else { return vec![Condition::Refs(items(policy))] };
    let named = mapping.named().filter(|(_, entry)| !entry.value.is_null());
    named
        .filter_map(|(name, entry)| match name {
            "refs" => Some(Condition::Refs(items(&entry.value))),
            "variables" => Some(Condition::Variables(items(&entry.value))),
            "changes" => Some(Condition::Changes(items(&entry.value))),
            "kubernetes" => Some(Condition::Kubernetes),
            _ => None,
        })
        .collect()
}

impl Condition<'_> {
    fn holds(&self, scope: Scope<'_>, causes: &mut Causes) -> Truth {
        let any = |truths: &mut dyn Iterator<Item = Truth>| truths.fold(Truth::False, Truth::or);
        match self {
            Self::Refs(items) => any(&mut items.iter().map(|item| reference(item.as_str().unwrap_or_default(), scope, causes))),
            Self::Variables(items) => any(&mut items.iter().map(|item| expression(item.as_str().unwrap_or_default(), scope, causes))),
            Self::Changes(globs) => changes(globs, scope, causes),
            Self::Kubernetes => {
                causes.insert(Cause::Kubernetes);
                Truth::Unknown
            }
        }
    }
}

/// One item of `refs`: a kind of pipeline, a name, or a pattern, each perhaps with `@` and a project behind it.
fn reference(item: &str, scope: Scope<'_>, causes: &mut Causes) -> Truth {
    let (item, path) = item.split_once('@').map_or((item, None), |(item, path)| (item, Some(path)));
    let project = scope.context.project().or_else(|| scope.context.given("CI_PROJECT_PATH"));
    let in_project = match (path, project) {
        (None, _) => Truth::True,
        (Some(path), Some(project)) => (path == project).into(),
        (Some(_), None) => {
            causes.insert(Cause::Variable("CI_PROJECT_PATH".into()));
            Truth::Unknown
        }
    };
    in_project.and(match (scope.context.event(), scope.context.reference()) {
        (Some(event), Some(reference)) => matches(item, event, reference, causes),
        _ => {
            causes.insert(Cause::Variable("CI_COMMIT_REF_NAME".into()));
            Truth::Unknown
        }
    })
}

fn matches(item: &str, event: Event, reference: &Ref, causes: &mut Causes) -> Truth {
    let source = event.source().trim_end_matches("_event");
    let plural = plural(source);
    if item == source || item == plural {
        return Truth::True;
    }
    match reference {
        Ref::Branch(_) if item == "branches" => Truth::True,
        Ref::Tag(_) if item == "tags" => Truth::True,
        // The name of a branch says nothing of a merge request.
        Ref::MergeRequest { .. } => Truth::False,
        Ref::Branch(name) | Ref::Tag(name) if Pattern::is_one(item) => match Pattern::parse(item) {
            Ok(pattern) => pattern.is_match(name).into(),
            Err(why) => {
                causes.insert(Cause::Invalid(why.into()));
                Truth::Unknown
            }
        },
        Ref::Branch(name) | Ref::Tag(name) => (item == &**name).into(),
    }
}

/// What Ruby on Rails makes of the names of sources.
fn plural(source: &str) -> String {
    match source {
        "push" => "pushes".to_owned(),
        _ => format!("{source}s"),
    }
}

/// `only:changes`, which compares with the push, and otherwise holds.
fn changes(globs: &[&Value], scope: Scope<'_>, causes: &mut Causes) -> Truth {
    match scope.context.event() {
        Some(Event::Tag | Event::Schedule | Event::Web | Event::Api | Event::Trigger) => return Truth::True,
        Some(Event::Push | Event::MergeRequest | Event::ParentPipeline) | None => {}
    }
    let Some(changed) = scope.context.history().changed() else {
        causes.insert(Cause::Changes);
        return Truth::Unknown;
    };
    let globs: Vec<String> = globs.iter().filter_map(|glob| Some(glob.as_str()?.to_owned())).collect();
    any_matches(&globs, &changed, causes)
}
