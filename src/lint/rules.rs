//! All rules, by family. A test compares this list with the folder.

pub mod buildkit;
pub mod dagger;
pub mod depot;
pub mod dind;
pub mod install;
pub mod kubernetes;
pub mod pipeline;
pub mod registry;
pub mod runner;
pub mod secrets;
pub mod tls;

use crate::lint::Rule;

/// Every rule, by id.
pub static RULES: &[&Rule] = &[
    &buildkit::buildx_create_with_tls_env::RULE,
    &pipeline::include_not_found::RULE,
    &pipeline::unknown_extends::RULE,
    &pipeline::unknown_reference::RULE,
    &pipeline::invalid_value::RULE,
    &pipeline::invalid_input::RULE,
    &dagger::dagger_no_container_cli::RULE,
    &dagger::dagger_cli_unpinned::RULE,
    &dagger::dagger_engine_version_mismatch::RULE,
    &dagger::dagger_cloud_token_misuse::RULE,
    &dagger::dagger_k8s_runner_host_missing::RULE,
    &dagger::dagger_socket_not_in_job_pod::RULE,
    &dagger::dagger_legacy_runner_scheme::RULE,
    &dagger::dagger_binary_not_on_path::RULE,
    &dagger::dagger_cache_lost_with_dind::RULE,
    &depot::depot_build_without_output::RULE,
    &depot::depot_project_unknown::RULE,
    &depot::depot_needless_dind::RULE,
    &depot::depot_not_on_path::RULE,
    &dind::docker_without_daemon::RULE,
    &dind::dind_service_unused::RULE,
    &dind::docker_host_unknown_alias::RULE,
    &dind::dind_registry_path_without_alias::RULE,
    &dind::docker_host_missing_in_custom_image::RULE,
    &dind::dind_floating_tag::RULE,
    &dind::dind_mtu::RULE,
    &install::tool_missing_in_image::RULE,
    &kubernetes::k8s_dind_client_env_incomplete::RULE,
    &kubernetes::k8s_docker_host_localhost::RULE,
    &kubernetes::k8s_service_port_clash::RULE,
    &kubernetes::k8s_alias_not_dns_label::RULE,
    &kubernetes::k8s_no_service_wait::RULE,
    &kubernetes::k8s_certs_emptydir_missing::RULE,
    &kubernetes::runner_affinity_key_case::RULE,
    &kubernetes::runner_toleration_syntax::RULE,
    &kubernetes::volume_on_manager_not_on_jobs::RULE,
    &kubernetes::k8s_docker_sock_hostpath::RULE,
    &pipeline::duplicate_pipelines::RULE,
    &pipeline::rules_with_only_except::RULE,
    &pipeline::undefined_stage::RULE,
    &pipeline::needs_missing_in_pipeline::RULE,
    &pipeline::needs_undefined_job::RULE,
    &pipeline::unknown_keyword::RULE,
    &pipeline::deprecated_keyword::RULE,
    &pipeline::job_without_action::RULE,
    &pipeline::expression_syntax::RULE,
    &pipeline::circular_variables::RULE,
    &registry::login_lost_by_before_script::RULE,
    &registry::push_without_login::RULE,
    &registry::login_registry_mismatch::RULE,
    &registry::password_on_command_line::RULE,
    &registry::legacy_ci_variables::RULE,
    &registry::docker_auth_config_misuse::RULE,
    &runner::dind_needs_privileged::RULE,
    &runner::runner_unknown_key::RULE,
    &runner::runner_tls_verify_misread::RULE,
    &runner::runner_docker_sock_bind::RULE,
    &runner::runner_service_wait_disabled::RULE,
    &runner::runner_privileged_and_open::RULE,
    &runner::job_image_not_allowed::RULE,
    &secrets::self_referencing_variable::RULE,
    &secrets::hard_coded_token::RULE,
    &secrets::secret_in_build_arg::RULE,
    &tls::dind_port_tls_mismatch::RULE,
    &tls::dind_certdir_one_sided::RULE,
    &tls::docker_tls_verify_falsy::RULE,
    &tls::docker_tls_pair_incomplete::RULE,
    &tls::docker_cert_path_wrong::RULE,
];
