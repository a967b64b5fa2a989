//! Conditions as callers write them: fields by name or typed constant, resolved against the registry.

use crate::base::{
    Code, Date, DayCount, Decimal, Error, FieldId, Period, RecordId, Result, TimeZone, Timestamp, Value,
    ValueKind,
};
use crate::engine::{Reader, Ref, Settings};
use crate::records::{Comparison, Filter, Moment, Referring, Stated, SystemField, check_refers, target};
use crate::schema::expr::{Bound, BoundKind, Expression};
use crate::schema::{
    AnyReference, Entity, EntityType, EntityTypes, FieldKind, FieldName, FieldNames, FieldType, PhoneRegion,
    RecordReference, Reference, TypedField, compile_condition, normalize_value,
};

/// How a caller names a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldSelector {
    /// By API name, or the name of a system field such as `owner`.
    Name(String),
    /// By identity, through a typed constant.
    Identity(FieldName<'static>),
}

impl From<&str> for FieldSelector {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for FieldSelector {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl<E: EntityType, K> From<TypedField<E, K>> for FieldSelector {
    fn from(field: TypedField<E, K>) -> Self {
        Self::Identity(field.selector())
    }
}

impl FieldSelector {
    /// The number of the field in an entity; system fields are found too.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn resolve(&self, entity: &Entity) -> Result<FieldId> {
        match self {
            Self::Identity(identity) => Ok(entity.field(*identity)?.id()),
            // A field of the entity itself goes before a system field of its name: the unit of a user is
            // where the user works, not whose the user's record is.
            Self::Name(name) => {
                let own = entity.fields().iter().find(|field| field.api_name == *name);
                match (own, SystemField::from_name(name)) {
                    (Some(own), _) => Ok(own.id()),
                    (None, Some(system)) => Ok(system.id()),
                    (None, None) => Ok(entity.field(FieldName::Name(name))?.id()),
                }
            }
        }
    }

    /// The name by which the field is asked for.
    pub(crate) fn said(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Identity(FieldName::Name(name) | FieldName::Identity { name, .. }) => name,
        }
    }

    /// The field of the registry; system fields are refused.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn field<'e>(&self, entity: &'e Entity) -> Result<&'e crate::schema::Field> {
        match self {
            Self::Identity(identity) => entity.field(*identity),
            Self::Name(name) => entity.field(FieldName::Name(name)),
        }
    }
}

/// A condition with fields by selector. A name may be a path along references, `account.owner.name`.
pub type Condition = Filter<FieldSelector>;

/// A condition by the own fields of an entity in the right of a rule, from which nothing is hidden.
///
/// # Errors
/// `schema.unknown_field`, `schema.wrong_type`; `input.invalid_filter` for what goes along references, and for spans of
/// time and expressions.
pub(super) fn resolve_for_rule(
    entity: &Entity,
    condition: &Condition,
    phones: PhoneRegion,
) -> Result<Filter> {
    let parts = |parts: &[Condition]| -> Result<Vec<Filter>> {
        parts.iter().map(|part| resolve_for_rule(entity, part, phones)).collect()
    };
    Ok(match condition {
        Filter::Everything => Filter::Everything,
        Filter::All(all) => Filter::All(parts(all)?),
        Filter::Any(any) => Filter::Any(parts(any)?),
        Filter::Not(inner) => Filter::Not(Box::new(resolve_for_rule(entity, inner, phones)?)),
        Filter::IsNull(selector) => Filter::IsNull(selector.resolve(entity)?),
        Filter::In(selector, values) => {
            let field = selector.resolve(entity)?;
            let values = values.iter().map(|value| comparable(entity, field, (value, phones)));
            Filter::In(field, values.collect::<Result<_>>()?)
        }
        Filter::Compare(selector, comparison, value) => {
            let field = selector.resolve(entity)?;
            check_operator(entity, field, *comparison, value)?;
            Filter::Compare(field, *comparison, comparable(entity, field, (value, phones))?)
        }
        _ => {
            let error = Error::new(Code::InvalidFilter).entity(&entity.api_name);
            return Err(error.rule("rules count by the own fields of records"));
        }
    })
}

/// The calendar by which spans of time are worked out.
pub(super) struct Today {
    count: DayCount,
    zone: TimeZone,
}

impl Today {
    /// The day of a moment, by the settings of the organisation.
    pub fn of(now: Timestamp, settings: &Settings) -> Result<Self> {
        let (zone, week_start) = (settings.zone()?, settings.week_start()?);
        let fiscal_month = settings.fiscal_month()?;
        Ok(Self { count: DayCount { today: now.date_in(&zone), week_start, fiscal_month }, zone })
    }
}

/// Where a path along references ends: the references, the entity behind the last of them, and its field.
pub(crate) struct Path<'r> {
    /// The references, in their order.
    pub hops: Vec<FieldId>,
    /// The entity of the field.
    pub entity: &'r Entity,
    /// The field.
    pub field: FieldId,
}

impl<'r> Path<'r> {
    /// A field of an entity that the user sees; what a lookup looks up stands in its place, and is refused under
    /// the name of the lookup where the user does not see it.
    fn to(reader: &Reader<'r>, entity: &'r Entity, selector: &FieldSelector) -> Result<Self> {
        let field = reader.comparable(entity, selector)?;
        let Some(lookup) = entity.lookups().iter().find(|lookup| lookup.field == field) else {
            return Ok(Self { hops: Vec::new(), entity, field });
        };
        let beyond = reader.registry().entity_by_id(lookup.target)?;
        for (of, field) in [(entity, lookup.through), (beyond, lookup.far)] {
            let seen = reader.permit(of)?.check_field(field, selector.said());
            seen.map_err(|error| error.entity(&entity.api_name))?;
        }
        Ok(Self { hops: vec![lookup.through], entity: beyond, field: lookup.far })
    }
}

/// Follows a path, as far as the user sees it. A name with points in it is that of a field if the entity has one;
/// otherwise a reference stands before one of the points.
///
/// # Errors
/// `schema.unknown_field` naming the entity and what is not there, or is hidden from the user;
/// `access.field_not_permitted` for what is masked; `access.not_permitted` for an entity beyond a reference.
pub(crate) fn follow<'r>(reader: &Reader<'r>, entity: &'r Entity, name: &str) -> Result<Path<'r>> {
    let mut unknown = match Path::to(reader, entity, &name.into()) {
        Err(error) if error.code() == Code::UnknownField => error,
        found => return found,
    };
    for (place, _) in name.match_indices('.') {
        let (Some(front), Some(rest)) = (name.get(..place), name.get(place.saturating_add(1)..)) else {
            continue;
        };
        let hop = match reader.visible(entity, &front.into()) {
            Err(error) if error.code() == Code::UnknownField => {
                // Which reference of the path is hidden is told as little as that there is one.
                if let Some(happened) = error.concealed() {
                    unknown = unknown.concealing(happened);
                }
                continue;
            }
            seen => seen?,
        };
        let Ok(beyond) = target(reader.registry(), entity, hop) else { continue };
        let path = follow(reader, beyond, rest)?;
        let hops = std::iter::once(hop).chain(path.hops).collect();
        return Ok(Path { hops, ..path });
    }
    Err(unknown)
}

/// What conditions are resolved by.
pub(super) struct Resolver<'r> {
    /// Who asks: whatever is hidden from them is not there.
    pub reader: &'r Reader<'r>,
    pub today: Option<Today>,
    /// What expressions take for now.
    pub moment: Moment,
    /// How phone numbers without country code are read.
    pub phones: PhoneRegion,
}

impl Resolver<'_> {
    /// The condition with fields as numbers, values as the fields store them, and spans of time as days and
    /// moments.
    pub fn resolve(&self, entity: &Entity, condition: &Condition) -> Result<Filter> {
        condition.check()?;
        self.part(entity, condition).map_err(|error| error.entity(&entity.api_name))
    }

    fn part(&self, entity: &Entity, condition: &Condition) -> Result<Filter> {
        let parts = |parts: &[Condition]| -> Result<Vec<Filter>> {
            parts.iter().map(|part| self.part(entity, part)).collect()
        };
        match condition {
            Filter::Everything => Ok(Filter::Everything),
            Filter::All(all) => Ok(Filter::All(parts(all)?)),
            Filter::Any(any) => Ok(Filter::Any(parts(any)?)),
            Filter::Not(inner) => Ok(Filter::Not(Box::new(self.part(entity, inner)?))),
            Filter::Through(selector, inner) => self.at(entity, selector, |beyond, field| {
                let target = target(self.reader.registry(), beyond, field)?;
                Ok(Filter::Through(field, Box::new(self.part(target, inner)?)))
            }),
            Filter::Has(referring) => self.referring(entity, referring),
            Filter::IsNull(selector) => self.at(entity, selector, |_, field| Ok(Filter::IsNull(field))),
            Filter::Near(selector, circle) => self.at(entity, selector, |beyond, field| {
                check_place(beyond, field)?;
                Ok(Filter::Near(field, *circle))
            }),
            Filter::Holds(stated) => self.stated(entity, stated),
            Filter::HeldOn(day) => Ok(Filter::HeldOn(*day)),
            Filter::Under(selector, root) => {
                self.at(entity, selector, |_, field| Ok(Filter::Under(field, *root)))
            }
            Filter::Within(selector, period) => {
                self.at(entity, selector, |beyond, field| self.span(beyond, field, *period))
            }
            Filter::In(selector, values) => self.at(entity, selector, |beyond, field| {
                let values = values.iter().map(|value| comparable(beyond, field, (value, self.phones)));
                Ok(Filter::In(field, values.collect::<Result<_>>()?))
            }),
            Filter::Compare(selector, comparison, value) => self.at(entity, selector, |beyond, field| {
                check_operator(beyond, field, *comparison, value)?;
                Ok(Filter::Compare(field, *comparison, comparable(beyond, field, (value, self.phones))?))
            }),
        }
    }

    /// Records that refer to the one at hand. A symmetric link says the same of both ends: the record may stand at
    /// either, and what is said of the ends is said as seen from there.
    fn referring(&self, entity: &Entity, referring: &Referring<FieldSelector>) -> Result<Filter> {
        let beyond = self.reader.registry().entity(&referring.entity)?;
        let by = self.reader.visible(beyond, &referring.by)?;
        check_refers(self.reader.registry(), (beyond, by), entity)?;
        let named = |error: Error| error.entity(&beyond.api_name);
        let meets = self.part(beyond, &referring.meets).map_err(named)?;
        let has = |by: FieldId, meets: Filter| {
            Filter::Has(Box::new(Referring { entity: beyond.api_name.clone(), by, meets }))
        };
        let Some(across) = beyond.end_across(by) else { return Ok(has(by, meets)) };
        let turned = meets.exchanging(by, across).ok_or_else(|| {
            let rule = "an expression does not speak of the ends of a symmetric relation";
            named(Error::new(Code::InvalidFilter).rule(rule))
        })?;
        Ok(Filter::Any(vec![has(by, meets), has(across, turned)]))
    }

    /// An expression, beside what it says of single fields, which indexes answer.
    fn stated(&self, entity: &Entity, stated: &Stated) -> Result<Filter> {
        let expression = self.compiled(entity, stated.source())?;
        let bounds = expression.bounds(&self.moment);
        let parts = bounds.into_iter().map(filter_of).chain([Filter::Holds(Stated::compiled(expression))]);
        Ok(Filter::All(parts.collect()))
    }

    /// An expression over fields that the user sees: the others are as if they were not there.
    fn compiled(&self, entity: &Entity, source: &str) -> Result<Expression> {
        let compiled = compile_condition(source, &FieldNames::of(entity));
        let permit = self.reader.permit(entity)?;
        let is_seen = |expression: &Expression| expression.fields().iter().all(|field| permit.reads(*field));
        if !permit.hides_any() || compiled.as_ref().is_ok_and(is_seen) {
            return compiled;
        }
        let readable = self.reader.readable_fields(&entity.api_name)?;
        compile_condition(source, &FieldNames::shown(entity, &readable)).map_err(|told| match compiled {
            Err(error) if error.to_string() == told.to_string() => told,
            _ => told.concealing(Code::FieldNotPermitted),
        })
    }

    /// A condition on the field at the end of a path, from the entity at its beginning.
    fn at(
        &self,
        entity: &Entity,
        selector: &FieldSelector,
        make: impl FnOnce(&Entity, FieldId) -> Result<Filter>,
    ) -> Result<Filter> {
        let path = match selector {
            FieldSelector::Name(name) => follow(self.reader, entity, name)?,
            FieldSelector::Identity(_) => Path::to(self.reader, entity, selector)?,
        };
        let leaf = make(path.entity, path.field)?;
        Ok(path.hops.into_iter().rev().fold(leaf, |inner, hop| Filter::Through(hop, Box::new(inner))))
    }

    fn span(&self, entity: &Entity, field: FieldId, period: Period) -> Result<Filter> {
        let today = self.today.as_ref().ok_or_else(|| Error::new(Code::InvalidFilter).rule("within"))?;
        let (first, end) = period.days(&today.count)?;
        let is_moment = match entity.field_by_id(field).map(|field| &field.definition.kind) {
            Some(FieldType::Date) => false,
            Some(FieldType::DateTime) => true,
            Some(_) => {
                let name = entity.field_by_id(field).map_or("", |field| field.api_name.as_str());
                let refused = Error::new(Code::InvalidFilter).entity(&entity.api_name).field(name);
                return Err(refused.rule("within takes a day or a moment"));
            }
            None if matches!(SystemField::from_id(field), Some(SystemField::Owner | SystemField::Unit)) => {
                return Err(Error::new(Code::InvalidFilter).rule("within takes a day or a moment"));
            }
            None => true,
        };
        let bound = |day: Date| -> Result<Value> {
            if is_moment { day.start_in(&today.zone).map(Value::DateTime) } else { Ok(Value::Date(day)) }
        };
        Ok(Filter::All(vec![
            Filter::Compare(field, Comparison::GreaterOrEqual, bound(first)?),
            Filter::Compare(field, Comparison::Less, bound(end)?),
        ]))
    }
}

fn filter_of(bound: Bound) -> Filter {
    match bound {
        Bound::OneOfThese(sides) => Filter::Any(sides.into_iter().map(all_of).collect()),
        Bound::Missing(field) => Filter::IsNull(field),
        Bound::Present(field) => Filter::Not(Box::new(Filter::IsNull(field))),
        Bound::OneOf(field, values) => Filter::In(field, values),
        Bound::Compare(field, kind, value) => {
            let comparison = match kind {
                BoundKind::Equal => Comparison::Equal,
                BoundKind::Less => Comparison::Less,
                BoundKind::LessOrEqual => Comparison::LessOrEqual,
                BoundKind::Greater => Comparison::Greater,
                BoundKind::GreaterOrEqual => Comparison::GreaterOrEqual,
                BoundKind::StartsWith => Comparison::StartsWith,
            };
            Filter::Compare(field, comparison, value)
        }
    }
}

fn all_of(bounds: Vec<Bound>) -> Filter {
    let mut parts: Vec<Filter> = bounds.into_iter().map(filter_of).collect();
    match (parts.pop(), parts.is_empty()) {
        (Some(one), true) => one,
        (last, _) => Filter::All(parts.into_iter().chain(last).collect()),
    }
}

fn check_place(entity: &Entity, field: FieldId) -> Result<()> {
    match entity.field_by_id(field) {
        Some(field) if field.definition.kind == FieldType::GeoPoint => Ok(()),
        field => {
            let name = field.map_or("", |field| field.api_name.as_str());
            let refused = Error::new(Code::InvalidFilter).entity(&entity.api_name).field(name);
            Err(refused.rule("near takes a geo_point"))
        }
    }
}

fn check_operator(entity: &Entity, field: FieldId, comparison: Comparison, value: &Value) -> Result<()> {
    let of_text = matches!(comparison, Comparison::Contains | Comparison::StartsWith);
    let known = entity.field_by_id(field);
    let has_parts = known.is_some_and(|field| field.definition.kind.value_kind() == ValueKind::Map);
    let refused = |rule: &str| {
        let name = known.map_or("", |field| field.api_name.as_str());
        Err(Error::new(Code::InvalidFilter).entity(&entity.api_name).field(name).rule(rule))
    };
    match comparison {
        _ if of_text && value.as_text().is_none() => refused("contains and starts_with take text"),
        comparison if has_parts && comparison != Comparison::Equal => {
            refused("values of several parts are equal or not, and have no order")
        }
        _ => Ok(()),
    }
}

/// Text conditions look at any part of a text, so only whole values are normalised as stored.
fn comparable(entity: &Entity, field: FieldId, (value, phones): (&Value, PhoneRegion)) -> Result<Value> {
    let Some(field) = entity.field_by_id(field) else { return Ok(value.clone()) };
    match (&field.definition.kind, value) {
        (FieldType::Text | FieldType::Email, Value::Text(_)) => Ok(value.clone()),
        (kind, value) if kind.is_worked_out() => given(kind, value),
        (kind, value) if kind.is_many() => of_several(field, value.clone()),
        _ => normalize_value(field, value.clone(), phones),
    }
}

/// A value that what is worked out is compared with: of the kind that it gives.
fn given(kind: &FieldType, value: &Value) -> Result<Value> {
    match (kind.value_kind(), value) {
        (_, Value::Null) => Ok(Value::Null),
        (ValueKind::Decimal, Value::Int(number)) => Ok(Value::Decimal(Decimal::from(*number))),
        (gives, value) if value.kind() == gives => Ok(value.clone()),
        _ => Err(Error::new(Code::WrongType).rule(kind.name())),
    }
}

/// A value that one of several is compared with, as the field stores each of them.
fn of_several(field: &crate::schema::Field, value: Value) -> Result<Value> {
    let listed = if matches!(value, Value::List(_)) { value } else { Value::List(vec![value]) };
    match normalize_value(field, listed, PhoneRegion::INTERNATIONAL)? {
        Value::List(values) => Ok(values.into_iter().next().unwrap_or_default()),
        other => Ok(other),
    }
}

impl Condition {
    /// Some record of an entity, or link of a relation, refers by a field to the one that is asked for, and meets a
    /// condition on its own entity: of an account, `Condition::of_some("x.holding", "company", share)`. A symmetric
    /// relation may be asked by either of its sides, and is found from both.
    #[must_use]
    pub fn of_some(entity: &str, by: impl Into<FieldSelector>, condition: Self) -> Self {
        Filter::Has(Box::new(Referring { entity: entity.to_owned(), by: by.into(), meets: condition }))
    }

    /// A field that may refer to records of several entities refers to this one: `Condition::refers_to("x.about",
    /// "crm.account", id)`. A field that refers to one entity is compared with the bare id.
    #[must_use]
    pub fn refers_to(field: impl Into<FieldSelector>, entity: &str, record: RecordId) -> Self {
        Filter::Compare(field.into(), Comparison::Equal, RecordReference::new(entity, record).into())
    }

    /// No record of an entity, or link of a relation, refers by a field to the one that is asked for and meets a
    /// condition, as far as the reader sees them.
    #[must_use]
    pub fn of_none(entity: &str, by: impl Into<FieldSelector>, condition: Self) -> Self {
        Filter::Not(Box::new(Self::of_some(entity, by, condition)))
    }
}

impl<E: EntityType, F: EntityType> TypedField<E, Reference<F>> {
    /// Some record refers by this field to the one that is asked for, and meets a condition on its own entity: of
    /// an account, `contact::ACCOUNT.of_some(contact::EMAIL.is("lin@jiaxi.cn"))`.
    #[must_use]
    pub fn of_some(self, condition: Condition) -> Condition {
        Condition::of_some(E::NAME, self, condition)
    }

    /// No record refers by this field to the one that is asked for and meets a condition, as far as the reader
    /// sees them.
    #[must_use]
    pub fn of_none(self, condition: Condition) -> Condition {
        Filter::Not(Box::new(self.of_some(condition)))
    }

    /// The record referred to meets a condition on its own entity.
    #[must_use]
    pub fn to(self, condition: Condition) -> Condition {
        Filter::Through(self.into(), Box::new(condition))
    }
}

impl<E: EntityType, T: EntityTypes> TypedField<E, AnyReference<T>> {
    /// The field refers to this record.
    #[must_use]
    pub fn refers_to<F: EntityType>(self, record: Ref<F>) -> Condition {
        self.is(RecordReference::to(record))
    }
}

impl<E: EntityType> TypedField<E, Reference<E>> {
    /// The record is below another one along this field.
    #[must_use]
    pub fn under(self, root: impl Into<RecordId>) -> Condition {
        Filter::Under(self.into(), root.into())
    }
}

impl<E: EntityType, K: FieldKind> TypedField<E, K> {
    /// The field has this value.
    #[must_use]
    pub fn is(self, value: impl Into<K::Value>) -> Condition {
        self.compare(Comparison::Equal, value)
    }

    /// The field has another value, or none.
    #[must_use]
    pub fn is_not(self, value: impl Into<K::Value>) -> Condition {
        Filter::Not(Box::new(self.is(value)))
    }

    /// The field has one of these values.
    #[must_use]
    pub fn is_one_of(self, values: impl IntoIterator<Item = impl Into<K::Value>>) -> Condition {
        Filter::In(self.into(), values.into_iter().map(|value| value.into().into()).collect())
    }

    /// The day or moment lies in a span of time around now.
    #[must_use]
    pub fn within(self, period: Period) -> Condition {
        Filter::Within(self.into(), period)
    }

    /// The field has no value.
    #[must_use]
    pub fn is_empty(self) -> Condition {
        Filter::IsNull(self.into())
    }

    /// The field is at least this.
    #[must_use]
    pub fn at_least(self, value: impl Into<K::Value>) -> Condition {
        self.compare(Comparison::GreaterOrEqual, value)
    }

    /// The field is less than this.
    #[must_use]
    pub fn below(self, value: impl Into<K::Value>) -> Condition {
        self.compare(Comparison::Less, value)
    }

    /// Smallest first.
    #[must_use]
    pub fn ascending(self) -> (FieldSelector, crate::records::Direction) {
        (self.into(), crate::records::Direction::Ascending)
    }

    /// Largest first.
    #[must_use]
    pub fn descending(self) -> (FieldSelector, crate::records::Direction) {
        (self.into(), crate::records::Direction::Descending)
    }

    fn compare(self, comparison: Comparison, value: impl Into<K::Value>) -> Condition {
        Filter::Compare(self.into(), comparison, value.into().into())
    }
}
