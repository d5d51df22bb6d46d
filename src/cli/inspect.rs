//! `undind inspect`: what each job does with Docker.

use undind::analysis::{Analysis, analyze};
use undind::report::inspect::Inspection;
use undind::report::json::bytes;

use crate::cli::Context;
use crate::cli::args::{Inspect, InspectFormat};
use crate::cli::check::own_entries;
use crate::cli::discover::{Repository, discover, refused};
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
    let inspection = context.output.timed("inspect", || inspection(&repository))?;
    let shown = match arguments.format {
        InspectFormat::Text => inspection.text(&repository.prefix).into_bytes(),
        InspectFormat::Json => bytes(&inspection),
    };
    context.output.result(arguments.output.as_deref(), &shown)?;
    Ok(Exit::Success)
}

/// A part of the repository's own pipeline is inspected in it, and only its own jobs are shown.
fn inspection(repository: &Repository) -> Result<Inspection, Failure> {
    let Some(part) = repository.parts.first() else { return Ok(Inspection::of(&analysis(repository, &repository.entries)?)) };
    let own = analysis(repository, &own_entries(repository, &repository.workspace))?;
    if own.documents.sources().find(part).is_none() {
        return Ok(Inspection::of(&analysis(repository, std::slice::from_ref(part))?));
    }
    let mut inspection = Inspection::of(&own);
    inspection.jobs.retain(|job| job.file == *part);
    Ok(inspection)
}

fn analysis(repository: &Repository, entries: &[String]) -> Result<Analysis, Failure> {
    let analysis = analyze(&repository.workspace, entries, &repository.config);
    refused(repository, &analysis.documents)?;
    Ok(analysis)
}
