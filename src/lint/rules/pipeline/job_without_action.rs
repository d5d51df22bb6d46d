//! PIP1108: jobs with nothing to run, and pipelines without jobs. Knows which keywords run something, not what.

use super::keywords;
use super::problems::{is_included, is_mistyped_keyword};
use crate::diagnostic::Severity;
use crate::lint::rule::{Context, Findings, Rule};
use crate::suggestion::nearest;
use crate::yaml::Data;

/// The rule.
pub static RULE: Rule =
    Rule { id: "PIP1108", name: "job-without-action", severity: Severity::Error, page: include_str!("job_without_action.md"), check };

fn check(context: &Context<'_>, findings: &mut Findings) {
    let pipeline = &context.pipeline.pipeline;
    let complete = pipeline.unresolved.is_empty() && pipeline.problems.is_empty();
    for job in pipeline.jobs.iter().filter(|job| job.missing.is_empty()) {
        // A job that another file begins is completed there; a mistyped keyword is told by its own rule.
        let mistyped = is_mistyped_keyword(job);
        if job.acts() || mistyped || !complete || is_included(context) {
            continue;
        }
        let message = format!("`{}` is taken for a job, and has nothing to run", job.name);
        let help = "give it a `script`, `run` or `trigger`; what is only there to be extended or referred to begins with a dot";
        findings.add(RULE.at(job.key, message).help(help).job(&job.name));
    }
    for (name, entry) in pipeline.root.named().filter(|(name, _)| !name.starts_with('.') && !keywords::ROOT.contains(name)) {
        let is_mapping = matches!(entry.value.data, Data::Mapping(_));
        if !is_mapping && !name.contains("$[[") && nearest(name, keywords::ROOT.iter().copied()).is_none() {
            let message = format!("`{name}` is taken for a job, which has to be a mapping");
            findings
                .add(RULE.at(entry.key.span, message).help("what is only there to be referred to, or for an anchor, begins with a dot"));
        }
    }
}
