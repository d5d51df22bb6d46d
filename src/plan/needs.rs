//! `needs` and `dependencies` into the graph of a pipeline's jobs, with what GitLab finds wrong in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::script::flat;
use crate::pipeline::{Pipeline, problem};
use crate::plan::matrix::{MAX_JOBS, chosen};
use crate::plan::{Seed, Unmet};
use crate::source::Span;
use crate::yaml::{Data, Value};

/// Most needs of one job on GitLab.com (`ci_needs_size_limit`).
const MAX_NEEDS: usize = 50;

/// Most needs of all jobs that are looked at, counted after `parallel`.
const MAX_ALL_NEEDS: usize = 2_000_000;

/// Most circles that are told.
const MAX_CIRCLES: usize = 20;

/// Most jobs of a circle that are named.
const MAX_NAMES: usize = 10;

/// A job that another waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need {
    /// Its name, with what `parallel` adds.
    pub job: Arc<str>,
    /// Whether its artifacts are fetched.
    pub artifacts: bool,
    /// Whether it may be absent.
    pub optional: bool,
    /// Where it is written.
    pub span: Span,
}

/// Something that a job needs of another pipeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct External {
    /// The project, where it is another one.
    pub project: Option<String>,
    /// The pipeline, where it is given by its number or variable, or whose status is mirrored.
    pub pipeline: Option<String>,
    /// The job.
    pub job: Option<String>,
    /// The branch or tag.
    pub reference: Option<String>,
    /// Whether its artifacts are wanted.
    pub artifacts: bool,
    /// Whether it need not be there.
    pub optional: bool,
}

/// The jobs by name and what each needs.
pub(super) struct Graph<'s, 'a> {
    seeds: IndexMap<Arc<str>, &'s Seed<'a>>,
    /// The names that a job has after `parallel`.
    groups: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    stages: &'s IndexMap<Arc<str>, usize>,
    /// Whether there are more needs than are looked at.
    excessive: bool,
    /// What GitLab refuses whatever the rules say, each thing once.
    problems: IndexMap<(Span, String), Diagnostic>,
}

impl<'s, 'a> Graph<'s, 'a> {
    pub(super) fn new(pipeline: &Pipeline, seeds: &'s [Seed<'a>], stages: &'s IndexMap<Arc<str>, usize>) -> Self {
        // A matrix without combinations makes no job, and needs of it are none.
        let mut groups: BTreeMap<Arc<str>, Vec<Arc<str>>> = pipeline.jobs.iter().map(|job| (job.name.clone(), Vec::new())).collect();
        for seed in seeds {
            groups.entry(seed.job.name.clone()).or_default().push(seed.name.clone());
        }
        let seeds = seeds.iter().map(|seed| (seed.name.clone(), seed)).collect();
        let mut graph = Self { seeds, groups, stages, excessive: false, problems: IndexMap::new() };
        graph.count(pipeline);
        graph
    }

    /// What is wrong.
    pub(super) fn into_problems(self) -> Vec<Diagnostic> {
        self.problems.into_values().collect()
    }

    /// Counts the needs, which multiply where `parallel` makes many jobs on both sides.
    fn count(&mut self, pipeline: &Pipeline) {
        let mut left = MAX_ALL_NEEDS;
        for job in &pipeline.jobs {
            let instances = self.groups.get(&job.name).map_or(1, Vec::len);
            let rules = job.config.get("rules").map(|rules| flat(rules, &mut Vec::new())).unwrap_or_default();
            let all = rules.iter().filter_map(|rule| rule.get("needs")).chain(job.config.get("needs"));
            for needs in all {
                let names = flat(needs, &mut Vec::new()).into_iter().map(|item| {
                    let name = item.as_str().or_else(|| item.get("job").and_then(Value::as_str)).unwrap_or_default();
                    let chosen = item.get("parallel").map_or(0, |_| MAX_JOBS);
                    self.groups.get(name).map_or(1, Vec::len).max(chosen)
                });
                let Some(rest) = left.checked_sub(instances * names.sum::<usize>()) else {
                    let message = format!("with these the jobs have more than {MAX_ALL_NEEDS} needs, which is as many as are looked at");
                    self.problem(&job.name, needs.span, message);
                    self.excessive = true;
                    return;
                };
                left = rest;
            }
        }
    }

    /// What the job of `seed` needs when `rule` lets it in: jobs of this pipeline, if it says so, and jobs of others.
    pub(super) fn of(&self, seed: &Seed<'a>, rule: Option<&Value>) -> (Option<Vec<Need>>, Vec<External>) {
        // A rule with an empty list of needs changes nothing (gitlab, `Rules::Result#build_attributes`).
        let of_rule = rule.and_then(|rule| rule.get("needs")).filter(|needs| !flat(needs, &mut Vec::new()).is_empty());
        let needs = of_rule.or_else(|| seed.job.config.get("needs")).filter(|needs| !needs.is_null());
        let Some(needs) = needs.filter(|_| !self.excessive) else { return (None, Vec::new()) };
        let (mut own, mut external) = (Vec::new(), Vec::new());
        let items = if needs.as_mapping().is_some() { vec![needs] } else { flat(needs, &mut Vec::new()) };
        for item in items {
            let text = |keyword| item.get(keyword).and_then(Value::scalar_text);
            let flag = |keyword, default| match item.get(keyword).map(|value| &value.data) {
                Some(Data::Bool(value)) => *value,
                _ => default,
            };
            let (artifacts, optional) = (flag("artifacts", true), flag("optional", false));
            if item.get("project").is_some() || item.get("pipeline").is_some() {
                let (project, pipeline) = (text("project"), text("pipeline"));
                external.push(External { project, pipeline, job: text("job"), reference: text("ref"), artifacts, optional });
                continue;
            }
            let Some(name) = item.as_str().map(str::to_owned).or_else(|| text("job")) else { continue };
            let matrix = seed.instance.as_ref().map(|instance| &instance.variables);
            let names = match item.get("parallel").filter(|parallel| !parallel.is_null()) {
                Some(parallel) => chosen(&name, parallel, matrix).unwrap_or_default(),
                None => self.groups.get(&*name).cloned().unwrap_or_else(|| vec![name.as_str().into()]),
            };
            own.extend(names.into_iter().map(|job| Need { job, artifacts, optional, span: item.span }));
        }
        (Some(own), external)
    }

    /// Looks for what no rule can mend in the needs and dependencies of all jobs. `complete` says that all files are known.
    pub(super) fn check_all(&mut self, complete: bool) {
        let seeds: Vec<&'s Seed<'a>> = self.seeds.values().copied().collect();
        seeds.into_iter().for_each(|seed| self.check(seed, complete));
        self.cycles();
    }

    /// Looks for stages that are not declared.
    pub(super) fn stages(&mut self, complete: bool) {
        let seeds: Vec<&'s Seed<'a>> = self.seeds.values().copied().collect();
        let wrong = |seed: &&Seed<'_>| complete && !self.stages.contains_key(seed.job.stage()) && !seed.job.stage().contains('$');
        for seed in seeds.into_iter().filter(wrong) {
            let (message, span) = match seed.job.config.get("stage").filter(|stage| !stage.is_null()) {
                Some(stage) => (format!("stage `{}` is not among the stages: {}", seed.job.stage(), self.declared()), stage.span),
                None => ("a job without `stage` is in `test`, which is not among the stages".to_owned(), seed.job.key),
            };
            self.tell(problem::UNDEFINED_STAGE, &seed.name, span, message);
        }
    }

    /// The stages that there are, in order.
    fn declared(&self) -> String {
        self.stages.keys().map(|stage| format!("`{stage}`")).collect::<Vec<_>>().join(", ")
    }

    fn check(&mut self, seed: &Seed<'a>, complete: bool) {
        let (needs, _) = self.of(seed, None);
        let needs = needs.unwrap_or_default();
        // Those of a rule are looked at whether it holds or not.
        for rule in seed.job.config.get("rules").map(|rules| flat(rules, &mut Vec::new())).unwrap_or_default() {
            if rule.get("needs").is_some() {
                let (needs, _) = self.of(seed, Some(rule));
                self.check_needs(seed, &needs.unwrap_or_default(), complete);
            }
        }
        if needs.len() > MAX_NEEDS {
            let span = seed.job.config.get("needs").map_or(seed.job.key, |needs| needs.span);
            self.problem(&seed.name, span, format!("a job may need {MAX_NEEDS} others at most, not {}", needs.len()));
        }
        self.check_needs(seed, &needs, complete);
        self.dependencies(seed, &needs, complete);
        self.on_stop(seed, complete);
    }

    fn check_needs(&mut self, seed: &Seed<'a>, needs: &[Need], complete: bool) {
        let mut seen = BTreeSet::new();
        for need in needs {
            if let Some((_, block)) = need.job.split_once("$[[ matrix.") {
                let name = block.split_once(" ]]").map_or(block, |(name, _)| name);
                self.problem(&seed.name, need.span, format!("`{name}` is no variable of the job's own matrix"));
                continue;
            }
            if !seen.insert(need.job.clone()) {
                self.problem(&seed.name, need.span, format!("`{}` is needed twice", need.job));
            }
            match self.seeds.get(&need.job) {
                None if need.optional || !complete => {}
                None => self.problem(&seed.name, need.span, format!("`{}` is needed, but no job has this name", need.job)),
                Some(_) if self.is_later(need.job.as_ref(), seed, complete) => {
                    self.problem(&seed.name, need.span, format!("`{}` is needed, but its stage is a later one", need.job));
                }
                Some(_) => {}
            }
        }
    }

    /// Whether the job called `name` is in a later stage than that of `seed`; where files are not known, a stage that no file says is not either.
    fn is_later(&self, name: &str, seed: &Seed<'a>, complete: bool) -> bool {
        let rank = |job: &crate::pipeline::Job| {
            let known = complete || job.config.get("stage").is_some_and(|stage| !stage.is_null());
            self.stages.get(job.stage()).filter(|_| known)
        };
        let other = self.seeds.get(name).and_then(|other| rank(other.job));
        other.zip(rank(seed.job)).is_some_and(|(other, own)| other > own)
    }

    /// What an environment says of the job that stops it (gitlab, `YamlProcessor#validate_on_stop_job!`).
    fn on_stop(&mut self, seed: &Seed<'a>, complete: bool) {
        let environment = seed.job.config.get("environment");
        let Some(stop) = environment.and_then(|environment| environment.get("on_stop")) else { return };
        let Some(name) = stop.as_str() else { return };
        let of = |job: &crate::pipeline::Job| {
            let environment = job.config.get("environment")?.clone();
            let text = |keyword| environment.get(keyword).and_then(Value::scalar_text);
            let name = text("name").or_else(|| environment.scalar_text())?;
            Some((name, text("action")))
        };
        let found = self.groups.get(name).and_then(|names| self.seeds.get(names.first()?)).map(|other| of(other.job));
        let own = of(seed.job).map(|(name, _)| name);
        let why = match found {
            None if complete => "no job has this name",
            Some(None) if complete => "that job has no environment",
            Some(Some((other, _))) if Some(&other) != own.as_ref() => "that job has another environment",
            Some(Some((_, action))) if action.as_deref() != Some("stop") => "that job does not say `action: stop`",
            None | Some(_) => return,
        };
        self.problem(&seed.name, stop.span, format!("`{name}` is to stop the environment, but {why}"));
    }

    fn dependencies(&mut self, seed: &Seed<'a>, needs: &[Need], complete: bool) {
        let Some(dependencies) = seed.job.config.get("dependencies").filter(|value| !value.is_null()) else { return };
        for item in flat(dependencies, &mut Vec::new()) {
            let Some(name) = item.as_str() else { continue };
            let names = self.groups.get(name).cloned().unwrap_or_else(|| vec![name.into()]);
            if names.is_empty() {
                continue;
            }
            let Some(other) = names.first().and_then(|name| self.seeds.get(name)) else {
                if complete {
                    self.problem(&seed.name, item.span, format!("`{name}` is a dependency, but no job has this name"));
                }
                continue;
            };
            let later = self.is_later(&other.name.clone(), seed, complete);
            if !needs.is_empty() {
                if names.iter().any(|name| !needs.iter().any(|need| need.job == *name)) {
                    self.problem(&seed.name, item.span, format!("`{name}` is a dependency, but not among the `needs`"));
                }
            } else if later {
                self.problem(&seed.name, item.span, format!("`{name}` is a dependency, but its stage is a later one"));
            }
        }
    }

    fn problem(&mut self, job: &str, span: Span, message: String) {
        self.tell(problem::NEEDS, job, span, message);
    }

    fn tell(&mut self, code: problem::Code, job: &str, span: Span, message: String) {
        let problem = || Diagnostic::new(code, Severity::Error, span, message.clone());
        let known = self.problems.entry((span, message.clone())).or_insert_with(problem);
        // The jobs come one after another.
        if known.jobs.last().is_none_or(|last| last != job) {
            known.jobs.push(job.to_owned());
        }
    }

    /// Needs of jobs that are in for jobs that are out.
    pub(super) fn unmet(&self) -> Vec<Unmet> {
        let certainly_in = |seed: &Seed<'_>| seed.fates.iter().all(|fate| fate.effect.is_some());
        let certainly_out = |seed: &Seed<'_>| seed.fates.iter().all(|fate| fate.effect.is_none());
        let mut unmet = Vec::new();
        for seed in self.seeds.values().filter(|seed| certainly_in(seed)) {
            // GitLab looks at what the job itself says, whatever a rule changes (gitlab, `Seed::Build#needs_errors`).
            for need in self.of(seed, None).0.unwrap_or_default().into_iter().filter(|need| !need.optional) {
                if self.seeds.get(&need.job).is_some_and(|other| certainly_out(other)) {
                    unmet.push(Unmet { job: seed.name.clone(), need: need.job, span: need.span });
                }
            }
        }
        unmet
    }

    /// Finds jobs that need each other in a circle; each circle is told once, and no more than the first ones.
    fn cycles(&mut self) {
        let edges: Vec<Vec<(usize, Span)>> = self
            .seeds
            .values()
            .map(|seed| {
                let needs = self.of(seed, None).0.unwrap_or_default();
                needs.iter().filter_map(|need| Some((self.seeds.get_index_of(&need.job)?, need.span))).collect()
            })
            .collect();
        let mut state = vec![State::New; edges.len()];
        let mut told = 0;
        for start in 0..edges.len() {
            if state[start] != State::New {
                continue;
            }
            let mut path = vec![(start, 0)];
            state[start] = State::Open;
            while let Some((node, next)) = path.last_mut() {
                let Some(&(other, span)) = edges[*node].get(*next) else {
                    state[*node] = State::Done;
                    path.pop();
                    continue;
                };
                *next += 1;
                match state[other] {
                    State::New => {
                        state[other] = State::Open;
                        path.push((other, 0));
                    }
                    State::Open => {
                        let from = path.iter().position(|(node, _)| *node == other).unwrap_or_default();
                        let message = self.circle(&path[from..]);
                        let job = self.seeds[path.last().map_or(other, |(node, _)| *node)].name.clone();
                        self.problem(&job, span, message);
                        told += 1;
                        if told == MAX_CIRCLES {
                            return;
                        }
                    }
                    State::Done => {}
                }
            }
        }
    }

    /// What is told of the circle that `path` goes.
    fn circle(&self, path: &[(usize, usize)]) -> String {
        let name = |&(node, _): &(usize, usize)| format!("`{}`", self.seeds[node].name);
        let [first, rest @ ..] = path else { return String::new() };
        if rest.is_empty() {
            return format!("{} needs itself", name(first));
        }
        let mut names: Vec<String> = path.iter().take(MAX_NAMES).map(name).collect();
        if path.len() > MAX_NAMES {
            names.push(format!("… ({} more)", path.len() - MAX_NAMES));
        }
        names.push(name(first));
        format!("jobs need each other in a circle: {}", names.join(" → "))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}
