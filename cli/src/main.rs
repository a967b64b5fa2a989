//! The command line of Guanxi: the first host of the engine, as a shell is the first host of a database.
//!
//! It deliberately uses only what every other host can use: options, sign-in, named methods, the import
//! of files and the verification with its progress. It keeps no state between calls.

mod arguments;
mod commands;
mod exit;
mod host;
mod output;
mod progress;
mod secrets;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::exit::Ended;
use crate::host::Host;

fn main() -> ExitCode {
    let Arguments { global, command } = Arguments::parse();
    let host = Host::new(global);
    let status = match command.run(&host) {
        Ok(ended) => ended.status(),
        Err(error) if output::is_closed_pipe(&error) => Ended::Done.status(),
        Err(error) => {
            output::complain(&error, host.locale(), host.wants_json());
            exit::status_of(error.code())
        }
    };
    ExitCode::from(status)
}
