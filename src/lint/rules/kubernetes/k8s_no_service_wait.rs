//! K8S305: a Docker daemon on Kubernetes that nobody waits for. Knows whether something waits, not how long a daemon takes.

use crate::detect::client::{Client, dials};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::runners::{Takers, on_kubernetes};
use crate::lint::{Context, Findings, Knowledge, Rule, addition, doubted};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule =
    Rule { id: "K8S305", name: "k8s-no-service-wait", severity: Severity::Warning, page: include_str!("k8s_no_service_wait.md"), check };

/// Makes the executor wait for a port (<https://docs.gitlab.com/runner/executors/kubernetes/#check-the-service-health>).
const PORT: &str = "HEALTHCHECK_TCP_PORT";

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        if on_kubernetes(context, job).is_none() || waits(context, job) || dials(facts).next().is_none() {
            continue;
        }
        let Some(client) = Client::of(job, facts) else { continue };
        let service = &client.service.image;
        if service.image.variables().is_some_and(|variables| variables.get(PORT).is_some()) {
            continue;
        }
        let finding = RULE
            .at(
                service.image.name.span,
                format!("without `{PORT}` the Kubernetes executor starts the script before `{}` listens", service.text),
            )
            .help(format!("give the service `variables: {{{PORT}: \"2376\"}}`, or \"2375\" where it speaks no TLS"))
            .job(&job.name);
        let finding = match fix(context, &client) {
            Some(fix) => finding.fix(fix),
            None => finding,
        };
        findings.add(if context.knows_defaults() { finding } else { doubted(Diagnostic { severity: Severity::Info, ..finding }) });
    }
}

/// Whether the script may wait by itself, or a port is given to all services.
fn waits(context: &Context<'_>, job: &Job) -> bool {
    let loops =
        ["until ", "while ", "sleep ", "for ", "docker info", "docker version", "wait"].iter().any(|word| job.script.text.contains(word));
    let takers = Takers::of(context, job).into_iter().flat_map(|takers| takers.entries);
    let by_runner = takers.into_iter().any(|(_, entry)| entry.environment().iter().any(|variable| variable.name == PORT));
    loops || by_runner || job.variables.contains_key(PORT) || job.conditional.iter().any(|(name, _)| &**name == PORT)
}

fn fix(context: &Context<'_>, client: &Client<'_>) -> Option<Fix> {
    let port = client.listener().port?;
    let image = &client.service.image.image;
    let edits = match image.variables() {
        Some(_) => return None,
        None => addition::service_entry(context, image, "variables", &format!("{{{PORT}: \"{port}\"}}"))?,
    };
    Some(Fix { title: format!("wait for port {port}"), safety: Safety::Safe, edits })
}
