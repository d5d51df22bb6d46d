//! The jobs of a run as a JUnit report.

use std::fmt::Write;

use crate::report::run::Ended;
use crate::report::xml::escaped;
use crate::run::Status;

/// A test case for each job, in its stage.
#[must_use]
pub fn junit(ended: Ended<'_>) -> String {
    let count = |wanted: &dyn Fn(Status) -> bool| ended.jobs.iter().filter(|job| wanted(job.status)).count();
    let failed = ended.jobs.iter().filter(|job| job.status == Status::Failed && !job.allowed).count();
    let skipped = count(&|status| !matches!(status, Status::Success | Status::Failed));
    let counts = format!(
        "tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\" time=\"{:.3}\"",
        ended.jobs.len(),
        ended.duration.as_secs_f64()
    );
    let mut out = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"pipeline\" {counts}>\n");
    for job in ended.jobs {
        let time = job.duration.unwrap_or_default().as_secs_f64();
        let _ = write!(out, "    <testcase name=\"{}\" classname=\"{}\" time=\"{time:.3}\"", escaped(&job.name), escaped(&job.stage));
        let why = escaped(job.why.as_deref().unwrap_or_default());
        let inside = match job.status {
            Status::Success => None,
            Status::Failed if job.allowed => Some(format!("<system-err>failed, which is allowed: {why}</system-err>")),
            Status::Failed => Some(format!("<failure message=\"{why}\"/>")),
            _ => Some(format!("<skipped message=\"{why}\"/>")),
        };
        match inside {
            Some(inside) => drop(writeln!(out, ">{inside}</testcase>")),
            None => out.push_str("/>\n"),
        }
    }
    out + "  </testsuite>\n</testsuites>\n"
}
