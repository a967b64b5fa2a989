//! What a user has looked at lately, and keeps at hand: two bounded lists of records for each user.
//!
//! They hold no more than which records, so nothing of a person stays in them; titles are read when they are
//! told, within the permissions of then. They are no part of the ledger, since they change nothing that
//! anybody else sees.

use serde::{Deserialize, Serialize};

use crate::base::{Code, EntityId, Error, RecordId, Result};
use crate::engine::own_json::{own_json, read_own};
use crate::engine::reader::is_out_of_reach;
use crate::engine::{Listing, Session, Transaction, WriteOptions};
use crate::storage::{Keyspace, Snapshot};

/// Where the lists of a user lie.
const KEY: &[u8] = b"recent.";
/// Most records that a user has looked at lately.
pub const MAX_RECENT: usize = 50;
/// Most records that a user keeps at hand.
pub const MAX_FAVOURITES: usize = 200;

/// A record, by the number of its entity.
type Place = (u32, [u8; 16]);

/// The lists of one user, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    recent: Vec<Place>,
    favourites: Vec<Place>,
}

impl Session {
    /// Says that the user has looked at a record. The oldest beyond [`MAX_RECENT`] is forgotten.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `schema.unknown_entity`.
    pub fn note_recent(&self, entity: &str, id: RecordId) -> Result<()> {
        self.keep("recent.add", entity, id, |kept, place| {
            put_first(&mut kept.recent, place);
            kept.recent.truncate(MAX_RECENT);
            Ok(())
        })
    }

    /// Keeps a record at hand.
    ///
    /// # Errors
    /// As [`Session::note_recent`]; `input.limit_exceeded` beyond [`MAX_FAVOURITES`].
    pub fn add_favourite(&self, entity: &str, id: RecordId) -> Result<()> {
        self.keep("favourite.add", entity, id, |kept, place| {
            put_first(&mut kept.favourites, place);
            if kept.favourites.len() > MAX_FAVOURITES {
                let rule = format!("favourites <= {MAX_FAVOURITES}");
                return Err(Error::new(Code::LimitExceeded).field("favourites").rule(&rule));
            }
            Ok(())
        })
    }

    /// No longer keeps a record at hand; one that is not is no fault.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `storage.io`.
    pub fn remove_favourite(&self, entity: &str, id: RecordId) -> Result<()> {
        let place = (self.crm().registry().entity(entity)?.id().number(), *id.as_bytes());
        self.write_with(WriteOptions::default(), |transaction| {
            let mut kept = transaction.kept()?;
            kept.favourites.retain(|known| *known != place);
            transaction.put_kept(&kept)
        })
    }

    /// The records that the user has looked at lately, newest first, as far as the user sees them now.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn recent(&self) -> Result<Vec<Listing>> {
        self.listings(|kept| kept.recent)
    }

    /// The records that the user keeps at hand, newest first, as far as the user sees them now.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn favourites(&self) -> Result<Vec<Listing>> {
        self.listings(|kept| kept.favourites)
    }

    fn keep(
        &self,
        cause: &str,
        entity: &str,
        id: RecordId,
        put: impl Fn(&mut Kept, Place) -> Result<()>,
    ) -> Result<()> {
        self.write_with(WriteOptions::default().cause(cause), |transaction| {
            let found = transaction.get_record(entity, id)?;
            let mut kept = transaction.kept()?;
            put(&mut kept, (found.record.entity.number(), *id.as_bytes()))?;
            transaction.put_kept(&kept)
        })
    }

    fn listings(&self, chosen: impl FnOnce(Kept) -> Vec<Place>) -> Result<Vec<Listing>> {
        self.read(|reader| {
            let mut found = Vec::new();
            for (entity, id) in chosen(read(reader.snapshot, self.user())?) {
                let Ok(entity) = reader.registry().entity_by_id(EntityId::new(entity)) else { continue };
                match reader.get(&entity.api_name, RecordId::from_bytes(id)) {
                    Ok(listing) => found.push(listing),
                    Err(error) if is_out_of_reach(error.code()) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        })
    }
}

impl Transaction<'_> {
    fn kept(&self) -> Result<Kept> {
        read(self.view(), self.session().user())
    }

    fn put_kept(&mut self, kept: &Kept) -> Result<()> {
        let json = own_json(kept)?;
        let key = place_of(self.session().user());
        self.view_mut().put(Keyspace::Meta, key, json);
        Ok(())
    }
}

fn put_first(list: &mut Vec<Place>, place: Place) {
    list.retain(|known| *known != place);
    list.insert(0, place);
}

fn place_of(user: RecordId) -> Vec<u8> {
    [KEY, user.as_bytes()].concat()
}

fn read(snapshot: &dyn Snapshot, user: RecordId) -> Result<Kept> {
    read_own(snapshot, &place_of(user), "recent")
}
