//! TLS106: `DOCKER_CERT_PATH` is not the client's folder of the daemon's certificates. Knows the folders that the dind entrypoint makes.

use crate::detect::Setting;
use crate::detect::client::Client;
use crate::detect::variables::{setting, varies};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Edit, Fix, Safety};
use crate::lint::rule::{Context, Findings, Rule, doubted};

/// The rule.
pub static RULE: Rule = Rule {
    id: "TLS106",
    name: "docker-cert-path-wrong",
    severity: Severity::Error,
    page: include_str!("docker_cert_path_wrong.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for client in context.jobs().filter_map(|(job, facts)| Client::of(job, facts)) {
        if let Some(wrong) = Wrong::of(&client) {
            let finding = wrong.finding(context).job(&client.job.name);
            // Where no file here declares the directory, one that isn't here may do so.
            findings.add(if wrong.declared || context.knows_defaults() { finding } else { doubted(finding) });
        }
    }
}

/// A path and the folder that it should be.
#[derive(PartialEq)]
struct Wrong {
    path: Setting,
    expected: String,
    /// What to write instead.
    text: &'static str,
    /// Whether the directory is literal.
    known: bool,
    /// Whether it is declared, and not the image's own.
    declared: bool,
}

impl Wrong {
    fn of(client: &Client<'_>) -> Option<Self> {
        if client.may_change("DOCKER_CERT_PATH") || client.may_change("DOCKER_TLS_CERTDIR") || client.brings_certificates() {
            return None;
        }
        let path = client.value("DOCKER_CERT_PATH")?;
        let directory = certdir(client)?;
        let expected = format!("{directory}/client");
        if !is_literal(&path.text) || normal(&path.text) == normal(&expected) {
            return None;
        }
        let of_service = client.service.image.image.variables().is_some_and(|variables| variables.get("DOCKER_TLS_CERTDIR").is_some());
        let declared = setting(client.job, "DOCKER_TLS_CERTDIR").is_some();
        let text = if declared { "\"$DOCKER_TLS_CERTDIR/client\"" } else { "/certs/client" };
        Some(Self { path, known: !directory.contains('$'), declared: declared || of_service, expected: normal(&expected), text })
    }

    fn finding(&self, context: &Context<'_>) -> Diagnostic {
        let message =
            format!("`DOCKER_CERT_PATH` is `{}`, but dind puts the client's certificates into `{}`", self.path.text, self.expected);
        let fix = Fix {
            title: format!("write `{}`", self.text.trim_matches('"')),
            safety: self.safety(context),
            edits: vec![Edit::replace(self.path.span, self.text)],
        };
        RULE.at(self.path.span, message).fix(fix)
    }

    /// Safe where each job that reads the value has the same mistake, with a literal directory.
    fn safety(&self, context: &Context<'_>) -> Safety {
        let clients =
            context.analysis.pipelines.iter().flat_map(|pipeline| pipeline.jobs()).filter_map(|(job, facts)| Client::of(job, facts));
        let mut readers = clients.filter(|client| client.value("DOCKER_CERT_PATH").is_some_and(|path| path.span == self.path.span));
        if self.known && readers.all(|client| Self::of(&client).is_some_and(|wrong| wrong == *self)) {
            Safety::Safe
        } else {
            Safety::Unsafe
        }
    }
}

/// The daemon's certificate directory, where TLS is on; variables that GitLab always sets may remain in it.
fn certdir(client: &Client<'_>) -> Option<String> {
    let known = client.listener().certdir.filter(|certdir| !certdir.is_empty());
    let predefined = || {
        let own = client.service.image.image.variables().and_then(|variables| variables.get("DOCKER_TLS_CERTDIR"));
        let setting = setting(client.job, "DOCKER_TLS_CERTDIR").filter(|_| own.is_none() && !varies(client.job, "DOCKER_TLS_CERTDIR"))?;
        let only_predefined = setting.text.match_indices("${").all(|(at, _)| setting.text[at..].starts_with("${CI_"));
        (only_predefined && !setting.is_known()).then_some(setting.text)
    };
    known.or_else(predefined)
}

fn is_literal(text: &str) -> bool {
    !text.contains("${") || text.match_indices("${").all(|(at, _)| text[at..].starts_with("${CI_"))
}

/// Without repeated and trailing slashes.
fn normal(path: &str) -> String {
    path.split('/').enumerate().filter(|(index, part)| *index == 0 || !part.is_empty()).map(|(_, part)| part).collect::<Vec<_>>().join("/")
}
