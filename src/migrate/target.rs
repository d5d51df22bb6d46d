//! A target: the words and lines that a migration writes, from a manifest and the settings that fill it. Knows its fields, not when they are used.

mod manifest;
mod template;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::config::{Auth, Config, ConfigError, DepotConfig, JobImage, ProjectRule, Schema, Text, parsed};

pub use manifest::{Command, Copier, Curl, Flags, IdToken, Later, Load, Login, Manifest, Manual, Setting, VariableType};
pub use template::TemplateError;

use template::{Settings, check, render};

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
    /// Whether jobs find the commands that the target needs where they run, and install none.
    pub tools_are_here: bool,
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
        let own = varied(text, own, config).map_err(wrong)?;
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
            tools_are_here: false,
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

/// Lays the variants that `config` chooses by its settings, or leaves to be chosen by their defaults, over the manifest in `text`.
///
/// # Errors
/// Where any variant, chosen or not, is of no setting, of a value that it can't have, or makes no manifest.
fn varied(text: &str, mut manifest: Json, config: &Config) -> Result<Json, ConfigError> {
    let Some(Json::Object(variants)) = manifest.as_object_mut().and_then(|manifest| manifest.remove("variants")) else {
        return Ok(manifest);
    };
    let plain = manifest.clone();
    let written = config.targets.get(plain["name"].as_str().unwrap_or_default());
    let texts = |value: &Json| serde_json::from_value::<Text>(value.clone()).map(|text| text.0).ok();
    for (name, by_value) in variants {
        let Some(setting) = plain["settings"].get(&name) else {
            return Err(ConfigError::whole(text, &format!("`variants.{name}`: there is no such setting")));
        };
        let chosen = written.and_then(|settings| settings.get(&name)).map(|value| value.0.clone()).or_else(|| texts(&setting["default"]));
        for (value, variant) in by_value.as_object().into_iter().flatten() {
            if let Some(known) = setting["values"].as_array()
                && !known.iter().filter_map(texts).any(|known| known == *value)
            {
                return Err(ConfigError::whole(text, &format!("`variants.{name}.{value}`: the setting is never that")));
            }
            let mut one = plain.clone();
            lay_over(&mut one, variant.clone());
            CHECKED
                .fits(text, &one)
                .map_err(|error| ConfigError { message: format!("`variants.{name}.{value}`: {}", error.message), ..error })?;
            if chosen.as_ref() == Some(value) {
                lay_over(&mut manifest, variant.clone());
            }
        }
    }
    CHECKED.fits(text, &manifest)?;
    Ok(manifest)
}

/// Puts the values of `over` into `under`, mapping by mapping; null takes a key away.
fn lay_over(under: &mut Json, over: Json) {
    match (under, over) {
        (Json::Object(under), Json::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    under.remove(&key);
                    continue;
                }
                lay_over(under.entry(key).or_insert(Json::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}
