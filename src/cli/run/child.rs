//! The pipelines that jobs of a run start, made as `undind run` makes its own.

use serde_json::json;
use undind::diagnostic::Severity;
use undind::pipeline::context::{Context, Event};
use undind::pipeline::{Documents, Pipeline, resolve};
use undind::plan::{Plan, plan, refusals};
use undind::run::live::{Children, Choice, Request};
use undind::run::select;

use crate::cli::args::Run as Arguments;
use crate::cli::discover::Repository;
use crate::cli::event::running;
use crate::cli::run::held::{Pushes, View, held};
use crate::cli::run::moved::Moved;

/// Where the configuration of such a pipeline seems to lie.
const ENTRY: &str = ".undind/child/.gitlab-ci.yml";

/// Makes pipelines of a repository.
pub struct Downstream<'c> {
    pub arguments: &'c Arguments,
    pub repository: &'c Repository,
    /// The address of a registry that takes the place of the project's own.
    pub registry: Option<String>,
    /// Variables of type file with the texts of their files.
    pub files: std::collections::BTreeMap<String, String>,
    /// What was migrated.
    pub moved: &'c Moved,
}

impl Children for Downstream<'_> {
    fn make(&mut self, request: Request) -> Result<(Pipeline, Plan, Context, Choice), String> {
        // JSON is YAML.
        let entry = (ENTRY.to_owned(), json!({ "include": request.entries }).to_string());
        let files: Vec<(String, String)> = request.files.into_iter().chain([entry]).collect();
        let workspace = self.repository.workspace.with_overlay(files.iter().cloned());
        let original = self.moved.original.as_ref().map(|original| original.with_overlay(files));
        let context = running(Event::ParentPipeline, &self.arguments.event, self.repository, self.registry.as_deref())
            .map_err(|failure| failure.to_string())?;
        let context = context.with_variables(request.variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        let mut documents = Documents::default();
        let file = documents.load(&workspace, ENTRY).map_err(|error| error.to_string())?;
        let pipeline = resolve(&workspace, &mut documents, ENTRY, file, &context);
        let plan = plan(&pipeline, &context, refusals(&pipeline, &documents));
        if let Some(problem) = plan.problems.iter().find(|problem| problem.severity == Severity::Error) {
            let (source, start) = (documents.sources().get(problem.span.file), documents.sources().start(problem.span));
            return Err(format!("{}:{}:{}: {}", source.path(), start.line, start.column, problem.message));
        }
        if let Some(include) = plan.unresolved.first() {
            return Err(format!("what it includes is not here: `{include}`"));
        }
        if plan.created != Some(true) {
            let why = plan.reason.as_ref().map_or("that is not known", |reason| &reason.message);
            return Err(format!("no pipeline is created: {why}"));
        }
        let pushes = Pushes { registry: self.registry.as_deref(), moved: self.moved };
        let view = View { workspace: &workspace, pipeline: &pipeline, documents: &mut documents };
        let held = held(self.arguments, pushes, &plan, view, &context, original.as_ref().map(|original| (original, ENTRY))).why;
        let named = self.arguments.manual.iter().filter_map(|name| select(&plan, std::slice::from_ref(name), false).ok());
        let played = named.flatten().map(|index| plan.jobs[index].name.clone()).collect();
        Ok((pipeline, plan, context, Choice { jobs: None, played, held, files: self.files.clone() }))
    }
}
