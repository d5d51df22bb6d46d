//! What only served the daemon: chatter, wait loops, emulation, variables that a script sets for it.

use std::ops::Range;

use crate::detect::JobFacts;
use crate::detect::flow::classify::{self, Between, DAEMON_VARIABLES};
use crate::detect::flow::{Action, Flow, Why};
use crate::detect::reason::{self, Reason};
use crate::detect::steps::{JobShell, Step};
use crate::docker::Op;
use crate::pipeline::Job;
use crate::shell::{Frame, Statement, StatementKind};

/// Plans the removal of what only served the daemon.
pub(super) fn plan(job: &Job, facts: &JobFacts, shell: &JobShell, flow: &mut Flow) {
    if facts.daemon.service.is_none()
        && !flow.actions.values().any(|action| matches!(action, Action::Build(_) | Action::BuildHere(_) | Action::Promote { .. }))
    {
        return;
    }
    for (index, step) in shell.steps.iter().enumerate() {
        if flow.actions.contains_key(&index) {
            continue;
        }
        if let Some(action) = chatter(step, shell) {
            flow.actions.insert(index, action);
            continue;
        }
        let left = waits_for_daemon(step)
            || step.operation.as_ref().is_some_and(|operation| classify::is_chatter(operation) && classify::needs_daemon(operation));
        match wait_loop(step, shell).filter(|_| left) {
            Some(loop_range) => {
                flow.actions.insert(index, Action::RemoveLoop { loop_range });
            }
            None if left && step.invocation.ignores_failure && !in_condition(step) => {}
            None if left => {
                let span = job.place(&job.script, step.range());
                flow.reasons.push(Reason {
                    code: reason::DAEMON_OUTPUT_USED,
                    message: "the script waits for the daemon, or asks it, in a way that cannot be removed".to_owned(),
                    span,
                });
            }
            None => {}
        }
    }
    variables(job, shell, flow);
}

/// Whether a script does nothing but ask or tidy the daemon and talk about it.
pub(super) fn nothing_else(shell: &JobShell) -> bool {
    let talks = |step: &Step| match &step.operation {
        Some(operation) => classify::is_chatter(operation),
        None => classify::between(step) == Between::Transparent || matches!(step.name(), Some("set" | "date" | "exit")),
    };
    shell.steps.iter().any(|step| step.operation.as_ref().is_some_and(classify::needs_daemon)) && shell.steps.iter().all(talks)
}

/// Statements of their own that can go.
pub(super) fn chatter(step: &Step, shell: &JobShell) -> Option<Action> {
    let operation = step.operation.as_ref()?;
    let why = if classify::is_emulation(operation) {
        Why::Emulation
    } else if operation.op == Op::Builder || operation.op == Op::Context {
        Why::LocalBuilder
    } else if classify::is_chatter(operation) && classify::needs_daemon(operation) {
        Why::DaemonChatter
    } else {
        return None;
    };
    (removable(step) && statement_is_only(step, shell)).then_some(Action::Remove(why))
}

/// Whether nothing depends on how the step ends: it is no condition, and no alternative follows it that does something.
fn removable(step: &Step) -> bool {
    !in_condition(step)
        && !step.invocation.path.iter().any(|frame| {
            matches!(
                frame,
                Frame::Substitution | Frame::ProcessSubstitution | Frame::Pipeline { .. } | Frame::Definition(_) | Frame::Call(_)
            )
        })
}

fn in_condition(step: &Step) -> bool {
    step.invocation.path.iter().any(|frame| matches!(frame, Frame::If { condition: true, .. } | Frame::Loop { condition: true }))
}

/// Whether the statement holds nothing but this step and steps that can go with it (`|| true`, `|| echo …`, more chatter).
fn statement_is_only(step: &Step, shell: &JobShell) -> bool {
    let statement = step.statement();
    if statement == step.range() {
        return true;
    }
    let others = shell.steps.iter().filter(|other| within(&other.range(), &statement) && other.range() != step.range());
    let listed_with_and = step.invocation.path.iter().any(|frame| matches!(frame, Frame::List(crate::shell::ListOperator::And, _)));
    listed_with_and
        || others
            .into_iter()
            .all(|other| other.operation.as_ref().is_some_and(classify::is_chatter) || classify::between(other) == Between::Transparent)
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// `nc -z docker 2375`, `[ -f /certs/client/ca.pem ]` and the like.
fn waits_for_daemon(step: &Step) -> bool {
    let names_port = step.argv.iter().any(|arg| {
        matches!(arg.text.as_str(), "2375" | "2376")
            || arg.text.contains("docker:2375")
            || arg.text.contains("docker:2376")
            || arg.text.contains("localhost:2375")
    });
    let names_certificates = step.argv.iter().any(|arg| {
        arg.text.starts_with("/certs/") || arg.text.contains("${DOCKER_TLS_CERTDIR}") || arg.text.contains("${DOCKER_CERT_PATH}")
    });
    let echoes = matches!(step.name(), Some("echo" | "printf"));
    step.operation.is_none() && !echoes && (names_port || names_certificates)
}

/// The loop around a step, where it does nothing but wait.
fn wait_loop(step: &Step, shell: &JobShell) -> Option<Range<usize>> {
    let range = loop_around(&shell.script.body, &step.range())?;
    let steps = shell.steps.iter().filter(|other| within(&other.range(), &range));
    let idle = |other: &Step| {
        other.operation.as_ref().is_some_and(classify::is_chatter)
            || waits_for_daemon(other)
            || classify::between(other) == Between::Transparent
            || matches!(other.name(), Some("seq" | "break" | "exit" | "[" | "test" | "let" | "expr" | "date"))
    };
    steps.into_iter().all(idle).then_some(range)
}

/// The innermost loop statement that holds the byte range `place`.
fn loop_around(body: &[Statement], place: &Range<usize>) -> Option<Range<usize>> {
    let statement = body.iter().find(|statement| within(place, &statement.range.range()))?;
    let own = matches!(statement.kind, StatementKind::While { .. } | StatementKind::For { .. }).then(|| statement.range.range());
    let lists: Vec<&[Statement]> = match &statement.kind {
        StatementKind::If { branches, otherwise } => {
            branches.iter().flat_map(|branch| [branch.condition.as_slice(), branch.body.as_slice()]).chain(otherwise.as_deref()).collect()
        }
        StatementKind::For { body, .. } | StatementKind::Group(body) | StatementKind::Subshell(body) => vec![body],
        StatementKind::While { condition, body, .. } => vec![condition, body],
        StatementKind::Case { arms, .. } => arms.iter().map(|arm| arm.body.as_slice()).collect(),
        StatementKind::List { first, rest } => {
            std::iter::once(std::slice::from_ref(&**first)).chain(rest.iter().map(|(_, operand)| std::slice::from_ref(operand))).collect()
        }
        StatementKind::Command(_)
        | StatementKind::Pipeline { .. }
        | StatementKind::Function { .. }
        | StatementKind::Test(_)
        | StatementKind::Error => Vec::new(),
    };
    lists.into_iter().find_map(|list| loop_around(list, place)).or(own)
}

/// `export DOCKER_HOST=…` and its kin.
fn variables(job: &Job, shell: &JobShell, flow: &mut Flow) {
    for (index, step) in shell.steps.iter().enumerate() {
        let command = &step.invocation.command;
        let set: Vec<&str> = command.assignments.iter().chain(&command.declared).map(|assignment| assignment.name.as_str()).collect();
        if !set.iter().any(|name| DAEMON_VARIABLES.contains(name)) {
            continue;
        }
        let exported = command.words.len().saturating_sub(1);
        let only = set.iter().all(|name| DAEMON_VARIABLES.contains(name))
            && (step.argv.is_empty() || (step.name() == Some("export") && exported == command.declared.len()));
        let constant =
            command.assignments.iter().chain(&command.declared).all(|assignment| {
                assignment.value.parts.iter().all(|part| !matches!(part.kind, crate::shell::PartKind::Substitution { .. }))
            });
        if only && constant && step.statement() == step.range() && removable(step) {
            flow.actions.insert(index, Action::Remove(Why::DaemonVariable));
        } else if step.operation.is_none() {
            let span = job.place(&job.script, step.range());
            flow.reasons.push(Reason {
                code: reason::EXPLICIT_DAEMON,
                message: "the script sets variables of docker's clients in a way that cannot be removed".to_owned(),
                span,
            });
        }
    }
}
