//! A YAML file into a resolved GitLab pipeline: includes joined, `extends`, `!reference`, `default` and `inherit` merged in, every value knowing
//! where it is written and how it got there. Knows nothing of docker.

pub mod document;
pub mod expand;
pub mod extends;
pub mod include;
pub mod job;
mod merge;
pub mod problem;
mod reference;
pub mod resolve;
pub mod script;

pub use document::{Document, Documents};
pub use extends::{Missing, MissingKind};
pub use include::Unresolved;
pub use job::{Image, Job, Level, Variable};
pub use resolve::{Pipeline, resolve};
pub use script::{Item, Script, Section};
