//! What plugins do on their own account: sessions of a service account that an administrator has given to a plugin.
//!
//! Within a call of a user a plugin acts for that user. Where nobody has called it, it is a principal of its own: it has
//! what the roles of its account grant, which the policy decides about as about any user, and no more. The ledger names
//! the account, the plugin as the cause, and for whom it works if it says so, which gives it nothing.

use std::sync::{Arc, PoisonError};

use crate::access::{PluginAccount, User, plugin_account};
use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::{Changes, Crm, EntryKind, Session, Transaction, WriteOptions};
use crate::records::{self, Record, find_unique};
use crate::schema::{Entity, EntityType, FieldName};
use crate::storage::Snapshot;

/// Longest id of a plugin, in bytes.
const MAX_ID: usize = 128;

/// As what a session of a plugin acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AsPlugin {
    pub plugin: Arc<str>,
    /// For whom it works, as it says.
    pub on_behalf_of: Option<RecordId>,
}

/// A plugin that may act on its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmittedPlugin {
    /// What says so.
    pub id: RecordId,
    /// The plugin.
    pub plugin: String,
    /// Its service account.
    pub account: RecordId,
    /// Whether the plugin is loaded now.
    pub loaded: bool,
    /// Why it may, if that was said.
    pub note: Option<String>,
}

/// What stands before the cause of what a plugin does on its own account.
const CAUSE: &str = "plugin:";

/// A cause in which the plugin is not named that acted.
pub(super) fn bare_cause(cause: &str) -> &str {
    let bare = cause.strip_prefix(CAUSE).and_then(|named| named.split_once(' '));
    bare.map_or(cause, |(_, bare)| bare)
}

impl AsPlugin {
    /// A cause as the ledger has it.
    pub fn cause(&self, cause: &str) -> String {
        format!("{CAUSE}{} {cause}", self.plugin)
    }
}

impl Crm {
    /// A session in which a plugin that is loaded acts on its own account. It ends with the next call after the account
    /// was taken from the plugin, suspended or deleted.
    ///
    /// # Errors
    /// `plugin.not_admitted`, alike for a plugin that is not loaded, one without an account, and one whose account may not
    /// sign in.
    pub fn session_of_plugin(&self, plugin: &str) -> Result<Session> {
        let admitted = self.admitted(plugin)?;
        let Some((id, account)) = admitted.filter(|_| self.has_loaded(plugin)) else {
            return Err(Error::new(Code::PluginNotAdmitted).plugin(plugin));
        };
        self.enter_note(account, EntryKind::SignIn, "sign_in", &format!("plugin {plugin}"))?;
        let session =
            Session::by_token(self.clone(), account, self.session_locale(account)?, Some((id, None)));
        Ok(session.of_plugin(AsPlugin { plugin: plugin.into(), on_behalf_of: None }))
    }

    /// Refuses a plugin that has no session of its own, as [`Crm::session_of_plugin`] does.
    pub(super) fn check_acts(&self, plugin: &str) -> Result<()> {
        match self.admitted(plugin)?.filter(|_| self.has_loaded(plugin)) {
            Some(_) => Ok(()),
            None => Err(Error::new(Code::PluginNotAdmitted).plugin(plugin)),
        }
    }

    /// What says that a plugin has an account, and the account, where that may sign in.
    fn admitted(&self, plugin: &str) -> Result<Option<(RecordId, RecordId)>> {
        let (registry, snapshot) = (self.registry(), self.snapshot()?);
        let entity = registry.entity(PluginAccount::NAME)?;
        let found = named(snapshot.as_ref(), entity, plugin)?;
        let user = entity.field(plugin_account::USER.selector())?.id();
        let admitted = found.and_then(|record| Some((record.id, record.peek(user).as_id()?)));
        let policy = self.policy(snapshot.as_ref())?;
        Ok(admitted.filter(|(_, account)| policy.is_active(*account) && policy.is_service(*account)))
    }

    fn has_loaded(&self, plugin: &str) -> bool {
        self.inner.plugins.read().unwrap_or_else(PoisonError::into_inner).contains(plugin)
    }
}

/// What says that a plugin has an account.
fn named(snapshot: &dyn Snapshot, entity: &Entity, plugin: &str) -> Result<Option<Record>> {
    let field = entity.field(plugin_account::PLUGIN.selector())?.id();
    match find_unique(snapshot, entity.id(), field, &Value::from(plugin))? {
        Some(id) => records::get_for_rule(snapshot, entity.id(), id),
        None => Ok(None),
    }
}

impl Session {
    /// The same session of a plugin, whose entries in the ledger say that it works for a user. It gives the plugin nothing:
    /// it has what its own account has.
    ///
    /// # Errors
    /// `access.not_permitted` for a session of anybody else; `record.reference_missing` for who is no active user of the
    /// partition of the plugin's account.
    pub fn on_behalf_of(&self, user: RecordId) -> Result<Self> {
        let Some(plugin) = self.plugin() else {
            return Err(Error::new(Code::NotPermitted).rule("a session of a plugin"));
        };
        self.read(|reader| {
            let near = reader.policy.partition_of(user) == reader.policy.partition_of(self.user());
            match near && reader.policy.is_active(user) {
                true => Ok(self.of_plugin(AsPlugin { on_behalf_of: Some(user), ..plugin.clone() })),
                false => Err(Error::new(Code::ReferenceMissing).entity(User::NAME).value(&user.to_string())),
            }
        })
    }

    /// Lets a plugin act on its own account as a service account, and gives the id of what says so. The account has no
    /// token and is no other plugin's; what it may do is what its roles grant.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the account; `input.invalid_argument` for who is no service
    /// account, and for one that has tokens; `schema.not_unique` for a plugin that has one, and for an account that another
    /// one has; `access.four_eyes`; at the commit `access.beyond_own_rights` for an account that may do more.
    pub fn admit_plugin(&self, plugin: &str, account: RecordId, note: Option<&str>) -> Result<RecordId> {
        let options = WriteOptions::default().cause("plugin.admit");
        self.write_with(options, |transaction| {
            let changes = Changes::new()
                .set(plugin_account::PLUGIN, plugin)
                .set(plugin_account::USER, account)
                .set(plugin_account::NOTE, note.map_or(Value::Null, Value::from));
            transaction.create_record(PluginAccount::NAME, changes)
        })
    }

    /// Takes its account from a plugin. Its sessions end at their next call.
    ///
    /// # Errors
    /// `access.not_permitted`; `record.not_found` for a plugin that has none.
    pub fn dismiss_plugin(&self, plugin: &str) -> Result<()> {
        let options = WriteOptions::default().cause("plugin.dismiss");
        self.write_with(options, |transaction| {
            let registry = Arc::clone(&transaction.registry);
            let entity = registry.entity(PluginAccount::NAME)?;
            let found = named(transaction.view(), entity, plugin)?;
            let missing = || Error::new(Code::RecordNotFound).entity(PluginAccount::NAME).plugin(plugin);
            transaction.delete_record(PluginAccount::NAME, found.ok_or_else(missing)?.id)
        })
    }

    /// The plugins that may act on their own account, as far as this user may see them, at most 1,000.
    ///
    /// # Errors
    /// `access.not_permitted`.
    pub fn admitted_plugins(&self) -> Result<Vec<AdmittedPlugin>> {
        let find =
            crate::engine::Find { limit: crate::base::MAX_PAGE_ROWS, ..crate::engine::Find::default() };
        let page = self.list(PluginAccount::NAME, &find)?;
        let told = page.rows.iter().map(|row| {
            let plugin = row.value(plugin_account::PLUGIN)?.as_text().unwrap_or_default().to_owned();
            Ok(AdmittedPlugin {
                id: row.record.id,
                account: row.value(plugin_account::USER)?.as_id().unwrap_or(row.record.id),
                loaded: self.crm().has_loaded(&plugin),
                note: row.value(plugin_account::NOTE)?.as_text().map(str::to_owned),
                plugin,
            })
        });
        told.collect()
    }
}

impl Transaction<'_> {
    /// Holds what says that a plugin has an account to what is held against credentials of that account.
    pub(super) fn check_plugin_account(&mut self, entity: &Entity, record: &Record) -> Result<()> {
        if entity.api_name != PluginAccount::NAME {
            return Ok(());
        }
        let value = |name: FieldName<'static>| entity.field(name).map(|field| record.value(field.id()));
        let plugin = value(plugin_account::PLUGIN.selector())?;
        let plugin = plugin.as_text().unwrap_or_default();
        let wrong = |field: &str| Error::new(Code::InvalidArgument).entity(PluginAccount::NAME).field(field);
        if plugin.len() > MAX_ID || plugin.split('.').count() < 2 || plugin.split('.').any(str::is_empty) {
            return Err(wrong("plugin").rule("an id in reversed domain order").value(plugin));
        }
        let Some(account) = value(plugin_account::USER.selector())?.as_id() else { return Ok(()) };
        if account == self.user() {
            return Err(Error::new(Code::NotPermitted).entity(PluginAccount::NAME).rule("another account"));
        }
        self.check_sets_password(account)?;
        self.check_credential_of(account)?;
        if !self.is_service(account)? {
            return Err(wrong("user").rule("a service account"));
        }
        if self.has_tokens(account)? {
            return Err(wrong("user").rule("an account without tokens"));
        }
        self.note_plugin_account(entity, record);
        Ok(())
    }

    /// Sessions of a plugin end with what says that it has an account, and with every change of that.
    pub(super) fn note_plugin_account(&mut self, entity: &Entity, record: &Record) {
        if entity.api_name == PluginAccount::NAME {
            self.revoked.insert(record.id);
        }
    }

    /// An account of a plugin has no tokens: nothing else acts as the plugin does.
    pub(super) fn check_no_plugins(&self, account: RecordId) -> Result<()> {
        let entity = self.registry.entity(PluginAccount::NAME)?;
        let field = entity.field(plugin_account::USER.selector())?.id();
        match find_unique(self.view(), entity.id(), field, &Value::Id(account))? {
            None => Ok(()),
            Some(_) => {
                let refused = Error::new(Code::InvalidArgument).entity(User::NAME).record(account);
                Err(refused.rule("an account of no plugin"))
            }
        }
    }
}
