//! The C and C++ compilers of this machine, and how programs are built and run with them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::library;

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// A language and its year.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    standard: &'static str,
    extension: &'static str,
}

impl Dialect {
    pub const C99: Self = Self { standard: "c99", extension: "c" };
    pub const CPP17: Self = Self { standard: "c++17", extension: "cc" };
    pub const ALL: [Self; 5] = [
        Self::C99,
        Self { standard: "c11", extension: "c" },
        Self { standard: "c17", extension: "c" },
        Self { standard: "c++11", extension: "cc" },
        Self::CPP17,
    ];

    pub fn file_name(self, stem: &str) -> String {
        format!("{stem}.{}", self.extension)
    }

    fn compiler(self) -> Command {
        let (variable, usual) = if self.extension == "c" { ("CC", "cc") } else { ("CXX", "c++") };
        let program = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
        let mut command = Command::new(program);
        command.arg(format!("-std={}", self.standard));
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"]);
        command.arg("-I").arg(workspace().join("include"));
        command
    }
}

/// Compiles a source without making anything of it.
pub(crate) fn check(dialect: Dialect, source: &Path) {
    let output =
        dialect.compiler().arg("-fsyntax-only").arg(source).output().expect("a C compiler is installed");
    assert_done(&output, &format!("{dialect:?} of {}", source.display()));
}

/// Compiles a C99 program of the repository against the built library, into a folder.
pub(crate) fn build(source: &str, folder: &Path) -> PathBuf {
    build_as(Dialect::C99, source, folder)
}

/// Compiles a program of the repository against the built library, into a folder.
pub(crate) fn build_as(dialect: Dialect, source: &str, folder: &Path) -> PathBuf {
    build_from(dialect, &workspace().join(source), folder)
}

/// Compiles a program against the built library, into a folder.
pub(crate) fn build_from(dialect: Dialect, source: &Path, folder: &Path) -> PathBuf {
    let program = folder.join(source.file_stem().expect("a source has a name"));
    let library = library::linked_into(folder);
    let mut command = dialect.compiler();
    command.arg(source).arg(library);
    command.arg(format!("-Wl,-rpath,{}", folder.display())).arg("-pthread").arg("-o").arg(&program);
    assert_done(&command.output().expect("a C compiler is installed"), &source.display().to_string());
    program
}

/// A committed header.
pub(crate) fn headers_named(name: &str) -> String {
    std::fs::read_to_string(workspace().join("include").join(name)).expect("the header is committed")
}

/// Whether a tool is installed.
pub(crate) fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Says why a test is not done here; the harness keeps what the macros print of a test that passes to itself.
pub(crate) fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// Fails with what a program said unless it succeeded.
pub(crate) fn assert_done(output: &Output, what: &str) {
    assert!(
        output.status.success(),
        "{what}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
