//! A job's keywords and scripts into the parts of its form, or into reasons why a call can't stand for it. Knows GitLab's keywords, not Dagger.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::detect::{JobFacts, JobShell, Reason, Step, reason};
use crate::docker::Op;
use crate::migrate::module::FOLDER;
use crate::migrate::module::form::{Cache, Outputs, PROTECTED, Part, Text};
use crate::migrate::module::programs::{Habit, fetches, habit, looked_at};
use crate::migrate::module::read::looks_up;
use crate::migrate::module::service::{Service, service};
use crate::pipeline::Job;
use crate::pipeline::script::flat;
use crate::shell::Dialect;
use crate::source::Span;
use crate::yaml::{Data, Value};

/// Keywords of jobs that a call can't stand for.
const KEYWORDS: &[(&str, &str)] = &[
    ("trigger", "the job starts another pipeline"),
    ("run", "the job runs steps"),
    ("release", "the release is made by a program in the job's image"),
    ("hooks", "the hooks run in the job's image"),
    ("identity", "the job gets an identity from its cloud"),
    ("dast_configuration", "the job is configured by DAST"),
];

/// Commands of git that ask the server from which the checkout comes.
const REMOTE: &[&str] = &["fetch", "lfs", "ls-remote", "pull", "push", "remote", "submodule"];

/// A job on its way into a [`Form`].
pub(super) struct Reader<'a> {
    pub(super) job: &'a Job,
    pub(super) facts: &'a JobFacts,
    /// `before_script` and `script`.
    pub(super) main: Cow<'a, JobShell>,
    /// `after_script`.
    pub(super) after: Cow<'a, JobShell>,
    pub(super) reasons: Vec<Reason>,
    /// The first command that can't be seen through.
    pub(super) opaque: Option<Reason>,
}

impl<'a> Reader<'a> {
    pub(super) fn refuse(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.reasons.push(Reason { code, message: message.into(), span });
    }

    /// A reader of `job`, whose scripts are read here if they weren't before.
    pub(super) fn new(job: &'a Job, facts: &'a JobFacts) -> Self {
        let after = facts.after_shell.as_ref().map_or_else(|| Cow::Owned(JobShell::read(job, &job.after_script)), Cow::Borrowed);
        Self { job, facts, main: facts.main_shell(job), after, reasons: Vec::new(), opaque: None }
    }

    pub(super) fn keywords(&mut self) {
        for (keyword, why) in KEYWORDS {
            if let Some(value) = self.job.config.get(keyword).filter(|value| !value.is_null()) {
                self.refuse(reason::TARGET_REFUSES, value.span, *why);
            }
        }
        if let Some(missing) = self.job.missing.first() {
            let message = format!("`{}` is not defined in the files at hand", missing.name);
            self.refuse(reason::MISSING_CONFIGURATION, missing.span, message);
        } else if !self.job.is_script() && self.reasons.is_empty() {
            self.refuse(reason::INVALID_JOB, self.job.key, "the job has no `script`");
        }
        let runs_on_failure = |value: Option<&Value>| value.and_then(Value::as_str) == Some("on_failure");
        let rules = self.job.config.get("rules").map(|rules| flat(rules, &mut Vec::new())).unwrap_or_default();
        let when = std::iter::once(self.job.config.get("when")).chain(rules.into_iter().map(|rule| rule.get("when")));
        if let Some(when) = when.flatten().find(|when| runs_on_failure(Some(when))) {
            let message = "the job runs when others fail, which they also do where they don't reach the engine, and then it would neither";
            self.refuse(reason::TARGET_REFUSES, when.span, message);
        }
        let tags: Vec<String> = self.job.tags().iter().filter_map(Value::scalar_text).collect();
        if let Some(word) = tags.iter().map(String::as_str).chain([&*self.job.name]).find(|text| speaks_of_an_architecture(text)) {
            let message = format!("`{word}` speaks of an architecture, and a function runs on that of the engine");
            self.refuse(reason::TARGET_REFUSES, self.job.key, message);
        }
        let of_a_daemon = |name: &str| name == "DOCKER_HOST" || name.starts_with("TESTCONTAINERS_");
        if let Some((name, variable)) = self.job.variables.iter().find(|(name, _)| of_a_daemon(name)).filter(|_| !self.facts.has_dind()) {
            let message = format!("`{name}` says that something in the job talks to a Docker daemon");
            self.refuse(reason::TARGET_REFUSES, variable.entry.key.span, message);
        }
        let strategy = self.job.variables.get("GIT_STRATEGY").and_then(|variable| Some((variable.text()?, variable.value()?.span)));
        if let Some((text, span)) = strategy.filter(|(text, _)| ["none", "empty"].contains(&text.as_str())) {
            self.refuse(reason::TARGET_REFUSES, span, format!("with `GIT_STRATEGY: {text}` the module is not checked out"));
        }
        if let Some(coverage) =
            self.job.config.get("coverage").filter(|value| value.as_str().is_some_and(|text| text.contains(['^', '\n'])))
        {
            self.refuse(
                reason::TARGET_REFUSES,
                coverage.span,
                "the coverage is looked for at the beginning of a line, where Dagger's own words stand",
            );
        }
    }

    pub(super) fn scripts(&mut self) {
        let main = self.main.clone();
        for &span in self.job.script.invalid.iter().chain(&self.job.after_script.invalid) {
            self.refuse(reason::INVALID_JOB, span, "a script item is not a string");
        }
        if main.script.dialect != Dialect::Posix {
            self.refuse(reason::OTHER_SHELL, self.job.key, "the script is not written for sh or bash");
        } else if !main.script.errors.is_empty() || main.evaluated.truncated {
            self.refuse(reason::DAMAGED_SCRIPT, self.job.key, "the script cannot be read as sh to its end");
        }
        if self.job.script.text.contains("$[[") || self.job.after_script.text.contains("$[[") {
            self.refuse(reason::TARGET_REFUSES, self.job.key, "the script holds an input of which the value is not known");
        }
        let prints = |step: &Step| {
            step.argv.is_empty()
                || matches!(step.name(), Some("echo" | "printf" | "true" | ":")) && step.invocation.command.redirections.is_empty()
        };
        if !main.steps.is_empty() && main.steps.iter().all(prints) && main.evaluated.bindings.is_empty() {
            self.refuse(reason::TARGET_REFUSES, self.job.key, "the job does nothing but print, for which it needs no engine");
        }
        let asks = |step: &&Step| {
            step.name() == Some("git") && (1..step.argv.len()).any(|at| step.constant(at).is_some_and(|word| REMOTE.contains(&word)))
        };
        if let Some(step) = main.steps.iter().find(asks) {
            let span = self.job.place(&self.job.script, step.range());
            self.refuse(
                reason::TARGET_REFUSES,
                span,
                "git asks the server of the checkout, for which the job's token is in git's configuration",
            );
        }
        let after = self.after.clone();
        for script in [&self.job.script, &self.job.after_script] {
            if let Some(range) = looks_up(&script.text) {
                let span = self.job.place(script, range);
                self.refuse(reason::TARGET_REFUSES, span, "a variable is looked up by a name that another one holds");
            }
            let host = ["host.docker.internal", "gateway.docker.internal", "172.17.0.1"];
            if let Some((at, name)) = host.iter().find_map(|name| Some((script.text.find(name)?, name))) {
                let span = self.job.place(script, at..at + name.len());
                self.refuse(reason::TARGET_REFUSES, span, format!("`{name}` is the machine that the job runs on"));
            }
        }
        let files = [(&self.job.script, &main), (&self.job.after_script, &after)];
        if let Some((script, (name, at))) = files.iter().find_map(|(script, shell)| Some((script, read_as_file(shell)?))) {
            let span = self.job.place(script, at);
            self.refuse(reason::TARGET_REFUSES, span, format!("`${name}` may be the path of a file that only the runner has"));
        }
    }

    /// Tools that build or copy images want more of their container than a function gives, or do it elsewhere already.
    pub(super) fn other_builders(&mut self) {
        let talks = |op: Op| matches!(op, Op::Login | Op::Logout | Op::Info);
        if let Some(operation) = self.facts.operations.iter().find(|operation| !talks(operation.operation.op)) {
            self.refuse(
                reason::OTHER_BUILDER,
                operation.span,
                "the job builds or copies images with another tool than Docker, or elsewhere already",
            );
        } else if let Some(operation) = self.facts.operations.first() {
            // The client hands a login to the daemon (docker/cli, `cli/command/registry/login.go`).
            self.refuse(reason::TARGET_REFUSES, operation.span, "the command asks a Docker daemon, which a function does not have");
        }
    }

    pub(super) fn image(&mut self) -> Option<Text> {
        let Some(image) = self.job.image() else {
            self.refuse(reason::JOB_IMAGE_UNKNOWN, self.job.key, "the job runs in the runner's default image, which is not known");
            return None;
        };
        if image.value.get("docker").is_some() || image.value.get("kubernetes").is_some() {
            self.refuse(reason::TARGET_REFUSES, image.value.span, "the image is run with options of an executor");
        }
        if image.text().contains("$[[") {
            self.refuse(reason::TARGET_REFUSES, image.value.span, "the image depends on an input of which the value is not known");
        }
        if !comes_from_a_registry(image.text()) {
            let message = format!("`{}` may be an image that only the runner's machine has", image.text());
            self.refuse(reason::JOB_IMAGE_UNKNOWN, image.value.span, message);
        }
        Some(Text::new(image.text()))
    }

    pub(super) fn services(&mut self) -> Vec<Service> {
        let mut services = Vec::new();
        for facts in self.facts.services.iter().filter(|facts| !facts.is_dind()) {
            match service(facts) {
                Ok(service) => services.push(service),
                Err(why) => self.refuse(reason::TARGET_REFUSES, facts.image.image.value.span, why),
            }
        }
        services
    }

    pub(super) fn outputs(&mut self) -> Option<Outputs> {
        let artifacts = self.job.config.get("artifacts").filter(|artifacts| !artifacts.is_null())?;
        if matches!(artifacts.get("untracked").map(|value| &value.data), Some(Data::Bool(true))) {
            self.refuse(reason::TARGET_REFUSES, artifacts.span, "all files that git doesn't know are artifacts");
        }
        let mut paths: Vec<String> = list(artifacts.get("paths")).into_iter().filter_map(Value::scalar_text).collect();
        let reports = artifacts.get("reports").and_then(Value::as_mapping);
        for (_, entry) in reports.into_iter().flat_map(|reports| reports.named()) {
            match entry.value.get("path") {
                Some(path) => paths.extend(path.scalar_text()),
                None => paths.extend(flat(&entry.value, &mut Vec::new()).into_iter().filter_map(Value::scalar_text)),
            }
        }
        let exclude: Vec<String> = list(artifacts.get("exclude")).into_iter().filter_map(Value::scalar_text).collect();
        let patterns = |paths: Vec<String>| paths.iter().map(|path| Text::new(relative(path))).collect::<Vec<_>>();
        let when = artifacts.get("when").and_then(Value::as_str).unwrap_or("on_success");
        if paths.iter().any(|path| relative(path).starts_with('/') || path.contains("..")) {
            self.refuse(reason::TARGET_REFUSES, artifacts.span, "an artifact lies outside of the checkout");
        }
        let holds_module = |path: &str| {
            let path = relative(path).trim_end_matches('/');
            ["", ".", "*", "**", "**/*", "ci", "ci/*", "ci/**", "ci/**/*"].contains(&path) || path.starts_with(FOLDER)
        };
        if paths.iter().any(|path| holds_module(path)) {
            self.refuse(reason::TARGET_REFUSES, artifacts.span, format!("the module in `{FOLDER}` would be part of an artifact"));
        }
        (!paths.is_empty()).then(|| Outputs { paths: patterns(paths), exclude: patterns(exclude), always: when != "on_success" })
    }

    /// The folders to keep, with what can't be kept as it was.
    pub(super) fn caches(&self, outputs: Option<&Outputs>) -> (Vec<Cache>, Vec<(&'static str, String)>) {
        let mut caches = Vec::new();
        let mut lost = BTreeSet::new();
        let value = self.job.config.get("cache").filter(|cache| !cache.is_null());
        let all =
            value.map(|value| if value.as_mapping().is_some() { vec![value] } else { flat(value, &mut Vec::new()) }).unwrap_or_default();
        for cache in all {
            let key = cache.get("key");
            let by_files = key.is_some_and(|key| key.as_mapping().is_some());
            let pulls = cache.get("policy").and_then(Value::as_str).is_some_and(|policy| policy != "pull-push");
            let paths = cache.get("paths").map(|paths| flat(paths, &mut Vec::new())).unwrap_or_default();
            for path in paths.into_iter().filter_map(Value::scalar_text) {
                let folder = relative(&path).trim_end_matches('/').trim_start_matches("./").to_owned();
                let is_output = outputs.is_some_and(|outputs| outputs.paths.iter().any(|output| overlaps(output, &folder)));
                let plain = !folder.contains(['*', '?', '[', '$']) && !folder.starts_with(['/', '.']) && !folder.is_empty();
                let dotted =
                    folder.starts_with('.') && folder.len() > 1 && !folder.starts_with("..") && !folder.contains(['*', '?', '[', '$']);
                if by_files || pulls || is_output || !(plain || dotted) {
                    lost.insert(path);
                    continue;
                }
                // What runs for protected branches shares no cache with what anybody may start, as at GitLab.
                let key = key.and_then(Value::scalar_text).unwrap_or_else(|| "default".to_owned());
                let key = Text::new(&format!("{key}-{folder}-protected-${PROTECTED}"));
                caches.push(Cache { path: folder, key });
            }
        }
        let message = |paths: &BTreeSet<String>| {
            let list = paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
            format!("the job does its work without its cache of {list}, which is not kept from run to run")
        };
        let assumptions = if lost.is_empty() { Vec::new() } else { vec![("cache-not-kept", message(&lost))] };
        (caches, assumptions)
    }

    /// The beginnings of the names of variables for which the programs of the scripts look by themselves; none where that isn't known.
    pub(super) fn looked_at(&self) -> Option<BTreeSet<&'static str>> {
        let mut names = BTreeSet::new();
        for step in self.main.steps.iter().chain(&self.after.steps) {
            names.extend(looked_at(step)?);
        }
        Some(names)
    }

    /// Whether a program of the scripts gets something from outside.
    pub(super) fn fetches(&self) -> bool {
        self.main.steps.iter().any(fetches)
    }

    /// What the programs of the scripts do.
    pub(super) fn habits(&mut self) -> Vec<Habit> {
        let (main, after) = (self.main.clone(), self.after.clone());
        let mut habits = Vec::new();
        for (script, shell) in [(&self.job.script, &main), (&self.job.after_script, &after)] {
            for step in shell.steps.iter().filter(|step| step.operation.is_none()) {
                let habit = if step.invocation.opaque || step.invocation.unread_text { Habit::Unknown } else { habit(step) };
                if habit == Habit::ReadsEnvironment {
                    let span = self.job.place(script, step.range());
                    let name = step.name().unwrap_or_default().to_owned();
                    self.refuse(reason::TARGET_REFUSES, span, format!("`{name}` reads variables of the job that its script does not name"));
                }
                if habit == Habit::Privileged {
                    let span = self.job.place(script, step.range());
                    let name = step.name().unwrap_or_default().to_owned();
                    self.refuse(reason::TARGET_REFUSES, span, format!("`{name}` wants more rights than a function's container has"));
                }
                if habit == Habit::Unknown && self.opaque.is_none() {
                    let span = self.job.place(script, step.range());
                    let name = step.invocation.argv().first().map_or(step.range(), |first| first.range.range());
                    let name = shell.slice(name);
                    let message = format!("`{name}` may use docker, or variables that the script does not name, out of sight");
                    self.opaque = Some(Reason { code: reason::OPAQUE_COMMAND, message, span });
                }
                habits.push(habit);
            }
        }
        if self.opaque.is_none() {
            self.opaque = self.facts.opaque.first().map(|opaque| Reason {
                code: reason::OPAQUE_COMMAND,
                message: format!("`{}` may use docker out of sight", opaque.name),
                span: opaque.span,
            });
        }
        if let Some(opaque) = self.opaque.clone().filter(|_| self.is_about_docker()) {
            self.reasons.push(opaque);
        }
        habits
    }

    /// Whether something in the job speaks of Docker, so that a command that can't be seen through has to be taken for one that uses it.
    fn is_about_docker(&self) -> bool {
        let speaks = |text: &str| ["docker", "dind", "buildx", "podman", "buildah"].iter().any(|word| text.contains(word));
        !self.facts.operations.is_empty()
            || self.facts.has_dind()
            || self.job.image().is_some_and(|image| speaks(image.text()))
            || self.job.variables.keys().any(|name| name.starts_with("DOCKER_") || name.starts_with("BUILDKIT_"))
            || self.job.tags().iter().filter_map(Value::scalar_text).any(|tag| speaks(&tag))
            || speaks(&self.job.script.text)
            || speaks(&self.job.after_script.text)
    }
}

/// Whether a runner's tag or a job's name says on which kind of machine the job is to run.
fn speaks_of_an_architecture(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "aarch64", "amd64", "arm", "arm32", "arm64", "armhf", "armv6", "armv7", "i386", "mips64", "ppc64le", "riscv64", "s390x", "x64",
        "x86",
    ];
    let lower = text.to_ascii_lowercase();
    lower.contains("x86_64") || lower.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word))
}

/// Names of images without a namespace that Docker Hub has (<https://hub.docker.com/search?badges=official>).
const OFFICIAL: &[&str] = &[
    "almalinux",
    "alpine",
    "amazoncorretto",
    "amazonlinux",
    "archlinux",
    "bash",
    "buildpack-deps",
    "busybox",
    "caddy",
    "cassandra",
    "centos",
    "clojure",
    "composer",
    "couchdb",
    "crystal",
    "dart",
    "debian",
    "docker",
    "eclipse-temurin",
    "elixir",
    "erlang",
    "fedora",
    "gcc",
    "golang",
    "gradle",
    "groovy",
    "haskell",
    "haproxy",
    "httpd",
    "ibmjava",
    "influxdb",
    "jruby",
    "julia",
    "mariadb",
    "maven",
    "mediawiki",
    "memcached",
    "mongo",
    "mysql",
    "nginx",
    "node",
    "openjdk",
    "opensuse",
    "oraclelinux",
    "perl",
    "php",
    "postgres",
    "python",
    "r-base",
    "rabbitmq",
    "redis",
    "rocker",
    "rockylinux",
    "ruby",
    "rust",
    "sapmachine",
    "sbt",
    "swift",
    "traefik",
    "ubuntu",
    "vault",
    "wordpress",
];

/// Whether an image is surely pulled: a name without a namespace that Docker Hub does not have is one of the runner's machine.
fn comes_from_a_registry(image: &str) -> bool {
    let name = image.split(['@', ':']).next().unwrap_or(image);
    image.contains('/') || image.starts_with('$') || OFFICIAL.contains(&name)
}

/// The items of a list, or nothing.
fn list(value: Option<&Value>) -> Vec<&Value> {
    value.map(|value| flat(value, &mut Vec::new())).unwrap_or_default()
}

/// A path as seen from the checkout.
fn relative(path: &str) -> &str {
    let path = ["$CI_PROJECT_DIR/", "${CI_PROJECT_DIR}/"].iter().fold(path, |path, beginning| path.strip_prefix(beginning).unwrap_or(path));
    path.strip_prefix("./").unwrap_or(path)
}

/// Whether a pattern of artifacts may reach into a folder that is kept.
fn overlaps(output: &Text, folder: &str) -> bool {
    let [Part::Literal(pattern)] = output.0.as_slice() else { return true };
    let fixed = pattern.split(['*', '?', '[']).next().unwrap_or_default();
    let (fixed, pattern) = (fixed.trim_end_matches('/'), pattern.trim_end_matches('/'));
    pattern.starts_with(folder) || folder.starts_with(fixed)
}

/// A variable of the project's settings that a command may take for the name of a file, with the command's place.
fn read_as_file(shell: &JobShell) -> Option<(String, std::ops::Range<usize>)> {
    const READERS: &[&str] =
        &["cat", "chmod", "cp", "mv", "ssh-add", "source", ".", "base64", "head", "tail", "install", "stat", "wc", "file"];
    let outside = |name: &str| {
        !name.is_empty()
            && !name.starts_with("CI_")
            && name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
    };
    let lone = |text: &str| text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|name| outside(name)).map(str::to_owned);
    let by_name = |name: &str| {
        ["KUBECONFIG", "GOOGLE_APPLICATION_CREDENTIALS"].contains(&name)
            || ["_FILE", "_PEM", "_KEYFILE", "_KUBECONFIG"].iter().any(|end| name.ends_with(end))
    };
    let within = |text: &str| {
        let names = text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
        names.filter(|name| outside(name)).find(|name| by_name(name)).map(str::to_owned)
    };
    shell.steps.iter().find_map(|step| {
        let reads = step.name().is_some_and(|name| READERS.contains(&name));
        let mut arguments = step.argv.iter().skip(1);
        let found = arguments.find_map(|argument| lone(&argument.text).filter(|_| reads).or_else(|| within(&argument.text)))?;
        Some((found, step.range()))
    })
}
