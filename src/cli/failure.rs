//! Why a command cannot go on: a message, what to do about it, and the place in a file of the user where there is one.

use std::fmt::Display;
use std::path::Path;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, NamedSource, SourceSpan};
use undind::config::ConfigError;

/// An error that ends the command with exit code 2.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct Failure {
    message: String,
    #[help]
    help: Option<String>,
    #[source_code]
    source: Option<NamedSource<String>>,
    #[label]
    place: Option<SourceSpan>,
}

impl Failure {
    /// A failure that `message` (a lower-case fragment) describes.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, source: None, place: None }
    }

    /// Something about the file at `path`.
    pub fn at(path: &Path, problem: impl Display) -> Self {
        Self::new(format!("`{}`: {problem}", path.display()))
    }

    /// A part of the contract that this version does not have.
    pub fn not_built(what: &str) -> Self {
        Self::new(format!("{what}: not built yet")).help("this version has `lint`, `inspect`, `expand`, `yaml`, `explain`, and `migrate --to depot`")
    }

    /// A mistake in the configuration file at `path`, which holds `text`.
    pub fn config(path: &Path, text: &str, error: ConfigError) -> Self {
        let name = path.display().to_string();
        let place = (error.offset < text.len()).then(|| SourceSpan::from((error.offset, 0)));
        Self {
            message: format!("{name}:{}:{}: {}", error.line, error.column, error.message),
            help: error.help,
            source: place.is_some().then(|| NamedSource::new(name, text.to_owned())),
            place,
        }
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The failure for people, with ANSI colours or without.
    pub fn text(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let mut text = String::new();
        let shown = GraphicalReportHandler::new_themed(theme).with_links(false).with_wrap_lines(false).render_report(&mut text, self);
        if shown.is_ok() { text } else { format!("{}\n", self.message) }
    }
}
