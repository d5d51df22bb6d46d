//! A job's flow into edits of its script: docker commands into the target's, statement by statement. Knows the target's manifest; not YAML.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::config::DepotConfig;
use crate::detect::flow::{Action, Output, RemoteBuild, Why};
use crate::detect::{JobFacts, JobShell, Step, Verdict, reason};
use crate::docker::Operation;
use crate::migrate::project::project;
use crate::migrate::script_edit::{Stuck, TextEdit, removals};
use crate::migrate::target::{Copier, Target};
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
    /// The edits of the text of `after_script`, sorted.
    pub after_edits: Vec<TextEdit>,
    /// Lines to run before the target's first command.
    pub setup: Vec<String>,
    /// Whether these lines come behind `before_script` instead.
    pub behind_before_script: bool,
    /// Where the statement with the target's first command begins, in bytes of the script's text.
    pub first: Option<usize>,
    /// What was taken for granted: code and message.
    pub assumptions: Vec<(&'static str, String)>,
    /// Whether the job keeps its daemon.
    pub keeps_daemon: bool,
    /// Whether the target's own command runs.
    pub uses_target: bool,
    /// Whether a docker client still runs.
    pub keeps_client: bool,
    /// The image that the job needs instead of its own.
    pub image: Option<NewImage>,
}

/// An image for a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewImage {
    /// Its name.
    pub name: String,
    /// Whether its entrypoint has to go, since it would run instead of a shell.
    pub resets_entrypoint: bool,
}

/// Lowers the flow of a job with verdict full.
///
/// # Errors
/// [`Refusal`] where the target, or the job's image, cannot do what is needed.
pub fn lower(job: &Job, facts: &JobFacts, target: &Target, config: &DepotConfig) -> Result<Lowered, Refusal> {
    let Some(shell) = &facts.shell else { return Ok(Lowered::default()) };
    let mut lowering = Lowering { job, facts, shell, target, config, own_copier: false, removed: Vec::new(), lowered: Lowered::default() };
    lowering.choose_image()?;
    for (&index, action) in lowering.actions() {
        lowering.action(index, action)?;
    }
    let after = lowering.after_script()?;
    if facts.flow.verdict == Verdict::Partial {
        lowering.daemon_stays()?;
    } else {
        lowering.logins()?;
    }
    lowering.setup();
    lowering.assumptions();
    let removed = removals(&shell.script, &lowering.removed).map_err(|Stuck { why, at }| Refusal {
        code: reason::NOT_EDITABLE,
        message: why.to_owned(),
        at: Some(at..at + 1),
    })?;
    let mut lowered = lowering.lowered;
    // What goes needs no edits of its own; what comes right behind it is no part of it.
    lowered.edits.retain(|edit| {
        !removed
            .iter()
            .any(|gone| gone.range.start <= edit.range.start && edit.range.end <= gone.range.end && edit.range.start < gone.range.end)
    });
    lowered.edits.extend(removed);
    lowered.edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    lowered.edits.dedup();
    lowered.after_edits = after;
    Ok(lowered)
}

/// A job on its way into the target's words.
pub(super) struct Lowering<'a> {
    pub(super) job: &'a Job,
    pub(super) facts: &'a JobFacts,
    pub(super) shell: &'a JobShell,
    pub(super) target: &'a Target,
    pub(super) config: &'a DepotConfig,
    /// Whether images are copied by a tool that the job has to install, for lack of a docker client that can.
    pub(super) own_copier: bool,
    removed: Vec<Range<usize>>,
    pub(super) lowered: Lowered,
}

impl<'a> Lowering<'a> {
    /// What becomes of the job's steps.
    pub(super) fn actions(&self) -> &'a BTreeMap<usize, Action> {
        if self.facts.flow.verdict == Verdict::Partial { &self.facts.flow.loads } else { &self.facts.flow.actions }
    }

    pub(super) fn refusal(&self, index: usize, code: &'static str, message: impl Into<String>) -> Refusal {
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
                let project = self
                    .project(*build)
                    .map(|project| format!(" {}", self.target.flag("project", &[("project", project)])))
                    .unwrap_or_default();
                let name = self.target.flag("tag", &[("reference", &self.quoted(step, *reference))]);
                let text = format!("{}{project} {name} {id}", self.target.push);
                self.lowered.edits.push(TextEdit { range: command_words(step), text });
            }
            Action::Promote { pull, source, reference } => {
                let source = self.quoted(&self.shell.steps[*pull], *source);
                let values = [("reference", self.quoted(step, *reference)), ("source", source)];
                let text = self.target.fill(&self.copier().promote, &values.each_ref().map(|(name, value)| (*name, value.as_str())));
                self.lowered.edits.push(TextEdit { range: command_words(step), text });
                self.copies(step);
            }
            Action::Inspect { reference } => {
                let text = self.target.fill(&self.copier().inspect, &[("reference", &self.quoted(step, *reference))]);
                self.lowered.edits.push(TextEdit { range: step.range(), text });
                self.copies(step);
            }
        }
        Ok(())
    }

    fn copier(&self) -> &Copier {
        if self.own_copier { &self.target.copier } else { &self.target.client }
    }

    /// Notes that an image is copied, or looked at, within a registry in this step.
    fn copies(&mut self, step: &Step) {
        if self.own_copier {
            self.begins(step);
        } else {
            self.lowered.keeps_client = true;
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
        let platforms = operation.flags_named("platform").filter_map(|flag| flag.value.as_deref()).flat_map(|value| value.split(','));
        let other = platforms
            .map(str::trim)
            .find(|platform| !platform.contains('$') && !self.target.platforms.iter().any(|known| known == platform));
        if let Some(platform) = other {
            return Err(self.refusal(
                build.step,
                reason::UNSUPPORTED_FLAG,
                format!("{} does not build for `{platform}`", self.target.name),
            ));
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
        words.extend(self.project(build.step).map(|project| self.target.flag("project", &[("project", project)])));
        match &build.output {
            Output::AsWritten => {}
            Output::Discard => words.push(self.target.flag("discard", &[])),
            Output::Push { .. } => words.push(self.target.flag("push", &[])),
            Output::Load => words.push(self.target.flag("load", &[])),
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

    fn project(&self, step: usize) -> Option<&str> {
        project(self.config, self.shell.steps[step].operation.as_ref()?)
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
            Some(Output::Save(_) | Output::AsWritten | Output::Discard | Output::Load | Output::Push { .. }) | None => String::new(),
        };
        self.target.fill(&self.target.metadata_file, &[("number", &number)])
    }

    /// An argument's word as written.
    pub(super) fn quoted(&self, step: &Step, argument: usize) -> String {
        self.shell.slice(word_range(step, argument)).to_owned()
    }

    /// The edits that remove chatter from `after_script`.
    fn after_script(&self) -> Result<Vec<TextEdit>, Refusal> {
        let Some(shell) = &self.facts.after_shell else { return Ok(Vec::new()) };
        let removed: Vec<Range<usize>> =
            self.facts.flow.after_actions.keys().map(|&index| self.removed_range(&shell.steps[index], Why::DaemonChatter)).collect();
        removals(&shell.script, &removed).map_err(|stuck| Refusal { code: reason::AFTER_SCRIPT, message: stuck.why.to_owned(), at: None })
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
