//! What opens records beside roles and single shares: sharing rules by criteria, and the records that others belong to.
//!
//! Both work by access classes. A record is marked with the labels of the rules whose criteria it meets, and with the
//! classes of the records that it belongs to; its marks are part of its class, so lists, counts and search cost what
//! they cost without rules. They only widen: denials, masks, partitions and modules that are off win, and whoever is
//! granted an action on no record of an entity gets none by them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::permit::Marked;
use crate::access::{AccessClass, Action, ClassId, Effect, Level, Mark, Policy, ShareLevel};
use crate::base::{FieldId, RecordId};
use crate::schema::declare::entity;

/// Steps from a record to the one that it belongs to, after which nothing is opened.
pub const MAX_PARENTS: usize = 8;

/// Which records are shared with whom, by what they say.
pub mod sharing_rule {
    use super::entity;
    use crate::access::{Role, ShareLevel, Team, Unit, User};
    use crate::schema::{Bool, Choice, OnDelete, Reference, Text};

    entity! {
        /// Records that meet a condition are shared with a user, a team, a role or a unit.
        SharingRule = ("sys", 21, "sharing_rule", "共享规则", "Sharing rule",
            "符合条件的记录共享给用户、团队、角色或部门。", title "name", data_subject false);
        /// What the rule is called.
        NAME: Text = 1, "name", "名称", "Name", "规则的叫法。", [required = true];
        /// The entity of the records, by API name. It stays as it is.
        ENTITY: Text = 2, "entity", "实体", "Entity", "记录所属实体的 API 名称，建立后不变。", [required = true];
        /// The condition, as an expression over stored fields of the record itself. It stays as it is.
        CRITERIA: Text = 3, "criteria", "条件", "Criteria",
            "仅涉及记录自身字段的表达式，建立后不变。", [required = true];
        /// What it lets be done.
        LEVEL: Choice<ShareLevel> = 4, "level", "级别", "Level", "允许对记录做什么。", [required = true];
        /// The user with whom they are shared; one of user, team, role and unit.
        USER: Reference<User> = 5, "user", "用户", "User", "共享给哪个用户；用户、团队、角色、部门四选一。",
            [indexed = true, on_delete = OnDelete::Cascade];
        /// The team with whose members.
        TEAM: Reference<Team> = 6, "team", "团队", "Team", "共享给哪个团队的成员。",
            [indexed = true, on_delete = OnDelete::Cascade];
        /// The role with whose holders.
        ROLE: Reference<Role> = 7, "role", "角色", "Role", "共享给拥有该角色的人。",
            [indexed = true, on_delete = OnDelete::Cascade];
        /// The unit with whose people.
        UNIT: Reference<Unit> = 8, "shared_unit", "部门", "Unit", "共享给该部门的人。",
            [indexed = true, on_delete = OnDelete::Cascade];
        /// Whether people of the units below it are meant, too.
        BELOW: Bool = 9, "below", "含下级部门", "Units below", "是否包含下级部门的人。", [];
        /// Whether it is switched off.
        OFF: Bool = 10, "off", "停用", "Off", "停用后立即不再生效。", [];
        /// Why the records are shared.
        REASON: Text = 11, "reason", "原因", "Reason", "共享的原因。", [];
        /// Numbers of the fields that the criteria speak of, as the engine found them when the rule was made.
        FIELDS: Text = 12, "criteria_fields", "条件字段", "Criteria fields",
            "建立规则时条件所涉字段的编号，由引擎填写。", [read_only = true];
    }
}

/// Which records follow the access of others.
pub mod inherited_access {
    use super::entity;
    use crate::access::ShareLevel;
    use crate::schema::{Bool, Choice, Text};

    entity! {
        /// Who may do something to a record may do it to the records that refer to it by a field.
        InheritedAccess = ("sys", 22, "inherited_access", "继承权限", "Inherited access",
            "可操作某条记录的人，也可操作通过某字段引用它的记录。", title "entity", data_subject false);
        /// The entity of the records that refer, by API name. It stays as it is.
        ENTITY: Text = 1, "entity", "实体", "Entity", "引用方实体的 API 名称，建立后不变。", [required = true];
        /// The field by which they refer, by API name. It stays as it is.
        FIELD: Text = 2, "field", "字段", "Field", "引用字段的 API 名称，建立后不变。", [required = true];
        /// How much of what may be done to the one may be done to the others.
        LEVEL: Choice<ShareLevel> = 3, "level", "级别", "Level", "随被引用记录一并获得的权限。", [required = true];
        /// Whether it is switched off.
        OFF: Bool = 4, "off", "停用", "Off", "停用后立即不再生效。", [];
        /// Why it is so.
        REASON: Text = 5, "reason", "原因", "Reason", "如此设置的原因。", [];
    }
}

pub use inherited_access::InheritedAccess;
pub use sharing_rule::SharingRule;

/// With whom a rule shares records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principals {
    /// A user.
    User(RecordId),
    /// Whoever belongs to a team now.
    Team(RecordId),
    /// Whoever has a role now.
    Role(RecordId),
    /// Whoever works in a unit now, or in it and those below it.
    Unit {
        /// The unit.
        unit: RecordId,
        /// Whether the units below it count.
        below: bool,
    },
}

/// A sharing rule that is switched on, as decisions see one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharingFact {
    /// The rule's record.
    pub id: RecordId,
    /// The label of the records that meet it.
    pub label: u32,
    /// Their entity, by API name.
    pub entity: String,
    /// With whom.
    pub with: Principals,
    /// What it lets be done.
    pub level: ShareLevel,
    /// The partition in which it holds.
    pub partition: u32,
}

/// A setting that is switched on, by which records follow the access of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InheritedFact {
    /// The setting's record.
    pub id: RecordId,
    /// The label of the records that follow.
    pub label: u32,
    /// Their entity, by API name.
    pub entity: String,
    /// The field by which they refer.
    pub field: FieldId,
    /// The entity of the records referred to.
    pub parent: String,
    /// How much follows.
    pub level: ShareLevel,
}

/// A sharing rule by which a record is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePath {
    /// The rule.
    pub rule: RecordId,
    /// What it lets be done.
    pub level: ShareLevel,
    /// With whom it shares.
    pub with: Principals,
}

/// A record beyond by which a record is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentPath {
    /// The setting.
    pub setting: RecordId,
    /// The field by which the record refers to the one beyond.
    pub field: FieldId,
    /// The entity of that one, by API name.
    pub parent: String,
    /// Whether that one is reached because it, or one beyond it, is shared singly.
    pub shared: bool,
}

impl Policy {
    /// The rules that share records of an entity with somebody, at the level that an action needs.
    pub(super) fn rules_for<'a>(
        &'a self,
        principal: RecordId,
        entity: &str,
        action: Action,
    ) -> impl Iterator<Item = &'a SharingFact> {
        let needed = ShareLevel::needed_for(action);
        let own = self.partition_of(principal);
        let of_entity = self.rules.sharing.get(entity).filter(|_| needed.is_some());
        of_entity.into_iter().flatten().filter(move |fact| {
            Some(fact.level) >= needed && own == Some(fact.partition) && self.is_among(principal, fact.with)
        })
    }

    /// The settings by which an action on records of an entity follows from one on others.
    pub(super) fn inherited_for(&self, entity: &str, action: Action) -> impl Iterator<Item = &InheritedFact> {
        let needed = ShareLevel::needed_for(action);
        let of_entity = self.rules.inherited.get(entity).filter(|_| needed.is_some());
        of_entity.into_iter().flatten().filter(move |fact| Some(fact.level) >= needed)
    }

    /// Whether somebody is one of those with whom a rule shares.
    pub(super) fn is_among(&self, principal: RecordId, with: Principals) -> bool {
        match with {
            Principals::User(user) => user == principal,
            Principals::Team(team) => self.teams_of(principal).contains(&team),
            Principals::Role(role) => self.roles_of(principal).contains(&role),
            Principals::Unit { unit, below: false } => self.unit_of(principal) == Some(unit),
            Principals::Unit { unit, below: true } => self.units_of(principal).contains(&unit),
        }
    }

    /// The marks by which somebody reaches records of an entity, if any do.
    pub(super) fn marked(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
        depth: usize,
    ) -> Option<Arc<Marked>> {
        let rules: BTreeSet<u32> = self.rules_for(principal, entity, action).map(|fact| fact.label).collect();
        let of = |action: Action, parent: &str| {
            Some(self.ruled(principal, action, parent, depth.saturating_add(1)).ok()?.scope.classes)
        };
        // Without reading it nothing else is done to the record beyond either.
        let beyond = |fact: &InheritedFact| {
            let (read, classes) = (of(Action::Read, &fact.parent)?, of(action, &fact.parent)?);
            if action == Action::Read {
                return Some((fact.label, read));
            }
            let is_read = |number: &ClassId| read.binary_search_by_key(number, |(known, _)| *known).is_ok();
            let both = classes.iter().filter(|(number, _)| is_read(number)).cloned().collect();
            Some((fact.label, both))
        };
        let deep = depth >= MAX_PARENTS;
        let followed = self.inherited_for(entity, action).filter(|_| !deep);
        let parents: Vec<_> = followed.filter_map(beyond).collect();
        let some = !rules.is_empty() || !parents.is_empty();
        some.then(|| Arc::new(Marked { rules, parents }))
    }

    /// The rules and the records beyond by which somebody may do an action to records of a class.
    pub(super) fn openings(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
        class: &AccessClass,
    ) -> (Vec<RulePath>, Vec<ParentPath>) {
        let met = |label: u32| class.marks.iter().any(|mark| mark == Mark::Rule(label));
        let rules = self.rules_for(principal, entity, action).filter(|fact| met(fact.label));
        let rules = rules.map(|fact| RulePath { rule: fact.id, level: fact.level, with: fact.with });
        let parents = self
            .inherited_for(entity, action)
            .filter(|fact| self.reaches_beyond(principal, action, (fact, class), 0));
        let parents = parents.map(|fact| ParentPath {
            setting: fact.id,
            field: fact.field,
            parent: fact.parent.clone(),
            shared: false,
        });
        (rules.collect(), parents.collect())
    }

    /// Whether somebody reaches the record beyond, by a setting, of records of a class. It compiles no list of classes.
    fn reaches_beyond(
        &self,
        principal: RecordId,
        action: Action,
        (fact, class): (&InheritedFact, &AccessClass),
        depth: usize,
    ) -> bool {
        class.marks.iter().any(|mark| match mark {
            Mark::Parent(label, beyond) if label == fact.label => self.class(beyond).is_some_and(|beyond| {
                [Action::Read, action]
                    .into_iter()
                    .all(|action| self.covers(principal, &fact.parent, (action, beyond), depth))
            }),
            _ => false,
        })
    }

    /// Whether somebody may do an action to records of a class, by roles, rules and records beyond.
    fn covers(
        &self,
        principal: RecordId,
        entity: &str,
        (action, class): (Action, &AccessClass),
        depth: usize,
    ) -> bool {
        let level = self.effective(principal, entity, action);
        let denied = self.stated(principal, entity, action, Effect::Deny);
        let forbidden = denied > Level::None && self.reach(principal, denied, action).contains(class);
        let near = self.partitions(principal, entity, action).contain(class.partition);
        let restricted = class.marks.are_restricted() && !self.handles_requests(principal);
        if level == Level::None || forbidden || restricted || !near || depth >= MAX_PARENTS {
            return false;
        }
        let met = |fact: &SharingFact| class.marks.iter().any(|mark| mark == Mark::Rule(fact.label));
        self.reach(principal, level, action).contains(class)
            || self.rules_for(principal, entity, action).any(met)
            || self
                .inherited_for(entity, action)
                .any(|fact| self.reaches_beyond(principal, action, (fact, class), depth.saturating_add(1)))
    }

    /// What rules open to somebody: entity, action and label, as far as roles grant the action at all.
    pub(super) fn opened_to(&self, principal: RecordId) -> BTreeSet<(&str, Action, u32)> {
        let mut opened = BTreeSet::new();
        for (entity, facts) in &self.rules.sharing {
            for action in facts.iter().flat_map(|fact| fact.level.actions()) {
                if self.stated(principal, entity, *action, Effect::Allow) > Level::None {
                    let labels = self.rules_for(principal, entity, *action).map(|fact| fact.label);
                    opened.extend(labels.map(|label| (entity.as_str(), *action, label)));
                }
            }
        }
        opened
    }

    /// The settings by which records follow others, that are switched on.
    pub fn inherited(&self) -> impl Iterator<Item = &InheritedFact> {
        self.rules.inherited.values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{GrantFact, Marks, People, Read, Rules, TeamFacts, UserFact};
    use crate::base::EntityId;

    fn id(kind: u8, number: u32) -> RecordId {
        let mut bytes = [kind; 16];
        bytes[12..].copy_from_slice(&number.to_be_bytes());
        RecordId::from_bytes(bytes)
    }

    fn grant(number: u32, entity: &str) -> GrantFact {
        GrantFact {
            id: id(4, number),
            role: id(3, 0),
            entity: entity.to_owned(),
            action: Action::Read,
            level: Level::Own,
            effect: Effect::Allow,
            hidden: BTreeSet::new(),
            masked: BTreeSet::new(),
            masked_in_lists: BTreeSet::new(),
            read_only: BTreeSet::new(),
            lists_fields: false,
        }
    }

    /// A hundred thousand classes: of a thousand owners, with rules that cut across each other, and as many again of
    /// records that follow them.
    fn classes() -> Vec<(ClassId, AccessClass)> {
        let class = |number: u32| {
            let (owner, marks) = (number % 1_000, number / 1_000);
            let rules = (0..6).filter(|rule| marks >> rule & 1 == 1).map(|rule| Mark::Rule(rule + 1));
            let beyond = (number > 50_000).then(|| Mark::Parent(1, ClassId::new(number - 50_000)));
            let marks = Marks::new(rules.chain(beyond).collect());
            AccessClass { partition: 0, unit: None, owner: id(1, owner), marks }
        };
        (1..=100_000).map(|number| (ClassId::new(number), class(number))).collect()
    }

    #[test]
    fn a_permit_lists_just_the_classes_that_roles_rules_and_records_beyond_open() {
        let (lin, wang) = (id(1, 7), id(1, 8));
        let user =
            |id| UserFact { id, active: true, unit: None, reports_to: None, partition: 0, service: false };
        let roles = vec![(lin, id(3, 0)), (wang, id(3, 0))];
        let people = People::new(vec![user(lin), user(wang)], vec![], roles, &TeamFacts::default());
        let rules = Rules::new(vec![grant(1, "a"), grant(2, "b")], vec![], BTreeSet::new());
        let rule = |label, with| SharingFact {
            id: id(5, label),
            label,
            entity: "a".to_owned(),
            with: Principals::User(with),
            level: ShareLevel::Read,
            partition: 0,
        };
        let follows = InheritedFact {
            id: id(6, 1),
            label: 1,
            entity: "b".to_owned(),
            field: FieldId::new(64),
            parent: "a".to_owned(),
            level: ShareLevel::Read,
        };
        let rules = rules.opening(vec![rule(2, lin), rule(3, wang)], vec![follows]);
        let all = classes();
        let policy = Policy::new(1, Arc::new(people), Arc::new(rules), all.clone());
        let permits = ["a", "b"].map(|name| policy.decide::<Read>(lin, EntityId::new(1), name).unwrap());
        let opens = |number: u32| {
            let marks = number / 1_000;
            number % 1_000 == 7 || marks >> 1 & 1 == 1
        };
        let expected = |follows: bool| -> Vec<u32> {
            let own = |number: &u32| number % 1_000 == 7;
            let opened = |number: &u32| match follows {
                false => opens(*number),
                true => own(number) || *number > 50_000 && opens(number - 50_000),
            };
            (1..=100_000).filter(opened).collect()
        };
        for (permit, follows) in permits.iter().zip([false, true]) {
            let listed: Vec<u32> = permit.classes().iter().map(|(number, _)| number.number()).collect();
            assert_eq!(listed, expected(follows));
            let covered = all.iter().filter(|(_, class)| permit.covers(class));
            assert_eq!(covered.map(|(number, _)| number.number()).collect::<Vec<_>>(), listed);
        }
    }
}
