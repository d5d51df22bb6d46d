//! What a job needs besides its rewritten commands: an image that can run them, the target's command, a token under its name, credentials in a file. Knows
//! images, not the files.

use std::collections::BTreeSet;

use crate::config::JobImage;
use crate::detect::flow::{Action, Output, Why};
use crate::detect::registry::RegistryUse;
use crate::detect::{ImageFacts, Verdict, reason};
use crate::docker::Op;
use crate::migrate::job_image::{Curl, Login, copies_images, curl, has_open_tag, is_basic, is_hub_image, is_since, login};
use crate::migrate::lower::{Lowering, NewImage, Refusal};
use crate::migrate::words::platforms;

/// The first major version of Docker whose client takes plugins.
const PLUGINS: u32 = 19;

impl Lowering<'_> {
    /// Chooses another image for the job where the configuration asks for one, or where its own lacks what copies images within registries.
    pub(super) fn choose_image(&mut self) -> Result<(), Refusal> {
        let published = self.actions().iter().find(|(_, action)| publishes(action) || matches!(action, Action::Promote { .. }));
        if let Some((&index, _)) = published.filter(|_| self.signs()) {
            let message = "the push may sign the image (Docker Content Trust), which a remote build does not";
            return Err(self.refusal(index, reason::TARGET_REFUSES, message));
        }
        let copies = self.actions().iter().find(|(_, action)| matches!(action, Action::Promote { .. } | Action::Inspect { .. }));
        if self.target.manifest.in_job && self.builds().next().is_some() {
            return self.builds_in_job();
        }
        if copies.is_some() && !copies_images(self.facts) {
            self.own_copier = !self.takes_newer_client("copies images within a registry");
            return Ok(());
        }
        if self.target.job_image == JobImage::Keep && self.builds().next().is_some() && self.lacks_command()? {
            return Ok(());
        }
        let image = match &self.target.job_image {
            JobImage::Keep => {
                if self.logins_of().next().is_some() && login(self.facts) == Login::NoClient {
                    self.takes_newer_client("logs in without a daemon");
                }
                return Ok(());
            }
            JobImage::Published => NewImage { name: self.own_image(), resets_entrypoint: true },
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

    /// Gives the job the image with the builder.
    fn builds_in_job(&mut self) -> Result<(), Refusal> {
        let name = match &self.target.job_image {
            JobImage::Named(name) => name.clone(),
            JobImage::Keep | JobImage::Published => self.own_image(),
        };
        let others = self.actions().iter().find(|(_, action)| matches!(action, Action::Promote { .. } | Action::Inspect { .. }));
        let index = others.or_else(|| self.actions().first_key_value()).map(|(&index, _)| index).unwrap_or_default();
        if others.is_some() || self.facts.flow.verdict == Verdict::Partial || !self.others_are_basic(true) {
            let message = format!("the build runs in `{name}`, and other commands of the job need its own image");
            return Err(self.refusal(index, reason::TARGET_REFUSES, message));
        }
        if self.facts.image.as_ref().is_none_or(|known| known.text != name) {
            self.lowered.image = Some(NewImage { name, resets_entrypoint: true });
        }
        Ok(())
    }

    /// The target's own image.
    fn own_image(&self) -> String {
        self.target.manifest.command.image.as_ref().map(|image| self.target.fill(image, &[])).unwrap_or_default()
    }

    /// Whether a client of the job's image, which is too old to have the target's command, is replaced by a newer one.
    fn lacks_command(&mut self) -> Result<bool, Refusal> {
        let Some(since) = self.target.manifest.command.docker else { return Ok(false) };
        let Some(docker) = self.facts.image.as_ref().filter(|image| !is_since(image, since)).and_then(|image| image.docker.as_ref()) else {
            return Ok(false);
        };
        // A daemon that stays may be too old for a newer client.
        if self.facts.flow.verdict != Verdict::Partial && self.takes_newer_client("has what the build needs") {
            return Ok(true);
        }
        let version = docker.version.as_slice();
        match self.actions().first_key_value().filter(|_| docker.official && version.first().is_some_and(|&major| major < PLUGINS)) {
            Some((&index, _)) => Err(self.refusal(
                index,
                reason::TARGET_REFUSES,
                format!("the job's Docker client is older than {PLUGINS}.03 and takes no plugins"),
            )),
            None => Ok(false),
        }
    }

    /// Gives the job Docker's newest client image in the place of an old one, where nothing else in the job may depend on the old one.
    fn takes_newer_client(&mut self, what: &str) -> bool {
        let official = |image: &&ImageFacts| image.docker.as_ref().is_some_and(|docker| docker.official) && !has_open_tag(image);
        let Some(old) = self.facts.image.as_ref().filter(official).filter(|_| self.others_are_basic(false)) else {
            return false;
        };
        let (repository, _) = old.image.text().rsplit_once(':').unwrap_or((old.image.text(), ""));
        let name = self.target.fill(&self.target.manifest.client_image, &[("repository", repository)]);
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
        let load = &self.target.manifest.load;
        let old = load.since.filter(|&since| daemon.is_some_and(|daemon| daemon.version.first().is_some_and(|&major| major < since)));
        if let Some((since, (&index, _))) = old.and_then(|since| Some((since, self.actions().first_key_value()?))) {
            let message = format!("the image comes back into the daemon only with Docker {since} or newer");
            return Err(self.refusal(index, reason::TARGET_REFUSES, message));
        }
        let assumption = load.assumption.as_ref().map(|assumption| self.target.fill(assumption, &[]));
        self.lowered.assumptions.extend(assumption.map(|message| ("load", message)));
        Ok(())
    }

    /// Whether pushes may sign what they push.
    fn signs(&self) -> bool {
        self.sets("DOCKER_CONTENT_TRUST") || self.facts.image.as_ref().is_some_and(|image| image.text.contains("notary"))
    }

    fn builds(&self) -> impl Iterator<Item = &Action> {
        self.actions().values().filter(|action| matches!(action, Action::Build(_) | Action::BuildHere(_)))
    }

    /// Whether all commands that stay are found in any image with a shell; logins too where they `become_files`, and logouts, which then go.
    fn others_are_basic(&self, become_files: bool) -> bool {
        let shells = std::iter::once((self.shell, self.actions()))
            .chain(self.facts.after_shell.as_ref().map(|shell| (shell, &self.facts.flow.after_actions)));
        shells.into_iter().all(|(shell, actions)| {
            shell.steps.iter().enumerate().filter(|(index, _)| !actions.contains_key(index)).all(|(_, step)| match &step.operation {
                Some(operation) => !become_files || matches!(operation.op, Op::Login | Op::Logout),
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
        let published = self.builds().any(|action| {
            matches!(action, Action::Build(build) | Action::BuildHere(build) if build.plain_manifest && matches!(build.output, Output::Push { .. }))
        });
        if let Some(message) = self.target.manifest.flags.plain_assumption.as_ref().filter(|_| published) {
            self.lowered.assumptions.push(("media-types", message.clone()));
        }
        let floats = daemon.is_some_and(|daemon| daemon.version.is_empty() || daemon.variable);
        let attested = self.builds().any(|action| {
            matches!(action, Action::Build(build) | Action::BuildHere(build) if !build.plain_manifest && matches!(build.output, Output::Push { .. }))
        });
        if attested && floats {
            let message = "the daemon is of Docker 29 or newer, so that what it pushed had attestations";
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
        for (flag, message) in &self.target.manifest.flags.assume {
            if built.iter().any(|build| build.flag(flag).is_some()) {
                self.lowered.assumptions.push(("target-flag", message.clone()));
            }
        }
        let emulated = self.actions().values().any(|action| matches!(action, Action::Remove(Why::Emulation)));
        let remote = !self.target.manifest.in_job;
        // What a target with a list of platforms builds by itself is the machine that most runners are.
        let open = emulated || self.target.manifest.platforms.is_empty();
        if remote && open && built.iter().any(|build| build.flag("platform").is_none()) {
            let message = "a build without `--platform` is meant for the architecture of the job's machine, and the builder's is the same";
            self.lowered.assumptions.push(("builder-architecture", message.to_owned()));
        }
        let asked: BTreeSet<&str> = built.iter().flat_map(|build| platforms(build)).filter(|platform| !platform.is_empty()).collect();
        if self.target.manifest.platforms.is_empty() && !asked.is_empty() {
            let list = asked.iter().map(|platform| format!("`{platform}`")).collect::<Vec<_>>().join(", ");
            self.lowered
                .assumptions
                .push(("builder-platforms", format!("the builder builds for {list}, by itself or with emulation of its own")));
        }
        let keeps_cache = self.builds().any(|action| match action {
            Action::Build(build) | Action::BuildHere(build) => {
                let says = |flag: &str| operation(build.step).is_some_and(|operation| operation.flag(flag).is_some());
                !says("no-cache") && !says("cache-from") && !self.is_done_anew(build)
            }
            _ => false,
        });
        if !remote && built.iter().any(|build| build.flag("cache-from").is_some()) {
            let message =
                "the builds need no cache: the builder in the job begins with none, and `--cache-from` names images that hold none";
            self.lowered.assumptions.push(("no-cache", message.to_owned()));
        }
        if remote && self.facts.has_dind() && keeps_cache {
            let message = "the builder keeps its cache from job to job, where a new daemon began with none: a `RUN` that fetches what changes \
                           outside needs `--no-cache`";
            self.lowered.assumptions.push(("keeps-cache", message.to_owned()));
        }
        let pushed = if self.builds().next().is_some() { RegistryUse::of(self.job, self.facts).pushes } else { Vec::new() };
        let hosts: BTreeSet<&str> = pushed.iter().filter_map(|push| push.registry.own_host()).collect();
        for host in hosts.into_iter().filter(|_| remote) {
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
        let manifest = &self.target.manifest;
        let installs = uses && !self.target.tools_are_here && !self.has_command(first);
        let pushes_later = self.actions().values().any(|action| matches!(action, Action::PushSaved { .. }));
        let copies = self.own_copier || (pushes_later && manifest.later.as_ref().is_some_and(|later| later.by_copier));
        let copier =
            manifest.copier.install.as_ref().filter(|_| copies && !self.target.tools_are_here).map(|line| self.target.fill(line, &[]));
        let install = Some(&manifest.command.install).filter(|_| installs).map(|line| self.target.fill(line, &[]));
        if install.iter().chain(&copier).any(|line| line.contains("curl")) {
            self.curl(first);
        }
        self.lowered.setup.extend(install.into_iter().chain(copier));
        if uses {
            let lines = manifest.prepare.iter().map(|line| self.target.fill(line, &[])).filter(|line| !line.is_empty());
            self.lowered.setup.extend(lines);
        }
        self.credentials();
    }

    /// Whether the target's command is there already: the image brings it, or the script installs it.
    fn has_command(&self, first: usize) -> bool {
        let command = &self.target.manifest.command;
        let named = |text: &str| command.images.iter().any(|part| text.contains(part));
        let by_image = match &self.lowered.image {
            _ if self.target.manifest.in_job => false,
            Some(image) => named(&image.name) || !self.lowered.keeps_client || command.docker.is_some(),
            None => self
                .facts
                .image
                .as_ref()
                .is_some_and(|image| named(&image.text) || command.docker.is_some_and(|since| is_since(image, since))),
        };
        by_image || self.shell.script.text[..first].contains(&command.sign)
    }

    /// Makes sure that there is curl.
    fn curl(&mut self, first: usize) {
        let has_curl = self.shell.steps.iter().take_while(|step| step.range().start < first).any(|step| {
            step.name() == Some("curl")
                || (matches!(step.name(), Some("apk" | "apt-get" | "apt")) && step.argv.iter().any(|arg| arg.text == "curl"))
        });
        let kind = if self.lowered.image.is_some() { Some(Curl::Apk) } else { self.facts.image.as_ref().and_then(curl) };
        let ways = &self.target.manifest.curl;
        let line = match kind {
            _ if has_curl => None,
            Some(Curl::Present) => None,
            Some(Curl::Apk) => Some(&ways.apk),
            Some(Curl::Apt) => Some(&ways.apt),
            None => {
                let image = self.facts.image.as_ref().map_or("the runner's default image", |image| image.text.as_str());
                let message = format!("`{image}` has curl, or installs it with apk or apt-get as root");
                self.lowered.assumptions.push(("job-image", message));
                Some(&ways.any)
            }
        };
        self.lowered.setup.extend(line.cloned());
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
        let login = &self.target.manifest.login;
        if self.job.variables.contains_key("DOCKER_AUTH_CONFIG") {
            self.lowered.setup.push(login.auth_config.clone());
            return;
        }
        self.lowered.assumptions.push(("registry-credentials", login.assumption.clone()));
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
