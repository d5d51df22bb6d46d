//! Containers made, started, followed to their ends and removed.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::models::{ContainerCreateBody, EndpointSettings, HostConfig, NetworkingConfig};
use bollard::query_parameters::{
    AttachContainerOptions, CreateContainerOptions, InspectContainerOptions, KillContainerOptions, RemoveContainerOptions,
    StartContainerOptions,
};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use crate::run::live::docker::client::{Client, failed};
use crate::run::live::executor::{Ended, Fault};
use crate::run::live::stop::{Cause, Stop};
use crate::run::script::to_read;
use crate::run::task::Container;
use crate::run::variables::Values;

/// How long a job that was asked to end has for it. The first process of a container ends by itself only if it wants to.
const GRACE: Duration = Duration::from_secs(3);

/// What is written on all that belongs to a run, so that it can be found again.
#[derive(Clone, Debug)]
pub struct Labels {
    folder: String,
}

/// The folder of the run.
pub const FOLDER_LABEL: &str = "undind.folder";
/// The machine that the run is on, since an engine may serve several.
pub const MACHINE_LABEL: &str = "undind.machine";

impl Labels {
    /// The labels of the run whose folder is `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_string_lossy().into_owned() }
    }

    /// As the engine takes them.
    pub fn map(&self) -> HashMap<String, String> {
        HashMap::from([(FOLDER_LABEL.to_owned(), self.folder.clone()), (MACHINE_LABEL.to_owned(), machine())])
    }
}

/// What this machine is known by.
pub fn machine() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").or_else(|_| std::fs::read_to_string("/proc/sys/kernel/hostname"));
    id.map(|id| id.trim().to_owned()).ok().filter(|id| !id.is_empty()).unwrap_or_else(|| std::env::consts::OS.to_owned())
}

/// What a container is made of.
pub struct Built<'a> {
    pub of: &'a Container,
    pub values: &'a Values,
    /// Variables that it does not get.
    pub hidden: Option<&'a BTreeSet<String>>,
    pub network: &'a str,
    pub aliases: Vec<String>,
    /// Volumes with the folders that they are.
    pub volumes: Vec<String>,
    pub privileged: bool,
    /// Whether it reads something that it is given.
    pub reads: bool,
}

/// Makes a container that runs `command`. Gives its id.
///
/// # Errors
/// [`Fault`] where the engine refuses.
pub fn create(client: &Client, built: &Built<'_>, command: Option<Vec<String>>, labels: &Labels) -> Result<String, Fault> {
    let shown = built.values.iter().filter(|(name, _)| built.hidden.is_none_or(|hidden| !hidden.contains(*name)));
    let own = built.of.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    // What is set last counts.
    let variables: HashMap<&str, &str> = shown.chain(own).collect();
    let mut env: Vec<String> = variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    env.sort_unstable();
    let endpoint = EndpointSettings { aliases: Some(built.aliases.clone()), ..EndpointSettings::default() };
    let body = ContainerCreateBody {
        image: Some(built.of.image.clone()),
        env: Some(env),
        cmd: command,
        open_stdin: Some(built.reads),
        stdin_once: Some(built.reads),
        entrypoint: built.of.entrypoint.clone(),
        user: built.of.user.clone(),
        labels: Some(labels.map()),
        host_config: Some(HostConfig {
            binds: Some(built.volumes.clone()),
            privileged: Some(built.privileged),
            network_mode: Some(built.network.to_owned()),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig { endpoints_config: Some(HashMap::from([(built.network.to_owned(), endpoint)])) }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptions { platform: built.of.platform.clone().unwrap_or_default(), ..CreateContainerOptions::default() };
    let made = client.wait(client.docker.create_container(Some(options), body));
    made.map(|made| made.id).map_err(|error| failed(&format!("no container of `{}` can be made", built.of.image), &error))
}

/// The command that starts the best shell that an image has (gitlab-runner, `shells.BashDetectShellScript`), which reads its script. An entrypoint may make
/// something else of it, which then reads the script.
pub fn shell() -> Vec<String> {
    let mut text = String::new();
    for program in ["/usr/local/bin/bash", "/usr/bin/bash", "/bin/bash", "/usr/local/bin/sh", "/usr/bin/sh", "/bin/sh", "/busybox/sh"] {
        text.push_str(&format!("if [ -x {program} ]; then exec {program}; fi\n"));
    }
    vec!["sh".to_owned(), "-c".to_owned(), text + "echo 'the image has no shell'; exit 1"]
}

/// Starts a container.
///
/// # Errors
/// [`Fault`] where it can't be.
pub fn start(client: &Client, id: &str) -> Result<(), Fault> {
    client
        .wait(client.docker.start_container(id, None::<StartContainerOptions>))
        .map_err(|error| failed("the container can't be started", &error))
}

/// Starts a container, gives it `script` to read and follows it to its end, what it prints going to `log`.
///
/// # Errors
/// [`Fault`] where it can't be started, or the engine is gone.
pub fn run(client: &Client, id: &str, script: &str, deadline: Instant, stop: &Stop, log: &mut (dyn Write + Send)) -> Result<Ended, Fault> {
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let _listening = stop.listen(move |cause| {
        // Once nobody waits for it, it is of no use.
        let _ = sender.send(cause);
    });
    let script = to_read(script);
    client.wait(async {
        let options = AttachContainerOptions { stream: true, stdin: true, stdout: true, stderr: true, ..AttachContainerOptions::default() };
        let attached = client.docker.attach_container(id, Some(options)).await;
        let AttachContainerResults { mut output, mut input } =
            attached.map_err(|error| failed("the container can't be reached", &error))?;
        let started = client.docker.start_container(id, None::<StartContainerOptions>).await;
        started.map_err(|error| failed("the container can't be started", &error))?;
        // Whoever reads too little is none of ours.
        tokio::spawn(async move { input.write_all(script.as_bytes()).await.and(input.shutdown().await) });
        let mut ended = None;
        let mut works = true;
        let mut until = deadline;
        let mut listens = true;
        loop {
            let moment = tokio::time::Instant::from_std(until);
            tokio::select! {
                piece = output.next() => match piece {
                    Some(Ok(LogOutput::StdOut { message } | LogOutput::StdErr { message } | LogOutput::Console { message })) => {
                        works = works && log.write_all(&message).is_ok();
                    }
                    Some(Ok(LogOutput::StdIn { .. })) => {}
                    Some(Err(error)) => return Err(failed("the Docker engine ended the job's output", &error)),
                    None => break,
                },
                cause = told.recv(), if listens => match cause {
                    Some(Cause::Killed) => until = Instant::now(),
                    Some(Cause::Canceled | Cause::Interrupted) if ended.is_none() => {
                        ended = Some(Ended::Stopped);
                        until = signal(client, id, "SIGTERM").await;
                    }
                    Some(Cause::Canceled | Cause::Interrupted) => {}
                    None => listens = false,
                },
                () = tokio::time::sleep_until(moment) => {
                    let signal_name = if ended.is_none() { "SIGTERM" } else { "SIGKILL" };
                    ended.get_or_insert(if stop.cause().is_some() { Ended::Stopped } else { Ended::Timeout });
                    until = signal(client, id, signal_name).await;
                }
            }
        }
        let code = code(client, id).await?;
        Ok(ended.unwrap_or(Ended::Code(code)))
    })
}

/// Sends a signal. Gives when the next is due.
async fn signal(client: &Client, id: &str, name: &str) -> Instant {
    // It may have ended by itself.
    let _ = client.docker.kill_container(id, Some(KillContainerOptions { signal: name.to_owned() })).await;
    Instant::now() + GRACE
}

/// The exit code of a container whose output ended.
async fn code(client: &Client, id: &str) -> Result<i32, Fault> {
    for _ in 0..3000 {
        let state = client.docker.inspect_container(id, None::<InspectContainerOptions>).await;
        let state = state.map_err(|error| failed("the container's end is not known", &error))?.state.unwrap_or_default();
        if state.running != Some(true) {
            return match (state.exit_code, state.error.filter(|error| !error.is_empty())) {
                (_, Some(error)) => Err(Fault(format!("the container could not run: {error}"))),
                (code, None) => Ok(code.and_then(|code| i32::try_from(code).ok()).unwrap_or(1)),
            };
        }
        // Its output may end a moment before it does.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(Fault("the container closed its output and runs on".to_owned()))
}

/// Removes a container with its anonymous volumes.
pub fn remove(client: &Client, id: &str) {
    let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
    let _ = client.wait(client.docker.remove_container(id, Some(options)));
}
