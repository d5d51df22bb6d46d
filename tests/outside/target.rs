//! The targets that migrations are judged for, as words of the command line.

/// A remote builder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Depot,
    Buildkit,
    Dagger,
}

impl Target {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Depot => "depot",
            Self::Buildkit => "buildkit",
            Self::Dagger => "dagger",
        }
    }

    /// The command line that migrates `pipeline` to it.
    pub fn migrate(self, pipeline: &str) -> Vec<&str> {
        let own: &[&str] = match self {
            Self::Depot => &["--project", "abc123"],
            Self::Buildkit | Self::Dagger => &[],
        };
        [&["migrate", pipeline, "--to", self.name()], own, &["--report", "json"]].concat()
    }
}
