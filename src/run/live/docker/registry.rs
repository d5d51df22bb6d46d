//! A registry for what jobs push, which goes with the run.

use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{ContainerCreateBody, EndpointSettings, ExecConfig, NetworkConnectRequest, NetworkDisconnectRequest};
use bollard::query_parameters::CreateContainerOptions;
use futures_util::StreamExt;
use serde_json::Value as Json;

use crate::run::live::docker::client::{Client, failed};
use crate::run::live::docker::container::{Labels, remove, start};
use crate::run::live::docker::image;
use crate::run::live::executor::Fault;
use crate::run::live::leftover::RunFolder;
use crate::run::live::stop::Stop;
use crate::run::task::Container;
use crate::run::variables::Values;

/// The image of the registry.
const IMAGE: &str = "registry:2";

/// The name by which jobs and the daemons beside them reach it.
const HOST: &str = "registry.undind.internal";

/// Where jobs push to.
pub const ADDRESS: &str = "registry.undind.internal:5000";

/// A registry that runs.
#[derive(Debug)]
pub struct Registry {
    id: String,
    /// Says that somebody holds what its labels name.
    _folder: RunFolder,
}

impl Registry {
    /// Starts it.
    ///
    /// # Errors
    /// [`Fault`] where its image can't be had, it can't be started, or `stop` is told.
    pub fn start(client: &Client, stop: &Stop) -> Result<Self, Fault> {
        image::provide(client, &Container { image: IMAGE.to_owned(), ..Container::default() }, &Values::default(), stop)?;
        let folder = RunFolder::new()?;
        let body = ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            labels: Some(Labels::new(folder.path()).map()),
            ..ContainerCreateBody::default()
        };
        let made = client.wait(client.docker.create_container(None::<CreateContainerOptions>, body));
        let registry = Self { id: made.map_err(|error| failed("no throw-away registry can be made", &error))?.id, _folder: folder };
        start(client, &registry.id)?;
        Ok(registry)
    }

    /// Lets those in a network reach it.
    ///
    /// # Errors
    /// [`Fault`] where the engine refuses.
    pub fn join(&self, client: &Client, network: &str) -> Result<(), Fault> {
        let endpoint = EndpointSettings { aliases: Some(vec![HOST.to_owned()]), ..EndpointSettings::default() };
        let request = NetworkConnectRequest { container: self.id.clone(), endpoint_config: Some(endpoint) };
        client
            .wait(client.docker.connect_network(network, request))
            .map_err(|error| failed("the throw-away registry can't be reached", &error))
    }

    /// Leaves a network, which otherwise could not be removed.
    pub fn leave(&self, client: &Client, network: &str) {
        let request = NetworkDisconnectRequest { container: self.id.clone(), force: Some(true) };
        let _ = client.wait(client.docker.disconnect_network(network, request));
    }

    /// The names of the images that it has, sorted.
    pub fn images(&self, client: &Client) -> Vec<String> {
        let list = |path: &str, keyword: &str| -> Vec<String> {
            let json: Json = self.get(client, path).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            json[keyword].as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let tags = |name: String| list(&format!("{name}/tags/list"), "tags").into_iter().map(move |tag| format!("{name}:{tag}"));
        let mut images: Vec<String> = list("_catalog?n=1000", "repositories").into_iter().flat_map(tags).collect();
        images.sort();
        images
    }

    /// What it answers to a request.
    fn get(&self, client: &Client, path: &str) -> Option<String> {
        let address = format!("http://127.0.0.1:5000/v2/{path}");
        let config = ExecConfig {
            cmd: Some(vec!["wget".to_owned(), "-qO-".to_owned(), address]),
            attach_stdout: Some(true),
            ..ExecConfig::default()
        };
        client.wait(async {
            let exec = client.docker.create_exec(&self.id, config).await.ok()?;
            let StartExecResults::Attached { mut output, .. } = client.docker.start_exec(&exec.id, None::<StartExecOptions>).await.ok()?
            else {
                return None;
            };
            let mut text = Vec::new();
            while let Some(Ok(piece)) = output.next().await {
                text.extend_from_slice(&piece.into_bytes());
            }
            String::from_utf8(text).ok()
        })
    }

    /// Removes it.
    pub fn end(&self, client: &Client) {
        remove(client, &self.id);
    }
}
