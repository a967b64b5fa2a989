//! The group of the C interface: what a row costs through it, in C and in Python, beside Rust and beside SQLite.
//!
//! The database, the rows and the passes are the same for all; each side reads ten columns of every account, in the order
//! of creation, with everything in the cache, and tells the least of five passes.

mod rust;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{
    Arguments as GroupArguments, Better, Declared, Outcome, Reply, Samples, Side, Source, Target, print,
};

/// How the group is run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    group: GroupArguments,
    /// The shared library that is measured, built with optimisation.
    #[arg(long, default_value = "target/release/libguanxi.so")]
    library: PathBuf,
}

/// The sources beside this file lie here when the bench is run.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/abi");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const fn from(step: &'static str, measure: &'static str) -> Source {
    Source { step, measure, side: Side::Ours }
}

const fn figure(
    name: &'static str,
    ours: Source,
    theirs: Source,
    unit: &'static str,
    target: Target,
) -> Declared {
    Declared { name, ours, theirs, unit, better: Better::Less, target }
}

/// What stands on the right is Rust, or SQLite by the same language; for calls it is the bare one of C.
const FIGURES: [Declared; 10] = [
    figure("abi.call.checked", from("c", "checked_ns"), from("c", "bare_ns"), "ns", Target::None),
    figure("abi.call.python", from("python", "bare_ns"), from("c", "bare_ns"), "ns", Target::None),
    figure(
        "abi.row.getters_over_rust",
        from("c", "over_rust_ns"),
        from("rust", "rows_ns"),
        "ns",
        Target::AtMost(60.0),
    ),
    figure("abi.row.getters", from("c", "getters_ns"), from("rust", "rows_ns"), "ns", Target::None),
    figure("abi.row.row", from("c", "row_ns"), from("rust", "rows_ns"), "ns", Target::None),
    figure("abi.row.fetch", from("c", "fetch_ns"), from("rust", "rows_ns"), "ns", Target::None),
    figure("abi.row.json", from("c", "json_ns"), from("rust", "rows_ns"), "ns", Target::None),
    figure(
        "abi.list.c_and_sqlite",
        from("c", "getters_ns"),
        from("c", "sqlite_ns"),
        "ns",
        Target::Ratio(1.0),
    ),
    figure(
        "abi.list.python_and_sqlite",
        from("python", "rows_ns"),
        from("python", "sqlite_ns"),
        "ns",
        Target::Ratio(0.5),
    ),
    figure("abi.upsert", from("c", "upsert_us"), from("rust", "upsert_us"), "us", Target::None),
];

/// Runs the group and prints its figures.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let folder = arguments.group.scratch()?;
    let library = arguments.library.canonicalize()?;
    let rows = arguments.group.accounts;
    let program = compile(&library, folder.path())?;
    let mut samples = Samples::default();
    for round in 0..arguments.group.rounds.max(1) {
        let room = folder.path().join(format!("round-{round}"));
        std::fs::create_dir(&room)?;
        let database = room.join("rows.guanxi");
        let rust = rust::measure(&database, rows)?;
        let given: [OsString; 3] =
            [database.into(), rows.to_string().into(), room.join("rows.sqlite").into()];
        let c = told(Command::new(&program).args(&given))?;
        let over_rust = measure(&c, "getters_ns") - measure(&rust, "rows_ns");
        samples.keep("c", Side::Ours, &c.with("over_rust_ns", over_rust));
        samples.keep("rust", Side::Ours, &rust);
        match told(python(&library)?.args(&given)) {
            Ok(measured) => samples.keep("python", Side::Ours, &measured),
            Err(error) => eprintln!("without Python: {error}"),
        }
    }
    let figures = FIGURES.iter().filter_map(|declared| samples.figure(declared, rows));
    print(&figures.collect::<Vec<_>>(), arguments.group.json);
    Ok(())
}

fn measure(reply: &Reply, wanted: &str) -> f64 {
    reply.measures().find(|(name, _)| *name == wanted).map_or(0.0, |(_, value)| value)
}

/// The program in Python, with our package before what is on its path already, and the library that it is to load.
fn python(library: &Path) -> Outcome<Command> {
    let known = std::env::var_os("PYTHONPATH").unwrap_or_default();
    let package = Path::new(ROOT).join("examples/python/src");
    let path = std::env::join_paths(std::iter::once(package).chain(std::env::split_paths(&known)))?;
    let mut command = Command::new("python3");
    command.arg(Path::new(HERE).join("rows.py")).env("PYTHONPATH", path).env("GUANXI_LIBRARY", library);
    Ok(command)
}

/// Compiles the program in C, with SQLCipher if its headers are there, else with SQLite, else without either.
fn compile(library: &Path, folder: &Path) -> Outcome<PathBuf> {
    let program = folder.join("rows");
    std::os::unix::fs::symlink(library, folder.join("libguanxi.so.0"))?;
    let mut problem = String::new();
    for (side, given) in [
        ("SQLCipher", ["-DWITH_SQLCIPHER", "-lsqlcipher"].as_slice()),
        ("SQLite", ["-DWITH_SQLITE", "-lsqlite3"].as_slice()),
        ("nothing", [].as_slice()),
    ] {
        let mut command = Command::new("cc");
        command.args(["-std=c99", "-O2", "-I"]).arg(Path::new(ROOT).join("include"));
        command.arg(Path::new(HERE).join("rows.c")).arg(folder.join("libguanxi.so.0")).args(given);
        command.arg(format!("-Wl,-rpath,{}", folder.display())).arg("-o").arg(&program);
        let output = command.output()?;
        if output.status.success() {
            eprintln!("C beside {side}");
            return Ok(program);
        }
        problem = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    Err(problem.into())
}

/// What a program measured: the JSON object of its last line.
fn told(command: &mut Command) -> Outcome<Reply> {
    let output = command.output()?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    let said = String::from_utf8(output.stdout)?;
    Reply::parse(said.lines().next_back().unwrap_or_default())
}
