//! GitLab's own cases of good and bad configuration, each entry as a file of its own, through `lint`.

use std::path::{Path, PathBuf};

use undind::config::Config;
use undind::diagnostic::Severity;
use undind::lint::{LintOptions, lint};
use undind::{Workspace, analyze};

/// The rules that judge forms.
const FORMS: [&str; 5] = ["CFG009", "CFG010", "PIP1102", "PIP1106", "PIP1108"];
/// Bad entries that are not bad, with the reason.
const NOT_BAD: &[(&str, &str, &str)] = &[
    ("artifacts.yml", "performance string path", "the older name of `browser_performance` is still taken: gitlab, `Entry::Reports`"),
    ("services.yml", "invalid_command", "a command may be one text: gitlab, `Entry::Service` takes `Entry::Commands`"),
];
/// Good entries that are not good, with the reason.
const NOT_GOOD: &[(&str, &str, &str)] = &[
    ("include.yml", "trigger:include", "`script` and `trigger` exclude each other: gitlab, `Entry::Processable`"),
    ("run.yml", "step_using_action", "the keyword `action` of a step is gone: gitlab, `run_steps.json`"),
];

struct Entry {
    name: String,
    text: String,
}

/// The entries of a file, each with the hidden jobs of the file before it.
fn entries(file: &str, text: &str) -> Vec<Entry> {
    let blocks = blocks(text);
    let hidden: String = blocks.iter().filter(|(name, _)| name.starts_with('.')).map(|(_, block)| block.as_str()).collect();
    let visible = blocks.into_iter().filter(|(name, _)| !name.starts_with('.'));
    let mut entries = Vec::new();
    for (name, block) in visible {
        let inner = dedented(&block);
        let wrapped =
            ["job_inputs.yml", "spec_inputs.yml"].contains(&file) && inner.iter().any(|(key, _)| key == "spec" || key == "test-job");
        let nested = wrapped || matches!(&inner[..], [(key, _)] if key == "workflow");
        let parts = if nested { inner.into_iter().map(|(_, block)| (name.clone(), block)).collect() } else { vec![(name, block)] };
        for (name, block) in parts {
            let is_header = block.starts_with("spec:");
            let text = if is_header { format!("{block}\n---\njob: {{script: a}}\n") } else { format!("{hidden}{block}\n") };
            entries.push(Entry { name, text });
        }
    }
    entries
}

/// The top-level keys with their lines.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let starts = !line.is_empty() && !line.starts_with([' ', '#', '-']) && line.contains(':');
        if starts {
            let key = line.trim_end().trim_end_matches(|c| c != ':').trim_end_matches(':');
            let key = if line.trim_end().ends_with(':') { key } else { line.split(": ").next().unwrap_or(key) };
            blocks.push((key.trim_matches(['"', '\'']).to_owned(), String::new()));
        }
        if let Some((_, block)) = blocks.last_mut() {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

/// What is below the first line of a block, as blocks of its own.
fn dedented(block: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = block.lines().skip(1).collect();
    let indentation = lines.iter().find(|line| !line.trim().is_empty()).map_or(0, |line| line.len() - line.trim_start().len());
    let text: String = lines.iter().map(|line| format!("{}\n", line.get(indentation..).unwrap_or_default())).collect();
    blocks(&text)
}

/// What is said of the form of a pipeline: places in the entry and messages.
fn said(entry: &Entry) -> Vec<String> {
    let workspace = Workspace::memory([(".gitlab-ci.yml", entry.text.as_str())]);
    let analysis = analyze(&workspace, &[".gitlab-ci.yml".to_owned()], &Config::default());
    let select = FORMS.iter().map(|id| (*id).to_owned()).collect();
    let report = lint(&analysis, &LintOptions { select, ..LintOptions::default() });
    let sources = analysis.documents.sources();
    let wanted = report.findings.iter().map(|finding| &finding.diagnostic);
    wanted
        // That nothing is to be run is another matter than what stands there.
        .filter(|finding| finding.id != "PIP1108" || finding.message.ends_with("has to be a mapping"))
        .filter(|finding| finding.severity == Severity::Error && (FORMS.contains(&finding.id) || finding.rule == "not-a-pipeline"))
        .map(|finding| format!("{}: {} ({:?})", sources.start(finding.span).line, finding.message, sources.slice(finding.span)))
        .collect()
}

fn folder() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("UNDIND_CONFORMANCE").map_or(default, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                files.push((path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn judged(suite: &str, exceptions: &[(&str, &str, &str)], good: bool) {
    let Some(folder) = folder() else {
        eprintln!("skipped: no folder of GitLab's cases, set UNDIND_CONFORMANCE");
        return;
    };
    let (mut count, mut wrong, mut excused) = (0, Vec::new(), Vec::new());
    for (file, text) in files(&folder.join(suite)) {
        for entry in entries(&file, &text) {
            count += 1;
            let said = said(&entry);
            if said.is_empty() == good {
                continue;
            }
            if let Some(exception) = exceptions.iter().find(|(known, name, _)| *known == file && entry.name.starts_with(name)) {
                excused.push(*exception);
            } else {
                wrong.push(format!("{file}: {}: {}\n{}", entry.name, said.join("; "), if good { "" } else { &entry.text }));
            }
        }
    }
    eprintln!("{suite}: {count} entries, {} excused", excused.len());
    let stale: Vec<_> = exceptions.iter().filter(|exception| !excused.contains(exception)).collect();
    assert!(stale.is_empty(), "no exceptions: {stale:?}");
    assert!(count > 170, "the folder is incomplete");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn bad_entries_are_refused() {
    judged("gitlab-schema-negative", NOT_BAD, false);
}

#[test]
fn good_entries_are_not_refused() {
    judged("gitlab-schema-positive", NOT_GOOD, true);
}
