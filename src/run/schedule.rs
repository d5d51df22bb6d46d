//! What has become of a pipeline's jobs → which start next. A pure machine, told by its owner what happened: it knows no process, no clock and no file.
//!
//! It decides as GitLab does: `Ci::PipelineProcessing::AtomicProcessingService` looks at a job once what it waits for is complete, and
//! `Ci::ProcessBuildService` starts or skips it by `when`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::run::groups::Groups;
use crate::run::status::{Kind, Status, Tally};

/// When a job starts (<https://docs.gitlab.com/ci/yaml/#when>).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum When {
    /// Once what it waits for has passed.
    #[default]
    OnSuccess,
    /// Once something that it waits for has failed.
    OnFailure,
    /// Once what it waits for is complete.
    Always,
    /// When somebody starts it.
    Manual,
    /// Some time after it could start.
    Delayed,
}

/// Whether a pipeline passes although a job fails (<https://docs.gitlab.com/ci/yaml/#allow_failure>).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum AllowFailure {
    /// No.
    #[default]
    Never,
    /// Yes.
    Always,
    /// With these exit codes.
    ExitCodes(BTreeSet<i32>),
}

/// Why a job failed, by the names of [`retry:when`](https://docs.gitlab.com/ci/yaml/#retrywhen).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Its script failed with this exit code.
    Script(i32),
    /// It took longer than it may.
    Timeout,
    /// What runs it failed.
    Runner,
    /// Artifacts that it needs are not there.
    MissingDependency,
    /// The pipeline that it starts could not be created.
    NoDownstream,
    /// The pipeline that it starts failed.
    Downstream,
}

impl Failure {
    /// GitLab's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Script(_) => "script_failure",
            Self::Timeout => "job_execution_timeout",
            Self::Runner => "runner_system_failure",
            Self::MissingDependency => "missing_dependency_failure",
            Self::NoDownstream => "downstream_pipeline_creation_failed",
            Self::Downstream => "unknown_failure",
        }
    }

    /// The exit code of its script.
    #[must_use]
    pub fn exit_code(self) -> Option<i32> {
        match self {
            Self::Script(code) => Some(code),
            Self::Timeout | Self::Runner | Self::MissingDependency | Self::NoDownstream | Self::Downstream => None,
        }
    }
}

/// How often, and after what, a job is run again (<https://docs.gitlab.com/ci/yaml/#retry>).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Retry {
    /// At most so often.
    pub max: u8,
    /// After failures of these names; after any where it is empty and there are no exit codes.
    pub when: Vec<String>,
    /// After these exit codes.
    pub exit_codes: BTreeSet<i32>,
}

impl Retry {
    fn follows(&self, failure: Failure) -> bool {
        let any = self.when.is_empty() && self.exit_codes.is_empty();
        any || self.when.iter().any(|name| name == "always" || name == failure.name())
            || failure.exit_code().is_some_and(|code| self.exit_codes.contains(&code))
    }
}

/// How a run of a job ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It passed.
    Success,
    /// It failed.
    Failed(Failure),
    /// It was stopped.
    Canceled,
}

/// A job, as far as it matters for the order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Job {
    /// Its name.
    pub name: Arc<str>,
    /// The number of its stage, from 0.
    pub stage: usize,
    /// The indices of the jobs that it waits for; none where it waits for all of earlier stages.
    pub needs: Option<Vec<usize>>,
    /// When it starts.
    pub when: When,
    /// Whether it may fail.
    pub allow_failure: AllowFailure,
    /// Whether it is run again.
    pub retry: Retry,
    /// Jobs of one group run one at a time.
    pub resource_group: Option<Arc<str>>,
}

/// Jobs that wait for each other.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the jobs {} wait for each other", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
pub struct Circle {
    /// Those that can never start, or wait for one of them.
    pub names: Vec<Arc<str>>,
}

/// Which jobs start, and what has become of them. Jobs are known by their indices.
///
/// Each change of a job costs as much as jobs wait for it; a pipeline of 1,000 jobs in a row costs the same for each of them.
#[derive(Clone, Debug)]
pub struct Schedule {
    jobs: Vec<Job>,
    statuses: Vec<Status>,
    /// Whether a failure, or what keeps it from starting, is none of the pipeline's.
    may_fail: Vec<bool>,
    /// Runs that failed, by job.
    failures: Vec<u8>,
    /// What became of the jobs that a job needs.
    needed: Vec<Tally>,
    /// The jobs that need a job.
    dependents: Vec<Vec<usize>>,
    /// By stage, what became of its jobs.
    stages: Vec<Tally>,
    /// By stage, its jobs that wait for all of earlier ones.
    by_stage: Vec<Vec<usize>>,
    /// The first stage whose jobs were not looked at.
    open: usize,
    /// Jobs whose needs changed.
    changed: VecDeque<usize>,
    /// Jobs that may start, in order.
    pending: BTreeSet<usize>,
    /// Jobs that wait for a resource group, by group.
    waiting: BTreeMap<Arc<str>, BTreeSet<usize>>,
    /// The groups of which a job runs, in this pipeline or in another one.
    groups: Groups,
    /// Whether the first failure ends the pipeline (`workflow:auto_cancel:on_job_failure: all`).
    stops_on_failure: bool,
    /// Whether no job starts any more.
    is_canceled: bool,
}

impl Schedule {
    /// The schedule of `jobs`. `stops_on_failure` says whether the first failure that is not allowed ends the pipeline.
    ///
    /// # Errors
    /// [`Circle`] where jobs wait for each other.
    ///
    /// # Panics
    /// Where a job needs one that there is not.
    pub fn new(jobs: Vec<Job>, stops_on_failure: bool) -> Result<Self, Circle> {
        let count = jobs.len();
        let stages = jobs.iter().map(|job| job.stage + 1).max().unwrap_or_default();
        let may_fail = jobs.iter().map(|job| job.allow_failure == AllowFailure::Always).collect();
        let mut schedule = Self {
            statuses: vec![Status::Created; count],
            may_fail,
            failures: vec![0; count],
            needed: vec![Tally::default(); count],
            dependents: vec![Vec::new(); count],
            stages: vec![Tally::default(); stages],
            by_stage: vec![Vec::new(); stages],
            open: 0,
            changed: VecDeque::new(),
            pending: BTreeSet::new(),
            waiting: BTreeMap::new(),
            groups: Groups::default(),
            stops_on_failure,
            is_canceled: false,
            jobs,
        };
        for index in 0..count {
            let kind = schedule.kind(index);
            schedule.stages[schedule.jobs[index].stage].add(kind);
            match schedule.jobs[index].needs.clone() {
                None => schedule.by_stage[schedule.jobs[index].stage].push(index),
                Some(needs) => {
                    for need in needs.into_iter().collect::<BTreeSet<usize>>() {
                        let kind = schedule.kind(need);
                        schedule.needed[index].add(kind);
                        schedule.dependents[need].push(index);
                    }
                    schedule.changed.push_back(index);
                }
            }
        }
        schedule.acyclic()?;
        schedule.proceed();
        Ok(schedule)
    }

    /// Whether every job can start some day: jobs of stages wait for all that stands in earlier ones.
    fn acyclic(&self) -> Result<(), Circle> {
        // Nodes are the jobs, and behind them the stages; stage `n` is there once its own jobs and stage `n - 1` are.
        let count = self.jobs.len();
        let mut open: Vec<usize> = vec![0; count + self.stages.len()];
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); open.len()];
        let mut edge = |from: usize, to: usize| {
            followers[from].push(to);
            open[to] += 1;
        };
        for (index, job) in self.jobs.iter().enumerate() {
            edge(index, count + job.stage);
            match &job.needs {
                Some(needs) => needs.iter().for_each(|&need| edge(need, index)),
                None if job.stage > 0 => edge(count + job.stage - 1, index),
                None => {}
            }
        }
        (1..self.stages.len()).for_each(|stage| edge(count + stage - 1, count + stage));
        let mut free: Vec<usize> = (0..open.len()).filter(|&node| open[node] == 0).collect();
        while let Some(node) = free.pop() {
            for &follower in &followers[node] {
                open[follower] -= 1;
                if open[follower] == 0 {
                    free.push(follower);
                }
            }
        }
        let names: Vec<Arc<str>> = (0..count).filter(|&index| open[index] > 0).map(|index| self.jobs[index].name.clone()).collect();
        if names.is_empty() { Ok(()) } else { Err(Circle { names }) }
    }

    /// The jobs.
    #[must_use]
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// What has become of a job.
    ///
    /// # Panics
    /// Where there is no such job, here and in the methods below.
    #[must_use]
    pub fn status(&self, job: usize) -> Status {
        self.statuses[job]
    }

    /// Whether what became of a job is none of the pipeline's: it may fail, or failed with an exit code with which it may.
    #[must_use]
    pub fn may_fail(&self, job: usize) -> bool {
        self.may_fail[job]
    }

    /// How often a job was run without success.
    #[must_use]
    pub fn failures(&self, job: usize) -> u8 {
        self.failures[job]
    }

    /// What has become of the pipeline.
    #[must_use]
    pub fn pipeline(&self) -> Status {
        let mut all = Tally::default();
        self.stages.iter().for_each(|stage| all.join(stage));
        all.of_all()
    }

    /// Whether nothing more happens by itself: no job runs, may start or waits for its time.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let goes_on =
            |status: &Status| matches!(status, Status::Pending | Status::Running | Status::Scheduled | Status::WaitingForResource);
        !self.statuses.iter().any(goes_on)
    }

    /// Whether a job may start that was not asked for with [`Self::start`].
    #[must_use]
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty() || self.waiting().next().is_some()
    }

    /// The jobs that wait for a resource group.
    pub fn waiting(&self) -> impl Iterator<Item = usize> {
        self.waiting.values().flatten().copied()
    }

    /// Says which resource groups others take.
    #[must_use]
    pub fn with_groups(mut self, groups: Groups) -> Self {
        self.groups = groups;
        self
    }

    /// The next job that may start, which runs from now on; jobs of earlier stages and files come first.
    pub fn start(&mut self) -> Option<usize> {
        let free: Vec<usize> = {
            let taken = self.groups.taken();
            self.waiting.iter_mut().filter(|(group, _)| !taken.contains(*group)).filter_map(|(_, jobs)| jobs.pop_first()).collect()
        };
        for job in free {
            self.set(job, Status::Pending);
            self.pending.insert(job);
        }
        while let Some(job) = self.pending.pop_first() {
            match self.jobs[job].resource_group.clone() {
                Some(group) if !self.groups.taken().insert(group.clone()) => {
                    self.set(job, Status::WaitingForResource);
                    self.waiting.entry(group).or_default().insert(job);
                }
                Some(_) | None => {
                    self.set(job, Status::Running);
                    return Some(job);
                }
            }
        }
        None
    }

    /// Takes note of how a job that runs ended. Gives the jobs that run and are to be stopped, since the pipeline ends with this failure.
    pub fn finish(&mut self, job: usize, outcome: Outcome) -> Vec<usize> {
        if let Some(group) = self.jobs[job].resource_group.clone() {
            self.groups.taken().remove(&group);
        }
        let mut stopped = Vec::new();
        match outcome {
            Outcome::Success => self.set(job, Status::Success),
            Outcome::Canceled => self.set(job, Status::Canceled),
            Outcome::Failed(failure) => {
                let tries = self.failures[job];
                self.failures[job] = tries.saturating_add(1);
                if !self.is_canceled && tries < self.jobs[job].retry.max && self.jobs[job].retry.follows(failure) {
                    self.set(job, Status::Pending);
                    self.pending.insert(job);
                    return stopped;
                }
                self.fail(job, failure);
                if self.stops_on_failure && !self.may_fail[job] {
                    stopped = self.cancel();
                }
            }
        }
        self.proceed();
        stopped
    }

    fn fail(&mut self, job: usize, failure: Failure) {
        if let AllowFailure::ExitCodes(codes) = &self.jobs[job].allow_failure {
            let allowed = failure.exit_code().is_some_and(|code| codes.contains(&code));
            let old = self.kind(job);
            self.may_fail[job] = allowed;
            self.recount(job, old);
        }
        self.set(job, Status::Failed);
    }

    /// Starts a manual job that nobody started, or a delayed one whose time has come; what was skipped for want of it is looked at again. False where it
    /// is neither, or the pipeline was canceled.
    pub fn play(&mut self, job: usize) -> bool {
        if self.is_canceled || !matches!(self.statuses[job], Status::Manual | Status::Scheduled) {
            return false;
        }
        self.set(job, Status::Pending);
        self.pending.insert(job);
        self.reset(job);
        self.proceed();
        true
    }

    /// Jobs that were skipped behind `job` wait again (`Ci::ResetSkippedJobsService`).
    fn reset(&mut self, job: usize) {
        let mut open = vec![job];
        let mut seen = BTreeSet::from([job]);
        let later =
            |schedule: &Self| -> Vec<usize> { schedule.by_stage.iter().skip(schedule.jobs[job].stage + 1).flatten().copied().collect() };
        open.extend(later(self).into_iter().filter(|&later| self.statuses[later] == Status::Skipped && seen.insert(later)));
        self.open = self.open.min(self.jobs[job].stage + 1);
        while let Some(next) = open.pop() {
            if self.statuses[next] == Status::Skipped {
                self.set(next, Status::Created);
                self.changed.push_back(next);
            }
            let skipped = self.dependents[next].clone().into_iter().filter(|&dependent| self.statuses[dependent] == Status::Skipped);
            open.extend(skipped.filter(|&dependent| seen.insert(dependent)).collect::<Vec<_>>());
        }
    }

    /// Keeps every job from starting that does not run. Gives those that run and are to be stopped; they are told of with [`Self::finish`].
    pub fn cancel(&mut self) -> Vec<usize> {
        self.is_canceled = true;
        self.pending.clear();
        self.waiting.clear();
        for job in 0..self.jobs.len() {
            let waits = matches!(self.statuses[job], Status::Created | Status::Pending | Status::Scheduled | Status::WaitingForResource);
            if waits {
                self.set(job, Status::Canceled);
            }
        }
        (0..self.jobs.len()).filter(|&job| self.statuses[job] == Status::Running).collect()
    }

    fn kind(&self, job: usize) -> Kind {
        Kind::of(self.statuses[job], self.may_fail[job])
    }

    fn set(&mut self, job: usize, status: Status) {
        let old = self.kind(job);
        self.statuses[job] = status;
        self.recount(job, old);
    }

    /// Counts a job anew that was of the kind `old`.
    fn recount(&mut self, job: usize, old: Kind) {
        let new = self.kind(job);
        self.stages[self.jobs[job].stage].replace(old, new);
        for &dependent in &self.dependents[job] {
            self.needed[dependent].replace(old, new);
            self.changed.push_back(dependent);
        }
    }

    /// Looks at all jobs whose turn it may be.
    fn proceed(&mut self) {
        loop {
            while let Some(job) = self.changed.pop_front() {
                if self.statuses[job] == Status::Created && self.jobs[job].needs.is_some() {
                    let before = self.needed[job].of_needs();
                    self.decide(job, before);
                }
            }
            if self.open >= self.by_stage.len() {
                return;
            }
            let mut earlier = Tally::default();
            self.stages[..self.open].iter().for_each(|stage| earlier.join(stage));
            let before = earlier.of_all();
            if !before.is_complete() {
                return;
            }
            let jobs = self.by_stage[self.open].clone();
            self.open += 1;
            jobs.into_iter()
                .filter(|&job| self.statuses[job] == Status::Created)
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|job| self.decide(job, before));
        }
    }

    /// Starts or skips a job whose predecessors are complete, together `before`.
    fn decide(&mut self, job: usize, before: Status) {
        if !before.is_complete() {
            return;
        }
        let by_needs = self.jobs[job].needs.is_some();
        let goes = match self.jobs[job].when {
            When::OnSuccess | When::Manual | When::Delayed => before == Status::Success || before == Status::Skipped && !by_needs,
            When::OnFailure => before == Status::Failed,
            When::Always => before != Status::Canceled,
        };
        let status = match self.jobs[job].when {
            _ if !goes => Status::Skipped,
            When::Manual => Status::Manual,
            When::Delayed => Status::Scheduled,
            When::OnSuccess | When::OnFailure | When::Always => Status::Pending,
        };
        self.set(job, status);
        if status == Status::Pending {
            self.pending.insert(job);
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
