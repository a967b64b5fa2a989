//! Searching as a session: what it may see, from the index and once more from the records.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::attached::{MOST_HITS, in_attachments};
use super::feed::{Feed, SearchProgress};
use super::highlight::{highlight, marks};
use super::index::{Hit, Hits, Index, Page};
use super::making::is_searchable;
use super::query::{Boosts, FieldNames, Query};
use super::syntax::{Comparison, Fault, Node, Parsed, parse};
use super::visibility::Visibility as Sees;
use crate::base::{Code, EntityId, Error, FieldId, MAX_PAGE_ROWS, RecordId, Result, Value, ValueKind};
use crate::engine::{
    ATTACHED, Action, ClassId, Comparison as Comparing, Condition, Direction, FieldSelector, Listing, Met,
    Session, SystemField, Visibility, compare_values,
};
use crate::schema::{Entity, parse_as, parse_text};

/// The name by which a word is sought in attachments alone.
pub(super) const ATTACHMENT: &str = "attachment";
/// Most values of a facet.
const MAX_FACET_VALUES: usize = 100;

/// A text of a hit, and the parts of it that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highlight {
    /// The field's API name.
    pub field: String,
    /// The text of the field.
    pub text: String,
    /// Byte ranges of the text that match, in rising order, on character boundaries.
    pub ranges: Vec<Range<usize>>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// The record as the session sees it.
    pub listing: Listing,
    /// Where the query matches; a match by pinyin or misspelling marks nothing. Where it matches in an attachment alone,
    /// a piece of its text, under the field that names it or `attachment`.
    pub highlights: Vec<Highlight>,
}

/// How often a field has each value among the records that were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Facet {
    /// The field's API name.
    pub field: String,
    /// Value and number of records, the most frequent first, at most 100; a missing value is [`Value::Null`].
    pub values: Vec<(Value, u64)>,
}

/// One page of what was found, best first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchPage {
    /// The hits.
    pub hits: Vec<SearchHit>,
    /// How many there are in all, of those the session may see.
    pub total: u64,
    /// How many of them are of each entity, by its API name.
    pub entities: BTreeMap<String, u64>,
    /// The facets that were asked for, in their order.
    pub facets: Vec<Facet>,
    /// Whether hits match only with something misspelt or left out.
    pub near: bool,
    /// The text with misspelt words put right, where that is how hits were found.
    pub corrected: Option<String>,
    /// What in the text made no sense, by its place.
    pub faults: Vec<Fault>,
    /// The text as it was read.
    pub read_as: String,
    /// How far the index has come, where it is being made anew or very much was written: records that it does not
    /// have yet are not found. Each search brings it forward. Who does not administer everything is told of the records
    /// within reach, about.
    pub incomplete: Option<SearchProgress>,
}

/// Hits, and how far the index was that gave them.
pub(super) struct Answered {
    /// The hits.
    pub(super) hits: Hits,
    /// How far.
    pub(super) behind: Option<SearchProgress>,
}

/// What is searched for, beyond a text.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// What was typed. Words, `"a phrase"`, `-unwanted`, `a OR b`, `(groups)`, `field:word`, `beginning*`, and of one
    /// entity comparisons of fields, `amount:>1000`, `created_at:2026-01-01T00:00:00Z..`.
    pub text: String,
    /// One entity by API name; all that the session may read where none is said.
    pub entity: Option<String>,
    /// A condition that hits meet, too; it takes an entity.
    pub filter: Condition,
    /// The order, by fields of the entity; the best first where none is said.
    pub sort: Vec<(FieldSelector, Direction)>,
    /// Fields of the entity whose values are counted.
    pub facets: Vec<FieldSelector>,
    /// Words that stand for each other, in groups, beside those of the setting `search.synonyms`.
    pub synonyms: Vec<Vec<String>>,
    /// What hits of an entity count, by its API name; 1 where it is not said.
    pub weights: Vec<(String, f32)>,
    /// What is added for a record that was changed now, as a part of its score, half of it after 30 days.
    pub recent: f32,
    /// What is added for the session's own records, as a part of their score.
    pub own: f32,
    /// Whether records that have only some of the words are found where none has all.
    pub closest: bool,
    /// Most hits of the page.
    pub limit: usize,
    /// Hits to pass over.
    pub offset: usize,
}

impl SearchRequest {
    /// A text in every entity, twenty hits.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            entity: None,
            filter: Condition::Everything,
            sort: Vec::new(),
            facets: Vec::new(),
            synonyms: Vec::new(),
            weights: Vec::new(),
            recent: 0.0,
            own: 0.0,
            closest: false,
            limit: 20,
            offset: 0,
        }
    }
}

impl Sees for Visibility {
    fn allows(&self, kind: u32, class: u32) -> bool {
        self.scopes.get(&EntityId::new(kind)).is_some_and(|scope| scope.holds(ClassId::new(class)))
    }

    fn singly(&self) -> Vec<(u32, RecordId)> {
        let scopes = self.scopes.iter();
        scopes.flat_map(|(kind, scope)| scope.singly.iter().map(|record| (kind.number(), *record))).collect()
    }

    fn reads(&self, kind: u32, field: u32) -> bool {
        self.scopes.get(&EntityId::new(kind)).is_some_and(|scope| scope.shows(FieldId::new(field)))
    }

    fn number(&self) -> Option<u64> {
        Some(self.number)
    }
}

/// Most people of whom the names of fields are kept.
const MAX_NAMES: usize = 2_000;
/// How many of them new names are held against.
const MOST_COMPARED: usize = 64;

/// The names of the fields that people may read, by the number of what they see. Those who see the same fields share
/// them.
#[derive(Default)]
struct Names(Mutex<HashMap<u64, Arc<FieldNames>>>);

impl Names {
    fn of(&self, visibility: &Visibility, with_system: bool) -> Result<Arc<FieldNames>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = kept.get(&visibility.number) {
            return Ok(Arc::clone(names));
        }
        let names = field_names(visibility, with_system)?;
        let alike = kept.values().take(MOST_COMPARED).find(|known| ***known == names).cloned();
        let names = alike.unwrap_or_else(|| Arc::new(names));
        if kept.len() >= MAX_NAMES {
            kept.clear();
        }
        kept.insert(visibility.number, Arc::clone(&names));
        Ok(names)
    }
}

/// Every field that may be read by its name, with the fields of that name that are searched.
fn field_names(visibility: &Visibility, with_system: bool) -> Result<FieldNames> {
    let mut names = FieldNames::new();
    for (kind, scope) in &visibility.scopes {
        let entity = visibility.registry.entity_by_id(*kind)?;
        for field in entity.fields().iter().filter(|field| scope.shows(field.id())) {
            let pair = (kind.number(), field.id().number());
            let searched = field.definition.search.map(|_| pair);
            names.entry(field.api_name.to_lowercase()).or_default().extend(searched);
        }
        if is_searchable(entity) {
            let attached = (kind.number(), ATTACHED.number());
            names.entry(ATTACHMENT.to_owned()).or_default().push(attached);
        }
        if with_system {
            for (_, name) in SystemField::ALL {
                names.entry(name.to_lowercase()).or_default();
            }
        }
    }
    Ok(names)
}

impl Session {
    /// Searches every entity that the session may read, or one. What the session has committed is found
    /// by its next search. Every word must match: Chinese by any fragment, Latin words whole or by the
    /// beginning of the last one, numbers by fragments, names by pinyin and any of their letters too.
    ///
    /// # Errors
    /// As [`Session::search_with`].
    pub fn search(
        &self,
        text: &str,
        entity: Option<&str>,
        limit: usize,
        offset: usize,
    ) -> Result<SearchPage> {
        let entity = entity.map(str::to_owned);
        self.search_with(&SearchRequest { entity, limit, offset, ..SearchRequest::new(text) })
    }

    /// Searches as [`Session::search`], with signs in the text, a condition, an order, facets, synonyms and boosts.
    /// With a condition, an order or facets at most 10,000 records may match the words.
    ///
    /// # Errors
    /// `input.invalid_argument` for an empty text, `input.limit_exceeded`, `schema.unknown_entity`,
    /// `access.not_permitted` for an entity that the session may not read, `input.missing_parameter` for a
    /// condition, an order or facets without an entity, those of [`Session::query`] for these, `engine.cancelled`.
    pub fn search_with(&self, request: &SearchRequest) -> Result<SearchPage> {
        let only = self.readable_entity(request.entity.as_deref())?;
        let visibility = self.visibility(only)?;
        let query = self.query_of(request, only, &visibility)?;
        let parsed = match parse(&query) {
            Ok(parsed) => parsed,
            // A text of signs alone asks for nothing, and finds nothing.
            Err(error) if error.code() == Code::NothingMatches => return Ok(SearchPage::default()),
            Err(error) => return Err(error),
        };
        let page = if self.is_narrowed(request, &parsed) {
            self.narrowed(request, &query, parsed, &visibility)?
        } else {
            let shown = Page { limit: request.limit, offset: request.offset };
            let hits = self.hits(&query, &parsed, &visibility, shown)?;
            self.show(hits, parsed, Some(&visibility))?
        };
        Ok(page)
    }

    /// Texts that complete what was typed: titles of records that the session may see, the best first, at most
    /// `limit`.
    ///
    /// # Errors
    /// As [`Session::search_with`].
    pub fn complete(&self, text: &str, entity: Option<&str>, limit: usize) -> Result<Vec<Listing>> {
        let only = self.readable_entity(entity)?;
        let visibility = self.visibility(only)?;
        let request = SearchRequest { limit: limit.min(MAX_PAGE_ROWS), ..SearchRequest::new(text) };
        let registry = self.crm().registry();
        let mut titles = Vec::new();
        for kind in visibility.scopes.keys() {
            let entity = registry.entity_by_id(*kind)?;
            titles.push((kind.number(), entity.title()?.id().number()));
        }
        let query = self.query_of(&request, only, &visibility)?.only(&titles);
        let parsed = match parse(&query) {
            Ok(parsed) => parsed,
            Err(error) if error.code() == Code::NothingMatches => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let hits = self.hits(&query, &parsed, &visibility, Page { limit: request.limit, offset: 0 })?;
        let page = self.show(hits, parsed, None)?;
        Ok(page.hits.into_iter().map(|hit| hit.listing).collect())
    }

    /// Takes out of the search index what it still holds of records that were changed, deleted or erased: it writes
    /// those parts of the index anew, and gives their number. Without it they are written anew as the index grows.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.io`, after which the index is made
    /// anew at the next search; `engine.cancelled`.
    pub fn purge_search(&self) -> Result<u64> {
        self.check_may("sys.role", Action::Administer)?;
        Feed::of(self.crm())?.purge(self.crm(), self.patience())
    }

    /// How far the search index has come, where it is behind; nothing where it is complete.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.io`.
    pub fn search_progress(&self) -> Result<Option<SearchProgress>> {
        self.check_may("sys.role", Action::Administer)?;
        Feed::of(self.crm())?.progress(self.crm())
    }

    /// Brings the search index up to date and makes it durable, however far it is behind, as long as the session has
    /// patience; what was done until then stays done. Others search meanwhile.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.io`; `engine.cancelled`,
    /// `engine.deadline_exceeded`.
    pub fn settle_search(&self) -> Result<()> {
        self.check_may("sys.role", Action::Administer)?;
        let feed = Feed::of(self.crm())?;
        feed.complete(self.crm(), self.patience())?.index.settle()?;
        feed.compact()
    }

    /// The one entity that is searched, which the session may read; nothing where all are.
    pub(super) fn readable_entity(&self, name: Option<&str>) -> Result<Option<EntityId>> {
        let Some(name) = name else { return Ok(None) };
        self.check_may(name, Action::Read)?;
        Ok(Some(self.crm().registry().entity(name)?.id()))
    }

    fn is_narrowed(&self, request: &SearchRequest, parsed: &Parsed) -> bool {
        request.filter != Condition::Everything
            || !request.sort.is_empty()
            || !request.facets.is_empty()
            || !parsed.comparisons.is_empty()
    }

    /// The question of a request.
    fn query_of(
        &self,
        request: &SearchRequest,
        only: Option<EntityId>,
        visibility: &Visibility,
    ) -> Result<Query> {
        let registry = self.crm().registry();
        let mut query = self.question(&request.text, &request.synonyms, only, visibility)?;
        if request.closest {
            query = query.closest();
        }
        let mut boosts =
            Boosts { recent: request.recent.max(0.0), now: self.crm().now().micros(), ..Boosts::default() };
        for (name, weight) in &request.weights {
            boosts.entities.insert(registry.entity(name)?.id().number(), weight.max(0.0));
        }
        let mut fields = BTreeMap::new();
        for (name, weight) in self.crm().search_weights() {
            if let Ok(entity) = registry.entity(&name) {
                *boosts.entities.entry(entity.id().number()).or_insert(1.0) *= weight;
            } else if let Some((entity, field)) = name.rsplit_once('.')
                && let Ok(entity) = registry.entity(entity)
                && let Ok(field) = entity.field(field.into())
            {
                fields.insert((entity.id().number(), field.id().number()), weight);
            }
        }
        query = query.field_weights(fields);
        boosts.owned = (request.own > 0.0).then(|| (*self.user().as_bytes(), request.own));
        Ok(query.boosts(boosts))
    }

    /// A text as a question to an index, with the names of the fields that the session may read.
    pub(super) fn question(
        &self,
        text: &str,
        synonyms: &[Vec<String>],
        only: Option<EntityId>,
        visibility: &Visibility,
    ) -> Result<Query> {
        let synonyms = [self.crm().synonyms().as_slice(), synonyms].concat();
        let names = self.crm().slot(|| Ok(Names::default()))?.of(visibility, only.is_some())?;
        let mut query = Query::new(text).synonyms(&synonyms).named(names);
        if let Some(kind) = only {
            query = query.within(&[kind.number()]);
        }
        Ok(query)
    }

    fn hits(&self, query: &Query, parsed: &Parsed, visibility: &Visibility, page: Page) -> Result<Answered> {
        self.answered(|index| index.find(query, parsed.node.as_ref(), visibility, page))
    }

    /// What the index answers, and how far it has come where it is not complete.
    pub(super) fn answered(&self, ask: impl Fn(&Index) -> Result<Hits>) -> Result<Answered> {
        let feed = Feed::of(self.crm())?;
        let once = || -> Result<(Result<Answered>, bool)> {
            let state = feed.caught_up(self.crm(), self.patience())?;
            let behind = state.behind(self.crm())?;
            let hits = ask(&state.index);
            Ok((hits.map(|hits| Answered { hits, behind }), state.index.reached().is_none()))
        };
        let Answered { hits, behind } = match once()? {
            // The index was found damaged while it answered: it is made anew, and asked once more.
            (Err(_), true) => once()?.0,
            (hits, _) => hits,
        }?;
        let behind = behind.map(|progress| self.progress_told(progress)).transpose()?;
        Ok(Answered { hits, behind })
    }

    /// How far the index is as the session is told: how many records there are in all is for administrators, and to
    /// others the same part of those that they see.
    fn progress_told(&self, progress: SearchProgress) -> Result<SearchProgress> {
        self.read(|reader| {
            if reader.may("sys.role", Action::Administer) {
                return Ok(progress);
            }
            let mut total = 0_u64;
            for entity in reader.registry().entities().iter().filter(|entity| is_searchable(entity)) {
                if reader.may(&entity.api_name, Action::Read) {
                    total = total.saturating_add(reader.count(&entity.api_name, &Condition::Everything)?);
                }
            }
            Ok(progress.of(total))
        })
    }

    /// Hits that meet a condition, in an order, with facets: those of the words are read and held against it.
    fn narrowed(
        &self,
        request: &SearchRequest,
        query: &Query,
        mut parsed: Parsed,
        visibility: &Visibility,
    ) -> Result<SearchPage> {
        let missing = || Error::new(Code::MissingParameter).field("entity").rule("one entity is searched");
        let name = request.entity.as_deref().ok_or_else(missing)?;
        let registry = self.crm().registry();
        let entity = registry.entity(name)?;
        if parsed.node.is_none() {
            let rule = "a comparison stands beside a word";
            return Err(Error::new(Code::InvalidArgument).field("text").rule(rule));
        }
        let mut conditions = vec![request.filter.clone()];
        for comparison in &parsed.comparisons {
            match self.condition(entity, comparison) {
                Ok(condition) => conditions.push(condition),
                Err(_) => {
                    let (place, length) = (comparison.place, comparison.length);
                    parsed.faults.push(Fault { place, length, rule: "wrong_value" });
                }
            }
        }
        let every = Page { limit: MAX_PAGE_ROWS, offset: 0 };
        let Answered { mut hits, behind } = self.hits(query, &parsed, visibility, every)?;
        if usize::try_from(hits.total).unwrap_or(usize::MAX) > MAX_PAGE_ROWS {
            let rule = "a condition, an order or facets take at most 10000 matches";
            return Err(Error::new(Code::LimitExceeded).field("text").rule(rule));
        }
        let ids: Vec<RecordId> = hits.hits.iter().map(|hit| hit.record).collect();
        let fields: Vec<FieldSelector> =
            request.sort.iter().map(|(field, _)| field).chain(&request.facets).cloned().collect();
        let mut met = self.meeting(entity.id(), &ids, &Condition::All(conditions), &fields)?;
        let facets = request.facets.iter().zip(request.sort.len()..);
        let facets = facets.map(|(field, place)| facet(entity, field, &met, place));
        let facets = facets.collect::<Result<Vec<_>>>()?;
        let directions: Vec<Direction> = request.sort.iter().map(|(_, direction)| *direction).collect();
        met.sort_by(|left, right| in_order(left, right, &directions));
        hits.total = u64::try_from(met.len()).unwrap_or(u64::MAX);
        hits.kinds = BTreeMap::from([(entity.id().number(), hits.total)]);
        hits.kinds.retain(|_, count| *count > 0);
        let kind = entity.id().number();
        let ranks = u64::try_from(request.offset).unwrap_or(u64::MAX)..;
        let shown = ranks.zip(met.iter().skip(request.offset).take(request.limit));
        hits.hits = shown.map(|(score_rank, met)| Hit { record: met.id, kind, score_rank }).collect();
        let page = self.show(Answered { hits, behind }, parsed, Some(visibility))?;
        Ok(SearchPage { facets, ..page })
    }

    /// A comparison of the text as a condition.
    fn condition(&self, entity: &Entity, comparison: &Comparison) -> Result<Condition> {
        let selector = FieldSelector::Name(comparison.field.clone());
        let currency = self.read(|reader| reader.settings().currency())?;
        let field = selector.resolve(entity)?;
        let value = |text: &str| -> Result<Value> {
            match (entity.field_by_id(field), SystemField::from_id(field)) {
                (Some(field), _) => parse_text(field, text, currency),
                (None, Some(system)) => parse_as(kind_of(system), text, currency),
                (None, None) => Err(Error::new(Code::UnknownField).field(&comparison.field)),
            }
        };
        let compared = |operator, text: &str| -> Result<Condition> {
            Ok(Condition::Compare(selector.clone(), operator, value(text)?))
        };
        match comparison.operator {
            ">" => compared(Comparing::Greater, &comparison.low),
            ">=" => compared(Comparing::GreaterOrEqual, &comparison.low),
            "<" => compared(Comparing::Less, &comparison.low),
            "<=" => compared(Comparing::LessOrEqual, &comparison.low),
            ".." => {
                let mut both = Vec::new();
                if !comparison.low.is_empty() {
                    both.push(compared(Comparing::GreaterOrEqual, &comparison.low)?);
                }
                if !comparison.high.is_empty() {
                    both.push(compared(Comparing::LessOrEqual, &comparison.high)?);
                }
                Ok(Condition::All(both))
            }
            _ => compared(Comparing::Equal, &comparison.low),
        }
    }

    /// Reads the records of a page through the session's own permits, in the order of the hits; and what is attached to
    /// some that match nowhere else, by what the session may see.
    pub(super) fn show(
        &self,
        answered: Answered,
        parsed: Parsed,
        attached: Option<&Visibility>,
    ) -> Result<SearchPage> {
        let Answered { hits, behind } = answered;
        let mut wanted: BTreeMap<u32, Vec<RecordId>> = BTreeMap::new();
        for Hit { record, kind, .. } in &hits.hits {
            wanted.entry(*kind).or_default().push(*record);
        }
        let mut rows: BTreeMap<RecordId, Listing> = BTreeMap::new();
        for (kind, ids) in wanted {
            let found = self.get_many(EntityId::new(kind), &ids)?;
            rows.extend(found.into_iter().map(|row| (row.record.id, row)));
        }
        let marked = Marked { corrected: hits.corrected.as_deref(), node: parsed.node.as_ref() };
        let shown = hits.hits.iter().filter_map(|hit| rows.remove(&hit.record));
        let shown =
            shown.map(|listing| Ok(SearchHit { highlights: highlights(&listing, &marked)?, listing }));
        let mut shown: Vec<SearchHit> = shown.collect::<Result<_>>()?;
        if let Some(visibility) = attached.filter(|_| !shown.is_empty())
            && self.crm().any_attachment_text()?
        {
            for hit in shown.iter_mut().filter(|hit| hit.highlights.is_empty()).take(MOST_HITS) {
                let found =
                    in_attachments(self.crm(), &hit.listing, visibility, |text| marked.in_text(text))?;
                hit.highlights.extend(found);
            }
        }
        let registry = self.crm().registry();
        let mut entities = BTreeMap::new();
        for (kind, count) in &hits.kinds {
            entities.insert(registry.entity_by_id(EntityId::new(*kind))?.api_name.clone(), *count);
        }
        Ok(SearchPage {
            hits: shown,
            total: hits.total,
            entities,
            facets: Vec::new(),
            near: hits.near,
            corrected: hits.corrected,
            faults: parsed.faults,
            read_as: parsed.read_as,
            incomplete: behind,
        })
    }
}

/// The order of two records by their values; what has no value, or no order, comes first and falls last.
fn in_order(left: &Met, right: &Met, directions: &[Direction]) -> Ordering {
    let pairs = left.values.iter().zip(&right.values).zip(directions);
    for ((left, right), direction) in pairs {
        let risen = match (left, right) {
            (Value::Text(left), Value::Text(right)) => left.cmp(right),
            (left, right) => {
                let missing = right.is_null().cmp(&left.is_null());
                missing.then_with(|| compare_values(left, right).unwrap_or(Ordering::Equal))
            }
        };
        let turned = if *direction == Direction::Descending { risen.reverse() } else { risen };
        if turned != Ordering::Equal {
            return turned;
        }
    }
    Ordering::Equal
}

/// How often the values at a place occur.
fn facet(entity: &Entity, field: &FieldSelector, met: &[Met], place: usize) -> Result<Facet> {
    let mut counts: Vec<(Value, u64)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for value in met.iter().filter_map(|met| met.values.get(place)) {
        let next = counts.len();
        let at = *places.entry(format!("{value:?}")).or_insert(next);
        match counts.get_mut(at) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => counts.push((value.clone(), 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(MAX_FACET_VALUES);
    let id = field.resolve(entity)?;
    let name = entity.field_by_id(id).map_or(field.said(), |field| field.api_name.as_str());
    Ok(Facet { field: name.to_owned(), values: counts })
}

fn kind_of(field: SystemField) -> ValueKind {
    match field {
        SystemField::Owner | SystemField::Unit => ValueKind::Id,
        SystemField::CreatedAt | SystemField::ModifiedAt => ValueKind::DateTime,
    }
}

/// What is marked in texts: what was asked, or the words that were put right.
struct Marked<'a> {
    corrected: Option<&'a str>,
    node: Option<&'a Node>,
}

impl Marked<'_> {
    fn in_text(&self, text: &str) -> Vec<Range<usize>> {
        match (self.corrected, self.node) {
            (Some(corrected), _) => highlight(text, corrected),
            (None, Some(node)) => marks(text, node),
            (None, None) => Vec::new(),
        }
    }
}

fn highlights(listing: &Listing, marked: &Marked<'_>) -> Result<Vec<Highlight>> {
    let fields = listing.entity()?.fields().iter().filter(|field| field.definition.search.is_some());
    let marked = fields.filter_map(|field| match listing.record.value(field.id()) {
        Value::Text(text) => {
            let ranges = marked.in_text(&text);
            (!ranges.is_empty()).then(|| Highlight { field: field.api_name.clone(), text, ranges })
        }
        _ => None,
    });
    Ok(marked.collect())
}
