//! Rules about runners and jobs of the Kubernetes executor.

pub mod runner_affinity_key_case;
pub mod runner_toleration_syntax;
