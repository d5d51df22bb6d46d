//! BLD902: a cache that the daemon's own builder can't export. Knows the daemon's version and the builders of the script, not its configuration file.

use crate::detect::builder::{Driver, driver, has_classic_store};
use crate::detect::registry::word_place;
use crate::diagnostic::Severity;
use crate::docker::attributes::Attributes;
use crate::docker::{Flag, Op};
use crate::lint::{Context, Findings, Knowledge, Rule, doubted};

/// The rule.
pub static RULE: Rule = Rule {
    id: "BLD902",
    name: "cache-export-on-docker-driver",
    severity: Severity::Error,
    page: include_str!("cache_export_on_docker_driver.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(_, facts)| has_classic_store(facts)) {
        let knowledge = context.knowledge(job);
        for (found, step) in facts.own_operations().filter(|(found, _)| knowledge != Knowledge::Partial && found.operation.op == Op::Build)
        {
            let exported = found.operation.flags_named("cache-to").find_map(|flag| Some((flag, kind(flag)?, flag.value_at?)));
            let Some((flag, kind, at)) = exported.filter(|_| driver(job, facts, found) == Driver::Daemon) else { continue };
            let place = word_place(job, found.section, step, at.0, flag.value.as_deref().unwrap_or_default());
            let message = format!("the daemon's own builder can't export a cache of type `{kind}` before Docker 29");
            let help =
                "make a builder first, `docker buildx create --use`, and build with `docker buildx build`; or export with `type=inline`";
            let finding = RULE.at(place, message).help(help).job(&job.name);
            findings.add(if knowledge == Knowledge::Full { finding } else { doubted(finding) });
        }
    }
}

/// The type of cache, where it is one that the daemon's builder refuses; a bare name means a registry (buildx, `util/buildflags`).
fn kind(flag: &Flag) -> Option<String> {
    let text = flag.value.as_deref()?;
    let attributes = Attributes::parse(text)?;
    match attributes.get("type") {
        Some(kind @ ("registry" | "local" | "gha" | "s3" | "azblob")) => Some(kind.to_owned()),
        None if attributes.is_bare() && (!text.starts_with("${") || text.starts_with("${CI_REGISTRY")) => Some("registry".to_owned()),
        _ => None,
    }
}
