//! Four threads write at once, the process is killed, and everybody finds what was acknowledged.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use guanxi::engine::Find;
use guanxi::model::{Contact, contact};
use guanxi::schema::EntityType;
use guanxi::{Patience, Session};
use guanxi_tests::{ADMIN, options};

use super::killing::{Chance, rounds};

/// Rounds on one database, before a new one is begun.
const ROUNDS_EACH: u64 = 6;

/// Starts the writers, kills them after some acknowledgements, and gives the newest of each thread.
fn kill(database: &Path, round: u64, durability: &str, chance: &Chance) -> BTreeMap<String, u64> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_guanxi-tests-writer"))
        .arg(database)
        .args([&round.to_string(), durability])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    for _ in 0..chance.below(300) {
        output.read_line(&mut text).unwrap();
    }
    std::thread::sleep(std::time::Duration::from_micros(chance.below(8_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    output.read_to_string(&mut text).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let told = whole.lines().filter_map(|line| line.split_once(' '));
    told.map(|(thread, number)| (thread.to_owned(), number.parse().unwrap())).collect()
}

/// The names of a round that stand, sorted.
fn standing(session: &Session, round: u64) -> Vec<String> {
    let mut find = Find { sort: vec![contact::NAME.ascending()], limit: 5_000, ..Find::default() };
    let mut names = Vec::new();
    loop {
        let page = session.list(Contact::NAME, &find).unwrap();
        names.extend(page.rows.iter().map(guanxi::engine::Listing::title));
        find.after = page.next;
        if find.after.is_none() {
            break;
        }
    }
    names.retain(|name| name.starts_with(&format!("round {round} ")));
    names
}

fn check(database: &Path, round: u64, acknowledged: &BTreeMap<String, u64>) {
    let crm = options().open(database).unwrap();
    crm.verify(&Patience::default()).unwrap();
    let names = standing(&crm.session_for(ADMIN).unwrap(), round);
    for thread in ["0", "1", "2", "3"] {
        let prefix = format!("round {round} thread {thread} number ");
        let numbers: Vec<u64> = names
            .iter()
            .filter_map(|name| name.strip_prefix(&prefix))
            .map(|text| text.parse().unwrap())
            .collect();
        // What stands is all up to some number, and that is the last acknowledged one or the one after it.
        let expected: Vec<u64> = (0..numbers.len() as u64).collect();
        assert_eq!(numbers, expected, "thread {thread}");
        let told = acknowledged.get(thread).map_or(0, |newest| newest + 1);
        let stand = numbers.len() as u64;
        assert!(
            stand == told || stand == told + 1,
            "round {round}, thread {thread}: {told} told, {stand} stand"
        );
    }
}

fn kill_and_check(durability: &str, seed: u64) {
    let chance = Chance::new(seed);
    let (mut round, mut told) = (0, 0);
    while round < rounds() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("killed.guanxi");
        drop(options().create(&database).unwrap());
        for _ in 0..ROUNDS_EACH.min(rounds() - round) {
            let acknowledged = kill(&database, round, durability, &chance);
            told += acknowledged.values().sum::<u64>();
            check(&database, round, &acknowledged);
            round += 1;
        }
    }
    assert!(rounds() < 12 || told > 100, "the writers were killed before they wrote");
}

#[test]
fn what_was_acknowledged_to_any_of_four_threads_stands_after_a_kill() {
    kill_and_check("durable", 1);
}

#[test]
fn a_kill_takes_nothing_back_where_commits_are_relaxed_either() {
    kill_and_check("relaxed", 2);
}
