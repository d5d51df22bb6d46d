//! Images that containers are made of, pulled where they are not there, with the credentials that the docker command line or a job would use.

use bollard::auth::DockerCredentials;
use bollard::query_parameters::CreateImageOptions;
use docker_credential::DockerCredential;
use futures_util::StreamExt;

use crate::docker::reference::Reference;
use crate::run::live::docker::client::{Client, failed, is_unknown};
use crate::run::live::executor::Fault;
use crate::run::live::stop::Stop;
use crate::run::task::Container;
use crate::run::variables::Values;

/// Sees to it that the image of `container` is there. Without a `pull_policy` it is pulled only if it is not, so that runs are quick and work offline.
///
/// # Errors
/// [`Fault`] where it can't be had, or `stop` is told.
pub fn provide(client: &Client, container: &Container, values: &Values, stop: &Stop) -> Result<(), Fault> {
    let image = container.image.as_str();
    if image.is_empty() {
        return Err(Fault("the name of an image is empty once its variables are put in".to_owned()));
    }
    let policy = container.pull.as_deref().unwrap_or("if-not-present");
    let there = match client.wait(client.docker.inspect_image(image)) {
        Ok(_) => true,
        Err(error) if is_unknown(&error) => false,
        Err(error) => return Err(failed(&format!("`{image}` can't be looked up"), &error)),
    };
    match (policy, there) {
        ("never", true) | ("if-not-present", true) => Ok(()),
        ("never", false) => Err(Fault(format!("the image `{image}` is not here, and its `pull_policy` is `never`"))),
        _ => pull(client, container, values, stop),
    }
}

fn pull(client: &Client, container: &Container, values: &Values, stop: &Stop) -> Result<(), Fault> {
    let image = &container.image;
    let has_tag = Reference::parse(image).is_some_and(|reference| reference.tag.is_some() || reference.digest.is_some());
    let from = if has_tag { image.clone() } else { format!("{image}:latest") };
    let options = CreateImageOptions {
        from_image: Some(from),
        platform: container.platform.clone().unwrap_or_default(),
        ..CreateImageOptions::default()
    };
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let _listening = stop.listen(move |cause| {
        // Once the image is there, it is of no use.
        let _ = sender.send(cause);
    });
    client.wait(async {
        let mut steps = Box::pin(client.docker.create_image(Some(options), None, credentials(image, values)));
        loop {
            let step = tokio::select! {
                step = steps.next() => step,
                _ = told.recv() => return Err(Fault("it was stopped".to_owned())),
            };
            let Some(step) = step else { return Ok(()) };
            let step = step.map_err(|error| failed(&format!("the image `{image}` can't be pulled"), &error))?;
            if let Some(error) = step.error_detail.and_then(|detail| detail.message) {
                return Err(Fault(format!("the image `{image}` can't be pulled: {error}")));
            }
        }
    })
}

/// What the job's `DOCKER_AUTH_CONFIG` has for the registry of `image`, else what the user's own configuration has.
fn credentials(image: &str, values: &Values) -> Option<DockerCredentials> {
    let registry = Reference::parse(image).and_then(|reference| reference.registry.map(|registry| registry.to_string()));
    let server = registry.filter(|registry| registry != "docker.io").unwrap_or_else(|| "https://index.docker.io/v1/".to_owned());
    let of_job =
        values.get("DOCKER_AUTH_CONFIG").and_then(|text| docker_credential::get_credential_from_reader(text.as_bytes(), &server).ok());
    let found = of_job.or_else(|| docker_credential::get_credential(&server).ok())?;
    let serveraddress = Some(server);
    Some(match found {
        DockerCredential::IdentityToken(token) => {
            DockerCredentials { identitytoken: Some(token), serveraddress, ..DockerCredentials::default() }
        }
        DockerCredential::UsernamePassword(username, password) => {
            DockerCredentials { username: Some(username), password: Some(password), serveraddress, ..DockerCredentials::default() }
        }
    })
}
