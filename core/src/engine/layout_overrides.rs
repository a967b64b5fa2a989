//! Layouts that somebody declared, laid over those that follow from the registry: chosen by the reader's roles and
//! the record type that is asked for, and cut to what the reader sees.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::access::{Action, Read};
use crate::base::{Code, Error, FieldId, Label, RecordId, Result, fold};
use crate::engine::layout::{LayoutFor, LayoutSection, ShownWhen, most_fields};
use crate::engine::own_layouts::own_layouts;
use crate::engine::reader::found;
use crate::engine::{LayoutKind, Partition, Reader, Role, Session, User, user};
use crate::records::{self, Record};
use crate::schema::{
    CUSTOMER, Entity, EntityType, Field, FieldNames, LAYOUT_FACTS, Layer, LayoutDefinition, compile_condition,
};

impl Session {
    /// Declares a layout of the customer's own, in place of the one for the same kind, record type, device, role and
    /// partition.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `access.field_not_permitted` for fields
    /// that the user does not see; `record.reference_missing` for a role or partition that is not there; those of
    /// [`Registry::declare_layout`](crate::schema::Registry::declare_layout).
    pub fn define_layout(&self, entity: &str, layout: LayoutDefinition) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        self.check_layout(known, &layout)?;
        let (role, partition) = self.read(|reader| {
            let named = |entity, field, name: &String| title_of(reader, (entity, field), name);
            let role = layout.role.as_ref().map(|name| named(Role::NAME, "role", name)).transpose()?;
            let of = layout.partition.as_ref().map(|name| named(Partition::NAME, "partition", name));
            Ok((role, of.transpose()?))
        })?;
        let layout = LayoutDefinition { namespace: CUSTOMER.to_owned(), role, partition, ..layout };
        self.change_schema("schema.define_layout", |registry| {
            registry.declare_layout(&known.api_name, &layout)
        })
    }

    /// Refuses a layout that names what the user does not see.
    pub(super) fn check_layout(&self, entity: &Entity, layout: &LayoutDefinition) -> Result<()> {
        self.read(|reader| {
            let mut names = layout.names().filter(|name| !LAYOUT_FACTS.contains(&name.as_str()));
            names.try_for_each(|name| reader.check_field(entity, entity.field(name.as_str().into())?.id()))
        })?;
        self.check_expressions(entity, layout.conditions().map(String::as_str))
    }

    /// Takes a layout of the customer's own back: the one for the kind, record type, device, role and partition of
    /// this one.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; those of
    /// [`Registry::remove_layout`](crate::schema::Registry::remove_layout).
    pub fn remove_layout(&self, entity: &str, layout: &LayoutDefinition) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let layout = LayoutDefinition { namespace: CUSTOMER.to_owned(), ..layout.clone() };
        self.change_schema("schema.remove_layout", |registry| {
            registry.remove_layout(&known.api_name, &layout)
        })
    }

    /// The layouts of an entity that somebody declared, without the fields that the user does not see, and without
    /// those for partitions that are not the user's.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `schema.unknown_entity`.
    pub fn declared_layouts(&self, entity: &str) -> Result<Vec<LayoutDefinition>> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let (shown, partition, divided) = self.read(|reader| {
            let divided = reader.policy.partition_of(reader.user).is_some_and(|own| own != 0);
            Ok((reader.shown_fields(&known.api_name)?, reader.partition()?, divided))
        })?;
        let names = FieldNames::shown(known, &shown);
        let reads = |condition: &String| compile_condition(condition, &names).is_ok();
        let own = |layout: &&LayoutDefinition| {
            let of = layout.partition.as_deref().map(fold);
            !divided || of.is_none() || of == partition
        };
        let sees = |name: &String| {
            let named = known.laid_out(name);
            named.is_some_and(|(_, field)| field.is_none_or(|field| shown.contains(&field)))
        };
        let told = known.layouts().iter().filter(own).cloned().map(|mut layout| {
            layout.sections.iter_mut().for_each(|section| section.fields.retain(&sees));
            layout.hidden.retain(&sees);
            layout.by.retain(&sees);
            layout.visible_when.retain(|name, condition| sees(name) && reads(condition));
            for section in &mut layout.sections {
                section.visible_when = section.visible_when.take().filter(&reads);
            }
            layout
        });
        Ok(told.collect())
    }
}

/// The name of a role or partition as it is written.
pub(super) fn title_of(reader: Reader<'_>, (entity, field): (&str, &str), name: &str) -> Result<String> {
    let missing = || Error::new(Code::ReferenceMissing).entity(entity).field(field).value(name);
    let found = reader.find_by_title(entity, name)?.first().copied().ok_or_else(missing)?;
    Ok(reader.get(entity, found)?.title())
}

/// The layout that holds for the reader: the reader's own, then the customer's before those of packages; of several
/// of one layer the one for the record type before those for all, then the one for the device, then that for a role,
/// then that for a partition, before those for everybody.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub(super) fn declared(
    reader: Reader<'_>,
    entity: &Entity,
    asked: &LayoutFor<'_>,
) -> Result<Option<LayoutDefinition>> {
    let fits = |layout: &&LayoutDefinition| {
        let of_type = layout.record_type.is_none() || layout.record_type.as_deref() == asked.record_type;
        let of_device = layout.device.is_none() || layout.device == asked.device;
        layout.kind == asked.kind && of_type && of_device
    };
    let own = own_layouts(reader.snapshot, reader.user, entity)?;
    let closest = own.iter().filter(fits).max_by_key(|layout| (layout.record_type.is_some(), layout.device));
    if closest.is_some() {
        return Ok(closest.cloned());
    }
    let mut meant: Vec<&LayoutDefinition> = entity.layouts().iter().filter(fits).collect();
    if meant.iter().any(|layout| layout.partition.is_some()) {
        let own = reader.partition()?;
        meant.retain(|layout| layout.partition.is_none() || layout.partition.as_deref().map(fold) == own);
    }
    if meant.iter().any(|layout| layout.role.is_some()) {
        let roles = own_roles(reader)?;
        meant.retain(|layout| layout.role.as_ref().is_none_or(|role| roles.contains(&fold(role))));
    }
    let closest = meant.into_iter().max_by_key(|layout| {
        let of = (
            layout.record_type.is_some(),
            layout.device.is_some(),
            layout.role.is_some(),
            layout.partition.is_some(),
        );
        // Of those for several roles of the reader the first by name is taken, so that it is always the same.
        (Layer::of(&layout.namespace), of, Reverse((&layout.role, &layout.namespace)))
    });
    Ok(closest.cloned())
}

impl Reader<'_> {
    /// The folded name of the user's partition; nothing for the organisation's own.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub(crate) fn partition(&self) -> Result<Option<String>> {
        partition_of(*self, self.user)
    }
}

/// The folded name of a user's partition, in the engine's own right; nothing for the organisation's own.
pub(super) fn partition_of(reader: Reader<'_>, user: RecordId) -> Result<Option<String>> {
    let holder = of_itself(reader, User::NAME, user)?;
    let field = reader.registry().entity(User::NAME)?.field(user::PARTITION.selector())?.id();
    let Some(partition) = holder.and_then(|user| user.peek(field).as_id()) else { return Ok(None) };
    let title = reader.registry().entity(Partition::NAME)?.title()?.id();
    let found = of_itself(reader, Partition::NAME, partition)?;
    Ok(found.and_then(|found| found.peek(title).as_text().map(fold)))
}

/// A record of the organisation, in the engine's own right.
fn of_itself(reader: Reader<'_>, entity: &str, id: RecordId) -> Result<Option<Record>> {
    let known = reader.registry().entity(entity)?;
    found(records::get(reader.snapshot, &reader.policy.bootstrap::<Read>(known.id()), known, id))
}

/// The folded names of the reader's roles, in the engine's own right: who holds a role may not be able to read it.
fn own_roles(reader: Reader<'_>) -> Result<BTreeSet<String>> {
    let known = reader.registry().entity(Role::NAME)?;
    let permit = reader.policy.bootstrap::<Read>(known.id());
    let title = known.title()?.id();
    let mut names = BTreeSet::new();
    for role in reader.policy.roles_of(reader.user) {
        if let Some(record) = found(records::get(reader.snapshot, &permit, known, *role))? {
            names.extend(record.peek(title).as_text().map(fold));
        }
    }
    Ok(names)
}

/// Every field that a layout names, in a section or to hide it.
pub(super) fn named_fields(declared: &LayoutDefinition, entity: &Entity) -> BTreeSet<FieldId> {
    let in_sections = declared.sections.iter().flat_map(|section| &section.fields);
    let named = in_sections.chain(&declared.hidden).filter_map(|name| entity.laid_out(name));
    named.filter_map(|(_, field)| field).collect()
}

/// The sections of a declared layout with what the reader sees, and behind them those that are left, if the
/// layout wants these.
pub(super) fn sections_of(
    declared: &LayoutDefinition,
    entity: &Entity,
    visible: &[&Field],
    mut rest: Vec<LayoutSection>,
) -> Vec<LayoutSection> {
    let own: Vec<LayoutSection> = declared
        .sections
        .iter()
        .map(|section| {
            let fields = section.fields.iter().filter_map(|name| seen(entity, name, visible));
            let when = section.visible_when.clone();
            let visible_when = when.map(|condition| ShownWhen { condition, holds: None });
            LayoutSection { label: section.label.clone(), fields: fields.collect(), visible_when }
        })
        .filter(|section| !section.fields.is_empty())
        .collect();
    let said = declared.sections.iter().flat_map(|section| &section.fields).chain(&declared.hidden);
    let said: BTreeSet<&String> = said.collect();
    rest.iter_mut().for_each(|section| section.fields.retain(|field| !said.contains(field)));
    rest.retain(|section| !section.fields.is_empty());
    match (own.is_empty(), declared.append) {
        (true, true) => rest,
        (_, false) => own,
        (false, true) => appended(declared.kind, own, rest),
    }
}

/// Sections with what is left behind them: as further columns, or as a section of its own.
fn appended(kind: LayoutKind, mut own: Vec<LayoutSection>, rest: Vec<LayoutSection>) -> Vec<LayoutSection> {
    let is_fact = |field: &String| LAYOUT_FACTS.contains(&field.as_str());
    let (facts, rest): (Vec<LayoutSection>, Vec<LayoutSection>) =
        rest.into_iter().partition(|section| section.fields.iter().all(is_fact));
    let mut fields: Vec<String> = rest.into_iter().flat_map(|section| section.fields).collect();
    if let Some(most) = most_fields(kind) {
        let count: usize = own.iter().map(|section| section.fields.len()).sum();
        fields.truncate(most.saturating_sub(count));
        if let Some(last) = own.last_mut() {
            last.fields.extend(fields);
        }
        return own;
    }
    if !fields.is_empty() {
        own.push(LayoutSection { label: Label::new("更多信息", "More"), fields, visible_when: None });
    }
    own.extend(facts);
    own
}

/// The fields that a declared layout goes by; nothing where the reader does not see them, of a kanban or calendar
/// all of them.
pub(super) fn by_of(declared: &LayoutDefinition, entity: &Entity, visible: &[&Field]) -> Option<Vec<String>> {
    let by: Vec<String> = declared.by.iter().filter_map(|name| seen(entity, name, visible)).collect();
    let whole = by.len() == declared.by.len() || declared.kind == LayoutKind::Timeline;
    (whole && !by.is_empty()).then_some(by)
}

/// The name of a fact, or of a field that the reader sees.
fn seen(entity: &Entity, name: &str, visible: &[&Field]) -> Option<String> {
    let (name, field) = entity.laid_out(name)?;
    let sees = |field: FieldId| visible.iter().any(|known| known.id() == field);
    field.is_none_or(sees).then_some(name)
}
