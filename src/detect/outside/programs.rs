//! Command lines into whether they change something elsewhere, by what is known of their programs. Knows no shell and no files.

use crate::detect::outside::requests;

/// Programs that are for nothing but other hosts.
#[rustfmt::skip]
const ALWAYS: &[&str] = &[
    "adms", "altool", "ansible", "ansible-pull", "argocd", "az", "azcopy", "beest", "bq", "cap", "capistrano", "cf", "chalice", "codecov", "copr-cli",
    "coveralls", "danger", "datadog-ci", "deployer", "doctl", "dokku", "dput", "eas", "eb", "ecs", "ecs-cli", "ecs-deploy", "eksctl", "envoy", "fab",
    "fastlane", "firebase", "fly", "flyctl", "ftp", "gcloud", "ghr", "github-release", "gitlab-triage", "goveralls", "gsutil", "hcloud", "heroku",
    "ibmcloud", "istioctl", "jf", "jfrog", "kamal", "kapp", "lftp", "mina", "mosh", "msmtp", "mutt", "ncftpput", "netlify", "nomad", "oc", "oci", "railway",
    "rclone", "release-cli", "release-it", "release-please", "reviewdog", "s3cmd", "s5cmd", "scp", "scw", "semantic-release", "sendmail", "sentry-cli",
    "serverless", "sftp", "shipit", "sls", "sonar-scanner", "ssh", "ssh-copy-id", "sshpass", "surge", "swaks", "terminus", "velero", "vercel", "wrangler",
    "xcrun-altool", "zappa",
];

/// Programs of which only these subcommands stay here. A word that ends with `*` stands for all that begin so.
#[rustfmt::skip]
const HARMLESS: &[(&str, &[&str])] = &[
    ("ansible-playbook", &["--syntax-check", "--check", "-C", "--list-tasks", "--list-hosts", "--list-tags"]),
    ("aws", &["configure", "help", "sts", "ecr get-login*", "ecr describe-*", "ecr-public get-login*", "s3 ls", "eks update-kubeconfig", "ssm get-*",
     "secretsmanager get-*", "codeartifact get-*", "codeartifact login"]),
    ("cosign", &["verify*", "version", "tree", "download", "triangulate", "login"]),
    ("flux", &["version", "check", "build", "install"]),
    ("helm", &["template", "lint", "package", "dependency", "dep", "repo", "version", "create", "show", "plugin", "pull", "fetch", "search", "unittest",
     "env", "list", "ls", "status", "get", "history", "diff", "verify", "registry"]),
    ("helmfile", &["template", "lint", "version", "deps", "repos", "list", "build", "diff"]),
    ("kubectl", &["version", "kustomize", "config", "completion", "help", "explain", "get", "describe", "logs", "wait", "diff", "top", "auth",
     "api-resources", "api-versions", "cluster-info", "rollout status", "rollout history"]),
    ("oras", &["pull", "login", "discover", "version", "manifest fetch"]),
    ("pulumi", &["version", "install", "login", "plugin", "preview"]),
    ("skaffold", &["version", "render", "diagnose", "schema"]),
    ("werf", &["version", "render", "lint"]),
];

/// Programs of which only these subcommands reach out.
#[rustfmt::skip]
const HARMFUL: &[(&str, &[&str])] = &[
    ("anaconda", &["upload"]),
    ("ansible-galaxy", &["import", "publish", "delete"]),
    ("appflow", &["deploy"]),
    ("apptainer", &["push"]),
    ("brew", &["bump-formula-pr", "bump-cask-pr"]),
    ("bun", &["publish"]),
    ("bundle", &["publish"]),
    ("cabal", &["upload"]),
    ("cargo", &["publish", "yank", "owner", "smart-release"]),
    ("cdk", &["deploy", "destroy", "bootstrap"]),
    ("cdktf", &["deploy", "destroy"]),
    ("charmcraft", &["upload", "release"]),
    ("conan", &["upload"]),
    ("consul", &["put"]),
    ("crane", &["tag", "delete", "append", "mutate", "rebase"]),
    ("dart", &["publish"]),
    ("docker", &["stack deploy", "stack rm", "service create", "service update", "service rm", "service scale", "service rollback"]),
    ("dep", &["deploy", "rollback"]),
    ("dotnet", &["nuget push", "nuget delete"]),
    ("dvc", &["push"]),
    ("earthly", &["--push"]),
    ("flit", &["publish"]),
    ("flutter", &["publish"]),
    ("gem", &["push", "yank"]),
    ("gh", &["release create", "release edit", "release delete", "release upload", "pr create", "pr merge", "pr close", "pr comment", "pr edit",
     "pr review", "issue create", "issue close", "issue comment", "issue edit", "workflow run", "gist create", "repo create", "repo delete", "repo edit"]),
    ("git", &["push", "send-email"]),
    ("gitlab-terraform", &["apply", "destroy"]),
    ("gitlab-tofu", &["apply", "destroy"]),
    ("glab", &["release create", "release upload", "release delete", "mr create", "mr merge", "mr close", "mr note", "mr update", "issue create",
     "issue close", "issue note", "issue update", "ci run", "ci trigger", "variable set", "variable update", "variable delete", "repo create"]),
    ("goreleaser", &["release"]),
    ("gradle", &["uploadArchives", "jib", "artifactoryPublish", "bintrayUpload", "sonar", "sonarqube"]),
    ("gradlew", &["uploadArchives", "jib", "artifactoryPublish", "bintrayUpload", "sonar", "sonarqube"]),
    ("hatch", &["publish"]),
    ("hg", &["push"]),
    ("hub", &["release", "pull-request", "push"]),
    ("img", &["push"]),
    ("ionic-cloud", &["deploy"]),
    ("kluctl", &["deploy", "delete"]),
    ("ko", &["publish", "build", "resolve", "apply"]),
    ("lerna", &["publish", "version"]),
    ("luarocks", &["upload"]),
    ("mc", &["cp", "mirror", "rm", "mv"]),
    ("mike", &["deploy"]),
    ("mix", &["hex.publish"]),
    ("mkdocs", &["gh-deploy"]),
    ("mvn", MAVEN),
    ("mvnw", MAVEN),
    ("nerdctl", &["push"]),
    ("ng", &["deploy"]),
    ("nuget", &["push", "delete"]),
    ("npm", &["publish", "unpublish", "dist-tag", "deprecate"]),
    ("okteto", &["deploy", "destroy"]),
    ("packer", &["build"]),
    ("pm2", &["deploy"]),
    ("pnpm", &["publish", "deploy"]),
    ("pod", &["trunk"]),
    ("poetry", &["publish"]),
    ("prisma", &["deploy"]),
    ("regctl", &["copy", "rm", "delete", "mod", "put"]),
    ("sam", &["deploy", "delete", "sync", "publish"]),
    ("sbt", &["publish", "publishSigned", "release"]),
    ("singularity", &["push"]),
    ("skopeo", &["delete"]),
    ("snapcraft", &["upload", "push", "release"]),
    ("stack", &["upload"]),
    ("svn", &["commit", "ci"]),
    ("terraform", TERRAFORM),
    ("terragrunt", TERRAFORM),
    ("terraspace", &["up", "down", "all"]),
    ("tofu", TERRAFORM),
    ("twine", &["upload"]),
    ("uv", &["publish"]),
    ("vault", &["delete", "kv put", "kv delete", "kv patch", "kv destroy"]),
    ("xcrun", &["altool", "notarytool"]),
    ("yarn", &["publish", "npm publish"]),
];

#[rustfmt::skip]
const MAVEN: &[&str] = &[
    "deploy", "release:perform", "release:prepare", "deploy:deploy-file", "site-deploy", "wagon:upload", "jib:build", "sonar:sonar", "nexus-staging:*",
    "central-publishing:publish",
];

#[rustfmt::skip]
const TERRAFORM: &[&str] = &[
    "apply", "destroy", "import", "taint", "untaint", "force-unlock", "refresh", "login", "workspace new", "workspace delete", "state rm", "state mv",
    "state push", "state replace-provider", "run-all apply", "run-all destroy",
];

/// Programs that run one of the repository's own tasks by its name.
#[rustfmt::skip]
const TASKS: &[&str] = &[
    "make", "gmake", "just", "task", "rake", "npm", "pnpm", "yarn", "npx", "invoke", "inv", "gradle", "gradlew", "mage", "nx", "composer", "bun", "deno",
    "poe", "tox", "nox", "ant", "sbt", "lein", "bazel", "hatch", "nps", "turbo", "artisan", "console",
];

/// Programs of which words after the first name packages, not tasks, behind these.
const INSTALLS: &[&str] =
    &["install", "i", "ci", "add", "require", "config", "remove", "uninstall", "update", "upgrade", "global", "dlx", "info", "view", "why"];

/// Programs that run another one, which is somewhere among their words.
#[rustfmt::skip]
const RUNNERS: &[&str] = &[
    "bundle", "poetry", "uv", "pipenv", "pdm", "rye", "hatch", "pixi", "conda", "mamba", "micromamba", "uvx", "pipx", "python", "py", "npx", "bunx", "bun",
    "pnpm", "yarn", "npm", "ssh-agent", "flock", "su", "runuser", "xvfb-run", "parallel", "find", "busybox", "setarch", "doppler", "op", "chamber",
    "aws-vault", "sops", "nix", "nix-shell", "mise", "direnv", "gosu", "docker", "podman", "docker-compose", "nerdctl",
];

/// What runs files of the repository that are no shell scripts.
const INTERPRETERS: &[&str] = &["python", "node", "deno", "bun", "ruby", "php", "perl", "pwsh", "powershell", "tsx", "ts-node", "rscript"];

/// Words that name a task or a script as one that reaches out.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "deploy", "deployment", "undeploy", "release", "prerelease", "publish", "unpublish", "upload", "push", "rollout", "promote", "rollback", "destroy",
    "notify", "announce", "ship", "deliver",
];

/// Words beside which one of [`WORDS`] says what is looked at or made here.
const LOOKS: &[&str] = &["notes", "lint", "list", "dry", "tarball", "version", "lsb"];

/// Options of programs in [`HARMLESS`] behind which a value stands.
#[rustfmt::skip]
const VALUED: &[&str] = &[
    "--kubeconfig", "--context", "--kube-context", "--namespace", "-n", "--profile", "--region", "--project", "--cluster", "--output", "-e",
    "--environment", "-f", "--file", "-l", "--selector", "-i", "--inventory",
];

/// Most words of a command line that are looked at as a command of their own.
const MAX_WORDS: usize = 64;

/// The name of a program as the tables have it: without folder, ending of Windows, tag of an image and a version behind it.
fn plain(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
    let name = name.split('@').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    let name = [".exe", ".cmd", ".bat"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-').to_owned()
}

/// Whether the program `name` with `arguments`, in which unknown variables stand as `${NAME}`, changes something elsewhere. `local` are names of hosts that
/// belong to the job.
pub fn acts(name: &str, arguments: &[&str], local: &[&str]) -> bool {
    let exact = name.rsplit('/').next().unwrap_or(name);
    names(name).chain([exact.to_owned()]).any(|name| by_name(&name, arguments, local))
}

/// What the tables may call a program: an image is often called `amazon/aws-cli`.
fn names(name: &str) -> impl Iterator<Item = String> {
    let plain = plain(name);
    let shorter = plain.strip_suffix("-cli").map(str::to_owned);
    std::iter::once(plain).chain(shorter)
}

fn by_name(name: &str, arguments: &[&str], local: &[&str]) -> bool {
    let has = |wanted: &[&str]| arguments.iter().any(|argument| wanted.contains(argument));
    if is_rehearsal(name, arguments) {
        return false;
    }
    if ALWAYS.contains(&name) {
        return arguments.is_empty()
            || !arguments.iter().all(|argument| matches!(*argument, "--version" | "version" | "-V" | "--help" | "help"));
    }
    let told = words(arguments, VALUED);
    if let Some((_, harmless)) = HARMLESS.iter().find(|(known, _)| *known == name) {
        let is_told = harmless.iter().any(|known| known.starts_with('-') && has(&[known]));
        let is_asked = told.is_empty() && has(&["--version", "--help", "-h"]);
        return !(is_told || is_asked || only_fetches(name, &told) || harmless.iter().any(|known| begins(&told, known)));
    }
    // Elsewhere a short option may be a switch, and what stands behind it is what is done: `mvn -e deploy`.
    let words = words(arguments, &[]);
    let harmful = HARMFUL.iter().find(|(known, _)| *known == name);
    if harmful.is_some_and(|(_, harmful)| harmful.iter().any(|known| within(&words, arguments, known))) {
        return true;
    }
    match name {
        "curl" => requests::curl(arguments, local),
        "wget" => requests::wget(arguments, local),
        _ if requests::DATABASES.contains(&name) => requests::database(arguments, local),
        "http" | "https" | "xh" => has(&["POST", "PUT", "PATCH", "DELETE"]),
        "rsync" => arguments.iter().any(|argument| !argument.starts_with('-') && (argument.contains(':') || argument.starts_with("${"))),
        "gh" | "glab" if begins(&words, "api") => {
            has(&["-X", "--method", "-f", "--raw-field", "-F", "--field", "--input"]) && !has(&["GET"])
        }
        "vault" => begins(&words, "write") && !words.get(1).is_some_and(|path| path.starts_with("auth/") && path.contains("login")),
        // `cargo build --profile release` is none.
        "cargo" => words.iter().find(|word| !word.starts_with('+')) == Some(&"release"),
        "goreleaser" => words.is_empty() && !has(&["--version", "-v", "--help"]),
        "dagger" => begins(&words, "call") && words.iter().skip(1).any(|word| speaks(word)),
        _ if TASKS.contains(&name) && task(name, arguments) => true,
        _ if INTERPRETERS.contains(&name) && file(arguments).is_some_and(speaks) => true,
        _ if RUNNERS.contains(&name) => inner(name, arguments, local),
        _ => false,
    }
}

/// Whether nothing but a look is taken. `-n` means that to few programs.
fn is_rehearsal(name: &str, arguments: &[&str]) -> bool {
    // What these are given is done elsewhere, whatever it is.
    if matches!(name, "ssh" | "sshpass" | "mosh" | "scp" | "sftp") {
        return false;
    }
    arguments.iter().any(|argument| match argument.split_once('=') {
        Some(("--dry-run", how)) => !matches!(how, "none" | "false" | "0"),
        Some(_) => false,
        None => {
            *argument == "--dry-run"
                || (*argument == "-n" && matches!(name, "git" | "cargo" | "make"))
                || (*argument == "--snapshot" && name == "goreleaser")
        }
    })
}

/// The words that are no options, without the values of those in `valued`.
fn words<'a>(arguments: &[&'a str], valued: &[&str]) -> Vec<&'a str> {
    let mut words = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if valued.contains(argument) {
            rest.next();
        } else if !argument.starts_with('-') && !argument.is_empty() {
            words.push(*argument);
        }
    }
    words
}

/// Whether `words` begin with those of `known`.
fn begins(words: &[&str], known: &str) -> bool {
    known.split(' ').enumerate().all(|(index, part)| words.get(index).is_some_and(|word| is(word, part)))
}

/// Whether the words of `known` stand one behind the other anywhere among the words that are no options, or a single one among all.
fn within(words: &[&str], all: &[&str], known: &str) -> bool {
    if known.starts_with('-') {
        return all.contains(&known);
    }
    (0..words.len()).any(|from| {
        begins(&words[from..], known) || (!known.contains(' ') && words[from].rsplit(':').next().is_some_and(|last| is(last, known)))
    })
}

fn is(word: &str, known: &str) -> bool {
    known.strip_suffix('*').map_or(word == known, |beginning| word.starts_with(beginning))
}

/// Whether `aws` only brings something here, or asks.
fn only_fetches(name: &str, words: &[&str]) -> bool {
    let asks = |word: &&str| ["describe-", "list-", "get-", "wait"].iter().any(|beginning| word.starts_with(beginning));
    let fetches = matches!(words, ["s3", "cp" | "sync", from, to, ..] if from.starts_with("s3://") && !to.starts_with("s3://") && !to.starts_with("${"));
    name == "aws" && (fetches || words.get(1).is_some_and(asks))
}

/// Whether a task is named that reaches out.
fn task(name: &str, arguments: &[&str]) -> bool {
    let own = arguments.split(|argument| *argument == "--").next().unwrap_or_default();
    let is_make = matches!(name, "make" | "gmake");
    let mut words = Vec::new();
    let mut rest = own.iter();
    while let Some(argument) = rest.next() {
        let has_value = matches!(*argument, "--directory" | "--file" | "--prefix") || (is_make && matches!(*argument, "-C" | "-f"));
        if has_value {
            rest.next();
        } else if (!argument.starts_with('-') || matches!(name, "tox" | "nox")) && !argument.contains('=') {
            words.push(*argument);
        }
    }
    if matches!(name, "npm" | "pnpm" | "yarn" | "composer" | "bun") && words.first().is_some_and(|first| INSTALLS.contains(first)) {
        return false;
    }
    // Gradle and Mage write their tasks as one word: what is done stands first in it. Publishing to the machine itself stays here.
    words.iter().any(|word| *word != "publishToMavenLocal" && speaks(word))
}

/// The file that an interpreter is given.
fn file<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    let first = arguments.iter().find(|argument| !argument.starts_with('-'))?;
    (!arguments.iter().any(|argument| matches!(*argument, "-c" | "-e" | "-m")) && first.contains('.')).then_some(*first)
}

/// Whether one of the words begins a command that changes something elsewhere, or is the text of one.
fn inner(name: &str, arguments: &[&str], local: &[&str]) -> bool {
    // What is installed is not run.
    let end = arguments.iter().position(|word| INSTALLS.contains(word)).unwrap_or(arguments.len());
    let start = start(name, arguments);
    // A module is named at once.
    let end = if matches!(name, "python" | "py") { end.min(start + 1) } else { end.min(MAX_WORDS) };
    (start..end).any(|at| {
        let (word, rest) = (arguments[at], &arguments[at + 1..]);
        let is_name = !word.starts_with('-') && !word.contains(['=', ' ']) && !RUNNERS.contains(&word);
        let is_value = at > 0 && CONTAINER_VALUED.contains(&arguments[at - 1]);
        (is_name && !is_value && is_tabled(word) && acts(word, rest, local))
            || (word == "-c" && rest.first().is_some_and(|text| is_text_of_one(text, local)))
    })
}

/// Options of `docker run` and `docker exec` behind which a value stands that is no program.
#[rustfmt::skip]
const CONTAINER_VALUED: &[&str] = &[
    "--name", "-v", "--volume", "--env", "--env-file", "-w", "--workdir", "--network", "--net", "-u", "--user", "--mount", "-p", "--publish", "--hostname",
    "--link", "--label", "--platform", "--add-host", "--ip", "--cpus", "--memory",
];

/// Where another program may begin among the arguments of one that runs others.
fn start(name: &str, arguments: &[&str]) -> usize {
    let behind = |options: &[&str]| arguments.iter().position(|argument| options.contains(argument)).map_or(arguments.len(), |at| at + 1);
    match name {
        "docker" | "podman" | "nerdctl" | "docker-compose" => behind(&["run", "exec"]),
        "find" => behind(&["-exec", "-execdir", "-ok"]),
        "python" | "py" => behind(&["-m"]),
        "su" | "runuser" => behind(&["-c", "--command"]).saturating_sub(1),
        _ => 0,
    }
}

/// Whether the tables say something of a program, besides that it runs tasks.
fn is_tabled(name: &str) -> bool {
    names(name).any(|name| {
        let among = |table: &[(&str, &[&str])]| table.iter().any(|(known, _)| *known == name);
        ALWAYS.contains(&&*name)
            || among(HARMLESS)
            || among(HARMFUL)
            || matches!(&*name, "curl" | "wget" | "rsync")
            || requests::DATABASES.contains(&&*name)
    })
}

/// Whether a text that a shell is given has such a command, roughly: by its words.
fn is_text_of_one(text: &str, local: &[&str]) -> bool {
    text.split(['\n', ';', '|', '&']).any(|command| {
        let words: Vec<&str> = command.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
        let start = words.iter().position(|word| !word.contains('=')).unwrap_or_default();
        words.get(start).is_some_and(|name| acts(name, &words[start + 1..], local))
    })
}

/// Whether one of the words of `name`, the last part of a path, is one of [`WORDS`]: `deploy-prod`, `publishPlugins`, `docker_push.sh`.
pub fn speaks(name: &str) -> bool {
    let last = name.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(name);
    let parts: Vec<&str> = last.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let first_of = |part: &str| {
        let end = part.char_indices().skip(1).find(|(_, c)| c.is_ascii_uppercase()).map_or(part.len(), |(at, _)| at);
        // All in capitals is one word.
        let end = if part.chars().all(|c| !c.is_ascii_lowercase()) { part.len() } else { end };
        part[..end].to_ascii_lowercase()
    };
    let firsts: Vec<String> = parts.iter().map(|part| first_of(part)).collect();
    firsts.iter().any(|word| WORDS.contains(&&**word)) && !firsts.iter().any(|word| LOOKS.contains(&&**word))
}
