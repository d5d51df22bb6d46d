//! A child process with all that it starts: its output, its end, and ending it.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::run::live::executor::{Ended, Fault};
use crate::run::live::stop::{Cause, Stop};

/// How long a process that was asked to end has for it.
const GRACE: Duration = Duration::from_secs(5);

/// The variable by which the processes of a job are known, whatever group they are in.
pub const MARK: &str = "UNDIND_JOB";

/// What tells the thread that waits.
enum Message {
    Exited,
    Stop(Cause),
}

/// Runs `command` in a process group of its own, everything that it prints going to `log`, until it ends, `deadline` comes or `stop` is told. Whatever it
/// started is ended with it: its group, and where the system shows the environment of processes, all that carry its `mark`.
///
/// # Errors
/// [`Fault`] where it can't be started or waited for.
pub fn run(command: &mut Command, mark: Mark<'_>, deadline: Instant, stop: &Stop, log: &mut (dyn Write + Send)) -> Result<Ended, Fault> {
    use std::os::unix::process::CommandExt;
    let pipes = || -> io::Result<_> {
        let ((reader, writer), (over, last)) = (io::pipe()?, io::pipe()?);
        Ok((reader, writer.try_clone()?, writer, over, last))
    };
    let (mut reader, out, err, over, last) = pipes().map_err(|error| Fault::io("a pipe can't be made", &error))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err).env(MARK, mark.text).process_group(0);
    let mut child =
        command.spawn().map_err(|error| Fault::io(format_args!("`{}` can't be started", command.get_program().display()), &error))?;
    // The command holds the ends of the pipe that the child writes to.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| Fault("a process has no number".to_owned()))?;
    let (sender, messages) = mpsc::channel();
    let exited = sender.clone();
    let _listening = stop.listen(move |cause| drop(sender.send(Message::Stop(cause))));
    let mut ended = None;
    thread::scope(|scope| {
        let reading = scope.spawn(move || copy(&mut reader, &over, log));
        scope.spawn(move || {
            // The process stays known until it is reaped below, so that its number is nobody else's while it is signalled.
            while matches!(waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT), Err(rustix::io::Errno::INTR)) {}
            let _ = exited.send(Message::Exited);
        });
        ended = wait(id, &messages, deadline);
        // Nothing of the job outlives its script, which otherwise would hold the pipe open, too.
        let _ = kill_process_group(id, Signal::KILL);
        end_marked(mark);
        // Only a process that hides from us still holds the pipe; what it would print is nobody's.
        drop(last);
        let _ = reading.join();
    });
    let status = child.wait().map_err(|error| Fault::io("a process can't be waited for", &error))?;
    Ok(ended.unwrap_or(Ended::Code(code(status))))
}

/// Waits until the process ends; where it has to, makes it. Nothing where it ended by itself.
fn wait(id: Pid, messages: &mpsc::Receiver<Message>, deadline: Instant) -> Option<Ended> {
    let mut ended = None;
    let mut until = deadline;
    loop {
        match messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Message::Exited) | Err(RecvTimeoutError::Disconnected) => return ended,
            Ok(Message::Stop(Cause::Killed)) => {
                ended.get_or_insert(Ended::Stopped);
                until = Instant::now();
            }
            Ok(Message::Stop(Cause::Canceled | Cause::Interrupted)) if ended.is_none() => {
                ended = Some(Ended::Stopped);
                until = ask(id);
            }
            Ok(Message::Stop(_)) => {}
            Err(RecvTimeoutError::Timeout) if ended.is_none() => {
                ended = Some(Ended::Timeout);
                until = ask(id);
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = kill_process_group(id, Signal::KILL);
                until = Instant::now() + GRACE;
            }
        }
    }
}

/// Asks a group to end. Gives when it is made to.
fn ask(id: Pid) -> Instant {
    let _ = kill_process_group(id, Signal::TERM);
    Instant::now() + GRACE
}

/// Copies what is printed until nobody can print any more, or until the other end of `over` is closed and there is nothing left. Where the log can't be
/// written any more, the rest is read and dropped, so that the job does not hang.
fn copy(reader: &mut io::PipeReader, over: &io::PipeReader, log: &mut (dyn Write + Send)) {
    let mut buffer = [0; 16 * 1024];
    let mut works = true;
    loop {
        let mut fds = [PollFd::new(&*reader, PollFlags::IN), PollFd::new(over, PollFlags::IN)];
        if poll(&mut fds, None).is_err() {
            continue;
        }
        let [readable, ended] = fds.map(|fd| !fd.revents().is_empty());
        if !readable && ended {
            return;
        }
        match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => works = works && log.write_all(&buffer[..count]).is_ok(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// The exit code as a shell gives it: 128 and the signal for a process that one ended.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

/// How the processes of a job are known.
#[derive(Clone, Copy, Debug)]
pub struct Mark<'a> {
    /// The value of [`MARK`] in their environment.
    pub text: &'a str,
    /// Processes that cannot be of the job, since they ran before: their numbers.
    pub before: &'a BTreeSet<i32>,
}

/// Ends every process that is marked, also one that left its group. Where the system does not show environments, there are none.
pub fn end_marked(mark: Mark<'_>) {
    // A process may start others while they are looked for.
    for _ in 0..10 {
        let found = marked(mark);
        if found.is_empty() {
            return;
        }
        for id in found {
            let _ = rustix::process::kill_process(id, Signal::KILL);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// The processes, without those that only wait to be reaped, whose mark begins with that of `mark`.
fn marked(mark: Mark<'_>) -> Vec<Pid> {
    let wanted = format!("{MARK}={}", mark.text);
    let has = |id: &i32| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(wanted.as_bytes()))
    };
    all().into_iter().filter(|id| !mark.before.contains(id)).filter(has).filter_map(Pid::from_raw).collect()
}

/// The numbers of all processes, where the system shows them.
pub fn all() -> BTreeSet<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return BTreeSet::new() };
    processes.filter_map(Result::ok).filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).collect()
}
