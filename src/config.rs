//! `.undind.yml` as plain data. Knows the file's keys and what they default to, not where the file lies.

mod check;
mod glob;

use indexmap::IndexMap;
use serde::Deserialize;

pub use check::{ConfigError, SCHEMA};
pub(crate) use check::{Schema, parsed};
pub use glob::Glob;

use crate::diagnostic::Severity;

/// The name of the file, at the root of the workspace.
pub const FILE_NAME: &str = ".undind.yml";

/// What a repository says about itself; the default is that of a repository without the file.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Which rules report what.
    pub lint: LintConfig,
    /// Hosts of runners and registries that only this organisation reaches, as globs.
    pub private_hosts: Vec<Glob>,
    /// Files that are never entries of their own and get no findings, as globs from the root of the workspace.
    pub ignore: Vec<Glob>,
    /// Pipeline files besides `.gitlab-ci.yml` that GitLab starts pipelines from (child pipelines, other projects' includes).
    pub entries: Vec<String>,
    /// How the `depot` target is reached.
    pub depot: DepotConfig,
    /// What targets are set to, by their names and those of their settings.
    pub targets: IndexMap<String, IndexMap<String, Text>>,
    /// What becomes of a runner tag in a job that no longer needs a privileged runner; no replacement drops the tag.
    #[serde(deserialize_with = "replacements")]
    pub runner_tags: IndexMap<String, Vec<String>>,
    /// What runs take for granted.
    pub run: RunConfig,
}

/// The `run:` section.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct RunConfig {
    /// Variables of the project.
    pub variables: IndexMap<String, Text>,
    /// Variables whose values no log shows.
    pub mask: Vec<String>,
    /// The image of jobs that name none.
    pub default_image: Option<String>,
    /// How long the services of a job may take until they listen, in seconds, as in the configuration of GitLab Runner: 0 is its default, and less is no time.
    pub wait_for_services_timeout: Option<i64>,
}

/// The `lint:` section.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct LintConfig {
    /// Only these rules (names, ids, or beginnings of ids such as `TLS`); empty selects all.
    pub select: Vec<String>,
    /// Without these rules.
    pub ignore: Vec<String>,
    /// Findings below this severity are not reported.
    pub min_severity: Option<Severity>,
    /// Rules that are ignored in the files that a glob matches.
    pub per_file_ignores: IndexMap<Glob, Vec<String>>,
}

/// A text, or a number or boolean in its place.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(from = "Scalar")]
pub struct Text(pub String);

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl From<Scalar> for Text {
    fn from(scalar: Scalar) -> Self {
        Self(match scalar {
            Scalar::Boolean(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
            Scalar::Float(value) => value.to_string(),
            Scalar::Text(text) => text,
        })
    }
}

/// The `depot:` section.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct DepotConfig {
    /// The project that builds use where no entry of `projects` matches.
    pub project: Option<String>,
    /// Projects by what is built; the first match counts.
    pub projects: Vec<ProjectRule>,
    /// How jobs get the `depot` command.
    pub cli: DepotCli,
    /// The CI/CD variable that holds the token, if it is not the target's own.
    pub token_variable: Option<String>,
    /// How jobs prove who they are.
    pub auth: Auth,
}

/// One entry of `depot.projects`: all conditions that are given must match.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ProjectRule {
    /// The Dockerfile, from the root of the workspace.
    #[serde(default)]
    pub dockerfile: Option<Glob>,
    /// The build context, from the root of the workspace.
    #[serde(default)]
    pub path: Option<Glob>,
    /// The image's repository, without tag and digest.
    #[serde(default)]
    pub repository: Option<Glob>,
    /// The project's id.
    pub project: String,
}

/// The `depot.cli:` section.
#[derive(Clone, PartialEq, Default, Debug, Deserialize)]
#[serde(default)]
pub struct DepotCli {
    /// The version to install, if it is not the target's own.
    pub version: Option<String>,
    /// Where archives are downloaded from instead of Depot's own address.
    pub mirror: Option<String>,
    /// The archive's SHA-256, in hexadecimal.
    pub sha256: Option<String>,
    /// Whether jobs run in an image that has the command, instead of installing it.
    pub job_image: JobImage,
}

/// `job_image`: `false`, `true` or an image reference.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(from = "JobImageText")]
pub enum JobImage {
    /// The job keeps its image; the command is installed.
    #[default]
    Keep,
    /// The target's own image of the configured version.
    Published,
    /// This image.
    Named(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JobImageText {
    Switch(bool),
    Reference(String),
}

impl JobImage {
    /// What the text of a setting says.
    #[must_use]
    pub fn of(text: &Text) -> Self {
        match text.0.as_str() {
            "false" => Self::Keep,
            "true" => Self::Published,
            image => Self::Named(image.to_owned()),
        }
    }
}

impl From<JobImageText> for JobImage {
    fn from(text: JobImageText) -> Self {
        match text {
            JobImageText::Switch(false) => Self::Keep,
            JobImageText::Switch(true) => Self::Published,
            JobImageText::Reference(image) => Self::Named(image),
        }
    }
}

/// How a job authenticates at the remote builder.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// A token in a CI/CD variable.
    #[default]
    Token,
    /// An ID token that GitLab issues (`id_tokens`).
    Oidc,
}

impl Config {
    /// The settings that the text of a `.undind.yml` gives; an empty file gives the default.
    ///
    /// # Errors
    /// [`ConfigError`] with the place of the first mistake.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let value = check::CHECKED.checked(text)?;
        if value.is_null() {
            return Ok(Self::default());
        }
        serde_json::from_value(value).map_err(|error| ConfigError::whole(text, &error.to_string()))
    }

    /// Whether the file at `path` (from the root of the workspace) is left alone.
    #[must_use]
    pub fn ignores(&self, path: &str) -> bool {
        self.ignore.iter().any(|glob| glob.matches(path))
    }

    /// Whether `host` is one of the organisation's own.
    #[must_use]
    pub fn is_private_host(&self, host: &str) -> bool {
        self.private_hosts.iter().any(|glob| glob.matches(host))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Replacement {
    One(String),
    Many(Vec<String>),
}

fn replacements<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<IndexMap<String, Vec<String>>, D::Error> {
    let written: IndexMap<String, Option<Replacement>> = IndexMap::deserialize(deserializer)?;
    let tags = |replacement| match replacement {
        None => Vec::new(),
        Some(Replacement::One(tag)) => vec![tag],
        Some(Replacement::Many(tags)) => tags,
    };
    Ok(written.into_iter().map(|(tag, replacement)| (tag, tags(replacement))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse("# nothing yet\n").unwrap(), Config::default());
    }

    #[test]
    fn every_section_reaches_its_field() {
        let config = Config::parse(
            "lint: {ignore: [TLS], min_severity: warning, per_file_ignores: {'ci/*.yml': [DIND201]}}\n\
             private_hosts: ['*.corp.example']\nignore: ['vendor/**']\nentries: [ci/child.yml]\n\
             depot:\n  project: abc\n  auth: oidc\n  cli: {job_image: true, mirror: 'https://mirror.example/depot'}\n  \
             projects:\n    - {dockerfile: 'api/*', project: def}\n",
        )
        .unwrap();
        assert_eq!(config.lint.min_severity, Some(Severity::Warning));
        assert_eq!(config.lint.per_file_ignores.len(), 1);
        assert!(config.is_private_host("registry.corp.example") && !config.is_private_host("corp.example"));
        assert!(config.ignores("vendor/a/b.yml") && !config.ignores("ci/vendor.yml"));
        assert_eq!(config.entries, ["ci/child.yml"]);
        assert_eq!(config.depot.project.as_deref(), Some("abc"));
        assert_eq!(config.depot.auth, Auth::Oidc);
        assert_eq!(config.depot.cli.job_image, JobImage::Published);
        assert_eq!(config.depot.cli.version, None);
        assert_eq!(config.depot.projects[0].project, "def");
    }

    #[test]
    fn a_setting_of_a_target_may_be_a_number_or_a_boolean() {
        let config = Config::parse("targets: {buildkit: {tls: false, address: 'tcp://builder:1234', version: 1}}").unwrap();
        let settings: Vec<(&str, &str)> = config.targets["buildkit"].iter().map(|(name, text)| (name.as_str(), text.0.as_str())).collect();
        assert_eq!(settings, [("tls", "false"), ("address", "tcp://builder:1234"), ("version", "1")]);
    }

    #[test]
    fn a_runner_tag_may_have_one_several_or_no_replacements() {
        let config = Config::parse("runner_tags: {dind: linux, privileged: [linux, small], docker: null, old: []}").unwrap();
        let tags: Vec<(&str, usize)> = config.runner_tags.iter().map(|(tag, new)| (tag.as_str(), new.len())).collect();
        assert_eq!(tags, [("dind", 1), ("privileged", 2), ("docker", 0), ("old", 0)]);
    }
}
