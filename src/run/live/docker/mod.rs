//! Jobs in containers, through the Docker Engine's API (<https://docs.gitlab.com/runner/executors/docker/>): a network, a volume for the builds and one for
//! the certificates of a daemon for each job, its services beside it. Files go in and out as tar streams, so that the engine may be anywhere. The one
//! place of the library that is asynchronous.

mod address;
mod client;
mod container;
mod files;
mod image;
mod registry;
mod service;
mod sweep;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};

use crate::run::live::executor::{Ended, Executor, Fault, Place, Site};
use crate::run::live::stop::Stop;
use crate::run::task::{Container, Task};
use crate::run::variables::Values;
use crate::run::wanted::Wanted;
use address::Address;
use client::{Client, failed};
use container::{Built, Labels};
use files::Modes;
use registry::Registry;

/// The folder of all builds, in containers.
const BUILDS: &str = "/builds";

/// Where a daemon that is a service leaves the certificates for its clients (<https://docs.gitlab.com/ci/docker/using_docker_build/>).
const CERTIFICATES: &str = "/certs/client";

/// Runs jobs in containers.
#[derive(Debug)]
pub struct Docker {
    /// Whether containers get all that the host has, as a Docker daemon in a container needs it.
    pub privileged: bool,
    /// The image of jobs that name none.
    pub image: Option<String>,
    /// A registry without TLS, which daemons that are services are told of.
    pub registry: Option<String>,
    /// How long the services of a job may take until they listen; with nothing, nobody waits.
    pub service_timeout: Duration,
    /// Where the engine is, whatever becomes of the user's configuration meanwhile.
    address: Address,
    /// A registry of its own.
    own: Option<Registry>,
}

impl Docker {
    /// An executor whose engine answers, after what ended runs left there was removed. The
    /// arguments are the fields of these names. Services have 30 seconds.
    ///
    /// # Errors
    /// [`Fault`] where there is no engine, or it does not answer.
    pub fn new(privileged: bool, image: Option<String>, registry: Option<String>) -> Result<Self, Fault> {
        let address = Address::of(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))?;
        let client = Client::new(&address)?;
        client.ping()?;
        sweep::sweep(&client);
        Ok(Self { privileged, image, registry, service_timeout: service::TIMEOUT, address, own: None })
    }
}

impl Docker {
    /// The address of the registry that [`Docker::start_registry`] starts, as jobs reach it.
    pub const REGISTRY: &str = registry::ADDRESS;

    /// Starts a registry without TLS for what jobs push, which goes with the executor.
    ///
    /// # Errors
    /// [`Fault`] where its image can't be had, it can't be started, or `stop` is told.
    pub fn start_registry(&mut self, stop: &Stop) -> Result<(), Fault> {
        self.own = Some(Registry::start(&Client::new(&self.address)?, stop)?);
        Ok(())
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let (Some(registry), Ok(client)) = (&self.own, Client::new(&self.address)) {
            registry.end(&client);
        }
    }
}

impl Executor for Docker {
    fn directories(&self, site: &Site<'_>) -> (String, String) {
        (format!("{BUILDS}/{}", site.project), BUILDS.to_owned())
    }

    fn sees_project(&self) -> bool {
        false
    }

    fn published(&self) -> Vec<String> {
        match (&self.own, Client::new(&self.address)) {
            (Some(registry), Ok(client)) => registry.images(&client),
            _ => Vec::new(),
        }
    }

    fn open<'e>(&'e self, task: &Task, site: &Site<'_>, stop: &Stop) -> Result<Box<dyn Place + 'e>, Fault> {
        let image = match (&task.image, &self.image) {
            (Some(image), _) => image.clone(),
            (None, Some(name)) => Container { image: name.clone(), ..Container::default() },
            (None, None) => return Err(Fault("the job names no image, and none is given for such jobs (`--default-image`)".to_owned())),
        };
        let client = Client::new(&self.address)?;
        let run = site.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = format!("{run}-{}", site.name);
        let (project, _) = self.directories(site);
        let labels = Labels::new(site.folder);
        let mut job =
            Job { docker: self, client, name, project, labels, containers: Vec::new(), job: None, warnings: Vec::new(), kept: false };
        job.make(task, &image, site, stop)?;
        Ok(Box::new(job))
    }
}

/// The containers of a job, its network and its volumes, all of one name.
struct Job<'e> {
    docker: &'e Docker,
    client: Client,
    name: String,
    project: String,
    labels: Labels,
    /// The ids of all containers.
    containers: Vec<String>,
    /// The container of the job itself.
    job: Option<String>,
    warnings: Vec<String>,
    kept: bool,
}

impl Job<'_> {
    fn make(&mut self, task: &Task, image: &Container, site: &Site<'_>, stop: &Stop) -> Result<(), Fault> {
        let services: Vec<&Container> = task.services.iter().filter(|service| !service.image.is_empty()).collect();
        for container in std::iter::once(&image).chain(&services) {
            image::provide(&self.client, container, &task.values, stop)?;
        }
        self.network()?;
        if let Some(registry) = &self.docker.own {
            registry.join(&self.client, &self.name)?;
        }
        for name in self.volumes() {
            let request = VolumeCreateRequest { name: Some(name), labels: Some(self.labels.map()), ..VolumeCreateRequest::default() };
            self.client.wait(self.client.docker.create_volume(request)).map_err(|error| failed("a volume can't be made", &error))?;
        }
        let services = self.services(&services, task)?;
        let built = Built {
            of: image,
            values: &task.values,
            hidden: None,
            network: &self.name,
            aliases: vec!["build".to_owned()],
            volumes: self.binds(),
            privileged: self.docker.privileged,
            reads: true,
        };
        let id = container::create(&self.client, &built, Some(container::shell()), &self.labels)?;
        self.containers.push(id.clone());
        self.job = Some(id.clone());
        let folders = [self.project.as_str()];
        files::make_folders(&self.client, &id, &folders)?;
        for folder in site.source.folders_of(task)? {
            files::put(&self.client, &id, folder, &self.project, Modes::Open)?;
        }
        self.warnings.extend(service::ready(&self.client, &services, self.docker.service_timeout.min(task.timeout), stop));
        Ok(())
    }

    /// Starts the services. Gives their ids and images. One whose names all are those of others is left out (gitlab-runner, `services.go`).
    fn services(&mut self, services: &[&Container], task: &Task) -> Result<Vec<(String, String)>, Fault> {
        let mut started = Vec::new();
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for service in services {
            let names: Vec<String> = service::names(service).into_iter().filter(|name| taken.insert(name.clone())).collect();
            if names.is_empty() {
                self.warnings.push(format!("the service `{}` is left out: another one has its names", service.image));
                continue;
            }
            let built = Built {
                of: service,
                values: &task.values,
                hidden: Some(&task.private),
                network: &self.name,
                aliases: names,
                volumes: self.binds(),
                privileged: self.docker.privileged,
                reads: false,
            };
            let command = service::command(service, self.docker.registry.as_deref());
            let id = container::create(&self.client, &built, command, &self.labels)?;
            self.containers.push(id.clone());
            match container::start(&self.client, &id) {
                Ok(()) => started.push((id, service.image.clone())),
                Err(fault) => self.warnings.push(format!("the service `{}` can't be started: {}", service.image, fault.0)),
            }
        }
        Ok(started)
    }

    fn network(&self) -> Result<(), Fault> {
        let request = NetworkCreateRequest { name: self.name.clone(), labels: Some(self.labels.map()), ..NetworkCreateRequest::default() };
        self.client.wait(self.client.docker.create_network(request)).map(drop).map_err(|error| failed("a network can't be made", &error))
    }

    fn volumes(&self) -> [String; 2] {
        [format!("{}-builds", self.name), format!("{}-certs", self.name)]
    }

    /// The volumes with the folders that they are.
    fn binds(&self) -> Vec<String> {
        self.volumes().iter().zip([BUILDS, CERTIFICATES]).map(|(volume, folder)| format!("{volume}:{folder}")).collect()
    }

    fn id(&self) -> Result<&str, Fault> {
        self.job.as_deref().ok_or_else(|| Fault("the job has no container".to_owned()))
    }
}

impl Place for Job<'_> {
    fn put(&mut self, from: &Path) -> Result<(), Fault> {
        files::put(&self.client, self.id()?, from, &self.project, Modes::Kept)
    }

    fn write(&mut self, path: &str, text: &str) -> Result<(), Fault> {
        files::put_text(&self.client, self.id()?, text, path)
    }

    fn run(
        &mut self,
        script: &str,
        _values: &Values,
        deadline: Instant,
        stop: &Stop,
        log: &mut (dyn Write + Send),
    ) -> Result<Ended, Fault> {
        let id = self.id()?.to_owned();
        container::run(&self.client, &id, script, deadline, stop, log)
    }

    fn take(&mut self, wanted: &mut Wanted, to: &Path) -> Result<usize, Fault> {
        files::take(&self.client, self.id()?, &self.project, wanted, to)
    }

    fn warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn keep(&mut self) -> String {
        self.kept = true;
        format!("{} of the container {}", self.project, self.name)
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // What can't be removed now is a leftover, which the next run removes.
        for id in self.containers.iter().rev() {
            container::remove(&self.client, id);
        }
        if let Some(registry) = &self.docker.own {
            registry.leave(&self.client, &self.name);
        }
        let _ = self.client.wait(self.client.docker.remove_network(&self.name));
        for volume in self.volumes() {
            let _ = self.client.wait(self.client.docker.remove_volume(&volume, None::<bollard::query_parameters::RemoveVolumeOptions>));
        }
    }
}
