//! `undind run`: the jobs that an event creates, run here.

mod child;
mod held;
mod moved;
mod shown;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use undind::detect::secret;
use undind::diagnostic::Severity;
use undind::pipeline::context::Context as Situation;
use undind::pipeline::{Documents, Pipeline, resolve};
use undind::plan::{Plan, PlannedJob, plan, refusals};
use undind::report::run::{Ended, junit, timeline};
use undind::run::live::{Cause, Docker, Executor, Options, Report, Run, Shell, Stop};
use undind::run::{Status, select};
use undind::suggestion::nearest;

use crate::cli::Context;
use crate::cli::args::{Run as Arguments, RunExecutor};
use crate::cli::discover::{Repository, one};
use crate::cli::disk::read_limited;
use crate::cli::event::{event, running};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use child::Downstream;
use held::{Held, Pushes, View, held};
use moved::Moved;
use shown::Shown;

/// Runs the pipeline at the path of the command line.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let mut repository = one(arguments.file.as_deref(), context)?;
    if repository.stdin {
        return Err(Failure::new("a pipeline from standard input has no project to run in").help("give the path of its file"));
    }
    if arguments.host_tools && arguments.executor == RunExecutor::Docker {
        return Err(Failure::new("`--host-tools` is for `--executor shell`: containers have no commands of this machine"));
    }
    let registry = registry(arguments);
    let situation = context.output.timed("git", || running(event(&arguments.event), &arguments.event, &repository, registry.as_deref()))?;
    let moved = match &arguments.to {
        Some(target) => context.output.timed("migrate", || Moved::to(target, &mut repository, arguments.host_tools))?,
        None => Moved::default(),
    };
    let mut documents = Documents::default();
    let (entry, file) = repository.load_entry(&mut documents)?;
    let pipeline = context.output.timed("resolve", || resolve(&repository.workspace, &mut documents, entry, file, &situation));
    let plan = context.output.timed("plan", || plan(&pipeline, &situation, refusals(&pipeline, &documents)));
    created(&plan, &documents, context)?;
    let mut options = options(arguments, &repository, &pipeline, &plan, &situation)?;
    options.overlay.clone_from(&moved.texts);
    let view = View { workspace: &repository.workspace, pipeline: &pipeline, documents: &mut documents };
    let before = moved.original.as_ref().map(|workspace| (workspace, &*entry));
    let held = held(arguments, Pushes { registry: registry.as_deref(), moved: &moved }, &plan, view, &situation, before);
    options.choice.held = held.why.clone();
    if arguments.dry_run {
        context.output.result(None, rehearsal(&plan, &options).as_bytes())?;
        return Ok(Exit::Success);
    }
    let starting = starting(&plan, &options);
    if moved.concerns(&plan, &starting) {
        moved.check(arguments, &situation, &context.output)?;
    }
    let stop = interruptible()?;
    let wish = Wish { arguments, repository: &repository, registry: registry.clone(), stop: &stop };
    let executor = executor(&wish, &pipeline, &plan, &mut options, &held)?;
    let mut children = Downstream {
        arguments,
        repository: &repository,
        registry: registry.clone().filter(|_| arguments.registry.is_some() || !held.pushing.is_empty()),
        files: options.choice.files.clone(),
        moved: &moved,
    };
    let run = Run::new(&pipeline, &plan, &situation, options).map_err(|circle| Failure::new(circle.to_string()))?;
    let run = run.with_children(&mut children);
    let mut shown = Shown::new(arguments.log_format, &context.output);
    let report = run.execute(&*executor, &stop, &mut |event| shown.event(event)).map_err(|fault| Failure::new(fault.to_string()))?;
    if let Some(failure) = shown.failure {
        return Err(failure);
    }
    for image in executor.published() {
        context.output.note(&format!("pushed to the throw-away registry: {image}"));
    }
    if report.jobs.iter().any(|job| job.why.as_ref().is_some_and(|why| why.starts_with("held back"))) {
        context.output.note("jobs that reach out were held back; `--include-deploys` runs them, `--real-registry` lets them push images");
    }
    write_reports(&report, &repository.root)?;
    if let Some(folder) = &arguments.artifacts_to {
        undind::run::live::copy_artifacts(&repository.root, &report, folder).map_err(|fault| Failure::new(fault.to_string()))?;
    }
    Ok(match report.status {
        _ if stop.cause() >= Some(Cause::Interrupted) => Exit::Interrupted,
        Status::Failed | Status::Canceled => Exit::Findings,
        _ => Exit::Success,
    })
}

/// The jobs that somebody chose and that nobody holds, without those that wait for a person.
fn starting<'p>(plan: &'p Plan, options: &Options) -> Vec<&'p PlannedJob> {
    let choice = &options.choice;
    let waits = |job: &PlannedJob| &*job.effect.when == "manual" && !choice.played.contains(&job.name);
    let jobs = plan.jobs.iter().enumerate();
    let chosen = jobs.filter(|(index, _)| choice.jobs.as_ref().is_none_or(|jobs| jobs.contains(index))).map(|(_, job)| job);
    chosen.filter(|job| !choice.held.contains_key(&job.name) && !waits(job)).collect()
}

/// The jobs that would run, and the others with why they would not.
fn rehearsal(plan: &Plan, options: &Options) -> String {
    let all: Vec<usize> = (0..plan.jobs.len()).collect();
    let jobs: Vec<&PlannedJob> = options.choice.jobs.as_ref().unwrap_or(&all).iter().map(|&index| &plan.jobs[index]).collect();
    let width = jobs.iter().map(|job| job.name.chars().count()).max().unwrap_or_default();
    let what = |job: &PlannedJob| match (options.choice.held.get(&job.name), &*job.effect.when) {
        (Some(why), _) => format!("held back: {why}"),
        (None, "manual" | "delayed") if !options.choice.played.contains(&job.name) => {
            format!("{}, unless `--manual` starts it", job.effect.when)
        }
        (None, "on_failure") => "runs where something failed before it".to_owned(),
        (None, _) => "runs".to_owned(),
    };
    jobs.iter().map(|job| format!("{:width$}  {}\n", job.name, what(job))).collect()
}

/// Whether there is something to run.
fn created(plan: &Plan, documents: &Documents, context: &Context) -> Result<(), Failure> {
    let errors: Vec<_> = plan.problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    if let Some((last, others)) = errors.split_last() {
        for error in others {
            context.output.failure(&Failure::diagnostic(error, documents.sources()));
        }
        return Err(Failure::diagnostic(last, documents.sources()));
    }
    for warning in plan.problems.iter().filter(|problem| problem.severity == Severity::Warning) {
        let (file, start) = (documents.sources().get(warning.span.file), documents.sources().start(warning.span));
        context.output.note(&format!("warning: {}:{}:{}: {}", file.path(), start.line, start.column, warning.message));
    }
    if plan.created != Some(true) {
        let why = plan.reason.as_ref().map_or("that is not known", |reason| &reason.message);
        return Err(Failure::new(format!("no pipeline is created: {why}"))
            .help("`undind plan` shows what an event creates; `--event`, `--branch` and `--tag` name another one"));
    }
    for unknown in &plan.unknown {
        context
            .output
            .note(&format!("`{}` is left out, since it is not known whether it belongs to the pipeline: {}", unknown.name, unknown.why));
    }
    if !plan.unresolved.is_empty() {
        return Err(Failure::new(format!("what the pipeline includes is not here: `{}`", plan.unresolved.join("`, `")))
            .help("`--includes DIR` names a folder that has it, `--fetch-includes` fetches it"));
    }
    Ok(())
}

fn options(
    arguments: &Arguments,
    repository: &Repository,
    pipeline: &Pipeline,
    plan: &Plan,
    situation: &Situation,
) -> Result<Options, Failure> {
    let mut options = Options::new(&repository.root);
    let named = |names: &[String], needs: bool| select(plan, names, needs).map_err(|name| unknown(&name, plan));
    if !arguments.names.is_empty() {
        options.choice.jobs = Some(named(&arguments.names, !arguments.no_needs)?);
    }
    let played = [named(&arguments.names, false)?, named(&arguments.manual, false)?].concat();
    options.choice.played = played.into_iter().map(|index| plan.jobs[index].name.clone()).collect();
    options.secrets = secrets(arguments, repository, situation);
    options.choice.files = files(arguments)?;
    options.keep = arguments.keep;
    let depth = pipeline.keywords.get("variables").and_then(|variables| variables.get("GIT_DEPTH"));
    if let Some(depth) = depth.and_then(|depth| depth.scalar_text()?.parse().ok()) {
        options.depth = depth;
    }
    if let Some(jobs) = arguments.jobs {
        options.concurrency = jobs;
    }
    Ok(options)
}

/// The address of the registry that takes the place of the project's own, where there is one.
fn registry(arguments: &Arguments) -> Option<String> {
    let own = || (arguments.executor == RunExecutor::Docker && !arguments.real_registry).then(|| Docker::REGISTRY.to_owned());
    arguments.registry.clone().or_else(own)
}

/// What is known of how jobs are to run.
struct Wish<'w> {
    arguments: &'w Arguments,
    repository: &'w Repository,
    /// The address of the registry that takes the place of the project's own.
    registry: Option<String>,
    stop: &'w Stop,
}

/// What runs the jobs. Where a registry of the run's own is needed and can't be had, those who push to it are held back.
fn executor(wish: &Wish<'_>, pipeline: &Pipeline, plan: &Plan, options: &mut Options, held: &Held) -> Result<Box<dyn Executor>, Failure> {
    let arguments = wish.arguments;
    if arguments.executor == RunExecutor::Shell {
        return Ok(Box::new(Shell::default()));
    }
    let image = arguments.default_image.clone().or_else(|| wish.repository.config.run.default_image.clone());
    let all: Vec<usize> = (0..plan.jobs.len()).collect();
    let chosen: Vec<&PlannedJob> = options.choice.jobs.as_ref().unwrap_or(&all).iter().map(|&index| &plan.jobs[index]).collect();
    for planned in chosen.iter().filter(|planned| !options.choice.held.contains_key(&planned.name)) {
        let Some(job) = pipeline.job(&planned.base) else { continue };
        possible(arguments.privileged, image.is_some(), job)?;
    }
    let mut docker = Docker::new(arguments.privileged, image, wish.registry.clone()).map_err(|fault| {
        Failure::new(fault.to_string()).help("`--executor shell` runs jobs without Docker, as processes of this machine")
    })?;
    if let Some(seconds) = wish.repository.config.run.wait_for_services_timeout.filter(|&seconds| seconds != 0) {
        docker.service_timeout = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    }
    let pushes = chosen.iter().any(|planned| held.pushing.contains(&planned.name));
    if pushes
        && arguments.registry.is_none()
        && !arguments.real_registry
        && let Err(fault) = docker.start_registry(wish.stop)
    {
        let why = format!("it pushes images, and there is no throw-away registry (`--registry` names one): {fault}");
        options.choice.held.extend(held.pushing.iter().map(|name| (name.clone(), why.clone())));
    }
    Ok(Box::new(docker))
}

/// Whether a job can run in a container as the options are.
fn possible(privileged: bool, has_image: bool, job: &undind::pipeline::Job) -> Result<(), Failure> {
    if job.is_script() && job.image().is_none() && !has_image {
        return Err(Failure::new(format!("the job `{}` names no image", job.name))
            .help("`--default-image IMAGE` says what the runner's configuration would; `--executor shell` needs none"));
    }
    let daemon = job.services().into_iter().find(|service| service.text().contains("dind"));
    match daemon {
        Some(daemon) if !privileged => Err(Failure::new(format!(
            "the job `{}` starts a Docker daemon, `{}`, which works only in a privileged container",
            job.name,
            daemon.text()
        ))
        .help("`--privileged` makes the containers of this run privileged, if you trust what they run")),
        _ => Ok(()),
    }
}

/// A name that no job has.
fn unknown(name: &str, plan: &Plan) -> Failure {
    let failure = Failure::new(format!("the pipeline has no job `{name}`"));
    if let Some(out) = plan.left_out.iter().find(|out| *out.name == *name) {
        return failure.help(format!("it is left out: {}; `--event`, `--branch`, `--tag` and `--var` can let it in", out.why));
    }
    match nearest(name, plan.jobs.iter().map(|job| &*job.base)) {
        Some(near) => failure.help(format!("there is `{near}`")),
        None => failure.help("`undind plan` lists the jobs"),
    }
}

/// The variables of type file, with the texts of their files.
fn files(arguments: &Arguments) -> Result<BTreeMap<String, String>, Failure> {
    let file = |pair: &String| {
        let (name, path) =
            pair.split_once('=').ok_or_else(|| Failure::new(format!("`--var-file {pair}`: a file is given as NAME=PATH")))?;
        let bytes = read_limited(Path::new(path)).map_err(|error| Failure::at(Path::new(path), error))?;
        let text = String::from_utf8(bytes).map_err(|_| Failure::at(Path::new(path), "the file is not UTF-8 text"))?;
        Ok((name.to_owned(), text))
    };
    arguments.var_file.iter().map(file).collect()
}

/// The values that no log shows.
fn secrets(arguments: &Arguments, repository: &Repository, situation: &Situation) -> Vec<String> {
    let masks = arguments.mask.iter().chain(&repository.config.run.mask);
    let is_secret = |name: &str| secret::is_secret_name(name) || masks.clone().any(|mask| mask == name);
    let given = situation.all_given().filter(|(name, value)| is_secret(name) && !value.trim().is_empty());
    // Jobs see one dollar sign where two are written.
    given.flat_map(|(_, value)| [value.to_owned(), value.replace("$$", "$")]).collect()
}

/// A wish that Ctrl-C tells, and tells more urgently the second time.
fn interruptible() -> Result<Stop, Failure> {
    let stop = Stop::default();
    let told = stop.clone();
    ctrlc::set_handler(move || told.tell(if told.cause().is_some() { Cause::Killed } else { Cause::Interrupted }))
        .map_err(|error| Failure::new(format!("signals can't be caught: {error}")))?;
    Ok(stop)
}

/// The reports at the end: beside the artifacts, in the folder that git ignores.
fn write_reports(report: &Report, root: &Path) -> Result<(), Failure> {
    let ended = Ended { status: report.status, duration: report.duration, jobs: &report.jobs };
    let folder = root.join(".undind");
    for (name, text) in [("junit.xml", junit(ended)), ("timeline.svg", timeline(ended))] {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::at(&path, format!("the report can't be written: {error}")))?;
    }
    Ok(())
}
