//! The variables that GitLab sets, by event: which exist, which have a value that is known, and which come to be only when a job runs
//! (<https://docs.gitlab.com/ci/variables/predefined_variables/>; gitlab, `Gitlab::Ci::Variables::Builder::Pipeline`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::pipeline::context::{Event, Facts, Ref};

/// What is known of a predefined variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fact {
    /// It has this value.
    Text(Arc<str>),
    /// It exists and is not blank; its value depends on the project or the commit.
    Present,
    /// It may exist, depending on the project.
    Unknown,
    /// It does not exist.
    Absent,
    /// It exists only for a job that runs, not yet for rules.
    WhenRunning,
}

/// Of every pipeline, with a value that only the project or the commit tells.
const PRESENT: &[&str] = &[
    "CI_API_GRAPHQL_URL",
    "CI_API_V4_URL",
    "CI_COMMIT_AUTHOR",
    "CI_COMMIT_BEFORE_SHA",
    "CI_COMMIT_MESSAGE",
    "CI_COMMIT_REF_PROTECTED",
    "CI_COMMIT_SHA",
    "CI_COMMIT_SHORT_SHA",
    "CI_COMMIT_TIMESTAMP",
    "CI_COMMIT_TITLE",
    "CI_CONFIG_PATH",
    "CI_DEFAULT_BRANCH",
    "CI_PAGES_DOMAIN",
    "CI_PAGES_URL",
    "CI_PIPELINE_IID",
    "CI_PROJECT_ID",
    "CI_PROJECT_NAME",
    "CI_PROJECT_NAMESPACE",
    "CI_PROJECT_NAMESPACE_ID",
    "CI_PROJECT_PATH",
    "CI_PROJECT_PATH_SLUG",
    "CI_PROJECT_ROOT_NAMESPACE",
    "CI_PROJECT_TITLE",
    "CI_PROJECT_URL",
    "CI_PROJECT_VISIBILITY",
    "CI_SERVER_FQDN",
    "CI_SERVER_HOST",
    "CI_SERVER_PORT",
    "CI_SERVER_PROTOCOL",
    "CI_SERVER_REVISION",
    "CI_SERVER_URL",
    "CI_SERVER_VERSION",
    "CI_SERVER_VERSION_MAJOR",
    "CI_SERVER_VERSION_MINOR",
    "CI_SERVER_VERSION_PATCH",
    "CI_TEMPLATE_REGISTRY_HOST",
    "GITLAB_USER_EMAIL",
    "GITLAB_USER_ID",
    "GITLAB_USER_LOGIN",
    "GITLAB_USER_NAME",
];
/// With the same value in every pipeline.
const CONSTANT: &[(&str, &str)] = &[("CI", "true"), ("GITLAB_CI", "true"), ("CI_SERVER", "yes"), ("CI_SERVER_NAME", "GitLab")];
/// Persisted with the pipeline or the job, or told by the runner: rules are evaluated before.
const WHEN_RUNNING: &[&str] = &[
    "CI_BUILDS_DIR",
    "CI_CONCURRENT_ID",
    "CI_CONCURRENT_PROJECT_ID",
    "CI_DEPLOY_PASSWORD",
    "CI_DEPLOY_USER",
    "CI_DISPOSABLE_ENVIRONMENT",
    "CI_JOB_ID",
    "CI_JOB_IMAGE",
    "CI_JOB_STARTED_AT",
    "CI_JOB_STATUS",
    "CI_JOB_TIMEOUT",
    "CI_JOB_TOKEN",
    "CI_JOB_URL",
    "CI_PIPELINE_CREATED_AT",
    "CI_PIPELINE_ID",
    "CI_PIPELINE_URL",
    "CI_PROJECT_DIR",
    "CI_REGISTRY_PASSWORD",
    "CI_REGISTRY_USER",
    "CI_REPOSITORY_URL",
    "CI_RUNNER_DESCRIPTION",
    "CI_RUNNER_EXECUTABLE_ARCH",
    "CI_RUNNER_ID",
    "CI_RUNNER_REVISION",
    "CI_RUNNER_SHORT_TOKEN",
    "CI_RUNNER_TAGS",
    "CI_RUNNER_VERSION",
    "CI_SHARED_ENVIRONMENT",
];
/// Of merge request pipelines.
const MERGE_REQUEST: &[&str] = &[
    "CI_MERGE_REQUEST_DIFF_BASE_SHA",
    "CI_MERGE_REQUEST_DIFF_ID",
    "CI_MERGE_REQUEST_DRAFT",
    "CI_MERGE_REQUEST_EVENT_TYPE",
    "CI_MERGE_REQUEST_ID",
    "CI_MERGE_REQUEST_IID",
    "CI_MERGE_REQUEST_PROJECT_ID",
    "CI_MERGE_REQUEST_PROJECT_PATH",
    "CI_MERGE_REQUEST_PROJECT_URL",
    "CI_MERGE_REQUEST_REF_PATH",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_URL",
    "CI_MERGE_REQUEST_SQUASH_ON_MERGE",
    "CI_MERGE_REQUEST_TARGET_BRANCH_PROTECTED",
    "CI_MERGE_REQUEST_TITLE",
    "CI_OPEN_MERGE_REQUESTS",
];
/// Of pipelines that none of our events starts.
const ELSEWHERE: &[&str] = &["CHAT_CHANNEL", "CHAT_INPUT", "CHAT_USER_ID"];
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// The facts of all predefined variables that `event` for `reference` fixes.
pub(super) fn facts(event: Event, reference: &Ref, known: &Facts) -> BTreeMap<Arc<str>, Fact> {
    let mut facts: BTreeMap<Arc<str>, Fact> = BTreeMap::new();
    let mut set = |name: &str, fact: Fact| drop(facts.insert(name.into(), fact));
    let text = |value: &str| Fact::Text(value.into());
    PRESENT.iter().for_each(|name| set(name, Fact::Present));
    CONSTANT.iter().for_each(|(name, value)| set(name, text(value)));
    WHEN_RUNNING.iter().for_each(|name| set(name, Fact::WhenRunning));
    known.variables.iter().for_each(|(name, value)| set(name, text(value)));
    set("CI_PIPELINE_SOURCE", text(event.source()));
    set("CI_COMMIT_REF_NAME", text(reference.name()));
    set("CI_COMMIT_REF_SLUG", text(&slug(reference.name())));
    if let Some(branch) = &known.default_branch {
        set("CI_DEFAULT_BRANCH", text(branch));
    }
    if let Some(project) = &known.project {
        project_facts(project, &mut set);
    }
    if let Some(server) = &known.server {
        set("CI_SERVER_HOST", text(server));
    }
    match reference {
        Ref::Branch(name) => {
            set("CI_COMMIT_BRANCH", text(name));
            // A merge request from the default branch is rare enough to be taken as not there.
            let is_default = known.default_branch.as_ref() == Some(name);
            set("CI_OPEN_MERGE_REQUESTS", if is_default { Fact::Absent } else { Fact::Unknown });
        }
        Ref::Tag(name) => {
            set("CI_COMMIT_TAG", text(name));
            set("CI_COMMIT_TAG_MESSAGE", Fact::Unknown);
        }
        Ref::MergeRequest { source, target } => {
            MERGE_REQUEST.iter().for_each(|name| set(name, Fact::Present));
            set("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", text(source));
            set("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", text(target));
            for name in ["APPROVED", "ASSIGNEES", "DESCRIPTION", "LABELS", "MILESTONE", "SOURCE_BRANCH_SHA", "TARGET_BRANCH_SHA"] {
                set(&format!("CI_MERGE_REQUEST_{name}"), Fact::Unknown);
            }
        }
    }
    match event {
        Event::Trigger => {
            set("CI_PIPELINE_TRIGGERED", text("true"));
            set("CI_TRIGGER_SHORT_TOKEN", Fact::Present);
        }
        Event::Schedule => set("CI_PIPELINE_SCHEDULE_DESCRIPTION", Fact::Present),
        Event::Push | Event::MergeRequest | Event::Tag | Event::Web | Event::Api | Event::ParentPipeline => {}
    }
    if !matches!(event, Event::Push | Event::ParentPipeline) {
        set("CI_COMMIT_BEFORE_SHA", text(NO_COMMIT));
    }
    // What is only known to be there for this event may have a value that somebody knows.
    for (name, value) in &known.variables {
        if let Some(fact @ (Fact::Present | Fact::Unknown)) = facts.get_mut(name) {
            *fact = text(value);
        }
    }
    facts
}

fn project_facts(path: &str, set: &mut dyn FnMut(&str, Fact)) {
    let text = |value: &str| Fact::Text(value.into());
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    set("CI_PROJECT_PATH", text(path));
    set("CI_PROJECT_NAME", text(name));
    set("CI_PROJECT_NAMESPACE", text(namespace));
    set("CI_PROJECT_ROOT_NAMESPACE", text(namespace.split('/').next().unwrap_or_default()));
    set("CI_PROJECT_PATH_SLUG", text(&slug(path)));
}

/// Of jobs and pipelines of certain kinds, besides those that events fix.
const SOMETIMES: &[&str] = &[
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_DESCRIPTION",
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_REF_SLUG",
    "CI_COMMIT_TAG",
    "CI_COMMIT_TAG_MESSAGE",
    "CI_DEBUG_SERVICES",
    "CI_DEBUG_TRACE",
    "CI_DEFAULT_BRANCH_SLUG",
    "CI_DEPENDENCY_PROXY_DIRECT_GROUP_IMAGE_PREFIX",
    "CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX",
    "CI_DEPENDENCY_PROXY_SERVER",
    "CI_DEPENDENCY_PROXY_USER",
    "CI_DEPLOY_FREEZE",
    "CI_GITLAB_FIPS_MODE",
    "CI_HAS_OPEN_REQUIREMENTS",
    "CI_JOB_GROUP_NAME",
    "CI_JOB_MANUAL",
    "CI_JOB_NAME",
    "CI_JOB_NAME_SLUG",
    "CI_JOB_STAGE",
    "CI_KUBERNETES_ACTIVE",
    "CI_NODE_INDEX",
    "CI_NODE_TOTAL",
    "CI_PAGES_HOSTNAME",
    "CI_PIPELINE_NAME",
    "CI_PIPELINE_SCHEDULE_DESCRIPTION",
    "CI_PIPELINE_SOURCE",
    "CI_PIPELINE_TRIGGERED",
    "CI_PROJECT_CLASSIFICATION_LABEL",
    "CI_PROJECT_DESCRIPTION",
    "CI_PROJECT_NAMESPACE_SLUG",
    "CI_PROJECT_REPOSITORY_LANGUAGES",
    "CI_PROJECT_TOPICS",
    "CI_REGISTRY",
    "CI_REGISTRY_IMAGE",
    "CI_RELEASE_DESCRIPTION",
    "CI_RELEASE_TITLE",
    "CI_SERVER_SHELL_SSH_HOST",
    "CI_SERVER_SHELL_SSH_PORT",
    "CI_SERVER_TLS_CA_FILE",
    "CI_SERVER_TLS_CERT_FILE",
    "CI_SERVER_TLS_KEY_FILE",
    "CI_TRIGGER_SHORT_TOKEN",
    "CI_UPSTREAM_JOB_ID",
    "CI_UPSTREAM_PIPELINE_ID",
    "CI_UPSTREAM_PROJECT_ID",
];

/// Whether GitLab sets a variable of this name in some pipeline or job, and no project does.
#[must_use]
pub fn is_predefined(name: &str) -> bool {
    let families = ["CI_MERGE_REQUEST_", "CI_EXTERNAL_PULL_REQUEST_", "CI_ENVIRONMENT_", "CI_RUNNER_"];
    families.iter().any(|family| name.starts_with(family))
        || [PRESENT, WHEN_RUNNING, MERGE_REQUEST, ELSEWHERE, SOMETIMES].iter().any(|list| list.contains(&name))
        || CONSTANT.iter().any(|(known, _)| *known == name)
}

/// Whether GitLab gives a variable of this name a value in every job, whatever the event.
#[must_use]
pub fn is_always_set(name: &str) -> bool {
    const MORE: &[&str] = &[
        "CI_COMMIT_REF_NAME",
        "CI_COMMIT_REF_SLUG",
        "CI_JOB_ID",
        "CI_JOB_NAME",
        "CI_JOB_NAME_SLUG",
        "CI_JOB_STAGE",
        "CI_JOB_TOKEN",
        "CI_JOB_URL",
        "CI_PIPELINE_ID",
        "CI_PIPELINE_SOURCE",
        "CI_PIPELINE_URL",
        "CI_PROJECT_DIR",
        "CI_REPOSITORY_URL",
    ];
    const MAY_BE_BLANK: &[&str] = &["CI_PAGES_DOMAIN", "CI_PAGES_URL", "CI_TEMPLATE_REGISTRY_HOST"];
    (PRESENT.contains(&name) || MORE.contains(&name)) && !name.starts_with("GITLAB_USER_") && !MAY_BE_BLANK.contains(&name)
}

/// Whether `name` is a predefined variable that exists only in pipelines for other events than those that fixed it.
pub(super) fn is_absent(name: &str) -> bool {
    name.starts_with("CI_MERGE_REQUEST_")
        || name.starts_with("CI_EXTERNAL_PULL_REQUEST_")
        || name.starts_with("CI_RUNNER_")
        || ELSEWHERE.contains(&name)
        || [
            "CI_COMMIT_BRANCH",
            "CI_COMMIT_TAG",
            "CI_COMMIT_TAG_MESSAGE",
            "CI_OPEN_MERGE_REQUESTS",
            "CI_PIPELINE_SCHEDULE_DESCRIPTION",
            "CI_PIPELINE_TRIGGERED",
            "CI_TRIGGER_SHORT_TOKEN",
        ]
        .contains(&name)
}

/// Whether `name` tells of the environment of a job, which no event fixes.
pub(super) fn is_environment(name: &str) -> bool {
    name.starts_with("CI_ENVIRONMENT_")
}

/// A name as GitLab writes it into addresses: lower case, everything but letters and digits a dash, at most 63 bytes, no dash at either end
/// (gitlab, `Gitlab::Utils.slugify`).
#[must_use]
pub fn slug(name: &str) -> String {
    let slug: String = name.to_lowercase().chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    slug[..slug.len().min(63)].trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_slug_is_short_and_has_no_dash_at_its_ends() {
        assert_eq!(slug("Feature/ABC_1"), "feature-abc-1");
        assert_eq!(slug("-x-"), "x");
        assert_eq!(slug(&format!("{}/b", "a".repeat(62))), "a".repeat(62));
    }
}
