//! Writing: what a value must be, what stands together, and what a repeated request does.

mod random;
mod together;
mod values;
