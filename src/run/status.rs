//! The states of jobs into the state of several of them, as GitLab puts them together (`Gitlab::Ci::Status::Composite`). Knows no names and no order.

/// What has become of a job or of a pipeline, by GitLab's names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Status {
    /// It waits for other jobs.
    Created,
    /// It waits for a resource group.
    WaitingForResource,
    /// It may start.
    Pending,
    /// It runs.
    Running,
    /// It waits for somebody to start it.
    Manual,
    /// It waits for its time.
    Scheduled,
    /// It passed.
    Success,
    /// It failed.
    Failed,
    /// It was stopped, or kept from starting, by somebody or by a job that failed.
    Canceled,
    /// It was left out, since what it waits for came to nothing.
    Skipped,
}

impl Status {
    /// GitLab's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::WaitingForResource => "waiting_for_resource",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Manual => "manual",
            Self::Scheduled => "scheduled",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
        }
    }

    /// Whether nothing more becomes of it by itself.
    #[must_use]
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Canceled | Self::Skipped)
    }
}

/// What a job counts as among others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// As its status says.
    Plain(Status),
    /// It failed, or was canceled, and may.
    SuccessWithWarnings,
    /// It waits for somebody, and nobody waits for it.
    Ignored,
}

/// How many values of [`Kind`] there are.
const KINDS: usize = 12;

impl Kind {
    /// What a job with `status` counts as that `may_fail`.
    pub(super) fn of(status: Status, may_fail: bool) -> Self {
        match status {
            Status::Failed | Status::Canceled if may_fail => Self::SuccessWithWarnings,
            Status::Manual if may_fail => Self::Ignored,
            _ => Self::Plain(status),
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Plain(status) => status as usize,
            Self::SuccessWithWarnings => KINDS - 2,
            Self::Ignored => KINDS - 1,
        }
    }
}

/// How many jobs there are of each kind.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Tally([usize; KINDS]);

impl Tally {
    pub(super) fn add(&mut self, kind: Kind) {
        self.0[kind.index()] += 1;
    }

    pub(super) fn replace(&mut self, old: Kind, new: Kind) {
        self.0[old.index()] -= 1;
        self.0[new.index()] += 1;
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(own, other)| *own += other);
    }

    fn any(&self, kinds: &[Kind]) -> bool {
        kinds.iter().any(|kind| self.0[kind.index()] > 0)
    }

    /// Whether there are jobs, all of these kinds.
    fn only(&self, kinds: &[Kind]) -> bool {
        let all: usize = self.0.iter().sum();
        all > 0 && kinds.iter().map(|kind| self.0[kind.index()]).sum::<usize>() == all
    }

    /// The state of jobs that are needed by name. Without any it is success.
    pub(super) fn of_needs(&self) -> Status {
        use Kind::{Ignored, Plain, SuccessWithWarnings};
        let complete = [Status::Success, Status::Failed, Status::Canceled, Status::Skipped].map(Plain);
        if self.any(&[Plain(Status::Skipped), Ignored]) {
            Status::Skipped
        } else if self.0.iter().all(|count| *count == 0) {
            Status::Success
        } else if !self.only(&[complete.as_slice(), &[SuccessWithWarnings]].concat()) {
            Status::Pending
        } else {
            self.of_all()
        }
    }

    /// The state of jobs together. Without any it is success.
    pub(super) fn of_all(&self) -> Status {
        use Kind::{Ignored, Plain, SuccessWithWarnings};
        let plain = |statuses: &[Status]| {
            let own = statuses.iter().copied().map(Plain);
            own.chain([SuccessWithWarnings, Ignored]).collect::<Vec<_>>()
        };
        let any = |status| self.any(&[Plain(status)]);
        if self.0.iter().all(|count| *count == 0) {
            Status::Success
        } else if self.only(&[Plain(Status::Skipped), Ignored]) {
            Status::Skipped
        } else if self.only(&plain(&[Status::Success, Status::Skipped])) {
            Status::Success
        } else if self.only(&plain(&[Status::Created])) {
            Status::Created
        } else if self.only(&plain(&[Status::Canceled, Status::Success, Status::Skipped])) {
            Status::Canceled
        } else if self.only(&plain(&[Status::Pending, Status::Created, Status::Skipped])) {
            Status::Pending
        } else if any(Status::Running) || any(Status::Pending) {
            Status::Running
        } else if let Some(waiting) =
            [Status::WaitingForResource, Status::Manual, Status::Scheduled].into_iter().find(|&status| any(status))
        {
            waiting
        } else if any(Status::Created) {
            Status::Running
        } else {
            Status::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(jobs: &[(Status, bool)]) -> Tally {
        let mut tally = Tally::default();
        jobs.iter().for_each(|&(status, may_fail)| tally.add(Kind::of(status, may_fail)));
        tally
    }

    #[test]
    fn jobs_together_are_what_gitlab_says() {
        use Status::{Canceled, Created, Failed, Manual, Pending, Running, Scheduled, Skipped, Success, WaitingForResource};
        for (jobs, together) in [
            (vec![], Success),
            (vec![(Success, false), (Skipped, false)], Success),
            (vec![(Skipped, false), (Manual, true)], Skipped),
            (vec![(Success, false), (Manual, true)], Success),
            (vec![(Success, false), (Manual, false)], Manual),
            (vec![(Success, false), (Failed, true)], Success),
            (vec![(Success, false), (Failed, false)], Failed),
            (vec![(Canceled, false), (Success, false)], Canceled),
            (vec![(Canceled, false), (Failed, false)], Failed),
            (vec![(Created, false), (Failed, true)], Created),
            (vec![(Created, false), (Success, false)], Running),
            (vec![(Created, false), (Pending, false)], Pending),
            (vec![(Success, false), (Pending, false)], Running),
            (vec![(Failed, false), (Running, false)], Running),
            (vec![(Success, false), (WaitingForResource, false), (Manual, false)], WaitingForResource),
            (vec![(Failed, false), (Scheduled, false)], Scheduled),
        ] {
            assert_eq!(tally(&jobs).of_all(), together, "{jobs:?}");
        }
    }

    #[test]
    fn needed_jobs_are_waited_for_and_skipping_spreads() {
        use Status::{Canceled, Created, Failed, Manual, Pending, Running, Skipped, Success};
        for (jobs, together) in [
            (vec![], Success),
            (vec![(Success, false), (Running, false)], Pending),
            (vec![(Success, false), (Created, false)], Pending),
            (vec![(Success, false), (Skipped, false)], Skipped),
            (vec![(Running, false), (Skipped, false)], Skipped),
            (vec![(Success, false), (Manual, true)], Skipped),
            (vec![(Success, false), (Manual, false)], Pending),
            (vec![(Success, false), (Failed, true)], Success),
            (vec![(Success, false), (Failed, false)], Failed),
            (vec![(Success, false), (Canceled, false)], Canceled),
        ] {
            assert_eq!(tally(&jobs).of_needs(), together, "{jobs:?}");
        }
    }
}
