//! What runs of this machine that ended left at an engine, removed.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use bollard::query_parameters::{ListContainersOptions, ListNetworksOptions, ListVolumesOptions, RemoveVolumeOptions};

use crate::run::live::docker::client::Client;
use crate::run::live::docker::container::{FOLDER_LABEL, MACHINE_LABEL, machine, remove};
use crate::run::live::leftover::LOCK;

/// Removes the containers, networks and volumes of runs that nobody holds. What can't be removed stays for the next run.
pub fn sweep(client: &Client) {
    let filters = HashMap::from([("label".to_owned(), vec![format!("{MACHINE_LABEL}={}", machine()), FOLDER_LABEL.to_owned()])]);
    let is_left = |labels: &HashMap<String, String>| labels.get(FOLDER_LABEL).is_some_and(|folder| is_over(Path::new(folder)));
    let options = ListContainersOptions { all: true, filters: Some(filters.clone()), ..ListContainersOptions::default() };
    for container in client.wait(client.docker.list_containers(Some(options))).unwrap_or_default() {
        if let (Some(id), true) = (&container.id, container.labels.as_ref().is_some_and(is_left)) {
            remove(client, id);
        }
    }
    let networks = client.wait(client.docker.list_networks(Some(ListNetworksOptions { filters: Some(filters.clone()) })));
    for network in networks.unwrap_or_default() {
        if let (Some(id), true) = (&network.id, network.labels.as_ref().is_some_and(is_left)) {
            let _ = client.wait(client.docker.remove_network(id));
        }
    }
    let volumes = client.wait(client.docker.list_volumes(Some(ListVolumesOptions { filters: Some(filters) })));
    for volume in volumes.ok().and_then(|answer| answer.volumes).unwrap_or_default() {
        if is_left(&volume.labels) {
            let _ = client.wait(client.docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>));
        }
    }
}

/// Whether nobody holds the folder of a run; one that was kept has no lock.
fn is_over(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => !folder.exists(),
    }
}
