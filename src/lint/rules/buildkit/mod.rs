//! Rules about Buildx and builders.

pub mod builder_ignores_daemon_config;
pub mod builder_image_entrypoint;
pub mod buildkit_rootless_flags;
pub mod buildx_create_with_tls_env;
pub mod buildx_no_output;
pub mod cache_export_on_docker_driver;
pub mod docker_buildkit_variable;
pub mod inline_cache_incomplete;
pub mod kaniko_archived;
pub mod multi_platform_on_docker_driver;
