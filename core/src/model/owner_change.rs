//! Owner change: who had a customer or a lead before, and how it came to be another's.

use crate::base::{RecordId, Result, Value};
use crate::engine::{Changes, Pool, Save, User};
use crate::schema::declare::{codes, entity};
use crate::schema::{AnyReference, Choice, DateTime, EntityType, OnDelete, RecordReference, Text};

codes! {
    /// How a record came to another owner.
    OwnerChangeKind {
        /// Somebody claimed it from a pool.
        Claimed = "claimed", "领取", "Claimed";
        /// Somebody was given it.
        Assigned = "assigned", "分配", "Assigned";
        /// Its owner gave it back to a pool.
        Returned = "returned", "退回", "Returned";
        /// A pool took it back, because nobody worked at it.
        Recycled = "recycled", "自动回收", "Recycled";
    }
}

entity! {
    /// One change of the owner of an account or a lead, written by the rule of owners and by nobody else.
    OwnerChange = ("crm", 12, "owner_change", "负责人变更", "Owner change",
        "客户或线索的一次负责人变更，由规则自动写入。", title "cause", data_subject false);
    /// The id of what changed hands. It is a text, so that the history holds nothing back and outlives the record.
    RECORD: Text = 1, "record", "对象", "Record", "变更负责人的记录标识。",
        [required = true, indexed = true, read_only = true];
    /// The entity of what changed hands, by API name.
    ENTITY: Text = 8, "entity", "实体", "Entity", "变更负责人的记录所属实体的 API 名称。",
        [required = true, read_only = true];
    /// Whose it was: a user or a pool.
    FROM: AnyReference<(User, Pool)> = 2, "from_owner", "原负责人", "From", "变更前的负责人或公海。",
        [read_only = true, on_delete = OnDelete::SetNull];
    /// Whose it is from then on.
    TO: AnyReference<(User, Pool)> = 3, "to_owner", "新负责人", "To", "变更后的负责人或公海。",
        [read_only = true, on_delete = OnDelete::SetNull];
    /// When.
    AT: DateTime = 4, "at", "时间", "At", "变更的时刻。", [required = true, indexed = true, read_only = true];
    /// How it came about.
    KIND: Choice<OwnerChangeKind> = 5, "kind", "方式", "Kind", "变更的方式。",
        [required = true, indexed = true, read_only = true];
    /// The verb, import or plugin that did it, as the ledger has it.
    CAUSE: Text = 6, "cause", "操作", "Cause", "引起变更的操作，与账本一致。", [required = true, read_only = true];
    /// Who did it.
    BY: crate::schema::Reference<User> = 7, "by_user", "操作人", "By", "执行变更的用户。",
        [read_only = true, on_delete = OnDelete::SetNull];
}

/// How the owner of a record that is being saved changes.
pub(super) fn kind_of(save: &Save<'_>, (from, to): (RecordId, RecordId)) -> OwnerChangeKind {
    match (save.is_pool(from), save.is_pool(to)) {
        (_, true) if save.cause().ends_with(super::pool_policy::RECYCLE) => OwnerChangeKind::Recycled,
        (_, true) => OwnerChangeKind::Returned,
        (true, false) if save.user() == Some(to) => OwnerChangeKind::Claimed,
        (_, false) => OwnerChangeKind::Assigned,
    }
}

/// Writes down that a record that is being saved has another owner from now on.
pub(super) fn note(save: &mut Save<'_>, (from, to): (RecordId, RecordId)) -> Result<()> {
    let owner = |id: RecordId| {
        let entity = if save.is_pool(id) { Pool::NAME } else { User::NAME };
        RecordReference::new(entity, id)
    };
    // What a pool has goes when the pool does; what is written down is the last person's, and so stays.
    let keeper = match (save.is_pool(from), save.is_pool(to)) {
        (_, false) => to,
        (false, true) => from,
        (true, true) => save.user().unwrap_or(to),
    };
    let changes = Changes::new()
        .owner(keeper)
        .set(RECORD, save.record().to_string())
        .set(ENTITY, save.entity())
        .set(FROM, owner(from))
        .set(TO, owner(to))
        .set(AT, save.now())
        .set(KIND, kind_of(save, (from, to)))
        .set(CAUSE, save.cause())
        .set(BY, save.user().map_or(Value::Null, Value::from));
    save.also_create(OwnerChange::NAME, changes);
    Ok(())
}
