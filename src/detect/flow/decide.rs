//! Builds whose images are known into remote builds: where each runs, what it pushes, and what its pushes become.

use crate::detect::daemon::Kind;
use crate::detect::flow::builds::{Built, Planner, in_substitution};
use crate::detect::flow::classify::{self, Between};
use crate::detect::flow::images::{Images, Meaning, Origin};
use crate::detect::flow::{Action, Output, RemoteBuild, Why};
use crate::detect::reason;
use crate::detect::steps::Step;
use crate::detect::{is_frozen, setting};
use crate::docker::{Op, Operation};
use crate::shell::{Frame, ListOperator};

/// How a build becomes a remote build.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Mode {
    Refused,
    Direct,
    Discard,
    Here,
    AtPush(usize),
    Save,
}

impl Planner<'_> {
    pub(super) fn decide_builds(&mut self) {
        let built = std::mem::take(&mut self.built);
        let decided: Vec<(Built, Mode)> =
            built.into_values().map(|built| (self.mode(&built), built)).map(|(mode, built)| (built, mode)).collect();
        for (built, mode) in &decided {
            let output = if *mode == Mode::Direct { Output::AsWritten } else { Output::Load };
            let build = RemoteBuild { step: built.step, output, dropped_flags: Vec::new(), plain_manifest: false };
            self.flow.loads.insert(built.step, Action::Build(build));
        }
        let saved = decided.iter().filter(|(_, mode)| *mode == Mode::Save).count();
        let mut number = 0;
        for (built, mode) in decided {
            let output = match mode {
                Mode::Refused => continue,
                Mode::Direct => Output::AsWritten,
                Mode::Discard => Output::Discard,
                Mode::Here | Mode::AtPush(_) => self.pushed_names(&built),
                Mode::Save => {
                    number += 1;
                    Output::Save(if saved == 1 { 0 } else { number })
                }
            };
            self.act(&built, &mode, output);
        }
    }

    fn act(&mut self, built: &Built, mode: &Mode, output: Output) {
        let plain_manifest = match mode {
            Mode::Direct => self.operation_of(built).pushes() == Some(true),
            Mode::Here | Mode::AtPush(_) | Mode::Save => true,
            Mode::Refused | Mode::Discard => false,
        } && !self.own_builder
            && self.publishes_plain(built.step);
        let build = RemoteBuild { step: built.step, output, dropped_flags: Vec::new(), plain_manifest };
        let actions = &mut self.flow.actions;
        for &(tag, _) in &built.tags {
            actions.insert(tag, Action::Remove(Why::TaggedByBuild));
        }
        for push in &built.pushes {
            let action = if *mode == Mode::Save {
                Action::PushSaved { build: built.step, reference: push.argument }
            } else {
                Action::Remove(Why::PushedByBuild)
            };
            actions.insert(push.step, action);
        }
        if let Mode::AtPush(at) = mode {
            actions.insert(built.step, Action::Remove(Why::BuiltAtPush));
            actions.insert(*at, Action::BuildHere(build));
        } else {
            actions.insert(built.step, Action::Build(build));
        }
    }

    /// The names to add to the build's own, and which of its own were never pushed.
    fn pushed_names(&self, built: &Built) -> Output {
        let operation = self.shell.steps[built.step].operation.as_ref().expect("a build has an operation");
        let mut own = Images::default();
        let flags: Vec<usize> = (0..operation.flags.len()).filter(|&at| operation.flags[at].name == "tag").collect();
        for (number, &at) in flags.iter().enumerate() {
            own.name(operation.flags[at].value.as_deref().unwrap_or_default(), Origin::Build(number));
        }
        let mut pushed = vec![false; flags.len()];
        let mut added: Vec<(usize, usize)> = Vec::new();
        for push in &built.pushes {
            match own.meaning(&push.text) {
                Meaning::Known(Origin::Build(number)) => pushed[number] = true,
                Meaning::Known(Origin::Pull(_)) | Meaning::Foreign | Meaning::Unsure => added.push((push.step, push.argument)),
            }
        }
        let unpushed = flags.into_iter().zip(pushed).filter(|(_, pushed)| !pushed).map(|(at, _)| at).collect();
        Output::Push { added, unpushed }
    }

    fn mode(&mut self, built: &Built) -> Mode {
        let shared_daemon = !matches!(self.facts.daemon.kind, Kind::Dind | Kind::Tcp);
        if built.direct {
            if built.pushes.is_empty() && built.tags.is_empty() {
                return Mode::Direct;
            }
            self.refuse(built.step, reason::UNKNOWN_IMAGE, "the build pushes or exports, and its image is used again afterwards");
            return Mode::Refused;
        }
        let Some(last) = built.pushes.iter().map(|push| push.step).max() else {
            if shared_daemon {
                self.refuse(built.step, reason::IMAGE_STAYS_ON_DAEMON, "the image stays on a daemon that other jobs may share");
                return Mode::Refused;
            }
            return Mode::Discard;
        };
        let build = &self.shell.steps[built.step];
        let pushes: Vec<&Step> = built.pushes.iter().map(|push| &self.shell.steps[push.step]).collect();
        if pushes.iter().any(|push| in_substitution(push) || push.invocation.pipe().is_some()) {
            self.refuse(last, reason::BUILD_IN_PIPELINE, "the output of the push is used");
            return Mode::Refused;
        }
        if !pushes.iter().all(|push| push.block.starts_with(&build.block)) {
            self.refuse(built.step, reason::CONDITIONAL_BUILD, "the image is built under other conditions than it is pushed");
            return Mode::Refused;
        }
        let together = pushes.iter().all(|push| {
            push.block == build.block
                && push.invocation.certainty == build.invocation.certainty
                && !push.invocation.ignores_failure
                && !after_or(push)
        });
        if !together || !self.ends_alike(built, last) {
            return Mode::Save;
        }
        if self.goes_on_without(built) {
            self.refuse(built.step, reason::FAILURE_IGNORED, "the script goes on when the build or a push fails, since `&&` follows it");
            return Mode::Refused;
        }
        let first = built.pushes.iter().map(|push| push.step).min().unwrap_or(last);
        let worst = self.between(built, built.step, last);
        if self.between(built, first, last) != Between::Transparent {
            return Mode::Save;
        }
        match worst {
            Between::Transparent if self.names_known_at(built, built.step) => Mode::Here,
            Between::Transparent | Between::Gate if self.may_move(built, last) => Mode::AtPush(last),
            Between::Transparent | Between::Gate | Between::Opaque => Mode::Save,
        }
    }

    /// Whether a failure of the build in `build && …`, or of a push in `push && …`, leads to a push in a later statement instead of the script's end.
    fn goes_on_without(&self, built: &Built) -> bool {
        let listed = |step: &Step| {
            step.invocation.path.iter().any(|frame| matches!(frame, Frame::List(ListOperator::And, crate::shell::Side::Left)))
        };
        let steps = || std::iter::once(built.step).chain(built.pushes.iter().map(|push| push.step)).map(|index| &self.shell.steps[index]);
        steps().filter(|step| listed(step)).any(|step| steps().any(|later| later.statement().start >= step.statement().end))
    }

    /// The worst step behind step `from` and before the last push of a build. Other builds and pushes count, since they may fail.
    fn between(&self, built: &Built, from: usize, last: usize) -> Between {
        let own: Vec<usize> = built.tags.iter().map(|&(tag, _)| tag).chain(built.pushes.iter().map(|push| push.step)).collect();
        let steps = (from + 1..last).filter(|index| !own.contains(index)).map(|index| classify::between(&self.shell.steps[index]));
        steps.fold(Between::Transparent, |worst, between| match (worst, between) {
            (Between::Opaque, _) | (_, Between::Opaque) => Between::Opaque,
            (Between::Gate, _) | (_, Between::Gate) => Between::Gate,
            (Between::Transparent, Between::Transparent) => Between::Transparent,
        })
    }

    /// In `a && b` a failing `a` does not end the script. Folding `b` into `a` makes it end there, which only is the same where nothing is published behind.
    fn ends_alike(&self, built: &Built, last: usize) -> bool {
        let in_list = |step: &Step| step.invocation.path.iter().any(|frame| matches!(frame, Frame::List(ListOperator::And, _)));
        let listed = in_list(&self.shell.steps[built.step]) || built.pushes.iter().any(|push| in_list(&self.shell.steps[push.step]));
        if !listed {
            return true;
        }
        let end = self.shell.steps[last].statement().end;
        self.shell.steps[last + 1..].iter().all(|step| {
            step.range().start < end
                || step
                    .operation
                    .as_ref()
                    .is_none_or(|operation| !matches!(operation.op, Op::Build | Op::Push | Op::Manifest | Op::Imagetools))
        })
    }

    /// Whether the names that pushes and tags give mean the same at step `at` as where they are written.
    fn names_known_at(&self, built: &Built, at: usize) -> bool {
        let start = self.shell.steps[at].range().start;
        built.pushes.iter().all(|push| {
            let step = &self.shell.steps[push.step];
            let names = variables(step, push.argument);
            !self.shell.assigns_within(&(start..step.range().start), &names)
        })
    }

    /// Whether the build may run at step `at` instead: it is a statement of its own, and its words mean the same there.
    fn may_move(&self, built: &Built, at: usize) -> bool {
        let step = &self.shell.steps[built.step];
        let alone = step.statement() == step.range()
            && step.invocation.command.redirections.iter().all(|redirection| redirection.heredoc.is_none());
        let push = &self.shell.steps[at];
        let push_alone = push.statement() == push.range();
        let names: Vec<String> = (0..step.argv.len()).flat_map(|argument| variables(step, argument)).collect();
        let later = step.range().end..push.range().start;
        let pushed_before = built.pushes.iter().all(|other| {
            let step = &self.shell.steps[other.step];
            !self.shell.assigns_within(&(step.range().start..push.range().start), &variables(step, other.argument))
        });
        alone && push_alone && !self.shell.assigns_within(&later, &names) && pushed_before
    }

    fn operation_of(&self, built: &Built) -> &Operation {
        self.shell.steps[built.step].operation.as_ref().expect("a build has an operation")
    }

    /// Whether the job's daemon pushes single manifests without attestations: the classic builder, or BuildKit before Docker 29 made the
    /// containerd image store the default.
    fn publishes_plain(&self, build: usize) -> bool {
        let classic = setting(self.job, "DOCKER_BUILDKIT").is_some_and(|setting| setting.text == "0");
        let step = &self.shell.steps[build];
        let attests = step
            .operation
            .as_ref()
            .is_some_and(|operation| ["provenance", "sbom", "attest"].iter().any(|name| operation.flag(name).is_some()));
        if attests {
            return false;
        }
        // `docker build` asks for an attestation since 23, where buildx took its place.
        let client = self
            .facts
            .image
            .as_ref()
            .and_then(|image| image.docker.as_ref().filter(|docker| docker.official).map(|docker| (image, docker)));
        let before_attestations =
            client.is_some_and(|(image, docker)| docker.version.first().map_or_else(|| is_frozen(&image.text), |&major| major < 23));
        let classic_here =
            step.invocation.environment.iter().any(|(name, value)| name == "DOCKER_BUILDKIT" && value.constant() == Some("0"));
        let daemon = self.facts.daemon.service.and_then(|index| self.facts.services[index].image.docker.as_ref());
        let frozen = self.facts.daemon.service.is_some_and(|index| {
            let text = &self.facts.services[index].image.text;
            let current = !text.contains('/') || text.contains("docker.io/") || text.contains("DEPENDENCY_PROXY");
            !current || is_frozen(text)
        });
        let modern = daemon.is_some_and(|daemon| {
            (daemon.official && daemon.floating && !daemon.variable && !frozen) || daemon.version.first().is_some_and(|&major| major >= 29)
        });
        classic || classic_here || before_attestations || !modern || self.keeps_images_in_a_graph_driver()
    }

    /// Whether the daemon is told to use one of the drivers that came before the containerd image store (moby, `daemon/image_store_choice.go`).
    fn keeps_images_in_a_graph_driver(&self) -> bool {
        const DRIVERS: [&str; 5] = ["overlay2", "vfs", "fuse-overlayfs", "btrfs", "zfs"];
        let Some(service) = self.facts.daemon.service.map(|index| &self.facts.services[index].image.image) else { return false };
        let own = service.variables().and_then(|variables| variables.get("DOCKER_DRIVER")?.scalar_text());
        let variable = own.or_else(|| setting(self.job, "DOCKER_DRIVER").map(|setting| setting.text.to_string()));
        let command = service.command().unwrap_or_default();
        let joined = command.iter().find_map(|argument| argument.strip_prefix("--storage-driver="));
        let apart = command.windows(2).find(|pair| ["--storage-driver", "-s"].contains(&pair[0].as_str())).map(|pair| pair[1].as_str());
        [variable.as_deref(), joined, apart].into_iter().flatten().any(|driver| DRIVERS.contains(&driver))
    }
}

/// Whether it runs only if something before it failed.
fn after_or(step: &Step) -> bool {
    step.invocation.path.iter().any(|frame| matches!(frame, Frame::List(ListOperator::Or, _)))
}

/// The names of the variables in the word of an argument.
pub(super) fn variables(step: &Step, argument: usize) -> Vec<String> {
    use crate::shell::PartKind;
    let Some(argument) = step.invocation.argv().get(argument) else { return Vec::new() };
    let Some(word) = step.invocation.command.words.get(argument.word) else { return Vec::new() };
    let names = word.parts.iter().filter_map(|part| match &part.kind {
        PartKind::Variable(variable) => Some(variable.name.clone()),
        PartKind::Literal { .. }
        | PartKind::Substitution { .. }
        | PartKind::ProcessSubstitution { .. }
        | PartKind::Arithmetic(..)
        | PartKind::Pattern(_)
        | PartKind::Interpolation => None,
    });
    names.collect()
}
