//! Pipelines of any number of jobs, as monorepos have them: a tenth builds and pushes images with a shared dind service, the others share a template and an anchor.

use std::fmt::Write as _;

/// The path of a pipeline in its repository.
pub const PATH: &str = ".gitlab-ci.yml";

/// A pipeline of `jobs` jobs.
pub fn pipeline(jobs: usize) -> String {
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

/// How many files the repositories of [`repository`] include.
pub const INCLUDES: usize = 149;

/// A repository whose pipeline of `jobs` jobs is spread over 149 included files: a tenth has a matrix of six, each needs one of its file, and all have rules.
pub fn repository(jobs: usize) -> Vec<(String, String)> {
    let mut root = String::from("stages: [build, test]\nworkflow:\n  rules:\n    - if: $CI_COMMIT_BRANCH\ninclude:\n");
    let mut parts: Vec<(String, String)> = Vec::new();
    for part in 0..INCLUDES {
        writeln!(root, "  - {{local: ci/{part}.yml, inputs: {{team: team-{part}}}}}").expect("a string takes everything");
        let header = "spec: {inputs: {team: }}\n---\n";
        parts.push((
            format!("ci/{part}.yml"),
            format!("{header}.base-{part}:\n  image: alpine\n  variables: {{TEAM: \"$[[ inputs.team ]]\"}}\n"),
        ));
    }
    for job in 0..jobs {
        let part = job % INCLUDES;
        let text = &mut parts[part].1;
        let first = job < INCLUDES;
        let matrix = if job / INCLUDES % 10 == 1 { "  parallel: {matrix: [{OS: [linux, mac], ARCH: [a, b, c]}]}\n" } else { "" };
        let (stage, needs) = if first { ("build", String::new()) } else { ("test", format!("  needs: [job-{part}]\n")) };
        let written = write!(
            text,
            "job-{job}:\n  extends: .base-{part}\n  stage: {stage}\n{needs}{matrix}  script: make $[[ inputs.team ]] {job}\n  rules:\n    \
             - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $TEAM =~ /^team-/\n    - changes: [\"services/{job}/**/*\"]\n"
        );
        written.expect("a string takes everything");
    }
    parts.push((PATH.to_owned(), root));
    parts
}
