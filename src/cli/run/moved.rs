//! A migration in memory, before a run of what it makes: the new files, which jobs build elsewhere, and whether what they need is here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::time::Duration;

use undind::migrate::target::VariableType;
use undind::pipeline::context::Context as Situation;
use undind::plan::{Plan, PlannedJob};
use undind::report::migration::ManualStep;
use undind::workspace::Workspace;

use crate::cli::args::{Run as Arguments, RunExecutor};
use crate::cli::discover::Repository;
use crate::cli::failure::Failure;
use crate::cli::migrate::{Needs, to_target};
use crate::cli::output::Output;

/// How long a builder may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a migration makes of the files.
#[derive(Clone, Default, Debug)]
pub struct Moved {
    /// The texts of the files that are new or other, by path.
    pub texts: BTreeMap<String, String>,
    /// The files as they are, where there was a migration.
    pub original: Option<Workspace>,
    /// The jobs that it changes, by the names that they have before `parallel`.
    pub jobs: BTreeSet<String>,
    /// Whether these build, and push from, elsewhere.
    pub elsewhere: bool,
    /// What a person has to do before they run.
    manual: Vec<ManualStep>,
    needs: Option<Needs>,
}

impl Moved {
    /// Puts what a migration to `target` would write in the place of what is there, in memory.
    ///
    /// # Errors
    /// [`Failure`] where nothing moves.
    pub fn to(target: &str, repository: &mut Repository, host_tools: bool) -> Result<Self, Failure> {
        let (texts, report, needs) = to_target(repository, target, host_tools)?;
        if texts.is_empty() {
            return Err(Failure::new(format!("nothing is migrated to `{target}`")).help("`undind migrate --to` says why not"));
        }
        let original = repository.workspace.clone();
        repository.workspace = original.clone().with_overlay(texts.clone());
        let jobs = report.jobs.iter().filter(|job| job.changed).map(|job| job.name.clone()).collect();
        Ok(Self { texts, original: Some(original), jobs, elsewhere: needs.elsewhere, manual: report.manual, needs: Some(needs) })
    }

    /// Whether a job that was migrated is among `starting`, or may be in a pipeline that one of them starts.
    pub fn concerns(&self, plan: &Plan, starting: &[&PlannedJob]) -> bool {
        let is_here = |name: &String| plan.jobs.iter().any(|job| *job.base == **name);
        let starts_others = starting.iter().any(|job| job.trigger.is_some()) && !self.jobs.iter().all(is_here);
        starts_others || starting.iter().any(|job| self.jobs.contains(&*job.base))
    }

    /// Whether what the jobs need is here: variables, commands, somebody who listens at the builder's address. From here containers, and what goes through a proxy,
    /// may reach what we don't, so that for these a silence is noted only.
    ///
    /// # Errors
    /// [`Failure`] where something is missing.
    pub fn check(&self, arguments: &Arguments, situation: &Situation, output: &Output) -> Result<(), Failure> {
        let Some(needs) = &self.needs else { return Ok(()) };
        variables(&self.manual, arguments, situation)?;
        if arguments.host_tools {
            tools(needs, &self.texts)?;
        }
        let address = needs.reaches.as_ref().map(|address| match address.strip_prefix('$') {
            Some(variable) => situation.given(variable.trim_matches(['{', '}'])).unwrap_or_default(),
            None => address,
        });
        let Some(place) = address.and_then(|address| address.strip_prefix("tcp://")) else { return Ok(()) };
        let Err(why) = listens(place.split('/').next().unwrap_or_default()) else { return Ok(()) };
        let text = format!("nobody answers at `tcp://{place}`, where the migrated jobs build: {why}");
        let has_proxy = ["HTTPS_PROXY", "https_proxy"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        if arguments.executor == RunExecutor::Docker || has_proxy {
            output.note(&format!("warning: {text}; they work only if they reach it where we do not"));
            return Ok(());
        }
        Err(Failure::new(text).help("is the builder up, and this machine in its network?"))
    }
}

/// Whether somebody takes a connection at HOST:PORT.
fn listens(place: &str) -> Result<(), String> {
    let addresses = place.to_socket_addrs().map_err(|error| error.to_string())?;
    let mut why = "the name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// Whether all variables are given that a person has to store for the migrated jobs.
fn variables(manual: &[ManualStep], arguments: &Arguments, situation: &Situation) -> Result<(), Failure> {
    let is_file = |name: &str| arguments.var_file.iter().any(|pair| pair.split_once('=').is_some_and(|(given, _)| given == name));
    let missing: Vec<String> = manual
        .iter()
        .filter_map(|step| {
            let name = step.variable.as_ref().filter(|name| situation.given(name).is_none() && !is_file(name))?;
            let option = if step.variable_type == Some(VariableType::File) { "--var-file" } else { "--var" };
            Some(format!("`{option} {name}=…`"))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("the migrated jobs need variables that nothing here gives: {}", missing.join(", ")))
        .help("`undind migrate --to` says what they hold"))
}

/// Whether the commands are on this machine that the migrated jobs call.
fn tools(needs: &Needs, texts: &BTreeMap<String, String>) -> Result<(), Failure> {
    let copier = needs.copier.iter().filter(|(program, _)| texts.values().any(|text| text.contains(&format!("{program} "))));
    for check in needs.check.iter().chain(copier.map(|(_, check)| check)) {
        let run = Command::new("sh").args(["-c", check]).stdin(Stdio::null()).output();
        let said = match run {
            Ok(output) if output.status.success() => continue,
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let said = said.lines().next().unwrap_or("it says nothing");
        return Err(Failure::new(format!("the migrated jobs call a command that does not work here: `{check}`: {said}"))
            .help("install it, or leave out `--host-tools`, so that the jobs install it themselves"));
    }
    Ok(())
}
