//! The keys that open a database: listed, added, changed and taken away, each with an entry in the ledger.
//!
//! The calls of [`Crm`] are for a host that holds a key and so may do everything; those of [`Session`] ask
//! for the right to administer everything. The entry is durable before the change is, so no change is
//! without its entry; after a crash in between, the entry stands alone.

use std::path::Path;

use crate::access::Action;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{Crm, DatabaseIdentity, EntryKind, Key, KeyCost, KeySlot, Options, RecoveryKey, Session};
use crate::storage::{Database, KeyPlan};

/// Who acts where a host does.
const HOST: RecordId = RecordId::from_bytes([0; 16]);

impl Crm {
    /// The identity under which a host keeps this database's key.
    #[must_use]
    pub fn identity(&self) -> DatabaseIdentity {
        self.inner.database.identity()
    }

    /// The identity of a database that is closed.
    ///
    /// # Errors
    /// `storage.not_found`, `storage.not_a_database`, `storage.newer_format`, `storage.damaged`,
    /// `storage.locked`, `storage.io`.
    pub fn identity_at(path: impl AsRef<Path>) -> Result<DatabaseIdentity> {
        crate::storage::identity(path.as_ref())
    }

    /// What the slots of the keys say, in the order of their numbers.
    #[must_use]
    pub fn keys(&self) -> Vec<KeySlot> {
        self.inner.database.key_slots()
    }

    /// Adds a key that opens the database, beside those that do already: at most eight.
    ///
    /// # Errors
    /// `input.limit_exceeded` when all slots are taken, `input.invalid_argument` for an empty passphrase,
    /// `storage.io`; `engine.reentrant` inside a transaction of this thread.
    pub fn add_key(&self, key: &Key) -> Result<KeySlot> {
        self.add_labelled_key(key, "")
    }

    /// As [`Crm::add_key`], with a label of at most 15 bytes by which people know the key.
    ///
    /// # Errors
    /// As [`Crm::add_key`]; `input.invalid_argument` for a label that is too long.
    pub fn add_labelled_key(&self, key: &Key, label: &str) -> Result<KeySlot> {
        self.add_key_as(HOST, key, label)
    }

    /// Draws a recovery key and adds it. It is shown nowhere and never again: reveal it, and have it
    /// written down.
    ///
    /// # Errors
    /// As [`Crm::add_labelled_key`].
    pub fn add_recovery_key(&self, label: &str) -> Result<(RecoveryKey, KeySlot)> {
        self.add_recovery_key_as(HOST, label)
    }

    /// Puts another key in the place of one, in one durable write: after a crash one of them opens.
    ///
    /// # Errors
    /// `storage.wrong_key` if the old one opens nothing; `storage.conflict` if the keys change meanwhile;
    /// `input.invalid_argument`, `storage.io`, `engine.reentrant`.
    pub fn change_key(&self, old: &Key, new: &Key) -> Result<KeySlot> {
        self.change_key_as(HOST, old, new)
    }

    /// Takes a key away. A copy of the files made before still opens with it.
    ///
    /// # Errors
    /// `storage.wrong_key` if it opens nothing; `input.invalid_argument` for the last one; as
    /// [`Crm::change_key`].
    pub fn remove_key(&self, key: &Key) -> Result<KeySlot> {
        self.change_keys(HOST, "key.remove", |database| database.plan_removed_key(key))
    }

    /// Takes away the key in a slot, which may be one that nobody has any more.
    ///
    /// # Errors
    /// `input.invalid_argument` for a slot without key and for the last key; as [`Crm::change_key`].
    pub fn remove_key_slot(&self, number: u8) -> Result<KeySlot> {
        self.remove_key_slot_as(HOST, number)
    }

    /// Wraps the slot of a passphrase anew, at another cost of guessing it.
    ///
    /// # Errors
    /// `storage.wrong_key` if it opens nothing; `input.invalid_argument` if it is no passphrase or the cost
    /// is out of bounds; as [`Crm::change_key`].
    pub fn upgrade_key_cost(&self, key: &Key, cost: KeyCost) -> Result<KeySlot> {
        self.upgrade_key_cost_as(HOST, key, cost)
    }

    fn add_key_as(&self, actor: RecordId, key: &Key, label: &str) -> Result<KeySlot> {
        let (cost, now) = (self.inner.key_cost, self.now());
        self.change_keys(actor, "key.add", |database| database.plan_added_key(key, cost, label, now))
    }

    fn add_recovery_key_as(&self, actor: RecordId, label: &str) -> Result<(RecoveryKey, KeySlot)> {
        let recovery = RecoveryKey::generate(self.inner.random.as_ref());
        let slot = self.add_key_as(actor, &recovery.key(), label)?;
        Ok((recovery, slot))
    }

    fn change_key_as(&self, actor: RecordId, old: &Key, new: &Key) -> Result<KeySlot> {
        let (cost, now) = (self.inner.key_cost, self.now());
        self.change_keys(actor, "key.change", |database| database.plan_changed_key(old, new, cost, now))
    }

    fn remove_key_slot_as(&self, actor: RecordId, number: u8) -> Result<KeySlot> {
        self.change_keys(actor, "key.remove", |database| database.plan_cleared_slot(number.into()))
    }

    fn upgrade_key_cost_as(&self, actor: RecordId, key: &Key, cost: KeyCost) -> Result<KeySlot> {
        self.change_keys(actor, "key.upgrade_cost", |database| database.plan_key_cost(key, cost))
    }

    fn change_keys(
        &self,
        actor: RecordId,
        cause: &str,
        plan: impl FnOnce(&Database) -> Result<KeyPlan>,
    ) -> Result<KeySlot> {
        let plan = plan(&self.inner.database)?;
        let slot = plan.slot.clone();
        let text = format!("{} key in slot {}", slot.kind.name(), slot.number);
        self.enter_note(actor, EntryKind::Key, cause, &text)?;
        self.inner.database.store_keys(plan)?;
        Ok(slot)
    }
}

impl Session {
    /// What the slots of the keys say. See [`Crm::keys`].
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything.
    pub fn keys(&self) -> Result<Vec<KeySlot>> {
        self.administered().map(Crm::keys)
    }

    /// Adds a key. See [`Crm::add_labelled_key`].
    ///
    /// # Errors
    /// `access.not_permitted`; as there.
    pub fn add_key(&self, key: &Key, label: &str) -> Result<KeySlot> {
        self.administered()?.add_key_as(self.user(), key, label)
    }

    /// Draws a recovery key and adds it. See [`Crm::add_recovery_key`].
    ///
    /// # Errors
    /// `access.not_permitted`; as there.
    pub fn add_recovery_key(&self, label: &str) -> Result<(RecoveryKey, KeySlot)> {
        self.administered()?.add_recovery_key_as(self.user(), label)
    }

    /// Puts another key in the place of one. See [`Crm::change_key`].
    ///
    /// # Errors
    /// `access.not_permitted`; as there.
    pub fn change_key(&self, old: &Key, new: &Key) -> Result<KeySlot> {
        self.administered()?.change_key_as(self.user(), old, new)
    }

    /// Takes away the key in a slot. See [`Crm::remove_key_slot`].
    ///
    /// # Errors
    /// `access.not_permitted`; as there.
    pub fn remove_key_slot(&self, number: u8) -> Result<KeySlot> {
        self.administered()?.remove_key_slot_as(self.user(), number)
    }

    /// Wraps the slot of a passphrase anew. See [`Crm::upgrade_key_cost`].
    ///
    /// # Errors
    /// `access.not_permitted`; as there.
    pub fn upgrade_key_cost(&self, key: &Key, cost: KeyCost) -> Result<KeySlot> {
        self.administered()?.upgrade_key_cost_as(self.user(), key, cost)
    }

    /// The database, for those who may administer everything.
    pub(super) fn administered(&self) -> Result<&Crm> {
        self.check_may("sys.role", Action::Administer)?;
        Ok(self.crm())
    }
}

impl Options {
    /// The key of a database that stands: the one that is given, or the one that the host's provider gives
    /// for its identity.
    pub(super) fn opening_key(&self, path: &Path) -> Result<Key> {
        match (&self.key, &self.key_provider) {
            (Some(key), _) => Ok(key.clone()),
            (None, Some(provider)) => provider.key(&crate::storage::identity(path)?),
            (None, None) => Err(Error::new(Code::MissingParameter).field("key")),
        }
    }
}
