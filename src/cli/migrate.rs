//! `undind migrate`: rewrites pipelines, as a diff, as a report, or in the files themselves.

#[cfg(unix)]
use std::collections::BTreeMap;
use std::path::Path;

use undind::config::{Auth, Config};
use undind::migrate::Target;
use undind::migrate::module::{Engine, FOLDER, Sdk as Language, Way as ModuleWay, runner_files};
use undind::migrate::target::{FILE_NAME as TARGET_FILE, TargetError};
use undind::prove::{FileChange, MigrateOptions, migrate, migrate_to_module};
use undind::report::diff::coloured;
use undind::report::json::bytes;
use undind::report::migration::MigrationReport;
use undind::suggestion::nearest;

use crate::cli::Context;
use crate::cli::args::{Executor, Migrate, Mode, ReportFormat, Sdk};
use crate::cli::check::own_entries;
use crate::cli::discover::{Repository, discover, refused};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::write::{Change, write_files};

/// What a repository becomes.
pub struct Migrated {
    /// For people and scripts.
    pub report: MigrationReport,
    /// For the files.
    pub changes: Vec<Change>,
}

/// Migrates the pipelines at the paths of the command line.
pub fn run(arguments: &Migrate, context: &Context) -> Result<Exit, Failure> {
    refuse_unbuilt(arguments)?;
    let mut discovery = context.output.timed("discover", || discover(&arguments.paths, context))?;
    if let Some(failure) = discovery.failures.pop() {
        return Err(failure);
    }
    if discovery.repositories.len() > 1 {
        return Err(Failure::new("the paths lie in several repositories").help("migrate one repository at a time"));
    }
    let repository = discovery.repositories.pop().expect("a path leads to a failure or to a repository");
    if repository.stdin && arguments.write {
        return Err(Failure::new("`--write` can't write standard input").help("leave `--write` out to get a diff"));
    }
    let way = way(&repository, arguments)?;
    let migrated = context.output.timed("migrate", || migrated(&repository, &way, arguments))?;
    if arguments.write {
        write_files(&repository.root, &migrated.changes).map_err(|error| Failure::new(error.to_string()))?;
    }
    report(&migrated.report, &repository.prefix, arguments, context)?;
    Ok(exit(&migrated.report, arguments))
}

/// What jobs of a migrated pipeline need where they run.
#[cfg(unix)]
#[derive(Clone, Debug)]
pub struct Needs {
    /// Whether they build elsewhere.
    pub elsewhere: bool,
    /// The builder's address, or `$` and the variable that holds it.
    pub reaches: Option<String>,
    /// A command that succeeds where the target's is there.
    pub check: Option<String>,
    /// The program that copies images, with a command that succeeds where it is there.
    pub copier: Option<(String, String)>,
}

#[cfg(unix)]
impl Needs {
    fn of(way: &Way) -> Self {
        match way {
            Way::Builder(target) => {
                let manifest = &target.manifest;
                let fill = |text: &String| Some(target.fill(text, &[])).filter(|text| !text.is_empty());
                let copier = manifest.copier.promote.split(' ').next().map(str::to_owned);
                Self {
                    elsewhere: !manifest.in_job,
                    reaches: manifest.reaches.as_ref().and_then(fill),
                    check: manifest.command.check.as_ref().and_then(fill),
                    copier: copier.zip(manifest.copier.check.clone()),
                }
            }
            Way::Module(_) => Self {
                elsewhere: true,
                reaches: Some("$_EXPERIMENTAL_DAGGER_RUNNER_HOST".to_owned()),
                check: Some("dagger version".to_owned()),
                copier: None,
            },
        }
    }
}

/// What the repository's files become for `target`, by path, with the report and what the jobs need then. With `host_tools` they install no commands.
///
/// # Errors
/// Those of `undind migrate`.
#[cfg(unix)]
pub fn to_target(
    repository: &Repository,
    target: &str,
    host_tools: bool,
) -> Result<(BTreeMap<String, String>, MigrationReport, Needs), Failure> {
    let arguments = Migrate::to(target);
    let mut way = way(repository, &arguments)?;
    match &mut way {
        Way::Builder(target) => target.tools_are_here = host_tools,
        Way::Module(way) => way.tools_are_here = host_tools,
    }
    let migrated = migrated(repository, &way, &arguments)?;
    let text = |change: Change| Some((change.path, String::from_utf8(change.after).ok()?));
    Ok((migrated.changes.into_iter().filter_map(text).collect(), migrated.report, Needs::of(&way)))
}

fn refuse_unbuilt(arguments: &Migrate) -> Result<(), Failure> {
    let module = arguments.to == "dagger";
    if !module && (arguments.sdk.is_some() || arguments.executor.is_some()) {
        return Err(Failure::new("`--sdk` and `--executor` are for `--to dagger`"));
    }
    if arguments.runner_config_out.is_some() && arguments.executor != Some(Executor::Kubernetes) {
        return Err(Failure::new("`--runner-config-out` is for `--executor kubernetes`"));
    }
    if !module && arguments.force {
        return Err(Failure::new("`--force` is for `--to dagger`"));
    }
    if module && (arguments.auth.is_some() || arguments.project.is_some() || arguments.drop_idle) {
        return Err(Failure::new("`--auth`, `--project` and `--drop-idle` are not for `--to dagger`"));
    }
    if arguments.report == Some(ReportFormat::Html) {
        return Err(Failure::not_built("`--report html`"));
    }
    Ok(())
}

/// Where jobs go.
enum Way {
    /// To a remote builder.
    Builder(Box<Target>),
    /// Into a module of Dagger's.
    Module(ModuleWay),
}

fn way(repository: &Repository, arguments: &Migrate) -> Result<Way, Failure> {
    if arguments.to == "dagger" {
        let engine = match arguments.executor {
            None => Engine::Remote,
            Some(Executor::Docker) => Engine::Docker,
            Some(Executor::Kubernetes) => Engine::Kubernetes,
        };
        let sdk = match arguments.sdk.unwrap_or(Sdk::Python) {
            Sdk::Python => Language::Python,
            Sdk::Typescript => Language::TypeScript,
            Sdk::Go => Language::Go,
        };
        return Ok(Way::Module(ModuleWay { engine, sdk, rehearsal: false, tools_are_here: false }));
    }
    target(repository, arguments).map(|target| Way::Builder(Box::new(target)))
}

/// The target that is asked for, as the repository and the options set it. Options count more than the file.
fn target(repository: &Repository, arguments: &Migrate) -> Result<Target, Failure> {
    let config = &repository.config;
    let mut target = match Target::named(&arguments.to, config) {
        Some(target) => target.map_err(|error| told(&error))?,
        None => own_target(&arguments.to, config)?,
    };
    if let Some(auth) = arguments.auth {
        target = target.with_auth(Auth::from(auth)).map_err(|error| told(&error))?;
    }
    if let Some(project) = &arguments.project {
        target = target.with_project(project).map_err(|error| told(&error))?;
    }
    Ok(target)
}

/// The target in a folder of the user.
fn own_target(name: &str, config: &Config) -> Result<Target, Failure> {
    let folder = Path::new(name);
    if !folder.is_dir() {
        let names: Vec<String> = Target::names().map(|name| format!("`{name}`")).collect();
        let help = format!("this version knows {}, and folders with a `{TARGET_FILE}`", names.join(", "));
        return Err(Failure::new(format!("there is no target `{name}`")).help(help));
    }
    let path = folder.join(TARGET_FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::at(&path, error))?;
    Target::new(&text, config).map_err(|error| match error {
        TargetError::Manifest(error) => Failure::config(&path, &text, error),
        TargetError::Template(error) => Failure::at(&path, error),
        other => told(&other),
    })
}

fn told(error: &TargetError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        TargetError::UnknownSetting { setting, known, .. } => match nearest(setting, known.iter().map(String::as_str)) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure.help(format!("it has {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))),
        },
        _ => failure,
    }
}

/// The diff (or the report) is the result; the rest is said on standard error, so that the diff can be piped into `git apply`.
fn report(report: &MigrationReport, prefix: &str, arguments: &Migrate, context: &Context) -> Result<(), Failure> {
    let diff = || {
        let coloured_output = arguments.output.is_none() && context.output.colours_stdout();
        if coloured_output { coloured(&report.diff()) } else { report.diff() }
    };
    let shown = match arguments.report {
        Some(ReportFormat::Json) => bytes(report),
        Some(ReportFormat::Md | ReportFormat::Html) => report.markdown().into_bytes(),
        None if arguments.write || arguments.check => Vec::new(),
        None => diff().into_bytes(),
    };
    context.output.result(arguments.output.as_deref().filter(|_| !shown.is_empty()), &shown)?;
    if arguments.write {
        report
            .files
            .iter()
            .for_each(|file| context.output.note(&format!("{} {}", if file.action == "edit" { "edited" } else { "created" }, file.path)));
    }
    if arguments.report.is_none() {
        context.output.note(&report.summary(prefix));
    }
    Ok(())
}

fn exit(report: &MigrationReport, arguments: &Migrate) -> Exit {
    let changed = !report.files.is_empty();
    let left = report.jobs.iter().any(|job| matches!(job.verdict.as_str(), "full" | "partial" | "blocked"));
    match (arguments.check, changed, left) {
        (true, true, _) => Exit::Findings,
        (_, false, true) => Exit::NothingMigrated,
        (_, _, _) => Exit::Success,
    }
}

/// The files of a runner's configuration in `folder`, which has to lie in the repository.
fn runner_config(repository: &Repository, folder: &Path) -> Result<Vec<FileChange>, Failure> {
    let current = std::env::current_dir().map_err(|error| Failure::at(Path::new("."), error))?;
    let outside = || Failure::new(format!("`{}` does not lie in the repository", folder.display()));
    let folder = current.join(folder);
    let below = folder.strip_prefix(&repository.root).map_err(|_| outside())?;
    let plain = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let below = below.to_str().filter(|_| plain).ok_or_else(outside)?;
    let path = |name: &str| if below.is_empty() { name.to_owned() } else { format!("{}/{name}", below.replace('\\', "/")) };
    let files = runner_files().into_iter();
    let file = |(name, after): (&str, String)| {
        let path = path(name);
        let before = repository.workspace.text(&path).ok().map(|text| text.to_string()).filter(|before| *before == after);
        FileChange { path, before, after, edits: 0, motives: Vec::new() }
    };
    Ok(files.map(file).filter(|file| file.before.is_none()).collect())
}

/// Migrates the repository's own pipelines together with those that were asked for, so that definitions keep what they mean in all of them.
fn migrated(repository: &Repository, way: &Way, arguments: &Migrate) -> Result<Migrated, Failure> {
    // The text from standard input stands for a pipeline of its own, or for what the repository's file is to hold: that one is not migrated beside it.
    let mut entries = if repository.stdin { Vec::new() } else { own_entries(repository, &repository.workspace) };
    entries.extend(repository.entries.iter().cloned());
    let known = |analysis: &undind::analysis::Analysis, path: &str| analysis.documents.sources().find(path).is_some();
    let own = undind::analysis::analyze(&repository.workspace, &entries, &repository.config);
    entries.extend(repository.parts.iter().filter(|part| !known(&own, part)).cloned());
    let mut seen = std::collections::BTreeSet::new();
    entries.retain(|entry| seen.insert(entry.clone()));
    let options = MigrateOptions {
        jobs: arguments.jobs.clone(),
        allow_partial: arguments.allow_partial,
        drop_idle: arguments.drop_idle,
        mode: match arguments.mode {
            Mode::Replace => undind::prove::Mode::Replace,
            Mode::Toggle => undind::prove::Mode::Toggle,
            Mode::Shadow => undind::prove::Mode::Shadow,
        },
    };
    let (workspace, config) = (&repository.workspace, &repository.config);
    let mut migration = match way {
        Way::Builder(target) => migrate(workspace, &entries, config, target, &options),
        Way::Module(way) => migrate_to_module(workspace, &entries, config, *way, &options),
    };
    if let Some(folder) = arguments.runner_config_out.as_ref().filter(|_| !migration.files.is_empty()) {
        migration.files.extend(runner_config(repository, folder)?);
    }
    if let Some(file) = migration.files.iter().find(|file| file.before.is_none() && workspace.text(&file.path).is_ok()) {
        return Err(Failure::new(format!("`{}` is there already", file.path)).help("move it away to have it written"));
    }
    if let Some(job) = migration.orphans.first() {
        let help = format!("undo what was done in `{FOLDER}`, or migrate the pipeline anew as it was before it called Dagger");
        return Err(
            Failure::new(format!("the job `{job}` calls a function that `{FOLDER}` would lose: it was not written by undind")).help(help)
        );
    }
    if let Some(path) = migration.changed_by_hand.first().filter(|_| !arguments.force) {
        let help = "`--force` overwrites it";
        return Err(Failure::new(format!("`{path}` was written or changed by hand, and would be overwritten")).help(help));
    }
    refused(repository, &migration.before.documents)?;
    if let Some(name) = options.jobs.iter().find(|name| !migration.has_job(name)) {
        return Err(Failure::new(format!("there is no job `{name}`")));
    }
    let changes = migration.files.iter().map(|file| Change {
        path: file.path.clone(),
        before: file.before.clone().map(String::into_bytes),
        after: file.after.clone().into_bytes(),
    });
    let report = match way {
        Way::Builder(target) => MigrationReport::of(&migration, target),
        Way::Module(way) => MigrationReport::of_module(&migration, way.engine),
    };
    Ok(Migrated { changes: changes.collect(), report })
}
