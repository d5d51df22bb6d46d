//! Rules about secrets and where they end up.

pub mod hard_coded_token;
pub mod secret_in_build_arg;
pub mod self_referencing_variable;
