//! The files of a repository on the disk.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use undind::workspace::{LoadError, Loader, MAX_FILE_BYTES};
use walkdir::WalkDir;

/// Reads below a folder, and not through symbolic links that lead out of it.
pub struct DiskLoader {
    root: PathBuf,
    paths: OnceLock<Vec<String>>,
}

impl DiskLoader {
    /// A loader for the files below `root`, an absolute path without symbolic links.
    pub fn new(root: PathBuf) -> Self {
        Self { root, paths: OnceLock::new() }
    }
}

impl Loader for DiskLoader {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let real = self.root.join(path).canonicalize().map_err(|error| load_error(&error))?;
        if !real.starts_with(&self.root) {
            return Err(LoadError::Outside);
        }
        read_limited(&real)
    }

    fn paths(&self) -> Vec<String> {
        self.paths.get_or_init(|| paths_below(&self.root)).clone()
    }
}

/// The bytes of a regular file of at most [`MAX_FILE_BYTES`].
pub fn read_limited(path: &Path) -> Result<Vec<u8>, LoadError> {
    let metadata = path.metadata().map_err(|error| load_error(&error))?;
    if !metadata.is_file() {
        return Err(LoadError::NotAFile);
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(LoadError::TooBig(metadata.len()));
    }
    std::fs::read(path).map_err(|error| load_error(&error))
}

/// The bytes of standard input, which can't say how many it has.
pub fn read_stdin() -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| load_error(&error))?;
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(LoadError::TooBig(bytes.len() as u64)) } else { Ok(bytes) }
}

/// The machine's error in the words of [`LoadError`].
pub fn load_error(error: &io::Error) -> LoadError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => LoadError::NotFound,
        ErrorKind::IsADirectory => LoadError::NotAFile,
        ErrorKind::PermissionDenied => LoadError::Refused("permission denied".to_owned()),
        _ => LoadError::Refused(error.to_string()),
    }
}

/// Files only, without git's own; what can't be listed is left out, as it could not be read either.
fn paths_below(root: &Path) -> Vec<String> {
    let entries = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|entry| entry.file_name() != ".git");
    let files = entries.filter_map(Result::ok).filter(|entry| !entry.file_type().is_dir());
    let mut paths: Vec<String> = files.filter_map(|entry| Some(slashed(entry.path().strip_prefix(root).ok()?))).collect();
    paths.sort();
    paths
}

/// A relative path with `/` as separator.
pub fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
