//! `--includes` and `--fetch-includes` into the mirror of a workspace.

use std::path::Path;

use undind::workspace::Workspace;

use crate::cli::Context;
use crate::cli::disk::{DiskLoader, load_error};
use crate::cli::failure::Failure;

/// The workspace with what its pipelines include from elsewhere.
///
/// # Errors
/// A folder that can't be used.
pub fn with_includes(workspace: Workspace, root: &Path, context: &Context) -> Result<Workspace, Failure> {
    if context.global.fetch_includes {
        return fetched(workspace, root, context);
    }
    let Some(folder) = &context.global.includes else { return Ok(workspace) };
    let real = folder.canonicalize().map_err(|error| Failure::at(folder, load_error(&error)))?;
    if !real.is_dir() {
        return Err(
            Failure::at(folder, "this is no folder").help("`--includes` takes a folder with `project`, `remote` and `template` in it")
        );
    }
    Ok(workspace.with_includes(DiskLoader::new(real)))
}

#[cfg(not(feature = "fetch"))]
fn fetched(_workspace: Workspace, _root: &Path, _context: &Context) -> Result<Workspace, Failure> {
    Err(Failure::new("this build has no `--fetch-includes`").help("build it with the feature `fetch`"))
}

#[cfg(feature = "fetch")]
fn fetched(workspace: Workspace, root: &Path, context: &Context) -> Result<Workspace, Failure> {
    use crate::cli::fetch::{FetchLoader, Options};
    use std::time::Duration;
    let server = variable("CI_SERVER_URL").unwrap_or_else(|| {
        let host = crate::cli::git::Git::open(root).and_then(|git| git.facts().server);
        format!("https://{}", host.as_deref().unwrap_or("gitlab.com"))
    });
    if !server.starts_with("https://") && !server.starts_with("http://") {
        return Err(Failure::new(format!("`CI_SERVER_URL` is `{server}`, which is no address")));
    }
    let token = variable("GITLAB_TOKEN").map(|token| ("PRIVATE-TOKEN", token));
    let token = token.or_else(|| variable("CI_JOB_TOKEN").map(|token| ("JOB-TOKEN", token)));
    let folder = match &context.global.includes {
        Some(folder) => folder.clone(),
        None => cache(server.split_once("://").map_or(&*server, |(_, host)| host))?,
    };
    let timeout = Duration::from_secs(context.global.fetch_timeout);
    Ok(workspace.with_includes(FetchLoader::new(Options { folder, server, token, timeout })?))
}

/// A folder of the user's cache, one for each server.
#[cfg(feature = "fetch")]
fn cache(host: &str) -> Result<std::path::PathBuf, Failure> {
    let base = variable("XDG_CACHE_HOME").map(std::path::PathBuf::from).or_else(|| Some(Path::new(&variable("HOME")?).join(".cache")));
    let base = base.ok_or_else(|| Failure::new("there is no folder for what is fetched").help("give one with `--includes DIR`"))?;
    Ok(base.join("undind").join("includes").join(host.trim_end_matches('/').replace(['/', ':'], "_")))
}

#[cfg(feature = "fetch")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
