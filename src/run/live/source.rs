//! The files of a project as jobs get them: what is committed, changed and new, but nothing that git ignores; with a repository beside them, as the
//! runner's checkout has one. The one file of the library that runs `git`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use walkdir::WalkDir;

use crate::run::live::executor::Fault;
use crate::run::live::folder;
use crate::run::task::{Submodules, Task};

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
    /// The root of the project.
    root: PathBuf,
    /// What submodules have, since the first job that wants them began.
    submodules: OnceLock<Result<Vec<Submodule>, Fault>>,
}

/// A repository within the project's.
#[derive(Clone, Debug)]
struct Submodule {
    /// Its folder, from the root of the project.
    path: String,
    /// Whether it is one of another submodule.
    is_nested: bool,
    /// A folder with nothing but its files, at its own path; none where it is not checked out, or git does not read it.
    folder: Option<PathBuf>,
}

/// Whose objects the repository beside the files has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Objects {
    /// Those of the project, for jobs that see its folder.
    Shared,
    /// Its own.
    Copied,
}

impl Source {
    /// A copy of the files of the project at `root`, in a new folder `into`. Of the history there are `depth` commits, or all where it is 0.
    ///
    /// # Errors
    /// [`Fault`] where files can't be listed or copied.
    pub fn of(root: &Path, into: &Path, depth: usize, objects: Objects) -> Result<Self, Fault> {
        let git = Git { root };
        fs::create_dir_all(into).map_err(|error| Fault::io("the folder of the run can't be made", &error))?;
        if !root.join(".git").exists() {
            let files = every_file(root)?;
            copy_files(root, &files, into)?;
            return Ok(Self::new(root, into, BTreeSet::new()));
        }
        let (tracked, new) = git.files()?;
        // Without a commit there is no repository to speak of.
        if let Ok(head) = git.line(&["rev-parse", "--verify", "--quiet", "HEAD"]) {
            match objects {
                Objects::Shared => git.checkout(into, &head, depth)?,
                Objects::Copied => git.clone(into, &head, depth)?,
            }
        }
        let own = format!("{OWN_FOLDER}/");
        let files = tracked.iter().chain(new.iter().filter(|path| !path.starts_with(&own))).cloned().collect();
        copy_files(root, &files, into)?;
        Ok(Self::new(root, into, tracked))
    }

    fn new(root: &Path, folder: &Path, tracked: BTreeSet<String>) -> Self {
        Self { folder: folder.to_owned(), tracked: Arc::new(tracked), root: root.to_owned(), submodules: OnceLock::new() }
    }

    /// The folders with the files that a job has, whose contents go into one.
    ///
    /// # Errors
    /// [`Fault`] where the files of submodules can't be copied.
    pub fn folders_of(&self, task: &Task) -> Result<Vec<&Path>, Fault> {
        let own = task.has_files.then_some(self.folder.as_path());
        Ok(own.into_iter().chain(self.submodules_of(task)?.filter_map(|submodule| submodule.folder.as_deref())).collect())
    }

    /// What is to be said of submodules that a job should have, and that are not here: sentences.
    pub fn absent_of(&self, task: &Task) -> Vec<String> {
        let absent = self.submodules_of(task).into_iter().flatten().filter(|submodule| submodule.folder.is_none());
        absent
            .map(|submodule| {
                format!("the submodule `{}` is not checked out here (`git submodule update --init --recursive`)", submodule.path)
            })
            .collect()
    }

    fn submodules_of(&self, task: &Task) -> Result<impl Iterator<Item = &Submodule>, Fault> {
        let known: &[Submodule] = match task.submodules {
            Submodules::None => &[],
            Submodules::Normal | Submodules::Recursive => {
                let all = self.submodules.get_or_init(|| submodules(&self.root, &self.folder.with_extension("submodules")));
                all.as_ref().map_err(Clone::clone)?
            }
        };
        let deep = task.submodules == Submodules::Recursive;
        Ok(known.iter().filter(move |submodule| deep || !submodule.is_nested))
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

/// Most submodules, those of submodules among them, that are looked at.
const MAX_SUBMODULES: usize = 1000;

/// The submodules of the repository at `root`, outer ones first, each with its files in a folder of its own below `into`.
fn submodules(root: &Path, into: &Path) -> Result<Vec<Submodule>, Fault> {
    let mut found = Vec::new();
    let mut open = vec![(root.to_owned(), String::new())];
    while let Some((repository, prefix)) = open.pop() {
        if !repository.join(".gitmodules").is_file() {
            continue;
        }
        for link in (Git { root: &repository }).links()? {
            let (path, folder) = (format!("{prefix}{link}"), repository.join(&link));
            if found.len() == MAX_SUBMODULES {
                return Err(Fault(format!("the project has more than {MAX_SUBMODULES} submodules")));
            }
            let mut submodule = Submodule { path: path.clone(), is_nested: !prefix.is_empty(), folder: None };
            // What git refuses to read, such as the repository of somebody else, is as good as absent.
            if folder.join(".git").exists()
                && let Ok((known, new)) = (Git { root: &folder }).files()
            {
                let own = into.join(found.len().to_string());
                copy_files(&folder, &known.iter().chain(&new).cloned().collect(), &own.join(&path))?;
                submodule.folder = Some(own);
                open.push((folder, format!("{path}/")));
            }
            found.push(submodule);
        }
    }
    Ok(found)
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
    fn output(&self, arguments: &[&str]) -> Result<Vec<u8>, Fault> {
        run(command(self.root).args(["--no-optional-locks", "-c", "core.fsmonitor=false"]).args(arguments))
    }

    fn line(&self, arguments: &[&str]) -> Result<String, Fault> {
        Ok(String::from_utf8_lossy(&self.output(arguments)?).trim().to_owned())
    }

    /// The paths at which other repositories belong into this one.
    fn links(&self) -> Result<Vec<String>, Fault> {
        let bytes = self.output(&["ls-files", "-z", "--stage"])?;
        let links = bytes.split(|byte| *byte == 0).filter(|entry| entry.starts_with(b"160000 "));
        Ok(links.filter_map(|entry| Some(String::from_utf8_lossy(entry).split_once('\t')?.1.to_owned())).collect())
    }

    /// The files that git knows, and new ones that it does not ignore.
    fn files(&self) -> Result<(BTreeSet<String>, BTreeSet<String>), Fault> {
        let bytes = self.output(&["ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard", "--deduplicate"])?;
        let (mut tracked, mut new) = (BTreeSet::new(), BTreeSet::new());
        for entry in bytes.split(|byte| *byte == 0).filter(|entry| entry.len() > 2) {
            let path = String::from_utf8_lossy(&entry[2..]).into_owned();
            if entry[0] == b'?' {
                new.insert(path)
            } else {
                tracked.insert(path)
            };
        }
        Ok((tracked, new))
    }

    /// Makes `into` a repository in which `head` is checked out, without the files: what the runner's fetch of one branch leaves, with the objects of the
    /// project. What is pushed goes nowhere.
    fn checkout(&self, into: &Path, head: &str, depth: usize) -> Result<(), Fault> {
        let common = self.root.join(self.line(&["rev-parse", "--git-common-dir"])?);
        let objects =
            common.join("objects").canonicalize().map_err(|error| Fault::io("the objects of the repository can't be found", &error))?;
        let branch = self.line(&["symbolic-ref", "--quiet", "--short", "HEAD"]).ok();
        let mut history = self.history(depth)?;
        // Where the project's own history ends.
        let ends = fs::read_to_string(common.join("shallow")).unwrap_or_default();
        let known = |end: &&str| history.commits.is_empty() || history.commits.contains(*end);
        let ends: Vec<String> = ends.lines().filter(known).map(str::to_owned).collect();
        history.ends.extend(ends);
        let tags = self.line(&["for-each-ref", "--format=%(objectname) %(*objectname) %(refname)", "refs/tags"])?;
        // A tag comes along with the commit that it names.
        let fetched = |line: &&str| {
            let mut parts = line.split(' ');
            let (object, commit) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            history.commits.is_empty() || history.commits.contains(if commit.is_empty() { object } else { commit })
        };
        let mut refs: Vec<String> = branch.iter().map(|branch| format!("{head} refs/remotes/origin/{branch}")).collect();
        refs.extend(
            tags.lines().filter(fetched).filter_map(|line| Some(format!("{} {}", line.split(' ').next()?, line.rsplit(' ').next()?))),
        );
        refs.sort_by(|one, other| one.split(' ').nth(1).cmp(&other.split(' ').nth(1)));
        let config = format!(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n[advice]\n\tdetachedHead = false\n[remote \"origin\"]\n\turl = file://{}\n\
             \tpushUrl = {NOWHERE}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
            self.root.display()
        );
        let folder = into.join(".git");
        let written = || -> std::io::Result<()> {
            fs::create_dir_all(folder.join("objects/info"))?;
            fs::create_dir_all(folder.join("refs"))?;
            fs::write(folder.join("objects/info/alternates"), format!("{}\n", objects.display()))?;
            fs::write(folder.join("packed-refs"), refs.iter().map(|line| format!("{line}\n")).collect::<String>())?;
            fs::write(folder.join("config"), config)?;
            if !history.ends.is_empty() {
                fs::write(folder.join("shallow"), history.ends.iter().map(|commit| format!("{commit}\n")).collect::<String>())?;
            }
            fs::write(folder.join("HEAD"), format!("{head}\n"))
        };
        written().map_err(|error| Fault::io("the repository of jobs can't be written", &error))?;
        run(command(into).args(["read-tree", head])).map(drop)
    }

    /// The newest commits of `HEAD`, `depth` steps deep; all where it is 0, of which nothing is said.
    fn history(&self, depth: usize) -> Result<History, Fault> {
        let mut history = History::default();
        if depth == 0 {
            return Ok(history);
        }
        let limit = format!("--max-count={}", depth.saturating_mul(HISTORY_WIDTH));
        let text = self.line(&["rev-list", "--parents", &limit, "HEAD"])?;
        let parents: BTreeMap<&str, Vec<&str>> =
            text.lines().filter_map(|line| Some((line.split(' ').next()?, line.split(' ').skip(1).collect()))).collect();
        let mut level: Vec<&str> = text.lines().next().and_then(|line| line.split(' ').next()).into_iter().collect();
        for step in 1..=depth {
            let mut next = Vec::new();
            for commit in level {
                if !history.commits.insert(commit.to_owned()) {
                    continue;
                }
                let Some(above) = parents.get(commit) else { continue };
                // Its parents are not there, since the history ends here, or they are too many to look at.
                if !above.is_empty() && (step == depth || above.iter().any(|parent| !parents.contains_key(parent))) {
                    history.ends.push(commit.to_owned());
                } else {
                    next.extend(above);
                }
            }
            level = next;
        }
        Ok(history)
    }

    /// As [`Git::checkout`], with objects of its own.
    fn clone(&self, into: &Path, head: &str, depth: usize) -> Result<(), Fault> {
        let address = format!("file://{}", self.root.display());
        let mut clone = command(Path::new("."));
        clone.args(["clone", "--quiet", "--no-checkout", "--single-branch", "--template=", "-c", "advice.detachedHead=false"]);
        if depth > 0 {
            clone.args(["--depth", &depth.to_string()]);
        }
        run(clone.arg(&address).arg(into))?;
        run(command(into).args(["update-ref", "--no-deref", "HEAD", head]))?;
        run(command(into).args(["read-tree", head]))?;
        run(command(into).args(["config", "remote.origin.pushUrl", NOWHERE])).map(drop)
    }
}

/// Commits of a history that are looked at, for each step of its depth.
const HISTORY_WIDTH: usize = 100;

/// The newest commits of a branch.
#[derive(Default)]
struct History {
    /// All that are there.
    commits: BTreeSet<String>,
    /// Those whose parents are not.
    ends: Vec<String>,
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
