//! A process that imports is killed at any moment, and the database holds a whole number of its chunks.
//!
//! `GUANXI_CRASH_ROUNDS` sets how often; two dozen times if it does not.

#[cfg(test)]
mod bytes;
#[cfg(test)]
mod killing;
