//! Which index a query reads, from where to where, and whether its order is the order asked.

use crate::base::{EntityId, RecordId, Value};
use crate::records::SystemField;
use crate::records::derived::Index;
use crate::records::ordered::ordered;
use crate::records::query::{Direction, Query};
use crate::schema::Entity;

pub(super) enum Order {
    /// The index gives the rows in the order asked.
    Streamed,
    /// All rows are read, and the best kept.
    Gathered,
}

pub(super) struct Plan {
    pub entity: EntityId,
    pub index: Index,
    /// The only value of the index that is read, if an equality chose it.
    pub equal: Option<Vec<u8>>,
    /// The only owner whose records can match, if the filter names one: classes of others stay unread.
    pub owner: Option<RecordId>,
    pub reverse: bool,
    pub order: Order,
}

impl Plan {
    pub fn choose(entity: &Entity, query: &Query) -> Self {
        let equalities = query.filter.equalities();
        let owner = equalities.iter().find_map(|(field, value)| match value {
            Value::Id(owner) if *field == SystemField::Owner.id() => Some(*owner),
            _ => None,
        });
        let entity_id = entity.id();
        let plan =
            |index, equal, reverse, order| Self { entity: entity_id, index, equal, owner, reverse, order };
        let by_sort = match query.sort.as_slice() {
            [(field, direction)] => {
                Index::on(entity, *field).map(|index| (index, *direction == Direction::Descending))
            }
            _ => None,
        };
        let indexed = equalities
            .into_iter()
            .find_map(|(field, value)| Index::on(entity, field).map(|index| (index, ordered(value))));
        match (by_sort, indexed) {
            (Some((index, reverse)), _) => plan(index, None, reverse, Order::Streamed),
            (None, Some((index, value))) if query.sort.is_empty() => {
                plan(index, Some(value), false, Order::Streamed)
            }
            (None, Some((index, value))) => plan(index, Some(value), false, Order::Gathered),
            (None, None) if query.sort.is_empty() => {
                plan(Index::by_id(entity.id()), None, false, Order::Streamed)
            }
            (None, None) => plan(Index::by_id(entity.id()), None, false, Order::Gathered),
        }
    }
}
