//! What is done with a plugin that nobody knows yet, in a process of its own, which it may take down.

use std::io::{BufRead, BufReader, Write};
use std::path::{self, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use guanxi::Result;
use guanxi::base::{Code, Error};
use guanxi_plugin_host::Loader;
use serde_json::{Value as Json, json};

use crate::commands::plugin::conform;
use crate::exit::Ended;
use crate::host::Host;

/// What is done there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// The package is loaded, and says what it registers.
    Check,
    /// It is put through the conformance tests.
    Conform,
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Conform => "conform",
        }
    }
}

#[derive(Debug, Args)]
pub struct Inside {
    /// What is to be done
    #[arg(value_enum)]
    task: Task,
    /// The package, by its absolute path
    package: PathBuf,
}

impl Inside {
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let done = match self.task {
            Task::Check => check(&host.loader()?, &self.package),
            Task::Conform => conform::inside(&host.loader()?, &self.package),
        };
        if let Err(error) = done {
            say(
                &json!({"error": error.code().number(), "plugin": error.plugin_name(), "field": error.field_name(),
                "rule": error.rule_name(), "value": error.quoted_value()}),
            );
        }
        say(&json!({"end": true}));
        Ok(Ended::Done)
    }
}

/// Loads a package, and has it register what it brings in a database that is gone with the process.
fn check(loader: &Loader, package: &Path) -> Result<()> {
    let crm = guanxi::in_memory().create_in_memory()?;
    let session = crm.session_for("admin@example.test")?;
    loader.install_as(&session, &[package.to_owned()]).map(drop)
}

/// Writes a line to the process that has started this one.
pub(super) fn say(line: &Json) {
    let mut output = std::io::stdout().lock();
    // If nobody reads any more, there is nobody to tell.
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// What a process of its own said, and how it ended.
pub(super) struct Child {
    /// The number that the system gave it.
    pub id: u32,
    pub lines: Vec<Json>,
    /// How it died, if it did before it was done.
    pub died: Option<String>,
}

impl Child {
    /// Does a task with a package in a process of its own, which is ended after a while.
    ///
    /// # Errors
    /// `storage.io` if no process can be started.
    pub fn run(host: &Host, task: Task, package: &Path, within: Duration) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["plugin", "inside", task.name()]).arg(package);
        match host.trust() {
            Some(trust) => drop(command.arg("--trust").arg(path::absolute(trust)?)),
            None if host.takes_unsigned() => drop(command.arg("--unsigned")),
            None => {}
        }
        // It opens no database of the user's, and keys and passwords are not for a plugin that nobody knows.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GUANXI_") {
                command.env_remove(name);
            }
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let id = child.id();
        let (sender, receiver) = mpsc::channel();
        let output = child.stdout.take();
        thread::spawn(move || {
            for line in
                output.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(|line| line.ok())
            {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let until = Instant::now() + within;
        let mut lines = Vec::new();
        loop {
            match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                // What a plugin writes itself is no line of ours.
                Ok(line) => lines.extend(serde_json::from_str::<Json>(&line).ok()),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    child.kill()?;
                    child.wait()?;
                    let died = Some(format!("not done within {} s", within.as_secs()));
                    return Ok(Self { id, lines, died });
                }
            }
        }
        let status = child.wait()?;
        let ended = lines.iter().any(|line| line.get("end").is_some());
        Ok(Self { id, lines, died: (!ended).then(|| status.to_string()) })
    }

    /// The error that it has told of, if any.
    pub fn error(&self) -> Option<Error> {
        let told = self.lines.iter().find(|line| line.get("error").is_some())?;
        let number = told.get("error").and_then(Json::as_i64)?;
        let code = Code::ALL.iter().find(|code| i64::from(code.number()) == number)?;
        let text = |name: &str| told.get(name).and_then(Json::as_str);
        let mut error = Error::new(*code);
        if let Some(plugin) = text("plugin") {
            error = error.plugin(plugin);
        }
        if let Some(field) = text("field") {
            error = error.field(field);
        }
        if let Some(rule) = text("rule") {
            error = error.rule(rule);
        }
        match text("value") {
            Some(value) => Some(error.value(value)),
            None => Some(error),
        }
    }
}
