//! What joining a pipeline found wrong, as findings of the rules that have a page about it. Knows the codes of problems, not how they are found.

use super::keywords;
use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::rule::{Context, Findings, Rule};
use crate::pipeline::Job;
use crate::suggestion::nearest;

/// Reports the problems with the id of `rule`, with `help` for those that are mistakes; in a part of a pipeline a name that is missing here
/// may be defined elsewhere.
pub(super) fn report(rule: &Rule, context: &Context<'_>, help: impl Fn(&Diagnostic) -> String, findings: &mut Findings) {
    let is_part = is_part(context);
    for problem in context.pipeline.pipeline.problems.iter().filter(|problem| problem.id == rule.id) {
        let problem = problem.clone();
        findings.add(if is_part {
            elsewhere(problem)
        } else {
            let help = help(&problem);
            problem.help(help)
        });
    }
}

/// What has a form that GitLab refuses, with the id of a rule.
pub(super) fn structure<'a>(context: &Context<'a>, id: &'a str) -> impl Iterator<Item = &'a Diagnostic> {
    let problems = context.pipeline.structure(&context.analysis.documents).iter().filter(move |problem| problem.id == id);
    let pipeline = &context.pipeline.pipeline;
    problems.filter(move |problem| {
        let mut jobs = problem.jobs.iter().filter_map(|name| pipeline.job(name)).peekable();
        jobs.peek().is_none() || !jobs.all(is_mistyped_keyword)
    })
}

/// Whether what is taken for a job was meant to be a keyword of the root: its name is near one, and it has nothing to run.
pub(super) fn is_mistyped_keyword(job: &Job) -> bool {
    let runs = ["script", "run", "trigger"].iter().any(|keyword| job.config.entry(keyword).is_some());
    !runs && nearest(&job.name, keywords::ROOT.iter().copied()).is_some()
}

/// Whether the file is a part of a pipeline more likely than one of its own: it has another name than GitLab looks for, includes nothing and
/// declares no stages.
fn is_part(context: &Context<'_>) -> bool {
    let pipeline = &context.pipeline.pipeline;
    let named = pipeline.path.rsplit('/').next() == Some(".gitlab-ci.yml");
    let alone = pipeline.files.len() == 1 && pipeline.unresolved.is_empty();
    !context.pipeline.is_child && !named && alone && pipeline.root.entry("stages").is_none()
}

/// Whether GitLab starts with another file, by its name; what is missing here may be in the files that include it.
pub(super) fn is_included(context: &Context<'_>) -> bool {
    !context.pipeline.is_child && context.pipeline.pipeline.path.rsplit('/').next() != Some(".gitlab-ci.yml")
}

fn elsewhere(problem: Diagnostic) -> Diagnostic {
    let message = format!("{} in this file", problem.message);
    let help = "nothing is wrong where the pipeline that includes this file defines it; check the file with which that pipeline begins";
    Diagnostic { severity: Severity::Info, message, ..problem.help(help) }
}
