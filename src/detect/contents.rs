//! Which programs well-known public images lack. Read from their Dockerfiles and manifests in November 2026; an image that is not listed is not known.

use crate::detect::{ImageFacts, Step};

/// How packages are installed in an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packages {
    /// `apk`.
    Alpine,
    /// `apt-get`.
    Debian,
    /// Not at all.
    None,
}

/// What is known of an image's contents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contents {
    /// How packages are installed.
    pub packages: Packages,
    /// The programs it has of those that [`TOOLS`] lists.
    has: &'static [&'static str],
}

/// The programs that are looked for.
pub const TOOLS: &[&str] = &["curl", "bash", "git", "jq", "docker", "aws"];

const NOTHING: &[&str] = &[];
const BASH: &[&str] = &["bash"];
const BUILDPACK: &[&str] = &["bash", "curl", "git"];

/// Language images on Debian with the `buildpack-deps` base, and in `-slim` and `-alpine` variants.
const LANGUAGES: &[&str] = &["golang", "node", "python", "ruby", "rust"];
/// Debian's releases, which are tags and parts of tags.
const RELEASES: &[&str] = &["bullseye", "bookworm", "trixie"];

impl Contents {
    /// What is known of `image`.
    #[must_use]
    pub fn of(image: &ImageFacts) -> Option<Self> {
        let (name, tag) = library_name(&image.text)?;
        let parts: Vec<&str> = tag.split('-').collect();
        if tag.contains("windows") || tag.contains("nanoserver") {
            return None;
        }
        let alpine = parts.iter().any(|part| part.starts_with("alpine"));
        let slim = parts.contains(&"slim");
        let of = |packages, has| Some(Self { packages, has });
        match name {
            "alpine" => of(Packages::Alpine, NOTHING),
            "busybox" => of(Packages::None, NOTHING),
            "debian" | "ubuntu" => of(Packages::Debian, BASH),
            // Since 20.10 the image has git; it never had curl again after 17.06 (docker-library/docker#57).
            "docker" => of(Packages::Alpine, &["docker", "git"]),
            _ if LANGUAGES.contains(&name) && alpine => of(Packages::Alpine, NOTHING),
            _ if LANGUAGES.contains(&name) && slim => of(Packages::Debian, BASH),
            _ if LANGUAGES.contains(&name) && parts.iter().all(|part| is_plain(part)) => of(Packages::Debian, BUILDPACK),
            _ => None,
        }
    }

    /// Whether the image has no program called `tool`, one of [`TOOLS`].
    #[must_use]
    pub fn lacks(&self, tool: &str) -> bool {
        !self.has.contains(&tool)
    }
}

/// A version, a release of Debian, or a word that stands for one.
fn is_plain(part: &str) -> bool {
    part.is_empty()
        || part.starts_with(|first: char| first.is_ascii_digit())
        || part.starts_with("${")
        || ["latest", "lts", "current"].contains(&part)
        || RELEASES.contains(&part)
}

/// Name and tag of an official image of Docker Hub, also by way of GitLab's dependency proxy; the tag is empty where none is written.
fn library_name(image: &str) -> Option<(&str, &str)> {
    const HEADS: &[&str] = &[
        "${CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX}/",
        "${CI_DEPENDENCY_PROXY_DIRECT_GROUP_IMAGE_PREFIX}/",
        "docker.io/",
        "index.docker.io/",
        "public.ecr.aws/docker/",
        "mirror.gcr.io/",
    ];
    let image = HEADS.iter().find_map(|head| image.strip_prefix(head)).unwrap_or(image);
    let image = image.strip_prefix("library/").unwrap_or(image);
    let image = image.split('@').next().unwrap_or(image);
    let (name, tag) = image.split_once(':').unwrap_or((image, ""));
    (!name.is_empty() && !name.contains(['/', '$'])).then_some((name, tag))
}

/// Other names under which a program is installed.
const PACKAGES: &[(&str, &[&str])] = &[("aws", &["awscli"]), ("docker", &["moby", "podman", "nerdctl"])];

/// Whether `step` may bring the program `tool` into the job, or asks for it: it names it anywhere, or installs packages that can't be seen.
#[must_use]
pub fn may_provide(step: &Step, text: &str, tool: &str) -> bool {
    let installs = matches!(
        step.name(),
        Some("apk" | "apt" | "apt-get" | "aptitude" | "dnf" | "microdnf" | "yum" | "pip" | "pip3" | "npm" | "gem" | "nix-env" | "brew")
    );
    let unseen = step.invocation.argv().iter().any(|argument| argument.value.constant().is_none());
    if installs && unseen {
        return true;
    }
    let names = PACKAGES.iter().find(|(name, _)| *name == tool).map_or(NOTHING, |(_, names)| *names);
    !matches!(step.name(), Some("echo" | "printf")) && std::iter::once(&tool).chain(names).any(|name| mentions(text, name))
}

/// Whether `word` stands in `text` as a word of its own.
fn mentions(text: &str, word: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(inner) && !text[at + word.len()..].starts_with(inner))
}

#[cfg(test)]
mod tests {
    use super::{library_name, mentions};

    #[test]
    fn only_official_images_are_known() {
        assert_eq!(library_name("${CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX}/node:22-alpine"), Some(("node", "22-alpine")));
        assert_eq!(library_name("docker.io/library/debian"), Some(("debian", "")));
        for unknown in ["acme/alpine:3", "registry.example.com/alpine:3", "${BUILD_IMAGE}", "${PREFIX}/alpine"] {
            assert_eq!(library_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_word_is_not_found_in_a_longer_one() {
        assert!(mentions("apt-get install -y docker.io", "docker"));
        assert!(mentions("mv /tmp/jq /usr/bin", "jq"));
        assert!(!mentions("run curling", "curl"));
    }
}
