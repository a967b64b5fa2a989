//! The index's life: reopening, other identities, damage, faults, and where its bytes are.

use super::*;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::{Code, Error, Result};

fn copy(files: &MemoryFiles) -> MemoryFiles {
    let copy = MemoryFiles::new();
    for name in files.names() {
        copy.write(&name, &files.read(&name).unwrap().unwrap()).unwrap();
    }
    copy
}

fn filled() -> Arc<MemoryFiles> {
    let files = Arc::new(MemoryFiles::new());
    let (mut index, _) = Index::open_or_create(files.clone(), IDENTITY).unwrap();
    index.apply(&upserts([named(1, "加喜"), named(2, "别家")]), at(5)).unwrap();
    index.apply(&upserts([named(3, "加喜集团 Acme")]), at(6)).unwrap();
    files
}

#[test]
fn cursor_and_content_survive_reopening() {
    let files = filled();
    let (mut index, cursor) = Index::open_or_create(files.clone(), IDENTITY).unwrap();
    assert_eq!(cursor, Some(at(6)));
    assert_eq!(index.cursor(), cursor);
    assert_eq!(found(&index, "加喜"), [1, 3]);
    index.apply(&[Change::Delete(id(1)), Change::Upsert(named(2, "改名"))], at(7)).unwrap();
    drop(index);
    let (index, cursor) = Index::open_or_create(files, IDENTITY).unwrap();
    assert_eq!(cursor, Some(at(7)));
    assert_eq!(found(&index, "加喜"), [3]);
    assert_eq!(found(&index, "别家"), []);
    assert_eq!(found(&index, "改名"), [2]);
}

#[test]
fn the_last_of_several_changes_of_a_record_in_one_batch_holds() {
    let (mut index, _) = Index::open_or_create(Arc::new(MemoryFiles::new()), IDENTITY).unwrap();
    let changes = [
        Change::Upsert(named(1, "第一")),
        Change::Upsert(named(1, "第二")),
        Change::Upsert(named(2, "短命")),
        Change::Delete(id(2)),
        Change::Delete(id(3)),
        Change::Upsert(named(3, "重生")),
    ];
    for position in [1, 2] {
        index.apply(&changes, at(position)).unwrap();
        assert_eq!(found(&index, "第一"), []);
        assert_eq!(found(&index, "第二"), [1]);
        assert_eq!(found(&index, "短命"), []);
        assert_eq!(found(&index, "重生"), [3]);
    }
}

#[test]
fn many_commits_merge_and_keep_answers_and_cursor() {
    let files = Arc::new(MemoryFiles::new());
    let (mut index, _) = Index::open_or_create(files.clone(), IDENTITY).unwrap();
    for position in 1..=40_u64 {
        let number = u128::from(position % 10);
        index.apply(&upserts([named(number, &format!("加喜 v{position}x"))]), at(position)).unwrap();
        assert_eq!(found(&index, &format!("v{position}x ")), [number]);
    }
    assert_eq!(found(&index, "加喜"), (0..10).collect::<Vec<u128>>());
    drop(index);
    let (index, cursor) = Index::open_or_create(files, IDENTITY).unwrap();
    assert_eq!(cursor, Some(at(40)));
    assert_eq!(found(&index, "加喜"), (0..10).collect::<Vec<u128>>());
}

#[test]
fn an_index_of_another_identity_is_thrown_away() {
    let others = [
        Identity { database_id: [8; 16], ..IDENTITY },
        Identity { schema_version: 2, ..IDENTITY },
        Identity { analyzer_version: ANALYZER_VERSION + 1, ..IDENTITY },
    ];
    for other in others {
        let files = filled();
        let (mut index, cursor) = Index::open_or_create(files.clone(), other).unwrap();
        assert_eq!(cursor, None);
        assert_eq!(found(&index, "加喜"), []);
        index.apply(&upserts([named(9, "加喜")]), at(1)).unwrap();
        drop(index);
        let (index, cursor) = Index::open_or_create(files, other).unwrap();
        assert_eq!((cursor, found(&index, "加喜")), (Some(at(1)), vec![9]));
    }
}

#[test]
fn a_damaged_shortened_or_missing_file_never_panics_and_never_gives_a_wrong_answer() {
    let whole = filled();
    for name in whole.names() {
        let bytes = whole.read(&name).unwrap().unwrap();
        let last = bytes.len() - 1;
        for place in [0, 1, last / 3, last / 2, last - 1, last] {
            let mut flipped = bytes.clone();
            flipped[place] ^= 0x20;
            assert_rebuilt_or_right(&whole, &name, Some(&flipped));
            assert_rebuilt_or_right(&whole, &name, Some(&bytes[..place]));
        }
        assert_rebuilt_or_right(&whole, &name, None);
    }
}

/// Either the damage is noticed, and the index is empty and usable; or it does no harm.
fn assert_rebuilt_or_right(whole: &MemoryFiles, name: &str, bytes: Option<&[u8]>) {
    let files = copy(whole);
    match bytes {
        Some(bytes) => files.write(name, bytes).unwrap(),
        None => files.delete(name).unwrap(),
    }
    let (mut index, cursor) = Index::open_or_create(Arc::new(files), IDENTITY).unwrap();
    if cursor.is_none() {
        assert_eq!(found(&index, "加喜"), [], "{name}");
        index.apply(&upserts([named(1, "加喜")]), at(1)).unwrap();
        assert_eq!(found(&index, "加喜"), [1], "{name}");
    } else {
        assert_eq!(found(&index, "加喜"), [1, 3], "{name}");
        assert_eq!(found(&index, "acme"), [3], "{name}");
    }
}

#[test]
fn a_flipped_byte_in_the_words_or_rows_is_noticed() {
    let whole = filled();
    for name in whole.names().into_iter().filter(|name| !name.ends_with(".json")) {
        let files = copy(&whole);
        let mut bytes = files.read(&name).unwrap().unwrap();
        bytes[0] ^= 1;
        files.write(&name, &bytes).unwrap();
        let (_, cursor) = Index::open_or_create(Arc::new(files), IDENTITY).unwrap();
        assert_eq!(cursor, None, "{name}");
    }
}

/// A store that authenticates, and that can be told to fail.
#[derive(Default)]
pub(super) struct Failing {
    files: MemoryFiles,
    fails: AtomicBool,
    /// Takes no bytes, as a full disk.
    full: AtomicBool,
}

impl Failing {
    pub(super) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    fn check(&self) -> Result<()> {
        if self.fails.load(Ordering::SeqCst) { Err(Error::new(Code::Io)) } else { Ok(()) }
    }
}

impl FileStore for Failing {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.check()?;
        self.files.read(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.check()?;
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::new(Code::Io));
        }
        self.files.write(name, bytes)
    }

    fn exists(&self, name: &str) -> Result<bool> {
        self.check()?;
        self.files.exists(name)
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.check()?;
        self.files.delete(name)
    }

    fn clear(&self) -> Result<()> {
        self.check()?;
        self.files.clear()
    }

    fn is_authenticated(&self) -> bool {
        true
    }
}

#[test]
fn a_store_that_fails_costs_the_index_but_not_the_process() {
    let files = Arc::new(Failing::default());
    let (mut index, _) = Index::open_or_create(files.clone(), IDENTITY).unwrap();
    index.apply(&upserts([named(1, "加喜")]), at(1)).unwrap();

    files.fails.store(true, Ordering::SeqCst);
    assert!(index.apply(&upserts([named(2, "加喜")]), at(2)).is_err());
    assert_eq!((index.cursor(), index.reached(), index.is_refused()), (None, None, true));
    assert_eq!(found(&index, "加喜"), [], "what it had is lost, and is fed again");
    index.apply(&upserts([named(2, "加喜")]), at(2)).unwrap();
    assert_eq!((index.cursor(), index.reached(), found(&index, "加喜")), (None, Some(at(2)), vec![2]));
    assert!(index.settle().is_err());
    assert_eq!(found(&index, "加喜"), [2], "in memory meanwhile");

    files.fails.store(false, Ordering::SeqCst);
    index.settle().unwrap();
    assert_eq!((index.cursor(), index.reached(), index.is_refused()), (None, None, false));
    assert_eq!(found(&index, "加喜"), [], "a batch is no whole index");
    index.apply(&upserts([named(1, "加喜"), named(2, "加喜")]), at(2)).unwrap();
    assert_eq!(index.cursor(), Some(at(2)));
    assert_eq!(found(&index, "加喜"), [1, 2]);
}

#[test]
fn a_store_that_is_full_costs_no_hit_and_is_written_when_it_takes_bytes_again() {
    let files = Arc::new(Failing::default());
    let (mut index, _) = Index::open_or_create(files.clone(), IDENTITY).unwrap();
    index.apply(&upserts([named(1, "加喜"), named(2, "恒远")]), at(1)).unwrap();
    files.full.store(true, Ordering::SeqCst);
    index.take(&upserts([named(2, "加喜")]), at(2)).unwrap();
    for attempt in 0..3 {
        assert!(index.settle().is_err(), "{attempt}");
        assert_eq!((index.cursor(), index.reached(), index.is_refused()), (Some(at(1)), Some(at(2)), true));
        assert_eq!((found(&index, "加喜"), found(&index, "恒远")), (vec![1, 2], vec![]));
    }
    assert!(index.apply(&upserts([named(3, "加喜")]), at(3)).is_err(), "what is written at once is not kept");
    index.take(&upserts([named(3, "加喜")]), at(3)).unwrap();
    assert_eq!(found(&index, "加喜"), [1, 2, 3]);
    for number in 4..9_000 {
        index.take(&upserts([named(number, "金山")]), at(3)).unwrap();
    }
    assert!(index.is_stuffed(), "whoever feeds it is told to stop");
    files.full.store(false, Ordering::SeqCst);
    index.settle().unwrap();
    assert_eq!((index.cursor(), index.is_refused(), index.is_stuffed()), (Some(at(3)), false, false));
    assert_eq!(found(&index, "加喜"), [1, 2, 3]);
    let (index, cursor) = Index::open_or_create(files, IDENTITY).unwrap();
    assert_eq!((cursor, found(&index, "恒远")), (Some(at(3)), vec![]));
}

#[test]
fn an_index_that_is_first_made_on_a_full_store_answers_from_memory_and_is_made_when_there_is_room() {
    let files = Arc::new(Failing::default());
    files.full.store(true, Ordering::SeqCst);
    let (mut index, cursor) = Index::open_or_create(files.clone(), IDENTITY).unwrap();
    assert_eq!((cursor, index.reached(), index.is_refused(), index.stands_in()), (None, None, true, true));
    index.apply(&upserts([named(1, "加喜"), named(2, "恒远")]), at(1)).unwrap();
    index.take(&upserts([named(2, "加喜")]), at(2)).unwrap();
    assert_eq!((found(&index, "加喜"), found(&index, "恒远")), (vec![1, 2], vec![]));
    assert_eq!((index.cursor(), index.reached()), (None, Some(at(2))), "nothing of it is durable");
    for number in 3..9_000 {
        index.apply(&upserts([named(number, "金山")]), at(3)).unwrap();
    }
    assert!(index.is_stuffed() && index.settle().is_err() && index.is_stuffed());
    assert_eq!(found(&index, "加喜"), [1, 2]);
    files.full.store(false, Ordering::SeqCst);
    index.settle().unwrap();
    assert_eq!((index.reached(), index.is_refused(), index.is_stuffed()), (None, false, false));
    index.apply(&upserts([named(1, "加喜")]), at(4)).unwrap();
    let (index, cursor) = Index::open_or_create(files, IDENTITY).unwrap();
    assert_eq!((cursor, found(&index, "加喜")), (Some(at(4)), vec![1]));
}

/// Panics when it is asked about a record.
struct Panicking;

impl Visibility for Panicking {
    fn allows(&self, _kind: u32, _class: u32) -> bool {
        panic!("on purpose")
    }

    fn reads(&self, _kind: u32, _field: u32) -> bool {
        true
    }
}

#[test]
fn a_panic_inside_a_search_becomes_an_error_and_the_index_is_fed_again() {
    let mut index = index_of([named(1, "加喜")]);
    let error = index.search(&Query::new("加喜"), &Panicking, 10, 0).unwrap_err();
    assert_eq!(error.code(), Code::Panic);
    assert_eq!(index.cursor(), None);
    assert_eq!(index.search(&Query::new("加喜"), &Everything, 10, 0).unwrap_err().code(), Code::Stopped);
    index.reset().unwrap();
    index.apply(&upserts([named(1, "加喜")]), at(1)).unwrap();
    assert_eq!(found(&index, "加喜"), [1]);
}

#[test]
fn everything_the_index_knows_is_in_the_files_it_was_given() {
    let files = filled();
    let moved = Arc::new(copy(&files));
    files.clear().unwrap();
    let (index, cursor) = Index::open_or_create(moved.clone(), IDENTITY).unwrap();
    assert_eq!(cursor, Some(at(6)));
    assert_eq!(found(&index, "加喜"), [1, 3]);
    assert!(!moved.names().iter().any(|name| name.ends_with(".lock")), "locks leave no file behind");
}

#[test]
fn a_purge_leaves_no_term_of_a_record_that_is_gone_or_was_changed() {
    let files = Arc::new(MemoryFiles::new());
    let (mut index, _) = Index::open_or_create(files.clone(), IDENTITY).unwrap();
    // So many others that no part is merged of its own accord.
    let others = |first: u128| (first..first + 8).map(|number| named(number, "other"));
    index.apply(&upserts(others(10).chain([named(1, "zyxwvutsrq"), named(2, "加喜 stays")])), at(5)).unwrap();
    index.apply(&upserts(others(20).chain([named(3, "qrstuvwxyz"), named(4, "also stays")])), at(6)).unwrap();
    index.apply(&[Change::Delete(id(1)), Change::Upsert(named(3, "renamed"))], at(7)).unwrap();
    let holds = |index: &Index, word: &[u8]| {
        index.terms().iter().any(|term| term.windows(word.len()).any(|part| part == word))
    };
    for word in ["zyxwvutsrq", "qrstuvwxyz", "stays", "renamed"] {
        assert!(holds(&index, word.as_bytes()), "{word}: its part was not merged yet");
    }
    assert_eq!(index.purge().unwrap(), 2);
    for (word, stays) in [("zyxwvutsrq", false), ("qrstuvwxyz", false), ("stays", true), ("renamed", true)] {
        assert_eq!(holds(&index, word.as_bytes()), stays, "{word}");
    }
    assert_eq!(found(&index, "stays"), [2, 4]);
    assert_eq!(index.purge().unwrap(), 0);
    drop(index);
    let (index, cursor) = Index::open_or_create(files, IDENTITY).unwrap();
    assert_eq!(cursor, Some(at(7)));
    assert_eq!((found(&index, "renamed"), found(&index, "stays")), (vec![3], vec![2, 4]));
}
