//! The bar that shows how far a long command is, on a terminal and nowhere else.

use std::io::{self, IsTerminal as _};

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
