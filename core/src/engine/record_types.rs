//! Records have the fields of their record type, and what that type asks for; a record that changes its type leaves
//! nothing of the old one behind.

use crate::access::Action;
use crate::base::{Code, Error, FieldId, Result};
use crate::engine::layout_overrides::title_of;
use crate::engine::rules::apply_default;
use crate::engine::{Partition, Session};
use crate::records::{Moment, Record};
use crate::schema::{CUSTOMER, Entity, EntityType, Field, RecordType, RecordTypes, RecordTypesDefinition};

impl Session {
    /// Declares the record types of an entity for this customer, in place of those that were declared before; none
    /// takes them back. Records that stand are held against them when they are next saved.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `access.field_not_permitted`,
    /// `schema.invalid_expression` for fields that the user does not see; `record.reference_missing` for a partition
    /// that is not there; those of
    /// [`Registry::declare_record_types`](crate::schema::Registry::declare_record_types).
    pub fn define_record_types(&self, entity: &str, types: RecordTypesDefinition) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        self.read(|reader| {
            let of_types = types.types.iter().flat_map(|said| {
                said.fields.iter().chain(&said.required).chain(said.defaults.keys()).chain(said.codes.keys())
            });
            let mut names = of_types.chain([&types.field]);
            names.try_for_each(|name| reader.check_field(known, known.field(name.as_str().into())?.id()))
        })?;
        let sources = types.types.iter().flat_map(|said| said.defaults.values());
        self.check_expressions(known, sources.map(String::as_str))?;
        let types = self.with_partitions(types)?;
        let types = RecordTypesDefinition { namespace: CUSTOMER.to_owned(), ..types };
        self.change_schema("schema.define_record_types", |registry| {
            registry.declare_record_types(&known.api_name, &types)
        })
    }

    /// The types with the names of partitions as they are written.
    fn with_partitions(&self, mut types: RecordTypesDefinition) -> Result<RecordTypesDefinition> {
        self.read(|reader| {
            for name in types.types.iter_mut().flat_map(|said| &mut said.partitions) {
                *name = title_of(reader, (Partition::NAME, "partitions"), name)?;
            }
            Ok(())
        })?;
        Ok(types)
    }
}

/// The record types that hold of an entity, with the field of the type.
fn holding(entity: &Entity) -> Option<(&RecordTypes, &Field)> {
    let types = entity.record_types()?;
    let field = entity.field_by_id(types.field()?).filter(|field| !field.is_withdrawn())?;
    Some((types, field))
}

fn code_of(record: &Record, field: &Field) -> Option<String> {
    record.peek(field.id()).as_text().map(str::to_owned)
}

/// Whether a record has no value in a field because of its type.
pub(super) fn excludes(entity: &Entity, record: &Record, field: FieldId) -> bool {
    holding(entity).is_some_and(|(types, of)| types.excludes(code_of(record, of).as_deref(), field))
}

/// Gives a new record its type, if that has a default, and the defaults of its type.
///
/// # Errors
/// Those of the expressions, and of the values that they give.
pub(super) fn settle_type(entity: &Entity, record: &mut Record, moment: Moment) -> Result<()> {
    let Some((types, field)) = holding(entity) else { return Ok(()) };
    if let Some(default) = field.default() {
        apply_default(entity, (field, default), record, moment)?;
    }
    match code_of(record, field).and_then(|code| types.of_code(&code)) {
        Some(own) => apply_defaults_of(entity, own, record, moment),
        None => Ok(()),
    }
}

/// Gives a record that changes its type the defaults of the new one.
///
/// # Errors
/// As [`settle_type`].
pub(super) fn enter_type(
    entity: &Entity,
    old: Option<&Record>,
    record: &mut Record,
    moment: Moment,
) -> Result<()> {
    let (Some((types, field)), Some(old)) = (holding(entity), old) else { return Ok(()) };
    match code_of(record, field).filter(|code| old.peek(field.id()).as_text() != Some(code)) {
        Some(code) => match types.of_code(&code) {
            Some(own) => apply_defaults_of(entity, own, record, moment),
            None => Ok(()),
        },
        None => Ok(()),
    }
}

fn apply_defaults_of(entity: &Entity, own: &RecordType, record: &mut Record, moment: Moment) -> Result<()> {
    for (field, default) in &own.defaults {
        if let Some(field) = entity.field_by_id(*field).filter(|field| !field.is_withdrawn()) {
            apply_default(entity, (field, default), record, moment)?;
        }
    }
    Ok(())
}

/// Holds a record against its type. What stood already may stay until it, or the type, changes. The last function
/// gives the folded name of the record's partition.
///
/// # Errors
/// [`Code::NotInRecordType`] naming type and fields, but for those that the function does not list as shown;
/// [`Code::Required`]; [`Code::CodeNotAllowed`].
pub(super) fn check_type(
    entity: &Entity,
    old: Option<&Record>,
    record: &Record,
    shown: &dyn Fn() -> Vec<FieldId>,
    partition: &dyn Fn() -> Result<Option<String>>,
) -> Result<()> {
    let Some((types, type_field)) = holding(entity) else { return Ok(()) };
    let code = code_of(record, type_field);
    let same = |field: FieldId| old.is_some_and(|old| old.peek(field) == record.peek(field));
    let stays = same(type_field.id());
    let fresh = |field: &&Field| {
        let computed = field.formula().is_some() || field.definition.kind.follows_others();
        let nothing = computed || field.is_withdrawn() || record.peek(field.id()).is_null();
        !nothing && (!stays || !same(field.id()))
    };
    let outside = entity.fields().iter().filter(fresh);
    let outside: Vec<&Field> = outside.filter(|field| types.excludes(code.as_deref(), field.id())).collect();
    let error = |code: Code| Error::new(code).entity(&entity.api_name);
    if !outside.is_empty() {
        let shown = shown();
        let told = outside.iter().filter(|field| shown.contains(&field.id()));
        let names: Vec<&str> = told.map(|field| field.api_name.as_str()).collect();
        let refused = error(Code::NotInRecordType);
        let refused = if names.is_empty() { refused } else { refused.field(&names.join(", ")) };
        return Err(refused.rule(&format!(
            "{} is {}",
            type_field.api_name,
            code.as_deref().unwrap_or("none")
        )));
    }
    let Some(own) = code.as_deref().and_then(|code| types.of_code(code)) else { return Ok(()) };
    let of = if stays || own.partitions.is_empty() { None } else { partition()? };
    if !stays && !own.is_open_to(of.as_deref()) {
        return Err(error(Code::CodeNotAllowed).field(&type_field.api_name).value(&own.code));
    }
    let standing = |id: &FieldId| entity.field_by_id(*id).filter(|field| !field.is_withdrawn());
    let missing = own.required.iter().filter_map(standing);
    if let Some(field) = missing.into_iter().find(|field| record.peek(field.id()).is_null()) {
        let rule = format!("required where {} is {}", type_field.api_name, own.code);
        return Err(error(Code::Required).field(&field.api_name).rule(&rule));
    }
    for (field, allowed) in &own.codes {
        let Some(field) = standing(field).filter(|field| !stays || !same(field.id())) else { continue };
        let value = record.peek(field.id());
        let mut codes = value.items().filter_map(|item| item.as_text());
        if let Some(code) = codes.find(|code| allowed.iter().all(|known| known != code)) {
            let rule = format!("not where {} is {}", type_field.api_name, own.code);
            return Err(error(Code::CodeNotAllowed).field(&field.api_name).rule(&rule).value(code));
        }
    }
    Ok(())
}
