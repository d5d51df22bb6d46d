//! Rules about the pipeline as such: its stages and keywords.

pub mod keywords;
pub mod undefined_stage;
pub mod unknown_keyword;
