//! Gets Docker-in-Docker out of GitLab CI: a linter and transpiler for pipelines.

pub mod analysis;
pub mod config;
pub mod detect;
pub mod diagnostic;
pub mod docker;
pub mod edit;
pub mod lint;
pub mod migrate;
pub mod pipeline;
pub mod prove;
pub mod report;
pub mod shell;
pub mod source;
pub mod suggestion;
pub mod workspace;
pub mod yaml;
