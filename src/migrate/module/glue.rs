//! Jobs that became functions into thin jobs that call them, as edits. Knows YAML structure and the command line of Dagger.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Analysis;
use crate::detect::{Reason, reason};
use crate::edit::{Edit, Overlap};
use crate::migrate::JobId;
use crate::migrate::module::form::Form;
use crate::migrate::module::kubernetes::TAG;
use crate::migrate::module::names::parameter as words;
use crate::migrate::module::sdk::ENGINE;
use crate::migrate::module::{Engine, FOLDER, Way};
use crate::pipeline::{Job, Pipeline};
use crate::source::{FileId, Span};
use crate::yaml::structure::{CannotEdit, Page, scalar};
use crate::yaml::{CollectionStyle, Data, NodeId, NodeKind};

/// Jobs that can't be written, with why.
pub(super) struct Stuck {
    pub(super) jobs: Vec<JobId>,
    pub(super) reason: Reason,
}

impl Stuck {
    pub(super) fn overlap(overlap: &Overlap, moved: &BTreeMap<JobId, Form>) -> Self {
        let message = "two changes meet in one place".to_owned();
        Self { jobs: moved.keys().copied().collect(), reason: Reason { code: reason::NOT_EDITABLE, message, span: overlap.first } }
    }

    fn job(id: JobId, CannotEdit { why, span }: CannotEdit) -> Self {
        let message = format!("a change cannot be written here: {why}");
        Self { jobs: vec![id], reason: Reason { code: reason::NOT_EDITABLE, message, span } }
    }
}

/// The keywords of which a thin job has its own, or none.
#[must_use]
pub fn own(engine: Engine) -> &'static [&'static str] {
    const OWN: &[&str] = &["image", "services", "before_script", "script", "after_script", "cache", "tags"];
    match engine {
        Engine::Remote | Engine::Docker => &OWN[..OWN.len() - 1],
        Engine::Kubernetes => OWN,
    }
}

/// The edits that turn the jobs of `moved` into calls.
pub(super) fn edits(analysis: &Analysis, way: Way, moved: &BTreeMap<JobId, Form>) -> Result<Vec<Edit>, Stuck> {
    let template = template_name(analysis);
    let mut edits = Vec::new();
    let mut written: BTreeMap<(FileId, NodeId), (JobId, String)> = BTreeMap::new();
    let mut files: BTreeMap<FileId, JobId> = BTreeMap::new();
    for (&id, form) in moved {
        let pipeline = &analysis.pipelines[id.pipeline].pipeline;
        let job = &pipeline.jobs[id.job];
        let file = job.own.span.file;
        let text = thin(pipeline, job, form, way.engine, &template);
        if analysis.documents.is_foreign(file) {
            return Err(Stuck::job(id, CannotEdit { why: "the file is included from elsewhere", span: job.key }));
        }
        if let Some((other, known)) = written.get(&(file, job.own.node)) {
            if *known != text {
                let mut stuck = Stuck::job(id, CannotEdit { why: "it is two jobs that would become different calls", span: job.key });
                stuck.jobs.push(*other);
                return Err(stuck);
            }
            continue;
        }
        let document = analysis.documents.get(file).expect("jobs lie in loaded documents");
        let page = Page { tree: &document.tree, source: analysis.documents.sources().get(file) };
        let gone: Vec<&str> = own(way.engine).iter().copied().filter(|&keyword| keyword != "cache" || !has_no_cache(job)).collect();
        edits.extend(replaced(page, job.own.node, &text, &gone).map_err(|cannot| Stuck::job(id, cannot))?);
        written.insert((file, job.own.node), (id, text));
        files.entry(file).or_insert(id);
    }
    for (file, id) in files {
        let document = analysis.documents.get(file).expect("jobs lie in loaded documents");
        let page = Page { tree: &document.tree, source: analysis.documents.sources().get(file) };
        let root = page.tree.root().expect("a file with jobs has a root");
        let text = format!("\n{template}:\n{}", indented(&common(way), 2));
        edits.extend(page.insert_entry(root, &[], &text).map_err(|cannot| Stuck::job(id, cannot))?);
    }
    Ok(edits)
}

/// A name for the template that no file has.
fn template_name(analysis: &Analysis) -> String {
    let taken = |name: &str| {
        let documents = analysis.pipelines.iter().flat_map(|pipeline| &pipeline.pipeline.files);
        documents.filter_map(|file| analysis.documents.get(*file)).any(|document| document.root.get(name).is_some())
    };
    let numbered = (2..).map(|number| format!(".dagger-{number}"));
    std::iter::once(".dagger".to_owned()).chain(numbered).find(|name| !taken(name)).expect("numbers go on")
}

/// The entries of the template.
fn common(way: Way) -> String {
    let rest = match way.engine {
        Engine::Remote => String::new(),
        Engine::Docker => "services:\n  - name: docker:28-dind\n    alias: docker\n    command: [\"--mtu=1360\"]\n".to_owned(),
        Engine::Kubernetes => format!("tags: [{TAG}]\n"),
    };
    let image = image(way.engine);
    let lines: String = setup(way).iter().map(|line| format!("  - {}\n", scalar(line))).collect();
    format!("image: {image}\n{rest}before_script:\n{lines}")
}

/// The image of the thin jobs.
#[must_use]
pub fn image(engine: Engine) -> &'static str {
    match engine {
        Engine::Remote | Engine::Kubernetes => "alpine:3.22",
        Engine::Docker => "docker:28-cli",
    }
}

/// The lines before a call.
#[must_use]
pub fn setup(way: Way) -> Vec<String> {
    let version = ENGINE.trim_start_matches('v');
    let install = [
        "apk add --no-cache curl".to_owned(),
        format!("curl -fsSL https://dl.dagger.io/dagger/install.sh | BIN_DIR=/usr/local/bin DAGGER_VERSION={version} sh"),
    ];
    let mut lines = if way.tools_are_here { Vec::new() } else { install.to_vec() };
    lines.extend([
        "export DAGGER_PROGRESS=plain DO_NOT_TRACK=1".to_owned(),
        "if [ -n \"$DOCKER_AUTH_CONFIG\" ]; then mkdir -p \"${DOCKER_CONFIG:-$HOME/.docker}\" && printf '%s' \"$DOCKER_AUTH_CONFIG\" > \"${DOCKER_CONFIG:-$HOME/.docker}/config.json\"; fi"
            .to_owned(),
    ]);
    if way.engine == Engine::Docker {
        lines.push("export DOCKER_HOST=tcp://docker:2376 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=/certs/client".to_owned());
    }
    lines
}

/// The commands of a thin job, behind the lines that are the same for all.
#[must_use]
pub fn calls(form: &Form) -> Vec<String> {
    let mut call = vec![format!("dagger -m ./{FOLDER} call {}", form.function), "--source=.".to_owned()];
    for (name, parameter) in &form.parameters {
        let flag = words(name).join("-");
        let always = parameter.required || parameter.always;
        call.push(match (parameter.secret, always) {
            (true, true) => format!("--{flag}=env://{name}"),
            (true, false) => format!("${{{name}:+--{flag}=env://{name}}}"),
            (false, true) => format!("--{flag}=\"${name}\""),
            (false, false) => format!("${{{name}:+--{flag}=\"${name}\"}}"),
        });
    }
    if form.names_folder {
        call.push("--ci-project-dir=\"$CI_PROJECT_DIR\"".to_owned());
    }
    call.extend(form.outputs.is_some().then(|| "--output=.".to_owned()));
    let mut calls = vec![call.join(" ")];
    if form.outputs.as_ref().is_some_and(|outputs| outputs.always) {
        calls.push("exit \"$(cat .exit-code)\"".to_owned());
    }
    calls
}

/// The longest call that stands on one line, in characters.
const WIDTH: usize = 100;

/// The entries of a thin job that are its own.
fn thin(pipeline: &Pipeline, job: &Job, form: &Form, engine: Engine, template: &str) -> String {
    let mut text = format!("image: !reference [{template}, image]\n");
    match engine {
        Engine::Docker => text.push_str(&format!("services: !reference [{template}, services]\n")),
        Engine::Remote | Engine::Kubernetes if inherits(pipeline, job, "services") => text.push_str("services: []\n"),
        Engine::Remote | Engine::Kubernetes => {}
    }
    if engine == Engine::Kubernetes {
        text.push_str(&format!("tags: !reference [{template}, tags]\n"));
    }
    text.push_str(&format!("before_script: !reference [{template}, before_script]\nscript:\n"));
    for call in calls(form) {
        if call.chars().count() <= WIDTH {
            text.push_str(&format!("  - {}\n", scalar(&call)));
            continue;
        }
        // A folded text is one line again.
        let parts = call.replace(" --", "\n    --").replace(" ${", "\n    ${");
        text.push_str(&format!("  - >-\n    {parts}\n"));
    }
    for keyword in ["after_script", "cache"] {
        if inherits(pipeline, job, keyword) && !(keyword == "cache" && has_no_cache(job)) {
            text.push_str(&format!("{keyword}: []\n"));
        }
    }
    text
}

/// Whether a job says itself that it has no cache.
fn has_no_cache(job: &Job) -> bool {
    job.own.as_mapping().and_then(|own| own.entry("cache")).is_some_and(|entry| {
        let empty = match &entry.value.data {
            Data::Mapping(mapping) => mapping.entries.is_empty(),
            Data::Sequence(items) => items.is_empty(),
            _ => false,
        };
        empty && job.own.span.contains(entry.key.span) && entry.value.via.is_none()
    })
}

/// Whether a job may get a keyword from elsewhere that it does not write itself.
fn inherits(pipeline: &Pipeline, job: &Job, keyword: &str) -> bool {
    let own = job.own.as_mapping();
    let writes = own.is_some_and(|own| own.entry(keyword).is_some_and(|entry| job.own.span.contains(entry.key.span)));
    let built_on =
        own.is_some_and(|own| own.entry("extends").is_some() || own.named().any(|(_, entry)| !job.own.span.contains(entry.key.span)));
    let default =
        pipeline.keywords.get("default").is_some_and(|default| default.get(keyword).is_some()) || pipeline.keywords.get(keyword).is_some();
    job.config.get(keyword).is_some() && (!writes || built_on || default)
}

/// Puts `text` into the mapping of a job in the place of the entries called `own` that it has.
fn replaced(page: Page<'_>, mapping: NodeId, text: &str, own: &[&str]) -> Result<Vec<Edit>, CannotEdit> {
    let span = page.tree.node(mapping).span;
    let NodeKind::Mapping { style: CollectionStyle::Block, pairs } = &page.tree.node(mapping).kind else {
        return Err(CannotEdit { why: "the job is not a mapping by indentation", span });
    };
    let is = |key: NodeId, names: &[&str]| page.tree.scalar(key).is_some_and(|key| names.contains(&&*key.text));
    let gone: BTreeSet<NodeId> = pairs.iter().map(|pair| pair.key).filter(|&key| is(key, own) && !is(key, &["script"])).collect();
    let mut edits = if gone.is_empty() { Vec::new() } else { page.remove_children(mapping, &gone, &|_, whole| whole)? };
    let Some(script) = pairs.iter().find(|pair| is(pair.key, &["script"])) else {
        edits.extend(page.insert_entry(mapping, &[], text)?);
        return Ok(edits);
    };
    let start = page.tree.node(script.key).full.start as usize;
    let line = page.source.line_range(page.source.line_index(start)).start;
    let margin = &page.source.text()[line..start];
    if !margin.trim().is_empty() {
        return Err(CannotEdit { why: "it shares its line with what stands before it", span: page.tree.node(script.key).span });
    }
    let end = (page.tree.node(script.value).full.end as usize).max(page.tree.node(script.key).full.end as usize);
    let end = page.source.text()[..end].trim_end().len();
    let rest = &page.source.text()[end..];
    let end = end + rest.find(['\r', '\n']).unwrap_or(rest.len());
    let newline = page.source.newline();
    let lines: Vec<String> =
        text.lines().enumerate().map(|(at, line)| if at == 0 { line.to_owned() } else { format!("{margin}{line}") }).collect();
    edits.push(Edit::replace(Span::new(page.tree.file(), start, end), lines.join(newline)));
    Ok(edits)
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}
