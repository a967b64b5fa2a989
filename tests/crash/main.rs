//! Whatever ends a process, and whatever happens to its files, the database holds what was acknowledged:
//! `kill -9` at any moment, power cuts and failing calls in every operation, too little memory, changed bytes.
//!
//! The long forms: `GUANXI_CRASH_ROUNDS` sets how often is killed, two dozen times if it does not;
//! `GUANXI_CRASH_POINTS` how often each operation loses power, `GUANXI_CRASH_FAULTS` how many of its calls of
//! each kind fail, and `GUANXI_EVERY_BYTE` takes all bytes instead of a sample. The soak goes on for hours where
//! `GUANXI_SOAK_MINUTES` says so: `GUANXI_SOAK_MINUTES=240 cargo test --release --test crash what_sellers -- --nocapture`.

#[cfg(test)]
mod bytes;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod every_byte;
#[cfg(test)]
mod killing;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod power;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod writing;
