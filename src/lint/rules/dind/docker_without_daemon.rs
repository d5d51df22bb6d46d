//! DND201: docker commands in a job to which nothing gives a daemon. Knows what the files say, not what the runner brings along.

use indexmap::IndexMap;

use crate::detect::client::{asks_for_socket, dials, finds_daemon, signs_of_daemon};
use crate::detect::{JobFacts, JobOperation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Tool};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule, listed};
use crate::pipeline::Job;
use crate::shell::Certainty;

/// The rule.
pub static RULE: Rule =
    Rule { id: "DND201", name: "docker-without-daemon", severity: Severity::Error, page: include_str!("docker_without_daemon.md"), check };

/// So many jobs without a daemon are no oversight.
const MANY: usize = 3;

/// A job to whose docker commands nothing gives a daemon.
#[derive(Clone, Copy)]
struct Stranded<'a> {
    job: &'a Job,
    facts: &'a JobFacts,
    /// The first command that needs the daemon.
    operation: &'a JobOperation,
}

fn check(context: &Context<'_>, findings: &mut Findings) {
    let stranded: Vec<Stranded<'_>> = context.jobs().filter_map(|(job, facts)| stranded(context, job, facts)).collect();
    let dials = context.jobs().filter(|(_, facts)| facts.has_dind() || dials(facts).next().is_some()).count();
    // Where no job that uses Docker has a daemon, there is one cause: with many jobs it is no oversight, and the runner evidently brings one along.
    let none_has = dials == stranded.len();
    let by_runner = (stranded.len() >= MANY && none_has) || context.jobs().any(|(job, _)| asks_for_socket(job));
    let mut causes: IndexMap<(bool, String), Vec<Stranded<'_>>> = IndexMap::new();
    for one in &stranded {
        causes.entry((one.is_outside(), one.lack())).or_default().push(*one);
    }
    for jobs in causes.values() {
        let together = none_has && jobs.iter().any(|one| one.operation.span != jobs[0].operation.span);
        let size = if together { jobs.len() } else { 1 };
        jobs.chunks(size).for_each(|jobs| findings.add_some(finding(context, jobs, by_runner)));
    }
}

/// The first command for which nothing gives the job a daemon.
fn stranded<'a>(context: &Context<'_>, job: &'a Job, facts: &'a JobFacts) -> Option<Stranded<'a>> {
    // A job without a script belongs to an include, which may give it the service as well.
    let whole = job.missing.is_empty() && (context.is_complete() || job.is_script());
    let known = whole && !facts.has_dind() && !finds_daemon(job, facts) && !builds_elsewhere(facts);
    dials(facts).next().filter(|_| known).map(|operation| Stranded { job, facts, operation })
}

impl Stranded<'_> {
    /// What the job has instead of a daemon.
    fn lack(&self) -> String {
        match &self.facts.daemon.setting {
            Some(setting) => format!("no service answers to `{}`", setting.text),
            None => "there is no dind service and no `DOCKER_HOST`".to_owned(),
        }
    }

    /// Whether the command reaches into a container that the job doesn't start, so that a daemon of the job's own would be of no use.
    fn is_outside(&self) -> bool {
        let verb = |found: &JobOperation| {
            let word = found.operation.command.last()?;
            Some(self.facts.step(found)?.argv.get(*word)?.text.as_str())
        };
        let starts = |found: &JobOperation| {
            matches!(found.operation.op, Op::Run | Op::ComposeUp | Op::ComposeRun) || matches!(verb(found), Some("create" | "start"))
        };
        let unseen = self.facts.opaque.iter().any(|opaque| opaque.step.is_none() || opaque.step < self.operation.step);
        let reaches = matches!(verb(self.operation), Some("exec" | "logs" | "cp" | "attach" | "top" | "port" | "restart"));
        reaches && !unseen && !self.facts.operations.iter().any(starts)
    }

    /// How many signs there are of a daemon that the files don't show: of the runner's, or of a default from another file.
    fn signs(&self, context: &Context<'_>) -> usize {
        let elsewhere = !context.knows_defaults() && self.job.config.get("services").is_none();
        signs_of_daemon(self.job, self.facts) + usize::from(elsewhere)
    }
}

/// Adds a service of the client's own version, and the variables for TLS, to a job that has neither.
fn service(context: &Context<'_>, job: &Job, facts: &JobFacts) -> Option<Vec<Edit>> {
    let docker = facts.image.as_ref()?.docker.as_ref().filter(|docker| docker.official && docker.version.len() >= 3)?;
    let version = docker.version.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    let unset = job.config.entry("services").is_none() && !job.variables.keys().any(|name| name.starts_with("DOCKER_"));
    let own = job.own.as_mapping()?.entry("variables").is_none();
    let variables =
        "  DOCKER_HOST: tcp://docker:2376\n  DOCKER_TLS_CERTDIR: /certs\n  DOCKER_TLS_VERIFY: \"1\"\n  DOCKER_CERT_PATH: /certs/client";
    (unset && own).then(|| addition::entries(context, job, &format!("services:\n  - docker:{version}-dind\nvariables:\n{variables}")))?
}

/// One finding for `jobs`, at the first command of the first.
fn finding(context: &Context<'_>, jobs: &[Stranded<'_>], by_runner: bool) -> Option<Diagnostic> {
    let first = jobs.first()?;
    let names: Vec<&str> = jobs.iter().map(|one| &*one.job.name).collect();
    let (subject, need) = if jobs.len() > 1 { (listed(&names), "need") } else { ("this".to_owned(), "needs") };
    let (wanted, help) = if first.is_outside() {
        let wanted = "the host's Docker socket, to reach a container that was not started here";
        let mount = "use a runner that mounts the host's `/var/run/docker.sock`, or lead `DOCKER_HOST` there";
        (wanted, format!("a dind service would not know the container: {mount}"))
    } else {
        let mounted = "a runner that mounts the socket brings the daemon along";
        ("a Docker daemon", format!("add a dind service, or use a remote builder; {mounted}"))
    };
    let finding = RULE.at(first.operation.span, format!("{subject} {need} {wanted}, but {}", first.lack())).help(help);
    let finding = names.iter().fold(finding, |finding, name| finding.job(name));
    let severity = jobs.iter().map(|one| severity(one, one.signs(context) + usize::from(by_runner))).max()?;
    let finding = Diagnostic { severity, ..finding };
    let edits = jobs.iter().map(|one| service(context, one.job, one.facts).filter(|_| !first.is_outside())).collect::<Option<Vec<_>>>();
    Some(match edits {
        Some(edits) => finding.fix(Fix { title: "add a dind service".to_owned(), safety: Safety::Unsafe, edits: edits.concat() }),
        None => finding,
    })
}

fn severity(one: &Stranded<'_>, signs: usize) -> Severity {
    match signs {
        0 if matches!(one.operation.certainty, Certainty::Always | Certainty::Repeated) => Severity::Error,
        0 | 1 => Severity::Warning,
        _ => Severity::Info,
    }
}

/// Whether a builder elsewhere takes the builds over.
fn builds_elsewhere(facts: &JobFacts) -> bool {
    facts.operations.iter().any(|found| {
        let operation = &found.operation;
        let remote = matches!(operation.value("driver"), Some("remote" | "kubernetes" | "cloud"));
        let depot = operation.tool == Tool::Depot && found.text.contains("configure-docker");
        let named = operation.tool == Tool::Buildx && operation.op == Op::Builder && found.text.contains(" use ");
        remote || depot || named
    })
}
