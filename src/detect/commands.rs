//! Which programs are known not to contact a container daemon, and which run something that cannot be seen. Knows names and first arguments only.

/// What is known of a program that is no container tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Program {
    /// It contacts no daemon, reads and publishes no image.
    Neutral,
    /// It reads an image from the daemon or a registry, such as a scanner.
    ReadsImages,
    /// It runs a file of the repository: the words behind the program that are no options, the file first.
    Runs(usize),
    /// It may do anything.
    Opaque,
}

/// Shell builtins and everyday programs. Interpreters, build tools and test runners are not here: they run whatever the repository tells them to.
const NEUTRAL: &[&str] = &[
    ".",
    ":",
    "[",
    "[[",
    "addgroup",
    "adduser",
    "alias",
    "apk",
    "apt",
    "apt-get",
    "apt-key",
    "arch",
    "awk",
    "aws",
    "az",
    "base64",
    "basename",
    "bc",
    "black",
    "break",
    "bzip2",
    "cat",
    "ccache",
    "cd",
    "chgrp",
    "chmod",
    "chown",
    "cksum",
    "clear",
    "cmp",
    "column",
    "comm",
    "command",
    "continue",
    "cosign",
    "cp",
    "curl",
    "cut",
    "date",
    "dd",
    "declare",
    "df",
    "diff",
    "dig",
    "dirname",
    "dnf",
    "dos2unix",
    "dpkg",
    "du",
    "echo",
    "egrep",
    "env",
    "envsubst",
    "exit",
    "expand",
    "export",
    "expr",
    "false",
    "fgrep",
    "file",
    "find",
    "flake8",
    "flock",
    "fold",
    "free",
    "gcloud",
    "getent",
    "getopts",
    "gettext",
    "git",
    "git-lfs",
    "glab",
    "gofmt",
    "gpg",
    "grep",
    "groups",
    "gunzip",
    "gzip",
    "hadolint",
    "hash",
    "head",
    "helm",
    "help",
    "hexdump",
    "host",
    "hostname",
    "htpasswd",
    "iconv",
    "id",
    "ifconfig",
    "install",
    "ip",
    "isort",
    "jo",
    "jq",
    "kill",
    "kubectl",
    "kustomize",
    "less",
    "let",
    "ln",
    "local",
    "locale",
    "locale-gen",
    "localedef",
    "logger",
    "ls",
    "lsb_release",
    "lscpu",
    "lsof",
    "markdownlint",
    "md5sum",
    "microdnf",
    "mkdir",
    "mkfifo",
    "mkpasswd",
    "mktemp",
    "modprobe",
    "more",
    "mount",
    "mv",
    "nc",
    "netstat",
    "nl",
    "notation",
    "nproc",
    "nslookup",
    "openssl",
    "oras",
    "paste",
    "patch",
    "pgrep",
    "ping",
    "pkill",
    "popd",
    "printenv",
    "printf",
    "ps",
    "pushd",
    "pwd",
    "pylint",
    "read",
    "readlink",
    "readonly",
    "realpath",
    "regctl",
    "release-cli",
    "return",
    "rev",
    "rm",
    "rmdir",
    "rpm",
    "rsync",
    "ruff",
    "scp",
    "sed",
    "semantic-release",
    "sentry-cli",
    "seq",
    "set",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shellcheck",
    "shift",
    "shopt",
    "shuf",
    "sleep",
    "sops",
    "sort",
    "split",
    "ssh-add",
    "ssh-agent",
    "ssh-keygen",
    "ssh-keyscan",
    "stat",
    "strip",
    "stty",
    "su-exec",
    "sync",
    "sysctl",
    "tac",
    "tail",
    "tar",
    "tee",
    "telnet",
    "test",
    "timedatectl",
    "touch",
    "tput",
    "tr",
    "traceroute",
    "trap",
    "tree",
    "true",
    "truncate",
    "tty",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "uname",
    "unexpand",
    "uniq",
    "unset",
    "unxz",
    "unzip",
    "update-binfmts",
    "update-ca-certificates",
    "useradd",
    "uuidgen",
    "vault",
    "wait",
    "wc",
    "wget",
    "which",
    "whoami",
    "xmllint",
    "xxd",
    "xz",
    "yamllint",
    "yes",
    "yq",
    "yum",
    "zcat",
    "zgrep",
    "zip",
    "zstd",
];

/// Programs that look at images: they take what the daemon has before they ask a registry.
const READS_IMAGES: &[&str] =
    &["trivy", "grype", "syft", "dive", "dockle", "snyk", "clair-scanner", "container-diff", "anchore-cli", "twistcli"];

/// Package managers and the subcommands with which they only fetch or build packages, and what starts BuildKit and asks for it.
const BY_SUBCOMMAND: &[(&str, &[&str])] = &[
    ("pip", &["install", "download", "freeze", "list", "--version"]),
    ("pip3", &["install", "download", "freeze", "list", "--version"]),
    ("npm", &["ci", "install", "i", "config", "set", "--version", "-v", "version"]),
    ("yarn", &["install", "config", "--version"]),
    ("pnpm", &["install", "config", "--version"]),
    ("composer", &["install", "config", "--version"]),
    ("buildctl", &["debug"]),
    ("rootlesskit", &["buildkitd"]),
    ("bundle", &["install", "config", "--version"]),
    ("gem", &["install"]),
    ("go", &["env", "get", "mod", "version", "install", "build", "vet"]),
    ("cargo", &["build", "fetch", "install", "--version"]),
    ("poetry", &["install", "config", "version", "--version", "export"]),
    ("uv", &["sync", "pip", "venv", "lock", "export", "--version"]),
    ("conda", &["install", "create", "config", "--version"]),
    ("systemctl", &["status"]),
    ("python", &["--version", "-V"]),
    ("python3", &["--version", "-V"]),
    ("node", &["--version", "-v"]),
    ("java", &["-version", "--version"]),
    ("mvn", &["--version", "-v"]),
    ("make", &["--version"]),
    ("terraform", &["version", "fmt"]),
];

/// Shells that run a script file.
const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "zsh", "ksh", "source"];

/// What is known of `program` (its path's last part) when it is called with `arguments`; `None` stands for an argument that is not a constant.
#[must_use]
pub fn program(name: &str, arguments: &[Option<String>]) -> Program {
    let base = name.rsplit('/').next().unwrap_or(name);
    if SHELLS.contains(&base) || (name == "." && !arguments.is_empty()) {
        return shell(arguments);
    }
    if name.contains('/') && !["/bin/", "/sbin/", "/usr/"].iter().any(|system| name.starts_with(system)) {
        return Program::Runs(0);
    }
    if NEUTRAL.contains(&base) {
        return Program::Neutral;
    }
    if READS_IMAGES.contains(&base) {
        return Program::ReadsImages;
    }
    let first = arguments.first().and_then(Option::as_deref);
    let harmless = |&(manager, subcommands): &(&str, &[&str])| manager == base && first.is_some_and(|first| subcommands.contains(&first));
    if BY_SUBCOMMAND.iter().any(harmless) { Program::Neutral } else { Program::Opaque }
}

/// The script file that a shell is given: the first argument that is no option. `-c` is followed by text, which the shell module reads itself
/// where it is known.
fn shell(arguments: &[Option<String>]) -> Program {
    let mut takes_value = false;
    for (index, argument) in arguments.iter().enumerate() {
        if std::mem::take(&mut takes_value) {
            continue;
        }
        match argument.as_deref() {
            Some("-s" | "-") => return Program::Opaque,
            // A file comes behind the name of the option.
            Some("+o" | "+O" | "-O" | "--rcfile" | "--init-file") => takes_value = true,
            Some(text) if text.starts_with('-') && text.ends_with('o') && !text.starts_with("--") && !text.contains('c') => {
                takes_value = true
            }
            Some(text) if text.starts_with('-') && text.contains('c') && !text.starts_with("--") => return Program::Neutral,
            Some(text) if text.starts_with('-') => {}
            Some(_) | None => return Program::Runs(index + 1),
        }
    }
    // A shell without a file runs what it is fed; known installers are told apart where they are fetched.
    Program::Opaque
}
