//! How long a caller waits: a deadline and a token that cancels from any thread.

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

/// A deadline and a cancel token, looked at by every long loop.
#[derive(Debug, Clone, Default)]
pub struct Patience {
    deadline: Option<Instant>,
    token: CancelToken,
}

impl Patience {
    /// Waits for ever, until the token is cancelled.
    #[must_use]
    pub fn with_token(token: CancelToken) -> Self {
        Self { deadline: None, token }
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
