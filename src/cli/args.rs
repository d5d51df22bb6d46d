//! The command line: every command and option, with its help.

mod run;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use undind::config::Auth;
use undind::diagnostic::Severity;

pub use run::{LogFormat, Run, RunExecutor};

const EXIT_CODES: &str = "Exit codes: 0 nothing to report · 1 findings, `migrate --check` would change something, or a job failed · 2 wrong usage, an unreadable \
file, an internal error · 3 nothing could be migrated although something uses Docker · 130 a run was interrupted";

/// Gets Docker-in-Docker out of GitLab CI: lints pipelines and migrates their image builds to a remote builder.
#[derive(Parser, Debug)]
#[command(name = "undind", version, propagate_version = true, subcommand_required = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
pub struct Global {
    /// When to colour the output; NO_COLOR is honoured
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Colour,
    /// Say on standard error how long each stage took, and how much memory
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub verbose: bool,
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true, help_heading = "Global options", conflicts_with = "verbose")]
    pub quiet: bool,
    /// Read what is included from other projects, addresses and templates from this folder
    #[arg(long, global = true, help_heading = "Global options", value_name = "DIR")]
    pub includes: Option<PathBuf>,
    /// Fetch what is included from elsewhere, into the folder of --includes or the user's cache; GITLAB_TOKEN or CI_JOB_TOKEN says who asks
    #[arg(long, global = true, help_heading = "Global options")]
    pub fetch_includes: bool,
    /// How long one answer may take
    #[arg(long, global = true, help_heading = "Global options", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub fetch_timeout: u64,
    /// Read this configuration instead of the .undind.yml at the root of the repository
    #[arg(long, global = true, help_heading = "Global options", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `--color`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Colour {
    /// On a terminal
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Find mistakes in pipelines that use Docker
    Lint(Lint),
    /// Show what each job does with Docker, and whether it can be migrated
    Inspect(Inspect),
    /// Rewrite pipelines for a remote builder
    Migrate(Migrate),
    /// Print the pipeline as GitLab sees it after include, extends, !reference, anchors and default
    Expand(Expand),
    /// Show the jobs that an event would create, and why the others are left out
    Plan(Plan),
    /// Run the jobs that an event creates, or the named ones and what they need, here
    Run(Run),
    /// Compare what the original and the migrated pipeline publish (not built yet)
    Verify(Unbuilt),
    /// Print a YAML file as GitLab's loader reads it, as JSON
    Yaml(Yaml),
    /// Explain a rule or a reason, or list the rules
    Explain(Explain),
    /// Print completions for a shell
    Completions(Completions),
    /// Print the man page
    Man,
    /// Print the JSON Schema of an output or of the configuration
    Schema(Schema),
}

#[derive(Args, Debug)]
pub struct Lint {
    /// Pipeline files, folders with a .gitlab-ci.yml, or - for standard input [default: the current folder]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Apply the safe fixes
    #[arg(long)]
    pub fix: bool,
    /// Apply the fixes that can change what a pipeline does, too
    #[arg(long)]
    pub unsafe_fixes: bool,
    /// Print what the fixes would change, and change nothing
    #[arg(long)]
    pub diff: bool,
    /// Only these rules: names, ids, or beginnings of ids such as TLS
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Without these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Report findings from this severity on [default: info]
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub min_severity: Option<SeverityName>,
    /// Leave out the findings that this file accepts
    #[arg(long, value_name = "FILE", conflicts_with = "write_baseline")]
    pub baseline: Option<PathBuf>,
    /// Write a file that accepts all present findings
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
    /// Look at the runners, too: a config.toml, a Kubernetes manifest or Helm values that hold one; may be given several times
    #[arg(long, value_name = "FILE")]
    pub runner_config: Vec<PathBuf>,
    /// How to print the findings
    #[arg(long, value_enum, default_value = "text")]
    pub format: LintFormat,
    /// Print to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `--format` of `lint`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LintFormat {
    /// Excerpts for people
    Text,
    /// Everything, for scripts
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// GitLab's Code Quality report
    Codequality,
    /// A JUnit report
    Junit,
}

/// A severity as users write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SeverityName {
    Info,
    Warning,
    Error,
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Info => Self::Info,
            SeverityName::Warning => Self::Warning,
            SeverityName::Error => Self::Error,
        }
    }
}

#[derive(Args, Debug)]
pub struct Inspect {
    /// A pipeline file, a folder with a .gitlab-ci.yml, or - for standard input [default: the current folder]
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// How to print the facts
    #[arg(long, value_enum, default_value = "text")]
    pub format: InspectFormat,
    /// Print to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `--format` of `inspect`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum InspectFormat {
    /// A table for people
    Text,
    /// Everything, for scripts
    Json,
}

#[derive(Args, Debug)]
pub struct Migrate {
    /// Pipeline files, folders with a .gitlab-ci.yml, or - for standard input [default: the current folder]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where jobs go: depot, buildkit, dagger, or a folder with a target.yml
    #[arg(long, value_name = "TARGET")]
    pub to: String,
    /// Write the files instead of printing a diff
    #[arg(long, conflicts_with = "check")]
    pub write: bool,
    /// Print nothing, and exit with 1 if anything would change
    #[arg(long)]
    pub check: bool,
    /// Print a report instead of a diff
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub report: Option<ReportFormat>,
    /// Only these jobs
    #[arg(long, value_name = "JOB", value_delimiter = ',')]
    pub jobs: Vec<String>,
    /// How jobs prove who they are [default: token]
    #[arg(long, value_enum)]
    pub auth: Option<AuthName>,
    /// The project at the remote builder
    #[arg(long, value_name = "ID")]
    pub project: Option<String>,
    /// Change jobs that will still need their daemon, too
    #[arg(long)]
    pub allow_partial: bool,
    /// Remove dind services, with their variables, from jobs that use no Docker
    #[arg(long)]
    pub drop_idle: bool,
    /// replace rewrites the jobs, toggle keeps the old way for a CI/CD variable to choose, shadow adds jobs that publish nothing and may fail
    #[arg(long, value_enum, default_value = "replace")]
    pub mode: Mode,
    /// The language of the module, with --to dagger [default: python]
    #[arg(long, value_enum)]
    pub sdk: Option<Sdk>,
    /// Overwrite files of the module that were changed by hand, with --to dagger
    #[arg(long)]
    pub force: bool,
    /// Where the Dagger engine runs, with --to dagger: docker starts it in a daemon beside the job, kubernetes finds it on the job's node [default: elsewhere]
    #[arg(long, value_enum)]
    pub executor: Option<Executor>,
    /// Create the configuration of the runner in this folder, too, with --executor kubernetes
    #[arg(long, value_name = "DIR")]
    pub runner_config_out: Option<PathBuf>,
    /// Print to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[cfg(unix)]
impl Migrate {
    /// A plain migration to a target, with nothing said besides.
    pub fn to(target: &str) -> Self {
        Self {
            paths: Vec::new(),
            to: target.to_owned(),
            write: false,
            check: false,
            report: None,
            jobs: Vec::new(),
            auth: None,
            project: None,
            allow_partial: false,
            drop_idle: false,
            mode: Mode::Replace,
            sdk: None,
            force: true,
            executor: None,
            runner_config_out: None,
            output: None,
        }
    }
}

/// `--report`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ReportFormat {
    /// Everything, for scripts
    Json,
    /// Markdown, for a merge request
    Md,
    /// A page (not built yet)
    Html,
}

/// `--auth`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum AuthName {
    /// A token in a CI/CD variable
    Token,
    /// An ID token that GitLab issues
    Oidc,
}

impl From<AuthName> for Auth {
    fn from(name: AuthName) -> Self {
        match name {
            AuthName::Token => Self::Token,
            AuthName::Oidc => Self::Oidc,
        }
    }
}

/// `--mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Mode {
    Replace,
    Toggle,
    Shadow,
}

/// `--sdk`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Sdk {
    Python,
    Typescript,
    Go,
}

/// `--executor`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Executor {
    Docker,
    Kubernetes,
}

#[derive(Args, Debug)]
pub struct Expand {
    /// A pipeline file, a folder with a .gitlab-ci.yml, or - for standard input [default: the current folder]
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// How to print the pipeline
    #[arg(long, value_enum, default_value = "yaml")]
    pub format: ExpandFormat,
    /// Say where each value is written and how it got there
    #[arg(long)]
    pub provenance: bool,
    #[command(flatten)]
    pub event: EventOptions,
    /// Print to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct Plan {
    /// A pipeline file, a folder with a .gitlab-ci.yml, or - for standard input [default: the current folder]
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// How to print the jobs
    #[arg(long, value_enum, default_value = "text")]
    pub format: PlanFormat,
    #[command(flatten)]
    pub event: EventOptions,
    /// Print to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `--format` of `plan`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum PlanFormat {
    /// Stages and jobs for people
    Text,
    /// Everything, for scripts
    Json,
    /// A Mermaid flowchart
    Mermaid,
    /// A Graphviz graph
    Dot,
    /// A picture
    Svg,
}

/// What starts a pipeline, and what is known of that moment.
#[derive(Args, Debug)]
pub struct EventOptions {
    /// What starts the pipeline [default for plan and run: push, or tag with --tag]
    #[arg(long, value_enum, help_heading = "Event")]
    pub event: Option<EventName>,
    /// The branch, of a merge request the source branch [default: the one that is checked out]
    #[arg(long, value_name = "NAME", help_heading = "Event")]
    pub branch: Option<String>,
    /// The tag
    #[arg(long, value_name = "NAME", help_heading = "Event")]
    pub tag: Option<String>,
    /// The branch that a merge request goes to [default: the default branch]
    #[arg(long, value_name = "NAME", help_heading = "Event")]
    pub target_branch: Option<String>,
    /// The project's default branch [default: as the remote says]
    #[arg(long, value_name = "NAME", help_heading = "Event")]
    pub default_branch: Option<String>,
    /// Files that changed [default: as git says]
    #[arg(long, value_name = "FILE", value_delimiter = ',', help_heading = "Event")]
    pub changed: Vec<String>,
    /// A variable that is set for the pipeline or the project; jobs see $NAME in it expanded, and $$ as one dollar sign
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Event")]
    pub var: Vec<String>,
    /// A file with such variables, a NAME=VALUE on each line
    #[arg(long, value_name = "FILE", help_heading = "Event")]
    pub env_file: Vec<PathBuf>,
    /// Variables that neither the files nor these options set do not exist
    #[arg(long, help_heading = "Event")]
    pub no_other_vars: bool,
    /// A value for an input of the pipeline
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Event")]
    pub input: Vec<String>,
}

impl EventOptions {
    /// Whether anything is said that means something for an event only.
    pub fn is_about_an_event(&self) -> bool {
        let refs = [&self.branch, &self.tag, &self.target_branch, &self.default_branch];
        refs.iter().any(|name| name.is_some())
            || !self.changed.is_empty()
            || !self.var.is_empty()
            || !self.env_file.is_empty()
            || self.no_other_vars
    }
}

/// `--event`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum EventName {
    /// A push to a branch
    Push,
    /// A change of a merge request
    Mr,
    /// A push of a tag
    Tag,
    /// A schedule
    Schedule,
    /// The button in the web interface
    Web,
    /// The pipelines API
    Api,
    /// A trigger token
    Trigger,
    /// A job with `trigger` of another pipeline of the project
    ParentPipeline,
}

/// `--format` of `expand`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ExpandFormat {
    Yaml,
    Json,
}

/// The arguments of a command that this version does not have.
#[derive(Args, Debug)]
pub struct Unbuilt {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<std::ffi::OsString>,
}

#[derive(Args, Debug)]
pub struct Yaml {
    /// The file [default: standard input]
    pub file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct Explain {
    /// A rule's name or id, or the code of a reason; none lists the rules
    pub rule: Option<String>,
}

#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub struct Schema {
    /// baseline, config, gitlab-ci, inspect, lint, migrate, plan, run or target
    pub name: String,
}
