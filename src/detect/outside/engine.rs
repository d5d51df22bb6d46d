//! Where a docker client's engine is, as far as a script tells: flags, variables and contexts in the order in which the client goes by them
//! (docker/cli, `cli/command/cli.go`, `resolveContextName`).

use std::collections::BTreeMap;

use crate::detect::daemon::Endpoint;
use crate::detect::flow::needs_daemon;
use crate::detect::steps::{JobShell, Step};
use crate::docker::{Arg, Op, Operation, Slot};
use crate::shell::Binding;

/// Names by which a machine calls itself, or its containers call it.
#[rustfmt::skip]
const HERE: &[&str] =
    &["", "localhost", "127.0.0.1", "0.0.0.0", "[::1]", "host.docker.internal", "gateway.docker.internal", "host.containers.internal", "172.17.0.1"];

/// What a client goes by at some place of a script.
#[derive(Clone, Default, Debug)]
pub struct Client {
    /// `DOCKER_HOST`.
    host: Option<String>,
    /// `DOCKER_CONTEXT`.
    context: Option<String>,
    /// The context of `docker context use`.
    current: Option<String>,
    /// The contexts that were created, with the host that they lead to; none stands for what `DOCKER_HOST` says.
    created: BTreeMap<String, Option<String>>,
}

impl Client {
    /// A client that finds these two variables.
    #[must_use]
    pub fn new(host: Option<String>, context: Option<String>) -> Self {
        Self { host, context, ..Self::default() }
    }

    /// The client of `step`, with what the script assigned before it, of which `chosen` has what [`chosen`] gives, and what is assigned for it alone.
    #[must_use]
    pub fn at(&self, step: &Step, chosen: &[&Binding]) -> Self {
        let mut client = self.clone();
        let start = step.invocation.command.range.start;
        let before = chosen.iter().filter(|binding| binding.range.start < start);
        let alone = step.invocation.environment.iter().map(|(name, value)| (name, value));
        for (name, value) in before.map(|binding| (&binding.name, &binding.value)).chain(alone) {
            let variable = match name.as_str() {
                "DOCKER_HOST" => &mut client.host,
                "DOCKER_CONTEXT" => &mut client.context,
                _ => continue,
            };
            let text = value.constant().map_or_else(|| format!("{}${{?}}", value.known_prefix()), str::to_owned);
            *variable = (!text.is_empty()).then_some(text);
        }
        client
    }

    /// Keeps what `operation` says of contexts for those that follow.
    pub fn learn(&mut self, operation: &Operation, argv: &[Arg]) {
        if operation.op != Op::Context {
            return;
        }
        let name = operation.positionals.iter().find(|positional| positional.slot == Slot::Name).map(|positional| positional.text.clone());
        let Some(name) = name else { return };
        match operation.command.last().and_then(|index| argv.get(*index)).map(|word| &*word.text) {
            Some("use") => self.current = Some(name),
            Some("create" | "update") => {
                let endpoint = operation.value("docker").unwrap_or_default();
                let host = endpoint.split(',').find_map(|field| field.trim().strip_prefix("host=")).map(str::to_owned);
                self.created.insert(name, host.or_else(|| self.host.clone()));
            }
            Some(_) | None => {}
        }
    }

    /// Takes over the contexts of `other`, which a script shares with those that it runs.
    pub fn keep_contexts(&mut self, other: Self) {
        self.current = other.current;
        self.created = other.created;
    }

    /// The engine at which `operation` changes something, as a fragment, where it is none of this machine and none of the job, of whose hosts `local` are the
    /// names.
    #[must_use]
    pub fn elsewhere(&self, operation: &Operation, local: &[String]) -> Option<String> {
        let looks = matches!(operation.op, Op::Info | Op::Inspect | Op::Wait | Op::Login | Op::Logout | Op::Context);
        if looks || !needs_daemon(operation) {
            return None;
        }
        let flag = |name| operation.global(name).and_then(|flag| flag.value.as_deref()).filter(|value| !value.is_empty());
        let quoted = |host: &str| format!("`{host}`");
        let is_there = |host: &&str| is_elsewhere(host, local);
        let by_variable = self.host.as_deref();
        let context = match (flag("context"), flag("host"), by_variable) {
            (Some(context), _, _) => context,
            (None, Some(host), _) | (None, None, Some(host)) => return Some(host).filter(is_there).map(quoted),
            (None, None, None) => self.context.as_deref().or(self.current.as_deref())?,
        };
        match self.created.get(context) {
            _ if context == "default" => by_variable.filter(is_there).map(quoted),
            Some(host) => host.as_deref().filter(is_there).map(quoted),
            // Somebody made it where nobody looks.
            None => Some(format!("the context `{context}`")),
        }
    }
}

/// The assignments by which a script chooses an engine.
#[must_use]
pub fn chosen(shell: &JobShell) -> Vec<&Binding> {
    shell.evaluated.bindings.iter().filter(|binding| matches!(binding.name.as_str(), "DOCKER_HOST" | "DOCKER_CONTEXT")).collect()
}

/// Whether a value of `DOCKER_HOST` leads to another machine. `docker` or `dind` is a service, of the job or of its runner's settings.
fn is_elsewhere(host: &str, local: &[String]) -> bool {
    if ["unix://", "npipe://", "fd://"].iter().any(|scheme| host.starts_with(scheme)) {
        return false;
    }
    let Some(endpoint) = Endpoint::parse(host) else { return true };
    let name = endpoint.host.rsplit('@').next().unwrap_or_default();
    if HERE.contains(&name) {
        return false;
    }
    let is_of_runner = !name.contains('.') && (name.contains("docker") || name.contains("dind"));
    endpoint.scheme == "ssh" || !(is_of_runner || local.iter().any(|own| own == name))
}
