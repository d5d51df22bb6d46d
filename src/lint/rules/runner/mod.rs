//! Rules about the configuration of runners.

pub mod dind_needs_privileged;
pub mod runner_docker_sock_bind;
pub mod runner_privileged_and_open;
