//! Events of a run on standard output: lines and a table for people, with a line for each job that runs where they look at a terminal, or JSON.

use std::collections::HashMap;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use undind::report::run::RunLog;
use undind::run::{Event, Stamped};

use crate::cli::args::LogFormat;
use crate::cli::failure::Failure;
use crate::cli::output::Output;

/// How often a line is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// Where events are shown.
pub struct Shown {
    format: LogFormat,
    log: RunLog,
    progress: Option<Progress>,
    /// Why nothing more can be shown.
    pub failure: Option<Failure>,
}

/// The lines of the jobs that run, below the log.
struct Progress {
    lines: MultiProgress,
    style: ProgressStyle,
    by_job: HashMap<Arc<str>, ProgressBar>,
}

impl Shown {
    /// Shows events in `format`, with the colours that `output` has.
    pub fn new(format: LogFormat, output: &Output) -> Self {
        let looks = format == LogFormat::Human && std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let style = || ProgressStyle::with_template("{spinner} {msg}  {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let progress = looks.then(|| Progress { lines: MultiProgress::new(), style: style(), by_job: HashMap::new() });
        Self { format, log: RunLog::new(output.colours_stdout()), progress, failure: None }
    }

    /// Shows an event.
    pub fn event(&mut self, event: &Stamped) {
        let text = match self.format {
            LogFormat::Human => self.log.lines(event),
            LogFormat::Json => serde_json::to_string(event)
                .map_or_else(|error| format!("{{\"event\":\"error\",\"text\":\"{error}\"}}\n"), |text| text + "\n"),
        };
        if let Some(progress) = &mut self.progress {
            progress.event(&event.event);
        }
        let is_log = matches!(event.event, Event::Log { .. });
        let write = || {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| if is_log { Ok(()) } else { stdout.flush() })
        };
        let written = match &self.progress {
            Some(progress) if !text.is_empty() => progress.lines.suspend(write),
            _ => write(),
        };
        // Whoever stops reading doesn't want to see more, and the jobs still run to their ends.
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
            && self.failure.is_none()
        {
            self.failure = Some(Failure::new(format!("standard output can't be written: {error}")));
        }
    }
}

impl Progress {
    fn event(&mut self, event: &Event) {
        match event {
            Event::JobStarted { job, .. } => {
                let line = self
                    .lines
                    .add(ProgressBar::new_spinner().with_style(self.style.clone()).with_message(job.replace(char::is_control, "?")));
                line.enable_steady_tick(TICK);
                self.by_job.insert(job.clone(), line);
            }
            Event::JobFinished { job, .. } => {
                if let Some(line) = self.by_job.remove(job) {
                    line.finish_and_clear();
                    self.lines.remove(&line);
                }
            }
            _ => {}
        }
    }
}
