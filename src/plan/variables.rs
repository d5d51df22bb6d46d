//! The variables that the files give to a job, as texts, and what rules find when they look one up.

use std::borrow::Cow;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::pipeline::context::Context;
use crate::pipeline::expression::Lookup;
use crate::pipeline::job::{Level, Variable};
use crate::pipeline::{Job, Pipeline};
use crate::yaml::{Entry, Value};

/// Variables by name, with their texts before expansion.
pub type Texts = IndexMap<Arc<str>, Arc<str>>;

/// What a `variables` keyword holds; entries of invalid form are left out.
pub(super) fn texts(variables: Option<&Value>) -> Texts {
    let entries = variables.and_then(Value::as_mapping).into_iter().flat_map(|mapping| mapping.entries.values());
    entries.filter_map(text).collect()
}

fn text(entry: &Entry) -> Option<(Arc<str>, Arc<str>)> {
    let variable = Variable { level: Level::Rule, entry: entry.clone() };
    Some((entry.key.scalar_text()?.into(), variable.text()?.into()))
}

/// The `variables` of the pipeline.
pub(super) fn globals(pipeline: &Pipeline) -> Texts {
    texts(pipeline.keywords.get("variables"))
}

/// The variables of `job`; those of the workflow's rule stand between the pipeline's and its own.
pub(super) fn of_job(job: &Job, workflow: &Texts) -> Texts {
    let of = |level: Level| job.variables.iter().filter(move |(_, variable)| variable.level == level);
    let known = |(name, variable): (&Arc<str>, &Variable)| Some((name.clone(), variable.text()?.into()));
    let mut texts: Texts = of(Level::Pipeline).filter_map(known).collect();
    texts.extend(workflow.iter().filter(|(name, _)| job.inherits_variable(name)).map(|(name, text)| (name.clone(), text.clone())));
    texts.extend(of(Level::Job).filter_map(known));
    texts
}

/// What `name` is to rules where the files set `texts`.
pub(super) fn look_up<'a>(context: &'a Context, texts: &'a Texts, name: &str) -> Lookup<'a> {
    if let Some(value) = context.given(name) {
        return Lookup::Defined(Cow::Borrowed(value));
    }
    texts.get(name).map_or_else(|| context.outside(name), |text| Lookup::Defined(Cow::Borrowed(text)))
}
