//! Layouts: what a host shows of an entity that it does not know at compile time.
//!
//! They follow from the registry, so every entity has them, a customer's own as well as a built-in one: its title
//! stands first, then what is required, then what lists sort and filter by, then the rest in the order of its
//! author. A layout that somebody declared is laid over that. Only what the user sees is in them.

use crate::access::Action;
use crate::base::{Code, Error, FieldId, Label, Result};
use crate::engine::layout_overrides::{by_of, declared, named_fields, sections_of};
use crate::engine::{Reader, Session};
use crate::schema::{Entity, Field, FieldType, LAYOUT_FACTS, LayoutKind, RecordType, RecordTypes};

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
        self.read(|reader| layout(reader, reader.registry().entity(entity)?, kind, None))
    }

    /// A layout for the records of one type: behind the title the fields of that type in its order, then those
    /// that belong to all.
    ///
    /// # Errors
    /// As [`Session::layout`]; `input.invalid_argument` for a type that the entity does not have.
    pub fn layout_of_type(&self, entity: &str, kind: LayoutKind, record_type: &str) -> Result<Layout> {
        self.read(|reader| layout(reader, reader.registry().entity(entity)?, kind, Some(record_type)))
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
        if !placed || !layout(reader, entity, kind, None)?.by.is_empty() {
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

fn layout(
    reader: Reader<'_>,
    entity: &Entity,
    kind: LayoutKind,
    record_type: Option<&str>,
) -> Result<Layout> {
    let shown = reader.readable_fields(&entity.api_name)?;
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
    let declared = declared(reader, entity, kind, record_type)?;
    let sections = match declared {
        None => sections(entity, &offered, kind, own_type),
        Some(declared) => {
            let named = named_fields(declared, entity);
            let rest = offered.iter().copied().filter(|field| !named.contains(&field.id()));
            let rest = sections(entity, &rest.collect::<Vec<_>>(), kind, own_type);
            sections_of(declared, entity, &visible, rest)
        }
    };
    let by = declared.and_then(|declared| by_of(declared, entity, &visible));
    Ok(Layout {
        entity: entity.api_name.clone(),
        label: entity.label().clone(),
        kind,
        title: title.map(|title| title.api_name.clone()),
        by: by.unwrap_or_else(|| by_fields(&offered, kind)),
        sections,
    })
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
    let section = |label: Label, fields: Vec<String>| LayoutSection { label, fields };
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
