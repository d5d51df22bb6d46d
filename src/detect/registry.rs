//! A job's operations into what it pushes where, and what it has to authenticate with. Knows names of hosts, not what a registry allows.

use crate::detect::variables::is_open;
use crate::detect::{JobFacts, JobOperation, Step};
use crate::docker::{Op, Role, Tool, Unknown};
use crate::pipeline::{Job, Section};
use crate::shell::{Binding, Certainty};
use crate::source::Span;

/// Where an image lives, as far as its name tells.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Registry {
    /// The project's own, `$CI_REGISTRY`.
    Project,
    /// Docker Hub, also by leaving the host out.
    Hub,
    /// A host, without its port.
    Host(String),
    /// A variable decides.
    Unknown,
}

/// Hosts of providers, none of which is a GitLab's own registry: by the end of their name.
const PROVIDERS: &[&str] = &[
    "ghcr.io",
    "quay.io",
    ".amazonaws.com",
    "public.ecr.aws",
    "gcr.io",
    ".pkg.dev",
    ".azurecr.io",
    "registry.digitalocean.com",
    "icr.io",
    ".depot.dev",
];
/// Registries that take a push from anybody.
const ANONYMOUS: &[&str] = &["localhost", "127.0.0.1", "[", "ttl.sh", "host.docker.internal", "docker", "registry"];

impl Registry {
    /// The registry of an image reference in which unknown variables stand as `${NAME}`.
    ///
    /// The first component counts as a host if it has a dot or a colon in it or is `localhost`
    /// (`github.com/distribution/reference`, `splitDockerDomain`).
    #[must_use]
    pub fn of_image(reference: &str) -> Self {
        if let Some(project) = project(reference) {
            return project;
        }
        let (first, has_path) = reference.split_once('/').map_or((reference, false), |(first, _)| (first, true));
        let before_open = first.find("${").or(first.find("$[[")).map_or(first, |at| &first[..at]);
        match (is_open(first), has_path) {
            // `app:${TAG}`: the colon of a tag comes before anything that a variable could add.
            (true, false) if before_open.contains(':') => Self::Hub,
            (true, _) => Self::Unknown,
            (false, true) if first.contains(['.', ':']) || first == "localhost" => Self::host(first),
            (false, _) => Self::Hub,
        }
    }

    /// The registry that a login names; none is Docker Hub. A scheme and a path don't matter.
    #[must_use]
    pub fn of_login(host: Option<&str>) -> Self {
        let Some(host) = host.filter(|host| !host.is_empty()) else { return Self::Hub };
        let host = host.split_once("://").map_or(host, |(_, rest)| rest);
        project(host).unwrap_or_else(|| {
            let host = host.split('/').next().unwrap_or(host);
            if is_open(host) { Self::Unknown } else { Self::host(host) }
        })
    }

    fn host(text: &str) -> Self {
        match text {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" | "hub.docker.com" => Self::Hub,
            _ => Self::Host(text.split(':').next().unwrap_or(text).to_ascii_lowercase()),
        }
    }

    /// Whether credentials for `self` are surely none for `other`.
    #[must_use]
    pub fn surely_differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => false,
            (Self::Project, Self::Host(host)) | (Self::Host(host), Self::Project) => PROVIDERS.iter().any(|end| host.ends_with(end)),
            (Self::Project | Self::Hub | Self::Host(_), Self::Project | Self::Hub | Self::Host(_)) => self != other,
        }
    }

    /// The host of a registry that a remote builder may not reach, since it belongs to no provider.
    #[must_use]
    pub fn own_host(&self) -> Option<&str> {
        match self {
            Self::Host(host) if host != "registry.gitlab.com" && !PROVIDERS.iter().any(|end| host.ends_with(end)) => Some(host),
            Self::Host(_) | Self::Project | Self::Hub | Self::Unknown => None,
        }
    }

    /// The host for messages, none where it isn't known.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Project => Some("$CI_REGISTRY"),
            Self::Hub => Some("docker.io"),
            Self::Host(host) => Some(host),
            Self::Unknown => None,
        }
    }
}

/// `$CI_REGISTRY` and `$CI_REGISTRY_IMAGE` at the head of a name.
fn project(text: &str) -> Option<Registry> {
    ["${CI_REGISTRY}", "${CI_REGISTRY_IMAGE}"].iter().any(|head| text.starts_with(head)).then_some(Registry::Project)
}

/// A login in a job.
#[derive(Clone, Debug)]
pub struct Login {
    /// Where to.
    pub registry: Registry,
    /// The command.
    pub span: Span,
}

/// An image that a job pushes.
#[derive(Clone, Debug)]
pub struct Push {
    /// Where to.
    pub registry: Registry,
    /// The index of its operation in [`JobFacts::operations`].
    pub operation: usize,
    /// The reference as written.
    pub image: Span,
}

/// A job's dealings with registries.
#[derive(Clone, Default, Debug)]
pub struct RegistryUse {
    /// Its logins, conditional ones too.
    pub logins: Vec<Login>,
    /// What it pushes itself, not what a script file of the repository does.
    pub pushes: Vec<Push>,
    /// Whether credentials may come by another way than these logins: a file, a variable, a helper, a command that can't be seen.
    pub other_credentials: bool,
}

impl RegistryUse {
    /// The dealings of `job`.
    #[must_use]
    pub fn of(job: &Job, facts: &JobFacts) -> Self {
        let mut found = Self::default();
        for (index, operation) in facts.operations.iter().enumerate() {
            if operation.operation.op == Op::Login {
                found.logins.push(Login { registry: login_registry(operation), span: operation.span });
            }
            if let Some(step) = facts.step(operation) {
                found.pushes.extend(pushes(job, index, operation, step, facts));
            }
        }
        let first_push = found.pushes.first().and_then(|push| facts.operations[push.operation].step);
        found.other_credentials = sees_credentials(job, facts) || may_be_hidden(facts, first_push);
        found
    }

    /// Whether the pushed `registry` has no login here that may fit, and nothing else that may authenticate.
    #[must_use]
    pub fn lacks(&self, registry: &Registry) -> bool {
        !self.other_credentials && self.logins.iter().all(|login| login.registry.surely_differs(registry))
    }
}

fn login_registry(operation: &JobOperation) -> Registry {
    if matches!(operation.operation.tool, Tool::Depot | Tool::Dagger) {
        return Registry::Unknown;
    }
    // After a flag that isn't known, the host may stand among the words that were not read.
    let unread = operation.operation.unknown.iter().any(|unknown| matches!(unknown, Unknown::Flag { .. } | Unknown::Value { .. }));
    if unread { Registry::Unknown } else { Registry::of_login(operation.operation.registry()) }
}

fn pushes(job: &Job, index: usize, operation: &JobOperation, step: &Step, facts: &JobFacts) -> Vec<Push> {
    if carries_credentials(operation, step) {
        return Vec::new();
    }
    let pushed = operation.operation.images_as(Role::Pushed).chain(operation.operation.images_as(Role::Destination));
    let pushed = pushed.filter(|image| image.transport.is_none());
    pushed
        .map(|image| {
            let registry = Registry::of_image(&image.text);
            Push { registry, operation: index, image: word_place(job, operation.section, step, image.arg, &image.text) }
        })
        .filter(|push| wants_login(&push.registry, operation, facts))
        .collect()
}

/// Whether a push to `registry` needs credentials that the job has to bring.
fn wants_login(registry: &Registry, operation: &JobOperation, facts: &JobFacts) -> bool {
    let kaniko = operation.operation.tool == Tool::Kaniko;
    match registry {
        Registry::Host(host) => {
            let provider = PROVIDERS.iter().any(|end| host.ends_with(end));
            let own_service = facts.services.iter().any(|service| service.names.iter().any(|name| name == host));
            let anonymous = ANONYMOUS.iter().any(|known| host == known) || host.starts_with('[') || !host.contains('.');
            !(anonymous || own_service || host.ends_with(".depot.dev") || (provider && kaniko) || comes_from(facts, host))
        }
        // Kaniko reads `CI_REGISTRY_USER` and `CI_REGISTRY_PASSWORD` itself (kaniko, `pkg/creds`).
        Registry::Project => !kaniko,
        Registry::Hub | Registry::Unknown => true,
    }
}

/// Whether the job's image is served by `host`: its owner may have put a credential helper for that registry into it.
fn comes_from(facts: &JobFacts, host: &str) -> bool {
    facts.image.as_ref().is_some_and(|image| Registry::of_image(&image.text) == Registry::Host(host.to_owned()))
}

/// Flags by which skopeo, podman and buildah take credentials for what they push; a source's are none.
const CREDENTIAL_FLAGS: &[&str] = &[
    "authfile",
    "creds",
    "dest-authfile",
    "dest-creds",
    "dest-no-creds",
    "dest-password",
    "dest-registry-token",
    "dest-username",
    "password",
    "registry-token",
    "username",
];

/// Whether the command line brings its own credentials: in a flag, also where a table doesn't know it, or in a variable set for this command alone.
fn carries_credentials(operation: &JobOperation, step: &Step) -> bool {
    let read = operation.operation.flags.iter().any(|flag| CREDENTIAL_FLAGS.contains(&flag.name));
    let is_flag =
        |word: &str| word.strip_prefix("--").is_some_and(|flag| CREDENTIAL_FLAGS.contains(&flag.split('=').next().unwrap_or(flag)));
    let unread = step.argv.get(operation.operation.unread.clone()).unwrap_or_default();
    let named = |name: &str| CREDENTIAL_VARIABLES.contains(&name);
    let assigned = step.invocation.command.assignments.iter().any(|assignment| named(&assignment.name));
    let wrappers = &step.invocation.arguments[..step.invocation.program];
    let by_env = wrappers.iter().any(|word| word.value.known_prefix().split_once('=').is_some_and(|(name, _)| named(name)));
    read || unread.iter().any(|argument| is_flag(&argument.text)) || assigned || by_env
}

/// Where the word `argument` of a step's command line is written: `text` within it where that can be told, else the word without its quotes.
#[must_use]
pub fn word_place(job: &Job, section: Section, step: &Step, argument: usize, text: &str) -> Span {
    let script = if section == Section::AfterScript { &job.after_script } else { &job.script };
    let Some(word) = step.invocation.argv().get(argument) else { return job.place(script, step.range()) };
    let range = word.range.range();
    let written = script.text.get(range.clone()).unwrap_or_default();
    let quoted = written.len() > 1 && written.starts_with(['"', '\'']) && written.ends_with(&written[..1]);
    let narrowed = match written.find(text).filter(|_| !text.is_empty()) {
        Some(at) => range.start + at..range.start + at + text.len(),
        None if quoted => range.start + 1..range.end - 1,
        None => range,
    };
    job.place(script, narrowed)
}

const CREDENTIAL_VARIABLES: &[&str] = &["DOCKER_AUTH_CONFIG", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"];
/// Words of commands that leave credentials behind.
const CREDENTIAL_WORDS: &[&str] = &[
    "config.json",
    "auth.json",
    "DOCKER_AUTH_CONFIG",
    "docker-credential",
    "credential-helper",
    "ecr get-login",
    "gcloud auth",
    "az acr",
    "ecr-login",
    "registry login",
    "auth login",
    "auth configure-docker",
    "crane auth",
    "doctl registry",
    "regctl",
    "vault ",
];

fn sees_credentials(job: &Job, facts: &JobFacts) -> bool {
    let named = |name: &str| CREDENTIAL_VARIABLES.contains(&name);
    let in_yaml = job.variables.keys().any(|name| named(name)) || job.conditional.iter().any(|(name, _)| named(name));
    let shells = || facts.shell.iter().chain(&facts.after_shell);
    let bound = |binding: &Binding| named(&binding.name) && binding.certainty <= Certainty::Repeated;
    let in_script = shells().any(|shell| shell.evaluated.bindings.iter().any(bound));
    // Only an operation's own images and flags are searched by their meaning; here a name anywhere in a command that is no operation is evidence.
    let command = shells().flat_map(|shell| shell.steps.iter().map(move |step| (shell, step)));
    let written = command.filter(|(_, step)| {
        !matches!(step.name(), Some("echo" | "printf"))
            || !step.invocation.command.redirections.is_empty()
            || step.invocation.pipe().is_some()
    });
    in_yaml
        || in_script
        || written.into_iter().any(|(shell, step)| CREDENTIAL_WORDS.iter().any(|word| shell.slice(step.range()).contains(word)))
}

/// Whether a command that cannot be seen runs before the first push.
fn may_be_hidden(facts: &JobFacts, first_push: Option<usize>) -> bool {
    facts.opaque.iter().any(|opaque| match (opaque.step, first_push) {
        (Some(step), Some(push)) => step < push,
        (None, _) | (_, None) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::Registry;

    #[test]
    fn a_reference_without_a_host_belongs_to_docker_hub() {
        for (text, registry) in [
            ("app", Registry::Hub),
            ("app:${CI_COMMIT_SHA}", Registry::Hub),
            ("acme/app", Registry::Hub),
            ("docker.io/acme/app", Registry::Hub),
            ("${CI_REGISTRY_IMAGE}/app:1", Registry::Project),
            ("${CI_REGISTRY}/acme/app", Registry::Project),
            ("registry.example.com:5000/app", Registry::Host("registry.example.com".to_owned())),
            ("localhost/app", Registry::Host("localhost".to_owned())),
            ("${IMAGE}:1", Registry::Unknown),
            ("${HOST}/app", Registry::Unknown),
            ("app${SUFFIX}", Registry::Unknown),
            ("$[[ inputs.registry ]]/app", Registry::Unknown),
            ("app:$[[ inputs.tag ]]", Registry::Hub),
        ] {
            assert_eq!(Registry::of_image(text), registry, "{text}");
        }
    }

    #[test]
    fn a_login_ignores_scheme_and_path() {
        for (text, registry) in [
            (None, Registry::Hub),
            (Some("https://index.docker.io/v1/"), Registry::Hub),
            (Some("${CI_REGISTRY}"), Registry::Project),
            (Some("registry.example.com/group"), Registry::Host("registry.example.com".to_owned())),
            (Some("${HOST}"), Registry::Unknown),
        ] {
            assert_eq!(Registry::of_login(text), registry, "{text:?}");
        }
    }

    #[test]
    fn the_projects_registry_may_be_any_host_that_is_not_a_providers() {
        let host = |name: &str| Registry::Host(name.to_owned());
        assert!(!Registry::Project.surely_differs(&host("registry.example.com")));
        assert!(Registry::Project.surely_differs(&host("ghcr.io")));
        assert!(Registry::Project.surely_differs(&Registry::Hub));
        assert!(!Registry::Unknown.surely_differs(&Registry::Hub));
    }
}
