//! What happens in a run into what people and programs read: the log as it grows, the table at its end, a JUnit report, a picture of the time.

mod junit;
mod log;
mod timeline;

pub use junit::junit;
pub use log::RunLog;
pub use timeline::timeline;

use std::time::Duration;

use crate::run::{JobReport, Status};

/// What became of a pipeline, for the reports at the end of its run.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// What became of it as a whole.
    pub status: Status,
    /// How long it took.
    pub duration: Duration,
    /// What became of each job.
    pub jobs: &'a [JobReport],
}

/// A length of time for people: `0.4 s`, `12.3 s`, `4 min 05 s`.
fn length(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_secs() {
        0..60 => format!("{seconds:.1} s"),
        whole @ 60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        whole => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// What became of a job, in a word or two.
fn result(job: &JobReport) -> &'static str {
    match job.status {
        Status::Success => "passed",
        Status::Failed if job.allowed => "failed, allowed",
        Status::Failed => "failed",
        Status::Canceled => "canceled",
        Status::Skipped => "skipped",
        Status::Manual if job.why.as_deref().is_some_and(|why| why.starts_with("held back")) => "held back",
        Status::Manual => "manual",
        Status::Created | Status::WaitingForResource | Status::Pending | Status::Running | Status::Scheduled => "not run",
    }
}
