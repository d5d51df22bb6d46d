//! Builds, tags, pulls and pushes into remote builds: where each runs and what it pushes.

use std::collections::BTreeMap;

use crate::detect::flow::classify::{self, needs_daemon, only_image};
use crate::detect::flow::images::{Images, Meaning, Origin};
use crate::detect::flow::{Flow, is_docker};
use crate::detect::reason::{self, Reason};
use crate::detect::steps::{JobShell, Step};
use crate::detect::{JobFacts, setting};
use crate::docker::{Op, Operation, Role, Tool, Unknown};
use crate::pipeline::Job;
use crate::shell::Frame;

/// A build and what happens to its image.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) step: usize,
    /// Steps of `docker tag`, with the argument that names the new reference.
    pub(super) tags: Vec<(usize, usize)>,
    /// Steps of `docker push`, with the argument of the reference, and what it is: the build's flag or the tag's step.
    pub(super) pushes: Vec<Push>,
    pub(super) direct: bool,
}

#[derive(Debug)]
pub(super) struct Push {
    pub(super) step: usize,
    pub(super) argument: usize,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Pulled {
    pub(super) step: usize,
    pub(super) argument: usize,
    pub(super) pushes: Vec<Push>,
    pub(super) tags: Vec<usize>,
    pub(super) cached_by: Vec<usize>,
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

pub(super) struct Planner<'a> {
    pub(super) job: &'a Job,
    pub(super) facts: &'a JobFacts,
    pub(super) shell: &'a JobShell,
    pub(super) flow: &'a mut Flow,
    pub(super) images: Images,
    pub(super) built: BTreeMap<usize, Built>,
    pub(super) pulled: BTreeMap<usize, Pulled>,
    /// A `docker buildx create` made a builder whose results stay out of the daemon.
    pub(super) own_builder: bool,
    /// `set +e` was run.
    pub(super) goes_on_after_failures: bool,
}

impl Planner<'_> {
    pub(super) fn refuse(&mut self, step: usize, code: &'static str, message: impl Into<String>) {
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
        if operation.tool == Tool::Depot {
            return;
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
        if operation.value("driver").is_some_and(|driver| driver != "docker-container") {
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

pub(super) fn in_substitution(step: &Step) -> bool {
    step.invocation.path.iter().any(|frame| matches!(frame, Frame::Substitution | Frame::ProcessSubstitution))
}
