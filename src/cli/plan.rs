//! `undind plan`: the jobs that an event creates.

use undind::pipeline::{Documents, resolve};
use undind::plan::{plan, refusals};
use undind::report::{graph, plan as shown, svg};

use crate::cli::Context;
use crate::cli::args::{Plan, PlanFormat};
use crate::cli::discover::one;
use crate::cli::event::{event, setting};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

const OPEN_REQUESTS: &str = "CI_OPEN_MERGE_REQUESTS";

/// Plans the pipeline at the path of the command line.
pub fn run(arguments: &Plan, context: &Context) -> Result<Exit, Failure> {
    let repository = one(arguments.path.as_deref(), context)?;
    let setting = context.output.timed("git", || setting(event(&arguments.event), &arguments.event, &repository))?;
    let mut documents = Documents::default();
    let (entry, file) = repository.load_entry(&mut documents)?;
    let pipeline = context.output.timed("resolve", || resolve(&repository.workspace, &mut documents, entry, file, &setting.context));
    let plan = context.output.timed("plan", || plan(&pipeline, &setting.context, refusals(&pipeline, &documents)));
    // What no file asks for need not be assumed.
    let mut assumptions = setting.assumptions;
    assumptions.retain(|assumption| {
        let texts = || pipeline.files.iter().map(|file| documents.sources().get(*file).text());
        !assumption.contains(OPEN_REQUESTS) || texts().any(|text| text.contains(OPEN_REQUESTS))
    });
    let report = shown::Report {
        plan: &plan,
        reference: setting.context.reference().expect("an event has a reference"),
        assumptions: &assumptions,
        sources: documents.sources(),
        prefix: &repository.prefix,
    };
    let bytes = match arguments.format {
        PlanFormat::Text => report.text(context.output.colours_stdout() && arguments.output.is_none()).into_bytes(),
        PlanFormat::Json => report.json(),
        PlanFormat::Mermaid => graph::mermaid(&plan).into_bytes(),
        PlanFormat::Dot => graph::dot(&plan).into_bytes(),
        PlanFormat::Svg => svg::svg(&report, &pipeline).into_bytes(),
    };
    context.output.result(arguments.output.as_deref(), &bytes)?;
    Ok(Exit::Success)
}
