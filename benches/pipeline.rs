//! Parsing, resolving and linting of generated pipelines at three sizes. Each iteration starts from the text, so that nothing is cached.

use std::fmt::Write as _;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use undind::analysis::analyze;
use undind::config::Config;
use undind::lint::{LintOptions, lint};
use undind::pipeline::{Documents, resolve};
use undind::source::{SourceFile, Sources};
use undind::workspace::Workspace;
use undind::yaml::{Limits, compose, parse};

/// How many jobs the pipelines have.
const JOBS: [usize; 3] = [50, 500, 5_000];
const PATH: &str = ".gitlab-ci.yml";

fn main() {
    divan::main();
}

#[divan::bench(args = JOBS)]
fn yaml(bencher: Bencher<'_, '_>, jobs: usize) {
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
    let text = pipeline(jobs);
    bencher.counter(BytesCount::of_str(&text)).with_inputs(|| workspace(&text)).bench_values(|workspace| {
        let mut documents = Documents::default();
        let file = documents.load(&workspace, PATH).expect("the file is there");
        resolve(&workspace, &mut documents, PATH, file)
    });
}

#[divan::bench(args = JOBS)]
fn analyzed(bencher: Bencher<'_, '_>, jobs: usize) {
    let (text, entries, config) = (pipeline(jobs), [PATH.to_owned()], Config::default());
    bencher
        .counter(BytesCount::of_str(&text))
        .with_inputs(|| workspace(&text))
        .bench_values(|workspace| analyze(&workspace, &entries, &config));
}

#[divan::bench(args = JOBS)]
fn linted(bencher: Bencher<'_, '_>, jobs: usize) {
    let (text, entries, config, options) = (pipeline(jobs), [PATH.to_owned()], Config::default(), LintOptions::default());
    bencher.counter(BytesCount::of_str(&text)).with_inputs(|| workspace(&text)).bench_values(|workspace| {
        let analysis = analyze(&workspace, &entries, &config);
        lint(&analysis, &options)
    });
}

fn workspace(text: &str) -> Workspace {
    Workspace::memory([(PATH, text)])
}

/// A pipeline of `jobs` jobs as monorepos have them: a tenth builds and pushes images with a shared dind service, the others share a template and an anchor.
fn pipeline(jobs: usize) -> String {
    let mut text = String::from(
        "stages: [test, build]\n\nvariables:\n  REGISTRY: registry.example.com/group\n\n.rules: &rules\n  - if: $CI_MERGE_REQUEST_IID\n  \
         - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n\n.docker:\n  stage: build\n  image: docker:28\n  services: [docker:28-dind]\n  variables:\n    \
         DOCKER_TLS_CERTDIR: /certs\n  before_script:\n    - echo \"$CI_REGISTRY_PASSWORD\" | docker login -u \"$CI_REGISTRY_USER\" --password-stdin $CI_REGISTRY\n\n\
         .test:\n  stage: test\n  image: node:24\n  cache: {key: {files: [package-lock.json]}, paths: [node_modules]}\n  before_script: [npm ci]\n",
    );
    for job in 0..jobs {
        let written = if job % 10 == 0 { image_job(&mut text, job) } else { test_job(&mut text, job) };
        written.expect("a string takes everything");
    }
    text
}

fn image_job(text: &mut String, job: usize) -> std::fmt::Result {
    write!(
        text,
        "\nimage-{job}:\n  extends: .docker\n  rules: *rules\n  variables: {{IMAGE: $REGISTRY/service-{job}}}\n  script:\n    \
         - docker build --cache-from \"$IMAGE:latest\" -t \"$IMAGE:$CI_COMMIT_SHA\" services/{job}\n    - docker push \"$IMAGE:$CI_COMMIT_SHA\"\n"
    )
}

fn test_job(text: &mut String, job: usize) -> std::fmt::Result {
    write!(
        text,
        "\ntest-{job}:\n  extends: .test\n  rules: *rules\n  script:\n    - cd services/{job} # the package of this service\n    \
         - !reference [.test, before_script]\n    - npm run lint && npm test -- --shard {job}\n"
    )
}
