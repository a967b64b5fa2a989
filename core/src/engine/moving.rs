//! A user works in another unit from now on, and the records that are the user's come along.
//!
//! A record is of the unit in which its owner worked when it was given to them, since its access class says so. Users
//! are few and records many, so the user moves at once and the records follow in chunks; until they do, the unit
//! that the user has left reaches them, as it did before.

use crate::access::{User, user};
use crate::base::{RecordId, Result, Value};
use crate::engine::offboarding::{HandedOver, owned};
use crate::engine::{Changes, Selection, Session};
use crate::schema::EntityType;

/// What came along with a user.
#[derive(Debug, Default)]
pub struct Moved {
    /// The entities of which the user owns records: how many there are, and how many are of the unit now.
    pub entities: Vec<HandedOver>,
    /// Why it stopped before the end: it was cancelled, or its time was up. What has come along stays so.
    pub stopped: Option<crate::base::Error>,
}

impl Session {
    /// A user works in another unit, or in none, and the records of the trade that are the user's come along, in
    /// chunks of 500 by the right to assign them. It can be called again, and goes on with what is left. The listener
    /// of the session's patience is told of the phase `bulk`.
    ///
    /// # Errors
    /// As [`Transaction::update_record`](crate::engine::Transaction::update_record) for the user;
    /// `access.beyond_own_rights`.
    pub fn move_to_unit(&self, who: RecordId, unit: Option<RecordId>) -> Result<Moved> {
        let options = crate::engine::WriteOptions::default().cause("user.move");
        self.write_with(options, |transaction| {
            let changes = Changes::new().set(user::UNIT, unit.map_or(Value::Null, Value::Id));
            transaction.update_record(User::NAME, who, changes).map(|_| ())
        })?;
        let of_trade = |entity: &HandedOver| !entity.entity.starts_with("sys.");
        let heir = |_: &str| Some(who);
        let entities = self.owned_by(who, &heir)?.into_iter().filter(of_trade).collect();
        let mut moved = Moved { entities, stopped: None };
        let (selection, changes) =
            (Selection::Matching(owned(who)), Changes { follows_owner: true, ..Changes::new() });
        for entity in &mut moved.entities {
            match self.hand_over_all(entity, &selection, &changes) {
                Err(error) if super::bulk::ends(&error) => {
                    moved.stopped = Some(error);
                    break;
                }
                done => done?,
            }
        }
        Ok(moved)
    }
}
