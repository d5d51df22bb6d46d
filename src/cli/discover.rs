//! The paths of a command line into repositories, each with its configuration and the pipeline files that were asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use undind::analysis::analyze;
use undind::config::{Config, FILE_NAME};
use undind::pipeline::Documents;
use undind::pipeline::include::Kind;
use undind::source::FileId;
use undind::workspace::{LoadError, Workspace};

use crate::cli::Context;
use crate::cli::disk::{DiskLoader, load_error, read_limited, read_stdin, slashed};
use crate::cli::failure::Failure;
use crate::cli::includes::with_includes;
use crate::cli::runner_file::RunnerFile;
use crate::cli::write::recover;

/// Where GitLab looks for a pipeline, if the project's settings don't say otherwise.
pub const PIPELINE: &str = ".gitlab-ci.yml";
/// What standard input is called in messages.
pub const STDIN: &str = "<stdin>";

/// A repository and what of it was asked for.
#[derive(Debug)]
pub struct Repository {
    /// The absolute path of its root.
    pub root: PathBuf,
    /// Its root as seen from the current folder: empty, or with `/` at the end.
    pub prefix: String,
    /// Its files.
    pub workspace: Workspace,
    /// What its `.undind.yml` says.
    pub config: Config,
    /// Files that start pipelines, from the root.
    pub entries: Vec<String>,
    /// Files that may be parts of the repository's own pipeline, from the root.
    pub parts: Vec<String>,
    /// Whether the text came from standard input, so that there is no file to write.
    pub stdin: bool,
    /// The configuration of the runners that take its jobs.
    pub runner_files: Vec<RunnerFile>,
}

/// What a command line leads to; a path that leads nowhere doesn't keep the others from being looked at.
#[derive(Default)]
pub struct Discovery {
    /// By root.
    pub repositories: Vec<Repository>,
    /// In the order of the command line.
    pub failures: Vec<Failure>,
}

impl Discovery {
    /// Whether nothing that was asked for can be read.
    pub fn is_empty(&self) -> bool {
        self.repositories.iter().all(|repository| repository.entries.is_empty() && repository.parts.is_empty())
    }
}

/// What `paths` stand for; none stand for the current folder.
///
/// # Errors
/// [`Failure`] where nothing at all can be looked at: the current folder is gone, or a configuration is wrong.
pub fn discover(paths: &[PathBuf], context: &Context) -> Result<Discovery, Failure> {
    let current = std::env::current_dir().and_then(|folder| folder.canonicalize());
    let current = current.map_err(|error| Failure::new(format!("the current folder can't be read: {error}")))?;
    if paths.iter().any(|path| path.as_os_str() == "-") {
        return from_stdin(paths, &current, context);
    }
    let here = [PathBuf::from(".")];
    let mut failures = Vec::new();
    let mut wanted: BTreeMap<PathBuf, Wanted> = BTreeMap::new();
    for path in if paths.is_empty() { &here } else { paths } {
        match Place::of(path) {
            Ok(place) => wanted.entry(place.root.clone()).or_default().add(place),
            Err(failure) => failures.push(failure),
        }
    }
    let mut repositories = Vec::new();
    for (root, wanted) in wanted {
        let repository = Repository::open(root, &current, wanted, context)?;
        failures.extend(unreadable(&repository));
        repositories.push(repository);
    }
    repositories.iter_mut().for_each(Repository::keep_readable);
    Ok(Discovery { repositories, failures })
}

/// The one repository that `path` leads to; none stands for the current folder.
///
/// # Errors
/// [`Failure`] where it can't be read.
pub fn one(path: Option<&Path>, context: &Context) -> Result<Repository, Failure> {
    let paths: Vec<PathBuf> = path.map(Path::to_owned).into_iter().collect();
    let mut discovery = discover(&paths, context)?;
    match discovery.failures.pop() {
        Some(failure) => Err(failure),
        None => Ok(discovery.repositories.pop().expect("a path leads to a failure or to a repository")),
    }
}

#[derive(Default)]
struct Wanted {
    whole: bool,
    entries: Vec<String>,
    parts: Vec<String>,
}

impl Wanted {
    fn add(&mut self, place: Place) {
        self.whole |= place.is_root;
        let list = if place.is_entry { &mut self.entries } else { &mut self.parts };
        if !list.contains(&place.file) {
            list.push(place.file);
        }
    }
}

/// A path of the command line within its repository.
struct Place {
    root: PathBuf,
    file: String,
    is_entry: bool,
    is_root: bool,
}

impl Place {
    fn of(path: &Path) -> Result<Self, Failure> {
        let real = path.canonicalize().map_err(|error| match load_error(&error) {
            LoadError::NotFound => Failure::at(path, "there is no such file or folder"),
            other => Failure::at(path, other),
        })?;
        let is_folder = real.is_dir();
        let file = if is_folder { pipeline_in(path, &real)? } else { real.clone() };
        let root = root_of(&file);
        let root = if is_folder && real != root && stands_alone(&real, &root) { real.clone() } else { root };
        let name = slashed(file.strip_prefix(&root).expect("a root is an ancestor"));
        let is_entry = is_folder || name == PIPELINE;
        Ok(Self { is_root: is_folder && real == root, root, file: name, is_entry })
    }
}

fn pipeline_in(shown: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let file = folder.join(PIPELINE);
    if file.symlink_metadata().is_ok() {
        return Ok(file);
    }
    let failure = Failure::at(shown, format!("there is no `{PIPELINE}` in this folder"));
    let misnamed = [".gitlab-ci.yaml", "gitlab-ci.yml"].into_iter().find(|name| folder.join(name).exists());
    Err(match misnamed {
        Some(name) => failure
            .help(format!("there is a `{name}`, which GitLab reads only if the project's settings name it; give its path to look at it")),
        None => failure.help("give the path of a pipeline file, or of a folder that holds a `.gitlab-ci.yml`"),
    })
}

/// The nearest folder above `file` with `.git`, else the nearest with a pipeline, else its own.
fn root_of(file: &Path) -> PathBuf {
    let folders = || file.ancestors().skip(1);
    let root = folders().find(|folder| folder.join(".git").exists()).or_else(|| folders().find(|folder| folder.join(PIPELINE).is_file()));
    root.or_else(|| file.parent()).unwrap_or(file).to_owned()
}

/// Whether the pipeline in `folder`, below `root`, is that of a repository of its own, such as an example: GitLab reads the paths of
/// `include:local` from a repository's root, and these lead somewhere only from the folder.
fn stands_alone(folder: &Path, root: &Path) -> bool {
    let entry = slashed(folder.join(PIPELINE).strip_prefix(root).expect("a root is an ancestor"));
    let analysis = analyze(&Workspace::new(DiskLoader::new(root.to_owned())), &[entry], &Config::default());
    let includes = analysis.pipelines.iter().flat_map(|pipeline| &pipeline.pipeline.unresolved);
    let missing: Vec<&str> = includes.filter(|include| include.kind == Kind::Missing).map(|include| include.name.as_str()).collect();
    !missing.is_empty() && missing.iter().all(|path| folder.join(path.trim_start_matches('/')).is_file())
}

impl Repository {
    fn open(root: PathBuf, current: &Path, wanted: Wanted, context: &Context) -> Result<Self, Failure> {
        let recovery = recover(&root).map_err(|error| {
            let help = "an earlier run ended in the middle of writing; `.undind/` holds its journal and the old contents, remove it once the files are as they should be";
            Failure::new(error.to_string()).help(help)
        })?;
        if let Some(recovery) = recovery {
            context.output.note(&recovery.words());
        }
        let config = read_config(&root, context)?;
        let mut entries = wanted.entries;
        if wanted.whole {
            entries.extend(config.entries.iter().filter(|entry| !entries.contains(entry)).cloned().collect::<Vec<_>>());
        }
        let (configured, parts): (Vec<_>, Vec<_>) = wanted.parts.into_iter().partition(|file| config.entries.contains(file));
        entries.extend(configured.into_iter().filter(|file| !entries.contains(file)).collect::<Vec<_>>());
        let parts = parts.into_iter().filter(|file| !config.ignores(file)).collect();
        let workspace = with_includes(Workspace::new(DiskLoader::new(root.clone())), &root, context)?;
        Ok(Self { prefix: seen_from(current, &root), root, workspace, config, entries, parts, stdin: false, runner_files: Vec::new() })
    }

    /// Loads the one file that was asked for.
    ///
    /// # Errors
    /// [`Failure`] where it can't be read, or is no pipeline.
    pub fn load_entry(&self, documents: &mut Documents) -> Result<(&str, FileId), Failure> {
        let entry = self.entries.first().or(self.parts.first()).expect("a readable path is an entry or a part");
        let name = Path::new(entry);
        let file = documents.load(&self.workspace, entry).map_err(|error| Failure::at(name, error))?;
        if documents.get(file).is_some() {
            return Ok((entry, file));
        }
        let problem = documents.problems().first();
        Err(problem
            .map_or_else(|| Failure::at(name, "this is not a pipeline"), |problem| Failure::diagnostic(problem, documents.sources())))
    }

    fn keep_readable(&mut self) {
        let workspace = &self.workspace;
        self.entries.retain(|file| workspace.text(file).is_ok());
        self.parts.retain(|file| workspace.text(file).is_ok());
    }
}

fn unreadable(repository: &Repository) -> Vec<Failure> {
    let files = repository.entries.iter().chain(&repository.parts);
    files
        .filter_map(|file| Some(unreadable_file(&format!("{}{file}", repository.prefix), &repository.workspace.text(file).err()?)))
        .collect()
}

/// Why the file at `path` can't be read, and what to do.
pub fn unreadable_file(path: &str, error: &LoadError) -> Failure {
    let failure = Failure::at(Path::new(path), error);
    match error {
        LoadError::NotUtf8(_) => failure.help("GitLab reads pipelines as UTF-8; save the file in that encoding"),
        LoadError::TooBig(_) => failure.help("GitLab refuses pipeline files of this size as well"),
        LoadError::NotFound | LoadError::NotAFile | LoadError::Outside | LoadError::Refused(_) => failure,
    }
}

fn from_stdin(paths: &[PathBuf], current: &Path, context: &Context) -> Result<Discovery, Failure> {
    if paths.len() > 1 {
        return Err(Failure::new("`-` is standard input, which can't be looked at together with files"));
    }
    let root = root_of(&current.join(PIPELINE));
    let mut repository = Repository::open(root, current, Wanted::default(), context)?;
    let text =
        read_stdin().and_then(|bytes| String::from_utf8(bytes).map_err(|error| LoadError::NotUtf8(error.utf8_error().valid_up_to())));
    let text = text.map_err(|error| unreadable_file(STDIN, &error))?;
    repository.workspace = repository.workspace.with_overlay([(STDIN.to_owned(), text)]);
    repository.entries = vec![STDIN.to_owned()];
    repository.prefix = String::new();
    repository.stdin = true;
    Ok(Discovery { repositories: vec![repository], failures: Vec::new() })
}

fn read_config(root: &Path, context: &Context) -> Result<Config, Failure> {
    let path = context.global.config.clone().unwrap_or_else(|| root.join(FILE_NAME));
    let bytes = match read_limited(&path) {
        Ok(bytes) => bytes,
        Err(LoadError::NotFound) if context.global.config.is_none() => return Ok(Config::default()),
        Err(error) => return Err(unreadable_file(&path.display().to_string(), &error)),
    };
    let text = String::from_utf8(bytes)
        .map_err(|error| unreadable_file(&path.display().to_string(), &LoadError::NotUtf8(error.utf8_error().valid_up_to())))?;
    Config::parse(&text).map_err(|error| Failure::config(&path, &text, error))
}

/// `root` from `current`, with `/` at the end; empty where they are the same.
fn seen_from(current: &Path, root: &Path) -> String {
    if let Ok(below) = root.strip_prefix(current) {
        let below = slashed(below);
        return if below.is_empty() { below } else { format!("{below}/") };
    }
    match current.strip_prefix(root) {
        Ok(deeper) => "../".repeat(deeper.components().count()),
        Err(_) => format!("{}/", root.display().to_string().trim_end_matches('/')),
    }
}

/// A pipeline whose own file GitLab would refuse is neither inspected nor migrated around.
///
/// # Errors
/// The file with its place, where a file that was asked for is none that GitLab reads.
pub fn refused(repository: &Repository, documents: &Documents) -> Result<(), Failure> {
    let sources = documents.sources();
    let asked = |path: &str| repository.entries.iter().chain(&repository.parts).any(|entry| entry == path);
    let problem = documents.problems().iter().find(|problem| asked(sources.get(problem.span.file).path()));
    problem.map_or(Ok(()), |problem| {
        let path = sources.get(problem.span.file).path();
        let line = sources.start(problem.span).line;
        Err(Failure::new(format!("{}{path}:{line}: {}", repository.prefix, problem.message)).help("`undind lint` shows the place"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_named_as_the_reader_sees_it() {
        for (current, root, expected) in
            [("/a/b", "/a/b", ""), ("/a", "/a/b/c", "b/c/"), ("/a/b/c", "/a", "../../"), ("/a", "/x", "/x/"), ("/a", "/", "../")]
        {
            assert_eq!(seen_from(Path::new(current), Path::new(root)), expected, "{root} from {current}");
        }
    }
}
