//! A job into a description of what it runs, which every SDK can be written from. Knows GitLab's keywords, not Dagger.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::detect::flow::needs_daemon;
use crate::detect::{JobFacts, Reason, Verdict, reason};
use crate::docker::Tool;
use crate::migrate::module::build::{Build, Login, builds};
use crate::migrate::module::daemon::daemon;
use crate::migrate::module::keywords::Reader;
use crate::migrate::module::programs::Habit;
use crate::migrate::module::read::variables_of;
use crate::migrate::module::service::Service;
pub use crate::migrate::module::text::{Part, Text};
use crate::pipeline::Job;
use crate::workspace::Workspace;
use crate::yaml::Value;

/// What a job runs.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Form {
    /// The job's name.
    pub job: String,
    /// The name of the function in words with `-` between, as the command line has it.
    pub function: String,
    /// What the function is given, by the names of the job's variables.
    #[serde(skip_serializing_if = "is_default")]
    pub parameters: IndexMap<String, Parameter>,
    /// The image.
    #[serde(skip_serializing_if = "is_default")]
    pub image: Text,
    /// The registry that the image comes from where GitLab logs the job in.
    #[serde(skip_serializing_if = "is_default")]
    pub registry: Option<Registry>,
    /// The variables that the script sees, in order.
    #[serde(skip_serializing_if = "is_default")]
    pub environment: Vec<String>,
    /// What runs beside it.
    #[serde(skip_serializing_if = "is_default")]
    pub services: Vec<Service>,
    /// Folders that are kept, by path from the checkout.
    #[serde(skip_serializing_if = "is_default")]
    pub caches: Vec<Cache>,
    /// Whether the script names the folder of the checkout, which then has to be the same.
    #[serde(skip_serializing_if = "is_default")]
    pub names_folder: bool,
    /// The lines of `before_script` and `script`.
    #[serde(skip_serializing_if = "is_default")]
    pub script: String,
    /// The lines of `after_script`; empty where there is none.
    #[serde(skip_serializing_if = "is_default")]
    pub after_script: String,
    /// The images that it builds instead of running a script.
    #[serde(skip_serializing_if = "is_default")]
    pub builds: Vec<Build>,
    /// The registries that it logs in to for them.
    #[serde(skip_serializing_if = "is_default")]
    pub logins: Vec<Login>,
    /// What the job leaves behind.
    #[serde(skip_serializing_if = "is_default")]
    pub outputs: Option<Outputs>,
    /// Whether the result of a run with the same input is as good as another run.
    #[serde(skip_serializing_if = "is_default")]
    pub repeatable: bool,
    /// The number of its stage.
    #[serde(skip_serializing_if = "is_default")]
    pub rank: usize,
    /// What was taken for granted: code and message.
    #[serde(skip)]
    pub assumptions: Vec<(&'static str, String)>,
    /// A command that can't be seen through: the job moves only where somebody asks for that. It is taken out on the way.
    #[serde(skip)]
    pub opaque: Option<Reason>,
}

/// What a function is given.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameter {
    /// Whether it is secret.
    #[serde(skip_serializing_if = "is_default")]
    pub secret: bool,
    /// Whether the function can't do without.
    #[serde(skip_serializing_if = "is_default")]
    pub required: bool,
    /// What it is in YAML, where that is a plain text.
    #[serde(skip_serializing_if = "is_default")]
    pub default: Option<String>,
    /// Whether every run of the job has it.
    #[serde(skip_serializing_if = "is_default")]
    pub always: bool,
}

/// Whether a value needs no words.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A folder that is kept from run to run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cache {
    /// From the checkout.
    pub path: String,
    /// By what it is known.
    pub key: Text,
}

/// What a job leaves behind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outputs {
    /// Patterns of paths from the checkout.
    pub paths: Vec<Text>,
    /// Patterns of what is left out.
    pub exclude: Vec<Text>,
    /// Whether they are wanted of a job that fails, too.
    pub always: bool,
}

/// A registry into which GitLab logs jobs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Registry {
    /// The container registry.
    OfTheProject,
    /// The dependency proxy of the group.
    DependencyProxy,
}

impl Registry {
    /// The variables with its name, user and password.
    #[must_use]
    pub fn variables(self) -> [&'static str; 3] {
        match self {
            Self::OfTheProject => ["CI_REGISTRY", "CI_REGISTRY_USER", "CI_REGISTRY_PASSWORD"],
            Self::DependencyProxy => ["CI_DEPENDENCY_PROXY_SERVER", "CI_DEPENDENCY_PROXY_USER", "CI_DEPENDENCY_PROXY_PASSWORD"],
        }
    }
}

/// The variable that says whether a pipeline runs for a protected branch or tag.
pub(super) const PROTECTED: &str = "CI_COMMIT_REF_PROTECTED";

impl Form {
    /// What `job` runs; a `rehearsal` publishes nothing and acts on nothing outside.
    ///
    /// # Errors
    /// The reasons why a call can't stand for it.
    pub fn of(job: &Job, facts: &JobFacts, workspace: &Workspace, rehearsal: bool) -> Result<Self, Vec<Reason>> {
        let mut reader = Reader::new(job, facts);
        reader.keywords();
        if let Some(call) = facts.operations.iter().find(|operation| operation.operation.tool == Tool::Dagger) {
            reader.refuse(reason::NO_CHANGE, call.span, "the job calls Dagger already");
            return Err(reader.reasons);
        }
        if facts.has_dind() || facts.operations.iter().any(|operation| needs_daemon(&operation.operation)) {
            return match Self::of_builds(reader, workspace, rehearsal) {
                Err(reasons) if facts.has_dind() && !rehearsal && facts.flow.verdict != Verdict::Full => match daemon(job, facts) {
                    Ok(daemon) => Self::of_script(Reader::new(job, facts), rehearsal, Some(daemon)),
                    Err(why) => {
                        let message = format!("nor does a daemon beside the function do: {why}");
                        Err([reasons, vec![Reason { code: reason::TARGET_REFUSES, message, span: job.key }]].concat())
                    }
                },
                built => built,
            };
        }
        Self::of_script(reader, rehearsal, None)
    }

    /// A job whose scripts run in a container, with a Docker daemon beside it where there is one to have.
    fn of_script(mut reader: Reader<'_>, rehearsal: bool, daemon: Option<(Service, Reason)>) -> Result<Self, Vec<Reason>> {
        let job = reader.job;
        reader.scripts();
        match &daemon {
            None => reader.other_builders(),
            Some(_) => reader.keywords(),
        }
        let image = reader.image();
        let (daemon, needs) = daemon.unzip();
        let has_daemon = daemon.is_some();
        let services: Vec<Service> = reader.services().into_iter().chain(daemon).collect();
        let outputs = reader.outputs();
        let (caches, mut assumptions) = reader.caches(outputs.as_ref());
        let habits = reader.habits();
        let acts = !repeatable(job) || habits.iter().any(|habit| *habit != Habit::Repeatable);
        if rehearsal && acts {
            reader.refuse(reason::TARGET_REFUSES, job.key, "the job acts on something outside, or may, and would do so twice");
        }
        if !reader.reasons.is_empty() {
            return Err(reader.reasons);
        }
        let image = image.unwrap_or_default();
        let looked_at = if services.is_empty() { reader.looked_at() } else { None };
        let always = outputs.as_ref().is_some_and(|outputs| outputs.always);
        let mut form = Self {
            job: job.name.to_string(),
            function: String::new(),
            parameters: IndexMap::new(),
            registry: reader.facts.image.as_ref().and_then(|image| registry(&Text::new(&image.text))),
            image,
            environment: Vec::new(),
            services,
            // An unknown program may take its folder for part of what it works on, and what a job leaves behind may hold its paths.
            names_folder: habits.contains(&Habit::Unknown) || outputs.is_some(),
            script: job.script.text.to_string(),
            after_script: job.after_script.text.to_string(),
            builds: Vec::new(),
            logins: Vec::new(),
            outputs,
            repeatable: !always && !has_daemon && repeatable(job) && habits.iter().all(|habit| *habit == Habit::Repeatable),
            caches,
            rank: 0,
            assumptions: Vec::new(),
            opaque: needs.or_else(|| reader.opaque.clone()),
        };
        form.variables(job, variables_of(&reader.main, &reader.after), looked_at.as_ref());
        form.checked(job)?;
        // What reads these is meant to come out differently each time.
        let each = [
            "CI_JOB_ID",
            "CI_JOB_URL",
            "CI_JOB_STARTED_AT",
            "CI_PIPELINE_ID",
            "CI_PIPELINE_IID",
            "CI_PIPELINE_URL",
            "CI_PIPELINE_CREATED_AT",
        ];
        let varies = each.iter().any(|name| form.parameters.contains_key(*name));
        if varies || form.parameters.values().any(|parameter| parameter.secret) {
            form.repeatable = false;
        }
        if has_daemon {
            assumptions.push((
                "engine-rights",
                "the engine gives a container all rights (`insecureRootCapabilities`), which a Docker daemon needs".to_owned(),
            ));
        }
        if habits.contains(&Habit::Unknown) {
            assumptions
                .push(("reads-environment", "the job's programs read no variables but those that the pipeline's files name".to_owned()));
        }
        if form.repeatable && reader.fetches() {
            let message =
                "a run on the same files and variables as one that succeeded needs no other result: what it installs is not fetched again";
            assumptions.push(("keeps-result", message.to_owned()));
        }
        let outside = match form.image.0.first() {
            Some(Part::Variable(name)) => form.registry.is_none() && !job.variables.contains_key(name.as_str()),
            Some(Part::Literal(_)) | None => false,
        };
        if outside {
            let message = "the engine can pull the job's image, whose registry the files don't name, without the runner's login";
            assumptions.push(("image-login", message.to_owned()));
        }
        if !job.tags().is_empty() {
            assumptions.push((
                "runner-tags",
                "the tags chose the machine for its tools alone: the functions run where the engine is, beside those of other jobs"
                    .to_owned(),
            ));
        }
        form.assumptions = assumptions;
        Ok(form)
    }

    /// Whether a Docker daemon runs beside it.
    #[must_use]
    pub fn has_daemon(&self) -> bool {
        self.services.iter().any(|service| service.daemon.is_some())
    }

    /// A job that builds and pushes images.
    fn of_builds(mut reader: Reader<'_>, workspace: &Workspace, rehearsal: bool) -> Result<Self, Vec<Reason>> {
        if let Some(outputs) = reader.outputs() {
            let _ = outputs;
            reader.refuse(reason::TARGET_REFUSES, reader.job.key, "the job builds images and leaves files behind");
        }
        let (mut builds, mut logins) = match builds(reader.job, reader.facts, workspace) {
            Ok(found) => found,
            Err((message, step)) => {
                let place =
                    step.and_then(|step| Some(reader.job.place(&reader.job.script, reader.facts.shell.as_ref()?.steps[step].range())));
                reader.refuse(reason::TARGET_REFUSES, place.unwrap_or(reader.job.key), message);
                return Err(reader.reasons);
            }
        };
        if rehearsal {
            builds.iter_mut().for_each(|build| build.addresses.clear());
            logins.clear();
        }
        if builds.is_empty() && reader.reasons.is_empty() {
            reader.refuse(reason::NO_CHANGE, reader.job.key, "the job builds nothing");
        }
        if !reader.reasons.is_empty() {
            return Err(reader.reasons);
        }
        let mut form = Self { job: reader.job.name.to_string(), builds, logins, ..Self::default() };
        form.named(reader.job);
        for login in &form.logins {
            form.parameters.insert(login.password.clone(), Parameter { secret: true, required: true, ..Parameter::default() });
        }
        form.checked(reader.job)?;
        let published = form.builds.iter().any(|build| !build.addresses.is_empty());
        if published && form.logins.is_empty() && form.publishes_to(".dkr.ecr.") {
            let message = "the job has no login to Amazon's registry: a helper of its image or its runner has the credentials, which functions don't reach";
            reader.refuse(reason::TARGET_REFUSES, reader.job.key, message);
            return Err(reader.reasons);
        }
        if form.builds.iter().any(|build| build.platforms.is_empty()) {
            form.assumptions.push((
                "builder-architecture",
                "a build without `--platform` is meant for the architecture of the job's machine, and the engine's is the same".to_owned(),
            ));
        }
        if !form.logins.is_empty() && form.builds.iter().any(|build| !build.has_known_bases) {
            form.assumptions.push((
                "public-bases",
                "the images that the Dockerfiles begin from can be pulled without the job's login, which the functions use for their pushes"
                    .to_owned(),
            ));
        }
        form.assumptions.push(("keeps-cache", "the engine keeps the steps of a build from job to job, where a new daemon began with none: a `RUN` that fetches what changes outside is not run again".to_owned()));
        if published && form.builds.iter().any(|build| !build.plain) {
            form.assumptions.push((
                "no-attestations",
                "nobody needs the attestations that Docker publishes beside an image since version 29".to_owned(),
            ));
        }
        if published && form.logins.is_empty() {
            form.assumptions
                .push(("registry-credentials", "the registry's credentials are in `DOCKER_AUTH_CONFIG`; the job has no login".to_owned()));
        }
        Ok(form)
    }

    /// Whether a part of an address, as far as it is known, is `part`.
    fn publishes_to(&self, part: &str) -> bool {
        let is_there = |piece: &Part| match piece {
            Part::Literal(text) => text.contains(part),
            Part::Variable(name) => {
                let default = self.parameters.get(name).and_then(|parameter| parameter.default.as_deref());
                default.is_some_and(|default| default.contains(part))
            }
        };
        self.builds.iter().flat_map(|build| &build.addresses).flat_map(|address| &address.0).any(is_there)
    }

    /// The texts that name something.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let outputs = self.outputs.iter().flat_map(|outputs| outputs.paths.iter().chain(&outputs.exclude));
        let services = self.services.iter().flat_map(Service::texts);
        let builds = self.builds.iter().flat_map(Build::texts);
        let logins = self.logins.iter().flat_map(|login| [&login.registry, &login.user]);
        std::iter::once(&self.image)
            .chain(services)
            .chain(outputs)
            .chain(self.caches.iter().map(|cache| &cache.key))
            .chain(builds)
            .chain(logins)
    }
}

/// The registry of an image into which GitLab logs the job in by itself.
fn registry(image: &Text) -> Option<Registry> {
    match image.0.first() {
        Some(Part::Variable(name)) if name.starts_with("CI_REGISTRY") => Some(Registry::OfTheProject),
        Some(Part::Variable(name)) if name.starts_with("CI_DEPENDENCY_PROXY") => Some(Registry::DependencyProxy),
        Some(Part::Literal(text)) if text.starts_with("registry.gitlab.com/") => Some(Registry::OfTheProject),
        Some(Part::Variable(_) | Part::Literal(_)) | None => None,
    }
}

/// Whether the job's keywords leave room for taking an earlier result: what deploys, waits for somebody or happens at a time, is meant to happen.
fn repeatable(job: &Job) -> bool {
    let acts = ["environment", "resource_group", "pages", "id_tokens", "secrets"].iter().any(|keyword| job.config.get(keyword).is_some());
    let stage = job.stage().to_ascii_lowercase();
    let late = ["deploy", "publish", "release", "push", "upload", "ship", "prod"].iter().any(|word| stage.contains(word));
    let manual = job.config.get("when").and_then(Value::as_str).is_some_and(|when| when != "on_success");
    !acts && !late && !manual
}
