//! A migration that is proven: rewrites are analysed again, and what breaks a promise is dropped with a reason.

mod module;
mod shadow;
mod toggle;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::analysis::{Analysis, analyze};
use crate::config::Config;
use crate::detect::flow::{DAEMON_VARIABLES, is_docker, needs_daemon};
use crate::detect::{JobFacts, Reason, Step, Verdict, reason};
use crate::docker::{self, Arg, Op, Operation, Role};
use crate::lint::{LintOptions, lint};
use crate::migrate::obstacles::obstacles;
use crate::migrate::{Changed, JobId, Rewrite, Target, rewrite};
use crate::pipeline::expand::expanded_job;
use crate::pipeline::{Job, Variable};
use crate::source::FileId;
use crate::workspace::Workspace;

pub use module::migrate_to_module;
use shadow::shadowed;
use toggle::toggled;

/// What to migrate.
#[derive(Clone, Default, Debug)]
pub struct MigrateOptions {
    /// Names of the only jobs to migrate; empty for all.
    pub jobs: Vec<String>,
    /// Jobs that will still need their daemon are changed, too.
    pub allow_partial: bool,
    /// Jobs that use no docker lose a daemon that nothing in them would use.
    pub drop_idle: bool,
    /// What becomes of the old way.
    pub mode: Mode,
}

/// What becomes of the old way of a job that moves.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Mode {
    /// It goes.
    #[default]
    Replace,
    /// It stays, and a CI/CD variable chooses.
    Toggle,
    /// It stays, and the new way is tried beside it.
    Shadow,
}

/// A proven migration.
#[derive(Debug)]
pub struct Migration {
    /// The analysis of what was there.
    pub before: Analysis,
    /// All jobs, in the order of the pipelines.
    pub jobs: Vec<Outcome>,
    /// The files that change.
    pub files: Vec<FileChange>,
    /// Paths of files among them that somebody wrote or changed by hand, whose text would be lost.
    pub changed_by_hand: Vec<String>,
    /// Jobs that call a function which the files would not have any more.
    pub orphans: Vec<String>,
    /// What chooses between the old way and the new.
    pub toggle: Option<Toggle>,
}

/// What chooses between the old way of jobs and the new.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Toggle {
    /// The CI/CD variable that brings the old way back where it is `true`.
    pub variable: String,
    /// The paths of the files with the old way.
    pub old: Vec<String>,
}

impl Migration {
    /// Whether a pipeline has a job of this name.
    #[must_use]
    pub fn has_job(&self, name: &str) -> bool {
        self.before.pipelines.iter().any(|pipeline| pipeline.pipeline.job(name).is_some())
    }
}

/// What becomes of a job.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// How much of it can move.
    pub verdict: Verdict,
    /// The rewrite of it.
    pub changed: Option<Changed>,
    /// Why not, or not all.
    pub reasons: Vec<Reason>,
}

/// What becomes of a file.
#[derive(Clone, Debug)]
pub struct FileChange {
    /// From the root of the workspace.
    pub path: String,
    /// What was read; none where the file comes into being.
    pub before: Option<String>,
    /// What is to be written.
    pub after: String,
    /// How many edits lie between.
    pub edits: usize,
    /// Why, each with a 1-based line of the text before.
    pub motives: Vec<(usize, String)>,
}

/// Migrates the pipelines whose entries are `entries`, and proves the result.
#[must_use]
pub fn migrate(workspace: &Workspace, entries: &[String], config: &Config, target: &Target, options: &MigrateOptions) -> Migration {
    let before = analyze(workspace, entries, config);
    let mut refused: BTreeMap<JobId, Vec<Reason>> = BTreeMap::new();
    let mut candidates = BTreeSet::new();
    for (pipeline, analyzed) in before.pipelines.iter().enumerate() {
        for (index, (job, facts)) in analyzed.jobs().enumerate() {
            let id = JobId { pipeline, job: index };
            let wanted = options.jobs.is_empty() || options.jobs.iter().any(|name| **name == *job.name);
            let partial = options.allow_partial && facts.flow.verdict == Verdict::Partial;
            let idle = options.drop_idle && facts.flow.idle;
            if !wanted || !(facts.flow.verdict == Verdict::Full || partial || idle) {
                continue;
            }
            let reasons = obstacles(&before, id, target.manifest.in_job);
            if reasons.is_empty() {
                candidates.insert(id);
            } else {
                refused.insert(id, reasons);
            }
        }
    }
    let proven = proven(&before, entries, target, candidates, &mut refused);
    let migration = outcome(before, proven, refused);
    match options.mode {
        Mode::Replace => migration,
        Mode::Toggle => toggled(migration, entries, &target.manifest.name, &target.manifest.title),
        Mode::Shadow => shadowed(migration, entries, &target.manifest.name, Some(target)),
    }
}

/// Rewrites until what is left keeps every promise; each round refuses at least one job.
fn proven(
    before: &Analysis,
    entries: &[String],
    target: &Target,
    mut candidates: BTreeSet<JobId>,
    refused: &mut BTreeMap<JobId, Vec<Reason>>,
) -> Rewrite {
    loop {
        let rewrite = rewrite(before, target, &candidates);
        if rewrite.changed.is_empty() {
            refused.extend(rewrite.refused.clone());
            return rewrite;
        }
        let broken = broken(before, entries, target, &rewrite);
        if broken.is_empty() {
            refused.extend(rewrite.refused.clone());
            return rewrite;
        }
        for (id, why) in broken {
            let span = before.pipelines[id.pipeline].pipeline.jobs[id.job].key;
            candidates.remove(&id);
            refused.entry(id).or_default().push(Reason { code: reason::PROOF_FAILED, message: why, span });
        }
    }
}

fn outcome(before: Analysis, mut rewrite: Rewrite, mut refused: BTreeMap<JobId, Vec<Reason>>) -> Migration {
    let mut jobs = Vec::new();
    for (pipeline, analyzed) in before.pipelines.iter().enumerate() {
        for (index, (job, facts)) in analyzed.jobs().enumerate() {
            let id = JobId { pipeline, job: index };
            let reasons = refused.remove(&id);
            let changed = rewrite.changed.remove(&id);
            let own = facts.flow.verdict;
            // A daemon that nothing uses makes no job one that uses Docker, whether or not it could go.
            let verdict = if reasons.is_some() && own != Verdict::None { Verdict::Blocked } else { own };
            let mut reasons = reasons.unwrap_or_else(|| facts.flow.reasons.clone());
            if facts.flow.idle && changed.is_some() {
                let span = facts.daemon.span.unwrap_or(job.key);
                reasons.push(Reason {
                    code: reason::IDLE_DAEMON,
                    message: "nothing in the job uses its daemon, so it goes".to_owned(),
                    span,
                });
            }
            jobs.push(Outcome { id, name: job.name.to_string(), verdict, changed, reasons });
        }
    }
    let sources = before.documents.sources();
    let files = rewrite.files.iter().map(|(&file, after)| FileChange {
        path: sources.get(file).path().to_owned(),
        before: Some(sources.get(file).text().to_owned()),
        after: after.clone(),
        edits: rewrite.edits.iter().filter(|edit| edit.span.file == file).count(),
        motives: motives(&before, &rewrite, file),
    });
    let files = files.filter(|file| file.before.as_ref() != Some(&file.after)).collect();
    Migration { before, jobs, files, changed_by_hand: Vec::new(), orphans: Vec::new(), toggle: None }
}

fn motives(before: &Analysis, rewrite: &Rewrite, file: FileId) -> Vec<(usize, String)> {
    let source = before.documents.sources().get(file);
    let own = rewrite.motives.iter().filter(|motive| motive.span.file == file);
    let mut motives: Vec<(usize, String)> =
        own.map(|motive| (source.position(motive.span.start as usize).line, motive.why.clone())).collect();
    motives.sort();
    motives.dedup();
    motives
}

/// The jobs whose rewrite breaks a promise, with what is broken.
fn broken(before: &Analysis, entries: &[String], target: &Target, rewrite: &Rewrite) -> BTreeMap<JobId, String> {
    let sources = before.documents.sources();
    let overlay = rewrite.files.iter().map(|(&file, text)| (sources.get(file).path().to_owned(), text.clone()));
    let after = analyze(&before.workspace.with_overlay(overlay), entries, &before.config);
    let mut broken = BTreeMap::new();
    let everything = |why: &str| rewrite.changed.keys().map(|id| (*id, why.to_owned())).collect::<BTreeMap<_, _>>();
    if after.documents.problems().len() > before.documents.problems().len() || after.pipelines.len() != before.pipelines.len() {
        return everything("the result would not be read as YAML");
    }
    for (index, (old, new)) in before.pipelines.iter().zip(&after.pipelines).enumerate() {
        let names =
            |pipeline: &crate::pipeline::Pipeline| pipeline.unresolved.iter().map(|include| include.name.clone()).collect::<Vec<_>>();
        if old.pipeline.jobs.len() != new.pipeline.jobs.len() || names(&old.pipeline) != names(&new.pipeline) {
            return everything("the result would have other jobs or includes");
        }
        for (job, (old, new)) in old.jobs().zip(new.jobs()).enumerate() {
            let id = JobId { pipeline: index, job };
            match rewrite.changed.get(&id) {
                Some(changed) => {
                    if let Some(why) = broken_job(old, new, target, changed) {
                        broken.insert(id, why.to_owned());
                    }
                }
                None if !same(old.0, new.0) => {
                    return everything(&format!("the job `{}`, which must not change, would change", old.0.name));
                }
                None => {}
            }
        }
    }
    if broken.is_empty() { new_findings(before, &after, &rewrite.changed.keys().copied().collect(), &[]) } else { broken }
}

/// Whether a job means the same: its configuration, and the variables that reach it.
fn same(old: &Job, new: &Job) -> bool {
    expanded_job(old) == expanded_job(new) && variables(old, &[]) == variables(new, &[])
}

fn variables(job: &Job, without: &[&str]) -> Vec<(String, Option<String>, bool)> {
    let listed = job.variables.iter().filter(|(name, _)| !without.contains(&&***name));
    listed.map(|(name, variable)| (name.to_string(), Variable::text(variable), variable.expands())).collect()
}

/// Keywords of a migrated job that may differ.
const MAY_DIFFER: &[&str] = &["before_script", "script", "after_script", "services", "variables", "id_tokens", "tags"];

fn broken_job(old: (&Job, &JobFacts), new: (&Job, &JobFacts), target: &Target, changed: &Changed) -> Option<&'static str> {
    let rest = |job: &Job| {
        let mut all = expanded_job(job);
        if let Json::Object(map) = &mut all {
            for keyword in MAY_DIFFER.iter().chain(changed.image.as_ref().map(|_| &"image")) {
                map.shift_remove(*keyword);
            }
        }
        all
    };
    if &*new.0.script.text != changed.script.as_str() || &*new.0.after_script.text != changed.after_script.as_str() {
        return Some("the script would not be read back as it was meant");
    }
    if rest(old.0) != rest(new.0) || variables(old.0, DAEMON_VARIABLES) != variables(new.0, DAEMON_VARIABLES) {
        return Some("more than the docker commands would change");
    }
    if changed.image.as_ref().is_some_and(|wanted| new.0.image().is_none_or(|image| image.text() != wanted)) {
        return Some("the job would not get the image that it needs");
    }
    if published(old, None) != published(new, Some(target)) {
        return Some("other references would be published");
    }
    if changed.keeps_daemon {
        return (old.1.has_dind() != new.1.has_dind()).then_some("the daemon that is still needed would be lost");
    }
    if new.1.has_dind() || new.1.operations.iter().any(|operation| needs_daemon(&operation.operation)) {
        return Some("a daemon would still be needed");
    }
    let left = |name: &str| new.0.variables.get(name).and_then(Variable::text).is_some_and(|text| !text.is_empty());
    if ["DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CONTEXT"].into_iter().any(left) {
        return Some("a variable would be left that breaks commands without a daemon");
    }
    None
}

/// The references that a job publishes, in any order, with its own commands and those of `target`; what has no name counts as one unknown.
fn published((job, facts): (&Job, &JobFacts), target: Option<&Target>) -> BTreeSet<String> {
    let mut published = BTreeSet::new();
    let builds: Vec<Operation> = target.map(|target| builds(job, facts, target)).unwrap_or_default();
    for operation in facts.operations.iter().map(|operation| &operation.operation).chain(&builds) {
        let push = operation.op == Op::Push || operation.pushes() == Some(true);
        let wanted = |role: Role| role == Role::Pushed || role == Role::Destination;
        let built = matches!(operation.tool, crate::docker::Tool::Depot) && push;
        let names =
            operation.images.iter().filter(|image| wanted(image.role) || (built && matches!(image.role, Role::Built | Role::Tagged)));
        published.extend(names.filter(|_| push || is_docker(operation.tool)).map(|image| named(&image.text)));
    }
    published
}

/// The builds of a target of which undind knows no command: it takes the words of `docker buildx build`, but for the flags that it adds.
fn builds(job: &Job, facts: &JobFacts, target: &Target) -> Vec<Operation> {
    let build = target.fill(&target.manifest.build, &[]);
    let words: Vec<&str> = build.split_whitespace().collect();
    let known = [["docker", "buildx"], ["docker-buildx", "build"], ["depot", "build"]].iter().any(|known| words.starts_with(known));
    if known || !job.script.text.contains(&build) {
        return Vec::new();
    }
    let flags = &target.manifest.flags;
    let (push, plain) = (target.fill(&flags.push, &[]), target.fill(&flags.plain_manifest, &[]));
    let word = |text: &str| Arg { text: text.to_owned(), opaque: false };
    let read = |step: &Step| {
        let arguments = step.argv.strip_prefix(words.iter().map(|text| word(text)).collect::<Vec<_>>().as_slice())?;
        let arguments = arguments.iter().filter(|argument| !plain.split_whitespace().any(|own| own == argument.text));
        let arguments = arguments.map(|argument| if argument.text == push { word("--push") } else { argument.clone() });
        docker::operation(&["docker", "buildx", "build"].into_iter().map(word).chain(arguments).collect::<Vec<Arg>>())
    };
    facts.main_shell(job).steps.iter().filter_map(read).collect()
}

fn named(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${?") {
        out.push_str(&rest[..at]);
        out.push_str("${?}");
        rest = rest[at..].find('}').map_or("", |end| &rest[at + end + 1..]);
    }
    out.push_str(rest);
    let tagged = out.rsplit('/').next().is_some_and(|last| last.contains(':') || last.ends_with('}'));
    if tagged { out } else { format!("{out}:latest") }
}

/// A finding that was not there before is the fault of the jobs that it names, unless its rule is `expected`.
fn new_findings(before: &Analysis, after: &Analysis, changed: &BTreeSet<JobId>, expected: &[&str]) -> BTreeMap<JobId, String> {
    let count = |analysis: &Analysis| {
        let mut counts: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
        for finding in lint(analysis, &LintOptions::default()).findings {
            // A project's token names the project; the manual step that asks for one says so.
            let by_token =
                finding.diagnostic.rule == "depot-project-unknown" && finding.diagnostic.severity == crate::diagnostic::Severity::Info;
            for job in finding.diagnostic.jobs.iter().filter(|_| !by_token) {
                *counts.entry((finding.diagnostic.rule, job.clone())).or_default() += 1;
            }
        }
        counts
    };
    let (old, new) = (count(before), count(after));
    let mut broken = BTreeMap::new();
    for ((rule, name), number) in new {
        if expected.contains(&rule) || number <= old.get(&(rule, name.clone())).copied().unwrap_or_default() {
            continue;
        }
        let ids = changed.iter().filter(|id| *before.pipelines[id.pipeline].pipeline.jobs[id.job].name == *name);
        broken.extend(ids.map(|id| (*id, format!("the result would have a new finding of `{rule}`"))));
    }
    broken
}
