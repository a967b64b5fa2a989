//! Activity: something that was done with a party, from a call to a note, and what follows from it.
//!
//! One that has an effect moves the clocks of the party with which it was done, and of the account to which that
//! belongs; and the account is written down with it, so that all that was done with an account is one range of an index.

use crate::base::{RecordId, Result, Timestamp, Value};
use crate::engine::{BeforeSave, Changes, Condition, Draft, Find, Page, Ref, Save, Session, Transaction};
use crate::model::{
    Account, Contact, Lead, LeadStatus, Opportunity, Stage, account, contact, lead, opportunity,
};
use crate::schema::declare::{codes, entity};
use crate::schema::{
    AnyReference, Bool, Choice, DateTime, EntityType, IndexDefinition, Int, MoneyAmount, OnDelete,
    RecordReference, Reference, SearchClass, Text,
};

codes! {
    /// What was done.
    ActivityKind {
        /// A call.
        Call = "call", "电话", "Call";
        /// A visit at theirs.
        Visit = "visit", "拜访", "Visit";
        /// A meeting, here or on a screen.
        Meeting = "meeting", "会议", "Meeting";
        /// A letter or an e-mail.
        Mail = "mail", "邮件", "Mail";
        /// A short message.
        Message = "message", "消息", "Message";
        /// A note; nobody was spoken with.
        Note = "note", "备注", "Note";
    }
}

codes! {
    /// What came of it.
    Outcome {
        /// They were spoken with.
        Reached = "reached", "已联系上", "Reached";
        /// Nobody answered.
        NotReached = "not_reached", "未联系上", "Not reached";
        /// They want to know more.
        Interested = "interested", "有意向", "Interested";
        /// They want nothing.
        NotInterested = "not_interested", "无意向", "Not interested";
        /// Something was agreed.
        Agreed = "agreed", "达成一致", "Agreed";
        /// It is to be gone on with.
        FollowUp = "follow_up", "待跟进", "Follow up";
    }
}

codes! {
    /// How they met it.
    Attitude {
        /// Friendly.
        Positive = "positive", "积极", "Positive";
        /// Neither.
        Neutral = "neutral", "中立", "Neutral";
        /// Averse.
        Negative = "negative", "消极", "Negative";
    }
}

/// With whom something is done.
pub type Party = (Account, Contact, Lead, Opportunity);

entity! {
    /// Something that was done with an account, a contact, a lead or for a deal.
    Activity = ("crm", 8, "activity", "跟进记录", "Activity",
        "与客户、联系人、线索或围绕商机所做的一次跟进。", title "subject", data_subject false);
    /// What it was about, in a few words.
    SUBJECT: Text = 1, "subject", "主题", "Subject", "跟进的主题，简要说明。",
        [required = true, search = Some(SearchClass::Title)];
    /// What was done.
    KIND: Choice<ActivityKind> = 2, "kind", "方式", "Kind", "跟进的方式。", [required = true, indexed = true];
    /// With whom, or for which deal.
    REGARDING: AnyReference<Party> = 3, "regarding", "关联对象", "Regarding", "跟进的对象。",
        [required = true, on_delete = OnDelete::Cascade];
    /// When it was; now if not said.
    AT: DateTime = 4, "at", "时间", "At", "跟进的时刻；未填写时为当前时刻。", [indexed = true];
    /// How long it took.
    MINUTES: Int = 5, "minutes", "时长（分钟）", "Minutes", "所用的分钟数。", [];
    /// What came of it.
    OUTCOME: Choice<Outcome> = 6, "outcome", "结果", "Outcome", "跟进的结果。", [indexed = true];
    /// How they met it.
    ATTITUDE: Choice<Attitude> = 7, "attitude", "态度", "Attitude", "对方的态度。", [];
    /// What they want, in their words.
    INTENTION: Text = 8, "intention", "意向", "Intention", "对方的意向，以其表述为准。", [search = Some(SearchClass::Body)];
    /// When they are to be contacted next.
    NEXT_CONTACT_AT: DateTime = 9, "next_contact_at", "下次联系时间", "Next contact", "计划下次联系的时刻。",
        [indexed = true];
    /// Whether it counts as work on the party, by which pools leave it where it is. If not said, all do but notes, and
    /// calls and visits that reached nobody.
    EFFECTIVE: Bool = 10, "effective", "有效跟进", "Effective",
        "是否计为有效跟进（影响公海回收计时）；未填写时，除备注和未联系上者外均有效。", [];
    /// What it cost.
    COST: MoneyAmount = 11, "cost", "费用", "Cost", "跟进所花的费用。", [];
    /// The place of a visit, in words.
    PLACE: Text = 12, "place", "地点", "Place", "拜访的地点。", [];
    /// What was said and done.
    NOTE: Text = 13, "note", "内容", "Note", "跟进的具体内容。", [search = Some(SearchClass::Body)];
    /// The stage to which the deal went with it.
    STAGE: Reference<Stage> = 14, "stage", "推进至阶段", "Stage", "随本次跟进推进到的商机阶段。", [];
    /// The account to which the party belongs. The engine keeps it.
    ACCOUNT: Reference<Account> = 15, "account", "客户", "Account", "跟进对象所属的客户，由引擎维护。",
        [read_only = true, on_delete = OnDelete::Cascade];
}

/// A draft of an activity with a subject, a kind and a party.
#[must_use]
pub fn with(kind: ActivityKind, subject: &str, party: impl Into<RecordReference>) -> Draft<Activity> {
    Draft::new().with(KIND, kind).with(SUBJECT, subject).with(REGARDING, party.into())
}

/// All that was done with an account, newest first.
pub(super) fn by_account() -> IndexDefinition {
    IndexDefinition::new("crm", 1, "by_account").rising(ACCOUNT.name()).falling(AT.name())
}

/// All that was done with a party, newest first.
pub(super) fn by_party() -> IndexDefinition {
    IndexDefinition::new("crm", 2, "by_party").rising(REGARDING.name()).falling(AT.name())
}

/// Records an activity, and in the same transaction what the party is to do next: the next contact of a lead, and the
/// stage of a deal.
///
/// # Errors
/// As [`Transaction::create_record`]; `access.not_permitted` without the right to change the lead or the deal.
pub fn record(transaction: &mut Transaction<'_>, draft: Changes) -> Result<Ref<Activity>> {
    let id = transaction.create_record(Activity::NAME, draft)?;
    let made = transaction.get_record(Activity::NAME, id)?;
    let party = made.value(REGARDING)?;
    let (entity, about) = (party.part("entity").as_text(), party.part("id").as_id());
    let (stage, next) = (made.value(STAGE)?, made.value(NEXT_CONTACT_AT)?);
    match (entity, about) {
        (Some(Opportunity::NAME), Some(deal)) if !stage.is_null() => {
            let changes = Changes::new().set(opportunity::STAGE, stage);
            transaction.update_record(Opportunity::NAME, deal, changes)?;
        }
        (Some(Lead::NAME), Some(about)) if !next.is_null() => {
            let changes = Changes::new().set(lead::NEXT_CONTACT_AT, next);
            transaction.update_record(Lead::NAME, about, changes)?;
        }
        _ => {}
    }
    Ok(Ref::new(id))
}

impl Session {
    /// What was done with a party, newest first: of an account also what was done with its contacts and for its deals.
    /// Each is seen by who may see that activity.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::find`].
    pub fn timeline(&self, party: &RecordReference, find: Find) -> Result<Page> {
        let of_party = match party.entity.as_str() {
            Account::NAME => ACCOUNT.is(party.id),
            entity => Condition::refers_to(REGARDING, entity, party.id),
        };
        let filter = Condition::All(vec![of_party, find.filter]);
        self.list(Activity::NAME, &Find { filter, sort: vec![AT.descending()], ..find })
    }
}

/// The rule that fills in what follows from an activity, and moves clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct MoveClocks;

impl BeforeSave for MoveClocks {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if save.value(AT)?.is_null() {
            let now = save.now();
            save.set(AT, now)?;
        }
        if save.value(EFFECTIVE)?.is_null() {
            let effective = is_effective(save)?;
            save.set(EFFECTIVE, effective)?;
        }
        let party = save.value(REGARDING)?;
        let (entity, id) = (party.part("entity").as_text().unwrap_or_default(), party.part("id").as_id());
        let Some(id) = id else { return Ok(()) };
        let account = account_of(save, entity, id)?;
        save.set(ACCOUNT, account)?;
        let Value::DateTime(at) = save.value(AT)? else { return Ok(()) };
        let moves =
            save.is_new() || save.changes(AT)? || save.changes(EFFECTIVE)? || save.changes(REGARDING)?;
        // What is planned for later is no work yet.
        if save.value(EFFECTIVE)? == Value::Bool(true) && moves && at <= save.now() {
            touch(save, entity, id, at)?;
            if let Some(account) = account.filter(|account| *account != id) {
                touch(save, Account::NAME, account, at)?;
            }
        }
        Ok(())
    }
}

fn is_effective(save: &Save<'_>) -> Result<bool> {
    let is_note = save.value(KIND)?.as_text() == Some(ActivityKind::Note.code());
    Ok(!is_note && save.value(OUTCOME)?.as_text() != Some(Outcome::NotReached.code()))
}

fn account_of(save: &Save<'_>, entity: &str, id: RecordId) -> Result<Option<RecordId>> {
    Ok(match entity {
        Account::NAME => Some(id),
        Contact::NAME => save.value_of(entity, id, contact::ACCOUNT)?.as_id(),
        Opportunity::NAME => save.value_of(entity, id, opportunity::ACCOUNT)?.as_id(),
        _ => None,
    })
}

/// Moves the clock of a party forward, never back, and begins with a lead that nobody has contacted yet.
fn touch(save: &mut Save<'_>, entity: &str, id: RecordId, at: Timestamp) -> Result<()> {
    let newer = |before: Value| !matches!(before, Value::DateTime(before) if before >= at);
    match entity {
        Account::NAME if newer(save.value_of(entity, id, account::LAST_ACTIVITY_AT)?) => {
            save.also_update(entity, id, Changes::new().set(account::LAST_ACTIVITY_AT, at));
        }
        Opportunity::NAME if newer(save.value_of(entity, id, opportunity::LAST_ACTIVITY_AT)?) => {
            save.also_update(entity, id, Changes::new().set(opportunity::LAST_ACTIVITY_AT, at));
        }
        Lead::NAME => {
            let mut changes = Changes::new();
            if newer(save.value_of(entity, id, lead::LAST_ACTIVITY_AT)?) {
                changes = changes.set(lead::LAST_ACTIVITY_AT, at);
            }
            let status = save.value_of(entity, id, lead::STATUS)?;
            let waits = [LeadStatus::New, LeadStatus::Assigned].map(LeadStatus::code);
            if status.as_text().is_some_and(|status| waits.contains(&status)) {
                changes = changes.set(lead::STATUS, LeadStatus::Contacting);
            }
            save.also_update(entity, id, changes);
        }
        _ => {}
    }
    Ok(())
}
