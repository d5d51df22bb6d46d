//! What a write is about to do, on the disk before it does it, and how it is taken back.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::target::Target;
use super::{FOLDER, WriteError, create};

/// From the root of the workspace.
pub(super) const FILE: &str = ".undind/journal.json";
const LOCK: &str = ".undind/lock";

/// How far a write got before it died.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// No target was touched yet.
    Staging,
    /// Everything is staged; targets are being replaced.
    Ready,
}

/// A write; all paths are from the root of the workspace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    pub(super) state: State,
    /// Folders that the write creates, outermost first.
    pub(super) folders: Vec<String>,
    pub(super) files: Vec<JournalFile>,
}

/// One file of a write.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct JournalFile {
    pub(super) path: String,
    pub(super) staged: String,
    /// Where the old content is kept; none for a new file.
    pub(super) backup: Option<String>,
    /// SHA-256 in hexadecimal; none for a new file.
    pub(super) before: Option<String>,
    pub(super) after: String,
}

impl Journal {
    pub(super) fn new(root: &Path, targets: &[Target<'_>]) -> Self {
        let files = targets.iter().enumerate().map(|(at, target)| JournalFile {
            path: text(&target.path),
            staged: text(&staged_path(&target.path)),
            backup: target.change.before.as_ref().map(|_| format!("{FOLDER}/{at}.before")),
            before: target.change.before.as_deref().map(sha256),
            after: sha256(&target.change.after),
        });
        Self { version: 1, state: State::Staging, folders: missing_folders(root, targets), files: files.collect() }
    }

    /// The journal of a write that did not end, if there is one.
    pub(super) fn load(root: &Path) -> io::Result<Option<Self>> {
        let journal: Self = match std::fs::read(root.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Anybody can put a journal into a repository; it must not reach beyond it.
        if journal.paths().all(|path| is_inside(root, path)) {
            Ok(Some(journal))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the journal names files outside of the workspace"))
        }
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        let files = self.files.iter().flat_map(|file| [Some(file.path.as_str()), Some(file.staged.as_str()), file.backup.as_deref()]);
        files.flatten().chain(self.folders.iter().map(String::as_str))
    }

    /// Replaces the journal on the disk in one step.
    pub(super) fn store(&self, root: &Path, state: State) -> io::Result<()> {
        let next = root.join(FOLDER).join("journal.next");
        let mut file = File::create(&next)?;
        file.write_all(&serde_json::to_vec_pretty(&Self { state, ..self.clone() })?)?;
        file.sync_all()?;
        std::fs::rename(&next, root.join(FILE))?;
        super::sync_folder(&root.join(FILE));
        Ok(())
    }

    /// Puts every file back that this write replaced; files that somebody else has changed meanwhile stay. The error names a file.
    pub(super) fn restore(&self, root: &Path) -> Result<(), (String, io::Error)> {
        for file in self.files.iter().rev() {
            file.restore(root).map_err(|error| (file.path.clone(), error))?;
        }
        for folder in self.folders.iter().rev() {
            // A folder that somebody else has put something into stays.
            let _ = std::fs::remove_dir(root.join(folder));
        }
        Ok(())
    }
}

impl JournalFile {
    /// What the target holds now.
    pub(super) fn content(&self, root: &Path) -> Content {
        match std::fs::read(root.join(&self.path)) {
            Ok(bytes) if sha256(&bytes) == self.after => Content::After,
            Ok(bytes) if Some(sha256(&bytes)) == self.before => Content::Before,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.before.is_none() => Content::Before,
            Ok(_) | Err(_) => Content::Other,
        }
    }

    /// Whether the staged file is whole.
    pub(super) fn is_staged(&self, root: &Path) -> bool {
        std::fs::read(root.join(&self.staged)).is_ok_and(|bytes| sha256(&bytes) == self.after)
    }

    fn restore(&self, root: &Path) -> io::Result<()> {
        let (target, staged) = (root.join(&self.path), root.join(&self.staged));
        remove_if_there(&staged)?;
        if self.content(root) != Content::After || self.before.as_ref() == Some(&self.after) {
            return Ok(());
        }
        let Some(backup) = &self.backup else { return remove_if_there(&target) };
        let metadata = target.metadata()?;
        create(&staged, &std::fs::read(root.join(backup))?, Some(&metadata))?;
        std::fs::rename(&staged, &target)
    }
}

/// What a target holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Content {
    /// What was read.
    Before,
    /// What was to be written.
    After,
    /// Something that neither is.
    Other,
}

/// Keeps other processes from writing or recovering in `root` until it is dropped; creates the folder.
pub(super) fn lock(root: &Path) -> Result<File, WriteError> {
    let refused = |error| WriteError::Refused { path: FOLDER.to_owned(), error };
    std::fs::create_dir_all(root.join(FOLDER)).map_err(refused)?;
    let file = File::create(root.join(LOCK)).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(WriteError::Busy(root.to_owned())),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

/// Removes what a write left in its folder. What can't be removed is found, and reported, by the next run.
pub(super) fn remove(root: &Path) {
    let folder = root.join(FOLDER);
    // The journal goes first: without it the rest means nothing.
    let _ = std::fs::remove_file(root.join(FILE));
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".before") || name == "lock" || name == "journal.next" {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    let _ = std::fs::remove_dir(folder);
}

/// Whether `path` is plain, and the nearest folder above it that exists lies in `root`.
fn is_inside(root: &Path, path: &str) -> bool {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let path = root.join(path);
    let folder = path.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok());
    plain && folder.zip(root.canonicalize().ok()).is_some_and(|(folder, root)| folder.starts_with(root))
}

fn staged_path(target: &Path) -> PathBuf {
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    target.with_file_name(format!(".{}.undind", name.trim_start_matches('.')))
}

fn missing_folders(root: &Path, targets: &[Target<'_>]) -> Vec<String> {
    let folders = targets.iter().flat_map(|target| target.path.ancestors().skip(1));
    let missing: BTreeSet<&Path> = folders.filter(|folder| !root.join(folder).exists()).collect();
    missing.into_iter().map(text).collect()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
