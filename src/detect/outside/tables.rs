//! What is known of programs, by their names and words.

/// Programs that are for nothing but other hosts.
#[rustfmt::skip]
pub const ALWAYS: &[&str] = &[
    "adms", "altool", "ansible", "autossh", "chromatic", "dpl", "gh-pages", "ghp-import", "git-ftp", "go-semrel-gitlab", "jreleaser", "knife", "kops", "lhci",
    "mail", "mailx", "msdeploy", "ngh", "parallel-ssh", "pdsh", "plink", "pscp", "psftp", "pssh", "publish-module", "publish-psresource", "publish-script",
    "salt", "winscp", "winscp.com", "ansible-pull", "argocd", "az", "azcopy", "beest", "bq", "cap", "capistrano", "cf", "chalice", "codecov", "copr-cli",
    "coveralls", "danger", "datadog-ci", "deployer", "doctl", "dokku", "dput", "eas", "eb", "ecs", "ecs-cli", "ecs-deploy", "eksctl", "envoy", "fab",
    "firebase", "fly", "flyctl", "ftp", "gcloud", "ghr", "github-release", "gitlab-triage", "goveralls", "gsutil", "hcloud", "heroku",
    "ibmcloud", "istioctl", "jf", "jfrog", "kamal", "kapp", "lftp", "mina", "mosh", "msmtp", "mutt", "ncftpput", "netlify", "nomad", "oc", "oci", "railway",
    "rclone", "release-cli", "release-it", "release-please", "reviewdog", "s3cmd", "s5cmd", "scp", "scw", "semantic-release", "sendmail", "sentry-cli",
    "serverless", "sftp", "shipit", "sls", "sonar-scanner", "ssh", "ssh-copy-id", "sshpass", "surge", "swaks", "terminus", "velero", "vercel", "wrangler",
    "xcrun-altool", "zappa",
];

/// Programs of which only these subcommands stay here. A word that ends with `*` stands for all that begin so.
#[rustfmt::skip]
pub const HARMLESS: &[(&str, &[&str])] = &[
    ("ansible-playbook", &["--syntax-check", "--check", "-C", "--list-tasks", "--list-hosts", "--list-tags"]),
    ("aws", &["configure", "help", "sts", "ecr get-login*", "ecr describe-*", "ecr-public get-login*", "s3 ls", "eks update-kubeconfig", "ssm get-*",
     "secretsmanager get-*", "codeartifact get-*", "codeartifact login"]),
    ("cosign", &["verify*", "version", "tree", "download", "triangulate", "login"]),
    ("flux", &["version", "check", "build", "install"]),
    ("helm", &["--client-only", "template", "lint", "package", "dependency", "dep", "repo", "version", "create", "show", "plugin", "pull", "fetch", "search", "unittest",
     "env", "list", "ls", "status", "get", "history", "diff", "verify", "registry"]),
    ("helmfile", &["template", "lint", "version", "deps", "repos", "list", "build", "diff"]),
    ("kubectl", &["version", "kustomize", "config", "completion", "help", "explain", "get", "describe", "logs", "wait", "diff", "top", "auth",
     "api-resources", "api-versions", "convert", "cluster-info", "rollout status", "rollout history"]),
    ("oras", &["pull", "login", "discover", "version", "manifest fetch"]),
    ("pulumi", &["version", "install", "login", "plugin", "preview"]),
    ("skaffold", &["version", "render", "diagnose", "schema"]),
    ("werf", &["version", "render", "lint"]),
];

/// Programs of which only these subcommands reach out.
#[rustfmt::skip]
pub const HARMFUL: &[(&str, &[&str])] = &[
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
    ("docker", &["stack deploy", "stack up", "stack rm", "stack remove", "stack down", "service create", "service update", "service rm", "service remove",
     "service scale", "service rollback", "compose publish", "node update", "node rm", "node promote", "node demote", "secret create", "secret rm",
     "config create", "config rm", "swarm init", "swarm join", "swarm leave", "swarm update"]),
    ("dotnet", &["nuget push", "nuget delete", "sonarscanner end", "lambda deploy-*"]),
    ("dvc", &["push"]),
    ("earthly", &["--push"]),
    ("flit", &["publish"]),
    ("flutter", &["publish"]),
    ("gem", &["push", "yank"]),
    ("gh", &["release create", "release edit", "release delete", "release upload", "pr create", "pr merge", "pr close", "pr comment", "pr edit",
     "pr review", "issue create", "issue close", "issue comment", "issue edit", "workflow run", "gist create", "repo create", "repo delete", "repo edit",
     "secret set", "secret delete", "variable set", "variable delete"]),
    ("git", &["push", "send-email"]),
    ("gitlab-terraform", &["apply", "destroy"]),
    ("gitlab-tofu", &["apply", "destroy"]),
    ("glab", &["release create", "release upload", "release delete", "mr create", "mr merge", "mr close", "mr note", "mr update", "mr approve", "issue create",
     "issue close", "issue note", "issue update", "ci run", "ci trigger", "variable set", "variable update", "variable delete", "repo create"]),
    ("goreleaser", &["release"]),
    ("gradle", &["uploadArchives", "jib", "artifactoryPublish", "bintrayUpload", "sonar", "sonarqube"]),
    ("gradlew", &["uploadArchives", "jib", "artifactoryPublish", "bintrayUpload", "sonar", "sonarqube"]),
    ("hatch", &["publish"]),
    ("hg", &["push"]),
    ("hub", &["release", "pull-request", "push"]),
    ("img", &["push"]),
    ("imgpkg", &["push", "copy"]),
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
    ("pack", &["--publish"]),
    ("packer", &["build"]),
    ("pm2", &["deploy"]),
    ("pnpm", &["publish"]),
    ("pod", &["trunk"]),
    ("poetry", &["publish"]),
    ("regctl", &["copy", "rm", "delete", "mod", "put"]),
    ("sam", &["deploy", "delete", "sync", "publish"]),
    ("sbt", &["publish", "publishSigned", "release"]),
    ("singularity", &["push"]),
    ("skopeo", &["delete"]),
    ("snyk", &["monitor"]),
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
pub const MAVEN: &[&str] = &[
    "deploy", "deploy-file", "docker:push", "release:perform", "release:prepare", "site-deploy", "wagon:upload", "jib:build", "sonar:sonar", "nexus-staging:*",
    "central-publishing:publish",
];

#[rustfmt::skip]
pub const TERRAFORM: &[&str] = &[
    "apply", "destroy", "import", "taint", "untaint", "force-unlock", "refresh", "login", "workspace new", "workspace delete", "state rm", "state mv",
    "state push", "state replace-provider", "run-all apply", "run-all destroy",
];

/// Programs that run one of the repository's own tasks by its name.
#[rustfmt::skip]
pub const TASKS: &[&str] = &[
    "make", "gmake", "just", "task", "rake", "npm", "pnpm", "yarn", "npx", "invoke", "inv", "gradle", "gradlew", "mage", "nx", "composer", "bun", "deno",
    "poe", "tox", "nox", "ant", "sbt", "lein", "bazel", "hatch", "nps", "turbo", "artisan", "console", "dep", "fastlane", "robo", "phing", "gulp", "grunt",
];

/// Programs of which words after the first name packages, not tasks, behind these.
pub const INSTALLS: &[&str] =
    &["install", "i", "ci", "add", "require", "config", "remove", "uninstall", "update", "upgrade", "global", "info", "view", "why"];

/// Programs that run another one, which is somewhere among their words.
#[rustfmt::skip]
pub const RUNNERS: &[&str] = &[
    "bundle", "poetry", "uv", "pipenv", "pdm", "rye", "hatch", "pixi", "conda", "mamba", "micromamba", "uvx", "pipx", "python", "py", "npx", "bunx", "bun",
    "pnpm", "yarn", "npm", "ssh-agent", "flock", "su", "runuser", "xvfb-run", "parallel", "find", "busybox", "setarch", "doppler", "op", "chamber",
    "aws-vault", "sops", "nix", "nix-shell", "mise", "direnv", "gosu", "docker", "podman", "docker-compose", "nerdctl",
];

/// What runs files of the repository that are no shell scripts.
pub const INTERPRETERS: &[&str] =
    &["python", "node", "deno", "bun", "ruby", "php", "perl", "pwsh", "powershell", "tsx", "ts-node", "rscript"];

/// Words that name a task or a script as one that reaches out.
#[rustfmt::skip]
pub const WORDS: &[&str] = &[
    "deploy", "deployment", "undeploy", "release", "prerelease", "publish", "unpublish", "upload", "push", "rollout", "promote", "rollback", "destroy",
    "notify", "announce", "ship", "deliver",
];

/// Words of [`WORDS`] that say so whatever stands beside them, besides one of [`LOOKS`].
pub const SURELY: &[&str] = &["deploy", "undeploy", "publish", "upload", "push", "rollout", "promote", "rollback"];

/// Words beside which one of [`WORDS`] says what is looked at.
pub const LOOKS: &[&str] = &["lint", "list", "dry"];

/// Words beside which one of [`WORDS`] says what is made here: `build:release`.
pub const MAKES: &[&str] = &["notes", "tarball", "version", "lsb", "build", "check", "test", "validate", "verify"];

/// What the lanes of fastlane are called that hand nothing to a store.
pub const LANES: &[&str] = &["test", "build", "scan", "lint", "check", "debug", "unit", "gym", "assemble", "compile", "format", "coverage"];

/// Programs in [`ALWAYS`] that build and package here.
pub const BUILDERS: &[&str] = &["vercel", "netlify", "serverless", "sls", "chalice", "wrangler"];

/// Short options of rsync without a value.
pub const RSYNC: &str = "avzrnhPuqctlpogDHAXxSim0";

/// First words with which the programs in [`ALWAYS`] change nothing, besides those that only reach other hosts.
pub const QUIET: &[&str] =
    &["login", "config", "get", "list", "ls", "describe", "logs", "status", "whoami", "version", "help", "info", "print"];

/// Programs that reach another host with each word.
#[rustfmt::skip]
pub const REACHING: &[&str] = &[
    "ssh", "autossh", "pssh", "pdsh", "parallel-ssh", "plink", "sshpass", "mosh", "scp", "pscp", "sftp", "psftp", "ansible", "lftp", "ftp", "mail", "mailx",
    "mutt", "msmtp", "sendmail", "swaks",
];

/// Options of programs in [`HARMLESS`] behind which a value stands.
#[rustfmt::skip]
pub const VALUED: &[&str] = &[
    "--kubeconfig", "--context", "--kube-context", "--namespace", "-n", "--profile", "--region", "--project", "--cluster", "--output", "-e",
    "--environment", "-f", "--file", "-l", "--selector", "-i", "--inventory",
];

/// Endings of files that programs run.
pub const SCRIPTS: &[&str] = &[".sh", ".bash", ".py", ".js", ".ts", ".rb", ".php", ".pl"];

/// Options of `docker run` and `docker exec` behind which a value stands that is no program.
#[rustfmt::skip]
pub const CONTAINER_VALUED: &[&str] = &[
    "--name", "-e", "-h", "-l", "--network-alias", "--volumes-from", "--entrypoint", "-v", "--volume", "--env", "--env-file", "-w", "--workdir", "--network", "--net", "-u", "--user", "--mount", "-p", "--publish", "--hostname",
    "--link", "--label", "--platform", "--add-host", "--ip", "--cpus", "--memory",
];
