//! Where a docker client's engine is, as far as a script tells: flags, variables and contexts in the order in which the client goes by them
//! (docker/cli, `cli/command/cli.go`, `resolveContextName`).

use std::collections::BTreeMap;

use crate::detect::daemon::Endpoint;
use crate::detect::flow::needs_daemon;
use crate::detect::steps::{JobShell, Step};
use crate::docker::{Arg, Op, Operation, Slot};
use crate::shell::{Certainty, Frame};

/// Names by which a machine calls itself, or its containers call it.
const HERE: &[&str] =
    &["", "localhost", "0.0.0.0", "[::1]", "host.docker.internal", "gateway.docker.internal", "host.containers.internal", "172.17.0.1"];

/// Contexts that lead to an engine of the machine itself, as Docker Desktop and its like call them.
const CONTEXTS_HERE: &[&str] = &["default", "rootless", "desktop-linux", "desktop-windows", "colima", "orbstack"];

/// Words of commands that change nothing.
const LOOKS: &[&str] = &[
    "ls", "list", "ps", "logs", "inspect", "images", "version", "info", "top", "stats", "port", "diff", "events", "history", "save",
    "export", "search",
];

/// What a client's variables may be at some place of a script. Several values where a condition decides.
#[derive(Clone, Default, Debug)]
pub struct Variables {
    hosts: Vec<String>,
    contexts: Vec<String>,
}

/// The contexts that a job's scripts made and chose, in the order in which they do it.
#[derive(Clone, Default, Debug)]
pub struct Contexts {
    /// Those of `docker context use`; several where a condition decides.
    current: Vec<String>,
    /// Those that were created, with the hosts that they lead to; none stands for what `DOCKER_HOST` says.
    created: BTreeMap<String, Vec<String>>,
}

/// Where a script gives one of the client's variables another value.
#[derive(Debug)]
pub struct Choice {
    /// Where, in bytes of the script.
    at: u32,
    is_host: bool,
    /// Empty for nothing.
    value: String,
    /// Whether it surely holds for all that follows.
    is_plain: bool,
}

/// The places at which a script chooses an engine by variables, in source order.
#[must_use]
pub fn choices(shell: &JobShell) -> Vec<Choice> {
    let variable = |name: &str| matches!(name, "DOCKER_HOST" | "DOCKER_CONTEXT");
    let assigned = shell.evaluated.bindings.iter().filter(|binding| variable(&binding.name)).map(|binding| {
        // What is not known says more as it is written.
        let written =
            || shell.slice(binding.range.range()).split_once('=').map_or("", |(_, value)| value).trim_matches(['"', '\'']).to_owned();
        Choice {
            at: binding.range.start,
            is_host: binding.name == "DOCKER_HOST",
            value: binding.value.constant().map_or_else(written, str::to_owned),
            is_plain: binding.is_plain && binding.certainty == Certainty::Always,
        }
    });
    let unset = shell.steps.iter().filter(|step| step.name() == Some("unset")).flat_map(|step| {
        let invocation = &step.invocation;
        let is_plain = invocation.path.is_empty() && invocation.certainty == Certainty::Always;
        let names = step.argv.iter().filter(move |word| variable(&word.text));
        names.map(move |word| Choice {
            at: invocation.command.range.start,
            is_host: word.text == "DOCKER_HOST",
            value: String::new(),
            is_plain,
        })
    });
    let mut choices: Vec<Choice> = assigned.chain(unset).collect();
    choices.sort_by_key(|choice| choice.at);
    choices
}

impl Variables {
    /// A client that finds these two variables.
    #[must_use]
    pub fn new(host: Option<String>, context: Option<String>) -> Self {
        Self { hosts: host.into_iter().collect(), contexts: context.into_iter().collect() }
    }

    /// The variables of `step`, with what the script chose before it and what is assigned for it alone.
    #[must_use]
    pub fn at(&self, step: &Step, choices: &[Choice]) -> Self {
        // A function runs where it is called, which is behind its text.
        let is_called = step.invocation.path.iter().any(|frame| matches!(frame, Frame::Call(_)));
        let start = step.invocation.command.range.start;
        let end = if is_called { choices.len() } else { choices.partition_point(|choice| choice.at < start) };
        let mut variables = self.after(&choices[..end]);
        for (name, value) in &step.invocation.environment {
            let own = match name.as_str() {
                "DOCKER_HOST" => &mut variables.hosts,
                "DOCKER_CONTEXT" => &mut variables.contexts,
                _ => continue,
            };
            let text = value.constant().map_or_else(|| format!("{}${{{name}}}", value.known_prefix()), str::to_owned);
            *own = Some(text).filter(|text| !text.is_empty()).into_iter().collect();
        }
        variables
    }

    /// The variables behind all of `choices`.
    #[must_use]
    pub fn after(&self, choices: &[Choice]) -> Self {
        let values = |is_host: bool, before: &[String]| {
            let mut values = Vec::new();
            for choice in choices.iter().rev().filter(|choice| choice.is_host == is_host) {
                values.push(choice.value.clone());
                if choice.is_plain || values.len() == MOST_VALUES {
                    values.retain(|value| !value.is_empty());
                    return values;
                }
            }
            values.retain(|value| !value.is_empty());
            values.extend_from_slice(before);
            values
        };
        Self { hosts: values(true, &self.hosts), contexts: values(false, &self.contexts) }
    }

    /// The engine at which `operation` of the words `argv` changes something, as a fragment, where it is none of this machine and none of the job, of whose
    /// hosts `local` are the names.
    #[must_use]
    pub fn elsewhere(&self, operation: &Operation, argv: &[Arg], contexts: &Contexts, local: &[String]) -> Option<String> {
        let looks = matches!(operation.op, Op::Info | Op::Inspect | Op::Wait | Op::Login | Op::Logout | Op::Context | Op::Save)
            || [0, 1].into_iter().any(|behind| verb(operation, argv, behind).is_some_and(|verb| LOOKS.contains(&verb)));
        if looks || !needs_daemon(operation) {
            return None;
        }
        let flag = |name| operation.global(name).and_then(|flag| flag.value.as_deref()).filter(|value| !value.is_empty());
        let away = |hosts: &[String]| hosts.iter().find(|host| is_elsewhere(host, local)).map(|host| format!("`{host}`"));
        if let Some(context) = flag("context") {
            return contexts.leads_away(context, &self.hosts, &away);
        }
        if let Some(host) = flag("host") {
            return away(&[host.to_owned()]);
        }
        if !self.hosts.is_empty() {
            return away(&self.hosts);
        }
        let chosen = if self.contexts.is_empty() { &contexts.current } else { &self.contexts };
        chosen.iter().find_map(|context| contexts.leads_away(context, &self.hosts, &away))
    }
}

/// Most values that a variable may have at one place.
const MOST_VALUES: usize = 16;

impl Contexts {
    /// Keeps what `operation` says of contexts for those that follow.
    pub fn learn(&mut self, operation: &Operation, step: &Step, variables: &Variables) {
        if operation.op != Op::Context {
            return;
        }
        let name = operation.positionals.iter().find(|positional| positional.slot == Slot::Name).map(|positional| positional.text.clone());
        let Some(name) = name else { return };
        match verb(operation, &step.argv, 0) {
            Some("use") => {
                if step.invocation.certainty == Certainty::Always || self.current.len() == MOST_VALUES {
                    self.current.clear();
                }
                self.current.push(name);
            }
            Some("create" | "update") => {
                let endpoint = operation.value("docker").unwrap_or_default();
                let host = endpoint.split(',').find_map(|field| field.trim().strip_prefix("host=")).map(str::to_owned);
                self.created.insert(name, host.map_or_else(|| variables.hosts.clone(), |host| vec![host]));
            }
            Some(_) | None => {}
        }
    }

    fn leads_away(&self, context: &str, hosts: &[String], away: &impl Fn(&[String]) -> Option<String>) -> Option<String> {
        match self.created.get(context) {
            Some(hosts) => away(hosts),
            None if context == "default" => away(hosts),
            None if CONTEXTS_HERE.contains(&context) => None,
            // Somebody made it where nobody looks.
            None => Some(format!("the context `{context}`")),
        }
    }
}

/// The word `behind` words after the last one of the command that is known.
fn verb<'a>(operation: &Operation, argv: &'a [Arg], behind: usize) -> Option<&'a str> {
    operation.command.last().and_then(|index| argv.get(index + behind)).map(|word| &*word.text)
}

/// Whether a value of `DOCKER_HOST` leads to another machine. `docker` or `dind` is a service, of the job or of its runner's settings.
fn is_elsewhere(host: &str, local: &[String]) -> bool {
    // `${DOCKER_HOST:-tcp://docker:2375}`
    let default = host.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).and_then(|rest| rest.split_once(":-"));
    if let Some((_, default)) = default {
        return is_elsewhere(default, local);
    }
    if ["unix://", "npipe://", "fd://"].iter().any(|scheme| host.starts_with(scheme)) || host.contains("$(hostname") {
        return false;
    }
    let Some(endpoint) = Endpoint::parse(host).filter(|_| !host.contains('$')) else { return true };
    let name = endpoint.host.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    if HERE.contains(&&*name) || name.starts_with("127.") || host.contains("::1") {
        return false;
    }
    let is_of_runner = name.split('-').all(|part| matches!(part, "docker" | "dind" | "daemon" | "service"));
    endpoint.scheme == "ssh" || !(is_of_runner || local.contains(&name))
}
