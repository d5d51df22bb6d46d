//! The resource groups of a project (<https://docs.gitlab.com/ci/resource_groups/>). Knows no jobs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The resource groups of a project of which a job runs; copies are the same.
#[derive(Clone, Default, Debug)]
pub struct Groups(Arc<Mutex<BTreeSet<Arc<str>>>>);

impl Groups {
    /// Their names.
    pub(super) fn taken(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
