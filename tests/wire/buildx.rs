//! Debian's buildx → a program, fetched once into the target folder if apt can; `UNDIND_BUILDX` names another.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::target_folder;

/// The plugin as a program of its own, or why there is none.
pub fn buildx() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let find = || std::env::var_os("UNDIND_BUILDX").map_or_else(fetched, |path| Ok(PathBuf::from(path)));
    FOUND.get_or_init(find).clone()
}

fn fetched() -> Result<PathBuf, String> {
    // The end-to-end test keeps the same one.
    let kept = target_folder().join("e2e/engine/docker-28/docker-buildx");
    let own = target_folder().join("wire/docker-buildx");
    if let Some(program) = [kept, own.clone()].into_iter().find(|path| path.exists()) {
        return Ok(program);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/buildx.sh");
    let output = Command::new("bash").arg(script).arg(&own).output().map_err(|error| format!("no buildx: bash does not start: {error}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(own),
        Some(3) => Err(format!("no buildx: {}", stderr.lines().last().unwrap_or("apt can't fetch it"))),
        _ => panic!("buildx.sh fails: {stderr}"),
    }
}
