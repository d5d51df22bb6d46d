//! K8S302: a dind service that is called as `localhost`. Knows in which executors that works, not what the script starts by itself.

use crate::detect::client::{Client, dials};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::runners::{Takers, on_kubernetes};
use crate::lint::{Context, Findings, Knowledge, Rule};
use crate::pipeline::Job;
use crate::runner::Executor;

/// The rule.
pub static RULE: Rule = Rule {
    id: "K8S302",
    name: "k8s-docker-host-localhost",
    severity: Severity::Warning,
    page: include_str!("k8s_docker_host_localhost.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        let Some((client, severity)) = Client::of(job, facts).zip(severity(context, job)) else { continue };
        let Some((setting, endpoint)) = client.endpoint() else { continue };
        let local = matches!(&*endpoint.host, "localhost" | "127.0.0.1") && endpoint.scheme == "tcp";
        // A daemon that the script starts, or a tunnel, is where it says; and a script that sets the host may do so on Kubernetes only.
        let own = ["dockerd", "ssh ", "socat"].iter().any(|word| job.script.text.contains(word));
        if !local || own || setting.level.is_none() || dials(facts).next().is_none() {
            continue;
        }
        // A shell that nothing is known of may have a daemon of its machine at `localhost`.
        let safety = if context.analysis.runners.is_empty() && severity != Severity::Info { Safety::Unsafe } else { Safety::Safe };
        let name = client.service.names.first().map_or("docker", String::as_str);
        let finding = RULE
            .at(
                setting.span,
                format!("`{}` reaches a service in a pod of Kubernetes only; elsewhere the daemon is called `{name}`", setting.text),
            )
            .help(format!("use `{name}`, which every runner since 12.7 knows, on Kubernetes too"))
            .label(client.service.image.image.name.span, "the daemon")
            .job(&job.name);
        let finding = Diagnostic { severity, ..finding };
        let at = context.slice(setting.span).find(&endpoint.host);
        findings.add(match at.filter(|_| name == "docker") {
            Some(at) => {
                let start = setting.span.start as usize + at;
                let span = crate::source::Span::new(setting.span.file, start, start + endpoint.host.len());
                finding.fix(Fix { title: "call it `docker`".to_owned(), safety, edits: vec![Edit::replace(span, "docker")] })
            }
            None => finding,
        });
    }
}

/// How bad it is with the runners that may take the job; none where they are of an executor in which it isn't known.
fn severity(context: &Context<'_>, job: &Job) -> Option<Severity> {
    if on_kubernetes(context, job).is_some() {
        return Some(Severity::Info);
    }
    match Takers::of(context, job) {
        Some(takers) if takers.all(Executor::Docker) => Some(if takers.certain { Severity::Error } else { Severity::Warning }),
        Some(_) => None,
        None => Some(Severity::Warning),
    }
}
