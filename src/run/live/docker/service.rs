//! Services: the names that they answer to, and the moment at which they do (gitlab-runner, `executors/docker/services.go`).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::{InspectContainerOptions, LogsOptions};
use futures_util::StreamExt;

use crate::docker::reference::Reference;
use crate::docker::service_names;
use crate::run::live::docker::client::Client;
use crate::run::live::stop::Stop;
use crate::run::task::Container;

/// How long services have to be ready where nobody says otherwise, as in GitLab Runner.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// How often a service is asked.
const PAUSE: Duration = Duration::from_millis(50);

/// How often in a row an image that shows no sockets is asked again.
const BLIND: usize = 4;

/// The names by which a job reaches `service`.
pub fn names(service: &Container) -> Vec<String> {
    let mut names = service_names(&service.image);
    names.extend(service.aliases.iter().filter(|alias| !names.contains(alias)).cloned().collect::<Vec<_>>());
    names
}

/// The command of `service`. A Docker daemon takes `registry` as one without TLS, besides what its own command says.
pub fn command(service: &Container, registry: Option<&str>) -> Option<Vec<String>> {
    let is_daemon = Reference::parse(&service.image).is_some_and(|reference| reference.tag.is_some_and(|tag| tag.contains("dind")));
    let mut command = service.command.clone();
    if let Some(registry) = registry.filter(|_| is_daemon && service.entrypoint.is_none()) {
        command.get_or_insert_default().push(format!("--insecure-registry={registry}"));
    }
    command
}

/// Waits until each of `services`, ids with their images, listens on one of the ports that its image exposes; one without such ports need only run. Gives
/// warnings of those that ended or are not ready after `timeout`: with GitLab Runner, too, the job finds out.
pub fn ready(client: &Client, services: &[(String, String)], timeout: Duration, stop: &Stop) -> Vec<String> {
    if timeout.is_zero() {
        return Vec::new();
    }
    let began = Instant::now();
    services.iter().filter_map(|(id, image)| not_ready(client, id, image, (began, timeout), stop)).collect()
}

/// Waits for one service. Gives why it is not ready.
fn not_ready(client: &Client, id: &str, image: &str, (began, timeout): (Instant, Duration), stop: &Stop) -> Option<String> {
    let ports = ports(client, id);
    let mut blind = 0;
    loop {
        if let Some(code) = ended(client, id) {
            return Some(format!("the service `{image}` ended with exit code {code} before the job began{}", last_lines(client, id)));
        }
        if ports.is_empty() || stop.cause().is_some() {
            return None;
        }
        if began.elapsed() >= timeout {
            let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            return Some(format!(
                "the service `{image}` listens on none of its ports ({ports}) after {} s{}",
                timeout.as_secs(),
                last_lines(client, id)
            ));
        }
        match listening(client, id) {
            Some(listening) if listening.is_disjoint(&ports) => blind = 0,
            Some(_) => return None,
            // An image that can't show its sockets gets a moment. Once is not enough to say so: a container that begins may refuse commands.
            None if blind == BLIND => return None,
            None => {
                blind += 1;
                std::thread::sleep(Duration::from_millis(250));
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// The TCP ports that the image of a container exposes.
fn ports(client: &Client, id: &str) -> BTreeSet<u16> {
    let inspected = client.wait(client.docker.inspect_container(id, None::<InspectContainerOptions>)).ok();
    let exposed = inspected.and_then(|inspected| inspected.config).and_then(|config| config.exposed_ports).unwrap_or_default();
    exposed.iter().filter_map(|port| port.strip_suffix("/tcp").unwrap_or(port).parse().ok()).collect()
}

/// The exit code of a container that does not run any more.
fn ended(client: &Client, id: &str) -> Option<i64> {
    let state = client.wait(client.docker.inspect_container(id, None::<InspectContainerOptions>)).ok()?.state?;
    (state.running == Some(false)).then(|| state.exit_code.unwrap_or_default())
}

/// The TCP ports on which something in a container listens for others; nothing where its image has no `cat` to show them.
fn listening(client: &Client, id: &str) -> Option<BTreeSet<u16>> {
    let command = ["cat", "/proc/net/tcp", "/proc/net/tcp6"].map(str::to_owned).to_vec();
    let config = ExecConfig { cmd: Some(command), attach_stdout: Some(true), user: Some("0".to_owned()), ..ExecConfig::default() };
    let text = client.wait(async {
        let exec = client.docker.create_exec(id, config).await.ok()?;
        let StartExecResults::Attached { mut output, .. } = client.docker.start_exec(&exec.id, None::<StartExecOptions>).await.ok()? else {
            return None;
        };
        let mut text = Vec::new();
        while let Some(Ok(piece)) = output.next().await {
            text.extend_from_slice(&piece.into_bytes());
        }
        Some(String::from_utf8_lossy(&text).into_owned())
    })?;
    text.contains("local_address").then(|| sockets(&text))
}

/// The ports of the lines of `/proc/net/tcp` that are listening sockets (state `0A`) on more than the loopback address.
fn sockets(text: &str) -> BTreeSet<u16> {
    let listening = text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (address, state) = (fields.next()?, fields.nth(1)?);
        let (host, port) = address.split_once(':')?;
        let is_loopback = host == "0100007F" || host == "00000000000000000000000001000000";
        (state == "0A" && !is_loopback).then(|| u16::from_str_radix(port, 16).ok()).flatten()
    });
    listening.collect()
}

/// The end of what a container printed, for a message.
fn last_lines(client: &Client, id: &str) -> String {
    let options = LogsOptions { stdout: true, stderr: true, tail: "5".to_owned(), ..LogsOptions::default() };
    let text = client.wait(async {
        let mut output = client.docker.logs(id, Some(options));
        let mut text = Vec::new();
        while let Some(Ok(piece)) = output.next().await {
            text.extend_from_slice(&piece.into_bytes());
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    });
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_read_from_the_kernels_table() {
        let text = "  sl  local_address rem_address   st tx_queue\n\
            \x20  0: 00000000:0947 00000000:0000 0A 00000000:00000000\n\
            \x20  1: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n\
            \x20  2: 0200000A:0016 0100000A:C350 01 00000000:00000000\n\
            \x20  3: 00000000000000000000000000000000:18EB 00000000000000000000000000000000:0000 0A 0\n";
        assert_eq!(sockets(text), BTreeSet::from([2375, 6379]));
    }
}
