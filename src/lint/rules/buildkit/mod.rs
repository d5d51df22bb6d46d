//! Rules about Buildx and builders.

pub mod buildx_create_with_tls_env;
