//! A path of `--runner-config` into a text, and into what a repository calls it.

use std::path::{Path, PathBuf};

use undind::workspace::LoadError;

use crate::cli::discover::{Repository, unreadable_file};
use crate::cli::disk::{load_error, read_limited, slashed};
use crate::cli::failure::Failure;

/// A file with the configuration of runners.
#[derive(Clone, Debug)]
pub struct RunnerFile {
    real: PathBuf,
    /// From the root of the repository; the whole path where it lies elsewhere.
    pub path: String,
    /// What it holds.
    pub text: String,
    /// Whether it lies outside of the repository, where nothing is written.
    pub outside: bool,
}

impl RunnerFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`Failure`] where there is no readable text.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let failure = |error: &LoadError| match error {
            LoadError::NotUtf8(_) | LoadError::TooBig(_) => Failure::at(path, error).help("a runner's configuration is a small UTF-8 text"),
            LoadError::NotFound | LoadError::NotAFile | LoadError::Outside | LoadError::Refused(_) => {
                unreadable_file(&path.display().to_string(), error)
            }
        };
        let real = path.canonicalize().map_err(|error| failure(&load_error(&error)))?;
        let bytes = read_limited(&real).map_err(|error| failure(&error))?;
        let text = String::from_utf8(bytes).map_err(|error| failure(&LoadError::NotUtf8(error.utf8_error().valid_up_to())))?;
        Ok(Self { path: real.display().to_string(), real, text, outside: true })
    }

    /// The same file as `repository` sees it. Of a pipeline from standard input nothing is written but its own text.
    #[must_use]
    pub fn seen_from(&self, repository: &Repository) -> Self {
        match self.real.strip_prefix(&repository.root) {
            Ok(path) => Self { path: slashed(path), outside: repository.stdin, ..self.clone() },
            Err(_) => self.clone(),
        }
    }
}
