//! The bar that shows how far a long command is, on a terminal and nowhere else.

use std::io::{self, IsTerminal as _};

use guanxi::Session;
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

/// Does something long in a session whose progress the bar shows, phase after phase.
pub fn shown<T>(session: &Session, work: impl FnOnce(&Session) -> T) -> T {
    let bar = bar(0);
    let told = bar.clone();
    let patience = session.patience().clone().telling(move |progress| {
        told.set_length(progress.total);
        told.set_position(progress.done);
        told.set_message(format!("{} {}", progress.phase, progress.done));
    });
    let done = work(&session.with_patience(patience));
    bar.finish_and_clear();
    done
}
