//! A job's docker commands into what a remote builder could take over: the flow of image references from builds and pulls through tags to pushes.
//! Knows no target and edits nothing.

mod builds;
mod classify;
mod decide;
mod images;
mod pulls;
mod remains;

use std::collections::BTreeMap;

use crate::detect::daemon::Kind;
use crate::detect::reason::{self, Reason, Verdict};
use crate::detect::{JobFacts, JobOperation};
use crate::docker::{Op, Tool};
use crate::pipeline::{Job, Pipeline};
use crate::shell::Dialect;
use crate::source::Span;

pub use classify::{DAEMON_VARIABLES, needs_daemon};

/// What a remote builder could take over.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// How much.
    pub verdict: Verdict,
    /// Why not more.
    pub reasons: Vec<Reason>,
    /// What becomes of the steps of the main shell, by their index; a step that is not named stays.
    pub actions: BTreeMap<usize, Action>,
    /// The same for `after_script`, where chatter alone can go.
    pub after_actions: BTreeMap<usize, Action>,
    /// For a job whose daemon has to stay: its builds, run remotely and loaded into the daemon, by their steps.
    pub loads: BTreeMap<usize, Action>,
    /// Whether the job has a dind service but runs nothing that would use it.
    pub idle: bool,
}

/// What becomes of a step.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Its statement goes.
    Remove(Why),
    /// The loop around it goes.
    RemoveLoop {
        /// The bytes of the loop in the script's text.
        loop_range: std::ops::Range<usize>,
    },
    /// The build runs remotely.
    Build(RemoteBuild),
    /// A build that was written elsewhere runs here, in place of this push.
    BuildHere(RemoteBuild),
    /// A saved build is pushed under the name that this push gives.
    PushSaved {
        /// The index of the build's step.
        build: usize,
        /// The index in the push's arguments of the reference.
        reference: usize,
    },
    /// The registry copies an image that was pulled to the name that this push gives.
    Promote {
        /// The index of the pull's step.
        pull: usize,
        /// The index in the pull's arguments of the reference.
        source: usize,
        /// The index in this push's arguments of the reference.
        reference: usize,
    },
    /// The pull only asks whether the image exists.
    Inspect {
        /// The index in its arguments of the reference.
        reference: usize,
    },
}

impl Action {
    /// Whether a remote builder does it.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Build(_) | Self::BuildHere(_) | Self::PushSaved { .. } => true,
            Self::Remove(_) | Self::RemoveLoop { .. } | Self::Promote { .. } | Self::Inspect { .. } => false,
        }
    }
}

/// Why a step's statement goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// The push is part of the remote build.
    PushedByBuild,
    /// The remote build gives the name itself.
    TaggedByBuild,
    /// The build runs at its push.
    BuiltAtPush,
    /// The registry copies the image itself.
    CopiedByRegistry,
    /// The remote builder keeps its cache.
    CachePull,
    /// It prepares or asks the daemon that is no longer there.
    DaemonChatter,
    /// It makes a builder that is no longer used.
    LocalBuilder,
    /// It installs emulation that a remote builder does not need.
    Emulation,
    /// It sets a variable that only the daemon's clients read.
    DaemonVariable,
}

/// A build that moves.
#[derive(Clone, PartialEq, Debug)]
pub struct RemoteBuild {
    /// The index of its step.
    pub step: usize,
    /// What becomes of the image.
    pub output: Output,
    /// The indices of flags (in the operation) that go.
    pub dropped_flags: Vec<usize>,
    /// Whether the source published plain single manifests without attestations.
    pub plain_manifest: bool,
}

/// What becomes of a built image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// What the command says itself.
    AsWritten,
    /// Nothing.
    Discard,
    /// It is brought back into the daemon.
    Load,
    /// It is pushed under its own names and those of tag commands.
    Push {
        /// Steps of `docker tag` or `docker push` and the index of the argument that names what to add to the build's own names.
        added: Vec<(usize, usize)>,
        /// The build's own names that were not pushed: indices of its `--tag` flags.
        unpushed: Vec<usize>,
    },
    /// It is kept by the builder and pushed later, by the number of the saved build in this job (1-based; 0 where there is one).
    Save(usize),
}

/// The flow of `job`.
#[must_use]
pub fn flow(pipeline: &Pipeline, job: &Job, facts: &JobFacts) -> Flow {
    let mut flow = Flow::default();
    let drops_daemon = facts.has_dind();
    // Where the engine of Dagger is, the settings of a project say; a daemon beside the job speaks for itself.
    let elsewhere = |operation: &JobOperation| operation.operation.tool == Tool::Dagger && !drops_daemon;
    let uses = facts.operations.iter().any(|operation| needs_daemon(&operation.operation) && !elsewhere(operation));
    let foreign = facts.shell.as_ref().is_some_and(|shell| shell.script.dialect != Dialect::Posix && shell.script.text.contains("docker "));
    if !uses && !drops_daemon && !foreign {
        flow.verdict = if facts.operations.iter().any(|operation| is_remote_build(operation.operation.op) || elsewhere(operation)) {
            Verdict::Done
        } else {
            Verdict::None
        };
        // What is not at hand may use docker all the same.
        missing_configuration(pipeline, job, &mut flow.reasons);
        return flow;
    }
    obstacles(pipeline, job, facts, &mut flow.reasons);
    if facts.operations.is_empty() && flow.reasons.is_empty() {
        flow.idle = true;
        return flow;
    }
    if let Some(shell) = &facts.shell {
        if remains::nothing_else(shell) {
            let message = "nothing would be left of the script without its daemon".to_owned();
            flow.reasons.push(Reason { code: reason::DAEMON_ONLY, message, span: job.key });
        }
        builds::plan(job, facts, shell, &mut flow);
        remains::plan(job, facts, shell, &mut flow);
    }
    after_script(job, facts, &mut flow);
    if !drops_daemon && flow.reasons.is_empty() && !flow.actions.values().any(Action::is_remote) {
        let message =
            "the runner brings the daemon along and the job builds nothing, so that neither a service nor a build would go".to_owned();
        flow.reasons.push(Reason { code: reason::NO_CHANGE, message, span: job.key });
    }
    // A build that was not understood leaves names unknown; that is one reason, not two.
    let unread = [reason::UNKNOWN_FLAGS, reason::BUILD_IN_PIPELINE, reason::DOCKER_IN_FUNCTION, reason::WRAPPED_COMMAND];
    if flow.reasons.iter().any(|reason| unread.contains(&reason.code)) {
        flow.reasons.retain(|reason| reason.code != reason::PUSH_WITHOUT_BUILD);
    }
    flow.verdict = verdict(facts, &flow);
    if flow.verdict != Verdict::Partial {
        flow.loads.clear();
    }
    if flow.verdict != Verdict::Full {
        flow.actions.clear();
        flow.after_actions.clear();
    }
    flow.reasons.sort_by_key(|reason| (reason.span, reason.code));
    flow.reasons.dedup();
    flow
}

fn is_remote_build(op: Op) -> bool {
    matches!(op, Op::Build | Op::Bake | Op::Push | Op::Imagetools)
}

/// A daemon that is only one of these reasons away stays, and the builds could still move.
const DAEMON_STAYS: &[&str] = &[reason::RUNS_BUILT_IMAGE, reason::RUNS_CONTAINER, reason::USES_LOCAL_IMAGE, reason::COMPOSE];

fn verdict(facts: &JobFacts, flow: &Flow) -> Verdict {
    if flow.reasons.is_empty() {
        return Verdict::Full;
    }
    let builds =
        |by: fn(Tool) -> bool| facts.operations.iter().any(|operation| operation.operation.op == Op::Build && by(operation.operation.tool));
    match flow.reasons.iter().all(|reason| DAEMON_STAYS.contains(&reason.code)) {
        true if builds(is_docker) => Verdict::Partial,
        true if builds(|tool| tool == Tool::Depot) => Verdict::Done,
        true | false => Verdict::Blocked,
    }
}

/// What keeps the job as it is, whatever its docker commands are.
fn obstacles(pipeline: &Pipeline, job: &Job, facts: &JobFacts, reasons: &mut Vec<Reason>) {
    missing_configuration(pipeline, job, reasons);
    let mut add = |code, message: String, span: Span| reasons.push(Reason { code, message, span });
    for &span in job.script.invalid.iter().chain(&job.after_script.invalid) {
        add(reason::INVALID_JOB, "a script item is not a string".to_owned(), span);
    }
    if !job.is_script() && job.missing.is_empty() {
        add(reason::INVALID_JOB, "the job has no `script`".to_owned(), job.key);
    }
    let script = job.script.items.first().map_or(job.key, |item| item.value.span);
    if let Some(shell) = &facts.shell {
        if shell.script.dialect != Dialect::Posix {
            add(reason::OTHER_SHELL, "the script is not written for sh or bash".to_owned(), script);
        } else if let Some(error) = shell.script.errors.first() {
            add(reason::DAMAGED_SCRIPT, "from here on the script cannot be read as sh".to_owned(), job.place(&job.script, error.range()));
        } else if shell.evaluated.truncated {
            add(reason::DAMAGED_SCRIPT, "the script is too long to follow to its end".to_owned(), script);
        }
    }
    if reasons.iter().any(|reason| reason.code == reason::OTHER_SHELL) {
        return;
    }
    for opaque in facts.opaque.iter().take(MAX_OPAQUE) {
        let message = format!("`{}` may use docker out of sight", opaque.name);
        reasons.push(Reason { code: reason::OPAQUE_COMMAND, message, span: opaque.span });
    }
    for operation in facts.operations.iter().filter(|operation| operation.step.is_none() && needs_daemon(&operation.operation)) {
        let message = "a script file of the repository uses docker".to_owned();
        reasons.push(Reason { code: reason::DOCKER_IN_SCRIPT_FILE, message, span: operation.span });
    }
    if facts.daemon.kind == Kind::Tcp {
        let span = facts.daemon.span.unwrap_or(job.key);
        reasons.push(Reason { code: reason::REMOTE_DAEMON, message: "the job uses a daemon elsewhere".to_owned(), span });
    }
}

/// What the job extends or refers to and no file at hand defines.
fn missing_configuration(pipeline: &Pipeline, job: &Job, reasons: &mut Vec<Reason>) {
    let elsewhere =
        pipeline.unresolved.first().map(|include| format!(" (`{}` is not in the repository)", include.name)).unwrap_or_default();
    reasons.extend(job.missing.iter().map(|missing| {
        let message = format!("`{}` is not defined in the files at hand{elsewhere}", missing.name);
        Reason { code: reason::MISSING_CONFIGURATION, message, span: missing.span }
    }));
}

/// Opaque commands that are named, at most.
const MAX_OPAQUE: usize = 5;

/// Plans the removal of chatter in `after_script`; anything else there that uses the daemon keeps the job as it is.
fn after_script(job: &Job, facts: &JobFacts, flow: &mut Flow) {
    let Some(shell) = &facts.after_shell else { return };
    for (index, step) in shell.steps.iter().enumerate() {
        let Some(operation) = step.operation.as_ref() else { continue };
        if let Some(Action::Remove(why)) = remains::chatter(step, shell) {
            flow.after_actions.insert(index, Action::Remove(why));
        } else if needs_daemon(operation) {
            let span = job.place(&job.after_script, step.range());
            flow.reasons.push(Reason { code: reason::AFTER_SCRIPT, message: "`after_script` uses the daemon".to_owned(), span });
        }
    }
}

/// Whether a tool's operation is one of Docker's own clients.
#[must_use]
pub fn is_docker(tool: Tool) -> bool {
    matches!(tool, Tool::Docker | Tool::Buildx | Tool::Compose)
}
