//! The binary: arguments in, a command run, an exit code out.

mod args;
mod check;
mod completions;
mod discover;
mod disk;
mod event;
mod exit;
mod expand;
mod explain;
mod failure;
#[cfg(feature = "fetch")]
mod fetch;
mod fix;
mod git;
mod includes;
mod inspect;
mod lint;
#[cfg(feature = "fetch")]
mod lock;
mod man;
mod migrate;
mod output;
mod parallel;
mod plan;
#[cfg(unix)]
mod run;
mod runner_file;
mod schema;
mod selection;
mod write;
mod yaml;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Arguments, Command, Global};
use exit::Exit;
use failure::Failure;
use output::Output;

/// What every command gets besides its own arguments.
pub struct Context {
    /// The options of every command.
    pub global: Global,
    /// The streams.
    pub output: Output,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let context = Context { output: Output::new(&arguments.global), global: arguments.global };
    let exit = command(&arguments.command, &context).unwrap_or_else(|failure| {
        context.output.failure(&failure);
        Exit::Failure
    });
    context.output.peak_memory();
    exit.into()
}

/// Help and version are answers, everything else is a mistake.
fn usage(error: &clap::Error) -> ExitCode {
    // Whoever closed the stream doesn't want to read it.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Success.into(),
        _ => Exit::Failure.into(),
    }
}

fn command(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Lint(arguments) => lint::run(arguments, context),
        Command::Inspect(arguments) => inspect::run(arguments, context),
        Command::Migrate(arguments) => migrate::run(arguments, context),
        Command::Expand(arguments) => expand::run(arguments, context),
        Command::Plan(arguments) => plan::run(arguments, context),
        #[cfg(unix)]
        Command::Run(arguments) => run::run(arguments, context),
        #[cfg(not(unix))]
        Command::Run(_) => Err(Failure::new("jobs run on Unix only").help("`undind plan` shows them everywhere")),
        Command::Verify(_) => Err(Failure::not_built("`undind verify`")),
        Command::Yaml(arguments) => yaml::run(arguments, context),
        Command::Explain(arguments) => explain::run(arguments, context),
        Command::Completions(arguments) => completions::run(arguments, context),
        Command::Man => man::run(context),
        Command::Schema(arguments) => schema::run(arguments, context),
    }
}
