//! Programs into what is known of their habits: whether a run may be replaced by the result of an earlier one, and whether they look for variables by
//! themselves. Knows names and first arguments only.

use crate::detect::Step;

/// What is known of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Habit {
    /// The same input gives the same result, as far as anybody relies on it.
    Repeatable,
    /// Nothing is known of it.
    Unknown,
    /// It acts on the world outside, with what a script tells it and nothing else.
    Told,
    /// It changes the machine's kernel or network.
    Privileged,
    /// It reads variables that a script does not name: credentials, or what GitLab says of the pipeline.
    ReadsEnvironment,
}

/// Everyday programs that act on files alone, whatever the variables are that are none of those in [`EVERYWHERE`].
const SELF_CONTAINED: &[&str] = &[
    ":",
    "[",
    "[[",
    "apk",
    "awk",
    "base64",
    "basename",
    "cat",
    "cd",
    "chmod",
    "command",
    "cp",
    "cut",
    "dirname",
    "echo",
    "exit",
    "export",
    "false",
    "find",
    "grep",
    "gunzip",
    "gzip",
    "head",
    "id",
    "jq",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "printf",
    "pwd",
    "rm",
    "sed",
    "seq",
    "set",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "tail",
    "tar",
    "tee",
    "test",
    "touch",
    "tr",
    "true",
    "uname",
    "uniq",
    "unzip",
    "wc",
    "zip",
];

/// Everyday programs that act on files alone, and may look for variables.
const REPEATABLE: &[&str] = &[
    "apt",
    "apt-get",
    "bandit",
    "black",
    "break",
    "continue",
    "df",
    "diff",
    "egrep",
    "eslint",
    "expr",
    "flake8",
    "hadolint",
    "isort",
    "jest",
    "let",
    "local",
    "markdownlint",
    "mocha",
    "mypy",
    "nox",
    "nproc",
    "php-cs-fixer",
    "phpstan",
    "phpunit",
    "prettier",
    "pylint",
    "pyright",
    "pytest",
    "readlink",
    "readonly",
    "realpath",
    "return",
    "rspec",
    "rubocop",
    "ruff",
    "shellcheck",
    "shift",
    "shopt",
    "tox",
    "trap",
    "tsc",
    "umask",
    "unset",
    "vitest",
    "which",
    "whoami",
    "xargs",
    "yamllint",
];

/// Programs that do what they are told, to others.
const TOLD: &[&str] = &[
    "curl",
    "wget",
    "ssh",
    "scp",
    "ssh-add",
    "ssh-agent",
    "ssh-keyscan",
    "rsync",
    "git",
    "openssl",
    "gpg",
    "nc",
    "mail",
    "lftp",
    "sftp",
    "date",
];

/// Programs for which a container has to be privileged.
const PRIVILEGED: &[&str] =
    &["sysctl", "mount", "umount", "modprobe", "iptables", "ip6tables", "ip", "losetup", "systemctl", "service", "unshare", "nsenter"];

/// Build tools with the words behind them that only fetch, build or test.
const BY_WORD: &[(&str, &[&str])] = &[
    ("bundle", &["install", "config", "check", "--version"]),
    ("cargo", &["build", "check", "clippy", "fetch", "fmt", "test", "--version"]),
    ("composer", &["install", "validate", "--version"]),
    ("dotnet", &["--version"]),
    ("go", &["build", "env", "fmt", "mod", "test", "version", "vet"]),
    ("mvn", &["--version"]),
    ("npm", &["ci", "install", "i", "test", "t", "--version", "-v"]),
    ("pip", &["install", "freeze", "list", "--version"]),
    ("pip3", &["install", "freeze", "list", "--version"]),
    ("pnpm", &["install", "i", "test", "--version"]),
    ("poetry", &["install", "check", "--version"]),
    ("python", &["--version", "-V"]),
    ("python3", &["--version", "-V"]),
    ("node", &["--version", "-v"]),
    ("uv", &["sync", "pip", "venv", "--version"]),
    ("yarn", &["install", "test", "--version"]),
];

/// Programs that look for credentials, or for what GitLab says of the pipeline, in their environment.
const READS_ENVIRONMENT: &[&str] = &[
    "ansible",
    "ansible-playbook",
    "aws",
    "az",
    "cdk",
    "codecov",
    "codecovcli",
    "copilot",
    "coveralls",
    "danger",
    "doctl",
    "eb",
    "fastlane",
    "firebase",
    "flux",
    "fly",
    "flyctl",
    "gcloud",
    "gh",
    "gitlab-terraform",
    "gitlab-tofu",
    "glab",
    "goreleaser",
    "gsutil",
    "helm",
    "helmfile",
    "heroku",
    "infracost",
    "kubectl",
    "kustomize",
    "netlify",
    "op",
    "packer",
    "pulumi",
    "release-cli",
    "renovate",
    "reviewdog",
    "sam",
    "semantic-release",
    "sentry-cli",
    "serverless",
    "sls",
    "sonar-scanner",
    "sops",
    "terraform",
    "terragrunt",
    "tofu",
    "twine",
    "vault",
    "vercel",
    "wrangler",
    "snyk",
    "trivy",
    "cosign",
    "oras",
    "skaffold",
];

/// Words with which a build tool publishes or deploys, for which it looks for credentials by itself.
const PUBLISHES: &[&str] = &["deploy", "publish", "release", "upload", "push", "login", "sonar:sonar", "sonar", "jib", "dockerBuild"];

/// Build tools of which that is known.
const BUILD_TOOLS: &[&str] = &[
    "cargo", "composer", "dotnet", "gem", "gradle", "gradlew", "lerna", "mvn", "mvnw", "npm", "npx", "nx", "pnpm", "poetry", "rake", "uv",
    "yarn",
];

/// Programs of [`TOLD`] whose work no variable changes that isn't one of those in [`EVERYWHERE`].
const TOLD_ALL: &[&str] = &["curl", "date", "wget"];

/// Programs that run nothing of the repository's, and the beginnings of the variables for which they look (their manuals).
const LOOKS_AT: &[(&str, &[&str])] = &[
    ("apt-get", &["APT_", "DEBCONF_", "DEBIAN_", "DPKG_"]),
    ("hadolint", &["HADOLINT_", "NO_COLOR", "XDG_"]),
    ("ruff", &["CLICOLOR", "FORCE_COLOR", "NO_COLOR", "RAYON_", "RUFF_", "TERM", "VIRTUAL_ENV", "XDG_"]),
    ("shellcheck", &["SHELLCHECK_", "TERM", "XDG_"]),
    ("yamllint", &["PYTHON", "XDG_", "YAMLLINT_"]),
];

/// Programs that install from outside with one of [`INSTALLS`].
const INSTALLERS: &[&str] =
    &["apk", "apt", "apt-get", "bundle", "composer", "gem", "go", "npm", "pip", "pip3", "pnpm", "poetry", "uv", "yarn"];
const INSTALLS: &[&str] = &["add", "ci", "download", "i", "install", "restore", "sync"];

/// Programs that install what they run.
const FETCHERS: &[&str] = &["nox", "npx", "tox"];

/// Variables that any program may look at.
const EVERYWHERE: &[&str] = &["PATH", "TZ", "LANG", "LANGUAGE", "HOME", "TMPDIR", "IFS", "CURL_HOME", "WGETRC"];

/// Whether a step may run once more without anybody's noticing.
#[must_use]
pub fn is_harmless(step: &Step) -> bool {
    habit(step) == Habit::Repeatable || step.name() == Some("date")
}

/// The beginnings of the names of variables for which a step's program looks beside those in its words and those in [`EVERYWHERE`]; none where that isn't known.
pub(super) fn looked_at(step: &Step) -> Option<&'static [&'static str]> {
    let Some(name) = step.name() else { return step.argv.is_empty().then_some(&[]) };
    if step.invocation.opaque || step.invocation.unread_text {
        return None;
    }
    if SELF_CONTAINED.contains(&name) || TOLD_ALL.contains(&name) {
        return Some(&[]);
    }
    LOOKS_AT.iter().find(|(program, _)| *program == name).map(|(_, names)| *names)
}

/// Whether a step's program gets something from outside.
pub(super) fn fetches(step: &Step) -> bool {
    let mut words = (1..step.argv.len()).filter_map(|at| step.constant(at));
    step.name().is_some_and(|name| FETCHERS.contains(&name) || INSTALLERS.contains(&name) && words.any(|word| INSTALLS.contains(&word)))
}

/// Whether a program may look at the variable `name` that its words don't have.
pub(super) fn is_looked_at_everywhere(name: &str) -> bool {
    EVERYWHERE.contains(&name) || name.starts_with("LC_") || name.to_ascii_lowercase().contains("proxy")
}

/// The habit of a step's program.
pub(super) fn habit(step: &Step) -> Habit {
    let Some(name) = step.name() else {
        return if step.argv.is_empty() { Habit::Repeatable } else { Habit::Unknown };
    };
    let base = name.rsplit('/').next().unwrap_or(name);
    let words = || (1..step.argv.len()).filter_map(|at| step.constant(at));
    // Without more words they print all variables.
    if ["set", "export", "declare", "typeset", "readonly", "env", "printenv"].contains(&base) && step.argv.len() < 2 {
        return Habit::ReadsEnvironment;
    }
    if READS_ENVIRONMENT.contains(&base) {
        return Habit::ReadsEnvironment;
    }
    if BUILD_TOOLS.contains(&base)
        && words().any(|word| {
            READS_ENVIRONMENT.contains(&word) || PUBLISHES.iter().any(|verb| word.rsplit(':').next() == Some(*verb) || word == *verb)
        })
    {
        return Habit::ReadsEnvironment;
    }
    if PRIVILEGED.contains(&base) {
        return Habit::Privileged;
    }
    if name.contains('/') && !["/bin/", "/usr/bin/"].iter().any(|folder| name.starts_with(folder)) {
        return Habit::Unknown;
    }
    if TOLD.contains(&base) {
        return Habit::Told;
    }
    if SELF_CONTAINED.contains(&base) || REPEATABLE.contains(&base) {
        return Habit::Repeatable;
    }
    let by_word = |(tool, known): &(&str, &[&str])| {
        *tool == base && words().find(|word| !word.starts_with('-') || known.contains(word)).is_some_and(|word| known.contains(&word))
    };
    if BY_WORD.iter().any(by_word) { Habit::Repeatable } else { Habit::Unknown }
}
