//! The group of the C interface: what a row costs through it, in C and in Python, beside Rust and beside SQLite.
//!
//! The database, the rows and the passes are the same for all; each side reads ten columns of every account, in the order
//! of creation, with everything in the cache, and tells the least of five passes.

mod rust;

use std::ffi::OsString;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use crate::harness::{
    Arguments as GroupArguments, Better, Declared, Outcome, Reply, Samples, Side, Source, Target,
};

/// How the group is run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    group: GroupArguments,
    /// The shared library that is measured, built with optimisation.
    #[arg(long, default_value = "target/release/libguanxi.so")]
    library: PathBuf,
    /// The plugin in Rust whose hooks are measured, built with optimisation: the example `hooks` of this package.
    #[arg(long, default_value = "target/release/examples/libhooks.so")]
    plugin: PathBuf,
}

/// The sources beside this file lie here when the bench is run.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/abi");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Saves of one pass with hooks.
const SAVES: &str = "5000";

/// A figure before it is measured: name; step and measure of ours, and of what stands beside it; target. The unit is the
/// last part of a measure's name.
type Row = (&'static str, (&'static str, &'static str), (&'static str, &'static str), Target);

/// What stands on the right is Rust, or SQLite by the same language; for calls it is the bare one of C, for what one hook of
/// a plugin adds to a save it is the save without a hook, and for the memory of a process that has opened the database and
/// begun a session it is that before.
const ROWS: &[Row] = &[
    ("abi.call.checked", ("c", "checked_ns"), ("c", "bare_ns"), Target::None),
    ("abi.call.python", ("python", "bare_ns"), ("c", "bare_ns"), Target::None),
    ("abi.row.getters_over_rust", ("c", "over_rust_ns"), ("rust", "rows_ns"), Target::AtMost(60.0)),
    ("abi.row.getters", ("c", "getters_ns"), ("rust", "rows_ns"), Target::None),
    ("abi.row.row", ("c", "row_ns"), ("rust", "rows_ns"), Target::None),
    ("abi.row.fetch", ("c", "fetch_ns"), ("rust", "rows_ns"), Target::None),
    ("abi.row.json", ("c", "json_ns"), ("rust", "rows_ns"), Target::None),
    ("abi.list.c_and_sqlite", ("c", "getters_ns"), ("c", "sqlite_ns"), Target::Ratio(1.0)),
    ("abi.list.python_and_sqlite", ("python", "rows_ns"), ("python", "sqlite_ns"), Target::Ratio(0.5)),
    ("abi.upsert", ("c", "upsert_us"), ("rust", "upsert_us"), Target::None),
    ("abi.memory.opened", ("c", "opened_MiB"), ("c", "loaded_MiB"), Target::None),
    ("abi.hook.c", ("hook", "c_ns"), ("hook", "save_ns"), Target::AtMost(300.0)),
    ("abi.hook.rust", ("hook", "rust_ns"), ("hook", "save_ns"), Target::AtMost(300.0)),
];

fn declared((name, ours, theirs, target): &Row) -> Declared {
    let source = |(step, measure)| Source { step, measure, side: Side::Ours };
    Declared {
        name,
        ours: source(*ours),
        theirs: source(*theirs),
        unit: ours.1.rsplit('_').next().unwrap_or_default(),
        better: Better::Less,
        target: *target,
    }
}

/// Runs the group and prints its figures.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let folder = arguments.group.scratch()?;
    let library = arguments.library.canonicalize()?;
    let rows = arguments.group.accounts;
    let program = compile(&library, folder.path())?;
    let hooks = compile_hooks(folder.path())?;
    let mut samples = Samples::default();
    for round in 0..arguments.group.rounds.max(1) {
        let room = folder.path().join(format!("round-{round}"));
        std::fs::create_dir(&room)?;
        let database = room.join("rows.guanxi");
        let rust = rust::measure(&database, rows)?;
        let given: [OsString; 3] =
            [database.into(), rows.to_string().into(), room.join("rows.sqlite").into()];
        let c = told(Command::new(&program).args(&given))?;
        let over_rust = measure(&c, "getters_ns")? - measure(&rust, "rows_ns")?;
        samples.keep("c", Side::Ours, &c.with("over_rust_ns", over_rust));
        samples.keep("rust", Side::Ours, &rust);
        match told(python(&library)?.args(&given)) {
            Ok(measured) => samples.keep("python", Side::Ours, &measured),
            Err(error) => eprintln!("without Python: {error}"),
        }
        let mut hook = Command::new(&hooks);
        hook.arg(&room).arg(SAVES).arg(path::absolute(&arguments.plugin)?);
        samples.keep("hook", Side::Ours, &told(&mut hook)?);
    }
    samples.print(&ROWS.iter().map(declared).collect::<Vec<_>>(), rows, arguments.group.json);
    Ok(())
}

fn measure(reply: &Reply, wanted: &str) -> Outcome<f64> {
    Ok(reply.measure(wanted).ok_or_else(|| format!("a program did not measure {wanted}"))?)
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

/// Compiles the program that measures hooks, against the library that was laid into the folder.
fn compile_hooks(folder: &Path) -> Outcome<PathBuf> {
    let program = folder.join("hook");
    let mut command = Command::new("cc");
    command.args(["-std=c99", "-O2", "-I"]).arg(Path::new(ROOT).join("include"));
    command.arg(Path::new(HERE).join("hook.c")).arg(folder.join("libguanxi.so.0")).arg("-ldl");
    command.arg(format!("-Wl,-rpath,{}", folder.display())).arg("-o").arg(&program);
    let output = command.output()?;
    match output.status.success() {
        true => Ok(program),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
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
