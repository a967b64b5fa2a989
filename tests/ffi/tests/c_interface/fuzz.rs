//! Random sequences of calls: a few seconds of them always, and as many as `GUANXI_FUZZ_SECONDS` says.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::programs::under_valgrind;
use crate::toolchain::{assert_done, build};

const PROGRAM: &str = "tests/ffi/tests/c_interface/programs/fuzz.c";

fn play(program: &Path, folder: &Path, (seed, steps, threads): (u64, u32, u32)) {
    let room = tempfile::tempdir_in(folder).unwrap();
    let arguments = [seed.to_string(), steps.to_string(), threads.to_string()];
    let output = Command::new(program).args(&arguments).current_dir(room.path()).output().unwrap();
    assert_done(&output, &format!("fuzz {}", arguments.join(" ")));
}

#[test]
fn random_calls_of_one_thread_with_handles_good_and_bad_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let program = build(PROGRAM, folder.path());
    for seed in 1..=4 {
        play(&program, folder.path(), (seed, 1_500, 1));
    }
    under_valgrind(&program, &[Path::new("5"), Path::new("400"), Path::new("1")], folder.path());
}

#[test]
fn random_calls_of_several_threads_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let program = build(PROGRAM, folder.path());
    for seed in 1..=2 {
        play(&program, folder.path(), (seed, 400, 8));
    }
}

/// The long form: `GUANXI_FUZZ_SECONDS=3600 cargo test -p guanxi-ffi-tests long`. It begins with a seed of its own each
/// time, and tells the seed of a surprise.
#[test]
fn random_calls_for_a_long_time_do_no_harm() {
    let Some(seconds) = std::env::var("GUANXI_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let program = build(PROGRAM, folder.path());
    let begun = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let (first, mut played) = (now.as_secs() << 16, 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let threads = if played % 4 == 3 { 6 } else { 1 };
        play(&program, folder.path(), (first + played, 4_000, threads));
        played += 1;
    }
    println!("{played} sequences of 4,000 calls");
}
