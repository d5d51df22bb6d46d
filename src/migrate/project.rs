//! Which project of the target a job's builds belong to.

use crate::config::DepotConfig;
use crate::detect::JobFacts;
use crate::docker::{Op, Operation, Role};

/// The project of a job: that of the first rule which matches its first build, else the default one.
#[must_use]
pub fn project(config: &DepotConfig, facts: &JobFacts) -> Option<String> {
    let build = facts.operations.iter().map(|operation| &operation.operation).find(|operation| operation.op == Op::Build);
    let by_rule = build.and_then(|build| config.projects.iter().find(|rule| matches(rule, build)).map(|rule| rule.project.clone()));
    by_rule.or_else(|| config.project.clone())
}

fn matches(rule: &crate::config::ProjectRule, build: &Operation) -> bool {
    let context = build.context().unwrap_or(".");
    let context = context.strip_prefix("./").unwrap_or(context).trim_end_matches('/');
    let dockerfile =
        build.value("file").map_or_else(|| join(context, "Dockerfile"), |file| file.strip_prefix("./").unwrap_or(file).to_owned());
    let repository = |text: &str| text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(text, |(name, _)| name).to_owned();
    rule.dockerfile.as_ref().is_none_or(|glob| glob.matches(&dockerfile))
        && rule.path.as_ref().is_none_or(|glob| glob.matches(context))
        && rule.repository.as_ref().is_none_or(|glob| build.images_as(Role::Built).any(|image| glob.matches(&repository(&image.text))))
}

/// A path in a build context.
#[must_use]
pub fn join(context: &str, file: &str) -> String {
    if context.is_empty() || context == "." { file.to_owned() } else { format!("{context}/{file}") }
}
