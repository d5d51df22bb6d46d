//! The folder of a run outside of the project, and the removal of what a run left that did not come to its end.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::run::live::executor::Fault;
use crate::run::live::folder;
use crate::run::live::process::{self, Mark};

/// How the names of such folders begin.
const PREFIX: &str = "undind-run-";

/// The file that a run holds as long as it lives.
pub const LOCK: &str = "lock";

/// The folder of a run, which goes with it.
#[derive(Debug)]
pub struct RunFolder {
    folder: tempfile::TempDir,
    _lock: File,
}

impl RunFolder {
    /// A new folder, after what ended runs left was removed.
    ///
    /// # Errors
    /// [`Fault`] where it can't be made.
    pub fn new() -> Result<Self, Fault> {
        let all = std::env::temp_dir();
        let failed = |error: std::io::Error| Fault::io(format_args!("no folder can be made in `{}`", all.display()), &error);
        // The real path, so that jobs and their programs agree on it.
        let all = all.canonicalize().map_err(failed)?;
        sweep(&all);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&all).map_err(failed)?;
        let lock = File::create(folder.path().join(LOCK)).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Lets it stay.
    pub fn keep(mut self) {
        // Without the lock's file it is nobody's leftover.
        let _ = fs::remove_file(self.folder.path().join(LOCK));
        self.folder.disable_cleanup(true);
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.folder.path().join(LOCK).exists() {
            end_processes(self.folder.path());
            let _ = folder::remove(self.folder.path());
        }
    }
}

/// Removes the folders of runs of this user that nobody holds, and ends the processes that they left.
fn sweep(all: &Path) {
    for path in leftovers(all) {
        end_processes(&path);
        // What can't be removed is tried again by the next run.
        let _ = folder::remove(&path);
    }
}

fn leftovers(all: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(all).into_iter().flatten().filter_map(Result::ok);
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    let is_left = |path: &PathBuf| {
        let Ok(lock) = File::open(path.join(LOCK)) else { return false };
        is_ours(path) && lock.try_lock().is_ok()
    };
    named.map(|entry| entry.path()).filter(is_left).collect()
}

fn end_processes(folder: &Path) {
    process::end_marked(Mark { text: &format!("{}/", folder.display()), before: &BTreeSet::new() });
}

#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn is_ours(path: &Path) -> bool {
    path.is_dir()
}
