//! The keywords of GitLab CI/CD by the place where they may stand (<https://docs.gitlab.com/ci/yaml/>). Knows no values.

/// A mapping of the configuration: which keywords it may have.
#[derive(Debug)]
pub struct Place {
    /// What it is called in a message.
    pub name: &'static str,
    /// Keywords whose value is not looked into.
    pub keywords: &'static [&'static str],
    /// Keywords whose value is a mapping, or a list of mappings, with keywords of its own.
    pub inside: &'static [(&'static str, &'static Place)],
    /// Names that are often mistaken for keywords here, with what to do instead; an empty name stands for any.
    pub habits: &'static [(&'static str, &'static str)],
}

impl Place {
    const fn of(name: &'static str, keywords: &'static [&'static str]) -> Self {
        Self { name, keywords, inside: &[], habits: &[] }
    }

    /// All keywords of the place.
    pub fn all(&'static self) -> impl Iterator<Item = &'static str> {
        self.keywords.iter().copied().chain(self.inside.iter().map(|(keyword, _)| *keyword))
    }

    /// What to do about `name`, which is no keyword here.
    #[must_use]
    pub fn help(&self, name: &str) -> Option<&'static str> {
        self.habits.iter().find(|(habit, _)| habit.is_empty() || *habit == name).map(|(_, help)| *help)
    }
}

/// Keywords of the root; `spec` stands in a document of its own, but GitLab reserves the name, and `types` is the old name of `stages`.
pub const ROOT: &[&str] = &[
    "after_script",
    "before_script",
    "cache",
    "default",
    "image",
    "include",
    "services",
    "spec",
    "stages",
    "types",
    "variables",
    "workflow",
];

/// `default:`.
pub static DEFAULT: Place = Place {
    name: "`default`",
    keywords: &["after_script", "before_script", "id_tokens", "identity", "interruptible", "tags", "timeout"],
    inside: &[
        ("artifacts", &ARTIFACTS),
        ("cache", &CACHE),
        ("hooks", &HOOKS),
        ("image", &IMAGE),
        ("retry", &RETRY),
        ("services", &SERVICE),
    ],
    habits: &[
        ("variables", "write `variables` at the top of the file: they reach every job"),
        ("rules", "write `rules` in each job, or in a hidden job that they extend"),
        ("stage", "write `stage` in each job, or in a hidden job that they extend"),
    ],
};

/// `workflow:`.
pub static WORKFLOW: Place =
    Place { name: "`workflow`", keywords: &["name"], inside: &[("auto_cancel", &AUTO_CANCEL), ("rules", &RULE)], habits: &[] };

/// A job.
pub static JOB: Place = Place {
    name: "a job",
    keywords: &[
        "after_script",
        "allow_failure",
        "before_script",
        "coverage",
        "dast_configuration",
        "dependencies",
        "except",
        "extends",
        "id_tokens",
        "identity",
        "inputs",
        "interruptible",
        "manual_confirmation",
        "only",
        "publish",
        "resource_group",
        "run",
        "script",
        "secrets",
        "stage",
        "start_in",
        "tags",
        "timeout",
        "type",
        "variables",
        "when",
    ],
    inside: &[
        ("artifacts", &ARTIFACTS),
        ("cache", &CACHE),
        ("environment", &ENVIRONMENT),
        ("hooks", &HOOKS),
        ("image", &IMAGE),
        ("inherit", &INHERIT),
        ("needs", &NEED),
        ("pages", &PAGES),
        ("parallel", &PARALLEL),
        ("release", &RELEASE),
        ("retry", &RETRY),
        ("rules", &RULE),
        ("services", &SERVICE),
        ("trigger", &TRIGGER),
    ],
    habits: &[
        ("privileged", "containers are privileged by the runner's `config.toml`, not by the job"),
        ("volumes", "volumes are mounted by the runner's `config.toml`, not by the job"),
        ("env", "write `variables`"),
        ("steps", "write `script`"),
        ("runs-on", "write `tags`"),
        ("if", "write `rules: [{if: …}]`"),
    ],
};

/// `inherit:`.
pub static INHERIT: Place = Place::of("`inherit`", &["default", "variables"]);

static ARTIFACTS: Place =
    Place::of("`artifacts`", &["access", "exclude", "expire_in", "expose_as", "name", "paths", "public", "reports", "untracked", "when"]);
static AUTO_CANCEL: Place = Place::of("`auto_cancel`", &["on_job_failure", "on_new_commit"]);
static CACHE: Place = Place {
    name: "`cache`",
    keywords: &["fallback_keys", "paths", "policy", "unprotect", "untracked", "when"],
    inside: &[("key", &CACHE_KEY)],
    habits: &[],
};
static CACHE_KEY: Place = Place::of("`cache:key`", &["files", "files_commits", "prefix"]);
static ENVIRONMENT: Place = Place {
    name: "`environment`",
    keywords: &["action", "auto_stop_in", "deployment_tier", "kubernetes", "name", "on_stop", "url"],
    inside: &[],
    habits: &[("", "`environment` says where a job deploys to; write environment variables under `variables`")],
};
static HOOKS: Place = Place::of("`hooks`", &["pre_get_sources_script"]);
static IMAGE: Place = Place::of("`image`", &["docker", "entrypoint", "kubernetes", "name", "ports", "pull_policy"]);
static NEED: Place = Place::of("`needs`", &["artifacts", "job", "optional", "parallel", "pipeline", "project", "ref"]);
static PAGES: Place = Place::of("`pages`", &["expire_in", "path_prefix", "publish"]);
static PARALLEL: Place = Place::of("`parallel`", &["matrix"]);
static RELEASE: Place =
    Place::of("`release`", &["assets", "description", "milestones", "name", "ref", "released_at", "tag_message", "tag_name"]);
static RETRY: Place = Place::of("`retry`", &["exit_codes", "max", "when"]);
static RULE: Place = Place {
    name: "a rule",
    keywords: &["allow_failure", "if", "interruptible", "start_in", "variables", "when"],
    inside: &[("auto_cancel", &AUTO_CANCEL), ("changes", &CHANGES), ("exists", &EXISTS), ("needs", &NEED)],
    habits: &[],
};
static CHANGES: Place = Place::of("`rules:changes`", &["compare_to", "paths", "regexp"]);
static EXISTS: Place = Place::of("`rules:exists`", &["paths", "project", "ref", "regexp"]);
static SERVICE: Place = Place {
    name: "a service",
    keywords: &["alias", "command", "docker", "entrypoint", "kubernetes", "name", "ports", "pull_policy", "variables"],
    inside: &[],
    habits: &[
        ("privileged", "services are privileged by the runner's `config.toml` (`[runners.docker] privileged = true`), not by the job"),
        ("volumes", "volumes are mounted by the runner's `config.toml` (`[runners.docker] volumes`), not by the job"),
        ("image", "write `name`"),
        ("environment", "write `variables`"),
    ],
};
static TRIGGER: Place = Place::of("`trigger`", &["branch", "forward", "include", "inputs", "project", "strategy"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_stands_once_in_its_place() {
        for place in [&DEFAULT, &WORKFLOW, &JOB, &INHERIT, &ARTIFACTS, &CACHE, &RULE, &SERVICE] {
            let mut all: Vec<_> = place.all().collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{}", place.name);
        }
    }
}
