//! Why a command cannot go on: a message, what to do about it, and the place in a file of the user where there is one.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, NamedSource, SourceSpan};
use undind::config::ConfigError;
use undind::source::{SourceFile, Sources};

/// Lines longer than this, in bytes, are not shown.
const LONGEST_SHOWN_LINE: usize = 400;

/// An error that ends the command with exit code 2.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct Failure {
    message: String,
    #[help]
    help: Option<String>,
    #[source_code]
    excerpt: Option<Arc<NamedSource<String>>>,
    #[label]
    place: Option<SourceSpan>,
}

impl Failure {
    /// A failure that `message` (a lower-case fragment) describes.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, excerpt: None, place: None }
    }

    /// Something about the file at `path`.
    pub fn at(path: &Path, problem: impl Display) -> Self {
        Self::new(format!("`{}`: {problem}", path.display()))
    }

    /// A command or an option that this version does not have.
    pub fn not_built(what: &str) -> Self {
        Self::new(format!("{what}: not built yet"))
            .help("this version has `lint`, `inspect`, `expand`, `plan`, `run`, `yaml`, `explain`, and `migrate --to` with `depot`, `buildkit`, `dagger` or a target folder")
    }

    /// A mistake in the configuration file at `path`, which holds `text`.
    pub fn config(path: &Path, text: &str, error: ConfigError) -> Self {
        let name = path.display().to_string();
        let message = format!("{name}:{}:{}: {}", error.line, error.column, error.message);
        let failure = Self { message, help: error.help, excerpt: None, place: None };
        failure.shown_at(&SourceFile::new(&name, text), error.offset..error.offset)
    }

    /// What `diagnostic` says about a file of `sources`, for a command that can't go on with it.
    pub fn diagnostic(diagnostic: &undind::diagnostic::Diagnostic, sources: &Sources) -> Self {
        let (file, start) = (sources.get(diagnostic.span.file), sources.start(diagnostic.span));
        let message = format!("{}:{}:{}: {}", file.path(), start.line, start.column, diagnostic.message);
        Self { message, help: diagnostic.help.clone(), excerpt: None, place: None }.shown_at(file, diagnostic.span.range())
    }

    /// Adds the place, unless its line is too long to be shown.
    pub fn shown_at(mut self, file: &SourceFile, range: std::ops::Range<usize>) -> Self {
        let line = file.line_range(file.line_index(range.start));
        if line.len() <= LONGEST_SHOWN_LINE && range.start < file.text().len() {
            // Control characters of a file must not drive the reader's terminal.
            let drives = |character: char| character.is_ascii_control() && !"\n\r\t".contains(character);
            let shown = file.text().chars().map(|character| if drives(character) { '?' } else { character }).collect::<String>();
            self.excerpt = Some(Arc::new(NamedSource::new(file.path(), shown)));
            self.place = Some(SourceSpan::from((range.start, 0)));
        }
        self
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
