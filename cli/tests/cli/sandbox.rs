//! A folder with a database of its own, and the command line to use it with.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

/// The password of the administrator.
pub const PASSWORD: &str = "a long password";

/// A folder that is gone after the test.
pub struct Sandbox {
    folder: TempDir,
}

/// What a command answered.
pub struct Answer {
    pub status: i32,
    pub output: String,
    pub errors: String,
}

impl Answer {
    /// The output as JSON, of a command that succeeded.
    pub fn json(&self) -> Json {
        assert_eq!(self.status, 0, "{}", self.errors);
        serde_json::from_str(&self.output).unwrap()
    }

    /// The code of the error on standard error, which is in JSON.
    pub fn error_code(&self) -> String {
        let error: Json = serde_json::from_str(&self.errors).unwrap();
        error["code"].as_str().unwrap().to_owned()
    }
}

impl Sandbox {
    /// A folder with a key file of 32 bytes, and nothing else.
    pub fn empty() -> Self {
        let sandbox = Self { folder: tempfile::tempdir().unwrap() };
        sandbox.file("key", [7; 32]);
        sandbox
    }

    /// A folder with a database, too.
    pub fn new() -> Self {
        let sandbox = Self::empty();
        let created = sandbox.guanxi(["create", "crm.guanxi", "--administrator", "lin", "--currency", "USD"]);
        assert_eq!(created.status, 0, "{}", created.errors);
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program in the folder, in English, with the key file.
    pub fn command<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guanxi"));
        for variable in ["GUANXI_KEY", "GUANXI_NEW_KEY", "GUANXI_USER", "LC_ALL", "LC_MESSAGES"] {
            command.env_remove(variable);
        }
        command.current_dir(self.folder.path()).env("LANG", "C").env("GUANXI_PASSWORD", PASSWORD);
        command.stdin(Stdio::null()).args(arguments.into_iter().map(|text| text.as_ref().to_owned()));
        command.args(["--key-file", "key"]);
        command
    }

    pub fn guanxi<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Answer {
        answer(self.command(arguments).output().unwrap())
    }

    /// A command on the database in the name of the administrator: its name, and the rest.
    pub fn lin<S: AsRef<str>>(&self, name: &str, rest: impl IntoIterator<Item = S>) -> Answer {
        answer(self.command_of_lin(name, rest).output().unwrap())
    }

    /// As [`Sandbox::lin`], with something on standard input.
    pub fn lin_with_input(&self, name: &str, rest: &[&str], input: &str) -> Answer {
        let mut command = self.command_of_lin(name, rest);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        answer(child.wait_with_output().unwrap())
    }

    fn command_of_lin<S: AsRef<str>>(&self, name: &str, rest: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.command([name, "crm.guanxi"]);
        command.args(rest.into_iter().map(|text| text.as_ref().to_owned())).args(["--as", "lin"]);
        command
    }
}

pub fn answer(output: Output) -> Answer {
    Answer {
        status: output.status.code().unwrap(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder of the real data; none, with a message, where there is no such data.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = shared.join("data").join(name);
    if !folder.is_dir() {
        assert!(!shared.exists(), "../shared is there, and data/{name} is not");
        // The harness keeps what the macros print of a test that passes to itself.
        let _ = writeln!(std::io::stderr(), "skipped: ../shared/data/{name} is absent");
        return None;
    }
    Some(folder.canonicalize().unwrap())
}
