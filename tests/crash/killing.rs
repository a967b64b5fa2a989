//! The rounds: start, wait, kill, open again, and compare with the file.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use guanxi::base::{Random, SeededRandom};
use guanxi::engine::Find;
use guanxi::model::account;
use guanxi::{Patience, Session};
use guanxi_tests::{ADMIN, PASSWORD, options};
use tempfile::TempDir;

use super::bytes::{files, in_clear};

/// Rows of one chunk of an import.
const CHUNK: usize = 500;
/// Rows of one file: a little more than three chunks.
const ROWS: usize = 1_620;
/// Rounds on one database, before a new one is begun.
const ROUNDS_EACH: u64 = 6;
/// Longest wait after an acknowledgement, in milliseconds: more than one chunk takes.
const LONGEST_WAIT: u64 = 500;

/// Texts that are stored, and may stand nowhere in clear.
const STORED: [&str; 5] = ["Findling", "findling", "寻获企业", "harbour lane", PASSWORD];

pub fn rounds() -> u64 {
    std::env::var("GUANXI_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(24)
}

/// One row of a round: name, industry, employees, note.
fn row(round: u64, number: usize) -> [String; 4] {
    let name = format!("Findling 寻获企业 {round}-{number}");
    [name, format!("round {round}"), number.to_string(), format!("{number} harbour lane")]
}

fn write_file(folder: &Path, round: u64) -> PathBuf {
    let path = folder.join("rows.csv");
    let mut file = csv::Writer::from_path(&path).unwrap();
    file.write_record(["name", "industry", "employees", "note"]).unwrap();
    (0..ROWS).for_each(|number| file.write_record(row(round, number)).unwrap());
    file.flush().unwrap();
    path
}

pub struct Chance(SeededRandom);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// A number from 0 to below `end`.
    pub fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes) % end
    }
}

/// Runs the import, kills it, and gives the rows that it acknowledged; none if it had not yet opened
/// the database.
fn kill(database: &Path, file: &Path, chance: &Chance) -> Option<usize> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_guanxi-tests-importer"))
        .args([database, file])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    for _ in 0..chance.below(5) {
        output.read_line(&mut text).unwrap();
    }
    std::thread::sleep(Duration::from_millis(chance.below(LONGEST_WAIT)));
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before its end lies in the pipe still. A line without end was not said.
    output.read_to_string(&mut text).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().last().map(|line| line.parse().unwrap())
}

/// The rows of a round that stand, in the order in which they were made.
fn standing(session: &Session, round: u64) -> Vec<[String; 4]> {
    let find = Find {
        filter: account::INDUSTRY.is(format!("round {round}")),
        sort: vec![account::EMPLOYEES.ascending()],
        limit: ROWS + 1,
        ..Find::default()
    };
    let rows = session.list("account", &find).unwrap().rows;
    let text = |value: guanxi::Value| value.as_text().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| {
            let guanxi::Value::Int(number) = row.value("employees").unwrap() else { panic!("a number") };
            let part = |field: &str| text(row.value(field).unwrap());
            [part("name"), part("industry"), number.to_string(), part("note")]
        })
        .collect()
}

/// Opens after the kill and compares; gives the number of rows that stand.
fn check(database: &Path, round: u64, acknowledged: usize) -> usize {
    let crm = options().open(database).unwrap();
    crm.verify(&Patience::default()).unwrap();
    let session = crm.session_for(ADMIN).unwrap();
    let rows = standing(&session, round);
    let next = (acknowledged + CHUNK).min(ROWS);
    assert!(
        rows.len() == acknowledged || rows.len() == next,
        "round {round}: {acknowledged} rows were acknowledged, and {} stand",
        rows.len()
    );
    for (number, found) in rows.iter().enumerate() {
        assert_eq!(*found, row(round, number));
    }
    let text = format!("寻获企业 {round}");
    let found = session.search(&text, Some("account"), 1, 0).unwrap();
    assert!(found.total >= u64::try_from(rows.len()).unwrap(), "search has caught up");
    rows.len()
}

/// Every file of a database is without the texts that it holds.
fn check_clear(folder: &TempDir, database: &Path, file: &Path) {
    // The search would find them: they stand in the file that was imported.
    assert!(in_clear(file, &STORED).contains(&"寻获企业"));
    let found = files(folder.path());
    for name in ["data", "keys"] {
        assert!(found.contains(&database.join(name)), "{name}");
    }
    assert!(found.iter().any(|path| path.starts_with(database.join("index"))));
    for path in found.iter().filter(|path| *path != file) {
        assert_eq!(in_clear(path, &STORED), [""; 0], "{}", path.display());
    }
}

#[test]
fn a_killed_import_leaves_whole_chunks_in_their_order_and_nothing_in_clear() {
    let chance = Chance::new(20_261_122);
    let rounds = rounds();
    let (mut killed_at, mut lost_words) = (Vec::new(), 0);
    let mut round = 0;
    while round < rounds {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("killed.guanxi");
        drop(options().create(&database).unwrap());
        let mut file = PathBuf::new();
        for _ in 0..ROUNDS_EACH.min(rounds - round) {
            file = write_file(folder.path(), round);
            let acknowledged = kill(&database, &file, &chance).unwrap_or(0);
            let standing = check(&database, round, acknowledged);
            lost_words += usize::from(standing > acknowledged);
            killed_at.push(standing);
            round += 1;
        }
        check_clear(&folder, &database, &file);
        fs::remove_dir_all(&database).unwrap();
    }
    eprintln!("{rounds} rounds; rows that stood: {killed_at:?}; acknowledgements lost: {lost_words}");
    // Kills that all come before the first row or after the last one would prove nothing.
    let midway = killed_at.iter().filter(|rows| (1..ROWS).contains(*rows)).count();
    assert!(rounds < 12 || midway > 0, "some kills come in the middle of the work");
}
