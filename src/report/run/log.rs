//! Events of a run into lines for people.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::report::run::{Ended, length, result};
use crate::run::{Event, JobReport, Level, Stamped, Status};

/// Longest part of a job's name that stands before its lines, in characters.
const MAX_PREFIX: usize = 28;

/// The colours of the jobs' names: those that can be read on dark and on light.
const COLOURS: [u8; 6] = [36, 35, 34, 33, 32, 96];

/// Control sequences of a terminal: group 1 is one that only sets colours.
static SEQUENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("(\u{1b}\\[[0-9;:]*m)|\u{1b}\\[[0-?]*[ -/]*[@-~]|\u{1b}\\][^\u{7}\u{1b}]*(?:\u{7}|\u{1b}\\\\)|\u{1b}[ -/]*[0-~]")
        .expect("a valid pattern")
});

/// The beginning or the end of a section of the log (<https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections>).
static SECTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("section_(start|end):[0-9]+:[A-Za-z0-9_.-]+(?:\\[[^\\]]*\\])?\r\u{1b}\\[0K").expect("a valid pattern"));

/// The log of a run, line by line.
#[derive(Debug)]
pub struct RunLog {
    colour: bool,
    /// Characters before each line.
    prefix: usize,
    names: HashMap<Arc<str>, usize>,
}

impl RunLog {
    /// A log with ANSI colours or without.
    #[must_use]
    pub fn new(colour: bool) -> Self {
        Self { colour, prefix: 0, names: HashMap::new() }
    }

    /// The lines that an event adds, each with its line end.
    pub fn lines(&mut self, stamped: &Stamped) -> String {
        match &stamped.event {
            Event::RunStarted { jobs, .. } => {
                self.names = jobs.iter().enumerate().map(|(index, job)| (job.name.clone(), index)).collect();
                self.prefix = jobs.iter().map(|job| job.name.chars().count()).max().unwrap_or_default().min(MAX_PREFIX);
                String::new()
            }
            Event::PipelineStarted { job, jobs } => {
                let first = self.names.len();
                self.names.extend(jobs.iter().enumerate().map(|(index, job)| (job.name.clone(), first + index)));
                let longest = jobs.iter().map(|job| job.name.chars().count()).max().unwrap_or_default().min(MAX_PREFIX);
                self.prefix = self.prefix.max(longest);
                self.line(job, &self.dim("starts a pipeline"))
            }
            Event::JobStarted { job, attempt } if *attempt > 1 => self.line(job, &self.dim(&format!("attempt {attempt}"))),
            Event::JobStarted { job, .. } => self.line(job, &self.dim("starts")),
            Event::Log { job, text } => self.shown(text).map(|text| self.line(job, &text)).unwrap_or_default(),
            Event::Note { job, level, text } => {
                let text = match level {
                    Level::Info => self.dim(text),
                    Level::Warning => self.painted(33, &format!("warning: {text}")),
                    Level::Error => self.painted(31, &format!("error: {text}")),
                };
                job.as_ref().map_or_else(|| format!("{text}\n"), |job| self.line(job, &text))
            }
            Event::JobFinished { job, status, exit_code, reason, duration, retried, allowed, .. } => {
                let why = match (exit_code, reason) {
                    (Some(code), _) => format!(" with exit code {code}"),
                    (None, Some("unknown_failure") | None) => String::new(),
                    (None, Some(reason)) => format!(": {}", reason.replace('_', " ")),
                };
                let after = length(*duration);
                let text = match status {
                    Status::Success => self.painted(32, &format!("passed after {after}")),
                    Status::Canceled => self.painted(33, &format!("canceled after {after}")),
                    _ if *retried => self.painted(33, &format!("failed{why} after {after}, and is run again")),
                    _ if *allowed => self.painted(33, &format!("failed{why} after {after}, which is allowed")),
                    _ => self.painted(31, &format!("failed{why} after {after}")),
                };
                self.line(job, &text)
            }
            Event::RunFinished { status, duration, jobs } => self.table(Ended { status: *status, duration: *duration, jobs }),
        }
    }

    fn line(&self, job: &str, text: &str) -> String {
        let width = self.prefix;
        let mut name: String = plain(job).chars().take(width).collect();
        if job.chars().count() > width {
            name.pop();
            name.push('…');
        }
        let blanks = " ".repeat(width.saturating_sub(name.chars().count()));
        let index = self.names.get(job).copied().unwrap_or_default();
        let name = self.painted(COLOURS[index % COLOURS.len()], &format!("{name}{blanks} |"));
        format!("{name} {text}\n")
    }

    /// A line that a job printed, as a terminal would show it: nothing where it is only the mark of a section.
    fn shown(&self, text: &str) -> Option<String> {
        let unmarked = SECTION.replace_all(text, |found: &regex::Captures<'_>| if &found[1] == "start" { "> " } else { "" });
        if unmarked.trim().is_empty() && unmarked != text {
            return None;
        }
        // What stands before a carriage return is overwritten.
        let last = unmarked.split('\r').rfind(|part| !part.is_empty()).unwrap_or_default();
        let clean = SEQUENCE.replace_all(last, |found: &regex::Captures<'_>| match found.get(1) {
            Some(sequence) if self.colour => sequence.as_str().to_owned(),
            _ => String::new(),
        });
        let clean: String = clean.chars().filter(|c| !c.is_control() || *c == '\t' || *c == '\u{1b}' && self.colour).collect();
        Some(if self.colour && clean.contains('\u{1b}') { format!("{clean}\u{1b}[0m") } else { clean })
    }

    /// What became of all jobs.
    fn table(&self, ended: Ended<'_>) -> String {
        let widest = |text: &dyn Fn(&JobReport) -> String, least: usize| {
            ended.jobs.iter().map(|job| text(job).chars().count()).max().unwrap_or_default().max(least)
        };
        let name = |job: &JobReport| job.name.to_string();
        let time = |job: &JobReport| job.duration.map(length).unwrap_or_default();
        let (names, results, times) = (widest(&name, 3), widest(&|job| result(job).to_owned(), 6), widest(&time, 4));
        let mut out = format!("\n{}\n", self.dim(&format!("{:names$}  {:results$}  {:>times$}  why", "job", "result", "time")));
        for job in ended.jobs {
            let padded = format!("{:results$}", result(job));
            let row = format!("{:names$}  {}  {:>times$}  {}", plain(&job.name), self.painted(colour(job), &padded), time(job), notes(job));
            out.push_str(row.trim_end());
            out.push('\n');
        }
        let word = match ended.status {
            Status::Success => self.painted(32, "passed"),
            Status::Failed => self.painted(31, "failed"),
            Status::Manual => self.painted(33, "waits for a manual job"),
            Status::Skipped => "ran no job".to_owned(),
            other => other.name().to_owned(),
        };
        out + &format!("\nthe pipeline {word} after {}\n", length(ended.duration))
    }

    fn painted(&self, colour: u8, text: &str) -> String {
        if self.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn dim(&self, text: &str) -> String {
        self.painted(2, text)
    }
}

/// A name that can't drive a terminal.
fn plain(name: &str) -> String {
    name.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

fn colour(job: &JobReport) -> u8 {
    match job.status {
        Status::Success => 32,
        Status::Failed if !job.allowed => 31,
        Status::Skipped => 2,
        _ => 33,
    }
}

/// What there is to say of a job.
fn notes(job: &JobReport) -> String {
    let mut notes: Vec<String> = job.why.iter().cloned().collect();
    if job.attempts > 1 {
        notes.push(format!("{} attempts", job.attempts));
    }
    if let Some(coverage) = job.coverage {
        notes.push(format!("coverage {coverage} %"));
    }
    if let Some(tests) = job.tests {
        notes.push(format!("{} tests, {} failed, {} skipped", tests.total, tests.failed, tests.skipped));
    }
    notes.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(colour: bool, text: &str) -> Option<String> {
        RunLog::new(colour).shown(text)
    }

    #[test]
    fn only_colours_of_a_job_reach_the_terminal() {
        assert_eq!(shown(true, "\u{1b}[31mred\u{1b}[0m\u{1b}[2J\u{1b}]0;title\u{7}\u{8}").unwrap(), "\u{1b}[31mred\u{1b}[0m\u{1b}[0m");
        assert_eq!(shown(false, "\u{1b}[31mred\u{1b}[0m\u{1b}[2J x").unwrap(), "red x");
    }

    #[test]
    fn marks_of_sections_are_not_shown_and_their_titles_are() {
        let start = "section_start:1560896352:my_first_section[collapsed=true]\r\u{1b}[0KHeader";
        assert_eq!(shown(false, start).unwrap(), "> Header");
        assert_eq!(shown(false, "section_end:1560896353:my_first_section\r\u{1b}[0K"), None);
        assert_eq!(shown(false, "").unwrap(), "");
    }

    #[test]
    fn the_name_of_a_job_does_not_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb"), "a?[2Jb");
    }

    #[test]
    fn of_a_line_that_overwrites_itself_the_last_state_is_shown() {
        assert_eq!(shown(false, "10%\r50%\r100%\r").unwrap(), "100%");
    }
}
