//! A connection to the engine that the docker command line would talk to: a socket, TCP with TLS or without, or SSH.

use std::future::Future;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};

use crate::run::live::docker::address::Address;
use crate::run::live::executor::Fault;

/// How long one answer of the engine may take, in seconds; what streams may take longer.
const TIMEOUT: u64 = 600;

/// A connection, with the thread's own runtime.
pub struct Client {
    pub docker: Docker,
    address: Address,
    pub runtime: tokio::runtime::Runtime,
}

impl Client {
    /// A connection to the engine at an address.
    ///
    /// # Errors
    /// [`Fault`] where its address or its certificates can't be used.
    pub fn new(address: &Address) -> Result<Self, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::io("no runtime can be made", &error))?;
        let docker = runtime
            .block_on(async { connection(address) })
            .map_err(|error| failed(&format!("the Docker engine at {address} can't be reached"), &error))?;
        Ok(Self { docker, address: address.clone(), runtime })
    }

    /// Waits for an answer.
    pub fn wait<F: Future>(&self, answer: F) -> F::Output {
        self.runtime.block_on(answer)
    }

    /// Asks the engine whether it is there.
    ///
    /// # Errors
    /// [`Fault`] where it does not answer.
    pub fn ping(&self) -> Result<(), Fault> {
        let answer = self.wait(async { tokio::time::timeout(Duration::from_secs(20), self.docker.ping()).await });
        let address = &self.address;
        match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                Err(failed(&format!("no Docker engine answers at {address}; `DOCKER_HOST` or `DOCKER_CONTEXT` says where it is"), &error))
            }
            Err(_) => Err(Fault(format!("the Docker engine at {address} does not answer within 20 seconds"))),
        }
    }
}

fn connection(address: &Address) -> Result<Docker, Error> {
    let Some(host) = &address.host else { return Docker::connect_with_local_defaults() };
    if host.starts_with("unix://") || host.starts_with("npipe://") {
        return Docker::connect_with_socket(host, TIMEOUT, API_DEFAULT_VERSION);
    }
    if host.starts_with("ssh://") {
        return Docker::connect_with_ssh(host, TIMEOUT, API_DEFAULT_VERSION, None);
    }
    let Some(folder) = &address.tls else { return Docker::connect_with_http(host, TIMEOUT, API_DEFAULT_VERSION) };
    let [key, certificate, authority] = ["key.pem", "cert.pem", "ca.pem"].map(|file| folder.join(file));
    Docker::connect_with_ssl(host, &key, &certificate, &authority, TIMEOUT, API_DEFAULT_VERSION)
}

/// What the engine says against something.
pub fn failed(what: &str, error: &Error) -> Fault {
    match error {
        Error::DockerResponseServerError { message, .. } => Fault(format!("{what}: {}", message.trim())),
        other => {
            // The causes say more than the error itself does.
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(inner) = cause {
                let said = inner.to_string();
                if !text.contains(&said) {
                    text = format!("{text}: {said}");
                }
                cause = inner.source();
            }
            let is_gone = ["connect", "closed"].iter().any(|word| text.to_lowercase().contains(word));
            Fault(if is_gone { format!("{what}, since the Docker engine does not answer: {text}") } else { format!("{what}: {text}") })
        }
    }
}

/// Whether the engine does not know what it was asked for.
pub fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}
