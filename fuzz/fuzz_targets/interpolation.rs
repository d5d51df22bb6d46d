//! Any text as a file that is included with inputs, and the plan of what comes of it: no panic, no hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undind::Workspace;
use undind::pipeline::context::{Context, Event, Facts, Ref};
use undind::pipeline::expand::{expanded, origins};
use undind::pipeline::{Documents, resolve};
use undind::plan::{plan, refusals};

const HEADER: &str = "spec: {inputs: {a: {default: x}, n: {type: number, default: 1}, l: {type: array, default: [1, b]}, b: {type: boolean, default: true}}}\n---\n";

fuzz_target!(|text: &str| {
    let files = [
        (".gitlab-ci.yml", "include: [{local: part.yml, inputs: {a: given}}]\n".to_owned()),
        ("part.yml", if text.contains("spec:") { text.to_owned() } else { format!("{HEADER}{text}") }),
    ];
    let workspace = Workspace::memory(files);
    let mut documents = Documents::default();
    let Ok(entry) = documents.load(&workspace, ".gitlab-ci.yml") else { return };
    let context = Context::new(Event::Push, Ref::Branch("main".into()), &Facts::default()).with_inputs([]).with_files(workspace.paths());
    let pipeline = resolve(&workspace, &mut documents, ".gitlab-ci.yml", entry, &context);
    let _ = expanded(&pipeline);
    let _ = origins(&pipeline, documents.sources());
    let _ = undind::pipeline::structure::problems(&pipeline, &documents);
    let _ = plan(&pipeline, &context, refusals(&pipeline, &documents));
});
