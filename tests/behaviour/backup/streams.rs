//! One backup as bytes: changed, cut, lengthened, given slowly, written to a full disk.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use guanxi::engine::{BackupHeader, BackupScope, EntryKind};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Changes, Code, Condition, Crm, Key, Patience, RestoreOptions};
use guanxi_tests::{House, KEY, database, options, refusal};

use super::{full, keys, names, opened, restored, state};

/// The backup of a house with a person in it, and of its keys, made once for all tests that only read.
fn sample() -> &'static (Vec<u8>, Vec<u8>) {
    static SAMPLE: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let house = database();
        let _ = house.create(Contact::NAME, &Changes::new().set("name", "林先生-CANARY"));
        (full(&house.admin).0, keys(&house.admin))
    })
}

/// A change of one byte is refused; the place is left empty.
fn check_refused(backup: &[u8], keys: &[u8], what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let error = restored(&[backup], Some(keys), &path, &RestoreOptions::default()).expect_err(what);
    let expected =
        [Code::Damaged, Code::NewerFormat, Code::WrongKey, Code::BackupChain, Code::InvalidArgument];
    assert!(expected.contains(&error.code()), "{what}: {error:?}");
    assert!(names(folder.path()).is_empty(), "{what}");
}

#[test]
fn a_backup_says_nothing_of_what_it_holds() {
    let (backup, keys) = sample();
    for bytes in [backup, keys] {
        for canary in ["CANARY".as_bytes(), "林先生".as_bytes(), b"administrator"] {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary));
        }
    }
}

#[test]
fn every_changed_byte_of_the_head_is_refused() {
    let (backup, keys) = sample();
    let slots = 136 + 64..136 + 4_032;
    // Bytes of the slots and of the zeros behind them are all under one checksum: a sample of them is enough
    // for the short form.
    let step = usize::try_from(rounds(61)).unwrap();
    let places = (0..4_250).filter(|place| !slots.contains(place) || place % step == 0);
    for place in places {
        let mut changed = backup.clone();
        changed[place] ^= 1;
        check_refused(&changed, keys, &format!("byte {place}"));
    }
}

#[test]
fn changed_bytes_of_the_content_are_refused_wherever_they_are() {
    let (backup, keys) = sample();
    let step = usize::try_from(rounds(backup.len() / 150)).unwrap();
    let places: Vec<usize> =
        (4_232..backup.len()).step_by(step).chain(backup.len() - 90..backup.len()).collect();
    // The long form takes an hour of processor time.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for share in places.chunks(places.len().div_ceil(threads)) {
            scope.spawn(move || {
                for place in share {
                    let mut changed = backup.clone();
                    changed[*place] ^= 0x10;
                    check_refused(&changed, keys, &format!("byte {place}"));
                }
            });
        }
    });
    eprintln!("a backup of {} bytes: {} changed", backup.len(), places.len());
}

/// Every byte in the long form, which the environment asks for.
fn rounds(usual: usize) -> u64 {
    if std::env::var_os("GUANXI_EVERY_BYTE").is_some() { 1 } else { u64::try_from(usual.max(1)).unwrap() }
}

#[test]
fn a_cut_backup_and_one_with_more_behind_it_are_refused() {
    let (backup, keys) = sample();
    let step = usize::try_from(rounds(backup.len() / 100)).unwrap();
    for length in (0..backup.len()).step_by(step).chain(backup.len() - 90..backup.len()) {
        check_refused(&backup[..length], keys, &format!("length {length}"));
    }
    let longer = [&backup[..], &[0]].concat();
    check_refused(&longer, keys, "a byte more");
    let twice = [&backup[..], backup].concat();
    check_refused(&twice, keys, "the same again");
}

#[test]
fn frames_that_changed_places_are_refused() {
    let house = database();
    for number in 0..40 {
        let changes = Changes::new().set("name", format!("{number}")).set("note", "x".repeat(8_000));
        let _ = house.create(Account::NAME, &changes);
    }
    let (backup, _) = full(&house.admin);
    let frame = 4 + 65_536 + 16;
    let (first, second) = (4_232..4_232 + frame, 4_232 + frame..4_232 + 2 * frame);
    let swapped = [&backup[..4_232], &backup[second.clone()], &backup[first], &backup[second.end..]].concat();
    assert_eq!(swapped.len(), backup.len());
    check_refused(&swapped, &keys(&house.admin), "swapped frames");
}

#[test]
fn a_changed_backup_of_keys_is_refused_too() {
    let (backup, keys) = sample();
    let step = usize::try_from(rounds(97)).unwrap();
    for place in (0..keys.len()).step_by(step).chain(keys.len() - 60..keys.len()) {
        let mut changed = keys.clone();
        changed[place] ^= 4;
        check_refused(backup, &changed, &format!("byte {place} of the keys"));
    }
    for length in (0..keys.len()).step_by(211) {
        check_refused(backup, &keys[..length], &format!("keys of length {length}"));
    }
}

#[test]
fn another_key_opens_no_backup() {
    let (backup, _) = sample();
    let folder = tempfile::tempdir().unwrap();
    let mut reader = &backup[..];
    let result = guanxi::restore(
        vec![&mut reader],
        None,
        &Key::raw([9; 32]),
        folder.path().join("a.guanxi"),
        &RestoreOptions::default(),
    );
    assert_eq!(refusal(result), Code::WrongKey);
    assert!(names(folder.path()).is_empty());
}

/// Gives one byte, then two, then three, as a slow line does, and is interrupted now and then.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = (self.1 % 300).max(1).min(buffer.len());
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn a_reader_that_gives_little_at_a_time_is_read_to_the_end() {
    let house = database();
    let _ = house.create(Contact::NAME, &Changes::new().set("name", "林先生"));
    let ((backup, _), keys) = (full(&house.admin), keys(&house.admin));
    let path = house.folder().join("slow.guanxi");
    let (mut slow, mut slow_keys) = (Trickle(&backup, 0), Trickle(&keys, 0));
    let key = Key::raw(KEY);
    let options_of_restore = RestoreOptions::default();
    guanxi::restore(vec![&mut slow], Some(&mut slow_keys), &key, &path, &options_of_restore).unwrap();
    let crm = options().open(&path).unwrap();
    assert_eq!(state(&crm.session_for("admin").unwrap()), state(&house.admin));
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let length = bytes.len().min(self.0);
        self.0 -= length;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_a_backup_and_leaves_the_database_in_use() {
    let house = database();
    let (backup, _) = full(&house.admin);
    for room in (0..backup.len()).step_by(backup.len() / 25) {
        let refused = house.admin.backup(&mut Full(room), BackupScope::Everything);
        assert_eq!(refusal(refused), Code::Io, "{room}");
        let _ = house.create(Account::NAME, &Changes::new().set("name", format!("after {room}")));
    }
    assert_eq!(refusal(house.admin.backup_keys(&mut Full(4_300))), Code::Io);
    let _ = house.verified();
    let (backup, _) = full(&house.admin);
    let (_, crm, _) = opened(&house, &[&backup], Some(&keys(&house.admin)));
    assert_eq!(state(&crm.session_for("admin").unwrap()), state(&house.admin));
}

/// Writes to the database between the parts of its own backup.
struct Busy<'a> {
    house: &'a House,
    bytes: Vec<u8>,
    written: u64,
}

impl Write for Busy<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written += 1;
        let number = self.written;
        let pair = self.house.admin.write(|transaction| {
            let one = Changes::new().set("name", format!("pair {number}")).set("note", "n".repeat(9_000));
            let one = transaction.create_record(Account::NAME, one)?;
            transaction.create_record(Account::NAME, Changes::new().set("name", "other").set("parent", one))
        });
        pair.unwrap();
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn writers_go_on_during_a_backup_which_is_one_state() {
    let house = database();
    for number in 0..60 {
        let changes = Changes::new().set("name", format!("{number}")).set("note", "x".repeat(6_000));
        let _ = house.create(Account::NAME, &changes);
    }
    let mut busy = Busy { house: &house, bytes: Vec::new(), written: 0 };
    let before = house.admin.count(Account::NAME, &Condition::Everything).unwrap();
    let report = house.admin.backup(&mut busy, BackupScope::Everything).unwrap();
    let Busy { bytes, written, .. } = busy;
    assert!(written > 4);
    let (restore, crm, _) = opened(&house, &[&bytes], Some(&keys(&house.admin)));
    assert_eq!(restore.restored_to, report.header.to);
    let session = crm.session_for("admin").unwrap();
    assert_eq!(session.count(Account::NAME, &Condition::Everything).unwrap(), before);
    assert_eq!(house.admin.count(Account::NAME, &Condition::Everything).unwrap(), before + 2 * written);
}

#[test]
fn a_backup_and_a_restore_tell_how_far_they_are_and_are_cancelled() {
    let house = database();
    let told = Arc::new(AtomicU64::new(0));
    let listener = Arc::clone(&told);
    let patience = Patience::default().telling(move |_| {
        listener.fetch_add(1, Ordering::SeqCst);
    });
    let patient = house.admin.with_patience(patience.clone());
    let (backup, _) = full(&patient);
    assert!(told.swap(0, Ordering::SeqCst) > 0);
    let path = house.folder().join("b.guanxi");
    let token = CancelToken::new();
    token.cancel();
    let cancelled = Patience::with_token(token.clone());
    let refused = restored(&[&backup], None, &path, &RestoreOptions::default().patience(cancelled.clone()));
    assert_eq!(refusal(refused), Code::Cancelled);
    let refused = house.admin.with_patience(cancelled).backup(&mut Vec::new(), BackupScope::Everything);
    assert_eq!(refusal(refused), Code::Cancelled);
    assert_eq!(names(house.folder()), ["house.guanxi"]);
    let keys = keys(&house.admin);
    restored(&[&backup], Some(&keys), &path, &RestoreOptions::default().patience(patience)).unwrap();
    assert!(told.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_backup_is_entered_in_the_ledger_and_so_is_a_restore() {
    let house = database();
    let (backup, header) = full(&house.admin);
    let kinds = |crm: &Crm| {
        let session = crm.session_for("admin").unwrap();
        let asked = serde_json::json!({"limit": 1000});
        let answer = guanxi::api::call(&session, "ledger.list", &asked).unwrap();
        let entries = answer["entries"].as_array().unwrap().iter();
        entries.map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let at = |position: u64| usize::try_from(position).unwrap() - 1;
    assert_eq!(kinds(&house.crm)[at(header.to.position)], EntryKind::Backup.name());
    let (_, crm, _) = opened(&house, &[&backup], Some(&keys(&house.admin)));
    assert_eq!(kinds(&crm)[at(header.to.position + 1)], EntryKind::Restore.name());
}

#[test]
fn only_who_administers_everything_backs_up() {
    let house = database();
    let user = house.user_as("li", "director");
    let mut bytes = Vec::new();
    assert_eq!(refusal(user.backup(&mut bytes, BackupScope::Everything)), Code::NotPermitted);
    assert_eq!(refusal(user.backup_keys(&mut bytes)), Code::NotPermitted);
    assert!(bytes.is_empty());
}

#[test]
fn what_is_no_backup_is_damaged_and_not_read_on() {
    for bytes in [&b""[..], b"hello", &[0; 10_000]] {
        assert_eq!(refusal(BackupHeader::read(&mut { bytes })), Code::Damaged);
    }
}
