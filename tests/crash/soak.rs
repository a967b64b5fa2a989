//! Mixed work at a demo world that is killed again and again: what was acknowledged stands, and all of it verifies.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use guanxi::model::{Activity, Lead, Opportunity};
use guanxi::schema::EntityType;
use guanxi::{Patience, Session};
use guanxi_demo::World;
use guanxi_tests::{ADMIN, options};

use super::killing::Chance;

/// The fewest rounds.
const ROUNDS: u64 = 3;
/// Longest work between two kills, in milliseconds.
const LONGEST_WORK: u64 = 2_000;
/// Accounts of the world.
const ACCOUNTS: usize = 40;

/// How long it goes on, in minutes; a few rounds if nothing is said.
fn wanted() -> Duration {
    let minutes = std::env::var("GUANXI_SOAK_MINUTES").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(minutes.unwrap_or(0) * 60)
}

/// Lets work go on for a while, kills it, and gives what it acknowledged, line by line.
fn work(database: &Path, chance: &Chance) -> Vec<String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_guanxi-tests-soaker"))
        .arg(database)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    assert!(first.starts_with("open "), "the work did not begin: {first}");
    // The pipe is read on, so that nobody waits for room in it.
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    });
    std::thread::sleep(Duration::from_millis(200 + chance.below(LONGEST_WORK)));
    assert!(child.try_wait().unwrap().is_none(), "the work ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    let text = reading.join().unwrap();
    // A line without end was not said.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(str::to_owned).collect()
}

/// What was acknowledged stands.
fn check(admin: &Session, acknowledged: &[String]) {
    for line in acknowledged {
        let (what, id) = line.split_once(' ').unwrap();
        let (entity, status) = match what {
            "converted" => (Lead::NAME, Some("converted")),
            "recorded" => (Activity::NAME, None),
            "won" => (Opportunity::NAME, Some("won")),
            other => panic!("{other}"),
        };
        let row = admin.get(entity, id.parse().unwrap()).unwrap_or_else(|error| panic!("{line}: {error}"));
        if let Some(status) = status {
            assert_eq!(row.value("status").unwrap().as_text(), Some(status), "{line}");
        }
    }
}

#[test]
fn what_sellers_did_stands_and_verifies_however_often_their_work_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("soak.guanxi");
    let world = World { seed: 1, accounts: ACCOUNTS, until: "2026-11-20".parse().unwrap() };
    world.create(options(), &database, ADMIN, &Patience::default()).unwrap();
    let (chance, begin) = (Chance::new(1), Instant::now());
    let (mut done, mut rounds, mut entries) = (0, 0, 0);
    while rounds < ROUNDS || begin.elapsed() < wanted() {
        let acknowledged = work(&database, &chance);
        let crm = options().open(&database).unwrap();
        check(&crm.session_for(ADMIN).unwrap(), &acknowledged);
        let report = crm.verify(&Patience::default()).unwrap();
        assert!(report.entries >= entries, "what an earlier round has verified is gone");
        (done, rounds, entries) = (done + acknowledged.len(), rounds + 1, report.entries);
        eprintln!(
            "round {rounds}: {done} acknowledged, {entries} entries and {} records verify",
            report.records
        );
    }
    assert!(done > 0, "nothing was ever acknowledged");
}
