//! Rules about Dagger.

pub mod dagger_no_container_cli;
