//! Rules about the Docker daemon of a job: the service, its names, its version and its network.

pub mod dind_floating_tag;
pub mod dind_mtu;
pub mod dind_registry_path_without_alias;
pub mod dind_service_unused;
pub mod docker_host_missing_in_custom_image;
pub mod docker_host_unknown_alias;
pub mod docker_without_daemon;
