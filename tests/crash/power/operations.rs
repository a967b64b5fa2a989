//! The operations that lose power, and what has to hold wherever each of them ends.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use guanxi::base::{Collation, Label, ValueKind};
use guanxi::engine::{BackupFolder, Comparison, Direction, ErasureReceiptRecord, Find, Listing};
use guanxi::model::{Account, Contact, account};
use guanxi::schema::{
    CounterDefinition, EntityType, FieldType, IndexDefinition, RollupDefinition, RollupFunction,
};
use guanxi::{Code, Condition, Error, Session, Value};
use guanxi_tests::{KEY, options};
use sha2::{Digest, Sha256};

use super::cuts::{Left, Operation};
use super::disk::{Tree, read};
use super::house::{
    BACKUPS, Checked, Content, HOUSE, LARGE, LATE, backed_up, content, ensure, furnished, goes_on, house,
    open, opened, placed, said,
};
use super::recording::{run, worker};
use super::retaining::{leaving, retained};

/// The key after the data key was changed.
const NEW_KEY: [u8; 32] = [0x2A; 32];
/// The database that is restored beside the house.
const RESTORED: &str = "restored.guanxi";

pub const CREATE: Operation = Operation { words: "create", start: Tree::new, check: created };
pub const WRITE: Operation = Operation { words: "write durable", start: whole, check: written };
pub const WRITE_RELAXED: Operation =
    Operation { words: "write relaxed", start: whole, check: written_relaxed };
pub const BACKUP: Operation = Operation { words: "backup full", start: whole, check: backed };
pub const INCREMENT: Operation = Operation { words: "backup incremental", start: whole, check: backed };
pub const KEYS_BACKUP: Operation = Operation { words: "backup keys", start: whole, check: backed };
pub const RESTORE: Operation = Operation { words: "restore", start: whole, check: restored };
pub const RESTORE_OVER: Operation = Operation { words: "restore over", start: whole, check: restored_over };
pub const COMPACT: Operation = Operation { words: "compact", start: whole, check: compacted };
pub const REKEY: Operation = Operation { words: "rekey", start: whole, check: rekeyed };
pub const KEY_SLOTS: Operation = Operation { words: "keys", start: whole, check: slots_changed };
pub const UPGRADE: Operation = Operation { words: "open", start: format_1, check: upgraded };
pub const RECOVER: Operation = Operation { words: "open", start: unclosed, check: recovered };
pub const INDEX: Operation = Operation { words: "index", start: peopled, check: indexed };
pub const FIGURES: Operation = Operation { words: "figures", start: weighing, check: weighed };
pub const RETAIN: Operation = Operation { words: "retain", start: leaving, check: retained };
pub const BACKUP_BESIDE: Operation = Operation { words: "full beside", start: whole, check: backed };
pub const COMPACT_BESIDE: Operation = Operation { words: "compact beside", start: whole, check: compacted };
pub const REKEY_BESIDE: Operation = Operation { words: "rekey beside", start: whole, check: rekeyed };

/// All of them.
pub const ALL: [&Operation; 19] = [
    &CREATE,
    &WRITE,
    &WRITE_RELAXED,
    &BACKUP,
    &INCREMENT,
    &KEYS_BACKUP,
    &RESTORE,
    &RESTORE_OVER,
    &COMPACT,
    &REKEY,
    &KEY_SLOTS,
    &UPGRADE,
    &RECOVER,
    &INDEX,
    &FIGURES,
    &RETAIN,
    &BACKUP_BESIDE,
    &COMPACT_BESIDE,
    &REKEY_BESIDE,
];

/// The house with its backups.
pub fn whole() -> Tree {
    furnished().0.clone()
}

/// The sample of the first format.
fn format_1() -> Tree {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("format/v1");
    let files = read(&sample).into_iter().map(|(name, bytes)| (format!("{HOUSE}/{name}"), bytes));
    std::iter::once((HOUSE.to_owned(), None)).chain(files).collect()
}

/// A house that was not closed, with commits in its journal alone.
fn unclosed() -> Tree {
    static MADE: OnceLock<Tree> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = placed(&whole());
        let session = opened(&home.path().join(HOUSE), &KEY).unwrap();
        for number in 0..12 {
            let account = guanxi::model::account::named(&format!("in the journal {number}"));
            session.write(|transaction| transaction.create(account.clone())).unwrap();
        }
        read(home.path())
    })
    .clone()
}

/// Whether files that an operation has no business with are as they were.
fn untouched(left: &Left<'_>, below: &str) -> Checked {
    let now = read(left.root);
    for (path, bytes) in left.start.iter().filter(|(path, _)| path.starts_with(below)) {
        ensure(now.get(path) == Some(bytes), &format!("{path} is another file than before"))?;
    }
    Ok(())
}

fn after(left: &Left<'_>, key: &[u8; 32]) -> Checked {
    if left.goes_on { goes_on(&left.root.join(HOUSE), key) } else { Ok(()) }
}

fn created(left: &Left<'_>) -> Checked<&'static str> {
    let path = left.root.join(HOUSE);
    if path.exists() {
        house(left.root)?;
        after(left, &KEY)?;
        return Ok("there");
    }
    ensure(!left.was_told("done"), "a database that was made is gone")?;
    if left.goes_on {
        drop(options().create(&path).map_err(said("cannot be made anew"))?);
    }
    Ok("absent")
}

/// What the writers of a content did, against what they had told. The first number that a thread may have
/// lost is the one after those that a flush told of, where commits are relaxed.
fn check_written(left: &Left<'_>, content: &Content, relaxed: bool) -> Checked<bool> {
    let mut all_told = true;
    for thread in [0, 1, 2, 9] {
        let prefix = format!("thread {thread} number ");
        let names = content.written.iter().filter_map(|name| name.strip_prefix(&prefix));
        let numbers: Vec<u64> = names.map(|number| number.parse().unwrap()).collect();
        let stand = numbers.len() as u64;
        ensure(numbers == (0..stand).collect::<Vec<_>>(), &format!("thread {thread} stands as {numbers:?}"))?;
        let told = newest(left, &format!("{thread} "));
        let safe = if !relaxed || left.kept {
            told
        } else if thread == 2 {
            newest(left, "flushed ")
        } else {
            0
        };
        let expected = safe..=told + 1;
        ensure(
            expected.contains(&stand),
            &format!("thread {thread}: {told} told, {safe} safe, {stand} stand"),
        )?;
        all_told &= stand == told;
    }
    check_files(left, content, relaxed && !left.kept)?;
    Ok(all_told)
}

/// How many numbers were told with some word before them.
fn newest(left: &Left<'_>, word: &str) -> u64 {
    let numbers = left.acknowledged.iter().filter_map(|told| told.strip_prefix(word));
    numbers.filter_map(|number| number.parse::<u64>().ok()).max().map_or(0, |newest| newest + 1)
}

/// Attachments are whole, there once they were told, and gone once that was told; erased persons are gone.
fn check_files(left: &Left<'_>, content: &Content, may_lose: bool) -> Checked {
    for name in &content.written {
        let number = name.rsplit(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
        let files = content.attachments.get(name).map_or(&[][..], Vec::as_slice);
        let right = vec![u8::try_from(number).unwrap(); LARGE];
        ensure(files.iter().all(|file| *file == right), &format!("{name} has another file"))?;
        let told = |word: &str| left.was_told(&format!("{word} {number}"));
        if name.starts_with("thread 0") && !may_lose {
            let expected = match (told("attached"), told("detached"), number % 8) {
                (_, true, _) => 0..=0,
                (true, false, 1) => 1..=1,
                _ => 0..=1,
            };
            ensure(expected.contains(&files.len()), &format!("{name} has {} files", files.len()))?;
        }
        if name.starts_with("gone ") {
            ensure(!told("erased"), &format!("{name} was erased and is back"))?;
        }
    }
    Ok(())
}

/// How many persons were told to be erased, for each of whom there is a receipt.
fn told_erasures(left: &Left<'_>) -> usize {
    left.acknowledged.iter().filter(|told| told.starts_with("erased ")).count()
}

/// The house holds what it held, and what was written since.
fn check_house(left: &Left<'_>, key: &[u8; 32], relaxed: bool) -> Checked<bool> {
    let mut found = content(&opened(&left.root.join(HOUSE), key)?)?;
    let all_told = check_written(left, &found, relaxed)?;
    found.attachments.retain(|name, _| !found.written.contains(name));
    found.written.clear();
    let all = found.records.len();
    found.records.retain(|(entity, _), _| entity != ErasureReceiptRecord::NAME);
    let (receipts, told) = (all - found.records.len(), told_erasures(left));
    ensure(relaxed || receipts >= told, &format!("{receipts} receipts of {told} that were told"))?;
    ensure(found == furnished().1, "the house holds something else than before")?;
    Ok(all_told)
}

fn written(left: &Left<'_>) -> Checked<&'static str> {
    let all_told = check_house(left, &KEY, false)?;
    after(left, &KEY)?;
    Ok(if all_told { "what was told" } else { "one more" })
}

fn written_relaxed(left: &Left<'_>) -> Checked<&'static str> {
    let all_told = check_house(left, &KEY, true)?;
    after(left, &KEY)?;
    Ok(if all_told { "what was told" } else { "less or more" })
}

/// Every backup under its name is whole, and the earlier ones are as they were.
fn check_backups(left: &Left<'_>) -> Checked<bool> {
    untouched_backups(left)?;
    let now = read(left.root);
    let before: BTreeSet<&String> = left.start.keys().collect();
    let fresh: Vec<_> = now.iter().filter(|(path, _)| is_backup(path) && !before.contains(path)).collect();
    if let Some(end) = left.end {
        for (path, bytes) in &fresh {
            ensure(end.get(*path) == Some(*bytes), &format!("{path} is half a backup"))?;
        }
    }
    let folder = BackupFolder::open(left.root.join(BACKUPS)).map_err(said("the folder of backups"))?;
    let catalogue = folder.list().map_err(said("the list of backups"))?;
    ensure(catalogue.unreadable.is_empty(), &format!("no backups: {:?}", catalogue.unreadable))?;
    for file in &catalogue.backups {
        let bytes = now[&format!("{BACKUPS}/{}", file.name)].as_deref().unwrap_or_default();
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        ensure(file.is_whole && file.sha256 == digest, &format!("{} is listed wrongly", file.name))?;
    }
    ensure(!left.was_told("done") || !fresh.is_empty(), "a backup that was told is gone")?;
    Ok(!fresh.is_empty())
}

fn untouched_backups(left: &Left<'_>) -> Checked {
    let now = read(left.root);
    for (path, bytes) in left.start.iter().filter(|(path, _)| is_backup(path)) {
        ensure(now.get(path) == Some(bytes), &format!("{path} is another file than before"))?;
    }
    Ok(())
}

fn is_backup(path: &str) -> bool {
    path.strip_prefix(BACKUPS).is_some_and(|name| name.ends_with(".gxb") && !name.starts_with("/."))
}

fn backed(left: &Left<'_>) -> Checked<&'static str> {
    check_house(left, &KEY, false)?;
    let made = check_backups(left)?;
    if left.goes_on {
        // The next backup stands on whatever this one left, and can be restored.
        let again = run(worker(left.root, "backup incremental"), left.root);
        ensure(again.succeeded(), &format!("no further backup: {}", again.stderr()))?;
        let restored = run(worker(left.root, "restore"), left.root);
        ensure(restored.succeeded(), &format!("no restore: {}", restored.stderr()))?;
    }
    Ok(if made { "made" } else { "not made" })
}

fn restored(left: &Left<'_>) -> Checked<&'static str> {
    untouched(left, HOUSE)?;
    untouched_backups(left)?;
    let path = left.root.join(RESTORED);
    if path.exists() {
        let found = content(&opened(&path, &KEY)?)?;
        ensure(found == backed_up(), "what was restored is something else than was backed up")?;
        if left.goes_on {
            goes_on(&path, &KEY)?;
        }
        return Ok("restored");
    }
    ensure(!left.was_told("done"), "what was restored is gone")?;
    if left.goes_on {
        let again = run(worker(left.root, "restore"), left.root);
        ensure(again.succeeded(), &format!("cannot be restored again: {}", again.stderr()))?;
    }
    Ok("absent")
}

fn restored_over(left: &Left<'_>) -> Checked<&'static str> {
    untouched_backups(left)?;
    let found = house(left.root)?;
    after(left, &KEY)?;
    if found == furnished().1 {
        ensure(!left.was_told("done"), "the old house stands where the restored one was told")?;
        return Ok("the old house");
    }
    ensure(found == backed_up(), "the house is neither the old one nor the restored one")?;
    let names = std::fs::read_dir(left.root).unwrap().map(|entry| entry.unwrap().path());
    let kept = names.filter(|path| path.to_string_lossy().contains("before-restore"));
    let kept: Vec<_> = kept.collect();
    let [old] = kept.as_slice() else { return Err(format!("the old house is kept as {kept:?}")) };
    ensure(content(&opened(old, &KEY)?)? == furnished().1, "the old house was not kept as it was")?;
    Ok("the restored house")
}

fn compacted(left: &Left<'_>) -> Checked<&'static str> {
    check_house(left, &KEY, false)?;
    untouched_backups(left)?;
    if left.goes_on {
        let again = run(worker(left.root, "compact"), left.root);
        ensure(again.succeeded(), &format!("cannot be compacted: {}", again.stderr()))?;
        check_house(left, &KEY, false)?;
        after(left, &KEY)?;
    }
    let copy = left.root.join(HOUSE).join("data.copy").exists();
    Ok(if left.was_told("done") {
        "told"
    } else if copy {
        "gone on with"
    } else {
        "before or after"
    })
}

fn rekeyed(left: &Left<'_>) -> Checked<&'static str> {
    untouched_backups(left)?;
    let path = left.root.join(HOUSE);
    let new = open(&path, &NEW_KEY).map(drop);
    if new.is_ok() {
        check_house(left, &NEW_KEY, false)?;
        after(left, &NEW_KEY)?;
        let old = open(&path, &KEY).map(drop).err().map(|error| error.code().key());
        ensure(old == Some("storage.wrong_key"), &format!("the old key opens: {old:?}"))?;
        return Ok("the new key");
    }
    ensure(!left.was_told("done"), "the new key was told and does not open")?;
    check_house(left, &KEY, false)?;
    if left.goes_on {
        let again = run(worker(left.root, "rekey"), left.root);
        ensure(again.succeeded(), &format!("the key cannot be changed: {}", again.stderr()))?;
        check_house(left, &NEW_KEY, false)?;
    }
    Ok("the old key")
}

fn slots_changed(left: &Left<'_>) -> Checked<&'static str> {
    check_house(left, &KEY, false)?;
    let path = left.root.join(HOUSE);
    let opens = |byte: u8| open(&path, &[byte; 32]).is_ok();
    let found = (opens(2), opens(3));
    after(left, &KEY)?;
    // What opens beside the first key, before each line that is told and behind the last.
    let states = [(false, false), (true, false), (false, true), (false, false)];
    let told = ["added", "changed", "removed"].iter().filter(|line| left.was_told(line)).count();
    let next = (told + 1).min(states.len() - 1);
    ensure(found == states[told] || found == states[next], &format!("{told} changes told, {found:?} opens"))?;
    Ok(match found {
        (false, false) => "the first key alone",
        (true, _) => "the second key",
        (_, true) => "the third key",
    })
}

/// The sample of the first format as it opens when nothing happens.
fn sample() -> &'static Content {
    static CONTENT: OnceLock<Content> = OnceLock::new();
    CONTENT.get_or_init(|| house(placed(&format_1()).path()).unwrap())
}

fn upgraded(left: &Left<'_>) -> Checked<&'static str> {
    let copy = format!("{HOUSE}.format-1");
    let now = read(left.root);
    if now.contains_key(&copy) {
        for name in ["data", "keys"] {
            let (old, kept) =
                (left.start.get(&format!("{HOUSE}/{name}")), now.get(&format!("{copy}/{name}")));
            ensure(old == kept, &format!("the copy of {name} is not what it was"))?;
        }
    }
    let found = house(left.root)?;
    let state = check_later(left, &found, sample())?;
    after(left, &KEY)?;
    ensure(left.root.join(&copy).exists(), "it was upgraded without a copy")?;
    Ok(state)
}

fn recovered(left: &Left<'_>) -> Checked<&'static str> {
    static CONTENT: OnceLock<Content> = OnceLock::new();
    let before = CONTENT.get_or_init(|| house(placed(&unclosed()).path()).unwrap());
    let found = house(left.root)?;
    let state = check_later(left, &found, before)?;
    after(left, &KEY)?;
    Ok(state)
}

/// The content of before, and perhaps the one account that the worker made.
fn check_later(left: &Left<'_>, found: &Content, before: &Content) -> Checked<&'static str> {
    let more = found.records.len() - before.records.len().min(found.records.len());
    let same = more <= 1 && found.without("later") == *before;
    ensure(same, &format!("it holds something else than before: {}", before.difference(found)))?;
    ensure(more == 1 || !left.was_told("done"), "what was written is gone")?;
    Ok(if more == 1 { "written" } else { "not written" })
}

/// The firms of the house and some more, in the order of a dictionary by pinyin.
const FIRMS: [&str; 9] = ["安徽", "北京", "成都", STAFFED, "天津", "武汉", "郑州", LATE, "Kunstdorf"];
/// A firm of the house, with one person.
const STAFFED: &str = "上海加喜企业服务有限公司";

/// A house with a few more firms.
fn peopled() -> Tree {
    static MADE: OnceLock<Tree> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = placed(&whole());
        let session = opened(&home.path().join(HOUSE), &KEY).unwrap();
        let standing = [STAFFED, LATE, "Kunstdorf"];
        for name in FIRMS.iter().rev().filter(|name| !standing.contains(*name)) {
            session.write(|transaction| transaction.create(account::named(name))).unwrap();
        }
        drop(session);
        read(home.path())
    })
    .clone()
}

/// What was declared over records that stand is complete, or not there, or goes on; the list is right in any case.
fn indexed(left: &Left<'_>) -> Checked<&'static str> {
    let path = left.root.join(HOUSE);
    let told = ["index", "unique", "rollup", "field"].iter().filter(|line| left.was_told(line)).count();
    let found = declared(&opened(&path, &KEY)?)?;
    ensure(found.iter().take(told).all(|state| *state == Some(true)), &format!("{told} told, {found:?}"))?;
    if left.goes_on {
        let again = run(worker(left.root, "index"), left.root);
        ensure(again.succeeded(), &format!("cannot be gone on with: {}", again.stderr()))?;
        let found = declared(&opened(&path, &KEY)?)?;
        ensure(found == [Some(true); 4], &format!("gone on with, {found:?}"))?;
        after(left, &KEY)?;
    }
    Ok(match found {
        [None, ..] => "nothing declared",
        [_, _, _, Some(true)] => "all complete",
        states if states.contains(&Some(false)) => "being built",
        _ => "some complete",
    })
}

/// Of the index, the rule, the rollup and the unique field: whether each is complete, and nothing where it is not
/// declared.
fn declared(session: &Session) -> Checked<[Option<bool>; 4]> {
    let registry = session.crm().registry();
    let firms = registry.entity(Account::NAME).map_err(said("no entity"))?;
    let by_name =
        Find { sort: vec![account::NAME.ascending()], collation: Collation::Pinyin, ..Find::default() };
    let rows = session.list(Account::NAME, &by_name).map_err(said("does not list"))?.rows;
    let names: Vec<String> = rows.iter().map(Listing::title).collect();
    ensure(names == FIRMS, &format!("the firms are {names:?}"))?;
    let streamed = session.explain(Account::NAME, &by_name).map_err(said("does not explain"))?.streamed;
    let index = firms.indexes().iter().find(|index| index.api_name == "x.by_name");
    ensure(index.is_some_and(|index| index.complete) == streamed, "the list reads an index of some records")?;
    let rule = firms.unique_rules().first();
    let twin = session.write(|transaction| {
        transaction.create(account::named("天津"))?;
        Err::<(), _>(Error::new(Code::Cancelled))
    });
    let bound = twin.err().map(|error| error.code()) == Some(Code::NotUnique);
    // One that is being built knows the records that it has taken in, and those that were written since.
    ensure(bound || rule.is_none_or(|rule| !rule.complete), "a complete rule binds")?;
    ensure(rule.is_some() || !bound, "a rule that is not there binds nobody")?;
    let rollup = firms.field("x.people".into()).ok();
    let people = |row: &Listing| match row.value("x.people") {
        Ok(Value::Int(people)) => Some(people),
        _ => None,
    };
    let known: Vec<Option<i64>> = rows.iter().map(people).collect();
    let counted = known.iter().all(Option::is_some);
    let right = rows.iter().zip(&known).all(|(row, people)| {
        let expected = i64::from(row.title() == STAFFED);
        people.is_none_or(|people| people == expected)
    });
    ensure(right, &format!("people are counted as {known:?}"))?;
    let mark = firms.field("x.mark".into()).ok().filter(|field| field.is_indexed());
    let mark = mark.map(|field| field.has_index() && field.finds_one());
    Ok([index.map(|index| index.complete), rule.map(|rule| rule.complete), rollup.map(|_| counted), mark])
}

/// A house in which persons have a weight, of which counters, rollups and indexes are kept.
fn weighing() -> Tree {
    static MADE: OnceLock<Tree> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = placed(&peopled());
        let session = opened(&home.path().join(HOUSE), &KEY).unwrap();
        let label = || Label::new("重", "Weight");
        session
            .define_field(Contact::NAME, "weight", label(), FieldType::Int, |field| field.indexed = true)
            .unwrap();
        let counter = CounterDefinition::new("x", 0, "by_firm", &["account"]).summing("x.weight");
        session.define_counter(Contact::NAME, counter).unwrap();
        let index = IndexDefinition::new("x", 0, "by_firm").rising("account").falling("x.weight");
        session.define_index(Contact::NAME, index).unwrap();
        let over = |function| RollupDefinition::new(function, Contact::NAME, "account");
        let weight = |function| over(function).of("x.weight", ValueKind::Int);
        for (name, rollup) in [
            ("persons", over(RollupFunction::Count)),
            ("weight", weight(RollupFunction::Sum)),
            ("heaviest", weight(RollupFunction::Max)),
        ] {
            let kind = FieldType::Rollup(rollup);
            session.define_field(Account::NAME, name, label(), kind, |field| field.indexed = true).unwrap();
        }
        drop(session);
        read(home.path())
    })
    .clone()
}

/// What counters, rollups and indexes say is what a walk over all persons comes to. That every key and figure follows
/// from the records was verified when the house was opened.
fn weighed(left: &Left<'_>) -> Checked<&'static str> {
    let session = opened(&left.root.join(HOUSE), &KEY)?;
    let all = Find { limit: 5_000, ..Find::default() };
    let persons = session.list(Contact::NAME, &all).map_err(said("does not list"))?.rows;
    let number = |row: &Listing, field: &str| match row.value(field) {
        Ok(Value::Int(number)) => Some(number),
        _ => None,
    };
    let firms = session.list(Account::NAME, &all).map_err(said("does not list"))?.rows;
    let mut by_weight = Vec::new();
    for firm in &firms {
        let own =
            persons.iter().filter(|row| row.value("account").is_ok_and(|id| id == Value::Id(firm.record.id)));
        let own: Vec<&Listing> = own.collect();
        let weights: Vec<i64> = own.iter().filter_map(|row| number(row, "x.weight")).collect();
        let sum = (!weights.is_empty()).then(|| weights.iter().sum::<i64>());
        let expected = [i64::try_from(own.len()).ok(), sum, weights.iter().max().copied()];
        let found = ["x.persons", "x.weight", "x.heaviest"].map(|field| number(firm, field));
        ensure(found == expected, &format!("{} has {found:?} for {expected:?}", firm.title()))?;
        let of_firm = Condition::Compare("account".into(), Comparison::Equal, firm.record.id.into());
        let counted = session.count(Contact::NAME, &of_firm).map_err(said("does not count"))?;
        ensure(counted == own.len() as u64, &format!("{} counts {counted}", firm.title()))?;
        let falling = vec![("x.weight".into(), Direction::Descending)];
        let find = Find { filter: of_firm, sort: falling, ..all.clone() };
        let told = session.explain(Contact::NAME, &find).map_err(said("does not explain"))?;
        ensure(told.index == "x.by_firm", &format!("a list by {}", told.index))?;
        let listed = session.list(Contact::NAME, &find).map_err(said("does not list"))?.rows;
        let listed: Vec<Option<i64>> = listed.iter().map(|row| number(row, "x.weight")).collect();
        let mut sorted: Vec<Option<i64>> = own.iter().map(|row| number(row, "x.weight")).collect();
        sorted.sort_unstable_by(|left, right| right.cmp(left));
        ensure(listed == sorted, &format!("{} lists {listed:?} for {sorted:?}", firm.title()))?;
        by_weight.push((sum, firm.record.id));
    }
    by_weight.sort_unstable();
    let rising = Find { sort: vec![("x.weight".into(), Direction::Ascending)], ..all };
    let told = session.explain(Account::NAME, &rising).map_err(said("does not explain"))?;
    ensure(told.streamed, "firms by their weight are gathered")?;
    let listed = session.list(Account::NAME, &rising).map_err(said("does not list"))?.rows;
    let listed: Vec<_> = listed.iter().map(|row| row.record.id).collect();
    ensure(listed == by_weight.iter().map(|(_, id)| *id).collect::<Vec<_>>(), "firms by their weight")?;
    let made = persons.iter().filter(|row| row.title().starts_with("weighed ")).count();
    drop(session);
    after(left, &KEY)?;
    Ok(match (left.was_told("done"), made) {
        (true, _) => "all",
        (false, 0) => "none",
        _ => "some",
    })
}
