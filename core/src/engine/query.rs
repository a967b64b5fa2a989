//! A list as a screen wants it: some fields, the titles of what they refer to, and how many rows there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{EntityId, FieldId, RecordId, Result};
use crate::engine::audit_trail::Asked;
use crate::engine::reader::language;
use crate::engine::{FieldSelector, Find, Listing, Reader, Session};
use crate::records::{self, Counted, PageCursor, SystemField, Total, target};
use crate::schema::{Entity, Field, translation};

/// What is asked of a list beyond its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Which rows, in which order, and where to begin.
    pub find: Find,
    /// The fields that the rows have; all that the reader may see if there are none here. Facts of the
    /// envelope always are there.
    pub fields: Vec<FieldSelector>,
    /// Whether the titles of the records that the rows refer to, their owners and units among them, come along.
    pub display: bool,
    /// How far the records that meet the condition are counted.
    pub total: Total,
}

impl From<Find> for Question {
    /// All fields, no titles, no total.
    fn from(find: Find) -> Self {
        Self { find, fields: Vec::new(), display: false, total: Total::None }
    }
}

/// One page of a list as a screen wants it.
#[derive(Debug)]
pub struct Answer {
    /// The rows.
    pub rows: Vec<Listing>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
    /// The titles of what the rows refer to, where the reader may see them.
    pub titles: BTreeMap<RecordId, String>,
    /// How many records meet the condition, if that was asked.
    pub total: Option<Counted>,
}

impl Session {
    /// One page of a list with what a screen shows besides. See [`Reader::query`].
    ///
    /// # Errors
    /// As [`Reader::query`].
    pub fn query(&self, entity: &str, question: &Question) -> Result<Answer> {
        self.read(|reader| reader.query(entity, question))
    }

    /// How a list would be read. See [`Reader::explain`].
    ///
    /// # Errors
    /// As [`Reader::explain`].
    pub fn explain(&self, entity: &str, find: &Find) -> Result<records::Explanation> {
        self.read(|reader| reader.explain(entity, find))
    }
}

impl Reader<'_> {
    /// One page of a list, with the fields that are wanted, the titles of what the rows refer to, and a total.
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn query(&self, entity: &str, question: &Question) -> Result<Answer> {
        let known = self.registry().entity(entity)?;
        let fields = question.fields.iter().map(|selector| self.readable(known, selector));
        let fields: BTreeSet<FieldId> = fields.collect::<Result<_>>()?;
        let asked = Asked { fields: &fields, ..Asked::by("list") };
        let page = self.find_asked(entity, &question.find, &asked)?;
        let language = language(question.find.locale.as_deref())?;
        let language = language.as_deref();
        let titles =
            if question.display { self.titles(known, &page.rows, language)? } else { BTreeMap::new() };
        let total = match question.total {
            Total::None => None,
            total => Some(self.count_in(language, entity, &question.find.filter, total)?),
        };
        Ok(Answer { rows: page.rows, next: page.next, titles, total })
    }

    /// The titles of all records that rows refer to, read at once for each entity.
    fn titles(
        &self,
        entity: &Entity,
        rows: &[Listing],
        language: Option<&str>,
    ) -> Result<BTreeMap<RecordId, String>> {
        let system = [SystemField::Owner.id(), SystemField::Unit.id()];
        let mut wanted: BTreeMap<EntityId, BTreeSet<RecordId>> = BTreeMap::new();
        for system in system {
            let Ok(target) = target(self.registry(), entity, system) else { continue };
            let ids = rows.iter().filter_map(|row| row.record.peek(system).as_id());
            wanted.entry(target.id()).or_default().extend(ids);
        }
        for field in entity.fields().iter().filter(|field| !field.definition.kind.targets().is_empty()) {
            for row in rows {
                let value = row.record.peek(field.id());
                for (target, id) in field.definition.kind.references(&value) {
                    let Ok(target) = self.registry().entity(target) else { continue };
                    wanted.entry(target.id()).or_default().insert(id);
                }
            }
        }
        let mut titles = BTreeMap::new();
        for (target, ids) in wanted {
            let target = self.registry().entity_by_id(target)?;
            let ids: Vec<RecordId> = ids.into_iter().collect();
            titles.extend(self.titles_of(target, &ids, language)?);
        }
        Ok(titles)
    }

    /// The titles of those of these records that the user may see, in a language where they have them in it.
    pub(super) fn titles_of(
        &self,
        entity: &Entity,
        ids: &[RecordId],
        language: Option<&str>,
    ) -> Result<Vec<(RecordId, String)>> {
        let field = entity.title()?;
        let title = field.id();
        let Ok(permit) = self.permit(entity) else { return Ok(Vec::new()) };
        if ids.is_empty() || !permit.shows(title) {
            return Ok(Vec::new());
        }
        let kept = entity.translations_of(field).map(Field::id).filter(|kept| permit.shows(*kept));
        let kept = language.zip(kept);
        let mut titled = Vec::new();
        let of_title = BTreeSet::from([title]);
        for record in records::get_many(self.snapshot, &permit, entity, ids)? {
            if self.sees_ends(&permit, entity, &record)? {
                let translated =
                    kept.and_then(|(tag, kept)| translation(&record.peek(kept), tag).map(str::to_owned));
                let own = || record.peek(title).as_text().map(str::to_owned).unwrap_or_default();
                titled.push((record.id, translated.unwrap_or_else(own)));
            }
        }
        let given: Vec<RecordId> = titled.iter().map(|(id, _)| *id).collect();
        self.reads(entity, &given, &Asked { fields: &of_title, ..Asked::by("title") })?;
        Ok(titled)
    }
}
