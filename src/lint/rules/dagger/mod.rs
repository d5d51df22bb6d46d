//! Rules about Dagger.

pub mod dagger_binary_not_on_path;
pub mod dagger_cache_lost_with_dind;
pub mod dagger_cli_unpinned;
pub mod dagger_cloud_token_misuse;
pub mod dagger_engine_version_mismatch;
pub mod dagger_k8s_runner_host_missing;
pub mod dagger_legacy_runner_scheme;
pub mod dagger_no_container_cli;
pub mod dagger_socket_not_in_job_pod;
