//! The loop of a run by itself, with jobs that only wait: what it costs above the time that the jobs take. And the shell executor, with what a job prints.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use undind::Workspace;
use undind::pipeline::context::{Context, Event, Facts, Ref};
use undind::pipeline::{Documents, resolve};
use undind::plan::plan;
use undind::run::live::{Ended, Executor, Fault, Options, Place, Run, Shell, Site, Stop};
use undind::run::{Status, Task, Values, Wanted};

/// How many jobs, how long each takes, and how many at a time.
const JOBS: u32 = 1000;
const LENGTH: Duration = Duration::from_millis(10);
const AT_A_TIME: u32 = 8;

/// Lets jobs wait.
struct Waiting;

impl Executor for Waiting {
    fn directories(&self, _site: &Site<'_>) -> (String, String) {
        ("/builds/p".to_owned(), "/builds".to_owned())
    }

    fn sees_project(&self) -> bool {
        true
    }

    fn open<'e>(&'e self, _task: &Task, _site: &Site<'_>, _stop: &Stop) -> Result<Box<dyn Place + 'e>, Fault> {
        Ok(Box::new(Waiting))
    }
}

impl Place for Waiting {
    fn put(&mut self, _from: &Path) -> Result<(), Fault> {
        Ok(())
    }

    fn write(&mut self, _path: &str, _text: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn run(
        &mut self,
        _script: &str,
        _values: &Values,
        _deadline: Instant,
        _stop: &Stop,
        log: &mut (dyn Write + Send),
    ) -> Result<Ended, Fault> {
        std::thread::sleep(LENGTH);
        log.write_all(b"done\n").map_err(|error| Fault(error.to_string()))?;
        Ok(Ended::Code(0))
    }

    fn take(&mut self, _wanted: &mut Wanted, _to: &Path) -> Result<usize, Fault> {
        Ok(0)
    }

    fn keep(&mut self) -> String {
        String::new()
    }
}

/// Runs `text`. Gives how long it took and the bytes of the log.
fn run(text: &str, executor: &dyn Executor) -> (Duration, usize) {
    let project = tempfile::tempdir().expect("a folder can be made");
    let workspace = Workspace::memory([(".gitlab-ci.yml", text)]);
    let context = Context::new(Event::Push, Ref::Branch("main".into()), &Facts::default());
    let mut documents = Documents::default();
    let entry = documents.load(&workspace, ".gitlab-ci.yml").expect("it is there");
    let pipeline = resolve(&workspace, &mut documents, ".gitlab-ci.yml", entry, &context);
    let plan = plan(&pipeline, &context, Vec::new());
    let mut options = Options::new(project.path());
    options.concurrency = std::num::NonZeroUsize::new(AT_A_TIME as usize).expect("it is not 0");
    let mut bytes = 0;
    let mut observer = |event: &undind::run::Stamped| {
        if let undind::run::Event::Log { text, .. } = &event.event {
            bytes += text.len() + 1;
        }
    };
    let run = Run::new(&pipeline, &plan, &context, options).expect("no job waits for itself");
    let start = Instant::now();
    let report = run.execute(executor, &Stop::default(), &mut observer).expect("it can be run");
    assert_eq!(report.status, Status::Success);
    (start.elapsed(), bytes)
}

/// The most memory that the process had, in MB, where the system tells.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or_default() / 1024
}

fn main() {
    let jobs: String = (0..JOBS).map(|number| format!("j{number}: {{script: ['true']}}\n")).collect();
    let ideal = LENGTH * JOBS / AT_A_TIME;
    let best = (0..5).map(|_| run(&jobs, &Waiting).0).min().expect("it ran");
    let overhead = best.saturating_sub(ideal) / JOBS;
    println!("{JOBS} jobs of {LENGTH:?}, {AT_A_TIME} at a time: {best:?}, of which {overhead:?} a job are the loop's; peak {} MB", peak());
    let gigabyte = "job: {script: ['head -c 1000000000 /dev/zero | tr \"\\0\" x | fold -w 99']}\n";
    let (time, bytes) = run(gigabyte, &Shell::default());
    println!("a log of {} MB: {time:?}; peak {} MB", bytes / 1_000_000, peak());
    let endless = "job: {script: ['head -c 1000000000 /dev/zero']}\n";
    let (time, bytes) = run(endless, &Shell::default());
    println!("{} MB without a line end: {time:?}; peak {} MB", bytes / 1_000_000, peak());
}
