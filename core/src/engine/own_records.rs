//! Records of the organisation's own entities that the engine reads for its verbs, beside what anybody is permitted.

use crate::access::Read;
use crate::base::{Patience, Result, Value};
use crate::engine::Reader;
use crate::records::{self, Comparison, Filter, PageCursor, Query, Record, Sight};
use crate::schema::{Entity, FieldName};

/// Most records of one answer unless said otherwise.
const MAX_FOUND: usize = 1_000;

/// The records of one of the organisation's entities, read in the engine's own right.
pub(super) struct Own<'r> {
    reader: &'r Reader<'r>,
    pub entity: &'r Entity,
}

impl<'r> Own<'r> {
    /// A field, by number.
    pub fn field(&self, name: FieldName<'static>) -> Result<crate::base::FieldId> {
        Ok(self.entity.field(name)?.id())
    }

    /// The query for those that have these values.
    pub fn query(&self, values: &[(FieldName<'static>, Value)]) -> Result<Query> {
        let equal = |(name, value): &(FieldName<'static>, Value)| {
            Ok(Filter::Compare(self.field(*name)?, Comparison::Equal, value.clone()))
        };
        let filter = Filter::All(values.iter().map(equal).collect::<Result<_>>()?);
        Ok(Query { filter, limit: MAX_FOUND, ..Query::default() })
    }

    /// The records of a page, and where the next one goes on.
    pub fn find(&self, query: &Query) -> Result<(Vec<Record>, Option<PageCursor>)> {
        let permit = self.reader.policy.bootstrap::<Read>(self.entity.id());
        let patience = Patience::default();
        let sight = Sight::new(self.reader.snapshot, self.reader.registry, self.entity, &permit, &patience);
        let page = records::find(&sight, query)?;
        Ok((page.records, page.next))
    }

    /// The value of a field of a record.
    pub fn value(&self, record: &Record, name: FieldName<'static>) -> Value {
        self.entity.field(name).map(|field| record.value(field.id())).unwrap_or_default()
    }

    /// The text of a field of a record; an empty one where there is none.
    pub fn text(&self, record: &Record, name: FieldName<'static>) -> String {
        self.value(record, name).as_text().unwrap_or_default().to_owned()
    }
}

impl<'a> Reader<'a> {
    /// The records of one of the organisation's entities, by its name.
    pub(super) fn own<'r>(&'r self, name: &str) -> Result<Own<'r>>
    where
        'a: 'r,
    {
        Ok(Own { reader: self, entity: self.registry.entity(name)? })
    }
}
