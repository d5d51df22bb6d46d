//! DAG810: an engine for each job, without a memory. Knows where the engine runs, not how long a function takes.

use crate::detect::dagger::{ENGINE, engine_call, names_engine};
use crate::diagnostic::Severity;
use crate::lint::runners::Takers;
use crate::lint::{Context, Findings, Knowledge, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    id: "DAG810",
    name: "dagger-cache-lost-with-dind",
    severity: Severity::Info,
    page: include_str!("dagger_cache_lost_with_dind.md"),
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| context.knowledge(job) == Knowledge::Full) {
        let (Some(service), Some((shell, call))) = (facts.services.iter().find(|service| service.is_dind()), engine_call(facts)) else {
            continue;
        };
        let told = Takers::of(context, job).is_some_and(|takers| {
            takers.entries.iter().any(|(_, entry)| entry.environment().iter().any(|variable| variable.name == ENGINE))
        });
        if told || names_engine(job, shell, &shell.steps[call]) {
            continue;
        }
        findings.add(
            RULE.at(
                service.image.image.name.span,
                "each job starts an engine of its own in this daemon, so Dagger's cache is empty every time",
            )
            .help(format!("run one engine for all jobs, and name it in `{ENGINE}`"))
            .label(job.place(&job.script, shell.steps[call].range()), "starts it")
            .job(&job.name),
        );
    }
}
