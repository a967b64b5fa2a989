//! What a deletion does to the records that refer to the deleted one: planned first, then done in one go.
//!
//! The plan follows references from record to record, each once, so circles end where they began. A record
//! that is deleted may refer to others that are; one that stays holds back what it refers to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::base::{Code, EntityId, Error, FieldId, MAX_AFFECTED_RECORDS, RecordId, Result};
use crate::engine::Transaction;
use crate::records::{Link, Record, for_each_link};
use crate::schema::{Entity, OnDelete, Registry};

/// What is to be done to records that refer to others.
#[derive(Default)]
struct Plan {
    /// Records to be deleted, the root among them.
    going: BTreeSet<RecordId>,
    /// Those of them that are not the root, in the order in which they were met.
    taken_along: Vec<(EntityId, Record)>,
    /// References to be emptied, by record.
    emptied: BTreeMap<(EntityId, RecordId), BTreeSet<FieldId>>,
    /// Records that hold others back unless they go too: who, and whom.
    holding: Vec<(RecordId, Error)>,
}

impl Plan {
    fn affected(&self) -> usize {
        self.taken_along.len().saturating_add(self.emptied.len())
    }
}

impl Transaction<'_> {
    /// Does to the records that refer to a record what their fields say, directly or through others, and
    /// gives those that go with it, itself among them.
    pub(super) fn delete_dependents(&mut self, entity: &Entity, root: &Record) -> Result<BTreeSet<RecordId>> {
        let registry = Arc::clone(&self.registry);
        let plan = self.plan(&registry, entity, root)?;
        for ((source, id), fields) in plan.emptied.iter().filter(|((_, id), _)| !plan.going.contains(id)) {
            let source = registry.entity_by_id(*source)?;
            let record = self.dependent(source, *id, entity, root)?;
            self.empty_references(source, &record, (fields, &plan.going))?;
        }
        // Whoever refers goes before what it refers to, as far as there is no circle.
        for (source, record) in plan.taken_along.iter().rev() {
            self.delete_one(registry.entity_by_id(*source)?, record, &plan.going)?;
        }
        Ok(plan.going)
    }

    fn plan(&self, registry: &Registry, entity: &Entity, root: &Record) -> Result<Plan> {
        let mut plan = Plan { going: [root.id].into(), ..Plan::default() };
        let mut waiting = VecDeque::from([(entity.id(), root.id)]);
        while let Some((target_entity, target)) = waiting.pop_front() {
            self.reader().patience.check()?;
            let target_entity = registry.entity_by_id(target_entity)?;
            for_each_link(self.view(), target, &mut |link| {
                if plan.going.contains(&link.source) {
                    return Ok(());
                }
                let Some(action) = action(registry, link) else { return Ok(()) };
                match action {
                    OnDelete::Restrict => {
                        let held =
                            Error::new(Code::Referenced).entity(&target_entity.api_name).record(target);
                        plan.holding.push((link.source, held));
                    }
                    OnDelete::SetNull => {
                        let place = (link.entity, link.source);
                        plan.emptied.entry(place).or_default().insert(link.field);
                    }
                    OnDelete::Cascade => {
                        let source = registry.entity_by_id(link.entity)?;
                        let record = self.dependent(source, link.source, entity, root)?;
                        plan.going.insert(link.source);
                        plan.taken_along.push((link.entity, record));
                        waiting.push_back((link.entity, link.source));
                    }
                }
                check_bound(&plan, entity)
            })?;
        }
        let held = plan.holding.iter().position(|(source, _)| !plan.going.contains(source));
        match held {
            Some(index) => Err(plan.holding.swap_remove(index).1),
            None => Ok(plan),
        }
    }

    /// A record that refers to one that goes. Of one that the user may not see only this is told: that
    /// something refers to what was to be deleted.
    fn dependent(&self, source: &Entity, id: RecordId, entity: &Entity, root: &Record) -> Result<Record> {
        let referenced = || Error::new(Code::Referenced).entity(&entity.api_name).record(root.id);
        match self.readable(source, id) {
            Err(error)
                if matches!(error.code(), Code::RecordNotFound | Code::NotPermitted | Code::ModuleOff) =>
            {
                Err(referenced())
            }
            found => found,
        }
    }
}

fn check_bound(plan: &Plan, entity: &Entity) -> Result<()> {
    if plan.affected().max(plan.holding.len()) <= MAX_AFFECTED_RECORDS {
        return Ok(());
    }
    let rule = format!("a deletion takes along or changes at most {MAX_AFFECTED_RECORDS} records");
    Err(Error::new(Code::LimitExceeded).entity(&entity.api_name).rule(&rule))
}

/// What the field says by which a record refers. One that nobody declares any more holds back; one that names
/// the root of a tree follows from the tree.
fn action(registry: &Registry, link: Link) -> Option<OnDelete> {
    let entity = registry.entity_by_id(link.entity).ok();
    match entity.and_then(|entity| entity.field_by_id(link.field)) {
        Some(field) if field.definition.root_of.is_some() => None,
        Some(field) => Some(field.definition.on_delete),
        None => Some(OnDelete::Restrict),
    }
}
