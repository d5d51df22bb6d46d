//! DND204: a dind service from a registry's path, which doesn't answer to `docker`. Knows the names of services and what a client dials.

use crate::detect::ImageFacts;
use crate::detect::ServiceFacts;
use crate::detect::client::{Client, assigns, dials};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule, doubted};

/// The rule.
pub static RULE: Rule = Rule {
    id: "DND204",
    name: "dind-registry-path-without-alias",
    severity: Severity::Error,
    page: include_str!("dind_registry_path_without_alias.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for client in context.jobs().filter_map(|(job, facts)| Client::of(job, facts)) {
        if let Some(finding) = nameless(context, &client) {
            findings.add(finding.job(&client.job.name));
        }
    }
}

fn nameless(context: &Context<'_>, client: &Client<'_>) -> Option<Diagnostic> {
    let services = &client.facts.services;
    let service = services.iter().find(|service| service.is_dind() && has_path(service))?;
    let known = services.iter().flat_map(|service| &service.names).all(|name| !name.contains('$') || service.names.contains(name));
    if !known || services.iter().any(|service| service.names.iter().any(|name| name == "docker")) {
        return None;
    }
    let span = service.image.image.name.span;
    match dialled_host(client)?.as_str() {
        "docker" => {
            let names = derived(service).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
            let severity = if dials(client.facts).next().is_some() { Severity::Error } else { Severity::Warning };
            let finding = RULE.at(span, format!("this service answers to {names}, not to `docker`, which the client dials"));
            let finding = Diagnostic { severity, ..finding.help("add `alias: docker`") };
            let alone = service.image.image.value.get("alias").is_none();
            let finding = match addition::service_entry(context, &service.image.image, "alias", "docker").filter(|_| alone) {
                Some(edits) => finding.fix(Fix { title: "add `alias: docker`".to_owned(), safety: Safety::Safe, edits }),
                None => finding,
            };
            // A file that isn't here may set another host for all jobs.
            let known = context.knows_defaults() || client.facts.daemon.setting.is_some();
            Some(if known { finding } else { doubted(finding) })
        }
        host if host.contains('_') && service.names.iter().any(|name| name == host) => {
            let finding = RULE.at(span, format!("`{host}` has underscores, which some resolvers and Kubernetes refuse"));
            Some(Diagnostic { severity: Severity::Info, ..finding.help("add `alias: docker` and dial `docker`") })
        }
        _ => None,
    }
}

/// Whether the image's name surely has a path: a slash behind something that isn't empty.
fn has_path(service: &ServiceFacts) -> bool {
    service.image.text.find('/').is_some_and(|at| at > 0)
}

/// The names for a message: the long ones of an unknown prefix would only confuse.
fn derived(service: &ServiceFacts) -> impl Iterator<Item = &String> {
    service.names.iter().filter(|name| !name.contains('$') || service.names.iter().all(|name| name.contains('$')))
}

/// The host that the client dials: that of `DOCKER_HOST`, or `docker` where the entrypoint of the `docker` image chooses.
fn dialled_host(client: &Client<'_>) -> Option<String> {
    if client.facts.daemon.setting.is_some() {
        return client.endpoint().map(|(_, endpoint)| endpoint.host);
    }
    let entrypoint = client.facts.image.as_ref().is_some_and(ImageFacts::runs_docker_entrypoint);
    (entrypoint && !assigns(client.job, "DOCKER_HOST")).then(|| "docker".to_owned())
}
