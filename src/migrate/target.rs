//! A target's manifest: the words and lines that a migration writes. Knows its fields, not when they are used.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};
use serde::Deserialize;

/// What `templates/<target>/target.yml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The target's name.
    pub name: String,
    /// The words that replace `docker build`.
    pub build: String,
    /// The words that push a saved build.
    pub push: String,
    /// Canonical names of build flags that go.
    pub dropped_flags: Vec<String>,
    /// Canonical names of build flags with which a job stays as it is.
    pub rejected_flags: Vec<String>,
    /// The platforms for which the target builds.
    pub platforms: Vec<String>,
    /// Templates of the flags that are added.
    pub flags: BTreeMap<String, String>,
    /// Template of the path of a saved build's metadata.
    pub metadata_file: String,
    /// Template of the word that reads a saved build's id from it.
    pub saved_id: String,
    /// Templates of the lines that install the command.
    pub setup: BTreeMap<String, String>,
    /// What a script contains that installs the command already.
    pub installer_sign: String,
    /// Template of the address of the folder with a version's archives.
    pub releases: String,
    /// The target's own image, without tag.
    pub published_image: String,
    /// Template of that image with the tag of a version.
    pub job_image: String,
    /// Template of an image with a docker client that copies images within registries.
    pub client_image: String,
    /// The variable in which the command looks for its token.
    pub token_variable: String,
    /// What keeps a docker client from looking for a daemon, before its command.
    pub no_daemon: String,
    /// Template of a login without a docker client.
    pub login: String,
    /// Template of what keeps the password that a command prints.
    pub password: String,
    /// The line that hands `DOCKER_AUTH_CONFIG` to a tool that only reads files.
    pub credentials: String,
    /// How a docker client copies images within registries.
    pub client: Copier,
    /// How a tool does that the job has to install.
    pub copier: Copier,
    /// The OpenID Connect token.
    pub id_token: IdToken,
}

/// What copies images within registries.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copier {
    /// Template of a copy.
    pub promote: String,
    /// Template of a question for an image.
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
}

impl Target {
    /// Depot.
    #[must_use]
    pub fn depot() -> Self {
        serde_yaml::from_str(include_str!("../../templates/depot/target.yml")).expect("a test reads the manifest")
    }

    /// Fills a template of this manifest.
    #[must_use]
    pub fn fill(&self, template: &str, values: &[(&str, &str)]) -> String {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let values: BTreeMap<String, String> = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.render_str(template, values).expect("the manifest's templates name the values that they are given")
    }

    /// Fills the template of the flag `name`.
    #[must_use]
    pub fn flag(&self, name: &str, values: &[(&str, &str)]) -> String {
        self.fill(&self.flags[name], values)
    }
}
