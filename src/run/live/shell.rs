//! Jobs as processes of this machine, each in a folder of its own (<https://docs.gitlab.com/runner/executors/shell/>).

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use crate::run::live::executor::{Ended, Executor, Fault, Place, Site};
use crate::run::live::seen::{Seen, times_are_exact};
use crate::run::live::stop::Stop;
use crate::run::live::{folder, process};
use crate::run::task::{Submodules, Task};
use crate::run::variables::Values;
use crate::run::wanted::Wanted;

/// What a job sees of the environment of whoever starts the run, besides variables that begin with `LC_`; the rest may hold secrets that are none of its
/// business.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NIX_PATH",
    "NIX_PROFILES",
];

/// Runs jobs with `bash`, or with `sh` where there is none. Their `image` and `services` mean nothing to it.
#[derive(Debug)]
pub struct Shell {
    program: PathBuf,
    /// Processes that ran before any job.
    before: BTreeSet<i32>,
    /// Bytes in folders of jobs that ended.
    deferred: AtomicU64,
    /// Held by whoever makes the configuration of Docker's client that the jobs of a run have.
    docker: Mutex<()>,
    /// Folders that their jobs left as they were.
    spare: Mutex<Vec<(PathBuf, Seen)>>,
    /// Whether the file system of their folders tells what was changed.
    exact: OnceLock<bool>,
}

impl Default for Shell {
    fn default() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bash = std::env::split_paths(&path).map(|folder| folder.join("bash")).find(|program| program.is_file());
        Self {
            program: bash.unwrap_or_else(|| PathBuf::from("sh")),
            before: process::all(),
            deferred: AtomicU64::new(0),
            docker: Mutex::default(),
            spare: Mutex::default(),
            exact: OnceLock::new(),
        }
    }
}

impl Executor for Shell {
    fn directories(&self, site: &Site<'_>) -> (String, String) {
        let builds = site.folder.join(site.name);
        (builds.join(last(site.project)).to_string_lossy().into_owned(), builds.to_string_lossy().into_owned())
    }

    fn sees_project(&self) -> bool {
        true
    }

    fn open<'e>(&'e self, task: &Task, site: &Site<'_>, _stop: &Stop) -> Result<Box<dyn Place + 'e>, Fault> {
        let builds = site.folder.join(site.name);
        let project = builds.join(last(site.project));
        let docker = self.docker_folder(site.folder);
        let mut place = Folder { shell: self, builds, project, docker, scripts: 0, seen: None, kept: false };
        if task.has_files
            && task.submodules == Submodules::None
            && let Some((spare, seen)) = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop()
            && fs::rename(&spare, &place.builds).is_ok()
        {
            place.seen = Some(seen);
            return Ok(Box::new(place));
        }
        fs::create_dir_all(&place.project).map_err(|error| Fault::io("the folder of the job can't be made", &error))?;
        for folder in site.source.folders_of(task)? {
            folder::copy(folder, &place.project)?;
        }
        if task.has_files && task.submodules == Submodules::None && *self.exact.get_or_init(|| times_are_exact(&place.builds)) {
            place.seen = Seen::of(&place.project, DEFERRED.1);
        }
        Ok(Box::new(place))
    }
}

/// Most bytes and entries of one job, and bytes of all jobs, that stay until the run ends.
const DEFERRED: (u64, usize, u64) = (4 << 20, 300, 512 << 20);

impl Shell {
    /// A folder in the one of the run, with what the user's configuration of Docker's client says: logins and builders of jobs are not the user's own.
    fn docker_folder(&self, run: &Path) -> Option<PathBuf> {
        let _alone = self.docker.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = run.join("docker");
        if folder.is_dir() {
            return Some(folder);
        }
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let own = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME")?.join(".docker")))?;
        fs::create_dir(&folder).ok()?;
        if own.join("config.json").is_file() {
            fs::copy(own.join("config.json"), folder.join("config.json")).ok()?;
        }
        // What jobs only read.
        for name in ["cli-plugins", "contexts"] {
            if own.join(name).is_dir() {
                std::os::unix::fs::symlink(own.join(name), folder.join(name)).ok()?;
            }
        }
        Some(folder)
    }

    /// Whether the folder of a job is so small that it may stay until the run ends.
    fn defers(&self, folder: &Path) -> bool {
        let (most_bytes, most_entries, most_of_all) = DEFERRED;
        let mut bytes = 0;
        for (count, entry) in walkdir::WalkDir::new(folder).into_iter().enumerate() {
            bytes += entry.ok().and_then(|entry| entry.metadata().ok()).map_or(0, |metadata| metadata.len());
            if count >= most_entries || bytes > most_bytes {
                return false;
            }
        }
        self.deferred.fetch_add(bytes, Ordering::Relaxed) + bytes <= most_of_all
    }
}

/// The last part of a project's path.
fn last(project: &str) -> &str {
    project.rsplit('/').next().unwrap_or(project)
}

/// The folder of a job.
struct Folder<'e> {
    shell: &'e Shell,
    /// The folder for the project and what belongs to it.
    builds: PathBuf,
    project: PathBuf,
    docker: Option<PathBuf>,
    /// How many scripts were run.
    scripts: usize,
    /// What its files were, where it has those of the project.
    seen: Option<Seen>,
    kept: bool,
}

impl Place for Folder<'_> {
    fn put(&mut self, from: &Path) -> Result<(), Fault> {
        self.seen = None;
        folder::copy(from, &self.project)
    }

    fn write(&mut self, path: &str, text: &str) -> Result<(), Fault> {
        let path = Path::new(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
        written.map_err(|error| Fault::io("the file of a variable can't be written", &error))
    }

    fn run(
        &mut self,
        script: &str,
        _values: &Values,
        deadline: Instant,
        stop: &Stop,
        log: &mut (dyn Write + Send),
    ) -> Result<Ended, Fault> {
        self.scripts += 1;
        let file = self.builds.join(format!("script-{}", self.scripts));
        fs::write(&file, script).map_err(|error| Fault::io("the script can't be written", &error))?;
        let mut command = Command::new(&self.shell.program);
        command.arg(&file).current_dir(&self.project).env_clear();
        let inherited = |(name, _): &(std::ffi::OsString, std::ffi::OsString)| {
            name.to_str().is_some_and(|name| INHERITED.contains(&name) || name.starts_with("LC_"))
        };
        command.envs(std::env::vars_os().filter(inherited));
        command.envs(self.docker.iter().map(|folder| ("DOCKER_CONFIG", folder)));
        // With its end, so that it is not the beginning of another one's.
        let mark = process::Mark { text: &format!("{}/", self.builds.display()), before: &self.shell.before };
        process::run(&mut command, mark, deadline, stop, log)
    }

    fn take(&mut self, wanted: &mut Wanted, to: &Path) -> Result<usize, Fault> {
        folder::take(&self.project, wanted, to)
    }

    fn keep(&mut self) -> String {
        self.kept = true;
        self.project.display().to_string()
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        if let Some(seen) = self.seen.take().filter(|seen| !self.kept && seen.is_untouched(&self.builds, &self.project)) {
            return self.shell.spare.lock().unwrap_or_else(PoisonError::into_inner).push((self.builds.clone(), seen));
        }
        // A file system is slower at making files where others were just removed, so that what is small goes with the whole run.
        if !self.kept && !self.shell.defers(&self.builds) {
            // What can't be removed now is a leftover, which the next run removes.
            let _ = folder::remove(&self.builds);
        }
    }
}
