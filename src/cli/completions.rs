//! `undind completions`: the completion script of a shell.

use clap::CommandFactory;

use crate::cli::Context;
use crate::cli::args::{Arguments, Completions};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Prints the script.
pub fn run(arguments: &Completions, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "undind", &mut script);
    context.output.result(None, &script)?;
    Ok(Exit::Success)
}
