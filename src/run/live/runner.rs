//! The loop round the schedules of a pipeline and of those that it starts: begins what may begin, on a thread each, and reacts to each end at once.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use crate::pipeline::Pipeline;
use crate::pipeline::context::Context;
use crate::plan::Plan;
use crate::run::event::{Event, JobReport, Level, Stamped};
use crate::run::groups::Groups;
use crate::run::live::attempt::{Attempt, Finished};
use crate::run::live::child::{Children, Request, entries};
use crate::run::live::executor::{Executor, Fault, Site};
use crate::run::live::leftover::RunFolder;
use crate::run::live::line::{Line, Planned, Refusal, Wanted, Where, rfc_3339};
use crate::run::live::source::{Objects, Source};
use crate::run::live::stop::{Cause, Stop};
use crate::run::live::store::Store;
use crate::run::schedule::{Circle, Failure, Outcome};
use crate::run::status::Status;
use crate::run::task::Task;

/// Events that wait to be consumed; whoever prints more has to wait.
const QUEUE: usize = 1024;

/// Most pipelines that stand above one, as GitLab has it (<https://docs.gitlab.com/ci/pipelines/downstream_pipelines/#nested-child-pipelines>).
const MAX_DEPTH: usize = 2;

/// What threads tell the loop.
#[derive(Debug)]
pub enum Message {
    /// Something happened.
    Event(Event),
    /// An attempt ended: its line, its number, and how.
    Finished(usize, usize, Box<Finished>),
    /// There is something to look at.
    Wake,
}

/// What of a plan is run.
#[derive(Clone, Default, Debug)]
pub struct Choice {
    /// The numbers of the jobs of the plan that are run; none stands for all.
    pub jobs: Option<Vec<usize>>,
    /// Manual and delayed jobs, by their names, that start as soon as they can.
    pub played: BTreeSet<Arc<str>>,
    /// Jobs that don't start, by their names, each with why: a lower-case fragment.
    pub held: BTreeMap<Arc<str>, String>,
    /// Variables of type file with the texts of their files.
    pub files: BTreeMap<String, String>,
}

/// How a pipeline is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The root of the project.
    pub root: PathBuf,
    /// How many jobs run at a time.
    pub concurrency: NonZeroUsize,
    /// What is run.
    pub choice: Choice,
    /// Values that are not shown in logs.
    pub secrets: Vec<String>,
    /// Whether the files of jobs stay.
    pub keep: bool,
    /// Most bytes of all caches.
    pub cache_limit: u64,
    /// How many commits of the history jobs have; 0 is all.
    pub depth: usize,
    /// Texts of files of the project that jobs have in the place of what is there, by path from the root.
    pub overlay: BTreeMap<String, String>,
}

impl Options {
    /// All jobs of the project at `root`, as many at a time as there are processors.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            concurrency: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            choice: Choice::default(),
            secrets: Vec::new(),
            keep: false,
            cache_limit: 10 << 30,
            depth: 20,
            overlay: BTreeMap::new(),
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
    /// What became of each job, in the order of the plan; those of pipelines that it started come behind.
    pub jobs: Vec<JobReport>,
}

/// A pipeline that can be run.
pub struct Run<'a> {
    line: Line<'a>,
    groups: Groups,
    options: Options,
    children: Option<&'a mut dyn Children>,
}

impl<'a> Run<'a> {
    /// The run of `plan`, which was made of `pipeline` in `context`.
    ///
    /// # Errors
    /// [`Circle`] where jobs wait for each other.
    pub fn new(pipeline: &'a Pipeline, plan: &'a Plan, context: &'a Context, options: Options) -> Result<Self, Circle> {
        let groups = Groups::default();
        let line = Line::new(Planned::Given(pipeline, plan, context), 1, options.choice.clone(), None, groups.clone())?;
        Ok(Self { line, groups, options, children: None })
    }

    /// Says who makes the pipelines that jobs start; otherwise such jobs fail.
    #[must_use]
    pub fn with_children(mut self, children: &'a mut dyn Children) -> Self {
        self.children = Some(children);
        self
    }

    /// Runs it to its end and tells `observer` what happens; `stop` ends it before.
    ///
    /// # Errors
    /// [`Fault`] where it can't begin: the files of the project can't be read, there is no room for copies, another run is going on.
    pub fn execute(self, executor: &dyn Executor, stop: &Stop, observer: &mut dyn FnMut(&Stamped)) -> Result<Report, Fault> {
        let began = Instant::now();
        let store = Store::open(&self.options.root)?;
        let folder = RunFolder::new()?;
        let objects = if executor.sees_project() { Objects::Shared } else { Objects::Copied };
        let source = Source::of(&self.options.root, &folder.path().join("source"), self.options.depth, objects)?;
        source.lay_over(&self.options.overlay)?;
        let builds_dir = folder.path().to_string_lossy().into_owned();
        let project = self.line.project_path();
        let (sender, messages) = mpsc::sync_channel(QUEUE);
        let desk = Desk {
            executor,
            store: &store,
            source: &source,
            folder: folder.path(),
            builds_dir: &builds_dir,
            project: &project,
            options: &self.options,
            sender,
        };
        let told = Stop::default();
        let (canceled, waker) = (told.clone(), desk.sender.clone());
        let _listening = stop.listen(move |cause| {
            told.tell(cause);
            // Where the queue is full, the loop has something to read anyway, and looks at what was told behind each message.
            let _ = waker.try_send(Message::Wake);
        });
        let mut live = Live {
            began,
            moment: rfc_3339().into(),
            lines: vec![self.line],
            groups: self.groups,
            children: self.children,
            numbers: 0,
            running: 0,
            canceled,
            heeded: None,
            observer,
        };
        live.tell(Event::RunStarted { version: 1, jobs: live.lines[0].heads() });
        thread::scope(|scope| {
            loop {
                live.heed();
                live.advance(&desk, scope);
                if live.lines.iter().all(|line| line.is_over) {
                    break;
                }
                if live.is_stuck() {
                    live.give_up();
                    continue;
                }
                match live.next(&messages) {
                    Some(Message::Event(event)) => live.tell(event),
                    Some(Message::Finished(line, job, finished)) => {
                        live.running -= 1;
                        live.lines[line].note(job, &finished);
                        live.finish((line, job), finished.outcome, finished.coverage);
                    }
                    Some(Message::Wake) | None => {}
                }
            }
        });
        if self.options.keep {
            folder.keep();
        }
        store.shrink(self.options.cache_limit);
        Ok(live.report())
    }
}

/// What all jobs of a run share.
struct Desk<'d> {
    executor: &'d dyn Executor,
    store: &'d Store,
    source: &'d Source,
    folder: &'d Path,
    builds_dir: &'d str,
    project: &'d str,
    options: &'d Options,
    sender: SyncSender<Message>,
}

impl<'d> Desk<'d> {
    fn site(&self, name: &'d str) -> Site<'d> {
        Site { name, folder: self.folder, source: self.source, project: self.project, builds_dir: self.builds_dir }
    }
}

/// A run that goes on.
struct Live<'a, 'o> {
    began: Instant,
    /// The moment at which it began.
    moment: Arc<str>,
    /// The pipeline, and those that its jobs started.
    lines: Vec<Line<'a>>,
    /// The resource groups of the project.
    groups: Groups,
    children: Option<&'a mut dyn Children>,
    /// How many attempts there were.
    numbers: usize,
    running: usize,
    /// Told where the run is to end.
    canceled: Stop,
    /// What of that was passed on to jobs.
    heeded: Option<Cause>,
    observer: &'o mut dyn FnMut(&Stamped),
}

impl Live<'_, '_> {
    fn tell(&mut self, event: Event) {
        (self.observer)(&Stamped { at: self.began.elapsed(), event });
    }

    /// The next message; nothing where a delayed job has to start before.
    fn next(&mut self, messages: &mpsc::Receiver<Message>) -> Option<Message> {
        let due = self.lines.iter().filter_map(|line| line.due.first()).map(|(moment, _)| *moment).min();
        match due {
            Some(moment) => messages.recv_timeout(moment.saturating_duration_since(Instant::now())).ok(),
            None => messages.recv().ok(),
        }
    }

    /// Whether jobs wait for resource groups that only jobs have that wait for them
    /// (<https://docs.gitlab.com/ci/resource_groups/#pipeline-deadlocks>).
    fn is_stuck(&self) -> bool {
        self.running == 0 && self.lines.iter().all(|line| line.due.is_empty())
    }

    /// Ends the jobs that would wait for ever, with their pipeline. Others go on then: the pipeline that began last holds up the one above it.
    fn give_up(&mut self) {
        for index in (0..self.lines.len()).rev() {
            let waiting: Vec<usize> = self.lines[index].schedule.waiting().collect();
            for &job in &waiting {
                let why = "it waits for its resource group, of which a job runs that waits for this pipeline: with GitLab, both would wait for ever";
                let name = self.lines[index].name(job);
                self.lines[index].states[job].why = Some(why.to_owned());
                self.tell(Event::Note { job: Some(name), level: Level::Error, text: why.to_owned() });
            }
            if !waiting.is_empty() {
                return self.cancel(index, Cause::Canceled);
            }
        }
    }

    /// Begins what may begin, and ends the pipelines in which nothing more happens, until neither is left.
    fn advance<'s>(&mut self, desk: &'s Desk<'s>, scope: &'s Scope<'s, '_>) {
        loop {
            let mut goes_on = false;
            let mut index = 0;
            // Those that begin now are at the end.
            while index < self.lines.len() {
                self.lines[index].wake();
                goes_on |= self.start(index, desk, scope);
                index += 1;
            }
            for index in (0..self.lines.len()).rev() {
                goes_on |= self.end(index);
            }
            if !goes_on {
                return;
            }
        }
    }

    /// Begins the jobs of a line that may. Gives whether something changed at once.
    fn start<'s>(&mut self, line: usize, desk: &'s Desk<'s>, scope: &'s Scope<'s, '_>) -> bool {
        let mut changed = false;
        while self.running < desk.options.concurrency.get() {
            let Some(job) = self.lines[line].schedule.start() else { return changed };
            let attempt = self.lines[line].begin(job);
            let name = self.lines[line].name(job);
            self.tell(Event::JobStarted { job: name, attempt });
            self.numbers += 1;
            let place_name = self.numbers.to_string();
            let directories = desk.executor.directories(&desk.site(&place_name));
            let place = Where { number: self.numbers, directories, began: self.moment.clone() };
            if self.lines[line].planned(job).trigger.is_some() {
                let child = self.child((line, job), &place, desk);
                self.triggered((line, job), child);
                changed = true;
                continue;
            }
            match self.task((line, job), &place) {
                Ok(task) => {
                    self.running += 1;
                    let stop = self.lines[line].states[job].stop.clone();
                    scope.spawn(move || {
                        let (secrets, keeps, events) = (desk.options.secrets.as_slice(), desk.options.keep, desk.sender.clone());
                        let (executor, store, site) = (desk.executor, desk.store, desk.site(&place_name));
                        let attempt = Attempt { task: &task, site, executor, store, stop: &stop, secrets, events, keeps };
                        // Whoever waits for the job hears of its end even if we make a mistake.
                        let finished = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt.run()));
                        // The loop reads until the last job ended.
                        let _ = desk.sender.send(Message::Finished(line, job, Box::new(finished.unwrap_or_default())));
                    });
                }
                Err(refusal) => {
                    self.refuse((line, job), refusal);
                    changed = true;
                }
            }
        }
        changed
    }

    /// What has to be done for a job, with what it gets from other pipelines.
    fn task(&self, (line, job): (usize, usize), place: &Where) -> Result<Task, Refusal> {
        let mut foreign = Vec::new();
        for Wanted { pipeline, job: name, is_optional } in self.lines[line].needs_of_others(job, place)? {
            let missing = |why: String| Refusal(Failure::MissingDependency, why);
            let index = pipeline.checked_sub(1).filter(|&index| index < self.lines.len() && index != line);
            let index = index
                .ok_or_else(|| missing(format!("it needs artifacts of the pipeline {pipeline}, which is none of this run's others")))?;
            match self.lines[index].foreign(&name) {
                Some(found) => foreign.push(found.map_err(missing)?),
                None if is_optional => {}
                None => return Err(missing(format!("it needs artifacts of `{name}`, a job that does not run in the pipeline {pipeline}"))),
            }
        }
        self.lines[line].task(job, place, &foreign)
    }

    /// Makes the pipeline that a job starts. Gives whether the job waits for it.
    fn child(&mut self, (line, job): (usize, usize), place: &Where, desk: &Desk<'_>) -> Result<bool, Refusal> {
        let refused = |why: &str| Refusal(Failure::NoDownstream, why.to_owned());
        let parent = &self.lines[line];
        if parent.depth() >= MAX_DEPTH {
            return Err(refused("pipelines within pipelines go two levels deep"));
        }
        let (values, _) = parent.values(job, place, Some(&[]))?;
        let base = parent.base(job).ok_or_else(|| refused("its configuration is gone"))?;
        let artifact = |other: &str, path: &str| {
            let whole = format!("{}{other}", parent.name(job).strip_suffix(&*parent.planned(job).name).unwrap_or_default());
            std::fs::read_to_string(desk.store.artifacts(&whole).join(path))
                .map_err(|error| format!("`{path}` of `{other}` can't be read: {error}"))
        };
        let (entries, files) = entries(base, &values, &artifact).map_err(|why| refused(&why))?;
        let variables = crate::run::live::child::forwarded(base, parent.planned(job), parent.context(), &values);
        let name = parent.name(job);
        let awaited = parent.planned(job).trigger.as_ref().and_then(|trigger| trigger.strategy.as_deref()).is_some();
        let Some(children) = &mut self.children else { return Err(refused("nobody here makes the pipelines that jobs start")) };
        let (pipeline, plan, context, choice) = children.make(Request { entries, files, variables }).map_err(|why| refused(&why))?;
        let made = Planned::Made(Box::new((pipeline, plan, context)));
        let mut child = Line::new(made, self.lines.len() + 1, choice, Some((line, job, &name)), self.groups.clone())
            .map_err(|circle| refused(&circle.to_string()))?;
        child.is_awaited = awaited;
        self.tell(Event::PipelineStarted { job: name, jobs: child.heads() });
        self.lines.push(child);
        Ok(awaited)
    }

    /// Takes note of what came of starting a pipeline.
    fn triggered(&mut self, job: (usize, usize), child: Result<bool, Refusal>) {
        match child {
            Ok(true) => {}
            Ok(false) => self.finish(job, Outcome::Success, None),
            Err(refusal) => self.refuse(job, refusal),
        }
    }

    /// Ends a line in which nothing more happens. Gives whether it did so now.
    fn end(&mut self, index: usize) -> bool {
        let line = &mut self.lines[index];
        // What ended a moment ago may have let a manual or delayed job come to its turn.
        line.wake();
        if line.is_over || line.active > 0 || !line.due.is_empty() || line.schedule.has_pending() {
            return false;
        }
        line.is_over = true;
        let status = line.schedule.pipeline();
        if let (Some(job), true) = (line.parent, line.is_awaited) {
            let outcome = match status {
                Status::Success | Status::Skipped => Outcome::Success,
                Status::Canceled | Status::Manual => Outcome::Canceled,
                _ => Outcome::Failed(Failure::Downstream),
            };
            if status == Status::Manual {
                self.lines[job.0].states[job.1].why = Some("its pipeline waits for a manual job".to_owned());
            }
            self.finish(job, outcome, None);
        }
        true
    }

    /// Ends a job that could not begin.
    fn refuse(&mut self, (line, job): (usize, usize), Refusal(failure, why): Refusal) {
        let name = self.lines[line].name(job);
        self.lines[line].states[job].why = Some(why.clone());
        self.tell(Event::Note { job: Some(name), level: Level::Error, text: why });
        self.finish((line, job), Outcome::Failed(failure), None);
    }

    fn finish(&mut self, (index, job): (usize, usize), outcome: Outcome, coverage: Option<f64>) {
        let line = &mut self.lines[index];
        let (duration, stopped) = line.finish(job, outcome, coverage);
        let status = line.schedule.status(job);
        let (reason, exit_code) = match outcome {
            Outcome::Failed(failure) => (Some(failure.name()), failure.exit_code()),
            Outcome::Success | Outcome::Canceled => (None, None),
        };
        let retried = !status.is_complete();
        let shown = if retried { Status::Failed } else { status };
        let (name, attempt, allowed) = (line.name(job), line.states[job].attempts, line.schedule.may_fail(job));
        for &other in &stopped {
            line.states[other].why = Some("canceled, since a job failed (`workflow:auto_cancel:on_job_failure`)".to_owned());
        }
        self.tell(Event::JobFinished { job: name, attempt, status: shown, reason, exit_code, duration, retried, allowed, coverage });
        self.stop(index, stopped, Cause::Canceled);
    }

    /// Tells jobs of a line to end, and the pipelines for which they wait.
    fn stop(&mut self, index: usize, jobs: Vec<usize>, cause: Cause) {
        for job in jobs {
            self.lines[index].states[job].stop.tell(cause);
            let awaited = |line: &Line<'_>| line.parent == Some((index, job)) && line.is_awaited && !line.is_over;
            for child in (0..self.lines.len()).filter(|&child| awaited(&self.lines[child])).collect::<Vec<_>>() {
                self.cancel(child, cause);
            }
        }
    }

    fn cancel(&mut self, index: usize, cause: Cause) {
        self.lines[index].due.clear();
        let running = self.lines[index].schedule.cancel();
        self.stop(index, running, cause);
    }

    /// Ends what runs, if that was told since the last time.
    fn heed(&mut self) {
        let Some(cause) = self.canceled.cause().filter(|cause| self.heeded < Some(*cause)) else { return };
        self.heeded = Some(cause);
        (0..self.lines.len()).for_each(|index| self.cancel(index, cause));
    }

    fn report(mut self) -> Report {
        let jobs: Vec<JobReport> = self.lines.iter().flat_map(|line| line.reports(self.began)).collect();
        let (status, duration) = (self.lines[0].schedule.pipeline(), self.began.elapsed());
        self.tell(Event::RunFinished { status, duration, jobs: jobs.clone() });
        Report { status, duration, jobs }
    }
}
