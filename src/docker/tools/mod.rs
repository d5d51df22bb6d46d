//! The command trees of the tools, one file each, and which program belongs to which.

mod buildah;
mod buildx;
mod compose;
mod crane;
mod dagger;
mod depot;
mod docker;
mod kaniko;
mod podman;
mod skopeo;

use super::Arg;
use super::command::Command;
use super::operation::Tool;

/// The tool that a program is and its command tree; `None` for other programs and for symbolic ones.
#[must_use]
pub fn program(argv: &[Arg]) -> Option<(Tool, &'static Command)> {
    let first = argv.first().filter(|arg| !arg.opaque)?;
    let path = first.text.strip_suffix(".exe").unwrap_or(&first.text);
    let name = path.rsplit(['/', '\\']).next()?;
    match name {
        "docker" => Some((Tool::Docker, &docker::ROOT)),
        "docker-buildx" => Some((Tool::Buildx, &buildx::ROOT)),
        "docker-compose" => Some((Tool::Compose, &compose::ROOT)),
        "executor" if path.ends_with("kaniko/executor") || is_kaniko(argv) => Some((Tool::Kaniko, &kaniko::ROOT)),
        "buildah" => Some((Tool::Buildah, &buildah::ROOT)),
        "podman" => Some((Tool::Podman, &podman::ROOT)),
        "podman-compose" => Some((Tool::Podman, &compose::ROOT)),
        "depot" => Some((Tool::Depot, &depot::ROOT)),
        "dagger" => Some((Tool::Dagger, &dagger::ROOT)),
        "crane" | "gcrane" => Some((Tool::Crane, &crane::ROOT)),
        "skopeo" => Some((Tool::Skopeo, &skopeo::ROOT)),
        _ => None,
    }
}

/// Kaniko's images have the executor in their `PATH`; other programs of that name don't know these flags.
fn is_kaniko(argv: &[Arg]) -> bool {
    argv.iter().any(|arg| ["--destination", "--dockerfile", "--no-push"].iter().any(|flag| arg.text.starts_with(flag)))
}
