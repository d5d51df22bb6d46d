//! TLS101: `DOCKER_HOST` dials the port on which the dind service doesn't listen. Knows the two ports of the dind entrypoint.

use super::dind_certdir_one_sided::Sides;
use crate::detect::client::Client;
use crate::detect::{Setting, setting as declared};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::rule::{Context, Findings, Rule, doubted};
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    id: "TLS101",
    name: "dind-port-tls-mismatch",
    severity: Severity::Error,
    page: include_str!("dind_port_tls_mismatch.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for client in context.jobs().filter_map(|(job, facts)| Client::of(job, facts)) {
        if let Some(finding) = mismatch(context, &client) {
            findings.add(finding.job(&client.job.name));
        }
    }
}

fn mismatch(context: &Context<'_>, client: &Client<'_>) -> Option<Diagnostic> {
    let (setting, endpoint) = client.endpoint()?;
    let listener = client.listener();
    let (port, certdir) = (listener.port?, listener.certdir?);
    let dialled = client.dialled_port().filter(|dialled| [2375, 2376].contains(dialled) && *dialled != port)?;
    // The level of the variable is the cause there, and that rule names it.
    if Sides::of(client).is_some_and(|sides| sides.contradict(dialled)) {
        return None;
    }
    let because = if certdir.is_empty() { "is empty".to_owned() } else { format!("is `{certdir}`") };
    let dials = if endpoint.port.is_some() { "dials" } else { "without a port means" };
    let message = format!("dind listens on port {port} because `DOCKER_TLS_CERTDIR` {because}, but `DOCKER_HOST` {dials} port {dialled}");
    let finding = RULE.at(setting.span, message).label(client.service.image.image.name.span, "this daemon");
    let finding = with_fix(finding, client, setting, port_edit(context, setting, dialled, port), port);
    // What no file sets here may be set by one that isn't here.
    Some(if context.knows_defaults() || is_declared(client) { finding } else { doubted(finding) })
}

/// Whether the files say what the service's certificate directory is, be it nothing.
fn is_declared(client: &Client<'_>) -> bool {
    let own = client.service.image.image.variables().and_then(|variables| variables.get("DOCKER_TLS_CERTDIR"));
    own.is_some() || declared(client.job, "DOCKER_TLS_CERTDIR").is_some()
}

/// The port changes where the pipeline shows that TLS is meant; otherwise both directions are for a person to choose from.
fn with_fix(finding: Diagnostic, client: &Client<'_>, setting: &Setting, edit: Option<Edit>, port: u16) -> Diagnostic {
    let meant = ["DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"].iter().any(|name| client.value(name).is_some());
    let finding = finding.help(match port {
        2376 if !is_declared(client) => {
            "dial 2376, or switch TLS off with `DOCKER_TLS_CERTDIR: \"\"` in this file: set in the project's settings, it never reaches dind"
        }
        2376 => "dial 2376 and set `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, or switch TLS off with `DOCKER_TLS_CERTDIR: \"\"`",
        _ => "dial 2375, or switch TLS on with `DOCKER_TLS_CERTDIR: /certs`",
    });
    let fix = edit.map(|edit| Fix { title: format!("dial port {port}"), safety: Safety::Unsafe, edits: vec![edit] });
    match fix {
        Some(fix) if meant && port == 2376 && setting.level.is_some() => finding.fix(fix),
        Some(fix) => Diagnostic { alternatives: vec![fix], ..finding },
        None => finding,
    }
}

/// Replaces the port within the value as it is written, where it stands there once.
fn port_edit(context: &Context<'_>, setting: &Setting, from: u16, to: u16) -> Option<Edit> {
    let text = context.slice(setting.span);
    let mut places = text.match_indices(&format!(":{from}")).map(|(at, _)| at + 1).collect::<Vec<_>>();
    let at = places.pop().filter(|_| places.is_empty())?;
    let start = setting.span.start as usize + at;
    Some(Edit::replace(Span::new(setting.span.file, start, start + 4), to.to_string()))
}
