//! Which runners may take a job, and edits of their configuration. Knows no rule.

use regex::Regex;

use crate::detect::client::Runner;
use crate::diagnostic::Severity;
use crate::edit::Edit;
use crate::lint::rule::Context;
use crate::pipeline::{Job, Level};
use crate::runner::{self, Config, Entry, Executor, Header, Table};
use crate::source::Span;
use crate::yaml::Value;

/// The runners that may take a job, as far as the configuration tells.
#[derive(Clone, Debug)]
pub struct Takers<'a> {
    /// Each with the text that holds it.
    pub entries: Vec<(&'a Config, &'a Entry)>,
    /// Whether one of them surely does: the job asks for no tag, or for tags that they are known to have. A `config.toml` holds no tags: GitLab
    /// keeps them (<https://docs.gitlab.com/ci/runners/configure_runners/#control-jobs-that-a-runner-can-run>).
    pub certain: bool,
}

impl<'a> Takers<'a> {
    /// The runners of `job`; none where no configuration was given, or where the job goes to GitLab.com's own.
    #[must_use]
    pub fn of(context: &Context<'a>, job: &Job) -> Option<Self> {
        if Runner::of(job) == Runner::Hosted || !job.is_script() {
            return None;
        }
        let tags: Option<Vec<&str>> = job.tags().iter().map(|tag| tag_text(tag, context)).collect();
        let takes = |entry: &Entry| match (&tags, &entry.tags) {
            (Some(tags), Some(known)) => tags.iter().all(|tag| known.iter().any(|known| known == tag)),
            _ => true,
        };
        let entries: Vec<_> = context.analysis.runners.entries().filter(|(_, entry)| takes(entry)).collect();
        let asks = tags.as_ref().is_none_or(|tags| !tags.is_empty());
        let certain = !asks || (tags.is_some() && entries.iter().all(|(_, entry)| entry.tags.is_some()));
        (!entries.is_empty()).then_some(Self { entries, certain })
    }

    /// Whether all of them start jobs with `executor`.
    #[must_use]
    pub fn all(&self, executor: Executor) -> bool {
        self.entries.iter().all(|(_, entry)| entry.executor() == executor)
    }
}

/// Whether the runner's settings mention Dagger.
#[must_use]
pub fn is_for_dagger(entry: &Entry) -> bool {
    mentions(&entry.table, "dagger")
}

fn mentions(table: &Table, word: &str) -> bool {
    table.settings.iter().any(|setting| {
        let values = || std::iter::once(&setting.value).chain(setting.value.as_array());
        let text = values().filter_map(runner::Value::as_text).any(|text| text.contains(word));
        text || setting.name.contains(word) || values().filter_map(runner::Value::as_table).any(|inner| mentions(inner, word))
    })
}

/// Whether `path` is `folder`, or one of those around it; `/var/run` is a link to `/run` in most images and nodes.
#[must_use]
pub fn same_path(path: &str, folder: &str) -> bool {
    let plain = |path: &str| {
        format!(
            "/{}/",
            path.trim_matches('/').strip_prefix("var/run").map_or(path.trim_matches('/').to_owned(), |rest| format!("run{rest}"))
        )
    };
    plain(folder).starts_with(&plain(path))
}

/// Whether a job runs in a pod of the Kubernetes executor: surely, probably (a `Warning`), or nothing says so. The given runners tell, or variables of
/// the job that only that executor reads (<https://docs.gitlab.com/runner/executors/kubernetes/#overwrite-container-resources>).
#[must_use]
pub fn on_kubernetes(context: &Context<'_>, job: &Job) -> Option<Severity> {
    if let Some(takers) = Takers::of(context, job) {
        let severity = if takers.certain { Severity::Error } else { Severity::Warning };
        return takers.all(Executor::Kubernetes).then_some(severity);
    }
    let own = ["_REQUEST", "_LIMIT", "_OVERWRITE", "KUBERNETES_NODE_SELECTOR", "KUBERNETES_NODE_TOLERATIONS", "KUBERNETES_SERVICE_ACCOUNT"];
    let read = |name: &str| name.starts_with("KUBERNETES_") && own.iter().any(|part| name.contains(part));
    let job_only = job.is_script() && Runner::of(job) != Runner::Hosted;
    // Variables of the whole pipeline may be there for other jobs.
    let level = |name: &str| job.variables.get(name).is_some_and(|variable| variable.level == Level::Job);
    let certain = job_only && context.analysis.runners.is_empty() && job.variables.keys().any(|name| read(name) && level(name));
    certain.then_some(Severity::Error)
}

/// A tag without variables.
fn tag_text<'a>(tag: &Value, context: &Context<'a>) -> Option<&'a str> {
    let text = context.slice(tag.span).trim_matches(['"', '\'']);
    (!text.contains('$') && tag.scalar_text().as_deref() == Some(text)).then_some(text)
}

/// Adds a volume of job pods, with `lines` as its settings, behind all that the runner's text has of it, indented as its header is. None where
/// volumes are written in braces or brackets, to which TOML lets nobody add.
#[must_use]
pub fn add_volume(context: &Context<'_>, config: &Config, entry: &Entry, kind: &str, lines: &[String]) -> Option<Vec<Edit>> {
    let path = ["runners", "kubernetes", "volumes", kind];
    let mut table = Some(&entry.table);
    for depth in 1..path.len() {
        let Some(setting) = table.and_then(|table| table.get(path[depth])) else { break };
        let begins = |header: &Header| header.keys.iter().zip(&path[..=depth]).filter(|((name, _), part)| name == *part).count() > depth;
        if !config.headers.iter().any(begins) {
            return None;
        }
        table = setting.value.as_table();
    }
    let source = context.analysis.documents.sources().get(entry.end.file);
    let line = source.line_range(source.line_index(entry.end.end.saturating_sub(1) as usize));
    let end = line.start + source.text()[line].trim_end_matches(['\n', '\r']).len();
    let indent = indentation(context, entry.table.span)?;
    let newline = source.newline();
    let settings: String = lines.iter().map(|line| format!("{newline}{indent}  {line}")).collect();
    let text = format!("{newline}{indent}[[runners.kubernetes.volumes.{kind}]]{settings}");
    config.is_editable.then(|| vec![Edit::insert_before(Span::new(entry.end.file, end, end), text)])
}

/// Adds a line before the one on which `key` is written, indented as that is.
#[must_use]
pub fn line_before(context: &Context<'_>, config: &Config, key: Span, line: &str) -> Option<Vec<Edit>> {
    let source = context.analysis.documents.sources().get(key.file);
    let indent = indentation(context, key)?;
    config.is_editable.then(|| vec![Edit::insert_before(key, format!("{line}{}{indent}", source.newline()))])
}

/// The blanks before `span`, which must be the first on its line.
fn indentation<'a>(context: &Context<'a>, span: Span) -> Option<&'a str> {
    let source = context.analysis.documents.sources().get(span.file);
    let line = source.line_range(source.line_index(span.start as usize));
    let before = source.text()[line.start..span.start as usize].trim_start_matches('\u{feff}');
    before.trim().is_empty().then_some(before)
}

/// Whether one of a runner's `allowed_…` patterns fits `image`: `*` is anything but `/`, `**` anything (bmatcuk/doublestar, which the runner uses).
#[must_use]
pub fn allows(patterns: &[&str], image: &str) -> bool {
    patterns.iter().any(|pattern| pattern_of(pattern).is_none_or(|pattern| pattern.is_match(image)))
}

/// None where the pattern has a form that isn't read here.
fn pattern_of(pattern: &str) -> Option<Regex> {
    if pattern.contains(['[', '{', '\\', '$']) {
        return None;
    }
    let escaped = regex::escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]");
    Regex::new(&format!("^{escaped}$")).ok()
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn a_star_stops_at_a_slash_and_two_do_not() {
        assert!(allows(&["ruby:*", "docker:*-dind"], "docker:28-dind"));
        assert!(!allows(&["docker:*-dind"], "docker:dind"));
        assert!(!allows(&["registry.example.com/*"], "registry.example.com/a/b:1"));
        assert!(allows(&["registry.example.com/**"], "registry.example.com/a/b:1"));
    }

    #[test]
    fn a_pattern_that_is_not_understood_allows_everything() {
        assert!(allows(&["docker:{27,28}"], "docker:29"));
    }
}
