//! A job that builds and pushes images into builds by their parts. Takes only what Dagger's `dockerBuild` and `publish` can do.

use serde::{Deserialize, Serialize};

use crate::detect::flow::{Action, Output, RemoteBuild};
use crate::detect::{JobFacts, JobShell, Step, Verdict};
use crate::docker::dockerfile::Dockerfile;
use crate::docker::reference::Reference;
use crate::docker::{Op, Operation, Slot};
use crate::migrate::fresh::is_done_anew;
use crate::migrate::module::form::{Part, Text};
use crate::pipeline::Job;
use crate::shell::{Atom, Certainty, Symbolic};
use crate::workspace::Workspace;

/// An image that a job builds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Build {
    /// The folder of the context from the checkout; empty for the checkout.
    pub context: String,
    /// The Dockerfile, from the context, where it is not `Dockerfile`.
    pub file: Option<String>,
    /// The stage.
    pub target: Option<Text>,
    /// Build arguments.
    pub arguments: Vec<(String, Text)>,
    /// The platforms; empty for that of the engine.
    pub platforms: Vec<String>,
    /// Labels.
    pub labels: Vec<(String, Text)>,
    /// Where it is published.
    pub addresses: Vec<Text>,
    /// Whether it is published as Docker did it before version 29.
    pub plain: bool,
    /// Whether its Dockerfile is at hand.
    #[serde(skip)]
    pub has_known_bases: bool,
}

impl Build {
    /// The texts in it that may hold variables.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let arguments = self.arguments.iter().chain(&self.labels).map(|(_, text)| text);
        self.target.iter().chain(arguments).chain(&self.addresses)
    }
}

/// A login to a registry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Login {
    /// The registry's name.
    pub registry: Text,
    /// The user's.
    pub user: Text,
    /// The variable with the password.
    pub password: String,
}

/// Why a job can't be builds: a fragment, and the index of the step that it is about.
type No = (String, Option<usize>);

/// Flags that say how, not what, to build, or what `publish` does anyhow.
const IGNORED: &[&str] = &[
    "builder",
    "cache-from",
    "cache-to",
    "compress",
    "cpu-period",
    "cpu-quota",
    "cpu-shares",
    "cpuset-cpus",
    "cpuset-mems",
    "force-rm",
    "load",
    "memory",
    "memory-swap",
    "progress",
    "provenance",
    "pull",
    "push",
    "rm",
    "tag",
];

/// The images that a job builds, in order, and the registries that it logs in to.
///
/// # Errors
/// Why it can't be written as builds.
pub(super) fn builds(job: &Job, facts: &JobFacts, workspace: &Workspace) -> Result<(Vec<Build>, Vec<Login>), No> {
    let no = |message: &str, step: usize| (message.to_owned(), Some(step));
    let Some(shell) = facts.shell.as_ref().filter(|_| facts.flow.verdict == Verdict::Full) else {
        return Err((
            facts
                .flow
                .reasons
                .first()
                .map_or_else(|| "the job works with images or containers".to_owned(), |reason| reason.message.clone()),
            None,
        ));
    };
    let plain = shell.from_nothing();
    if plain.steps.len() != shell.steps.len() {
        return Err(("what the script runs depends on variables".to_owned(), None));
    }
    let shell = &plain;
    let left_behind = facts.after_shell.as_ref().is_some_and(|after| after.steps.len() > facts.flow.after_actions.len());
    if left_behind {
        return Err(("`after_script` does more than tidy up".to_owned(), None));
    }
    let (mut builds, mut logins) = (Vec::new(), Vec::new());
    for (index, step) in shell.steps.iter().enumerate() {
        let always = step.block.is_empty() && step.invocation.certainty == Certainty::Always && !step.invocation.ignores_failure;
        match (facts.flow.actions.get(&index), &step.operation) {
            (Some(Action::Remove(_) | Action::RemoveLoop { .. }), _) => {}
            (Some(Action::Build(_) | Action::BuildHere(_)), _) if !always => {
                return Err(no("the image is built only under a condition", index));
            }
            (Some(Action::Build(remote) | Action::BuildHere(remote)), _) => {
                let built = build(shell, remote, workspace)?;
                let names: Vec<String> = built.addresses.iter().cloned().map(String::from).collect();
                let operation = shell.steps[remote.step].operation.as_ref();
                if operation.is_some_and(|operation| is_done_anew(job, facts, operation, &names)) {
                    return Err(no("the image is meant to be built anew each time, which Dagger can't be told", index));
                }
                builds.push(built);
            }
            (Some(Action::PushSaved { .. } | Action::Promote { .. } | Action::Inspect { .. }), _) => {
                return Err(no("an image is pushed behind a test, or copied from another one", index));
            }
            (None, Some(operation)) if operation.op == Op::Login => {
                logins.push(login(shell, index, operation).ok_or_else(|| no("the login has a form that is not read", index))?);
            }
            (None, Some(operation)) if operation.op == Op::Logout => {}
            (None, None) if is_feed(shell, index) || is_nothing(step) => {}
            (None, _) => return Err(no("the script does more than build and push", index)),
        }
    }
    let known = |address: &Text| logins.iter().any(|login| begins_alike(&login.registry, address));
    let private =
        builds.iter().flat_map(|build: &Build| bases(build, workspace)).any(|base| known(&Text::new(&base)) || base.contains('$'));
    if private {
        return Err(("the base of the image may need the credentials of the job's own login".to_owned(), None));
    }
    Ok((builds, logins))
}

/// What prints, waits or prepares tools that no build needs.
fn is_nothing(step: &Step) -> bool {
    let silent = step.invocation.command.redirections.is_empty();
    step.argv.is_empty()
        || (silent
            && matches!(
                step.name(),
                Some("echo" | "printf" | "true" | ":" | "sleep" | "set" | "apk" | "cd" | "pwd" | "ls" | "date" | "export")
            ))
}

/// Whether a step does nothing but feed a login behind it.
fn is_feed(shell: &JobShell, index: usize) -> bool {
    let step = &shell.steps[index];
    step.name() == Some("echo")
        && step.invocation.pipe() == Some((0, 2))
        && shell.steps.iter().any(|other| {
            other.statement() == step.statement() && other.operation.as_ref().is_some_and(|operation| operation.op == Op::Login)
        })
}

fn build(shell: &JobShell, remote: &RemoteBuild, workspace: &Workspace) -> Result<Build, No> {
    let step = &shell.steps[remote.step];
    let no = |message: String| (message, Some(remote.step));
    let operation = step.operation.as_ref().ok_or_else(|| no("the build is not read".to_owned()))?;
    let folder = step.folder().ok_or_else(|| no("it is not known in which folder the image is built".to_owned()))?;
    let context = operation.context().filter(|context| !context.contains(['$', ':']) && *context != "-" && !context.starts_with('/'));
    let context = context
        .and_then(|context| joined(&folder, context))
        .ok_or_else(|| no("the build's context is no folder of the checkout".to_owned()))?;
    let mut build = Build {
        file: None,
        target: None,
        arguments: Vec::new(),
        platforms: Vec::new(),
        labels: Vec::new(),
        addresses: Vec::new(),
        plain: remote.plain_manifest,
        has_known_bases: false,
        context,
    };
    for (at, flag) in operation.flags.iter().enumerate() {
        let text = || flag.value_at.and_then(|(argument, start)| text_at(step, argument, start));
        let unknown = || no(format!("the value of `{}` is not known", flag.spelled));
        match flag.name {
            "file" => {
                let path =
                    flag.value.as_deref().filter(|path| !path.contains('$')).and_then(|path| joined(&folder, path)).ok_or_else(unknown)?;
                let inside = if build.context.is_empty() {
                    Some(path.as_str())
                } else {
                    path.strip_prefix(&build.context).and_then(|path| path.strip_prefix('/'))
                };
                let inside = inside.ok_or_else(|| no("the Dockerfile lies outside of the build's context".to_owned()))?;
                build.file = (inside != "Dockerfile").then(|| inside.to_owned());
            }
            "target" => build.target = Some(text().ok_or_else(unknown)?),
            "build-arg" => {
                if let Some(argument) = argument(&text().ok_or_else(unknown)?).ok_or_else(unknown)? {
                    build.arguments.push(argument);
                }
            }
            "label" => build.labels.push(named(&text().ok_or_else(unknown)?).ok_or_else(unknown)?),
            "platform" => {
                let value = flag.value.as_deref().filter(|value| !value.contains('$')).ok_or_else(unknown)?;
                build.platforms.extend(value.split(',').map(|platform| platform.trim().to_owned()));
            }
            name if IGNORED.contains(&name) => {}
            _ => return Err(no(format!("`{}` is not supported by Dagger", flag.spelled))),
        }
        let unpushed = matches!(&remote.output, Output::Push { unpushed, .. } if unpushed.contains(&at));
        if flag.name == "tag" && !unpushed && matches!(remote.output, Output::Push { .. } | Output::AsWritten) {
            build.addresses.push(text().ok_or_else(unknown)?);
        }
    }
    match &remote.output {
        Output::Push { added, .. } => {
            for &(step, argument) in added {
                let text = text_at(&shell.steps[step], argument, 0)
                    .ok_or_else(|| no("it is not known under which name the image is pushed".to_owned()))?;
                if !build.addresses.contains(&text) {
                    build.addresses.push(text);
                }
            }
        }
        Output::AsWritten if operation.outputs().iter().all(|output| output.get("type") == Some("registry")) => {}
        Output::Discard => {}
        Output::Save(_) => return Err(no("an image is tested between its build and its push".to_owned())),
        Output::AsWritten | Output::Load => {
            return Err(no("the build exports something besides an image in a registry".to_owned()));
        }
    }
    if build.platforms.len() > 1 && !build.labels.is_empty() {
        return Err(no("labels of an image for several platforms are not written".to_owned()));
    }
    build.has_known_bases = workspace.text(&path(&build)).is_ok();
    dockerfile(&build, workspace).map_err(no)?;
    if let Some(host) = build.addresses.iter().find_map(short_lived) {
        return Err(no(format!("the credentials for `{host}` come from the job's image or machine, and last for hours")));
    }
    Ok(build)
}

fn path(build: &Build) -> String {
    let file = build.file.as_deref().unwrap_or("Dockerfile");
    if build.context.is_empty() { file.to_owned() } else { format!("{}/{file}", build.context) }
}

/// Looks for what the engine does not build.
fn dockerfile(build: &Build, workspace: &Workspace) -> Result<(), String> {
    let Ok(text) = workspace.text(&path(build)) else { return Ok(()) };
    let frontend = text.lines().take_while(|line| line.trim_start().starts_with('#')).find_map(|line| {
        let (name, value) = line.trim_start().trim_start_matches('#').split_once('=')?;
        (name.trim().eq_ignore_ascii_case("syntax")).then(|| value.trim().to_owned())
    });
    if let Some(frontend) =
        frontend.filter(|frontend| !frontend.starts_with("docker/dockerfile") && !frontend.starts_with("docker.io/docker/dockerfile"))
    {
        return Err(format!("the Dockerfile is read by `{frontend}`, which Dagger does not use"));
    }
    let special = ["--security=", "--network=", "--mount=type=secret", "--mount=type=ssh"].iter().find(|word| text.contains(**word));
    special
        .map_or(Ok(()), |word| Err(format!("the Dockerfile has `{word}`, which Dagger does not support or which needs more than is given")))
}

/// The images that a build's Dockerfile names.
fn bases(build: &Build, workspace: &Workspace) -> Vec<String> {
    let text = workspace.text(&path(build));
    text.map(|text| Dockerfile::parse(&text).images().into_iter().map(|(_, image)| image).collect()).unwrap_or_default()
}

/// A path from the checkout, without `.` and empty parts; none where it leads out of it.
fn joined(folder: &str, path: &str) -> Option<String> {
    let path = path.strip_prefix("${CI_PROJECT_DIR}/").unwrap_or(path);
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The text of an argument from the byte `start` on, with the variables that come from outside.
fn text_at(step: &Step, argument: usize, start: usize) -> Option<Text> {
    text(&step.invocation.argv().get(argument)?.value, start)
}

fn text(value: &Symbolic, start: usize) -> Option<Text> {
    let mut parts = Vec::new();
    let mut skip = start;
    for atom in &value.atoms {
        match atom {
            Atom::Literal(literal) => {
                let rest = literal.get(skip.min(literal.len())..)?;
                skip = skip.saturating_sub(literal.len());
                if !rest.is_empty() {
                    parts.push(Part::Literal(rest.to_owned()));
                }
            }
            Atom::Variable { name, generation: 0 } if skip == 0 => parts.push(Part::Variable(name.clone())),
            _ => return None,
        }
    }
    Some(Text(parts))
}

/// `NAME=VALUE`.
fn named(text: &Text) -> Option<(String, Text)> {
    let [Part::Literal(first), rest @ ..] = text.0.as_slice() else { return None };
    let (name, value) = first.split_once('=')?;
    let value = (!value.is_empty()).then(|| Part::Literal(value.to_owned()));
    Some((name.to_owned(), Text(value.into_iter().chain(rest.iter().cloned()).collect())))
}

/// A build argument; `NAME` alone takes the value of a variable, and what only concerns the cache is left out.
fn argument(text: &Text) -> Option<Option<(String, Text)>> {
    let argument = match text.0.as_slice() {
        [Part::Literal(name)] if !name.contains('=') => (name.clone(), Text(vec![Part::Variable(name.clone())])),
        _ => named(text)?,
    };
    Some((argument.0 != "BUILDKIT_INLINE_CACHE").then_some(argument))
}

fn login(shell: &JobShell, index: usize, operation: &Operation) -> Option<Login> {
    let step = &shell.steps[index];
    let value = |name: &str| operation.flag(name)?.value_at.and_then(|(argument, start)| text_at(step, argument, start));
    let registry = match operation.slot(Slot::Registry).next() {
        Some(positional) => text_at(step, positional.arg, 0)?,
        None => Text(vec![Part::Literal("docker.io".to_owned())]),
    };
    let password = match operation.flag("password-stdin") {
        None => value("password")?,
        Some(_) => {
            let feed = (0..index).rev().find(|&other| is_feed(shell, other) && shell.steps[other].statement() == step.statement())?;
            let words: Vec<usize> = (1..shell.steps[feed].argv.len()).filter(|&at| shell.steps[feed].constant(at) != Some("-n")).collect();
            let [word] = words.as_slice() else { return None };
            text_at(&shell.steps[feed], *word, 0)?
        }
    };
    let [Part::Variable(password)] = password.0.as_slice() else { return None };
    Some(Login { registry, user: value("username")?, password: password.clone() })
}

/// The registry of an address where its passwords are made for each job, outside of its script.
fn short_lived(address: &Text) -> Option<String> {
    let text = String::from(address.clone());
    let host = text.split('/').next().unwrap_or_default();
    let cloud =
        host.contains(".dkr.ecr.") || host == "gcr.io" || [".gcr.io", ".pkg.dev", ".azurecr.io"].iter().any(|end| host.ends_with(end));
    cloud.then(|| host.to_owned())
}

/// Whether an address lies in a registry, as far as their texts tell.
fn begins_alike(registry: &Text, address: &Text) -> bool {
    match (registry.0.first(), address.0.first()) {
        (Some(Part::Variable(registry)), Some(Part::Variable(address))) => address.starts_with(registry.as_str()),
        (Some(Part::Literal(registry)), Some(Part::Literal(address))) => {
            let host = Reference::parse(address).and_then(|reference| reference.registry).unwrap_or_else(|| "docker.io".to_owned());
            registry.trim_start_matches("https://").trim_end_matches('/') == host
        }
        // GitLab's own registry is not Docker Hub.
        (Some(Part::Variable(registry)), Some(Part::Literal(address))) if registry.starts_with("CI_REGISTRY") => {
            Reference::parse(address).is_none_or(|reference| reference.registry.as_deref() != Some("docker.io"))
        }
        (Some(_), Some(_)) => true,
        (None, _) | (_, None) => false,
    }
}
