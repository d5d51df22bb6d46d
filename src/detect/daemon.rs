//! Which daemon a job's docker commands reach, and whether both ends agree on TLS.
//!
//! The dind entrypoint listens on 2376 with TLS where `DOCKER_TLS_CERTDIR` is not empty, else on 2375 without; never on both
//! (docker-library/docker, `dockerd-entrypoint.sh`). The client image's entrypoint dials `docker` on the port that fits
//! (`docker-entrypoint.sh`). Variables from YAML and `services:variables` reach the service; those of project settings don't
//! (gitlab-runner, `GetServiceVariables`).

use crate::detect::image::{ImageFacts, ServiceFacts};
use crate::detect::variables::{Setting, expand, is_open, setting, varies};
use crate::pipeline::Job;
use crate::source::Span;

/// What kind of daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A service of the job.
    Dind,
    /// The host's socket, mounted.
    Socket,
    /// A daemon elsewhere.
    Tcp,
    /// None.
    None,
    /// Nothing in the files says where the daemon is, though Docker is used or may be.
    Unknown,
}

/// Whether client and daemon agree on TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Both use it.
    On,
    /// Neither uses it.
    Off,
    /// They don't agree: no command reaches the daemon.
    Mismatch,
    /// Not known.
    Unknown,
}

/// `DOCKER_HOST` in parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// `tcp`, `unix`, `ssh` and so on; empty where none is written.
    pub scheme: String,
    /// The host, or the path of a socket.
    pub host: String,
    /// The port, where one is written.
    pub port: Option<u16>,
}

impl Endpoint {
    /// Reads a value of `DOCKER_HOST`; none where it holds an unknown variable.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if is_open(text) {
            return None;
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        if scheme == "unix" || scheme == "npipe" {
            return Some(Self { scheme: scheme.to_owned(), host: rest.to_owned(), port: None });
        }
        let authority = rest.split('/').next().unwrap_or(rest);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (authority, None),
        };
        Some(Self { scheme: scheme.to_owned(), host: host.to_owned(), port })
    }

    /// The port that the client dials: 2375 where none is written, TLS or not (docker/cli, `opts/hosts.go`).
    #[must_use]
    pub fn dialled_port(&self) -> u16 {
        self.port.unwrap_or(2375)
    }
}

/// The daemon of a job.
#[derive(Clone, Debug)]
pub struct Daemon {
    /// What kind.
    pub kind: Kind,
    /// `DOCKER_HOST` as the client sees it: set in YAML or by the client image's entrypoint.
    pub host: Option<String>,
    /// `DOCKER_HOST` where YAML or the script sets it to something.
    pub setting: Option<Setting>,
    /// Whether both ends agree on TLS.
    pub tls: Tls,
    /// The index of the dind service among the job's services.
    pub service: Option<usize>,
    /// Where the daemon is chosen: the service, or `DOCKER_HOST`.
    pub span: Option<Span>,
}

/// What is known of a dind service's side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// `DOCKER_TLS_CERTDIR` as the service sees it; none where it is not known.
    pub certdir: Option<String>,
    /// Whether the entrypoint's defaults apply: no command, or flags only.
    pub default_command: bool,
    /// The port on which it then listens.
    pub port: Option<u16>,
}

/// What the dind service `service` of `job` listens on.
#[must_use]
pub fn listener(job: &Job, service: &ServiceFacts) -> Listener {
    let own = service.image.image.variables().and_then(|variables| variables.get("DOCKER_TLS_CERTDIR"));
    let certdir = match own {
        Some(value) => value.scalar_text().map(|text| expand(job, &text)).filter(|text| !is_open(text)),
        None if varies(job, "DOCKER_TLS_CERTDIR") => None,
        None => match setting(job, "DOCKER_TLS_CERTDIR") {
            Some(setting) => setting.is_known().then_some(setting.text),
            None => default_certdir(service),
        },
    };
    let flags_only = |command: Vec<String>| command.first().is_none_or(|first| first.starts_with('-'));
    let default_command = service.image.image.entrypoint().is_none() && service.image.image.command().is_none_or(flags_only);
    let port = certdir.as_ref().filter(|_| default_command).map(|dir| if dir.is_empty() { 2375 } else { 2376 });
    Listener { certdir, default_command, port }
}

/// `ENV DOCKER_TLS_CERTDIR=/certs` is in the images since 19.03; an image that is not official, or of unknown version, may differ. The numbers
/// in the tag of somebody's own image are no version of Docker.
fn default_certdir(service: &ServiceFacts) -> Option<String> {
    let docker = service.image.docker.as_ref()?;
    match docker.version.as_slice() {
        _ if !docker.official => None,
        [] if docker.floating => Some("/certs".to_owned()),
        [] => None,
        version if version < &[19, 3][..] && *version != [19] => Some(String::new()),
        _ => Some("/certs".to_owned()),
    }
}

/// Which daemon `job` reaches. `in_script` is `DOCKER_HOST` as its script sets it, if it does.
#[must_use]
pub fn daemon(job: &Job, image: Option<&ImageFacts>, services: &[ServiceFacts], in_script: Option<Setting>, uses_docker: bool) -> Daemon {
    let service = services.iter().position(ServiceFacts::is_dind);
    let setting = in_script.or_else(|| setting(job, "DOCKER_HOST")).filter(|setting| !setting.text.is_empty());
    let service_span = service.map(|index| services[index].image.image.value.span);
    let entrypoint = image.is_some_and(ImageFacts::runs_docker_entrypoint);
    let listener = service.map(|index| listener(job, &services[index]));
    let mut daemon = Daemon {
        kind: Kind::None,
        host: setting.as_ref().map(|setting| setting.text.clone()),
        setting,
        tls: Tls::Unknown,
        service,
        span: service_span,
    };
    let endpoint = daemon.setting.as_ref().and_then(|setting| Endpoint::parse(&setting.text));
    match (&daemon.setting, endpoint) {
        (Some(setting), Some(endpoint)) => {
            let local = matches!(endpoint.host.as_str(), "localhost" | "127.0.0.1");
            let own = service.is_some_and(|index| services[index].names.contains(&endpoint.host) || local);
            daemon.kind = match endpoint.scheme.as_str() {
                "unix" | "npipe" => Kind::Socket,
                _ if own => Kind::Dind,
                _ => Kind::Tcp,
            };
            if daemon.kind != Kind::Dind {
                daemon.span = Some(setting.span);
            }
            daemon.tls = match (daemon.kind, listener) {
                (Kind::Dind, Some(listener)) => agreement(job, &listener, &endpoint, entrypoint),
                (Kind::Dind | Kind::Socket | Kind::Tcp | Kind::None | Kind::Unknown, _) => Tls::Unknown,
            };
        }
        (Some(setting), None) => {
            daemon.kind = if service.is_some() { Kind::Dind } else { Kind::Unknown };
            daemon.span = daemon.span.or(Some(setting.span));
        }
        (None, _) if service.is_some() => {
            daemon.kind = Kind::Dind;
            if let Some(port) = listener.and_then(|listener| listener.port).filter(|_| entrypoint && !varies(job, "DOCKER_HOST")) {
                daemon.host = Some(format!("tcp://docker:{port}"));
                daemon.tls = if port == 2376 { Tls::On } else { Tls::Off };
            }
        }
        (None, _) => daemon.kind = if uses_docker { Kind::Unknown } else { Kind::None },
    }
    daemon
}

/// The decision table of listener and dial.
fn agreement(job: &Job, listener: &Listener, endpoint: &Endpoint, entrypoint: bool) -> Tls {
    let (Some(certdir), Some(port)) = (&listener.certdir, listener.port) else { return Tls::Unknown };
    if endpoint.dialled_port() != port {
        return if [2375, 2376].contains(&endpoint.dialled_port()) { Tls::Mismatch } else { Tls::Unknown };
    }
    let verify = setting(job, "DOCKER_TLS_VERIFY").filter(|setting| !setting.text.is_empty());
    if varies(job, "DOCKER_TLS_VERIFY") {
        return Tls::Unknown;
    }
    match (certdir.is_empty(), verify) {
        (true, Some(_)) => Tls::Mismatch,
        (true, None) => Tls::Off,
        (false, Some(_)) => Tls::On,
        (false, None) if entrypoint => Tls::On,
        (false, None) => Tls::Unknown,
    }
}
