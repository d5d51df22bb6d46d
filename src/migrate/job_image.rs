//! What a job's image offers to the commands that a migration adds: curl, a package manager, a docker client of some version.

use crate::detect::{ImageFacts, JobFacts};

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

/// Whether `docker login` works in the job without a daemon; `None` where the client's version is not known.
/// Clients since 28 fall back to a login without the daemon, whatever `DOCKER_HOST` names; older ones fail where the host has no address.
#[must_use]
pub fn login_works(facts: &JobFacts) -> Option<bool> {
    let docker = facts.image.as_ref()?.docker.as_ref().filter(|docker| docker.official)?;
    match docker.version.first() {
        Some(&major) => Some(major >= 28),
        None if docker.floating && !is_frozen(&facts.image.as_ref()?.text) => Some(true),
        None => None,
    }
}

/// Whether `docker buildx imagetools` is there: official images have the plugin since 20.10.15.
#[must_use]
pub fn has_buildx(facts: &JobFacts) -> bool {
    let Some(image) = &facts.image else { return false };
    let Some(docker) = image.docker.as_ref().filter(|docker| docker.official) else { return false };
    match docker.version.as_slice() {
        [] => docker.floating && !is_frozen(&image.text),
        [20] | [20, 10] => true,
        version => version >= &[20, 10, 15][..],
    }
}

/// Tags without a version that no longer move: `docker:stable` stayed at 19.03.
#[must_use]
pub fn is_frozen(image: &str) -> bool {
    ["stable", "edge", "test", "git"].iter().any(|tag| image.ends_with(&format!(":{tag}")) || image.contains(&format!(":{tag}-")))
}
