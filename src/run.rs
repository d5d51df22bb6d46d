//! A plan into what becomes of its jobs. So far the order in which jobs start: [`Schedule`], which runs nothing itself.

mod planned;
mod schedule;
mod status;

pub use schedule::{AllowFailure, Circle, Failure, Job, Outcome, Retry, Schedule, When};
pub use status::Status;
