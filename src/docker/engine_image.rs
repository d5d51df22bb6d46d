//! The tag of a Docker-in-Docker image into version, variant and whether it floats (hub.docker.com/_/docker). Knows names alone.

use super::reference::{Reference, mask};

/// What an image with Docker in it offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// A daemon: `dind` and its flavours.
    Daemon,
    /// The client alone, as in `cli`, `git` and `latest`: whatever else is inside, no daemon is started.
    Client,
    /// Windows containers' client.
    Windows,
}

/// A Docker image, official or a copy of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EngineImage {
    /// The version numbers that the tag gives, most significant first: `[27, 3, 1]`, empty for `dind` and `latest`.
    pub version: Vec<u32>,
    /// What the image is for.
    pub variant: Variant,
    /// Whether the daemon runs without root.
    pub rootless: bool,
    /// Whether the tag may move to another major version.
    pub floating: bool,
    /// Whether a variable decides the version.
    pub variable: bool,
    /// Whether it is Docker's own image or a mirror's or proxy's copy, by its name.
    pub official: bool,
}

impl EngineImage {
    /// Reads an image's name; `None` if it isn't Docker's and doesn't end in `dind`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let reference = Reference::parse(text)?;
        let masked = mask(text);
        let end = masked.find('@').unwrap_or(text.len());
        let start = masked[..end].rfind('/').map_or(0, |at| at + 1);
        let colon = masked[start..end].find(':').map_or(end, |at| start + at);
        let written = text[colon..end].trim_start_matches(':');
        // GitLab's dependency proxy and others may come as a variable that ends in its own slash.
        let name = text[start..colon].rsplit('}').next().unwrap_or_default();
        let official = name == "docker";
        let daemon_name = name == "dind" || name.ends_with("-dind");
        let tag = reference.tag.as_deref().filter(|_| !written.is_empty()).unwrap_or("latest");
        let parts: Vec<&str> = tag.split('-').collect();
        let daemon_tag = parts.contains(&"dind");
        if !official && !daemon_name && !daemon_tag {
            return None;
        }
        let version = version(parts.first().copied().unwrap_or_default());
        let windows = parts.iter().any(|part| part.starts_with("windows") || part.starts_with("nanoserver"));
        let variant = match (daemon_tag || daemon_name, windows) {
            (true, _) => Variant::Daemon,
            (false, true) => Variant::Windows,
            (false, false) => Variant::Client,
        };
        let floating = version.is_empty() && reference.digest.is_none();
        let variable = parts.first().is_some_and(|part| part.contains('$'));
        Some(Self { version, variant, rootless: parts.iter().any(|part| part.ends_with("rootless")), floating, variable, official })
    }
}

/// The leading numbers of `27.3.1`; of `27.3.1` and `18.09` alike, but not of `${VERSION}`.
fn version(text: &str) -> Vec<u32> {
    let text = text.strip_prefix('v').unwrap_or(text);
    text.split('.').map_while(|part| part.parse().ok()).collect()
}
