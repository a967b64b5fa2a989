//! Records that nobody owns: all of an entity and a partition are of one access class, and are found by one look at an
//! index, however many people there are.

use crate::access::{NOBODY, Read};
use crate::base::Result;
use crate::engine::Reader;
use crate::records::{self, FarPermits, PageCursor, Query, Record};
use crate::schema::Entity;

/// Records, and where to go on.
pub(super) type Nobodys = (Vec<Record>, Option<PageCursor>);

impl Reader<'_> {
    /// Records of an entity that nobody owns, of the user's partition, in the engine's own right.
    pub(super) fn nobodys(&self, entity: &Entity, query: &Query) -> Result<Nobodys> {
        match self.policy.partition_of(self.user) {
            Some(partition) => self.nobodys_of(entity, partition, query),
            None => Ok(Nobodys::default()),
        }
    }

    /// The same of any partition.
    pub(super) fn nobodys_of(&self, entity: &Entity, partition: u32, query: &Query) -> Result<Nobodys> {
        let permit = self.policy.bootstrap_of::<Read>(entity.id(), (NOBODY, partition));
        if permit.classes().is_empty() {
            return Ok(Nobodys::default());
        }
        let page = records::find(&self.sight(entity, &permit, &FarPermits::new()), query)?;
        Ok((page.records, page.next))
    }
}
