//! The half of the test that runs in the sandbox: tasks → recordings. A lane is a recording BuildKit, a stand-in of Depot's API, and one client at a time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::buildkit::Recorder;
use crate::command::{Build, lay_out_redirections};
use crate::recording::{Outcome, Recording, Task};
use crate::{depot, grpc, variables};

/// Where things are in the sandbox.
pub const ROOT: &str = "/tmp";
pub const BUILDX: &str = "/tmp/docker-buildx";
pub const DEPOT: &str = "/tmp/depot";
pub const TASKS: &str = "/tmp/wire/tasks.json";
pub const OUTCOMES: &str = "/tmp/wire/outcomes.json";
/// Tells that this is the sandbox.
pub const SIGN: &str = "UNDIND_WIRE_SANDBOX";

/// Seconds after which a client counts as hanging.
const LIMIT: &str = "20";
/// Writes down how it was called.
const CALLED: &str =
    "#!/bin/sh\nfile=$(mktemp \"$WIRE_CALLS/XXXXXX\")\ncat >\"$file.stdin\"\nprintf '%s\\0' \"${0##*/}\" \"$@\" >\"$file.words\"\n";
/// Programs that a rewritten script may need to install its client, and that do nothing here.
const IDLE: &str = "apk apt-get buildctl crane curl rootlesskit sha256sum tar wget";

#[test]
#[ignore = "runs in the sandbox that the other tests make"]
fn tasks_become_recordings() {
    if std::env::var_os(SIGN).is_none() {
        return;
    }
    let tasks: Vec<Task> = serde_json::from_slice(&fs::read(TASKS).unwrap()).unwrap();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let lanes = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for number in 0..lanes {
            let (tasks, next, outcomes) = (&tasks, &next, &outcomes);
            scope.spawn(move || {
                let lane = Lane::new(number);
                while let Some((index, task)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, tasks.get(index)?)))
                {
                    let outcome = lane.outcome(task);
                    outcomes.lock().unwrap().insert(index, outcome);
                }
            });
        }
    });
    let outcomes: Vec<Outcome> = outcomes.into_inner().unwrap().into_values().collect();
    fs::write(OUTCOMES, serde_json::to_vec(&outcomes).unwrap()).unwrap();
}

struct Lane {
    folder: PathBuf,
    recorder: Recorder,
    api: u16,
    /// The socket of an SSH agent that knows no key.
    _agent: UnixListener,
}

/// What a script called.
struct Called {
    build: Build,
    stdin: Vec<u8>,
}

impl Lane {
    fn new(number: usize) -> Self {
        let folder = Path::new(ROOT).join(format!("lane-{number}"));
        for name in ["bin", "home", "calls"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let program = |name: &str, text: &str| {
            let path = folder.join("bin").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        ["docker", "docker-buildx", "depot"].iter().for_each(|name| program(name, CALLED));
        IDLE.split_whitespace().for_each(|name| program(name, "#!/bin/sh\n"));
        // What a script asks for is the same each time.
        program("git", "#!/bin/sh\necho 0123abcd\n");
        program("date", "#!/bin/sh\necho 2026-01-02\n");
        let recorder = Recorder::default();
        let (port, api) = servers(&recorder);
        let agent = UnixListener::bind(folder.join("agent")).unwrap();
        let lane = Self { folder, recorder, api, _agent: agent };
        let mut create = lane.client(BUILDX);
        create.args(["create", "--name", "wire", "--driver", "remote", &format!("tcp://127.0.0.1:{port}")]);
        let created = create.output().unwrap();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        lane
    }

    fn outcome(&self, task: &Task) -> Outcome {
        let samples = variables::samples(&task.original);
        let original = match self.called(&task.original, &samples) {
            Ok(called) => called,
            Err(message) => return Outcome { reference: Recording { message, ..Recording::default() }, rewritten: BTreeMap::new() },
        };
        let reference = Called { build: reference(&original.build, task.pushes), stdin: original.stdin.clone() };
        let record = |client: &str, called: &Called| self.recording(client, called, &original.build, &samples);
        let rewritten = task.rewritten.iter().map(|(target, script)| {
            let recording = match self.called(script, &samples) {
                Ok(called) => record(if target == "depot" { DEPOT } else { BUILDX }, &called),
                Err(message) => Recording { message, ..Recording::default() },
            };
            (target.clone(), recording)
        });
        Outcome { reference: record(BUILDX, &reference), rewritten: rewritten.collect() }
    }

    /// The only build that `script` runs.
    fn called(&self, script: &str, samples: &BTreeMap<String, String>) -> Result<Called, String> {
        let calls = self.emptied("calls");
        let work = self.emptied("work");
        lay_out_redirections(script, &work);
        let mut shell = self.limited("/bin/bash");
        shell.args(["-c", script]).current_dir(&work).envs(samples).env("WIRE_CALLS", &calls);
        shell.env("PATH", format!("{}/bin:/usr/bin:/bin", self.folder.display()));
        let output = shell.stdin(Stdio::null()).output().unwrap();
        let mut builds = Vec::new();
        let written = fs::read_dir(&calls).unwrap().map(|entry| entry.unwrap().path());
        for path in written.filter(|path| path.extension().is_some_and(|end| end == "words")) {
            let words = fs::read(&path).unwrap();
            let words: Vec<String> = words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            let stdin = fs::read(path.with_extension("stdin")).unwrap();
            builds.extend(Build::of(&words[..words.len() - 1]).map(|build| Called { build, stdin }));
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let count = builds.len();
        let message = || format!("{count} builds are run: {}", stderr.lines().last().unwrap_or_default());
        builds.pop().filter(|_| count == 1).ok_or_else(message)
    }

    /// Runs a client in a folder with the files that `original` names.
    fn recording(&self, client: &str, called: &Called, original: &Build, samples: &BTreeMap<String, String>) -> Recording {
        let work = self.emptied("work");
        original.lay_out(&work);
        self.recorder.expect(called.build.ids().into_iter().chain(original.ids()).collect());
        fs::write(self.folder.join("stdin"), &called.stdin).unwrap();
        let mut command = self.client(client);
        command.envs(samples.iter().filter(|(name, _)| !variables::steers(name))).envs(original.variables());
        command.arg("build").args(&called.build.arguments).current_dir(&work).stdin(File::open(self.folder.join("stdin")).unwrap());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        Recording {
            arguments: called.build.arguments.clone(),
            code: output.status.code().filter(|code| *code != 124),
            message: text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned(),
            requests: self.recorder.requests().iter().filter(|request| request.is_of_a_build()).map(|request| request.facts()).collect(),
        }
    }

    fn client(&self, client: &str) -> Command {
        let mut command = self.limited(client);
        command.envs([("BUILDX_BUILDER", "wire"), ("CI", "true"), ("DEPOT_TOKEN", "token"), ("DEPOT_NO_UPDATE_NOTIFIER", "1")]);
        command.envs([("DEPOT_ERROR_TELEMETRY", "0"), ("DEPOT_NO_SUMMARY_LINK", "1")]);
        // Where an S3 cache is asked for, clients look for credentials, and would wait for a machine that Amazon has.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("DEPOT_API_URL", format!("http://127.0.0.1:{}", self.api));
        command
    }

    fn limited(&self, program: &str) -> Command {
        let mut command = Command::new("/usr/bin/timeout");
        command.args([LIMIT, program]).env_clear().env("HOME", self.folder.join("home")).env("PATH", "/usr/bin:/bin");
        command.env("SSH_AUTH_SOCK", self.folder.join("agent")).env("CI_PROJECT_DIR", self.folder.join("work"));
        command
    }

    fn emptied(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }
}

/// What buildx is to be asked for in the original's place. It has one builder, and does not take every flag that says nothing to the classic builder; and what is
/// pushed afterwards is pushed at once, instead of being loaded before.
fn reference(build: &Build, pushes: bool) -> Build {
    let gone: &[&str] = &["--builder", "--disable-content-trust", "--load"];
    let mut arguments = build.without(if pushes { gone } else { &gone[..2] });
    if pushes {
        arguments.insert(0, "--push".to_owned());
    }
    Build { arguments }
}

/// Starts the two servers of a lane, and gives their ports.
fn servers(recorder: &Recorder) -> (u16, u16) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let recorder = recorder.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let buildkit = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let api = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = buildkit.local_addr().unwrap().port();
            sender.send((port, api.local_addr().unwrap().port())).unwrap();
            tokio::spawn(grpc::serve(api, move |call| depot::handle(call, port)));
            grpc::serve(buildkit, move |call| recorder.clone().handle(call)).await;
        });
    });
    receiver.recv().unwrap()
}
