//! Relations: entities whose records are links between two others, in a role at each end, perhaps for some
//! days alone.
//!
//! Who declares a relation declares an ordinary entity with two references, the sides, and with the fields of
//! its own. Permissions, history, lists, counters and packages therefore take links as they take any record.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Label, Result};
use crate::schema::{
    Entity, EntityDefinition, Exclusion, Field, FieldDefinition, FieldType, Gathering, OnDelete, Registry,
    ValidTime, Validity, valid_name,
};

/// The author's numbers of the sides and of the days of validity. Fields of the relation's own begin behind them.
const FROM: u32 = 1;
const TO: u32 = 2;
const VALID_FROM: u32 = 3;
const VALID_TO: u32 = 4;

/// The least number that a field of a relation's own may have.
pub const FIRST_RELATION_FIELD: u32 = 5;

/// The number of the rule that no pair is linked twice on one day.
pub(super) const PAIR: u8 = 1;
/// The numbers of the rules that one end has one link on one day.
const FROM_ALONE: u8 = 2;
const TO_ALONE: u8 = 3;

/// What makes links of the records of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RelationDefinition {
    /// The side that a link goes out from.
    pub from: RelationSide,
    /// The side that it leads to.
    pub to: RelationSide,
    /// How many links a record has on one day.
    #[serde(default)]
    pub cardinality: Cardinality,
    /// Whether a link says the same of both ends, so that it is found from either and stands once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub symmetric: bool,
    /// Whether a record may be linked to itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub to_itself: bool,
    /// Whether links hold from one day (`valid_from`) up to another one (`valid_to`), which is not among them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub validity: bool,
}

/// One side of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RelationSide {
    /// The field by which a link refers to this end; `from` or `to` if not said.
    #[serde(default)]
    pub name: String,
    /// The entities whose records may stand at this end.
    pub entities: Vec<String>,
    /// What people call the record at this end, as shareholder.
    pub label: Label,
    /// What becomes of a link when the record at this end is deleted: `restrict` or `cascade`.
    #[serde(default)]
    pub on_delete: OnDelete,
}

/// How many links of a relation a record has on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cardinality {
    /// Any number at both ends.
    #[default]
    ManyToMany,
    /// A record that links go out from has one; many may lead to the other.
    ManyToOne,
    /// One at both ends.
    OneToOne,
}

/// Where the ends of a link stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The field of the side that a link goes out from.
    pub from: FieldId,
    /// The field of the side that it leads to.
    pub to: FieldId,
}

impl RelationSide {
    /// A side with records of some entities, whose links hold back what they refer to.
    #[must_use]
    pub fn new(entities: &[&str], label: Label) -> Self {
        let entities = entities.iter().map(|entity| (*entity).to_owned()).collect();
        Self { name: String::new(), entities, label, on_delete: OnDelete::Restrict }
    }

    fn kind(&self) -> FieldType {
        match self.entities.as_slice() {
            [entity] => FieldType::Reference { entity: entity.clone() },
            entities => FieldType::AnyReference { entities: entities.to_vec() },
        }
    }

    fn field(&self, namespace: &str, local: u32) -> FieldDefinition {
        FieldDefinition {
            required: true,
            on_delete: self.on_delete,
            ..FieldDefinition::new(namespace, local, &self.name, self.label.clone(), self.kind())
        }
    }
}

impl RelationDefinition {
    /// A relation of any number of records with any number of others, without validity.
    #[must_use]
    pub fn new(from: RelationSide, to: RelationSide) -> Self {
        Self { from, to, ..Self::default() }
    }

    /// The sides, with the author's numbers of their fields.
    fn sides(&self) -> [(u32, &RelationSide); 2] {
        [(FROM, &self.from), (TO, &self.to)]
    }

    /// The fields that follow from it.
    fn fields(&self, namespace: &str) -> Vec<FieldDefinition> {
        let day = |local: u32, name: &str, label: Label| {
            FieldDefinition::new(namespace, local, name, label, FieldType::Date)
        };
        let mut fields: Vec<FieldDefinition> =
            self.sides().iter().map(|(local, side)| side.field(namespace, *local)).collect();
        if self.validity {
            let first = day(VALID_FROM, "valid_from", Label::new("生效日", "Valid from"));
            let end = day(VALID_TO, "valid_to", Label::new("失效日", "Valid to"));
            fields.extend([first, end]);
        }
        fields
    }

    fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field("relation").rule(rule));
        for (_, side) in self.sides() {
            if side.entities.is_empty() || side.label.is_partial() || !valid_name(&side.name) {
                return fault("a side has a name, entities, and a label in zh and en");
            }
            if side.on_delete == OnDelete::SetNull {
                return fault("a link has both ends: on_delete is restrict or cascade");
            }
        }
        if self.from.name == self.to.name {
            return fault("the sides have different names");
        }
        if self.symmetric && self.from.entities != self.to.entities {
            return fault("both sides of a symmetric relation have the same entities");
        }
        if self.symmetric && self.cardinality == Cardinality::ManyToOne {
            return fault("a symmetric relation is many_to_many or one_to_one");
        }
        Ok(())
    }

    /// Whether links that stand by another definition may stand by this one.
    fn may_follow(&self, old: &Self) -> bool {
        let names = |one: &Self| (one.from.name.clone(), one.to.name.clone());
        let rank = |one: &Self| match one.cardinality {
            Cardinality::ManyToMany => 0,
            Cardinality::ManyToOne => 1,
            Cardinality::OneToOne => 2,
        };
        let looser = rank(self) <= rank(old);
        names(self) == names(old)
            && (self.symmetric, self.validity) == (old.symmetric, old.validity)
            && (self.to_itself || !old.to_itself)
            && looser
    }

    /// What no two links have on one day. The keys of all of them are kept, since a relation may become looser.
    fn exclusions(&self, ends: Ends) -> Vec<Exclusion> {
        let exclusion = |number: u8, fields: &[FieldId], gathering: Gathering, enforced: bool| Exclusion {
            number,
            fields: fields.to_vec(),
            gathering,
            enforced,
        };
        let both = [ends.from, ends.to];
        let (one_from, one_to) =
            (self.cardinality != Cardinality::ManyToMany, self.cardinality == Cardinality::OneToOne);
        if self.symmetric {
            return vec![
                exclusion(PAIR, &both, Gathering::Either, true),
                exclusion(FROM_ALONE, &both, Gathering::Each, one_to),
            ];
        }
        vec![
            exclusion(PAIR, &both, Gathering::InOrder, true),
            exclusion(FROM_ALONE, &[ends.from], Gathering::InOrder, one_from),
            exclusion(TO_ALONE, &[ends.to], Gathering::InOrder, one_to),
        ]
    }
}

impl EntityDefinition {
    /// The same entity with the fields that follow from its relation, if it is one, and with the usual names
    /// of its days, if its records are facts.
    ///
    /// # Errors
    /// `schema.invalid_definition` for a relation that contradicts itself, or a field under a number or a name
    /// of what follows from it.
    pub(super) fn with_sides(&self) -> Result<Self> {
        let mut definition = self.clone();
        definition.valid_time = self.valid_time.as_ref().map(ValidTime::named);
        let Some(relation) = &mut definition.relation else { return Ok(definition) };
        let named = |error: Error| error.entity(&self.api_name());
        for (side, name) in [(&mut relation.from, "from"), (&mut relation.to, "to")] {
            if side.name.is_empty() {
                name.clone_into(&mut side.name);
            }
        }
        relation.check().map_err(named)?;
        let fields = relation.fields(&self.namespace);
        if definition.title.is_empty() {
            definition.title.clone_from(&relation.from.name);
        }
        // An exported definition lists them, too.
        let follows = |field: &FieldDefinition| {
            fields.iter().any(|known| known.is_same_as(field) && known.name == field.name)
        };
        let own = self.fields.iter().filter(|field| !follows(field));
        let own: Vec<FieldDefinition> = own.cloned().collect();
        let taken = |field: &&FieldDefinition| {
            let of_author = field.namespace == self.namespace && field.local < FIRST_RELATION_FIELD;
            of_author || fields.iter().any(|known| known.name == field.name)
        };
        if let Some(field) = own.iter().find(taken) {
            let rule = "the numbers 1 to 4 and the names of sides and validity follow from the relation";
            return Err(named(Error::new(Code::InvalidDefinition).field(&field.name).rule(rule)));
        }
        definition.fields = fields.into_iter().chain(own).collect();
        Ok(definition)
    }

    /// Refuses a relation that links which stand contradict, and another valid time.
    pub(super) fn check_relation_after(&self, old: &Self) -> Result<()> {
        let may = match (&self.relation, &old.relation) {
            (None, None) => true,
            (Some(new), Some(old)) => new.may_follow(old),
            _ => false,
        };
        if self.valid_time != old.valid_time {
            let error = Error::new(Code::InvalidDefinition).entity(&self.api_name()).field("valid_time");
            return Err(error.rule("an entity has its valid time from its beginning, and keeps it"));
        }
        if may {
            return Ok(());
        }
        let rule =
            "a relation changes labels and on_delete, and becomes looser; an entity does not become one";
        Err(Error::new(Code::InvalidDefinition).entity(&self.api_name()).field("relation").rule(rule))
    }
}

impl Registry {
    /// The relations at whose ends records of an entity may stand.
    pub fn relations_of<'r>(&'r self, entity: &'r Entity) -> impl Iterator<Item = &'r Entity> {
        let is_end = |relation: &&Entity| {
            let ends = relation.ends().map(|ends| [ends.from, ends.to]).into_iter().flatten();
            let mut fields = ends.filter_map(|end| relation.field_by_id(end));
            fields.any(|field| field.definition.kind.targets().into_iter().any(|name| entity.is_called(name)))
        };
        self.entities().iter().filter(is_end)
    }
}

impl Entity {
    /// Where the ends of its records stand, if they are links.
    #[must_use]
    pub fn ends(&self) -> Option<Ends> {
        self.definition.relation.as_ref()?;
        let (from, to) = (self.of_author(FROM)?, self.of_author(TO)?);
        Some(Ends { from: from.id(), to: to.id() })
    }

    /// The end of a symmetric link that stands across from one of its ends: such a link says the same of both.
    #[must_use]
    pub fn end_across(&self, end: FieldId) -> Option<FieldId> {
        let ends =
            self.ends().filter(|_| self.definition.relation.as_ref().is_some_and(|it| it.symmetric))?;
        if end == ends.from {
            return Some(ends.to);
        }
        (end == ends.to).then_some(ends.from)
    }

    /// The days on which links hold, and what no two of them have on one day.
    pub(super) fn validity_of_links(&self) -> Option<Validity> {
        let (relation, ends) = (self.definition.relation.as_ref()?, self.ends()?);
        let day = |local: u32| self.of_author(local).filter(|_| relation.validity).map(Field::id);
        Some(Validity {
            from: day(VALID_FROM),
            to: day(VALID_TO),
            exclusions: relation.exclusions(ends),
            to_itself: relation.to_itself,
        })
    }

    fn of_author(&self, local: u32) -> Option<&Field> {
        let namespace = &self.definition.namespace;
        let own =
            |field: &&Field| field.definition.namespace == *namespace && field.definition.local == local;
        self.fields().iter().find(own)
    }
}
