//! A plan into what becomes of its jobs: the order in which they start ([`Schedule`], which runs nothing itself), what each has to do ([`Task`]), and a
//! runner that does it here, as GitLab Runner would.

#[cfg(all(feature = "run", unix))]
mod dotenv;
mod event;
mod groups;
#[cfg(all(feature = "run", unix))]
pub mod live;
#[cfg(all(feature = "run", unix))]
mod mask;
mod planned;
#[cfg_attr(not(all(feature = "run", unix)), expect(dead_code, reason = "only what runs jobs needs it"))]
mod predefined;
mod schedule;
#[cfg(all(feature = "run", unix))]
mod script;
mod selection;
#[cfg(all(feature = "run", unix))]
mod sources;
mod status;
#[cfg_attr(not(all(feature = "run", unix)), expect(dead_code, reason = "only what runs jobs needs it"))]
mod task;
mod times;
mod variables;
mod wanted;

pub use event::{Event, JobHead, JobReport, Level, Stamped, Tests};
pub use predefined::stand_ins;
pub use schedule::{AllowFailure, Circle, Failure, Job, Outcome, Retry, Schedule, When};
pub use selection::select;
pub use status::Status;
pub use task::{Artifacts, Cache, Container, Key, Moment, Task};
pub use variables::{Values, Variables};
pub use wanted::Wanted;
