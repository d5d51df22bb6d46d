//! A job of a plan into what has to be done for it: commands, variables, time, artifacts, caches. Knows no process and no file system.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::pipeline::Job;
use crate::pipeline::job::Image;
use crate::pipeline::script::{Section, flat};
use crate::plan::PlannedJob;
use crate::run::times::duration;
use crate::run::variables::{Values, Variables};
use crate::yaml::{Data, Entry, Mapping, Value};

/// What a job has time for where nothing says otherwise (<https://docs.gitlab.com/ci/pipelines/settings/#set-a-limit-for-how-long-jobs-can-run>).
const TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// What `after_script` has time for where `RUNNER_AFTER_SCRIPT_TIMEOUT` says nothing (<https://docs.gitlab.com/ci/runners/configure_runners/#set-script-and-after_script-timeouts>).
const AFTER_SCRIPT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// What has to be done for one attempt at a job.
#[derive(Clone, Debug)]
pub struct Task {
    /// The job's name.
    pub name: Arc<str>,
    /// Its variables as its shell gets them.
    pub values: Values,
    /// Commands of `before_script` and `script`, which run in one shell.
    pub script: Vec<String>,
    /// Commands of `after_script`.
    pub after_script: Vec<String>,
    /// How long all of it may take.
    pub timeout: Duration,
    /// How long `before_script` and `script` may take.
    pub script_timeout: Duration,
    /// How long `after_script` may take.
    pub after_script_timeout: Duration,
    /// What it leaves.
    pub artifacts: Artifacts,
    /// What it keeps for later runs.
    pub caches: Vec<Cache>,
    /// The jobs whose artifacts it gets, in the order of the pipeline.
    pub sources: Vec<Arc<str>>,
    /// Whether the files of the repository are there (`GIT_STRATEGY` is neither `none` nor `empty`).
    pub has_files: bool,
    /// Which of its submodules have files.
    pub submodules: Submodules,
    /// The image that its scripts run in; none where the pipeline names none.
    pub image: Option<Container>,
    /// What runs beside it.
    pub services: Vec<Container>,
    /// Files that variables hold the paths of, with their texts.
    pub files: Vec<(String, String)>,
    /// What is to be said before it begins: sentences.
    pub warnings: Vec<String>,
    /// Names of variables that only the job itself may see.
    pub private: BTreeSet<String>,
    /// The regular expression that finds the coverage in its log, without its slashes.
    pub coverage: Option<String>,
}

/// `GIT_SUBMODULE_STRATEGY` (<https://docs.gitlab.com/ci/runners/configure_runners/#git-submodule-strategy>).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Submodules {
    /// `none`: all are empty folders.
    #[default]
    None,
    /// `normal`: those of the repository itself.
    Normal,
    /// `recursive`: those within submodules, too.
    Recursive,
}

/// An `image`, or one of `services`, with values put in.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Container {
    /// The name of the image.
    pub image: String,
    /// What replaces the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// What replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Other names that it is reached by.
    pub aliases: Vec<String>,
    /// Variables of its own.
    pub variables: Vec<(String, String)>,
    /// The user that runs in it (`docker:user`).
    pub user: Option<String>,
    /// The platform of the image (`docker:platform`).
    pub platform: Option<String>,
    /// Whether the image is pulled: the first of `pull_policy`.
    pub pull: Option<String>,
}

impl Container {
    fn new(image: &Image, values: &Values) -> Self {
        let config = &image.value;
        let docker = |keyword: &str| config.get("docker").and_then(|docker| docker.get(keyword)).and_then(Value::scalar_text);
        let own = image.variables().map(|variables| variables.entries.values()).into_iter().flatten();
        let variable = |entry: &Entry| Some((entry.key.scalar_text()?, values.put_into(&entry.value.scalar_text()?)));
        Self {
            image: values.put_into(image.text()),
            // Only what names something is expanded (gitlab-runner, `Build.expandContainerOptions`).
            entrypoint: image.entrypoint(),
            command: image.command(),
            aliases: image.aliases.iter().map(|alias| values.put_into(alias)).filter(|alias| !alias.is_empty()).collect(),
            variables: own.filter_map(variable).collect(),
            user: docker("user").map(|user| values.put_into(&user)),
            platform: docker("platform").map(|platform| values.put_into(&platform)),
            pull: config.get("pull_policy").and_then(|policy| texts(Some(policy), values).into_iter().next()),
        }
    }
}

/// `artifacts`.
#[derive(Clone, Default, Debug)]
pub struct Artifacts {
    /// `paths`, expanded.
    pub paths: Vec<String>,
    /// `exclude`, expanded.
    pub exclude: Vec<String>,
    /// Whether files that git does not know belong to them.
    pub untracked: bool,
    /// When they are collected.
    pub when: Moment,
    /// Paths of `reports:dotenv`.
    pub dotenv: Vec<String>,
    /// Paths of `reports:junit`.
    pub junit: Vec<String>,
}

/// One `cache`.
#[derive(Clone, Default, Debug)]
pub struct Cache {
    /// `paths`, expanded.
    pub paths: Vec<String>,
    /// Whether files that git does not know belong to it.
    pub untracked: bool,
    /// When it is saved.
    pub when: Moment,
    /// Its key, expanded.
    pub key: Key,
    /// Keys that are tried where there is nothing under its own.
    pub fallback: Vec<String>,
    /// Whether it is restored.
    pub pulls: bool,
    /// Whether it is saved.
    pub pushes: bool,
}

/// The key of a cache.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Key {
    /// A text.
    Text(String),
    /// What the contents of files make of it.
    Files {
        /// The files, expanded.
        files: Vec<String>,
        /// What stands before it.
        prefix: Option<String>,
    },
}

impl Default for Key {
    fn default() -> Self {
        Self::Text("default".to_owned())
    }
}

/// `when` of artifacts and caches.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Moment {
    /// Where the job passed.
    #[default]
    OnSuccess,
    /// Where it failed.
    OnFailure,
    /// In any case.
    Always,
}

impl Moment {
    fn of(config: &Value) -> Self {
        match config.get("when").and_then(Value::as_str) {
            Some("on_failure") => Self::OnFailure,
            Some("always") => Self::Always,
            _ => Self::OnSuccess,
        }
    }

    /// Whether it has come once the job passed or failed.
    #[must_use]
    pub fn has_come(self, passed: bool) -> bool {
        match self {
            Self::OnSuccess => passed,
            Self::OnFailure => !passed,
            Self::Always => true,
        }
    }
}

/// The variables of the files for `planned`, over `variables`; those of `planned` are in force.
pub(super) fn with_own(variables: &mut Variables, job: &Job, planned: &PlannedJob) {
    for (name, text) in &planned.variables {
        let is_raw = job.variables.get(name).is_some_and(|variable| !variable.expands());
        if is_raw { variables.set_raw(name, text) } else { variables.set(name, text) }
    }
}

impl Task {
    /// What has to be done for `planned`, which comes from `job` and gets the artifacts of `sources`, where its shell gets `values`.
    ///
    /// # Errors
    /// A sentence without its end where a value has no meaning.
    pub fn new(planned: &PlannedJob, job: &Job, sources: Vec<Arc<str>>, values: Values) -> Result<Self, String> {
        let config = &job.config;
        let timeout = timeout(config)?;
        let limit = |name: &str| values.get(name).and_then(duration);
        let strategy = values.get("GIT_STRATEGY").unwrap_or("fetch");
        let has_files = !matches!(strategy, "none" | "empty");
        let submodules = match values.get("GIT_SUBMODULE_STRATEGY") {
            Some("normal") if has_files => Submodules::Normal,
            Some("recursive") if has_files => Submodules::Recursive,
            _ => Submodules::None,
        };
        Ok(Self {
            name: planned.name.clone(),
            script: commands(job, &[Section::BeforeScript, Section::Script]),
            after_script: commands(job, &[Section::AfterScript]),
            timeout,
            script_timeout: limit("RUNNER_SCRIPT_TIMEOUT").unwrap_or(timeout).min(timeout),
            after_script_timeout: limit("RUNNER_AFTER_SCRIPT_TIMEOUT").unwrap_or(AFTER_SCRIPT_TIMEOUT).min(timeout),
            artifacts: config.get("artifacts").map(|artifacts| Artifacts::new(artifacts, &values)).unwrap_or_default(),
            caches: caches(config, &values),
            sources,
            image: job.image().map(|image| Container::new(&image, &values)),
            services: job.services().iter().map(|service| Container::new(service, &values)).collect(),
            files: Vec::new(),
            warnings: unavailable(config, &values),
            private: BTreeSet::new(),
            has_files,
            submodules,
            coverage: config.get("coverage").and_then(Value::as_str).map(|text| text.trim_matches('/').to_owned()),
            values,
        })
    }
}

/// The ID tokens and secrets of a job that GitLab would fetch, and that nobody gave
/// (<https://docs.gitlab.com/ci/yaml/#id_tokens>, <https://docs.gitlab.com/ci/yaml/#secrets>).
fn unavailable(config: &Mapping, values: &Values) -> Vec<String> {
    let names = |keyword: &str| config.get(keyword).and_then(Value::as_mapping).into_iter().flat_map(|mapping| mapping.entries.values());
    let missing = |what: &'static str, entry: &Entry| {
        let name = entry.key.scalar_text().filter(|name| values.get(name).is_none())?;
        Some(format!("{what} `{name}` is issued by GitLab and is not here; `--var {name}=…` gives one"))
    };
    let tokens = names("id_tokens").filter_map(|entry| missing("the ID token", entry));
    tokens.chain(names("secrets").filter_map(|entry| missing("the secret", entry))).collect()
}

/// How long a job may take.
pub(super) fn timeout(config: &Mapping) -> Result<Duration, String> {
    match config.get("timeout").and_then(Value::scalar_text) {
        Some(text) => duration(&text).ok_or_else(|| format!("`timeout: {text}` is no time")),
        None => Ok(TIMEOUT),
    }
}

fn commands(job: &Job, sections: &[Section]) -> Vec<String> {
    let items = job.script.items.iter().chain(&job.after_script.items);
    items.filter(|item| sections.contains(&item.section)).filter_map(|item| item.value.as_str().map(str::to_owned)).collect()
}

/// The texts in `value`, a text or a list of them, with values put in.
fn texts(value: Option<&Value>, values: &Values) -> Vec<String> {
    let items = value.map(|value| flat(value, &mut Vec::new())).unwrap_or_default();
    items.into_iter().filter_map(Value::scalar_text).map(|text| values.put_into(&text)).filter(|text| !text.is_empty()).collect()
}

fn is_true(value: Option<&Value>) -> bool {
    matches!(value.map(|value| &value.data), Some(Data::Bool(true)))
}

impl Artifacts {
    fn new(config: &Value, values: &Values) -> Self {
        let reports = |name: &str| texts(config.get("reports").and_then(|reports| reports.get(name)), values);
        Self {
            paths: texts(config.get("paths"), values),
            exclude: texts(config.get("exclude"), values),
            untracked: is_true(config.get("untracked")),
            when: Moment::of(config),
            dotenv: reports("dotenv"),
            junit: reports("junit"),
        }
    }

    /// Whether there is anything to collect besides reports.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.untracked
    }
}

fn caches(config: &Mapping, values: &Values) -> Vec<Cache> {
    let value = config.get("cache");
    let items = match value.map(|value| &value.data) {
        Some(Data::Sequence(items)) => items.iter().collect(),
        Some(Data::Mapping(_)) => value.into_iter().collect(),
        _ => Vec::new(),
    };
    let caches: Vec<Cache> = items.into_iter().map(|item| Cache::new(item, values)).collect();
    caches.into_iter().filter(|cache| !cache.paths.is_empty() || cache.untracked).collect()
}

impl Cache {
    fn new(config: &Value, values: &Values) -> Self {
        let text = |name: &str| config.get(name).and_then(Value::scalar_text).map(|text| values.put_into(&text));
        let key = config.get("key").filter(|key| !key.is_null());
        let files = key.map(|key| texts(key.get("files").or_else(|| key.get("files_commits")), values)).unwrap_or_default();
        let prefix = key.and_then(|key| key.get("prefix")).and_then(Value::scalar_text).map(|prefix| values.put_into(&prefix));
        let own = key.and_then(Value::scalar_text).map(|text| values.put_into(&text)).filter(|text| !text.is_empty());
        let policy = text("policy");
        let mut fallback = texts(config.get("fallback_keys"), values);
        fallback.extend(values.get("CACHE_FALLBACK_KEY").filter(|key| !key.is_empty()).map(str::to_owned));
        Self {
            paths: texts(config.get("paths"), values),
            untracked: is_true(config.get("untracked")),
            when: Moment::of(config),
            key: match own {
                _ if !files.is_empty() => Key::Files { files, prefix },
                Some(text) => Key::Text(text),
                None => Key::default(),
            },
            fallback,
            pulls: policy.as_deref() != Some("push"),
            pushes: policy.as_deref() != Some("pull"),
        }
    }
}
