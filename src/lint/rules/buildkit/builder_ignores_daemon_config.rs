//! BLD910: a builder in a container beside a daemon that is told of mirrors and plain registries. Knows command lines, not configuration files.

use crate::detect::builder::{Driver, driver};
use crate::detect::{JobFacts, JobOperation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Tool};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "BLD910",
    name: "builder-ignores-daemon-config",
    severity: Severity::Info,
    page: include_str!("builder_ignores_daemon_config.md"),
    check,
};

/// The daemon's flags which a builder in a container has to be told again.
const FLAGS: &[&str] = &["--registry-mirror", "--insecure-registry"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let in_container = |found: &&JobOperation| found.operation.op == Op::Build && driver(job, facts, found) == Driver::Container;
        let Some(flag) = flag(facts).filter(|_| facts.operations.iter().any(|found| in_container(&found))) else { continue };
        findings.add_some(unconfigured(facts).map(|create| finding(job, facts, create, flag)));
    }
}

/// A flag of the dind service.
fn flag(facts: &JobFacts) -> Option<&'static str> {
    let command = facts.services.get(facts.daemon.service?)?.image.image.command()?;
    FLAGS.iter().copied().find(|flag| command.iter().any(|argument| argument.starts_with(flag)))
}

/// The command that makes the builder, where it makes one and has no configuration.
fn unconfigured(facts: &JobFacts) -> Option<&JobOperation> {
    let word = |found: &JobOperation| found.operation.command.last().and_then(|&word| facts.step(found)?.constant(word));
    let creates =
        |found: &&JobOperation| found.operation.tool == Tool::Buildx && found.operation.op == Op::Builder && word(found) == Some("create");
    let mut made = facts.operations.iter().filter(creates);
    let create = made.next().filter(|_| made.next().is_none())?;
    let configured = create.operation.flag("buildkitd-config").is_some() || create.operation.flag("buildkitd-flags").is_some();
    (!configured && create.operation.unknown.is_empty()).then_some(create)
}

fn finding(job: &Job, facts: &JobFacts, create: &JobOperation, flag: &str) -> Diagnostic {
    let message = format!("this builder has a configuration of its own: the daemon's `{flag}` doesn't count for it");
    let help = "give it a `buildkitd.toml` with the same registries: `docker buildx create --buildkitd-config buildkitd.toml …`";
    let finding = RULE.at(create.span, message).help(help).job(&job.name);
    match facts.daemon.service.and_then(|index| facts.services.get(index)) {
        Some(service) => finding.label(service.image.image.name.span, "the daemon has it"),
        None => finding,
    }
}
