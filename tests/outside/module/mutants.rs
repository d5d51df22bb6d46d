//! Modules that do something else than the job → whether that is found, in each language. A check that finds nothing is worth as much as what it would find.

use std::fs;

use super::language::{Files, LANGUAGES, Language, Modules};
use super::{Written, languages, told, written};
use crate::{say, workers};

const PIPELINE: &str = r#"
test:
  image: node:22
  services: [{name: "postgres:16", alias: db}]
  variables: {LEVEL: high}
  cache: {key: npm, paths: [.npm]}
  script: [npm ci --cache .npm, npm test]
  after_script: [rm -rf tmp]
  artifacts: {when: always, paths: [coverage/]}
build:
  image: docker:28
  services: [docker:28-dind]
  script:
    - docker login -u "$CI_REGISTRY_USER" -p "$CI_REGISTRY_PASSWORD" "$CI_REGISTRY"
    - docker build -t $CI_REGISTRY_IMAGE:1 --build-arg VERSION=2 --target prod app
    - docker push $CI_REGISTRY_IMAGE:1
"odd + \\ */ \"name\" ''b'' ``c`` @d \u00e9":
  image: node:22
  script: [npm test]
"#;

/// A change of code: what it is, and for each of [`LANGUAGES`] the text that is replaced by another one.
type Mutation = (&'static str, [(&'static str, &'static str); 3]);

/// The same text in each language.
const fn everywhere(what: &'static str, right: &'static str, wrong: &'static str) -> Mutation {
    (what, [(right, wrong), (right, wrong), (right, wrong)])
}

const MUTATIONS: &[Mutation] = &[
    everywhere("nothing", "", ""),
    everywhere("a command is lost", "npm ci --cache .npm\n", ""),
    everywhere("another image", "\"node:22\"", "\"node:20\""),
    everywhere("another service", "\"postgres:16\"", "\"postgres:15\""),
    everywhere("another name of a service", "\"db\"", "\"dbx\""),
    everywhere("another artifact", "\"coverage/\"", "\"cover/\""),
    everywhere("an exit code that is lost", "\"coverage/\", \".exit-code\"", "\"coverage/\""),
    everywhere("another folder of a build", "\"app\"", "\"application\""),
    everywhere("another stage of a build", "\"prod\"", "\"test\""),
    everywhere("another value of a build argument", "\"2\"", "\"3\""),
    everywhere("another title", "The job `test`.", "The job `tests`."),
    (
        "a method that there is not",
        [("job.with_workdir", "job.with_work_dir"), ("job.withWorkdir", "job.withWorkDir"), ("job.WithWorkdir", "job.WithWorkDir")],
    ),
    ("an argument of another type", [("owner=user", "owner=3"), ("owner: user", "owner: 3"), ("Owner: user", "Owner: 3")]),
    ("another cache", [("/.npm\"", "/.npmx\""), ("/.npm`", "/.npmx`"), ("/.npm\"", "/.npmx\"")]),
    ("another key of a cache", [("f\"npm-", "f\"yarn-"), ("`npm-", "`yarn-"), ("\"npm-", "\"yarn-")]),
    ("another address", [("_image}:1\"", "_image}:2\""), ("Image}:1`", "Image}:2`"), ("Image + \":1\"", "Image + \":2\"")]),
    ("a build argument that is lost", [(", build_args=build_args", ""), (", buildArgs }", " }"), (", BuildArgs: buildArgs}", "}")]),
    (
        "a login that is lost",
        [
            ("image = image.with_registry_auth(", "context.docker_build().with_registry_auth("),
            ("image = image.withRegistryAuth(", "context.dockerBuild().withRegistryAuth("),
            ("image = image.WithRegistryAuth(", "files.DockerBuild().WithRegistryAuth("),
        ],
    ),
    (
        "an after_script that is lost",
        [("SCRIPT_TEST, AFTER_TEST", "SCRIPT_TEST, \"\""), ("AFTER_TEST,\n", "\"\",\n"), ("scriptTest, afterTest", "scriptTest, \"\"")],
    ),
    ("a variable that is lost", [("\"LEVEL\": level,", ""), ("LEVEL: level,", ""), ("{\"LEVEL\", text(level)},", "")]),
    (
        "another value of a variable",
        [("\"LEVEL\": level,", "\"LEVEL\": \"low\","), ("LEVEL: level,", "LEVEL: \"low\","), ("text(level)", "text(\"low\")")],
    ),
    (
        "variables behind the script",
        [
            ("job = job.with_exec(command)", "job = with_variables(job.with_exec(command), variables)"),
            ("job = job.withExec(command)", "job = withVariables(job.withExec(command), variables)"),
            ("job = job.WithExec(command)", "job = withVariables(job.WithExec(command), variables)"),
        ],
    ),
    (
        "files in a folder where a cache already is",
        [
            (
                "job = job.with_directory(folder, source, owner=user)",
                "job = job.with_mounted_cache(\"/a\", dag.cache_volume(\"a\")).with_directory(folder, source, owner=user)",
            ),
            (
                "job = job.withDirectory(folder, source",
                "job = job.withMountedCache(\"/a\", dag.cacheVolume(\"a\")).withDirectory(folder, source",
            ),
            (
                "job = job.WithDirectory(folder, source",
                "job = job.WithMountedCache(\"/a\", dag.CacheVolume(\"a\")).WithDirectory(folder, source",
            ),
        ],
    ),
    (
        "another command besides the script",
        [
            ("files = job.directory", "files = job.with_exec([\"ls\"]).directory"),
            ("files = job.directory", "files = job.withExec([\"ls\"]).directory"),
            ("files := job.Directory", "files := job.WithExec([]string{\"ls\"}).Directory"),
        ],
    ),
];

#[test]
fn a_module_that_does_something_else_is_found() {
    let languages = match languages() {
        Ok(languages) => languages,
        Err(why) => return say(&format!("skipped: {why}")),
    };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join(".gitlab-ci.yml"), PIPELINE).expect("the file can be written");
    let sound = written(folder.path(), ".gitlab-ci.yml", "a sound pipeline").expect("its jobs move");
    let mutants: Vec<(&str, Written)> = MUTATIONS.iter().map(|mutation| (mutation.0, sound.mutant(mutation))).collect();
    let laid: Vec<Modules> = languages
        .iter()
        .map(|&language| Modules::new(language, &mutants.iter().map(|(_, module)| module.of(language)).collect::<Vec<_>>()))
        .collect();
    let numbers: Vec<usize> = (0..mutants.len()).collect();
    let calls: Vec<_> = laid.iter().flat_map(|modules| numbers.chunks(12).map(move |numbers| (modules, numbers))).collect();
    let uncalled: Vec<String> = workers::each(&calls, |(modules, numbers)| modules.call(numbers)).into_iter().flatten().collect();
    let modules: Vec<(&Written, usize)> = mutants.iter().map(|(_, module)| module).zip(0..).collect();
    let mut missed = Vec::new();
    for modules_of_one in &laid {
        for (number, told) in told(&modules, std::slice::from_ref(modules_of_one)).into_iter().enumerate() {
            let folder = modules_of_one.module(number).display().to_string();
            let is_about = |line: &&String| line.contains(&format!("{folder}\"")) || line.contains(&format!("{folder}:"));
            let found: Vec<&String> = told.wrong.iter().chain(uncalled.iter().filter(is_about)).collect();
            if found.is_empty() != (mutants[number].0 == "nothing") {
                missed.push(format!("{} ({}): {found:?}", mutants[number].0, modules_of_one.language.name()));
            }
        }
    }
    say(&format!("{} changes of modules in {} languages, {} of which were not seen", MUTATIONS.len() - 1, laid.len(), missed.len()));
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn tools_see_every_module() {
    let languages = match languages() {
        Ok(languages) => languages,
        Err(why) => return say(&format!("skipped: {why}")),
    };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join(".gitlab-ci.yml"), PIPELINE).expect("the file can be written");
    let sound = written(folder.path(), ".gitlab-ci.yml", "a sound pipeline").expect("its jobs move");
    // Each is against the formatter and against the types.
    let wrong: Mutation = (
        "an argument of another type, behind too many blanks",
        [
            ("return job.with_workdir(folder)", "return  job.with_workdir(3)"),
            ("return job.withWorkdir(folder)", "return  job.withWorkdir(3)"),
            ("return job.WithWorkdir(folder)", "return  job.WithWorkdir(3)"),
        ],
    );
    let mutant = sound.mutant(&wrong);
    for language in languages {
        let laid = Modules::new(language, &[sound.of(language), mutant.of(language)]);
        let tasks = laid.tools();
        let silent = workers::each(&tasks, |task| task().is_empty()).into_iter().filter(|silent| *silent).count();
        assert_eq!(silent, 0, "a tool for {} finds nothing in {}", language.name(), wrong.0);
    }
}

impl Written {
    /// The same modules with other code.
    fn mutant(&self, (what, changes): &Mutation) -> Self {
        let changed = |(language, files): (&Language, &Files)| {
            let (right, wrong) = changes[LANGUAGES.iter().position(|other| other == language).expect("it is one of them")];
            let code = String::from_utf8(files[language.code()].clone()).expect("code is text");
            assert!(code.contains(right), "{what} is no change of the module in {}", language.name());
            let code = if right.is_empty() { code } else { code.replace(right, wrong) };
            let mut files = files.clone();
            files.insert(language.code().to_owned(), code.into_bytes());
            files
        };
        Self {
            case: (*what).to_owned(),
            pipeline: self.pipeline.clone(),
            moved: self.moved.clone(),
            files: LANGUAGES.iter().zip(&self.files).map(changed).collect(),
        }
    }
}
