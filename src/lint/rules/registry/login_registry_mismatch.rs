//! REG503: a login to one registry and a push to another. Knows how references name hosts.

use crate::detect::registry::{Push, RegistryUse};
use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::{Context, Findings, Knowledge, Rule, doubted};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "REG503",
    name: "login-registry-mismatch",
    severity: Severity::Error,
    page: include_str!("login_registry_mismatch.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) != Knowledge::Partial) {
        let registries = RegistryUse::of(job, facts);
        for push in registries.pushes.iter().filter(|push| registries.lacks(&push.registry)) {
            if let Some(finding) = finding(job, &registries, push) {
                findings.add(if context.knowledge(job) == Knowledge::Full { finding } else { doubted(finding) });
            }
        }
    }
}

fn finding(job: &Job, registries: &RegistryUse, push: &Push) -> Option<Diagnostic> {
    let login = registries.logins.first()?;
    let (pushed, logged_in) = (push.registry.name()?, login.registry.name()?);
    let help = if pushed == "docker.io" {
        format!("a reference without a host belongs to Docker Hub: begin it with `{logged_in}`, or log in to Docker Hub")
    } else {
        format!("log in to `{pushed}`, or push to `{logged_in}`")
    };
    let message = format!("this image goes to `{pushed}`, but the job logs in to `{logged_in}`");
    Some(RULE.at(push.image, message).help(help).label(login.span, "the login").job(&job.name))
}
