//! `docker login` in a job that loses its daemon: which logins work as they are, and what the others become. Knows docker's and the shell's words, not the
//! files.
//!
//! Where no daemon answers, clients log in by themselves. Those before 28 take a refused connection or a missing socket for that, but not a host without
//! address such as the `tcp://docker` that the entrypoint of Docker's own images names; those before 19.03 always need a daemon
//! (docker/cli, `cli/command/registry/login.go`, `loginClientSide`).

use std::ops::Range;

use crate::detect::flow::is_docker;
use crate::detect::{Step, reason};
use crate::docker::{Op, Operation, Slot, Unknown};
use crate::migrate::job_image::{Login, is_client_unknown, login};
use crate::migrate::lower::{Lowering, Refusal};
use crate::migrate::script_edit::TextEdit;
use crate::shell::Frame;

/// The key under which Docker keeps the credentials of Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
/// Names of Docker Hub.
const HUB_NAMES: &[&str] = &["docker.io", "index.docker.io", "registry-1.docker.io", "https://registry-1.docker.io", DOCKER_HUB];

/// The password of a login: a word, or the command that prints it.
enum Password {
    Word(String),
    Printed(String),
}

impl Lowering<'_> {
    /// Logins that would look for the daemon that goes become entries in the client's configuration file.
    pub(super) fn logins(&mut self) -> Result<(), Refusal> {
        let logins: Vec<usize> = self.logins_of().collect();
        if logins.is_empty() {
            return Ok(());
        }
        let client = if self.lowered.image.is_some() {
            if self.lowered.keeps_client { Login::Works } else { Login::NoClient }
        } else {
            login(self.facts)
        };
        for (number, &index) in logins.iter().enumerate() {
            if client == Login::NoClient {
                let text = self.as_file(index, &logins[..number])?;
                self.lowered.edits.push(text);
                continue;
            }
            if let Some(name) = self.mirror_of_hub(index) {
                self.only_login(index, &logins[..number])?;
                self.lowered.edits.push(TextEdit { range: name, text: "docker.io".to_owned() });
            }
            self.lowered.keeps_client = true;
            if client == Login::WithoutHost {
                let edit = self.without_host(index)?;
                self.lowered.edits.push(edit);
            }
        }
        let floating = self.facts.image.as_ref().and_then(|image| image.docker.as_ref()).is_some_and(|docker| docker.floating);
        if client == Login::Works && floating && self.lowered.image.is_none() {
            let message = "the job's Docker image is at least version 28, whose `docker login` needs no daemon".to_owned();
            self.lowered.assumptions.push(("client-version", message));
        }
        if client == Login::WithoutHost && self.lowered.keeps_client && is_client_unknown(self.facts) {
            let message = "the job's Docker client is at least version 19.03, whose `docker login` needs no daemon where no host is named";
            self.lowered.assumptions.push(("client-version", message.to_owned()));
        }
        Ok(())
    }

    /// The indices of the job's steps that log a docker client in.
    pub(super) fn logins_of(&self) -> impl Iterator<Item = usize> {
        let is_login = |operation: &Operation| operation.op == Op::Login && is_docker(operation.tool);
        self.shell.steps.iter().enumerate().filter(move |(_, step)| step.operation.as_ref().is_some_and(is_login)).map(|(index, _)| index)
    }

    /// A login that no daemon's name leads astray.
    fn without_host(&self, index: usize) -> Result<TextEdit, Refusal> {
        let step = &self.shell.steps[index];
        let wrapped = step.invocation.wrappers.iter().any(|wrapper| !["timeout", "nice", "env"].contains(&wrapper.name.as_str()));
        if wrapped || step.invocation.opaque {
            return Err(self.refusal(
                index,
                reason::LOGIN_NEEDS_DAEMON,
                "`docker login` of this version looks for its daemon, and runs through another program",
            ));
        }
        let start = step.range().start;
        Ok(TextEdit { range: start..start, text: self.target.manifest.no_daemon.clone() })
    }

    /// A login that becomes an entry in the client's configuration file; `others` come before it.
    fn as_file(&mut self, index: usize, others: &[usize]) -> Result<TextEdit, Refusal> {
        self.only_login(index, others)?;
        let Some((range, text)) = self.entry(index) else {
            let message = "this form of `docker login` needs a daemon with a Docker client before version 19.03";
            return Err(self.refusal(index, reason::LOGIN_NEEDS_DAEMON, message));
        };
        Ok(TextEdit { range, text })
    }

    /// Refuses a login whose registry one of `others` logs in to already.
    fn only_login(&self, index: usize, others: &[usize]) -> Result<(), Refusal> {
        let Some(&other) = others.iter().find(|&&other| self.same_registry(other, index) && self.may_both_run(other, index)) else {
            return Ok(());
        };
        let line = self.shell.slice(self.shell.steps[other].range()).to_owned();
        Err(self.refusal(index, reason::LOGIN_NEEDS_DAEMON, format!("`{line}` logs in to the same registry before")))
    }

    /// The bytes of the registry's name where a login stores its credentials under a name of Docker Hub by which buildx and its kin don't look
    /// for them (docker/buildx, `util/imagetools`; moby/buildkit, `session/auth/authprovider`); they do under `docker.io`.
    fn mirror_of_hub(&self, index: usize) -> Option<Range<usize>> {
        let step = &self.shell.steps[index];
        let registry = step.operation.as_ref()?.slot(Slot::Registry).next()?;
        let mirror = registry.text.trim_start_matches("https://").trim_end_matches('/') == "registry-1.docker.io";
        mirror.then(|| step.invocation.argv()[registry.arg].range.range())
    }

    fn same_registry(&self, a: usize, b: usize) -> bool {
        let registry = |index: usize| self.shell.steps[index].operation.as_ref().and_then(|operation| operation.registry());
        let key = |name: Option<&str>| name.filter(|name| !HUB_NAMES.contains(name)).unwrap_or(DOCKER_HUB).to_owned();
        key(registry(a)) == key(registry(b))
    }

    /// Whether two steps may run one after the other: they do not stand in different arms of one choice.
    fn may_both_run(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.shell.steps[a].block, &self.shell.steps[b].block);
        let arms = a.iter().zip(b).find(|(a, b)| a != b);
        arms.is_none_or(|(a, b)| a.statement != b.statement)
    }

    /// The bytes of a login with what feeds it, and what does the same without a client.
    fn entry(&mut self, index: usize) -> Option<(Range<usize>, String)> {
        let step = &self.shell.steps[index];
        let operation = step.operation.as_ref()?;
        let readable =
            operation.unknown.iter().all(|unknown| matches!(unknown, Unknown::Value { .. })) && operation.global("config").is_none();
        let negated = step.invocation.path.iter().any(|frame| matches!(frame, Frame::Negated | Frame::Background));
        if !readable || negated || step.invocation.opaque || !step.invocation.wrappers.is_empty() {
            return None;
        }
        let user = self.flag_word(step, "username")?;
        let registry = match operation.slot(Slot::Registry).next() {
            None => DOCKER_HUB.to_owned(),
            Some(registry) if HUB_NAMES.contains(&registry.text.as_str()) => DOCKER_HUB.to_owned(),
            Some(registry) => {
                if registry.text.contains('$') && !registry.text.contains("CI_REGISTRY") && !registry.text.contains('.') {
                    let word = self.shell.slice(step.invocation.argv()[registry.arg].range.range());
                    let message = format!("`{}` does not name Docker Hub", word.trim_matches('"'));
                    self.lowered.assumptions.push(("registry-host", message));
                }
                one_word(&self.quoted(step, registry.arg))
            }
        };
        let (range, password) = match step.invocation.pipe() {
            None if operation.flag("password-stdin").is_none() && !reads_input(step) => {
                (step.range(), Password::Word(self.flag_word(step, "password")?))
            }
            Some((1, 2)) if operation.flag("password-stdin").is_some() => {
                let feeding = self.feeding(step)?;
                (feeding.range().start..step.range().end, self.piped_password(feeding)?)
            }
            None | Some(_) => return None,
        };
        // The failure of a command before `&&` does not end a script, so that a statement of its own is several.
        let alone = step.statement() == range || step.invocation.path.iter().all(|frame| matches!(frame, Frame::Pipeline { .. }));
        let (and, open, close) = if alone { ("; ", "", "") } else { (" && ", "{ ", "; }") };
        let (prefix, password) = match password {
            Password::Word(word) => (String::new(), word),
            Password::Printed(command) => (
                format!("{}{and}", self.target.fill(&self.target.manifest.login.password, &[("command", &command)])),
                "\"$registry_password\"".to_owned(),
            ),
        };
        let folder = if self.sets("DOCKER_CONFIG") { "$DOCKER_CONFIG" } else { "$HOME/.docker" };
        let key = registry.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(&registry);
        if key.contains(['"', '\'', '\\', '|', '`']) {
            return None;
        }
        let values = [
            ("folder", folder),
            ("and", and),
            ("open", open),
            ("close", close),
            ("key", key),
            ("registry", &registry),
            ("user", &user),
            ("password", &password),
        ];
        Some((range, prefix + &self.target.fill(&self.target.manifest.login.entry, &values)))
    }

    /// Whether the job or its script sets the variable `name`.
    pub(super) fn sets(&self, name: &str) -> bool {
        self.job.variables.contains_key(name) || self.shell.evaluated.bindings.iter().any(|binding| binding.name == name)
    }

    /// The value of a flag as one word of shell text.
    fn flag_word(&self, step: &Step, name: &str) -> Option<String> {
        let (argument, at) = step.operation.as_ref()?.flag(name)?.value_at?;
        let text = self.quoted(step, argument);
        if at == 0 {
            return Some(one_word(&text));
        }
        // `-uNAME` and `--username=NAME`: the value is what follows, in whatever quotes the word has.
        let value = text.split_once('=').filter(|_| text.starts_with("--")).map_or_else(|| text.get(at..), |(_, value)| Some(value))?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        (!value.contains(['"', '\'', '\\'])).then(|| format!("\"{value}\""))
    }

    /// The other stage of the pipeline of two that ends with this step.
    fn feeding(&self, step: &Step) -> Option<&Step> {
        let mut before = self.shell.steps.iter().rev().filter(|other| other.range().end <= step.range().start);
        let first = before.find(|other| other.invocation.pipe() == Some((0, 2)) && other.statement() == step.statement())?;
        (self.shell.slice(first.range().end..step.range().start).trim() == "|").then_some(first)
    }

    fn piped_password(&self, feeding: &Step) -> Option<Password> {
        if feeding.name() == Some("echo") {
            let words: Vec<usize> = (1..feeding.argv.len()).filter(|&at| feeding.constant(at) != Some("-n")).collect();
            return (words.len() == 1).then(|| Password::Word(one_word(&self.quoted(feeding, words[0]))));
        }
        let text = self.shell.slice(feeding.range());
        let simple = !feeding.invocation.opaque && !text.contains('\n') && feeding.operation.is_none();
        simple.then(|| Password::Printed(text.to_owned()))
    }
}

/// A word with an unquoted expansion gets quotes, since it is meant as one argument.
fn one_word(word: &str) -> String {
    let plain = word.contains('$') && !word.contains(['"', '\'', '\\', '`']) && !word.contains("$(");
    if plain { format!("\"{word}\"") } else { word.to_owned() }
}

/// Whether the command's standard input is a file or a here-document.
fn reads_input(step: &Step) -> bool {
    let text = |redirection: &crate::shell::Redirection| redirection.heredoc.is_some() || redirection.operator.starts_with('<');
    step.invocation.command.redirections.iter().any(text)
}
