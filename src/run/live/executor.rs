//! What runs jobs: a place for each, files in and out of it, and scripts in it.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::run::live::source::Source;
use crate::run::live::stop::Stop;
use crate::run::task::Task;
use crate::run::variables::Values;
use crate::run::wanted::Wanted;

/// What kept something from being run: a sentence without its end.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

impl Fault {
    /// Something that went wrong with a file.
    pub(super) fn io(what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self(format!("{what}: {error}"))
    }
}

/// How a script ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// It took too long and was ended.
    Timeout,
    /// It was told to stop and was ended.
    Stopped,
}

/// What a place is made for.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// A name for it that no other place has, made of letters that any file system takes.
    pub name: &'a str,
    /// A folder of the run, for files of its own.
    pub folder: &'a Path,
    /// The files of the project.
    pub source: &'a Source,
    /// The project's path, such as `group/project`.
    pub project: &'a str,
    /// The folder in which places of this run lie, as a job sees it.
    pub builds_dir: &'a str,
}

/// Runs jobs. Called from a thread for each job.
pub trait Executor: Send + Sync {
    /// The folder of the project that a job in `site` will see, and the folder above it.
    fn directories(&self, site: &Site<'_>) -> (String, String);

    /// Whether jobs see the folder of the project, so that its objects need no copy.
    fn sees_project(&self) -> bool;

    /// The images that jobs pushed to a registry of the executor's own.
    fn published(&self) -> Vec<String> {
        Vec::new()
    }

    /// Makes the place of a job, with the files of the project where it wants them.
    ///
    /// # Errors
    /// [`Fault`] where that is not possible, or `stop` is told before it is done.
    fn open<'e>(&'e self, task: &Task, site: &Site<'_>, stop: &Stop) -> Result<Box<dyn Place + 'e>, Fault>;
}

/// Where one job runs. Dropping it removes it, with all that still runs in it.
pub trait Place {
    /// Lays the files of a folder into the project.
    ///
    /// # Errors
    /// [`Fault`] where they can't be written.
    fn put(&mut self, from: &Path) -> Result<(), Fault>;

    /// Writes a file that is none of the project's, at a path that [`Task::files`] names.
    ///
    /// # Errors
    /// [`Fault`] where it can't be written.
    fn write(&mut self, path: &str, text: &str) -> Result<(), Fault>;

    /// Runs a script in a new shell until it ends, `deadline` comes or `stop` is told; what it started ends with it.
    ///
    /// # Errors
    /// [`Fault`] where it can't be run.
    fn run(&mut self, script: &str, values: &Values, deadline: Instant, stop: &Stop, log: &mut (dyn Write + Send)) -> Result<Ended, Fault>;

    /// Copies what is wanted of the project into `to`, which need not exist. Gives the number of entries.
    ///
    /// # Errors
    /// [`Fault`] where something can't be read or written.
    fn take(&mut self, wanted: &mut Wanted, to: &Path) -> Result<usize, Fault>;

    /// What is to be said of it, such as of a service that is not ready: sentences.
    fn warnings(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Keeps the place when it is dropped. Gives where it is, for people.
    fn keep(&mut self) -> String;
}
