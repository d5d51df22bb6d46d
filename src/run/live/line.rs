//! One pipeline of a run: its schedule, what is known of its jobs, and what each has to do. Starts nothing itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::pipeline::context::Context;
use crate::pipeline::{Job, Pipeline};
use crate::plan::{External, Plan, PlannedJob};
use crate::run::event::{JobHead, JobReport, Tests};
use crate::run::groups::Groups;
use crate::run::live::attempt::Finished;
use crate::run::live::runner::Choice;
use crate::run::live::stop::Stop;
use crate::run::planned;
use crate::run::predefined::{self, Whereabouts};
use crate::run::schedule::{AllowFailure, Circle, Failure, Outcome, Schedule, When};
use crate::run::sources::sources;
use crate::run::status::Status;
use crate::run::task::{self, Task};
use crate::run::times::duration;
use crate::run::variables::{Values, Variables};

/// A pipeline with its plan and the context of both.
#[derive(Debug)]
pub enum Planned<'a> {
    /// Somebody else's.
    Given(&'a Pipeline, &'a Plan, &'a Context),
    /// Made during the run.
    Made(Box<(Pipeline, Plan, Context)>),
}

impl Planned<'_> {
    fn parts(&self) -> (&Pipeline, &Plan, &Context) {
        match self {
            Self::Given(pipeline, plan, context) => (pipeline, plan, context),
            Self::Made(made) => (&made.0, &made.1, &made.2),
        }
    }
}

/// Where a job is and what it is told of it.
#[derive(Clone, Debug)]
pub struct Where {
    /// Its number in the run, from 1.
    pub number: usize,
    /// The folder of its project, and the folder above.
    pub directories: (String, String),
    /// The moment at which the run began, as RFC 3339 writes it.
    pub began: Arc<str>,
}

/// Why a job does not begin.
#[derive(Debug)]
pub struct Refusal(pub Failure, pub String);

/// A job of another pipeline that a job needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The number of its pipeline.
    pub pipeline: usize,
    /// Its name there.
    pub job: String,
    /// Whether it need not be there.
    pub is_optional: bool,
}

/// What a job gets from a job of another pipeline of the run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Foreign {
    /// The job's name in the whole run.
    pub job: Arc<str>,
    /// What its dotenv report says.
    pub variables: Vec<(String, String)>,
}

/// What is known of a job.
#[derive(Clone, Default, Debug)]
pub struct State {
    pub attempts: u8,
    pub started: Option<Instant>,
    pub duration: Option<Duration>,
    pub coverage: Option<f64>,
    pub tests: Option<Tests>,
    pub why: Option<String>,
    pub stop: Stop,
}

/// A pipeline that goes on.
#[derive(Debug)]
pub struct Line<'a> {
    planned: Planned<'a>,
    /// Its number in the run, from 1.
    number: usize,
    /// What stands before the names of its jobs.
    prefix: String,
    /// The line and the number of the job that started it.
    pub parent: Option<(usize, usize)>,
    /// Whether that job waits for it.
    pub is_awaited: bool,
    /// The numbers of its jobs in the plan, by those in the schedule.
    chosen: Vec<usize>,
    pub choice: Choice,
    pub schedule: Schedule,
    pub states: Vec<State>,
    /// Jobs that run, those that wait for the pipeline that they started among them.
    pub active: usize,
    /// Whether nothing more happens in it.
    pub is_over: bool,
    /// The variables of dotenv reports, by job.
    variables: BTreeMap<Arc<str>, Vec<(String, String)>>,
    /// Delayed jobs by the moment at which they start.
    pub due: BTreeSet<(Instant, usize)>,
    /// Manual and delayed jobs that were not looked at.
    waits: BTreeSet<usize>,
}

impl<'a> Line<'a> {
    /// The pipeline, the run's `number`th from 1, of which `choice` says what runs, and whose project has `groups`; `parent` is the line, the number and the whole name of the job that starts it.
    ///
    /// # Errors
    /// [`Circle`] where jobs wait for each other.
    pub fn new(
        planned: Planned<'a>,
        number: usize,
        choice: Choice,
        parent: Option<(usize, usize, &str)>,
        groups: Groups,
    ) -> Result<Self, Circle> {
        let (pipeline, plan, _) = planned.parts();
        let chosen = choice.jobs.clone().unwrap_or_else(|| (0..plan.jobs.len()).collect());
        let mut jobs = planned::jobs(pipeline, plan, &chosen);
        for job in jobs.iter_mut().filter(|job| choice.held.contains_key(&job.name)) {
            job.when = When::Manual;
            job.allow_failure = AllowFailure::Always;
        }
        let waits = (0..jobs.len()).filter(|&job| matches!(jobs[job].when, When::Manual | When::Delayed)).collect();
        let schedule = Schedule::new(jobs, planned::stops_on_failure(pipeline))?.with_groups(groups);
        Ok(Self {
            number,
            prefix: parent.map(|(_, _, name)| format!("{name} / ")).unwrap_or_default(),
            parent: parent.map(|(line, job, _)| (line, job)),
            is_awaited: false,
            states: vec![State::default(); chosen.len()],
            active: 0,
            is_over: false,
            variables: BTreeMap::new(),
            due: BTreeSet::new(),
            waits,
            chosen,
            choice,
            schedule,
            planned,
        })
    }

    /// How many pipelines stand above it.
    pub fn depth(&self) -> usize {
        self.prefix.matches(" / ").count()
    }

    pub fn planned(&self, job: usize) -> &PlannedJob {
        &self.planned.parts().1.jobs[self.chosen[job]]
    }

    pub fn base(&self, job: usize) -> Option<&Job> {
        self.planned.parts().0.job(&self.planned(job).base)
    }

    pub fn context(&self) -> &Context {
        self.planned.parts().2
    }

    /// The name of a job in the whole run.
    pub fn name(&self, job: usize) -> Arc<str> {
        self.whole(&self.planned(job).name)
    }

    fn whole(&self, name: &Arc<str>) -> Arc<str> {
        if self.prefix.is_empty() { name.clone() } else { format!("{}{name}", self.prefix).into() }
    }

    pub fn heads(&self) -> Vec<JobHead> {
        (0..self.chosen.len()).map(|job| JobHead { name: self.name(job), stage: self.planned(job).stage.clone() }).collect()
    }

    /// Starts manual jobs that somebody wants, and delayed ones whose time has come.
    pub fn wake(&mut self) {
        let turn: Vec<usize> =
            self.waits.iter().copied().filter(|&job| matches!(self.schedule.status(job), Status::Manual | Status::Scheduled)).collect();
        for job in turn {
            self.waits.remove(&job);
            let name = self.planned(job).name.clone();
            if self.choice.played.contains(&name) && !self.choice.held.contains_key(&name) {
                self.schedule.play(job);
            } else if self.schedule.status(job) == Status::Scheduled {
                let delay = self.planned(job).effect.start_in.as_deref().and_then(duration).unwrap_or_default();
                self.due.insert((Instant::now() + delay, job));
            }
        }
        while let Some(&(moment, job)) = self.due.first()
            && moment <= Instant::now()
        {
            self.due.pop_first();
            self.schedule.play(job);
        }
    }

    /// Takes note that an attempt begins. Gives its number.
    pub fn begin(&mut self, job: usize) -> u8 {
        self.active += 1;
        let state = &mut self.states[job];
        state.attempts = state.attempts.saturating_add(1);
        state.started = Some(Instant::now());
        state.stop = Stop::default();
        state.attempts
    }

    /// The project's path, in which there is nothing but names.
    pub fn project_path(&self) -> String {
        let path = self.told("CI_PROJECT_PATH");
        let is_name = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\0');
        if path.split('/').all(is_name) { path.to_owned() } else { "local/project".to_owned() }
    }

    /// The value of a predefined variable, empty where there is none.
    fn told(&self, wanted: &str) -> &str {
        self.context().predefined().find(|(name, _)| *name == wanted).map(|(_, value)| value).unwrap_or_default()
    }

    /// The jobs of other pipelines whose artifacts a job needs. No report has a say in which (gitlab, `Ci::BuildDependencies`).
    pub fn needs_of_others(&self, job: usize, place: &Where) -> Result<Vec<Wanted>, Refusal> {
        let missing = |why: String| Refusal(Failure::MissingDependency, why);
        let external = self.planned(job).external.iter().filter(|external| external.artifacts);
        // Those without a job wait for a pipeline of another project, which is not here.
        if let Some(other) =
            external.clone().find(|external| external.pipeline.is_none() || external.project.is_some() && external.job.is_some())
        {
            let other = other.project.as_deref().unwrap_or("another pipeline");
            return Err(missing(format!("it needs artifacts of `{other}`, which is not here")));
        }
        let of = |external: &External| Some((external.pipeline.clone()?, external.job.clone()?, external.optional));
        let wanted: Vec<(String, String, bool)> = external.filter_map(of).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let (values, _) = self.values(job, place, None)?;
        let found = |(pipeline, name, is_optional): (String, String, bool)| {
            let id = values.put_into(&pipeline);
            let number = id.parse();
            let number =
                number.map_err(|_| missing(format!("it needs artifacts of the pipeline `{pipeline}`, which is no number: `{id}`")))?;
            Ok(Wanted { pipeline: number, job: values.put_into(&name), is_optional })
        };
        wanted.into_iter().map(found).collect()
    }

    /// What a job of another pipeline gets from the job `name` of this one, which must have succeeded
    /// (<https://gitlab.com/gitlab-org/gitlab/-/issues/367229>); none where it does not run here.
    pub fn foreign(&self, name: &str) -> Option<Result<Foreign, String>> {
        let job = (0..self.chosen.len()).find(|&job| *self.planned(job).name == *name)?;
        if self.schedule.status(job) != Status::Success {
            return Some(Err(format!("it needs artifacts of `{}`, which has not succeeded, or not yet", self.name(job))));
        }
        let variables = self.variables.get(&self.planned(job).name).cloned().unwrap_or_default();
        Some(Ok(Foreign { job: self.name(job), variables }))
    }

    /// The variables of a job as its shell gets them, and the jobs of its pipeline whose artifacts it gets, besides those of others; without `foreign` no report
    /// has a part in them.
    pub fn values(&self, job: usize, place: &Where, foreign: Option<&[Foreign]>) -> Result<(Values, Vec<Arc<str>>), Refusal> {
        let (pipeline, plan, context) = self.planned.parts();
        let planned = self.planned(job);
        let base = self.base(job).ok_or_else(|| Refusal(Failure::Runner, "its configuration is gone".to_owned()))?;
        let mut variables = Variables::default();
        context.predefined().for_each(|(name, value)| variables.set_raw(name, value));
        let image = base.image();
        let whereabouts = Whereabouts {
            number: place.number,
            pipeline: self.number,
            project_dir: &place.directories.0,
            builds_dir: &place.directories.1,
            began: &place.began,
            begins: &rfc_3339(),
            image: image.as_ref().map(|image| image.text()),
            timeout: task::timeout(&base.config).map_err(|why| Refusal(Failure::Runner, why))?.as_secs(),
        };
        predefined::of_job(&mut variables, planned, &whereabouts, self.told("CI_SERVER_URL"), self.told("CI_PROJECT_PATH"));
        predefined::environment(&mut variables, planned, base);
        task::with_own(&mut variables, base, planned);
        let sources = sources(pipeline, plan, planned);
        if let Some(foreign) = foreign {
            let reported = sources.iter().filter_map(|source| self.variables.get(source)).flatten();
            let reported = reported.chain(foreign.iter().flat_map(|foreign| &foreign.variables));
            reported.for_each(|(name, value)| variables.set(name, value));
        }
        // As those of projects and pipelines, which are expanded unless somebody says otherwise.
        context.all_given().for_each(|(name, value)| variables.set(name, value));
        for name in self.choice.files.keys() {
            variables.set_raw(name, &file_path(&place.directories.0, name));
        }
        Ok((variables.expanded(), sources))
    }

    /// What has to be done for a job.
    pub fn task(&self, job: usize, place: &Where, foreign: &[Foreign]) -> Result<Task, Refusal> {
        let planned = self.planned(job);
        let refused = |why: String| Refusal(Failure::Runner, why);
        let (values, sources) = self.values(job, place, Some(foreign))?;
        let base = self.base(job).ok_or_else(|| refused("its configuration is gone".to_owned()))?;
        let sources = sources.iter().map(|source| self.whole(source)).chain(foreign.iter().map(|foreign| foreign.job.clone())).collect();
        let mut task = Task::new(planned, base, sources, values).map_err(refused)?;
        task.name = self.name(job);
        let files = self.choice.files.iter();
        task.files = files.map(|(name, text)| (file_path(&place.directories.0, name), text.clone())).collect();
        let given = self.context().all_given().map(|(name, _)| name);
        task.private = given.chain(predefined::PRIVATE.iter().copied()).map(str::to_owned).collect();
        Ok(task)
    }

    /// Takes note of what an attempt left.
    pub fn note(&mut self, job: usize, finished: &Finished) {
        let name = self.planned(job).name.clone();
        self.states[job].tests = finished.tests;
        self.states[job].why = None;
        self.variables.insert(name, finished.variables.clone());
    }

    /// Takes note of the end of an attempt. Gives how long it took, and the jobs that are to be stopped because of it.
    pub fn finish(&mut self, job: usize, outcome: Outcome, coverage: Option<f64>) -> (Duration, Vec<usize>) {
        self.active -= 1;
        let state = &mut self.states[job];
        let duration = state.started.map(|started| started.elapsed()).unwrap_or_default();
        state.duration = Some(duration);
        state.coverage = coverage;
        if let (Outcome::Failed(failure), None) = (outcome, &state.why) {
            state.why = Some(failure.words());
        }
        (duration, self.schedule.finish(job, outcome))
    }

    /// What became of its jobs, in a run that began at `began`.
    pub fn reports(&self, began: Instant) -> Vec<JobReport> {
        (0..self.states.len()).map(|job| self.report(job, began)).collect()
    }

    fn report(&self, job: usize, began: Instant) -> JobReport {
        let (planned, state, status) = (self.planned(job), &self.states[job], self.schedule.status(job));
        let held = self.choice.held.get(&planned.name);
        let by_status = || match status {
            Status::Skipped => Some("what it waits for did not come to the end that it needs".to_owned()),
            Status::Manual if held.is_some() => held.map(|why| format!("held back: {why}")),
            Status::Manual => Some("waits for somebody to start it (`--manual`)".to_owned()),
            Status::Canceled if state.attempts == 0 => Some("canceled before it began".to_owned()),
            _ => None,
        };
        JobReport {
            name: self.name(job),
            stage: planned.stage.clone(),
            status,
            allowed: self.schedule.may_fail(job) && status == Status::Failed,
            why: if status == Status::Success { None } else { state.why.clone().or_else(by_status) },
            attempts: state.attempts,
            started: state.started.map(|started| started.duration_since(began)),
            duration: state.duration,
            coverage: state.coverage,
            tests: state.tests,
        }
    }
}

/// The file of a variable of type file (gitlab-runner, `BashWriter.TmpFile`).
fn file_path(project_dir: &str, name: &str) -> String {
    format!("{project_dir}.tmp/{name}")
}

/// This moment.
pub fn rfc_3339() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
