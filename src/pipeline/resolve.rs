//! A joined configuration into a pipeline: which keys are jobs, and what applies to each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::context::Context;
use crate::pipeline::document::Documents;
use crate::pipeline::expression::Lookup;
use crate::pipeline::extends::{Extends, Missing};
use crate::pipeline::include::{Unresolved, entries};
use crate::pipeline::job::{Job, Level, Variable};
use crate::pipeline::join::{Joined, join};
use crate::pipeline::location::{Location, locate};
use crate::pipeline::merge::reached;
use crate::pipeline::problem;
use crate::pipeline::reference::References;
use crate::pipeline::script::{Script, Section, TextMaps, flat};
use crate::source::FileId;
use crate::workspace::Workspace;
use crate::yaml::{Data, Entry, Key, Mapping, Step, Value};

/// Top-level keywords that are no jobs (<https://docs.gitlab.com/ci/jobs/#job-names>).
const KEYWORDS: &[&str] = &[
    "after_script",
    "before_script",
    "cache",
    "default",
    "image",
    "include",
    "services",
    "spec",
    "stages",
    "types",
    "variables",
    "workflow",
];
/// Keywords that `default` hands to jobs, with those that are also deprecated global keywords
/// (<https://docs.gitlab.com/ci/yaml/#default>, <https://docs.gitlab.com/ci/yaml/deprecated_keywords/>).
const DEFAULTS: &[(&str, bool)] = &[
    ("after_script", true),
    ("artifacts", false),
    ("before_script", true),
    ("cache", true),
    ("hooks", false),
    ("id_tokens", false),
    ("identity", false),
    ("image", true),
    ("interruptible", false),
    ("retry", false),
    ("services", true),
    ("tags", false),
    ("timeout", false),
];

/// The stages of a pipeline that names none (<https://docs.gitlab.com/ci/yaml/#stages>).
const DEFAULT_STAGES: &[&str] = &["build", "test", "deploy"];

/// A pipeline's configuration, resolved as far as the readable files go.
#[derive(Debug)]
pub struct Pipeline {
    /// The path of its entry file.
    pub path: String,
    /// The entry file.
    pub entry: FileId,
    /// All files it is made of.
    pub files: Vec<FileId>,
    /// Files that are joined only when a rule of their include holds.
    pub conditional: Vec<FileId>,
    /// The joined configuration before `extends`: keywords, jobs and hidden jobs.
    pub root: Mapping,
    /// The root with its references resolved: what keywords hold.
    pub keywords: Mapping,
    /// What those keywords refer to and no readable file defines.
    pub missing: Vec<Missing>,
    /// The visible jobs, in the order of the configuration.
    pub jobs: Vec<Job>,
    /// Includes that could not be joined.
    pub unresolved: Vec<Unresolved>,
    /// The pipelines that its jobs start from files of this repository: paths.
    pub children: Vec<String>,
    /// What is wrong with it.
    pub problems: Vec<Diagnostic>,
    /// The index of each job by its name.
    named: BTreeMap<Arc<str>, usize>,
}

impl Pipeline {
    /// The job called `name`.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.named.get(name).map(|&index| &self.jobs[index])
    }

    /// `.pre`, the stages as written or GitLab's default ones, `.post`.
    #[must_use]
    pub fn stages(&self) -> Vec<Arc<str>> {
        let named: Vec<Arc<str>> = match self.keywords.get("stages").filter(|stages| !stages.is_null()) {
            Some(stages) => flat(stages, &mut Vec::new()).into_iter().filter_map(Value::scalar_text).map(Arc::from).collect(),
            None => DEFAULT_STAGES.iter().map(|stage| Arc::from(*stage)).collect(),
        };
        let inner = named.into_iter().filter(|stage| !matches!(&**stage, ".pre" | ".post"));
        std::iter::once(".pre".into()).chain(inner).chain(std::iter::once(".post".into())).collect()
    }
}

/// Resolves the pipeline whose entry is the loaded file `entry` at `path`, as it is created in `context`.
pub fn resolve(workspace: &Workspace, documents: &mut Documents, path: &str, entry: FileId, context: &Context) -> Pipeline {
    let Joined { root, files, conditional, unresolved, mut problems } = join(workspace, documents, entry, context);
    let complete = unresolved.is_empty();
    let mut extends = Extends::new(&root, complete);
    let mut references = References::new(&root, &mut extends, complete);
    let shared = Shared::new(&root, &mut references);
    let names: Vec<Arc<str>> = job_names(&root).map(Into::into).collect();
    let mut maps = TextMaps::default();
    let jobs = names.iter().filter_map(|name| shared.job(name, &root, &mut references, documents, &mut maps, &mut problems));
    let jobs: Vec<Job> = jobs.collect();
    problems.append(&mut references.problems);
    problems.append(&mut extends.problems);
    let mut seen = BTreeSet::new();
    problems.retain(|problem| seen.insert((problem.span, problem.id, problem.message.clone())));
    let children = jobs.iter().flat_map(children).collect();
    let named = jobs.iter().enumerate().map(|(index, job)| (job.name.clone(), index)).collect();
    Pipeline {
        path: path.to_owned(),
        entry,
        files,
        conditional,
        keywords: shared.keywords,
        missing: shared.missing,
        root,
        jobs,
        unresolved,
        children,
        problems,
        named,
    }
}

/// The names of the visible jobs: top-level mappings whose key is no keyword and does not begin with a dot.
fn job_names(root: &Mapping) -> impl Iterator<Item = &str> {
    root.named()
        .filter(|(name, entry)| !name.starts_with('.') && !KEYWORDS.contains(name) && entry.value.as_mapping().is_some())
        .map(|(name, _)| name)
}

/// What the pipeline gives to all jobs.
struct Shared {
    defaults: IndexMap<&'static str, Entry>,
    /// What the defaults refer to and no readable file defines.
    missing: Vec<Missing>,
    variables: Mapping,
    conditional: Vec<(Arc<str>, Variable)>,
    keywords: Mapping,
}

impl Shared {
    fn new(root: &Mapping, references: &mut References<'_, '_>) -> Self {
        let default = root.get("default").and_then(Value::as_mapping).map(|default| references.mapping(default)).unwrap_or_default();
        let global = references.mapping(root);
        let mut defaults = IndexMap::new();
        for &(keyword, deprecated_global) in DEFAULTS {
            let entry = default.entry(keyword).or_else(|| global.entry(keyword).filter(|_| deprecated_global));
            if let Some(entry) = entry {
                defaults.insert(keyword, reached(entry, &Step::Default, entry.key.span));
            }
        }
        let variables = global.get("variables").and_then(Value::as_mapping).cloned().unwrap_or_default();
        let rules = global.get("workflow").and_then(|workflow| workflow.get("rules"));
        let missing = std::mem::take(&mut references.missing);
        Self { defaults, missing, variables, conditional: rules.map(rule_variables).unwrap_or_default(), keywords: global }
    }

    fn job(
        &self,
        name: &Arc<str>,
        root: &Mapping,
        references: &mut References<'_, '_>,
        documents: &Documents,
        maps: &mut TextMaps,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Job> {
        let own = root.entry(name)?;
        let extended = references.extended(name)?;
        references.missing.clear();
        let mut config = references.mapping(&extended.mapping);
        let mut missing = extended.missing;
        missing.append(&mut references.missing);
        let inherit = config.entries.shift_remove(&Key::String("inherit".into())).map(|entry| entry.value);
        config.entries.shift_remove(&Key::String("extends".into()));
        // A job that starts another pipeline has no runner (gitlab, `Gitlab::Ci::Config::Entry::Bridge`).
        let is_bridge = config.get("trigger").is_some_and(|trigger| !trigger.is_null());
        for (keyword, entry) in self.defaults.iter().filter(|(keyword, _)| !is_bridge || **keyword == "interruptible") {
            if config.entry(keyword).is_none() && inherits(inherit.as_ref(), "default", keyword) {
                missing.extend(self.missing.iter().filter(|missing| entry.value.span.contains(missing.span)).cloned());
                config.entries.insert(Key::String((*keyword).into()), entry.clone());
            }
        }
        let variables = self.variables(&config, inherit.as_ref());
        let mut conditional = self.conditional.clone();
        conditional.extend(config.get("rules").map(rule_variables).unwrap_or_default());
        conditional.extend(matrix_variables(&config));
        let mut script = Script::new(&config, &[Section::BeforeScript, Section::Script], documents, maps);
        let mut after_script = Script::new(&config, &[Section::AfterScript], documents, maps);
        for invalid in [&mut script.invalid, &mut after_script.invalid] {
            invalid.retain(|span| !missing.iter().any(|missing| missing.span == *span));
        }
        for &span in script.invalid.iter().chain(&after_script.invalid) {
            problems.push(
                Diagnostic::new(problem::INVALID_VALUE, Severity::Error, span, "a script may hold only strings and lists of strings")
                    .help("put quotes round a command that holds `: `")
                    .job(name),
            );
        }
        Some(Job {
            name: name.clone(),
            key: own.key.span,
            config,
            own: own.value.clone(),
            missing,
            script,
            after_script,
            variables,
            conditional,
            inherit,
        })
    }

    fn variables(&self, config: &Mapping, inherit: Option<&Value>) -> IndexMap<Arc<str>, Variable> {
        let mut variables = IndexMap::new();
        for (name, entry) in named(&self.variables) {
            if inherits(inherit, "variables", &name) {
                variables.insert(name, Variable { level: Level::Pipeline, entry });
            }
        }
        let own = config.get("variables").and_then(Value::as_mapping);
        for (name, entry) in own.into_iter().flat_map(named) {
            variables.insert(name, Variable { level: Level::Job, entry });
        }
        variables
    }
}

/// A mapping's entries with their keys as text, also those whose key is not a string.
fn named(mapping: &Mapping) -> impl Iterator<Item = (Arc<str>, Entry)> {
    mapping.entries.values().filter_map(|entry| Some((entry.key.scalar_text()?.into(), entry.clone())))
}

/// Whether a job takes `name` from the pipeline: `inherit:default` and `inherit:variables` are a boolean or a list of names.
pub(super) fn inherits(inherit: Option<&Value>, kind: &str, name: &str) -> bool {
    match inherit.and_then(|inherit| inherit.get(kind)).map(|value| &value.data) {
        Some(Data::Bool(all)) => *all,
        Some(Data::Sequence(names)) => names.iter().any(|item| item.as_str() == Some(name)),
        Some(
            Data::Null | Data::Integer(_) | Data::Float(_) | Data::String(_) | Data::Symbol(_) | Data::Mapping(_) | Data::Reference(_),
        )
        | None => true,
    }
}

fn rule_variables(rules: &Value) -> Vec<(Arc<str>, Variable)> {
    let mut invalid = Vec::new();
    let rules = flat(rules, &mut invalid);
    let mappings = rules.iter().filter_map(|rule| rule.get("variables")?.as_mapping());
    mappings.flat_map(named).map(|(name, entry)| (name, Variable { level: Level::Rule, entry })).collect()
}

fn matrix_variables(config: &Mapping) -> Vec<(Arc<str>, Variable)> {
    let matrix = config.get("parallel").and_then(|parallel| parallel.get("matrix")).and_then(Value::as_sequence).unwrap_or_default();
    let rows = matrix.iter().filter_map(Value::as_mapping);
    rows.flat_map(named).map(|(name, entry)| (name, Variable { level: Level::Matrix, entry })).collect()
}

/// The local files that a job's `trigger:include` starts as child pipelines.
fn children(job: &Job) -> Vec<String> {
    let Some(include) = job.config.get("trigger").and_then(|trigger| trigger.get("include")) else { return Vec::new() };
    let located = entries(include).into_iter().filter_map(|entry| locate(entry, &|_| Lookup::Unknown).ok());
    located
        .filter_map(|located| match located.location {
            Location::Local(path) => Some(path),
            Location::Project { .. }
            | Location::Remote { .. }
            | Location::Template(_)
            | Location::Component { .. }
            | Location::OwnComponent(_)
            | Location::Artifact(_) => None,
        })
        .collect()
}
