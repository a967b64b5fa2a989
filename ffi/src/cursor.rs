//! What stands behind a cursor: where its rows come from, its columns, and the rows in C's hands.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::vec::IntoIter;

use guanxi_core::base::{FieldId, MAX_PAGE_ROWS};
use guanxi_core::engine::{Answer, Listing, Question as Asked, Reader, SystemField};
use guanxi_core::schema::{Entity, Field};
use guanxi_core::{Code, Error, RecordId, Result, Value, api};
use guanxi_plugin_abi::{
    GUANXI_VALUE_DATETIME, GUANXI_VALUE_ID, GUANXI_VALUE_NULL, GUANXI_VALUE_TEXT, guanxi_value,
    guanxi_value_kind,
};
use serde_json::Value as Json;

use crate::error::c_text;
use crate::guard::{Call, Outcome};
use crate::handle::{Exclusive, State};
use crate::query::Question;
use crate::session::Speaker;
use crate::value::{document, json_to_c, kind_of, to_c};

/// Rows that a cursor asks for at once when no more are wanted.
const READ_AHEAD: usize = 256;

/// The rows of a result, before the first of which it stands at first. One thread at a time, and any.
/// Freed with guanxi_cursor_free; it keeps the database open.
///
/// A call that goes on, while another one is inside, gives `engine.wrong_thread` and does nothing; a getter is told so
/// where the other call had begun before.
///
/// Column 0 is the record's id. Then come the fields that the user may see, or those of them that the query
/// names, then the owner, the unit, and when the record was created and last changed; behind a reference its
/// title, if the query wants titles. The rows of a search have the columns `id`,
/// `entity` and `title`. Each page that the cursor reads ahead is one stable view of the database.
///
/// Text that a cursor gives is borrowed until the next guanxi_cursor_next, guanxi_cursor_fetch or
/// guanxi_cursor_json on it, or until it is freed.
pub struct guanxi_cursor {
    _opaque: [u8; 0],
}

/// Where the rows come from.
enum Source {
    /// All of them are here.
    Given,
    /// More are read when they are wanted.
    Pages { entity: String, asked: Box<Asked>, left: Option<u64> },
}

/// A column.
pub(crate) struct Column {
    pub name: CString,
    pub kind: guanxi_value_kind,
    pub place: Place,
}

/// Where a column's value lies in a row.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    RecordId,
    Field(FieldId),
    /// The title of the record that a field refers to.
    Title(FieldId),
    Hit(usize),
}

/// One row.
pub(crate) enum Row {
    Record {
        row: Listing,
        /// Lists and maps as C reads them.
        documents: BTreeMap<FieldId, String>,
        /// The titles of the records that fields refer to.
        titles: BTreeMap<FieldId, Value>,
    },
    Hit {
        values: [Value; 3],
        json: Json,
    },
}

/// A cursor's rows, columns and place.
pub(crate) struct Cursor {
    pub speaker: Arc<Speaker>,
    pub columns: Vec<Column>,
    source: Source,
    pending: IntoIter<Row>,
    /// The rows that were handed out last; text in C's hands is borrowed from them.
    pub held: Vec<Row>,
}

impl State for Cursor {
    type Handle = guanxi_cursor;
    const TAG: u32 = 7;
}

impl Cursor {
    /// The rows of a query, of which the first page is read at once.
    pub fn of_query(speaker: &Arc<Speaker>, reader: &Reader<'_>, query: &Question) -> Result<Self> {
        let asked = query.asked(reader)?;
        let left = (query.limit > 0).then_some(query.limit);
        let source = Source::Pages { entity: query.entity.clone(), asked: Box::new(asked), left };
        let columns = columns(reader, &query.entity, (&query.fields, query.titles))?;
        let mut cursor = Self::new(speaker, columns, source, Vec::new());
        cursor.load(READ_AHEAD, |entity, asked| reader.query(entity, asked))?;
        Ok(cursor)
    }

    /// One record as the only row.
    pub fn of_record(
        speaker: &Arc<Speaker>,
        reader: &Reader<'_>,
        entity: &str,
        id: RecordId,
    ) -> Result<Self> {
        let row = Row::of(reader.get(entity, id)?, BTreeMap::new());
        Ok(Self::new(speaker, columns(reader, entity, (&[], false))?, Source::Given, vec![row]))
    }

    /// What a search found.
    pub fn of_hits(speaker: &Arc<Speaker>, hits: Vec<Row>) -> Self {
        let names = [("id", GUANXI_VALUE_ID), ("entity", GUANXI_VALUE_TEXT), ("title", GUANXI_VALUE_TEXT)];
        let columns = names.into_iter().enumerate().map(|(place, (name, kind))| Column {
            name: c_text(name),
            kind,
            place: Place::Hit(place),
        });
        Self::new(speaker, columns.collect(), Source::Given, hits)
    }

    fn new(speaker: &Arc<Speaker>, columns: Vec<Column>, source: Source, rows: Vec<Row>) -> Self {
        let (speaker, pending) = (Arc::clone(speaker), rows.into_iter());
        Self { speaker, columns, source, pending, held: Vec::new() }
    }

    /// Reads the next page into `pending`; `false` if there is none.
    fn load(&mut self, most: usize, list: impl FnOnce(&str, &Asked) -> Result<Answer>) -> Result<bool> {
        let Source::Pages { entity, asked, left } = &mut self.source else { return Ok(false) };
        let within = left.map_or(MAX_PAGE_ROWS, |left| usize::try_from(left).unwrap_or(MAX_PAGE_ROWS));
        asked.find.limit = most.clamp(1, MAX_PAGE_ROWS).min(within);
        if within == 0 {
            self.source = Source::Given;
            return Ok(false);
        }
        let page = list(entity, asked)?;
        let read = u64::try_from(page.rows.len()).unwrap_or(u64::MAX);
        *left = left.map(|left| left.saturating_sub(read));
        let titled: Vec<FieldId> = self.columns.iter().filter_map(Column::title_of).collect();
        let rows = page.rows.into_iter().map(|row| {
            let title = |field: &FieldId| {
                let title = page.titles.get(&row.record.peek(*field).as_id()?)?;
                Some((*field, Value::from(title.as_str())))
            };
            let titles = titled.iter().filter_map(title).collect();
            Row::of(row, titles)
        });
        self.pending = rows.collect::<Vec<_>>().into_iter();
        asked.find.after = page.next;
        if asked.find.after.is_none() {
            self.source = Source::Given;
        }
        Ok(read > 0)
    }

    /// Goes on by so many rows, or as many as there are.
    pub fn advance(&mut self, most: usize) -> Outcome<usize> {
        self.held.clear();
        while self.held.len() < most {
            let wanted = most.saturating_sub(self.held.len());
            self.held.extend(self.pending.by_ref().take(wanted));
            if self.held.len() < most && !self.load_later(wanted)? {
                break;
            }
        }
        Ok(self.held.len())
    }

    fn load_later(&mut self, wanted: usize) -> Result<bool> {
        let speaker = Arc::clone(&self.speaker);
        if matches!(self.source, Source::Given) {
            return Ok(false);
        }
        let running = speaker.enter()?;
        self.load(wanted.max(READ_AHEAD), |entity, asked| running.session.query(entity, asked))
    }

    pub fn column(&self, column: usize) -> Result<&Column> {
        let outside = || Error::new(Code::InvalidArgument).field("column").value(&column.to_string());
        self.columns.get(column).ok_or_else(outside)
    }

    /// The value of the current row in a column; null before the first row and after the last.
    pub fn value(&self, column: usize) -> Result<guanxi_value> {
        let place = self.column(column)?.place;
        Ok(self.held.last().map_or(guanxi_value::NULL, |row| row.value(place)))
    }

    /// The value in a column, if it is of a kind; `None` for no value.
    pub fn value_of(&self, column: usize, kind: guanxi_value_kind) -> Result<Option<guanxi_value>> {
        let value = self.value(column)?;
        match value.kind {
            GUANXI_VALUE_NULL => Ok(None),
            other if other == kind => Ok(Some(value)),
            _ => {
                let name = self.column(column)?.name.to_string_lossy().into_owned();
                Err(Error::new(Code::WrongType).field(&name))
            }
        }
    }
}

impl Row {
    fn of(row: Listing, titles: BTreeMap<FieldId, Value>) -> Self {
        let documents = row.record.all_values().filter_map(|(field, value)| Some((field, document(value)?)));
        Self::Record { documents: documents.collect(), titles, row }
    }

    pub fn value(&self, place: Place) -> guanxi_value {
        match (self, place) {
            (Self::Record { row, .. }, Place::RecordId) => guanxi_value::of_id(*row.record.id.as_bytes()),
            (Self::Record { titles, .. }, Place::Title(field)) => {
                titles.get(&field).map_or(guanxi_value::NULL, to_c)
            }
            (Self::Record { row, documents, .. }, Place::Field(field)) => {
                match (documents.get(&field), row.record.stored(field)) {
                    (Some(document), _) => json_to_c(document),
                    (None, Some(value)) => to_c(value),
                    // A system field is made on the spot; none of them is text, so nothing is borrowed.
                    (None, None) => to_c(&row.record.value(field)),
                }
            }
            (Self::Hit { values, .. }, Place::Hit(place)) => {
                values.get(place).map_or(guanxi_value::NULL, to_c)
            }
            _ => guanxi_value::NULL,
        }
    }

    /// The engine's own value in a column.
    pub fn core_value(&self, place: Place) -> Cow<'_, Value> {
        let found = match (self, place) {
            (Self::Record { row, .. }, Place::RecordId) => return Cow::Owned(Value::Id(row.record.id)),
            (Self::Record { titles, .. }, Place::Title(field)) => titles.get(&field),
            (Self::Record { row, .. }, Place::Field(field)) => match row.record.stored(field) {
                // A system field is made on the spot.
                None => return Cow::Owned(row.record.value(field)),
                stored => stored,
            },
            (Self::Hit { values, .. }, Place::Hit(place)) => values.get(place),
            _ => None,
        };
        found.map_or(Cow::Owned(Value::Null), Cow::Borrowed)
    }

    pub fn json(&self) -> Result<Json> {
        match self {
            Self::Record { row, .. } => api::listing_to_json(row),
            Self::Hit { json, .. } => Ok(json.clone()),
        }
    }
}

impl Column {
    fn of_field(field: &Field) -> Self {
        let (name, kind) = (c_text(&field.api_name), kind_of(&field.definition.kind));
        Self { name, kind, place: Place::Field(field.id()) }
    }

    fn of_fact(field: SystemField, name: &str) -> Self {
        let kind = match field {
            SystemField::Owner | SystemField::Unit => GUANXI_VALUE_ID,
            SystemField::CreatedAt | SystemField::ModifiedAt => GUANXI_VALUE_DATETIME,
        };
        Self { name: c_text(name), kind, place: Place::Field(field.id()) }
    }

    /// The field whose title it is.
    fn title_of(&self) -> Option<FieldId> {
        if let Place::Title(field) = self.place { Some(field) } else { None }
    }

    /// The column, and that of its title, if it refers to one record and titles are wanted.
    fn with_title(self, titles: bool) -> impl Iterator<Item = Self> {
        let title = match self.place {
            Place::Field(field) if titles && self.kind == GUANXI_VALUE_ID => {
                let name = c_text(&format!("{}.title", self.name.to_string_lossy()));
                Some(Self { name, kind: GUANXI_VALUE_TEXT, place: Place::Title(field) })
            }
            _ => None,
        };
        std::iter::once(self).chain(title)
    }
}

/// The columns of an entity's rows for the user who reads: those of these fields, or of all, and titles if wanted.
fn columns(reader: &Reader<'_>, entity: &str, (named, titles): (&[String], bool)) -> Result<Vec<Column>> {
    let shown = reader.shown_fields(entity)?;
    let entity: &Entity = reader.registry().entity(entity)?;
    let id = Column { name: c_text("id"), kind: GUANXI_VALUE_ID, place: Place::RecordId };
    let fields: Vec<&Field> = match named {
        [] => entity.fields().iter().collect(),
        // The facts of every record are columns anyway.
        named => {
            let fields = named.iter().filter(|name| SystemField::from_name(name).is_none());
            fields.map(|name| entity.field(name.as_str().into())).collect::<Result<_>>()?
        }
    };
    let fields = fields.into_iter().filter(|field| shown.contains(&field.id())).map(Column::of_field);
    let system = SystemField::ALL.into_iter().map(|(field, name)| Column::of_fact(field, name));
    let columns = fields.chain(system).flat_map(|column| column.with_title(titles));
    Ok(std::iter::once(id).chain(columns).collect())
}

/// The cursor of a call that goes on.
pub(crate) fn named(call: &Call, cursor: Result<Exclusive<Cursor>>) -> Result<Exclusive<Cursor>> {
    let cursor = cursor.map_err(|error| error.field("cursor"))?;
    call.speaks(cursor.speaker.locale());
    Ok(cursor)
}

/// The cursor of a call that looks at its row.
pub(crate) fn seen<'a>(call: &Call, cursor: Result<&'a Cursor>) -> Result<&'a Cursor> {
    let cursor = cursor.map_err(|error| error.field("cursor"))?;
    call.speaks(cursor.speaker.locale());
    Ok(cursor)
}
