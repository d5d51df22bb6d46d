//! The wish that something ends, told to whoever runs it.

use std::sync::{Arc, Mutex, PoisonError};

/// Why something is to end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// The pipeline is canceled; a job may still run its `after_script`.
    Canceled,
    /// Somebody interrupts the run.
    Interrupted,
    /// Somebody is tired of waiting.
    Killed,
}

/// A wish that can be told once or several times, each more urgent than the last. Clones are the same wish.
#[derive(Clone, Default)]
pub struct Stop(Arc<Mutex<State>>);

type Listener = Box<dyn Fn(Cause) + Send>;

#[derive(Default)]
struct State {
    cause: Option<Cause>,
    listeners: Vec<(u64, Listener)>,
    next: u64,
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stop").field(&self.cause()).finish()
    }
}

impl Stop {
    /// Tells the wish; one that is less urgent than what was told is nothing.
    pub fn tell(&self, cause: Cause) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.cause.is_none_or(|known| known < cause) {
            state.cause = Some(cause);
            state.listeners.iter().for_each(|(_, listener)| listener(cause));
        }
    }

    /// What was told.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cause
    }

    /// Calls `listener` with what is told, also with what was told before, until the guard is dropped. It must not wait.
    pub fn listen(&self, listener: impl Fn(Cause) + Send + 'static) -> Listening {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cause) = state.cause {
            listener(cause);
        }
        state.next += 1;
        let number = state.next;
        state.listeners.push((number, Box::new(listener)));
        Listening { stop: self.clone(), number }
    }
}

/// As long as it lives, a listener is called.
#[derive(Debug)]
pub struct Listening {
    stop: Stop,
    number: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut state = self.stop.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.listeners.retain(|(number, _)| *number != self.number);
    }
}
