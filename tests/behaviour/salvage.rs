//! What is left of a damaged database: all that was on whole pages, nothing that is wrong, nothing changed.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use guanxi::api::salvage_to_folder;
use guanxi::engine::{Find, LedgerEntry, Record, SalvageReport, SalvagedItem};
use guanxi::model::{account, contact};
use guanxi::{Changes, Code, Crm, Key, Patience, RecordId, Result, Session, salvage};
use guanxi_tests::{KEY, options, refusal};
use tempfile::TempDir;

const BLOCK: usize = 4_096;
/// Behind the superblocks, the header slots and the reserved block come a block of entries and pages.
const FIRST_PAGE: usize = 6;

/// A closed database and what was in it.
struct Original {
    folder: TempDir,
    records: BTreeMap<RecordId, Record>,
    entries: u64,
    contents: BTreeMap<RecordId, Vec<u8>>,
    /// Its file of tables before there was anything of the test's in it.
    new: Vec<u8>,
}

/// What a salvage gave out.
#[derive(Default)]
struct Found {
    records: BTreeMap<RecordId, (Record, bool)>,
    entries: Vec<(LedgerEntry, bool)>,
    contents: BTreeMap<RecordId, Vec<u8>>,
}

impl Original {
    fn path(&self) -> PathBuf {
        self.folder.path().join("a.guanxi")
    }

    /// A database with records of several versions, a record of many pieces, and attachments.
    fn made() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let crm = options().create(folder.path().join("a.guanxi")).unwrap();
        crm.checkpoint().unwrap();
        let new = fs::read(folder.path().join("a.guanxi/data")).unwrap();
        let admin = crm.session_for("admin").unwrap();
        let mut contents = BTreeMap::new();
        for round in 0..6 {
            let firms = admin.write(|transaction| {
                (0..60)
                    .map(|number| {
                        let name = format!("Kunstdorf {round} {number} {}", "lang ".repeat(number % 20));
                        Ok(transaction.create(account::named(&name))?.id())
                    })
                    .collect::<Result<Vec<_>>>()
            });
            let firms = firms.unwrap();
            admin
                .write(|transaction| {
                    for firm in firms.iter().step_by(3) {
                        let changes = Changes::new().set(account::CITY, format!("Ulm {round}"));
                        transaction.update_record("account", *firm, changes)?;
                    }
                    transaction.create(contact::named(&format!("Ottokar {round}")))?;
                    transaction.delete_record("account", firms[1])
                })
                .unwrap();
            let content = vec![round as u8; if round % 2 == 0 { 900 } else { 150_000 }];
            let attached =
                admin.attach("account", firms[0], "file.bin", "text/plain", &mut content.as_slice()).unwrap();
            contents.insert(attached.id, content);
            crm.checkpoint().unwrap();
        }
        let large = Changes::new().set(account::NAME, "gross").set(account::CITY, "x".repeat(200_000));
        admin.write(|transaction| transaction.create_record("account", large.clone())).unwrap();
        Self { new, ..Self::of(folder, &crm, &admin, contents) }
    }

    fn of(folder: TempDir, crm: &Crm, admin: &Session, contents: BTreeMap<RecordId, Vec<u8>>) -> Self {
        let (records, entries) = (all_records(crm, admin), crm.head().unwrap().position);
        Self { folder, records, entries, contents, new: Vec::new() }
    }

    /// How long the file of tables is that keeps so many tenths of the blocks that were written since it was new, and a
    /// little of the next one. What it began with, the registry above all, is no part of what is counted, however large
    /// it is.
    fn cut(&self, whole: &[u8], tenths: usize) -> usize {
        let blocks = (FIRST_PAGE..whole.len() / BLOCK).map(|block| block * BLOCK..(block + 1) * BLOCK);
        let is_written = |block: &Range<usize>| self.new.get(block.clone()) != Some(&whole[block.clone()]);
        let written: Vec<Range<usize>> = blocks.filter(is_written).collect();
        written[written.len() / 10 * tenths].start + 77
    }

    fn salvaged(&self) -> (Found, SalvageReport) {
        salvaged(&self.path(), &Key::raw(KEY)).unwrap()
    }

    /// Everything that was found is as it was; gives how many records were not found.
    fn check(&self, found: &Found) -> usize {
        for (id, (record, _)) in &found.records {
            match self.records.get(id) {
                Some(original) => assert_eq!(record, original),
                None => assert!(record.is_deleted(), "{record:?} was never there"),
            }
        }
        for (id, content) in &found.contents {
            assert!(self.contents.get(id) == Some(content));
        }
        assert!(found.entries.iter().all(|(entry, _)| (1..=self.entries).contains(&entry.position)));
        self.records.keys().filter(|id| !found.records.contains_key(id)).count()
    }

    fn change(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    fn bytes(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for part in ["", "blobs", "index"] {
            for entry in fs::read_dir(self.path().join(part)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    files.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        files
    }
}

/// Every record that is not deleted, of every entity.
fn all_records(crm: &Crm, admin: &Session) -> BTreeMap<RecordId, Record> {
    let mut records = BTreeMap::new();
    for entity in crm.registry().entities() {
        let page = admin.list(&entity.api_name, &Find { limit: 5_000, ..Find::default() }).unwrap();
        assert!(page.next.is_none());
        records.extend(page.rows.into_iter().map(|row| (row.record.id, row.record)));
    }
    records
}

fn salvaged(path: &Path, key: &Key) -> Result<(Found, SalvageReport)> {
    let mut found = Found::default();
    let report = salvage(path, key, &Patience::default(), &mut |item| {
        match item {
            SalvagedItem::Record { record, certain, .. } => {
                assert!(found.records.insert(record.id, (record.clone(), certain)).is_none());
            }
            SalvagedItem::Entry { entry, linked } => found.entries.push((entry.clone(), linked)),
            SalvagedItem::Attachment { attachment, content, .. } => {
                let mut bytes = Vec::new();
                content
                    .read_to_end(&mut bytes)
                    .map_err(|error| error.downcast::<guanxi::Error>().unwrap())?;
                assert!(found.contents.insert(attachment.id, bytes).is_none());
            }
        }
        Ok(())
    })?;
    assert_eq!(report.records, found.records.values().filter(|(_, certain)| *certain).count() as u64);
    assert_eq!(report.entries, found.entries.len() as u64);
    assert_eq!(report.attachments, found.contents.len() as u64);
    Ok((found, report))
}

#[test]
fn a_whole_database_is_given_out_whole_and_no_file_of_it_changes() {
    let original = Original::made();
    let before = original.bytes();
    let (found, report) = original.salvaged();
    assert_eq!(original.check(&found), 0);
    assert!(report.is_whole() && report.has_registry, "{report:?}");
    assert_eq!((report.uncertain_records, report.entries), (0, original.entries));
    assert!(found.entries.iter().all(|(_, linked)| *linked));
    assert!(found.entries.iter().all(|(entry, _)| entry.changes.is_some()));
    assert_eq!(found.contents.len(), 6);
    assert_eq!(original.bytes(), before);
}

#[test]
fn a_flipped_byte_costs_the_rows_of_its_page_and_nothing_else() {
    let original = Original::made();
    let whole = fs::read(original.path().join("data")).unwrap();
    let (mut pages_with_loss, mut most_lost) = (0, 0);
    for block in (FIRST_PAGE..whole.len() / BLOCK).step_by(3) {
        let mut damaged = whole.clone();
        damaged[block * BLOCK + 1_000] ^= 4;
        fs::write(original.path().join("data"), &damaged).unwrap();
        let (found, report) = original.salvaged();
        let missing = original.check(&found);
        assert!(missing as u64 <= report.lost_record_rows, "block {block}: {report:?}");
        assert!(original.entries - report.entries <= report.lost_entries, "block {block}: {report:?}");
        assert_eq!(report.chain_breaks, 0);
        if report.losses.is_empty() {
            // The page that says where the journal goes on costs the journal, and no rows.
            let whole_but_for_the_journal = report.is_whole() || !report.state.journal_readable;
            assert!(missing == 0 && whole_but_for_the_journal, "block {block}: {report:?}");
        } else {
            pages_with_loss += 1;
        }
        most_lost = most_lost.max(missing);
    }
    // Some page held records, and none held a great part of them.
    assert!(pages_with_loss > 5 && most_lost > 0 && most_lost < original.records.len() / 4, "{most_lost}");
}

#[test]
fn a_file_that_was_cut_gives_out_what_is_left_of_it() {
    let original = Original::made();
    let whole = fs::read(original.path().join("data")).unwrap();
    let mut lost = Vec::new();
    for tenths in [9, 7, 5, 3] {
        fs::write(original.path().join("data"), &whole[..original.cut(&whole, tenths)]).unwrap();
        let (found, report) = original.salvaged();
        lost.push(original.check(&found));
        assert!(!report.is_whole());
    }
    // What a cut takes first is a matter of where pages lie, and the ledger makes up for records whose pages
    // are gone; so a shorter file may even say a little more than a longer one.
    let most = original.records.len() / 4;
    assert!(
        lost[0] < lost[3] && lost.iter().all(|lost| *lost < most),
        "{lost:?} of {}",
        original.records.len()
    );
    fs::write(original.path().join("data"), &whole[..BLOCK / 2]).unwrap();
    assert_eq!(refusal(salvaged(&original.path(), &Key::raw(KEY))), Code::Damaged);
}

#[test]
fn without_any_header_the_newest_version_of_every_record_is_found_on_the_pages() {
    let original = Original::made();
    original.change("data", |bytes| bytes[2 * BLOCK..4 * BLOCK].fill(0xA5));
    assert_eq!(refusal(options().open(original.path())), Code::Damaged);
    let before = original.bytes();
    let (found, report) = original.salvaged();
    assert_eq!(original.check(&found), 0);
    assert!(!report.state.has_trees && report.has_registry && !report.is_whole(), "{report:?}");
    assert!(report.records == 0 && report.uncertain_records as usize >= original.records.len());
    assert_eq!((report.entries, report.chain_breaks), (original.entries, 0));
    assert_eq!(found.contents, original.contents);
    assert_eq!(original.bytes(), before);
}

#[test]
fn one_broken_superblock_and_one_broken_header_slot_cost_nothing_that_was_durable() {
    let original = Original::made();
    original.change("data", |bytes| bytes[100] ^= 1);
    let (found, report) = original.salvaged();
    assert_eq!(original.check(&found), 0);
    assert!(report.is_whole(), "{report:?}");
    for slot in [2, 3] {
        let original = Original::made();
        original.change("data", |bytes| bytes[slot * BLOCK + 200] ^= 1);
        let (found, report) = original.salvaged();
        assert_eq!(original.check(&found), 0);
        // Nobody can tell any more that nothing came after it.
        assert!(report.state.header_broken && report.records == 0 && !report.is_whole(), "{report:?}");
    }
}

#[test]
fn what_is_only_in_the_journal_is_given_out_too_and_a_broken_record_of_it_costs_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.guanxi");
    let crm = options().create(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    crm.checkpoint().unwrap();
    for number in 0..20 {
        let name = format!("nur im Journal {number}");
        admin.write(|transaction| transaction.create(account::named(&name))).unwrap();
        admin.write(|transaction| transaction.create(contact::named(&name))).unwrap();
    }
    assert_eq!(refusal(salvaged(&path, &Key::raw(KEY))), Code::Locked);
    let copied = tempfile::tempdir().unwrap();
    fs::create_dir_all(copied.path().join("a.guanxi/blobs")).unwrap();
    fs::create_dir_all(copied.path().join("a.guanxi/index")).unwrap();
    for file in ["data", "journal", "keys"] {
        fs::copy(path.join(file), copied.path().join("a.guanxi").join(file)).unwrap();
    }
    let original = Original::of(copied, &crm, &admin, BTreeMap::new());
    let (found, report) = original.salvaged();
    assert_eq!(original.check(&found), 0);
    assert!(report.is_whole() && report.state.journal_commits >= 40, "{report:?}");
    assert!(found.entries.iter().all(|(entry, linked)| *linked && entry.changes.is_some()));

    // Behind the first block each group of commits begins at a sector of 512 bytes.
    original.change("journal", |bytes| bytes[BLOCK + 10 * 512 + 200] ^= 1);
    let (found, report) = original.salvaged();
    let missing = original.check(&found);
    assert!(missing > 0 && missing < 4, "{missing}");
    assert!(report.state.journal_broken >= 1 && !report.is_whole(), "{report:?}");
}

#[test]
fn who_was_erased_stays_erased_whichever_way_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let crm = options().create(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    let named = |name: &str| Changes::new().set(contact::NAME, name);
    let ids: Vec<RecordId> = ["Wiedergänger", "Bleibender"]
        .into_iter()
        .map(|name| admin.write(|transaction| transaction.create_record("contact", named(name))).unwrap())
        .collect();
    crm.checkpoint().unwrap();
    admin.erase("contact", ids[0]).unwrap();
    let original = Original::of(folder, &crm, &admin, BTreeMap::new());
    drop((crm, admin));
    for headers_are_lost in [false, true] {
        if headers_are_lost {
            original.change("data", |bytes| bytes[2 * BLOCK..4 * BLOCK].fill(0));
        }
        let (found, _) = original.salvaged();
        let erased = found.records.get(&ids[0]).map(|(record, _)| record);
        assert!(erased.is_none_or(|record| record.values.is_empty()), "{erased:?}");
        assert!(!found.records[&ids[1]].0.values.is_empty());
        let of_person = found.entries.iter().filter(|(entry, _)| entry.record == ids[0]);
        assert!(of_person.clone().count() > 0 && of_person.clone().all(|(entry, _)| entry.changes.is_none()));
    }
    // With the file of keys, every key of a person is lost, and older versions of persons are withheld.
    fs::remove_file(original.path().join("keys")).unwrap();
    let (found, report) = original.salvaged();
    assert!(report.state.subject_keys_lost && report.withheld_records > 0, "{report:?}");
    assert!(!found.records.contains_key(&ids[1]));
}

#[test]
fn after_a_change_of_the_data_key_the_new_key_reads_everything_and_the_old_one_nothing() {
    let original = Original::made();
    let crm = options().open(original.path()).unwrap();
    crm.session_for("admin").unwrap().change_data_key(&[Key::raw([9; 32])]).unwrap();
    drop(crm);
    assert_eq!(refusal(salvaged(&original.path(), &Key::raw(KEY))), Code::WrongKey);
    let (found, report) = salvaged(&original.path(), &Key::raw([9; 32])).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert!(found.entries.iter().all(|(entry, linked)| *linked && entry.changes.is_some()));
    assert_eq!(found.contents, original.contents);
}

#[test]
fn what_is_no_database_and_a_damaged_attachment_are_told() {
    let original = Original::made();
    let nowhere = original.folder.path().join("nowhere");
    assert_eq!(refusal(salvaged(&nowhere, &Key::raw(KEY))), Code::DatabaseNotFound);
    fs::write(&nowhere, "text").unwrap();
    assert_eq!(refusal(salvaged(&nowhere, &Key::raw(KEY))), Code::NotADatabase);
    assert_eq!(refusal(salvaged(&original.path(), &Key::raw([1; 32]))), Code::WrongKey);

    let blob = fs::read_dir(original.path().join("blobs")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&blob).unwrap();
    bytes[70_000] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let (found, report) = original.salvaged();
    assert_eq!((report.attachments, report.lost_attachments), (5, 1));
    original.check(&found);
}

#[test]
fn the_folder_holds_a_line_for_each_record_and_the_contents() {
    let original = Original::made();
    let target = original.folder.path().join("out");
    let key = Key::raw(KEY);
    let wrong = salvage_to_folder(original.path(), &Key::raw([1; 32]), &target, &Patience::default());
    assert_eq!(refusal(wrong), Code::WrongKey);
    let report = salvage_to_folder(original.path(), &key, &target, &Patience::default()).unwrap();
    let lines = |name: &str| {
        let text = fs::read_to_string(target.join(name)).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.collect::<Vec<_>>()
    };
    let accounts = lines("crm.account.jsonl");
    let live = accounts.iter().filter(|account| account["deleted_at"].is_null());
    assert_eq!(live.clone().count(), 6 * 59 + 1);
    for account in live {
        let id: RecordId = account["id"].as_str().unwrap().parse().unwrap();
        let name = original.records[&id].values.iter().next().unwrap().1;
        assert_eq!(name.to_json(), account["values"]["name"]);
        assert_eq!(account["certain"], true);
    }
    assert_eq!(lines("ledger.jsonl").len() as u64, report.entries);
    for attachment in lines("attachments.jsonl") {
        let id: RecordId = attachment["id"].as_str().unwrap().parse().unwrap();
        let content = fs::read(target.join("attachments").join(id.to_string())).unwrap();
        assert!(content == original.contents[&id]);
    }
    let told: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(target.join("report.json")).unwrap()).unwrap();
    assert_eq!((&told["way"], &told["records"]), (&"trees".into(), &report.records.into()));
    let again = salvage_to_folder(original.path(), &key, &target, &Patience::default());
    assert_eq!(refusal(again), Code::AlreadyExists);
}
