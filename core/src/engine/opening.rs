//! What opens records beside roles, as records state it: sharing rules by criteria, and references by which records
//! follow the access of others. Held against what may be said when they are saved, and read into policy and marks.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{
    InheritedAccess, InheritedFact, MAX_PARENTS, Principals, SharingFact, SharingRule, inherited_access,
    sharing_rule,
};
use crate::base::{Code, Error, FieldId, RecordId, Result, Value};
use crate::engine::organisation::stated_of;
use crate::engine::{GuideProgress, ShareLevel, Transaction};
use crate::records::{Following, Marking, MarkingPass, Record};
use crate::schema::expr::Expression;
use crate::schema::{Entity, EntityType, FieldName, FieldNames, FieldType, Registry, compile_condition};

/// Most sharing rules of one entity, switched off ones among them.
pub const MAX_RULES: usize = 100;
/// Most references of one entity by which its records follow others.
const MAX_FOLLOWED: usize = 10;

/// The fields of a record that say with whom something is.
pub(super) struct NamedPrincipals {
    pub user: FieldName<'static>,
    pub team: FieldName<'static>,
    pub role: Option<FieldName<'static>>,
    pub unit: FieldName<'static>,
    pub below: FieldName<'static>,
}

/// With whom records of a rule are shared.
const SHARED_WITH: NamedPrincipals = NamedPrincipals {
    user: sharing_rule::USER.selector(),
    team: sharing_rule::TEAM.selector(),
    role: Some(sharing_rule::ROLE.selector()),
    unit: sharing_rule::UNIT.selector(),
    below: sharing_rule::BELOW.selector(),
};

/// What a record says by the names of its fields.
pub(super) type Said<'a> = &'a dyn Fn(FieldName<'static>) -> Value;

/// Whom a record names; nothing where it names nobody, or more than one.
pub(super) fn principals_of(value: Said<'_>, names: &NamedPrincipals) -> Option<Principals> {
    let id = |name: FieldName<'static>| value(name).as_id();
    let below = value(names.below) == Value::Bool(true);
    match (id(names.user), id(names.team), names.role.and_then(id), id(names.unit)) {
        (Some(user), None, None, None) => Some(Principals::User(user)),
        (None, Some(team), None, None) => Some(Principals::Team(team)),
        (None, None, Some(role), None) => Some(Principals::Role(role)),
        (None, None, None, Some(unit)) => Some(Principals::Unit { unit, below }),
        _ => None,
    }
}

/// A sharing rule as its record states it.
#[derive(Debug)]
pub(super) struct StatedRule {
    pub id: RecordId,
    pub label: u32,
    pub entity: String,
    pub criteria: String,
    /// The numbers of the fields that the criteria spoke of when the rule was made.
    pub fields: BTreeSet<FieldId>,
    pub with: Principals,
    pub level: ShareLevel,
    pub off: bool,
    pub partition: u32,
}

impl StatedRule {
    /// What a record says; nothing where it says nothing that can be understood.
    pub fn of(record: &Record, value: Said<'_>) -> Option<Self> {
        let text = |name| value(name).as_text().map(str::to_owned);
        let numbers = text(sharing_rule::FIELDS.selector()).unwrap_or_default();
        let fields = numbers.split_whitespace().map(|number| number.parse().ok().map(FieldId::new));
        Some(Self {
            id: record.id,
            label: label_of(record)?,
            entity: text(sharing_rule::ENTITY.selector())?,
            criteria: text(sharing_rule::CRITERIA.selector())?,
            fields: fields.collect::<Option<_>>()?,
            with: principals_of(value, &SHARED_WITH)?,
            level: ShareLevel::from_code(&text(sharing_rule::LEVEL.selector())?)?,
            off: value(sharing_rule::OFF.selector()) == Value::Bool(true),
            partition: record.envelope.partition,
        })
    }

    /// Its entity and criteria, where they still mean what they meant: names of fields may have changed hands since.
    pub fn understood<'r>(&self, registry: &'r Registry) -> Option<(&'r Entity, Expression)> {
        let entity = registry.entity(&self.entity).ok()?;
        let criteria = compile_condition(&self.criteria, &FieldNames::of(entity)).ok()?;
        let same = *criteria.fields() == self.fields && check_criteria(entity, &criteria).is_ok();
        same.then_some((entity, criteria))
    }
}

/// A reference by which records follow others, as its record states it.
#[derive(Debug)]
pub(super) struct StatedInheritance {
    pub id: RecordId,
    pub label: u32,
    pub entity: String,
    pub field: String,
    pub level: ShareLevel,
    pub off: bool,
}

impl StatedInheritance {
    /// What a record says; nothing where it says nothing that can be understood.
    pub fn of(record: &Record, value: Said<'_>) -> Option<Self> {
        let text = |name| value(name).as_text().map(str::to_owned);
        Some(Self {
            id: record.id,
            label: label_of(record)?,
            entity: text(inherited_access::ENTITY.selector())?,
            field: text(inherited_access::FIELD.selector())?,
            level: ShareLevel::from_code(&text(inherited_access::LEVEL.selector())?)?,
            off: value(inherited_access::OFF.selector()) == Value::Bool(true),
        })
    }

    /// The entity whose records follow, the number of the field, and the entity beyond it.
    pub fn understood<'r>(&self, registry: &'r Registry) -> Option<(&'r Entity, FieldId, &'r Entity)> {
        let entity = registry.entity(&self.entity).ok()?;
        let field = entity.field(FieldName::Name(&self.field)).ok()?;
        match &field.definition.kind {
            FieldType::Reference { entity: beyond } => {
                Some((entity, field.id(), registry.entity(beyond).ok()?))
            }
            _ => None,
        }
    }
}

/// The number of a record among those of its entity. It is never given again, and neither is the label.
fn label_of(record: &Record) -> Option<u32> {
    u32::try_from(record.envelope.record_number).ok().filter(|label| *label > 0)
}

/// What rules and references come to in the fields of a registry. One that is not understood opens nothing.
pub(super) struct Opened {
    pub sharing: Vec<SharingFact>,
    pub inherited: Vec<InheritedFact>,
    pub marking: Marking,
}

impl Opened {
    pub fn of(registry: &Registry, (rules, references): (&[StatedRule], &[StatedInheritance])) -> Self {
        let (mut sharing, mut criteria) = (Vec::new(), Vec::new());
        for rule in rules {
            let Some((entity, condition)) = rule.understood(registry) else { continue };
            // One that is switched off marks records all the same, so that it holds at once when it is switched on.
            criteria.push((entity.id(), rule.label, condition));
            if !rule.off {
                sharing.push(SharingFact {
                    id: rule.id,
                    label: rule.label,
                    entity: entity.api_name.clone(),
                    with: rule.with,
                    level: rule.level,
                    partition: rule.partition,
                });
            }
        }
        let (mut inherited, mut following) = (Vec::new(), Vec::new());
        for reference in references {
            let Some((entity, field, parent)) = reference.understood(registry) else { continue };
            following.push(Following {
                label: reference.label,
                entity: Arc::new(entity.clone()),
                field,
                parent: parent.id(),
            });
            if !reference.off {
                inherited.push(InheritedFact {
                    id: reference.id,
                    label: reference.label,
                    entity: entity.api_name.clone(),
                    field,
                    parent: parent.api_name.clone(),
                    level: reference.level,
                });
            }
        }
        Self { sharing, inherited, marking: Marking::new(criteria, following) }
    }
}

/// Criteria speak of what is stored of the record itself, so that they change with it and with nothing else.
pub(super) fn check_criteria(entity: &Entity, criteria: &Expression) -> Result<()> {
    let refused = |rule: &str| Err(Error::new(Code::InvalidExpression).rule(rule));
    if criteria.reads_clock() {
        return refused("criteria do not depend on the time");
    }
    let worked_out = |field: &&FieldId| {
        entity.field_by_id(**field).is_none_or(|field| field.definition.kind.is_worked_out())
    };
    match criteria.fields().iter().find(worked_out) {
        Some(_) => refused("criteria speak of stored fields, and of none that is worked out"),
        None if criteria.fields().is_empty() => refused("criteria speak of fields of the record"),
        None => Ok(()),
    }
}

impl Transaction<'_> {
    /// Holds a rule, a reference or a member of a pool against what may be said, and lets a pass over the records begin
    /// that it concerns.
    pub(super) fn check_opening(
        &mut self,
        entity: &Entity,
        old: Option<&Record>,
        record: &mut Record,
    ) -> Result<()> {
        match entity.api_name.as_str() {
            SharingRule::NAME => self.check_rule(entity, old, record),
            InheritedAccess::NAME => self.check_inheritance(entity, old, record),
            _ => self.check_pool_member(entity, record),
        }
    }

    /// Records that come back bear marks of the time when they were deleted, so a rule does not come back, nor does what
    /// was done of a guide before it began anew.
    pub(super) fn check_not_brought_back(&self, entity: &Entity) -> Result<()> {
        let rule = match entity.api_name.as_str() {
            SharingRule::NAME | InheritedAccess::NAME => "a rule is made anew",
            GuideProgress::NAME => "a guide begins anew",
            _ => return Ok(()),
        };
        Err(Error::new(Code::InvalidArgument).entity(&entity.api_name).rule(rule))
    }

    fn check_rule(&mut self, entity: &Entity, old: Option<&Record>, record: &mut Record) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        check_fixed(
            entity,
            old,
            record,
            &[sharing_rule::ENTITY.selector(), sharing_rule::CRITERIA.selector()],
        )?;
        let wrong = |rule: &str| Error::new(Code::InvalidArgument).entity(SharingRule::NAME).rule(rule);
        if principals_of(&said(entity, record), &SHARED_WITH).is_none() {
            return Err(wrong("one of user, team, role and unit"));
        }
        if old.is_some() {
            return Ok(());
        }
        let text = |name| said(entity, record)(name).as_text().unwrap_or_default().to_owned();
        let (named, criteria) =
            (text(sharing_rule::ENTITY.selector()), text(sharing_rule::CRITERIA.selector()));
        let shared = shareable(&registry, &named)?;
        // What the author does not see is not there for criteria either.
        let shown = self.reader().shown_fields(&shared.api_name)?;
        let of_rule = |error: Error| error.entity(SharingRule::NAME).field("criteria");
        let criteria = compile_condition(&criteria, &FieldNames::shown(shared, &shown)).map_err(of_rule)?;
        check_criteria(shared, &criteria).map_err(of_rule)?;
        let standing = stated_of::<SharingRule, _>(self.view(), &registry, &self.policy, StatedRule::of)?;
        let same = standing.iter().filter(|rule| is_of(&registry, &rule.entity, shared)).count();
        if same >= MAX_RULES {
            let full = Error::new(Code::LimitExceeded).entity(SharingRule::NAME).field("entity");
            return Err(full.rule(&format!("at most {MAX_RULES} rules of one entity")));
        }
        let numbers: Vec<String> = criteria.fields().iter().map(|field| field.number().to_string()).collect();
        record.set(entity.field(sharing_rule::ENTITY.selector())?.id(), shared.api_name.as_str().into());
        record.set(entity.field(sharing_rule::FIELDS.selector())?.id(), numbers.join(" ").as_str().into());
        let since = self.stamp().at();
        MarkingPass::begin(self.view_mut(), shared.id(), since)
    }

    fn check_inheritance(
        &mut self,
        entity: &Entity,
        old: Option<&Record>,
        record: &mut Record,
    ) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let fixed = [inherited_access::ENTITY.selector(), inherited_access::FIELD.selector()];
        check_fixed(entity, old, record, &fixed)?;
        let error = |code: Code, rule: &str| Error::new(code).entity(InheritedAccess::NAME).rule(rule);
        // It speaks of all records of an entity, in every partition.
        if self.policy.partition_of(self.user()) != Some(0) {
            return Err(error(Code::NotPermitted, "by the organisation itself"));
        }
        if old.is_some() {
            return Ok(());
        }
        let text = |name| said(entity, record)(name).as_text().unwrap_or_default().to_owned();
        let following = shareable(&registry, &text(inherited_access::ENTITY.selector()))?;
        let named = text(inherited_access::FIELD.selector());
        let field = following.field(FieldName::Name(&named))?;
        self.reader().permit(following)?.check_field(field.id(), &named)?;
        let FieldType::Reference { entity: beyond } = &field.definition.kind else {
            return Err(
                error(Code::InvalidArgument, "a reference to one record of one entity").field("field")
            );
        };
        let beyond = shareable(&registry, beyond)?;
        self.check_followed(following, field.id(), beyond)?;
        let name = following.api_name.as_str();
        record.set(entity.field(inherited_access::ENTITY.selector())?.id(), name.into());
        record.set(entity.field(inherited_access::FIELD.selector())?.id(), field.api_name.as_str().into());
        let since = self.stamp().at();
        MarkingPass::begin(self.view_mut(), following.id(), since)
    }
}

impl Transaction<'_> {
    /// Refuses a reference beside those that stand: one that stands, one too many, and one that closes a circle.
    fn check_followed(&self, following: &Entity, field: FieldId, beyond: &Entity) -> Result<()> {
        let registry = &self.registry;
        let error = |code: Code, rule: &str| Error::new(code).entity(InheritedAccess::NAME).rule(rule);
        let standing =
            stated_of::<InheritedAccess, _>(self.view(), registry, &self.policy, StatedInheritance::of)?;
        let standing: Vec<_> = standing.iter().filter_map(|known| known.understood(registry)).collect();
        let of_entity = || standing.iter().filter(|(from, ..)| from.id() == following.id());
        if of_entity().any(|(_, other, _)| *other == field) {
            return Err(error(Code::NotUnique, "once for each field").field("field"));
        }
        if of_entity().count() >= MAX_FOLLOWED {
            let rule = format!("at most {MAX_FOLLOWED} fields of one entity");
            return Err(error(Code::LimitExceeded, &rule).field("entity"));
        }
        let edges = standing.iter().map(|(from, _, to)| (from.api_name.as_str(), to.api_name.as_str()));
        let new = (following.api_name.as_str(), beyond.api_name.as_str());
        if is_too_deep(&edges.chain([new]).collect::<Vec<_>>()) {
            let rule = format!("no circle, and at most {MAX_PARENTS} entities above each other");
            return Err(error(Code::InvalidArgument, &rule).field("field"));
        }
        Ok(())
    }
}

/// Whether steps from one to the next lead further than records may follow each other, or for ever.
fn is_too_deep(edges: &[(&str, &str)]) -> bool {
    let mut reached: BTreeSet<&str> = edges.iter().map(|(from, _)| *from).collect();
    for _ in 0..MAX_PARENTS {
        let next = edges.iter().filter(|(from, _)| reached.contains(from)).map(|(_, to)| *to);
        reached = next.collect();
    }
    edges.iter().any(|(from, _)| reached.contains(from))
}

/// An entity whose records rules may open: one of the trade, whose records are not links, which their ends decide
/// about.
fn shareable<'r>(registry: &'r Registry, name: &str) -> Result<&'r Entity> {
    let entity = registry.entity(name)?;
    let refused = |rule: &str| Err(Error::new(Code::InvalidArgument).entity(&entity.api_name).rule(rule));
    if entity.api_name.starts_with("sys.") {
        return refused("records of the organisation are not shared");
    }
    if entity.ends().is_some() {
        return refused("links are seen by who sees both of their ends");
    }
    Ok(entity)
}

fn is_of(registry: &Registry, name: &str, entity: &Entity) -> bool {
    registry.entity(name).is_ok_and(|known| known.id() == entity.id())
}

/// What a record says by the names of its fields.
pub(super) fn said<'a>(entity: &'a Entity, record: &'a Record) -> impl Fn(FieldName<'static>) -> Value + 'a {
    |name| entity.field(name).map(|field| record.value(field.id())).unwrap_or_default()
}

/// Refuses another value in fields that stay as they are, since records are marked by what they say.
fn check_fixed(
    entity: &Entity,
    old: Option<&Record>,
    record: &Record,
    names: &[FieldName<'static>],
) -> Result<()> {
    let Some(old) = old else { return Ok(()) };
    for name in names {
        let field = entity.field(*name)?;
        if old.peek(field.id()) != record.peek(field.id()) {
            let fixed = Error::new(Code::InvalidArgument).entity(&entity.api_name).field(&field.api_name);
            return Err(fixed.rule("stays as it is: make a new one"));
        }
    }
    Ok(())
}
