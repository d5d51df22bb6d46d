//! The CI/CD component, run as a runner runs its job: inputs filled in, script lines in one shell, the report where GitLab looks for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const TEMPLATE: &str = include_str!("../templates/lint.yml");

const MISTAKE: &str = "build:\n  image: docker:27\n  services: [docker:27-dind]\n  variables:\n    DOCKER_HOST: tcp://docker:2375\n    \
                       DOCKER_TLS_CERTDIR: /certs\n  script:\n    - docker build .\n";

#[test]
fn a_mistake_fails_the_job_and_is_in_the_report_that_gitlab_reads() {
    let folder = repository(MISTAKE);
    let output = run_job(folder.path());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("dind-port-tls-mismatch"), "the log shows no finding: {output:?}");
    let report = report(folder.path());
    let first = &report[0];
    assert_eq!(first["check_name"], "dind-port-tls-mismatch");
    assert_eq!(first["location"]["path"], ".gitlab-ci.yml");
}

#[test]
fn a_clean_pipeline_passes_and_gives_an_empty_report() {
    let folder = repository("test:\n  script:\n    - make test\n");
    let output = run_job(folder.path());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(report(folder.path()), Value::Array(Vec::new()));
}

fn repository(pipeline: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".gitlab-ci.yml"), pipeline).unwrap();
    folder
}

/// Runs the component's job with its default inputs; undind is on the `PATH`, so that nothing is installed.
fn run_job(folder: &Path) -> Output {
    let (header, job) = TEMPLATE.split_once("\n---\n").expect("a component has a header");
    let header: serde_yaml::Value = serde_yaml::from_str(header).unwrap();
    let job: serde_yaml::Value = serde_yaml::from_str(&filled(job, &header)).unwrap();
    let job = &job["undind-lint"];
    let lines = ["before_script", "script"].map(|section| job[section].as_sequence().unwrap().clone()).concat();
    let script = lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n");
    let path = format!("{}:{}", binary_folder().display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &script]).current_dir(folder).env("PATH", path).env("UNDIND_INSTALL", folder.join(".undind-install"));
    shell.output().unwrap()
}

/// The job with the default of each input in its place; inputs without one get a word that no line may depend on.
fn filled(job: &str, header: &serde_yaml::Value) -> String {
    let inputs = header["spec"]["inputs"].as_mapping().unwrap();
    let filled = inputs.iter().fold(job.to_owned(), |text, (name, input)| {
        let default = match &input["default"] {
            serde_yaml::Value::Bool(value) => value.to_string(),
            serde_yaml::Value::String(value) => value.clone(),
            _ => "unused".to_owned(),
        };
        text.replace(&format!("$[[ inputs.{} ]]", name.as_str().unwrap()), &default)
    });
    assert!(!filled.contains("$[["), "an input is used that the header doesn't declare: {filled}");
    filled
}

fn binary_folder() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_undind")).parent().unwrap().to_owned()
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("gl-code-quality-report.json")).unwrap()).unwrap()
}
