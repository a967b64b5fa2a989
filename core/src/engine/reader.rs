//! Reading within a permit: by id, by list, by count, from a snapshot or from inside a transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{Action, Permit, Policy, Read, Showing};
use crate::base::{
    Code, Collation, Date, Error, FieldId, Locale, MAX_PAGE_ROWS, Patience, RecordId, Result, Timestamp,
    Value, locale_tag,
};
use crate::engine::audit_trail::Asked;
use crate::engine::condition::{Resolver, Today};
use crate::engine::slow::Watched;
use crate::engine::{Condition, Crm, FieldSelector, QueryKind, Settings};
use crate::records::{
    self, Counted, Direction, Explanation, ExternalId, FarPermits, Filter, GroupSum, Matcher, Moment,
    PageCursor, Query, Record, Sight, SortField, Total, target,
};
use crate::schema::{Entity, FieldName, FieldType, Registry, has_unparsed_phone, mask};
use crate::storage::Snapshot;

/// Rows of a walk that are entered together, where a policy asks for an entry of who read them.
const HANDED_OUT: usize = 256;

/// A stable view of the database through the eyes of one user.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) policy: &'a Arc<Policy>,
    pub(super) registry: &'a Arc<Registry>,
    pub(super) settings: &'a Settings,
    pub(super) user: RecordId,
    pub(super) locale: Locale,
    pub(super) patience: &'a Patience,
    /// The database, for its clock and its log of slow queries.
    pub(super) crm: &'a Crm,
    /// The moment by which spans of time are worked out.
    pub(super) now: Timestamp,
}

/// What to list, with fields by selector.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Find {
    /// Which records.
    pub filter: Condition,
    /// In which order.
    pub sort: Vec<(FieldSelector, Direction)>,
    /// How the texts among these fields sort. An index with this collation gives the order; without one, all
    /// records that the conditions leave are read.
    pub collation: Collation,
    /// The language, as a BCP 47 tag, in which texts that have a translation are told, and in which conditions and
    /// order take them; the texts themselves if none is said. No index knows translations, so conditions on them are
    /// held against records that are read.
    pub locale: Option<String>,
    /// Most rows of the page; 0 means 100.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<PageCursor>,
}

impl Find {
    /// Those alone that hold on a day, of an entity whose records hold on some days.
    #[must_use]
    pub fn valid_at(self, day: Date) -> Self {
        Self { filter: Filter::All(vec![self.filter, Filter::HeldOn(day)]), ..self }
    }
}

/// One page, with what is needed to read its rows.
#[derive(Debug)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Listing>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
}

/// One record as its reader may see it: hidden fields have no value.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The record.
    pub record: Record,
    registry: Arc<Registry>,
    /// The fields of which it has masks.
    masked: Vec<FieldId>,
}

impl PartialEq for Registry {
    fn eq(&self, other: &Self) -> bool {
        self.version() == other.version()
    }
}

impl Listing {
    /// The value of a field; [`Value::Null`] if it has none, or the reader may not see it.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn value(&self, field: impl Into<FieldSelector>) -> Result<Value> {
        let entity = self.registry.entity_by_id(self.record.entity)?;
        Ok(self.record.value(field.into().resolve(entity)?))
    }

    /// The names of the fields whose phone numbers did not parse and stand as they were written, as far as the
    /// reader sees them as they are.
    ///
    /// # Errors
    /// `schema.unknown_entity` if the plugin of its entity is gone.
    pub fn unparsed(&self) -> Result<Vec<String>> {
        let shown = self.entity()?.fields().iter().filter(|field| !self.masked.contains(&field.id()));
        let unparsed =
            shown.filter(|field| has_unparsed_phone(&field.definition.kind, &self.record.peek(field.id())));
        Ok(unparsed.map(|field| field.api_name.clone()).collect())
    }

    /// The text by which people know the record; empty if it has none.
    #[must_use]
    pub fn title(&self) -> String {
        let entity = self.registry.entity_by_id(self.record.entity);
        let title = entity.and_then(|entity| Ok(self.record.value(entity.title()?.id())));
        title.ok().and_then(|value| value.as_text().map(str::to_owned)).unwrap_or_default()
    }

    /// The entity of the record.
    ///
    /// # Errors
    /// `schema.unknown_entity` if its plugin is gone.
    pub fn entity(&self) -> Result<&Entity> {
        self.registry.entity_by_id(self.record.entity)
    }
}

/// How many records a group has, and what their fields come to.
pub(crate) struct GroupFigures {
    /// How many.
    pub count: u64,
    /// The sums, by field and currency.
    pub sums: BTreeMap<FieldId, Vec<GroupSum>>,
}

impl<'a> Reader<'a> {
    /// Whether the user may do an action on an entity at all.
    #[must_use]
    pub fn may(&self, entity: &str, action: Action) -> bool {
        self.registry
            .entity(entity)
            .is_ok_and(|entity| self.policy.permits(self.user, &entity.api_name, action))
    }

    /// A record.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`.
    pub fn get(&self, entity: &str, id: RecordId) -> Result<Listing> {
        let entity = self.registry.entity(entity)?;
        let permit = self.permit(entity)?;
        let record = self.stored(&permit, entity, id)?;
        self.opens(entity, &record)?;
        self.reads(entity, &[id], &Asked::by("get"))?;
        self.show_stored(&permit, entity, record, Showing::Detail)
    }

    /// A live record as it is stored, if the user sees it: of a link, if the user sees both ends.
    pub(super) fn stored(&self, permit: &Permit<Read>, entity: &Entity, id: RecordId) -> Result<Record> {
        let record = records::get(self.snapshot, permit, entity, id)?;
        self.check_ends(permit, entity, record)
    }

    /// A record, deleted or not, if the user sees it.
    pub(super) fn standing(&self, permit: &Permit<Read>, entity: &Entity, id: RecordId) -> Result<Record> {
        let record = records::get_standing(self.snapshot, permit, entity, id)?;
        self.check_ends(permit, entity, record)
    }

    /// As [`Reader::standing`], for who does not look at the record.
    pub(super) fn check_standing(&self, permit: &Permit<Read>, entity: &Entity, id: RecordId) -> Result<()> {
        match entity.ends() {
            // Its ends are among its values.
            Some(_) => self.standing(permit, entity, id).map(drop),
            None => records::check_standing(self.snapshot, permit, entity, id),
        }
    }

    fn check_ends(&self, permit: &Permit<Read>, entity: &Entity, record: Record) -> Result<Record> {
        match self.sees_ends(permit, entity, &record)? {
            true => Ok(record),
            false => Err(Error::new(Code::RecordNotFound).entity(&entity.api_name).record(record.id)),
        }
    }

    /// Whether the user sees both ends of a record, if it is a link.
    pub(super) fn sees_ends(&self, permit: &Permit<Read>, entity: &Entity, record: &Record) -> Result<bool> {
        if entity.ends().is_none() {
            return Ok(true);
        }
        let mut far = FarPermits::new();
        self.add_permits_of_ends(entity, &mut far);
        records::sees_ends(&self.sight(entity, permit, &far), record)
    }

    /// Whether [`Reader::get`] would find a record.
    pub(super) fn reaches(&self, entity: &str, id: RecordId) -> Result<bool> {
        let entity = self.registry.entity(entity)?;
        let permit = self.permit(entity)?;
        match entity.ends() {
            None => records::reaches(self.snapshot, &permit, entity, id),
            Some(_) => self.finds(&permit, entity, id),
        }
    }

    /// Whether the user sees a live record. A fault of the storage is no answer to that.
    fn finds(&self, permit: &Permit<Read>, entity: &Entity, id: RecordId) -> Result<bool> {
        Ok(found(self.stored(permit, entity, id))?.is_some())
    }

    /// One page of a list.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, also for a field that is hidden from the user;
    /// `access.field_not_permitted` for one that is masked, `access.not_permitted`, `input.invalid_filter`,
    /// `input.invalid_cursor`,
    /// `input.invalid_argument` for what is no BCP 47 tag, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn find(&self, entity: &str, find: &Find) -> Result<Page> {
        self.find_asked(entity, find, &Asked::by("list"))
    }

    /// As [`Reader::find`], for what is asked of the rows: they have these fields, if any are asked for.
    pub(super) fn find_asked(&self, entity: &str, find: &Find, asked: &Asked<'_>) -> Result<Page> {
        let entity = self.registry.entity(entity)?;
        let permit = self.permit(entity)?;
        let query = Query { fields: asked.fields.clone(), ..self.query_of(entity, find)? };
        let far = self.far_permits(entity, &query.filter)?;
        let language = language(find.locale.as_deref())?;
        let sight = self.sight(entity, &permit, &far).speaking(language.as_deref());
        let watched = Watched { kind: QueryKind::List, filter: &query.filter, sort: &query.sort };
        let page = self.watched(&sight, &watched, |sight| {
            records::find(sight, &query).map(|page| {
                let given = page.records.len();
                (page, u64::try_from(given).unwrap_or(u64::MAX))
            })
        });
        let page = page.map_err(|error| error.entity(&entity.api_name))?;
        let ids: Vec<RecordId> = page.records.iter().map(|record| record.id).collect();
        self.reads(entity, &ids, asked)?;
        let rows = page.records.into_iter().map(|mut record| {
            if !asked.fields.is_empty() {
                record.show_only(|field| asked.fields.contains(&field));
            }
            self.show(&permit, record, Showing::List)
        });
        Ok(Page { rows: rows.collect(), next: page.next })
    }

    /// How a list would be read.
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn explain(&self, entity: &str, find: &Find) -> Result<Explanation> {
        let entity = self.registry.entity(entity)?;
        let permit = self.permit(entity)?;
        let query = self.query_of(entity, find)?;
        let far = self.far_permits(entity, &query.filter)?;
        let language = language(find.locale.as_deref())?;
        records::explain(&self.sight(entity, &permit, &far).speaking(language.as_deref()), &query)
            .map_err(|error| error.entity(&entity.api_name))
    }

    /// How many records meet a condition.
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn count(&self, entity: &str, condition: &Condition) -> Result<u64> {
        Ok(self.count_up_to(entity, condition, Total::Exact)?.count)
    }

    /// How many records meet a condition, counted so far, and where the count comes from.
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn count_up_to(&self, entity: &str, condition: &Condition, total: Total) -> Result<Counted> {
        self.count_in(None, entity, condition, total)
    }

    /// How many records meet a condition whose texts are in a language, a BCP 47 tag, as those of
    /// [`Find::locale`].
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn count_in(
        &self,
        locale: Option<&str>,
        entity: &str,
        condition: &Condition,
        total: Total,
    ) -> Result<Counted> {
        let language = language(locale)?;
        let entity = self.registry.entity(entity)?;
        let permit = self.permit(entity)?;
        let filter = self.resolve(entity, condition, self.now)?;
        let far = self.far_permits(entity, &filter)?;
        let watched = Watched { kind: QueryKind::Count, filter: &filter, sort: &[] };
        let sight = self.sight(entity, &permit, &far).speaking(language.as_deref());
        let counted = self.watched(&sight, &watched, |sight| {
            records::count(sight, &filter, total).map(|counted| (counted, 0))
        });
        let counted = counted.map_err(|error| error.entity(&entity.api_name))?;
        self.reads(entity, &[], &Asked { rows: Some(counted.count), ..Asked::by("count") })?;
        Ok(counted)
    }

    /// Hands every record that meets a condition to a function, in no promised order.
    ///
    /// # Errors
    /// As [`Reader::find`], and what the function gives.
    pub fn scan(
        &self,
        entity: &str,
        condition: &Condition,
        visit: &mut dyn FnMut(Listing) -> Result<()>,
    ) -> Result<()> {
        let entity = self.registry.entity(entity)?;
        let permit = self.permit(entity)?;
        let filter = self.resolve(entity, condition, self.now)?;
        let far = self.far_permits(entity, &filter)?;
        let watched = Watched { kind: QueryKind::Scan, filter: &filter, sort: &[] };
        // Rows wait for their entry where a policy asks for one, and for nothing where none does.
        let hand = if self.settings.read_policy(entity).is_some() { HANDED_OUT } else { 1 };
        self.watched(&self.sight(entity, &permit, &far), &watched, |sight| {
            let mut given = 0_u64;
            let mut waiting = Vec::new();
            records::scan_all(sight, &filter, &mut |record| {
                given = given.saturating_add(1);
                waiting.push(self.show(&permit, record.clone(), Showing::List));
                if waiting.len() < hand { Ok(()) } else { self.hand_out(entity, &mut waiting, visit) }
            })?;
            self.hand_out(entity, &mut waiting, visit)?;
            Ok(((), given))
        })
    }

    /// Enters that rows are read, and hands them out.
    fn hand_out(
        &self,
        entity: &Entity,
        waiting: &mut Vec<Listing>,
        visit: &mut dyn FnMut(Listing) -> Result<()>,
    ) -> Result<()> {
        let ids: Vec<RecordId> = waiting.iter().map(|row| row.record.id).collect();
        self.reads(entity, &ids, &Asked::by("scan"))?;
        waiting.drain(..).try_for_each(visit)
    }

    /// Hands groups of records that meet a condition to a function, if counters know the fields that tell
    /// the groups apart and those that are summed; says whether they do. No record is read then. Each group
    /// has a row that stands for its records and has their values in the fields that tell them apart.
    ///
    /// # Errors
    /// As [`Reader::find`], and what the function gives.
    pub(crate) fn groups(
        &self,
        entity: &str,
        condition: &Condition,
        fields: (&[FieldId], &[FieldId]),
        visit: &mut dyn FnMut(Listing, GroupFigures) -> Result<()>,
    ) -> Result<bool> {
        let entity = self.registry.entity(entity)?;
        let permit = self.permit(entity)?;
        let filter = self.resolve(entity, condition, self.now)?;
        let far = self.far_permits(entity, &filter)?;
        let watched = Watched { kind: QueryKind::Group, filter: &filter, sort: &[] };
        self.watched(&self.sight(entity, &permit, &far), &watched, |sight| {
            let (mut given, mut counted) = (0_u64, 0_u64);
            let known = records::groups(sight, &filter, fields, &mut |group| {
                given = given.saturating_add(1);
                counted = counted.saturating_add(group.count);
                let figures = GroupFigures { count: group.count, sums: group.sums };
                visit(self.show(&permit, group.record, Showing::List), figures)
            })?;
            self.reads(entity, &[], &Asked { rows: Some(counted), ..Asked::by("groups") })?;
            Ok((known, given))
        })
    }

    /// What a question over rows of one entity is decided by, row by row, inside of a function.
    ///
    /// # Errors
    /// As [`Reader::find`], and what the function gives.
    pub(crate) fn matching<T>(
        &self,
        entity: &Entity,
        conditions: &[&Condition],
        then: impl FnOnce(&[Matcher<'_>]) -> Result<T>,
    ) -> Result<T> {
        let permit = self.permit(entity)?;
        let filters = conditions.iter().map(|condition| self.resolve(entity, condition, self.now));
        let filters: Vec<Filter> = filters.collect::<Result<_>>()?;
        let mut far = FarPermits::new();
        for filter in &filters {
            far.extend(self.far_permits(entity, filter)?);
        }
        let sight = self.sight(entity, &permit, &far);
        let matchers = filters.iter().map(|filter| Matcher::new(&sight, filter));
        then(&matchers.collect::<Result<Vec<_>>>()?)
    }

    /// The record that another system knows by a key, if the user may see it.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn find_by_external_id(&self, entity: &str, source: &str, key: &str) -> Result<Option<Listing>> {
        let known = self.registry.entity(entity)?;
        let external = ExternalId { source: source.to_owned(), key: key.to_owned() };
        match records::find_by_external_id(self.snapshot, known.id(), &external)? {
            Some(id) => found(self.get(entity, id)),
            None => Ok(None),
        }
    }

    /// The records whose title equals a text (compared folded), at most two: enough to tell one from many.
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn find_by_title(&self, entity: &str, title: &str) -> Result<Vec<RecordId>> {
        let known = self.registry.entity(entity)?;
        let field = known.title()?;
        self.check_field(known, field.id())?;
        let value = Value::from(title);
        if field.finds_one() {
            let permit = self.permit(known)?;
            return match records::find_unique(self.snapshot, known.id(), field.id(), &value)? {
                Some(id) if self.finds(&permit, known, id)? => Ok(vec![id]),
                _ => Ok(Vec::new()),
            };
        }
        let filter =
            Filter::Compare(FieldSelector::Name(field.api_name.clone()), records::Comparison::Equal, value);
        let page = self.find(entity, &Find { filter, limit: 2, ..Find::default() })?;
        Ok(page.rows.into_iter().map(|row| row.record.id).collect())
    }

    /// An id that no record has.
    pub(crate) fn new_id(&self) -> RecordId {
        self.crm.new_id()
    }

    /// The registry of this view.
    #[must_use]
    pub fn registry(&self) -> &'a Arc<Registry> {
        self.registry
    }

    /// The language of the session.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// The settings of the organisation.
    #[must_use]
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// The fields of an entity that the user may see.
    ///
    /// # Errors
    /// `access.not_permitted`, `schema.unknown_entity`.
    pub fn shown_fields(&self, entity: &str) -> Result<Vec<FieldId>> {
        let entity = self.registry.entity(entity)?;
        let permit = self.permit(entity)?;
        Ok(entity.fields().iter().map(crate::schema::Field::id).filter(|id| permit.shows(*id)).collect())
    }

    /// The fields of an entity of which the user sees something: values, or masks of them.
    ///
    /// # Errors
    /// As [`Reader::shown_fields`].
    pub fn readable_fields(&self, entity: &str) -> Result<Vec<FieldId>> {
        let entity = self.registry.entity(entity)?;
        let permit = self.permit(entity)?;
        Ok(entity.fields().iter().map(crate::schema::Field::id).filter(|id| permit.reads(*id)).collect())
    }

    /// The number of a field of which the user sees something: its values, or masks of them.
    ///
    /// # Errors
    /// `schema.unknown_field`, alike for a name that no field has and for one of a field that is hidden;
    /// `access.not_permitted`.
    pub fn readable(&self, entity: &Entity, selector: &FieldSelector) -> Result<FieldId> {
        let permit = self.permit(entity)?;
        let field = selector.resolve(entity)?;
        permit.check_reads(field, selector.said()).map_err(|error| error.entity(&entity.api_name))?;
        Ok(field)
    }

    /// The number of a field by whose values the user may ask.
    ///
    /// # Errors
    /// As [`Reader::readable`]; `access.field_not_permitted` for a field that is masked.
    pub fn visible(&self, entity: &Entity, selector: &FieldSelector) -> Result<FieldId> {
        let permit = self.permit(entity)?;
        let field = selector.resolve(entity)?;
        permit.check_field(field, selector.said()).map_err(|error| error.entity(&entity.api_name))?;
        Ok(field)
    }

    /// The number of a field by whose values records are compared, sorted or put together.
    ///
    /// # Errors
    /// As [`Reader::visible`]; `storage.newer_format` for a field that only a newer engine understands.
    pub fn comparable(&self, entity: &Entity, selector: &FieldSelector) -> Result<FieldId> {
        let field = self.visible(entity, selector)?;
        match entity.field_by_id(field).map(|field| &field.definition.kind) {
            Some(FieldType::Opaque(opaque)) => {
                let refused = Error::new(Code::NewerFormat).entity(&entity.api_name).field(selector.said());
                Err(refused.rule(&format!("type {}", opaque.said)))
            }
            _ => Ok(field),
        }
    }

    /// Refuses a field whose values the user may not see.
    ///
    /// # Errors
    /// `schema.unknown_field`; `access.field_not_permitted` for a field that is masked;
    /// `access.not_permitted`.
    pub fn check_field(&self, entity: &Entity, field: FieldId) -> Result<()> {
        let name = entity.field_by_id(field).map_or("", |field| field.api_name.as_str());
        self.permit(entity)?.check_field(field, name).map_err(|error| error.entity(&entity.api_name))
    }

    pub(super) fn permit(&self, entity: &Entity) -> Result<Permit<Read>> {
        self.policy.decide::<Read>(self.user, entity.id(), &entity.api_name)
    }

    /// The order of a list, by fields that the user sees.
    pub(super) fn order_of(&self, entity: &Entity, find: &Find) -> Result<Vec<SortField>> {
        let sort = find.sort.iter().map(|(field, direction)| {
            let field = self.comparable(entity, field)?;
            let collation = entity.collation_of(field, find.collation);
            Ok(SortField { field, direction: *direction, collation })
        });
        sort.collect()
    }

    fn query_of(&self, entity: &Entity, find: &Find) -> Result<Query> {
        let limit = if find.limit == 0 { 100 } else { find.limit.min(MAX_PAGE_ROWS) };
        let at = find.after.as_ref().map_or(self.now, PageCursor::at);
        Ok(Query {
            filter: self.resolve(entity, &find.filter, at)?,
            sort: self.order_of(entity, find)?,
            limit,
            fields: BTreeSet::new(),
            after: find.after.clone(),
            at,
        })
    }

    pub(super) fn resolve(&self, entity: &Entity, condition: &Condition, at: Timestamp) -> Result<Filter> {
        let today = condition.has_span().then(|| Today::of(at, self.settings)).transpose()?;
        // Only spans of time and expressions ask for the day, which takes a look at the zone.
        let moment = if condition.has_span() { self.settings.moment(at)? } else { Moment::ANY };
        let phones = self.crm.phone_region();
        Resolver { reader: self, today, moment, phones }.resolve(entity, condition)
    }

    pub(super) fn sight<'s>(
        &'s self,
        entity: &'s Entity,
        permit: &'s Permit<Read>,
        far: &'s FarPermits,
    ) -> Sight<'s> {
        // Only formulas ask for the day, which takes a look at the zone. That was checked when it was set.
        let has_formulas = entity.formulas().next().is_some() || !far.is_empty();
        let moment = has_formulas.then(|| self.settings.moment(self.now).ok()).flatten();
        let moment = moment.unwrap_or(Moment::ANY);
        Sight::new(self.snapshot, self.registry, entity, permit, self.patience).with_far(far).at(moment)
    }

    /// The permits for entities that a condition comes to along references.
    pub(super) fn far_permits(&self, entity: &Entity, filter: &Filter) -> Result<FarPermits> {
        let mut far = FarPermits::new();
        self.add_permits_of_links(entity, &mut far);
        self.add_far_permits(entity, filter, &mut far)?;
        Ok(far)
    }

    /// The permits for entities that lookups and rollups lead to, as far as the user has them.
    fn add_permits_of_links(&self, entity: &Entity, far: &mut FarPermits) {
        let lookups = entity.lookups().iter().map(|lookup| lookup.target);
        let rollups = entity.rollups().iter().map(|rollup| rollup.child);
        for target in lookups.chain(rollups) {
            let Ok(beyond) = self.registry.entity_by_id(target) else { continue };
            if let Ok(permit) = self.permit(beyond) {
                far.insert(target, permit);
            }
            self.add_permits_of_ends(beyond, far);
        }
        self.add_permits_of_ends(entity, far);
    }

    /// The permits for the entities at the ends of links, as far as the user has them.
    fn add_permits_of_ends(&self, entity: &Entity, far: &mut FarPermits) {
        let Some(ends) = entity.ends() else { return };
        let fields = [ends.from, ends.to].into_iter().filter_map(|field| entity.field_by_id(field));
        for name in fields.flat_map(|field| field.definition.kind.targets()) {
            let Ok(beyond) = self.registry.entity(name) else { continue };
            if let Ok(permit) = self.permit(beyond) {
                far.insert(beyond.id(), permit);
            }
        }
    }

    fn add_far_permits(&self, entity: &Entity, filter: &Filter, far: &mut FarPermits) -> Result<()> {
        match filter {
            Filter::All(parts) | Filter::Any(parts) => {
                parts.iter().try_for_each(|part| self.add_far_permits(entity, part, far))
            }
            Filter::Not(inner) => self.add_far_permits(entity, inner, far),
            Filter::Has(referring) => {
                let beyond = self.registry.entity(&referring.entity)?;
                far.insert(beyond.id(), self.permit(beyond)?);
                self.add_permits_of_links(beyond, far);
                self.add_far_permits(beyond, &referring.meets, far)
            }
            Filter::Through(field, inner) => {
                let beyond = target(self.registry, entity, *field)?;
                far.insert(beyond.id(), self.permit(beyond)?);
                self.add_permits_of_links(beyond, far);
                self.add_far_permits(beyond, inner, far)
            }
            _ => Ok(()),
        }
    }

    /// The day of now, by the zone of the organisation.
    ///
    /// # Errors
    /// Never where the settings are right.
    pub fn today(&self) -> Result<Date> {
        Ok(self.moment()?.today)
    }

    /// The moment that expressions take for now.
    pub(super) fn moment(&self) -> Result<Moment> {
        self.settings.moment(self.now)
    }

    /// A record as it is stored, with what follows from it and from others worked out.
    pub(super) fn show_stored(
        &self,
        permit: &Permit<Read>,
        entity: &Entity,
        mut record: Record,
        showing: Showing,
    ) -> Result<Listing> {
        let far = self.far_permits(entity, &Filter::Everything)?;
        records::complete(&self.sight(entity, permit, &far), &mut record)?;
        Ok(self.show(permit, record, showing))
    }

    /// A record that a query has read, which works out itself what is not stored: without what its reader may not
    /// see, and with masks in place of what the reader may not see as it is.
    fn show(&self, permit: &Permit<Read>, mut record: Record, showing: Showing) -> Listing {
        let class = record.envelope.access_class();
        let hidden = permit.hidden_in(&class);
        if !hidden.is_empty() {
            record.show_only(|field| !hidden.contains(&field));
        }
        let mut hidden = Vec::new();
        let mut masked = permit.masked_in(&class, showing).peekable();
        if masked.peek().is_some()
            && let Ok(entity) = self.registry.entity_by_id(record.entity)
        {
            for field in masked.filter_map(|field| entity.field_by_id(field)) {
                let (form, kind) = (field.definition.mask, &field.definition.kind);
                record.mask(field.id(), |value| mask(form, kind, value));
                hidden.push(field.id());
            }
        }
        Listing { record, registry: Arc::clone(self.registry), masked: hidden }
    }
}

/// A language that a caller asks for.
pub(super) fn language(locale: Option<&str>) -> Result<Option<String>> {
    locale.map(locale_tag).transpose()
}

/// Whether a user does not see a record now, for whatever reason.
pub(super) fn is_out_of_reach(code: Code) -> bool {
    matches!(code, Code::RecordNotFound | Code::RecordPurged | Code::NotPermitted | Code::ModuleOff)
}

/// What was read, or nothing where it is not there or not seen; every other error stays one.
pub(super) fn found<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(error) if matches!(error.code(), Code::RecordNotFound | Code::RecordPurged) => Ok(None),
        read => read.map(Some),
    }
}

/// The name of a system or registry field, or of what an entry says of an attachment, for output.
pub(crate) fn field_name(entity: &Entity, field: FieldId) -> String {
    let of_attachments = || records::ATTACHMENT_FIELDS.into_iter().find(|(known, _)| *known == field);
    let of_notes = || records::note_name(field);
    match records::entered_name(field).or_else(|| of_attachments().map(|(_, name)| name)).or_else(of_notes) {
        Some(name) => name.to_owned(),
        None => entity.field_by_id(field).map(|field| field.api_name.clone()).unwrap_or_default(),
    }
}

impl From<FieldName<'static>> for FieldSelector {
    fn from(name: FieldName<'static>) -> Self {
        Self::Identity(name)
    }
}
