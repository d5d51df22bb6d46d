//! BLD909: rootless BuildKit in a job's own container, without the flag that it needs there. Knows the image, not whether the runner is privileged.

use crate::detect::{JobFacts, Step};
use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::lint::addition;
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::Job;

/// The rule.
pub static RULE: Rule = Rule {
    id: "BLD909",
    name: "buildkit-rootless-flags",
    severity: Severity::Warning,
    page: include_str!("buildkit_rootless_flags.md"),
    check,
};

const FLAGS: &str = "BUILDKITD_FLAGS";
const NEEDED: &str = "--oci-worker-no-process-sandbox";

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (job, facts) in context.jobs().filter(|(job, _)| job.missing.is_empty()) {
        let rootless = facts.image.as_ref().is_some_and(|image| {
            image.program().is_some_and(|program| program.program == "buildkitd") && image.name_and_tag().1.contains("rootless")
        });
        // A file that isn't here may set variables for all jobs.
        if rootless && context.is_complete() && !is_set(job, facts) {
            findings.add_some(starts(facts).map(|step| finding(context, job, step)));
        }
    }
}

/// The command that starts BuildKit in the job's container.
fn starts(facts: &JobFacts) -> Option<&Step> {
    facts.shell.as_ref()?.steps.iter().find(|step| step.name() == Some("buildctl-daemonless.sh"))
}

/// Whether flags are given in whatever way, or BuildKit runs elsewhere.
fn is_set(job: &Job, facts: &JobFacts) -> bool {
    let names = [FLAGS, "BUILDKIT_HOST"];
    let conditional = job.conditional.iter().any(|(name, _)| names.contains(&&**name));
    let in_script =
        facts.shell.iter().any(|shell| names.iter().any(|name| shell.script.text.contains(name)) || shell.script.text.contains(NEEDED));
    conditional || in_script || names.iter().any(|name| job.variables.contains_key(*name))
}

fn finding(context: &Context<'_>, job: &Job, step: &Step) -> Diagnostic {
    let message = format!("rootless BuildKit can't mount `/proc` for its builds here without `{NEEDED}`, unless the runner is privileged");
    let help = format!("set the variable `{FLAGS}: {NEEDED}`");
    let finding = RULE.at(job.place(&job.script, step.range()), message).help(help).job(&job.name);
    match addition::variables(context, job, &[(FLAGS, NEEDED)]) {
        Some(edits) => finding.fix(Fix { title: format!("set `{FLAGS}`"), safety: Safety::Safe, edits }),
        None => finding,
    }
}
