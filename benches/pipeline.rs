//! Parsing, resolving, analysis, lint and migration of generated pipelines at three sizes, and of the corpus. Each iteration starts from the texts, so that
//! nothing is cached.

mod corpus;
mod generated;

use std::collections::BTreeSet;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use undind::config::Config;
use undind::migrate::JobId;
use undind::migrate::module::{Sdk, Way, generate};
use undind::pipeline::context::{Context, Event, Facts, Ref};
use undind::pipeline::{Documents, resolve};
use undind::plan::{plan, refusals};
use undind::source::{SourceFile, Sources};
use undind::yaml::{Limits, compose, parse};
use undind::{LintOptions, MigrateOptions, Target, Workspace, analyze, lint, migrate};

use generated::{PATH, pipeline, repository};

/// How many jobs the pipelines have.
const JOBS: [usize; 3] = [50, 500, 5_000];

fn main() {
    divan::main();
}

#[divan::bench(args = JOBS)]
fn parsed(bencher: Bencher<'_, '_>, jobs: usize) {
    let text = pipeline(jobs);
    let file = Sources::default().add(SourceFile::new(PATH, &text));
    let limits = Limits::default();
    bencher.counter(BytesCount::of_str(&text)).bench(|| {
        let tree = parse(file, black_box(&text), 0..text.len(), &limits).expect("the pipeline is YAML");
        compose(&tree, &limits).expect("the pipeline is within the limits")
    });
}

#[divan::bench(args = JOBS)]
fn resolved(bencher: Bencher<'_, '_>, jobs: usize) {
    on_generated(bencher, jobs, resolution);
}

#[divan::bench(args = JOBS)]
fn analyzed(bencher: Bencher<'_, '_>, jobs: usize) {
    on_generated(bencher, jobs, |workspace, entries| drop(black_box(analyze(workspace, entries, &Config::default()))));
}

#[divan::bench(args = JOBS)]
fn linted(bencher: Bencher<'_, '_>, jobs: usize) {
    on_generated(bencher, jobs, findings);
}

#[divan::bench(args = JOBS)]
fn migrated(bencher: Bencher<'_, '_>, jobs: usize) {
    on_generated(bencher, jobs, migration);
}

#[divan::bench(args = JOBS)]
fn functions_in_python(bencher: Bencher<'_, '_>, jobs: usize) {
    functions(bencher, jobs, Sdk::Python);
}

#[divan::bench(args = JOBS)]
fn functions_in_typescript(bencher: Bencher<'_, '_>, jobs: usize) {
    functions(bencher, jobs, Sdk::TypeScript);
}

#[divan::bench(args = JOBS)]
fn functions_in_go(bencher: Bencher<'_, '_>, jobs: usize) {
    functions(bencher, jobs, Sdk::Go);
}

/// The functions and the thin jobs of a pipeline that is analyzed already.
fn functions(bencher: Bencher<'_, '_>, jobs: usize, sdk: Sdk) {
    let workspace = Workspace::memory([(PATH, pipeline(jobs))]);
    let analysis = analyze(&workspace, &[PATH.to_owned()], &Config::default());
    let candidates: BTreeSet<JobId> = (0..analysis.pipelines[0].pipeline.jobs.len()).map(|job| JobId { pipeline: 0, job }).collect();
    bencher.bench(|| {
        let generated = generate(black_box(&analysis), Way { sdk, ..Way::default() }, true, &[], &candidates);
        assert!(generated.moved.len() * 2 > jobs);
        generated
    });
}

/// A pipeline that includes 149 files, from its texts to the jobs that a push creates.
#[divan::bench(args = [100, 1_000, 10_000], sample_count = 20)]
fn planned(bencher: Bencher<'_, '_>, jobs: usize) {
    let files = repository(jobs);
    let facts = Facts { default_branch: Some("main".into()), ..Facts::default() };
    bencher.with_inputs(|| Workspace::memory(files.clone())).bench_values(|workspace| {
        let context = Context::new(Event::Push, Ref::Branch("main".into()), &facts).with_inputs([]).with_files(workspace.paths());
        let mut documents = Documents::default();
        let entry = documents.load(&workspace, PATH).expect("the pipeline is there");
        let pipeline = resolve(&workspace, &mut documents, PATH, entry, &context);
        let plan = plan(&pipeline, &context, refusals(&pipeline, &documents));
        assert!(plan.created == Some(true) && plan.jobs.len() >= jobs);
    });
}

#[divan::bench_group(sample_count = 10)]
mod real {
    use super::*;

    #[divan::bench]
    fn resolved(bencher: Bencher<'_, '_>) {
        on_corpus(bencher, resolution);
    }

    #[divan::bench]
    fn analyzed(bencher: Bencher<'_, '_>) {
        on_corpus(bencher, |workspace, entries| drop(black_box(analyze(workspace, entries, &Config::default()))));
    }

    #[divan::bench]
    fn linted(bencher: Bencher<'_, '_>) {
        on_corpus(bencher, findings);
    }

    #[divan::bench]
    fn migrated(bencher: Bencher<'_, '_>) {
        on_corpus(bencher, migration);
    }
}

fn on_generated(bencher: Bencher<'_, '_>, jobs: usize, run: impl Fn(&Workspace, &[String]) + Sync) {
    let (text, entries) = (pipeline(jobs), [PATH.to_owned()]);
    let inputs = || Workspace::memory([(PATH, text.as_str())]);
    bencher.counter(BytesCount::of_str(&text)).with_inputs(inputs).bench_values(|workspace| run(&workspace, &entries));
}

fn on_corpus(bencher: Bencher<'_, '_>, run: impl Fn(&Workspace, &[String]) + Sync) {
    let cases = corpus::cases();
    if !cases.is_empty() {
        bencher.bench(|| cases.iter().for_each(|case| run(&case.workspace, &case.entries)));
    }
}

fn resolution(workspace: &Workspace, entries: &[String]) {
    let mut documents = Documents::default();
    for path in entries {
        let file = documents.load(workspace, path).expect("the file is there");
        if documents.get(file).is_some() {
            black_box(resolve(workspace, &mut documents, path, file, &Context::any()));
        }
    }
}

fn findings(workspace: &Workspace, entries: &[String]) {
    let analysis = analyze(workspace, entries, &Config::default());
    black_box(lint(&analysis, &LintOptions::default()));
}

fn migration(workspace: &Workspace, entries: &[String]) {
    black_box(migrate(workspace, entries, &Config::default(), &Target::depot(&Config::default()), &MigrateOptions::default()));
}
