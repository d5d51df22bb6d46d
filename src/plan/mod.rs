//! A resolved pipeline and an event into the jobs that it creates, with the reason for each that is in, out or not known.

mod fate;
mod matrix;
pub mod moments;
mod needs;
mod places;
mod restrict;
mod variables;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::context::{Context, Event};
use crate::pipeline::rules::{Cause, Causes, Scope, depends_on, select};
use crate::pipeline::script::flat;
use crate::pipeline::{Documents, Job, Pipeline, conditions, problem, structure};
use crate::source::Span;
use crate::yaml::Value;

pub use fate::Effect;
pub use matrix::Instance;
pub use needs::{External, Need};
pub use restrict::restrict;
pub use variables::Texts;

use fate::Fate;
use needs::Graph;
use places::Places;

/// Most characters of a job's name in the database of GitLab.com, which nothing checks for what `parallel:matrix` makes; other instances may take more
/// (<https://gitlab.com/gitlab-org/gitlab/-/issues/584573>).
const MAX_NAME: usize = 255;

/// What an event creates.
#[derive(Debug)]
pub struct Plan {
    /// The event.
    pub event: Event,
    /// Whether there is a pipeline; none where that is not known.
    pub created: Option<bool>,
    /// Why there is none, or why that is not known.
    pub reason: Option<Reason>,
    /// Whether the workflow lets a pipeline be created; none where that is not known.
    pub admitted: Option<bool>,
    /// Needs of jobs that are in for jobs that are out: no pipeline is created because of them.
    pub unmet: Vec<Unmet>,
    /// All stages, `.pre` and `.post` among them, in order.
    pub stages: Vec<Arc<str>>,
    /// What the rule of `workflow` sets.
    pub workflow_variables: Texts,
    /// The jobs that are in, by stage and in the order of the configuration. Where no pipeline is created: those that would be in.
    pub jobs: Vec<PlannedJob>,
    /// The jobs that are not in.
    pub left_out: Vec<LeftOut>,
    /// The jobs of which something is not known.
    pub unknown: Vec<UnknownJob>,
    /// Includes that could not be read, as written: they may add jobs and change others.
    pub unresolved: Vec<String>,
    /// What GitLab refuses, and what is doubtful.
    pub problems: Vec<Diagnostic>,
}

/// Why there is no pipeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// A lower-case fragment.
    pub message: String,
    /// The place that decided.
    pub span: Option<Span>,
}

/// A need of a job that is in for one that is not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unmet {
    /// The job that needs.
    pub job: Arc<str>,
    /// The job that is needed.
    pub need: Arc<str>,
    /// Where the need is written.
    pub span: Span,
}

/// A job of the pipeline.
#[derive(Clone, Debug)]
pub struct PlannedJob {
    /// Its name, with what `parallel` adds to it.
    pub name: Arc<str>,
    /// Its name in the configuration.
    pub base: Arc<str>,
    /// The place of that name.
    pub key: Span,
    /// Its stage.
    pub stage: Arc<str>,
    /// How it starts and what its failure means.
    pub effect: Effect,
    /// The jobs that it waits for, if it has `needs`; a job without waits for the stages before its own.
    pub needs: Option<Vec<Need>>,
    /// What it needs of other pipelines.
    pub external: Vec<External>,
    /// The rule that let it in; none where it has no rules, or where several would.
    pub rule: Option<Span>,
    /// That rule's number among the job's rules, from 0.
    pub rule_index: Option<usize>,
    /// Its variables that the files set, not expanded.
    pub variables: Texts,
    /// Its number among those that `parallel` makes of one job.
    pub instance: Option<Instance>,
    /// What it starts, if it has `trigger`.
    pub trigger: Option<Trigger>,
    /// The name of its environment, expanded as far as is known.
    pub environment: Option<String>,
    /// The tags that its runner must have, expanded as far as is known.
    pub tags: Vec<String>,
    /// Its resource group, expanded as far as is known.
    pub resource_group: Option<String>,
}

/// The pipeline that a job starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trigger {
    /// The other project, expanded as far as is known; none for a child pipeline.
    pub project: Option<String>,
    /// The branch of the other project.
    pub branch: Option<String>,
    /// The files of a child pipeline, as written.
    pub includes: Vec<String>,
    /// Whether the job waits for it: `depend` or `mirror`.
    pub strategy: Option<String>,
}

/// A job that is not in the pipeline.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Its name.
    pub name: Arc<str>,
    /// Why: a lower-case fragment.
    pub why: String,
    /// The rule that says so.
    pub rule: Option<Span>,
}

/// A job of which something is not known.
#[derive(Clone, Debug)]
pub struct UnknownJob {
    /// Its name.
    pub name: Arc<str>,
    /// Its name in the configuration.
    pub base: Arc<str>,
    /// Its stage.
    pub stage: Arc<str>,
    /// Why: a lower-case fragment.
    pub why: String,
    /// What it depends on.
    pub depends: Causes,
    /// What may become of it, by the rule that decides; none is being left out.
    pub possible: Vec<(Option<Effect>, Option<Span>)>,
}

/// Plans `pipeline`, which was resolved in `context`, for the event of `context`. GitLab creates nothing from what it refuses: `refusals` says what
/// that is besides what planning finds ([`refusals()`]).
///
/// # Panics
/// Where the context has no event.
#[must_use]
pub fn plan(pipeline: &Pipeline, context: &Context, refusals: Vec<Diagnostic>) -> Plan {
    let event = context.event().expect("a plan is for an event");
    let mut planner = Planner {
        pipeline,
        context,
        has_workflow_rules: false,
        seeds: Vec::new(),
        plan: Plan {
            event,
            created: Some(true),
            reason: None,
            admitted: Some(true),
            unmet: Vec::new(),
            stages: pipeline.stages(),
            workflow_variables: Texts::new(),
            jobs: Vec::new(),
            left_out: Vec::new(),
            unknown: Vec::new(),
            unresolved: pipeline.unresolved.iter().map(|include| include.name.clone()).collect::<IndexSet<_>>().into_iter().collect(),
            problems: refusals,
        },
    };
    planner.workflow();
    planner.seeds();
    planner.needs();
    planner.conclude();
    planner.plan
}

/// What GitLab refuses in the files of a pipeline whatever the event: files that it can't read, values of a wrong form, conditions that it can't read.
#[must_use]
pub fn refusals(pipeline: &Pipeline, documents: &Documents) -> Vec<Diagnostic> {
    let files = documents.problems().iter().filter(|problem| pipeline.files.contains(&problem.span.file)).cloned();
    let joined = pipeline.problems.iter().cloned();
    let mut refusals: Vec<Diagnostic> = files.chain(joined).chain(structure::problems(pipeline, documents)).collect();
    let told: HashSet<Span> = refusals.iter().map(|refusal| refusal.span).collect();
    let complete = pipeline.unresolved.is_empty() && pipeline.missing.is_empty() && refusals.is_empty();
    let idle = pipeline.jobs.iter().filter(|job| complete && job.missing.is_empty() && !job.acts());
    refusals.extend(idle.map(|job| {
        let message = format!("`{}` has nothing to run: a job needs a `script`, `run` or `trigger`", job.name);
        Diagnostic::new(problem::INVALID_VALUE, Severity::Error, job.key, message).job(&job.name)
    }));
    refusals.extend(conditions::mistakes(pipeline, documents).into_iter().filter(|mistake| !told.contains(&mistake.span)));
    refusals
}

/// What is wrong with the `needs`, `dependencies` and `parallel` of a pipeline whatever the event. Stages that are not declared are not among it.
#[must_use]
pub fn needs(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let (jobs, problems) = matrix::all(pipeline);
    let mut seeds = Vec::new();
    for (job, instances) in jobs {
        seeds.extend(instances.into_iter().map(|(name, instance)| Seed {
            job,
            name,
            instance,
            variables: Texts::new(),
            fates: Vec::new(),
            depends: Causes::new(),
        }));
    }
    let stages = ranks(&pipeline.stages());
    let mut graph = Graph::new(pipeline, &seeds, &stages);
    graph.check_all(pipeline.unresolved.is_empty());
    [problems, graph.into_problems()].concat()
}

fn ranks(stages: &[Arc<str>]) -> IndexMap<Arc<str>, usize> {
    stages.iter().enumerate().map(|(index, stage)| (stage.clone(), index)).collect()
}

/// Whether something is said of `place` already, or of a part of it.
fn told(known: &BTreeSet<Span>, place: Span) -> bool {
    known.range(place.start_point()..=place.end_point()).any(|known| place.contains(*known))
}

/// A job before it is known whether its needs are there.
struct Seed<'a> {
    job: &'a Job,
    name: Arc<str>,
    instance: Option<Instance>,
    variables: Texts,
    fates: Vec<Fate<'a>>,
    depends: Causes,
}

struct Planner<'a> {
    pipeline: &'a Pipeline,
    context: &'a Context,
    has_workflow_rules: bool,
    seeds: Vec<Seed<'a>>,
    plan: Plan,
}

impl<'a> Planner<'a> {
    fn workflow(&mut self) {
        let workflow = self.pipeline.keywords.get("workflow");
        let Some(rules) = workflow.and_then(|workflow| workflow.get("rules")).filter(|rules| !rules.is_null()) else { return };
        self.has_workflow_rules = true;
        let globals = variables::globals(self.pipeline);
        let lookup = |name: &str| variables::look_up(self.context, &globals, name);
        let selection = select(rules, Scope { context: self.context, lookup: &lookup });
        let is_never = |rule: &Value| rule.get("when").and_then(Value::as_str) == Some("never");
        let passes: Vec<bool> = selection.possible.iter().map(|rule| rule.is_some_and(|rule| !is_never(rule))).collect();
        let (span, why) = match selection.possible.as_slice() {
            [Some(rule)] => (rule.span, "a rule of `workflow` says `when: never`"),
            _ => (rules.span, "no rule of `workflow` matches"),
        };
        self.plan.admitted = match (passes.contains(&true), passes.contains(&false)) {
            (true, true) => None,
            (passes, _) => Some(passes),
        };
        if !passes.contains(&true) {
            self.refuse(why, Some(span));
        } else if passes.contains(&false) {
            self.plan.created = None;
            self.plan.reason =
                Some(Reason { message: format!("whether there is a pipeline {}", depends_on(&selection.depends)), span: Some(rules.span) });
        }
        if let [Some(rule)] = selection.possible.as_slice() {
            self.plan.workflow_variables = variables::texts(rule.get("variables"));
        }
    }

    /// There is no pipeline; the first reason counts.
    fn refuse(&mut self, message: &str, span: Option<Span>) {
        if self.plan.created != Some(false) {
            self.plan.created = Some(false);
            self.plan.reason = Some(Reason { message: message.to_owned(), span });
        }
    }

    fn seeds(&mut self) {
        // Of jobs with one name, which a matrix may make, the last counts (gitlab, `Config::Normalizer`).
        let mut seeds: IndexMap<Arc<str>, Seed<'a>> = IndexMap::new();
        let (jobs, problems) = matrix::all(self.pipeline);
        let known: BTreeSet<Span> = self.plan.problems.iter().map(|problem| problem.span).collect();
        self.plan.problems.extend(problems.into_iter().filter(|problem| !told(&known, problem.span)));
        for (job, instances) in jobs {
            let base = variables::of_job(job, &self.plan.workflow_variables);
            for (name, instance) in instances {
                if name.chars().count() > MAX_NAME && !told(&known, job.key) {
                    let length = name.chars().count();
                    let message = format!(
                        "the name of a job may have {MAX_NAME} characters, and `{}` makes one with {length}: GitLab.com then creates no pipeline, and does not say why",
                        job.name
                    );
                    self.plan.problems.push(Diagnostic::new(problem::INVALID_VALUE, Severity::Warning, job.key, message).job(&job.name));
                }
                let mut variables = base.clone();
                if let Some(instance) = &instance {
                    variables.extend(instance.variables.iter().map(|(name, text)| (name.clone(), text.clone())));
                }
                let (fates, depends) = fate::fates(job, &name, instance.as_ref(), &variables, self.has_workflow_rules, self.context);
                seeds.insert(name.clone(), Seed { job, name, instance, variables, fates, depends });
            }
        }
        self.seeds = seeds.into_values().collect();
    }

    fn needs(&mut self) {
        let stages = ranks(&self.plan.stages);
        let mut graph = Graph::new(self.pipeline, &self.seeds, &stages);
        graph.check_all(self.pipeline.unresolved.is_empty());
        graph.stages(self.pipeline.unresolved.is_empty());
        let unmet = graph.unmet();
        let mut planned: Vec<(usize, PlannedJob)> = Vec::new();
        for seed in &self.seeds {
            match sorted(seed, &graph, self.context) {
                Sorted::In(job) => planned.push((stages.get(&job.stage).copied().unwrap_or(usize::MAX), *job)),
                Sorted::Out(left_out) => self.plan.left_out.push(left_out),
                Sorted::Unknown(unknown) => self.plan.unknown.push(unknown),
            }
        }
        // One value that several jobs share is wrong once.
        let mut told = HashSet::new();
        self.plan.problems.extend(graph.into_problems());
        self.plan.problems.retain(|problem| told.insert((problem.id, problem.span, problem.message.clone())));
        for Unmet { job, need, span } in &unmet {
            self.refuse(&format!("`{job}` needs `{need}`, which is not in the pipeline"), Some(*span));
        }
        self.plan.unmet = unmet;
        planned.sort_by_key(|(stage, _)| *stage);
        self.plan.jobs = planned.into_iter().map(|(_, job)| job).collect();
    }

    fn conclude(&mut self) {
        let errors = self.plan.problems.iter().filter(|problem| problem.severity == Severity::Error);
        if let Some(problem) = errors.min_by_key(|problem| problem.span) {
            let (message, span) = (format!("GitLab refuses the configuration: {}", problem.message), problem.span);
            // What is refused is refused before any rule is looked at.
            self.plan.created = Some(false);
            self.plan.reason = Some(Reason { message, span: Some(span) });
        }
        let is_edge = |stage: &str| stage == ".pre" || stage == ".post";
        let proper = self.plan.jobs.iter().any(|job| !is_edge(&job.stage));
        let perhaps = self.plan.unknown.iter().any(|job| !is_edge(&job.stage));
        if proper || !self.plan.unresolved.is_empty() {
            return;
        }
        if perhaps {
            if self.plan.created == Some(true) {
                let causes: Causes = self.plan.unknown.iter().flat_map(|job| job.depends.iter().cloned()).collect();
                self.plan.created = None;
                self.plan.reason = Some(Reason { message: format!("whether any job is in {}", depends_on(&causes)), span: None });
            }
        } else if self.plan.jobs.is_empty() && self.plan.unknown.is_empty() {
            self.refuse("no job is in the pipeline", None);
        } else {
            self.refuse("only jobs of the stages `.pre` and `.post` are in the pipeline, which make none", None);
        }
    }
}

enum Sorted {
    In(Box<PlannedJob>),
    Out(LeftOut),
    Unknown(UnknownJob),
}

/// In, out or not known, by what may become of the job.
fn sorted(seed: &Seed<'_>, graph: &Graph<'_, '_>, context: &Context) -> Sorted {
    let stage: Arc<str> = seed.job.stage().into();
    let mut depends = seed.depends.clone();
    depends.extend(seed.job.missing.iter().map(|missing| Cause::Include(missing.name.as_str().into())));
    let ins: Vec<&Fate<'_>> = seed.fates.iter().filter(|fate| fate.effect.is_some()).collect();
    let alike = ins.windows(2).all(|pair| pair[0].effect == pair[1].effect && pair[0].needs_like(pair[1]));
    if let [first, ..] = seed.fates.as_slice()
        && ins.is_empty()
        && seed.job.missing.is_empty()
    {
        return Sorted::Out(LeftOut { name: seed.name.clone(), why: first.why.clone(), rule: first.rule.map(|rule| rule.span) });
    }
    let certain = ins.len() == seed.fates.len() && alike && seed.job.missing.is_empty();
    let Some((first, effect)) = ins.first().and_then(|fate| Some((fate, fate.effect.clone()?))).filter(|_| certain) else {
        let why = match () {
            () if !seed.job.missing.is_empty() => missing(seed.job),
            () if ins.len() == seed.fates.len() => format!("is in, but how it runs {}", depends_on(&depends)),
            () => depends_on(&depends),
        };
        let possible = seed.fates.iter().map(|fate| (fate.effect.clone(), fate.rule.map(|rule| rule.span))).collect();
        return Sorted::Unknown(UnknownJob { name: seed.name.clone(), base: seed.job.name.clone(), stage, why, depends, possible });
    };
    let rule = first.rule.filter(|_| seed.fates.len() == 1);
    let rules = seed.job.config.get("rules").map(|rules| flat(rules, &mut Vec::new())).unwrap_or_default();
    let (needs, external) = graph.of(seed, first.rule);
    let mut variables = seed.variables.clone();
    variables.extend(variables::texts(rule.and_then(|rule| rule.get("variables"))));
    let places = Places { context, variables: &variables };
    Sorted::In(Box::new(PlannedJob {
        trigger: places.trigger(&seed.job.config),
        environment: places.environment(&seed.job.config),
        tags: places.tags(&seed.job.config),
        resource_group: places.text(seed.job.config.get("resource_group")),
        name: seed.name.clone(),
        base: seed.job.name.clone(),
        key: seed.job.key,
        stage,
        effect,
        needs,
        external,
        rule: rule.map(|rule| rule.span),
        rule_index: rule.and_then(|rule| rules.iter().position(|other| std::ptr::eq(*other, rule))),
        instance: seed.instance.clone(),
        variables: variables.clone(),
    }))
}

fn missing(job: &Job) -> String {
    let names: BTreeSet<&str> = job.missing.iter().map(|missing| missing.name.as_str()).collect();
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    format!("depends on {}, which no readable file defines", names.join(", "))
}
