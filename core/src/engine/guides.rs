//! Guides: which there are, how far each user has come, and roles that somebody has only when a guide is done.
//!
//! What a guide says is its author's: it comes with the engine, with an extension or with a package. What somebody has
//! done of it is a record of the organisation's own, which only the verbs here write, for whoever calls them and for
//! nobody else. A step that the data shows is counted by what the user owns and sees, so a guide tells nobody of what
//! they could not list; once it was counted it stays done, whatever becomes of the records.
//!
//! An assignment of a role that names a guide counts for nothing until the user has done it. When they have, the moment
//! is written into the assignment itself, so that the policy reads it where it reads who has which role, and needs to
//! know nothing of guides.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::access::{Action, Role, RoleAssignment, User, role_assignment};
use crate::base::{Code, Error, Label, RecordId, Result, Timestamp, Value};
use crate::engine::organisation::moment_of;
use crate::engine::reader::is_out_of_reach;
use crate::engine::{
    Changes, Comparison, Condition, Crm, FieldSelector, Reader, Registrar, Session, Transaction, WriteOptions,
};
use crate::records::{self, Record, Total};
use crate::schema::{
    Entity, EntityType, GuideDefinition, GuideEvidence, GuideStep, InstalledPackage, Registry,
};

/// How far somebody has come with a guide.
pub mod guide_progress {
    use crate::access::User;
    use crate::schema::declare::entity;
    use crate::schema::{DateTime, OnDelete, Reference, Text};

    entity! {
        /// How far a user has come with a guide.
        GuideProgress = ("sys", 130, "guide_progress", "引导进度", "Guide progress",
            "某用户完成某引导的进度。", title "guide", data_subject false);
        /// The guide, by its name.
        GUIDE: Text = 1, "guide", "引导", "Guide", "引导的名称。",
            [required = true, indexed = true, read_only = true];
        /// Who does it.
        USER: Reference<User> = 2, "user", "用户", "User", "进行引导的用户。",
            [required = true, indexed = true, read_only = true, on_delete = OnDelete::Cascade];
        /// The names of the steps that are done, separated by blanks.
        STEPS: Text = 3, "steps", "已完成步骤", "Steps", "已完成步骤的名称，以空格分隔。", [read_only = true];
        /// When all of it was done.
        COMPLETED_AT: DateTime = 4, "completed_at", "完成时间", "Completed at", "引导全部完成的时刻。",
            [read_only = true];
        /// What stands once: the guide and the user.
        KEY: Text = 5, "key", "唯一标识", "Key", "由引导与用户构成的唯一标识。", [unique = true, read_only = true];
    }
}

pub use guide_progress::GuideProgress;

/// A guide with what a user has done of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuideState {
    /// What its author says.
    pub definition: GuideDefinition,
    /// The names of the steps that are done.
    pub done: BTreeSet<String>,
    /// When all of it was done.
    pub completed_at: Option<Timestamp>,
    /// Whether the user has a role that counts only when it is done.
    pub opens_role: bool,
}

impl GuideState {
    /// The first step that is left, those that are optional after the others.
    #[must_use]
    pub fn next_step(&self) -> Option<&GuideStep> {
        let left = |step: &&GuideStep| !self.done.contains(&step.name);
        let mut steps = self.definition.steps.iter().filter(left);
        steps.clone().find(|step| !step.optional).or_else(|| steps.next())
    }
}

/// What is written down of a user and a guide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Progress {
    record: Option<RecordId>,
    done: BTreeSet<String>,
    completed_at: Option<Timestamp>,
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(GuideProgress::definition());
    registrar.guide(first_steps());
}

/// What an administrator does first in a new database.
fn first_steps() -> GuideDefinition {
    let step = |(name, zh, en): (&str, &str, &str), (text_zh, text_en): (&str, &str)| GuideStep {
        name: name.to_owned(),
        label: Label::new(zh, en),
        text: Label::new(text_zh, text_en),
        ..GuideStep::default()
    };
    let owns = |entity: &str, count| GuideEvidence {
        entity: entity.to_owned(),
        count: Some(count),
        ..GuideEvidence::default()
    };
    let of = |entity: &str, method: &str, step: GuideStep| GuideStep {
        entity: Some(entity.to_owned()),
        method: Some(method.to_owned()),
        ..step
    };
    let units = step(
        ("units", "建立部门", "Make the units"),
        (
            "按组织结构建立部门及其上级，部门级别的授权以此为准。",
            "Make the units of the organisation and say which stands above which; rights on units go by them.",
        ),
    );
    let users = step(
        ("users", "添加用户", "Add the users"),
        (
            "为每位同事建立用户，填写部门和汇报对象，并设置初始密码。",
            "Make a user for each colleague, with unit and superior, and set a first password.",
        ),
    );
    let roles = step(
        ("roles", "分配角色", "Assign the roles"),
        (
            "为用户分配角色；未分配角色的用户看不到任何记录。需先培训的角色可指定前置引导。",
            "Assign roles: whoever has none sees no record. A role that takes training first can wait for a guide.",
        ),
    );
    let settings = step(
        ("settings", "检查设置", "Look through the settings"),
        (
            "核对本位币、时区和密码规则等设置。",
            "Look at currency, time zone, rules of passwords and the other settings.",
        ),
    );
    let backup = step(
        ("backup", "安排备份", "Arrange backups"),
        (
            "备份数据库及其密钥，并将备份存放在另一处。",
            "Back up the database and its keys, and keep the backups in another place.",
        ),
    );
    GuideDefinition {
        name: "first_steps".to_owned(),
        label: Label::new("管理员入门", "First steps of an administrator"),
        help: Some(Label::new(
            "新数据库投入使用前应完成的设置。",
            "What is set up before a new database is used.",
        )),
        steps: vec![
            GuideStep { done: Some(owns("sys.unit", 1)), ..of("sys.unit", "record.create", units) },
            GuideStep { done: Some(owns(User::NAME, 2)), ..of(User::NAME, "user.create", users) },
            of(RoleAssignment::NAME, "role.assign", roles),
            GuideStep { method: Some("configuration.set".to_owned()), ..settings },
            GuideStep { method: Some("backup.schedule".to_owned()), ..backup },
        ],
        ..GuideDefinition::default()
    }
}

/// Refuses guides of an extension that are wrong by themselves, or name what there is not.
pub(super) fn check(guides: &[GuideDefinition], registry: &Registry) -> Result<()> {
    let mut names = BTreeSet::new();
    for guide in guides {
        guide.check()?;
        guide.check_in(registry)?;
        if !names.insert(&guide.name) {
            return Err(Error::new(Code::DuplicateDefinition).field(&guide.api_name()));
        }
    }
    Ok(())
}

impl Crm {
    /// The guides that there are: those that come with the engine and its extensions, then those of packages.
    #[must_use]
    pub fn guides(&self) -> Vec<GuideDefinition> {
        let declared =
            Arc::clone(&self.inner.guides.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let registry = self.registry();
        let packages = registry.packages().iter().filter_map(InstalledPackage::current);
        declared.iter().chain(packages.flat_map(|package| &package.guides)).cloned().collect()
    }

    fn guide(&self, name: &str) -> Result<GuideDefinition> {
        let known = self.guides().into_iter().find(|guide| guide.api_name() == name);
        known.ok_or_else(|| Error::new(Code::GuideUnknown).field("guide").value(name))
    }
}

impl Session {
    /// Every guide with what the user has done of it, as it is written down. What the data shows beside that is looked
    /// up by [`Session::guide`].
    ///
    /// # Errors
    /// `access.session_ended`; `access.not_permitted` in a session that acts for somebody else.
    pub fn guides(&self) -> Result<Vec<GuideState>> {
        self.check_learns()?;
        let guides = self.crm().guides();
        self.read(|reader| {
            let states = guides.into_iter().map(|guide| {
                let progress = reader.progress(self.user(), &guide.api_name())?;
                Ok(reader.guide_state(guide, progress))
            });
            states.collect()
        })
    }

    /// A guide with what the user has done of it, by what is written down and by what the data shows now.
    ///
    /// # Errors
    /// `guide.unknown`; as [`Session::guides`].
    pub fn guide(&self, name: &str) -> Result<GuideState> {
        self.check_learns()?;
        let guide = self.crm().guide(name)?;
        self.read(|reader| {
            let mut progress = reader.progress(self.user(), name)?;
            let shown = reader.shown_steps(&guide, &progress.done)?;
            progress.done.extend(shown);
            Ok(reader.guide_state(guide, progress))
        })
    }

    /// Says that a step of a guide is done, and writes down what the data shows of the others. With the last step that is
    /// not optional the guide is complete, and roles that waited for it count.
    ///
    /// # Errors
    /// `guide.unknown` for a guide or a step that there is not; `guide.step_open` for a step that the data is to show,
    /// and does not; as [`Session::guides`].
    pub fn complete_guide_step(&self, name: &str, step: &str) -> Result<GuideState> {
        self.advance_guide(name, Some(step), "guide.complete")
    }

    /// Writes down which steps of a guide the data shows to be done.
    ///
    /// # Errors
    /// As [`Session::complete_guide_step`].
    pub fn check_guide(&self, name: &str) -> Result<GuideState> {
        self.advance_guide(name, None, "guide.check")
    }

    /// Takes back what somebody has done of a guide: it begins anew, and roles that wait for it count no longer. Says
    /// whether anything was done of it.
    ///
    /// # Errors
    /// `guide.unknown`; `record.not_found` for a user whom the caller does not see; `access.not_permitted` without the
    /// right to administer everything.
    pub fn reset_guide(&self, name: &str, user: RecordId) -> Result<bool> {
        self.check_may(Role::NAME, Action::Administer)?;
        self.crm().guide(name)?;
        let options = WriteOptions::default().cause("guide.reset");
        self.write_with(options, |transaction| {
            transaction.reader().get(User::NAME, user)?;
            let progress = transaction.reader().progress(user, name)?;
            let Some(record) = progress.record else { return Ok(false) };
            transaction.delete_in_own_right(GuideProgress::NAME, record)?;
            transaction.settle_assignments(user, name, None)?;
            Ok(true)
        })
    }

    /// Nobody learns for somebody else.
    fn check_learns(&self) -> Result<()> {
        match self.delegator() {
            Some(_) => Err(Error::new(Code::NotPermitted)
                .entity(GuideProgress::NAME)
                .rule("on behalf of another one")),
            None => Ok(()),
        }
    }

    fn advance_guide(&self, name: &str, step: Option<&str>, cause: &'static str) -> Result<GuideState> {
        self.check_learns()?;
        let guide = self.crm().guide(name)?;
        self.write_with(WriteOptions::default().cause(cause), |transaction| {
            let progress = transaction.advance_guide(&guide, step)?;
            Ok(transaction.reader().guide_state(guide.clone(), progress))
        })
    }
}

fn key_of(user: RecordId, guide: &str) -> Value {
    Value::Text(format!("{guide}/{user}"))
}

impl Reader<'_> {
    fn guide_state(&self, definition: GuideDefinition, progress: Progress) -> GuideState {
        let name = definition.api_name();
        let waits = self.policy.waiting(self.user).iter().any(|waiting| waiting.guide == name);
        let opens_role = waits && progress.completed_at.is_none();
        GuideState { definition, done: progress.done, completed_at: progress.completed_at, opens_role }
    }

    /// What is written down of a user and a guide.
    fn progress(&self, user: RecordId, guide: &str) -> Result<Progress> {
        let own = self.own(GuideProgress::NAME)?;
        let key = own.field(guide_progress::KEY.selector())?;
        let found = records::find_unique(self.snapshot, own.entity.id(), key, &key_of(user, guide))?;
        let Some(id) = found else { return Ok(Progress::default()) };
        let record = records::get_for_rule(self.snapshot, own.entity.id(), id)?;
        Ok(record.map_or_else(Progress::default, |record| Progress {
            record: Some(record.id),
            done: own
                .text(&record, guide_progress::STEPS.selector())
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            completed_at: moment_of(own.value(&record, guide_progress::COMPLETED_AT.selector())),
        }))
    }

    /// The steps beside those that are done already which the data shows to be done.
    fn shown_steps(&self, guide: &GuideDefinition, done: &BTreeSet<String>) -> Result<Vec<String>> {
        let mut shown = Vec::new();
        for step in guide.steps.iter().filter(|step| !done.contains(&step.name)) {
            if let Some(evidence) = &step.done
                && self.shows(evidence)?
            {
                shown.push(step.name.clone());
            }
        }
        Ok(shown)
    }

    /// Whether the user owns, and sees, as many records as a step waits for.
    fn shows(&self, evidence: &GuideEvidence) -> Result<bool> {
        let equal = |name: &str, value: Value| {
            Condition::Compare(FieldSelector::Name(name.to_owned()), Comparison::Equal, value)
        };
        let mut asked = vec![equal("owner", Value::Id(self.user))];
        for (name, value) in &evidence.values {
            let value = match value {
                Json::String(text) => Value::Text(text.clone()),
                Json::Bool(truth) => Value::Bool(*truth),
                number => Value::Int(number.as_i64().unwrap_or_default()),
            };
            asked.push(equal(name, value));
        }
        let most = u64::from(evidence.count.unwrap_or(1));
        match self.count_up_to(&evidence.entity, &Condition::All(asked), Total::Bounded(most)) {
            Ok(counted) => Ok(counted.count >= most),
            // What the user does not see is not there for the user.
            Err(error) if is_out_of_reach(error.code()) || error.code() == Code::FieldNotPermitted => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

impl Transaction<'_> {
    fn advance_guide(&mut self, guide: &GuideDefinition, step: Option<&str>) -> Result<Progress> {
        let (user, name) = (self.user(), guide.api_name());
        let before = self.reader().progress(user, &name)?;
        let mut progress = before.clone();
        progress.done.extend(self.reader().shown_steps(guide, &before.done)?);
        if let Some(step) = step {
            let unknown = || Error::new(Code::GuideUnknown).field("step").value(step);
            let known = guide.steps.iter().find(|known| known.name == step).ok_or_else(unknown)?;
            if known.done.is_some() && !progress.done.contains(step) {
                return Err(Error::new(Code::GuideStepOpen).field("step").value(step));
            }
            progress.done.insert(step.to_owned());
        }
        let is_whole = guide.steps.iter().all(|step| step.optional || progress.done.contains(&step.name));
        if is_whole && progress.completed_at.is_none() {
            progress.completed_at = Some(self.now());
        }
        if progress == before {
            return Ok(before);
        }
        let steps: Vec<&str> = progress.done.iter().map(String::as_str).collect();
        let changes = Changes::new()
            .set(guide_progress::STEPS, steps.join(" "))
            .set(guide_progress::COMPLETED_AT, progress.completed_at);
        match progress.record {
            Some(record) => self.update_in_own_right(GuideProgress::NAME, record, changes)?,
            None => {
                let changes = changes
                    .set(guide_progress::GUIDE, name.as_str())
                    .set(guide_progress::USER, user)
                    .set(guide_progress::KEY, key_of(user, &name));
                progress.record = Some(self.create_in_own_right(GuideProgress::NAME, changes)?);
            }
        }
        if before.completed_at.is_none() && progress.completed_at.is_some() {
            self.settle_assignments(user, &name, progress.completed_at)?;
        }
        Ok(progress)
    }

    /// Writes into the assignments of a user that wait for a guide when it was done, or that it is not.
    fn settle_assignments(&mut self, user: RecordId, guide: &str, done_at: Option<Timestamp>) -> Result<()> {
        let waiting: Vec<RecordId> = {
            let reader = self.reader();
            let own = reader.own(RoleAssignment::NAME)?;
            let (records, _) = own.find(&own.query(&[(role_assignment::USER.selector(), user.into())])?)?;
            let of_guide = |record: &&Record| own.text(record, role_assignment::GUIDE.selector()) == guide;
            records.iter().filter(of_guide).map(|record| record.id).collect()
        };
        for assignment in waiting {
            let changes = Changes::new().set(role_assignment::GUIDE_DONE_AT, done_at);
            self.update_in_own_right(RoleAssignment::NAME, assignment, changes)?;
        }
        Ok(())
    }

    /// Lets an assignment of a role that names a guide count from when its user has done that, and not before.
    pub(super) fn hold_to_guide(
        &self,
        entity: &Entity,
        old: Option<&Record>,
        record: &mut Record,
    ) -> Result<()> {
        if entity.api_name != RoleAssignment::NAME {
            return Ok(());
        }
        let field = |name| Ok::<_, Error>(entity.field(name)?.id());
        let (guide, user) =
            (field(role_assignment::GUIDE.selector())?, field(role_assignment::USER.selector())?);
        let done_at = field(role_assignment::GUIDE_DONE_AT.selector())?;
        let changed = |field| old.is_none_or(|old| old.value(field) != record.value(field));
        let is_said = changed(guide) || changed(user);
        // While it was deleted the guide may have been done, or taken back.
        let is_back = old.is_some_and(Record::is_deleted);
        if !(is_said || is_back || changed(done_at)) {
            return Ok(());
        }
        let completed_at = match (record.value(guide), record.value(user).as_id()) {
            (Value::Text(guide), Some(user)) => {
                if is_said {
                    self.crm().guide(&guide).map_err(|error| error.entity(&entity.api_name))?;
                }
                self.reader().progress(user, &guide)?.completed_at
            }
            _ => None,
        };
        record.set(done_at, completed_at.into());
        Ok(())
    }
}
