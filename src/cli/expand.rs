//! `undind expand`: the pipeline as GitLab sees it.

use serde_json::{Value, json};
use undind::pipeline::expand::{expanded, origins};
use undind::pipeline::{self, Documents, resolve};
use undind::plan::{plan, refusals};
use undind::report::json::bytes;
use undind::yaml::block::document;

use crate::cli::Context;
use crate::cli::args::{Expand, ExpandFormat};
use crate::cli::discover::{Repository, one};
use crate::cli::event::{Setting, inputs, setting};
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
    let repository = one(arguments.path.as_deref(), context)?;
    let setting = match arguments.event.event {
        Some(event) => Some(setting(event.into(), &arguments.event, &repository)?),
        None if arguments.event.is_about_an_event() => {
            return Err(Failure::new("`--branch`, `--tag`, `--changed`, `--var` and the like say something about an event")
                .help("give the event, too: `--event push`"));
        }
        None => None,
    };
    let Expanded { pipeline, origins } = context.output.timed("expand", || expand(&repository, arguments, setting.as_ref()))?;
    let value = if arguments.provenance { json!({"pipeline": pipeline, "origins": origins}) } else { pipeline };
    let shown = match arguments.format {
        ExpandFormat::Yaml => document(&value).into_bytes(),
        ExpandFormat::Json => bytes(&value),
    };
    context.output.result(arguments.output.as_deref(), &shown)?;
    Ok(Exit::Success)
}

fn expand(repository: &Repository, arguments: &Expand, setting: Option<&Setting>) -> Result<Expanded, Failure> {
    let mut documents = Documents::default();
    let (entry, file) = repository.load_entry(&mut documents)?;
    let any = pipeline::context::Context::any().with_inputs(inputs(&arguments.event)?);
    let known = setting.map_or(&any, |setting| &setting.context);
    let pipeline = resolve(&repository.workspace, &mut documents, entry, file, known);
    let mut expanded = expanded(&pipeline);
    if setting.is_some() {
        undind::plan::restrict(&mut expanded, &plan(&pipeline, known, refusals(&pipeline, &documents)));
    }
    Ok(Expanded { origins: origins(&pipeline, documents.sources()), pipeline: expanded })
}
