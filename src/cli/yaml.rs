//! `undind yaml`: a file as GitLab's YAML loader reads it.

use undind::source::{SourceFile, Sources};
use undind::yaml::{Limits, compose, json_text, parse};

use crate::cli::Context;
use crate::cli::args::Yaml;
use crate::cli::disk::{read_limited, read_stdin};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Prints the file's first document as JSON.
pub fn run(arguments: &Yaml, context: &Context) -> Result<Exit, Failure> {
    let file = arguments.file.as_deref().filter(|path| path.as_os_str() != "-");
    let name = file.map_or("<stdin>".to_owned(), |path| path.display().to_string());
    let bytes = file.map_or_else(read_stdin, read_limited).map_err(|error| Failure::new(format!("`{name}`: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Failure::new(format!("`{name}`: byte {} is not UTF-8", error.utf8_error().valid_up_to())))?;
    let shown = context.output.timed("load", || loaded(&name, &text))?;
    context.output.result(None, shown.as_bytes())?;
    Ok(Exit::Success)
}

fn loaded(name: &str, text: &str) -> Result<String, Failure> {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new(name, text));
    let limits = Limits::default();
    let value = parse(file, text, 0..text.len(), &limits).and_then(|tree| compose(&tree, &limits));
    value.map(|value| json_text(&value) + "\n").map_err(|error| {
        let start = sources.start(error.span);
        let context = error.context.as_ref().map_or(String::new(), |(what, span)| format!(" ({what}, line {})", sources.start(*span).line));
        Failure::new(format!("{name}:{}:{}: {}{context}", start.line, start.column, error.message))
            .shown_at(sources.get(file), error.span.range())
    })
}
