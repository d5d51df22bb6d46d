//! A target: the words and lines that a migration writes, from a manifest and the settings that fill it. Knows its fields, not when they are used.

mod template;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::config::{Auth, Config, ConfigError, DepotConfig, JobImage, ProjectRule, Schema, Text, parsed};

pub use template::TemplateError;

use template::{Field, Settings, check, render};

/// The JSON Schema of a manifest.
pub const SCHEMA: &str = include_str!("../../schemas/target.schema.json");

static CHECKED: Schema = Schema::new(SCHEMA);

/// The file of a target folder that says what the target is.
pub const FILE_NAME: &str = "target.yml";

/// The targets that come with undind, by name.
const BUILT_IN: &[(&str, &str)] =
    &[("depot", include_str!("../../templates/depot/target.yml")), ("buildkit", include_str!("../../templates/buildkit/target.yml"))];

/// What targets share; a manifest counts more, key by key.
const COMMON: &str = include_str!("../../templates/common.yml");

/// What `templates/<target>/target.yml` says. Its texts are minijinja templates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The target's name, as in `--to` and `.undind.yml`.
    pub name: String,
    /// Its name as people write it.
    pub title: String,
    /// What a repository may set, by name.
    #[serde(default)]
    pub settings: IndexMap<String, Setting>,
    /// The words that replace `docker build`.
    pub build: String,
    /// What becomes of a build's flags.
    pub flags: Flags,
    /// The platforms for which the target builds; empty where nothing is known of them.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// How an image is kept and pushed later; none where that can't be done.
    #[serde(default)]
    pub later: Option<Later>,
    /// What brings an image into a daemon that stays.
    pub load: Load,
    /// How jobs get the target's command.
    pub command: Command,
    /// The lines before the first command, behind its installation; one that is empty is left out.
    #[serde(default)]
    pub prepare: Vec<String>,
    /// How jobs get curl, which installs everything else.
    pub curl: Curl,
    /// An image with a docker client that copies images within registries and logs in without a daemon.
    pub client_image: String,
    /// What keeps a docker client from looking for a daemon, before its command.
    pub no_daemon: String,
    /// How credentials come into the client's configuration file.
    pub login: Login,
    /// How a docker client copies images within registries.
    pub client: Copier,
    /// How a tool does that the job has to install.
    pub copier: Copier,
    /// The OpenID Connect token with which jobs can prove who they are; none where the target takes none.
    #[serde(default)]
    pub id_token: Option<IdToken>,
    /// What a person has to do before the jobs can use the target.
    #[serde(default)]
    pub manual: Vec<Manual>,
}

/// Something that a repository may set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What it is, for people.
    pub description: String,
    /// What it is where the repository says nothing.
    pub default: Text,
    /// All that it may be; empty for any text.
    #[serde(default)]
    pub values: Vec<Text>,
}

/// What becomes of a build's flags. Flags that are not named stay as they are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    /// Canonical names of flags that go, since the target lacks them and nothing needs them on a remote builder.
    pub drop: Vec<String>,
    /// Canonical names of flags that the target cannot do: with one of them a job stays as it is.
    pub refuse: Vec<String>,
    /// What stands in the place of a flag, by its canonical name.
    #[serde(default)]
    pub replace: BTreeMap<String, String>,
    /// Names the project.
    #[serde(default)]
    pub project: Option<String>,
    /// Pushes what is built.
    pub push: String,
    /// Publishes single manifests without attestations.
    pub plain_manifest: String,
    /// Keeps nothing but the cache.
    pub discard: String,
    /// Gives the image a name.
    pub tag: String,
}

/// How an image is kept and pushed later.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// Where the build leaves what is needed.
    pub file: String,
    /// The flag of the build.
    pub flag: String,
    /// The command that pushes under one name.
    pub push: String,
    /// Whether that command is the copier's.
    #[serde(default)]
    pub by_copier: bool,
    /// Whether images for several platforms can be kept.
    #[serde(default)]
    pub several_platforms: bool,
}

/// What brings an image into a daemon that stays.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The flag of the build.
    pub flag: String,
    /// The first major version of Docker whose daemon takes images; none where all do.
    #[serde(default)]
    pub since: Option<u32>,
    /// What is taken for granted.
    #[serde(default)]
    pub assumption: Option<String>,
}

/// How jobs get the target's command.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Parts of the names of images that have it.
    #[serde(default)]
    pub images: Vec<String>,
    /// The first major version of Docker whose official image has it; none where none has.
    #[serde(default)]
    pub docker: Option<u32>,
    /// What a script contains that installs the command already.
    pub sign: String,
    /// The line that installs it.
    pub install: String,
    /// The target's own image with the command; none where it has none.
    #[serde(default)]
    pub image: Option<String>,
}

/// How jobs get curl.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curl {
    /// In Alpine's images.
    pub apk: String,
    /// In Debian's.
    pub apt: String,
    /// Where it is not known which image it is.
    pub any: String,
}

/// How credentials come into the client's configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// A login without a docker client.
    pub entry: String,
    /// What keeps the password that a command prints.
    pub password: String,
    /// Hands `DOCKER_AUTH_CONFIG` to a tool that only reads files.
    pub auth_config: String,
    /// What is taken for granted where the job has neither a login nor that variable.
    pub assumption: String,
}

/// What copies images within registries.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copier {
    /// A copy.
    pub promote: String,
    /// A question for an image.
    pub inspect: String,
    /// The line that installs it; none where it is there.
    #[serde(default)]
    pub install: Option<String>,
}

/// An `id_tokens` entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdToken {
    /// Its name: the variable that holds the token.
    pub name: String,
    /// For whom it is issued.
    pub aud: String,
    /// What a person has to do so that the target takes it.
    pub manual: Manual,
}

/// Something that a person has to do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    /// Its code in reports.
    pub code: String,
    /// Whether it has to be done: anything but an empty text and `false`.
    #[serde(default)]
    pub when: Option<String>,
    /// The CI/CD variable to create.
    #[serde(default)]
    pub variable: Option<String>,
    /// The type of that variable.
    #[serde(default)]
    pub variable_type: VariableType,
    /// Whether it holds a secret.
    #[serde(default)]
    pub secret: bool,
    /// What to do, as an imperative sentence.
    pub title: String,
    /// Why; for a secret variable, whether it can be protected is said instead.
    #[serde(default)]
    pub why: Option<String>,
}

/// The type of a CI/CD variable, by the names of GitLab's API (<https://docs.gitlab.com/api/project_level_variables/>).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableType {
    /// The value.
    #[default]
    EnvVar,
    /// The path of a file that holds the value.
    File,
}

/// A target, with what the repository sets.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it offers.
    pub manifest: Manifest,
    /// The project that builds use where no entry of `projects` matches.
    pub project: Option<String>,
    /// Projects by what is built.
    pub projects: Vec<ProjectRule>,
    /// Whether jobs run in an image that has the command.
    pub job_image: JobImage,
    /// How jobs prove who they are.
    pub auth: Auth,
    settings: Settings,
}

/// Why there is no such target.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TargetError {
    /// The manifest is no YAML, or has another form.
    #[error("{0}")]
    Manifest(ConfigError),
    /// A template of the manifest can't be filled.
    #[error("{0}")]
    Template(TemplateError),
    /// The repository sets something that the target doesn't have.
    #[error("the target `{target}` has no setting `{setting}`")]
    UnknownSetting {
        /// The target.
        target: String,
        /// What was set.
        setting: String,
        /// What can be set.
        known: Vec<String>,
    },
    /// A setting has a value that it can't have.
    #[error("`targets.{target}.{setting}` must be one of {}", values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", "))]
    WrongValue {
        /// The target.
        target: String,
        /// The setting.
        setting: String,
        /// What it can be.
        values: Vec<String>,
    },
    /// The target takes no OpenID Connect token.
    #[error("the target `{0}` takes no OpenID Connect token (`--auth oidc`)")]
    NoIdToken(String),
    /// The target has no projects.
    #[error("the target `{0}` has no projects (`--project`)")]
    NoProjects(String),
    /// The target has no image of its own.
    #[error("the target `{0}` has no image of its own (`job_image: true`)")]
    NoImage(String),
}

impl Target {
    /// The names of the targets that come with undind.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The target `name` of those that come with undind, as `config` sets it; none where there is no such target.
    ///
    /// # Errors
    /// [`TargetError`] where `config` sets what the target doesn't have.
    pub fn named(name: &str, config: &Config) -> Option<Result<Self, TargetError>> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::new(text, config))
    }

    /// The target whose manifest is `text`, as `config` sets it.
    ///
    /// # Errors
    /// [`TargetError`] where the manifest is wrong, or `config` sets what the target doesn't have.
    pub fn new(text: &str, config: &Config) -> Result<Self, TargetError> {
        let wrong = |error| TargetError::Manifest(error);
        let own = parsed(text).map_err(wrong)?;
        CHECKED.fits(text, &own).map_err(wrong)?;
        let mut whole = parsed(COMMON).map_err(wrong)?;
        lay_over(&mut whole, own);
        let manifest: Manifest =
            serde_json::from_value(whole).map_err(|error| TargetError::Manifest(ConfigError::whole(text, &error.to_string())))?;
        let written = config.targets.get(&manifest.name).cloned().unwrap_or_default();
        let mut target = Self {
            project: None,
            projects: Vec::new(),
            job_image: written.get("job_image").map_or(JobImage::Keep, JobImage::of),
            auth: Auth::Token,
            settings: manifest.settings.iter().map(|(name, setting)| (name.clone(), setting.default.0.clone())).collect(),
            manifest,
        };
        for (name, value) in written.into_iter().filter(|(name, _)| name != "job_image") {
            target.set(&name, value.0)?;
        }
        if target.manifest.name == "depot" {
            target.configure(&config.depot)?;
        }
        if target.job_image == JobImage::Published && target.manifest.command.image.is_none() {
            return Err(TargetError::NoImage(target.manifest.name));
        }
        target.settings.insert("auth".to_owned(), target.auth_name().to_owned());
        target.check().map_err(TargetError::Template)?;
        Ok(target)
    }

    /// Depot, as `config` sets it.
    ///
    /// # Panics
    /// Never: the section `depot` sets nothing that the target doesn't have.
    #[must_use]
    pub fn depot(config: &Config) -> Self {
        let config = Config { targets: IndexMap::new(), ..config.clone() };
        Self::named("depot", &config).expect("it comes with undind").expect("a test reads the manifest")
    }

    /// The section `depot`, which is older than settings.
    fn configure(&mut self, config: &DepotConfig) -> Result<(), TargetError> {
        let cli = &config.cli;
        let settings = [
            ("version", cli.version.as_ref()),
            ("mirror", cli.mirror.as_ref()),
            ("sha256", cli.sha256.as_ref()),
            ("token_variable", config.token_variable.as_ref()),
        ];
        for (name, value) in settings {
            if let Some(value) = value {
                self.set(name, value.clone())?;
            }
        }
        self.project.clone_from(&config.project);
        self.projects.clone_from(&config.projects);
        self.job_image = cli.job_image.clone();
        self.auth = config.auth;
        Ok(())
    }

    /// The target where jobs prove in the way `auth` who they are.
    ///
    /// # Errors
    /// [`TargetError::NoIdToken`] where it takes no OpenID Connect token and is to.
    pub fn with_auth(mut self, auth: Auth) -> Result<Self, TargetError> {
        if auth == Auth::Oidc && self.manifest.id_token.is_none() {
            return Err(TargetError::NoIdToken(self.manifest.name));
        }
        self.auth = auth;
        self.settings.insert("auth".to_owned(), self.auth_name().to_owned());
        Ok(self)
    }

    /// The target where all builds belong to `project`.
    ///
    /// # Errors
    /// [`TargetError::NoProjects`] where it has none.
    pub fn with_project(mut self, project: &str) -> Result<Self, TargetError> {
        if self.manifest.flags.project.is_none() {
            return Err(TargetError::NoProjects(self.manifest.name));
        }
        self.project = Some(project.to_owned());
        self.projects.clear();
        Ok(self)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), TargetError> {
        let target = self.manifest.name.clone();
        let Some(setting) = self.manifest.settings.get(name) else {
            let known = self.manifest.settings.keys().cloned().chain(["job_image".to_owned()]).collect();
            return Err(TargetError::UnknownSetting { target, setting: name.to_owned(), known });
        };
        if !setting.values.is_empty() && !setting.values.iter().any(|known| known.0 == value) {
            let values = setting.values.iter().map(|known| known.0.clone()).collect();
            return Err(TargetError::WrongValue { target, setting: name.to_owned(), values });
        }
        self.settings.insert(name.to_owned(), value);
        Ok(())
    }

    fn auth_name(&self) -> &'static str {
        match self.auth {
            Auth::Token => "token",
            Auth::Oidc => "oidc",
        }
    }

    /// What the repository sets, or the manifest's default.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Fills a template of this manifest.
    #[must_use]
    pub fn fill(&self, template: &str, values: &[(&str, &str)]) -> String {
        render(template, &self.settings, values).expect("templates are tried when the manifest is read")
    }

    /// Whether a person has to do `manual`.
    #[must_use]
    pub fn has_to(&self, manual: &Manual) -> bool {
        let when = manual.when.as_ref().map(|when| self.fill(when, &[]));
        when.is_none_or(|when| !["", "false"].contains(&when.trim().to_lowercase().as_str()))
    }

    /// Tries all templates.
    fn check(&self) -> Result<(), TemplateError> {
        self.manifest.fields().into_iter().try_for_each(|field| check(&field, &self.settings))
    }
}

/// Puts the values of `over` into `under`, mapping by mapping.
fn lay_over(under: &mut Json, over: Json) {
    match (under, over) {
        (Json::Object(under), Json::Object(over)) => {
            for (key, value) in over {
                lay_over(under.entry(key).or_insert(Json::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

impl Manifest {
    /// All templates with the values that each is given.
    fn fields(&self) -> Vec<Field<'_>> {
        let mut fields = Vec::new();
        let mut add = |name: String, text, values| fields.push(Field { name, text, values });
        let flags = &self.flags;
        flags.replace.iter().for_each(|(flag, text)| add(format!("flags.replace.{flag}"), text, &["spelled", "joint", "value"]));
        flags.project.iter().for_each(|text| add("flags.project".to_owned(), text, &["project"]));
        for (name, text) in [("push", &flags.push), ("plain_manifest", &flags.plain_manifest), ("discard", &flags.discard)] {
            add(format!("flags.{name}"), text, &[]);
        }
        add("flags.tag".to_owned(), &flags.tag, &["reference"]);
        if let Some(later) = &self.later {
            add("later.file".to_owned(), &later.file, &["number"]);
            add("later.flag".to_owned(), &later.flag, &["file"]);
            add("later.push".to_owned(), &later.push, &["file", "reference", "project"]);
        }
        add("load.flag".to_owned(), &self.load.flag, &[]);
        self.load.assumption.iter().for_each(|text| add("load.assumption".to_owned(), text, &[]));
        add("build".to_owned(), &self.build, &[]);
        add("command.install".to_owned(), &self.command.install, &[]);
        self.command.image.iter().for_each(|text| add("command.image".to_owned(), text, &[]));
        self.prepare.iter().enumerate().for_each(|(at, text)| add(format!("prepare[{at}]"), text, &[]));
        add("client_image".to_owned(), &self.client_image, &["repository"]);
        let login = &self.login;
        add("login.entry".to_owned(), &login.entry, &["folder", "and", "open", "close", "key", "registry", "user", "password"]);
        add("login.password".to_owned(), &login.password, &["command"]);
        for (name, copier) in [("client", &self.client), ("copier", &self.copier)] {
            add(format!("{name}.promote"), &copier.promote, &["reference", "source"]);
            add(format!("{name}.inspect"), &copier.inspect, &["reference"]);
            copier.install.iter().for_each(|text| add(format!("{name}.install"), text, &[]));
        }
        for manual in self.manual.iter().chain(self.id_token.iter().map(|token| &token.manual)) {
            let parts = [("when", &manual.when), ("variable", &manual.variable), ("why", &manual.why)];
            for (name, text) in parts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
                add(format!("manual.{}.{name}", manual.code), text, &[]);
            }
            add(format!("manual.{}.title", manual.code), &manual.title, &[]);
        }
        fields
    }
}
