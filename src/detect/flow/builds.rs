//! Builds, tags, pulls and pushes into remote builds: where each runs and what it pushes.

use std::collections::BTreeMap;

use crate::detect::daemon::Kind;
use crate::detect::flow::classify::{self, Between, needs_daemon, only_image};
use crate::detect::flow::images::{Images, Meaning, Origin};
use crate::detect::flow::{Action, Flow, Output, RemoteBuild, Why, is_docker};
use crate::detect::reason::{self, Reason};
use crate::detect::steps::{JobShell, Step};
use crate::detect::{JobFacts, is_frozen, setting};
use crate::docker::{Op, Operation, Role, Tool, Unknown};
use crate::pipeline::Job;
use crate::shell::{Frame, ListOperator};

/// A build and what happens to its image.
#[derive(Debug)]
struct Built {
    step: usize,
    /// Steps of `docker tag`, with the argument that names the new reference.
    tags: Vec<(usize, usize)>,
    /// Steps of `docker push`, with the argument of the reference, and what it is: the build's flag or the tag's step.
    pushes: Vec<Push>,
    direct: bool,
}

#[derive(Debug)]
struct Push {
    step: usize,
    argument: usize,
    text: String,
}

#[derive(Debug)]
struct Pulled {
    step: usize,
    argument: usize,
    pushes: Vec<Push>,
    tags: Vec<usize>,
    cached_by: Vec<usize>,
}

/// Plans the builds, tags, pulls and pushes of the main shell.
pub(super) fn plan(job: &Job, facts: &JobFacts, shell: &JobShell, flow: &mut Flow) {
    let mut planner = Planner {
        job,
        facts,
        shell,
        flow,
        images: Images::default(),
        built: BTreeMap::new(),
        pulled: BTreeMap::new(),
        own_builder: false,
        goes_on_after_failures: false,
    };
    for (index, step) in shell.steps.iter().enumerate() {
        if let Some(operation) = &step.operation {
            planner.operation(index, step, operation);
        }
        planner.goes_on_after_failures |= turns_errexit_off(step);
        planner.scanner(step);
    }
    planner.decide_builds();
    planner.decide_pulls();
}

struct Planner<'a> {
    job: &'a Job,
    facts: &'a JobFacts,
    shell: &'a JobShell,
    flow: &'a mut Flow,
    images: Images,
    built: BTreeMap<usize, Built>,
    pulled: BTreeMap<usize, Pulled>,
    /// A `docker buildx create` made a builder whose results stay out of the daemon.
    own_builder: bool,
    /// `set +e` was run.
    goes_on_after_failures: bool,
}

impl Planner<'_> {
    fn refuse(&mut self, step: usize, code: &'static str, message: impl Into<String>) {
        let span = self.job.place(&self.job.script, self.shell.steps[step].range());
        self.flow.reasons.push(Reason { code, message: message.into(), span });
    }

    fn operation(&mut self, index: usize, step: &Step, operation: &Operation) {
        if !needs_daemon(operation) && !matches!(operation.op, Op::Builder) {
            if !is_docker(operation.tool) && matches!(operation.op, Op::Build) && operation.tool != Tool::Depot {
                self.refuse(index, reason::OTHER_BUILDER, "an image is built with another tool than Docker");
            }
            return;
        }
        if operation.op == Op::Build {
            self.caches(index, operation);
            self.name_built(index, operation);
        }
        if self.goes_on_after_failures {
            return self.refuse(index, reason::FAILURE_IGNORED, "the script goes on after failures (`set +e`)");
        }
        if step.invocation.path.iter().any(|frame| matches!(frame, Frame::Definition(_) | Frame::Call(_))) {
            return self.refuse(index, reason::DOCKER_IN_FUNCTION, "docker is used in a shell function");
        }
        if step.invocation.opaque || step.invocation.unknown_arguments || step.invocation.damaged {
            return self.refuse(index, reason::WRAPPED_COMMAND, "docker is run by another program or from a text");
        }
        if matches!(operation.tool, Tool::Compose) {
            return self.refuse(index, reason::COMPOSE, "Docker Compose needs its daemon");
        }
        if explicit_daemon(operation) {
            return self.refuse(index, reason::EXPLICIT_DAEMON, "the command names its daemon or context itself");
        }
        let understood = operation.unknown.iter().all(|unknown| matches!(unknown, Unknown::Value { .. })) && operation.unread.is_empty();
        if !understood && !classify::is_chatter(operation) && !matches!(operation.op, Op::Run | Op::Exec | Op::Other) {
            return self.refuse(index, reason::UNKNOWN_FLAGS, "a word of this command is not understood");
        }
        match operation.op {
            Op::Build => self.build(index, step, operation),
            Op::Bake => self.refuse(index, reason::BAKE, "`buildx bake` builds what a file says"),
            Op::Tag => self.tag(index, operation),
            Op::Push => self.push(index, operation),
            Op::Pull => self.pull(index, step, operation),
            Op::Run if classify::is_emulation(operation) => {}
            Op::Run | Op::Exec | Op::Other => self.container(index, operation),
            Op::Save | Op::Load | Op::Import | Op::Inspect => {
                self.refuse(index, reason::USES_LOCAL_IMAGE, "the command works on images in the daemon")
            }
            Op::Builder => self.builder(index, operation),
            Op::Info | Op::Clean | Op::Wait | Op::Context => self.chatter(index, step),
            Op::Login | Op::Logout | Op::Manifest | Op::Imagetools => {}
            Op::ComposeBuild | Op::ComposePush | Op::ComposeUp | Op::ComposeRun => {
                self.refuse(index, reason::COMPOSE, "Docker Compose needs its daemon")
            }
        }
    }

    /// A scanner takes what the daemon has before it asks the registry.
    fn scanner(&mut self, step: &Step) {
        if step.program != crate::detect::Program::ReadsImages {
            return;
        }
        let local = step.argv.iter().any(|arg| matches!(self.images.meaning(&arg.text), Meaning::Known(_)));
        if local {
            let span = self.job.place(&self.job.script, step.range());
            self.flow.reasons.push(Reason {
                code: reason::USES_LOCAL_IMAGE,
                message: "the scanner reads an image from the daemon".to_owned(),
                span,
            });
        }
    }

    fn build(&mut self, index: usize, step: &Step, operation: &Operation) {
        if step.invocation.pipe().is_some_and(|(stage, of)| stage + 1 != of) || in_substitution(step) {
            return self.refuse(index, reason::BUILD_IN_PIPELINE, "the output of the build is used");
        }
        if step.invocation.ignores_failure {
            return self.refuse(index, reason::FAILURE_IGNORED, "the job goes on when the build fails");
        }
        let Some(pushes) = operation.pushes() else {
            return self.refuse(index, reason::UNKNOWN_FLAGS, "whether the build pushes depends on a variable");
        };
        for name in ["iidfile", "quiet", "call", "check", "policy", "squash", "stream"] {
            if operation.flag(name).is_some() {
                return self.refuse(
                    index,
                    reason::UNSUPPORTED_FLAG,
                    format!("`--{name}` means something else, or nothing, on a remote builder"),
                );
            }
        }
        let network = operation.value("network").is_some_and(|network| !matches!(network, "default" | "none"));
        let hosts = operation.flags_named("add-host").any(|flag| {
            flag.value.as_deref().is_none_or(|host| host.contains("host-gateway") || host.starts_with("docker") || host.contains("${"))
        });
        if network || hosts {
            return self.refuse(index, reason::NETWORK, "the build uses the network of the job");
        }
        let named =
            operation.flag("builder").is_some() || setting(self.job, "BUILDX_BUILDER").is_some_and(|setting| !setting.text.is_empty());
        if named && !self.own_builder {
            return self.refuse(index, reason::EXPLICIT_DAEMON, "the build names a builder that the job does not make");
        }
        if self.shell.script.text.contains("cli-plugins/docker-buildx") {
            let message = "the job brings its own buildx, whose version decides what is published";
            return self.refuse(index, reason::JOB_IMAGE_UNKNOWN, message);
        }
        let outputs = operation.outputs();
        let exported = outputs.iter().any(|output| !output.pushes() && output.get("type") != Some("docker"));
        if outputs.len() > 1
            || (exported && !outputs.is_empty() && outputs.iter().any(|output| matches!(output.get("type"), Some("image"))))
        {
            return self.refuse(index, reason::TARGET_REFUSES, "a remote build has one output");
        }
        self.built.insert(index, Built { step: index, tags: Vec::new(), pushes: Vec::new(), direct: pushes || exported });
    }

    /// Gives the image of a build its names, whether or not the build can move.
    fn name_built(&mut self, index: usize, operation: &Operation) {
        let outputs = operation.outputs();
        let loaded = outputs.iter().any(|output| output.get("type") == Some("docker"));
        let pushed = operation.pushes() != Some(false);
        if !loaded && !pushed && (self.own_builder || !outputs.is_empty()) {
            return;
        }
        for image in operation.images_as(Role::Built) {
            self.images.name(&image.text, Origin::Build(index));
        }
    }

    fn caches(&mut self, index: usize, operation: &Operation) {
        for image in operation.images_as(Role::CacheFrom) {
            if let Meaning::Known(Origin::Pull(pull)) = self.images.meaning(&image.text)
                && let Some(pulled) = self.pulled.get_mut(&pull)
            {
                pulled.cached_by.push(index);
            }
        }
    }

    fn tag(&mut self, index: usize, operation: &Operation) {
        let (Some((source, _)), Some((target, argument))) = (only_image(operation, Role::Source), only_image(operation, Role::Tagged))
        else {
            return self.refuse(index, reason::UNKNOWN_IMAGE, "it cannot be told which image is tagged");
        };
        let (source, target) = (source.to_owned(), target.to_owned());
        match self.images.meaning(&source) {
            Meaning::Known(origin) => {
                match origin {
                    Origin::Build(build) => self.built.entry(build).and_modify(|built| built.tags.push((index, argument))),
                    Origin::Pull(_) => return self.tag_pulled(index, origin, &target),
                };
                self.images.name(&target, origin);
            }
            Meaning::Foreign => self.refuse(index, reason::PUSH_WITHOUT_BUILD, "an image is tagged that this job neither builds nor pulls"),
            Meaning::Unsure => self.refuse(index, reason::UNKNOWN_IMAGE, "it cannot be told which image is tagged"),
        }
    }

    fn tag_pulled(&mut self, index: usize, origin: Origin, target: &str) {
        if let Origin::Pull(pull) = origin
            && let Some(pulled) = self.pulled.get_mut(&pull)
        {
            pulled.tags.push(index);
        }
        self.images.name(target, origin);
    }

    fn push(&mut self, index: usize, operation: &Operation) {
        if operation.flag("all-tags").is_some() {
            return self.refuse(index, reason::UNKNOWN_IMAGE, "all tags of a repository are pushed");
        }
        let Some((text, argument)) = only_image(operation, Role::Pushed) else {
            return self.refuse(index, reason::UNKNOWN_IMAGE, "it cannot be told which image is pushed");
        };
        let push = Push { step: index, argument, text: text.to_owned() };
        match self.images.meaning(text) {
            Meaning::Known(Origin::Build(build)) => {
                if let Some(built) = self.built.get_mut(&build) {
                    built.pushes.push(push);
                }
            }
            Meaning::Known(Origin::Pull(pull)) => {
                if let Some(pulled) = self.pulled.get_mut(&pull) {
                    pulled.pushes.push(push);
                }
            }
            Meaning::Foreign => {
                self.refuse(index, reason::PUSH_WITHOUT_BUILD, "an image is pushed that this job neither builds, tags nor pulls")
            }
            Meaning::Unsure => self.refuse(index, reason::UNKNOWN_IMAGE, "it cannot be told which built image is pushed"),
        }
    }

    fn pull(&mut self, index: usize, step: &Step, operation: &Operation) {
        if in_substitution(step) || step.invocation.pipe().is_some() {
            return self.refuse(index, reason::DAEMON_OUTPUT_USED, "the output of the pull is used");
        }
        let Some((text, argument)) = only_image(operation, Role::Pulled) else {
            return self.refuse(index, reason::UNKNOWN_IMAGE, "it cannot be told which image is pulled");
        };
        if operation.flag("platform").is_some() {
            return self.refuse(index, reason::TARGET_REFUSES, "one platform of an image is pulled; a copy within the registry takes all");
        }
        self.images.name(text, Origin::Pull(index));
        self.pulled.insert(index, Pulled { step: index, argument, pushes: Vec::new(), tags: Vec::new(), cached_by: Vec::new() });
    }

    fn container(&mut self, index: usize, operation: &Operation) {
        let built = operation.images.iter().any(|image| matches!(self.images.meaning(&image.text), Meaning::Known(Origin::Build(_))));
        if operation.op == Op::Run && built {
            self.refuse(index, reason::RUNS_BUILT_IMAGE, "a container is started from the image that the job builds");
        } else {
            self.refuse(index, reason::RUNS_CONTAINER, "the command works with containers");
        }
    }

    fn builder(&mut self, index: usize, operation: &Operation) {
        if classify::is_remote_builder(operation) {
            return self.refuse(index, reason::EXPLICIT_DAEMON, "the job makes a remote builder itself");
        }
        let settings = ["config", "buildkitd-config"].iter().any(|name| operation.flag(name).is_some())
            || operation.flags_named("driver-opt").any(|option| option.value.as_deref().is_none_or(|value| value.contains("network")));
        if settings {
            return self.refuse(index, reason::TARGET_REFUSES, "the builder has settings of its own");
        }
        self.own_builder |= operation.command.len() > 1;
        let step = &self.shell.steps[index];
        self.chatter(index, step);
    }

    fn chatter(&mut self, index: usize, step: &Step) {
        if in_substitution(step) || step.invocation.pipe().is_some_and(|(stage, of)| stage + 1 != of) {
            self.refuse(index, reason::DAEMON_OUTPUT_USED, "the output of a command that asks the daemon is used");
        }
    }

    fn decide_builds(&mut self) {
        let built = std::mem::take(&mut self.built);
        let decided: Vec<(Built, Mode)> =
            built.into_values().map(|built| (self.mode(&built), built)).map(|(mode, built)| (built, mode)).collect();
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
        let worst = self.between(built, last);
        match worst {
            Between::Transparent if self.names_known_at(built, built.step) => Mode::Here,
            Between::Transparent | Between::Gate if self.may_move(built, last) => Mode::AtPush(last),
            Between::Transparent | Between::Gate | Between::Opaque => Mode::Save,
        }
    }

    /// The worst step between a build and its last push. Other builds and pushes count, since they may fail.
    fn between(&self, built: &Built, last: usize) -> Between {
        let own: Vec<usize> = built.tags.iter().map(|&(tag, _)| tag).chain(built.pushes.iter().map(|push| push.step)).collect();
        let steps = (built.step + 1..last).filter(|index| !own.contains(index)).map(|index| classify::between(&self.shell.steps[index]));
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
        classic || classic_here || before_attestations || !modern
    }

    fn decide_pulls(&mut self) {
        let pulled = std::mem::take(&mut self.pulled);
        for pull in pulled.into_values() {
            self.decide_pull(&pull);
        }
    }

    fn decide_pull(&mut self, pull: &Pulled) {
        let step = &self.shell.steps[pull.step];
        if pull.pushes.is_empty() {
            let action =
                if step.invocation.ignores_failure { Action::Remove(Why::CachePull) } else { Action::Inspect { reference: pull.argument } };
            for &tag in &pull.tags {
                self.flow.actions.insert(tag, Action::Remove(Why::CopiedByRegistry));
            }
            self.drop_cache_flags(pull, step.invocation.ignores_failure);
            self.flow.actions.insert(pull.step, action);
            return;
        }
        let last = pull.pushes.iter().map(|push| push.step).max().unwrap_or(pull.step);
        let together = pull.pushes.iter().all(|push| {
            let other = &self.shell.steps[push.step];
            other.block == step.block && other.invocation.certainty == step.invocation.certainty && !other.invocation.ignores_failure
        });
        if step.invocation.ignores_failure || !pull.pushes.iter().all(|push| self.shell.steps[push.step].block.starts_with(&step.block)) {
            return self.refuse(last, reason::CONDITIONAL_BUILD, "an image is pulled under other conditions than it is pushed");
        }
        let own: Vec<usize> = pull.tags.iter().copied().chain(pull.pushes.iter().map(|push| push.step)).collect();
        let clear = together
            && (pull.step + 1..last)
                .filter(|index| !own.contains(index))
                .all(|index| classify::between(&self.shell.steps[index]) != Between::Opaque);
        let action = if clear { Action::Remove(Why::CopiedByRegistry) } else { Action::Inspect { reference: pull.argument } };
        let names = variables(step, pull.argument);
        if self.shell.assigns_within(&(step.range().end..self.shell.steps[last].range().start), &names) {
            return self.refuse(last, reason::UNKNOWN_IMAGE, "a variable in the pulled image's name changes before the push");
        }
        self.flow.actions.insert(pull.step, action);
        for &tag in &pull.tags {
            self.flow.actions.insert(tag, Action::Remove(Why::CopiedByRegistry));
        }
        for push in &pull.pushes {
            self.flow.actions.insert(push.step, Action::Promote { pull: pull.step, source: pull.argument, reference: push.argument });
        }
    }

    /// A cache that was only pulled for a build is not needed by a builder that keeps its own.
    fn drop_cache_flags(&mut self, pull: &Pulled, ignorable: bool) {
        if !ignorable {
            return;
        }
        for (&index, action) in &mut self.flow.actions {
            let (Action::Build(build) | Action::BuildHere(build)) = action else { continue };
            if !pull.cached_by.contains(&build.step) {
                continue;
            }
            debug_assert!(index >= build.step);
            let operation = self.shell.steps[build.step].operation.as_ref().expect("a build has an operation");
            let source = &self.shell.steps[pull.step].argv[pull.argument].text;
            let mut name = Images::default();
            name.name(source, Origin::Pull(pull.step));
            for (at, flag) in operation.flags.iter().enumerate().filter(|(_, flag)| flag.name == "cache-from") {
                let only = operation
                    .images_as(Role::CacheFrom)
                    .filter(|image| flag.words.contains(&image.arg))
                    .all(|image| name.meaning(&image.text) != Meaning::Foreign);
                if only && !build.dropped_flags.contains(&at) {
                    build.dropped_flags.push(at);
                }
            }
        }
    }
}

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

fn turns_errexit_off(step: &Step) -> bool {
    let off = |arg: &crate::docker::Arg| arg.text == "+e" || arg.text == "+ex" || arg.text == "+xe";
    step.name() == Some("set")
        && (step.argv.iter().any(off) || step.argv.windows(2).any(|pair| pair[0].text == "+o" && pair[1].text == "errexit"))
}

/// `docker -H …`, `--context …`, `--tls…`.
fn explicit_daemon(operation: &Operation) -> bool {
    ["host", "context", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"].iter().any(|name| operation.global(name).is_some())
}

fn in_substitution(step: &Step) -> bool {
    step.invocation.path.iter().any(|frame| matches!(frame, Frame::Substitution | Frame::ProcessSubstitution))
}

/// Whether it runs only if something before it failed.
fn after_or(step: &Step) -> bool {
    step.invocation.path.iter().any(|frame| matches!(frame, Frame::List(ListOperator::Or, _)))
}

/// The names of the variables in the word of an argument.
fn variables(step: &Step, argument: usize) -> Vec<String> {
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
