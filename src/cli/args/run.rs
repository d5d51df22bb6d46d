//! The options of `undind run`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::args::EventOptions;

#[derive(Args, Debug)]
pub struct Run {
    /// Only these jobs, and what they wait for; without what parallel adds to a name, all that it makes [default: all]
    #[arg(value_name = "JOB")]
    pub names: Vec<String>,
    /// The pipeline file, or a folder with a .gitlab-ci.yml [default: the current folder]
    #[arg(short, long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// Where jobs run
    #[arg(long, value_enum, default_value = "docker")]
    pub executor: RunExecutor,
    /// Give containers all that the host has, as a docker:dind service needs it
    #[arg(long)]
    pub privileged: bool,
    /// The image of jobs that name none, which otherwise the runner's configuration would say
    #[arg(long, value_name = "IMAGE")]
    pub default_image: Option<String>,
    /// Run nothing, and say which jobs would run and which would be held back
    #[arg(long)]
    pub dry_run: bool,
    /// Run the named jobs alone, with the artifacts that earlier runs left
    #[arg(long, requires = "names")]
    pub no_needs: bool,
    /// Start this manual or delayed job as soon as it can; may be given several times, and named jobs need it not
    #[arg(long, value_name = "JOB")]
    pub manual: Vec<String>,
    /// Run jobs that deploy, release or change something elsewhere, too
    #[arg(long)]
    pub include_deploys: bool,
    /// Let jobs push images to where they say
    #[arg(long)]
    pub real_registry: bool,
    /// A registry without TLS and login that takes what jobs push to $CI_REGISTRY, at the address by which they reach it
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "real_registry")]
    pub registry: Option<String>,
    /// How many jobs run at a time [default: as many as there are processors]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Show the value of this variable in no log; those whose names speak of secrets are not shown anyway
    #[arg(long, value_name = "NAME")]
    pub mask: Vec<String>,
    /// Run what `undind migrate --to` would make of the pipeline; no file is changed
    #[arg(long, value_name = "TARGET")]
    pub to: Option<String>,
    /// With --to and --executor shell: the migrated jobs call the commands of this machine, and install none
    #[arg(long, requires = "to")]
    pub host_tools: bool,
    /// A variable of type file, with the file that holds its text; may be given several times
    #[arg(long, value_name = "NAME=PATH")]
    pub var_file: Vec<String>,
    /// Copy the artifacts of all jobs into this folder
    #[arg(long, value_name = "DIR")]
    pub artifacts_to: Option<PathBuf>,
    /// How to print what happens
    #[arg(long, value_enum, default_value = "human")]
    pub log_format: LogFormat,
    /// Keep the files of jobs, and say where they are
    #[arg(long)]
    pub keep: bool,
    #[command(flatten)]
    pub event: EventOptions,
}

/// `--executor` of `run`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum RunExecutor {
    /// In containers of the Docker engine that DOCKER_HOST names, each with its services
    Docker,
    /// As processes of this machine; image and services mean nothing
    Shell,
}

/// `--log-format`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// Lines and a table for people
    Human,
    /// An event on each line, for scripts
    Json,
}
