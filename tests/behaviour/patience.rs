//! Patience: a cancelled token and a passed deadline end long calls, and what was acknowledged stays.

use std::io::{Cursor, Read};
use std::time::Duration;

use guanxi::engine::Find;
use guanxi::features::exchange::ImportOptions;
use guanxi::model::account;
use guanxi::{Changes, Code, Condition, Patience, Session};
use guanxi_tests::{House, database, refusal};

fn filled() -> House {
    let house = database();
    house
        .admin
        .write(|transaction| {
            (0..200).try_for_each(|number| {
                let changes = Changes::new().set("name", format!("n{number}")).set("employees", number);
                transaction.create_record("account", changes).map(|_| ())
            })
        })
        .unwrap();
    house
}

#[test]
fn a_cancelled_token_ends_every_kind_of_read() {
    let house = filled();
    let session = house.admin.with_patience(Patience::default());
    session.cancel_token().cancel();
    let large = account::EMPLOYEES.at_least(5);
    assert_eq!(refusal(session.count("account", &large)), Code::Cancelled);
    assert_eq!(refusal(session.list("account", &Find::default())), Code::Cancelled);
    assert_eq!(refusal(session.report(&guanxi::model::opportunity::totals())), Code::Cancelled);
    assert_eq!(refusal(house.crm.verify(session.patience())), Code::Cancelled);
    // The others go on, and so does this session once the token is let go.
    assert_eq!(house.admin.count("account", &large).unwrap(), 195);
    session.cancel_token().reset();
    assert_eq!(session.count("account", &large).unwrap(), 195);
}

#[test]
fn a_scan_ends_where_it_is_when_its_token_is_cancelled_from_outside() {
    let house = filled();
    let session = house.admin.with_patience(Patience::default());
    let token = session.cancel_token().clone();
    let mut seen = 0;
    let ended = session.read(|reader| {
        reader.scan("account", &Condition::Everything, &mut |_| {
            seen += 1;
            token.cancel();
            Ok(())
        })
    });
    assert_eq!(refusal(ended), Code::Cancelled);
    assert!((1..200).contains(&seen), "{seen}");
}

#[test]
fn a_deadline_that_has_passed_ends_reads_and_writes() {
    let house = filled();
    let late = house.admin.with_patience(Patience::default().within(Duration::ZERO));
    let large = account::EMPLOYEES.at_least(5);
    assert_eq!(refusal(late.count("account", &large)), Code::DeadlineExceeded);
    let file = "name\nx\n".as_bytes();
    let imported = late.import_csv("account", file, &ImportOptions::default(), &mut |_| {});
    assert_eq!(refusal(imported), Code::DeadlineExceeded);
    assert_eq!(house.admin.count("account", &Condition::Everything).unwrap(), 200);
}

fn file(rows: usize) -> String {
    let mut text = String::from("name\n");
    (0..rows).for_each(|number| text.push_str(&format!("row {number}\n")));
    text
}

fn count(session: &Session) -> u64 {
    session.count("account", &Condition::Everything).unwrap()
}

#[test]
fn an_import_that_is_cancelled_keeps_what_it_acknowledged_and_nothing_more() {
    let house = database();
    let session = house.admin.with_patience(Patience::default());
    let token = session.cancel_token().clone();
    let mut acknowledged = 0;
    let text = file(2_000);
    let ended = session.import_csv("account", text.as_bytes(), &ImportOptions::default(), &mut |progress| {
        acknowledged = progress.rows;
        if acknowledged == 1_000 {
            token.cancel();
        }
    });
    assert_eq!(refusal(ended), Code::Cancelled);
    assert_eq!((acknowledged, count(&house.admin)), (1_000, 1_000));
    let _ = house.verified();
    // The same file read again takes up where it ended.
    let report = house.admin.import_csv("account", text.as_bytes(), &ImportOptions::default(), &mut |_| {});
    let report = report.unwrap();
    assert_eq!((report.created, report.unchanged), (1_000, 1_000));
}

/// A reader that fails after its bytes.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::Error::other("the line went dead")),
            count => Ok(count),
        }
    }
}

#[test]
fn an_import_whose_file_breaks_off_keeps_what_it_acknowledged() {
    let house = database();
    let mut acknowledged = 0;
    let input = Failing(Cursor::new(file(1_200).into_bytes()));
    let ended = house.admin.import_csv("account", input, &ImportOptions::default(), &mut |progress| {
        acknowledged = progress.rows;
    });
    assert_eq!(refusal(ended), Code::Io);
    assert_eq!((acknowledged, count(&house.admin)), (1_000, 1_000));
    let _ = house.create("account", &Changes::new().set("name", "the database goes on"));
}
