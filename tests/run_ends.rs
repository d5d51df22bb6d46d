//! Runs that do not come to their end by themselves: interrupted, killed, out of time; and what is left of them, by listing before and after.

#![cfg(unix)]

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A project with a pipeline.
struct Project {
    root: tempfile::TempDir,
    /// Where runs have their folders.
    temporary: tempfile::TempDir,
    engine: Option<OsString>,
}

impl Project {
    fn new(pipeline: &str) -> Self {
        let root = tempfile::tempdir().expect("a folder can be made");
        fs::write(root.path().join(".gitlab-ci.yml"), pipeline).expect("the pipeline can be written");
        Self { root, temporary: tempfile::tempdir().expect("a folder can be made"), engine: None }
    }

    /// Runs the pipeline with processes behind `mount`, a command that may mount; none, with the reason printed, where nothing can be mounted.
    fn mounted(&self, mount: &str) -> Option<Output> {
        let script = format!("{mount} && exec \"$0\" run --executor shell");
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_undind")]).current_dir(self.root.path());
        let output = command.env("TMPDIR", self.temporary.path()).output().ok();
        let output = output.filter(|output| !output.stdout.is_empty() && !String::from_utf8_lossy(&output.stderr).contains("unshare"));
        if output.is_none() {
            println!("skipped: no file system can be mounted here");
        }
        output
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_undind"));
        command.current_dir(self.root.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.temporary.path()).env("TMPDIR", self.temporary.path());
        command.arg("run").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        match &self.engine {
            Some(host) => command.env("DOCKER_HOST", host),
            None => command.args(["--executor", "shell"]),
        };
        command
    }

    /// Starts a run and waits until a job printed `word`.
    fn started(&self, arguments: &[&str], word: &str) -> Child {
        self.hearing(arguments, word, "").0
    }

    /// Starts a run, waits until a job printed `word`, and gives a thread that says whether it printed `other` then.
    fn hearing(&self, arguments: &[&str], word: &str, other: &str) -> (Child, std::thread::JoinHandle<bool>) {
        let mut child = self.command(arguments).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines().map(|line| line.expect("it is text"));
        assert!(lines.any(|line| line.ends_with(&format!("| {word}"))), "the job never said {word}");
        let other = format!("| {other}");
        let (heard, hears) = std::sync::mpsc::channel();
        // Whatever comes is read, so that nobody waits for us.
        std::thread::spawn(move || {
            lines.by_ref().any(|line| line.ends_with(&other)).then(|| heard.send(()));
            lines.for_each(drop);
        });
        (child, std::thread::spawn(move || hears.recv().is_ok()))
    }

    /// Folders of runs that are there.
    fn folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.temporary.path()).expect("it is there");
        entries.map(|entry| entry.expect("it can be read").path()).filter(|path| path.to_string_lossy().contains("undind-run")).collect()
    }

    /// Processes that run in one of those folders' jobs.
    fn processes(&self) -> Vec<String> {
        let mark = format!("UNDIND_JOB={}", self.temporary.path().canonicalize().expect("it is there").display());
        let ids = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let has = |path: &PathBuf| String::from_utf8_lossy(&fs::read(path.join("environ")).unwrap_or_default()).contains(&mark);
        let name = |path: PathBuf| String::from_utf8_lossy(&fs::read(path.join("cmdline")).unwrap_or_default()).replace('\0', " ");
        ids.map(|entry| entry.path()).filter(has).map(name).collect()
    }

    /// Containers, networks and volumes of its runs at the engine.
    fn at_engine(&self) -> Vec<String> {
        let Some(host) = &self.engine else { return Vec::new() };
        let folder = self.temporary.path().canonicalize().expect("it is there").display().to_string();
        let all = ["/containers/json?all=true", "/networks", "/volumes"].map(|path| asked(host, path)).concat();
        let labelled = all.split("\"undind.folder\":\"").skip(1).filter_map(|rest| rest.split('"').next());
        labelled.filter(|label| label.starts_with(&folder)).map(str::to_owned).collect()
    }
}

/// What the engine at the socket `host` answers to a request.
fn asked(host: &OsString, path: &str) -> String {
    let socket = host.to_str().and_then(|host| host.strip_prefix("unix://")).expect("the tests' engine has a socket");
    let mut stream = UnixStream::connect(socket).expect("the engine is there");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.contains(" 200 OK"), "{answer}");
    answer
}

fn signal(child: &Child, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(child.id()).expect("a process has a number")).expect("it is not 0");
    kill_process(id, signal).expect("it runs");
}

/// A job that leaves a process behind that has left its group, too.
const STUBBORN: &str = "job:
  script:
    - trap '' TERM
    - sleep 871 &
    - setsid sleep 872 &
    - echo up
    - sleep 873
  after_script: [echo never]
";

#[test]
fn an_interrupted_run_leaves_nothing_and_says_so_by_its_exit_code() {
    let project = Project::new(STUBBORN);
    let mut child = project.started(&[], "up");
    assert!(cfg!(not(target_os = "linux")) || !project.processes().is_empty());
    signal(&child, Signal::INT);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!((project.processes(), project.folders()), (vec![], vec![]));
}

#[test]
fn a_second_interruption_does_not_wait() {
    // The job says when it hears of the first, and would leave a file if it went on for as long as one is given.
    let project =
        Project::new("job: {script: [trap 'echo heard' TERM, sleep 871 &, echo up, wait || true, sleep 4, touch ~/waited, sleep 872]}\n");
    let (mut child, heard) = project.hearing(&[], "up", "heard");
    signal(&child, Signal::INT);
    assert!(heard.join().expect("nobody panicked"), "the job never heard of it");
    signal(&child, Signal::INT);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(!project.temporary.path().join("waited").exists(), "it waited for the job that does not listen");
    assert_eq!((project.processes(), project.folders()), (vec![], vec![]));
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_one() {
    let project = Project::new(STUBBORN);
    let mut child = project.started(&[], "up");
    signal(&child, Signal::KILL);
    child.wait().expect("it ends");
    assert_eq!(project.folders().len(), 1);
    fs::write(project.root.path().join(".gitlab-ci.yml"), "job: {script: ['true']}\n").expect("the pipeline can be written");
    let next = project.command(&[]).output().expect("the binary runs");
    assert_eq!(next.status.code(), Some(0), "{}", String::from_utf8_lossy(&next.stderr));
    assert_eq!((project.processes(), project.folders()), (vec![], vec![]));
}

#[test]
fn a_job_that_has_no_more_time_is_ended_with_all_that_it_started() {
    let project = Project::new("job:\n  timeout: 1s\n  script: [sleep 874 & setsid sleep 875 & sleep 876]\n  after_script: [echo never]\n");
    let output = project.command(&["--log-format", "json"]).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("\"reason\":\"job_execution_timeout\"") && !text.contains("\"text\":\"never\""), "{text}");
    assert_eq!((project.processes(), project.folders()), (vec![], vec![]));
}

#[test]
fn processes_that_outlive_a_job_that_passed_end_with_it() {
    let project = Project::new("job:\n  script: [sleep 877 &, 'setsid sleep 878 < /dev/null > /dev/null 2>&1 &', echo done]\n");
    let output = project.command(&[]).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((project.processes(), project.folders()), (vec![], vec![]));
}

/// A job in a container, with a service.
const IN_CONTAINERS: &str = "job:
  image: alpine:3.20
  services: [{name: 'alpine:3.20', alias: other, command: [sleep, '1000']}]
  script: [echo up, sleep 1000]
";

/// A project whose jobs run in containers, where there is an engine for tests.
fn in_containers() -> Option<Project> {
    let engine = std::env::var_os("UNDIND_TEST_DOCKER_HOST");
    if engine.is_none() {
        println!("skipped: there is no Docker engine, which UNDIND_TEST_DOCKER_HOST names");
    }
    Some(Project { engine: Some(engine?), ..Project::new(IN_CONTAINERS) })
}

#[test]
fn containers_networks_and_volumes_of_an_interrupted_run_go() {
    let Some(project) = in_containers() else { return };
    let mut child = project.started(&[], "up");
    assert!(project.at_engine().len() >= 5);
    signal(&child, Signal::INT);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!((project.at_engine(), project.folders()), (vec![], vec![]));
}

#[test]
fn containers_networks_and_volumes_of_a_killed_run_go_with_the_next_one() {
    let Some(project) = in_containers() else { return };
    let mut child = project.started(&[], "up");
    signal(&child, Signal::KILL);
    child.wait().expect("it ends");
    assert!(project.at_engine().len() >= 5);
    let pipeline = Path::new(".gitlab-ci.yml");
    fs::write(project.root.path().join(pipeline), "job: {image: 'alpine:3.20', script: ['true']}\n").expect("the pipeline can be written");
    let next = project.command(&[]).output().expect("the binary runs");
    assert_eq!(next.status.code(), Some(0), "{}", String::from_utf8_lossy(&next.stderr));
    assert_eq!((project.at_engine(), project.folders()), (vec![], vec![]));
}

#[test]
fn a_full_disk_ends_a_job_with_the_reason() {
    let project = Project::new("job:\n  script: [head -c 3000000 /dev/zero > big]\n  artifacts: {paths: [big]}\n");
    fs::create_dir(project.root.path().join(".undind")).expect("the folder can be made");
    let Some(output) = project.mounted("mount -t tmpfs -o size=1m tmpfs .undind") else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("`big` can't be copied: No space left on device") && text.contains("the pipeline failed"), "{text}");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((project.processes(), project.folders()), (vec![], vec![]));
}

#[test]
fn jobs_begin_with_the_files_of_the_project_where_the_file_system_tells_times_roughly() {
    // Files that come with artifacts come in the moment in which the job's folder is made. What is no longer untouched must not be another job's.
    let pipeline = "
make: {stage: build, script: [echo made > made], artifacts: {paths: [made]}}
take: {stage: test, script: [test -e made]}
other: {stage: deploy, dependencies: [], script: ['test ! -e made']}
";
    let project = Project::new(pipeline);
    // In memory, and with times as exact as the clock's ticks, on each kernel.
    let many = "for _ in $(seq 8); do \"$0\" run --executor shell || exit; done";
    let Some(output) = project.mounted(&format!("mount -t ramfs ramfs \"$TMPDIR\" && {many}")) else { return };
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn more_submodules_than_are_looked_at_end_a_job_with_the_reason() {
    let project = Project::new("job: {variables: {GIT_SUBMODULE_STRATEGY: normal}, script: ['true']}\n");
    let git = |arguments: &[&str], input: &str| {
        let mut command = Command::new("git");
        command.arg("-C").arg(project.root.path()).args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("git runs");
        child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("git reads");
        assert!(child.wait().expect("it ends").success());
    };
    let ends = |submodules: usize| {
        let links: String = (0..submodules).map(|number| format!("160000 {}\tsub/{number}\n", "1".repeat(40))).collect();
        fs::write(project.root.path().join(".gitmodules"), "").expect("it can be written");
        git(&["add", "."], "");
        git(&["update-index", "--index-info"], &links);
        git(&["commit", "--quiet", "--message", "x"], "");
        let output = project.command(&[]).output().expect("the binary runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    git(&["init", "--quiet"], "");
    assert_eq!(ends(1000).0, Some(0));
    let (code, text) = ends(1001);
    assert!(code == Some(1) && text.contains("the project has more than 1000 submodules"), "{text}");
}

#[test]
fn no_line_of_a_log_is_lost_however_many_come_at_once() {
    let project = Project::new("job: {script: [seq 1 100000]}\n");
    let output = project.command(&["--log-format", "json"]).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter_map(|line| line.split_once("\"event\":\"log\",\"job\":\"job\",\"text\":\"")?.1.strip_suffix("\"}"));
    let numbers: Vec<usize> = lines.filter_map(|line| line.parse().ok()).collect();
    assert_eq!(output.status.code(), Some(0));
    assert!(numbers.iter().copied().eq(1..=100_000), "{} lines", numbers.len());
}
