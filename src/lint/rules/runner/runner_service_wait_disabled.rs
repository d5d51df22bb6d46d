//! RUN405: jobs that start before their Docker daemon does. Knows the runner's patience, not how fast a machine is.

use crate::detect::client::{Client, dials};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::runners::Takers;
use crate::lint::{Context, Findings, Rule};
use crate::runner::{Data, Entry, Executor, Setting};

/// The rule.
pub static RULE: Rule = Rule {
    id: "RUN405",
    name: "runner-service-wait-disabled",
    severity: Severity::Info,
    page: include_str!("runner_service_wait_disabled.md"),
    check,
};

/// How long a daemon on TCP without TLS warns before it listens, in seconds (moby, `daemon/command/daemon.go`).
const SLOW_START: i64 = 16;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(_, facts)| dials(facts).next().is_some()) {
        let Some(client) = Client::of(job, facts) else { continue };
        let Some(takers) = Takers::of(context, job).filter(|takers| takers.all(Executor::Docker)) else { continue };
        let waits = ["until ", "while ", "sleep ", "docker info", "docker version"].iter().any(|word| job.script.text.contains(word));
        let plain = client.listener().port == Some(2375) && client.service.image.image.command().is_none();
        let impatient: Vec<_> = takers.entries.iter().filter_map(|(_, entry)| impatience(entry, plain)).collect();
        if !waits && impatient.len() == takers.entries.len() {
            impatient.into_iter().for_each(|(setting, seconds)| findings.add(finding(setting, seconds).job(&job.name)));
        }
    }
}

/// The setting by which the runner doesn't wait long enough for a daemon.
fn impatience(entry: &Entry, plain: bool) -> Option<(&Setting, i64)> {
    let setting = entry.docker()?.get("wait_for_services_timeout")?;
    match setting.value.data {
        Data::Integer(seconds) if seconds < 0 || (plain && (1..SLOW_START).contains(&seconds)) => Some((setting, seconds)),
        Data::Integer(_) | Data::Text(_) | Data::Bool(_) | Data::Array(_) | Data::Table(_) | Data::Other => None,
    }
}

fn finding(setting: &Setting, seconds: i64) -> Diagnostic {
    let message = if seconds < 0 {
        "the runner doesn't wait for services, so a job may call its Docker daemon before that listens".to_owned()
    } else {
        format!("the runner waits {seconds} s for services, and a Docker daemon without TLS takes {SLOW_START} s to listen")
    };
    let edits = vec![Edit::replace(setting.value.span, "30")];
    RULE.at(setting.value.span, message).help("remove it: the default is 30 seconds").fix(Fix {
        title: "wait 30 seconds, the default".to_owned(),
        safety: Safety::Safe,
        edits,
    })
}
