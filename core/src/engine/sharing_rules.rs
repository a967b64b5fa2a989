//! Sharing rules by criteria and references by which records follow others: made, changed, listed, and carried through
//! to the records that stand.

use std::sync::Arc;

use crate::access::{Action, InheritedAccess, Principals, Read, SharingRule, inherited_access, sharing_rule};
use crate::base::{Code, EntityId, Error, Patience, RecordId, Result, Timestamp, Value};
use crate::engine::opening::{StatedInheritance, StatedRule, said};
use crate::engine::organisation::{KeptPolicy, stated_of};
use crate::engine::{Changes, Crm, Reader, Session, ShareLevel, Transaction, WriteOptions};
use crate::records::{self, Filter, Marked, MarkingPass, Record, mark_chunk, records_made, scan_all};
use crate::schema::{Entity, EntityType, FieldName, Registry};

/// Longest reason, in bytes of UTF-8.
const MAX_REASON_BYTES: usize = 2_000;

/// A rule that is to share records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSharingRule {
    /// What it is called.
    pub name: String,
    /// The entity of the records.
    pub entity: String,
    /// The condition, as an expression over stored fields of the record.
    pub criteria: String,
    /// With whom.
    pub with: Principals,
    /// What it lets be done.
    pub level: ShareLevel,
    /// Why, at most 2,000 bytes.
    pub reason: Option<String>,
}

/// What is to be otherwise of a rule; what nothing is said of stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharingRuleChange {
    /// What it is called.
    pub name: Option<String>,
    /// Another condition, by which a new rule takes the place of this one.
    pub criteria: Option<String>,
    /// With whom.
    pub with: Option<Principals>,
    /// What it lets be done.
    pub level: Option<ShareLevel>,
    /// Whether it is switched off.
    pub off: Option<bool>,
    /// Why.
    pub reason: Option<String>,
}

/// How far records are marked for a rule. To who does not see all records of the entity no numbers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkingProgress {
    /// Records that were looked at.
    pub done: u64,
    /// Records there are to look at, about.
    pub total: u64,
}

/// A rule by which records are shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriteriaRule {
    /// The rule.
    pub id: RecordId,
    /// What it is called.
    pub name: String,
    /// The entity, by the API name that it has now.
    pub entity: String,
    /// The condition.
    pub criteria: String,
    /// With whom.
    pub with: Principals,
    /// What it lets be done.
    pub level: ShareLevel,
    /// Whether it is switched off.
    pub off: bool,
    /// Whether it is understood. One whose fields are gone, or bear other names now, opens nothing.
    pub understood: bool,
    /// Why, if that was said.
    pub reason: Option<String>,
    /// Who changed it last.
    pub by: RecordId,
    /// When.
    pub at: Timestamp,
    /// How far records are marked; nothing where all are.
    pub pending: Option<MarkingProgress>,
}

/// A reference by which records are to follow the access of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInheritance {
    /// The entity of the records that refer.
    pub entity: String,
    /// The field by which they refer.
    pub field: String,
    /// How much follows.
    pub level: ShareLevel,
    /// Why, at most 2,000 bytes.
    pub reason: Option<String>,
}

/// A reference by which records follow the access of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InheritanceSetting {
    /// The setting.
    pub id: RecordId,
    /// The entity of the records that refer, by the API name that it has now.
    pub entity: String,
    /// The field by which they refer.
    pub field: String,
    /// The entity of the records referred to; nothing where the setting is not understood.
    pub parent: Option<String>,
    /// How much follows.
    pub level: ShareLevel,
    /// Whether it is switched off.
    pub off: bool,
    /// Why, if that was said.
    pub reason: Option<String>,
    /// How far records are marked; nothing where all are.
    pub pending: Option<MarkingProgress>,
}

impl Session {
    /// Shares records that meet a condition, and gives the id of the rule. It marks the records that stand in chunks of
    /// a thousand, between which others write, and opens each as it comes to it; the listener of the session's patience
    /// is told the phase `access`. Where that is interrupted, [`Session::mark_records`] goes on with it. Records that
    /// are written from now on follow in the same transaction.
    ///
    /// A rule opens records and no kind of work: whoever it shares with needs the action granted on some records of
    /// the entity. What is forbidden of a record's owner or unit stays so. It holds in the partition of its author.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to make rules; `access.beyond_own_rights` for an author who may not do
    /// as much to all records of the entity; `schema.unknown_entity`; `schema.invalid_expression` for a condition that
    /// names a field that is not there or hidden from the author, one that is worked out, or the time;
    /// `record.reference_missing`; `input.invalid_argument` for entities of the organisation and for links;
    /// `input.limit_exceeded` beyond 100 rules of one entity.
    pub fn define_sharing_rule(&self, rule: &NewSharingRule) -> Result<RecordId> {
        check_reason(rule.reason.as_deref())?;
        let options = WriteOptions::default().cause("access.rule.define");
        let id = self.write_with(options, |transaction| {
            transaction.create_record(SharingRule::NAME, changes_of(rule))
        })?;
        self.crm().mark_records(self.user(), self.patience())?;
        Ok(id)
    }

    /// Changes a rule, and gives its id. With whom it shares, its level and whether it is on hold from the next call
    /// on. A new condition makes another rule, so that nothing of the old one holds from then on, and the new one opens
    /// records as a pass comes to them.
    ///
    /// # Errors
    /// As [`Session::define_sharing_rule`]; `record.not_found`.
    pub fn change_sharing_rule(&self, id: RecordId, change: &SharingRuleChange) -> Result<RecordId> {
        check_reason(change.reason.as_deref())?;
        let options = WriteOptions::default().cause("access.rule.change");
        let id = self.write_with(options, |transaction| transaction.change_sharing_rule(id, change))?;
        self.crm().mark_records(self.user(), self.patience())?;
        Ok(id)
    }

    /// Takes a rule away. It opens nothing from the next call on. The marks that records have by it stay until they are
    /// written, or the next pass comes to them.
    ///
    /// # Errors
    /// `access.not_permitted`, `record.not_found`.
    pub fn remove_sharing_rule(&self, id: RecordId) -> Result<()> {
        let options = WriteOptions::default().cause("access.rule.remove");
        self.write_with(options, |transaction| transaction.delete_record(SharingRule::NAME, id))
    }

    /// The rules that this user may see, in the order in which they were made, with how far records are marked.
    ///
    /// # Errors
    /// `access.not_permitted`.
    pub fn sharing_rules(&self) -> Result<Vec<CriteriaRule>> {
        self.read(|reader| {
            let (entity, rows) = stated_rows::<SharingRule>(&reader)?;
            rows.iter().filter_map(|record| told_rule(&reader, entity, record)).collect()
        })
    }

    /// Lets records that refer to others by a field follow the access to these, and gives the id of the setting: who
    /// may read the one may read the records that refer to it, from level `edit` on who may change it may change them,
    /// and from level `full` on who may delete, assign, share or lock it may do so to them. A single share of
    /// the one reaches the others as far as it goes, for at most 10,000 records that one person reaches so. Records that
    /// stand are marked as for [`Session::define_sharing_rule`]; when the class of
    /// the one changes, those of the others change in the same transaction.
    ///
    /// # Errors
    /// As [`Session::define_sharing_rule`]; `input.invalid_argument` for a field that is no reference to one record of
    /// one entity, and where entities would follow each other in a circle; `schema.not_unique`.
    pub fn inherit_access(&self, setting: &NewInheritance) -> Result<RecordId> {
        check_reason(setting.reason.as_deref())?;
        let options = WriteOptions::default().cause("access.inherit.define");
        let changes = || {
            Changes::new()
                .set(inherited_access::ENTITY, setting.entity.as_str())
                .set(inherited_access::FIELD, setting.field.as_str())
                .set(inherited_access::LEVEL, setting.level)
                .set(inherited_access::REASON, setting.reason.as_deref().map_or(Value::Null, Value::from))
        };
        let id = self
            .write_with(options, |transaction| transaction.create_record(InheritedAccess::NAME, changes()))?;
        self.crm().mark_records(self.user(), self.patience())?;
        Ok(id)
    }

    /// Changes how much follows, and whether anything does. It holds from the next call on.
    ///
    /// # Errors
    /// As [`Session::inherit_access`]; `record.not_found`.
    pub fn change_inheritance(
        &self,
        id: RecordId,
        level: Option<ShareLevel>,
        off: Option<bool>,
    ) -> Result<()> {
        let options = WriteOptions::default().cause("access.inherit.change");
        self.write_with(options, |transaction| {
            let mut changes = Changes::new();
            if let Some(level) = level {
                changes = changes.set(inherited_access::LEVEL, level);
            }
            if let Some(off) = off {
                changes = changes.set(inherited_access::OFF, off);
            }
            transaction.update_record(InheritedAccess::NAME, id, changes).map(drop)
        })
    }

    /// Lets records follow no longer. It holds from the next call on.
    ///
    /// # Errors
    /// `access.not_permitted`, `record.not_found`.
    pub fn stop_inheriting(&self, id: RecordId) -> Result<()> {
        let options = WriteOptions::default().cause("access.inherit.remove");
        self.write_with(options, |transaction| transaction.delete_record(InheritedAccess::NAME, id))
    }

    /// The references by which records follow others, as far as this user may see them.
    ///
    /// # Errors
    /// `access.not_permitted`.
    pub fn inheritances(&self) -> Result<Vec<InheritanceSetting>> {
        self.read(|reader| {
            let (entity, rows) = stated_rows::<InheritedAccess>(&reader)?;
            rows.iter().filter_map(|record| told_setting(&reader, entity, record)).collect()
        })
    }

    /// Goes on with marking records for rules and references that are new, where that was interrupted or they came
    /// through the door of all records. The listener of the session's patience is told the phase `access`.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to make rules; `engine.cancelled`, `engine.deadline_exceeded`, after
    /// which the next call goes on where this one stopped.
    pub fn mark_records(&self) -> Result<()> {
        self.check_may(SharingRule::NAME, Action::Create)?;
        self.crm().mark_records(self.user(), self.patience())
    }
}

impl Transaction<'_> {
    fn change_sharing_rule(&mut self, id: RecordId, change: &SharingRuleChange) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(SharingRule::NAME)?;
        let record = self.readable(entity, id)?;
        let value = said(entity, &record);
        let damaged = || Error::new(Code::Damaged).entity(SharingRule::NAME).record(id);
        let stated = StatedRule::of(&record, &value).ok_or_else(damaged)?;
        let text = |name: FieldName<'static>| value(name).as_text().map(str::to_owned);
        let reason = change.reason.clone().or_else(|| text(sharing_rule::REASON.selector()));
        let rule = NewSharingRule {
            name: change.name.clone().or_else(|| text(sharing_rule::NAME.selector())).unwrap_or_default(),
            entity: stated.entity,
            criteria: change.criteria.clone().unwrap_or_else(|| stated.criteria.clone()),
            with: change.with.unwrap_or(stated.with),
            level: change.level.unwrap_or(stated.level),
            reason,
        };
        let off = change.off.unwrap_or(stated.off);
        let changes = changes_of(&rule).set(sharing_rule::OFF, off);
        if rule.criteria == stated.criteria {
            self.update_record(SharingRule::NAME, id, changes)?;
            return Ok(id);
        }
        self.delete_record(SharingRule::NAME, id)?;
        self.create_record(SharingRule::NAME, changes)
    }
}

impl Crm {
    /// Marks the records that wait for it, chunk by chunk.
    pub(super) fn mark_records(&self, actor: RecordId, patience: &Patience) -> Result<()> {
        let mut done = 0_u64;
        while let Some(entity) = MarkingPass::pending(self.snapshot()?.as_ref(), 1)?.pop() {
            patience.check()?;
            let marked = self.mark_some(actor, entity, patience)?;
            done = done.saturating_add(marked.looked_at);
            patience.tell("access", done, 0);
        }
        Ok(())
    }

    fn mark_some(&self, actor: RecordId, id: EntityId, patience: &Patience) -> Result<Marked> {
        let registry = self.registry();
        // Whoever wants small builds wants small chunks here too.
        let most = self.inner.build_at_once;
        let mut marked = Marked::default();
        self.system_write(actor, "access.mark", |view, context| {
            marked = match registry.entity_by_id(id) {
                Ok(entity) => mark_chunk(view, context, entity, most, patience)?,
                Err(_) => {
                    MarkingPass::forget(view, id);
                    Marked { finished: true, ..Marked::default() }
                }
            };
            Ok(())
        })?;
        Ok(marked)
    }

    /// Lets a pass begin over the records of every entity of which a rule or a reference speaks, for records that came
    /// from a backup.
    pub(super) fn begin_marking_anew(view: &mut records::WriteView<'_>, registry: &Registry) -> Result<()> {
        // Who holds a position is of no account here, so any moment will do.
        let since = Timestamp::from_micros(i64::MIN);
        let policy = KeptPolicy::load(view, registry, since)?.policy;
        let rules = stated_of::<SharingRule, _>(view, registry, &policy, StatedRule::of)?;
        let settings = stated_of::<InheritedAccess, _>(view, registry, &policy, StatedInheritance::of)?;
        let named = rules.iter().map(|rule| &rule.entity).chain(settings.iter().map(|stated| &stated.entity));
        let entities: Vec<EntityId> =
            named.filter_map(|name| Some(registry.entity(name).ok()?.id())).collect();
        entities.into_iter().try_for_each(|entity| MarkingPass::begin(view, entity, since))
    }
}

fn changes_of(rule: &NewSharingRule) -> Changes {
    let named = |wanted: Option<RecordId>| wanted.map_or(Value::Null, Value::Id);
    let (user, team, role, unit, below) = match rule.with {
        Principals::User(user) => (Some(user), None, None, None, false),
        Principals::Team(team) => (None, Some(team), None, None, false),
        Principals::Role(role) => (None, None, Some(role), None, false),
        Principals::Unit { unit, below } => (None, None, None, Some(unit), below),
    };
    Changes::new()
        .set(sharing_rule::NAME, rule.name.as_str())
        .set(sharing_rule::ENTITY, rule.entity.as_str())
        .set(sharing_rule::CRITERIA, rule.criteria.as_str())
        .set(sharing_rule::LEVEL, rule.level)
        .set(sharing_rule::USER, named(user))
        .set(sharing_rule::TEAM, named(team))
        .set(sharing_rule::ROLE, named(role))
        .set(sharing_rule::UNIT, named(unit))
        .set(sharing_rule::BELOW, below)
        .set(sharing_rule::REASON, rule.reason.as_deref().map_or(Value::Null, Value::from))
}

fn check_reason(reason: Option<&str>) -> Result<()> {
    if reason.is_some_and(|reason| reason.len() > MAX_REASON_BYTES) {
        let rule = format!("reason <= {MAX_REASON_BYTES} bytes");
        return Err(Error::new(Code::LimitExceeded).entity(SharingRule::NAME).field("reason").rule(&rule));
    }
    Ok(())
}

/// An entity, and the records of it that the reader sees, in the order of their ids.
fn stated_rows<'r, E: EntityType>(reader: &Reader<'r>) -> Result<(&'r Entity, Vec<Record>)> {
    let entity = reader.registry.entity(E::NAME)?;
    let permit = reader.policy.decide::<Read>(reader.user, entity.id(), &entity.api_name)?;
    let far = records::FarPermits::new();
    let mut rows = Vec::new();
    scan_all(&reader.sight(entity, &permit, &far), &Filter::Everything, &mut |record| {
        rows.push(record.clone());
        Ok(())
    })?;
    rows.sort_by_key(|record| record.id);
    Ok((entity, rows))
}

/// What a rule says; nothing for one of a newer engine that this one does not understand.
fn told_rule(reader: &Reader<'_>, entity: &Entity, record: &Record) -> Option<Result<CriteriaRule>> {
    let value = said(entity, record);
    let stated = StatedRule::of(record, &value)?;
    let understood = stated.understood(reader.registry).is_some();
    let text = |name: FieldName<'static>| value(name).as_text().map(str::to_owned);
    let shared = reader.registry.present_name(&stated.entity).to_owned();
    let told = progress(reader, &shared, record).map(|pending| CriteriaRule {
        id: record.id,
        name: text(sharing_rule::NAME.selector()).unwrap_or_default(),
        entity: shared,
        criteria: stated.criteria,
        with: stated.with,
        level: stated.level,
        off: stated.off,
        understood,
        reason: text(sharing_rule::REASON.selector()),
        by: record.envelope.modified_by,
        at: record.envelope.modified.at(),
        pending,
    });
    Some(told)
}

fn told_setting(reader: &Reader<'_>, entity: &Entity, record: &Record) -> Option<Result<InheritanceSetting>> {
    let value = said(entity, record);
    let stated = StatedInheritance::of(record, &value)?;
    let parent = stated.understood(reader.registry).map(|(_, _, parent)| parent.api_name.clone());
    let following = reader.registry.present_name(&stated.entity).to_owned();
    let told = progress(reader, &following, record).map(|pending| InheritanceSetting {
        id: record.id,
        entity: following,
        field: stated.field,
        parent,
        level: stated.level,
        off: stated.off,
        reason: value(inherited_access::REASON.selector()).as_text().map(str::to_owned),
        pending,
    });
    Some(told)
}

/// How far the records of an entity are marked for a rule or reference, where a pass is being made for it.
fn progress(reader: &Reader<'_>, entity: &str, rule: &Record) -> Result<Option<MarkingProgress>> {
    let Ok(entity) = reader.registry.entity(entity) else { return Ok(None) };
    let pass = MarkingPass::of(reader.snapshot, entity.id())?;
    let Some(pass) = pass.filter(|pass| pass.since <= rule.envelope.created.at()) else { return Ok(None) };
    // How many records there are is told to who sees all of them.
    let sees_all = reader.permit(entity).is_ok_and(|permit| permit.reaches_everything());
    let total = if sees_all { records_made(reader.snapshot, entity)? } else { 0 };
    Ok(Some(MarkingProgress { done: pass.done.min(total), total }))
}
