//! Keys and their slots: what opens, what no longer does, and what a power cut leaves of a change.

use std::path::Path;
use std::sync::Arc;

use super::fault_device::{Dice, FaultDevice};
use super::{CHEAP, create, made, options, passphrase, random};
use crate::base::{Code, Locale, OsRandom, Random, Result, SeededRandom, Timestamp};
use crate::storage::device::Device;
use crate::storage::keys::{Key, KeyCost, KeyKind, KeyRing};
use crate::storage::slots::{About, Slot};
use crate::storage::superblock::{FileKind, Superblock};
use crate::storage::{Database, KeyPlan, RecoveryKey, identity, open};

const NOW: Timestamp = Timestamp::from_micros(1_795_320_000_000_000);

fn first() -> Key {
    Key::from_passphrase("老友 key")
}

fn add(database: &Database, key: &Key, label: &str) -> Result<()> {
    database.store_keys(database.plan_added_key(key, CHEAP, label, NOW)?)
}

fn store(database: &Database, plan: Result<KeyPlan>) -> Result<()> {
    database.store_keys(plan?)
}

fn opens(path: &Path, key: &Key) -> bool {
    match open(path, &options(key.clone())) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Code::WrongKey);
            false
        }
    }
}

#[test]
fn every_kind_of_key_opens_and_is_listed_without_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let recovery = RecoveryKey::generate(&OsRandom);
    let keys = [Key::from_passphrase("another"), Key::raw([9; 32]), recovery.key()];
    let database = made(&path);
    for (key, label) in keys.iter().zip(["office", "", "金库"]) {
        add(&database, key, label).unwrap();
    }
    let told = |database: &Database| -> Vec<_> {
        let slots = database.key_slots().into_iter();
        slots.map(|slot| (slot.number, slot.kind, slot.cost, slot.label, slot.created_at)).collect()
    };
    let expected = vec![
        (0, KeyKind::Passphrase, Some(CHEAP), None, None),
        (1, KeyKind::Passphrase, Some(CHEAP), Some("office".to_owned()), Some(NOW)),
        (2, KeyKind::Raw, None, None, Some(NOW)),
        (3, KeyKind::Recovery, None, Some("金库".to_owned()), Some(NOW)),
    ];
    assert_eq!(told(&database), expected);
    drop(database);
    for key in keys.iter().chain([&first(), &Key::recovery(&recovery.reveal()).unwrap()]) {
        let database = open(&path, &options(key.clone())).unwrap();
        assert_eq!(told(&database), expected);
    }
    for wrong in [Key::from_passphrase("anothe"), Key::raw([8; 32]), RecoveryKey::generate(&OsRandom).key()] {
        assert!(!opens(&path, &wrong));
    }
}

#[test]
fn keys_are_added_and_taken_away_and_the_last_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let second = Key::raw([9; 32]);
    let database = made(&path);
    add(&database, &second, "").unwrap();
    store(&database, database.plan_removed_key(&first())).unwrap();
    assert_eq!(database.plan_removed_key(&second).unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(database.plan_removed_key(&first()).unwrap_err().code(), Code::WrongKey);
    assert_eq!(database.plan_cleared_slot(1).unwrap_err().code(), Code::InvalidArgument);
    drop(database);
    assert!(!opens(&path, &first()) && opens(&path, &second));

    let database = open(&path, &options(second)).unwrap();
    for number in 0..7 {
        add(&database, &Key::from_passphrase(&format!("key {number}")), "").unwrap();
    }
    assert_eq!(add(&database, &first(), "").unwrap_err().code(), Code::LimitExceeded);
    // A full set of slots still lets a key be changed, for that needs no further one.
    let plan = database.plan_changed_key(&Key::from_passphrase("key 6"), &first(), CHEAP, NOW);
    store(&database, plan).unwrap();
    for number in [0, 8, 200] {
        assert_eq!(database.plan_cleared_slot(number).is_ok(), number == 0, "slot {number}");
    }
    drop(database);
    assert!(opens(&path, &first()) && opens(&path, &Key::from_passphrase("key 5")));
    assert!(!opens(&path, &Key::from_passphrase("key 6")));
}

#[test]
fn a_plan_that_was_overtaken_is_a_conflict_and_takes_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let database = made(&folder.path().join("a.guanxi"));
    let overtaken = database.plan_added_key(&Key::raw([1; 32]), CHEAP, "", NOW).unwrap();
    add(&database, &Key::raw([2; 32]), "").unwrap();
    let error = database.store_keys(overtaken).unwrap_err();
    assert!(error.code() == Code::Conflict && error.is_retryable());
    assert_eq!(database.key_slots().len(), 2);
    assert!(database.plan_removed_key(&Key::raw([2; 32])).is_ok());
}

#[test]
fn another_cost_is_stored_and_the_passphrase_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let dearer = KeyCost { memory_kib: 64, passes: 2, lanes: 2 };
    let database = made(&path);
    add(&database, &Key::raw([9; 32]), "raw").unwrap();
    store(&database, database.plan_key_cost(&first(), dearer)).unwrap();
    assert_eq!(database.key_slots()[0].cost, Some(dearer));
    assert_eq!(database.key_slots()[1].label.as_deref(), Some("raw"));
    let refusals = [
        (Key::raw([9; 32]), dearer, Code::InvalidArgument),
        (Key::from_passphrase("nobody's"), dearer, Code::WrongKey),
        (first(), KeyCost { memory_kib: u32::MAX, ..dearer }, Code::InvalidArgument),
        (first(), KeyCost { lanes: 0, ..dearer }, Code::InvalidArgument),
    ];
    for (key, cost, expected) in refusals {
        assert_eq!(database.plan_key_cost(&key, cost).unwrap_err().code(), expected, "{key:?}");
    }
    drop(database);
    assert!(opens(&path, &first()) && opens(&path, &Key::raw([9; 32])));
}

#[test]
fn a_label_has_at_most_fifteen_bytes_and_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let database = made(&folder.path().join("a.guanxi"));
    for (label, fits) in [("123456789012345", true), ("五个汉字满", true), ("1234567890123456", false)] {
        let plan = database.plan_added_key(&Key::raw([1; 32]), CHEAP, label, NOW);
        assert_eq!(plan.is_ok(), fits, "{label}");
    }
    let error = database.plan_added_key(&Key::raw([1; 32]), CHEAP, "a\nb", NOW).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::InvalidArgument, Some("label")));
}

#[test]
fn the_identity_of_a_closed_database_is_that_of_the_open_one_and_needs_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let database = made(&path);
    let known = database.identity();
    assert_eq!(identity(&path).unwrap_err().code(), Code::Locked);
    drop(database);
    assert_eq!(identity(&path).unwrap(), known);
    assert_eq!(known.to_string().len(), 32);
    let other = folder.path().join("b.guanxi");
    drop(made(&other));
    assert_ne!(identity(&other).unwrap(), known);
    assert_eq!(identity(&folder.path().join("c.guanxi")).unwrap_err().code(), Code::DatabaseNotFound);
    assert_eq!(identity(folder.path()).unwrap_err().code(), Code::NotADatabase);
}

/// A superblock on a device, with two keys: the medium, its ring and the superblock.
fn medium() -> (Arc<FaultDevice>, KeyRing, Superblock) {
    let medium = FaultDevice::with_image(vec![0; 8_192]);
    let ring = KeyRing::draw(&OsRandom);
    let mut superblock = Superblock::new(FileKind::Data, &ring, &first(), CHEAP, &OsRandom).unwrap();
    superblock.write_both(medium.as_ref(), &ring).unwrap();
    superblock.put_slot(1, slot(&ring, 1, &Key::raw([5; 32])));
    superblock.store(medium.as_ref(), &ring).unwrap();
    (medium, ring, superblock)
}

fn slot(ring: &KeyRing, number: usize, key: &Key) -> Slot {
    Slot::wrap(ring, number, key, CHEAP, &About::default(), &OsRandom).unwrap()
}

fn unlocks(device: &dyn Device, key: &Key) -> bool {
    match Superblock::unlock(device, FileKind::Data, key) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Code::WrongKey);
            false
        }
    }
}

#[test]
fn a_key_that_is_changed_while_power_fails_opens_as_it_was_or_as_it_is() {
    let (old, new) = (Key::raw([5; 32]), Key::raw([6; 32]));
    let (mut stayed, mut changed) = (0, 0);
    // A change is two writes and two syncs; the fifth operation never comes.
    for (operation, seed) in (1..=5).flat_map(|operation| (0..24).map(move |seed| (operation, seed))) {
        let (medium, ring, mut superblock) = medium();
        superblock.put_slot(1, slot(&ring, 1, &new));
        medium.fail_power_in(operation);
        let acknowledged = superblock.store(medium.as_ref(), &ring).is_ok();
        assert_eq!(acknowledged, operation == 5);
        medium.restart_machine(&mut Dice(seed));
        // Whoever comes first: another key of the database, the old key, or the new one.
        let order = [[&first(), &old, &new], [&old, &new, &first()], [&new, &old, &first()]];
        let found = order[seed as usize % 3].map(|key| (key, unlocks(medium.as_ref(), key)));
        let opened = |wanted: &Key| {
            found
                .iter()
                .any(|(key, opened)| *opened && format!("{:?}", key.kind()) == format!("{:?}", wanted.kind()))
        };
        assert!(opened(&first()), "operation {operation}, seed {seed}: the untouched key");
        let (old_opens, new_opens) = (unlocks(medium.as_ref(), &old), unlocks(medium.as_ref(), &new));
        assert!(
            old_opens != new_opens,
            "operation {operation}, seed {seed}: one of the two, once it was opened"
        );
        assert!(new_opens || !acknowledged);
        (stayed, changed) = (stayed + u32::from(old_opens), changed + u32::from(new_opens));
    }
    assert!(stayed > 10 && changed > 10, "{stayed} {changed}");
}

#[test]
fn a_power_cut_while_the_copies_are_brought_together_loses_no_key() {
    let (old, new) = (Key::raw([5; 32]), Key::raw([6; 32]));
    let mut apart = 0;
    for (operation, seed) in (1..=6).flat_map(|operation| (0..16).map(move |seed| (operation, seed))) {
        let (medium, ring, mut superblock) = medium();
        superblock.put_slot(1, slot(&ring, 1, &new));
        // The first copy is durable, and the second never comes.
        medium.fail_power_in(3);
        superblock.store(medium.as_ref(), &ring).unwrap_err();
        medium.restart_machine(&mut Dice(seed));
        let image = medium.image();
        apart += u32::from(image[..4_096] != image[4_096..]);
        // A process that is killed leaves writes that the next one sees and a power cut still takes.
        medium.fail_power_in(operation);
        let _ = Superblock::unlock(medium.as_ref(), FileKind::Data, &first());
        if seed % 2 == 0 {
            medium.restart_process();
            medium.fail_power_in(2);
            let _ = Superblock::unlock(medium.as_ref(), FileKind::Data, &first());
        }
        medium.restart_machine(&mut Dice(seed + 100));
        assert!(unlocks(medium.as_ref(), &first()), "operation {operation}, seed {seed}");
        assert!(unlocks(medium.as_ref(), &old) != unlocks(medium.as_ref(), &new));
    }
    assert!(apart > 10, "too few changes were cut off between the copies");
}

#[test]
fn a_slot_cannot_be_moved_and_the_label_of_a_recovery_key_cannot_be_exchanged() {
    let (_, ring, _) = medium();
    let recovery = RecoveryKey::generate(&OsRandom).key();
    let about = About { label: "safe".to_owned(), created_at: Some(NOW) };
    let slot = Slot::wrap(&ring, 3, &recovery, CHEAP, &about, &OsRandom).unwrap();
    let master = |slot: &Slot, number| slot.unwrap_master(&ring.file_id(), number, &recovery).unwrap();
    assert_eq!(master(&slot, 3).unwrap(), *ring.master());
    assert!(master(&slot, 2).is_none());
    for at in 0..128 {
        let mut bytes = *slot.as_bytes();
        bytes[at] ^= 1;
        assert!(master(&Slot::from_bytes(bytes), 3).is_none(), "byte {at}");
    }
}

#[test]
fn slots_without_label_and_moment_open_as_before() {
    let (_, ring, _) = medium();
    for key in [first(), Key::raw([5; 32])] {
        let slot = Slot::wrap(&ring, 0, &key, CHEAP, &About::default(), &OsRandom).unwrap();
        assert_eq!(slot.as_bytes()[104..], [0; 24]);
        assert_eq!(slot.about(), About::default());
        // The seal of the whole block covers label and moment of these two kinds, and not the slot itself.
        let mut bytes = *slot.as_bytes();
        bytes[112] = b'x';
        assert!(Slot::from_bytes(bytes).unwrap_master(&ring.file_id(), 0, &key).unwrap().is_some());
    }
}

#[test]
fn a_label_that_somebody_changed_in_the_file_is_damage() {
    let (medium, _, _) = medium();
    let mut image = medium.image();
    for copy in image.chunks_mut(4_096) {
        copy[64 + 112] = b'x';
        let checksum = <sha2::Sha256 as sha2::Digest>::digest(&copy[..4_064]);
        copy[4_064..].copy_from_slice(&checksum);
    }
    let forged = FaultDevice::with_image(image);
    let error = Superblock::unlock(forged.as_ref(), FileKind::Data, &first()).err().unwrap();
    assert_eq!(error.code(), Code::Damaged);
}

#[test]
fn a_recovery_key_is_read_as_people_write_it_down() {
    let recovery = RecoveryKey::generate(&SeededRandom::new(1));
    let text = recovery.reveal();
    assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [6; 6]);
    let key = |text: &str| Key::recovery(text).unwrap().wrapping_key(&[0; 16], CHEAP).unwrap();
    let lookalikes = text.replace('1', "l").replace('0', "O").to_lowercase().replace('-', " ");
    for written in [text.replace('-', ""), lookalikes.clone(), lookalikes.replace('l', "i")] {
        assert_eq!(key(&written), key(&text), "{written}");
    }
    assert!(text.contains('1') || text.contains('0'), "a seed whose text has a lookalike");
}

#[test]
fn a_recovery_key_with_any_wrong_character_is_told_from_a_wrong_key() {
    // Of a million wrong texts one passes the check, so the keys of this test are always the same.
    let random = SeededRandom::new(2);
    let (one, other) = (RecoveryKey::generate(&random).reveal(), RecoveryKey::generate(&random).reveal());
    let refusal = |text: &str| {
        let error = Key::recovery(text).unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::InvalidArgument, Some("key")), "{text}");
        let start: String = text.chars().take(4).collect();
        for locale in [Locale::English, Locale::SimplifiedChinese] {
            assert!(start.is_empty() || !error.message(locale).contains(&start));
        }
    };
    for (place, character) in one.char_indices().filter(|(_, character)| *character != '-') {
        for wrong in "0123456789ABCDEFGHJKMNPQRSTVWXYZU?".chars().filter(|wrong| *wrong != character) {
            let mut text = one.to_string();
            text.replace_range(place..=place, &wrong.to_string());
            refusal(&text);
        }
    }
    // Two halves that do not belong together, a part, and more than there is.
    for text in [
        format!("{}{}", one.get(..21).unwrap(), other.get(21..).unwrap()),
        format!("{}{}", other.get(..21).unwrap(), one.get(21..).unwrap()),
    ] {
        refusal(&text);
    }
    for text in [one.get(..40).unwrap(), &format!("{}0", *one), "", "------", "钥匙"] {
        refusal(text);
    }
}

#[test]
fn a_recovery_key_is_crockfords_base32_of_its_bits() {
    /// Gives one byte value only.
    #[derive(Debug)]
    struct Same(u8);
    impl Random for Same {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }
    let text = |byte| RecoveryKey::generate(&Same(byte)).reveal().replace('-', "");
    assert_eq!(text(0).get(..32).unwrap(), "0".repeat(32));
    assert_eq!(text(0xFF).get(..32).unwrap(), "Z".repeat(32));
    // 0x55 is 01010 10101 01010 10101 … in fives: 10 and 21, A and N.
    assert_eq!(text(0x55).get(..32).unwrap(), "AN".repeat(16));
    // The check is the first 20 bits of a hash, worked out here by another way.
    let digest =
        <sha2::Sha256 as sha2::Digest>::digest([b"guanxi.recovery-key.v1".as_slice(), &[0; 20]].concat());
    let bits = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) >> 12;
    let alphabet: Vec<char> = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().collect();
    let check: String = (0..4).rev().map(|place| alphabet[(bits >> (5 * place)) as usize & 31]).collect();
    assert_eq!(text(0).get(32..).unwrap(), check);
}

/// Base64 by RFC 4648 §4, for the search for secrets.
fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let sixes = bits.as_bytes().chunks(6).map(|six| {
        let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
        char::from(alphabet[usize::from_str_radix(&six, 2).unwrap()])
    });
    sixes.collect()
}

/// Fails where a text holds a secret, or a piece of it, in a form that people print bytes in.
fn assert_hides(printed: &str, secret: &[u8]) {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = secret[..4].iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let raw = String::from_utf8_lossy(&secret[..8]).into_owned();
    for form in [
        hex.get(..16).unwrap(),
        hex.to_uppercase().get(..16).unwrap(),
        base64(secret).get(..10).unwrap(),
        list.as_str(),
        raw.as_str(),
    ] {
        assert!(!printed.contains(form), "{form} in {printed}");
    }
}

#[test]
fn nothing_that_holds_a_key_prints_it_and_no_refusal_repeats_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let words = "unmistakable words of a passphrase";
    let raw: [u8; 32] = std::array::from_fn(|place| b"QWERTZUIOPASDFGH"[place % 16]);
    let recovery = RecoveryKey::generate(&SeededRandom::new(5));
    let database = create(&path, &passphrase()).unwrap();
    let plan = database.plan_added_key(&Key::raw(raw), CHEAP, "label", NOW).unwrap();
    let mut printed = vec![
        format!("{plan:?} {database:?} {:?} {:?}", database.ring(), database.subjects),
        format!("{:?}", database.key_slots()),
    ];
    let mut failed = |error: crate::base::Error| {
        printed.push(format!(
            "{error:?} {error} {} {}",
            error.to_json(Locale::English),
            error.to_json(Locale::SimplifiedChinese)
        ));
    };
    let keys = [Key::from_passphrase(words), Key::raw(raw), recovery.key()];
    for key in &keys {
        failed(database.plan_removed_key(key).unwrap_err());
        failed(database.plan_changed_key(key, &first(), CHEAP, NOW).unwrap_err());
        failed(database.plan_key_cost(key, CHEAP).unwrap_err());
        failed(database.plan_added_key(key, CHEAP, "a label that is too long", NOW).unwrap_err());
    }
    let master = database.ring().master().clone();
    let derived = database.ring().derive("ledger");
    drop(database);
    for key in &keys {
        failed(open(&path, &options(key.clone())).unwrap_err());
    }
    failed(Key::recovery(recovery.reveal().get(..30).unwrap()).unwrap_err());
    printed.extend(keys.iter().map(|key| format!("{key:?} {:?}", options(key.clone()))));
    printed.push(format!("{recovery:?} {:?} {:?}", random(), Key::raw(raw)));
    let revealed = recovery.reveal();
    for text in &printed {
        let secrets: [&[u8]; 5] =
            [words.as_bytes(), &raw, revealed.as_bytes(), master.as_slice(), derived.as_slice()];
        for secret in secrets {
            assert_hides(text, secret);
        }
    }
}
