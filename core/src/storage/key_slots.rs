//! The keys of an open database: what its slots say, and how they change. A change is planned first and
//! written afterwards, so that it can be entered in the ledger before it holds.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use crate::base::{Code, Error, Patience, Result, Timestamp};
use crate::storage::Database;
use crate::storage::database::DATA;
use crate::storage::device::FileDevice;
use crate::storage::keys::{DatabaseIdentity, Key, KeyCost, KeyKind};
use crate::storage::places;
use crate::storage::slots::{About, Slot};
use crate::storage::superblock::{FileKind, Superblock};
use crate::storage::vault::Vault;

/// What a slot says of the key in it. There is no secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySlot {
    /// The number of the slot, 0 to 7.
    pub number: u8,
    /// What the key is made of.
    pub kind: KeyKind,
    /// What it costs to try a passphrase; none for the other kinds.
    pub cost: Option<KeyCost>,
    /// What people call it, if somebody gave it a name.
    pub label: Option<String>,
    /// When the key came; unknown for the key that the database was made with, and for those of before
    /// moments were kept.
    pub created_at: Option<Timestamp>,
}

impl KeySlot {
    fn of(number: usize, slot: &Slot) -> Self {
        let (kind, about) = (slot.kind(), slot.about());
        Self {
            number: u8::try_from(number).unwrap_or(u8::MAX),
            kind,
            cost: (kind == KeyKind::Passphrase).then(|| slot.cost()),
            label: Some(about.label).filter(|label| !label.is_empty()),
            created_at: about.created_at,
        }
    }
}

/// A change of keys that is worked out and not written yet.
pub struct KeyPlan {
    /// The file that it was worked out for.
    vault: Arc<Vault>,
    next: Superblock,
    /// The generation that it was worked out from.
    from: u64,
    /// The slot that changes, as it will be, or as it was where the key goes.
    pub slot: KeySlot,
}

impl std::fmt::Debug for KeyPlan {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeyPlan").field("slot", &self.slot).finish_non_exhaustive()
    }
}

impl Database {
    /// The identity under which a host keeps the key.
    #[must_use]
    pub fn identity(&self) -> DatabaseIdentity {
        DatabaseIdentity::from_bytes(self.ring().file_id())
    }

    /// What the slots say, in the order of their numbers.
    #[must_use]
    pub fn key_slots(&self) -> Vec<KeySlot> {
        self.vault().current_superblock().slots().map(|(number, slot)| KeySlot::of(number, slot)).collect()
    }

    /// Plans one more key.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] where all 8 slots are taken, [`Code::InvalidArgument`] for an empty
    /// passphrase, a cost out of bounds or a label that is too long.
    pub fn plan_added_key(&self, key: &Key, cost: KeyCost, label: &str, at: Timestamp) -> Result<KeyPlan> {
        let vault = self.vault();
        let next = vault.current_superblock();
        let about = About { label: label.to_owned(), created_at: Some(at) };
        let number = next.free_number()?;
        plan_slot(vault, next, number, key, cost, &about)
    }

    /// Plans another key in the place of one; the label stays.
    ///
    /// # Errors
    /// [`Code::WrongKey`] where no slot has the old key; as [`Database::plan_added_key`].
    pub fn plan_changed_key(&self, old: &Key, new: &Key, cost: KeyCost, at: Timestamp) -> Result<KeyPlan> {
        let vault = self.vault();
        let next = vault.current_superblock();
        let number = next.number_of(old)?;
        let about = About { created_at: Some(at), ..about_of(&next, number) };
        plan_slot(vault, next, number, new, cost, &about)
    }

    /// Plans another cost for the slot of a passphrase; label and moment stay.
    ///
    /// # Errors
    /// [`Code::WrongKey`] where no slot has the key, [`Code::InvalidArgument`] if it is no passphrase or
    /// the cost is out of bounds.
    pub fn plan_key_cost(&self, key: &Key, cost: KeyCost) -> Result<KeyPlan> {
        if key.kind() != KeyKind::Passphrase {
            return Err(Error::new(Code::InvalidArgument).field("key").rule("only a passphrase has a cost"));
        }
        let vault = self.vault();
        let next = vault.current_superblock();
        let number = next.number_of(key)?;
        let about = about_of(&next, number);
        plan_slot(vault, next, number, key, cost, &about)
    }

    /// Plans the removal of a key. Whoever kept an older copy of the file and this key can still open that
    /// copy.
    ///
    /// # Errors
    /// [`Code::WrongKey`] where no slot has it, [`Code::InvalidArgument`] for the last one.
    pub fn plan_removed_key(&self, key: &Key) -> Result<KeyPlan> {
        let vault = self.vault();
        let next = vault.current_superblock();
        let number = next.number_of(key)?;
        plan_empty_slot(vault, next, number)
    }

    /// Plans the removal of the key in a slot, by whoever does not have it any more.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a slot without key, and for the last key.
    pub fn plan_cleared_slot(&self, number: usize) -> Result<KeyPlan> {
        let vault = self.vault();
        let next = vault.current_superblock();
        plan_empty_slot(vault, next, number)
    }

    /// Writes a plan, durably. A power cut meanwhile leaves the keys as they were or as they are to be.
    ///
    /// # Errors
    /// [`Code::Conflict`] where the keys have changed since it was worked out, [`Code::Io`].
    pub fn store_keys(&self, plan: KeyPlan) -> Result<()> {
        // With the writer's turn, since the file itself is exchanged within one.
        let _turn = self.store.begin(&Patience::default())?;
        let vault = self.vault();
        let mut kept = vault.superblock.lock().unwrap_or_else(PoisonError::into_inner);
        // Slots wrap the master key of their own file, so those of another one would open nothing.
        if !Arc::ptr_eq(&vault, &plan.vault) || kept.generation() != plan.from {
            return Err(Error::new(Code::Conflict).rule("keys"));
        }
        let mut next = plan.next;
        next.store(vault.device.as_ref(), &vault.ring)?;
        *kept = next;
        Ok(())
    }
}

/// The identity of a database that is not open, for a host that looks its key up.
///
/// # Errors
/// [`Code::DatabaseNotFound`], [`Code::NotADatabase`], [`Code::NewerFormat`], [`Code::Damaged`],
/// [`Code::Locked`], [`Code::Io`].
pub fn identity(path: &Path) -> Result<DatabaseIdentity> {
    places::put_back(path)?;
    let data = path.join(DATA);
    if path.exists() && !data.is_file() {
        return Err(Error::new(Code::NotADatabase));
    }
    let device = FileDevice::open(&data)?;
    Superblock::file_id(&device, FileKind::Data).map(DatabaseIdentity::from_bytes)
}

/// Wraps a key for a slot and puts it there.
fn plan_slot(
    vault: Arc<Vault>,
    mut next: Superblock,
    number: usize,
    key: &Key,
    cost: KeyCost,
    about: &About,
) -> Result<KeyPlan> {
    let from = next.generation();
    let slot = Slot::wrap(&vault.ring, number, key, cost, about, vault.random.as_ref())?;
    let described = KeySlot::of(number, &slot);
    next.put_slot(number, slot);
    Ok(KeyPlan { vault, next, from, slot: described })
}

fn plan_empty_slot(vault: Arc<Vault>, mut next: Superblock, number: usize) -> Result<KeyPlan> {
    let from = next.generation();
    let gone = next.clear_slot(number)?;
    Ok(KeyPlan { vault, next, from, slot: KeySlot::of(number, &gone) })
}

fn about_of(superblock: &Superblock, number: usize) -> About {
    let slot = superblock.slots().find(|(place, _)| *place == number);
    slot.map(|(_, slot)| slot.about()).unwrap_or_default()
}
