//! A change into the file on the disk that it replaces, or the reason why it must not be.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::{Change, WriteError};

/// A change whose target was found as it was read.
pub(super) struct Target<'a> {
    pub(super) change: &'a Change,
    /// From the root, after symbolic links.
    pub(super) path: PathBuf,
    /// None for a new file.
    pub(super) metadata: Option<Metadata>,
}

impl<'a> Target<'a> {
    pub(super) fn check(root: &Path, change: &'a Change) -> Result<Self, WriteError> {
        let refused = |error| WriteError::Refused { path: change.path.clone(), error };
        if !Path::new(&change.path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(WriteError::Outside(change.path.clone()));
        }
        let root = root.canonicalize().map_err(refused)?;
        match &change.before {
            None => Self::new_file(&root, change),
            Some(before) => Self::existing(&root, change, before),
        }
    }

    fn new_file(root: &Path, change: &'a Change) -> Result<Self, WriteError> {
        let path = root.join(&change.path);
        if path.symlink_metadata().is_ok() {
            return Err(WriteError::Exists(change.path.clone()));
        }
        let present = path.ancestors().skip(1).find(|folder| folder.symlink_metadata().is_ok()).unwrap_or(root);
        let real = present.canonicalize().map_err(|error| WriteError::Refused { path: change.path.clone(), error })?;
        let inside = real.strip_prefix(root).map_err(|_| WriteError::Outside(change.path.clone()))?;
        if !real.is_dir() {
            return Err(WriteError::NotAFile(present.display().to_string()));
        }
        let missing = path.strip_prefix(present).expect("an ancestor is a prefix");
        Ok(Self { change, path: inside.join(missing), metadata: None })
    }

    fn existing(root: &Path, change: &'a Change, before: &[u8]) -> Result<Self, WriteError> {
        let name = || change.path.clone();
        let refused = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => WriteError::Changed(name()),
            _ => WriteError::Refused { path: name(), error },
        };
        let real = root.join(&change.path).canonicalize().map_err(refused)?;
        let path = real.strip_prefix(root).map_err(|_| WriteError::Outside(name()))?.to_owned();
        let metadata = real.metadata().map_err(refused)?;
        if !metadata.is_file() {
            return Err(WriteError::NotAFile(name()));
        }
        if metadata.permissions().readonly() {
            return Err(WriteError::ReadOnly(name()));
        }
        if std::fs::read(&real).map_err(refused)? != before {
            return Err(WriteError::Changed(name()));
        }
        Ok(Self { change, path, metadata: Some(metadata) })
    }
}
