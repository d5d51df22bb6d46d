//! `parallel` into the names and variables of the jobs that it makes of one (gitlab, `Gitlab::Ci::Config::Normalizer`).

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::script::flat;
use crate::pipeline::{Job, Pipeline, problem};
use crate::plan::variables::Texts;
use crate::yaml::{Data, Value};

/// Most jobs that `parallel` may make of one (<https://docs.gitlab.com/ci/yaml/#parallelmatrix>).
pub(super) const MAX_JOBS: usize = 200;

/// Most jobs that we plan, which is more than any pipeline has: GitLab.com allows hundreds (<https://docs.gitlab.com/administration/instance_limits/>).
const MAX_ALL_JOBS: usize = 50_000;

/// One of the jobs that `parallel` makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    /// Its number, from 1.
    pub index: usize,
    /// How many there are.
    pub total: usize,
    /// What the matrix sets.
    pub variables: Texts,
}

/// A job's name, and what `parallel` makes of it.
pub(super) type NamedInstance = (Arc<str>, Option<Instance>);

/// What each job of `pipeline` becomes, with what is wrong in it. Where they are too many, the rest stay one job each.
pub(super) fn all(pipeline: &Pipeline) -> (Vec<(&Job, Vec<NamedInstance>)>, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let mut left = Some(MAX_ALL_JOBS);
    let mut all = Vec::with_capacity(pipeline.jobs.len());
    for job in &pipeline.jobs {
        let instances = match left {
            None => None,
            Some(_) => instances(job).map_err(|problem| problems.push(*problem)).ok(),
        };
        let instances = instances.unwrap_or_else(|| vec![(job.name.clone(), None)]);
        let rest = left.and_then(|left| left.checked_sub(instances.len()));
        if left.is_some() && rest.is_none() {
            let span = job.config.get("parallel").map_or(job.key, |parallel| parallel.span);
            let message = format!("with this the pipeline has more than {MAX_ALL_JOBS} jobs, which is as many as are planned");
            problems.push(Diagnostic::new(problem::INVALID_VALUE, Severity::Error, span, message).job(&job.name));
        }
        left = rest;
        all.push((job, instances));
    }
    (all, problems)
}

/// The names of the jobs that `job` becomes: one without an instance where it has no `parallel`.
///
/// # Errors
/// Where the matrix has a form that GitLab refuses.
fn instances(job: &Job) -> Result<Vec<NamedInstance>, Box<Diagnostic>> {
    let Some(parallel) = job.config.get("parallel").filter(|value| !value.is_null()) else {
        return Ok(vec![(job.name.clone(), None)]);
    };
    let wrong = |message: String| Box::new(Diagnostic::new(problem::INVALID_VALUE, Severity::Error, parallel.span, message).job(&job.name));
    if let Some(matrix) = parallel.get("matrix") {
        let rows = rows(matrix).ok_or_else(|| wrong("`parallel:matrix` needs a list of mappings from variables to values".to_owned()))?;
        if rows.len() > MAX_JOBS {
            return Err(wrong(format!("`parallel:matrix` makes {} jobs; {MAX_JOBS} are allowed", rows.len())));
        }
        let total = rows.len();
        let named = rows.into_iter().enumerate();
        return Ok(named
            .map(|(index, variables)| (name(&job.name, &variables), Some(Instance { index: index + 1, total, variables })))
            .collect());
    }
    let count = if let Data::Integer(count) = &parallel.data { count.parse::<usize>().ok() } else { None };
    let total = count.filter(|count| (1..=MAX_JOBS).contains(count));
    let total = total.ok_or_else(|| wrong(format!("`parallel` needs a number from 1 to {MAX_JOBS}, or a `matrix`")))?;
    let numbered = (1..=total).map(|index| {
        let name = format!("{} {index}/{total}", job.name);
        (name.into(), Some(Instance { index, total, variables: Texts::new() }))
    });
    Ok(numbered.collect())
}

/// `job: [a, b]`.
fn name(job: &str, variables: &Texts) -> Arc<str> {
    let values: Vec<&str> = variables.values().map(|value| &**value).collect();
    format!("{job}: [{}]", values.join(", ")).into()
}

/// The combinations of a matrix, the last variable changing fastest, of which an empty list of values makes none; nothing where its form is wrong. One
/// over the limit is enough to know.
fn rows(matrix: &Value) -> Option<Vec<Texts>> {
    let mut rows = Vec::new();
    for row in matrix.as_sequence()? {
        let mut combinations = vec![Texts::new()];
        if row.as_mapping()?.entries.is_empty() {
            return None;
        }
        for entry in row.as_mapping()?.entries.values() {
            let name: Arc<str> = entry.key.scalar_text()?.into();
            let values: Vec<Arc<str>> = match &entry.value.data {
                Data::Sequence(_) => flat(&entry.value, &mut Vec::new())
                    .into_iter()
                    .map(|value| value.scalar_text().map(Arc::from))
                    .collect::<Option<_>>()?,
                _ => vec![entry.value.scalar_text()?.into()],
            };
            let with = |combination: &Texts, value: &Arc<str>| {
                let mut combination = combination.clone();
                combination.insert(name.clone(), value.clone());
                combination
            };
            combinations = combinations.iter().flat_map(|row| values.iter().map(|value| with(row, value))).take(MAX_JOBS + 1).collect();
        }
        rows.extend(combinations);
        rows.truncate(MAX_JOBS + 1);
    }
    Some(rows)
}

/// The names that a need of `job` stands for which has a matrix of its own; none where its form is wrong.
pub(super) fn chosen(job: &str, parallel: &Value, own: Option<&Texts>) -> Option<Vec<Arc<str>>> {
    let rows = rows(parallel.get("matrix")?)?;
    let filled = |text: &Arc<str>| own.map_or_else(|| text.clone(), |own| filled(text, own));
    Some(rows.iter().map(|row| name(job, &row.iter().map(|(name, text)| (name.clone(), filled(text))).collect())).collect())
}

/// `$[[ matrix.NAME ]]` in `text` with the values of the job that needs.
fn filled(text: &str, own: &Texts) -> Arc<str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, block)) = rest.split_once("$[[") {
        out.push_str(before);
        let Some((inside, after)) = block.split_once("]]") else {
            out.push_str("$[[");
            rest = block;
            continue;
        };
        match inside.trim().strip_prefix("matrix.").and_then(|name| own.get(name)) {
            Some(value) => out.push_str(value),
            None => out.push_str(&format!("$[[{inside}]]")),
        }
        rest = after;
    }
    (out + rest).into()
}
