//! Pipelines run by the binary: the cases of `tests/run/*.yml`, and the cases of another project, where they are at hand, as
//! `tests/run/gitlab-ci-local.yml` says what GitLab makes of them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

/// Pipelines of our own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    cases: Vec<OwnCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnCase {
    title: String,
    /// Whether its jobs run in containers.
    #[serde(default)]
    docker: bool,
    /// The files of the project by path; the commit has them all.
    files: BTreeMap<String, String>,
    /// Files that are not committed.
    #[serde(default)]
    uncommitted: BTreeMap<String, String>,
    /// The files of submodules by their paths, those of submodules within them among them.
    #[serde(default)]
    submodules: BTreeMap<String, BTreeMap<String, String>>,
    runs: Vec<Invocation>,
}

/// The cases of the other project.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Others {
    cases: Vec<OtherCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherCase {
    name: String,
    verdict: String,
    #[expect(dead_code, reason = "for readers")]
    behaviour: String,
    needs: Vec<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "for readers")]
    deviates: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "for readers")]
    reason: Option<String>,
    #[serde(default)]
    runs: Vec<Invocation>,
}

/// The address of a Docker engine with the images of the end-to-end tests, where there is one for tests.
fn engine() -> Option<OsString> {
    std::env::var_os("UNDIND_TEST_DOCKER_HOST")
}

/// One command and what has to come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invocation {
    /// `run`, or another command.
    #[serde(default = "run_command")]
    command: String,
    #[serde(default)]
    arguments: Vec<String>,
    /// Changes to files of the project before it: a new text by path.
    #[serde(default)]
    files: BTreeMap<String, String>,
    exit: i32,
    /// All jobs of the run and what becomes of them.
    #[serde(default)]
    jobs: BTreeMap<String, String>,
    /// Texts that come in a job's log, in this order.
    #[serde(default)]
    says: BTreeMap<String, Vec<String>>,
    /// Texts in what the run itself says of a job, in this order.
    #[serde(default)]
    notes: BTreeMap<String, Vec<String>>,
    /// Texts that don't.
    #[serde(default)]
    silent: BTreeMap<String, Vec<String>>,
    /// All files among a job's artifacts.
    #[serde(default)]
    artifacts: BTreeMap<String, Vec<String>>,
    /// Jobs of which each ends before the next begins.
    #[serde(default)]
    order: Vec<String>,
    /// Coverage by job.
    #[serde(default)]
    coverage: BTreeMap<String, f64>,
    /// By job how many test cases its reports have: all, those that failed, those that were left out.
    #[serde(default)]
    tests: BTreeMap<String, [u64; 3]>,
    /// Texts in what is printed to standard output, in this order, where it is no run.
    #[serde(default)]
    prints: Vec<String>,
    /// Texts in the messages.
    #[serde(default)]
    errors: Vec<String>,
}

fn run_command() -> String {
    "run".to_owned()
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    let text = fs::read_to_string(path).expect("the file of cases can be read");
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A text with the address of the registry beside the engine put in.
fn with_registry(text: &str) -> String {
    let address = std::env::var("UNDIND_TEST_REGISTRY").unwrap_or_default();
    text.replace("{registry}", &address).replace("{registry_host}", address.split(':').next().unwrap_or_default())
}

fn write(root: &Path, files: &BTreeMap<String, String>) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
        fs::write(path, with_registry(text)).expect("the file can be written");
    }
}

fn git(root: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args([
        "-c",
        "user.name=Tester",
        "-c",
        "user.email=tester@example.com",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "commit.gpgSign=false",
    ]);
    let ended = command.arg("-C").arg(root).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(ended.expect("git is there").success(), "git {arguments:?}");
}

/// Makes the files a repository with one commit and a remote.
fn commit(root: &Path) {
    git(root, &["init", "--quiet"]);
    git(root, &["add", "--all", "--force"]);
    git(root, &["commit", "--quiet", "--message", "First"]);
    git(root, &["remote", "add", "origin", "git@gitlab.com:gcl/test-project.git"]);
}

/// Adds submodules to the repository at `root`, each a repository in the folder `home`, and checks them out.
fn add_submodules(root: &Path, home: &Path, submodules: &BTreeMap<String, BTreeMap<String, String>>) {
    let origin = |path: &str| home.join(path.replace('/', "-"));
    let inner = |path: &str| {
        submodules.keys().filter_map(|other| Some((other.clone(), other.strip_prefix(path)?.strip_prefix('/')?.to_owned()))).collect()
    };
    let add = |repository: &Path, of: Vec<(String, String)>| {
        for (whole, path) in &of {
            let from = origin(whole).to_string_lossy().into_owned();
            git(repository, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &from, path]);
        }
        git(repository, &["commit", "--quiet", "--allow-empty", "--message", "Submodules"]);
    };
    // The inner ones come behind.
    for (path, files) in submodules.iter().rev() {
        write(&origin(path), files);
        commit(&origin(path));
        add(&origin(path), inner(path));
    }
    let outer =
        |path: &&String| !submodules.keys().any(|other| path.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/')));
    add(root, submodules.keys().filter(outer).map(|path| (path.clone(), path.clone())).collect());
    git(root, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive"]);
}

impl Invocation {
    /// What is wrong with what comes of it in the project at `root`.
    fn failures(&self, root: &Path, engine: Option<&OsStr>) -> Vec<String> {
        write(root, &self.files);
        let temporary = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_undind"));
        command.current_dir(root).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", temporary.path())
            .env("TMPDIR", temporary.path())
            .arg(&self.command)
            .args(self.arguments.iter().map(|argument| with_registry(argument)));
        let runs = self.command == "run" && !self.arguments.iter().any(|argument| argument == "--dry-run");
        if runs {
            command.args(["--log-format", "json"]);
            match engine {
                Some(host) => command.env("DOCKER_HOST", host),
                None if self.arguments.iter().any(|argument| argument == "--executor") => &mut command,
                None => command.args(["--executor", "shell"]),
            };
        }
        let output = command.stdin(Stdio::null()).output().expect("the binary runs");
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let mut wrong = Vec::new();
        if output.status.code() != Some(self.exit) {
            wrong.push(format!("exit code {:?} instead of {}: {stderr}", output.status.code(), self.exit));
        }
        // Messages are wrapped for people.
        let words = |text: &str| text.split_whitespace().filter(|word| !matches!(*word, "│" | "×" | "help:")).collect::<Vec<_>>().join(" ");
        wrong.extend(
            self.errors
                .iter()
                .filter(|text| !words(&stderr).contains(&words(text)))
                .map(|text| format!("no error with {text:?}: {stderr}")),
        );
        if runs {
            let events: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).expect("an event is JSON")).collect();
            fits(&events, &mut wrong);
            self.events(&events, &mut wrong);
            self.files(root, &mut wrong);
        } else {
            in_order("standard output", &stdout, &self.prints, &mut wrong);
        }
        let left = fs::read_dir(temporary.path()).expect("it is there").count();
        if left > 0 {
            wrong.push(format!("{left} leftovers in the folder for temporary files"));
        }
        wrong
    }

    fn events(&self, events: &[Value], wrong: &mut Vec<String>) {
        let of = |name: &'static str| events.iter().filter(move |event| event["event"] == name);
        let finished: BTreeMap<&str, &Value> = of("run_finished")
            .flat_map(|event| event["jobs"].as_array().expect("a list"))
            .map(|job| (job["name"].as_str().expect("a name"), job))
            .collect();
        let statuses: BTreeMap<String, String> =
            finished.iter().map(|(name, job)| ((*name).to_owned(), job["status"].as_str().expect("a status").to_owned())).collect();
        if statuses != self.jobs {
            wrong.push(format!("jobs {statuses:?} instead of {:?}", self.jobs));
        }
        let log = |job: &str| {
            of("log").filter(|event| event["job"] == *job).filter_map(|event| event["text"].as_str()).collect::<Vec<_>>().join("\n")
        };
        for (job, texts) in &self.says {
            in_order(job, &log(job), texts, wrong);
        }
        for (job, texts) in &self.notes {
            let notes = of("note").filter(|event| event["job"] == *job).filter_map(|event| event["text"].as_str()).collect::<Vec<_>>();
            in_order(&format!("notes of {job}"), &notes.join("\n"), texts, wrong);
        }
        for (job, texts) in &self.silent {
            let log = log(job);
            wrong.extend(texts.iter().filter(|text| log.contains(*text)).map(|text| format!("`{job}` says {text:?}:\n{log}")));
        }
        for (job, coverage) in &self.coverage {
            let found = finished.get(job.as_str()).and_then(|job| job["coverage"].as_f64());
            if found != Some(*coverage) {
                wrong.push(format!("coverage {found:?} of `{job}` instead of {coverage}"));
            }
        }
        for (job, tests) in &self.tests {
            let counts = finished.get(job.as_str()).map(|job| ["total", "failed", "skipped"].map(|count| job["tests"][count].as_u64()));
            if counts != Some(tests.map(Some)) {
                wrong.push(format!("test cases {counts:?} of `{job}` instead of {tests:?}"));
            }
        }
        let at = |name: &str, job: &str| events.iter().position(|event| event["event"] == *name && event["job"] == *job);
        for pair in self.order.windows(2) {
            let (end, begin) = (at("job_finished", &pair[0]), at("job_started", &pair[1]));
            if end.is_none() || begin.is_none() || end > begin {
                wrong.push(format!("`{}` does not begin behind the end of `{}`", pair[1], pair[0]));
            }
        }
    }

    fn files(&self, root: &Path, wrong: &mut Vec<String>) {
        for (job, files) in &self.artifacts {
            let folder = root.join(".undind/artifacts").join(job);
            let walk = walkdir::WalkDir::new(&folder).sort_by_file_name().into_iter().filter_map(Result::ok);
            let found: Vec<String> = walk
                .filter(|entry| !entry.file_type().is_dir())
                .map(|entry| entry.path().strip_prefix(&folder).expect("it is below").to_string_lossy().into_owned())
                .collect();
            if found != *files {
                wrong.push(format!("artifacts {found:?} of `{job}` instead of {files:?}"));
            }
        }
    }
}

/// The events against the schema that `undind schema run` prints.
fn fits(events: &[Value], wrong: &mut Vec<String>) {
    static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let schema = undind::report::schema::find("run").expect("there is a schema");
        jsonschema::validator_for(&serde_json::from_str(schema.text).expect("it is JSON")).expect("it is a schema")
    });
    wrong.extend(
        events.iter().filter(|event| !SCHEMA.is_valid(event)).map(|event| format!("an event that its schema does not know: {event}")),
    );
}

/// Whether `texts` come in `whole` one behind the other.
fn in_order(what: &str, whole: &str, texts: &[String], wrong: &mut Vec<String>) {
    let mut rest = whole;
    for text in texts {
        match rest.split_once(text.as_str()) {
            Some((_, after)) => rest = after,
            None => return wrong.push(format!("`{what}` has no {text:?} where it should:\n{whole}")),
        }
    }
}

/// What is wrong with each of `cases`, made by `failures` in a few threads, as one text.
fn all<C: Sync>(cases: &[C], title: impl Fn(&C) -> String + Sync, failures: impl Fn(&C) -> Vec<String> + Sync) -> String {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let found = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { return };
                    let wrong = failures(case);
                    if !wrong.is_empty() {
                        found.lock().expect("nobody panicked").insert(index, format!("{}:\n  {}", title(case), wrong.join("\n  ")));
                    }
                }
            });
        }
    });
    found.into_inner().expect("nobody panicked").into_values().collect::<Vec<_>>().join("\n")
}

#[test]
fn pipelines_run_as_their_cases_say() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder("tests/run")).expect("there are cases").map(|entry| entry.expect("it can be read").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml") && !path.ends_with("gitlab-ci-local.yml"));
    files.sort();
    let cases: Vec<OwnCase> = files.iter().flat_map(|path| read::<Own>(path).cases).collect();
    let engine = engine();
    let (cases, without): (Vec<OwnCase>, Vec<OwnCase>) = cases.into_iter().partition(|case| engine.is_some() || !case.docker);
    for case in &without {
        println!("skipped: \"{}\" needs a Docker engine, which UNDIND_TEST_DOCKER_HOST names", case.title);
    }
    assert!(!cases.is_empty());
    let failures = all(
        &cases,
        |case| case.title.clone(),
        |case| {
            let root = tempfile::tempdir().expect("a folder can be made");
            write(root.path(), &case.files);
            commit(root.path());
            let home = tempfile::tempdir().expect("a folder can be made");
            if !case.submodules.is_empty() {
                add_submodules(root.path(), home.path(), &case.submodules);
            }
            write(root.path(), &case.uncommitted);
            let engine = engine.as_deref().filter(|_| case.docker);
            case.runs.iter().flat_map(|run| run.failures(root.path(), engine)).collect()
        },
    );
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn cases_of_another_project_run_as_gitlab_would() {
    let all_cases = folder("../shared/conformance/gitlab-ci-local");
    if !all_cases.is_dir() {
        println!("skipped: the cases of gitlab-ci-local are not here");
        return;
    }
    let others: Others = read(&folder("tests/run/gitlab-ci-local.yml"));
    let (applying, skipped): (Vec<OtherCase>, Vec<OtherCase>) = others.cases.into_iter().partition(|case| case.verdict == "applies");
    let (written, open): (Vec<OtherCase>, Vec<OtherCase>) = applying.into_iter().partition(|case| !case.runs.is_empty());
    println!("{} cases are run, {} not yet, {} do not apply", written.len(), open.len(), skipped.len());
    let in_containers = |case: &OtherCase| case.needs.iter().any(|need| need == "docker");
    let engine = engine();
    let (written, without): (Vec<OtherCase>, Vec<OtherCase>) =
        written.into_iter().partition(|case| engine.is_some() || !in_containers(case));
    for case in &without {
        println!("skipped: {} needs a Docker engine, which UNDIND_TEST_DOCKER_HOST names", case.name);
    }
    for case in &open {
        println!("not yet: {} (needs {:?})", case.name, case.needs);
    }
    let failures = all(
        &written,
        |case| case.name.clone(),
        |case| {
            let root = tempfile::tempdir().expect("a folder can be made");
            copy(&all_cases.join(&case.name), root.path());
            commit(root.path());
            let engine = engine.as_deref().filter(|_| in_containers(case));
            case.runs.iter().flat_map(|run| run.failures(root.path(), engine)).collect()
        },
    );
    assert!(failures.is_empty(), "\n{failures}");
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).min_depth(1) {
        let entry = entry.expect("the case can be read");
        let target = to.join(entry.path().strip_prefix(from).expect("it is below"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).expect("the folder can be made");
        } else {
            fs::copy(entry.path(), target).expect("the file can be copied");
        }
    }
}
