//! A diagnostic and the files it points into, as the finding that `lint --format json` prints. Knows the names of JSON's keys, no other format.

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Severity};
use crate::edit::{Fix, Safety};
use crate::source::{Position, Sources, Span};

/// A diagnostic with what is needed to show it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The finding itself.
    pub diagnostic: &'a Diagnostic,
    /// The files that its spans point into.
    pub sources: &'a Sources,
    /// The path of the pipeline's entry file, from the root of the workspace.
    pub pipeline: &'a str,
    /// What is put before every path: empty, or a folder with `/` at its end.
    pub prefix: &'a str,
}

impl<'a> Found<'a> {
    /// The path of the file that holds `span`, with the prefix.
    #[must_use]
    pub fn path(&self, span: Span) -> String {
        let path = self.sources.get(span.file).path();
        // A file outside of the repository has its whole path.
        if path.starts_with('/') { path.to_owned() } else { format!("{}{path}", self.prefix) }
    }

    /// The path of the finding's own file, from the root of the workspace.
    #[must_use]
    pub fn file(&self) -> &'a str {
        self.sources.get(self.diagnostic.span.file).path()
    }
}

/// A place: 1-based line, 1-based column in characters, 0-based byte offset.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// 0-based, in bytes.
    pub offset: usize,
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self { line: position.line, column: position.column, offset: position.offset }
    }
}

/// One entry of `findings`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// The rule's id.
    pub id: &'static str,
    /// `info`, `warning` or `error`.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The rule's page on the web, where it has one.
    pub url: Option<String>,
    /// The entry file of the pipeline in which it was found.
    pub pipeline: String,
    /// The jobs that it concerns.
    pub jobs: Vec<String>,
    /// The file that holds it.
    pub file: String,
    /// Where it begins.
    pub start: Place,
    /// Where it ends (exclusive).
    pub end: Place,
    /// Other places.
    pub related: Vec<Related>,
    /// The change to apply.
    pub fix: Option<FixEntry>,
    /// Other changes to choose from.
    pub alternatives: Vec<FixEntry>,
}

/// One entry of `related`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Related {
    /// The file.
    pub file: String,
    /// Where it begins.
    pub start: Place,
    /// Where it ends (exclusive).
    pub end: Place,
    /// What is to be seen there.
    pub message: String,
}

/// A fix in JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FixEntry {
    /// What applying it does.
    pub title: String,
    /// `safe` or `unsafe`.
    pub safety: &'static str,
    /// All or nothing.
    pub edits: Vec<EditEntry>,
}

/// An edit in JSON; positions are 0-based byte offsets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EditEntry {
    /// The file.
    pub file: String,
    /// Offset of the first byte that goes.
    pub start: u32,
    /// Offset behind the last byte that goes.
    pub end: u32,
    /// What comes.
    pub text: String,
}

impl Finding {
    /// The entry of `found`.
    #[must_use]
    pub fn new(found: &Found<'_>) -> Self {
        let diagnostic = found.diagnostic;
        let related = diagnostic.related.iter().map(|label| Related {
            file: found.path(label.span),
            start: found.sources.start(label.span).into(),
            end: found.sources.end(label.span).into(),
            message: label.message.clone(),
        });
        Self {
            rule: diagnostic.rule,
            id: diagnostic.id,
            severity: diagnostic.severity,
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            url: page_url(diagnostic.rule),
            pipeline: format!("{}{}", found.prefix, found.pipeline),
            jobs: diagnostic.jobs.clone(),
            file: found.path(diagnostic.span),
            start: found.sources.start(diagnostic.span).into(),
            end: found.sources.end(diagnostic.span).into(),
            related: related.collect(),
            fix: diagnostic.fix.as_ref().map(|fix| fix_entry(found, fix)),
            alternatives: diagnostic.alternatives.iter().map(|fix| fix_entry(found, fix)).collect(),
        }
    }
}

fn fix_entry(found: &Found<'_>, fix: &Fix) -> FixEntry {
    let edits = fix.edits.iter().map(|edit| EditEntry {
        file: found.path(edit.span),
        start: edit.span.start,
        end: edit.span.end,
        text: edit.text.clone(),
    });
    FixEntry { title: fix.title.clone(), safety: safety_name(fix.safety), edits: edits.collect() }
}

/// `safe` or `unsafe`.
#[must_use]
pub fn safety_name(safety: Safety) -> &'static str {
    match safety {
        Safety::Safe => "safe",
        Safety::Unsafe => "unsafe",
    }
}

/// The rule's page below the project's home page, where the package names one.
#[must_use]
pub fn page_url(rule: &str) -> Option<String> {
    let home = env!("CARGO_PKG_HOMEPAGE").trim_end_matches('/');
    (!home.is_empty()).then(|| format!("{home}/rules/{rule}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::edit::Edit;
    use crate::source::SourceFile;

    /// One file with a finding on `tcp://docker:2375`, a label on `docker:dind` and a safe fix.
    pub(crate) fn example(text: &str) -> (Sources, Diagnostic) {
        let mut sources = Sources::default();
        let file = sources.add(SourceFile::new(".gitlab-ci.yml", text));
        let span = |part: &str| {
            let start = text.find(part).expect("the part is in the text");
            Span::new(file, start, start + part.len())
        };
        let port = span("tcp://docker:2375");
        let fix = Fix { title: "Use port 2376".to_owned(), safety: Safety::Safe, edits: vec![Edit::replace(port, "tcp://docker:2376")] };
        let diagnostic =
            Diagnostic::new(("dind-port-tls-mismatch", "TLS101"), Severity::Error, port, "`2375` is not where the daemon listens")
                .help("use port 2376")
                .label(span("docker:dind"), "this daemon listens on 2376")
                .job("build")
                .fix(fix);
        (sources, diagnostic)
    }

    pub(crate) const TEXT: &str = "# ä\nbuild:\n  services: [docker:dind]\n  variables:\n    DOCKER_HOST: tcp://docker:2375\n";

    #[test]
    fn a_finding_has_the_keys_and_positions_that_scripts_rely_on() {
        let (sources, diagnostic) = example(TEXT);
        let found = Found { diagnostic: &diagnostic, sources: &sources, pipeline: ".gitlab-ci.yml", prefix: "repo/" };
        let json = serde_json::to_value(Finding::new(&found)).unwrap();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        let expected = [
            "rule",
            "id",
            "severity",
            "message",
            "help",
            "url",
            "pipeline",
            "jobs",
            "file",
            "start",
            "end",
            "related",
            "fix",
            "alternatives",
        ];
        assert_eq!(keys, expected);
        assert_eq!(json["file"], "repo/.gitlab-ci.yml");
        assert_eq!(json["start"], serde_json::json!({"line": 5, "column": 18, "offset": 68}));
        assert_eq!(
            json["fix"]["edits"][0],
            serde_json::json!({"file": "repo/.gitlab-ci.yml", "start": 68, "end": 85, "text": "tcp://docker:2376"})
        );
        assert_eq!(json["related"][0]["start"]["column"], 14);
    }
}
