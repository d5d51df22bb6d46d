//! DND203: `DOCKER_HOST` with a name to which no service answers. Knows the names of services.

use crate::detect::client::{Client, dials};
use crate::detect::{Endpoint, Setting};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::rule::{Context, Findings, Rule};
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    id: "DND203",
    name: "docker-host-unknown-alias",
    severity: Severity::Error,
    page: include_str!("docker_host_unknown_alias.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for client in context.jobs().filter(|(job, _)| job.missing.is_empty()).filter_map(|(job, facts)| Client::of(job, facts)) {
        if let Some((setting, host)) = unknown(&client) {
            findings.add(finding(context, &client, setting, &host).job(&client.job.name));
        }
    }
}

/// The setting and its host, where that can only be a service's name and no service has it.
fn unknown<'a>(client: &Client<'a>) -> Option<(&'a Setting, String)> {
    let (setting, Endpoint { scheme, host, .. }) = client.endpoint()?;
    let tcp = matches!(scheme.as_str(), "" | "tcp" | "http" | "https");
    let machine = host.is_empty() || host.contains(['.', '[', ']']) || host == "localhost";
    let services = &client.facts.services;
    let answers = services.iter().flat_map(|service| &service.names).any(|name| name.eq_ignore_ascii_case(&host) || name.contains('$'));
    if !tcp || machine || answers || client.job.script.text.contains("/etc/hosts") {
        return None;
    }
    // A dind with a registry's path has lost the name `docker`, which is another rule's finding.
    let lost = host == "docker" && services.iter().any(|service| service.is_dind() && service.image.text.contains('/'));
    (!lost).then_some((setting, host))
}

fn finding(context: &Context<'_>, client: &Client<'_>, setting: &Setting, host: &str) -> Diagnostic {
    let names = client.service.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let certain = dials(client.facts).next().is_some();
    let finding = RULE.at(setting.span, format!("no service answers to `{host}`; the Docker daemon's names are {names}"));
    let finding = finding
        .label(client.service.image.image.name.span, "the Docker daemon")
        .help(format!("dial one of its names, or add `alias: {host}`"));
    let finding = Diagnostic { severity: if certain { Severity::Error } else { Severity::Warning }, ..finding };
    match correction(context, client, setting, host) {
        Some(edit) => finding.fix(Fix { title: "dial `docker`".to_owned(), safety: Safety::Safe, edits: vec![edit] }),
        None => finding,
    }
}

/// Dials `docker` instead, where that is a name of the job's only daemon and no job that reads the value is served by the old name.
fn correction(context: &Context<'_>, client: &Client<'_>, setting: &Setting, host: &str) -> Option<Edit> {
    let daemons = client.facts.services.iter().filter(|service| service.is_dind()).count();
    if daemons != 1 || !client.service.names.iter().any(|name| name == "docker") || setting.level.is_none() {
        return None;
    }
    let jobs = context.analysis.pipelines.iter().flat_map(|pipeline| pipeline.jobs());
    let mut readers = jobs.filter(|(_, facts)| facts.daemon.setting.as_ref().is_some_and(|other| other.span == setting.span));
    let helped = |(job, facts)| {
        Client::of(job, facts).is_some_and(|client| unknown(&client).is_some() && client.service.names.iter().any(|name| name == "docker"))
    };
    if !readers.all(|(job, facts)| helped((job, facts)) || !crate::detect::client::may_dial(facts)) {
        return None;
    }
    let text = context.slice(setting.span);
    let mut places: Vec<usize> = text.match_indices(&format!("//{host}")).map(|(at, _)| at + 2).collect();
    let at = places.pop().filter(|_| places.is_empty())?;
    let start = setting.span.start as usize + at;
    Some(Edit::replace(Span::new(setting.span.file, start, start + host.len()), "docker"))
}
