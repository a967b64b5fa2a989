//! Lookups and rollups with everything that they name found: what a reader follows from record to record,
//! and what a writer of a record has to keep in step elsewhere.
//!
//! A rollup is kept by those who write the records that it goes over, so it is found at their entity, with
//! the rollups that go over it in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Code, EntityId, Error, FieldId, Result, ValueKind};
use crate::schema::computation::{changes_with_time, reached};
use crate::schema::expr::Expression;
use crate::schema::row_formulas::inferred_columns;
use crate::schema::{
    Entity, Field, FieldDefinition, FieldName, FieldNames, FieldType, Registry, RollupDefinition,
    RollupFunction, RollupReaders, compile_condition,
};

/// A lookup as it is read.
#[derive(Debug, Clone, Copy)]
pub struct Lookup {
    /// The field.
    pub field: FieldId,
    /// The reference that it goes along.
    pub through: FieldId,
    /// The entity referred to.
    pub target: EntityId,
    /// The field there.
    pub far: FieldId,
}

/// What tells a figure of a rollup from what is kept for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// The field of the rollup.
    pub field: FieldId,
    /// What it makes of records.
    pub function: RollupFunction,
    /// What it gives.
    pub gives: ValueKind,
}

/// What a rollup looks at in each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// That it is there.
    Record,
    /// A field.
    Field(FieldId),
    /// Another rollup.
    Figure(Figure),
}

/// A rollup as it is kept and read.
#[derive(Debug)]
pub struct Rollup {
    /// What it gives of what is kept.
    pub figure: Figure,
    /// The entity that has it.
    pub parent: EntityId,
    /// The entity whose records it goes over.
    pub child: EntityId,
    /// The reference by which these lead to its record.
    pub by: FieldId,
    /// What it looks at in each of them.
    pub source: Source,
    /// Which of them count.
    pub filter: Option<Expression>,
    /// The formulas of these records that it reads, each behind those that it reads itself.
    pub formulas: Vec<(FieldId, Expression)>,
    /// Whose records count.
    pub readers: RollupReaders,
    /// The tree that it goes over too.
    pub tree: Option<FieldId>,
    /// Whether every record is in it; until then it is being built.
    pub complete: bool,
    /// Whether records have keys of an index of it.
    pub indexed: bool,
    /// Whether it may be read: it is complete, and so are the rollups that it goes over.
    pub answers: bool,
    /// How many rollups stand below it.
    pub depth: usize,
    /// The rollups that go over this one.
    pub up: Vec<Arc<Rollup>>,
}

impl Rollup {
    /// The field of the rollup, which is its number.
    #[must_use]
    pub fn id(&self) -> FieldId {
        self.figure.field
    }

    /// The fields of the records that it goes over of which it tells something.
    #[must_use]
    pub fn inputs(&self) -> BTreeSet<FieldId> {
        let filter = self.filter.iter().flat_map(|filter| filter.fields().iter().copied());
        let source = match self.source {
            Source::Record => None,
            Source::Field(field) | Source::Figure(Figure { field, .. }) => Some(field),
        };
        filter.chain(source).chain([self.by]).collect()
    }
}

/// What links an entity to others.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    lookups: Vec<Lookup>,
    rollups: Vec<Arc<Rollup>>,
    /// Rollups that are kept of its records, the lowest first.
    over: Vec<Arc<Rollup>>,
    /// Its fields that follow from records of others, formulas among them.
    far: BTreeSet<FieldId>,
}

impl Entity {
    /// The lookups.
    #[must_use]
    pub fn lookups(&self) -> &[Lookup] {
        &self.links().lookups
    }

    /// The rollups that its records have.
    #[must_use]
    pub fn rollups(&self) -> &[Arc<Rollup>] {
        &self.links().rollups
    }

    /// The rollups that are kept of its records for others, each behind those that it goes over.
    #[must_use]
    pub fn rolled_up(&self) -> &[Arc<Rollup>] {
        &self.links().over
    }

    /// Whether a field follows from records of others, directly or through formulas.
    #[must_use]
    pub fn is_far(&self, field: FieldId) -> bool {
        self.links().far.contains(&field)
    }

    /// Whether any field does.
    #[must_use]
    pub fn has_far(&self) -> bool {
        !self.links().far.is_empty()
    }
}

/// Whether some fields of an entity, or what they follow from through formulas, are lookups or rollups.
pub(super) fn reads_others(entity: &Entity, fields: &BTreeSet<FieldId>) -> bool {
    reached(entity, fields).into_iter().filter_map(|field| entity.field_by_id(field)).any(is_link)
}

fn is_link(field: &Field) -> bool {
    matches!(field.definition.kind, FieldType::Lookup { .. } | FieldType::Rollup(_))
}

/// What is wrong with a definition.
fn fault(definition: &FieldDefinition, rule: &str) -> Error {
    Error::new(Code::InvalidDefinition).field(&definition.name).rule(rule)
}

impl Registry {
    /// A type of a field of an entity with what it gives, where its author left that out, and with the API names of
    /// what a lookup or rollup names.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.invalid_expression`; `schema.invalid_definition` for
    /// a lookup along what is no reference to one record.
    pub fn inferred(&self, entity: &str, kind: FieldType) -> Result<FieldType> {
        match kind {
            FieldType::Formula { expression, gives: ValueKind::Null } => {
                let gives = Expression::compile(&expression, &FieldNames::of(self.entity(entity)?))?.kind();
                Ok(FieldType::Formula { expression, gives })
            }
            FieldType::Lookup { through, field, gives: ValueKind::Null } => {
                let through = self.entity(entity)?.field(FieldName::Name(&through))?;
                let FieldType::Reference { entity: target } = &through.definition.kind else {
                    let error = Error::new(Code::InvalidDefinition).field(&through.api_name);
                    return Err(error.rule("a lookup goes along a reference to one record"));
                };
                let far = self.entity(target)?.field(FieldName::Name(&field))?;
                let gives = far.definition.kind.value_kind();
                Ok(FieldType::Lookup {
                    through: through.api_name.clone(),
                    field: far.api_name.clone(),
                    gives,
                })
            }
            FieldType::Rows { columns } => Ok(FieldType::Rows { columns: inferred_columns(columns)? }),
            FieldType::Rollup(rollup) if rollup.gives == ValueKind::Null => self.inferred_rollup(rollup),
            said => Ok(said),
        }
    }

    fn inferred_rollup(&self, rollup: RollupDefinition) -> Result<FieldType> {
        let child = self.entity(&rollup.entity)?;
        let field = rollup.field.as_deref().map(|name| child.field(FieldName::Name(name))).transpose()?;
        let kind = field.map_or(ValueKind::Null, |field| field.definition.kind.value_kind());
        Ok(FieldType::Rollup(RollupDefinition {
            gives: rollup.function.gives(kind).unwrap_or(kind),
            entity: child.api_name.clone(),
            by: child.field(FieldName::Name(&rollup.by))?.api_name.clone(),
            field: field.map(|field| field.api_name.clone()),
            ..rollup
        }))
    }

    /// Finds anew what lookups and rollups name. Those that this version does not understand are left out.
    pub(super) fn link(&mut self) {
        self.hand_out_names();
        let any =
            self.entities().iter().any(|entity| entity.fields().iter().any(is_link) || entity.has_far());
        if !any {
            return;
        }
        let links: Vec<Links> = {
            let rollups = Linker { registry: self }.rollups();
            self.entities().iter().map(|entity| self.links_of(entity, &rollups)).collect()
        };
        self.set_links(links);
    }

    fn links_of(&self, entity: &Entity, rollups: &[Arc<Rollup>]) -> Links {
        let of = |own: &dyn Fn(&Rollup) -> bool| -> Vec<Arc<Rollup>> {
            rollups.iter().filter(|rollup| own(rollup)).cloned().collect()
        };
        let kept = |rollup: &Rollup| rollup.child == entity.id() && rollup.readers == RollupReaders::All;
        let lookups =
            entity.fields().iter().filter_map(|field| self.lookup(entity, &field.definition).ok()?);
        let follows = |field: &&Field| {
            is_link(field) || field.formula().is_some_and(|formula| reads_others(entity, formula.fields()))
        };
        Links {
            lookups: lookups.collect(),
            rollups: of(&|rollup| rollup.parent == entity.id()),
            over: of(&kept),
            far: entity.fields().iter().filter(follows).map(Field::id).collect(),
        }
    }

    /// A lookup with what it names; nothing for a field of another type.
    fn lookup(&self, entity: &Entity, definition: &FieldDefinition) -> Result<Option<Lookup>> {
        let FieldType::Lookup { through, field, gives } = &definition.kind else { return Ok(None) };
        let fault = |rule: &str| Err(fault(definition, rule));
        let own = entity.fields().iter().find(|own| own.definition.is_same_as(definition));
        let through = entity.field(FieldName::Name(through))?;
        let FieldType::Reference { entity: target } = &through.definition.kind else {
            return fault("a lookup goes along a reference to one record");
        };
        let target = self.entity(target)?;
        let far = target.field(FieldName::Name(field))?;
        if is_link(far) || reads_others(target, &[far.id()].into()) {
            return fault("a lookup reads no field that follows from other records");
        }
        if far.definition.kind.value_kind() != *gives {
            return fault("a lookup gives what the field gives that it reads");
        }
        let field = own.map_or(FieldId::new(0), Field::id);
        Ok(Some(Lookup { field, through: through.id(), target: target.id(), far: far.id() }))
    }

    /// Refuses a field that contradicts what other entities have: a lookup or rollup that reads what it
    /// cannot, and a change of what others read.
    pub(super) fn check_links(&self, entity: &str, definition: &FieldDefinition) -> Result<()> {
        let known = self.entity(entity)?;
        let standing = known.fields().iter().find(|field| field.definition.is_same_as(definition));
        let is_link = matches!(definition.kind, FieldType::Lookup { .. } | FieldType::Rollup(_));
        let any = is_link || self.entities().iter().any(Entity::has_far);
        if !any || standing.is_some_and(|field| field.definition == *definition) {
            return Ok(());
        }
        let named = |error: Error| error.entity(&known.api_name);
        let trial = self.with_field(entity, definition)?;
        if is_link {
            trial.check_link(trial.entity(entity)?, definition).map_err(named)?;
        }
        let standing = standing.filter(|field| field.definition.kind != definition.kind);
        if standing.is_some() && is_link {
            return Err(named(fault(definition, "a lookup and a rollup never change")));
        }
        let formula = |rollup: &Arc<Rollup>| {
            rollup.formulas.iter().any(|(field, _)| standing.is_some_and(|standing| standing.id() == *field))
        };
        if known.rolled_up().iter().any(formula) {
            return Err(named(fault(definition, "formulas do not change while a rollup is kept on one")));
        }
        let lost = self.linked().into_iter().find(|field| !trial.linked().contains(field));
        match lost {
            Some(_) => Err(named(fault(definition, "a lookup or a rollup reads it as it is"))),
            None => Ok(()),
        }
    }

    fn check_link(&self, entity: &Entity, definition: &FieldDefinition) -> Result<()> {
        self.lookup(entity, definition)?;
        let linker = Linker { registry: self };
        let Some(draft) = linker.draft(entity, definition)? else { return Ok(()) };
        match self.linked().contains(&draft.figure.field) {
            true => Ok(()),
            false => Err(fault(definition, CIRCLE)),
        }
    }

    /// The lookups and rollups that are understood.
    fn linked(&self) -> BTreeSet<FieldId> {
        let of = |entity: &Entity| -> Vec<FieldId> {
            let rollups = entity.rollups().iter().map(|rollup| rollup.id());
            entity.lookups().iter().map(|lookup| lookup.field).chain(rollups).collect()
        };
        self.entities().iter().flat_map(of).collect()
    }
}

const CIRCLE: &str = "rollups go in a circle";

/// Puts rollups together.
struct Linker<'r> {
    registry: &'r Registry,
}

impl Linker<'_> {
    /// All rollups that are understood, the lowest first.
    fn rollups(&self) -> Vec<Arc<Rollup>> {
        let mut drafts: BTreeMap<FieldId, Rollup> = BTreeMap::new();
        for entity in self.registry.entities() {
            let fields = entity.fields().iter().map(|field| &field.definition);
            let found = fields.filter_map(|definition| self.draft(entity, definition).ok()?);
            drafts.extend(found.map(|draft| (draft.figure.field, draft)));
        }
        let mut levels: Vec<Vec<Rollup>> = Vec::new();
        let mut placed: BTreeMap<FieldId, bool> = BTreeMap::new();
        // What goes in a circle, or over what is not understood, is never ready.
        loop {
            let is_ready = |draft: &Rollup| match draft.source {
                Source::Figure(below) => placed.contains_key(&below.field),
                _ => true,
            };
            let ready: Vec<FieldId> =
                drafts.iter().filter(|(_, draft)| is_ready(draft)).map(|(field, _)| *field).collect();
            let mut level: Vec<Rollup> = ready.iter().filter_map(|field| drafts.remove(field)).collect();
            if level.is_empty() {
                return joined(levels);
            }
            for draft in &mut level {
                draft.depth = levels.len();
                draft.answers = draft.complete && placed_answers(draft, &placed);
            }
            placed.extend(level.iter().map(|draft| (draft.figure.field, draft.answers)));
            levels.push(level);
        }
    }

    /// A rollup with what it names, not yet with its place among others.
    fn draft(&self, entity: &Entity, definition: &FieldDefinition) -> Result<Option<Rollup>> {
        let FieldType::Rollup(rollup) = &definition.kind else { return Ok(None) };
        let fault = |rule: &str| fault(definition, rule);
        let own = entity.fields().iter().find(|own| own.definition.is_same_as(definition));
        let child = self.registry.entity(&rollup.entity)?;
        let by = child.field(FieldName::Name(&rollup.by))?;
        let leads_here = match &by.definition.kind {
            FieldType::Reference { entity: target } => self.registry.entity(target)?.id() == entity.id(),
            _ => false,
        };
        if !leads_here {
            return Err(fault("a rollup goes along a reference to its own entity"));
        }
        let id = own.map_or(FieldId::new(0), Field::id);
        let (source, kind) = self.source(child, rollup, id).map_err(|rule| rule.named(definition))?;
        let function = rollup.function;
        match function.gives(kind) {
            None => {
                return Err(fault("sum and avg take numbers and amounts, min and max days and times too"));
            }
            Some(gives) if gives != rollup.gives => {
                return Err(fault("a rollup gives what it says that it gives"));
            }
            Some(_) => {}
        }
        let filter = rollup.filter.as_deref();
        let filter = filter.map(|source| compile_condition(source, &FieldNames::of(child))).transpose()?;
        if let Some(filter) = &filter {
            check_expression(child, filter, id).map_err(fault)?;
        }
        let tree = if rollup.tree { Some(tree_of(entity).ok_or_else(|| fault(NO_TREE))?) } else { None };
        let mut read: BTreeSet<FieldId> = filter.iter().flat_map(|filter| filter.fields()).copied().collect();
        read.extend(if let Source::Field(field) = source { Some(field) } else { None });
        Ok(Some(Rollup {
            figure: Figure { field: id, function, gives: rollup.gives },
            parent: entity.id(),
            child: child.id(),
            by: by.id(),
            source,
            filter,
            formulas: formulas(child, &read),
            readers: rollup.readers,
            tree,
            complete: own.is_none_or(Field::is_complete),
            indexed: own.is_some_and(Field::is_indexed) && rollup.readers == RollupReaders::All,
            answers: false,
            depth: 0,
            up: Vec::new(),
        }))
    }

    /// What a rollup looks at, and the kind of its values.
    fn source(
        &self,
        child: &Entity,
        rollup: &RollupDefinition,
        own: FieldId,
    ) -> std::result::Result<(Source, ValueKind), Fault> {
        let Some(name) = &rollup.field else { return Ok((Source::Record, ValueKind::Null)) };
        let field = child.field(FieldName::Name(name)).map_err(Fault::Error)?;
        let kind = field.definition.kind.value_kind();
        if let FieldType::Rollup(below) = &field.definition.kind {
            let kept = [rollup, below].into_iter().all(|each| each.readers == RollupReaders::All);
            if field.id() == own {
                return Err(Fault::Rule(CIRCLE));
            }
            if !kept {
                return Err(Fault::Rule("a rollup of rollups is for all readers"));
            }
            let figure = Figure { field: field.id(), function: below.function, gives: below.gives };
            return Ok((Source::Figure(figure), kind));
        }
        if matches!(field.definition.kind, FieldType::Lookup { .. }) {
            return Err(Fault::Rule(NO_LINKS));
        }
        if let Some(formula) = field.formula() {
            check_expression(child, formula, own).map_err(Fault::Rule)?;
        }
        Ok((Source::Field(field.id()), kind))
    }
}

const NO_TREE: &str = "an entity without a tree has no figures of one";
const NO_LINKS: &str = "a rollup reads neither lookups nor formulas over other records";

/// What is wrong with a source.
enum Fault {
    Rule(&'static str),
    Error(Error),
}

impl Fault {
    fn named(self, definition: &FieldDefinition) -> Error {
        match self {
            Self::Rule(rule) => fault(definition, rule),
            Self::Error(error) => error,
        }
    }
}

/// A rollup is kept by writers alone, so what it reads changes only when its record does.
fn check_expression(
    child: &Entity,
    expression: &Expression,
    own: FieldId,
) -> std::result::Result<(), &'static str> {
    if reached(child, expression.fields()).contains(&own) {
        return Err(CIRCLE);
    }
    if reads_others(child, expression.fields()) {
        return Err(NO_LINKS);
    }
    if changes_with_time(child, expression) {
        return Err("what changes with time is not rolled up");
    }
    Ok(())
}

/// The tree of an entity: of several the one that was declared first.
fn tree_of(entity: &Entity) -> Option<FieldId> {
    entity.trees().next().map(|(tree, _)| tree.id())
}

/// The formulas of an entity that some fields follow from, in their order.
fn formulas(entity: &Entity, read: &BTreeSet<FieldId>) -> Vec<(FieldId, Expression)> {
    let through = reached(entity, read);
    let read = entity.formulas().filter(|(field, _)| through.contains(&field.id()));
    read.map(|(field, formula)| (field.id(), formula.clone())).collect()
}

fn placed_answers(draft: &Rollup, placed: &BTreeMap<FieldId, bool>) -> bool {
    match draft.source {
        Source::Figure(below) => placed.get(&below.field).copied().unwrap_or(false),
        _ => true,
    }
}

/// Gives each rollup those that go over it: they stand on the levels above, which are finished first.
fn joined(levels: Vec<Vec<Rollup>>) -> Vec<Arc<Rollup>> {
    let mut finished: Vec<Arc<Rollup>> = Vec::new();
    for level in levels.into_iter().rev() {
        let level: Vec<Arc<Rollup>> = level
            .into_iter()
            .map(|rollup| {
                let over = |upper: &&Arc<Rollup>| upper.source == Source::Figure(rollup.figure);
                let up = finished.iter().filter(over).cloned().collect();
                Arc::new(Rollup { up, ..rollup })
            })
            .collect();
        finished.splice(0..0, level);
    }
    finished
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Label;
    use crate::schema::EntityDefinition;

    fn field(local: u32, name: &str, kind: FieldType) -> FieldDefinition {
        FieldDefinition::new("crm", local, name, Label::new("字段", name), kind)
    }

    fn reference(local: u32, name: &str, entity: &str) -> FieldDefinition {
        field(local, name, FieldType::Reference { entity: entity.to_owned() })
    }

    fn sum(entity: &str, by: &str, of: &str) -> FieldType {
        FieldType::Rollup(RollupDefinition::new(RollupFunction::Sum, entity, by).of(of, ValueKind::Int))
    }

    /// Orders and lines that refer to each other.
    fn shop() -> Registry {
        let mut registry = Registry::default();
        let entity = |local, name: &str| EntityDefinition {
            namespace: "crm".into(),
            local,
            name: name.into(),
            label: Label::new("物", name),
            title: "name".into(),
            data_subject: false,
            fields: vec![field(1, "name", FieldType::Text), field(2, "number", FieldType::Int)],
            ..EntityDefinition::default()
        };
        registry.declare_entity(&entity(1, "order")).unwrap();
        registry.declare_entity(&entity(2, "line")).unwrap();
        registry.declare_field("line", &reference(3, "order", "order")).unwrap();
        registry.declare_field("order", &reference(3, "main", "line")).unwrap();
        let double = FieldType::Formula { expression: "number * 2".to_owned(), gives: ValueKind::Int };
        registry.declare_field("line", &field(4, "double", double)).unwrap();
        registry
    }

    fn rule(result: Result<crate::schema::RegistryChange>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.code(), Code::InvalidDefinition);
        error.rule_name().unwrap_or_default().to_owned()
    }

    #[test]
    fn rollups_that_go_over_each_other_are_a_circle() {
        let mut registry = shop();
        registry.declare_field("order", &field(4, "total", sum("line", "order", "number"))).unwrap();
        registry.declare_field("line", &field(5, "whole", sum("order", "main", "total"))).unwrap();
        let depth = |registry: &Registry, entity: &str| registry.entity(entity).unwrap().rollups()[0].depth;
        assert_eq!((depth(&registry, "order"), depth(&registry, "line")), (0, 1));
        let circle = field(4, "total", sum("line", "order", "whole"));
        assert_eq!(rule(registry.declare_field("order", &circle)), CIRCLE);
        let own = field(6, "own", sum("line", "order", "own"));
        assert_eq!(registry.declare_field("order", &own).unwrap_err().code(), Code::UnknownField);
        let other = field(4, "total", sum("line", "order", "double"));
        assert_eq!(rule(registry.declare_field("order", &other)), "a lookup and a rollup never change");
        let renamed = FieldDefinition {
            label: Label::new("总数", "Total"),
            ..field(4, "total", sum("line", "order", "number"))
        };
        registry.declare_field("order", &renamed).unwrap();
        let again = Registry::from_json(&registry.to_json().unwrap()).unwrap();
        assert_eq!((depth(&again, "order"), depth(&again, "line")), (0, 1));
        assert_eq!(again.entity("line").unwrap().rolled_up()[0].up.len(), 1);
    }

    #[test]
    fn what_others_read_stays_as_it_is() {
        let mut registry = shop();
        registry.declare_field("order", &field(4, "total", sum("line", "order", "double"))).unwrap();
        let lookup = |through: &str, field: &str, gives| FieldType::Lookup {
            through: through.to_owned(),
            field: field.to_owned(),
            gives,
        };
        let looked_up = field(6, "order_name", lookup("order", "name", ValueKind::Text));
        registry.declare_field("line", &looked_up).unwrap();
        let formula = |expression: &str| FieldType::Formula {
            expression: expression.to_owned(),
            gives: ValueKind::Int,
        };
        assert_eq!(
            rule(registry.declare_field("line", &field(4, "double", formula("number * 3")))),
            "formulas do not change while a rollup is kept on one"
        );
        registry.declare_field("order", &field(5, "shifted", formula("number + 1"))).unwrap();
        let shifted = field(7, "order_shifted", lookup("order", "shifted", ValueKind::Int));
        registry.declare_field("line", &shifted).unwrap();
        registry.declare_field("order", &field(5, "shifted", formula("number + 2"))).unwrap();
        assert_eq!(
            rule(registry.declare_field("order", &field(5, "shifted", formula("total + 2")))),
            "a lookup or a rollup reads it as it is"
        );
        assert_eq!(
            rule(registry.declare_field("line", &reference(3, "order", "line"))),
            "a lookup or a rollup reads it as it is"
        );
    }
}
