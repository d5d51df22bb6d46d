//! `undind schema`: the JSON Schema of an output or of the configuration.

use undind::report::schema::{SCHEMAS, find};
use undind::suggestion::nearest;

use crate::cli::Context;
use crate::cli::args::Schema;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Prints the schema.
pub fn run(arguments: &Schema, context: &Context) -> Result<Exit, Failure> {
    let schema = find(&arguments.name).ok_or_else(|| unknown(&arguments.name))?;
    context.output.result(None, schema.text.as_bytes())?;
    Ok(Exit::Success)
}

fn unknown(name: &str) -> Failure {
    let help = match nearest(name, SCHEMAS.iter().map(|schema| schema.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => SCHEMAS.iter().map(|schema| format!("{}: {}", schema.name, schema.about)).collect::<Vec<_>>().join("\n"),
    };
    Failure::new(format!("there is no schema `{name}`")).help(help)
}
