//! Which commands of a job need Dagger's engine, and whether the job says where that runs. Knows no rule and no runner.

use crate::detect::{JobFacts, JobShell, Step};
use crate::pipeline::Job;

/// Names the engine (dagger/dagger, `internal/cmd/dagger/engine.go`); still experimental by name in 1.0.
pub const ENGINE: &str = "_EXPERIMENTAL_DAGGER_RUNNER_HOST";
/// Commands that contact no engine.
const WITHOUT_ENGINE: &[&str] = &["version", "login", "logout", "help", "completion", "--version", "--help", "-h"];

/// Whether the step asks Dagger for something that takes an engine: with `--cloud` that is one of Dagger's own.
#[must_use]
pub fn needs_engine(step: &Step) -> bool {
    let mut words =
        (1..).map_while(|index| step.invocation.argv().get(index).map(|argument| argument.value.constant().unwrap_or_default()));
    let first = words.clone().next();
    let without = first.is_none_or(|first| WITHOUT_ENGINE.contains(&first));
    step.name() == Some("dagger") && !without && !words.any(|word| word.starts_with("--cloud"))
}

/// Whether the job says where the engine of `call` runs.
#[must_use]
pub fn names_engine(job: &Job, shell: &JobShell, call: &Step) -> bool {
    let bound = shell.evaluated.bindings.iter().any(|binding| binding.name == ENGINE);
    let yaml = job.variables.contains_key(ENGINE) || job.conditional.iter().any(|(name, _)| &**name == ENGINE);
    bound || yaml || call.invocation.environment.iter().any(|(name, _)| name == ENGINE)
}

/// The first command of the job that needs an engine, with its index.
#[must_use]
pub fn engine_call(facts: &JobFacts) -> Option<(&JobShell, usize)> {
    let shell = facts.shell.as_ref()?;
    Some((shell, shell.steps.iter().position(needs_engine)?))
}
