//! TLS104: TLS on port 2376 with half of `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`. Knows what the docker client needs for TLS.

use crate::detect::client::{Client, may_dial};
use crate::detect::{Setting, setting};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule, doubted};

/// The rule.
pub static RULE: Rule = Rule {
    id: "TLS104",
    name: "docker-tls-pair-incomplete",
    severity: Severity::Error,
    page: include_str!("docker_tls_pair_incomplete.md"),
    check,
};

const VERIFY: &str = "DOCKER_TLS_VERIFY";
const PATH: &str = "DOCKER_CERT_PATH";

fn check(context: &Context<'_>, findings: &mut Findings) {
    for client in context.jobs().filter_map(|(job, facts)| Client::of(job, facts)) {
        if let Some((present, missing)) = half(&client) {
            let finding = finding(&present, missing).job(&client.job.name);
            let finding = match completion(context, &client, &present, missing) {
                Some(edits) => finding.fix(Fix { title: format!("set `{missing}`"), safety: Safety::Safe, edits }),
                None => finding,
            };
            // A file that isn't here may set the other half for all jobs.
            findings.add(if context.knows_defaults() { finding } else { doubted(finding) });
        }
    }
}

/// The half that is there and the name of the one that isn't, where the client needs both.
fn half(client: &Client<'_>) -> Option<(Setting, &'static str)> {
    if [VERIFY, PATH, "DOCKER_HOST"].iter().any(|name| client.may_change(name)) || client.brings_certificates() {
        return None;
    }
    if client.dialled_port() != Some(2376) || client.listener().certdir.is_some_and(|certdir| certdir.is_empty()) {
        return None;
    }
    match (client.value(VERIFY), client.value(PATH)) {
        (Some(verify), None) => Some((verify, PATH)),
        (None, Some(path)) => Some((path, VERIFY)),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// Adds the missing half beside the other one, where the files tell its value and each job that reads the mapping lacks it.
fn completion(context: &Context<'_>, client: &Client<'_>, present: &Setting, missing: &str) -> Option<Vec<Edit>> {
    let pipelines = context.analysis.pipelines.iter();
    let mut readers = pipelines.flat_map(|pipeline| pipeline.jobs()).filter(|(job, facts)| {
        may_dial(facts) && job.variables.get(present.name.as_str()).is_some_and(|variable| variable.entry.key.span == present.key)
    });
    let lacks = |(job, facts)| Client::of(job, facts).and_then(|client| half(&client)).is_some_and(|(_, other)| other == missing);
    if !readers.all(lacks) {
        return None;
    }
    if missing == VERIFY {
        return addition::sibling(context, present.key, "DOCKER_TLS_VERIFY: \"1\"");
    }
    let certdir = client.listener().certdir?;
    let declared = setting(client.job, "DOCKER_TLS_CERTDIR").is_some();
    let path = if declared { "\"$DOCKER_TLS_CERTDIR/client\"".to_owned() } else { format!("{certdir}/client") };
    addition::sibling(context, present.key, &format!("DOCKER_CERT_PATH: {path}"))
}

fn finding(present: &Setting, missing: &str) -> Diagnostic {
    let effect = match missing {
        PATH => "the client looks for certificates in its home folder",
        _ => "the client speaks plain text to a TLS port",
    };
    let message = format!("`{}` without `{missing}`: {effect}, and the `docker` image's own TLS set-up is off", present.name);
    let help = match missing {
        PATH => "set `DOCKER_CERT_PATH` to the `client` folder of `DOCKER_TLS_CERTDIR`",
        _ => "set `DOCKER_TLS_VERIFY: \"1\"`",
    };
    RULE.at(present.key, message).help(help)
}
