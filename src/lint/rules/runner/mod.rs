//! Rules about the configuration of runners.

pub mod dind_needs_privileged;
pub mod job_image_not_allowed;
mod keys;
pub mod runner_docker_sock_bind;
pub mod runner_privileged_and_open;
pub mod runner_service_wait_disabled;
pub mod runner_tls_verify_misread;
pub mod runner_unknown_key;
