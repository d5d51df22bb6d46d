//! Which operations contact a daemon, and which commands a push may be folded across.

use crate::detect::steps::Step;
use crate::docker::{Op, Operation, Role, Slot, Tool};

/// Variables that only docker's clients and daemon read. Removing them from a job without daemon changes nothing else.
pub const DAEMON_VARIABLES: &[&str] = &[
    "DOCKER_HOST",
    "DOCKER_TLS_CERTDIR",
    "DOCKER_TLS_VERIFY",
    "DOCKER_TLS",
    "DOCKER_CERT_PATH",
    "DOCKER_DRIVER",
    "DOCKER_BUILDKIT",
    "DOCKER_CONTEXT",
    "COMPOSE_DOCKER_CLI_BUILD",
    "BUILDX_BUILDER",
];

/// Whether `operation` fails or means something else without a daemon.
#[must_use]
pub fn needs_daemon(operation: &Operation) -> bool {
    let local = |image: &crate::docker::ImageUse| image.transport.as_deref() == Some("docker-daemon");
    match (operation.tool, operation.op) {
        (Tool::Docker, Op::Login | Op::Logout | Op::Manifest | Op::Context | Op::Imagetools) => false,
        (Tool::Docker, Op::Info) => !prints_client_only(operation),
        (Tool::Docker | Tool::Buildx, Op::Builder) => false,
        (Tool::Buildx, Op::Imagetools | Op::Info) => false,
        (Tool::Compose, Op::Info) => false,
        (Tool::Docker | Tool::Buildx | Tool::Compose, _) => !operation.remote,
        (Tool::Depot, Op::Pull) => true,
        (Tool::Depot, _) => operation.switch("load") != Some(false),
        (Tool::Dagger, _) => true,
        (Tool::Kaniko | Tool::Buildah | Tool::Podman | Tool::Crane | Tool::Skopeo, _) => operation.images.iter().any(local),
    }
}

/// `docker --version`, `docker` and `docker help` ask no daemon.
fn prints_client_only(operation: &Operation) -> bool {
    operation.command.is_empty() || operation.flag("help").is_some() || operation.global("version").is_some()
}

/// Whether it only prepares, asks or tidies the daemon or a builder: nothing is lost with it.
#[must_use]
pub fn is_chatter(operation: &Operation) -> bool {
    match (operation.tool, operation.op) {
        (Tool::Docker | Tool::Buildx, Op::Info | Op::Builder | Op::Context | Op::Clean | Op::Wait) => true,
        (Tool::Docker | Tool::Buildx | Tool::Compose, _) => false,
        (Tool::Kaniko | Tool::Buildah | Tool::Podman | Tool::Depot | Tool::Dagger | Tool::Crane | Tool::Skopeo, _) => false,
    }
}

/// Names of images, whoever publishes them, that register emulators with the kernel of the machine that builds.
const EMULATION: &[&str] = &["binfmt", "qemu-user-static"];

/// Whether a container is run only to install emulation.
#[must_use]
pub fn is_emulation(operation: &Operation) -> bool {
    operation.op == Op::Run
        && operation.images_as(Role::Run).any(|image| {
            let repository = image.text.split([':', '@']).next().unwrap_or_default();
            EMULATION.contains(&repository.rsplit('/').next().unwrap_or_default())
        })
}

/// How a step between a build and its push matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Between {
    /// It can neither fail for a reason of its own nor change what is built: both may move across it.
    Transparent,
    /// It changes nothing that a build reads, but its failure keeps the push from happening: only the build may move across it.
    Gate,
    /// Neither may move across it.
    Opaque,
}

/// How `step` matters between a build and its push.
#[must_use]
pub fn between(step: &Step) -> Between {
    if let Some(operation) = &step.operation {
        return match operation.op {
            Op::Tag => Between::Transparent,
            Op::Login | Op::Logout => Between::Gate,
            _ if is_chatter(operation) => Between::Transparent,
            _ => Between::Opaque,
        };
    }
    match step.name() {
        Some("echo" | "printf" | "true" | ":" | "sleep")
            if step.invocation.command.redirections.iter().all(|redirection| harmless(&redirection.target.literal())) =>
        {
            Between::Transparent
        }
        Some("[" | "test" | "[[") if step.invocation.ignores_failure => Between::Transparent,
        Some("export" | "local" | "readonly" | "declare") => Between::Transparent,
        None if step.argv.is_empty() => Between::Transparent,
        Some(_) | None => Between::Opaque,
    }
}

fn harmless(target: &Option<String>) -> bool {
    target.as_deref().is_some_and(|target| target == "/dev/null" || target.parse::<u32>().is_ok())
}

/// The reference of a command with one image: its text and the index of its argument.
#[must_use]
pub fn only_image(operation: &Operation, role: Role) -> Option<(&str, usize)> {
    let mut images = operation.slot(Slot::Image(role));
    let first = images.next()?;
    images.next().is_none().then_some((first.text.as_str(), first.arg))
}
