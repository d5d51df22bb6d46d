//! The list of the files that were fetched into a folder, with their checksums: `undind-includes.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cli::failure::Failure;
use crate::cli::fetch::text;

const NAME: &str = "undind-includes.json";

/// What was fetched, by path.
#[derive(Default, Serialize, Deserialize)]
pub struct Lock {
    version: u32,
    files: BTreeMap<String, Entry>,
}

/// One file.
#[derive(Serialize, Deserialize)]
pub struct Entry {
    url: String,
    /// The checksum of its bytes, in hexadecimal.
    sha256: String,
    /// When it was fetched: seconds since 1970.
    pub fetched: u64,
}

impl Entry {
    /// Whether it is about these bytes.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.sha256 == checksum(bytes)
    }
}

impl Lock {
    /// The list of `folder`; an empty one where there is none.
    ///
    /// # Errors
    /// There is a list that can't be read.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let path = Self::path(folder);
        let Some(text) = text(&path)? else { return Ok(Self { version: 1, files: BTreeMap::new() }) };
        let lock: Self =
            serde_json::from_str(&text).map_err(|error| Failure::at(&path, format!("this is no list of fetched files: {error}")))?;
        if lock.version == 1 { Ok(lock) } else { Err(Failure::at(&path, "a newer version wrote this list")) }
    }

    /// Where the list of `folder` lies.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// What is known of the file at `path`.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.files.get(path)
    }

    /// Notes that `bytes` were fetched.
    pub fn add(&mut self, path: &str, url: &str, bytes: &[u8], fetched: u64) {
        self.files.insert(path.to_owned(), Entry { url: url.to_owned(), sha256: checksum(bytes), fetched });
    }

    /// The list as its file has it.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and numbers are JSON") + "\n"
    }
}

fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
