//! Rules about runners and jobs of the Kubernetes executor.

pub mod k8s_alias_not_dns_label;
pub mod k8s_certs_emptydir_missing;
pub mod k8s_dind_client_env_incomplete;
pub mod k8s_docker_host_localhost;
pub mod k8s_docker_sock_hostpath;
pub mod k8s_no_service_wait;
pub mod k8s_service_port_clash;
pub mod runner_affinity_key_case;
pub mod runner_toleration_syntax;
pub mod volume_on_manager_not_on_jobs;
