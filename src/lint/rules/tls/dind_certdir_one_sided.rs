//! TLS102: a `DOCKER_TLS_CERTDIR` of the service contradicts the job's. Knows which variables reach a service and which the job.

use crate::detect::client::Client;
use crate::detect::variables::{expand, is_open};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule, doubted};
use crate::source::Span;

/// The rule.
pub static RULE: Rule = Rule {
    id: "TLS102",
    name: "dind-certdir-one-sided",
    severity: Severity::Error,
    page: include_str!("dind_certdir_one_sided.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for client in context.jobs().filter_map(|(job, facts)| Client::of(job, facts)) {
        if let Some(finding) = Sides::of(&client).and_then(|sides| contradiction(context, &client, &sides)) {
            // A file that isn't here may set the same for all jobs.
            let known = context.knows_defaults() || client.job.variables.contains_key("DOCKER_TLS_CERTDIR");
            findings.add(if known { finding } else { doubted(finding) }.job(&client.job.name));
        }
    }
}

/// What service and job see of `DOCKER_TLS_CERTDIR`, where the service has a value of its own.
pub(super) struct Sides {
    /// Where the service's own value is written.
    span: Span,
    /// What the service sees.
    served: String,
    /// What the job sees.
    seen: String,
}

impl Sides {
    /// None where the service has no value of its own, or one of the two isn't known.
    pub(super) fn of(client: &Client<'_>) -> Option<Self> {
        let own = client.service.image.image.variables()?.get("DOCKER_TLS_CERTDIR")?;
        let served = expand(client.job, &own.scalar_text()?);
        (!is_open(&served)).then_some(Self { span: own.span, served, seen: client.certdir()? })
    }

    /// Whether the client dials the port of its own value, on which the service doesn't listen.
    pub(super) fn contradict(&self, dialled: u16) -> bool {
        self.served.is_empty() != self.seen.is_empty() && dialled == port(&self.seen)
    }
}

/// Where a daemon with this certificate directory listens.
fn port(certdir: &str) -> u16 {
    if certdir.is_empty() { 2375 } else { 2376 }
}

fn contradiction(context: &Context<'_>, client: &Client<'_>, sides: &Sides) -> Option<Diagnostic> {
    let dialled = client.dialled_port()?;
    let served = port(&sides.served);
    if sides.contradict(dialled) {
        let message =
            format!("this `DOCKER_TLS_CERTDIR` reaches only the service: dind listens on port {served}, the client dials {dialled}");
        return Some(RULE.at(sides.span, message).help("set it in `variables` of the job, where client and service both see it"));
    }
    // Without `DOCKER_HOST` the entrypoint fell back to the port that fits, because it found no certificates.
    let by_fallback = client.facts.daemon.setting.is_none() && sides.served.is_empty() && !sides.seen.is_empty() && dialled == served;
    by_fallback.then(|| {
        let message =
            "this `DOCKER_TLS_CERTDIR` reaches only the service; the client dials port 2375 only because it finds no certificates";
        let finding = RULE.at(sides.span, message).help("set it in `variables` of the job, where client and service both see it");
        let finding = Diagnostic { severity: Severity::Info, ..finding };
        let unset = !client.job.variables.contains_key("DOCKER_TLS_CERTDIR");
        match addition::variables(context, client.job, &[("DOCKER_TLS_CERTDIR", "\"\"")]).filter(|_| unset) {
            Some(edits) => finding.fix(Fix { title: "set it in the job as well".to_owned(), safety: Safety::Safe, edits }),
            None => finding,
        }
    })
}
