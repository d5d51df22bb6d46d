//! Rules about Depot.

pub mod depot_build_without_output;
pub mod depot_needless_dind;
pub mod depot_not_on_path;
pub mod depot_project_unknown;
