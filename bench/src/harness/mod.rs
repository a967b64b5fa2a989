//! What every group shares: arguments, clocks, child processes, samples of rounds, and the printing of figures.

mod arguments;
mod batches;
mod child;
mod clock;
mod figure;
mod samples;
mod sides;

pub use arguments::{Arguments, Phase, flags, once};
pub use batches::{digest, measured, median};
pub use child::{BEST, Child, Reply, WALL};
pub use clock::{Clock, Spent, peak_memory_mib};
pub use figure::{Better, Declared, Figure, Source, Target, print};
pub use samples::Samples;
pub use sides::{SAME, agreed, both};

/// What a step of the bench gives, or why it could not.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The two sides of every figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Side {
    /// Guanxi.
    Ours,
    /// What a host would take instead.
    Theirs,
}

impl Side {
    /// The name, as arguments and folders use it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        }
    }

    /// Both, the one first that was last in the round before.
    pub fn in_round(round: usize) -> [Self; 2] {
        if round.is_multiple_of(2) { [Self::Ours, Self::Theirs] } else { [Self::Theirs, Self::Ours] }
    }
}
