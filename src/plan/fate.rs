//! A job's rules, or its `only` and `except`, into what may become of it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::pipeline::Job;
use crate::pipeline::context::Context;
use crate::pipeline::expression::{Lookup, Truth};
use crate::pipeline::policy::admits;
use crate::pipeline::predefined::slug;
use crate::pipeline::rules::{Causes, Scope, select};
use crate::plan::matrix::Instance;
use crate::plan::variables::{Texts, look_up};
use crate::yaml::{Data, Mapping, Value};

/// How a job of the pipeline starts, and what its failure means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Effect {
    /// `on_success`, `on_failure`, `always`, `manual` or `delayed`.
    pub when: Arc<str>,
    /// Whether the pipeline passes although it fails; exit codes that allow it do not count.
    pub allow_failure: bool,
    /// How long a delayed job waits.
    pub start_in: Option<Arc<str>>,
}

/// One thing that may become of a job.
#[derive(Debug)]
pub(super) struct Fate<'r> {
    /// None where it is left out.
    pub effect: Option<Effect>,
    /// Why it is left out.
    pub why: String,
    /// The rule that decides.
    pub rule: Option<&'r Value>,
}

impl Fate<'_> {
    /// Whether both leave the job with the same needs.
    pub(super) fn needs_like(&self, other: &Self) -> bool {
        let of = |fate: &Self| fate.rule.and_then(|rule| rule.get("needs")).map(crate::pipeline::expand::json);
        of(self) == of(other)
    }
}

/// What may become of `job` under its name `name`, with `variables` from the files.
pub(super) fn fates<'r>(
    job: &'r Job,
    name: &str,
    instance: Option<&Instance>,
    variables: &Texts,
    has_workflow_rules: bool,
    context: &Context,
) -> (Vec<Fate<'r>>, Causes) {
    let lookup = |wanted: &str| of_job(job, name, instance, wanted).unwrap_or_else(|| look_up(context, variables, wanted));
    let scope = Scope { context, lookup: &lookup };
    if let Some(rules) = job.config.get("rules").filter(|rules| !rules.is_null()) {
        let selection = select(rules, scope);
        return (selection.possible.into_iter().map(|rule| by_rule(&job.config, rule)).collect(), selection.depends);
    }
    let mut causes = Causes::new();
    // The keyword alone takes the default away, also without a value (gitlab, `Entry::Processable#compose!`).
    let has_default = !has_workflow_rules && job.config.entry("rules").is_none();
    let admitted = admits(&job.config, has_default, scope, &mut causes);
    let inside = || Fate { effect: Some(effect(&job.config, None)), why: String::new(), rule: None };
    let outside = || Fate { effect: None, why: admitted.why.to_owned(), rule: None };
    match admitted.truth {
        Truth::True => (vec![inside()], Causes::new()),
        Truth::False => (vec![outside()], Causes::new()),
        Truth::Unknown => (vec![inside(), outside()], causes),
    }
}

/// The variables that name the job itself.
fn of_job(job: &Job, name: &str, instance: Option<&Instance>, wanted: &str) -> Option<Lookup<'static>> {
    let text = match wanted {
        "CI_NODE_TOTAL" => instance.map_or(1, |instance| instance.total).to_string(),
        "CI_NODE_INDEX" => match instance {
            Some(instance) => instance.index.to_string(),
            None => return Some(Lookup::Undefined),
        },
        "CI_JOB_NAME" => name.to_owned(),
        "CI_JOB_GROUP_NAME" => job.name.to_string(),
        "CI_JOB_NAME_SLUG" => slug(name),
        "CI_JOB_STAGE" => job.stage().to_owned(),
        "CI_JOB_MANUAL" => return (!matches!(when(&job.config), "manual" | "delayed")).then_some(Lookup::Undefined),
        _ => return None,
    };
    Some(Lookup::Defined(Cow::Owned(text)))
}

fn by_rule<'r>(job: &Mapping, rule: Option<&'r Value>) -> Fate<'r> {
    let Some(rule) = rule else { return Fate { effect: None, why: "no rule matched".to_owned(), rule: None } };
    let effect = effect(job, Some(rule));
    if &*effect.when == "never" {
        return Fate { effect: None, why: "a rule says `when: never`".to_owned(), rule: Some(rule) };
    }
    Fate { effect: Some(effect), why: String::new(), rule: Some(rule) }
}

fn when(job: &Mapping) -> &str {
    job.get("when").and_then(Value::as_str).unwrap_or("on_success")
}

/// What the job says, and what the rule says over it (gitlab, `Gitlab::Ci::Build::Rules::Result`).
fn effect(job: &Mapping, rule: Option<&Value>) -> Effect {
    let of_rule = |keyword| rule.and_then(|rule| rule.get(keyword)).filter(|value| !value.is_null());
    let own_when = when(job);
    let allow_failure = of_rule("allow_failure").or_else(|| job.get("allow_failure").filter(|value| !value.is_null()));
    let start_in = of_rule("start_in").or_else(|| job.get("start_in")).and_then(Value::scalar_text).map(Arc::from);
    let when: Arc<str> = of_rule("when").and_then(Value::as_str).unwrap_or(own_when).into();
    Effect {
        allow_failure: match allow_failure.map(|value| &value.data) {
            Some(Data::Bool(allowed)) => *allowed,
            // With exit codes, failing as such is no pass.
            Some(_) => false,
            // Only what the job itself says makes a manual job optional.
            None => own_when == "manual",
        },
        start_in: start_in.filter(|_| &*when == "delayed"),
        when,
    }
}
