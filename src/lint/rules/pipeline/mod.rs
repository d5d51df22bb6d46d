//! Rules about the pipeline as such: its files, stages and keywords, and what its jobs take from each other.

pub mod circular_variables;
pub mod deprecated_keyword;
pub mod duplicate_pipelines;
pub mod expression_syntax;
pub mod include_not_found;
pub mod invalid_input;
pub mod invalid_value;
pub mod job_without_action;
pub mod keywords;
pub mod needs_missing_in_pipeline;
pub mod needs_undefined_job;
mod problems;
pub mod rules_with_only_except;
pub mod undefined_stage;
pub mod unknown_extends;
pub mod unknown_keyword;
pub mod unknown_reference;
