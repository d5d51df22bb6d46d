//! The variables of a job into what its function is given. Knows which variables are secret, not what they are for.

use std::collections::{BTreeMap, BTreeSet};

use crate::detect::secret::is_secret_name;
use crate::detect::{Reason, reason};
use crate::migrate::module::daemon::VARIABLES;
use crate::migrate::module::form::{Form, PROTECTED, Parameter, Registry, Text};
use crate::migrate::module::names::parameter as words;
use crate::migrate::module::programs::is_looked_at_everywhere;
use crate::migrate::module::read::names_in;
use crate::pipeline::Job;
use crate::pipeline::predefined::{is_always_set, is_predefined};

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
    /// The variables that the job has, and those that its scripts `read`, its image, services and caches. Of the job's own, where it
    /// is known which names programs have `looked_at`, by their beginnings, only those and those that are read.
    pub(super) fn variables(&mut self, job: &Job, read: Vec<String>, looked_at: Option<&BTreeSet<&str>>) {
        let unread = |name: &str| {
            let by_program = looked_at.is_none_or(|known| known.iter().any(|beginning| name.starts_with(beginning)));
            !by_program && !is_looked_at_everywhere(name) && !read.iter().any(|read| read == name)
        };
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
    pub(super) fn named(&mut self, job: &Job) {
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
    pub(super) fn checked(&self, job: &Job) -> Result<(), Vec<Reason>> {
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

    /// Whether the value of a variable may be a secret: those that YAML and GitLab don't set come from the settings of a project.
    pub(super) fn is_secret(&self, job: &Job, name: &str) -> bool {
        if let Some(known) = self.parameters.get(name) {
            return known.secret;
        }
        if job.conditional.iter().any(|(known, _)| &**known == name) || job.variables.contains_key(name) {
            return false;
        }
        SECRET.contains(&name) || is_secret_name(name) || !is_predefined(name)
    }
}
