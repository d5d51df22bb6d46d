//! K8S301: a docker client on Kubernetes that relies on its image's entrypoint. Knows that the executor starts none, not what a custom image sets.

use crate::detect::client::{Client, chooses_daemon, dials};
use crate::detect::{ImageFacts, setting};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::runners::{Takers, on_kubernetes};
use crate::lint::{Context, Findings, Knowledge, Rule, addition, doubted};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "K8S301",
    name: "k8s-dind-client-env-incomplete",
    severity: Severity::Error,
    page: include_str!("k8s_dind_client_env_incomplete.md"),
    check,
};

/// Makes the executor run entrypoints (<https://docs.gitlab.com/runner/configuration/feature-flags/>).
const FLAG: &str = "FF_KUBERNETES_HONOR_ENTRYPOINT";

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        let Some(severity) = on_kubernetes(context, job) else { continue };
        let official = facts.image.as_ref().is_some_and(ImageFacts::runs_docker_entrypoint);
        if !official || chooses_daemon(job, facts) || runs_entrypoints(context, job) || dials(facts).next().is_none() {
            continue;
        }
        let Some(client) = Client::of(job, facts) else { continue };
        let missing = missing(&client);
        if missing.is_empty() {
            continue;
        }
        let finding = Diagnostic { severity, ..finding(context, &client, &missing) };
        findings.add(if context.knows_defaults() { finding } else { doubted(finding) });
    }
}

/// Whether something sets the flag, or may.
fn runs_entrypoints(context: &Context<'_>, job: &Job) -> bool {
    let takers = Takers::of(context, job).into_iter().flat_map(|takers| takers.entries);
    let by_runner = takers.into_iter().any(|(_, entry)| {
        let flags = entry.table.table("feature_flags").is_some_and(|flags| flags.is_true(FLAG));
        flags || entry.environment().iter().any(|variable| variable.name == FLAG || variable.name.starts_with("DOCKER_"))
    });
    by_runner || job.variables.contains_key(FLAG) || job.conditional.iter().any(|(name, _)| &**name == FLAG)
}

/// The variables that the entrypoint would have set, each with its value; none where one of a pair is set, which is another rule's business.
fn missing(client: &Client<'_>) -> Vec<(&'static str, String)> {
    let listener = client.listener();
    let (Some(certdir), Some(port)) = (listener.certdir, listener.port) else { return Vec::new() };
    let names = ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];
    if names.iter().any(|name| client.may_change(name)) || client.brings_certificates() {
        return Vec::new();
    }
    let mut missing = Vec::new();
    let is_set = |name: &str| setting(client.job, name).is_some();
    if !is_set("DOCKER_HOST") {
        let alias = client.service.names.first().map_or("docker", String::as_str);
        missing.push(("DOCKER_HOST", format!("tcp://{alias}:{port}")));
    } else if client.dialled_port() != Some(port) {
        return Vec::new();
    }
    if !certdir.is_empty() && !is_set("DOCKER_TLS_VERIFY") && !is_set("DOCKER_CERT_PATH") {
        missing.push(("DOCKER_TLS_VERIFY", "\"1\"".to_owned()));
        missing.push(("DOCKER_CERT_PATH", format!("{}/client", certdir.trim_end_matches('/'))));
    }
    missing
}

fn finding(context: &Context<'_>, client: &Client<'_>, missing: &[(&'static str, String)]) -> Diagnostic {
    let names: Vec<String> = missing.iter().map(|(name, _)| format!("`{name}`")).collect();
    let image = client.facts.image.as_ref().expect("its entrypoint was looked at");
    let message = format!("the Kubernetes executor doesn't run the entrypoint of `{}`, which would set {}", image.text, names.join(", "));
    let finding = RULE
        .at(image.image.name.span, message)
        .help(format!("set {} in `variables`", names.join(", ")))
        .label(client.service.image.image.name.span, "the daemon that isn't found")
        .job(&client.job.name);
    let pairs: Vec<(&str, &str)> = missing.iter().map(|(name, value)| (*name, &**value)).collect();
    match addition::variables(context, client.job, &pairs) {
        Some(edits) => finding.fix(Fix { title: format!("set {}", names.join(", ")), safety: Safety::Safe, edits }),
        None => finding,
    }
}
