//! A YAML file into a resolved GitLab pipeline: includes joined, `extends`, `!reference`, `default` and `inherit` merged in, every value knowing
//! where it is written and how it got there. Knows nothing of docker.

pub mod conditions;
pub mod context;
pub mod document;
pub mod expand;
pub mod expansion;
pub mod expression;
pub mod extends;
pub mod fnmatch;
mod header;
pub mod include;
pub mod input;
mod interpolate;
pub mod job;
mod join;
pub mod location;
mod merge;
pub mod policy;
pub mod predefined;
pub mod problem;
mod reference;
pub mod resolve;
pub mod rules;
pub mod script;
pub mod structure;

pub use document::{Document, Documents};
pub use extends::{Missing, MissingKind};
pub use include::Unresolved;
pub use job::{Image, Job, Level, Variable};
pub use resolve::{Pipeline, resolve};
pub use script::{Item, Script, Section};
