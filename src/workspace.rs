//! The files that an analysis may see: a loader (disk or memory) and an overlay of changes. Knows no format.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 10 << 20;

/// Why a file could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// It is a directory, a socket, or another thing without text.
    #[error("this is not a file")]
    NotAFile,
    /// It has more than [`MAX_FILE_BYTES`].
    #[error("the file has {0} bytes; at most {MAX_FILE_BYTES} are read")]
    TooBig(u64),
    /// The byte at this 0-based offset is not UTF-8.
    #[error("the file is not UTF-8 text (byte {0})")]
    NotUtf8(usize),
    /// Its path leads out of the workspace.
    #[error("the path leads out of the workspace")]
    Outside,
    /// The machine refused.
    #[error("{0}")]
    Refused(String),
}

/// Reads the files of a repository. Paths are relative to its root, with `/` as separator.
pub trait Loader: Send + Sync {
    /// The bytes of the file at `path`.
    ///
    /// # Errors
    /// [`LoadError`] where there is no readable file.
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError>;

    /// The paths of all files, sorted; used for `include` with wildcards and for finding scripts.
    fn paths(&self) -> Vec<String>;

    /// Whether a file that is not found does not exist at all; otherwise it may only not be known here.
    fn is_everything(&self) -> bool {
        false
    }
}

/// Files in memory, by path.
#[derive(Clone, Default, Debug)]
pub struct MemoryLoader(BTreeMap<String, Vec<u8>>);

impl FromIterator<(String, Vec<u8>)> for MemoryLoader {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

impl Loader for MemoryLoader {
    fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        self.0.get(path).cloned().ok_or(LoadError::NotFound)
    }

    fn paths(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

type Read = Result<Arc<str>, LoadError>;

/// A repository: what its loader reads, each file once, and changes laid over it.
#[derive(Clone)]
pub struct Workspace {
    loader: Arc<dyn Loader>,
    read: Arc<Mutex<BTreeMap<String, Read>>>,
    mirror: Option<Arc<dyn Loader>>,
    mirrored: Arc<Mutex<BTreeMap<String, Read>>>,
    overlay: BTreeMap<String, Arc<str>>,
}

impl Workspace {
    /// A repository that `loader` reads.
    #[must_use]
    pub fn new(loader: impl Loader + 'static) -> Self {
        Self { loader: Arc::new(loader), read: Arc::default(), mirror: None, mirrored: Arc::default(), overlay: BTreeMap::new() }
    }

    /// A repository that holds `files`, pairs of path and text.
    #[must_use]
    pub fn memory<P: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        let files = files.into_iter().map(|(path, text)| (path.into(), text.into().into_bytes()));
        Self::new(MemoryLoader(files.collect()))
    }

    /// The text of the file at `path`, with the overlay's changes. A file is read once, however often it is asked for.
    ///
    /// # Errors
    /// [`LoadError`] where there is no readable UTF-8 file of at most [`MAX_FILE_BYTES`].
    pub fn text(&self, path: &str) -> Read {
        if let Some(text) = self.overlay.get(path) {
            return Ok(text.clone());
        }
        let mut read = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        read.entry(path.to_owned()).or_insert_with(|| load(&*self.loader, path)).clone()
    }

    /// The same repository, with `mirror` for what it includes from elsewhere. Its paths are:
    ///
    /// - `project/GROUP/PROJECT/@REF/PATH` for files of projects, templates of components among them; `@HEAD` without a `ref`, and `%2F` for a slash in it;
    /// - `remote/HOST/PATH` for addresses, `remote-http/HOST/PATH` for those without encryption;
    /// - `template/PATH` for GitLab's own templates.
    #[must_use]
    pub fn with_includes(mut self, mirror: impl Loader + 'static) -> Self {
        self.mirror = Some(Arc::new(mirror));
        self.mirrored = Arc::default();
        self
    }

    /// Whether what the mirror does not have does not exist.
    #[must_use]
    pub fn includes_everything(&self) -> bool {
        self.mirror.as_ref().is_some_and(|mirror| mirror.is_everything())
    }

    /// The text at `path` of the mirror; none where there is no mirror.
    ///
    /// # Errors
    /// As for [`Self::text`].
    #[must_use]
    pub fn included(&self, path: &str) -> Option<Read> {
        let mirror = self.mirror.as_ref()?;
        let mut read = self.mirrored.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Some(read.entry(path.to_owned()).or_insert_with(|| load(&**mirror, path)).clone())
    }

    /// The paths of all files, those of the overlay included, sorted.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let mut paths = self.loader.paths();
        paths.extend(self.overlay.keys().cloned());
        paths.sort();
        paths.dedup();
        paths
    }

    /// The same repository with `files` (path and new text) laid over it.
    #[must_use]
    pub fn with_overlay(&self, files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut changed = self.clone();
        changed.overlay.extend(files.into_iter().map(|(path, text)| (path, text.into())));
        changed
    }
}

fn load(loader: &dyn Loader, path: &str) -> Read {
    if path.split('/').any(|part| part == "..") {
        return Err(LoadError::Outside);
    }
    let bytes = loader.read(path)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(LoadError::TooBig(bytes.len() as u64));
    }
    let text = String::from_utf8(bytes).map_err(|error| LoadError::NotUtf8(error.utf8_error().valid_up_to()))?;
    Ok(text.into())
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspace").field("overlay", &self.overlay.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_hides_what_the_loader_reads_and_adds_files() {
        let base = Workspace::memory([("a.yml", "old")]);
        let changed = base.with_overlay([("a.yml".to_owned(), "new".to_owned()), ("b.yml".to_owned(), String::new())]);
        assert_eq!(changed.text("a.yml").as_deref(), Ok("new"));
        assert_eq!(base.text("a.yml").as_deref(), Ok("old"));
        assert_eq!(changed.paths(), ["a.yml", "b.yml"]);
    }

    #[test]
    fn a_path_that_climbs_out_of_the_repository_is_not_read() {
        assert_eq!(Workspace::memory([("../a", "x")]).text("../a"), Err(LoadError::Outside));
    }
}
