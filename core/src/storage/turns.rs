//! The writer's turn: one at a time, first come first served, with a deadline and a cancel token.
//!
//! redb's own lock is not fair: beside a thread that commits in a loop another has been seen to wait
//! for seconds.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::{Patience, Result};

/// How often a waiter looks at its cancel token, which cannot wake it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The queue of writers.
#[derive(Debug, Default)]
pub(super) struct Turns {
    queue: Mutex<Queue>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    next_ticket: u64,
    /// Tickets in the order they came; the first has the turn.
    waiting: VecDeque<u64>,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    ticket: u64,
}

impl Turns {
    /// Waits for the turn.
    ///
    /// # Errors
    /// `engine.cancelled`, `engine.deadline_exceeded`; the place in the queue is then given up.
    pub(super) fn take(&self, patience: &Patience) -> Result<Turn<'_>> {
        let mut queue = self.lock();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push_back(ticket);
        // From here on the ticket leaves the queue when this is dropped, however that comes.
        let turn = Turn { turns: self, ticket };
        loop {
            if queue.waiting.front() == Some(&ticket) {
                return Ok(turn);
            }
            if let Err(error) = patience.check() {
                // The drop of the turn takes the lock again.
                drop(queue);
                return Err(error);
            }
            let pause = patience.remaining().map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN));
            queue = self.moved.wait_timeout(queue, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether somebody has the turn or waits for it.
    pub(super) fn are_wanted(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.turns.lock();
        queue.waiting.retain(|ticket| *ticket != self.ticket);
        if !queue.waiting.is_empty() {
            self.turns.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_have_their_turn_in_the_order_in_which_they_came() {
        let (turns, order) = (Turns::default(), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            let held = turns.take(&Patience::default()).unwrap();
            for number in 0..6 {
                let (turns, order) = (&turns, &order);
                scope.spawn(move || {
                    let _turn = turns.take(&Patience::default()).unwrap();
                    order.lock().unwrap().push(number);
                });
                while turns.lock().waiting.len() < number + 2 {
                    std::thread::yield_now();
                }
            }
            drop(held);
        });
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn who_gives_up_does_not_hold_up_those_behind() {
        let turns = Turns::default();
        let impatient = Patience::default().within(Duration::ZERO);
        let held = turns.take(&impatient).unwrap();
        assert!(turns.take(&impatient).is_err());
        drop(held);
        assert!(turns.take(&impatient).is_ok());
    }
}
