//! Resolved jobs into facts: which daemon, which docker operations, and what could move to a remote builder. Knows no target.

pub mod builder;
mod bundle;
pub mod client;
mod commands;
pub mod contents;
pub mod daemon;
pub mod dagger;
pub mod flow;
mod image;
pub mod installer;
pub mod outside;
pub mod purpose;
pub mod reason;
pub mod registry;
pub mod secret;
pub mod steps;
pub mod variables;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use commands::Program;
pub use daemon::{Daemon, Endpoint, Kind, Listener, Tls};
pub use image::{ImageFacts, ProgramImage, ServiceFacts, is_frozen};
pub use reason::{Reason, Verdict};
pub use steps::{JobShell, Step};
pub use variables::{Setting, setting};

use crate::docker::{Operation, Tool};
use crate::pipeline::{Documents, Job, Pipeline, Script, Section};
use crate::shell::{self, Env};
use crate::source::{FileId, Span};
use crate::workspace::Workspace;

/// What is known of a job.
#[derive(Debug)]
pub struct JobFacts {
    /// The image that its script runs in.
    pub image: Option<ImageFacts>,
    /// Its services.
    pub services: Vec<ServiceFacts>,
    /// The daemon that its docker commands reach.
    pub daemon: Daemon,
    /// `before_script` and `script`; none where they mention no container tool and the job has no daemon.
    pub shell: Option<JobShell>,
    /// `after_script`, under the same condition.
    pub after_shell: Option<JobShell>,
    /// What it does with container tools, in execution order.
    pub operations: Vec<JobOperation>,
    /// Commands that may use docker out of sight.
    pub opaque: Vec<Opaque>,
    /// What a remote builder could take over, and why not more.
    pub flow: flow::Flow,
}

impl JobFacts {
    /// Whether a service of the job is a Docker daemon.
    #[must_use]
    pub fn has_dind(&self) -> bool {
        self.daemon.service.is_some()
    }

    /// `before_script` and `script`, read now where the facts did not need them.
    #[must_use]
    pub fn main_shell<'a>(&'a self, job: &Job) -> Cow<'a, JobShell> {
        self.shell.as_ref().map_or_else(|| Cow::Owned(JobShell::read(job, &job.script)), Cow::Borrowed)
    }

    /// The operations of this job's own script text, with the steps that run them.
    pub fn own_operations(&self) -> impl Iterator<Item = (&JobOperation, &Step)> {
        self.operations.iter().filter_map(|operation| Some((operation, self.step(operation)?)))
    }

    /// The step of an operation of the job's own script text.
    #[must_use]
    pub fn step(&self, operation: &JobOperation) -> Option<&Step> {
        let shell = if operation.section == Section::AfterScript { &self.after_shell } else { &self.shell };
        shell.as_ref()?.steps.get(operation.step?)
    }
}

/// One docker operation of a job.
#[derive(Clone, Debug)]
pub struct JobOperation {
    /// What is done.
    pub operation: Operation,
    /// The index of its step in its shell; none where it stands in a script file of the repository.
    pub step: Option<usize>,
    /// The keyword it runs through.
    pub section: Section,
    /// Where it is written.
    pub span: Span,
    /// The command as written.
    pub text: String,
    /// Whether it runs.
    pub certainty: shell::Certainty,
}

/// A command that may use docker out of sight.
#[derive(Clone, Debug)]
pub struct Opaque {
    /// Its program, as written.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// The index of its step in the main shell; none in `after_script` or in a script file.
    pub step: Option<usize>,
}

/// Script files that are followed within each other, at most.
const MAX_FOLLOWED: usize = 8;
/// Words that make a script worth parsing.
const MENTIONS: &[&str] =
    &["docker", "buildx", "buildctl", "buildah", "podman", "kaniko", "depot", "dagger", "crane", "skopeo", "DOCKER", "compose", "executor"];

/// Finds the facts of jobs; a script text that several jobs share is parsed once.
#[derive(Debug)]
pub struct Detector {
    workspace: Workspace,
    parsed: BTreeMap<Arc<str>, Arc<shell::Script>>,
}

impl Detector {
    /// Facts of jobs whose scripts may run files of `workspace`.
    #[must_use]
    pub fn new(workspace: &Workspace) -> Self {
        Self { workspace: workspace.clone(), parsed: BTreeMap::new() }
    }

    /// The facts of `job` in `pipeline`.
    pub fn facts(&mut self, documents: &mut Documents, pipeline: &Pipeline, job: &Job) -> JobFacts {
        let image = job.image().map(|image| ImageFacts::new(job, image));
        let services: Vec<ServiceFacts> = job.services().into_iter().map(|service| ServiceFacts::new(job, service)).collect();
        let wanted = services.iter().any(ServiceFacts::is_dind) || mentions(job);
        let environment = if wanted { steps::environment(job) } else { Env::default() };
        let shell = wanted.then(|| JobShell::new(&job.script, self.parse(&job.script.text), &environment));
        let after_shell = wanted.then(|| JobShell::new(&job.after_script, self.parse(&job.after_script.text), &environment));
        let mut found = Found::default();
        for (script, shell) in [(&job.script, &shell), (&job.after_script, &after_shell)] {
            if let Some(shell) = shell {
                self.collect(documents, job, script, shell, &mut found);
            }
        }
        let in_script = shell.as_ref().and_then(|shell| exported_host(job, shell));
        // Where the engine of Dagger is, the settings of a project say.
        let asks = |operation: &JobOperation| flow::needs_daemon(&operation.operation) && operation.operation.tool != Tool::Dagger;
        let uses_docker = found.operations.iter().any(asks);
        let mut daemon = daemon::daemon(job, image.as_ref(), &services, in_script, uses_docker);
        // A client's variables alone are no daemon: nothing in the script would read them.
        if daemon.service.is_none() && !uses_docker && shell.is_some() && found.opaque.is_empty() {
            daemon.kind = Kind::None;
        }
        let mut facts = JobFacts {
            image,
            services,
            daemon,
            shell,
            after_shell,
            operations: found.operations,
            opaque: found.opaque,
            flow: flow::Flow::default(),
        };
        facts.flow = flow::flow(pipeline, job, &facts);
        facts
    }

    fn parse(&mut self, text: &Arc<str>) -> Arc<shell::Script> {
        if let Some(parsed) = self.parsed.get(text) {
            return parsed.clone();
        }
        let parsed = Arc::new(shell::parse(text, shell::Limits::default()));
        self.parsed.insert(text.clone(), parsed.clone());
        parsed
    }

    fn collect(&mut self, documents: &mut Documents, job: &Job, script: &Script, shell: &JobShell, found: &mut Found) {
        for (index, step) in shell.steps.iter().enumerate() {
            let section = script.item_at(step.range().start).map_or(Section::Script, |item| script.items[item].section);
            let span = job.place(script, step.range());
            if let Some(operation) = &step.operation {
                found.operations.push(JobOperation {
                    operation: operation.clone(),
                    step: Some(index),
                    section,
                    span,
                    text: shell.slice(step.range()).to_owned(),
                    certainty: step.invocation.certainty,
                });
                continue;
            }
            let opaque = || Opaque {
                name: shell.slice(first_word(step)).to_owned(),
                span,
                step: (section != Section::AfterScript).then_some(index),
            };
            match step.program {
                Program::Neutral | Program::ReadsImages => {}
                Program::Opaque if installer::is_known(shell, index) => {}
                Program::Opaque => found.opaque.push(opaque()),
                Program::Runs(file) => {
                    let path = step
                        .constant(file)
                        .and_then(repository_path)
                        .filter(|_| step.invocation.directory.constant().is_none_or(str::is_empty));
                    let followed = path.is_some_and(|path| self.follow(documents, &path, section, 0, found));
                    if !followed {
                        found.opaque.push(opaque());
                    }
                }
            }
        }
        if shell.script.dialect != shell::Dialect::Posix || shell.evaluated.truncated {
            let span = script.items.first().map_or(job.key, |item| item.value.span);
            found.opaque.push(Opaque { name: "script".to_owned(), span, step: None });
        }
    }

    /// Adds what the shell script at `path` does; false where it can't be read as one.
    fn follow(&mut self, documents: &mut Documents, path: &str, section: Section, depth: usize, found: &mut Found) -> bool {
        if depth >= MAX_FOLLOWED || found.followed.contains(&path.to_owned()) {
            return depth < MAX_FOLLOWED;
        }
        let Ok(text) = self.workspace.text(path) else { return false };
        if !is_shell_script(path, &text) {
            return false;
        }
        found.followed.push(path.to_owned());
        let file = documents.add_text(path, &text);
        let shell = JobShell::evaluated(self.parse(&text), &shell::Env::default());
        if shell.script.dialect != shell::Dialect::Posix || !shell.script.errors.is_empty() {
            return false;
        }
        shell.steps.iter().all(|step| self.follow_step(documents, file, &shell, step, section, depth, found))
    }

    #[expect(clippy::too_many_arguments, reason = "one recursion through a file's steps")]
    fn follow_step(
        &mut self,
        documents: &mut Documents,
        file: FileId,
        shell: &JobShell,
        step: &Step,
        section: Section,
        depth: usize,
        found: &mut Found,
    ) -> bool {
        let range = step.range();
        if let Some(operation) = &step.operation {
            found.operations.push(JobOperation {
                operation: operation.clone(),
                step: None,
                section,
                span: Span::new(file, range.start, range.end),
                text: shell.slice(range).to_owned(),
                certainty: step.invocation.certainty,
            });
            return true;
        }
        match step.program {
            Program::Neutral | Program::ReadsImages => true,
            Program::Opaque => false,
            Program::Runs(argument) => step
                .constant(argument)
                .and_then(repository_path)
                .is_some_and(|path| self.follow(documents, &path, section, depth + 1, found)),
        }
    }
}

#[derive(Default)]
struct Found {
    operations: Vec<JobOperation>,
    opaque: Vec<Opaque>,
    followed: Vec<String>,
}

/// Whether the scripts, or a variable that they may use as a command, mention a container tool.
fn mentions(job: &Job) -> bool {
    let mention = |text: &str| MENTIONS.iter().any(|word| text.contains(word));
    mention(&job.script.text)
        || mention(&job.after_script.text)
        || job.variables.values().any(|variable| variable.text().is_some_and(|text| mention(&text)))
}

fn first_word(step: &Step) -> std::ops::Range<usize> {
    step.invocation.argv().first().map_or_else(|| step.range(), |argument| argument.range.range())
}

/// A path as the workspace knows it, where it surely lies in the repository.
fn repository_path(text: &str) -> Option<String> {
    let path = text.strip_prefix("$CI_PROJECT_DIR/").unwrap_or(text);
    let path = path.strip_prefix("./").unwrap_or(path);
    (!path.starts_with('/') && !path.is_empty() && !path.contains("..")).then(|| path.to_owned())
}

fn is_shell_script(path: &str, text: &str) -> bool {
    match text.lines().next().and_then(|line| line.strip_prefix("#!")) {
        Some(interpreter) => interpreter.ends_with("sh") || interpreter.contains("sh "),
        None => std::path::Path::new(path)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("sh") || extension.eq_ignore_ascii_case("bash")),
    }
}

/// `DOCKER_HOST` as the script's own assignments leave it.
fn exported_host(job: &Job, shell: &JobShell) -> Option<Setting> {
    let binding = shell.evaluated.bindings.iter().rfind(|binding| binding.name == "DOCKER_HOST")?;
    let text = shell.slice(binding.range.range());
    let raw = text.split_once('=').map_or("", |(_, value)| value).trim_matches(['"', '\'']).to_owned();
    let span = job.place(&job.script, binding.range.range());
    Some(Setting { name: "DOCKER_HOST".to_owned(), text: variables::expand(job, &raw), raw, span, key: span, level: None })
}
