//! A workspace into everything that is known of its pipelines: documents, resolved jobs, and the facts of each job. Done once, in order.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::config::Config;
use crate::detect::{Detector, JobFacts};
use crate::diagnostic::Diagnostic;
use crate::pipeline::context::Context;
use crate::pipeline::{Documents, Job, Pipeline, resolve, structure};
use crate::plan::moments::{Moment, moments};
use crate::plan::needs;
use crate::runner::Runners;
use crate::workspace::{LoadError, Workspace};

/// What is known of a workspace.
#[derive(Debug)]
pub struct Analysis {
    /// The files.
    pub workspace: Workspace,
    /// The settings.
    pub config: Config,
    /// The loaded files, parsed.
    pub documents: Documents,
    /// The pipelines: the entries that were asked for, in that order, then the child pipelines that they start.
    pub pipelines: Vec<AnalyzedPipeline>,
    /// Entries that could not be read.
    pub unreadable: Vec<(String, LoadError)>,
    /// What is known of the runners that take the jobs; nothing, until [`Analysis::add_runner_config`] tells.
    pub runners: Runners,
}

impl Analysis {
    /// Adds a file with the configuration of runners: a `config.toml`, a manifest, or values of the Helm chart. `outside` says that it isn't one of
    /// the repository's files, so that no fix may change it.
    pub fn add_runner_config(&mut self, path: &str, text: &str, outside: bool) {
        let file = self.documents.add_text(path, text);
        self.runners.read(file, self.documents.sources().get(file), outside);
    }
}

/// A pipeline and the facts of its jobs.
#[derive(Debug)]
pub struct AnalyzedPipeline {
    /// The resolved configuration.
    pub pipeline: Pipeline,
    /// The facts of each job, in the order of `pipeline.jobs`.
    pub facts: Vec<JobFacts>,
    /// Whether another pipeline of the analysis starts it.
    pub is_child: bool,
    structure: OnceLock<Vec<Diagnostic>>,
    needs: OnceLock<Vec<Diagnostic>>,
    moments: OnceLock<Vec<Moment>>,
}

impl AnalyzedPipeline {
    /// The jobs with their facts.
    pub fn jobs(&self) -> impl Iterator<Item = (&Job, &JobFacts)> {
        self.pipeline.jobs.iter().zip(&self.facts)
    }

    /// What has a form that GitLab refuses; looked for when first asked.
    pub fn structure(&self, documents: &Documents) -> &[Diagnostic] {
        self.structure.get_or_init(|| structure::problems(&self.pipeline, documents))
    }

    /// Its plans at the moments that a repository meets; made when first asked. Empty where includes have rules, or files are not known.
    pub fn moments(&self) -> &[Moment] {
        let known = self.pipeline.conditional.is_empty() && self.pipeline.unresolved.is_empty();
        self.moments.get_or_init(|| if known { moments(&self.pipeline) } else { Vec::new() })
    }

    /// What is wrong with `needs` and `dependencies` whatever the event; looked for when first asked.
    pub fn needs(&self) -> &[Diagnostic] {
        self.needs.get_or_init(|| needs(&self.pipeline))
    }
}

/// Analyzes the pipelines whose entry files are `entries`, paths relative to the workspace, and the child pipelines that they start.
#[must_use]
pub fn analyze(workspace: &Workspace, entries: &[String], config: &Config) -> Analysis {
    let mut analysis = Analysis {
        workspace: workspace.clone(),
        config: config.clone(),
        documents: Documents::default(),
        pipelines: Vec::new(),
        unreadable: Vec::new(),
        runners: Runners::default(),
    };
    let mut detector = Detector::new(workspace);
    let mut seen: BTreeSet<String> = entries.iter().cloned().collect();
    let mut open: Vec<(String, bool)> = entries.iter().rev().map(|entry| (entry.clone(), false)).collect();
    while let Some((path, is_child)) = open.pop() {
        let file = match analysis.documents.load(workspace, &path) {
            Ok(file) => file,
            // A child pipeline's missing file is the starting job's problem, not an unreadable entry.
            Err(_) if is_child => continue,
            Err(error) => {
                analysis.unreadable.push((path, error));
                continue;
            }
        };
        if analysis.documents.get(file).is_none() {
            continue;
        }
        let pipeline = resolve(workspace, &mut analysis.documents, &path, file, &Context::any());
        open.extend(pipeline.children.iter().rev().filter(|child| seen.insert((*child).clone())).map(|child| (child.clone(), true)));
        let facts = pipeline.jobs.iter().map(|job| detector.facts(&mut analysis.documents, &pipeline, job)).collect();
        analysis.pipelines.push(AnalyzedPipeline {
            pipeline,
            facts,
            is_child,
            structure: OnceLock::new(),
            needs: OnceLock::new(),
            moments: OnceLock::new(),
        });
    }
    analysis
}
