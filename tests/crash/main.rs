//! A process that imports, or writes with several threads, is killed at any moment, and the database holds
//! what was acknowledged.
//!
//! `GUANXI_CRASH_ROUNDS` sets how often; two dozen times if it does not.

#[cfg(test)]
mod bytes;
#[cfg(all(test, target_os = "linux"))]
mod every_byte;
#[cfg(test)]
mod killing;
#[cfg(all(test, target_os = "linux"))]
mod power;
#[cfg(test)]
mod writing;
