//! Gets Docker-in-Docker out of GitLab CI: a linter and transpiler for pipelines.
//!
//! The library does what the `undind` command does, on memory alone: it reads no files, prints nothing and knows no network. An embedder
//! gives it a repository as a [`Workspace`] (texts by path, or a [`Loader`]) and gets values back.
//!
//! | to | call | and get |
//! |---|---|---|
//! | read pipelines as GitLab and a shell do | [`analyze`] | [`Analysis`]: resolved jobs, their docker operations, daemons and verdicts |
//! | find mistakes | [`lint()`] | [`LintReport`]: findings with places and fixes |
//! | plan a move to a remote builder | [`migrate()`] | [`Migration`]: new texts of files that keep every promise of the command, and reasons for what stays |
//! | change texts | [`apply`] | the new text of each file that a fix's edits change |
//!
//! # Example
//!
//! ```
//! use undind::detect::Verdict;
//! use undind::{Config, LintOptions, MigrateOptions, Target, Workspace, analyze, apply, lint, migrate};
//!
//! let workspace = Workspace::memory([(
//!     ".gitlab-ci.yml",
//!     "\
//! build:
//!   image: docker:28
//!   services: [docker:28-dind]
//!   variables:
//!     DOCKER_HOST: tcp://docker:2375
//!     DOCKER_TLS_CERTDIR: ''
//!     DOCKER_TLS_VERIFY: 'no' # any text switches it on
//!   script:
//!     - docker build -t $CI_REGISTRY_IMAGE .
//!     - docker push $CI_REGISTRY_IMAGE
//! ",
//! )]);
//! let entries = [".gitlab-ci.yml".to_owned()];
//! let config = Config::default();
//!
//! // What is there: every job with its facts.
//! let analysis = analyze(&workspace, &entries, &config);
//! let (job, facts) = analysis.pipelines[0].jobs().next().expect("the pipeline has a job");
//! assert_eq!(&*job.name, "build");
//! assert!(facts.has_dind());
//! assert_eq!(facts.flow.verdict, Verdict::Full);
//!
//! // What is wrong with it, and the text after a fix.
//! let report = lint(&analysis, &LintOptions { select: vec!["TLS103".to_owned()], ..LintOptions::default() });
//! let finding = &report.findings[0].diagnostic;
//! assert_eq!(finding.rule, "docker-tls-verify-falsy");
//! let sources = analysis.documents.sources();
//! assert_eq!(sources.start(finding.span).line, 7);
//! let fix = finding.fix.as_ref().expect("this rule has a fix");
//! let texts = apply(sources, &fix.edits).expect("the edits of one fix don't overlap");
//! assert!(texts[&finding.span.file].contains("    DOCKER_TLS_VERIFY: \"\" #"));
//!
//! // The migration, proven: what breaks a promise is in `jobs` with a reason, and not in `files`.
//! let options = MigrateOptions::default();
//! let migration = migrate(&workspace, &entries, &config, &Target::depot(&config), &options);
//! assert!(migration.jobs[0].reasons.is_empty());
//! let file = &migration.files[0];
//! assert_eq!(file.path, ".gitlab-ci.yml");
//! assert!(file.after.ends_with("    - depot build --push --provenance=false -t $CI_REGISTRY_IMAGE .\n"));
//! assert!(!file.after.contains("dind"));
//!
//! // The result as a repository of its own.
//! let migrated = workspace.with_overlay(migration.files.iter().map(|file| (file.path.clone(), file.after.clone())));
//! let after = analyze(&migrated, &entries, &config);
//! assert_eq!(after.pipelines[0].facts[0].flow.verdict, Verdict::Done);
//! ```
//!
//! # Features
//!
//! `cli`, which is on by default, is what the binary needs besides: a library user can switch default features off and loses only
//! `report::text`, the rendering for terminals. `ARCHITECTURE.md` in the repository says how the modules build on each other.

pub mod analysis;
mod checksum;
pub mod config;
pub mod detect;
pub mod diagnostic;
pub mod docker;
pub mod edit;
pub mod lint;
pub mod migrate;
pub mod pipeline;
pub mod plan;
pub mod prove;
pub mod report;
pub mod run;
pub mod runner;
pub mod shell;
pub mod source;
#[doc(hidden)]
pub mod suggestion;
pub mod workspace;
pub mod yaml;

pub use analysis::{Analysis, AnalyzedPipeline, analyze};
pub use config::Config;
pub use diagnostic::{Diagnostic, Severity};
pub use edit::{Edit, Fix, Safety, apply};
pub use lint::{Finding, LintOptions, LintReport, lint};
pub use migrate::Target;
pub use prove::{FileChange, MigrateOptions, Migration, migrate};
pub use workspace::{LoadError, Loader, Workspace};
