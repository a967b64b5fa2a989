//! Interning of access classes, and the policy epoch beside them.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::access::{AccessClass, ClassId, Mark, Marks};
use crate::base::{RecordId, Result};
use crate::records::codec::{Reader, damaged};
use crate::records::view::WriteView;
use crate::storage::{Keyspace, RangeRequest, Snapshot};

/// Where the policy epoch lies.
pub(super) const EPOCH: &[u8] = b"policy.epoch";
/// Where the epoch lies that was the newest when anything but classes last changed.
const FACTS_EPOCH: &[u8] = b"policy.facts";
const BY_FACTS: &[u8] = b"class.facts.";
const BY_NUMBER: &[u8] = b"class.number.";
/// Rows of one read of the class table.
const PAGE: usize = 1_000;

/// The policy epoch of a view.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn read_epoch(snapshot: &dyn Snapshot) -> Result<u64> {
    Ok(epoch_at(snapshot, EPOCH)?.unwrap_or(0))
}

/// The epoch that was the newest when anything but classes last changed; nothing where no writer said so yet.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn read_facts_epoch(snapshot: &dyn Snapshot) -> Result<Option<u64>> {
    epoch_at(snapshot, FACTS_EPOCH)
}

fn epoch_at(snapshot: &dyn Snapshot, key: &[u8]) -> Result<Option<u64>> {
    let stored = snapshot.get_many_kept(&[(Keyspace::Meta, key)])?.pop().flatten();
    stored.map(|bytes| bytes.as_ref().try_into().map(u64::from_be_bytes).map_err(|_| damaged())).transpose()
}

/// What a commit makes stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Staleness {
    /// Nothing.
    None,
    /// Permits: there are new classes, or records are shared otherwise. The facts of the policy stay.
    Permits,
    /// The policy.
    Policy,
}

/// Puts the next epoch, which makes every permit of the epochs before stale.
pub(super) fn raise_epoch(view: &mut WriteView<'_>, staleness: Staleness) {
    let next = view.epoch().saturating_add(1).to_be_bytes();
    if staleness > Staleness::None {
        view.put(Keyspace::Meta, EPOCH.to_vec(), next.to_vec());
    }
    if staleness == Staleness::Policy {
        view.put(Keyspace::Meta, FACTS_EPOCH.to_vec(), next.to_vec());
    }
}

/// The interned classes behind a number, or all of them.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn load_classes(snapshot: &dyn Snapshot, after: Option<ClassId>) -> Result<Vec<(ClassId, AccessClass)>> {
    let mut range = RangeRequest::prefix(Keyspace::Meta, BY_NUMBER, PAGE);
    if let Some(after) = after {
        crate::storage::continue_after(&mut range, [BY_NUMBER, &after.number().to_be_bytes()].concat());
    }
    let mut classes = Vec::new();
    loop {
        let page = snapshot.scan(&range)?;
        for (key, value) in &page.rows {
            let number = key.last_chunk::<4>().ok_or_else(damaged)?;
            classes.push((ClassId::new(u32::from_be_bytes(*number)), decode(value)?));
        }
        match page.rows.into_iter().last() {
            Some((last, _)) if page.more => crate::storage::continue_after(&mut range, last),
            _ => return Ok(classes),
        }
    }
}

/// The number of a class; a new one raises the epoch, since permits list the classes they reach.
pub(super) fn intern(view: &mut WriteView<'_>, class: &AccessClass) -> Result<ClassId> {
    if let Some(number) = view.known_class(class) {
        return Ok(number);
    }
    if let Some(number) = interned(view, class)? {
        return Ok(number);
    }
    let number = next_number(view)?;
    view.put(Keyspace::Meta, key_of(class), number.to_be_bytes().to_vec());
    view.put(Keyspace::Meta, [BY_NUMBER, &number.to_be_bytes()].concat(), encode(class));
    view.outdate(Staleness::Permits);
    view.add_class(ClassId::new(number), class.clone());
    Ok(ClassId::new(number))
}

/// The number of a class, if it has one.
pub(super) fn interned(view: &WriteView<'_>, class: &AccessClass) -> Result<Option<ClassId>> {
    let key = key_of(class);
    let Some(number) = view.get_many_kept(&[(Keyspace::Meta, &key)])?.pop().flatten() else {
        return Ok(None);
    };
    let bytes = number.as_ref().try_into().map_err(|_| damaged())?;
    Ok(Some(ClassId::new(u32::from_be_bytes(bytes))))
}

/// The key under which the number of a class lies. One with marks is found by what its facts come to, since a key has no
/// room for any number of them.
fn key_of(class: &AccessClass) -> Vec<u8> {
    let facts = encode(class);
    match class.marks.is_empty() {
        true => [BY_FACTS, &facts].concat(),
        false => [BY_FACTS, &Sha256::digest(&facts)].concat(),
    }
}

fn next_number(view: &WriteView<'_>) -> Result<u32> {
    let newest = RangeRequest { reverse: true, ..RangeRequest::prefix(Keyspace::Meta, BY_NUMBER, 1) };
    let last = view.scan(&newest)?.rows.into_iter().next();
    let number = last.and_then(|(key, _)| key.last_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)));
    Ok(number.unwrap_or(0).saturating_add(1))
}

/// Partition, a byte that says whether there is a unit, unit or zeros, owner: 37 bytes. Each mark adds 8: its label, and
/// the number of a class or zeros.
fn encode(class: &AccessClass) -> Vec<u8> {
    let unit = class.unit.map_or([0; 16], |unit| *unit.as_bytes());
    let present = u8::from(class.unit.is_some());
    let mut facts = [&class.partition.to_be_bytes()[..], &[present], &unit, class.owner.as_bytes()].concat();
    for (label, beyond) in class.marks.iter().map(Mark::parts) {
        facts.extend([label, beyond].into_iter().flat_map(u32::to_be_bytes));
    }
    facts
}

fn decode(bytes: &[u8]) -> Result<AccessClass> {
    let mut reader = Reader::new(bytes);
    let partition = u32::from_be_bytes(reader.array()?);
    let present = reader.byte()? == 1;
    let unit = RecordId::from_bytes(reader.array()?);
    let owner = RecordId::from_bytes(reader.array()?);
    let mut marks = BTreeSet::new();
    while !reader.is_empty() {
        let parts = (u32::from_be_bytes(reader.array()?), u32::from_be_bytes(reader.array()?));
        marks.insert(Mark::of_parts(parts));
    }
    Ok(AccessClass { partition, unit: present.then_some(unit), owner, marks: Marks::new(marks) })
}
