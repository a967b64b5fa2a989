//! The sessions that are open: listed, ended one by one, and ended by a new password.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::access::{Action, Role};
use crate::base::{Code, Error, RecordId, Result, Timestamp};
use crate::engine::{Crm, Session};
use crate::schema::EntityType;

/// What all clones of a session share.
#[derive(Debug)]
pub(super) struct Ticket {
    pub id: RecordId,
    pub user: RecordId,
    pub since: Timestamp,
    /// The token by which a program signed in, and until when that is good.
    pub token: Option<(RecordId, Option<Timestamp>)>,
    ended: AtomicBool,
}

impl Ticket {
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether the token by which it was opened is over at a moment.
    pub fn is_over_at(&self, moment: Timestamp) -> bool {
        self.token.and_then(|(_, until)| until).is_some_and(|until| until <= moment)
    }
}

/// The sessions that somebody still holds. They are of this process: a database that is closed has none.
#[derive(Debug, Default)]
pub(super) struct OpenSessions {
    tickets: Mutex<Vec<Weak<Ticket>>>,
}

impl OpenSessions {
    /// A ticket for a new session.
    pub fn issue(
        &self,
        (id, user): (RecordId, RecordId),
        since: Timestamp,
        token: Option<(RecordId, Option<Timestamp>)>,
    ) -> Arc<Ticket> {
        let ticket = Arc::new(Ticket { id, user, since, token, ended: AtomicBool::new(false) });
        let mut tickets = self.lock();
        // Swept only where the list has doubled, so that a sign-in costs the same however many are open.
        if tickets.len() == tickets.capacity() {
            tickets.retain(|known| known.strong_count() > 0);
        }
        tickets.push(Arc::downgrade(&ticket));
        ticket
    }

    /// Those that are open, and have not ended.
    fn open(&self) -> Vec<Arc<Ticket>> {
        let tickets = self.lock();
        tickets.iter().filter_map(Weak::upgrade).filter(|ticket| !ticket.has_ended()).collect()
    }

    /// Ends sessions at their next call.
    pub fn end(&self, which: impl Fn(&Ticket) -> bool) -> usize {
        let mut ended = 0_usize;
        for ticket in self.open() {
            if which(&ticket) {
                ticket.ended.store(true, Ordering::Release);
                ended = ended.saturating_add(1);
            }
        }
        ended
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Ticket>>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// By what it is ended.
    pub id: RecordId,
    /// Who is signed in.
    pub user: RecordId,
    /// Since when.
    pub since: Timestamp,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

impl Session {
    /// The open sessions of a user, the oldest first: one's own, and those of others for administrators.
    ///
    /// # Errors
    /// `access.not_permitted`, `access.session_ended`.
    pub fn open_sessions(&self, user: RecordId) -> Result<Vec<OpenSession>> {
        self.check_keeps_sessions_of(user)?;
        let mut open: Vec<OpenSession> = self
            .crm()
            .inner
            .sessions
            .open()
            .into_iter()
            .filter(|ticket| ticket.user == user)
            .map(|ticket| OpenSession {
                id: ticket.id,
                user,
                since: ticket.since,
                is_this: ticket.id == self.ticket().id,
            })
            .collect();
        open.sort_by_key(|session| session.id);
        Ok(open)
    }

    /// Ends open sessions of a user at their next call: one of them, or all of them, this one too if it is the
    /// user's. Gives how many.
    ///
    /// # Errors
    /// `access.not_permitted` for those of somebody else without the right to administer everything;
    /// `record.not_found` where no such session is open.
    pub fn end_sessions(&self, user: RecordId, one: Option<RecordId>) -> Result<usize> {
        self.check_keeps_sessions_of(user)?;
        let ended = self
            .crm()
            .inner
            .sessions
            .end(|ticket| ticket.user == user && one.is_none_or(|one| ticket.id == one));
        match one {
            Some(one) if ended == 0 => Err(Error::new(Code::RecordNotFound).rule("session").record(one)),
            _ => Ok(ended),
        }
    }

    fn check_keeps_sessions_of(&self, user: RecordId) -> Result<()> {
        if user == self.user() {
            return self.read(|_| Ok(()));
        }
        self.check_may(Role::NAME, Action::Administer)
    }
}

impl Crm {
    /// How many sessions of a user are open.
    pub(super) fn count_sessions_of(&self, user: RecordId) -> usize {
        self.inner.sessions.open().iter().filter(|ticket| ticket.user == user).count()
    }

    /// Ends the sessions of a user but for the one that has set the new password.
    pub(super) fn end_other_sessions(&self, user: RecordId, keep: RecordId) {
        self.inner.sessions.end(|ticket| ticket.user == user && ticket.id != keep);
    }
}
