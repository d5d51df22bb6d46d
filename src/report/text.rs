//! Findings for people: excerpts of the source with labels, and a summary line. Knows no other format.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use codespan_reporting::diagnostic as codespan;
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term::termcolor::{Ansi, NoColor, WriteColor};
use codespan_reporting::term::{self, Config, DisplayStyle};

use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::Safety;
use crate::report::finding::{Found, page_url, safety_name};
use crate::source::{FileId, Sources, Span};

/// Lines longer than this, in bytes, are not shown; their findings get one line.
const LONGEST_SHOWN_LINE: usize = 400;

/// `found` as text, with ANSI colours or without.
#[must_use]
pub fn findings(found: &[Found<'_>], colour: bool) -> Vec<u8> {
    if colour { render(found, Ansi::new(Vec::new())).into_inner() } else { render(found, NoColor::new(Vec::new())).into_inner() }
}

fn render<W: WriteColor>(found: &[Found<'_>], mut out: W) -> W {
    let rich = Config { tab_width: 2, ..Config::default() };
    let short = Config { display_style: DisplayStyle::Medium, ..Config::default() };
    for found in found.chunk_by(|a, b| std::ptr::eq(a.sources, b.sources) && a.prefix == b.prefix) {
        let files = Excerpts::new(found[0].sources, found[0].prefix);
        for found in found {
            let config = if shows_source(found) { &rich } else { &short };
            term::emit_to_write_style(&mut out, config, &files, &rendered(found))
                .expect("spans lie in their files and memory takes everything");
        }
    }
    out
}

fn shows_source(found: &Found<'_>) -> bool {
    let spans = std::iter::once(found.diagnostic.span).chain(found.diagnostic.related.iter().map(|label| label.span));
    spans.flat_map(|span| [(span.file, span.start), (span.file, span.end)]).all(|(file, offset)| {
        let file = found.sources.get(file);
        file.line_range(file.line_index(offset as usize)).len() <= LONGEST_SHOWN_LINE
    })
}

fn rendered(found: &Found<'_>) -> codespan::Diagnostic<FileId> {
    let diagnostic = found.diagnostic;
    let labels = diagnostic
        .related
        .iter()
        .map(|label| codespan::Label::secondary(label.span.file, label.span.range()).with_message(printable(&label.message)));
    codespan::Diagnostic::new(severity(diagnostic.severity))
        .with_code(format!("{} {}", diagnostic.id, diagnostic.rule))
        .with_message(printable(&diagnostic.message))
        .with_label(codespan::Label::primary(diagnostic.span.file, visible(found.sources, diagnostic.span)))
        .with_labels_iter(labels)
        .with_notes(notes(found))
}

/// The span without the line end that it may finish with: a caret on the next line would mislead.
fn visible(sources: &Sources, span: Span) -> Range<usize> {
    let shown = sources.slice(span).trim_end_matches(['\n', '\r']).len();
    span.start as usize..span.start as usize + shown
}

fn notes(found: &Found<'_>) -> Vec<String> {
    let diagnostic = found.diagnostic;
    let mut notes: Vec<String> = diagnostic.help.iter().map(|help| format!("help: {}", printable(help))).collect();
    if !diagnostic.jobs.is_empty() {
        notes.push(format!("jobs: {}", printable(&job_list(diagnostic))));
    }
    if found.pipeline != found.file() {
        notes.push(format!("pipeline: {}{}", found.prefix, found.pipeline));
    }
    if let Some(fix) = &diagnostic.fix {
        let option = if fix.safety == Safety::Safe { "--fix" } else { "--unsafe-fixes" };
        notes.push(format!("fix ({}, `{option}`): {}", safety_name(fix.safety), printable(&fix.title)));
    }
    let by_hand = if diagnostic.fix.is_some() { "or by hand" } else { "by hand" };
    notes.extend(diagnostic.alternatives.iter().map(|fix| format!("{by_hand}: {}", printable(&fix.title))));
    notes.extend(page_url(diagnostic.rule).map(|url| format!("see: {url}")));
    notes
}

fn job_list(diagnostic: &Diagnostic) -> String {
    const SHOWN: usize = 8;
    let shown = diagnostic.jobs.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match diagnostic.jobs.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn severity(severity: Severity) -> codespan::Severity {
    match severity {
        Severity::Info => codespan::Severity::Note,
        Severity::Warning => codespan::Severity::Warning,
        Severity::Error => codespan::Severity::Error,
    }
}

/// The last line of the output: how many findings of which severity, what was suppressed and what can be fixed.
#[must_use]
pub fn summary(found: &[Found<'_>], files: usize, suppressed: usize) -> String {
    let mut parts = vec![if found.is_empty() { format!("no findings in {}", counted(files, "file")) } else { counts(found, files) }];
    if suppressed > 0 {
        parts.push(format!("{suppressed} suppressed"));
    }
    let fixable = |safety| found.iter().filter(|found| found.diagnostic.fix.as_ref().is_some_and(|fix| fix.safety == safety)).count();
    match (fixable(Safety::Safe), fixable(Safety::Unsafe)) {
        (0, 0) => {}
        (safe, 0) => parts.push(format!("{safe} fixable with `--fix`")),
        (0, more) => parts.push(format!("{more} fixable with `--unsafe-fixes`")),
        (safe, more) => parts.push(format!("{safe} fixable with `--fix`, {more} more with `--unsafe-fixes`")),
    }
    parts.join("; ")
}

fn counts(found: &[Found<'_>], files: usize) -> String {
    let of = |severity| found.iter().filter(|found| found.diagnostic.severity == severity).count();
    let words = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")];
    let words = words.into_iter().map(|(severity, word)| (of(severity), word)).filter(|(count, _)| *count > 0);
    format!("{} in {}", words.map(|(count, word)| counted(count, word)).collect::<Vec<_>>().join(", "), counted(files, "file"))
}

/// `1 file`, `2 files`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `text` without control characters, which a file could use to drive the reader's terminal. Keeps the length in bytes.
fn printable(text: &str) -> Cow<'_, str> {
    let drives = |byte: u8| (byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t')) || byte == 0x7f;
    if !text.bytes().any(drives) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|character| if u8::try_from(character).is_ok_and(drives) { '?' } else { character }).collect())
}

/// The files as they are shown. Looking for what can't be shown once for each file keeps many findings in a large one affordable.
struct Excerpts<'a> {
    sources: &'a Sources,
    texts: BTreeMap<FileId, Cow<'a, str>>,
    prefix: &'a str,
}

impl<'a> Excerpts<'a> {
    fn new(sources: &'a Sources, prefix: &'a str) -> Self {
        Self { sources, texts: sources.iter().map(|(id, file)| (id, printable(file.text()))).collect(), prefix }
    }
}

impl<'a> Files<'a> for Excerpts<'a> {
    type FileId = FileId;
    type Name = String;
    type Source = &'a str;

    fn name(&'a self, id: FileId) -> Result<String, Error> {
        let path = self.sources.get(id).path();
        Ok(if path.starts_with('/') { path.to_owned() } else { format!("{}{path}", self.prefix) })
    }

    fn source(&'a self, id: FileId) -> Result<&'a str, Error> {
        self.texts.get(&id).map(|text| &**text).ok_or(Error::FileMissing)
    }

    fn line_index(&'a self, id: FileId, byte_index: usize) -> Result<usize, Error> {
        Ok(self.sources.get(id).line_index(byte_index))
    }

    fn line_range(&'a self, id: FileId, line_index: usize) -> Result<Range<usize>, Error> {
        let file = self.sources.get(id);
        let max = file.line_count();
        if line_index < max { Ok(file.line_range(line_index)) } else { Err(Error::LineTooLarge { given: line_index, max }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::finding::tests::{TEXT, example};

    fn text_of(text: &str) -> String {
        let (sources, diagnostic) = example(text);
        let found = Found { diagnostic: &diagnostic, sources: &sources, pipeline: "main.yml", prefix: "repo/" };
        String::from_utf8(findings(&[found], false)).unwrap()
    }

    #[test]
    fn a_finding_shows_its_line_its_label_and_what_to_do() {
        let expected = "\
error[TLS101 dind-port-tls-mismatch]: `2375` is not where the daemon listens
  ┌─ repo/.gitlab-ci.yml:5:18
  │
3 │   services: [docker:dind]
  │              ----------- this daemon listens on 2376
4 │   variables:
5 │     DOCKER_HOST: tcp://docker:2375
  │                  ^^^^^^^^^^^^^^^^^
  │
  = help: use port 2376
  = jobs: build
  = pipeline: repo/main.yml
  = fix (safe, `--fix`): Use port 2376

";
        assert_eq!(text_of(TEXT), expected);
    }

    #[test]
    fn a_very_long_line_is_not_shown() {
        let text = TEXT.replace("DOCKER_HOST", &"x".repeat(100_000));
        assert!(text_of(&text).len() < 1000);
    }

    #[test]
    fn control_characters_of_a_file_do_not_reach_the_terminal() {
        let text = TEXT.replace("DOCKER_HOST: ", "DOCKER_HOST: \"\u{1b}[2J\" #");
        assert!(text_of(&text).contains("\"?[2J\""));
    }

    #[test]
    fn the_summary_counts_by_severity_and_says_what_can_be_fixed() {
        let (sources, diagnostic) = example(TEXT);
        let found = Found { diagnostic: &diagnostic, sources: &sources, pipeline: "", prefix: "" };
        assert_eq!(summary(&[found, found], 1, 3), "2 errors in 1 file; 3 suppressed; 2 fixable with `--fix`");
        assert_eq!(summary(&[], 2, 0), "no findings in 2 files");
    }
}
