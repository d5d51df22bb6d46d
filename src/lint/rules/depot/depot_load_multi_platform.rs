//! DEP708: images of several platforms that Depot should put into one Docker daemon. Knows the flags, not what a Compose or bake file says.

use crate::detect::{JobFacts, JobOperation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::reference::{Reference, Same};
use crate::docker::{Op, Role, Tool};
use crate::lint::{Context, Findings, Rule};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DEP708",
    name: "depot-load-multi-platform",
    severity: Severity::Warning,
    page: include_str!("depot_load_multi_platform.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        for (index, found) in facts.operations.iter().enumerate() {
            let operation = &found.operation;
            let builds = operation.tool == Tool::Depot && operation.op == Op::Build && operation.unknown.is_empty();
            let loads = operation.flag("load").is_some() && operation.switch("load") == Some(true);
            let pushes = operation.pushes() != Some(false) || operation.flag("save").is_some();
            if builds && loads && !pushes && operation.platforms().len() > 1 {
                findings.add(finding(job, facts, found, index));
            }
        }
    }
}

fn finding(job: &Job, facts: &JobFacts, found: &JobOperation, index: usize) -> Diagnostic {
    let at = |severity, message: &str| Diagnostic { severity, ..RULE.at(found.span, message).job(&job.name) };
    match pushed_later(facts, index) {
        Some(push) => at(Severity::Error, "`--load` brings the image of one platform alone, and `docker push` publishes no other")
            .label(push.span, "this publishes one platform")
            .help("add `--push` here instead of `docker push`"),
        None => at(Severity::Warning, "`--load` brings the image of the job's own platform alone; the others are built for nothing")
            .help("push with `--push`, or name the one platform that the job uses"),
    }
}

/// The later `docker push` of a name that the build gives.
fn pushed_later(facts: &JobFacts, build: usize) -> Option<&JobOperation> {
    let names =
        |found: &JobOperation, role| found.operation.images_as(role).filter_map(|image| Reference::parse(&image.text)).collect::<Vec<_>>();
    let built = names(&facts.operations[build], Role::Built);
    let pushes =
        facts.operations[build + 1..].iter().filter(|found| found.operation.tool == Tool::Docker && found.operation.op == Op::Push);
    pushes.into_iter().find(|push| names(push, Role::Pushed).iter().any(|pushed| built.iter().any(|name| name.same(pushed) == Same::Yes)))
}
