//! Texts into checksums.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The SHA-256 of `text`, in hexadecimal.
#[must_use]
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut out, byte| {
        write!(out, "{byte:02x}").expect("strings take everything");
        out
    })
}
