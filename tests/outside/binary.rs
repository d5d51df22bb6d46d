//! A command line → what a program printed, its exit code and its time, with nothing of the caller's environment and a limit after which it is killed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The time after which a command counts as hanging.
pub const LIMIT: Duration = Duration::from_secs(30);

/// What one command did.
pub struct Run {
    pub arguments: String,
    /// `None`: killed, by the time limit or by a signal.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub elapsed: Duration,
}

impl Run {
    /// Standard output as JSON, if the command succeeded in writing any.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.stdout).ok()
    }
}

/// Runs the binary under test in `folder`.
pub fn undind(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(path());
    command.args(arguments).current_dir(folder).env_clear().envs([
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/nonexistent"),
        ("LC_ALL", "C.UTF-8"),
    ]);
    let mut run = finish(command, LIMIT);
    run.arguments = arguments.join(" ");
    run
}

/// Runs `command` with empty standard input and kills it after `limit`.
pub fn finish(mut command: Command, limit: Duration) -> Run {
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let stdout = drain(child.stdout.take().expect("standard output is piped"));
    let stderr = drain(child.stderr.take().expect("standard error is piped"));
    let (out, err) = (wait(&stdout, started, limit), wait(&stderr, started, limit));
    if out.is_none() || err.is_none() {
        let _ = child.kill();
    }
    let status = child.wait().expect("the child can be waited for");
    let killed = out.is_none() || err.is_none();
    Run {
        arguments: String::new(),
        code: if killed { None } else { status.code() },
        stdout: out.unwrap_or_default(),
        stderr: String::from_utf8_lossy(&err.unwrap_or_default()).into_owned(),
        elapsed: started.elapsed(),
    }
}

fn path() -> PathBuf {
    std::env::var_os("UNDIND_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_undind")), PathBuf::from)
}

/// Reads to the end in a thread of its own, so that neither pipe can block the program.
fn drain(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

fn wait(receiver: &Receiver<Vec<u8>>, started: Instant, limit: Duration) -> Option<Vec<u8>> {
    receiver.recv_timeout(limit.saturating_sub(started.elapsed())).ok()
}

#[test]
fn a_program_that_hangs_is_killed_at_the_limit() {
    let mut command = Command::new("tail");
    command.args(["-f", "/dev/null"]);
    let run = finish(command, Duration::from_millis(50));
    assert_eq!(run.code, None);
    assert!(run.elapsed < LIMIT, "the kill came too late");
}
