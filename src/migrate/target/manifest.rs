//! What a target's manifest says, as plain data, and which values its templates are given. Knows no settings of a repository.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::config::Text;
use crate::migrate::target::template::Field;

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
    /// Whether the builder runs in the job itself, and only in [`Command::image`]: it reaches what the job reaches, and begins without a cache.
    #[serde(default)]
    pub in_job: bool,
    /// The address, `tcp://HOST:PORT` or a CI/CD variable that holds it, without which no build works; none, or an empty text, where it is not known.
    #[serde(default)]
    pub reaches: Option<String>,
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
    /// What is taken for granted where a flag has a value, by its canonical name.
    #[serde(default)]
    pub assume: BTreeMap<String, String>,
    /// Names the project.
    #[serde(default)]
    pub project: Option<String>,
    /// Pushes what is built.
    pub push: String,
    /// Publishes single manifests without attestations.
    pub plain_manifest: String,
    /// What is taken for granted where that is done.
    #[serde(default)]
    pub plain_assumption: Option<String>,
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
    /// A command that succeeds where it is there already.
    #[serde(default)]
    pub check: Option<String>,
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
    /// A command that succeeds where it is there already.
    #[serde(default)]
    pub check: Option<String>,
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

impl Manifest {
    /// All templates with the values that each is given.
    pub(super) fn fields(&self) -> Vec<Field<'_>> {
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
        self.reaches.iter().for_each(|text| add("reaches".to_owned(), text, &[]));
        add("command.install".to_owned(), &self.command.install, &[]);
        self.command.check.iter().for_each(|text| add("command.check".to_owned(), text, &[]));
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
