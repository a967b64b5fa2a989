//! Chores of the repository. `cargo xtask dist` lays the C library out as systems install it.

mod dist;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask dist [--prefix FOLDER] [--from FOLDER] [--strip]

Lays out the C library under FOLDER (target/dist): headers, shared and static library, guanxi.pc and a CMake package.
What is there names no absolute path, so it may be moved, or packed as it is.

  --prefix FOLDER  where to
  --from FOLDER    where libguanxi.so and libguanxi.a lie; without it, the release ones are built
  --strip          takes the names and lines for debuggers out of the shared library
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let outcome = match arguments.next().as_deref() {
        Some("dist") => dist::Options::parse(arguments).and_then(|options| dist::run(&options)),
        Some("--help" | "-h") | None => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(format!("there is no chore `{other}`")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
