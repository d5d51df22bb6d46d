//! Rules about TLS between a job's docker client and its dind service.

pub mod dind_certdir_one_sided;
pub mod dind_port_tls_mismatch;
pub mod docker_cert_path_wrong;
pub mod docker_tls_pair_incomplete;
pub mod docker_tls_verify_falsy;
