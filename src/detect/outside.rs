//! A job into what it does to others when it runs: deployments, releases, uploads, pushes. Knows names of programs and their subcommands, not what a
//! program of the repository does.

mod engine;
mod fed;
mod programs;
mod reader;
mod requests;
mod tables;

use crate::detect::JobFacts;
use crate::detect::registry::Registry;
use crate::detect::steps::JobShell;
use crate::docker::{Arg, Op, Operation, Role, service_names};
use crate::pipeline::Job;
use crate::workspace::Workspace;
use crate::yaml::{Data, Value};

use reader::Reader;

/// What a job does to others.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Effects {
    /// What changes something elsewhere, each as a lower-case fragment; the first is enough not to run the job unasked.
    pub deploys: Vec<String>,
    /// The commands that send images to a registry.
    pub pushes: Vec<Push>,
}

impl Effects {
    fn extend(&mut self, other: Self) {
        self.deploys.extend(other.deploys);
        self.pushes.extend(other.pushes);
    }
}

/// A command that sends images to a registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Push {
    /// The command, as a fragment.
    pub command: String,
    /// The names of the images, in which unknown variables stand as `${NAME}`; none where the command does not say them.
    pub images: Vec<String>,
}

impl Push {
    /// Whether all images go to the project's own registry, by the names of its variables or by its address.
    #[must_use]
    pub fn is_own(&self, address: Option<&str>) -> bool {
        let is_there =
            |image: &String| address.is_some_and(|address| image.strip_prefix(address).is_some_and(|rest| rest.starts_with('/')));
        !self.images.is_empty() && self.images.iter().all(|image| Registry::of_image(image) == Registry::Project || is_there(image))
    }
}

/// What `job`, of which `facts` are known, does to others. `workspace` has the script files that it runs.
#[must_use]
pub fn effects(job: &Job, facts: &JobFacts, workspace: &Workspace) -> Effects {
    let mut effects = Effects::default();
    if let Some(environment) = job.config.get("environment").filter(|value| !value.is_null())
        && deploys(environment)
    {
        effects.deploys.push("it has an `environment`".to_owned());
    }
    for keyword in ["release", "pages"] {
        let is_off = |value: &Value| value.is_null() || matches!(value.data, Data::Bool(false));
        if job.config.get(keyword).is_some_and(|value| !is_off(value)) {
            effects.deploys.push(format!("it has a `{keyword}`"));
        }
    }
    let (main, after) = (&*facts.main_shell(job), facts.after_shell.clone().unwrap_or_else(|| JobShell::read(job, &job.after_script)));
    for operation in &facts.operations {
        let argv = facts.step(operation).map(|step| step.argv.as_slice()).unwrap_or_default();
        effects.pushes.extend(push(&operation.operation, argv, &operation.text));
    }
    let services: Vec<String> =
        job.services().iter().flat_map(|service| service.aliases.iter().cloned().chain(service_names(service.text()))).collect();
    let mut reader = Reader::new(workspace, job, services);
    for shell in [main, &after] {
        reader.shell(shell);
    }
    effects.extend(reader.into_effects());
    effects
}

/// What an operation sends to a registry, as far as is known.
fn push(operation: &Operation, argv: &[Arg], text: &str) -> Option<Push> {
    let builds = matches!(operation.op, Op::Build | Op::Bake | Op::ComposeBuild);
    // A variable may hold the option that pushes, or names more images.
    let unknown = || operation.unknown.iter().filter_map(|unknown| argv.get(unknown.arg())).map(|word| word.text.to_ascii_lowercase());
    let has = |word: &String, parts: &[&str]| parts.iter().any(|part| word.contains(part));
    let hides_push = unknown().any(|word| has(&word, &["push", "output"]));
    let hides_names = unknown().any(|word| has(&word, &["${?", "tag", "dest", "push", "output"]));
    let exports: Vec<String> = operation
        .flags_named("cache-to")
        .filter_map(|flag| flag.value.as_deref())
        .filter(|value| value.contains("type=registry"))
        .filter_map(|value| value.split(',').find_map(|field| field.trim().strip_prefix("ref=")).map(str::to_owned))
        .collect();
    let pushes = match operation.op {
        Op::Imagetools => operation.images_as(Role::Destination).next().is_some(),
        Op::Manifest | Op::Other => operation.pushes().unwrap_or_else(|| !stays_here(argv)),
        _ if builds => operation.pushes().unwrap_or(true) || hides_push,
        _ => operation.pushes().unwrap_or(false),
    };
    let last = argv.iter().rfind(|word| !word.text.starts_with('-'));
    let is_file = last.is_some_and(|word| word.text.split_once(':').is_some_and(|(transport, _)| FILES.contains(&transport)));
    let to_files = is_file || operation.value("dest") == Some("dir");
    let pushes = pushes && !to_files;
    if !pushes && exports.is_empty() {
        return None;
    }
    let names = operation.images.iter().filter(|image| pushes && matches!(image.role, Role::Pushed | Role::Destination | Role::Built));
    let mut images: Vec<String> = names.map(|image| image.text.clone()).chain(exports).collect();
    if hides_names {
        images.clear();
    }
    Some(Push { command: format!("`{}`", first_line(text)), images })
}

/// Transports of images that lead to files or to the engine (containers-transports(5)).
const FILES: &[&str] = &["docker-archive", "oci-archive", "oci", "dir", "docker-daemon", "containers-storage", "tarball", "sif"];

/// Whether a command of a container tool, of which not all is known, says with a word that it sends nothing.
fn stays_here(argv: &[Arg]) -> bool {
    let local = [
        "pull", "up", "down", "start", "stop", "restart", "rm", "kill", "ls", "ps", "create", "export", "config", "logs", "images", "wait",
        "build", "run",
    ];
    let has = |words: &[&str]| argv.iter().any(|word| words.contains(&&*word.text));
    has(&local) && !has(&["push", "copy", "cp", "sync", "publish"])
}

/// Whether an environment is more than looked at: `prepare`, `verify` and `access` deploy nothing
/// (<https://docs.gitlab.com/ci/yaml/#environmentaction>).
fn deploys(environment: &Value) -> bool {
    !matches!(environment.get("action").and_then(Value::as_str), Some("prepare" | "verify" | "access"))
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    if line.chars().count() > 80 { format!("{}…", line.chars().take(79).collect::<String>()) } else { line.to_owned() }
}

#[cfg(test)]
mod tests;
