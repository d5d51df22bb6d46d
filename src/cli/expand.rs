//! `undind expand`: the pipeline as GitLab sees it.

use std::path::Path;

use serde_json::{Value, json};
use undind::pipeline::expand::{expanded, origins};
use undind::pipeline::{Documents, resolve};
use undind::report::json::bytes;
use undind::report::yaml::document;

use crate::cli::Context;
use crate::cli::args::{Expand, ExpandFormat};
use crate::cli::discover::{Repository, discover};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// A resolved pipeline, and where its values come from.
pub struct Expanded {
    /// The merged pipeline as one mapping.
    pub pipeline: Value,
    /// By the path of a value: file, line and steps.
    pub origins: Value,
}

/// Expands the pipeline at the path of the command line.
pub fn run(arguments: &Expand, context: &Context) -> Result<Exit, Failure> {
    if arguments.event.is_some() {
        return Err(Failure::not_built("`--event`"));
    }
    let paths: Vec<_> = arguments.path.iter().cloned().collect();
    let mut discovery = discover(&paths, context)?;
    if let Some(failure) = discovery.failures.pop() {
        return Err(failure);
    }
    let repository = discovery.repositories.pop().expect("a path leads to a failure or to a repository");
    let Expanded { pipeline, origins } = context.output.timed("expand", || expand(&repository))?;
    let value = if arguments.provenance { json!({"pipeline": pipeline, "origins": origins}) } else { pipeline };
    let shown = match arguments.format {
        ExpandFormat::Yaml => document(&value).into_bytes(),
        ExpandFormat::Json => bytes(&value),
    };
    context.output.result(arguments.output.as_deref(), &shown)?;
    Ok(Exit::Success)
}

fn expand(repository: &Repository) -> Result<Expanded, Failure> {
    let entry = repository.entries.first().or(repository.parts.first()).expect("a readable path is an entry or a part");
    let mut documents = Documents::default();
    let name = Path::new(entry);
    let file = documents.load(&repository.workspace, entry).map_err(|error| Failure::at(name, error))?;
    if documents.get(file).is_none() {
        return Err(documents
            .problems()
            .first()
            .map_or_else(|| Failure::at(name, "this is not a pipeline"), |problem| Failure::diagnostic(problem, documents.sources())));
    }
    let pipeline = resolve(&repository.workspace, &mut documents, entry, file);
    Ok(Expanded { origins: origins(&pipeline, documents.sources()), pipeline: expanded(&pipeline) })
}
