//! Rules about the pipeline as such: its files, stages and keywords, and what its jobs take from each other.

pub mod include_not_found;
pub mod keywords;
mod problems;
pub mod undefined_stage;
pub mod unknown_extends;
pub mod unknown_keyword;
pub mod unknown_reference;
