//! Rules about Buildx and builders.

pub mod builder_image_entrypoint;
pub mod buildx_create_with_tls_env;
pub mod buildx_no_output;
pub mod cache_export_on_docker_driver;
pub mod multi_platform_on_docker_driver;
