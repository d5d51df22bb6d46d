//! Values for the variables that GitLab sets: those that nothing here tells get stand-ins, and each job its own
//! (<https://docs.gitlab.com/ci/variables/predefined_variables/>). Knows no clock and no process.

use std::sync::Arc;

use crate::pipeline::Job;
use crate::pipeline::context::{Facts, Ref};
use crate::pipeline::predefined::slug;
use crate::plan::PlannedJob;
use crate::run::variables::Variables;
use crate::yaml::Value;

/// The token of a job, which opens nothing.
pub const JOB_TOKEN: &str = "undind-stand-in-job-token";

/// Variables of a job that its services don't get (gitlab-runner, `JobVariables.PublicOrInternal`).
pub const PRIVATE: &[&str] =
    &["CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPENDENCY_PROXY_PASSWORD", "CI_REPOSITORY_URL", "CI_DEPLOY_PASSWORD"];

/// The host of a server where no remote tells one (RFC 2606).
const SERVER: &str = "gitlab.example.com";

/// Fills what `facts` do not know of a project that lies in a folder named `folder`, so that rules and jobs find values. `reference` is what the pipeline
/// runs for.
pub fn stand_ins(facts: &mut Facts, reference: &Ref, folder: &str) {
    let server = facts.server.get_or_insert_with(|| SERVER.into()).to_string();
    let project = facts.project.get_or_insert_with(|| format!("local/{}", folder.replace(' ', "-")).into()).to_string();
    let is_default = matches!(reference, Ref::Branch(name) if Some(name) == facts.default_branch.as_ref());
    let (namespace, name) = project.rsplit_once('/').unwrap_or(("", &project));
    let url = format!("https://{server}");
    let registry = facts.variables.get("CI_REGISTRY").map_or_else(|| format!("registry.{server}"), |known| known.to_string());
    let no_commit = "0".repeat(40);
    let values: [(&str, String); 40] = [
        ("CI_API_GRAPHQL_URL", format!("{url}/api/graphql")),
        ("CI_API_V4_URL", format!("{url}/api/v4")),
        ("CI_COMMIT_AUTHOR", "Nobody <nobody@example.com>".to_owned()),
        ("CI_COMMIT_BEFORE_SHA", no_commit.clone()),
        ("CI_COMMIT_DESCRIPTION", String::new()),
        ("CI_COMMIT_MESSAGE", "Uncommitted".to_owned()),
        ("CI_COMMIT_REF_PROTECTED", is_default.to_string()),
        ("CI_COMMIT_SHA", no_commit.clone()),
        ("CI_COMMIT_SHORT_SHA", no_commit[..8].to_owned()),
        ("CI_COMMIT_TIMESTAMP", "1970-01-01T00:00:00+00:00".to_owned()),
        ("CI_COMMIT_TITLE", "Uncommitted".to_owned()),
        ("CI_CONFIG_PATH", ".gitlab-ci.yml".to_owned()),
        ("CI_PAGES_DOMAIN", "pages.example.com".to_owned()),
        ("CI_PAGES_URL", format!("https://{}.pages.example.com/{name}", slug(namespace))),
        ("CI_PIPELINE_IID", "1".to_owned()),
        ("CI_PROJECT_ID", "1".to_owned()),
        ("CI_PROJECT_NAMESPACE_ID", "1".to_owned()),
        ("CI_PROJECT_ROOT_NAMESPACE", namespace.split('/').next().unwrap_or_default().to_owned()),
        ("CI_PROJECT_TITLE", name.to_owned()),
        ("CI_PROJECT_URL", format!("{url}/{project}")),
        ("CI_PROJECT_VISIBILITY", "private".to_owned()),
        ("CI_REGISTRY", registry.clone()),
        ("CI_REGISTRY_IMAGE", format!("{registry}/{}", project.to_lowercase())),
        ("CI_SERVER_FQDN", server.clone()),
        ("CI_SERVER_PORT", "443".to_owned()),
        ("CI_SERVER_PROTOCOL", "https".to_owned()),
        ("CI_SERVER_REVISION", "0000000".to_owned()),
        ("CI_SERVER_URL", url.clone()),
        ("CI_SERVER_VERSION", "18.0.0".to_owned()),
        ("CI_SERVER_VERSION_MAJOR", "18".to_owned()),
        ("CI_SERVER_VERSION_MINOR", "0".to_owned()),
        ("CI_SERVER_VERSION_PATCH", "0".to_owned()),
        ("CI_TEMPLATE_REGISTRY_HOST", "registry.gitlab.com".to_owned()),
        ("GITLAB_USER_EMAIL", "nobody@example.com".to_owned()),
        ("GITLAB_USER_ID", "1".to_owned()),
        ("GITLAB_USER_LOGIN", "nobody".to_owned()),
        ("GITLAB_USER_NAME", "Nobody".to_owned()),
        ("CI_PROJECT_NAMESPACE_SLUG", slug(namespace)),
        ("CI_DEPENDENCY_PROXY_SERVER", format!("{server}:443")),
        ("CI_DEFAULT_BRANCH_SLUG", facts.default_branch.as_deref().map(slug).unwrap_or_default()),
    ];
    for (name, value) in values {
        facts.variables.entry(name.into()).or_insert_with(|| value.into());
    }
    if let Ref::MergeRequest { .. } = reference {
        merge_request(facts, &project, &url);
    }
}

fn merge_request(facts: &mut Facts, project: &str, url: &str) {
    let sha = facts.variables.get("CI_COMMIT_SHA").cloned().unwrap_or_default();
    for (name, value) in [
        ("DIFF_BASE_SHA", &*sha),
        ("DIFF_ID", "1"),
        ("DRAFT", "false"),
        ("EVENT_TYPE", "detached"),
        ("ID", "1"),
        ("IID", "1"),
        ("PROJECT_ID", "1"),
        ("PROJECT_PATH", project),
        ("PROJECT_URL", &format!("{url}/{project}")),
        ("REF_PATH", "refs/merge-requests/1/head"),
        ("SOURCE_PROJECT_ID", "1"),
        ("SOURCE_PROJECT_PATH", project),
        ("SOURCE_PROJECT_URL", &format!("{url}/{project}")),
        ("SQUASH_ON_MERGE", "false"),
        ("TARGET_BRANCH_PROTECTED", "true"),
        ("TITLE", "Merge request"),
    ] {
        let name: Arc<str> = format!("CI_MERGE_REQUEST_{name}").into();
        facts.variables.entry(name).or_insert_with(|| value.into());
    }
}

/// What a job is told of itself and of where it runs.
#[derive(Clone, Debug)]
pub(super) struct Whereabouts<'a> {
    /// Its number, from 1, which is its id, too.
    pub number: usize,
    /// The number of its pipeline, from 1, which is its id, too.
    pub pipeline: usize,
    /// The folder of its project, as it sees it.
    pub project_dir: &'a str,
    /// The folder above.
    pub builds_dir: &'a str,
    /// The moment at which the run began, as RFC 3339 writes it.
    pub began: &'a str,
    /// The moment at which it begins itself.
    pub begins: &'a str,
    /// Its image, where it has one.
    pub image: Option<&'a str>,
    /// How long it may take, in seconds.
    pub timeout: u64,
}

/// Sets the variables that a job has of its own (gitlab, `Gitlab::Ci::Variables::Builder#job_variables`; gitlab-runner, `common.Build.GetAllVariables`).
pub(super) fn of_job(variables: &mut Variables, planned: &PlannedJob, whereabouts: &Whereabouts<'_>, server: &str, project: &str) {
    let Whereabouts { number, pipeline, project_dir, builds_dir, began, begins, image, timeout } = whereabouts;
    let number = number.to_string();
    let url = format!("{server}/{project}");
    let mut set = |name: &str, value: &str| variables.set_raw(name, value);
    set("CI_JOB_ID", &number);
    set("CI_JOB_URL", &format!("{url}/-/jobs/{number}"));
    set("CI_JOB_NAME", &planned.name);
    set("CI_JOB_NAME_SLUG", &slug(&planned.name));
    set("CI_JOB_GROUP_NAME", &planned.base);
    set("CI_JOB_STAGE", &planned.stage);
    set("CI_JOB_TOKEN", JOB_TOKEN);
    set("CI_JOB_STARTED_AT", begins);
    set("CI_JOB_TIMEOUT", &timeout.to_string());
    set("CI_JOB_STATUS", "running");
    set("CI_PIPELINE_ID", &pipeline.to_string());
    set("CI_PIPELINE_IID", &pipeline.to_string());
    set("CI_PIPELINE_URL", &format!("{url}/-/pipelines/{pipeline}"));
    set("CI_PIPELINE_CREATED_AT", began);
    set("CI_NODE_TOTAL", &planned.instance.as_ref().map_or(1, |instance| instance.total).to_string());
    if let Some(instance) = &planned.instance {
        set("CI_NODE_INDEX", &instance.index.to_string());
    }
    if matches!(&*planned.effect.when, "manual" | "delayed") {
        set("CI_JOB_MANUAL", "true");
    }
    set("CI_BUILDS_DIR", builds_dir);
    set("CI_PROJECT_DIR", project_dir);
    set("CI_CONCURRENT_ID", "0");
    set("CI_CONCURRENT_PROJECT_ID", "0");
    set("CI_DISPOSABLE_ENVIRONMENT", "true");
    set("CI_REGISTRY_USER", "gitlab-ci-token");
    set("CI_REGISTRY_PASSWORD", JOB_TOKEN);
    set("CI_DEPENDENCY_PROXY_USER", "gitlab-ci-token");
    set("CI_DEPENDENCY_PROXY_PASSWORD", JOB_TOKEN);
    set("CI_REPOSITORY_URL", &format!("{server}/{project}.git"));
    set("CI_RUNNER_ID", "1");
    set("CI_RUNNER_DESCRIPTION", "undind");
    set("CI_RUNNER_TAGS", &serde_json::to_string(&planned.tags).unwrap_or_default());
    set("CI_RUNNER_VERSION", env!("CARGO_PKG_VERSION"));
    set("CI_RUNNER_EXECUTABLE_ARCH", &format!("{}/{}", system(), architecture()));
    if let Some(image) = image {
        variables.set("CI_JOB_IMAGE", image);
    }
}

/// Sets the variables that tell of the environment of a job, where it has one; they may refer to variables that the job sets.
pub(super) fn environment(variables: &mut Variables, planned: &PlannedJob, job: &Job) {
    let Some(name) = &planned.environment else { return };
    let told = |keyword: &str| job.config.get("environment").and_then(|environment| environment.get(keyword)).and_then(Value::scalar_text);
    variables.set("CI_ENVIRONMENT_NAME", name);
    variables.set("CI_ENVIRONMENT_SLUG", &environment_slug(name));
    variables.set("CI_ENVIRONMENT_ACTION", told("action").as_deref().unwrap_or("start"));
    variables.set("CI_ENVIRONMENT_TIER", told("deployment_tier").as_deref().unwrap_or_else(|| tier_of(name)));
    if let Some(url) = told("url") {
        variables.set("CI_ENVIRONMENT_URL", &url);
    }
}

/// At most 24 bytes, beginning with a letter; what had to be changed gets a suffix of its own (gitlab, `Gitlab::Slug::Environment`).
fn environment_slug(name: &str) -> String {
    let lower: String = name.to_lowercase().chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    let mut slug = String::new();
    for character in lower.chars() {
        if character != '-' || !slug.ends_with('-') {
            slug.push(character);
        }
    }
    if !slug.starts_with(|first: char| first.is_ascii_lowercase()) {
        slug.insert_str(0, "env-");
    }
    if slug.len() <= 24 && slug == name {
        return slug.trim_end_matches('-').to_owned();
    }
    let digits = crate::checksum::sha256(name);
    // Six digits to the base of 36 of the whole number.
    let digits = digits.chars().filter_map(|digit| digit.to_digit(16));
    let number = digits.fold(0_u64, |number, digit| (number * 16 + u64::from(digit)) % 36_u64.pow(6));
    format!("{}-{}", slug[..slug.len().min(17)].trim_end_matches('-'), base_36(number))
}

/// The last six digits of `number` to the base of 36.
fn base_36(mut number: u64) -> String {
    let digits = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut out = Vec::new();
    for _ in 0..6 {
        out.push(char::from(digits[usize::try_from(number % 36).unwrap_or_default()]));
        number /= 36;
    }
    out.iter().rev().collect()
}

/// What GitLab takes an environment for by its name (gitlab, `Environment#guess_tier`).
fn tier_of(name: &str) -> &'static str {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["dev", "review", "trunk"]) {
        "development"
    } else if has(&["test", "tst", "int", "acc", "qa", "qc", "control", "quality"]) || name == "ac" {
        "testing"
    } else if has(&["st", "pre", "demo", "non", "model"]) {
        "staging"
    } else if has(&["prod", "live"]) {
        "production"
    } else {
        "other"
    }
}

fn system() -> &'static str {
    if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS }
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slug_of_an_environment_is_short_and_its_own() {
        assert_eq!(environment_slug("staging"), "staging");
        let review = environment_slug("review/My-Feature");
        assert!(review.starts_with("review-my-feature-") && review.len() <= 24, "{review}");
        assert_ne!(environment_slug("review/a"), environment_slug("review-a"));
        assert!(environment_slug("1").starts_with("env-1"));
    }

    #[test]
    fn facts_that_are_known_are_kept() {
        let known = |name: &str| (Arc::<str>::from(name), Arc::<str>::from("known"));
        let mut facts = Facts { variables: [known("CI_COMMIT_SHA")].into(), default_branch: Some("main".into()), ..Facts::default() };
        stand_ins(&mut facts, &Ref::Branch("main".into()), "my app");
        assert_eq!(&*facts.variables["CI_COMMIT_SHA"], "known");
        assert_eq!(&*facts.variables["CI_COMMIT_REF_PROTECTED"], "true");
        assert_eq!(&*facts.variables["CI_PROJECT_URL"], "https://gitlab.example.com/local/my-app");
    }
}
