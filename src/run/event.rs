//! What happens in a run, as values that reports consume. Knows no terminal and no file.

use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::run::schedule::Failure;
use crate::run::status::Status;

/// Something that happened, and when.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Stamped {
    /// The time since the run began; written in milliseconds.
    #[serde(rename = "at_ms", serialize_with = "milliseconds")]
    pub at: Duration,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happens in a run.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// The version of these events.
        version: u8,
        /// The jobs of the pipeline, in order.
        jobs: Vec<JobHead>,
    },
    /// A pipeline that a job starts begins.
    PipelineStarted {
        /// The job.
        job: Arc<str>,
        /// Its jobs, in order.
        jobs: Vec<JobHead>,
    },
    /// An attempt at a job begins.
    JobStarted {
        /// The job.
        job: Arc<str>,
        /// The number of the attempt, from 1.
        attempt: u8,
    },
    /// A line that a job printed, or a piece of a long one. Masked values are replaced, and bytes that are no UTF-8 are U+FFFD.
    Log {
        /// The job.
        job: Arc<str>,
        /// The text without its line end; with the escape sequences that the job printed.
        text: String,
    },
    /// What the run itself has to say of a job, such as a path of its artifacts that matches nothing.
    Note {
        /// The job; none where it concerns all of them.
        #[serde(skip_serializing_if = "Option::is_none")]
        job: Option<Arc<str>>,
        /// How much it matters.
        level: Level,
        /// A sentence.
        text: String,
    },
    /// An attempt at a job ended.
    JobFinished {
        /// The job.
        job: Arc<str>,
        /// The number of the attempt.
        attempt: u8,
        /// What became of it.
        status: Status,
        /// Why it failed, by GitLab's names.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
        /// The exit code of its script, where that failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        /// How long it took, in milliseconds.
        #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
        duration: Duration,
        /// Whether it is run again.
        retried: bool,
        /// Whether it may fail.
        allowed: bool,
        /// What `coverage` found in its log, in percent.
        #[serde(skip_serializing_if = "Option::is_none")]
        coverage: Option<f64>,
    },
    /// The run is over.
    RunFinished {
        /// What became of the pipeline.
        status: Status,
        /// How long it took, in milliseconds.
        #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
        duration: Duration,
        /// What became of each job.
        jobs: Vec<JobReport>,
    },
}

/// How much a note matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For those who want to know.
    Info,
    /// Something is probably not as it was meant.
    Warning,
    /// It is why the job fails.
    Error,
}

/// A job before the run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct JobHead {
    /// Its name.
    pub name: Arc<str>,
    /// Its stage.
    pub stage: Arc<str>,
}

/// What became of a job.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct JobReport {
    /// Its name.
    pub name: Arc<str>,
    /// Its stage.
    pub stage: Arc<str>,
    /// What became of it.
    pub status: Status,
    /// Whether the pipeline passes although it failed.
    pub allowed: bool,
    /// Why it did not pass or did not start: a lower-case fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How often it was run.
    pub attempts: u8,
    /// When its last attempt began, in milliseconds since the run began.
    #[serde(rename = "started_ms", serialize_with = "some_milliseconds", skip_serializing_if = "Option::is_none")]
    pub started: Option<Duration>,
    /// How long its last attempt took, in milliseconds.
    #[serde(rename = "duration_ms", serialize_with = "some_milliseconds", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// What `coverage` found in its log, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// The test cases of its JUnit reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<Tests>,
}

/// How many test cases there are in reports.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Tests {
    /// All.
    pub total: usize,
    /// Those that failed or broke.
    pub failed: usize,
    /// Those that were left out.
    pub skipped: usize,
}

impl Failure {
    /// Why the job failed, as a lower-case fragment.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Script(code) => format!("exit code {code}"),
            Self::Timeout => "took longer than it may".to_owned(),
            Self::Runner => "could not be run".to_owned(),
            Self::NoDownstream => "the pipeline that it starts could not be created".to_owned(),
            Self::Downstream => "the pipeline that it starts failed".to_owned(),
            Self::MissingDependency => "artifacts that it needs are not there".to_owned(),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1e6).round() / 1e3)
}

fn some_milliseconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => milliseconds(time, serializer),
        None => serializer.serialize_none(),
    }
}
