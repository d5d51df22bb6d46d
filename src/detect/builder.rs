//! A script's buildx commands into the builds that a remote builder does. Knows which builder a build takes, not what it builds.
//!
//! With a remote builder `docker buildx build` asks no daemon; `docker build`, which stands for the same, asks it first all the same
//! (docker/cli, `cmd/docker/builder.go`).

use std::collections::BTreeMap;

use crate::detect::steps::Step;
use crate::docker::{Op, Operation, Slot, Tool};
use crate::shell::{Certainty, Env};

/// Drivers whose builders are not on the job's daemon (<https://docs.docker.com/build/builders/drivers/>).
const REMOTE: &[&str] = &["cloud", "kubernetes", "remote"];

/// Whether `operation` makes a builder that is not on the job's daemon.
#[must_use]
pub fn is_remote(operation: &Operation) -> bool {
    operation.op == Op::Builder && operation.value("driver").is_some_and(|driver| REMOTE.contains(&driver))
}

/// Marks the operations of `steps` that a remote builder does without a daemon.
pub(super) fn mark(steps: &mut [Step], environment: &Env) {
    if !steps.iter().any(|step| step.operation.as_ref().is_some_and(is_remote)) {
        return;
    }
    let mut builders = Builders::default();
    for step in steps {
        let always = step.block.is_empty() && step.invocation.certainty == Certainty::Always && !step.invocation.ignores_failure;
        let by_variable = step.invocation.environment.iter().rev().find(|(name, _)| name == "BUILDX_BUILDER").map(|(_, value)| value);
        let named = by_variable.or_else(|| environment.get("BUILDX_BUILDER")).map(|value| value.constant().map(str::to_owned));
        if let Some(operation) = &mut step.operation {
            match operation.op {
                Op::Builder if operation.tool == Tool::Buildx => {
                    let word = operation.command.last().and_then(|&word| step.argv.get(word)).map_or("", |word| word.text.as_str());
                    builders.change(word, operation, always);
                }
                Op::Build | Op::Bake if operation.tool == Tool::Buildx => {
                    operation.remote = builders.is_remote(operation, named.as_ref()) && !loads(operation);
                }
                _ => {}
            }
        }
    }
}

/// The builders that were made, and which of them builds take.
#[derive(Default)]
struct Builders {
    /// By name: whether it surely is a remote one.
    named: BTreeMap<String, bool>,
    selected: bool,
}

impl Builders {
    /// `word` is buildx's command.
    fn change(&mut self, word: &str, operation: &Operation, always: bool) {
        if word == "create" {
            let remote = is_remote(operation) && always;
            if let Some(name) = operation.value("name") {
                let append = operation.flag("append").is_some();
                self.named.entry(name.to_owned()).and_modify(|known| *known &= remote || append).or_insert(remote);
            }
            match operation.switch("use") {
                Some(false) => {}
                Some(true) => self.selected = remote,
                None => self.selected = false,
            }
        } else if word == "use" {
            let name = operation.slot(Slot::Name).next().map(|name| name.text.as_str());
            self.selected = always && name.is_some_and(|name| self.named.get(name) == Some(&true));
        } else if word == "rm" {
            *self = Self::default();
        }
    }

    /// Whether a remote builder surely does the build.
    fn is_remote(&self, build: &Operation, by_variable: Option<&Option<String>>) -> bool {
        let flag = build.flags.iter().rev().find(|flag| flag.name == "builder");
        let known = |name: Option<&str>| name.is_some_and(|name| self.named.get(name) == Some(&true));
        match (flag, by_variable) {
            (Some(flag), _) => known(flag.value.as_deref()),
            (None, Some(name)) if name.as_deref() != Some("") => known(name.as_deref()),
            (None, _) => self.selected,
        }
    }
}

/// Whether the image comes back into the daemon.
fn loads(operation: &Operation) -> bool {
    let into_daemon = |output: &crate::docker::attributes::Attributes| output.get("type") == Some("docker") && output.get("dest").is_none();
    operation.op == Op::Bake || operation.switch("load").is_none() || operation.outputs().iter().any(into_daemon)
}
