//! Which `curl … | sh` runs a known installer, that is a program of which it is known what it leaves behind. Knows addresses, not what is served there.

use crate::detect::{JobShell, Step};

/// Installers that bring one program along, contact no container daemon and store no credentials.
const KNOWN: &[&str] = &[
    "depot.dev/install-cli.sh",
    "dl.dagger.io/dagger/install.sh",
    "get.helm.sh",
    "helm/helm/main/scripts/get-helm",
    "helm/helm/master/scripts/get",
    "aquasecurity/trivy/main/contrib/install.sh",
    "anchore/syft/main/install.sh",
    "anchore/grype/main/install.sh",
    "astral.sh/uv",
    "sh.rustup.rs",
    "taskfile.dev/install.sh",
    "deb.nodesource.com/setup",
    "rpm.nodesource.com/setup",
    "nvm-sh/nvm/",
    "install.python-poetry.org",
    "getcomposer.org/installer",
    "get.sdkman.io",
    "bun.sh/install",
    "install.goreleaser.com",
    "golangci-lint/master/install.sh",
    "golangci-lint/HEAD/install.sh",
    "packages.gitlab.com/install/repositories",
    "codecov.io/bash",
    "kustomize/master/hack/install_kustomize.sh",
    "cli.sentry.io/get-cli",
    "sentry.io/get-cli",
    "cli.doppler.com/install.sh",
    "releases.jfrog.io/artifactory/jfrog-cli",
    "getcli.jfrog.io",
];

/// A download that is piped into a shell.
#[derive(Clone, Copy, Debug)]
pub struct Installer<'a> {
    /// The step that fetches.
    pub fetch: &'a Step,
    /// The step that runs what was fetched.
    pub run: &'a Step,
}

impl<'a> Installer<'a> {
    /// The installer that the step at `index` runs.
    #[must_use]
    pub fn run_by(shell: &'a JobShell, index: usize) -> Option<Self> {
        let run = shell.steps.get(index).filter(|step| matches!(step.name(), Some("sh" | "bash" | "ash" | "dash")))?;
        let (stage, _) = run.invocation.pipe().filter(|(stage, _)| *stage > 0)?;
        let feeds = |step: &&Step| step.statement() == run.statement() && step.invocation.pipe().is_some_and(|(other, _)| other < stage);
        let fetch = shell.steps[..index].iter().rev().filter(feeds).find(|step| matches!(step.name(), Some("curl" | "wget")))?;
        Some(Self { fetch, run })
    }

    /// All installers of a script.
    pub fn all(shell: &'a JobShell) -> impl Iterator<Item = Self> {
        (0..shell.steps.len()).filter_map(|index| Self::run_by(shell, index))
    }

    /// The index, in the fetching command, of the argument that holds `address`.
    #[must_use]
    pub fn address(&self, address: &str) -> Option<usize> {
        self.fetch.invocation.argv().iter().position(|argument| argument.value.constant().is_some_and(|text| text.contains(address)))
    }

    /// Whether it is known what it does.
    #[must_use]
    pub fn is_known(&self) -> bool {
        KNOWN.iter().any(|address| self.address(address).is_some())
    }
}

/// Whether the step at `index` runs an installer of which it is known what it does.
#[must_use]
pub fn is_known(shell: &JobShell, index: usize) -> bool {
    Installer::run_by(shell, index).is_some_and(|installer| installer.is_known())
}
