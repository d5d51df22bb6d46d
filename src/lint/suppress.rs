//! `# undind: ignore[rule]` comments: which findings they silence, and which silence nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::Documents;
use crate::source::{FileId, SourceFile, Span};

/// A comment that silences nothing.
pub const UNUSED: (&str, &str) = ("unused-suppression", "CFG010");

/// One comment.
#[derive(Debug)]
struct Suppression {
    span: Span,
    /// The 0-based line whose findings it silences: its own, or the next one with content where it stands alone.
    line: usize,
    rules: Vec<String>,
    used: bool,
}

/// The suppression comments of all files.
#[derive(Debug, Default)]
pub struct Suppressions(BTreeMap<FileId, Vec<Suppression>>);

impl Suppressions {
    /// Reads the comments of all loaded documents, and those of `others`: texts that are no pipelines.
    #[must_use]
    pub fn new(documents: &Documents, others: &BTreeSet<FileId>) -> Self {
        let read = |(file, document): (FileId, &crate::pipeline::Document)| {
            let source = documents.sources().get(file);
            let found = document.tree.comments().iter().filter_map(|comment| suppression(source, comment.span, comment.own_line)).collect();
            (file, found)
        };
        let plain = |file: &FileId| (*file, written(documents.sources().get(*file), *file));
        Self(documents.iter().map(read).chain(others.iter().map(plain)).collect())
    }

    /// Whether a comment at the finding's first line, or at that of a related place, silences it.
    pub fn silences(&mut self, finding: &Diagnostic, documents: &Documents) -> bool {
        let spans = std::iter::once(finding.span).chain(finding.related.iter().map(|label| label.span));
        let mut silenced = false;
        for span in spans {
            let line = documents.sources().get(span.file).line_index(span.start as usize);
            for suppression in self.0.get_mut(&span.file).into_iter().flatten() {
                if suppression.line == line && suppression.rules.iter().any(|rule| rule == finding.rule || rule == finding.id) {
                    suppression.used = true;
                    silenced = true;
                }
            }
        }
        silenced
    }

    /// A finding for each comment that silenced nothing, or that names no known rule.
    #[must_use]
    pub fn unused(&self) -> Vec<Diagnostic> {
        let unused = self.0.values().flatten().filter(|suppression| !suppression.used);
        unused
            .map(|suppression| {
                let names = suppression.rules.join(", ");
                Diagnostic::new(UNUSED, Severity::Warning, suppression.span, format!("this comment silences no finding of `{names}`"))
                    .help("remove it")
            })
            .collect()
    }
}

static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"#\s*undind:\s*ignore\[([^\]]*)\]").expect("a valid pattern"));

/// The comments of a text whose grammar is not known here, such as TOML within YAML.
fn written(source: &SourceFile, file: FileId) -> Vec<Suppression> {
    let found = PATTERN.find_iter(source.text()).filter_map(|found| {
        let line = source.line_range(source.line_index(found.start()));
        let own_line = source.text()[line.start..found.start()].trim().is_empty();
        suppression(source, Span::new(file, found.start(), found.end()), own_line)
    });
    found.collect()
}

fn suppression(source: &SourceFile, span: Span, own_line: bool) -> Option<Suppression> {
    let found = PATTERN.captures(&source.text()[span.range()])?;
    let rules = found[1].split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect();
    let own = source.line_index(span.start as usize);
    let line = if own_line { next_content_line(source, own) } else { own };
    Some(Suppression { span, line, rules, used: false })
}

fn next_content_line(source: &SourceFile, line: usize) -> usize {
    let content = |index: &usize| {
        let text = source.text()[source.line_range(*index)].trim();
        !text.is_empty() && !text.starts_with('#')
    };
    (line + 1..source.line_count()).find(content).unwrap_or(line)
}
