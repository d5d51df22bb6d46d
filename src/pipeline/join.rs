//! A document and what it includes into one configuration, as GitLab joins them: inputs put in, included files first, the including file over them.
//! What is not in the repository is read from the workspace's mirror, or recorded. Knows no job.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::Regex;
use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::context::Context;
use crate::pipeline::document::{Document, Documents};
use crate::pipeline::expression::Lookup;
use crate::pipeline::header::header_inputs;
use crate::pipeline::include::{Kind, Unresolved, entries};
use crate::pipeline::input::{Passed, inputs};
use crate::pipeline::interpolate::Interpolation;
use crate::pipeline::location::{Located, Location, Nowhere, locate};
use crate::pipeline::merge::merge;
use crate::pipeline::problem;
use crate::pipeline::rules::{Causes, Scope, depends_on, select};
use crate::pipeline::script::flat;
use crate::source::{FileId, Span};
use crate::workspace::{LoadError, Workspace};
use crate::yaml::{Key, Mapping, Value, base64};

/// Most files that one pipeline may include, repeated ones counted: GitLab's `max_includes`
/// (<https://docs.gitlab.com/administration/instance_limits/#maximum-number-of-includes>).
pub const MAX_INCLUDES: usize = 150;

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

/// Joins the document of `entry` with what it includes when a pipeline is created in `context`. In [`Context::any`] an include with rules is joined
/// as if they held, and the entry's inputs stay as written.
pub fn join(workspace: &Workspace, documents: &mut Documents, entry: FileId, context: &Context) -> Joined {
    let mut join = Join {
        workspace,
        documents,
        context,
        joined: Joined::default(),
        stack: Vec::new(),
        count: 0,
        conditional: 0,
        optional: 0,
        paths: None,
    };
    let passed = context.inputs().map_or(Passed::Unknown, Passed::Given);
    join.joined.root = join.file(entry, &Origin::Workspace, passed, Span::new(entry, 0, 0), BTreeMap::new()).unwrap_or_default();
    join.joined
}

/// Where a file comes from, which is where its local includes are.
#[derive(Clone, Debug)]
enum Origin {
    Workspace,
    /// The folder of the mirror that stands for a project at a commit.
    Project(Arc<str>),
    /// An address or a template, which has no repository.
    Public,
}

type Component = BTreeMap<Arc<str>, Option<Arc<str>>>;

struct Join<'a> {
    workspace: &'a Workspace,
    documents: &'a mut Documents,
    context: &'a Context,
    joined: Joined,
    /// The files that are being joined, with what was passed to each.
    stack: Vec<(FileId, Option<Span>)>,
    count: usize,
    /// How many of the entries on the way here have rules.
    conditional: usize,
    /// How many of them ask whether a file exists.
    optional: usize,
    paths: Option<Vec<String>>,
}

/// A file to join.
struct Found {
    file: FileId,
    origin: Origin,
    component: Component,
}

impl Join<'_> {
    fn file(&mut self, file: FileId, origin: &Origin, passed: Passed<'_>, at: Span, component: Component) -> Option<Mapping> {
        if !self.joined.files.contains(&file) {
            self.joined.files.push(file);
            if self.conditional > 0 {
                self.joined.conditional.push(file);
            }
        }
        let document = self.documents.get(file)?.clone();
        let content = self.content(&document, origin, passed, at, component);
        self.stack.push((file, inputs_of(passed).map(|inputs| inputs.span)));
        let mut merged = Mapping::default();
        if let Some(include) = content.get("include") {
            let all = entries(include);
            let otherwise = if self.context.event().is_none() { otherwise(&all) } else { BTreeSet::new() };
            for (index, entry) in all.into_iter().enumerate() {
                if !otherwise.contains(&index) {
                    self.entry(entry, origin, &mut merged);
                }
            }
        }
        self.stack.pop();
        let mut own = content;
        own.entries.shift_remove(&Key::String("include".into()));
        Some(if merged.entries.is_empty() { own } else { merge(&merged, &own, None) })
    }

    /// The document's content with its inputs put in.
    fn content(&mut self, document: &Document, origin: &Origin, passed: Passed<'_>, at: Span, component: Component) -> Mapping {
        let content = document.root.as_mapping().expect("a document's root is a mapping");
        let Some(header) = &document.header else {
            if let Some(inputs) = inputs_of(passed).filter(|inputs| inputs.as_mapping().is_some_and(|inputs| !inputs.entries.is_empty())) {
                let message = "inputs are passed, but the included file has no header with `spec:inputs`";
                self.problem(problem::INVALID_INPUT, inputs.span, message);
            }
            return content.clone();
        };
        let mut problems = Vec::new();
        let in_repository = matches!(origin, Origin::Workspace);
        let specs = header_inputs(header, self.workspace, self.documents, in_repository, &mut problems);
        let known = if specs.complete { passed } else { Passed::Unknown };
        let inputs = inputs(Some(&specs.inputs), known, at, &mut problems);
        let lookup = |name: &str| self.context.outside(name);
        let mut interpolation = Interpolation::new(&inputs, &lookup);
        let listed =
            header.get("spec").and_then(|spec| spec.get("component")).map(|listed| flat(listed, &mut Vec::new())).unwrap_or_default();
        let listed: BTreeSet<&str> = listed.into_iter().filter_map(Value::as_str).collect();
        interpolation.component = component.into_iter().filter(|(name, _)| listed.contains(&**name)).collect();
        interpolation.lenient = !specs.complete;
        let interpolated = interpolation.mapping(content);
        problems.append(&mut interpolation.problems);
        self.joined.problems.append(&mut problems);
        interpolated
    }

    fn entry(&mut self, entry: &Value, origin: &Origin, merged: &mut Mapping) {
        let rules = entry.get("rules").filter(|rules| !rules.is_null());
        let context = self.context;
        let lookup = |name: &str| if matches!(origin, Origin::Public) { Lookup::Undefined } else { context.outside(name) };
        if let (Some(rules), Some(_)) = (rules, context.event()) {
            match holds(rules, Scope { context, lookup: &lookup }) {
                Ok(true) => {}
                Ok(false) => return,
                Err(causes) => {
                    let name = locate(entry, &lookup).map_or_else(|_| "include".to_owned(), |located| located.name);
                    let name = format!("{name} ({})", depends_on(&causes));
                    self.joined.unresolved.push(Unresolved { kind: Kind::Undecided, name, span: entry.span });
                    return;
                }
            }
        }
        let conditional = usize::from(rules.is_some());
        let optional = usize::from(rules.is_some_and(|rules| entries(rules).iter().any(|rule| rule.get("exists").is_some())));
        let located = match locate(entry, &lookup) {
            Ok(located) => located,
            Err(Nowhere::Invalid(span, message)) => return self.problem(problem::INVALID_VALUE, span, &message),
            Err(Nowhere::Unresolved(unresolved)) => return self.joined.unresolved.push(unresolved),
        };
        self.conditional += conditional;
        self.optional += optional;
        let passed = entry.get("inputs").filter(|inputs| !inputs.is_null());
        let found = self.found(&located, entry, origin);
        for found in found {
            self.join_found(found, &located, passed, entry, merged);
        }
        self.conditional -= conditional;
        self.optional -= optional;
    }

    fn join_found(&mut self, found: Found, located: &Located, passed: Option<&Value>, entry: &Value, merged: &mut Mapping) {
        self.count += 1;
        if self.count > MAX_INCLUDES {
            if self.count == MAX_INCLUDES + 1 {
                self.problem(problem::INCLUDE_LIMIT, located.span, &format!("more than {MAX_INCLUDES} files are included"));
            }
            return;
        }
        let again = (found.file, passed.map(|passed| passed.span));
        let path = self.documents.sources().get(found.file).path().to_owned();
        if self.stack.iter().any(|open| *open == again || (open.0 == found.file && again.1.is_none())) {
            return self.problem(problem::INCLUDE_CYCLE, located.span, &format!("`{path}` includes itself"));
        }
        match self.file(
            found.file,
            &found.origin,
            Passed::Include(passed),
            passed.map_or(entry.span, |passed| passed.span),
            found.component,
        ) {
            Some(content) => *merged = if merged.entries.is_empty() { content } else { merge(merged, &content, None) },
            None => self.unresolved(located.kind, &located.name, entry.span),
        }
    }

    fn unresolved(&mut self, kind: Kind, name: &str, span: Span) {
        self.joined.unresolved.push(Unresolved { kind, name: name.to_owned(), span });
    }

    /// The files that an include stands for; what is not there is recorded.
    fn found(&mut self, located: &Located, entry: &Value, origin: &Origin) -> Vec<Found> {
        match &located.location {
            Location::Local(path) => match origin {
                Origin::Workspace => {
                    let paths = self.matching(path, located.span);
                    paths.into_iter().filter_map(|path| self.local(&path, located.span)).collect()
                }
                Origin::Project(root) => self.mirrored(&format!("{root}/{path}"), origin.clone(), located, entry).into_iter().collect(),
                Origin::Public => {
                    self.problem(problem::INVALID_VALUE, located.span, "a file from an address or a template can't include local files");
                    Vec::new()
                }
            },
            Location::Project { project, reference, files } => {
                let root: Arc<str> = format!("project/{project}/@{}", reference.as_deref().unwrap_or("HEAD").replace('/', "%2F")).into();
                let found =
                    files.iter().map(|file| self.mirrored(&format!("{root}/{file}"), Origin::Project(root.clone()), located, entry));
                found.collect::<Vec<_>>().into_iter().flatten().collect()
            }
            Location::Remote { address, integrity } => self.remote(address, integrity.as_deref(), located, entry).into_iter().collect(),
            Location::Template(path) => self.mirrored(&format!("template/{path}"), Origin::Public, located, entry).into_iter().collect(),
            Location::OwnComponent(name) => match origin {
                Origin::Workspace => self.own_component(name, located, entry).into_iter().collect(),
                Origin::Project(root) => self.component(root, name, "", located, entry).into_iter().collect(),
                Origin::Public => {
                    self.unresolved(located.kind, &located.name, entry.span);
                    Vec::new()
                }
            },
            Location::Component { project, name, version } => self
                .component(&format!("project/{project}/@{}", version.replace('/', "%2F")).into(), name, version, located, entry)
                .into_iter()
                .collect(),
            Location::Artifact(_) => {
                self.unresolved(located.kind, &located.name, entry.span);
                Vec::new()
            }
        }
    }

    fn mirrored(&mut self, path: &str, origin: Origin, located: &Located, entry: &Value) -> Option<Found> {
        match self.documents.load_included(self.workspace, path) {
            Some(Ok(file)) => Some(Found { file, origin, component: Component::new() }),
            found => {
                self.not_mirrored(found.and_then(Result::err), located, entry);
                None
            }
        }
    }

    /// Records an include that the mirror does not have, and says why it could not be read.
    fn not_mirrored(&mut self, error: Option<LoadError>, located: &Located, entry: &Value) {
        self.unresolved(located.kind, &located.name, entry.span);
        let (message, severity) = match error {
            Some(error) => (format!("`{}` cannot be included: {error}", located.name), Severity::Warning),
            None if self.workspace.includes_everything() => {
                (format!("`{}` cannot be included: there is no such file, or it may not be read", located.name), Severity::Warning)
            }
            None => return,
        };
        self.joined.problems.push(Diagnostic::new(problem::INCLUDE_NOT_FOUND, severity, located.span, message));
    }

    /// The file of a component, which is one of two.
    fn component(&mut self, root: &Arc<str>, name: &str, version: &str, located: &Located, entry: &Value) -> Option<Found> {
        let paths = [format!("{root}/templates/{name}.yml"), format!("{root}/templates/{name}/template.yml")];
        let file = match paths.iter().find_map(|path| self.documents.load_included(self.workspace, path)) {
            Some(Ok(file)) => file,
            found => {
                self.not_mirrored(found.and_then(Result::err), located, entry);
                return None;
            }
        };
        Some(Found { file, origin: Origin::Project(root.clone()), component: component(name, Some(version)) })
    }

    fn own_component(&mut self, name: &str, located: &Located, entry: &Value) -> Option<Found> {
        let paths = [format!("templates/{name}.yml"), format!("templates/{name}/template.yml")];
        let file = paths.iter().find_map(|path| self.documents.load(self.workspace, path).ok());
        let Some(file) = file else {
            self.unresolved(located.kind, &located.name, entry.span);
            self.problem(
                problem::INCLUDE_NOT_FOUND,
                located.span,
                &format!("there is no component `{name}`: neither `{}` nor `{}`", paths[0], paths[1]),
            );
            return None;
        };
        let commit = match self.context.outside("CI_COMMIT_SHA") {
            Lookup::Defined(commit) => Some(commit.into_owned()),
            Lookup::Undefined | Lookup::Present | Lookup::Unknown => None,
        };
        Some(Found { file, origin: Origin::Workspace, component: component(name, commit.as_deref()) })
    }

    /// A file at an address, whose checksum is right if one is asked for.
    fn remote(&mut self, address: &str, integrity: Option<&str>, located: &Located, entry: &Value) -> Option<Found> {
        let path = match address.split_once("://") {
            Some(("http", path)) => format!("remote-http/{path}"),
            Some((_, path)) => format!("remote/{path}"),
            None => format!("remote/{address}"),
        };
        let found = self.mirrored(&path, Origin::Public, located, entry)?;
        let Some(integrity) = integrity else { return Some(found) };
        let Some(expected) = integrity.strip_prefix("sha256-") else {
            self.problem(
                problem::INVALID_VALUE,
                entry.get("integrity").map_or(entry.span, |value| value.span),
                "`integrity` is `sha256-` and Base64",
            );
            return None;
        };
        let digest = Sha256::digest(self.documents.sources().get(found.file).text().as_bytes());
        if digest.as_slice() == base64::decode(expected.as_bytes()) {
            return Some(found);
        }
        let message = format!("`{address}` has another checksum than `integrity` asks for");
        self.problem(problem::INVALID_VALUE, entry.get("integrity").map_or(entry.span, |value| value.span), &message);
        self.unresolved(located.kind, &located.name, entry.span);
        None
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
            self.unresolved(Kind::Missing, path, span);
            if self.optional > 0 {
                return found;
            }
            let message = format!("`{path}` includes nothing: no file matches this pattern");
            self.joined.problems.push(Diagnostic::new(problem::INCLUDE_NOT_FOUND, Severity::Warning, span, &message));
        }
        found
    }

    fn local(&mut self, path: &str, span: Span) -> Option<Found> {
        match self.documents.load(self.workspace, path) {
            Ok(file) => Some(Found { file, origin: Origin::Workspace, component: Component::new() }),
            Err(error) => {
                self.unresolved(Kind::Missing, path, span);
                if self.optional == 0 {
                    let when = if self.conditional > 0 && self.context.event().is_none() { " when its rules hold" } else { "" };
                    self.problem(problem::INCLUDE_NOT_FOUND, span, &format!("`{path}` cannot be included{when}: {error}"));
                }
                None
            }
        }
    }

    fn problem(&mut self, code: problem::Code, span: Span, message: &str) {
        self.joined.problems.push(Diagnostic::new(code, Severity::Error, span, message));
    }
}

fn inputs_of(passed: Passed<'_>) -> Option<&Value> {
    match passed {
        Passed::Include(inputs) => inputs,
        Passed::Given(_) | Passed::Unknown => None,
    }
}

/// The includes behind a switch that is off unless somebody sets a variable: `$A == "true"` where another include has `$A != "true"`. The two are never
/// joined together, and the switch says which one holds for a pipeline of which nothing is known.
fn otherwise(all: &[&Value]) -> BTreeSet<usize> {
    let condition = |entry: &Value| {
        let rules = entries(entry.get("rules")?);
        let [rule] = rules.as_slice() else { return None };
        let text = rule.get("if")?.as_str()?.replace([' ', '"', '\''], "");
        (rule.as_mapping()?.entries.len() == 1 && !text.starts_with("$CI_")).then_some(text)
    };
    let conditions: Vec<Option<String>> = all.iter().map(|entry| condition(entry)).collect();
    let name =
        |condition: &'_ str, end: &str| condition.strip_suffix(end).filter(|name| !name.contains(['=', '&', '|', '('])).map(str::to_owned);
    let off: BTreeSet<String> = conditions.iter().flatten().filter_map(|condition| name(condition, "!=true")).collect();
    let on =
        |condition: &Option<String>| condition.as_deref().and_then(|text| name(text, "==true")).is_some_and(|name| off.contains(&name));
    conditions.iter().enumerate().filter(|(_, condition)| on(condition)).map(|(index, _)| index).collect()
}

/// Whether the rules of an include let it in.
fn holds(rules: &Value, scope: Scope<'_>) -> Result<bool, Causes> {
    let selection = select(rules, scope);
    let passes = |rule: &Option<&Value>| rule.is_some_and(|rule| rule.get("when").and_then(Value::as_str) != Some("never"));
    match (selection.possible.iter().any(passes), selection.possible.iter().all(passes)) {
        (true, true) => Ok(true),
        (false, _) => Ok(false),
        (true, false) => Err(selection.depends),
    }
}

/// What a component may ask of itself; without `version` it is at a commit that is not known. A full version is what was asked for, a commit has none, and
/// of others it is not known
/// (<https://docs.gitlab.com/ci/components/#use-component-context-in-components>).
fn component(name: &str, version: Option<&str>) -> Component {
    let is_full = |version: &&str| version.split('.').count() == 3 && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let commit = version.filter(|version| version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let full = version.filter(is_full).or((version.is_none() || commit.is_some()).then_some(""));
    [("name", Some(name)), ("reference", version), ("version", full), ("sha", commit)]
        .into_iter()
        .map(|(key, value)| (key.into(), value.map(Arc::from)))
        .collect()
}
