//! The bar that shows how far a long command is, on a terminal and nowhere else.

use std::io::{self, IsTerminal as _};

use guanxi::{Patience, Session};
use indicatif::{ProgressBar, ProgressStyle};

/// How the bar looks.
const TEMPLATE: &str = "{bar:32} {percent:>3}% {msg}";

/// A bar of this length on standard error, or one that draws nothing where that is no terminal.
pub fn bar(length: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}

/// The session, and a bar that shows how far its long calls are.
pub fn told(session: Session) -> (Session, ProgressBar) {
    let bar = bar(0);
    let patience = telling(session.patience().clone(), &bar);
    (session.with_patience(patience), bar)
}

/// Patience that shows on a bar how far a call is; where nobody knows the end, a number grows.
pub fn telling(patience: Patience, bar: &ProgressBar) -> Patience {
    let bar = bar.clone();
    patience.telling(move |so_far| {
        bar.set_length(so_far.total);
        bar.set_position(so_far.done);
        bar.set_message(format!("{} {}", so_far.phase, so_far.done));
    })
}

/// Does something long in a session whose progress the bar shows, phase after phase.
pub fn shown<T>(session: &Session, work: impl FnOnce(&Session) -> T) -> T {
    let (session, bar) = told(session.clone());
    let done = work(&session);
    bar.finish_and_clear();
    done
}
