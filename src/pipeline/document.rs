//! Paths into loaded documents: text split as GitLab splits it, parsed and composed once per analysis. Knows header and content, not jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::problem;
use crate::source::{FileId, SourceFile, Sources, Span};
use crate::workspace::{LoadError, Workspace};
use crate::yaml::{Limits, TextMap, Tree, Value, compose, parse};

/// One loaded file.
#[derive(Debug)]
pub struct Document {
    /// The `spec:` header, where the file has one.
    pub header: Option<Value>,
    /// The tree of the content; every [`Value::node`] below `root` names a node of it.
    pub tree: Tree,
    /// The content: a mapping.
    pub root: Value,
}

/// The files of an analysis, each read and parsed once.
#[derive(Default, Debug)]
pub struct Documents {
    sources: Sources,
    loaded: BTreeMap<String, Result<FileId, LoadError>>,
    documents: BTreeMap<FileId, Arc<Document>>,
    /// Files that are not of the repository.
    foreign: BTreeSet<FileId>,
    problems: Vec<Diagnostic>,
}

impl Documents {
    /// Reads and parses the file at `path` of the workspace; asking again costs nothing. A file that is no pipeline is named, and its problem kept.
    ///
    /// # Errors
    /// [`LoadError`] where there is no readable file.
    pub fn load(&mut self, workspace: &Workspace, path: &str) -> Result<FileId, LoadError> {
        if let Some(known) = self.loaded.get(path) {
            return known.clone();
        }
        let loaded = workspace.text(path).map(|text| self.add(path, &text));
        self.loaded.insert(path.to_owned(), loaded.clone());
        loaded
    }

    /// Reads and parses the file at `path` of the workspace's mirror; none where there is no such file.
    pub fn load_included(&mut self, workspace: &Workspace, path: &str) -> Option<Result<FileId, LoadError>> {
        // Repositories have no paths of this form: an empty name between slashes.
        let name = format!("includes//{path}");
        if let Some(known) = self.loaded.get(&name) {
            return Some(known.clone());
        }
        let loaded = match workspace.included(path)? {
            Err(LoadError::NotFound) => return None,
            text => text.map(|text| self.add(&name, &text)),
        };
        if let Ok(file) = loaded {
            self.foreign.insert(file);
        }
        self.loaded.insert(name, loaded.clone());
        Some(loaded)
    }

    /// Whether `file` is included from elsewhere, and so not for us to edit.
    #[must_use]
    pub fn is_foreign(&self, file: FileId) -> bool {
        self.foreign.contains(&file)
    }

    fn add(&mut self, path: &str, text: &str) -> FileId {
        let file = self.sources.add(SourceFile::new(path, text));
        match read(file, text) {
            Ok(document) => {
                self.documents.insert(file, Arc::new(document));
            }
            Err(problem) => self.problems.push(*problem),
        }
        file
    }

    /// Adds a text that is no pipeline, such as a script, so that places in it can be shown; once for each path.
    pub fn add_text(&mut self, path: &str, text: &str) -> FileId {
        if let Some(known) = self.sources.find(path) {
            return known;
        }
        self.sources.add(SourceFile::new(path, text))
    }

    /// The document of a file, unless it is no pipeline.
    #[must_use]
    pub fn get(&self, file: FileId) -> Option<&Arc<Document>> {
        self.documents.get(&file)
    }

    /// All documents with their files, in the order of loading.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Document)> {
        self.documents.iter().map(|(file, document)| (*file, &**document))
    }

    /// The texts.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Files that could not be read as pipelines.
    #[must_use]
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// How the decoded text of a scalar maps to the bytes of its file; none for other nodes.
    #[must_use]
    pub fn scalar_text(&self, value: &Value) -> Option<TextMap> {
        let written = || self.get(value.span.file)?.tree.text_map(value.node, self.sources.get(value.span.file).text());
        if !value.is_interpolated() {
            return written();
        }
        let text = value.as_str()?;
        let replaced = value.put_in().and_then(|pieces| Some(written()?.with_replaced(&pieces)));
        let fits = |map: &TextMap| map.segments().last().is_some_and(|segment| segment.decoded.end == text.len());
        Some(replaced.filter(fits).unwrap_or_else(|| TextMap::opaque(text.len(), value.span)))
    }
}

fn read(file: FileId, text: &str) -> Result<Document, Box<Diagnostic>> {
    let whole = Span::new(file, 0, 0);
    let pieces = pieces(text);
    if pieces.len() > MAX_DOCUMENTS {
        let place = Span::new(file, pieces[MAX_DOCUMENTS].start, pieces[MAX_DOCUMENTS].start);
        let many = Diagnostic::new(problem::NOT_A_PIPELINE, Severity::Error, place, "more than two YAML documents");
        return Err(Box::new(many.help("GitLab reads a `spec:` header and one document with the configuration")));
    }
    let limits = Limits::default();
    let load = |range: &Range<usize>| {
        let tree = parse(file, text, range.clone(), &limits)?;
        let root = compose(&tree, &limits)?;
        Ok((tree, root))
    };
    let mut loaded = Vec::new();
    for range in &pieces {
        if let Some(problem) = lone_directive(file, text, range) {
            return Err(Box::new(problem));
        }
        loaded.push(load(range).map_err(|error: crate::yaml::YamlError| {
            Box::new(Diagnostic::new(problem::SYNTAX_ERROR, Severity::Error, error.span, error.message.clone()))
        })?);
    }
    let header = (loaded.len() > 1 && loaded[0].1.get("spec").is_some()).then(|| loaded.remove(0).1);
    let content = loaded.into_iter().next();
    match content {
        Some((tree, root)) if root.as_mapping().is_some() => Ok(Document { header, tree, root }),
        Some((_, root)) if !root.is_null() => {
            let other = Diagnostic::new(problem::NOT_A_PIPELINE, Severity::Error, root.span, "the configuration is not a mapping");
            Err(Box::new(other.help("a pipeline is a mapping of keywords and jobs")))
        }
        Some(_) | None => Err(Box::new(Diagnostic::new(problem::NOT_A_PIPELINE, Severity::Error, whole, "the file has no content"))),
    }
}

/// A header and a content: `Gitlab::Ci::Config::Yaml::Loader::MAX_DOCUMENTS`.
const MAX_DOCUMENTS: usize = 2;

/// The byte ranges of the documents as `Gitlab::Config::Loader::MultiDocYaml` splits the text: by a regular expression, before any YAML is read.
fn pieces(text: &str) -> Vec<Range<usize>> {
    static DIVIDER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^---\s+").expect("a valid pattern"));
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut pieces = Vec::new();
    let mut at = start;
    for divider in DIVIDER.find_iter(&text[start..]).take(MAX_DOCUMENTS) {
        pieces.push(at..start + divider.start());
        at = start + divider.end();
    }
    pieces.push(at..text.len());
    pieces.retain(|range| !text[range.clone()].trim().is_empty());
    pieces
}

/// A `%` directive belongs to the document behind its `---`; GitLab, which splits there, reads it as a document of its own, and fails.
fn lone_directive(file: FileId, text: &str, range: &Range<usize>) -> Option<Diagnostic> {
    let mut at = range.start;
    let lines = text[range.clone()].split_inclusive('\n').map(|line| {
        at += line.len();
        (at - line.len(), line.trim_end())
    });
    let mut content = lines.filter(|(_, line)| !line.is_empty() && !line.trim_start().starts_with('#')).peekable();
    let (start, directive) = content.peek().copied().filter(|_| range.end < text.len())?;
    if !content.all(|(_, line)| line.starts_with('%')) {
        return None;
    }
    let name = directive.split_whitespace().next().unwrap_or(directive);
    let message = format!("GitLab splits the file at `---` before parsing, so the `{name}` directive stands alone and is refused");
    let place = Span::new(file, start, start + directive.len());
    Some(Diagnostic::new(problem::SYNTAX_ERROR, Severity::Error, place, message).help("remove it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        pieces(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn documents_are_split_where_gitlab_splits_them() {
        assert_eq!(texts("a: 1\n"), ["a: 1\n"]);
        assert_eq!(texts("---\na: 1\n"), ["a: 1\n"]);
        assert_eq!(texts("spec:\n---\na: 1\n"), ["spec:\n", "a: 1\n"]);
        assert_eq!(texts("\u{feff}---\nspec:\n---\na: 1\n---\nb: 1"), ["spec:\n", "a: 1\n---\nb: 1"]);
        assert_eq!(texts("a: 1\n---"), ["a: 1\n---"], "a divider needs a blank behind it");
    }

    #[test]
    fn only_a_first_document_with_spec_is_a_header() {
        let workspace =
            Workspace::memory([("h.yml", "spec: {inputs: {}}\n---\na: {script: x}\n"), ("n.yml", "a: {script: x}\n---\nb: {script: x}\n")]);
        let mut documents = Documents::default();
        let file = documents.load(&workspace, "h.yml").unwrap();
        assert!(documents.get(file).unwrap().header.is_some() && documents.get(file).unwrap().root.get("a").is_some());
        let file = documents.load(&workspace, "n.yml").unwrap();
        assert!(documents.get(file).unwrap().root.get("a").is_some());
    }

    #[test]
    fn what_is_no_pipeline_is_a_problem_at_a_place() {
        let workspace = Workspace::memory([("list.yml", "- a\n"), ("empty.yml", "\n"), ("bad.yml", "a: [\n")]);
        let mut documents = Documents::default();
        for path in ["list.yml", "empty.yml", "bad.yml"] {
            let file = documents.load(&workspace, path).unwrap();
            assert!(documents.get(file).is_none());
        }
        let rules: Vec<_> = documents.problems().iter().map(|problem| problem.rule).collect();
        assert_eq!(rules, ["not-a-pipeline", "not-a-pipeline", "syntax-error"]);
    }

    #[test]
    fn a_directive_before_the_document_is_named_as_what_gitlab_refuses() {
        for (text, place) in [
            ("%YAML 1.1\n---\na: {script: x}\n", Some(0..9)),
            ("\u{feff}# %YAML 1.1\r\n%YAML 1.2  \r\n---\r\na: {script: x}\r\n", Some(16..25)),
            ("spec: {inputs: {}}\n---\n%TAG ! tag:x,2000:\n--- \na: {script: x}\n", None),
            ("# %YAML 1.1\n---\na: {script: x}\n", None),
        ] {
            let mut documents = Documents::default();
            documents.load(&Workspace::memory([("a.yml", text)]), "a.yml").unwrap();
            let named = documents.problems().iter().find(|problem| problem.message.contains("stands alone"));
            assert_eq!(named.map(|problem| problem.span.range()), place, "{text:?}: {:?}", documents.problems());
        }
    }
}
