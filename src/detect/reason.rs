//! Verdicts on jobs, and the closed list of reasons for them.

use crate::source::Span;

/// How much of a job's docker work a remote builder could take over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All of it: no daemon is left.
    Full,
    /// Builds move, but a daemon stays.
    Partial,
    /// Nothing can be moved safely.
    Blocked,
    /// Its builds are already remote, or need no daemon.
    Done,
    /// It uses no docker.
    #[default]
    None,
}

/// Why a job has its verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// One of [`CODES`].
    pub code: &'static str,
    /// What it is here, as a lower-case fragment.
    pub message: String,
    /// Where.
    pub span: Span,
}

/// A reason's code with its explanation.
pub type Code = (&'static str, &'static str);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        $($(#[$doc])* #[doc = $text] pub const $name: &str = $code;)*
        /// Every code with its explanation.
        pub const CODES: &[Code] = &[$(($code, $text),)*];
    };
}

codes! {
    RUNS_BUILT_IMAGE = "runs-built-image", "a container is started from an image that the job builds, so the image must be in a daemon";
    RUNS_CONTAINER = "runs-container", "a container is started, which needs a daemon";
    USES_LOCAL_IMAGE = "uses-local-image", "a command reads an image from the daemon (save, inspect, history, a scanner)";
    COMPOSE = "compose", "Docker Compose commands are not moved to a remote builder yet";
    BAKE = "bake", "`docker buildx bake` is not moved to a remote builder yet";
    OTHER_BUILDER = "other-builder", "the job builds with a tool other than Docker (kaniko, buildah, podman), which is not moved yet";
    OPAQUE_COMMAND = "opaque-command", "a command may use docker out of sight";
    DOCKER_IN_SCRIPT_FILE = "docker-in-script-file", "docker is used in a script file of the repository, which is not rewritten";
    DOCKER_IN_FUNCTION = "docker-in-function", "docker is used in a shell function, which is not rewritten yet";
    DAMAGED_SCRIPT = "damaged-script", "the script could not be read as sh or bash to its end";
    CHOSEN_MACHINE = "chosen-machine", "a runner's tag chooses the machine, and with it the architecture, for which an image is built";
    OTHER_SHELL = "other-shell", "the script is written for PowerShell or cmd.exe";
    UNKNOWN_FLAGS = "unknown-flags", "a docker command has a flag or a word that is not understood";
    UNKNOWN_COMMAND = "unknown-command", "a docker command that is not understood";
    UNSUPPORTED_FLAG = "unsupported-flag", "a build flag that the target does not have";
    EXPLICIT_DAEMON = "explicit-daemon", "a docker command names its daemon or context itself";
    REMOTE_DAEMON = "remote-daemon", "the job uses a daemon elsewhere on purpose; images may be used there";
    IMAGE_STAYS_ON_DAEMON = "image-stays-on-daemon", "an image is built on a shared daemon and not pushed; another job may use it there";
    PUSH_WITHOUT_BUILD = "push-without-build", "an image is pushed that this job neither builds, tags nor pulls";
    UNKNOWN_IMAGE = "unknown-image", "it cannot be told which built image a command means";
    CONDITIONAL_BUILD = "conditional-build", "an image is built under other conditions than it is used";
    BUILD_IN_PIPELINE = "build-in-pipeline", "a docker command is part of a pipe or a substitution";
    FAILURE_IGNORED = "failure-ignored", "the job goes on when a build or a push fails";
    PULL_IS_A_GATE = "pull-is-a-gate", "the job fails where an image cannot be pulled; without the pull it would go on";
    DAEMON_OUTPUT_USED = "daemon-output-used", "the output of a command that asks the daemon is used";
    IDLE_DAEMON = "idle-daemon", "the job has a Docker daemon that nothing in it uses";
    DAEMON_ONLY = "daemon-only", "the job only asks or tidies its daemon, and has no purpose without one";
    AFTER_SCRIPT = "after-script", "`after_script` uses docker in a way that is not moved";
    MISSING_CONFIGURATION = "missing-configuration", "the job is built on configuration that is not in the repository";
    INVALID_JOB = "invalid-job", "GitLab would refuse the job as it is";
    SHARED_DEFINITION = "shared-definition", "lines that would have to change are shared with jobs that stay as they are";
    NOT_EDITABLE = "not-editable", "the text is written in a form that cannot be edited safely";
    LOGIN_NEEDS_DAEMON = "login-needs-daemon", "`docker login` of this Docker version needs a daemon, and the login has a form that is not rewritten";
    JOB_IMAGE_UNKNOWN = "job-image-unknown", "it is not known what the job's image offers";
    PRIVATE_HOST = "private-host", "a host is used that a remote builder cannot reach";
    NETWORK = "network", "the build uses the network of the job";
    GENERATED_FILE = "generated-file", "the file is generated; change what generates it";
    WRAPPED_COMMAND = "wrapped-command", "a docker command runs through another program that is not followed";
    NO_CHANGE = "no-change", "the migration would leave the job's daemon in place";
    PROOF_FAILED = "proof-failed", "the rewritten pipeline did not keep a promise, so it was dropped";
    TARGET_REFUSES = "target-refuses", "the target cannot do what the command does";
    UNNEEDED_STAGE = "unneeded-stage", "the classic builder also runs stages that the image does not need, such as tests, and BuildKit leaves them out";
    LOCAL_CONTEXT = "local-context", "the build reads something that only the job's machine has";
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = CODES.iter().map(|(code, _)| code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
    }
}
