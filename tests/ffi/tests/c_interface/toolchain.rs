//! The C and C++ compilers of this machine, and how programs are built and run with them.

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
    pub const ALL: [Self; 5] = [
        Self::C99,
        Self { standard: "c11", extension: "c" },
        Self { standard: "c17", extension: "c" },
        Self { standard: "c++11", extension: "cc" },
        Self { standard: "c++17", extension: "cc" },
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
    let program = folder.join(Path::new(source).file_stem().expect("a source has a name"));
    let library = library::linked_into(folder);
    let mut command = Dialect::C99.compiler();
    command.arg(workspace().join(source)).arg(library);
    command.arg(format!("-Wl,-rpath,{}", folder.display())).arg("-pthread").arg("-o").arg(&program);
    assert_done(&command.output().expect("a C compiler is installed"), source);
    program
}

/// Whether a tool is installed.
pub(crate) fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
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
