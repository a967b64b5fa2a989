//! What the ledger answers, and how it is shown that nobody has altered it.

mod anomalies;
mod archive;
mod checkpoints;
mod export;
mod queries;
mod trail;
