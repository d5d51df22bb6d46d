//! The names of builders' clients → programs, fetched once into the target folder where they can be.
//!
//! Depot's is the file in `UNDIND_DEPOT_CLI`, or npm's `@depot/cli-linux-x64`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::target_folder;

const PACKAGE: &str = "@depot/cli-linux-x64@0.0.1-cli.2.102.12";

/// The Depot CLI, or why there is none.
pub fn depot() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let find = || std::env::var_os("UNDIND_DEPOT_CLI").map_or_else(fetched_depot, |path| Ok(PathBuf::from(path)));
    FOUND.get_or_init(find).clone()
}

fn fetched_depot() -> Result<PathBuf, String> {
    let folder = target_folder().join("depot-cli");
    let cli = folder.join("node_modules/@depot/cli-linux-x64/bin/depot");
    if cli.exists() {
        return Ok(cli);
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let npm =
        Command::new("npm").args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(PACKAGE).output();
    let output = npm.map_err(|error| format!("no Depot CLI: npm does not start: {error}"))?;
    if output.status.success() && cli.exists() { Ok(cli) } else { Err(format!("no Depot CLI: npm can't fetch {PACKAGE}")) }
}
