//! Values of an analysis into bytes for people and programs. Knows every format, and nothing of where the bytes go.

pub mod baseline;
pub mod codequality;
pub mod diff;
pub mod finding;
pub mod fingerprint;
pub mod graph;
pub mod inspect;
pub mod json;
pub mod junit;
pub mod manual;
pub mod migration;
pub mod plan;
pub mod refs;
pub mod run;
pub mod sarif;
pub mod schema;
pub mod svg;
#[cfg(feature = "cli")]
pub mod text;
mod xml;
