//! New contents into users' files: all of them or none, also across a crash. The only writer of users' files.
//!
//! Every file is staged beside its target and its old content is kept in `.undind/`, with a journal that names both; then the staged files are
//! renamed. A write that fails is undone from what was kept; a run that died is finished or undone by the next one ([`recover`]).

mod journal;
mod recover;
mod target;

use std::io::Write;
use std::path::{Path, PathBuf};

pub use recover::recover;

use journal::{Journal, State};
use target::Target;

/// The folder, in the root of the workspace, that exists while files are written.
pub const FOLDER: &str = ".undind";

/// A file's new content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// From the root of the workspace, with `/` as separator.
    pub path: String,
    /// What was read; none for a file that must not exist yet.
    pub before: Option<Vec<u8>>,
    /// What is to be written.
    pub after: Vec<u8>,
}

/// Why nothing was written (or, where it says so, why something is left half done).
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file is not what was read.
    #[error("`{0}` was changed by somebody else since it was read; nothing was written")]
    Changed(String),
    /// A file is to be created where one exists.
    #[error("`{0}` exists already and would be overwritten; nothing was written")]
    Exists(String),
    /// The file is marked read-only.
    #[error("`{0}` is read-only; nothing was written")]
    ReadOnly(String),
    /// The file, or the target of a symbolic link, lies elsewhere.
    #[error("`{0}` leads out of the workspace; nothing was written")]
    Outside(String),
    /// It is a folder, a socket, or another thing without content.
    #[error("`{0}` is not a file; nothing was written")]
    NotAFile(String),
    /// Another process writes.
    #[error("another undind is writing in `{0}`; nothing was written")]
    Busy(PathBuf),
    /// The machine refused, and everything is as it was.
    #[error("`{path}`: {error}; nothing was written")]
    Refused {
        /// The file.
        path: String,
        /// What the machine says.
        error: std::io::Error,
    },
    /// The machine refused, also to restore what had been written.
    #[error("`{path}`: {error}; the files could not all be restored, `{}` has their old contents", journal.display())]
    HalfDone {
        /// The file that could not be restored.
        path: String,
        /// What the machine says.
        error: std::io::Error,
        /// The folder with the journal and the old contents.
        journal: PathBuf,
    },
}

/// What renames a staged file to its target; a test can make it fail.
pub type Rename<'a> = &'a dyn Fn(&Path, &Path) -> std::io::Result<()>;

/// Writes `changes` below `root`.
///
/// # Errors
/// [`WriteError`]; apart from [`WriteError::HalfDone`], nothing has changed then.
pub fn write_files(root: &Path, changes: &[Change]) -> Result<(), WriteError> {
    write_files_with(root, changes, &|from, to| std::fs::rename(from, to))
}

/// [`write_files`] with another way to rename.
///
/// # Errors
/// As [`write_files`].
pub fn write_files_with(root: &Path, changes: &[Change], rename: Rename<'_>) -> Result<(), WriteError> {
    let targets = changes.iter().map(|change| Target::check(root, change)).collect::<Result<Vec<_>, _>>()?;
    if targets.is_empty() {
        return Ok(());
    }
    let lock = journal::lock(root)?;
    let journal = Journal::new(root, &targets);
    let staged = stage(root, &journal, &targets);
    let written = staged.and_then(|()| replace(root, &journal, rename));
    let result = written.map_err(|failed| undo(root, &journal, failed));
    drop(lock);
    if !matches!(result, Err(WriteError::HalfDone { .. })) {
        journal::remove(root);
    }
    result
}

/// A step that failed at a file.
struct Failed {
    path: String,
    error: std::io::Error,
}

fn stage(root: &Path, journal: &Journal, targets: &[Target<'_>]) -> Result<(), Failed> {
    let at = |path: &str| {
        let path = path.to_owned();
        move |error| Failed { path, error }
    };
    journal.store(root, State::Staging).map_err(at(journal::FILE))?;
    for folder in &journal.folders {
        std::fs::create_dir(root.join(folder)).map_err(at(folder))?;
    }
    for (file, target) in journal.files.iter().zip(targets) {
        if let (Some(backup), Some(before)) = (&file.backup, &target.change.before) {
            create(&root.join(backup), before, None).map_err(at(&file.path))?;
        }
        create(&root.join(&file.staged), &target.change.after, target.metadata.as_ref()).map_err(at(&file.path))?;
    }
    journal.store(root, State::Ready).map_err(at(journal::FILE))
}

/// A new file with `bytes`, on the disk before this returns, with the permissions and the owner of `like`.
fn create(path: &Path, bytes: &[u8], like: Option<&std::fs::Metadata>) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    if let Some(like) = like {
        keep_owner(&file, like);
        file.set_permissions(like.permissions())?;
    }
    file.sync_all()
}

/// Only root may give files away; for everybody else the owner is the same anyway.
#[cfg(unix)]
fn keep_owner(file: &std::fs::File, like: &std::fs::Metadata) {
    use std::os::unix::fs::MetadataExt;
    let _ = std::os::unix::fs::fchown(file, Some(like.uid()), Some(like.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_file: &std::fs::File, _like: &std::fs::Metadata) {}

fn replace(root: &Path, journal: &Journal, rename: Rename<'_>) -> Result<(), Failed> {
    for file in &journal.files {
        let target = root.join(&file.path);
        rename(&root.join(&file.staged), &target).map_err(|error| Failed { path: file.path.clone(), error })?;
    }
    for file in &journal.files {
        sync_folder(&root.join(&file.path));
    }
    Ok(())
}

/// Makes a rename last; file systems that can't sync a folder don't need it.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|folder| std::fs::File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}

fn undo(root: &Path, journal: &Journal, failed: Failed) -> WriteError {
    match journal.restore(root) {
        Ok(()) => WriteError::Refused { path: failed.path, error: failed.error },
        Err((path, error)) => WriteError::HalfDone { path, error, journal: root.join(FOLDER) },
    }
}

#[cfg(test)]
mod tests;
