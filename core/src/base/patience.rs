//! How long a caller waits, and what is told meanwhile: a deadline, a token that cancels from any
//! thread, and who wants to know how far a long call is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::base::{Code, Error, Result};

/// A switch that ends long calls. Clones share the switch; any thread may turn it.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every call that watches this token, at its next check.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Lets the token be used again.
    pub fn reset(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Whether the switch is turned.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How far a long call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, by a name that stays the same: `records`, `ledger`, `blobs` …
    pub phase: &'static str,
    /// Steps that are done.
    pub done: u64,
    /// Steps there are; 0 where nobody knows.
    pub total: u64,
}

/// Who wants to know how far a long call is. It is called on the thread of the call.
type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// A deadline, a cancel token and a listener, looked at by every long loop.
#[derive(Clone, Default)]
pub struct Patience {
    deadline: Option<Instant>,
    token: CancelToken,
    listener: Option<Listener>,
}

impl std::fmt::Debug for Patience {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Patience");
        shown.field("deadline", &self.deadline).field("token", &self.token).finish_non_exhaustive()
    }
}

impl Patience {
    /// Waits for ever, until the token is cancelled.
    #[must_use]
    pub fn with_token(token: CancelToken) -> Self {
        Self { token, ..Self::default() }
    }

    /// Tells a listener how far long calls are, from time to time and on their own thread.
    #[must_use]
    pub fn telling(mut self, listener: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Tells the listener, if there is one, how far this call is.
    pub fn tell(&self, phase: &'static str, done: u64, total: u64) {
        if let Some(listener) = &self.listener {
            listener(Progress { phase, done, total });
        }
    }

    /// Waits at most this long from now. The deadline is of the monotonic clock, since a wall
    /// clock may jump while somebody waits.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.deadline = Instant::now().checked_add(timeout);
        self
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &CancelToken {
        &self.token
    }

    /// What is left until the deadline; `None` where there is none.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Says whether to go on.
    ///
    /// # Errors
    /// [`Code::Cancelled`] or [`Code::DeadlineExceeded`].
    pub fn check(&self) -> Result<()> {
        if self.token.is_cancelled() {
            return Err(Error::new(Code::Cancelled));
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Error::new(Code::DeadlineExceeded)),
            _ => Ok(()),
        }
    }
}
