//! What runs leave in the repository's own folder: artifacts, reports and logs by job, and caches by key, with a limit to what caches take.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use walkdir::WalkDir;

use crate::checksum::sha256;
use crate::run::live::executor::Fault;
use crate::run::live::folder;
use crate::run::live::runner::Report;
use crate::run::live::source::OWN_FOLDER;

/// The folders of one repository.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Held by whoever reads caches, and alone by whoever puts a new one in the place of an old one.
    caches: RwLock<()>,
    /// Held as long as a run lives.
    _lock: File,
}

impl Store {
    /// The store of the repository at `root`, which git ignores.
    ///
    /// # Errors
    /// [`Fault`] where another run holds it, or it can't be made.
    pub fn open(root: &Path) -> Result<Self, Fault> {
        let root = root.join(OWN_FOLDER);
        let failed = |error: std::io::Error| Fault::io(format_args!("`{}` can't be made", root.display()), &error);
        for folder in ["artifacts", "cache", "logs", "reports"] {
            fs::create_dir_all(root.join(folder)).map_err(failed)?;
        }
        let ignore = root.join(".gitignore");
        if !ignore.exists() {
            fs::write(ignore, "*\n").map_err(failed)?;
        }
        let lock = File::options().create(true).truncate(false).write(true).open(root.join("run.lock")).map_err(failed)?;
        lock.try_lock()
            .map_err(|_| Fault(format!("another run is going on in this repository (`{}` is locked)", root.join("run.lock").display())))?;
        Ok(Self { root, caches: RwLock::new(()), _lock: lock })
    }

    /// The folder of a job's artifacts.
    #[must_use]
    pub fn artifacts(&self, job: &str) -> PathBuf {
        self.root.join("artifacts").join(file_name(job))
    }

    /// The folder of a job's reports of one kind.
    #[must_use]
    pub fn reports(&self, job: &str, kind: &str) -> PathBuf {
        self.root.join("reports").join(file_name(job)).join(kind)
    }

    /// The file of a job's log.
    #[must_use]
    pub fn log(&self, job: &str) -> PathBuf {
        self.root.join("logs").join(format!("{}.log", file_name(job)))
    }

    /// Forgets what an earlier attempt at a job left.
    ///
    /// # Errors
    /// [`Fault`] where it can't be removed.
    pub fn forget(&self, job: &str) -> Result<(), Fault> {
        [self.artifacts(job), self.root.join("reports").join(file_name(job))].iter().try_for_each(|folder| {
            folder::remove(folder).map_err(|error| Fault::io("the artifacts of an earlier run can't be removed", &error))
        })
    }

    /// Calls `read` with the folder of the cache under `key`. Gives false where there is none.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn cached(&self, key: &str, read: impl FnOnce(&Path) -> Result<(), Fault>) -> Result<bool, Fault> {
        let _reads = self.caches.read().unwrap_or_else(PoisonError::into_inner);
        let folder = self.cache(key);
        if !folder.is_dir() {
            return Ok(false);
        }
        // The time of the folder says when the cache was last used.
        let _ = File::open(&folder).and_then(|file| file.set_modified(SystemTime::now()));
        read(&folder).map(|()| true)
    }

    /// Puts what `write` fills a new folder with in the place of the cache under `key`; where it gives 0, the old one stays.
    ///
    /// # Errors
    /// Those of `write`, and [`Fault`] where folders can't be moved.
    pub fn save(&self, key: &str, write: impl FnOnce(&Path) -> Result<usize, Fault>) -> Result<usize, Fault> {
        let failed = |error: std::io::Error| Fault::io("the cache can't be saved", &error);
        let stage = tempfile::Builder::new().prefix(".new-").tempdir_in(self.root.join("cache")).map_err(failed)?;
        let new = stage.path().join("new");
        let count = write(&new);
        if let Ok(1..) = count {
            let _alone = self.caches.write().unwrap_or_else(PoisonError::into_inner);
            let folder = self.cache(key);
            if folder.exists() {
                fs::rename(&folder, stage.path().join("old")).map_err(failed)?;
            }
            fs::rename(&new, &folder).map_err(failed)?;
        }
        let _ = folder::remove(stage.path());
        count
    }

    /// Removes the caches that were not used for the longest time until the others have at most `limit` bytes.
    pub fn shrink(&self, limit: u64) {
        let _alone = self.caches.write().unwrap_or_else(PoisonError::into_inner);
        let caches = fs::read_dir(self.root.join("cache")).into_iter().flatten().filter_map(Result::ok);
        let mut known: BTreeSet<(SystemTime, PathBuf, u64)> = BTreeSet::new();
        for cache in caches {
            let used = cache.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            let files = WalkDir::new(cache.path()).into_iter().filter_map(Result::ok).filter_map(|entry| entry.metadata().ok());
            known.insert((used, cache.path(), files.filter(|file| file.is_file()).map(|file| file.len()).sum()));
        }
        let mut all: u64 = known.iter().map(|(_, _, bytes)| bytes).sum();
        for (_, path, bytes) in known {
            if all <= limit {
                return;
            }
            if folder::remove(&path).is_ok() {
                all -= bytes;
            }
        }
    }

    fn cache(&self, key: &str) -> PathBuf {
        self.root.join("cache").join(file_name(key))
    }
}

/// Copies the artifacts that the jobs of `report` left in the repository at `root` into the folder `to`.
///
/// # Errors
/// [`Fault`] where they can't be copied.
pub fn copy_artifacts(root: &Path, report: &Report, to: &Path) -> Result<(), Fault> {
    fs::create_dir_all(to).map_err(|error| Fault::io(format_args!("`{}` can't be made", to.display()), &error))?;
    let folders =
        report.jobs.iter().filter(|job| job.attempts > 0).map(|job| root.join(OWN_FOLDER).join("artifacts").join(file_name(&job.name)));
    folders.filter(|folder| folder.is_dir()).try_for_each(|folder| folder::copy(&folder, to))
}

/// Longest beginning of a name that is kept, in bytes.
const MAX_NAME: usize = 80;

/// A name that every file system takes, and that no other name has: what is only letters, digits, `-`, `_` and dots within stays.
#[must_use]
pub fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(is_plain) && !name.starts_with(['.', '-']) && !has_upper(name) {
        return name.to_owned();
    }
    let mut plain = String::new();
    for character in name.chars().take(MAX_NAME) {
        match character {
            c if is_plain(c) => plain.push(c.to_ascii_lowercase()),
            _ if !plain.ends_with('-') => plain.push('-'),
            _ => {}
        }
    }
    format!("{}-{}", plain.trim_matches(['-', '.']), &sha256(name)[..8]).trim_start_matches('-').to_owned()
}

/// Names that differ only in case are one on some file systems.
fn has_upper(name: &str) -> bool {
    name.chars().any(|c| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_jobs_are_names_of_files_and_no_two_are_one() {
        assert_eq!(file_name("build"), "build");
        let names = ["build: [a, b]", "build: [a b]", "Build", "BUILD", "../x", "\u{1f600}", "", ".", "a/b", "a\\b", &"x".repeat(300)];
        let files: BTreeSet<String> = names.iter().map(|name| file_name(name).to_lowercase()).collect();
        assert_eq!(files.len(), names.len(), "{files:?}");
        assert!(files.iter().all(|file| file.len() < 100 && !file.starts_with(['.', '-']) && !file.contains(['/', '\\'])), "{files:?}");
    }

    #[test]
    fn caches_are_kept_within_their_limit_and_the_newest_stay() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        for key in ["old", "new"] {
            let write = |folder: &Path| {
                fs::create_dir_all(folder).unwrap();
                fs::write(folder.join("f"), vec![0; 1000]).unwrap();
                Ok(1)
            };
            assert_eq!(store.save(key, write).unwrap(), 1);
        }
        let long_ago = SystemTime::now() - std::time::Duration::from_secs(1000);
        File::open(store.cache("old")).unwrap().set_modified(long_ago).unwrap();
        store.shrink(1500);
        assert!(!store.cached("old", |_| Ok(())).unwrap() && store.cached("new", |_| Ok(())).unwrap());
    }

    #[test]
    fn two_runs_do_not_share_a_repository() {
        let root = tempfile::tempdir().unwrap();
        let first = Store::open(root.path()).unwrap();
        assert!(Store::open(root.path()).unwrap_err().0.contains("another run"));
        drop(first);
        assert!(Store::open(root.path()).is_ok());
    }
}
