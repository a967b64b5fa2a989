//! Where personal data lies that nobody declared: a walk over the texts of fields whose class is none.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::kinds::{PersonalKind, personal_in};
use crate::base::{Code, Date, Error, FieldId, RecordId, Result, Value};
use crate::engine::{Action, Find, Listing, PageCursor, Reader, Session};
use crate::schema::{Entity, Privacy, Registry};

/// Records of one page.
const PAGE: usize = 500;
/// Most records that one call looks at.
const MAX_LOOKS: usize = 100_000;
/// How many it looks at if nothing is said.
const USUAL_LOOKS: usize = 10_000;
/// Records that are named of each finding.
const MAX_NAMED: usize = 100;

/// What is looked through.
#[derive(Debug, Clone, Default)]
pub struct Discover {
    /// These entities, by API name; all of them if none is named.
    pub entities: Vec<String>,
    /// Most records of this call, up to 100,000; 0 means 10,000.
    pub limit: usize,
    /// Where the call before stopped.
    pub after: Option<DiscoverCursor>,
}

/// Where a call stopped. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoverCursor {
    entity: String,
    page: Option<PageCursor>,
}

/// Personal data of one kind in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The entity, by API name.
    pub entity: String,
    /// The field, by API name.
    pub field: String,
    /// The kind.
    pub kind: PersonalKind,
    /// How many there are.
    pub count: u64,
    /// In how many records.
    pub records: u64,
    /// The first hundred of those.
    pub ids: Vec<RecordId>,
}

/// What one call found.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The findings of this call, by entity, field and kind. Those of the calls before are not among them.
    pub findings: Vec<Finding>,
    /// Entities that were not looked through, since the user does not read all of their records and fields.
    pub skipped: Vec<String>,
    /// How many records were looked at.
    pub looked_at: u64,
    /// Where to go on, if there is more.
    pub next: Option<DiscoverCursor>,
    /// Why it stopped before its limit: it was cancelled, or its time was up.
    pub stopped: Option<Error>,
}

/// Findings by entity, field and kind.
type Found = BTreeMap<(String, String, PersonalKind), Finding>;

impl Session {
    /// Looks through texts of fields whose class is none for what looks like personal data: phone numbers, e-mail
    /// addresses, identity numbers of residents of China, and numbers of bank cards. Codes of organisations are none of
    /// them, and of what has no check digit, such as numbers of passports, nothing is told. Values are never told.
    ///
    /// It takes the right to administer everything, or to handle all requests of people of the partition
    /// ([`Reader::handles_requests`]), and looks through entities alone of which the user reads all records and fields, as
    /// far as these are of the user's partition. Whoever answers for several partitions has a user in each, and asks with
    /// all of them ([`Session::discover_across`]). It goes page by page; the listener of the session's patience is told of
    /// the phase `discover`.
    ///
    /// # Errors
    /// `access.not_permitted`, `schema.unknown_entity`, `input.invalid_cursor`; those of lists.
    pub fn discover_personal_data(&self, asked: &Discover) -> Result<Discovered> {
        self.check_discovers()?;
        let registry = self.crm().registry();
        let names = names_of(&registry, &asked.entities)?;
        if asked.after.as_ref().is_some_and(|after| !names.contains(&after.entity)) {
            return Err(Error::new(Code::InvalidCursor));
        }
        let most = most_looks(asked.limit);
        let mut told = Discovered { next: asked.after.clone(), ..Discovered::default() };
        let (mut found, mut looked) = (Found::new(), 0_usize);
        while let Some(place) = next_place(&names, told.next.take()) {
            if looked >= most || self.is_over(&mut told) {
                told.next = Some(place);
                break;
            }
            let limit = PAGE.min(most.saturating_sub(looked));
            match self.read(|reader| look_through(&reader, &place, limit, &mut found))? {
                None => told.skipped.push(place.entity.clone()),
                Some((count, Some(page))) => {
                    looked = looked.saturating_add(count);
                    told.next = Some(DiscoverCursor { page: Some(page), ..place });
                    self.patience().tell("discover", looked as u64, 0);
                    continue;
                }
                Some((count, None)) => looked = looked.saturating_add(count),
            }
            self.patience().tell("discover", looked as u64, 0);
            told.next = following(&names, &place.entity);
            if told.next.is_none() {
                break;
            }
        }
        told.looked_at = looked as u64;
        told.findings = found.into_values().collect();
        Ok(told)
    }

    /// Refuses who may not look through a partition.
    pub(super) fn check_discovers(&self) -> Result<()> {
        match self.read(|reader| Ok(reader.handles_requests()))? {
            true => Ok(()),
            false => self.check_may("sys.role", Action::Administer),
        }
    }

    /// Whether nobody waits any longer, which is kept.
    fn is_over(&self, told: &mut Discovered) -> bool {
        told.stopped = self.patience().check().err();
        told.stopped.is_some()
    }
}

/// How many records a call looks at.
pub(super) fn most_looks(limit: usize) -> usize {
    if limit == 0 { USUAL_LOOKS } else { limit.min(MAX_LOOKS) }
}

/// The entities that are looked through, in the order of their names.
fn names_of(registry: &Registry, wanted: &[String]) -> Result<BTreeSet<String>> {
    if wanted.is_empty() {
        let all = registry.entities().iter().filter(|entity| !registry.is_off(entity));
        return Ok(all.map(|entity| entity.api_name.clone()).collect());
    }
    wanted.iter().map(|name| registry.entity(name).map(|entity| entity.api_name.clone())).collect()
}

/// Where to look next: where the call before stopped, or at the beginning.
fn next_place(names: &BTreeSet<String>, after: Option<DiscoverCursor>) -> Option<DiscoverCursor> {
    match after {
        Some(after) => Some(after),
        None => names.first().map(|entity| DiscoverCursor { entity: entity.clone(), page: None }),
    }
}

fn following(names: &BTreeSet<String>, entity: &str) -> Option<DiscoverCursor> {
    let next = names.iter().find(|name| name.as_str() > entity)?;
    Some(DiscoverCursor { entity: next.clone(), page: None })
}

/// Looks through one page: how many records it had, and where to go on; nothing where the user does not read all.
fn look_through(
    reader: &Reader<'_>,
    place: &DiscoverCursor,
    limit: usize,
    found: &mut Found,
) -> Result<Option<(usize, Option<PageCursor>)>> {
    let entity = reader.registry().entity(&place.entity)?;
    let fields = undeclared(reader.registry(), entity);
    if fields.is_empty() {
        return Ok(Some((0, None)));
    }
    if !reader.reads_everything_of(&place.entity) {
        return Ok(None);
    }
    let find = Find { limit, after: place.page.clone(), ..Find::default() };
    let page = reader.find(&place.entity, &find)?;
    let today = reader.today()?;
    for row in &page.rows {
        take(row, (&place.entity, &fields), today, found);
    }
    Ok(Some((page.rows.len(), page.next)))
}

/// The fields that somebody sets, that have texts, and of which nobody said that they tell anything of people.
fn undeclared(registry: &Registry, entity: &Entity) -> Vec<(FieldId, String)> {
    let fields = entity.fields().iter().filter(|field| {
        let kind = &field.definition.kind;
        let texts = kind.codes().is_none() && !kind.is_worked_out() && !kind.is_opaque();
        texts && registry.privacy(entity, field.id()) == Privacy::None
    });
    fields.map(|field| (field.id(), field.api_name.clone())).collect()
}

fn take(row: &Listing, (entity, fields): (&str, &[(FieldId, String)]), today: Date, found: &mut Found) {
    for (field, name) in fields {
        let mut counts = BTreeMap::new();
        count_in(&row.record.value(*field), today, &mut counts);
        for (kind, count) in counts {
            let key = (entity.to_owned(), name.clone(), kind);
            let finding = found.entry(key).or_insert_with(|| Finding {
                entity: entity.to_owned(),
                field: name.clone(),
                kind,
                count: 0,
                records: 0,
                ids: Vec::new(),
            });
            finding.count = finding.count.saturating_add(count);
            finding.records = finding.records.saturating_add(1);
            if finding.ids.len() < MAX_NAMED {
                finding.ids.push(row.record.id);
            }
        }
    }
}

/// Counts in a text, and in the texts of rows and of other values with parts.
fn count_in(value: &Value, today: Date, counts: &mut BTreeMap<PersonalKind, u64>) {
    match value {
        Value::Text(text) => {
            for (kind, count) in personal_in(text, today) {
                let known = counts.entry(kind).or_default();
                *known = known.saturating_add(count);
            }
        }
        Value::List(items) => items.iter().for_each(|item| count_in(item, today, counts)),
        Value::Map(parts) => parts.values().for_each(|part| count_in(part, today, counts)),
        _ => {}
    }
}
