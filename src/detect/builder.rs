//! A script's buildx commands into where its builds are done. Knows which builder a build takes, not what it builds.
//!
//! With a remote builder `docker buildx build` asks no daemon; `docker build`, which stands for the same, asks it first all the same, and takes
//! the daemon's own builder unless one is named (docker/cli, `cmd/docker/builder.go`).

use std::collections::BTreeMap;

use crate::detect::client::chooses_context;
use crate::detect::steps::Step;
use crate::detect::variables::varies;
use crate::detect::{JobFacts, JobOperation, Kind, is_frozen};
use crate::docker::{Op, Operation, Slot, Tool};
use crate::pipeline::{Job, Section};
use crate::shell::{Binding, Certainty, Env};

/// Where a build is done (<https://docs.docker.com/build/builders/drivers/>).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driver {
    /// In the daemon, which has the image afterwards.
    Daemon,
    /// In a container on the daemon, which the script starts.
    Container,
    /// By a builder that is not on the job's daemon.
    Remote,
    /// The files don't tell.
    Unknown,
}

/// Drivers whose builders are not on the job's daemon.
const REMOTE: &[&str] = &["cloud", "kubernetes", "remote"];
/// Names the builder where no flag does.
const VARIABLE: &str = "BUILDX_BUILDER";
/// The first version whose daemon keeps images in containerd (<https://docs.docker.com/engine/storage/containerd/>).
const CONTAINERD: [u32; 1] = [29];

/// Whether `operation` makes a builder that is not on the job's daemon.
#[must_use]
pub fn is_remote(operation: &Operation) -> bool {
    operation.op == Op::Builder && operation.value("driver").is_some_and(|driver| REMOTE.contains(&driver))
}

/// Where `build` of `job` is done, `docker build` or `docker buildx build`.
#[must_use]
pub fn driver(job: &Job, facts: &JobFacts, build: &JobOperation) -> Driver {
    let Some(index) = build.step.filter(|_| build.section != Section::AfterScript) else { return Driver::Unknown };
    let hidden = facts.opaque.iter().any(|opaque| opaque.step.is_none_or(|step| step < index));
    let in_file = facts.operations.iter().any(|other| other.operation.op == Op::Builder && other.step.is_none());
    let found = facts.step(build).map_or(Driver::Unknown, |step| step.driver);
    let elsewhere = found == Driver::Daemon && chooses_context(job, facts);
    if hidden || in_file || elsewhere || varies(job, VARIABLE) { Driver::Unknown } else { found }
}

/// Whether the daemon of the job surely has the classic image store, which exports no cache and holds no image of several platforms.
#[must_use]
pub fn has_classic_store(facts: &JobFacts) -> bool {
    let Some(service) = facts.daemon.service.and_then(|index| facts.services.get(index)).filter(|_| facts.daemon.kind == Kind::Dind) else {
        return false;
    };
    let Some(docker) = service.image.docker.as_ref().filter(|docker| docker.official) else { return false };
    let old = (!docker.version.is_empty() && docker.version.as_slice() < CONTAINERD.as_slice()) || is_frozen(&service.image.text);
    let configured = |argument: &String| ["containerd", "config-file", "feature"].iter().any(|word| argument.contains(word));
    let plain = service.image.image.command().is_none_or(|command| !command.iter().any(configured));
    old && plain && service.image.image.entrypoint().is_none()
}

/// Marks where the builds of `steps` are done, and which of them a remote builder does without a daemon.
pub(super) fn mark(steps: &mut [Step], environment: &Env, bindings: &[Binding]) {
    let mut builders = Builders::default();
    for step in steps {
        let certain = step.block.is_empty() && step.invocation.certainty == Certainty::Always && !step.invocation.ignores_failure;
        let builds = step.operation.as_ref().is_some_and(|operation| matches!(operation.op, Op::Build | Op::Bake));
        let named = if builds { by_variable(step, environment, bindings) } else { None };
        let Some(operation) = &mut step.operation else { continue };
        match (operation.op, operation.tool) {
            (Op::Builder, Tool::Buildx) => {
                let word = operation.command.last().and_then(|&word| step.argv.get(word)).map_or("", |word| word.text.as_str());
                builders.change(word, operation, certain);
            }
            (Op::Build | Op::Bake, Tool::Docker | Tool::Buildx) => {
                step.driver = builders.driver(operation, named.as_ref());
                operation.remote = operation.tool == Tool::Buildx && step.driver == Driver::Remote && !loads(operation);
            }
            _ => {}
        }
    }
}

/// The builder that the environment of `step` names: none where it names none, an empty name where it isn't known.
fn by_variable(step: &Step, environment: &Env, bindings: &[Binding]) -> Option<String> {
    let own = step.invocation.environment.iter().rev().find(|(name, _)| name == VARIABLE).map(|(_, value)| value);
    if let Some(value) = own.or_else(|| environment.get(VARIABLE)) {
        let value = value.constant().map(str::to_owned);
        return if value.as_deref() == Some("") { None } else { Some(value.unwrap_or_default()) };
    }
    let assigned = bindings.iter().any(|binding| binding.name == VARIABLE && (binding.range.start as usize) < step.range().start);
    assigned.then(String::new)
}

/// The builders that were made, and which of them builds take.
struct Builders {
    named: BTreeMap<String, Driver>,
    /// What `docker buildx build` takes.
    selected: Driver,
    /// Whether `docker build` takes it too, since `docker buildx install` was called; none where that isn't known.
    alias: Option<bool>,
}

impl Default for Builders {
    fn default() -> Self {
        Self { named: BTreeMap::new(), selected: Driver::Daemon, alias: Some(false) }
    }
}

impl Builders {
    /// `word` is buildx's command; `certain` says that it runs once and ends the script where it fails.
    fn change(&mut self, word: &str, operation: &Operation, certain: bool) {
        match word {
            "create" => {
                let made = if certain { created(operation) } else { Driver::Unknown };
                let append = operation.flag("append").is_some();
                if let Some(name) = operation.value("name").filter(|name| !append || !self.named.contains_key(*name)) {
                    self.named.insert(name.to_owned(), made);
                }
                match operation.switch("use") {
                    Some(false) => {}
                    Some(true) => self.selected = made,
                    None => self.selected = Driver::Unknown,
                }
            }
            "use" => {
                let name = operation.slot(Slot::Name).next().filter(|_| certain && operation.unknown.is_empty());
                self.selected = name.map_or(Driver::Unknown, |name| self.called(&name.text));
            }
            "rm" => self.removed(operation),
            "install" => self.alias = certain.then_some(true),
            "uninstall" => self.alias = if certain { Some(false) } else { None },
            _ => {}
        }
    }

    /// After a builder is gone, the daemon's own takes over if it was selected.
    fn removed(&mut self, operation: &Operation) {
        let names: Vec<&str> = operation.slot(Slot::Name).map(|name| name.text.as_str()).collect();
        if self.named.is_empty() && self.selected == Driver::Daemon {
            return;
        }
        for known in self.named.iter_mut().filter(|(known, _)| names.is_empty() || names.contains(&known.as_str())) {
            *known.1 = Driver::Unknown;
        }
        self.selected = Driver::Unknown;
    }

    fn called(&self, name: &str) -> Driver {
        if name == "default" { Driver::Daemon } else { self.named.get(name).copied().unwrap_or(Driver::Unknown) }
    }

    fn driver(&self, build: &Operation, by_variable: Option<&String>) -> Driver {
        let flag = build.flags.iter().rev().find(|flag| flag.name == "builder");
        match (flag, by_variable) {
            (Some(flag), _) => flag.value.as_deref().map_or(Driver::Unknown, |name| self.called(name)),
            (None, Some(name)) => self.called(name),
            (None, None) if build.tool == Tool::Buildx => self.selected,
            (None, None) => match self.alias {
                Some(true) => self.selected,
                Some(false) => Driver::Daemon,
                None => Driver::Unknown,
            },
        }
    }
}

/// What `docker buildx create` makes: a container unless a driver is named.
fn created(operation: &Operation) -> Driver {
    match operation.value("driver") {
        Some(driver) if REMOTE.contains(&driver) => Driver::Remote,
        _ if !operation.unknown.is_empty() => Driver::Unknown,
        None | Some("docker-container") => Driver::Container,
        Some(_) => Driver::Unknown,
    }
}

/// Whether the image comes back into the daemon.
fn loads(operation: &Operation) -> bool {
    let into_daemon = |output: &crate::docker::attributes::Attributes| output.get("type") == Some("docker") && output.get("dest").is_none();
    operation.op == Op::Bake || operation.switch("load").is_none() || operation.outputs().iter().any(into_daemon)
}
