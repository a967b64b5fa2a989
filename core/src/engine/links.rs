//! Lookups and rollups at the doors of a session: their types, and who may declare and read them.

use crate::access::Read;
use crate::base::{Result, ValueKind};
use crate::engine::{Reader, Session, Transaction};
use crate::records::{self, FarPermits, Record, Sight};
use crate::schema::expr::Expression;
use crate::schema::{Entity, Field, FieldName, FieldNames, FieldType, RollupDefinition, compile_condition};

impl Session {
    /// The type of a lookup: a field of what a reference of an entity leads to.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.invalid_definition` for what is no reference to
    /// one record.
    pub fn lookup(&self, entity: &str, through: &str, field: &str) -> Result<FieldType> {
        let kind = FieldType::Lookup { through: through.into(), field: field.into(), gives: ValueKind::Null };
        self.crm().registry().inferred(entity, kind)
    }

    /// The type of a rollup, with what it gives.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`.
    pub fn rollup(&self, rollup: RollupDefinition) -> Result<FieldType> {
        let rollup = RollupDefinition { gives: ValueKind::Null, ..rollup };
        self.crm().registry().inferred(&rollup.entity.clone(), FieldType::Rollup(rollup))
    }

    /// A field over what its author does not see would tell of it.
    pub(super) fn check_links(&self, entity: &Entity, kind: &FieldType) -> Result<()> {
        self.read(|reader| match kind {
            FieldType::Lookup { through, field, .. } => {
                let through = entity.field(FieldName::Name(through))?;
                reader.check_field(entity, through.id())?;
                let targets = through.definition.kind.targets().into_iter();
                targets.take(1).try_for_each(|target| check(&reader, target, field))
            }
            FieldType::Rollup(rollup) => check_rollup(&reader, rollup),
            _ => Ok(()),
        })
    }
}

fn check(reader: &Reader<'_>, entity: &str, field: &str) -> Result<()> {
    let entity = reader.registry().entity(entity)?;
    reader.check_field(entity, entity.field(FieldName::Name(field))?.id())
}

fn check_rollup(reader: &Reader<'_>, rollup: &RollupDefinition) -> Result<()> {
    let child = reader.registry().entity(&rollup.entity)?;
    [Some(&rollup.by), rollup.field.as_ref()]
        .into_iter()
        .flatten()
        .try_for_each(|field| check(reader, &child.api_name, field))?;
    let shown = reader.shown_fields(&child.api_name)?;
    if let Some(filter) = &rollup.filter {
        let names = FieldNames::shown(child, &shown);
        compile_condition(filter, &names).map_err(|error| error.entity(&child.api_name))?;
    }
    Ok(())
}

impl Transaction<'_> {
    /// Gives a record that is on its way into the store what follows from others, if its rules look at that.
    /// It is done in the engine's own right: rules see what the user whom they serve may not.
    pub(super) fn look_at_others(&self, entity: &Entity, record: &mut Record) -> Result<()> {
        if !entity.has_far() || !rules_look_at_others(entity) {
            return Ok(());
        }
        let reader = self.reader();
        let lookups = entity.lookups().iter().map(|lookup| lookup.target);
        let targets = lookups.chain(entity.rollups().iter().map(|rollup| rollup.child));
        let far: FarPermits = targets.map(|target| (target, self.policy.bootstrap::<Read>(target))).collect();
        let permit = self.policy.bootstrap::<Read>(entity.id());
        let sight = Sight::new(reader.snapshot, reader.registry, entity, &permit, reader.patience);
        records::complete(&sight.with_far(&far).at(self.moment()?), record)
    }
}

/// Whether a rule, a default or a requirement of an entity looks at what follows from other records.
fn rules_look_at_others(entity: &Entity) -> bool {
    let expressions = |field: &Field| -> Vec<Expression> {
        field.default().into_iter().chain(field.required_when()).cloned().collect()
    };
    let of_fields = entity.fields().iter().flat_map(expressions);
    let of_machines = entity.machines().iter().flat_map(crate::schema::StateMachine::fields);
    let mut of_rules = entity.rules().iter().flat_map(crate::schema::Rule::fields).chain(of_machines);
    of_rules.any(|field| entity.is_far(field))
        || of_fields.flat_map(|expression| expression.fields().clone()).any(|field| entity.is_far(field))
}
