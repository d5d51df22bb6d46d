//! `rules` into the rule that applies: `if`, `changes` and `exists`, each true, false or not known. Knows no job.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::pipeline::context::{Context, Event};
use crate::pipeline::expansion::expanded;
use crate::pipeline::expression::{Expression, Lookup, Pattern, Truth};
use crate::pipeline::fnmatch;
use crate::pipeline::script::flat;
use crate::yaml::Value;

/// Comparisons from which on GitLab takes `changes` for true without making them (`CHANGES_MAX_PATTERN_COMPARISONS`).
const MAX_CHANGES: usize = 50_000;
/// Comparisons from which on GitLab takes `exists` for true without making them (`MAX_PATTERN_COMPARISONS`); older versions take 10,000.
const MAX_EXISTS: usize = 50_000;

/// Something that is not known and that decides.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// A variable.
    Variable(Arc<str>),
    /// An input.
    Input(Arc<str>),
    /// Which files changed.
    Changes,
    /// Which files changed since a commit, as written.
    ChangesSince(Arc<str>),
    /// Which files there are.
    Files,
    /// Files of another project.
    Project(Arc<str>),
    /// A rule that GitLab would refuse; why.
    Invalid(Arc<str>),
    /// Whether the project has a Kubernetes cluster.
    Kubernetes,
    /// A file that could not be included.
    Include(Arc<str>),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "`${name}`"),
            Self::Input(name) => write!(f, "the input `{name}`"),
            Self::Changes => f.write_str("the files that changed"),
            Self::ChangesSince(reference) => write!(f, "the files that changed since `{reference}`"),
            Self::Files => f.write_str("the files of the repository"),
            Self::Project(project) => write!(f, "the files of `{project}`"),
            Self::Invalid(why) => write!(f, "a rule that GitLab refuses ({why})"),
            Self::Kubernetes => f.write_str("the project's clusters"),
            Self::Include(name) => write!(f, "the include of `{name}`"),
        }
    }
}

/// Things that are not known, each once.
pub type Causes = BTreeSet<Cause>;

/// The causes for a message: `` depends on `$A` and the files that changed, which this event does not fix ``.
#[must_use]
pub fn depends_on(causes: &Causes) -> String {
    if let Some(Cause::Invalid(why)) = causes.first().filter(|_| causes.iter().all(|cause| matches!(cause, Cause::Invalid(_)))) {
        return format!("is decided by a rule that GitLab refuses: {why}");
    }
    let names: Vec<String> = causes.iter().map(ToString::to_string).collect();
    let listed = match &names[..] {
        [] => "something".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    format!("depends on {listed}, which this event does not fix")
}

/// Where rules look things up.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The event, what changed and which files there are.
    pub context: &'a Context,
    /// The variables.
    pub lookup: &'a dyn Fn(&str) -> Lookup<'a>,
}

/// The rules that may be the first that holds.
#[derive(Clone, Debug)]
pub struct Selection<'r> {
    /// One, where everything is known. None stands for no rule.
    pub possible: Vec<Option<&'r Value>>,
    /// What is not known and decides between them.
    pub depends: Causes,
}

/// The rules that may be the first of `rules`, nested lists flattened, to hold.
#[must_use]
pub fn select<'r>(rules: &'r Value, scope: Scope<'_>) -> Selection<'r> {
    let mut selection = Selection { possible: Vec::new(), depends: Causes::new() };
    for rule in flat(rules, &mut Vec::new()) {
        match holds(rule, scope, &mut selection.depends) {
            Truth::False => {}
            Truth::Unknown => selection.possible.push(Some(rule)),
            Truth::True => {
                selection.possible.push(Some(rule));
                return selection;
            }
        }
    }
    selection.possible.push(None);
    selection
}

type Clause = fn(&Value, Scope<'_>, &mut Causes) -> Truth;

/// Whether all clauses of `rule` hold.
fn holds(rule: &Value, scope: Scope<'_>, depends: &mut Causes) -> Truth {
    let mut truth = Truth::True;
    let mut causes = Causes::new();
    let clauses: [(&str, Clause); 3] = [("if", condition), ("changes", changes), ("exists", exists)];
    for (keyword, clause) in clauses {
        let Some(value) = rule.get(keyword).filter(|value| !value.is_null()) else { continue };
        truth = truth.and(clause(value, scope, &mut causes));
        if truth == Truth::False {
            return truth;
        }
    }
    if truth == Truth::Unknown {
        depends.extend(causes);
    }
    truth
}

fn condition(value: &Value, scope: Scope<'_>, causes: &mut Causes) -> Truth {
    let Some(text) = value.as_str() else { return invalid("`if` is no text", causes) };
    expression(text, scope, causes)
}

/// Whether the expression `text` holds.
pub(super) fn expression(text: &str, scope: Scope<'_>, causes: &mut Causes) -> Truth {
    match Expression::parse(text) {
        Err(error) => invalid(&error.message, causes),
        Ok(parsed) => {
            let possible = parsed.evaluate(scope.lookup, &|_| Lookup::Unknown);
            let inputs = parsed.inputs();
            causes.extend(
                possible.depends.into_iter().map(|name| if inputs.contains(&&*name) { Cause::Input(name) } else { Cause::Variable(name) }),
            );
            possible.truth
        }
    }
}

fn invalid(why: &str, causes: &mut Causes) -> Truth {
    causes.insert(Cause::Invalid(why.into()));
    Truth::Unknown
}

/// The items of a list of patterns, or of its `paths`, with their variables expanded; none where one is not known.
fn patterns(value: &Value, scope: Scope<'_>, causes: &mut Causes) -> Option<Vec<String>> {
    let list = if value.as_mapping().is_some() { value.get("paths")? } else { value };
    let mut known = true;
    let texts = flat(list, &mut Vec::new()).into_iter().filter_map(Value::scalar_text).map(|text| {
        let expanded = expanded(&text, scope.lookup);
        known &= expanded.unknown.is_empty();
        causes.extend(expanded.unknown.into_iter().map(Cause::Variable));
        expanded.text
    });
    let texts: Vec<String> = texts.collect();
    known.then_some(texts)
}

/// `rules:changes` (gitlab, `Rules::Rule::Clause::Changes`).
fn changes(value: &Value, scope: Scope<'_>, causes: &mut Causes) -> Truth {
    let compare_to = value.get("compare_to").filter(|value| !value.is_null()).and_then(Value::scalar_text);
    let changed = match (&compare_to, scope.context.event()) {
        (Some(reference), _) => {
            let reference = expanded(reference, scope.lookup);
            causes.extend(reference.unknown.iter().cloned().map(Cause::Variable));
            let changed = if reference.unknown.is_empty() { scope.context.history().changed_since(&reference.text) } else { None };
            if changed.is_none() && reference.unknown.is_empty() {
                causes.insert(Cause::ChangesSince(reference.text.into()));
            }
            changed
        }
        // Without a push there is nothing to compare with, and GitLab takes the rule for true.
        (None, Some(Event::Tag | Event::Schedule | Event::Web | Event::Api | Event::Trigger)) => return Truth::True,
        (None, Some(Event::Push | Event::MergeRequest | Event::ParentPipeline) | None) => {
            let changed = scope.context.history().changed();
            if changed.is_none() {
                causes.insert(Cause::Changes);
            }
            changed
        }
    };
    let Some(changed) = changed else { return Truth::Unknown };
    if let Some(regexp) = value.get("regexp").and_then(Value::scalar_text) {
        return matches_regexp(&regexp, &changed, MAX_CHANGES, scope, causes);
    }
    let Some(globs) = patterns(value, scope, causes) else { return Truth::Unknown };
    if changed.len().saturating_mul(globs.len()) > MAX_CHANGES {
        return Truth::True;
    }
    any_matches(&globs, &changed, causes)
}

/// Whether one of the patterns has one of the paths.
pub(super) fn any_matches(globs: &[String], paths: &[String], causes: &mut Causes) -> Truth {
    let mut truth = Truth::False;
    for glob in globs {
        truth = truth.or(match fnmatch::Pattern::new(glob) {
            Some(pattern) => paths.iter().any(|path| pattern.matches(path)).into(),
            None => invalid("the braces of a pattern stand for too many", causes),
        });
    }
    truth
}

fn matches_regexp(regexp: &str, paths: &[String], most: usize, scope: Scope<'_>, causes: &mut Causes) -> Truth {
    let regexp = expanded(regexp, scope.lookup);
    if !regexp.unknown.is_empty() {
        causes.extend(regexp.unknown.into_iter().map(Cause::Variable));
        return Truth::Unknown;
    }
    if paths.len() > most {
        return Truth::True;
    }
    match Pattern::bare(&regexp.text) {
        Ok(pattern) => paths.iter().any(|path| pattern.is_match(path)).into(),
        Err(why) => invalid(&why, causes),
    }
}

/// `rules:exists` (gitlab, `Rules::Rule::Clause::Exists`).
fn exists(value: &Value, scope: Scope<'_>, causes: &mut Causes) -> Truth {
    if let Some(project) = value.get("project").filter(|project| !project.is_null()).and_then(Value::scalar_text) {
        causes.insert(Cause::Project(project.into()));
        return Truth::Unknown;
    }
    let Some(files) = scope.context.files() else {
        causes.insert(Cause::Files);
        return Truth::Unknown;
    };
    if let Some(regexp) = value.get("regexp").and_then(Value::scalar_text) {
        return matches_regexp(&regexp, files, MAX_EXISTS, scope, causes);
    }
    let Some(globs) = patterns(value, scope, causes) else { return Truth::Unknown };
    let top_level = globs.iter().all(|glob| !glob.contains('/') && !glob.contains("**"));
    let paths: Vec<&str> = files.iter().map(String::as_str).filter(|path| !top_level || !path.contains('/')).collect();
    let patterns = globs.iter().filter(|glob| !is_exact(glob) && !is_extension(glob)).count();
    let too_many = paths.len().saturating_mul(patterns) > MAX_EXISTS;
    let mut truth = Truth::False;
    for glob in &globs {
        truth = truth.or(if is_exact(glob) {
            exists_exactly(glob, &paths).into()
        } else if is_extension(glob) {
            let extension = glob.strip_prefix("**/*").unwrap_or(glob);
            paths.iter().any(|path| path.ends_with(extension)).into()
        } else if too_many {
            Truth::True
        } else {
            match fnmatch::Pattern::new(glob) {
                Some(pattern) => paths.iter().any(|path| pattern.matches(path)).into(),
                None => invalid("the braces of a pattern stand for too many", causes),
            }
        });
    }
    truth
}

/// A folder is named with a slash at its end.
fn exists_exactly(glob: &str, paths: &[&str]) -> bool {
    if glob.ends_with('/') { paths.iter().any(|path| path.starts_with(glob)) } else { paths.binary_search(&glob).is_ok() }
}

/// `**/*.rs`: everything that ends so.
fn is_extension(glob: &str) -> bool {
    let extension = glob.strip_prefix("**/*").unwrap_or(glob);
    extension.starts_with('.') && !extension.contains('/') && is_exact(extension)
}

fn is_exact(glob: &str) -> bool {
    !glob.contains(['*', '?', '[', '{'])
}
