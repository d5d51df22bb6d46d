//! A job's flow into edits of its script: docker commands into the target's, statement by statement. Knows the target's manifest; not YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::detect::flow::{Action, Output, RemoteBuild, Why};
use crate::detect::{JobFacts, JobShell, Step, Verdict, reason};
use crate::docker::{Op, Operation};
use crate::migrate::fresh::is_done_anew;
use crate::migrate::project::project;
use crate::migrate::script_edit::{Stuck, TextEdit, removals};
use crate::migrate::target::{Copier, Later, Target};
use crate::migrate::words::{command_words, joined_lines, platforms, word_range};
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
pub fn lower(job: &Job, facts: &JobFacts, target: &Target) -> Result<Lowered, Refusal> {
    let Some(shell) = &facts.shell else { return Ok(Lowered::default()) };
    let mut lowering = Lowering { job, facts, shell, target, own_copier: false, removed: Vec::new(), lowered: Lowered::default() };
    lowering.choose_image()?;
    for (&index, action) in lowering.actions() {
        lowering.action(index, action)?;
    }
    let after = lowering.after_script()?;
    for index in lowering.logouts(shell) {
        lowering.removed.push(lowering.removed_range(&shell.steps[index], Why::DaemonChatter));
    }
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
                let later = self.later(*build)?;
                let file = self.kept_file(later, *build);
                let project = self.project_flag(*build).map(|flag| format!(" {flag}")).unwrap_or_default();
                let reference = self.quoted(step, *reference);
                let text = self.target.fill(&later.push, &[("file", &file), ("reference", &reference), ("project", &project)]);
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
        let manifest = &self.target.manifest;
        if self.own_copier { &manifest.copier } else { &manifest.client }
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
            if self.target.manifest.flags.refuse.iter().any(|refused| refused == flag.name) {
                return Err(self.refusal(
                    build.step,
                    reason::UNSUPPORTED_FLAG,
                    format!("`{}` is not supported by {}", flag.spelled, self.target.manifest.name),
                ));
            }
        }
        let known = &self.target.manifest.platforms;
        let other = platforms(operation)
            .find(|platform| !known.is_empty() && !platform.contains('$') && !known.iter().any(|known| known == platform));
        if let Some(platform) = other {
            return Err(self.refusal(
                build.step,
                reason::UNSUPPORTED_FLAG,
                format!("{} does not build for `{platform}`", self.target.manifest.name),
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
        edits.push(TextEdit { range: words, text: self.build_words(build)? });
        for at in self.dropped(build, operation) {
            edits.push(TextEdit { range: self.flag_range(build.step, operation, at)?, text: String::new() });
        }
        for (at, flag) in operation.flags.iter().enumerate() {
            if let Some(template) = self.target.manifest.flags.replace.get(flag.name) {
                edits.extend(self.replaced(build.step, operation, at, template)?);
            }
        }
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        Ok(edits)
    }

    fn build_words(&self, build: &RemoteBuild) -> Result<String, Refusal> {
        let flags = &self.target.manifest.flags;
        let mut words = vec![self.target.fill(&self.target.manifest.build, &[])];
        words.extend(self.project_flag(build.step));
        match &build.output {
            Output::AsWritten => {}
            Output::Discard => words.push(self.target.fill(&flags.discard, &[])),
            Output::Push { .. } => words.push(self.target.fill(&flags.push, &[])),
            Output::Load => words.push(self.target.fill(&self.target.manifest.load.flag, &[])),
            Output::Save(_) => {
                let later = self.later(build.step)?;
                words.push(self.target.fill(&later.flag, &[("file", &self.kept_file(later, build.step))]));
            }
        }
        if build.plain_manifest {
            words.push(self.target.fill(&flags.plain_manifest, &[]));
        }
        if self.is_done_anew(build) {
            words.push("--no-cache".to_owned());
        }
        if let Output::Push { added, .. } = &build.output {
            let mut names: Vec<String> = added.iter().map(|&(step, argument)| self.quoted(&self.shell.steps[step], argument)).collect();
            names.dedup();
            words.extend(names.iter().map(|name| self.target.fill(&flags.tag, &[("reference", name)])));
        }
        Ok(words.join(" "))
    }

    /// Whether the target must not take a step of the build from its cache.
    pub(super) fn is_done_anew(&self, build: &RemoteBuild) -> bool {
        let step = &self.shell.steps[build.step];
        let Some(operation) = step.operation.as_ref() else { return false };
        let added = match &build.output {
            Output::Push { added, .. } => added.as_slice(),
            Output::AsWritten | Output::Discard | Output::Load | Output::Save(_) => &[],
        };
        let own = operation.flags_named("tag").map(|flag| (build.step, flag.words.end - 1));
        let names: Vec<String> =
            own.chain(added.iter().copied()).map(|(step, argument)| self.quoted(&self.shell.steps[step], argument)).collect();
        is_done_anew(self.job, self.facts, operation, &names)
    }

    /// How the target keeps the image of a build.
    fn later(&self, build: usize) -> Result<&'a Later, Refusal> {
        let name = &self.target.manifest.name;
        let Some(later) = &self.target.manifest.later else {
            let message =
                format!("the push comes after a step that may keep it from happening, and {name} can't keep the image until then");
            return Err(self.refusal(build, reason::TARGET_REFUSES, message));
        };
        let operation = self.shell.steps[build].operation.as_ref().expect("a build has an operation");
        let several = operation.flags_named("platform").any(|flag| flag.value.as_deref().is_none_or(|value| value.contains([',', '$'])))
            || platforms(operation).count() > 1;
        if several && !later.several_platforms {
            let message = format!(
                "the push comes after a step that may keep it from happening, and {name} can't keep an image for several platforms"
            );
            return Err(self.refusal(build, reason::TARGET_REFUSES, message));
        }
        Ok(later)
    }

    /// What stands in the place of a flag; nothing where that is what stands there.
    fn replaced(&self, index: usize, operation: &Operation, at: usize, template: &str) -> Result<Option<TextEdit>, Refusal> {
        let (step, flag) = (&self.shell.steps[index], &operation.flags[at]);
        let refused = || {
            let message = format!("`{}` must be written in another way, but shares its word with something else", flag.spelled);
            self.refusal(index, reason::UNSUPPORTED_FLAG, message)
        };
        let range = word_range(step, flag.words.start).start..word_range(step, flag.words.end - 1).end;
        let text = self.shell.slice(range.clone());
        let (joint, value) = match (flag.value_at, flag.words.len()) {
            (None, _) => ("", ""),
            (Some(_), 2) => (" ", self.shell.slice(word_range(step, flag.words.end - 1))),
            (Some((_, start)), _) => {
                let joint = if flag.spelled.starts_with("--") { "=" } else { "" };
                (joint, text.get(start..).filter(|_| text.starts_with(&flag.spelled)).ok_or_else(refused)?)
            }
        };
        let new = self.target.fill(template, &[("spelled", &flag.spelled), ("joint", joint), ("value", value)]);
        if new == text {
            return Ok(None);
        }
        self.flag_range(index, operation, at)?;
        Ok(Some(TextEdit { range, text: new }))
    }

    fn dropped(&self, build: &RemoteBuild, operation: &Operation) -> Vec<usize> {
        let mut dropped = build.dropped_flags.clone();
        if let Output::Push { unpushed, .. } = &build.output {
            dropped.extend(unpushed);
        }
        let listed = |at: &usize| self.target.manifest.flags.drop.iter().any(|name| name == operation.flags[*at].name);
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

    /// The flag that names the project of a build.
    fn project_flag(&self, step: usize) -> Option<String> {
        let flag = self.target.manifest.flags.project.as_ref()?;
        let project = project(self.target, self.shell.steps[step].operation.as_ref()?)?;
        Some(self.target.fill(flag, &[("project", project)]))
    }

    /// Where a build leaves what its pushes need.
    fn kept_file(&self, later: &Later, step: usize) -> String {
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
        self.target.fill(&later.file, &[("number", &number)])
    }

    /// An argument's word as written.
    pub(super) fn quoted(&self, step: &Step, argument: usize) -> String {
        self.shell.slice(word_range(step, argument)).to_owned()
    }

    /// The indices of steps that log a docker client out, in an image that has none: the file with the credentials ends with the job.
    fn logouts(&self, shell: &JobShell) -> Vec<usize> {
        let has_client = self.lowered.image.is_none() || self.lowered.keeps_client;
        let is_logout = |step: &Step| step.operation.as_ref().is_some_and(|operation| operation.op == Op::Logout);
        (0..shell.steps.len()).filter(|&index| !has_client && is_logout(&shell.steps[index])).collect()
    }

    /// The edits that remove chatter from `after_script`.
    fn after_script(&self) -> Result<Vec<TextEdit>, Refusal> {
        let Some(shell) = &self.facts.after_shell else { return Ok(Vec::new()) };
        let chatter = self.facts.flow.after_actions.keys().copied();
        let removed: BTreeSet<usize> = chatter.chain(self.logouts(shell)).collect();
        let removed: Vec<Range<usize>> =
            removed.into_iter().map(|index| self.removed_range(&shell.steps[index], Why::DaemonChatter)).collect();
        removals(&shell.script, &removed).map_err(|stuck| Refusal { code: reason::AFTER_SCRIPT, message: stuck.why.to_owned(), at: None })
    }
}
