//! Running a plan here: a thin loop round [`Schedule`](crate::run::Schedule) that starts jobs on threads of their own, and the executors that run them.
//!
//! # Example
//!
//! ```
//! use undind::pipeline::context::{Context, Event, Facts, Ref};
//! use undind::pipeline::{Documents, resolve};
//! use undind::plan::plan;
//! use undind::run::Status;
//! use undind::run::live::{Options, Run, Shell, Stop};
//!
//! # let project = tempfile::tempdir()?;
//! let workspace = undind::Workspace::memory([(".gitlab-ci.yml", "hello:\n  script: [echo hello]\n")]);
//! let context = Context::new(Event::Push, Ref::Branch("main".into()), &Facts::default());
//! let mut documents = Documents::default();
//! let entry = documents.load(&workspace, ".gitlab-ci.yml")?;
//! let pipeline = resolve(&workspace, &mut documents, ".gitlab-ci.yml", entry, &context);
//! let plan = plan(&pipeline, &context, Vec::new());
//! let run = Run::new(&pipeline, &plan, &context, Options::new(project.path()))?;
//! let report = run.execute(&Shell::default(), &Stop::default(), &mut |event| println!("{event:?}"))?;
//! assert_eq!(report.status, Status::Success);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attempt;
mod child;
#[cfg(feature = "engine")]
mod docker;
mod executor;
mod folder;
mod leftover;
mod line;
mod log;
mod process;
mod runner;
mod seen;
mod shell;
mod source;
mod stop;
mod store;

pub use child::{Children, Request};
#[cfg(feature = "engine")]
pub use docker::Docker;
pub use executor::{Ended, Executor, Fault, Place, Site};
pub use runner::{Choice, Options, Report, Run};
pub use shell::Shell;
pub use stop::{Cause, Stop};
pub use store::copy_artifacts;
