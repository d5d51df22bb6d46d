//! BLD906: `--cache-from` an image that the pipeline itself builds without cache metadata. Knows the pipeline's builds, not what is in the registry.

use std::collections::BTreeSet;

use crate::detect::builder::{Driver, driver};
use crate::detect::registry::word_place;
use crate::detect::{ImageFacts, JobFacts, JobOperation, Step, is_frozen, setting};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::reference::{Reference, Same};
use crate::docker::{ImageUse, Op, Role, Tool};
use crate::edit::{Fix, Safety};
use crate::lint::{Context, Findings, Rule, script_edit};
use crate::pipeline::{Job, Section};

/// The rule.
pub static RULE: Rule = Rule {
    id: "BLD906",
    name: "inline-cache-incomplete",
    severity: Severity::Warning,
    page: include_str!("inline_cache_incomplete.md"),
    check,
};

/// The first version whose `docker build` is BuildKit's unless told otherwise.
const BUILDKIT_SINCE: u32 = 23;
/// What leaves cache metadata in an image or beside it, in whatever way it is spelled.
const METADATA: &[&str] = &["BUILDKIT_INLINE_CACHE", "cache-to", "cache_to"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    // Whatever isn't seen may push the image with its metadata.
    if !context.is_complete() || context.jobs().any(|(job, facts)| may_export(job, facts)) {
        return;
    }
    let names = Names::of(context);
    for (job, facts) in context.jobs().filter(|(job, facts)| has_buildkit(job, facts)) {
        for (found, step) in facts.own_operations().filter(|(found, _)| found.section != Section::AfterScript) {
            if is_build(found) && driver(job, facts, found) == Driver::Daemon {
                let never = found.operation.images_as(Role::CacheFrom).find(|image| names.are_built(image));
                findings.add_some(never.map(|image| finding(context, job, found, step, image)));
            }
        }
    }
}

fn is_build(found: &JobOperation) -> bool {
    found.operation.op == Op::Build && matches!(found.operation.tool, Tool::Docker | Tool::Buildx) && found.operation.unknown.is_empty()
}

/// Whether something in the job leaves cache metadata, or builds in a way that can't be seen.
fn may_export(job: &Job, facts: &JobFacts) -> bool {
    let speaks = |text: &str| METADATA.iter().any(|word| text.contains(word));
    let by_variable = job.variables.iter().any(|(name, value)| speaks(name) || value.text().is_some_and(|text| speaks(&text)));
    let other = |found: &JobOperation| {
        let builds = matches!(found.operation.op, Op::Build | Op::Bake | Op::ComposeBuild | Op::ComposeUp);
        speaks(&found.text) || (builds && !is_build(found))
    };
    let loads = |found: &JobOperation| matches!(found.operation.op, Op::Load | Op::Import);
    speaks(&job.script.text) || by_variable || !facts.opaque.is_empty() || facts.operations.iter().any(|found| other(found) || loads(found))
}

/// Whether the job's client surely is one that builds with BuildKit.
fn has_buildkit(job: &Job, facts: &JobFacts) -> bool {
    let recent = |image: &ImageFacts| {
        let docker = image.docker.as_ref().filter(|docker| docker.official && !docker.variable && !is_frozen(&image.text));
        docker.is_some_and(|docker| docker.version.first().map_or(docker.floating, |major| *major >= BUILDKIT_SINCE))
    };
    let chosen = job.script.text.contains("DOCKER_BUILDKIT") || setting(job, "DOCKER_BUILDKIT").is_some_and(|value| value.text != "1");
    facts.image.as_ref().is_some_and(recent) && !chosen
}

/// What the jobs of a pipeline call their images.
struct Names<'a> {
    /// By builds and `docker tag`.
    built: BTreeSet<&'a str>,
    /// By what makes lists of images or copies them within a registry.
    copied: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(context: &Context<'a>) -> Self {
        let mut names = Self { built: BTreeSet::new(), copied: BTreeSet::new() };
        for found in context.jobs().flat_map(|(_, facts)| &facts.operations) {
            for image in &found.operation.images {
                match image.role {
                    Role::Built | Role::Tagged => _ = names.built.insert(&image.text),
                    Role::Destination => _ = names.copied.insert(&image.text),
                    _ => {}
                }
            }
        }
        names
    }

    /// Whether the image is surely one that a build of the pipeline gave its name.
    fn are_built(&self, image: &ImageUse) -> bool {
        let Some(cache) = Reference::parse(&image.text).filter(|_| !image.text.contains("${?")) else { return false };
        let taken = |name: &&str| Reference::parse(name).is_none_or(|other| other.same(&cache) != Same::No);
        self.built.contains(image.text.as_str()) && !self.copied.iter().any(taken)
    }
}

fn finding(context: &Context<'_>, job: &Job, found: &JobOperation, step: &Step, image: &ImageUse) -> Diagnostic {
    let place = word_place(job, found.section, step, image.arg, &image.text);
    let message = "this image is built without cache metadata, and BuildKit takes no layer from such an image";
    let help = "add `--cache-to type=inline` to the build that is pushed under this name";
    let finding = RULE.at(place, message).help(help).job(&job.name);
    let own = found.operation.images_as(Role::Built).any(|built| built.text == image.text);
    match fix(context, job, found, step).filter(|_| own) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

fn fix(context: &Context<'_>, job: &Job, found: &JobOperation, step: &Step) -> Option<Fix> {
    let exact = !step.invocation.opaque && !step.invocation.damaged;
    let word = step.invocation.argv().get(*found.operation.command.last()?).filter(|_| exact)?;
    let end = word.range.range().end;
    let edit = script_edit::replace(context, &job.script, end..end, " --cache-to type=inline")?;
    Some(Fix { title: "write the cache metadata into the image".to_owned(), safety: Safety::Safe, edits: vec![edit] })
}
