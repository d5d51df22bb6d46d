//! What a job needs besides its rewritten commands: an image that can run them, the target's command, a token under its name, credentials in a file. Knows
//! images, not the files.

use std::collections::BTreeSet;

use crate::config::{Auth, JobImage};
use crate::detect::flow::{Action, Output, Why};
use crate::detect::registry::RegistryUse;
use crate::detect::{ImageFacts, reason};
use crate::docker::Op;
use crate::migrate::job_image::{Curl, Login, copies_images, curl, has_open_tag, is_basic, is_hub_image, login};
use crate::migrate::lower::{Lowering, NewImage, Refusal};

impl Lowering<'_> {
    /// Chooses another image for the job where the configuration asks for one, or where its own lacks what copies images within registries.
    pub(super) fn choose_image(&mut self) -> Result<(), Refusal> {
        let published = self.actions().iter().find(|(_, action)| publishes(action) || matches!(action, Action::Promote { .. }));
        if let Some((&index, _)) = published.filter(|_| self.signs()) {
            let message = "the push may sign the image (Docker Content Trust), which a remote build does not";
            return Err(self.refusal(index, reason::TARGET_REFUSES, message));
        }
        let copies = self.actions().iter().find(|(_, action)| matches!(action, Action::Promote { .. } | Action::Inspect { .. }));
        if copies.is_some() && !copies_images(self.facts) {
            self.own_copier = !self.takes_newer_client("copies images within a registry");
            return Ok(());
        }
        let image = match &self.config.cli.job_image {
            JobImage::Keep => {
                if self.logins_of().next().is_some() && login(self.facts) == Login::NoClient {
                    self.takes_newer_client("logs in without a daemon");
                }
                return Ok(());
            }
            JobImage::Published => NewImage {
                name: self.target.fill(&self.target.job_image, &[("version", &self.config.cli.version)]),
                resets_entrypoint: true,
            },
            JobImage::Named(name) => NewImage { name: name.clone(), resets_entrypoint: false },
        };
        let own = self.facts.image.as_ref().is_some_and(|known| known.text == image.name);
        if own || self.builds().next().is_none() {
            return Ok(());
        }
        if copies.is_some() || !self.others_are_basic(true) {
            let message = format!("its commands need the job's own image, so that `{}` is not used", image.name);
            self.lowered.assumptions.push(("job-image-kept", message));
            return Ok(());
        }
        self.lowered.image = Some(image);
        Ok(())
    }

    /// Gives the job Docker's newest client image in the place of an old one, where nothing else in the job may depend on the old one.
    fn takes_newer_client(&mut self, what: &str) -> bool {
        let official = |image: &&ImageFacts| image.docker.as_ref().is_some_and(|docker| docker.official) && !has_open_tag(image);
        let Some(old) = self.facts.image.as_ref().filter(official).filter(|_| self.others_are_basic(false)) else {
            return false;
        };
        let (repository, _) = old.image.text().rsplit_once(':').unwrap_or((old.image.text(), ""));
        let name = self.target.fill(&self.target.client_image, &[("repository", repository)]);
        let there = if is_hub_image(old) { "" } else { " is there, and" };
        let message = format!("`{name}`{there} does for the job what `{}` did; its client {what}", old.image.text());
        self.lowered.assumptions.push(("job-image-replaced", message));
        self.lowered.image = Some(NewImage { name, resets_entrypoint: false });
        self.lowered.keeps_client = true;
        true
    }

    /// Notes, or refuses, what a daemon that stays has to offer.
    pub(super) fn daemon_stays(&mut self) -> Result<(), Refusal> {
        self.lowered.keeps_daemon = true;
        let daemon = self.facts.daemon.service.and_then(|index| self.facts.services[index].image.docker.as_ref());
        let old = daemon.is_some_and(|daemon| daemon.version.first().is_some_and(|&major| major < 25));
        if let Some((&index, _)) = self.actions().first_key_value().filter(|_| old) {
            let message = "the image comes back into the daemon only with Docker 25 or newer";
            return Err(self.refusal(index, reason::TARGET_REFUSES, message));
        }
        let message = "the daemon can pull `public.ecr.aws/depot/cli`, with which an image comes back into it";
        self.lowered.assumptions.push(("load", message.to_owned()));
        Ok(())
    }

    /// Whether pushes may sign what they push.
    fn signs(&self) -> bool {
        self.sets("DOCKER_CONTENT_TRUST") || self.facts.image.as_ref().is_some_and(|image| image.text.contains("notary"))
    }

    fn builds(&self) -> impl Iterator<Item = &Action> {
        self.actions().values().filter(|action| matches!(action, Action::Build(_) | Action::BuildHere(_)))
    }

    /// Whether all commands that stay are found in any image with a shell; logins too where they `become_files`.
    fn others_are_basic(&self, become_files: bool) -> bool {
        let shells = std::iter::once((self.shell, self.actions()))
            .chain(self.facts.after_shell.as_ref().map(|shell| (shell, &self.facts.flow.after_actions)));
        shells.into_iter().all(|(shell, actions)| {
            shell.steps.iter().enumerate().filter(|(index, _)| !actions.contains_key(index)).all(|(_, step)| match &step.operation {
                Some(operation) => !become_files || operation.op == Op::Login,
                None => is_basic(step.name()),
            })
        })
    }

    /// Notes what the files don't say and the rewrite rests on.
    pub(super) fn assumptions(&mut self) {
        let plain = self.builds().any(|action| matches!(action, Action::Build(build) | Action::BuildHere(build) if build.plain_manifest));
        let daemon = self.facts.daemon.service.and_then(|index| self.facts.services[index].image.docker.as_ref());
        if plain && daemon.is_some_and(|daemon| daemon.variable) {
            let message = "the daemon is older than Docker 29, so that what it pushed had no attestations";
            self.lowered.assumptions.push(("daemon-version", message.to_owned()));
        }
        let operation = |step: usize| self.shell.steps[step].operation.as_ref();
        let built: Vec<_> = self
            .builds()
            .filter_map(|action| match action {
                Action::Build(build) | Action::BuildHere(build) => operation(build.step),
                _ => None,
            })
            .collect();
        let emulated = self.actions().values().any(|action| matches!(action, Action::Remove(Why::Emulation)));
        if emulated && built.iter().any(|build| build.flag("platform").is_none()) {
            let message = "a build without `--platform` is meant for the architecture of the job's machine, which chooses the builder";
            self.lowered.assumptions.push(("builder-architecture", message.to_owned()));
        }
        if self.facts.has_dind() && built.iter().any(|build| build.flag("no-cache").is_none() && build.flag("cache-from").is_none()) {
            let message = "the builder keeps its cache from job to job, where a new daemon began with none: a `RUN` that fetches what changes \
                           outside needs `--no-cache`";
            self.lowered.assumptions.push(("keeps-cache", message.to_owned()));
        }
        let pushed = if self.builds().next().is_some() { RegistryUse::of(self.job, self.facts).pushes } else { Vec::new() };
        let hosts: BTreeSet<&str> = pushed.iter().filter_map(|push| push.registry.own_host()).collect();
        for host in hosts {
            let message = format!("a remote builder reaches `{host}` (`private_hosts` of the configuration names hosts that it does not)");
            self.lowered.assumptions.push(("registry-reachable", message));
        }
        if self.actions().values().any(|action| matches!(action, Action::Promote { .. })) {
            let message =
                "the copied images are meant whole: a copy within the registry takes all platforms, a pull only that of its machine";
            self.lowered.assumptions.push(("copies-all-platforms", message.to_owned()));
        }
    }

    /// Adds what the target's first command needs to the lines before it.
    pub(super) fn setup(&mut self) {
        let Some(first) = self.lowered.first else { return };
        let uses =
            self.actions().values().any(|action| matches!(action, Action::Build(_) | Action::BuildHere(_) | Action::PushSaved { .. }));
        self.lowered.uses_target = uses;
        let installs = uses && !self.has_command(first);
        let copier = self.target.copier.install.clone().filter(|_| self.own_copier);
        if installs || copier.is_some() {
            self.curl(first);
        }
        if installs {
            self.install();
        }
        self.lowered.setup.extend(copier);
        if uses && self.config.auth == Auth::Token && self.config.token_variable != self.target.token_variable {
            let line = self.target.fill(&self.target.setup["token"], &[("variable", &self.config.token_variable)]);
            self.lowered.setup.push(line);
        }
        self.credentials();
    }

    /// Whether the target's command is there already: the image brings it, or the script installs it.
    fn has_command(&self, first: usize) -> bool {
        let by_image = match &self.lowered.image {
            Some(image) => image.name.contains(&self.target.published_image) || !self.lowered.keeps_client,
            None => self.facts.image.as_ref().is_some_and(|image| image.text.contains(&self.target.published_image)),
        };
        by_image || self.shell.script.text[..first].contains(&self.target.installer_sign)
    }

    /// Makes sure that there is curl.
    fn curl(&mut self, first: usize) {
        let has_curl = self.shell.steps.iter().take_while(|step| step.range().start < first).any(|step| {
            step.name() == Some("curl")
                || (matches!(step.name(), Some("apk" | "apt-get" | "apt")) && step.argv.iter().any(|arg| arg.text == "curl"))
        });
        let kind = if self.lowered.image.is_some() { Some(Curl::Apk) } else { self.facts.image.as_ref().and_then(curl) };
        let line = match kind {
            _ if has_curl => None,
            Some(Curl::Present) => None,
            Some(Curl::Apk) => Some("apk"),
            Some(Curl::Apt) => Some("apt"),
            None => {
                let image = self.facts.image.as_ref().map_or("the runner's default image", |image| image.text.as_str());
                let message = format!("`{image}` has curl, or installs it with apk or apt-get as root");
                self.lowered.assumptions.push(("job-image", message));
                Some("any")
            }
        };
        self.lowered.setup.extend(line.map(|line| self.target.setup[line].clone()));
    }

    fn install(&mut self) {
        let cli = &self.config.cli;
        let line = match (&cli.sha256, &cli.mirror) {
            (None, None) => self.target.fill(&self.target.setup["install"], &[("version", &cli.version)]),
            (sha256, mirror) => {
                let folder = mirror.clone().unwrap_or_else(|| self.target.fill(&self.target.releases, &[("version", &cli.version)]));
                let values = [("version", cli.version.as_str()), ("folder", folder.trim_end_matches('/'))];
                match sha256 {
                    Some(sha256) => self.target.fill(&self.target.setup["checked"], &[values[0], values[1], ("sha256", sha256)]),
                    None => self.target.fill(&self.target.setup["mirror"], &values),
                }
            }
        };
        self.lowered.setup.push(line);
    }

    /// The target's command reads credentials from a file only.
    fn credentials(&mut self) {
        let copies = |action: &Action| self.own_copier && matches!(action, Action::Promote { .. });
        if !self.actions().values().any(|action| publishes(action) || copies(action)) {
            return;
        }
        let logs_in = self.facts.operations.iter().any(|operation| operation.operation.op == Op::Login)
            || self.shell.script.text.contains("config.json");
        if logs_in {
            return;
        }
        if self.job.variables.contains_key("DOCKER_AUTH_CONFIG") {
            self.lowered.setup.push(self.target.credentials.clone());
            return;
        }
        let message = "the registry's credentials are in the job's Docker configuration file; the job has no login, and `depot` does not read \
                       DOCKER_AUTH_CONFIG";
        self.lowered.assumptions.push(("registry-credentials", message.to_owned()));
    }
}

/// Whether a step sends something to a registry with the target's command.
fn publishes(action: &Action) -> bool {
    match action {
        Action::PushSaved { .. } => true,
        Action::Build(build) | Action::BuildHere(build) => !matches!(build.output, Output::Discard | Output::Load | Output::Save(_)),
        Action::Remove(_) | Action::RemoveLoop { .. } | Action::Promote { .. } | Action::Inspect { .. } => false,
    }
}
