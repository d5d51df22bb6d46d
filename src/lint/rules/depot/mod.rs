//! Rules about Depot.

pub mod depot_build_without_output;
pub mod depot_conflicting_outputs;
pub mod depot_image_entrypoint;
pub mod depot_load_multi_platform;
pub mod depot_load_without_daemon;
pub mod depot_needless_dind;
pub mod depot_not_on_path;
pub mod depot_oidc_blocked_or_misconfigured;
pub mod depot_project_unknown;
pub mod depot_sbom_lost;
pub mod depot_token_flag;
pub mod depot_user_token_in_ci;
