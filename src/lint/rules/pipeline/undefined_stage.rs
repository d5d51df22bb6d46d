//! PIP1103: jobs whose stage is not declared, stages without jobs, and pipelines that don't run. Knows names of stages, not their order.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::source::Span;
use crate::suggestion::nearest;
use crate::yaml::{Data, Mapping, Value};

/// The rule.
pub static RULE: Rule =
    Rule { id: "PIP1103", name: "undefined-stage", severity: Severity::Error, page: include_str!("undefined_stage.md"), check };

/// The stages that exist in every pipeline (<https://docs.gitlab.com/ci/yaml/#stage-pre>).
const EDGES: [&str; 2] = [".pre", ".post"];
/// The stages of a pipeline without `stages` (<https://docs.gitlab.com/ci/yaml/#stages>).
const DEFAULT: [&str; 3] = ["build", "test", "deploy"];
/// Deepest nesting of lists that GitLab flattens.
const MAX_DEPTH: usize = 10;

fn check(context: &Context<'_>, findings: &mut Findings) {
    let Some(stages) = Stages::of(context) else { return };
    let jobs: Vec<JobStage<'_>> = context.jobs().filter_map(|(job, _)| JobStage::of(job)).collect();
    for job in jobs.iter().filter(|job| !stages.has(&job.name)) {
        findings.add(undeclared(context, &stages, job));
    }
    if !context.is_complete() || jobs.is_empty() || jobs.len() < context.jobs().count() {
        return;
    }
    for (name, span) in stages.declared.iter().filter(|(name, _)| !EDGES.contains(&&**name)) {
        let entry = context.pipeline.pipeline.entry;
        if !jobs.iter().any(|job| job.name == *name) && span.is_some_and(|span| span.file == entry) {
            let finding = RULE.at(span.expect("just looked at"), format!("no job is in the stage `{name}`"));
            findings.add(Diagnostic { severity: Severity::Info, ..finding.help("remove it from `stages`, or give it a job") });
        }
    }
    if jobs.iter().all(|job| EDGES.contains(&&*job.name)) {
        jobs.first().into_iter().for_each(|first| findings.add(idle(first, &jobs)));
    }
}

fn undeclared(context: &Context<'_>, stages: &Stages, job: &JobStage<'_>) -> Diagnostic {
    let known = stages.names().collect::<Vec<_>>().join(", ");
    let Some(span) = job.span else {
        let message = format!("a job without `stage` is in `test`, which is not in `stages` ({known})");
        return RULE.at(job.job.key, message).job(&job.job.name).help("give it a `stage`, or add `test` to `stages`");
    };
    let finding = RULE.at(span, format!("the stage `{}` is not in `stages` ({known})", job.name)).job(&job.job.name);
    let near = nearest(&job.name, stages.names());
    let Some(near) = near else { return finding.help("add it to `stages`, or choose one of them") };
    let finding = finding.help(format!("did you mean `{near}`?"));
    if context.slice(span) != &*job.name {
        return finding;
    }
    finding.fix(Fix { title: format!("write `{near}`"), safety: Safety::Unsafe, edits: vec![Edit::replace(span, near)] })
}

fn idle(first: &JobStage<'_>, jobs: &[JobStage<'_>]) -> Diagnostic {
    let message = "GitLab doesn't run a pipeline whose jobs are all in `.pre` and `.post`";
    let finding = RULE.at(first.span.unwrap_or(first.job.key), message).help("put a job into another stage");
    let jobs = jobs.iter().map(|job| job.job.name.to_string()).collect();
    Diagnostic { severity: Severity::Warning, jobs, ..finding }
}

/// The stage of one job.
struct JobStage<'a> {
    job: &'a Job,
    name: Arc<str>,
    /// Where it is written; none where the job doesn't say.
    span: Option<Span>,
}

impl<'a> JobStage<'a> {
    /// None where it is not known, or where the job is none because it has nothing to run.
    fn of(job: &'a Job) -> Option<Self> {
        let runs = ["script", "run", "trigger"].iter().any(|keyword| job.config.entry(keyword).is_some());
        match job.config.get("stage") {
            Some(stage) => {
                let name = stage.as_str().filter(|name| !name.contains("$[[") && (runs || !job.missing.is_empty()))?;
                Some(Self { job, name: name.into(), span: Some(stage.span) })
            }
            None if runs && job.missing.is_empty() => Some(Self { job, name: "test".into(), span: None }),
            None => None,
        }
    }
}

/// The stages of a pipeline.
struct Stages {
    /// As declared, with their places; those of GitLab where `stages` is absent.
    declared: Vec<(Arc<str>, Option<Span>)>,
}

impl Stages {
    /// None where a file that is not known may declare them.
    fn of(context: &Context<'_>) -> Option<Self> {
        let pipeline = &context.pipeline.pipeline;
        let Some(entry) = pipeline.root.entry("stages") else {
            let declared = DEFAULT.iter().map(|&name| (name.into(), None)).collect();
            // Another file is a part of a pipeline more often than one of its own.
            let whole = context.pipeline.is_child || pipeline.path.rsplit('/').next() == Some(".gitlab-ci.yml");
            return (context.is_complete() && whole).then_some(Self { declared });
        };
        let final_word = context.is_complete() || entry.key.span.file == pipeline.entry;
        if !final_word || pipeline.conditional.contains(&entry.key.span.file) {
            return None;
        }
        let mut declared = Vec::new();
        flatten(&entry.value, &pipeline.root, MAX_DEPTH, &mut declared)?;
        Some(Self { declared })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let inner = self.declared.iter().map(|(name, _)| &**name).filter(|name| !EDGES.contains(name));
        std::iter::once(EDGES[0]).chain(inner).chain(std::iter::once(EDGES[1]))
    }

    fn has(&self, stage: &str) -> bool {
        self.names().any(|name| name == stage)
    }
}

/// Puts the stages of `value` into `out`; none where a reference leads nowhere or a name is not known.
fn flatten(value: &Value, root: &Mapping, depth: usize, out: &mut Vec<(Arc<str>, Option<Span>)>) -> Option<()> {
    match &value.data {
        Data::Sequence(items) if depth > 0 => items.iter().try_for_each(|item| flatten(item, root, depth - 1, out)),
        Data::Reference(path) if depth > 0 => {
            let (first, rest) = path.split_first()?;
            let start = root.get(first.as_str()?)?;
            let target = rest.iter().try_fold(start, |value, key| value.get(key.as_str()?))?;
            flatten(target, root, depth - 1, out)
        }
        Data::Sequence(_) | Data::Reference(_) | Data::Mapping(_) => None,
        Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) => {
            let name = value.scalar_text()?;
            (!name.contains("$[[")).then(|| out.push((name.into(), Some(value.span))))
        }
    }
}
