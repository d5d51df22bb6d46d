//! Rules about runners and jobs of the Kubernetes executor.

pub mod runner_affinity_key_case;
pub mod runner_toleration_syntax;
pub mod volume_on_manager_not_on_jobs;
