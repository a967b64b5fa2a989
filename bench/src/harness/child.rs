//! Child processes: each phase of each side runs in one, so that no side inherits a heap or a cache.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{self, Command, Stdio};

use serde_json::Value;

use crate::harness::{Outcome, Spent, peak_memory_mib};

/// The measure of the fastest form of a question, or of what has one.
pub const BEST: &str = "us";
/// The measure by the clock on the wall.
pub const WALL: &str = "wall_us";

/// What a phase measured, by name.
#[derive(Debug, Clone, Default)]
pub struct Reply(BTreeMap<String, f64>);

impl Reply {
    /// Adds a measure.
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// What each form of a question took, in microseconds and by its name, and the least of those that count as [`BEST`].
    pub fn of_forms<'a>(
        forms: impl IntoIterator<Item = (&'a str, bool)>,
        micros: impl IntoIterator<Item = f64>,
    ) -> Self {
        let (mut reply, mut best) = (Self::default(), f64::INFINITY);
        for ((name, counts), micros) in forms.into_iter().zip(micros) {
            reply = reply.with(&format!("{name}_us"), micros);
            if counts {
                best = best.min(micros);
            }
        }
        reply.with(BEST, best)
    }

    /// What each of so many pieces of work took: by the processor as [`BEST`], and by the clock as [`WALL`].
    pub fn of_spent(spent: Spent, pieces: usize) -> Self {
        let reply = Self::default().with(BEST, spent.processor_micros_each(pieces));
        reply.with(WALL, spent.wall_micros_each(pieces))
    }

    /// A measure by its name.
    pub fn measure(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The measures.
    pub fn measures(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Prints the measures, with the peak of memory, for the process that waits for them.
    pub fn print(self) {
        let reply = match peak_memory_mib() {
            Some(peak) => self.with("peak_mib", peak),
            None => self,
        };
        println!("{}", Value::from_iter(reply.0));
    }

    /// Reads measures that a program printed: one JSON object of numbers.
    pub fn parse(line: &str) -> Outcome<Self> {
        let read: BTreeMap<String, f64> =
            serde_json::from_str(line).map_err(|_| format!("a phase answered: {line}"))?;
        Ok(Self(read))
    }
}

/// A phase in a process of its own.
pub struct Child {
    process: process::Child,
    answers: BufReader<process::ChildStdout>,
}

impl Child {
    /// Runs a phase to its end, and gives what it printed.
    pub fn answer(arguments: &[String]) -> Outcome<Reply> {
        let mut child = Self::start(arguments)?;
        let reply = child.reply()?;
        child.finish()?;
        Ok(reply)
    }

    /// Starts this program again with other arguments.
    pub fn start(arguments: &[String]) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let answers = process.stdout.take().ok_or("a child without output")?;
        Ok(Self { process, answers: BufReader::new(answers) })
    }

    /// Waits for the next line that the phase prints.
    pub fn reply(&mut self) -> Outcome<Reply> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.is_empty() {
            let status = self.process.wait()?;
            return Err(format!("a phase ended without an answer: {status}").into());
        }
        Reply::parse(line.trim())
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Outcome<()> {
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(format!("a phase failed: {status}").into()) }
    }

    /// Kills the process as a crash would, with SIGKILL, and waits until it is gone.
    pub fn kill(mut self) -> Outcome<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}
