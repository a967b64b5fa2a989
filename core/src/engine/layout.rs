//! Layouts: what a host shows of an entity that it does not know at compile time.
//!
//! They follow from the registry, so every entity has them, a customer's own as well as a built-in one: its title
//! stands first, then what is required, then what lists sort and filter by, then the rest in the order of its
//! author. A layout that somebody declared is laid over that. Only what the user sees is in them.

use std::collections::BTreeMap;

use crate::access::Action;
use crate::base::{Code, Error, FieldId, Label, RecordId, Result};
use crate::engine::layout_overrides::{by_of, declared, named_fields, sections_of};
use crate::engine::{Reader, Session};
use crate::records::{Moment, Record, RecordFacts};
use crate::schema::{
    Device, Entity, Field, FieldNames, FieldType, LAYOUT_FACTS, LayoutDefinition, LayoutKind, RecordType,
    RecordTypes, compile_condition,
};

/// Most columns of a list, and most fields of a card.
const MAX_COLUMNS: usize = 8;
const MAX_CARD: usize = 4;

/// Fields that stand together.
#[derive(Debug, Clone, PartialEq)]
pub struct LayoutSection {
    /// What people read above them.
    pub label: Label,
    /// The fields, by API name, or facts of every record such as `owner`.
    pub fields: Vec<String>,
    /// Under what condition they stand; always if there is none.
    pub visible_when: Option<ShownWhen>,
}

/// A condition under which something of a layout is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownWhen {
    /// An expression over the fields that the user sees, for hosts that follow it while a record is filled in.
    pub condition: String,
    /// Whether it is true of the record that was asked about; nothing where none was. Unknown is not enough.
    pub holds: Option<bool>,
}

/// Which layout is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct LayoutFor<'l> {
    /// What it is for.
    pub kind: LayoutKind,
    /// The code of a record type, for the fields of that type and those that belong to all.
    pub record_type: Option<&'l str>,
    /// The class of devices on which it is shown.
    pub device: Option<Device>,
    /// The record that it shows: of its type if none is named, and with its answers to conditions.
    pub record: Option<RecordId>,
}

/// What a host shows of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The entity, by API name.
    pub entity: String,
    /// What people call it.
    pub label: Label,
    /// What the layout is for.
    pub kind: LayoutKind,
    /// The field by which people know a record, if the user sees it.
    pub title: Option<String>,
    /// The field whose value says where a record stands: in which column of a kanban, on which day of a
    /// calendar, at which moments of a timeline. Without one, a kanban or calendar has nothing to show.
    pub by: Vec<String>,
    /// What is shown of each record.
    pub sections: Vec<LayoutSection>,
    /// Under what conditions fields and facts are shown, by name; always where there is none.
    pub visible_when: BTreeMap<String, ShownWhen>,
}

/// An entity in a host's navigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NavigationItem {
    /// The entity, by API name.
    pub entity: String,
    /// What people call it.
    pub label: Label,
    /// Whether the user may create records of it.
    pub may_create: bool,
    /// The layouts that have something to show.
    pub kinds: Vec<LayoutKind>,
}

impl Session {
    /// A layout of an entity with the fields that the user sees: the one that was declared for a role of the user or
    /// for everybody, else what follows from the registry.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `access.not_permitted`.
    pub fn layout(&self, entity: &str, kind: LayoutKind) -> Result<Layout> {
        self.layout_for(entity, &LayoutFor { kind, ..LayoutFor::default() })
    }

    /// A layout for the records of one type: behind the title the fields of that type in its order, then those
    /// that belong to all.
    ///
    /// # Errors
    /// As [`Session::layout`]; `input.invalid_argument` for a type that the entity does not have.
    pub fn layout_of_type(&self, entity: &str, kind: LayoutKind, record_type: &str) -> Result<Layout> {
        self.layout_for(entity, &LayoutFor { kind, record_type: Some(record_type), ..LayoutFor::default() })
    }

    /// A layout, as [`Session::layout`] gives it: the user's own, if there is one, else that for the record type, the
    /// device, the roles and the partition of the user. Conditions over fields that the user does not see are left
    /// out, and what they are of is shown: they decide about nothing that the user may not see anyway.
    ///
    /// # Errors
    /// As [`Session::layout_of_type`]; `record.not_found`.
    pub fn layout_for(&self, entity: &str, asked: &LayoutFor<'_>) -> Result<Layout> {
        self.read(|reader| layout(reader, reader.registry().entity(entity)?, asked))
    }

    /// The entities that the user may read, those of the organisation behind the others.
    ///
    /// # Errors
    /// `access.session_ended`.
    pub fn navigation(&self) -> Result<Vec<NavigationItem>> {
        self.read(|reader| {
            let is_system = |entity: &&Entity| entity.api_name.starts_with("sys.");
            let readable =
                |entity: &&Entity| !entity.is_withdrawn() && reader.may(&entity.api_name, Action::Read);
            let (system, others): (Vec<&Entity>, Vec<&Entity>) =
                reader.registry().entities().iter().filter(readable).partition(is_system);
            others.into_iter().chain(system).map(|entity| item(reader, entity)).collect()
        })
    }
}

fn item(reader: Reader<'_>, entity: &Entity) -> Result<NavigationItem> {
    let mut kinds = Vec::new();
    for (kind, _) in LayoutKind::ALL {
        let placed = matches!(kind, LayoutKind::Kanban | LayoutKind::Calendar);
        let asked = LayoutFor { kind, ..LayoutFor::default() };
        if !placed || !layout(reader, entity, &asked)?.by.is_empty() {
            kinds.push(kind);
        }
    }
    Ok(NavigationItem {
        entity: entity.api_name.clone(),
        label: entity.label().clone(),
        may_create: reader.may(&entity.api_name, Action::Create),
        kinds,
    })
}

fn layout(reader: Reader<'_>, entity: &Entity, asked: &LayoutFor<'_>) -> Result<Layout> {
    let shown = reader.readable_fields(&entity.api_name)?;
    let record = asked.record.map(|id| reader.get(&entity.api_name, id)).transpose()?;
    let record = record.map(|listing| listing.record);
    let of_record = record.as_ref().and_then(|record| type_of_record(entity, record));
    let (kind, record_type) = (asked.kind, asked.record_type.or(of_record.as_deref()));
    let of_type = record_type.map(|code| type_of(entity, code, &shown)).transpose()?;
    let has = |field: &Field| of_type.is_none_or(|(types, own)| !types.excludes(Some(&own.code), field.id()));
    let stands = |field: &&Field| {
        let of_itself = field.definition.translation_of.is_none() && !leads_off(reader, field);
        shown.contains(&field.id()) && !field.is_withdrawn() && of_itself && has(field)
    };
    let visible: Vec<&Field> = entity.fields().iter().filter(stands).collect();
    // A deprecated field stands only where somebody names it.
    let offered = visible.iter().copied().filter(|field| field.definition.deprecated.is_none());
    let offered: Vec<&Field> = offered.collect();
    let title = offered.iter().find(|field| field.definition.name == entity.definition.title);
    let own_type = of_type.map(|(_, own)| own);
    let declared = declared(reader, entity, &LayoutFor { record_type, ..*asked })?;
    let mut sections = match &declared {
        None => sections(entity, &offered, kind, own_type),
        Some(declared) => {
            let named = named_fields(declared, entity);
            let rest = offered.iter().copied().filter(|field| !named.contains(&field.id()));
            let rest = sections(entity, &rest.collect::<Vec<_>>(), kind, own_type);
            sections_of(declared, entity, &visible, rest)
        }
    };
    let by = declared.as_ref().and_then(|declared| by_of(declared, entity, &visible));
    let facts = record.as_ref().map(|record| Ok::<_, Error>((record, reader.moment()?))).transpose()?;
    let seen = reader.shown_fields(&entity.api_name)?;
    let conditions = Conditions { names: FieldNames::shown(entity, &seen), facts };
    let visible_when = declared.as_ref().map(|declared| conditions.of(declared, entity, &mut sections));
    Ok(Layout {
        entity: entity.api_name.clone(),
        label: entity.label().clone(),
        kind,
        title: title.map(|title| title.api_name.clone()),
        by: by.unwrap_or_else(|| by_fields(&offered, kind)),
        sections,
        visible_when: visible_when.unwrap_or_default(),
    })
}

/// What conditions are read against.
struct Conditions<'c> {
    /// The fields that the user sees.
    names: FieldNames<'c>,
    /// The record as the user sees it, and when.
    facts: Option<(&'c Record, Moment)>,
}

impl Conditions<'_> {
    /// A condition as it is told; nothing for one that names what the user does not see.
    fn told(&self, condition: &str) -> Option<ShownWhen> {
        let compiled = compile_condition(condition, &self.names).ok()?;
        let holds =
            |(record, moment)| matches!(compiled.holds(&RecordFacts { record, moment }), Ok(Some(true)));
        Some(ShownWhen { condition: condition.to_owned(), holds: self.facts.map(holds) })
    }

    /// Gives sections their conditions, and those of the fields that stand in them.
    fn of(
        &self,
        declared: &LayoutDefinition,
        entity: &Entity,
        sections: &mut [LayoutSection],
    ) -> BTreeMap<String, ShownWhen> {
        for section in sections.iter_mut() {
            section.visible_when = section.visible_when.take().and_then(|when| self.told(&when.condition));
        }
        let stands = |name: &String| sections.iter().any(|section| section.fields.contains(name));
        let named = declared.visible_when.iter().filter_map(|(name, condition)| {
            let (name, _) = entity.laid_out(name)?;
            Some((name.clone(), self.told(condition)?)).filter(|_| stands(&name))
        });
        named.collect()
    }
}

/// The code of a record's type, where the user sees it and the type is offered.
fn type_of_record(entity: &Entity, record: &Record) -> Option<String> {
    let types = entity.record_types()?;
    let code = record.peek(types.field()?).as_text()?.to_owned();
    types.of_code(&code).is_some().then_some(code)
}

/// The fields that say where a record stands, as they follow from the registry.
fn by_fields(fields: &[&Field], kind: LayoutKind) -> Vec<String> {
    match kind {
        LayoutKind::List | LayoutKind::Detail | LayoutKind::Form => Vec::new(),
        LayoutKind::Kanban => column_field(fields).into_iter().collect(),
        LayoutKind::Calendar => days(fields).take(1).collect(),
        LayoutKind::Timeline => days(fields).chain(["created_at".into(), "modified_at".into()]).collect(),
    }
}

/// Most fields of a layout that follows from the registry, if it has not all of them.
pub(super) fn most_fields(kind: LayoutKind) -> Option<usize> {
    match kind {
        LayoutKind::Detail | LayoutKind::Form => None,
        LayoutKind::List => Some(MAX_COLUMNS),
        LayoutKind::Kanban | LayoutKind::Calendar | LayoutKind::Timeline => Some(MAX_CARD),
    }
}

/// The record type of a code, as whoever sees the field of the type may know it.
fn type_of<'e>(
    entity: &'e Entity,
    code: &str,
    shown: &[FieldId],
) -> Result<(&'e RecordTypes, &'e RecordType)> {
    let types =
        entity.record_types().filter(|types| types.field().is_some_and(|field| shown.contains(&field)));
    let known = types.and_then(|types| Some((types, types.of_code(code)?)));
    known.ok_or_else(|| Error::new(Code::InvalidArgument).field("record_type").value(code))
}

/// Whether a field refers to nothing but entities whose module is off.
fn leads_off(reader: Reader<'_>, field: &Field) -> bool {
    let registry = reader.registry();
    let is_off = |target: &String| registry.entity(target).is_ok_and(|target| registry.is_off(target));
    let targets = field.definition.kind.targets();
    let says_more = matches!(field.definition.kind, FieldType::Rows { .. });
    !says_more && !targets.is_empty() && targets.into_iter().all(is_off)
}

/// The field whose values are columns of a kanban: a code of a list, if there is one, indexed before others.
fn column_field(fields: &[&Field]) -> Option<String> {
    let is_code = |field: &&&Field| matches!(field.definition.kind, FieldType::Enum { .. });
    let codes = || fields.iter().filter(is_code);
    let chosen = codes().find(|field| field.definition.indexed).or_else(|| codes().next());
    chosen.map(|field| field.api_name.clone())
}

/// The days and moments among fields, those that lists sort by first.
fn days<'f>(fields: &'f [&Field]) -> impl Iterator<Item = String> + 'f {
    let is_day = |field: &&&Field| matches!(field.definition.kind, FieldType::Date | FieldType::DateTime);
    let indexed = |field: &&&Field| field.definition.indexed;
    let days = move || fields.iter().filter(is_day);
    let first = days().filter(indexed);
    first.chain(days().filter(move |field| !indexed(field))).map(|field| field.api_name.clone())
}

fn sections(
    entity: &Entity,
    fields: &[&Field],
    kind: LayoutKind,
    record_type: Option<&RecordType>,
) -> Vec<LayoutSection> {
    let named = |fields: Vec<&&Field>| fields.into_iter().map(|field| field.api_name.clone()).collect();
    let section = |label: Label, fields: Vec<String>| LayoutSection { label, fields, visible_when: None };
    let mut ranked: Vec<&&Field> = fields.iter().collect();
    // The sort is stable, so fields of one rank stay in the order of their author.
    ranked.sort_by_key(|field| {
        let definition = &field.definition;
        let of_type = record_type.map(|own| &own.fields);
        let place = of_type.and_then(|own| own.iter().position(|own| *own == field.id()));
        let own_place = place.unwrap_or(usize::MAX);
        let is_title = definition.name == entity.definition.title;
        (!is_title, own_place, !definition.required, !definition.is_indexed())
    });
    let required = |field: &&&Field| {
        let of_type = record_type.is_some_and(|own| own.required.contains(&field.id()));
        field.definition.required || of_type
    };
    let label = entity.label().clone();
    match kind {
        LayoutKind::Detail => {
            let facts = LAYOUT_FACTS.map(str::to_owned);
            let origin = Label::new("记录信息", "Record");
            vec![section(label, named(ranked)), section(origin, facts.to_vec())]
        }
        LayoutKind::Form => {
            ranked.retain(|field| !field.definition.read_only);
            let (required, others): (Vec<_>, Vec<_>) = ranked.into_iter().partition(required);
            let more = Label::new("更多信息", "More");
            let parts = [section(label, named(required)), section(more, named(others))];
            parts.into_iter().filter(|part| !part.fields.is_empty()).collect()
        }
        LayoutKind::List | LayoutKind::Kanban | LayoutKind::Calendar | LayoutKind::Timeline => {
            ranked.truncate(most_fields(kind).unwrap_or(usize::MAX));
            vec![section(label, named(ranked))]
        }
    }
}
