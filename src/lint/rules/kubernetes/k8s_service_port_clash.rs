//! K8S303: two services of one pod that listen on the same port. Knows the ports of well-known images, not of others.

use crate::detect::ServiceFacts;
use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::runners::on_kubernetes;
use crate::lint::{Context, Findings, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    id: "K8S303",
    name: "k8s-service-port-clash",
    severity: Severity::Error,
    page: include_str!("k8s_service_port_clash.md"),
    check,
};

/// Ports of official images, and the variables that move them.
const PORTS: &[(&[&str], u16, &[&str])] = &[
    (&["postgres", "postgis"], 5432, &["PGPORT"]),
    (&["mysql", "mariadb"], 3306, &["MYSQL_TCP_PORT"]),
    (&["redis", "valkey"], 6379, &[]),
    (&["mongo"], 27017, &[]),
    (&["memcached"], 11211, &[]),
    (&["rabbitmq"], 5672, &["RABBITMQ_NODE_PORT"]),
];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs() {
        let Some(severity) = on_kubernetes(context, job) else { continue };
        for (index, service) in facts.services.iter().enumerate() {
            let Some(port) = port(service) else { continue };
            let Some(first) = facts.services[..index].iter().find(|first| self::port(first) == Some(port)) else { continue };
            let message = format!(
                "`{}` and `{}` both listen on {port}, and the containers of a Kubernetes job share one network",
                first.image.text, service.image.text
            );
            let finding = RULE
                .at(service.image.image.name.span, message)
                .help("move one of them to another port with `command` or a variable, or give each a job of its own")
                .label(first.image.image.name.span, "has the port already")
                .job(&job.name);
            findings.add(Diagnostic { severity, ..finding });
        }
    }
}

/// The port of a service, where nothing in its own settings may move it.
fn port(service: &ServiceFacts) -> Option<u16> {
    let image = &service.image.image;
    if image.command().is_some() || image.entrypoint().is_some() {
        return None;
    }
    if service.is_dind() {
        return image.variables().is_none().then_some(2376);
    }
    let name = service.image.text.split(['@', ':']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let (_, port, variables) = PORTS.iter().find(|(names, ..)| names.contains(&name))?;
    let moved = image.variables().is_some_and(|own| variables.iter().any(|variable| own.get(variable).is_some()));
    (!moved).then_some(*port)
}
