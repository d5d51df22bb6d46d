//! Which project of the target a job's builds belong to.

use crate::docker::{Operation, Role};
use crate::migrate::target::Target;

/// The project of a build: that of the first rule which matches it, else the default one.
#[must_use]
pub fn project<'a>(target: &'a Target, build: &Operation) -> Option<&'a str> {
    let by_rule = target.projects.iter().find(|rule| matches(rule, build)).map(|rule| rule.project.as_str());
    by_rule.or(target.project.as_deref())
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
