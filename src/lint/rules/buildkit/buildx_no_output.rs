//! BLD904: Buildx builds whose image goes nowhere. Knows the builders of the script and the flags that ask for an output.

use crate::detect::builder::{Driver, driver};
use crate::detect::purpose::is_check;
use crate::detect::{JobFacts, JobOperation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::reference::{Reference, Same};
use crate::docker::{Op, Operation, Role, Tool};
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule, script_edit};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule =
    Rule { id: "BLD904", name: "buildx-no-output", severity: Severity::Warning, page: include_str!("buildx_no_output.md"), check };

/// What asks for an output, or for something else than an image.
const OUTPUTS: &[&str] = &["push", "load", "output", "cache-to", "call", "check", "quiet", "iidfile", "metadata-file"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        // The builder may load by default (docker/buildx, `--driver-opt default-load=true`).
        let loads = facts.operations.iter().any(|found| found.operation.op == Op::Builder && found.text.contains("default-load"));
        for (index, found) in facts.operations.iter().enumerate().filter(|_| !loads) {
            let builds = found.operation.op == Op::Build && matches!(found.operation.tool, Tool::Docker | Tool::Buildx);
            if builds && has_no_output(&found.operation) && matches!(driver(job, facts, found), Driver::Container | Driver::Remote) {
                findings.add_some(finding(context, job, facts, index));
            }
        }
    }
}

fn has_no_output(operation: &Operation) -> bool {
    let asks = |name: &&str| operation.flags_named(name).any(|flag| flag.is_on() != Some(false));
    operation.unknown.is_empty() && !OUTPUTS.iter().any(asks)
}

fn finding(context: &Context<'_>, job: &Job, facts: &JobFacts, index: usize) -> Option<Diagnostic> {
    let found = &facts.operations[index];
    let at = |severity, message: &str| Diagnostic { severity, ..RULE.at(found.span, message).job(&job.name) };
    let Some(user) = user(facts, index) else {
        // Who only tries the build wants no image.
        let named = found.operation.images_as(Role::Built).next().is_some();
        let finding = at(
            if named { Severity::Warning } else { Severity::Info },
            "the builder is not the daemon's own, so that this image stays in its cache",
        )
        .help("add `--push` to publish the image, or `--load` to use it in this job; `--output type=cacheonly` says that neither is meant");
        return (!is_check(job, &found.operation)).then_some(finding);
    };
    let (flag, help) = match user.operation.op {
        Op::Push => ("--push", "add `--push` here instead of `docker push`"),
        _ => ("--load", "add `--load`, which brings the image into the daemon"),
    };
    let finding = at(Severity::Error, "the builder is not the daemon's own: the image stays in its cache, and the daemon never has it")
        .label(user.span, "this command doesn't find the image")
        .help(help);
    Some(match fix(context, job, facts, found, "--load") {
        Some(edits) if flag == "--load" || found.operation.platforms().len() < 2 => {
            finding.fix(Fix { title: "bring the image into the daemon with `--load`".to_owned(), safety: Safety::Unsafe, edits })
        }
        _ => finding,
    })
}

/// The later command that takes an image of this name from the daemon.
fn user(facts: &JobFacts, index: usize) -> Option<&JobOperation> {
    let names = |found: &JobOperation, role| -> Vec<Reference> {
        found.operation.images_as(role).filter_map(|image| Reference::parse(&image.text)).collect()
    };
    let built = names(&facts.operations[index], Role::Built);
    let takes = |found: &&JobOperation| {
        let role = match found.operation.op {
            Op::Push => Role::Pushed,
            Op::Tag => Role::Source,
            Op::Save => Role::Saved,
            _ => return false,
        };
        found.operation.tool == Tool::Docker
            && names(found, role).iter().any(|taken| built.iter().any(|name| name.same(taken) == Same::Yes))
    };
    let user = facts.operations[index + 1..].iter().find(takes)?;
    let arrives = |found: &JobOperation| {
        let again = matches!(found.operation.op, Op::Build | Op::Bake | Op::Pull | Op::Load | Op::ComposeBuild);
        let names_it = [Role::Built, Role::Pulled]
            .iter()
            .any(|role| names(found, *role).iter().any(|name| built.iter().any(|own| own.same(name) != Same::No)));
        again && (names_it || matches!(found.operation.op, Op::Bake | Op::Load | Op::ComposeBuild))
    };
    let before = facts.operations.iter().enumerate().take_while(|(_, found)| found.span != user.span);
    (!before.into_iter().any(|(other, found)| other != index && arrives(found))).then_some(user)
}

fn fix(context: &Context<'_>, job: &Job, facts: &JobFacts, found: &JobOperation, flag: &str) -> Option<Vec<crate::edit::Edit>> {
    let step = facts.step(found).filter(|step| !step.invocation.opaque && !step.invocation.damaged)?;
    let word = step.invocation.argv().get(*found.operation.command.last()?)?;
    let end = word.range.range().end;
    Some(vec![script_edit::replace(context, &job.script, end..end, &format!(" {flag}"))?])
}
