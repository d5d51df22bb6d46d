//! Rules about logins, credentials and pushes.

pub mod docker_auth_config_misuse;
pub mod legacy_ci_variables;
pub mod login_lost_by_before_script;
pub mod login_registry_mismatch;
pub mod password_on_command_line;
pub mod push_without_login;
