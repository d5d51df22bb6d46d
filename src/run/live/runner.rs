//! The loop round the schedule: starts what may start, on a thread each, and reacts to each end at once.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::pipeline::Pipeline;
use crate::pipeline::context::Context;
use crate::plan::{Plan, PlannedJob};
use crate::run::event::{Event, JobHead, JobReport, Level, Stamped, Tests};
use crate::run::live::attempt::{Attempt, Finished};
use crate::run::live::executor::{Executor, Fault, Site};
use crate::run::live::leftover::RunFolder;
use crate::run::live::source::Source;
use crate::run::live::stop::{Cause, Stop};
use crate::run::live::store::Store;
use crate::run::planned;
use crate::run::predefined::{self, Whereabouts};
use crate::run::schedule::{AllowFailure, Circle, Failure, Outcome, Schedule, When};
use crate::run::status::Status;
use crate::run::task::{self, Task};
use crate::run::times::duration;
use crate::run::variables::Variables;

/// Events that wait to be consumed; whoever prints more has to wait.
const QUEUE: usize = 1024;

/// What threads tell the loop.
#[derive(Debug)]
pub enum Message {
    /// Something happened.
    Event(Event),
    /// An attempt ended.
    Finished(usize, Box<Finished>),
    /// There is something to look at.
    Wake,
}

/// How a pipeline is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The root of the project.
    pub root: PathBuf,
    /// How many jobs run at a time.
    pub concurrency: NonZeroUsize,
    /// The numbers of the jobs of the plan that are run; none stands for all.
    pub chosen: Option<Vec<usize>>,
    /// Manual and delayed jobs, by their names, that start as soon as they can.
    pub played: BTreeSet<Arc<str>>,
    /// Jobs that don't start, by their names, each with why: a lower-case fragment.
    pub held: BTreeMap<Arc<str>, String>,
    /// Values that are not shown in logs.
    pub secrets: Vec<String>,
    /// Whether the files of jobs stay.
    pub keep: bool,
    /// Most bytes of all caches.
    pub cache_limit: u64,
    /// How many commits of the history jobs have; 0 is all.
    pub depth: u32,
}

impl Options {
    /// All jobs of the project at `root`, as many at a time as there are processors.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            concurrency: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            chosen: None,
            played: BTreeSet::new(),
            held: BTreeMap::new(),
            secrets: Vec::new(),
            keep: false,
            cache_limit: 10 << 30,
            depth: 20,
        }
    }
}

/// What became of a pipeline.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// What became of it as a whole.
    pub status: Status,
    /// How long it took.
    pub duration: Duration,
    /// What became of each job, in the order of the plan.
    pub jobs: Vec<JobReport>,
}

/// A pipeline that can be run.
#[derive(Debug)]
pub struct Run<'a> {
    pipeline: &'a Pipeline,
    plan: &'a Plan,
    context: &'a Context,
    options: Options,
    /// The numbers of its jobs in the plan, by those in the schedule.
    chosen: Vec<usize>,
    schedule: Schedule,
}

impl<'a> Run<'a> {
    /// The run of `plan`, which was made of `pipeline` in `context`.
    ///
    /// # Errors
    /// [`Circle`] where jobs wait for each other.
    pub fn new(pipeline: &'a Pipeline, plan: &'a Plan, context: &'a Context, options: Options) -> Result<Self, Circle> {
        let chosen = options.chosen.clone().unwrap_or_else(|| (0..plan.jobs.len()).collect());
        let mut jobs = planned::jobs(pipeline, plan, &chosen);
        for job in jobs.iter_mut().filter(|job| options.held.contains_key(&job.name)) {
            job.when = When::Manual;
            job.allow_failure = AllowFailure::Always;
        }
        let schedule = Schedule::new(jobs, planned::stops_on_failure(pipeline))?;
        Ok(Self { pipeline, plan, context, options, chosen, schedule })
    }

    /// Runs it to its end and tells `observer` what happens; `stop` ends it before.
    ///
    /// # Errors
    /// [`Fault`] where it can't begin: the files of the project can't be read, there is no room for copies, another run is going on.
    pub fn execute(self, executor: &dyn Executor, stop: &Stop, observer: &mut dyn FnMut(&Stamped)) -> Result<Report, Fault> {
        let began = Instant::now();
        let store = Store::open(&self.options.root)?;
        let folder = RunFolder::new()?;
        let source = Source::of(&self.options.root, &folder.path().join("source"), self.options.depth)?;
        let (sender, messages) = mpsc::sync_channel(QUEUE);
        let count = self.chosen.len();
        let mut live = Live {
            began,
            moment: rfc_3339(),
            states: vec![State::default(); count],
            variables: BTreeMap::new(),
            due: BTreeSet::new(),
            waits: (0..count).filter(|&job| matches!(self.schedule.jobs()[job].when, When::Manual | When::Delayed)).collect(),
            running: 0,
            canceled: Stop::default(),
            heeded: None,
            run: self,
            observer,
        };
        let (told, waker) = (live.canceled.clone(), sender.clone());
        let _listening = stop.listen(move |cause| {
            told.tell(cause);
            // Where the queue is full, the loop has something to read anyway, and looks at what was told behind each message.
            let _ = waker.try_send(Message::Wake);
        });
        live.started();
        thread::scope(|scope| {
            loop {
                live.heed();
                live.wake();
                while live.running < live.run.options.concurrency.get() {
                    let Some(job) = live.run.schedule.start() else { break };
                    live.begin(job);
                    let task = match live.task(job, executor, &folder, &source) {
                        Ok(task) => task,
                        Err(message) => {
                            live.refuse(job, message);
                            continue;
                        }
                    };
                    let name = live.place_name(job);
                    let (sender, store, source, stop) = (sender.clone(), &store, &source, live.states[job].stop.clone());
                    let (secrets, keeps) = (live.run.options.secrets.clone(), live.run.options.keep);
                    let (root, project) = (folder.path(), live.project_path());
                    live.running += 1;
                    scope.spawn(move || {
                        let builds_dir = root.to_string_lossy();
                        let site = Site { name: &name, folder: root, source, project: &project, builds_dir: &builds_dir };
                        let attempt =
                            Attempt { task: &task, site, executor, store, stop: &stop, secrets: &secrets, events: sender.clone(), keeps };
                        let finished = attempt.run();
                        let _ = sender.send(Message::Finished(job, Box::new(finished)));
                    });
                }
                if live.running == 0 && live.due.is_empty() {
                    break;
                }
                match live.next(&messages) {
                    Some(Message::Event(event)) => live.tell(event),
                    Some(Message::Finished(job, finished)) => live.end(job, &finished),
                    Some(Message::Wake) | None => {}
                }
            }
        });
        if live.run.options.keep {
            folder.keep();
        }
        store.shrink(live.run.options.cache_limit);
        Ok(live.report())
    }
}

/// A run that goes on.
struct Live<'a, 'o> {
    run: Run<'a>,
    began: Instant,
    /// The moment at which it began.
    moment: String,
    states: Vec<State>,
    /// The variables of dotenv reports, by job.
    variables: BTreeMap<Arc<str>, Vec<(String, String)>>,
    /// Delayed jobs by the moment at which they start.
    due: BTreeSet<(Instant, usize)>,
    /// Manual and delayed jobs that were not looked at.
    waits: BTreeSet<usize>,
    running: usize,
    /// Told where the run is to end.
    canceled: Stop,
    /// What of that was passed on to jobs.
    heeded: Option<Cause>,
    observer: &'o mut dyn FnMut(&Stamped),
}

/// What is known of a job.
#[derive(Clone, Default, Debug)]
struct State {
    attempts: u8,
    started: Option<Instant>,
    duration: Option<Duration>,
    coverage: Option<f64>,
    tests: Option<Tests>,
    why: Option<String>,
    stop: Stop,
}

impl Live<'_, '_> {
    fn tell(&mut self, event: Event) {
        (self.observer)(&Stamped { at: self.began.elapsed(), event });
    }

    fn planned(&self, job: usize) -> &PlannedJob {
        &self.run.plan.jobs[self.run.chosen[job]]
    }

    fn started(&mut self) {
        let heads = self.run.chosen.iter().map(|&index| &self.run.plan.jobs[index]);
        let jobs = heads.map(|job| JobHead { name: job.name.clone(), stage: job.stage.clone() }).collect();
        self.tell(Event::RunStarted { version: 1, jobs });
    }

    /// The next message; nothing where a delayed job has to start before.
    fn next(&mut self, messages: &mpsc::Receiver<Message>) -> Option<Message> {
        let Some((moment, _)) = self.due.first() else { return messages.recv().ok() };
        messages.recv_timeout(moment.saturating_duration_since(Instant::now())).ok()
    }

    /// Starts manual jobs that somebody wants, and delayed ones whose time has come.
    fn wake(&mut self) {
        let turn: Vec<usize> =
            self.waits.iter().copied().filter(|&job| matches!(self.run.schedule.status(job), Status::Manual | Status::Scheduled)).collect();
        for job in turn {
            self.waits.remove(&job);
            let name = self.planned(job).name.clone();
            if self.run.options.played.contains(&name) && !self.run.options.held.contains_key(&name) {
                self.run.schedule.play(job);
            } else if self.run.schedule.status(job) == Status::Scheduled {
                let delay = self.planned(job).effect.start_in.as_deref().and_then(duration).unwrap_or_default();
                self.due.insert((Instant::now() + delay, job));
            }
        }
        while let Some(&(moment, job)) = self.due.first()
            && moment <= Instant::now()
        {
            self.due.pop_first();
            self.run.schedule.play(job);
        }
    }

    fn begin(&mut self, job: usize) {
        let state = &mut self.states[job];
        state.attempts = state.attempts.saturating_add(1);
        state.started = Some(Instant::now());
        state.stop = Stop::default();
        let attempt = state.attempts;
        let name = self.planned(job).name.clone();
        self.tell(Event::JobStarted { job: name, attempt });
    }

    fn place_name(&self, job: usize) -> String {
        format!("{}-{}", job + 1, self.states[job].attempts)
    }

    /// The project's path, in which there is nothing but names.
    fn project_path(&self) -> String {
        let given = self.run.context.predefined().find(|(name, _)| *name == "CI_PROJECT_PATH").map(|(_, value)| value.to_owned());
        let is_name = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\0');
        given.filter(|path| path.split('/').all(is_name)).unwrap_or_else(|| "local/project".to_owned())
    }

    /// What has to be done for a job.
    fn task(&self, job: usize, executor: &dyn Executor, folder: &RunFolder, source: &Source) -> Result<Task, Refusal> {
        let planned = self.planned(job);
        if let Some(external) = planned.external.iter().find(|external| external.pipeline.is_none() || external.job.is_some()) {
            let other = external.project.as_deref().or(external.pipeline.as_deref()).unwrap_or("another pipeline");
            return Err(Refusal(Failure::MissingDependency, format!("it needs artifacts of `{other}`, which is not here")));
        }
        let refused = |why: String| Refusal(Failure::Runner, why);
        let base = self.run.pipeline.job(&planned.base).ok_or_else(|| refused("its configuration is gone".to_owned()))?;
        let (name, project) = (self.place_name(job), self.project_path());
        let builds_dir = folder.path().to_string_lossy();
        let site = Site { name: &name, folder: folder.path(), source, project: &project, builds_dir: &builds_dir };
        let (project_dir, builds_dir) = executor.directories(&site);
        let mut variables = Variables::default();
        self.run.context.predefined().for_each(|(name, value)| variables.set_raw(name, value));
        let find =
            |wanted: &str| self.run.context.predefined().find(|(name, _)| *name == wanted).map(|(_, value)| value).unwrap_or_default();
        let image = base.image();
        let whereabouts = Whereabouts {
            number: job + 1,
            project_dir: &project_dir,
            builds_dir: &builds_dir,
            began: &self.moment,
            begins: &rfc_3339(),
            image: image.as_ref().map(|image| image.text()),
            timeout: task::timeout(&base.config).map_err(refused)?.as_secs(),
        };
        predefined::of_job(&mut variables, planned, &whereabouts, find("CI_SERVER_URL"), find("CI_PROJECT_PATH"));
        predefined::environment(&mut variables, planned, base);
        task::with_own(&mut variables, base, planned);
        let sources = crate::run::sources::sources(self.run.pipeline, self.run.plan, planned);
        let reported = sources.iter().filter_map(|source| self.variables.get(source)).flatten();
        reported.for_each(|(name, value)| variables.set(name, value));
        self.run.context.all_given().for_each(|(name, value)| variables.set_raw(name, value));
        let mut task = Task::new(planned, base, sources, variables.expanded()).map_err(refused)?;
        let given = self.run.context.all_given().map(|(name, _)| name);
        task.private = given.chain(predefined::PRIVATE.iter().copied()).map(str::to_owned).collect();
        Ok(task)
    }

    /// Ends a job that could not begin.
    fn refuse(&mut self, job: usize, Refusal(failure, why): Refusal) {
        let name = self.planned(job).name.clone();
        self.states[job].why = Some(why.clone());
        self.tell(Event::Note { job: Some(name), level: Level::Error, text: why });
        self.finish(job, Outcome::Failed(failure), None);
    }

    /// Takes note of the end of an attempt.
    fn end(&mut self, job: usize, finished: &Finished) {
        self.running -= 1;
        let name = self.planned(job).name.clone();
        self.states[job].tests = finished.tests;
        self.states[job].why = None;
        self.variables.insert(name, finished.variables.clone());
        self.finish(job, finished.outcome, finished.coverage);
    }

    fn finish(&mut self, job: usize, outcome: Outcome, coverage: Option<f64>) {
        let duration = self.states[job].started.map(|started| started.elapsed()).unwrap_or_default();
        let stopped = self.run.schedule.finish(job, outcome);
        let status = self.run.schedule.status(job);
        let (reason, exit_code) = match outcome {
            Outcome::Failed(failure) => (Some(failure.name()), failure.exit_code()),
            Outcome::Success | Outcome::Canceled => (None, None),
        };
        let attempt = self.states[job].attempts;
        let retried = !status.is_complete();
        if let (Outcome::Failed(failure), None) = (outcome, &self.states[job].why) {
            self.states[job].why = Some(failure.words());
        }
        self.states[job].duration = Some(duration);
        self.states[job].coverage = coverage;
        let shown = if retried { Status::Failed } else { status };
        let (name, allowed) = (self.planned(job).name.clone(), self.run.schedule.may_fail(job));
        self.tell(Event::JobFinished { job: name, attempt, status: shown, reason, exit_code, duration, retried, allowed, coverage });
        for other in stopped {
            self.states[other].why = Some("canceled, since a job failed (`workflow:auto_cancel:on_job_failure`)".to_owned());
            self.states[other].stop.tell(Cause::Canceled);
        }
    }

    /// Ends what runs, if that was told since the last time.
    fn heed(&mut self) {
        let Some(cause) = self.canceled.cause().filter(|cause| self.heeded < Some(*cause)) else { return };
        self.heeded = Some(cause);
        self.due.clear();
        for job in self.run.schedule.cancel() {
            self.states[job].stop.tell(cause);
        }
    }

    fn report(mut self) -> Report {
        let jobs: Vec<JobReport> = (0..self.states.len()).map(|job| self.job(job)).collect();
        let (status, duration) = (self.run.schedule.pipeline(), self.began.elapsed());
        self.tell(Event::RunFinished { status, duration, jobs: jobs.clone() });
        Report { status, duration, jobs }
    }

    fn job(&self, job: usize) -> JobReport {
        let (planned, state, status) = (self.planned(job), &self.states[job], self.run.schedule.status(job));
        let held = self.run.options.held.get(&planned.name);
        let by_status = || match status {
            Status::Skipped => Some("what it waits for did not come to the end that it needs".to_owned()),
            Status::Manual if held.is_some() => held.map(|why| format!("held back: {why}")),
            Status::Manual => Some("waits for somebody to start it (`--manual`)".to_owned()),
            Status::Canceled if state.attempts == 0 => Some("canceled before it began".to_owned()),
            _ => None,
        };
        JobReport {
            name: planned.name.clone(),
            stage: planned.stage.clone(),
            status,
            allowed: self.run.schedule.may_fail(job) && status == Status::Failed,
            why: if status == Status::Success { None } else { state.why.clone().or_else(by_status) },
            attempts: state.attempts,
            started: state.started.map(|started| started.duration_since(self.began)),
            duration: state.duration,
            coverage: state.coverage,
            tests: state.tests,
        }
    }
}

/// Why a job does not begin.
struct Refusal(Failure, String);

fn rfc_3339() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
