//! The variables of a job as GitLab expands them, as far as the YAML files tell. Knows no shell.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::pipeline::{Job, Level, Variable};
use crate::source::Span;

/// Deepest chain of variables that name each other.
const MAX_DEPTH: usize = 20;
/// Longest expanded text, in bytes; variables that name each other twice can multiply.
const MAX_BYTES: usize = 64 << 10;

/// Whether expanded `text` still depends on a variable from outside of the files, or on an input (`$[[ inputs.… ]]`) that nobody gave a value.
#[must_use]
pub fn is_open(text: &str) -> bool {
    text.contains("${") || text.contains("$[[")
}

/// What is known of one variable's value in a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// The variable's name.
    pub name: String,
    /// The value as written.
    pub raw: String,
    /// The value with what the YAML files define put in; the rest stays as `${NAME}`.
    pub text: String,
    /// Where the value is written.
    pub span: Span,
    /// Where the variable's name is written.
    pub key: Span,
    /// At which level it is set; `None` for a service's own variable or an assignment in a script.
    pub level: Option<Level>,
}

impl Setting {
    /// Whether nothing of the value comes from outside of the YAML files.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !is_open(&self.text)
    }
}

/// The value of `name` in a job, as its YAML files set it; none where they don't, where its form is invalid, or where a rule or a matrix may change it.
#[must_use]
pub fn setting(job: &Job, name: &str) -> Option<Setting> {
    if varies(job, name) {
        return None;
    }
    written(job, name, job.variables.get(name)?)
}

/// Whether a rule or a matrix sets `name` in some pipelines.
#[must_use]
pub fn varies(job: &Job, name: &str) -> bool {
    job.conditional.iter().any(|(varying, _)| &**varying == name)
}

fn written(job: &Job, name: &str, variable: &Variable) -> Option<Setting> {
    let raw = variable.text()?;
    let text = if variable.expands() { expand(job, &raw) } else { raw.clone() };
    let span = variable.value()?.span;
    Some(Setting { name: name.to_owned(), raw, text, span, key: variable.entry.key.span, level: Some(variable.level) })
}

/// `text` with the job's YAML variables put in, as GitLab and the runner expand `$NAME` and `${NAME}`; what they don't define stays, as `${NAME}`.
/// `$$` stays too, as `$`.
#[must_use]
pub fn expand(job: &Job, text: &str) -> String {
    let mut out = String::new();
    expand_into(job, text, &mut BTreeSet::new(), 0, &mut out);
    out
}

fn expand_into(job: &Job, text: &str, open: &mut BTreeSet<String>, depth: usize, out: &mut String) {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\$\$|\$([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}").expect("a valid pattern"));
    let mut done = 0;
    for found in NAME.captures_iter(text) {
        let whole = found.get(0).expect("the match itself");
        out.push_str(&text[done..whole.start()]);
        done = whole.end();
        let Some(name) = found.get(1).or(found.get(2)).map(|name| name.as_str()) else {
            out.push('$');
            continue;
        };
        match value(job, name).filter(|_| depth < MAX_DEPTH && out.len() < MAX_BYTES && !open.contains(name)) {
            Some((value, true)) => {
                open.insert(name.to_owned());
                expand_into(job, &value, open, depth + 1, out);
                open.remove(name);
            }
            Some((value, false)) => out.push_str(&value),
            None => {
                out.push_str("${");
                out.push_str(name);
                out.push('}');
            }
        }
    }
    out.push_str(&text[done..]);
}

/// A YAML variable's own text, and whether variables in it are expanded.
fn value<'a>(job: &'a Job, name: &str) -> Option<(Cow<'a, str>, bool)> {
    if varies(job, name) {
        return None;
    }
    let variable = job.variables.get(name)?;
    Some((Cow::Owned(variable.text()?), variable.expands()))
}
