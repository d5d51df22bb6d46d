//! `include` into one configuration: local files, globs and nested includes joined as GitLab joins them; the rest recorded. Knows no job.

use regex::Regex;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::document::Documents;
use crate::pipeline::merge::merge;
use crate::pipeline::problem;
use crate::source::{FileId, Span};
use crate::workspace::Workspace;
use crate::yaml::{Data, Mapping, Value};

/// Most files that one pipeline may include, repeated ones counted: GitLab's `max_includes`
/// (<https://docs.gitlab.com/administration/instance_limits/#maximum-number-of-includes>).
pub const MAX_INCLUDES: usize = 150;

/// Why an include could not be joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `include:project`.
    Project,
    /// `include:remote`, or a URL.
    Remote,
    /// `include:template`.
    Template,
    /// `include:component`.
    Component,
    /// A local path that holds a variable.
    Variable,
    /// A local file that isn't there or cannot be read as a pipeline.
    Missing,
    /// A child pipeline's configuration from an artifact.
    Artifact,
}

impl Kind {
    /// The keyword or word that users know it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Remote => "remote",
            Self::Template => "template",
            Self::Component => "component",
            Self::Variable => "local with a variable",
            Self::Missing => "missing local file",
            Self::Artifact => "artifact",
        }
    }
}

/// An include that could not be joined: what it would add or change is not known.
#[derive(Clone, Debug)]
pub struct Unresolved {
    /// Why.
    pub kind: Kind,
    /// Path, address or name as written.
    pub name: String,
    /// The include's entry.
    pub span: Span,
}

/// A configuration with its includes joined.
#[derive(Default, Debug)]
pub struct Joined {
    /// The merged content, without `include`.
    pub root: Mapping,
    /// All files it is made of, the entry first, each once.
    pub files: Vec<FileId>,
    /// Files joined only when a rule of their include holds.
    pub conditional: Vec<FileId>,
    /// What could not be joined.
    pub unresolved: Vec<Unresolved>,
    /// What is wrong with the includes.
    pub problems: Vec<Diagnostic>,
}

/// Joins the document of `entry` with what it includes.
pub fn join(workspace: &Workspace, documents: &mut Documents, entry: FileId) -> Joined {
    let mut join =
        Join { workspace, documents, joined: Joined::default(), stack: Vec::new(), count: 0, conditional: 0, optional: 0, paths: None };
    join.joined.root = join.file(entry).unwrap_or_default();
    join.joined
}

/// The entries of an `include` value, a scalar and a mapping being a list of one.
#[must_use]
pub fn entries(include: &Value) -> Vec<&Value> {
    match &include.data {
        Data::Sequence(items) => items.iter().collect(),
        Data::Null => Vec::new(),
        Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) | Data::Mapping(_) | Data::Reference(_) => {
            vec![include]
        }
    }
}

/// Where an include's entry points.
#[derive(Debug)]
pub enum Target {
    /// A path or pattern within the repository.
    Local(String, Span),
    /// Something that is not in the repository.
    Elsewhere(Unresolved),
    /// A form that GitLab refuses.
    Invalid(Span),
}

/// Where `entry` points. Several keys of a mapping make it invalid only to GitLab; the first known one counts here.
#[must_use]
pub fn target(entry: &Value) -> Target {
    if let Some(text) = entry.as_str() {
        return located(text, entry.span);
    }
    let elsewhere =
        |kind, value: &Value| Target::Elsewhere(Unresolved { kind, name: value.scalar_text().unwrap_or_default(), span: entry.span });
    let of = |key| entry.get(key);
    match (of("local"), of("project"), of("remote"), of("template"), of("component"), of("artifact")) {
        (Some(local), ..) => local.as_str().map_or(Target::Invalid(entry.span), |text| match located(text, local.span) {
            Target::Elsewhere(unresolved) => Target::Elsewhere(Unresolved { span: entry.span, ..unresolved }),
            other @ (Target::Local(..) | Target::Invalid(_)) => other,
        }),
        (_, Some(project), ..) => {
            let file = of("file").map(|file| entries(file).iter().filter_map(|file| file.scalar_text()).collect::<Vec<_>>().join(", "));
            let name = format!("{}: {}", project.scalar_text().unwrap_or_default(), file.unwrap_or_default());
            Target::Elsewhere(Unresolved { kind: Kind::Project, name, span: entry.span })
        }
        (_, _, Some(value), ..) => elsewhere(Kind::Remote, value),
        (_, _, _, Some(value), ..) => elsewhere(Kind::Template, value),
        (_, _, _, _, Some(value), _) => elsewhere(Kind::Component, value),
        (_, _, _, _, _, Some(value)) => elsewhere(Kind::Artifact, value),
        (None, None, None, None, None, None) => Target::Invalid(entry.span),
    }
}

fn located(text: &str, span: Span) -> Target {
    let elsewhere = |kind| Target::Elsewhere(Unresolved { kind, name: text.to_owned(), span });
    if text.starts_with("http://") || text.starts_with("https://") {
        elsewhere(Kind::Remote)
    } else if text.contains('$') {
        elsewhere(Kind::Variable)
    } else {
        Target::Local(text.trim_start_matches('/').to_owned(), span)
    }
}

struct Join<'a> {
    workspace: &'a Workspace,
    documents: &'a mut Documents,
    joined: Joined,
    stack: Vec<FileId>,
    count: usize,
    /// How many of the entries on the way here have rules.
    conditional: usize,
    /// How many of them ask whether a file exists.
    optional: usize,
    paths: Option<Vec<String>>,
}

impl Join<'_> {
    fn file(&mut self, file: FileId) -> Option<Mapping> {
        if !self.joined.files.contains(&file) {
            self.joined.files.push(file);
            if self.conditional > 0 {
                self.joined.conditional.push(file);
            }
        }
        let document = self.documents.get(file)?.clone();
        let content = document.root.as_mapping().expect("a document's root is a mapping");
        self.stack.push(file);
        let mut merged = Mapping::default();
        if let Some(include) = content.get("include") {
            for entry in entries(include) {
                self.entry(entry, &mut merged);
            }
        }
        self.stack.pop();
        let mut own = content.clone();
        own.entries.shift_remove(&crate::yaml::Key::String("include".into()));
        Some(if merged.entries.is_empty() { own } else { merge(&merged, &own, None) })
    }

    fn entry(&mut self, entry: &Value, merged: &mut Mapping) {
        let rules = entry.get("rules");
        let conditional = usize::from(rules.is_some());
        let optional = usize::from(rules.is_some_and(|rules| entries(rules).iter().any(|rule| rule.get("exists").is_some())));
        match target(entry) {
            Target::Elsewhere(unresolved) => self.joined.unresolved.push(unresolved),
            Target::Invalid(span) => self.problem(
                problem::INVALID_VALUE,
                span,
                "`include` needs a path or one of `local`, `project`, `remote`, `template`, `component`",
            ),
            Target::Local(path, span) => {
                self.conditional += conditional;
                self.optional += optional;
                for path in self.matching(&path, span) {
                    self.local(&path, span, merged);
                }
                self.conditional -= conditional;
                self.optional -= optional;
            }
        }
    }

    /// The paths that a local include stands for: itself, or those that its wildcards match, in the order of their names.
    /// `**` crosses folders and `*` does not (`Repository#search_files_by_wildcard_path`).
    fn matching(&mut self, path: &str, span: Span) -> Vec<String> {
        if !path.contains('*') {
            return vec![path.to_owned()];
        }
        let pattern = regex::escape(path).replace(r"\*\*", ".*?").replace(r"\*", "[^/]*?");
        let pattern = Regex::new(&format!("^{pattern}$")).expect("an escaped pattern");
        let workspace = self.workspace;
        let paths = self.paths.get_or_insert_with(|| workspace.paths());
        let found: Vec<String> = paths.iter().filter(|path| pattern.is_match(path)).cloned().collect();
        if found.is_empty() {
            // GitLab includes what a pattern matches, which may be nothing (gitlab, `Config::External::Mapper::LocationExpander`).
            self.joined.unresolved.push(Unresolved { kind: Kind::Missing, name: path.to_owned(), span });
            if self.optional > 0 {
                return found;
            }
            let message = format!("`{path}` includes nothing: no file matches this pattern");
            self.joined.problems.push(Diagnostic::new(problem::INCLUDE_NOT_FOUND, Severity::Warning, span, &message));
        }
        found
    }

    fn local(&mut self, path: &str, span: Span, merged: &mut Mapping) {
        self.count += 1;
        if self.count > MAX_INCLUDES {
            if self.count == MAX_INCLUDES + 1 {
                self.problem(problem::INCLUDE_LIMIT, span, &format!("more than {MAX_INCLUDES} files are included"));
            }
            return;
        }
        match self.documents.load(self.workspace, path) {
            Err(error) => self.missing(path, span, &error.to_string()),
            Ok(file) if self.stack.contains(&file) => {
                self.problem(problem::INCLUDE_CYCLE, span, &format!("`{path}` includes itself"));
            }
            Ok(file) => match self.file(file) {
                Some(content) => *merged = if merged.entries.is_empty() { content } else { merge(merged, &content, None) },
                None => self.joined.unresolved.push(Unresolved { kind: Kind::Missing, name: path.to_owned(), span }),
            },
        }
    }

    fn missing(&mut self, path: &str, span: Span, why: &str) {
        self.joined.unresolved.push(Unresolved { kind: Kind::Missing, name: path.to_owned(), span });
        if self.optional == 0 {
            let when = if self.conditional > 0 { " when its rules hold" } else { "" };
            self.problem(problem::INCLUDE_NOT_FOUND, span, &format!("`{path}` cannot be included{when}: {why}"));
        }
    }

    fn problem(&mut self, code: problem::Code, span: Span, message: &str) {
        self.joined.problems.push(Diagnostic::new(code, Severity::Error, span, message));
    }
}
