//! A job into a description of what it runs, which every SDK can be written from. Knows GitLab's keywords, not Dagger.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::detect::flow::needs_daemon;
use crate::detect::secret::is_secret_name;
use crate::detect::{JobFacts, Reason, Verdict, reason};
use crate::docker::Tool;
use crate::migrate::module::build::{Build, Login, builds};
use crate::migrate::module::daemon::{VARIABLES, daemon};
use crate::migrate::module::keywords::Reader;
use crate::migrate::module::names::parameter as words;
use crate::migrate::module::programs::{Habit, is_looked_at_everywhere};
use crate::migrate::module::read::{names_in, variables_of};
use crate::migrate::module::service::Service;
pub use crate::migrate::module::text::{Part, Text};
use crate::pipeline::Job;
use crate::pipeline::predefined::{is_always_set, is_predefined};
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

/// Variables that GitLab sets and that are secret.
const SECRET: &[&str] = &[
    "CI_JOB_TOKEN",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_REPOSITORY_URL",
    "CI_BUILD_TOKEN",
    "CI_JOB_JWT",
    "CI_JOB_JWT_V1",
    "CI_JOB_JWT_V2",
];

/// The variable that says whether a pipeline runs for a protected branch or tag.
pub(super) const PROTECTED: &str = "CI_COMMIT_REF_PROTECTED";

/// Beginnings of the names of variables that the runner reads, or that are about a Docker daemon that goes.
const OF_THE_RUNNER: &[&str] = &[
    "GIT_",
    "FF_",
    "CACHE_",
    "ARTIFACT_",
    "KUBERNETES_",
    "RUNNER_",
    "TRANSFER_METER_",
    "GET_SOURCES_",
    "RESTORE_CACHE_",
    "EXECUTOR_JOB_",
    "DOCKER_AUTH_CONFIG",
];

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
                    Err(_) => Err(reasons),
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
        let words_say_all = services.is_empty() && reader.words_say_all();
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
            opaque: needs.or(reader.opaque),
        };
        form.variables(job, variables_of(&reader.main, &reader.after), words_say_all);
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

    /// The variables that the job has, and those that its scripts `read`, its image, services and caches. Of the job's own, where `words_say_all`, only
    /// those that are read.
    fn variables(&mut self, job: &Job, read: Vec<String>, words_say_all: bool) {
        let unread = |name: &str| words_say_all && !is_looked_at_everywhere(name) && !read.iter().any(|read| read == name);
        let has_daemon = self.has_daemon();
        let of_daemon = |name: &str| has_daemon && VARIABLES.contains(&name);
        let own = |name: &str| OF_THE_RUNNER.iter().any(|beginning| name.starts_with(beginning)) || unread(name) || of_daemon(name);
        for (name, variable) in job.variables.iter().filter(|(name, _)| !own(name)) {
            let text = variable.text().unwrap_or_default();
            let plain = !variable.expands() || names_in(&text).is_empty();
            // What is written for everybody to see stays where it is, and comes into no code.
            let secret = is_secret_name(name) || names_in(&text).iter().any(|(_, inner)| self.is_secret(job, inner));
            let default = (plain && !secret).then_some(text);
            self.parameters.insert(name.to_string(), Parameter { secret, required: false, default, always: true });
            self.environment.push(name.to_string());
        }
        for (name, _) in &job.conditional {
            if !own(name) && !self.parameters.contains_key(&**name) {
                self.parameters.insert(name.to_string(), Parameter { secret: false, ..Parameter::default() });
                self.environment.push(name.to_string());
            }
        }
        for name in &read {
            if name == "CI_PROJECT_DIR" || name == "CI_BUILDS_DIR" {
                self.names_folder = true;
                continue;
            }
            if !own(name) && !self.parameters.contains_key(name) {
                let secret = self.is_secret(job, name);
                self.parameters.insert(name.clone(), Parameter { secret, always: is_always_set(name), ..Parameter::default() });
                self.environment.push(name.clone());
            }
        }
        self.names_folder |= job.variables.values().any(|variable| variable.text().is_some_and(|text| text.contains("CI_PROJECT_DIR")));
        if !self.caches.is_empty() {
            let parameter = Parameter { default: Some("false".to_owned()), always: true, ..Parameter::default() };
            self.parameters.entry(PROTECTED.to_owned()).or_insert(parameter);
        }
        self.named(job);
        if let Some([registry, user, password]) = self.registry.map(Registry::variables) {
            for name in [registry, user] {
                self.parameters.entry(name.to_owned()).or_default();
            }
            self.parameters.entry(password.to_owned()).or_insert(Parameter { secret: true, ..Parameter::default() });
        }
        if !self.repeatable {
            self.parameters.entry("CI_JOB_ID".to_owned()).or_insert(Parameter { always: true, ..Parameter::default() });
            if !self.environment.iter().any(|name| name == "CI_JOB_ID") {
                self.environment.push("CI_JOB_ID".to_owned());
            }
        }
    }

    /// The variables in what names something, without which the function can't do.
    fn named(&mut self, job: &Job) {
        let needed: BTreeSet<String> = self.texts().flat_map(Text::variables).map(str::to_owned).collect();
        for name in needed {
            let plain = |name: &str| {
                let variable = job.variables.get(name)?;
                variable.text().filter(|text| !variable.expands() || names_in(text).is_empty())
            };
            let default = plain(&name);
            let always = default.is_some();
            let parameter = self.parameters.entry(name).or_insert(Parameter { default, always, ..Parameter::default() });
            // What names an image, a file or a cache is no secret, wherever it is set.
            parameter.secret = false;
            parameter.required = parameter.default.is_none();
        }
    }

    /// # Errors
    /// Where a secret would be part of a name, or two variables would be one argument.
    fn checked(&self, job: &Job) -> Result<(), Vec<Reason>> {
        let mut flags: BTreeMap<Vec<String>, &str> = BTreeMap::new();
        for name in self.parameters.keys() {
            if let Some(other) = flags.insert(words(name), name) {
                let message = format!("`{other}` and `{name}` are one name on Dagger's command line");
                return Err(vec![Reason { code: reason::TARGET_REFUSES, message, span: job.key }]);
            }
        }
        let Some(name) = self.texts().flat_map(Text::variables).find(|name| SECRET.contains(name) || is_secret_name(name)) else {
            return Ok(());
        };
        let message = format!("the secret `${name}` is part of a name or of a build's arguments");
        Err(vec![Reason { code: reason::TARGET_REFUSES, message, span: job.key }])
    }

    /// The texts that name something.
    fn texts(&self) -> impl Iterator<Item = &Text> {
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

    /// Whether the value of a variable may be a secret: those that YAML and GitLab don't set come from the settings of a project.
    fn is_secret(&self, job: &Job, name: &str) -> bool {
        if let Some(known) = self.parameters.get(name) {
            return known.secret;
        }
        if job.conditional.iter().any(|(known, _)| &**known == name) || job.variables.contains_key(name) {
            return false;
        }
        SECRET.contains(&name) || is_secret_name(name) || !is_predefined(name)
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
