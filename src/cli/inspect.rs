//! `undind inspect`: what each job does with Docker.

use undind::analysis::analyze;
use undind::report::inspect::Inspection;
use undind::report::json::bytes;

use crate::cli::Context;
use crate::cli::args::{Inspect, InspectFormat};
use crate::cli::discover::{Repository, discover};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Inspects the pipeline at the path of the command line.
pub fn run(arguments: &Inspect, context: &Context) -> Result<Exit, Failure> {
    let paths: Vec<_> = arguments.path.iter().cloned().collect();
    let mut discovery = discover(&paths, context)?;
    if let Some(failure) = discovery.failures.pop() {
        return Err(failure);
    }
    let repository = discovery.repositories.pop().expect("a path leads to a failure or to a repository");
    let inspection = context.output.timed("inspect", || inspection(&repository));
    let shown = match arguments.format {
        InspectFormat::Text => inspection.text().into_bytes(),
        InspectFormat::Json => bytes(&inspection),
    };
    context.output.result(arguments.output.as_deref(), &shown)?;
    Ok(Exit::Success)
}

fn inspection(repository: &Repository) -> Inspection {
    let entries: Vec<String> = repository.entries.iter().chain(&repository.parts).cloned().collect();
    Inspection::of(&analyze(&repository.workspace, &entries, &repository.config))
}
