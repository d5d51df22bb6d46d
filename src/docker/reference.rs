//! Image references, possibly symbolic, into registry, repository, tag and digest (`github.com/distribution/reference`).
//! Does not know what a variable holds: a part whose extent depends on one is `None` and the reference isn't exact.

/// What is certain about two references.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Same {
    /// They name the same image.
    Yes,
    /// They name different images.
    No,
    /// That depends on variables.
    Unknown,
}

/// An image reference in parts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reference {
    /// The text as written.
    pub text: String,
    /// The registry's host; `None` where a variable may hide it.
    pub registry: Option<String>,
    /// The path in the registry, with `library/` for Docker's official images; `None` where a variable may hold more or less of it.
    pub repository: Option<String>,
    /// The tag; `latest` where neither tag nor digest is given, `None` beside a digest and where a variable may hold it.
    pub tag: Option<String>,
    /// The digest with its algorithm.
    pub digest: Option<String>,
    /// Whether no variable can move the boundaries between the parts.
    pub exact: bool,
}

/// Docker Hub's name in references.
pub const DOCKER_HUB: &str = "docker.io";

impl Reference {
    /// Splits a reference; `None` for what no reference can be (empty, or with white space).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.contains(char::is_whitespace) && !text.contains("${") {
            return None;
        }
        let masked = mask(text);
        let (end, digest) = match masked.find('@') {
            Some(at) => (at, Some(text[at + 1..].to_owned())),
            None => (text.len(), None),
        };
        let slash = masked[..end].rfind('/');
        let colon = masked[slash.map_or(0, |at| at + 1)..end].find(':').map(|at| at + slash.map_or(0, |slash| slash + 1));
        let name_end = colon.unwrap_or(end);
        let symbolic_end = colon.is_none() && digest.is_none() && text[..name_end].ends_with('}');
        let tag = match colon {
            Some(at) => Some(text[at + 1..end].to_owned()),
            None if digest.is_some() || symbolic_end => None,
            None => Some("latest".to_owned()),
        };
        let (registry, repository) = name(&text[..name_end], &masked[..name_end], symbolic_end);
        let exact = registry.is_some() && repository.is_some() && !symbolic_end;
        Some(Self { text: text.to_owned(), registry, repository, tag, digest, exact })
    }

    /// Whether a variable is part of it.
    #[must_use]
    pub fn is_symbolic(&self) -> bool {
        self.text.contains("${")
    }

    /// Whether both name the same image. Equal texts do, also symbolic ones (unless something unnamed is in them).
    #[must_use]
    pub fn same(&self, other: &Self) -> Same {
        if self.text == other.text {
            return if self.text.contains("${?") { Same::Unknown } else { Same::Yes };
        }
        if self.is_symbolic() || other.is_symbolic() {
            return self.same_symbolic(other);
        }
        let parts =
            |reference: &Self| (reference.registry.clone(), reference.repository.clone(), reference.tag.clone(), reference.digest.clone());
        if parts(self) == parts(other) { Same::Yes } else { self.differ_by_digest(other) }
    }

    /// Tag and digest of one repository may or may not be the same image.
    fn differ_by_digest(&self, other: &Self) -> Same {
        let same_repository = (&self.registry, &self.repository) == (&other.registry, &other.repository);
        let comparable = self.digest.is_some() == other.digest.is_some();
        if same_repository && !comparable { Same::Unknown } else { Same::No }
    }

    /// Behind a shared symbolic prefix, constants still tell tags apart: `${A}:1` is never `${A}:2`.
    fn same_symbolic(&self, other: &Self) -> Same {
        let split = |text: &str| {
            let masked = mask(text);
            let slash = masked.rfind('/').map_or(0, |at| at + 1);
            masked[slash..].find(':').map(|at| (text[..slash + at].to_owned(), text[slash + at + 1..].to_owned()))
        };
        match (split(&self.text), split(&other.text)) {
            (Some((name, tag)), Some((other_name, other_tag)))
                if name == other_name && !name.contains("${?") && !tag.contains("${") && !other_tag.contains("${") && tag != other_tag =>
            {
                Same::No
            }
            _ => Same::Unknown,
        }
    }
}

/// The text with every byte of a `${…}` replaced by `v`, so that offsets stay and its punctuation doesn't count.
pub(super) fn mask(text: &str) -> String {
    let (mut masked, mut depth, mut before) = (String::with_capacity(text.len()), 0_usize, ' ');
    for letter in text.chars() {
        if letter == '{' && (before == '$' || depth > 0) {
            depth += 1;
        }
        let hidden = depth > 0 || letter == '$';
        if letter == '}' && depth > 0 {
            depth -= 1;
        }
        if hidden {
            masked.extend(std::iter::repeat_n('v', letter.len_utf8()));
        } else {
            masked.push(letter);
        }
        before = letter;
    }
    masked
}

/// Registry and repository, as `splitDockerDomain` finds them: a first part with a dot or colon, or `localhost`, is a host.
fn name(text: &str, masked: &str, symbolic_end: bool) -> (Option<String>, Option<String>) {
    let Some(slash) = masked.find('/') else {
        if text.contains("${") {
            return (None, None);
        }
        return (Some(DOCKER_HUB.to_owned()), Some(format!("library/{text}")));
    };
    let (first, rest) = (&text[..slash], &text[slash + 1..]);
    let host = masked[..slash].contains(['.', ':']) || first == "localhost";
    if first.contains("${") {
        return (None, None);
    }
    let (registry, repository) = if host { (registry_host(first), rest) } else { (DOCKER_HUB.to_owned(), text) };
    let repository = if registry == DOCKER_HUB && !repository.contains('/') && !repository.contains("${") {
        format!("library/{repository}")
    } else {
        repository.to_owned()
    };
    (Some(registry), (!symbolic_end).then_some(repository))
}

/// The host under which a registry's credentials are kept, from a reference's host or from the server of `docker login`
/// (`docker/cli/cli/config/credentials`): without scheme and path, Docker Hub's many names as one.
#[must_use]
pub fn registry_host(server: &str) -> String {
    let server = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    let end = mask(server).find('/').unwrap_or(server.len());
    match &server[..end] {
        "" | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" | "hub.docker.com" => DOCKER_HUB.to_owned(),
        host => host.to_owned(),
    }
}
