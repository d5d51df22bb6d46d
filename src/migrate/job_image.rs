//! What a job's image offers to the commands that a migration adds: curl, a package manager, a docker client of some version.

use crate::detect::{ImageFacts, JobFacts, is_frozen};

/// How a job gets curl.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Curl {
    /// It is there.
    Present,
    /// `apk add`.
    Apk,
    /// `apt-get install`.
    Apt,
}

/// Repositories whose images have curl (from their Dockerfiles: Docker's own buildpack-deps children, Fedora's and Amazon's bases).
const WITH_CURL: &[&str] = &[
    "ruby",
    "python",
    "node",
    "golang",
    "php",
    "amazonlinux",
    "fedora",
    "rockylinux",
    "buildpack-deps",
    "rust",
    "openjdk",
    "gradle",
    "maven",
];
/// Repositories of Debian's family whose images lack it.
const APT: &[&str] = &["debian", "ubuntu"];

/// How a job with this image gets curl; `None` where it is not known.
#[must_use]
pub fn curl(image: &ImageFacts) -> Option<Curl> {
    let text = image.text.split('@').next().unwrap_or(&image.text);
    let last = text.rsplit('/').next().unwrap_or(text);
    let (name, tag) = last.split_once(':').unwrap_or((last, "latest"));
    if image.docker.as_ref().is_some_and(|docker| docker.official) {
        return Some(Curl::Apk);
    }
    if tag.contains("${") || name.contains("${") {
        return None;
    }
    let official = !text.contains('/') || text.starts_with("docker.io/library/") || text.starts_with("library/");
    match name {
        _ if text.starts_with("ghcr.io/depot/cli") || text.starts_with("public.ecr.aws/depot/cli") => Some(Curl::Present),
        "alpine" if official => Some(Curl::Apk),
        _ if official && APT.contains(&name) => Some(Curl::Apt),
        _ if official && WITH_CURL.contains(&name) && tag.contains("alpine") => Some(if name == "php" { Curl::Present } else { Curl::Apk }),
        _ if official && WITH_CURL.contains(&name) && tag.contains("slim") => Some(Curl::Apt),
        _ if official && WITH_CURL.contains(&name) => Some(Curl::Present),
        _ => None,
    }
}

/// How `docker login` works in a job without a daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Login {
    /// As it is.
    Works,
    /// Where no host is named.
    WithoutHost,
    /// Not at all, or it is not known whether there is a client.
    NoClient,
}

/// How `docker login` works in the job without a daemon.
#[must_use]
pub fn login(facts: &JobFacts) -> Login {
    let Some(image) = &facts.image else { return Login::WithoutHost };
    let Some(docker) = image.docker.as_ref().filter(|docker| docker.official) else {
        // An unknown image may be built on Docker's own and have its entrypoint, which names a host.
        return if curl(image).is_some() { Login::Works } else { Login::WithoutHost };
    };
    match docker.version.as_slice() {
        [] if moves(image) => Login::Works,
        [] => Login::WithoutHost,
        &[major, ..] if major >= 28 => Login::Works,
        &[major, ..] if major >= 19 => Login::WithoutHost,
        [..] => Login::NoClient,
    }
}

/// Whether `docker buildx imagetools create --prefer-index=false` is there, which copies an image as it is: since buildx 0.15, which came with 27.
#[must_use]
pub fn copies_images(facts: &JobFacts) -> bool {
    let Some(image) = &facts.image else { return false };
    is_since(image, 27)
}

/// Whether it is Docker's own image of version `since` or newer.
#[must_use]
pub fn is_since(image: &ImageFacts, since: u32) -> bool {
    let docker = image.docker.as_ref().filter(|docker| docker.official);
    docker.is_some_and(|docker| docker.version.first().map_or_else(|| moves(image), |&major| major >= since))
}

/// Whether nothing tells the version of the job's docker client.
#[must_use]
pub fn is_client_unknown(facts: &JobFacts) -> bool {
    let docker = facts.image.as_ref().and_then(|image| image.docker.as_ref()).filter(|docker| docker.official);
    docker.is_none_or(|docker| docker.version.is_empty() && docker.variable)
}

/// Whether the tag of one of Docker's own images is that of the newest version.
fn moves(image: &ImageFacts) -> bool {
    image.docker.as_ref().is_some_and(|docker| docker.floating && !docker.variable) && !is_frozen(&image.text)
}

/// Whether it is Docker's own client image from Docker Hub, or from a cache of it that has all tags.
#[must_use]
pub fn is_hub_image(image: &ImageFacts) -> bool {
    let repository = image.text.rsplit_once(':').map_or(image.text.as_str(), |(repository, _)| repository);
    let hub = ["docker", "docker.io/docker", "docker.io/library/docker", "library/docker"].contains(&repository)
        || (repository.starts_with("${CI_DEPENDENCY_PROXY") && repository.ends_with("/docker"));
    hub && !has_open_tag(image)
}

/// Whether the tag of an image is written with a variable.
#[must_use]
pub fn has_open_tag(image: &ImageFacts) -> bool {
    image.image.text().rsplit_once(':').is_some_and(|(_, tag)| tag.contains('$'))
}

/// Commands that every image with a shell has, busybox's ones included.
const BASIC: &[&str] = &[
    ":", ".", "[", "[[", "base64", "basename", "break", "cat", "cd", "chmod", "command", "continue", "cp", "cut", "date", "declare",
    "dirname", "echo", "env", "eval", "exit", "export", "expr", "false", "find", "grep", "head", "id", "let", "local", "ls", "mkdir", "mv",
    "printenv", "printf", "pwd", "read", "readonly", "return", "rm", "sed", "seq", "set", "shift", "sleep", "sort", "tail", "tee", "test",
    "touch", "tr", "trap", "true", "uname", "uniq", "unset", "wait", "wc", "which", "xargs",
];

/// Whether `name` is such a command; an assignment alone has no name.
#[must_use]
pub fn is_basic(name: Option<&str>) -> bool {
    name.is_none_or(|name| BASIC.contains(&name))
}
