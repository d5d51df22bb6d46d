//! The files of a project as jobs get them: what is committed, changed and new, but nothing that git ignores; with a repository beside them, as the
//! runner's checkout has one. The one file of the library that runs `git`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use walkdir::WalkDir;

use crate::run::live::executor::Fault;
use crate::run::live::folder;

/// The folder of the tool's own files at the root of a repository.
pub const OWN_FOLDER: &str = ".undind";

/// Where pushes of a job go: nowhere.
const NOWHERE: &str = "held-back-by-undind:";

/// The files of a project at the moment when a run began.
#[derive(Clone, Debug)]
pub struct Source {
    /// A folder with exactly these files and their `.git`.
    folder: PathBuf,
    /// Files that git knows, from the root.
    tracked: Arc<BTreeSet<String>>,
}

impl Source {
    /// A copy of the files of the project at `root`, in a new folder `into`. Of the history there are `depth` commits, or all where it is 0.
    ///
    /// # Errors
    /// [`Fault`] where files can't be listed or copied.
    pub fn of(root: &Path, into: &Path, depth: u32) -> Result<Self, Fault> {
        let git = Git { root };
        fs::create_dir_all(into).map_err(|error| Fault::io("the folder of the run can't be made", &error))?;
        if !git.is_repository() {
            let files = every_file(root)?;
            copy_files(root, &files, into)?;
            return Ok(Self { folder: into.to_owned(), tracked: Arc::new(BTreeSet::new()) });
        }
        let tracked = git.paths(&["ls-files", "-z", "--cached"])?;
        let new = git.paths(&["ls-files", "-z", "--others", "--exclude-standard"])?;
        if let Some(head) = git.head() {
            git.repository(into, &head, depth)?;
        }
        let own = format!("{OWN_FOLDER}/");
        let files = tracked.iter().chain(new.iter().filter(|path| !path.starts_with(&own))).cloned().collect();
        copy_files(root, &files, into)?;
        Ok(Self { folder: into.to_owned(), tracked: Arc::new(tracked) })
    }

    /// Puts texts in the place of files, or makes them.
    ///
    /// # Errors
    /// [`Fault`] where they can't be written.
    pub fn lay_over(&self, texts: &BTreeMap<String, String>) -> Result<(), Fault> {
        for (path, text) in texts {
            let path = self.folder.join(path);
            let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
            written.map_err(|error| Fault::io(format_args!("`{}` can't be written", path.display()), &error))?;
        }
        Ok(())
    }

    /// The folder with the files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The paths of the files that git knows, from the root.
    #[must_use]
    pub fn tracked(&self) -> &Arc<BTreeSet<String>> {
        &self.tracked
    }
}

/// All files below `root`, where there is no git to ask.
fn every_file(root: &Path) -> Result<BTreeSet<String>, Fault> {
    let own = |entry: &walkdir::DirEntry| entry.depth() != 1 || ![OWN_FOLDER, ".git"].iter().any(|name| entry.file_name() == *name);
    let mut files = BTreeSet::new();
    for entry in WalkDir::new(root).min_depth(1).into_iter().filter_entry(own) {
        let entry = entry.map_err(|error| Fault(format!("the project can't be read: {error}")))?;
        if !entry.file_type().is_dir() {
            files.insert(entry.path().strip_prefix(root).unwrap_or(entry.path()).to_string_lossy().into_owned());
        }
    }
    Ok(files)
}

/// Copies those of `files` that are there; a folder, which is a repository within, stays empty.
fn copy_files(root: &Path, files: &BTreeSet<String>, into: &Path) -> Result<(), Fault> {
    for file in files {
        let from = root.join(file);
        if from.symlink_metadata().is_ok() {
            folder::one(&from, &into.join(file)).map_err(|error| Fault::io(format_args!("`{file}` can't be copied"), &error))?;
        }
    }
    Ok(())
}

/// The repository of a project.
struct Git<'a> {
    root: &'a Path,
}

impl Git<'_> {
    fn is_repository(&self) -> bool {
        self.root.join(".git").exists() && self.output(&["rev-parse", "--git-dir"]).is_ok()
    }

    /// The commit that is checked out, where there is one.
    fn head(&self) -> Option<String> {
        let output = self.output(&["rev-parse", "--verify", "--quiet", "HEAD"]).ok()?;
        Some(String::from_utf8_lossy(&output).trim().to_owned())
    }

    fn output(&self, arguments: &[&str]) -> Result<Vec<u8>, Fault> {
        run(command(self.root).args(["--no-optional-locks", "-c", "core.fsmonitor=false"]).args(arguments))
    }

    fn paths(&self, arguments: &[&str]) -> Result<BTreeSet<String>, Fault> {
        let bytes = self.output(arguments)?;
        let paths = bytes.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// Makes `into` a repository of its own in which `head` is checked out, without the files. What is fetched comes from here, and what is pushed goes
    /// nowhere.
    fn repository(&self, into: &Path, head: &str, depth: u32) -> Result<(), Fault> {
        let address = format!("file://{}", self.root.display());
        let mut clone = command(Path::new("."));
        clone.args(["clone", "--quiet", "--no-checkout", "--template=", "-c", "advice.detachedHead=false"]);
        if depth > 0 {
            clone.args(["--depth", &depth.to_string(), "--no-single-branch"]);
        }
        run(clone.arg(&address).arg(into))?;
        run(command(into).args(["update-ref", "--no-deref", "HEAD", head]))?;
        run(command(into).args(["read-tree", head]))?;
        run(command(into).args(["config", "remote.origin.pushUrl", NOWHERE])).map(drop)
    }
}

/// A `git` that neither the surroundings nor the user's hooks lead astray.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1").stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Result<Vec<u8>, Fault> {
    let output = command.output().map_err(|error| Fault::io("`git` can't be run", &error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Fault(format!("git: {}", said.trim().lines().last().unwrap_or("it failed"))))
}
