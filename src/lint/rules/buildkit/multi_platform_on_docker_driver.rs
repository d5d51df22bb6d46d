//! BLD903: an image of several platforms that the daemon can't hold. Knows the daemon's version and the builders of the script, not emulation.

use crate::detect::builder::{Driver, driver, has_classic_store};
use crate::detect::{JobFacts, JobOperation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::Op;
use crate::lint::{Context, Findings, Knowledge, Rule, doubted};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "BLD903",
    name: "multi-platform-on-docker-driver",
    severity: Severity::Error,
    page: include_str!("multi_platform_on_docker_driver.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(_, facts)| has_classic_store(facts)) {
        let knowledge = context.knowledge(job);
        for (found, _) in facts.own_operations().filter(|_| knowledge != Knowledge::Partial) {
            if found.operation.op == Op::Build && found.operation.platforms().len() > 1 {
                let finding = finding(job, facts, found);
                findings.add_some(if knowledge == Knowledge::Full { finding } else { finding.map(doubted) });
            }
        }
    }
}

fn finding(job: &Job, facts: &JobFacts, found: &JobOperation) -> Option<Diagnostic> {
    let at = |message: &str, help: &str| Some(RULE.at(found.span, message).help(help).job(&job.name));
    match driver(job, facts, found) {
        Driver::Daemon => at(
            "the daemon's own builder can't build for several platforms before Docker 29",
            "make a builder first, `docker buildx create --use`, and build with `docker buildx build --push`",
        ),
        Driver::Container if loads(found) => at(
            "a daemon before Docker 29 can't hold an image of several platforms, so that `--load` fails",
            "push with `--push`, or load one platform",
        ),
        Driver::Container | Driver::Remote | Driver::Unknown => None,
    }
}

fn loads(found: &JobOperation) -> bool {
    found.operation.unknown.is_empty() && found.operation.flag("load").is_some() && found.operation.switch("load") == Some(true)
}
