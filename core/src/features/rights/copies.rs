//! A value of a person put right where it is kept, and in the copies of it that people have written down.
//!
//! What the engine itself works out follows at once: lookups, formulas, rollups, the search index. Copies are texts that
//! somebody typed or that a default took over: of the person's record, and of records that are about the person. They are
//! found by the old value, shown first, and changed where they are chosen, all in one transaction with one cause.

use std::collections::BTreeMap;

use super::walk::{Found, Walk};
use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::{Changes, FieldSelector, Session, Transaction, WriteOptions};
use crate::schema::{Entity, Field, FieldName, FieldType};

/// Most copies that are shown at once, and most that are changed at once.
const MAX_COPIES: usize = 1_000;
/// Shortest text that is looked for within other texts, in characters.
const MIN_WITHIN: usize = 2;
/// What stands before the number of a phone in China, which people leave out.
const CHINA: &str = "+86";

/// What is put right.
#[derive(Debug, Clone, PartialEq)]
pub struct Rectification {
    /// The entity of the person's record.
    pub entity: String,
    /// The person's record.
    pub id: RecordId,
    /// The field that is wrong.
    pub field: String,
    /// The value that is right.
    pub value: Value,
    /// What was wrong, where the field itself has been put right before; what it says now if nothing is said.
    pub old: Option<String>,
}

/// Where a copy stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CopyPlace {
    /// The entity.
    pub entity: String,
    /// The record.
    pub record: RecordId,
    /// The field.
    pub field: String,
}

/// A copy of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOf {
    /// Where it stands.
    pub place: CopyPlace,
    /// What the field says.
    pub text: String,
    /// What it would say.
    pub becomes: String,
    /// Whether the field says nothing else.
    pub is_whole: bool,
    /// Whether the user may not change the field there, so that somebody else must.
    pub read_only: bool,
}

/// Copies of a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyPage {
    /// The copies, those of the person's own record first.
    pub copies: Vec<CopyOf>,
    /// Whether there are more than are shown.
    pub more: bool,
}

/// What was put right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Copies that were changed.
    pub copies: u64,
    /// Records that were changed, the person's among them.
    pub records: u64,
}

/// The old and the new value as texts, in the ways in which people write them.
struct Rectified(Vec<(String, String)>);

impl Rectified {
    fn of(kind: &FieldType, old: &str, new: &str) -> Self {
        let mut ways = vec![(old.to_owned(), new.to_owned())];
        if matches!(kind, FieldType::Phone)
            && let Some(short) = old.strip_prefix(CHINA)
        {
            ways.push((short.to_owned(), new.strip_prefix(CHINA).unwrap_or(new).to_owned()));
        }
        Self(ways)
    }

    /// What a text becomes that holds the old value, and whether it holds nothing else.
    fn applied(&self, text: &str) -> Option<(String, bool)> {
        for (old, new) in &self.0 {
            if text == old {
                return Some((new.clone(), true));
            }
            if old.chars().count() >= MIN_WITHIN && text.contains(old.as_str()) {
                return Some((text.replace(old.as_str(), new), false));
            }
        }
        None
    }
}

impl Session {
    /// Copies of a value that is wrong, in texts of the person's record and of records about the person, as far as the
    /// user sees them; at most 1,000. Nothing is changed.
    ///
    /// # Errors
    /// `access.not_permitted` without the rights to administer and export the entity; `record.not_found`,
    /// `schema.unknown_field`; `schema.wrong_type` for a field that is no text; `input.missing_parameter` where neither
    /// the field nor `old` says what was wrong; `engine.cancelled`.
    pub fn copies_of(&self, wrong: &Rectification) -> Result<CopyPage> {
        self.check_takes_out(&wrong.entity, wrong.id)?;
        let registry = self.crm().registry();
        let known = registry.entity(&wrong.entity)?;
        let field = known.field(FieldName::Name(&wrong.field))?;
        let old = self.read(|reader| {
            reader.comparable(known, &FieldSelector::from(wrong.field.as_str()))?;
            let row = reader.get(&wrong.entity, wrong.id)?;
            said_before(wrong, field, &row.record.value(field.id()))
        })?;
        let rectified = Rectified::of(&field.definition.kind, &old, &text_of(field, &wrong.value)?);
        let mut page = CopyPage::default();
        Walk::new(self, &known.api_name, wrong.id).each(&registry, &mut |walk, found| {
            let own = found.row.record.id == wrong.id;
            let fields: Vec<&Field> = walk.fields(found.entity).collect();
            for at in fields.into_iter().filter(|at| !(own && at.id() == field.id())) {
                let Some(copy) = copy_at(found, at, &rectified) else { continue };
                page.more |= page.copies.len() >= MAX_COPIES;
                if !page.more {
                    page.copies.push(copy);
                }
            }
            Ok(())
        })?;
        Ok(page)
    }

    /// Puts a value right, and the copies of it that are chosen, in one transaction whose cause is `privacy.rectify`.
    ///
    /// # Errors
    /// `record.version_conflict` naming a copy that does not say the old value any more; `input.limit_exceeded` beyond
    /// 1,000 copies; those of a change of each record; as [`Session::copies_of`], but for the right to export.
    pub fn rectify(&self, wrong: &Rectification, chosen: &[CopyPlace]) -> Result<Copied> {
        if chosen.len() > MAX_COPIES {
            let rule = format!("copies <= {MAX_COPIES}");
            return Err(Error::new(Code::LimitExceeded).field("copies").rule(&rule));
        }
        let options = WriteOptions::default().cause("privacy.rectify");
        self.write_with(options, |transaction| rectify(transaction, wrong, chosen))
    }
}

fn rectify(transaction: &mut Transaction<'_>, wrong: &Rectification, chosen: &[CopyPlace]) -> Result<Copied> {
    let registry = transaction.reader().registry().clone();
    let known = registry.entity(&wrong.entity)?;
    let field = known.field(FieldName::Name(&wrong.field))?;
    transaction.reader().comparable(known, &FieldSelector::from(wrong.field.as_str()))?;
    let stored = transaction.get_record(&wrong.entity, wrong.id)?;
    let old = said_before(wrong, field, &stored.record.value(field.id()))?;
    let changes = Changes::new().set(field.api_name.as_str(), wrong.value.clone());
    transaction.update_record(&wrong.entity, wrong.id, changes)?;
    // What the field takes of the value, such as a phone number in E.164.
    let stored = transaction.get_record(&wrong.entity, wrong.id)?;
    let new = text_of(field, &stored.record.value(field.id()))?;
    let rectified = Rectified::of(&field.definition.kind, &old, &new);
    let mut places: BTreeMap<(&str, RecordId), Vec<&str>> = BTreeMap::new();
    for place in chosen {
        let fields = places.entry((&place.entity, place.record)).or_default();
        if !fields.contains(&place.field.as_str()) {
            fields.push(&place.field);
        }
    }
    let mut done = Copied { copies: 0, records: 1 };
    for ((entity, record), fields) in places {
        let row = transaction.get_record(entity, record)?;
        let at = registry.entity(entity)?;
        let mut changes = Changes::new();
        for name in fields {
            let changed = replaced(at, &row.record, name, &rectified)?;
            changes = changes.set(name, changed);
            done.copies = done.copies.saturating_add(1);
        }
        transaction.update_record(entity, record, changes)?;
        done.records = done.records.saturating_add(u64::from(record != wrong.id));
    }
    Ok(done)
}

/// What a field becomes that says the old value.
fn replaced(
    entity: &Entity,
    record: &crate::engine::Record,
    name: &str,
    rectified: &Rectified,
) -> Result<String> {
    let field = entity.field(FieldName::Name(name))?;
    let text = record.value(field.id());
    let changed = text.as_text().and_then(|text| rectified.applied(text));
    let conflict = || {
        Error::new(Code::VersionConflict).entity(&entity.api_name).record(record.id).field(&field.api_name)
    };
    changed.map(|(text, _)| text).ok_or_else(conflict)
}

fn copy_at(found: &Found<'_>, field: &Field, rectified: &Rectified) -> Option<CopyOf> {
    let kind = &field.definition.kind;
    // What follows from other fields follows by itself.
    if kind.is_worked_out() || kind.codes().is_some() {
        return None;
    }
    let value = found.row.record.value(field.id());
    let text = value.as_text()?;
    let (becomes, is_whole) = rectified.applied(text)?;
    Some(CopyOf {
        place: CopyPlace {
            entity: found.entity.api_name.clone(),
            record: found.row.record.id,
            field: field.api_name.clone(),
        },
        text: text.to_owned(),
        becomes,
        is_whole,
        read_only: field.definition.read_only || field.is_withdrawn(),
    })
}

/// What was wrong.
fn said_before(wrong: &Rectification, field: &Field, now: &Value) -> Result<String> {
    let said = match &wrong.old {
        Some(old) => old.clone(),
        None => text_of(field, now)?,
    };
    match said.is_empty() {
        true => Err(Error::new(Code::MissingParameter).field("old")),
        false => Ok(said),
    }
}

/// A value as the text of which there are copies.
fn text_of(field: &Field, value: &Value) -> Result<String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Text(text) => Ok(text.clone()),
        Value::Map(parts) if matches!(field.definition.kind, FieldType::PersonName) => {
            Ok(parts.get("full").and_then(Value::as_text).unwrap_or_default().to_owned())
        }
        _ => Err(Error::new(Code::WrongType).field(&field.api_name).rule("a text")),
    }
}
