//! Rules about the configuration of runners.

pub mod dind_needs_privileged;
