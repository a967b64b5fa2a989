//! Wall time, processor time and memory, as the operating system counts them for this process.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Time that some work took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// By the clock on the wall.
    pub wall: Duration,
    /// On processors, all threads of the process together, in user and kernel mode.
    pub processor: Duration,
}

impl Spent {
    /// Processor time of one of so many pieces of the work, in microseconds.
    pub fn processor_micros_each(&self, pieces: usize) -> f64 {
        self.processor.as_secs_f64() * 1e6 / count(pieces)
    }

    /// Wall time of one of so many pieces of the work, in microseconds.
    pub fn wall_micros_each(&self, pieces: usize) -> f64 {
        self.wall.as_secs_f64() * 1e6 / count(pieces)
    }

    /// How many of so many pieces were done in a second of wall time.
    pub fn each_second(&self, pieces: usize) -> f64 {
        count(pieces) / self.wall.as_secs_f64()
    }
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.processor += other.processor;
    }
}

fn count(pieces: usize) -> f64 {
    f64::from(u32::try_from(pieces.max(1)).unwrap_or(u32::MAX))
}

/// A clock that was started.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Instant,
    processor: Duration,
}

impl Clock {
    /// Starts a clock.
    pub fn start() -> Self {
        Self { wall: Instant::now(), processor: processor_time() }
    }

    /// The time since the start.
    pub fn stop(self) -> Spent {
        let processor = processor_time().saturating_sub(self.processor);
        Spent { wall: self.wall.elapsed(), processor }
    }
}

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// The most memory that this process has held at once, in MiB; nothing where Linux does not tell.
pub fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1_024.0)
}
