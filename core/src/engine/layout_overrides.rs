//! Layouts that somebody declared, laid over those that follow from the registry: chosen by the reader's roles and
//! the record type that is asked for, and cut to what the reader sees.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::access::{Action, Read};
use crate::base::{Code, Error, FieldId, Label, Result, fold};
use crate::engine::layout::{LayoutSection, most_fields};
use crate::engine::reader::found;
use crate::engine::{LayoutKind, Reader, Role, Session};
use crate::records;
use crate::schema::{CUSTOMER, Entity, EntityType, Field, LAYOUT_FACTS, Layer, LayoutDefinition};

impl Session {
    /// Declares a layout of the customer's own, in place of the one for the same kind, record type and role.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `access.field_not_permitted` for fields
    /// that the user does not see; `record.reference_missing` for a role that is not there; those of
    /// [`Registry::declare_layout`](crate::schema::Registry::declare_layout).
    pub fn define_layout(&self, entity: &str, layout: LayoutDefinition) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let role = self.read(|reader| {
            let mut names = layout.names().filter(|name| !LAYOUT_FACTS.contains(&name.as_str()));
            names.try_for_each(|name| reader.check_field(known, known.field(name.as_str().into())?.id()))?;
            layout.role.as_ref().map(|role| title_of_role(reader, role)).transpose()
        })?;
        let layout = LayoutDefinition { namespace: CUSTOMER.to_owned(), role, ..layout };
        self.change_schema("schema.define_layout", |registry| {
            registry.declare_layout(&known.api_name, &layout)
        })
    }

    /// Takes a layout of the customer's own back: the one for this kind, record type and role.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; those of
    /// [`Registry::remove_layout`](crate::schema::Registry::remove_layout).
    pub fn remove_layout(
        &self,
        entity: &str,
        kind: LayoutKind,
        (record_type, role): (Option<&str>, Option<&str>),
    ) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let layout = LayoutDefinition {
            namespace: CUSTOMER.to_owned(),
            record_type: record_type.map(str::to_owned),
            role: role.map(str::to_owned),
            ..LayoutDefinition::new(kind)
        };
        self.change_schema("schema.remove_layout", |registry| {
            registry.remove_layout(&known.api_name, &layout)
        })
    }

    /// The layouts of an entity that somebody declared, without the fields that the user does not see.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `schema.unknown_entity`.
    pub fn declared_layouts(&self, entity: &str) -> Result<Vec<LayoutDefinition>> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let shown = self.read(|reader| reader.shown_fields(&known.api_name))?;
        let sees = |name: &String| {
            let named = known.laid_out(name);
            named.is_some_and(|(_, field)| field.is_none_or(|field| shown.contains(&field)))
        };
        let told = known.layouts().iter().cloned().map(|mut layout| {
            layout.sections.iter_mut().for_each(|section| section.fields.retain(&sees));
            layout.hidden.retain(&sees);
            layout.by.retain(&sees);
            layout
        });
        Ok(told.collect())
    }
}

fn title_of_role(reader: Reader<'_>, name: &str) -> Result<String> {
    let missing = || Error::new(Code::ReferenceMissing).entity(Role::NAME).field("role").value(name);
    let role = reader.find_by_title(Role::NAME, name)?.first().copied().ok_or_else(missing)?;
    Ok(reader.get(Role::NAME, role)?.title())
}

/// The layout that holds for the reader: the customer's before those of packages; of several of one layer the one
/// for the record type before those for all, then the one for a role before those for everybody.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub(super) fn declared<'e>(
    reader: Reader<'_>,
    entity: &'e Entity,
    kind: LayoutKind,
    record_type: Option<&str>,
) -> Result<Option<&'e LayoutDefinition>> {
    let of_kind = entity.layouts().iter().filter(|layout| {
        let of_type = layout.record_type.is_none() || layout.record_type.as_deref() == record_type;
        layout.kind == kind && of_type
    });
    let mut meant: Vec<&LayoutDefinition> = of_kind.collect();
    if meant.iter().any(|layout| layout.role.is_some()) {
        let roles = own_roles(reader)?;
        meant.retain(|layout| layout.role.as_ref().is_none_or(|role| roles.contains(&fold(role))));
    }
    Ok(meant.into_iter().max_by_key(|layout| {
        let of = (layout.record_type.is_some(), layout.role.is_some());
        // Of those for several roles of the reader the first by name is taken, so that it is always the same.
        (Layer::of(&layout.namespace), of, Reverse((&layout.role, &layout.namespace)))
    }))
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
            LayoutSection { label: section.label.clone(), fields: fields.collect() }
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
        own.push(LayoutSection { label: Label::new("更多信息", "More"), fields });
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
