//! All rules, by family. A test compares this list with the folder.

use crate::lint::Rule;

mod buildkit {
    pub mod buildx_create_with_tls_env;
}
mod dagger {
    pub mod dagger_no_container_cli;
}
mod depot {
    pub mod depot_build_without_output;
    pub mod depot_needless_dind;
    pub mod depot_not_on_path;
    pub mod depot_project_unknown;
}
mod install {
    pub mod tool_missing_in_image;
}
mod registry {
    pub mod docker_auth_config_misuse;
    pub mod legacy_ci_variables;
    pub mod login_lost_by_before_script;
    pub mod login_registry_mismatch;
    pub mod password_on_command_line;
    pub mod push_without_login;
}
mod secrets {
    pub mod hard_coded_token;
    pub mod secret_in_build_arg;
    pub mod self_referencing_variable;
}

/// Every rule, by id.
pub static RULES: &[&Rule] = &[
    &buildkit::buildx_create_with_tls_env::RULE,
    &dagger::dagger_no_container_cli::RULE,
    &depot::depot_build_without_output::RULE,
    &depot::depot_project_unknown::RULE,
    &depot::depot_needless_dind::RULE,
    &depot::depot_not_on_path::RULE,
    &install::tool_missing_in_image::RULE,
    &registry::login_lost_by_before_script::RULE,
    &registry::push_without_login::RULE,
    &registry::login_registry_mismatch::RULE,
    &registry::password_on_command_line::RULE,
    &registry::legacy_ci_variables::RULE,
    &registry::docker_auth_config_misuse::RULE,
    &secrets::self_referencing_variable::RULE,
    &secrets::hard_coded_token::RULE,
    &secrets::secret_in_build_arg::RULE,
];
