//! A write that died into one that is finished or one that never was.

use std::path::Path;

use super::journal::{self, Content, Journal, State};
use super::{WriteError, sync_folder};

/// What [`recover`] did; the paths are from the root of the workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recovery {
    /// The files were all staged, and are all written now.
    Finished(Vec<String>),
    /// The files are as they were before the write.
    Undone(Vec<String>),
}

impl Recovery {
    /// What happened, as a sentence for standard error.
    pub fn words(&self) -> String {
        match self {
            Self::Finished(files) => format!("an earlier run ended in the middle of writing; it is finished now: {}", files.join(", ")),
            Self::Undone(files) => format!("an earlier run ended in the middle of writing; it is undone now: {}", files.join(", ")),
        }
    }
}

/// Finishes or undoes a write that ended in the middle; none where there is nothing to do, or where another process is writing right now.
///
/// # Errors
/// [`WriteError`] where the machine refuses.
pub fn recover(root: &Path) -> Result<Option<Recovery>, WriteError> {
    if !root.join(journal::FILE).exists() {
        return Ok(None);
    }
    let lock = match journal::lock(root) {
        Err(WriteError::Busy(_)) => return Ok(None),
        other => other?,
    };
    let journal = Journal::load(root).map_err(|error| WriteError::Refused { path: journal::FILE.to_owned(), error })?;
    let recovery = journal.map(|journal| settle(root, &journal)).transpose()?;
    drop(lock);
    journal::remove(root);
    Ok(recovery)
}

fn settle(root: &Path, journal: &Journal) -> Result<Recovery, WriteError> {
    let paths: Vec<String> = journal.files.iter().map(|file| file.path.clone()).collect();
    if journal.state == State::Ready && can_finish(root, journal) && finish(root, journal).is_ok() {
        return Ok(Recovery::Finished(paths));
    }
    match journal.restore(root) {
        Ok(()) => Ok(Recovery::Undone(paths)),
        Err((path, error)) => Err(WriteError::HalfDone { path, error, journal: root.join(super::FOLDER) }),
    }
}

fn can_finish(root: &Path, journal: &Journal) -> bool {
    journal.files.iter().all(|file| match file.content(root) {
        Content::After => true,
        Content::Before => file.is_staged(root),
        Content::Other => false,
    })
}

fn finish(root: &Path, journal: &Journal) -> std::io::Result<()> {
    for file in journal.files.iter().filter(|file| file.content(root) == Content::Before) {
        std::fs::rename(root.join(&file.staged), root.join(&file.path))?;
        sync_folder(&root.join(&file.path));
    }
    Ok(())
}
