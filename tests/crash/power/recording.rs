//! A process whose changes of files are recorded or made to fail: the library in C beside this file, loaded
//! before the C library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The file below the watched folder that a worker tells its progress to.
pub const MARKER: &str = ".acknowledged";
/// Longest life of a worker. One that hangs is a failure, and not of this machine.
const LONGEST: Duration = Duration::from_secs(120);

/// One thing that a process did to its files, in the order in which it did them.
#[derive(Debug)]
pub enum Event {
    /// A name was opened, and made or emptied with it.
    Open {
        file: i32,
        path: String,
        fresh: bool,
        emptied: bool,
    },
    Close {
        file: i32,
    },
    Duplicate {
        file: i32,
        copy: i32,
    },
    Write {
        file: i32,
        offset: u64,
        bytes: Vec<u8>,
    },
    Length {
        file: i32,
        bytes: u64,
    },
    Sync {
        file: i32,
    },
    Rename {
        from: String,
        to: String,
    },
    Remove {
        path: String,
    },
    MakeFolder {
        path: String,
    },
}

/// A folder in memory where the system has one.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// The library in C, compiled once for each run; nothing where there is no compiler.
pub fn recorder() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<(TempDir, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = folder();
        let library = folder.path().join("recorder.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crash/power/recorder.c");
        let compiler = Command::new("gcc")
            .args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg("-lpthread")
            .output();
        match compiler {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                Some((folder, library))
            }
            Err(error) => {
                eprintln!("skipped: no gcc, so nothing can be recorded ({error})");
                None
            }
        }
    });
    built.as_ref().map(|(_, library)| library.as_path())
}

/// How a worker ended, and what it had acknowledged.
pub struct Ended {
    pub output: Output,
    pub acknowledged: Vec<String>,
}

impl Ended {
    pub fn succeeded(&self) -> bool {
        self.output.status.success()
    }

    /// The stable code that it was refused with; a process that was killed by a signal has none.
    pub fn code(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.output.stderr);
        text.lines().find_map(|line| line.strip_prefix("refused: ")).map(str::to_owned)
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

/// The worker, which does an operation to the databases of a folder.
pub fn worker(root: &Path, operation: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guanxi-tests-worker"));
    command.arg(root).args(operation.split(' '));
    command
}

/// Runs a worker to its end.
pub fn run(mut command: Command, root: &Path) -> Ended {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > LONGEST {
            child.kill().unwrap();
            panic!("a worker hangs: {:?}", child.wait_with_output().unwrap());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let told = fs::read_to_string(root.join(MARKER)).unwrap_or_default();
    Ended { output, acknowledged: told.lines().map(str::to_owned).collect() }
}

/// Runs a worker while calls fail as a text says, which the library explains.
pub fn run_failing(recorder: &Path, root: &Path, operation: &str, fault: &str) -> Ended {
    let mut command = worker(root, operation);
    command.env("LD_PRELOAD", recorder).env("GUANXI_POWER_ROOT", root).env("GUANXI_POWER_FAULT", fault);
    run(command, root)
}

/// Runs a worker that has to succeed, and gives what it did.
pub fn record(recorder: &Path, root: &Path, operation: &str) -> Vec<Event> {
    let home = folder();
    let log = home.path().join("log");
    let mut command = worker(root, operation);
    command.env("LD_PRELOAD", recorder).env("GUANXI_POWER_ROOT", root).env("GUANXI_POWER_LOG", &log);
    command.env("GUANXI_POWER_PAUSE", "300");
    let ended = run(command, root);
    assert!(ended.succeeded(), "{operation}: {}", ended.stderr());
    let bytes = fs::read(&log).unwrap();
    let mut rest = Rest(&bytes);
    let mut events = Vec::new();
    while !rest.0.is_empty() {
        events.push(rest.event(root));
    }
    events
}

/// What of a log is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take(&mut self, length: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn int(&mut self) -> i32 {
        i32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    /// One entry, with its paths as they are below the root.
    fn event(&mut self, root: &Path) -> Event {
        let kind = self.take(1)[0];
        let (file, number, offset) = (self.int(), self.int(), self.long());
        let lengths = [self.int(), self.int()].map(|length| usize::try_from(length).unwrap());
        let first = self.take(lengths[0]).to_vec();
        let second = self.take(lengths[1]).to_vec();
        let path = |bytes: Vec<u8>| {
            let path = PathBuf::from(String::from_utf8(bytes).unwrap());
            path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
        };
        match kind {
            b'O' => Event::Open { file, path: path(first), fresh: number & 1 != 0, emptied: number & 2 != 0 },
            b'C' => Event::Close { file },
            b'D' => Event::Duplicate { file, copy: number },
            b'W' => Event::Write { file, offset, bytes: first },
            b'T' => Event::Length { file, bytes: offset },
            b'S' => Event::Sync { file },
            b'R' => Event::Rename { from: path(first), to: path(second) },
            b'U' => Event::Remove { path: path(first) },
            b'M' => Event::MakeFolder { path: path(first) },
            other => panic!("an unknown entry {other}"),
        }
    }
}
