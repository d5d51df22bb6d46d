//! Kubernetes manifests and values of the `gitlab-runner` chart into the TOML texts that they carry, and the mounts of the manager's pod.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::table::Places;
use super::{Mount, Origin, Runners, SYNTAX_ERROR};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{FileId, SourceFile};
use crate::yaml::{Data, Limits, ScalarStyle, Tree, Value, compose, parse};

/// Most documents of a file that are read.
const MAX_DOCUMENTS: usize = 500;
/// How deep a chart may lie among the values of those that it is a part of.
const MAX_CHART_DEPTH: usize = 3;

/// A YAML document with its text.
struct Page<'a> {
    file: FileId,
    text: &'a str,
    tree: Tree,
}

/// Adds what the documents of a YAML file tell.
pub(super) fn read(runners: &mut Runners, file: FileId, source: &SourceFile) {
    let limits = Limits::default();
    let pieces = pieces(source.text());
    if let Some(first) = pieces.get(MAX_DOCUMENTS) {
        let place = crate::source::Span::new(file, first.start, first.start);
        let message = format!("more than {MAX_DOCUMENTS} documents; the rest isn't read");
        runners.problems.push(Diagnostic::new(SYNTAX_ERROR, Severity::Error, place, message));
    }
    for range in pieces.into_iter().take(MAX_DOCUMENTS) {
        let loaded = parse(file, source.text(), range, &limits).and_then(|tree| {
            let root = compose(&tree, &limits)?;
            Ok((tree, root))
        });
        match loaded {
            Ok((tree, root)) => object(runners, &Page { file, text: source.text(), tree }, &root),
            Err(error) => {
                runners.problems.push(Diagnostic::new(SYNTAX_ERROR, Severity::Error, error.span, error.message.clone()));
            }
        }
    }
}

/// The documents, as `kubectl` splits them: at lines that begin with `---`.
fn pieces(text: &str) -> Vec<Range<usize>> {
    static DIVIDER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^---(?:[ \t].*)?\r?$").expect("a valid pattern"));
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut pieces = Vec::new();
    for divider in DIVIDER.find_iter(text) {
        pieces.push(at..divider.start());
        at = divider.end();
    }
    pieces.push(at..text.len());
    pieces.retain(|range| !text[range.clone()].trim().is_empty());
    pieces
}

fn object(runners: &mut Runners, page: &Page<'_>, root: &Value) {
    match root.get("kind").and_then(Value::as_str) {
        Some("List") => {
            root.get("items").and_then(Value::as_sequence).unwrap_or_default().iter().for_each(|item| object(runners, page, item));
        }
        Some("ConfigMap" | "Secret") => {
            let data = ["data", "stringData"].iter().filter_map(|key| root.get(key)?.as_mapping());
            // The `data` of a Secret is encoded, and named as such by its kind.
            let secret = root.get("kind").and_then(Value::as_str) == Some("Secret");
            for (name, entry) in data.flat_map(|data| data.named()).filter(|(name, _)| name.ends_with(".toml")) {
                let encoded = secret && root.get("data").is_some_and(|data| data.get(name).is_some());
                if !encoded {
                    config(runners, page, &entry.value, &Origin::Manifest);
                }
            }
        }
        Some("Pod") => pod(runners, root.get("spec")),
        Some(_) => pod(runners, root.get("spec").and_then(|spec| spec.get("template")?.get("spec"))),
        None => chart(runners, page, root, 0),
    }
}

/// The mounts of the containers that run the runner itself.
fn pod(runners: &mut Runners, spec: Option<&Value>) {
    let Some(spec) = spec else { return };
    let containers = spec.get("containers").and_then(Value::as_sequence).unwrap_or_default();
    let manages = |container: &&Value| container.get("image").and_then(Value::as_str).is_some_and(is_runner);
    for container in containers.iter().filter(manages) {
        mounts(runners, container.get("volumeMounts"), spec.get("volumes"));
    }
}

/// Whether an image is the runner's: `gitlab/gitlab-runner`, or a copy of it; the helper's is another.
fn is_runner(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    name.starts_with("gitlab-runner") && !name.contains("helper")
}

fn mounts(runners: &mut Runners, mounts: Option<&Value>, volumes: Option<&Value>) {
    let items = |list: Option<&Value>| list.and_then(Value::as_sequence).unwrap_or_default().to_vec();
    let named = |item: &Value| item.get("name").and_then(Value::scalar_text);
    let volumes = items(volumes);
    for mount in items(mounts) {
        let path = mount.get("mountPath").cloned();
        let volume = volumes.iter().find(|volume| named(volume).is_some() && named(volume) == named(&mount));
        let host_path = volume.and_then(|volume| volume.get("hostPath")?.get("path")?.scalar_text());
        if let (Some(path), Some(host_path)) = (path, host_path)
            && let Some(text) = path.as_str()
        {
            runners.mounts.push(Mount { path: text.to_owned(), span: path.span, host_path });
        }
    }
}

/// Values of the chart, alone or below the name of a chart that depends on it.
fn chart(runners: &mut Runners, page: &Page<'_>, values: &Value, depth: usize) {
    let Some(mapping) = values.as_mapping() else { return };
    if let Some(text) = values.get("runners").and_then(|section| section.get("config")).filter(|text| text.as_str().is_some()) {
        let section = values.get("runners").expect("it was just found");
        let tags = section.get("tags").and_then(Value::as_str);
        let tags = tags.map(|tags| tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect());
        let privileged = matches!(section.get("privileged").map(|value| &value.data), Some(Data::Bool(true)));
        config(runners, page, text, &Origin::Chart { tags, privileged });
        mounts(runners, values.get("volumeMounts"), values.get("volumes"));
    } else if depth < MAX_CHART_DEPTH {
        mapping.named().for_each(|(_, entry)| chart(runners, page, &entry.value, depth + 1));
    }
}

fn config(runners: &mut Runners, page: &Page<'_>, value: &Value, origin: &Origin) {
    let (Some(text), Some(map)) = (value.as_str(), page.tree.text_map(value.node, page.text)) else { return };
    let literal = page.tree.scalar(value.node).is_some_and(|scalar| scalar.style == ScalarStyle::Literal) && value.span.file == page.file;
    let text = if text.contains("{{") { without_templates(text) } else { text.to_owned() };
    runners.add_config(&text, &Places::Scalar(map, literal), origin);
}

/// Helm evaluates `runners.config` as a template: what stands alone on its line between braces is gone afterwards. Keeps the length.
fn without_templates(text: &str) -> String {
    let line = |line: &str| {
        let content = line.trim();
        if content.starts_with("{{") && content.ends_with("}}") {
            line.chars()
                .map(|letter| if letter == '\n' || letter == '\r' { letter.to_string() } else { " ".repeat(letter.len_utf8()) })
                .collect()
        } else {
            line.to_owned()
        }
    };
    text.split_inclusive('\n').map(line).collect()
}
