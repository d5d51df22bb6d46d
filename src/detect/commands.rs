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
    "adduser",
    "addgroup",
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
    "break",
    "bzip2",
    "cat",
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
    "dirname",
    "dnf",
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
    "flock",
    "fold",
    "free",
    "gcloud",
    "getent",
    "getopts",
    "git",
    "git-lfs",
    "glab",
    "gpg",
    "grep",
    "groups",
    "gunzip",
    "gzip",
    "hadolint",
    "hash",
    "head",
    "help",
    "hexdump",
    "hostname",
    "id",
    "install",
    "ip",
    "ifconfig",
    "jq",
    "kill",
    "kubectl",
    "kustomize",
    "helm",
    "less",
    "let",
    "ln",
    "local",
    "locale-gen",
    "ls",
    "lscpu",
    "lsb_release",
    "md5sum",
    "microdnf",
    "mkdir",
    "mkfifo",
    "mktemp",
    "more",
    "mount",
    "mv",
    "nc",
    "netstat",
    "nl",
    "nproc",
    "nslookup",
    "openssl",
    "paste",
    "ping",
    "popd",
    "printenv",
    "printf",
    "ps",
    "pushd",
    "pwd",
    "read",
    "readlink",
    "readonly",
    "realpath",
    "release-cli",
    "return",
    "rev",
    "rm",
    "rmdir",
    "rpm",
    "rsync",
    "scp",
    "sed",
    "semantic-release",
    "seq",
    "set",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shift",
    "shopt",
    "shuf",
    "sleep",
    "sort",
    "split",
    "ssh-add",
    "ssh-agent",
    "ssh-keygen",
    "ssh-keyscan",
    "stat",
    "stty",
    "su-exec",
    "sync",
    "sysctl",
    "tac",
    "tail",
    "tar",
    "tee",
    "test",
    "touch",
    "tput",
    "tr",
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
    "update-ca-certificates",
    "useradd",
    "vault",
    "wait",
    "wc",
    "wget",
    "which",
    "whoami",
    "xz",
    "yes",
    "yq",
    "yum",
    "zip",
    "zcat",
    "zstd",
];

/// Programs that look at images: they take what the daemon has before they ask a registry.
const READS_IMAGES: &[&str] = &["trivy", "grype", "syft", "dive", "dockle", "snyk", "clair-scanner", "container-diff", "anchore-cli"];

/// Package managers and the subcommands with which they only fetch or build packages.
const BY_SUBCOMMAND: &[(&str, &[&str])] = &[
    ("pip", &["install", "download", "freeze", "list", "--version"]),
    ("pip3", &["install", "download", "freeze", "list", "--version"]),
    ("npm", &["ci", "install", "i", "config", "set", "--version", "-v", "version"]),
    ("yarn", &["install", "config", "--version"]),
    ("pnpm", &["install", "config", "--version"]),
    ("composer", &["install", "config", "--version"]),
    ("bundle", &["install", "config", "--version"]),
    ("gem", &["install"]),
    ("go", &["env", "get", "mod", "version", "install", "build", "vet"]),
    ("cargo", &["build", "fetch", "install", "--version"]),
    ("poetry", &["install", "config", "version", "--version", "export"]),
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
    for (index, argument) in arguments.iter().enumerate() {
        match argument.as_deref() {
            Some("-s" | "-") => return Program::Neutral,
            Some(text) if text.starts_with('-') && text.contains('c') && !text.starts_with("--") => {
                let known = arguments.get(index + 1).is_none_or(Option::is_some);
                return if known { Program::Neutral } else { Program::Opaque };
            }
            Some(text) if text.starts_with('-') => {}
            Some(_) | None => return Program::Runs(index + 1),
        }
    }
    // A shell without a file reads its standard input: the pipe that feeds it is looked at where it is written.
    Program::Opaque
}
