//! The targets that migrations are judged for, as words of the command line.

/// A remote builder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Depot,
    Buildkit,
    /// BuildKit with a daemon in the job.
    Rootless,
    Dagger,
}

/// What a repository sets for [`Target::Rootless`].
const ROOTLESS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outside/rootless.yml");

impl Target {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Depot => "depot",
            Self::Buildkit => "buildkit",
            Self::Rootless => "rootless",
            Self::Dagger => "dagger",
        }
    }

    /// Of how many cases one is judged where all would take too long: what moves to a daemon of BuildKit is what moves to Depot, and a daemon in the job is told
    /// the same as one elsewhere.
    pub fn step(self) -> usize {
        match self {
            Self::Rootless => 4,
            Self::Buildkit => 2,
            Self::Depot | Self::Dagger => 1,
        }
    }

    /// The command line that migrates `pipeline` to it.
    pub fn migrate(self, pipeline: &str) -> Vec<&str> {
        let own: &[&str] = match self {
            Self::Depot => &["--project", "abc123"],
            Self::Rootless => &["--config", ROOTLESS],
            Self::Buildkit | Self::Dagger => &[],
        };
        let to = if self == Self::Rootless { "buildkit" } else { self.name() };
        [&["migrate", pipeline, "--to", to], own, &["--report", "json"]].concat()
    }
}
