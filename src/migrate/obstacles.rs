//! What keeps a job from moving that its commands alone do not show: hosts that only the organisation reaches, generated files, daemons that jobs share.

use crate::analysis::Analysis;
use crate::detect::flow::{Action, Output, needs_daemon};
use crate::detect::{JobFacts, Kind, Reason, Step, is_frozen, reason, setting};
use crate::docker::dockerfile::Dockerfile;
use crate::docker::reference::{Reference, Same};
use crate::docker::{Op, Operation, Role, Tool};
use crate::migrate::changes::JobId;
use crate::migrate::project::join;
use crate::pipeline::{Job, Section};
use crate::source::{SourceFile, Span};
use crate::yaml::Value;

/// Why the job stays, besides its flow, where its builder runs in the job itself (`in_job`) or elsewhere.
#[must_use]
pub fn obstacles(analysis: &Analysis, id: JobId, in_job: bool) -> Vec<Reason> {
    let pipeline = &analysis.pipelines[id.pipeline];
    let (job, facts) = (&pipeline.pipeline.jobs[id.job], &pipeline.facts[id.job]);
    let mut reasons = if in_job { Vec::new() } else { private_hosts(analysis, facts) };
    reasons.extend(generated(analysis, job));
    reasons.extend(unneeded_stage(analysis, job, facts));
    reasons.extend(other_architecture(job, facts).filter(|_| !in_job));
    reasons.extend(local_base(analysis, facts).or_else(|| unpublished_base(analysis, facts)));
    if matches!(facts.daemon.kind, Kind::Unknown | Kind::Socket) {
        reasons.extend(shared_daemon(analysis, id, facts));
    }
    reasons
}

/// A runner's tag that chooses a machine which builds for itself, where the build does not name the platform.
fn other_architecture(job: &Job, facts: &JobFacts) -> Option<Reason> {
    const WORDS: &[&str] =
        &["aarch64", "arm", "arm32", "arm64", "armhf", "armv6", "armv7", "i386", "loong64", "mips64", "ppc64le", "riscv64", "s390x"];
    let speaks =
        |tag: &String| tag.to_ascii_lowercase().split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word));
    let tag = job.tags().iter().filter_map(Value::scalar_text).find(speaks)?;
    let builds = facts.operations.iter().filter(|found| found.operation.op == Op::Build);
    let open = builds.into_iter().find(|found| found.operation.flag("platform").is_none())?;
    let message = format!(
        "the tag `{tag}` chooses the machine for which the image is built, and a remote builder is another one: name the `--platform`"
    );
    Some(Reason { code: reason::CHOSEN_MACHINE, message, span: open.span })
}

/// A stage that the job's builder runs and BuildKit would not: it may be a test that keeps an image from being pushed.
fn unneeded_stage(analysis: &Analysis, job: &Job, facts: &JobFacts) -> Option<Reason> {
    facts.own_operations().filter(|(operation, _)| operation.operation.op == Op::Build).find_map(|(operation, step)| {
        let build = &operation.operation;
        if build.tool != Tool::Docker || !is_classic(job, facts, step) {
            return None;
        }
        let text = analysis.workspace.text(&dockerfile(build)).ok()?;
        let file = Dockerfile::parse(&text);
        let stage = match build.value("target") {
            // Any of the first stages may be meant.
            Some(target) if target.contains('$') => {
                (0..file.stages().len().min(100)).find_map(|at| file.unneeded_stages(Some(&at.to_string())).into_iter().next())
            }
            target => file.unneeded_stages(target).into_iter().next(),
        }?;
        let message =
            format!("the stage `{stage}` is run by the job's builder and left out by BuildKit: build it with a `--target` of its own");
        Some(Reason { code: reason::UNNEEDED_STAGE, message, span: operation.span })
    })
}

/// Whether `docker build` is the classic builder: before version 23 where nobody asks for BuildKit, and wherever it is turned off.
fn is_classic(job: &Job, facts: &JobFacts, step: &Step) -> bool {
    let here = step.invocation.environment.iter().find(|(name, _)| name == "DOCKER_BUILDKIT").map(|(_, value)| value.constant());
    let asked = here.map_or_else(|| setting(job, "DOCKER_BUILDKIT").map(|setting| setting.text), |text| text.map(str::to_owned));
    let old = facts.image.as_ref().and_then(|image| image.docker.as_ref().map(|docker| (image, docker))).is_some_and(|(image, docker)| {
        docker.official && docker.version.first().map_or_else(|| is_frozen(&image.text), |&major| major < 23)
    });
    match asked.as_deref() {
        Some("0") => true,
        Some(_) => false,
        None => old,
    }
}

/// The path of a build's Dockerfile.
fn dockerfile(build: &Operation) -> String {
    let context = build.context().unwrap_or(".").trim_start_matches("./").trim_end_matches('/');
    let file = build.value("file").map_or_else(|| join(context, "Dockerfile"), str::to_owned);
    file.trim_start_matches("./").to_owned()
}

fn private_hosts(analysis: &Analysis, facts: &JobFacts) -> Vec<Reason> {
    if analysis.config.private_hosts.is_empty() {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    for operation in facts.operations.iter().filter(|operation| operation.operation.op == Op::Build) {
        let found = hosts(analysis, &operation.operation).into_iter().find(|host| analysis.config.is_private_host(host));
        if let Some(host) = found {
            let message = format!("`{host}` cannot be reached by a remote builder (`private_hosts`)");
            reasons.push(Reason { code: reason::PRIVATE_HOST, message, span: operation.span });
        }
    }
    reasons
}

/// Hosts in the names, caches, arguments and base images of a build.
fn hosts(analysis: &Analysis, build: &Operation) -> Vec<String> {
    let images = build.images.iter().filter(|image| matches!(image.role, Role::Built | Role::CacheFrom | Role::CacheTo | Role::Source));
    let mut hosts: Vec<String> = images.filter_map(|image| Reference::parse(&image.text)?.registry).collect();
    hosts.extend(build.flags_named("build-arg").filter_map(|flag| flag.value.as_deref()).flat_map(urls));
    let context = build.context().unwrap_or(".");
    let file =
        build.value("file").map_or_else(|| join(context.trim_start_matches("./").trim_end_matches('/'), "Dockerfile"), str::to_owned);
    if let Ok(text) = analysis.workspace.text(file.trim_start_matches("./")) {
        let dockerfile = Dockerfile::parse(&text);
        hosts.extend(dockerfile.images().into_iter().filter_map(|(_, image)| Reference::parse(&image)?.registry));
        hosts.extend(dockerfile.instructions.iter().flat_map(crate::docker::dockerfile::Instruction::url_hosts));
    }
    hosts
}

fn urls(text: &str) -> Vec<String> {
    let hosts =
        text.match_indices("://").map(|(at, _)| text[at + 3..].split(['/', ':', '@', '"', '\'']).next().unwrap_or_default().to_owned());
    let reference = text.split_once('=').and_then(|(_, value)| Reference::parse(value)?.registry);
    hosts.chain(reference).collect()
}

/// An image that one build of the job makes and another one builds on is in no registry when the other one runs remotely.
fn local_base(analysis: &Analysis, facts: &JobFacts) -> Option<Reason> {
    let builds: Vec<_> =
        facts.operations.iter().filter(|operation| operation.operation.op == Op::Build && needs_daemon(&operation.operation)).collect();
    let built: Vec<&str> =
        builds.iter().flat_map(|build| build.operation.images_as(Role::Built)).map(|image| image.text.as_str()).collect();
    if builds.len() < 2 {
        return None;
    }
    builds.iter().find_map(|build| {
        let arguments = build
            .operation
            .flags_named("build-arg")
            .filter_map(|flag| flag.value.as_deref()?.split_once('=').map(|(_, value)| value.to_owned()));
        let bases = base_images(analysis, &build.operation).into_iter().chain(arguments);
        let base = bases.into_iter().find(|base| {
            built
                .iter()
                .any(|name| *name == base || name.strip_suffix(":latest") == Some(base) || base.strip_suffix(":latest") == Some(name))
        })?;
        let message = format!("the build reads `{base}`, which another build of the job leaves in the daemon");
        Some(Reason { code: reason::LOCAL_CONTEXT, message, span: build.span })
    })
}

/// A build that runs remotely while an image of an earlier build is not published yet must not be one that reads it. Where its Dockerfile is not at hand, or
/// names an image that may be the same, that cannot be told.
fn unpublished_base(analysis: &Analysis, facts: &JobFacts) -> Option<Reason> {
    let builds: Vec<_> = facts
        .operations
        .iter()
        .filter(|operation| {
            operation.operation.op == Op::Build && needs_daemon(&operation.operation) && operation.section != Section::AfterScript
        })
        .filter_map(|operation| Some((operation.step?, operation)))
        .collect();
    let published_at_once = |step: usize| match facts.flow.actions.get(&step).or_else(|| facts.flow.loads.get(&step)) {
        Some(Action::Build(build)) => matches!(build.output, Output::Push { .. } | Output::AsWritten),
        _ => false,
    };
    for (at, (_, build)) in builds.iter().enumerate() {
        let earlier = builds[..at].iter().filter(|(step, _)| !published_at_once(*step));
        let names: Vec<&str> =
            earlier.flat_map(|(_, other)| other.operation.images_as(Role::Built)).map(|image| image.text.as_str()).collect();
        if names.is_empty() {
            continue;
        }
        let message = match bases(analysis, facts, &build.operation) {
            None => "the build may read an image that an earlier build of the job has not published yet: its Dockerfile is not in the repository".to_owned(),
            Some(bases) => match bases.iter().find(|base| names.iter().any(|name| may_be_same(name, base))) {
                Some(base) => format!("the build reads `{base}`, which may be an image that an earlier build of the job has not published yet"),
                None => continue,
            },
        };
        return Some(Reason { code: reason::LOCAL_CONTEXT, message, span: build.span });
    }
    None
}

/// The images that a build's Dockerfile names; none where it is not at hand, or the job writes it.
fn bases(analysis: &Analysis, facts: &JobFacts, build: &Operation) -> Option<Vec<String>> {
    let context = build.context().unwrap_or(".").trim_start_matches("./").trim_end_matches('/');
    let file = build.value("file").map_or_else(|| join(context, "Dockerfile"), str::to_owned);
    let text = analysis.workspace.text(file.trim_start_matches("./")).ok()?;
    let name = file.rsplit('/').next().unwrap_or(&file);
    let written = facts
        .shell
        .as_ref()
        .is_some_and(|shell| shell.steps.iter().any(|step| step.operation.is_none() && shell.slice(step.statement()).contains(name)));
    let mounts = text.contains("--mount=") && text.contains("from=");
    (!written && !mounts).then(|| Dockerfile::parse(&text).images().into_iter().map(|(_, image)| image).collect())
}

/// Whether two references may mean one image at run time.
fn may_be_same(a: &str, b: &str) -> bool {
    match (Reference::parse(a), Reference::parse(b)) {
        _ if a.contains('$') != b.contains('$') => {
            // A variable in one of them may hold what stands in the other, unless their last names differ.
            let last = |text: &str| text.rsplit('/').next().unwrap_or(text).split([':', '@']).next().unwrap_or_default().to_owned();
            let (a, b) = (last(a), last(b));
            a.contains('$') || b.contains('$') || a == b
        }
        (Some(a), Some(b)) => a.same(&b) != Same::No,
        (None, _) | (_, None) => true,
    }
}

fn base_images(analysis: &Analysis, build: &Operation) -> Vec<String> {
    let context = build.context().unwrap_or(".");
    let file =
        build.value("file").map_or_else(|| join(context.trim_start_matches("./").trim_end_matches('/'), "Dockerfile"), str::to_owned);
    let text = analysis.workspace.text(file.trim_start_matches("./"));
    text.map(|text| Dockerfile::parse(&text).images().into_iter().map(|(_, image)| image).collect()).unwrap_or_default()
}

/// Lines at the head of a file that are looked at for a note on what generates it.
const HEAD: usize = 10;

fn generated(analysis: &Analysis, job: &Job) -> Option<Reason> {
    let spans = std::iter::once(job.key).chain(job.script.items.iter().map(|item| item.value.span));
    let mut files: Vec<_> = spans.map(|span| span.file).collect();
    files.sort_unstable();
    files.dedup();
    files.into_iter().find_map(|file| {
        let (line, range) = generated_note(analysis.documents.sources().get(file))?;
        let message = format!("the file is generated (`{line}`); change what generates it");
        Some(Reason { code: reason::GENERATED_FILE, message, span: Span::new(file, range.start, range.end) })
    })
}

fn generated_note(source: &SourceFile) -> Option<(String, std::ops::Range<usize>)> {
    let header = |index: &usize| {
        let line = source.text()[source.line_range(*index)].trim();
        line.is_empty() || line.starts_with('#') || line.starts_with("---")
    };
    (0..source.line_count().min(HEAD)).take_while(header).find_map(|index| {
        let range = source.line_range(index);
        let line = source.text()[range.clone()].trim();
        let words = line.strip_prefix('#')?.to_ascii_lowercase().replace(['-', '_'], " ");
        let says = ["auto generated", "autogenerated", "automatically generated", "do not edit", "generated by", "this file is generated"]
            .iter()
            .any(|note| words.contains(note));
        says.then(|| {
            (line.trim_start_matches(['#', ' ']).to_owned(), range.start..range.start + source.text()[range.clone()].trim_end().len())
        })
    })
}

/// On a daemon that outlives the job, another job may use what this one leaves there.
fn shared_daemon(analysis: &Analysis, id: JobId, facts: &JobFacts) -> Option<Reason> {
    let built = facts.operations.iter().find(|operation| operation.operation.op == Op::Build && needs_daemon(&operation.operation))?;
    let pipeline = &analysis.pipelines[id.pipeline];
    let other = pipeline.jobs().find(|(_, other)| {
        other.flow.reasons.iter().any(|reason| {
            matches!(reason.code, reason::PUSH_WITHOUT_BUILD | reason::RUNS_CONTAINER | reason::USES_LOCAL_IMAGE | reason::OPAQUE_COMMAND)
        }) && other.operations.iter().any(|operation| needs_daemon(&operation.operation))
    });
    other.map(|(job, _)| Reason {
        code: reason::IMAGE_STAYS_ON_DAEMON,
        message: format!("the image stays on a daemon that `{}` uses too", job.name),
        span: built.span,
    })
}
