//! RUN403: TLS between the runner and its own Docker daemon, where that is a socket. Knows the runner's section, not what was hoped for.

use crate::diagnostic::Severity;
use crate::edit::{Edit, Fix, Safety};
use crate::lint::{Context, Findings, Rule};
use crate::runner::Executor;

/// The rule.
pub static RULE: Rule = Rule {
    id: "RUN403",
    name: "runner-tls-verify-misread",
    severity: Severity::Info,
    page: include_str!("runner_tls_verify_misread.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (_, entry) in context.analysis.runners.entries().filter(|(_, entry)| entry.executor() == Executor::Docker) {
        let Some(section) = entry.docker() else { continue };
        // `DOCKER_HOST` of the runner's own environment is not known here.
        let local = section.text("host").is_none_or(|host| host.is_empty() || host.starts_with("unix://"));
        let Some(verify) = section.get("tls_verify").filter(|_| local && section.is_true("tls_verify")) else { continue };
        let fix = Fix {
            title: "set `tls_verify = false`".to_owned(),
            safety: Safety::Safe,
            edits: vec![Edit::replace(verify.value.span, "false")],
        };
        findings.add(
            RULE.at(verify.value.span, "`tls_verify` is about the runner's own Docker daemon, which it reaches by a socket without TLS")
                .help("set it to `false`: TLS between a job and its dind service is a matter of `DOCKER_TLS_CERTDIR` and of a volume `/certs/client`")
                .fix(fix),
        );
    }
}
