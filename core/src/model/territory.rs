//! Territory: a part of the market, by city, line of business or any condition, and who works there.
//!
//! Territories stand in trees. A record belongs to the deepest one that it meets, with all above it that say anything;
//! whoever names one decides otherwise, until the field is emptied again.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::{RecordId, Result, Value};
use crate::engine::{
    BeforeSave, Bulk, BulkDone, BulkOutcome, Changes, Condition, Registrar, Save, Seen, Selection, Session,
    Upserted, User,
};
use crate::model::pool_policy::PooledEntity;
use crate::model::{Account, Lead, account};
use crate::schema::declare::entity;
use crate::schema::{Bool, EntityType, Int, OnDelete, Reference, Text};

/// The verb that places records anew.
const APPLY: &str = "territory.apply";
/// Most steps from a territory to the top of its tree.
pub(super) const MAX_DEPTH: usize = 100;

entity! {
    /// A part of the market. What it says of cities, lines of business and conditions is met all at once; one that says
    /// nothing holds others together.
    Territory = ("crm", 13, "territory", "区域", "Territory",
        "市场的一部分，按城市、行业或条件划分；未设条件者仅用于归总下级。", title "name", data_subject false);
    /// What it is called.
    NAME: Text = 1, "name", "名称", "Name", "区域名称。", [required = true, indexed = true];
    /// The territory of which it is a part.
    PARENT: Reference<Territory> = 2, "parent", "上级区域", "Parent", "所属的上级区域。", [tree = true];
    /// The cities, separated by commas.
    CITIES: Text = 3, "cities", "城市", "Cities", "包含的城市，以逗号分隔。", [];
    /// The lines of business, separated by commas.
    INDUSTRIES: Text = 4, "industries", "行业", "Industries", "包含的行业，以逗号分隔。", [];
    /// A condition on leads; those that meet none belong to no territory that has one.
    LEAD_CONDITION: Text = 5, "lead_condition", "线索条件", "Condition on leads", "线索须满足的条件表达式。", [];
    /// A condition on accounts.
    ACCOUNT_CONDITION: Text = 6, "account_condition", "客户条件", "Condition on accounts", "客户须满足的条件表达式。", [];
    /// Which of two that are as deep comes first; the smaller one.
    POSITION: Int = 7, "position", "顺序", "Position", "层级相同时的先后次序，小者优先。", [indexed = true];
    /// Whether records belong to it and to those below it; yes unless it is said. One that is no longer wanted is switched
    /// off: while records name it, it is not deleted.
    ACTIVE: Bool = 8, "active", "启用", "Active", "是否启用，含下级；未填写时为是。不再使用时请停用，仍被记录引用的区域不可删除。", [];
    /// How far turns among its members have gone. The engine keeps it.
    TURN: Int = 9, "turn", "轮次", "Turn", "成员轮流分配的进度，由引擎维护。", [read_only = true];
}

/// Who works in a territory.
pub mod territory_member {
    use super::{Int, OnDelete, Reference, Territory, Text, User, entity};

    entity! {
        /// Somebody who works in a territory, and to whom rules give its records.
        TerritoryMember = ("crm", 14, "territory_member", "区域成员", "Territory member",
            "在区域内工作、可按规则分得其记录的人员。", title "key", data_subject false);
        /// The territory.
        TERRITORY: Reference<Territory> = 1, "territory", "区域", "Territory", "所在的区域。",
            [required = true, on_delete = OnDelete::Cascade];
        /// Who works there.
        USER: Reference<User> = 2, "user", "成员", "User", "在该区域工作的用户。",
            [required = true, on_delete = OnDelete::Cascade];
        /// How many turns the member has where another one has one, from 1 to 100; 1 if not said.
        WEIGHT: Int = 3, "weight", "权重", "Weight", "相对的分配份额，1 至 100；未填写时为 1。", [];
        /// Most records that the member works at, if there is a limit.
        CAPACITY: Int = 4, "capacity", "容量", "Capacity", "最多同时跟进的记录数；为空则不限。", [];
        /// How far the member's own turns have gone. The engine keeps it.
        PASS: Int = 5, "pass", "已轮次", "Pass", "该成员的轮次进度，由引擎维护。", [read_only = true];
        /// What stands once: the territory and the user. The engine keeps it.
        KEY: Text = 6, "key", "唯一标识", "Key", "由区域与成员构成的唯一标识，由引擎维护。", [unique = true, read_only = true];
    }
}

pub use territory_member::TerritoryMember;

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(Territory::definition().in_module("parties"));
    registrar.entity(TerritoryMember::definition().in_module("parties"));
    registrar.everybody_reads(Territory::NAME);
    registrar.before_save(Territory::NAME, 100, Arc::new(CheckTerritory));
    for of in [PooledEntity::Account, PooledEntity::Lead] {
        registrar.before_save(entity_of(of), 150, Arc::new(Place(of)));
    }
}

/// The entity of what is placed and assigned.
#[must_use]
pub fn entity_of(of: PooledEntity) -> &'static str {
    match of {
        PooledEntity::Account => Account::NAME,
        PooledEntity::Lead => Lead::NAME,
    }
}

/// The items of a list in one text.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '，', '、', ';', '；', '\n']).map(str::trim).filter(|item| !item.is_empty())
}

/// Holds a territory to conditions that are understood; it is made by who administers territories.
struct CheckTerritory;

impl BeforeSave for CheckTerritory {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if save.changes_what_is_said() {
            save.check_user_administers()?;
        }
        if save.value(ACTIVE)?.is_null() {
            save.set(ACTIVE, true)?;
        }
        for (field, entity) in [(LEAD_CONDITION, Lead::NAME), (ACCOUNT_CONDITION, Account::NAME)] {
            if let (true, Some(criteria)) = (save.changes(field)?, save.value(field)?.as_text()) {
                save.check_criteria(entity, criteria).map_err(|error| error.field(field.name()))?;
            }
        }
        Ok(())
    }
}

/// The rule that keeps the territory of an account or a lead. Both name the fields alike.
struct Place(PooledEntity);

impl BeforeSave for Place {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let (field, named) = (account::TERRITORY.name(), account::TERRITORY_NAMED.name());
        if save.changes(field)? {
            let said = !save.value(field)?.is_null();
            save.set(named, said.then_some(true))?;
        }
        let again = save.cause().contains(APPLY);
        if save.value(named)? == Value::Bool(true) || !(again || save.changes_what_is_said()) {
            return Ok(());
        }
        let found = self.find(save)?;
        save.set(field, found)
    }
}

/// What a territory comes to for one record.
struct Met {
    parent: Option<RecordId>,
    /// Whether what it says is met; nothing where it says nothing.
    said: Option<bool>,
}

impl Place {
    /// The deepest territory that the record meets.
    fn find(&self, save: &Save<'_>) -> Result<Option<RecordId>> {
        let rows = save.seen(Territory::NAME, &ACTIVE.is(true), POSITION)?;
        let met = |row: &Seen<'_>| {
            let parent = row.value(PARENT)?.as_id();
            Ok((row.id(), Met { parent, said: self.says(save, row)? }))
        };
        let territories = rows.iter().map(met).collect::<Result<HashMap<_, _>>>()?;
        let depth = |row: &Seen<'_>| depth_of(&territories, row.id()).map(|depth| (depth, row.id()));
        // Of those that are as deep the first one stays.
        let deepest =
            rows.iter().filter_map(depth).reduce(|best, next| if next.0 > best.0 { next } else { best });
        Ok(deepest.map(|(_, id)| id))
    }

    /// Whether all that a territory says is met by the record.
    fn says(&self, save: &Save<'_>, row: &Seen<'_>) -> Result<Option<bool>> {
        let mut said = None;
        for (list, field) in [(CITIES, account::CITY.name()), (INDUSTRIES, account::INDUSTRY.name())] {
            let Value::Text(list) = row.value(list)? else { continue };
            let value = save.value(field)?;
            let value = value.as_text().unwrap_or_default().trim().to_lowercase();
            said = Some(said.unwrap_or(true) && items(&list).any(|item| item.to_lowercase() == value));
        }
        let conditions = [row.value(LEAD_CONDITION)?, row.value(ACCOUNT_CONDITION)?];
        if said == Some(false) || conditions.iter().all(Value::is_null) {
            return Ok(said);
        }
        let [lead, account] = conditions;
        let own = if self.0 == PooledEntity::Lead { lead } else { account };
        // One that speaks of the other kind of records alone has none of these by a condition. Criteria that are not
        // understood any more, since a field has gone, are met by nothing.
        let met = own.as_text().map(|criteria| save.meets(criteria).unwrap_or(false));
        Ok(Some(met.unwrap_or(said.is_some())))
    }
}

/// How deep a territory stands that is met with all above it; none for one that is not, or says nothing itself.
fn depth_of(territories: &HashMap<RecordId, Met>, id: RecordId) -> Option<usize> {
    territories.get(&id).and_then(|territory| territory.said)?;
    let mut next = Some(id);
    for depth in 0..MAX_DEPTH {
        let Some(at) = next else { return Some(depth) };
        // One that is off is off with all below it.
        let territory = territories.get(&at).filter(|territory| territory.said != Some(false))?;
        next = territory.parent;
    }
    None
}

impl Session {
    /// Places records in their territories anew, after these have changed: those that name none, and that the user may
    /// change. It goes in chunks as [`Session::bulk_update`] does, and is gone on with by the cursor.
    ///
    /// # Errors
    /// As [`Session::bulk_update`].
    pub fn apply_territories(
        &self,
        of: PooledEntity,
        selection: &Selection,
        bulk: &Bulk,
    ) -> Result<BulkOutcome> {
        let entity = entity_of(of);
        self.bulk_each(entity, selection, bulk, APPLY, &|transaction, _, id| {
            Ok(match transaction.update_record(entity, id, Changes::new())? {
                Upserted::Unchanged(_) => BulkDone::Unchanged,
                _ => BulkDone::Updated,
            })
        })
    }
}

/// The condition of the members of a territory.
pub(super) fn members_of(territory: RecordId) -> Condition {
    territory_member::TERRITORY.is(territory)
}
