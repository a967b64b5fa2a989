//! The bench: Guanxi and what a host would take instead, side by side on the same work.

mod abi;
mod access;
mod crm;
mod harness;
mod query;
mod search;
mod storage;
mod trade;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::harness::{Arguments as GroupArguments, Outcome};

/// Guanxi beside SQLCipher, on the same work, on the same disk, in alternating rounds.
#[derive(Parser)]
#[command(name = "guanxi-bench")]
struct Arguments {
    #[command(subcommand)]
    group: Group,
}

/// A group of figures.
#[derive(Subcommand)]
enum Group {
    /// Loading, commits, reads, opening, sizes and memory.
    Storage(GroupArguments),
    /// Pages within a permission, counts, sums, records, inserts and new fields.
    Query(GroupArguments),
    /// Permits, pages, counts and search of people of different roles, and the audit.
    Access(access::Arguments),
    /// What rows, calls and writes cost through the C interface, in C and Python.
    Abi(abi::Arguments),
    /// What people type into one box, the index behind it, and what it costs to keep.
    Search(search::Arguments),
    /// Verbs and views of the trade on the demo world: leads, activities, deals, overviews, due work.
    Trade(trade::Arguments),
    /// One phase of `storage` of one side in a process of its own; the group calls it.
    #[command(hide = true)]
    Phase(storage::PhaseArguments),
    /// One phase of `query`, likewise.
    #[command(hide = true)]
    QueryPhase(query::PhaseArguments),
    /// One phase of `access`, likewise.
    #[command(hide = true)]
    AccessPhase(access::PhaseArguments),
    /// One phase of `search`, likewise.
    #[command(hide = true)]
    SearchPhase(search::PhaseArguments),
    /// One phase of `trade`, likewise.
    #[command(hide = true)]
    TradePhase(trade::PhaseArguments),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().group) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guanxi-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(group: &Group) -> Outcome<()> {
    match group {
        Group::Storage(arguments) => storage::run(arguments),
        Group::Query(arguments) => query::run(arguments),
        Group::Access(arguments) => access::run(arguments),
        Group::Abi(arguments) => abi::run(arguments),
        Group::Search(arguments) => search::run(arguments),
        Group::Trade(arguments) => trade::run(arguments),
        Group::TradePhase(arguments) => trade::phase(arguments),
        Group::SearchPhase(arguments) => search::phase(arguments),
        Group::AccessPhase(arguments) => access::phase(arguments),
        Group::QueryPhase(arguments) => query::phase(arguments),
        Group::Phase(arguments) => storage::phase(arguments),
    }
}
