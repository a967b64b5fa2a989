//! Delegation for a period: somebody acts within the reach of another one, who has said so.
//!
//! The delegate has what the delegator has at that moment, for reading and changing records, and nothing of what the
//! delegator has by delegations of others. Nothing is handed over for good: no share, no right, no setting.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{Action, Policy};
use crate::base::{RecordId, Timestamp};
use crate::schema::declare::entity;

/// Who may act for whom.
pub mod delegation {
    use super::entity;
    use crate::access::User;
    use crate::schema::{DateTime, OnDelete, Reference, Text};

    entity! {
        /// A user may act for another one for a period.
        Delegation = ("sys", 11, "delegation", "代理", "Delegation",
            "用户在一段时间内可代为行事。", title "note", data_subject false);
        /// The user for whom somebody acts, within what that user reaches.
        DELEGATOR: Reference<User> = 1, "delegator", "委托人", "Delegator", "由他人代为行事的用户；代理人只及其所及。",
            [required = true, indexed = true, on_delete = OnDelete::Cascade];
        /// The user who acts in the place of the other one.
        DELEGATE: Reference<User> = 2, "delegate", "代理人", "Delegate", "代为行事的用户。",
            [required = true, indexed = true, on_delete = OnDelete::Cascade];
        /// The moment from which it holds; from its making if there is none.
        FROM: DateTime = 3, "from", "开始时间", "From", "生效时刻；为空表示自建立时起。", [];
        /// The moment from which it holds no longer.
        UNTIL: DateTime = 4, "until", "到期时间", "Until", "失效时刻。", [required = true];
        /// API names of the entities whose records it is about, separated by commas; all of them if there is none.
        ENTITIES: Text = 5, "entities", "实体", "Entities",
            "所涉实体的 API 名称，以逗号分隔；为空表示全部实体。", [];
        /// Why somebody stands in.
        NOTE: Text = 6, "note", "说明", "Note", "代理的原因。", [];
    }
}

pub use delegation::Delegation;

/// A delegation as decisions see one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationFact {
    /// The delegation's record.
    pub id: RecordId,
    /// For whom.
    pub delegator: RecordId,
    /// Who acts.
    pub delegate: RecordId,
    /// From when on.
    pub from: Option<Timestamp>,
    /// From when on no longer.
    pub until: Timestamp,
    /// Only about records of these, by API name, if it names some.
    pub entities: BTreeSet<String>,
}

impl DelegationFact {
    /// Whether it holds at a moment, as far as its period says.
    #[must_use]
    pub fn holds_at(&self, moment: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= moment) && moment < self.until
    }
}

/// Whose rights somebody has for now.
#[derive(Debug, Clone)]
pub(super) struct Acting {
    delegate: RecordId,
    delegator: RecordId,
    /// These entities alone, if some are named.
    entities: Option<Arc<BTreeSet<String>>>,
}

impl Policy {
    /// The same policy where somebody acts for another one, and has the other's rights in place of their own; nothing
    /// where no delegation says so at this moment, or the other one may not sign in.
    #[must_use]
    pub fn acting(&self, delegate: RecordId, delegator: RecordId, moment: Timestamp) -> Option<Self> {
        let near = self.partition_of(delegate) == self.partition_of(delegator);
        if !near || !self.is_active(delegator) {
            return None;
        }
        let said = self.people.delegations.get(&delegate).into_iter().flatten();
        let held = said.filter(|fact| fact.delegator == delegator && fact.holds_at(moment));
        let held: Vec<&DelegationFact> = held.collect();
        if held.is_empty() {
            return None;
        }
        let all = held.iter().any(|fact| fact.entities.is_empty());
        let named = held.iter().flat_map(|fact| fact.entities.iter().cloned());
        let entities = (!all).then(|| Arc::new(named.collect()));
        Some(self.with_acting(Acting { delegate, delegator, entities }))
    }

    /// For whom somebody acts, if for another one.
    #[must_use]
    pub fn acts_for(&self, principal: RecordId) -> Option<RecordId> {
        self.acting.as_ref().filter(|acting| acting.delegate == principal).map(|acting| acting.delegator)
    }

    /// Those whose delegations let somebody act for them at a moment.
    pub fn delegators_of(
        &self,
        delegate: RecordId,
        moment: Timestamp,
    ) -> impl Iterator<Item = &DelegationFact> + '_ {
        let holds = move |fact: &&DelegationFact| {
            let near = self.partition_of(delegate) == self.partition_of(fact.delegator);
            fact.holds_at(moment) && near && self.is_active(fact.delegator)
        };
        self.people.delegations.get(&delegate).into_iter().flatten().filter(holds)
    }

    /// Every delegation that was not taken back.
    pub fn delegations(&self) -> impl Iterator<Item = &DelegationFact> + '_ {
        self.people.delegations.values().flatten()
    }

    /// Whose rights somebody has.
    pub(super) fn subject(&self, principal: RecordId) -> RecordId {
        self.acts_for(principal).unwrap_or(principal)
    }

    /// Whether somebody may do an action to an entity at all, where they act for another one: read and change records,
    /// and read of the organisation.
    pub(super) fn lets(&self, principal: RecordId, entity: &str, action: Action) -> bool {
        let Some(acting) = self.acting.as_ref().filter(|acting| acting.delegate == principal) else {
            return true;
        };
        if acting.entities.as_ref().is_some_and(|entities| !entities.contains(entity)) {
            return false;
        }
        match action {
            Action::Read => true,
            Action::Create | Action::Update | Action::Delete | Action::Assign | Action::Lock => {
                !entity.starts_with("sys.")
            }
            Action::Export | Action::Import | Action::Share | Action::Approve | Action::Administer => false,
        }
    }
}
