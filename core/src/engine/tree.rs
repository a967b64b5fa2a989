//! Trees of records of one entity, by a reference to the record above.
//!
//! A record is never above itself. Where a field keeps the topmost record, it is right in every record that
//! was saved since the field is there: a move changes it in all records below, in the same transaction and
//! with an entry for each.

use std::collections::{BTreeSet, VecDeque};

use crate::access::Update;
use crate::base::{Code, Error, FieldId, MAX_AFFECTED_RECORDS, MAX_TREE_DEPTH, RecordId, Result, Value};
use crate::engine::{Listing, Reader, Session, Transaction};
use crate::records::{self, Record, for_each_link, get_for_rule};
use crate::schema::{Entity, Field, FieldName};
use crate::storage::Snapshot;

/// A record of a tree below another.
#[derive(Debug, Clone)]
pub struct TreeNode {
    /// The record.
    pub record: Listing,
    /// The record above it.
    pub parent: RecordId,
    /// How far below it is, from 1.
    pub depth: usize,
}

/// What stands above and below a record, as far as its reader sees. Behind a hidden record nothing is told.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The records above, the nearest first.
    pub ancestors: Vec<Listing>,
    /// The records below, level by level.
    pub descendants: Vec<TreeNode>,
    /// Whether there are more below than were asked for.
    pub more: bool,
}

/// A record that is to have another one at the top of its tree.
pub(super) struct Move {
    id: RecordId,
    root: FieldId,
    top: RecordId,
}

impl Transaction<'_> {
    /// Refuses a record that is above itself, and sets the fields that keep the topmost record.
    pub(super) fn place_in_trees(
        &self,
        entity: &Entity,
        before: Option<&Record>,
        record: &mut Record,
    ) -> Result<()> {
        for (tree, root) in entity.trees() {
            let above = record.peek(tree.id()).as_id();
            let stays = before.is_some_and(|before| before.peek(tree.id()).as_id() == above);
            // A record that was last saved before the field was there does not have it.
            let known = root.is_none_or(|root| record.peek(root.id()).is_null() == above.is_none());
            if stays && known {
                continue;
            }
            let top = above.map(|above| self.topmost(entity, tree, record.id, above)).transpose()?;
            if let Some(root) = root {
                record.set(root.id(), top.into());
            }
        }
        Ok(())
    }

    /// The topmost record above one that is to stand below another.
    fn topmost(&self, entity: &Entity, tree: &Field, below: RecordId, above: RecordId) -> Result<RecordId> {
        let named =
            |code: Code| Error::new(code).entity(&entity.api_name).field(&tree.api_name).record(below);
        let (mut passed, mut top) = (BTreeSet::from([below]), above);
        loop {
            if !passed.insert(top) {
                return Err(named(Code::TreeCycle));
            }
            if passed.len() > MAX_TREE_DEPTH.saturating_add(1) {
                let rule = format!("at most {MAX_TREE_DEPTH} records above another");
                return Err(named(Code::LimitExceeded).rule(&rule));
            }
            let record = get_for_rule(self.view(), entity.id(), top)?;
            match record.and_then(|record| record.peek(tree.id()).as_id()) {
                Some(next) => top = next,
                None => return Ok(top),
            }
        }
    }

    /// What is below a record that is about to have another one at its top than before: those are to have
    /// it, too.
    pub(super) fn moves(&self, entity: &Entity, old: &Record, new: &Record) -> Result<Vec<Move>> {
        let mut moves = Vec::new();
        for (tree, root) in entity.trees() {
            let Some(root) = root.map(Field::id) else { continue };
            let top = |record: &Record| record.peek(root).as_id().unwrap_or(record.id);
            if top(old) != top(new) {
                let below = self.below(entity, tree, new.id)?.into_iter();
                moves.extend(below.map(|id| Move { id, root, top: top(new) }));
            }
        }
        Ok(moves)
    }

    /// Gives records another one at the top.
    pub(super) fn follow_moves(&mut self, entity: &Entity, moves: &[Move]) -> Result<()> {
        for Move { id, root, top } in moves {
            let Some(record) = get_for_rule(self.view(), entity.id(), *id)? else { continue };
            let mut moved = record.clone();
            moved.set(*root, Value::Id(*top));
            let permit = self.policy.bootstrap::<Update>(entity.id());
            let context = self.context_for(entity, BTreeSet::new());
            records::update(self.view_mut(), &context, &permit, None, entity, &record, moved)?;
        }
        Ok(())
    }

    /// Everything below a record.
    fn below(&self, entity: &Entity, tree: &Field, of: RecordId) -> Result<BTreeSet<RecordId>> {
        let (mut found, mut waiting) = (BTreeSet::new(), VecDeque::from([of]));
        while let Some(above) = waiting.pop_front() {
            for id in children(self.view(), entity, tree, above)? {
                if id != of && found.insert(id) {
                    waiting.push_back(id);
                }
            }
            if found.len() > MAX_AFFECTED_RECORDS {
                let rule = format!("a move within a tree changes at most {MAX_AFFECTED_RECORDS} records");
                return Err(Error::new(Code::LimitExceeded).entity(&entity.api_name).rule(&rule));
            }
        }
        Ok(found)
    }
}

impl Session {
    /// What stands above and below a record in a tree of its entity: the only one, or that of a field. At
    /// most `limit` records below are given, the nearest first (0 means 100, 10,000 at the most).
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `access.field_not_permitted` for a field that is masked,
    /// `schema.unknown_entity`, `schema.unknown_field`; `schema.wrong_type` for a field that makes no tree, or an entity of which no
    /// field is named and not just one does.
    pub fn tree(&self, entity: &str, id: RecordId, field: Option<&str>, limit: usize) -> Result<Tree> {
        let limit = if limit == 0 { 100 } else { limit.min(MAX_AFFECTED_RECORDS) };
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            let tree = tree_of(reader, known, field)?;
            let record = reader.get(entity, id)?;
            let ancestors = ancestors(reader, known, tree, &record)?;
            let mut descendants = descendants(reader, known, tree, id, limit.saturating_add(1))?;
            let more = descendants.len() > limit;
            descendants.truncate(limit);
            Ok(Tree { ancestors, descendants, more })
        })
    }
}

fn tree_of<'e>(reader: Reader<'_>, entity: &'e Entity, field: Option<&str>) -> Result<&'e Field> {
    let refused = |rule: &str| Error::new(Code::WrongType).entity(&entity.api_name).rule(rule);
    if let Some(name) = field {
        reader.visible(entity, &name.into())?;
        let field = entity.field(FieldName::Name(name))?;
        return if field.definition.tree { Ok(field) } else { Err(refused("tree").field(name)) };
    }
    let permit = reader.permit(entity)?;
    let mut trees = entity.trees().filter(|(tree, _)| permit.shows(tree.id()));
    match (trees.next(), trees.next()) {
        (Some((tree, _)), None) => Ok(tree),
        _ => Err(refused("name the field of the tree")),
    }
}

fn ancestors(reader: Reader<'_>, entity: &Entity, tree: &Field, of: &Listing) -> Result<Vec<Listing>> {
    let (mut found, mut passed) = (Vec::new(), BTreeSet::from([of.record.id]));
    let mut above = of.record.peek(tree.id()).as_id();
    while let Some(id) = above.filter(|id| passed.insert(*id)) {
        reader.patience.check()?;
        let Some(listing) = seen(reader, entity, id)? else { break };
        above = listing.record.peek(tree.id()).as_id();
        found.push(listing);
    }
    Ok(found)
}

fn descendants(
    reader: Reader<'_>,
    entity: &Entity,
    tree: &Field,
    of: RecordId,
    limit: usize,
) -> Result<Vec<TreeNode>> {
    let (mut found, mut passed) = (Vec::new(), BTreeSet::from([of]));
    let mut waiting = VecDeque::from([(of, 0_usize)]);
    while let Some((parent, depth)) = waiting.pop_front() {
        for id in children(reader.snapshot, entity, tree, parent)? {
            reader.patience.check()?;
            if found.len() == limit {
                return Ok(found);
            }
            if !passed.insert(id) {
                continue;
            }
            let Some(record) = seen(reader, entity, id)? else { continue };
            let depth = depth.saturating_add(1);
            found.push(TreeNode { record, parent, depth });
            waiting.push_back((id, depth));
        }
    }
    Ok(found)
}

/// A record, if the reader may see it.
fn seen(reader: Reader<'_>, entity: &Entity, id: RecordId) -> Result<Option<Listing>> {
    match reader.get(&entity.api_name, id) {
        Err(error) if error.code() == Code::RecordNotFound => Ok(None),
        found => found.map(Some),
    }
}

fn children(
    snapshot: &dyn Snapshot,
    entity: &Entity,
    tree: &Field,
    above: RecordId,
) -> Result<Vec<RecordId>> {
    let mut found = Vec::new();
    for_each_link(snapshot, above, &mut |link| {
        if (link.entity, link.field) == (entity.id(), tree.id()) {
            found.push(link.source);
        }
        Ok(())
    })?;
    Ok(found)
}
