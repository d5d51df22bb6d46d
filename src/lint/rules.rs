//! All rules, by family. A test compares this list with the folder.

pub mod dind;
pub mod pipeline;
pub mod tls;

use crate::lint::Rule;

/// Every rule, by id.
pub static RULES: &[&Rule] = &[
    &dind::docker_without_daemon::RULE,
    &dind::dind_service_unused::RULE,
    &dind::docker_host_unknown_alias::RULE,
    &dind::dind_registry_path_without_alias::RULE,
    &dind::docker_host_missing_in_custom_image::RULE,
    &dind::dind_floating_tag::RULE,
    &dind::dind_mtu::RULE,
    &pipeline::undefined_stage::RULE,
    &pipeline::unknown_keyword::RULE,
    &tls::dind_port_tls_mismatch::RULE,
    &tls::dind_certdir_one_sided::RULE,
    &tls::docker_tls_verify_falsy::RULE,
    &tls::docker_tls_pair_incomplete::RULE,
    &tls::docker_cert_path_wrong::RULE,
];
