//! TLS103: `DOCKER_TLS_VERIFY` with a word for "off", which switches it on. Knows that the docker client only asks whether it is empty.

use crate::detect::JobFacts;
use crate::detect::client::{Client, may_dial};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::{Job, Variable};
use crate::source::Span;
use crate::yaml::Value;

/// The rule.
pub static RULE: Rule = Rule {
    id: "TLS103",
    name: "docker-tls-verify-falsy",
    severity: Severity::Error,
    page: include_str!("docker_tls_verify_falsy.md"),
    check,
};

/// Variables of which the client only asks whether they are empty (docker/cli, `cli/flags/options.go`).
const NAMES: [&str; 2] = ["DOCKER_TLS_VERIFY", "DOCKER_TLS"];
/// Words that people write for "off".
const FALSY: [&str; 7] = ["0", "false", "no", "off", "disable", "disabled", "none"];

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(_, facts)| may_dial(facts) || facts.has_dind()) {
        for name in NAMES {
            for value in written(job, facts, name) {
                if let Some(text) = value.scalar_text().filter(|text| is_falsy(text)) {
                    let fix = Fix {
                        title: format!("empty `{name}`"),
                        safety: safety(context, value.span),
                        edits: vec![Edit::replace(value.span, "\"\"")],
                    };
                    findings.add(finding(value.span, name, &text).job(&job.name).fix(fix));
                }
            }
        }
        for (span, name, text) in assigned(job, facts) {
            findings.add(finding(span, &name, &text).job(&job.name));
        }
    }
}

fn finding(span: Span, name: &str, text: &str) -> Diagnostic {
    let does = if name == "DOCKER_TLS" { "TLS" } else { "TLS verification" };
    RULE.at(span, format!("`{name}` with the value `{text}` switches {does} on: any text does")).help("leave it empty to switch it off")
}

fn is_falsy(text: &str) -> bool {
    FALSY.contains(&text.trim().to_ascii_lowercase().as_str())
}

/// The values of `name` in YAML that reach the job's client or its daemon.
fn written<'a>(job: &'a Job, facts: &'a JobFacts, name: &'a str) -> impl Iterator<Item = &'a Value> {
    let conditional = job.conditional.iter().filter(move |(varying, _)| &**varying == name).map(|(_, variable)| variable);
    let own = job.variables.get(name).into_iter().chain(conditional).filter_map(Variable::value);
    let daemons = facts.services.iter().filter(|service| service.is_dind());
    own.chain(daemons.filter_map(move |service| service.image.image.variables()?.get(name)))
}

/// The assignments of scripts, with their places: place, name and value.
fn assigned(job: &Job, facts: &JobFacts) -> Vec<(Span, String, String)> {
    let scripts = [(&job.script, &facts.shell), (&job.after_script, &facts.after_shell)];
    let mut found = Vec::new();
    for (script, shell) in scripts.into_iter().filter_map(|(script, shell)| Some((script, shell.as_ref()?))) {
        for binding in shell.evaluated.bindings.iter().filter(|binding| NAMES.contains(&binding.name.as_str())) {
            let range = binding.range.range();
            let Some((_, value)) = shell.slice(range.clone()).split_once('=') else { continue };
            let value = value.trim_matches(['"', '\'']);
            if is_falsy(value) {
                found.push((job.place(script, range), binding.name.clone(), value.to_owned()));
            }
        }
    }
    found
}

/// Safe where every job that reads the value fails today: its daemon speaks plain text on the port that it dials.
fn safety(context: &Context<'_>, span: Span) -> Safety {
    let pipelines = context.analysis.pipelines.iter().flat_map(|pipeline| pipeline.jobs());
    let mut readers = pipelines.filter(|(job, facts)| {
        let reads = NAMES.iter().any(|name| written(job, facts, name).any(|value| value.span == span));
        reads && (may_dial(facts) || facts.has_dind())
    });
    let fails = |(job, facts)| {
        Client::of(job, facts).is_some_and(|client| client.listener().port == Some(2375) && client.dialled_port() == Some(2375))
    };
    if readers.all(fails) { Safety::Safe } else { Safety::Unsafe }
}
