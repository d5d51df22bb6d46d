//! What the command tells the shell: the one table of exit codes.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Exit {
    /// It did what was asked, and there is nothing to report.
    Success,
    /// Findings at or above the threshold (`lint`); something would change (`migrate --check`); a job failed (`run`).
    Findings,
    /// Wrong usage, an unreadable file, an error of the machine.
    Failure,
    /// Something uses Docker, and none of it could be migrated.
    NothingMigrated,
    /// Somebody interrupted it (128 and the number of SIGINT, as shells have it).
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Findings => 1,
            Exit::Failure => 2,
            Exit::NothingMigrated => 3,
            Exit::Interrupted => 130,
        })
    }
}
