//! A job into what it does to others when it runs: deployments, releases, uploads, pushes. Knows names of programs and their subcommands, not what a
//! program of the repository does.

use std::collections::BTreeSet;

use crate::detect::registry::Registry;
use crate::detect::steps::{JobShell, Step};
use crate::detect::{JobFacts, Program};
use crate::docker::{Op, Operation, Role};
use crate::pipeline::Job;
use crate::workspace::Workspace;
use crate::yaml::{Data, Value};

/// Script files that are followed within each other, at most.
const MAX_FOLLOWED: usize = 8;

/// What a job does to others.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Effects {
    /// What changes something elsewhere, each as a lower-case fragment; the first is enough not to run the job unasked.
    pub deploys: Vec<String>,
    /// The commands that send images to a registry.
    pub pushes: Vec<Push>,
}

/// A command that sends images to a registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Push {
    /// The command, as a fragment.
    pub command: String,
    /// Whether all go to the project's own registry, by the names of its variables.
    pub is_own: bool,
}

/// Programs that are for nothing but other hosts.
const ALWAYS: &[&str] = &[
    "ansible",
    "ansible-playbook",
    "ansible-pull",
    "argocd",
    "az",
    "bq",
    "cap",
    "cf",
    "codecov",
    "doctl",
    "dput",
    "eas",
    "eb",
    "eksctl",
    "fab",
    "fastlane",
    "firebase",
    "fly",
    "flyctl",
    "ftp",
    "gcloud",
    "gsutil",
    "hcloud",
    "heroku",
    "ibmcloud",
    "istioctl",
    "jf",
    "jfrog",
    "kapp",
    "lftp",
    "mosh",
    "ncftpput",
    "netlify",
    "nomad",
    "oc",
    "oci",
    "oras",
    "railway",
    "rclone",
    "release-cli",
    "s3cmd",
    "scp",
    "scw",
    "semantic-release",
    "sentry-cli",
    "serverless",
    "sftp",
    "sls",
    "sonar-scanner",
    "ssh",
    "ssh-copy-id",
    "sshpass",
    "velero",
    "vercel",
    "wrangler",
    "xcrun-altool",
];

/// Programs of which only these subcommands stay here.
const HARMLESS: &[(&str, &[&str])] = &[
    ("aws", &["configure", "help", "--version"]),
    (
        "helm",
        &[
            "template",
            "lint",
            "package",
            "dependency",
            "dep",
            "repo",
            "version",
            "create",
            "show",
            "plugin",
            "pull",
            "fetch",
            "search",
            "unittest",
            "env",
        ],
    ),
    ("kubectl", &["version", "kustomize", "config", "completion", "help", "explain"]),
    ("pulumi", &["version", "install", "login", "plugin"]),
    ("cosign", &["verify", "version", "tree", "download", "triangulate"]),
    ("helmfile", &["template", "lint", "version", "deps", "repos", "list", "build"]),
    ("skaffold", &["version", "render", "diagnose", "schema"]),
    ("werf", &["version", "render", "lint"]),
    ("flux", &["version", "check", "build", "install"]),
];

/// Programs of which only these subcommands reach out.
const HARMFUL: &[(&str, &[&str])] = &[
    ("bundle", &["publish"]),
    ("cargo", &["publish", "yank", "owner"]),
    ("cdk", &["deploy", "destroy", "bootstrap"]),
    ("dotnet", &["nuget"]),
    ("flit", &["publish"]),
    ("gem", &["push", "yank"]),
    ("gh", &["release", "pr", "issue", "api", "workflow", "gist", "repo"]),
    ("git", &["push", "send-email"]),
    ("glab", &["release", "mr", "issue", "api", "ci", "variable", "repo"]),
    ("goreleaser", &["release"]),
    ("gradle", &["publish", "uploadArchives", "release", "deploy"]),
    ("gradlew", &["publish", "uploadArchives", "release", "deploy"]),
    ("hatch", &["publish"]),
    ("lerna", &["publish"]),
    ("mvn", &["deploy", "release:perform", "release:prepare"]),
    ("mvnw", &["deploy", "release:perform", "release:prepare"]),
    ("nuget", &["push", "delete"]),
    ("npm", &["publish", "unpublish", "dist-tag", "deprecate"]),
    ("pnpm", &["publish", "deploy"]),
    ("poetry", &["publish"]),
    ("sam", &["deploy", "delete", "sync", "publish"]),
    ("terraform", &["apply", "destroy", "import", "taint", "untaint", "force-unlock", "state", "login"]),
    ("terragrunt", &["apply", "destroy", "import", "run-all", "state"]),
    ("tofu", &["apply", "destroy", "import", "taint", "untaint", "force-unlock", "state", "login"]),
    ("twine", &["upload"]),
    ("uv", &["publish"]),
    ("vault", &["write", "delete", "kv"]),
    ("yarn", &["publish", "npm"]),
];

/// Programs that run one of the repository's own tasks by its name.
const TASKS: &[&str] = &[
    "make", "gmake", "just", "task", "rake", "npm", "pnpm", "yarn", "npx", "invoke", "inv", "gradle", "gradlew", "mage", "nx", "composer",
];

/// Words that name such a task, a job or a stage as one that reaches out.
const WORDS: &[&str] = &["deploy", "deployment", "release", "publish", "upload", "rollout", "promote", "rollback", "destroy"];

/// What `job`, of which `facts` are known, does to others. `workspace` has the script files that it runs.
#[must_use]
pub fn effects(job: &Job, facts: &JobFacts, workspace: &Workspace) -> Effects {
    let mut effects = Effects::default();
    if let Some(environment) = job.config.get("environment").filter(|value| !value.is_null())
        && deploys(environment)
    {
        effects.deploys.push("it has an `environment`".to_owned());
    }
    for keyword in ["release", "pages"] {
        let is_off = |value: &Value| value.is_null() || matches!(value.data, Data::Bool(false));
        if job.config.get(keyword).is_some_and(|value| !is_off(value)) {
            effects.deploys.push(format!("it has a `{keyword}`"));
        }
    }
    for operation in &facts.operations {
        if may_push(&operation.operation) {
            let names = operation.operation.images.iter();
            let names = names.filter(|image| matches!(image.role, Role::Pushed | Role::Destination | Role::Built));
            let registries: Vec<Registry> = names.map(|image| Registry::of_image(&image.text)).collect();
            let is_own = !registries.is_empty() && registries.iter().all(|registry| *registry == Registry::Project);
            effects.pushes.push(Push { command: format!("`{}`", first_line(&operation.text)), is_own });
        }
    }
    let mut reader = Reader { workspace, seen: BTreeSet::new(), found: &mut effects.deploys };
    let after = facts.after_shell.clone().unwrap_or_else(|| JobShell::read(job, &job.after_script));
    for shell in [&*facts.main_shell(job), &after] {
        reader.shell(shell, 0);
    }
    effects
}

/// Whether an operation sends an image to a registry, as far as is known.
fn may_push(operation: &Operation) -> bool {
    let builds = matches!(operation.op, Op::Build | Op::Bake | Op::ComposeBuild | Op::Manifest | Op::Imagetools | Op::Other);
    operation.pushes().unwrap_or(builds)
}

/// Whether an environment is more than looked at: `prepare`, `verify` and `access` deploy nothing
/// (<https://docs.gitlab.com/ci/yaml/#environmentaction>).
fn deploys(environment: &Value) -> bool {
    !matches!(environment.get("action").and_then(Value::as_str), Some("prepare" | "verify" | "access"))
}

struct Reader<'a> {
    workspace: &'a Workspace,
    /// Files that were read.
    seen: BTreeSet<String>,
    found: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn shell(&mut self, shell: &JobShell, depth: usize) {
        for step in &shell.steps {
            let text = &shell.script.text[step.range()];
            if step.invocation.is_remote() || reaches_out(step) {
                self.found.push(format!("it runs `{}`", first_line(text)));
            } else if let Program::Runs(index) = step.program
                && depth < MAX_FOLLOWED
                && let Some(path) = followed(step, index)
                && self.seen.insert(path.clone())
            {
                if speaks(&path) {
                    self.found.push(format!("it runs `{}`", first_line(text)));
                } else if let Ok(text) = self.workspace.text(&path)
                    && text.len() < 1 << 20
                {
                    self.shell(&JobShell::of_text(&text), depth + 1);
                }
            }
        }
    }
}

/// The path from the root of the script file that a step runs.
fn followed(step: &Step, index: usize) -> Option<String> {
    let file = step.constant(index).filter(|file| !file.starts_with('/'))?;
    let folder = step.folder()?;
    let path = if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
    Some(path.trim_start_matches("./").to_owned())
}

/// Whether one of the words of `name` is one of [`WORDS`].
fn speaks(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word))
}

fn reaches_out(step: &Step) -> bool {
    let Some(name) = step.invocation.name() else { return false };
    let arguments: Vec<&str> = step.invocation.argv().iter().skip(1).map(|argument| argument.value.known_prefix()).collect();
    let has = |wanted: &[&str]| arguments.iter().any(|argument| wanted.contains(argument));
    let words = || arguments.iter().copied().filter(|argument| !argument.starts_with('-') && !argument.is_empty());
    if ALWAYS.contains(&name) {
        return !arguments.iter().all(|argument| matches!(*argument, "--version" | "version" | "-V" | "--help" | "help"))
            || arguments.is_empty();
    }
    if let Some((_, harmless)) = HARMLESS.iter().find(|(known, _)| *known == name) {
        let first = words().next().or(arguments.first().copied());
        return !first.is_some_and(|first| harmless.contains(&first));
    }
    if let Some((_, harmful)) = HARMFUL.iter().find(|(known, _)| *known == name)
        && words().any(|word| harmful.contains(&word.rsplit(':').next().unwrap_or(word)) || harmful.contains(&word))
        && !has(&["--dry-run", "--snapshot", "-n"])
    {
        return true;
    }
    if TASKS.contains(&name) {
        return words().any(speaks);
    }
    match name {
        "curl" => uploads(&arguments, &["-T", "--upload-file", "-d", "--data", "-F", "--form", "--json"], &["-X", "--request"]),
        "wget" => uploads(&arguments, &["--post-data", "--post-file", "--body-data"], &["--method"]),
        "http" | "https" | "xh" => has(&["POST", "PUT", "PATCH", "DELETE"]),
        "rsync" => {
            words().any(|word| word.contains(':'))
                || step.invocation.argv().iter().skip(1).any(|argument| argument.value.constant().is_none())
        }
        _ => false,
    }
}

/// Whether a request sends something to another host.
fn uploads(arguments: &[&str], sending: &[&str], method: &[&str]) -> bool {
    let local = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"];
    let is_local = arguments.iter().any(|argument| {
        let host = argument.split_once("://").map_or(*argument, |(_, rest)| rest);
        local.iter().any(|local| host.starts_with(local))
    });
    let sends = arguments.iter().any(|argument| {
        sending.iter().any(|flag| {
            argument == flag || argument.strip_prefix(flag).is_some_and(|rest| rest.starts_with(['=', '-'])) || short(argument, flag)
        })
    });
    let is_reading = |word: &str| matches!(word, "GET" | "HEAD" | "OPTIONS" | "");
    let by_method = arguments.windows(2).any(|pair| method.contains(&pair[0]) && !is_reading(pair[1]))
        || arguments.iter().any(|argument| method.iter().any(|flag| glued(argument, flag).is_some_and(|word| !is_reading(word))));
    !is_local && (sends || by_method)
}

/// Whether `argument` is a short flag with its value glued to it.
fn short(argument: &str, flag: &str) -> bool {
    flag.len() == 2 && argument.len() > 2 && argument.starts_with(flag)
}

/// The value behind `--flag=` or glued to a short flag.
fn glued<'a>(argument: &'a str, flag: &str) -> Option<&'a str> {
    let rest = argument.strip_prefix(flag)?;
    if flag.starts_with("--") { rest.strip_prefix('=') } else { Some(rest).filter(|rest| !rest.is_empty()) }
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    if line.chars().count() > 80 { format!("{}…", line.chars().take(79).collect::<String>()) } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// What the command `line` does to others.
    fn found(line: &str) -> bool {
        let text = format!("job:\n  script:\n    - {}\n", serde_json::to_string(line).unwrap());
        let workspace = Workspace::memory([
            (".gitlab-ci.yml", text.as_str()),
            ("ci/up.sh", "#!/bin/sh\nkubectl apply -f x\n"),
            ("ci/test.sh", "#!/bin/sh\necho ok\n"),
        ]);
        let analysis = crate::analyze(&workspace, &[".gitlab-ci.yml".to_owned()], &Config::default());
        let (job, facts) = analysis.pipelines[0].jobs().next().unwrap();
        !effects(job, facts, &workspace).deploys.is_empty()
    }

    #[test]
    fn commands_that_change_something_elsewhere_are_found() {
        for line in [
            "ssh host uptime",
            "kubectl apply -f x",
            "helm upgrade --install a b",
            "terraform -chdir=x apply -auto-approve",
            "aws s3 sync a s3://b",
            "git push origin HEAD",
            "npm publish",
            "make deploy-prod",
            "yarn run release",
            "mvn -B deploy",
            "curl -X POST https://hooks.example.com",
            "curl --upload-file x https://example.com/",
            "curl -XDELETE https://example.com/",
            "rsync -a dist/ user@host:/srv",
            "sudo ssh host true",
            "sshpass -p x ssh host true",
            "helmfile -e prod apply",
            "rclone sync dist remote:x",
            "twine upload dist/*",
            "sh ci/up.sh",
            "./scripts/deploy.sh",
        ] {
            assert!(found(line), "{line}");
        }
    }

    #[test]
    fn commands_that_stay_here_are_not() {
        for line in [
            "kubectl version --client",
            "helm template x",
            "helmfile template",
            "cosign verify x",
            "terraform plan",
            "terraform init",
            "git fetch",
            "npm ci",
            "npm run test",
            "make test",
            "curl -fsSL https://example.com/x",
            "curl -X POST http://localhost:8080/",
            "aws --version",
            "rsync -a a/ b/",
            "cargo test",
            "echo kubectl apply",
            ". /etc/os-release",
            "sh ci/test.sh",
            "git push --dry-run",
        ] {
            assert!(!found(line), "{line}");
        }
    }
}
