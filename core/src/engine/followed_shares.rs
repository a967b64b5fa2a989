//! What single shares of records open of the records that follow these: worked out for one person from the person's own
//! shares, whenever shares, or what follows a shared record, have changed.
//!
//! A share of one record is a right to one record, so no class says what follows from it. The records that follow are
//! looked up by the index of their references instead, and stand beside those that are shared with the person themselves.
//! So a page costs what the person has shared with them, with what follows it, and nothing of what others have. Every
//! write that lets a record follow another one, or no longer, looks up whether anything beyond is shared, and only then
//! lets what is kept here be worked out anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{AccessClass, Action, InheritedFact, MAX_PARENTS, Policy, ShareFact, Shares, Way};
use crate::base::{EntityId, FieldId, RecordId, Result, Timestamp};
use crate::records::{links_by, live_class_of};
use crate::schema::Registry;
use crate::storage::Snapshot;

/// Most records that one person reaches because they follow others that are shared with the person singly. Those of a
/// shared record that do not fit any more are out of reach by it, all of them.
pub const MAX_FOLLOWED_SHARES: usize = 10_000;

/// How records stand to each other: as they do now, or as they did.
pub(super) trait Standing {
    /// Records of an entity that refer to one by a field, at most so many.
    fn followers(&self, of: RecordId, place: (EntityId, FieldId), most: usize) -> Result<Vec<RecordId>>;

    /// The class of a record, if it is there.
    fn class(&self, entity: EntityId, id: RecordId) -> Result<Option<AccessClass>>;
}

impl Standing for &dyn Snapshot {
    fn followers(&self, of: RecordId, place: (EntityId, FieldId), most: usize) -> Result<Vec<RecordId>> {
        links_by(*self, of, place, most)
    }

    fn class(&self, entity: EntityId, id: RecordId) -> Result<Option<AccessClass>> {
        live_class_of(*self, entity, id)
    }
}

/// What the shares of somebody come to at a moment, with the records that follow what is shared.
pub(super) fn shares_at(
    (standing, registry): (&dyn Standing, &Registry),
    policy: &Policy,
    user: RecordId,
    (facts, moment): (&[ShareFact], Timestamp),
) -> Result<Arc<Shares>> {
    let mut shares = Arc::new(Shares::at(facts, moment));
    if shares.is_empty() {
        return Ok(shares);
    }
    let mut room = MAX_FOLLOWED_SHARES;
    for setting in settings(policy, registry) {
        let with = policy.with_shares(user, Arc::clone(&shares));
        let followed = Followed { standing, policy: &with, user, setting: &setting };
        let found = followed.found(&shares, &mut room)?;
        if !found.is_empty() {
            shares = Arc::new(shares.with_followers(setting.child, found));
        }
    }
    Ok(shares)
}

/// A setting by which records follow others, with the numbers of both entities.
struct Setting<'a> {
    fact: &'a InheritedFact,
    child: EntityId,
    parent: EntityId,
}

/// The settings that are on, those of records that others follow in their turn first.
fn settings<'a>(policy: &'a Policy, registry: &Registry) -> Vec<Setting<'a>> {
    let mut waiting: Vec<Setting<'a>> = policy
        .inherited()
        .filter_map(|fact| {
            let (child, parent) = (registry.entity(&fact.entity).ok()?, registry.entity(&fact.parent).ok()?);
            Some(Setting { fact, child: child.id(), parent: parent.id() })
        })
        .collect();
    waiting.sort_by_key(|setting| setting.fact.id);
    let mut ordered = Vec::new();
    // In no circle, and at most so many entities above each other.
    for _ in 0..=MAX_PARENTS {
        let children: BTreeSet<EntityId> = waiting.iter().map(|setting| setting.child).collect();
        let (next, rest) = waiting.into_iter().partition(|setting| !children.contains(&setting.parent));
        waiting = rest;
        ordered.extend::<Vec<_>>(next);
    }
    ordered
}

/// What follows the shared records of one entity by one setting.
struct Followed<'a> {
    standing: &'a dyn Standing,
    /// The policy that knows what is shared with the user, and what follows it so far.
    policy: &'a Policy,
    user: RecordId,
    setting: &'a Setting<'a>,
}

impl Followed<'_> {
    /// The records that follow, by what may be done to them, as far as there is room.
    fn found(&self, shares: &Shares, room: &mut usize) -> Result<BTreeMap<Action, BTreeSet<RecordId>>> {
        let mut found: BTreeMap<Action, BTreeSet<RecordId>> = BTreeMap::new();
        for id in shares.of(self.setting.parent, Action::Read).iter() {
            let actions = self.actions(*id)?;
            if actions.is_empty() {
                continue;
            }
            let place = (self.setting.child, self.setting.fact.field);
            let followers = self.standing.followers(*id, place, room.saturating_add(1))?;
            if followers.len() > *room {
                continue;
            }
            *room = room.saturating_sub(followers.len());
            for action in actions {
                found.entry(action).or_default().extend(&followers);
            }
        }
        Ok(found)
    }

    /// What may be done to records that follow a shared one, because it is shared.
    fn actions(&self, id: RecordId) -> Result<Vec<Action>> {
        let Setting { fact, parent, .. } = self.setting;
        let Some(class) = self.standing.class(*parent, id)? else { return Ok(Vec::new()) };
        let way =
            |action: Action| self.policy.way_to(self.user, (*parent, &fact.parent), action, (id, &class));
        let Some(read) = way(Action::Read) else { return Ok(Vec::new()) };
        // What its class gives is among the marks of those that follow it.
        let by_share =
            |action: &Action| way(*action).is_some_and(|way| way == Way::Share || read == Way::Share);
        Ok(fact.level.actions().iter().copied().filter(by_share).collect())
    }
}
