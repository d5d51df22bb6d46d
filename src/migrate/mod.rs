//! An analysis into a rewrite that moves docker builds to a remote builder. Knows targets; proves nothing.

mod agreement;
pub mod changes;
mod compose_edits;
mod fresh;
mod hoist;
mod job_image;
mod keeper;
mod login;
mod lower;
pub mod module;
mod mover;
pub mod obstacles;
mod project;
pub mod rewrite;
pub mod script_edit;
mod setup;
pub mod target;
pub mod toggle;
mod why;
mod words;

pub use changes::JobId;
pub use rewrite::{Changed, Rewrite, rewrite};
pub use target::Target;
pub use why::Motive;
