//! A job's flow into edits of its script: docker commands into the target's, statement by statement. Knows the target's manifest; not YAML.

use std::ops::Range;

use crate::config::DepotConfig;
use crate::detect::flow::{Action, Output, RemoteBuild, Why};
use crate::detect::{JobFacts, JobShell, Step, reason};
use crate::docker::{Op, Operation};
use crate::migrate::job_image::{Curl, curl, has_buildx, login_works};
use crate::migrate::script_edit::{Stuck, TextEdit, removals};
use crate::migrate::target::Target;
use crate::pipeline::Job;

/// A reason with a place in the script's text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// One of the registered codes.
    pub code: &'static str,
    /// What it is here.
    pub message: String,
    /// Where, in bytes of the script's text; none where it is the job as a whole.
    pub at: Option<Range<usize>>,
}

/// What a job's script becomes.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Lowered {
    /// The edits of the script's text, sorted.
    pub edits: Vec<TextEdit>,
    /// Lines to run before the target's first command.
    pub setup: Vec<String>,
    /// Where the statement with the target's first command begins, in bytes of the script's text.
    pub first: Option<usize>,
    /// What was taken for granted: code and message.
    pub assumptions: Vec<(&'static str, String)>,
    /// Whether a docker client still runs.
    pub keeps_client: bool,
}

/// Lowers the flow of a job with verdict full.
///
/// # Errors
/// [`Refusal`] where the target, or the job's image, cannot do what is needed.
pub fn lower(job: &Job, facts: &JobFacts, target: &Target, config: &DepotConfig, project: Option<&str>) -> Result<Lowered, Refusal> {
    let Some(shell) = &facts.shell else { return Ok(Lowered::default()) };
    let mut lowering = Lowering { job, facts, shell, target, project, removed: Vec::new(), lowered: Lowered::default() };
    for (&index, action) in &facts.flow.actions {
        lowering.action(index, action)?;
    }
    lowering.logins()?;
    lowering.setup(config)?;
    let removed = removals(&shell.script, &lowering.removed).map_err(|Stuck { why, at }| Refusal {
        code: reason::NOT_EDITABLE,
        message: why.to_owned(),
        at: Some(at..at + 1),
    })?;
    let mut lowered = lowering.lowered;
    lowered.edits.retain(|edit| {
        !removed.iter().any(|gone| gone.range.start <= edit.range.start && edit.range.end <= gone.range.end && !gone.range.is_empty())
    });
    lowered.edits.extend(removed);
    lowered.edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    lowered.edits.dedup();
    Ok(lowered)
}

struct Lowering<'a> {
    job: &'a Job,
    facts: &'a JobFacts,
    shell: &'a JobShell,
    target: &'a Target,
    project: Option<&'a str>,
    removed: Vec<Range<usize>>,
    lowered: Lowered,
}

impl Lowering<'_> {
    fn refusal(&self, index: usize, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), at: Some(self.shell.steps[index].range()) }
    }

    fn action(&mut self, index: usize, action: &Action) -> Result<(), Refusal> {
        let step = &self.shell.steps[index];
        match action {
            Action::Remove(why) => self.removed.push(self.removed_range(step, *why)),
            Action::RemoveLoop { loop_range } => self.removed.push(loop_range.clone()),
            Action::Build(build) => {
                let edits = self.build(build)?;
                self.lowered.edits.extend(edits);
                self.begins(step);
            }
            Action::BuildHere(build) => {
                let source = &self.shell.steps[build.step];
                let edits = self.build(build)?;
                let range = source.range();
                let moved: Vec<TextEdit> = edits
                    .into_iter()
                    .map(|edit| TextEdit { range: edit.range.start - range.start..edit.range.end - range.start, text: edit.text })
                    .collect();
                let text = crate::migrate::script_edit::applied(self.shell.slice(range), &moved);
                if text.contains('\n') && self.shell.slice(step.statement()).lines().count() <= 1 {
                    let text = joined_lines(&text).ok_or_else(|| {
                        self.refusal(build.step, reason::NOT_EDITABLE, "the build is written over several lines that cannot be joined")
                    })?;
                    self.lowered.edits.push(TextEdit { range: step.range(), text });
                } else {
                    self.lowered.edits.push(TextEdit { range: step.range(), text });
                }
                self.begins(step);
            }
            Action::PushSaved { build, reference } => {
                let file = self.metadata_file(*build);
                let id = self.target.fill(&self.target.saved_id, &[("file", &file)]);
                let project =
                    self.project.map(|project| format!(" {}", self.target.flag("project", &[("project", project)]))).unwrap_or_default();
                let name = self.target.flag("tag", &[("reference", &self.quoted(step, *reference))]);
                let text = format!("{}{project} {name} {id}", self.target.push);
                self.lowered.edits.push(TextEdit { range: command_words(step), text });
            }
            Action::Promote { pull, source, reference } => {
                self.needs_buildx(index)?;
                let source = self.quoted(&self.shell.steps[*pull], *source);
                let text = self.target.fill(&self.target.promote, &[("reference", &self.quoted(step, *reference)), ("source", &source)]);
                self.lowered.edits.push(TextEdit { range: command_words(step), text });
                self.lowered.keeps_client = true;
            }
            Action::Inspect { reference } => {
                self.needs_buildx(index)?;
                let text = self.target.fill(&self.target.inspect, &[("reference", &self.quoted(step, *reference))]);
                self.lowered.edits.push(TextEdit { range: step.range(), text });
                self.lowered.keeps_client = true;
            }
        }
        Ok(())
    }

    fn needs_buildx(&self, index: usize) -> Result<(), Refusal> {
        if has_buildx(self.facts) {
            Ok(())
        } else {
            Err(self.refusal(
                index,
                reason::JOB_IMAGE_UNKNOWN,
                "the job's image may lack `docker buildx`, which copies images within registries",
            ))
        }
    }

    /// A removed step takes `|| true` and the rest of its pipe with it; an operand of `&&` goes alone.
    fn removed_range(&self, step: &Step, why: Why) -> Range<usize> {
        use crate::shell::{Frame, ListOperator};
        let in_and = step.invocation.path.iter().any(|frame| matches!(frame, Frame::List(ListOperator::And, _)));
        let in_or = step.invocation.path.iter().any(|frame| matches!(frame, Frame::List(ListOperator::Or, _)));
        let ignorable = matches!(why, Why::CachePull | Why::DaemonChatter | Why::LocalBuilder | Why::Emulation);
        if in_or && !in_and && ignorable { step.statement() } else { step.range() }
    }

    /// Notes that the target's command runs in this step.
    fn begins(&mut self, step: &Step) {
        let top =
            self.shell.script.body.get(step.invocation.top_level).map_or(step.range().start, |statement| statement.range.range().start);
        let first = self.lowered.first.map_or(top, |known| known.min(top));
        self.lowered.first = Some(first);
    }

    /// The edits that turn a build's words into the target's.
    fn build(&self, build: &RemoteBuild) -> Result<Vec<TextEdit>, Refusal> {
        let step = &self.shell.steps[build.step];
        let operation = step.operation.as_ref().expect("a build has an operation");
        for flag in &operation.flags {
            if self.target.rejected_flags.iter().any(|rejected| rejected == flag.name) {
                return Err(self.refusal(
                    build.step,
                    reason::UNSUPPORTED_FLAG,
                    format!("`{}` is not supported by {}", flag.spelled, self.target.name),
                ));
            }
        }
        if let Some(wrapper) = step
            .invocation
            .wrappers
            .iter()
            .find(|wrapper| !["time", "command", "timeout", "retry", "nice"].contains(&wrapper.name.as_str()))
        {
            return Err(self.refusal(build.step, reason::WRAPPED_COMMAND, format!("the build runs through `{}`", wrapper.name)));
        }
        let mut edits = self.own_variables(step);
        let last = operation.command.iter().max().copied().unwrap_or(0);
        let words = word_range(step, 0).start..word_range(step, last).end;
        edits.push(TextEdit { range: words, text: self.build_words(build) });
        for at in self.dropped(build, operation) {
            edits.push(TextEdit { range: self.flag_range(build.step, operation, at)?, text: String::new() });
        }
        for (flag, at) in operation.flags.iter().zip(0..).filter(|(flag, _)| flag.name == "add-host") {
            if flag.value.as_deref().is_some_and(|host| host.contains('=')) {
                let range = self.flag_range(build.step, operation, at)?;
                let text = self.shell.slice(range.clone()).to_owned();
                let (before, value) = text.rsplit_once('=').unwrap_or((&text, ""));
                edits.push(TextEdit { range, text: format!("{before}:{value}") });
            }
        }
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        Ok(edits)
    }

    fn build_words(&self, build: &RemoteBuild) -> String {
        let mut words = vec![self.target.build.clone()];
        words.extend(self.project.map(|project| self.target.flag("project", &[("project", project)])));
        match &build.output {
            Output::AsWritten => {}
            Output::Discard => words.push(self.target.flag("discard", &[])),
            Output::Push { .. } => words.push(self.target.flag("push", &[])),
            Output::Save(_) => words.push(self.target.flag("save", &[("file", &self.metadata_file(build.step))])),
        }
        if build.plain_manifest {
            words.push(self.target.flag("plain_manifest", &[]));
        }
        if let Output::Push { added, .. } = &build.output {
            let mut names: Vec<String> = added.iter().map(|&(step, argument)| self.quoted(&self.shell.steps[step], argument)).collect();
            names.dedup();
            words.extend(names.iter().map(|name| self.target.flag("tag", &[("reference", name)])));
        }
        words.join(" ")
    }

    fn dropped(&self, build: &RemoteBuild, operation: &Operation) -> Vec<usize> {
        let mut dropped = build.dropped_flags.clone();
        if let Output::Push { unpushed, .. } = &build.output {
            dropped.extend(unpushed);
        }
        if matches!(build.output, Output::Save(_)) {
            dropped.extend((0..operation.flags.len()).filter(|&at| operation.flags[at].name == "tag"));
        }
        let listed = |at: &usize| self.target.dropped_flags.iter().any(|name| name == operation.flags[*at].name);
        dropped.extend((0..operation.flags.len()).filter(listed));
        dropped.sort_unstable();
        dropped.dedup();
        dropped
    }

    /// The bytes of a flag with the blanks before it.
    fn flag_range(&self, index: usize, operation: &Operation, at: usize) -> Result<Range<usize>, Refusal> {
        let step = &self.shell.steps[index];
        let flag = &operation.flags[at];
        let (first, last) = (flag.words.start, flag.words.end - 1);
        let arguments = step.invocation.argv();
        let shared = (first..=last).any(|word| arguments[word].field)
            || matches!(flag.form, crate::docker::Form::Letters { .. }) && flag.value.is_none();
        if shared || first == 0 {
            return Err(self.refusal(
                index,
                reason::UNSUPPORTED_FLAG,
                format!("`{}` must go, but shares its word with something else", flag.spelled),
            ));
        }
        let before = word_range(step, first - 1).end;
        let start = if self.shell.slice(before..word_range(step, first).start).trim_matches([' ', '\t', '\\', '\n', '\r']).is_empty() {
            before
        } else {
            word_range(step, first).start
        };
        Ok(start..word_range(step, last).end)
    }

    /// `DOCKER_BUILDKIT=1` before the command goes.
    fn own_variables(&self, step: &Step) -> Vec<TextEdit> {
        let command = &step.invocation.command;
        let dead =
            command.assignments.iter().filter(|assignment| crate::detect::flow::DAEMON_VARIABLES.contains(&assignment.name.as_str()));
        dead.map(|assignment| {
            let range = assignment.range.range();
            let behind = &self.shell.script.text[range.end..];
            let blank = behind.len() - behind.trim_start_matches([' ', '\t']).len();
            TextEdit { range: range.start..range.end + blank, text: String::new() }
        })
        .collect()
    }

    fn metadata_file(&self, step: usize) -> String {
        let number = self.facts.flow.actions.values().find_map(|action| match action {
            Action::Build(build) | Action::BuildHere(build) if build.step == step => Some(&build.output),
            Action::Build(_)
            | Action::BuildHere(_)
            | Action::Remove(_)
            | Action::RemoveLoop { .. }
            | Action::PushSaved { .. }
            | Action::Promote { .. }
            | Action::Inspect { .. } => None,
        });
        let number = match number {
            Some(Output::Save(number)) if *number > 0 => format!("-{number}"),
            Some(Output::Save(_) | Output::AsWritten | Output::Discard | Output::Push { .. }) | None => String::new(),
        };
        self.target.fill(&self.target.metadata_file, &[("number", &number)])
    }

    /// An argument's word as written.
    fn quoted(&self, step: &Step, argument: usize) -> String {
        self.shell.slice(word_range(step, argument)).to_owned()
    }

    /// Logins that need the daemon that goes are written as a file of credentials.
    fn logins(&mut self) -> Result<(), Refusal> {
        let is_login = |step: &Step| {
            step.operation.as_ref().is_some_and(|operation| operation.op == Op::Login && crate::detect::flow::is_docker(operation.tool))
        };
        let logins: Vec<usize> = (0..self.shell.steps.len()).filter(|&index| is_login(&self.shell.steps[index])).collect();
        if logins.is_empty() {
            return Ok(());
        }
        match login_works(self.facts) {
            Some(true) => {
                self.lowered.keeps_client = true;
                if self.facts.image.as_ref().and_then(|image| image.docker.as_ref()).is_some_and(|docker| docker.floating) {
                    let message = "the job's Docker image is at least version 28, whose `docker login` needs no daemon".to_owned();
                    self.lowered.assumptions.push(("client-version", message));
                }
                return Ok(());
            }
            Some(false) => {}
            None => {
                return Err(self.refusal(
                    logins[0],
                    reason::JOB_IMAGE_UNKNOWN,
                    "whether `docker login` works without a daemon depends on the Docker version in the job's image, which is not known",
                ));
            }
        }
        if logins.len() > 1 {
            return Err(self.refusal(logins[1], reason::LOGIN_NEEDS_DAEMON, "several logins with a Docker client before version 28"));
        }
        let index = logins[0];
        let (range, text) = self.login(index).ok_or_else(|| {
            self.refusal(
                index,
                reason::LOGIN_NEEDS_DAEMON,
                "this form of `docker login` needs a daemon with a Docker client before version 28",
            )
        })?;
        self.lowered.edits.push(TextEdit { range, text });
        Ok(())
    }

    /// The statement of a login, and the line that does the same without a client.
    fn login(&self, index: usize) -> Option<(Range<usize>, String)> {
        let step = &self.shell.steps[index];
        let operation = step.operation.as_ref()?;
        let word = |name: &str| {
            let flag = operation.flag(name)?;
            let (argument, at) = flag.value_at?;
            let text = self.quoted(step, argument);
            if at == 0 { Some(text) } else { Some(format!("\"{}\"", flag_value_text(&text)?)) }
        };
        let user = word("username")?;
        if !operation.unknown.is_empty() || step.invocation.opaque || step.invocation.ignores_failure {
            return None;
        }
        let registry = match operation.slot(crate::docker::Slot::Registry).next() {
            None => "https://index.docker.io/v1/".to_owned(),
            Some(registry)
                if ["docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/"]
                    .contains(&registry.text.as_str()) =>
            {
                "https://index.docker.io/v1/".to_owned()
            }
            Some(registry) => self.quoted(step, registry.arg),
        };
        let (range, password) = match step.invocation.pipe() {
            None if operation.flag("password-stdin").is_none() => (step.range(), word("password")?),
            Some((1, 2)) => (self.pipeline_range(step)?, self.piped_password(step)?),
            None | Some(_) => return None,
        };
        Some((range, self.target.fill(&self.target.login, &[("registry", &registry), ("user", &user), ("password", &password)])))
    }

    /// The bytes of the pipeline of two stages that ends with this step.
    fn pipeline_range(&self, step: &Step) -> Option<Range<usize>> {
        let first = self.feeding(step)?;
        Some(first.range().start..step.range().end)
    }

    fn feeding(&self, step: &Step) -> Option<&Step> {
        let before = self.shell.steps.iter().rev().filter(|other| other.range().end <= step.range().start);
        before.into_iter().find(|other| other.invocation.pipe() == Some((0, 2)) && other.statement() == step.statement())
    }

    fn piped_password(&self, step: &Step) -> Option<String> {
        let first = self.feeding(step)?;
        let between = self.shell.slice(first.range().end..step.range().start).trim();
        if between != "|" {
            return None;
        }
        if first.name() == Some("echo") {
            let words: Vec<usize> = (1..first.argv.len()).filter(|&at| first.constant(at) != Some("-n")).collect();
            return (words.len() == 1).then(|| self.quoted(first, words[0]));
        }
        Some(format!("\"$({})\"", self.shell.slice(first.range())))
    }

    fn setup(&mut self, config: &DepotConfig) -> Result<(), Refusal> {
        let Some(first) = self.lowered.first else { return Ok(()) };
        let before = &self.shell.script.text[..first];
        if before.contains("depot.dev/install") {
            return Ok(());
        }
        let has_curl = self.shell.steps.iter().take_while(|step| step.range().start < first).any(|step| {
            step.name() == Some("curl")
                || (matches!(step.name(), Some("apk" | "apt-get" | "apt")) && step.argv.iter().any(|arg| arg.text == "curl"))
        });
        let kind = self.facts.image.as_ref().and_then(curl);
        let present = self.facts.image.as_ref().is_some_and(|image| image.text.contains("depot/cli"));
        if present {
            return Ok(());
        }
        match kind {
            _ if has_curl => {}
            Some(Curl::Present) => {}
            Some(Curl::Apk) => self.lowered.setup.push(self.target.setup["apk"].clone()),
            Some(Curl::Apt) => self.lowered.setup.push(self.target.setup["apt"].clone()),
            None => {
                let image = self.facts.image.as_ref().map_or("the runner's default image", |image| image.text.as_str());
                return Err(Refusal {
                    code: reason::JOB_IMAGE_UNKNOWN,
                    message: format!("whether `{image}` has curl, with which the command is installed, is not known"),
                    at: None,
                });
            }
        }
        let installer = config.cli.mirror.as_deref().unwrap_or(&self.target.installer);
        self.lowered
            .setup
            .push(self.target.fill(&self.target.setup["install"], &[("installer", installer), ("version", &config.cli.version)]));
        let publishes = self.facts.flow.actions.values().any(publishes);
        let logs_in = self.facts.operations.iter().any(|operation| operation.operation.op == Op::Login) || self.shell.script.text.contains("config.json");
        if publishes && self.job.variables.contains_key("DOCKER_AUTH_CONFIG") {
            self.lowered.setup.push(self.target.credentials.clone());
        } else if publishes && !logs_in {
            let message = "the registry's credentials are in the job's Docker configuration file; the job has no login, and `depot` does not read DOCKER_AUTH_CONFIG".to_owned();
            self.lowered.assumptions.push(("registry-credentials", message));
        }
        Ok(())
    }
}

/// Whether a step sends something to a registry with the target's command.
fn publishes(action: &Action) -> bool {
    match action {
        Action::PushSaved { .. } => true,
        Action::Build(build) | Action::BuildHere(build) => !matches!(build.output, Output::Discard | Output::Save(_)),
        Action::Remove(_) | Action::RemoveLoop { .. } | Action::Promote { .. } | Action::Inspect { .. } => false,
    }
}

/// The bytes of the word that an argument comes from.
fn word_range(step: &Step, argument: usize) -> Range<usize> {
    step.invocation.argv()[argument].range.range()
}

/// The bytes from the program to the last word.
fn command_words(step: &Step) -> Range<usize> {
    let last = step.invocation.argv().len() - 1;
    word_range(step, 0).start..word_range(step, last).end
}

/// The value behind `=` of a flag's word, without quotes.
fn flag_value_text(word: &str) -> Option<&str> {
    let (_, value) = word.split_once('=')?;
    let value = value.trim_matches('"');
    (!value.contains(['"', '\''])).then_some(value)
}

/// A command over several lines on one line, where only continuations break it.
fn joined_lines(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let (last, others) = lines.split_last()?;
    let mut joined = String::new();
    for line in others {
        joined.push_str(line.trim().strip_suffix('\\')?.trim_end());
        joined.push(' ');
    }
    joined.push_str(last.trim());
    Some(joined)
}
