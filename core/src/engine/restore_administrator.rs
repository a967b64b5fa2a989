//! Who administers a restored database. Users are persons too: where their keys are gone, so are they,
//! and a database that nobody can enter would be no use to anybody.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::access::{
    Action, Create, Read, Role, RoleAssignment, User, UserStatus, role, role_assignment, user,
};
use crate::base::{Clock, Code, Error, Patience, RecordId, Result, Timestamp, Value};
use crate::engine::configuration::Configuration;
use crate::engine::credentials::{self, Setting};
use crate::engine::organisation::KeptPolicy;
use crate::records::{
    self, EntryKind, Envelope, Filter, Record, Sealer, Sight, Staleness, WriteContext, WriteView,
    find_unique, note, scan_all,
};
use crate::schema::{Codes, EntityType, FieldName, Registry};
use crate::storage::{KeyCost, Snapshot, Store};

/// The role that a new database begins with, which may do everything.
const ADMINISTRATOR: &str = "administrator";

/// A user who is made at a restore.
#[derive(Clone)]
pub(super) struct NewAdministrator {
    pub name: String,
    pub password: Zeroizing<String>,
    pub cost: KeyCost,
}

/// Refuses a database in which no active user may administer everything.
pub(super) fn check_administered(snapshot: &dyn Snapshot, registry: &Registry, now: Timestamp) -> Result<()> {
    let policy = KeptPolicy::load(snapshot, registry, now)?.policy;
    let users = registry.entity(User::NAME)?;
    let permit = policy.bootstrap::<Read>(users.id());
    let mut administered = false;
    let patience = Patience::default();
    let sight = Sight::new(snapshot, registry, users, &permit, &patience);
    scan_all(&sight, &Filter::Everything, &mut |record| {
        administered |= policy.permits(record.id, Role::NAME, Action::Administer);
        Ok(())
    })?;
    if administered {
        return Ok(());
    }
    let rule = "nobody could administer it: give the newest backup of keys, or a new administrator";
    Err(Error::new(Code::BackupChain).rule(rule))
}

/// Makes one more user, with the role of the administrator and a password.
pub(super) fn appoint(
    store: &dyn Store,
    sealer: &Sealer,
    registry: &Registry,
    context: &WriteContext,
    new: &NewAdministrator,
    clock: &Arc<dyn Clock>,
) -> Result<()> {
    let mut view = WriteView::new(store.begin(&Patience::default())?)?;
    let random = sealer.random.as_ref();
    let context = WriteContext { stales: Staleness::Policy, ..context.clone() };
    let id = RecordId::generate(clock.now(), random);
    let values = [
        (user::NAME.selector(), Value::from(new.name.as_str())),
        (user::STATUS.selector(), Value::from(code_of(UserStatus::Active))),
    ];
    make::<User>(&mut view, registry, &context, id, (id, &values))?;
    let roles = registry.entity(Role::NAME)?;
    let name = roles.field(role::NAME.selector())?.id();
    let role = find_unique(&view, roles.id(), name, &Value::from(ADMINISTRATOR))?;
    let missing = || Error::new(Code::ReferenceMissing).entity(Role::NAME).value(ADMINISTRATOR);
    let values = [
        (role_assignment::USER.selector(), Value::Id(id)),
        (role_assignment::ROLE.selector(), Value::Id(role.ok_or_else(missing)?)),
    ];
    let assignment = RecordId::generate(clock.now(), random);
    make::<RoleAssignment>(&mut view, registry, &context, assignment, (id, &values))?;
    let rules = Configuration::load(&view)?.passwords();
    let setting = Setting { rules, cost: new.cost, random, now: clock.now(), by_other: false };
    credentials::set_password(&mut view, id, &new.password, &setting)?;
    note(&mut view, &context, EntryKind::Credential, id, "password");
    view.commit(sealer)?;
    Ok(())
}

fn make<E: EntityType>(
    view: &mut WriteView<'_>,
    registry: &Registry,
    context: &WriteContext,
    id: RecordId,
    (owner, values): (RecordId, &[(FieldName<'static>, Value)]),
) -> Result<()> {
    let entity = registry.entity(E::NAME)?;
    let permit =
        KeptPolicy::load(view, registry, context.stamp.at())?.policy.bootstrap::<Create>(entity.id());
    let mut record = Record::new(id, entity.id(), Envelope::new(owner, None, context.actor, context.stamp));
    for (name, value) in values {
        record.set(entity.field(*name)?.id(), value.clone());
    }
    records::create(view, context, &permit, entity, record)?;
    Ok(())
}

fn code_of<C: Codes + PartialEq>(choice: C) -> &'static str {
    C::ALL.iter().find(|(known, _, _, _)| *known == choice).map_or("", |(_, code, _, _)| code)
}
