//! DEP707: images that Depot should put into a Docker daemon, in a job to which nothing gives one. Knows what the files say, not what the runner
//! brings along.

use crate::detect::client::{asks_for_socket, dials, finds_daemon, signs_of_daemon};
use crate::detect::{JobFacts, JobOperation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Tool};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::shell::Certainty;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DEP707",
    name: "depot-load-without-daemon",
    severity: Severity::Error,
    page: include_str!("depot_load_without_daemon.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let by_runner = context.jobs().any(|(job, _)| asks_for_socket(job));
    for (job, facts) in context.jobs() {
        let whole = job.missing.is_empty() && (context.is_complete() || job.is_script());
        // Docker's own commands in the job miss the daemon too, and have a rule that says so.
        let alone = whole && !facts.has_dind() && !finds_daemon(job, facts) && dials(facts).next().is_none();
        if let Some(operation) = facts.operations.iter().find(|found| alone && loads(found)) {
            findings.add(finding(context, job, facts, operation, by_runner));
        }
    }
}

fn loads(found: &JobOperation) -> bool {
    let operation = &found.operation;
    let builds = matches!(operation.op, Op::Build | Op::Bake) && operation.flag("load").is_some() && operation.switch("load") == Some(true);
    operation.tool == Tool::Depot && (builds || operation.op == Op::Pull)
}

fn finding(context: &Context<'_>, job: &Job, facts: &JobFacts, found: &JobOperation, by_runner: bool) -> Diagnostic {
    let message = match found.operation.op {
        Op::Pull => "`depot pull` puts the image into a Docker daemon, and nothing gives this job one",
        _ => "`--load` puts the image into a Docker daemon, and nothing gives this job one",
    };
    let help =
        "use `--push` or `--save` if no daemon is meant, or add a dind service; a runner that mounts the socket brings the daemon along";
    let elsewhere = !context.knows_defaults() && job.config.get("services").is_none();
    let signs = signs_of_daemon(job, facts) + usize::from(elsewhere) + usize::from(by_runner);
    let severity = match signs {
        0 if found.certainty != Certainty::Conditional => Severity::Error,
        0 | 1 => Severity::Warning,
        _ => Severity::Info,
    };
    Diagnostic { severity, ..RULE.at(found.span, message).help(help).job(&job.name) }
}
