//! DAG801: Dagger in an image without a container command line. Knows which commands need an engine, not what the runner's configuration offers.

use crate::detect::contents::{Contents, Packages, may_provide};
use crate::detect::dagger::{names_engine, needs_engine};
use crate::detect::{ImageFacts, JobFacts, JobShell, Step};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::engine_image::Variant;
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Knowledge, Rule, doubted};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DAG801",
    name: "dagger-no-container-cli",
    severity: Severity::Error,
    page: include_str!("dagger_no_container_cli.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        if let (Some(image), Some(shell)) = (&facts.image, &facts.shell)
            && let Some(contents) = Contents::of(image).filter(|contents| contents.lacks("docker"))
        {
            // A file that isn't here may name an engine, or install a command line, for all jobs.
            let finding = finding(context, job, facts, shell, image, contents);
            findings.add_some(if context.knows_defaults() { finding } else { finding.map(doubted) });
        }
    }
}

fn finding(
    context: &Context<'_>,
    job: &Job,
    facts: &JobFacts,
    shell: &JobShell,
    image: &ImageFacts,
    contents: Contents,
) -> Option<Diagnostic> {
    let call = shell.steps.iter().position(needs_engine)?;
    if names_engine(job, shell, &shell.steps[call]) || is_provided(facts, shell, call) {
        return None;
    }
    let message = format!("`{}` has no `docker`, `podman` or `nerdctl`, with which Dagger starts its engine", image.text);
    let finding = RULE
        .at(image.image.name.span, message)
        .help("use the `docker` image of the service's version with `-cli`, or install `docker-cli`")
        .label(job.place(&job.script, shell.steps[call].range()), "needs an engine")
        .job(&job.name);
    let daemon = facts.has_dind() || facts.daemon.setting.is_some();
    let finding = Diagnostic { severity: if daemon { Severity::Error } else { Severity::Warning }, ..finding };
    Some(match fix(context, facts, shell, image, contents) {
        Some(fix) => finding.fix(fix),
        None => finding,
    })
}

/// Whether the script may bring a container command line along before the call.
fn is_provided(facts: &JobFacts, shell: &JobShell, call: usize) -> bool {
    let hidden = facts.opaque.iter().any(|opaque| opaque.step.is_none_or(|step| step < call));
    let others = ["docker", "podman", "nerdctl", "finch"];
    let installed = |step: &Step| others.iter().any(|tool| may_provide(step, shell.slice(step.statement()), tool));
    hidden || shell.steps[..call].iter().any(installed)
}

/// The `docker` image of the service's version in place of `alpine`, from which it is made.
fn fix(context: &Context<'_>, facts: &JobFacts, shell: &JobShell, image: &ImageFacts, contents: Contents) -> Option<Fix> {
    let name = &image.image.name;
    let service = facts.daemon.service.and_then(|index| facts.services.get(index))?;
    let official =
        service.image.docker.as_ref().is_some_and(|docker| docker.official && docker.variant == Variant::Daemon && !docker.rootless);
    let tag = service.image.text.strip_prefix("docker:")?;
    let version = if tag == "dind" { "" } else { tag.strip_suffix("-dind")? };
    let alpine = contents.packages == Packages::Alpine && (image.text == "alpine" || image.text.starts_with("alpine:"));
    let written_here = name.via.is_none() && image.image.value.via.is_none() && context.slice(name.span) == image.text;
    let plain = official && alpine && written_here && !version.contains('$') && shell.steps.iter().all(|step| step.name() != Some("bash"));
    let cli = if version.is_empty() { "docker:cli".to_owned() } else { format!("docker:{version}-cli") };
    plain.then(|| Fix { title: format!("use `{cli}`"), safety: Safety::Safe, edits: vec![Edit::replace(name.span, cli)] })
}
