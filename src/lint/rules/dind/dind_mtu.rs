//! DND213: a dind service whose packets are larger than those of the runner's network. Knows GitLab.com's runners.

use crate::detect::client::{Client, Runner};
use crate::detect::flow::needs_daemon;
use crate::detect::registry::{Registry, RegistryUse};
use crate::detect::{Opaque, ServiceFacts};
use crate::diagnostic::{Diagnostic, Severity};
use crate::docker::{Op, Operation, Tool};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule};
use crate::lint::rules::install::ends_for_lack_of;
use crate::source::Span;
use crate::yaml::Value;

/// The rule.
pub static RULE: Rule = Rule { id: "DND213", name: "dind-mtu", severity: Severity::Warning, page: include_str!("dind_mtu.md"), check };

/// The MTU of GitLab.com's hosted Linux runners since 13 May 2026 (<https://docs.gitlab.com/runner/executors/docker/>), in bytes.
const HOSTED: u32 = 1360;
/// What dockerd uses unless told otherwise, in bytes.
const DEFAULT: u32 = 1500;

/// Beginnings of variables that a Kubernetes runner reads (<https://docs.gitlab.com/runner/executors/kubernetes/#overwrite-container-resources>).
const POD_SETTINGS: &[&str] = &[
    "FF_KUBERNETES_",
    "KUBERNETES_CPU_",
    "KUBERNETES_MEMORY_",
    "KUBERNETES_EPHEMERAL_",
    "KUBERNETES_SERVICE_",
    "KUBERNETES_HELPER_",
    "KUBERNETES_NODE_",
    "KUBERNETES_POD_",
    "KUBERNETES_NAMESPACE_OVERWRITE",
];

fn check(context: &Context<'_>, findings: &mut Findings) {
    let clients = context.jobs().filter_map(|(job, facts)| Client::of(job, facts));
    for client in clients.filter(|client| transfers(context, client) && !ends_for_lack_of(client.job, client.facts, "docker")) {
        let Some(hosted) = is_hosted(&client) else { continue };
        for service in client.facts.services.iter().filter(|service| service.is_dind()) {
            if let Some(finding) = too_large(context, service, hosted) {
                findings.add(finding.job(&client.job.name));
            }
        }
    }
}

/// Whether a container on the daemon's own network may transfer anything; the daemon itself, which pulls and pushes, uses the runner's.
fn transfers(context: &Context<'_>, client: &Client<'_>) -> bool {
    // `$(aws ecr get-login)` prints a `docker login` (<https://docs.aws.amazon.com/cli/v1/reference/ecr/get-login.html>).
    let logs_in =
        |opaque: &Opaque| context.slice(opaque.span).trim_start_matches(['"', '$', '(', '`', ' ']).starts_with("aws ecr get-login ");
    !client.facts.opaque.iter().all(logs_in)
        || client.facts.operations.iter().any(|found| needs_daemon(&found.operation) && runs_containers(&found.operation))
}

fn runs_containers(operation: &Operation) -> bool {
    match operation.op {
        Op::Build | Op::Run => operation.tool != Tool::Depot && operation.value("network") != Some("host"),
        Op::Bake | Op::ComposeBuild | Op::ComposeUp | Op::ComposeRun | Op::Exec | Op::Other => operation.tool != Tool::Depot,
        Op::Push
        | Op::Pull
        | Op::Tag
        | Op::Login
        | Op::Logout
        | Op::Save
        | Op::Load
        | Op::Import
        | Op::Manifest
        | Op::Imagetools
        | Op::ComposePush
        | Op::Builder
        | Op::Context
        | Op::Inspect
        | Op::Wait
        | Op::Clean
        | Op::Info => false,
    }
}

/// Whether a hosted runner of GitLab.com surely takes the job; none where it surely doesn't.
fn is_hosted(client: &Client<'_>) -> Option<bool> {
    match Runner::of(client.job) {
        Runner::Hosted => Some(true),
        // What is not at hand may choose the runner.
        Runner::Any => (client.job.missing.is_empty() && !needs_own_runner(client)).then_some(false),
        Runner::Chosen => None,
    }
}

/// Whether the job is made for a runner that GitLab.com doesn't offer: a socket that the runner shares, or Kubernetes, where services are
/// containers of the same pod (<https://docs.gitlab.com/runner/executors/kubernetes/>).
fn needs_own_runner(client: &Client<'_>) -> bool {
    let host =
        client.endpoint().is_some_and(|(_, endpoint)| endpoint.scheme == "unix" || ["localhost", "127.0.0.1"].contains(&&*endpoint.host));
    let checked = client.service.image.image.variables().is_some_and(|variables| variables.get("HEALTHCHECK_TCP_PORT").is_some());
    let told = client.job.variables.keys().any(|name| POD_SETTINGS.iter().any(|start| name.starts_with(start)));
    host || checked || told || has_own_gitlab(client)
}

/// Whether `$CI_REGISTRY` cannot be GitLab.com's: it is all that the job logs in to, and all that it pushes goes to a host of its own.
fn has_own_gitlab(client: &Client<'_>) -> bool {
    let registries = RegistryUse::of(client.job, client.facts);
    let logs_in = !registries.logins.is_empty() && registries.logins.iter().all(|login| login.registry == Registry::Project);
    let mut pushes = registries.pushes.iter().filter(|push| push.registry != Registry::Project).peekable();
    logs_in && !registries.other_credentials && pushes.peek().is_some() && pushes.all(|push| push.registry.own_host().is_some())
}

fn too_large(context: &Context<'_>, service: &ServiceFacts, hosted: bool) -> Option<Diagnostic> {
    let command = service.image.image.command().unwrap_or_default();
    let own = command.first().is_some_and(|first| !first.starts_with('-')) || service.image.image.entrypoint().is_some();
    if own || service.image.text.contains("rootless") || command.iter().any(|argument| argument.contains('$')) {
        return None;
    }
    match written(&command) {
        Some(mtu) if mtu <= HOSTED || !hosted => None,
        Some(mtu) => Some(lowered(context, service, mtu)),
        None => Some(missing(context, service, hosted)),
    }
}

fn missing(context: &Context<'_>, service: &ServiceFacts, hosted: bool) -> Diagnostic {
    let span = service.image.image.name.span;
    let finding = if hosted {
        RULE.at(
            span,
            format!("dind sends packets of {DEFAULT} bytes, but GitLab.com's runners carry {HOSTED}: large transfers in containers hang"),
        )
    } else {
        let message = format!(
            "dind sends packets of {DEFAULT} bytes; on GitLab.com's runners, which carry {HOSTED}, large transfers in containers hang"
        );
        Diagnostic { severity: Severity::Info, ..RULE.at(span, message) }
    };
    let finding = finding.help(format!("add `command: [\"--mtu={HOSTED}\"]` to the service"));
    let argument = format!("\"--mtu={HOSTED}\"");
    let service = &service.image.image;
    let edits = match service.value.get("command") {
        Some(_) => addition::service_argument(context, service, &argument),
        None => addition::service_entry(context, service, "command", &format!("[{argument}]")),
    };
    let fix = edits.map(|edits| Fix { title: format!("set the MTU to {HOSTED}"), safety: Safety::Safe, edits });
    match fix {
        Some(fix) if hosted => finding.fix(fix),
        // Runners of one's own may carry more: a person has to know.
        Some(fix) => Diagnostic { alternatives: vec![fix], ..finding },
        None => finding,
    }
}

fn lowered(context: &Context<'_>, service: &ServiceFacts, mtu: u32) -> Diagnostic {
    let value = service.image.image.value.get("command");
    let place = value.and_then(|command| place(context, command, mtu));
    let span = place.map_or(service.image.image.name.span, |(argument, _)| argument);
    let message = format!("`--mtu={mtu}` is too large since 13 May 2026: GitLab.com's runners carry {HOSTED} bytes");
    let finding = RULE.at(span, message).help(format!("write `--mtu={HOSTED}`"));
    let finding = Diagnostic { severity: Severity::Error, ..finding };
    let Some((_, number)) = place else { return finding };
    let edits = vec![Edit::replace(number, HOSTED.to_string())];
    finding.fix(Fix { title: format!("lower the MTU to {HOSTED}"), safety: Safety::Safe, edits })
}

/// The number after `--mtu`, in bytes; the last one counts.
fn written(command: &[String]) -> Option<u32> {
    let joined = command.iter().rev().find_map(|argument| argument.strip_prefix("--mtu=")?.parse().ok());
    let apart = || command.windows(2).rev().find_map(|pair| if pair[0] == "--mtu" { pair[1].parse().ok() } else { None });
    joined.or_else(apart)
}

/// The argument that holds the number, and the number.
fn place(context: &Context<'_>, command: &Value, mtu: u32) -> Option<(Span, Span)> {
    let items = command.as_sequence().unwrap_or(std::slice::from_ref(command));
    items.iter().rev().find_map(|item| {
        let text = context.slice(item.span);
        let at = text.find(&mtu.to_string()).filter(|_| item.as_str().is_some_and(|text| text.starts_with("--mtu=")))?;
        let start = item.span.start as usize + at;
        Some((item.span, Span::new(item.span.file, start, start + mtu.to_string().len())))
    })
}
