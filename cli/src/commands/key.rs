//! `guanxi key`: the keys that open a database, none of which is ever an argument.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use guanxi::base::Label;
use guanxi::engine::KeySlot;
use guanxi::{KeyCost, Result, api};
use serde_json::json;

use crate::arguments::KeyKind;
use crate::commands::compact;
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, visible};
use crate::progress;
use crate::secrets::{self, Asked, Wanted};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Key {
    #[command(subcommand)]
    work: Work,
}

/// What is to be done with keys.
#[derive(Debug, Subcommand)]
enum Work {
    /// List the keys: numbers, kinds, costs and labels, and no secret
    List(List),
    /// Add a key; the new one is in a file, in GUANXI_NEW_KEY, or asked for twice
    Add(Add),
    /// Remove the key in a slot; the last one stays, and older copies of the database still open with it
    Remove(Remove),
    /// Put another key in the place of the one that opens the database now
    Change(Change),
    /// Draw a recovery key, add it, and show it this once
    Recovery(Recovery),
    /// Make guessing the passphrase that opens the database now cost more, or less
    Upgrade(Upgrade),
    /// Encrypt everything anew under a new data key, which the keys named here open and no others
    Rekey(Rekey),
}

#[derive(Debug, Args)]
struct List {
    /// Directory of the database
    path: PathBuf,
}

#[derive(Debug, Args)]
struct Add {
    /// Directory of the database
    path: PathBuf,
    /// What people call the key, at most 15 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    #[command(flatten)]
    new: NewKey,
}

#[derive(Debug, Args)]
struct Remove {
    /// Directory of the database
    path: PathBuf,
    /// Number of the slot; `key list` gives it
    slot: u8,
}

#[derive(Debug, Args)]
struct Change {
    /// Directory of the database
    path: PathBuf,
    #[command(flatten)]
    new: NewKey,
}

#[derive(Debug, Args)]
struct Recovery {
    /// Directory of the database
    path: PathBuf,
    /// What people call the key, at most 15 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
}

#[derive(Debug, Args)]
struct Upgrade {
    /// Directory of the database
    path: PathBuf,
    /// Memory of Argon2id in KiB
    #[arg(long, value_name = "KIB", default_value_t = KeyCost::default().memory_kib)]
    memory_kib: u32,
    /// Passes over the memory
    #[arg(long, value_name = "NUMBER", default_value_t = KeyCost::default().passes)]
    passes: u32,
    /// Lanes
    #[arg(long, value_name = "NUMBER", default_value_t = KeyCost::default().lanes)]
    lanes: u32,
}

#[derive(Debug, Args)]
struct Rekey {
    /// Directory of the database
    path: PathBuf,
    /// File with a key that shall open the database from now on; may be given again. Without it the one
    /// key is in GUANXI_NEW_KEY, or asked for twice
    #[arg(long, value_name = "FILE")]
    new_key_file: Vec<PathBuf>,
    /// What the keys are; if not said, as with --key-kind
    #[arg(long, value_name = "KIND")]
    new_key_kind: Option<KeyKind>,
}

/// Where the key that comes is.
#[derive(Debug, Args)]
struct NewKey {
    /// File with the new key, in a form of --key-file
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
    /// What the new key is; if not said, as with --key-kind
    #[arg(long, value_name = "KIND")]
    new_key_kind: Option<KeyKind>,
}

impl NewKey {
    fn read(&self, host: &Host) -> Result<guanxi::Key> {
        let wanted = Wanted::coming(self.new_key_file.as_deref(), self.new_key_kind);
        secrets::key(wanted, host.locale(), Asked::Twice)
    }
}

impl Rekey {
    fn run(&self, host: &Host) -> Result<()> {
        let session = host.session(&self.path)?;
        let read = |file: Option<&std::path::Path>| {
            secrets::key(Wanted::coming(file, self.new_key_kind), host.locale(), Asked::Twice)
        };
        let keys = match self.new_key_file.as_slice() {
            [] => vec![read(None)?],
            files => files.iter().map(|file| read(Some(file))).collect::<Result<Vec<_>>>()?,
        };
        let report = progress::shown(&session, |session| session.change_data_key(&keys))?;
        compact::tell(host, &report)
    }
}

impl Key {
    /// Does it.
    ///
    /// # Errors
    /// Those of the methods `key.*` and `database.change_data_key`, of opening a database, and of keys.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::List(list) => list.run(host)?,
            Work::Add(add) => {
                let session = host.session(&add.path)?;
                tell(host, &session.add_key(&add.new.read(host)?, &add.label)?)?;
            }
            Work::Remove(remove) => {
                tell(host, &host.session(&remove.path)?.remove_key_slot(remove.slot)?)?;
            }
            Work::Change(change) => {
                let old = host.key(Asked::Once)?;
                let session = host.session_with(&change.path, old.clone())?;
                tell(host, &session.change_key(&old, &change.new.read(host)?)?)?;
            }
            Work::Recovery(recovery) => recovery.run(host)?,
            Work::Upgrade(upgrade) => {
                let Upgrade { path, memory_kib, passes, lanes } = upgrade;
                let (memory_kib, passes, lanes) = (*memory_kib, *passes, *lanes);
                let key = host.key(Asked::Once)?;
                let session = host.session_with(path, key.clone())?;
                tell(host, &session.upgrade_key_cost(&key, KeyCost { memory_kib, passes, lanes })?)?;
            }
            Work::Rekey(rekey) => rekey.run(host)?,
        }
        Ok(Ended::Done)
    }
}

impl List {
    fn run(&self, host: &Host) -> Result<()> {
        let slots = host.session(&self.path)?.keys()?;
        if host.wants_json() {
            return output::json(
                &json!({"keys": slots.iter().map(api::key_slot_to_json).collect::<Vec<_>>()}),
            );
        }
        slots.iter().try_for_each(|slot| output::line(&in_words(slot)))
    }
}

impl Recovery {
    fn run(&self, host: &Host) -> Result<()> {
        let (recovery, slot) = host.session(&self.path)?.add_recovery_key(&self.label)?;
        let text = recovery.reveal();
        if host.wants_json() {
            let mut answer = api::key_slot_to_json(&slot);
            if let Some(answer) = answer.as_object_mut() {
                answer.insert("recovery_key".to_owned(), json!(text.as_str()));
            }
            return output::json(&answer);
        }
        let advice = Label::new(
            "请抄写并离线保存，此密钥不会再次显示：",
            "Write this down and keep it away from the machine; it is not shown again:",
        );
        eprintln!("{}", advice.text(host.locale()));
        output::line(&text)
    }
}

/// What a slot says, as `key list` does.
fn tell(host: &Host, slot: &KeySlot) -> Result<()> {
    if host.wants_json() { output::json(&api::key_slot_to_json(slot)) } else { output::line(&in_words(slot)) }
}

fn in_words(slot: &KeySlot) -> String {
    let cost = slot
        .cost
        .map(|cost| format!("{} KiB, {} passes, {} lanes", cost.memory_kib, cost.passes, cost.lanes));
    let created = slot.created_at.map(|at| at.to_string());
    let facts = [cost, slot.label.clone(), created].into_iter().flatten();
    let facts: Vec<String> = std::iter::once(slot.kind.name().to_owned()).chain(facts).collect();
    visible(&format!("{}: {}", slot.number, facts.join("; ")))
}
