//! Placeholder that is replaced in the next step.
