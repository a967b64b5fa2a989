//! Old entries of the ledger: written to an archive that a checkpoint signs, and then emptied in the database.
//!
//! An archive is an export with values whose last entry bears a signed checkpoint, so that whoever has the public key
//! verifies it without the database. What is emptied keeps what is chained, the commitments among it: the chain, its
//! proofs and every later export hold as before, and the archive has the values that fit them.

use std::collections::BTreeMap;
use std::io::Write;

use crate::access::Action;
use crate::base::{Code, Error, Result, Timestamp};
use crate::engine::configuration::LEDGER_DAYS;
use crate::engine::history::kept_since;
use crate::engine::{At, Crm, EntryKind, LedgerExport, LedgerExportOptions, Session};
use crate::records::{
    PRUNE_CHUNK, archived_up_to, checkpoints, drop_values, dropped_up_to, keep_archived, look_for_kinds,
    resolve,
};
use crate::schema::declare::codes;

/// Checkpoints of one read.
const ROWS: usize = 500;

codes! {
    /// Entries of the ledger that are kept equally long. What changes of records is kept as `history_days` says, and
    /// everything else for ever.
    LedgerClass {
        /// Who read or printed records.
        Reads = "reads", "读取", "Reads";
        /// Who signed in, and who was refused.
        SignIns = "sign_ins", "登录", "Sign-ins";
        /// What was refused to people.
        Refusals = "refusals", "拒绝", "Refusals";
        /// What was exported.
        Exports = "exports", "导出", "Exports";
    }
}

impl LedgerClass {
    /// The kinds of its entries.
    #[must_use]
    pub const fn kinds(self) -> &'static [EntryKind] {
        match self {
            Self::Reads => &[EntryKind::Read, EntryKind::Print],
            Self::SignIns => &[EntryKind::SignIn, EntryKind::SignInRefused],
            Self::Refusals => &[EntryKind::Denied],
            Self::Exports => &[EntryKind::Export],
        }
    }
}

/// What was taken out of the ledger, or would be, of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedValues {
    /// The class.
    pub class: LedgerClass,
    /// Entries that were made before this moment are emptied, as far as they are archived.
    pub until: Timestamp,
    /// The last entry that may be emptied.
    pub last: u64,
    /// How many entries lost their values.
    pub entries: u64,
}

impl Session {
    /// Writes what was entered since the last archive, with values, up to the newest checkpoint that is signed, as
    /// [`Session::export_ledger`] writes it, and remembers how far that goes. What was archived may be emptied from
    /// then on ([`Session::drop_archived`]); whoever calls this keeps what it wrote.
    ///
    /// # Errors
    /// As [`Session::export_ledger`]; `input.invalid_argument` where there is no signed checkpoint behind the last
    /// archive: see [`Session::checkpoint_ledger`].
    pub fn archive_ledger(&self, sink: &mut dyn Write) -> Result<LedgerExport> {
        let crm = self.administered()?;
        let snapshot = crm.durable_snapshot()?;
        let before = archived_up_to(snapshot.as_ref())?;
        let (mut newest, mut after) = (None, 0);
        loop {
            let page = checkpoints(snapshot.as_ref(), after, ROWS)?;
            let Some(last) = page.last() else { break };
            after = last.sequence;
            let mut signed =
                page.into_iter().filter(|made| !made.signature.is_empty() && made.position > before);
            newest = signed.next_back().map(|made| made.position).or(newest);
        }
        let refused = || Error::new(Code::InvalidArgument).field("checkpoint");
        let last = newest.ok_or_else(|| refused().rule("a signed checkpoint behind the last archive"))?;
        let options = LedgerExportOptions { first: before.saturating_add(1), last, values: true };
        let done = self.export_ledger(options, sink)?;
        crm.engine_write(self.patience(), |view| {
            // Of two that archived at the same time the one that went further counts.
            if archived_up_to(view)? < done.head.position {
                keep_archived(view, &done.head);
            }
            Ok(())
        })?;
        Ok(done)
    }

    /// Up to which entry the ledger was archived.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.damaged`.
    pub fn archived_ledger(&self) -> Result<u64> {
        archived_up_to(self.administered()?.durable_snapshot()?.as_ref())
    }

    /// Takes the values out of entries that are archived and older than the setting `audit.retention_days` keeps them
    /// for their class. What stands in the clear of each stays, with the commitments to its values, so that the chain
    /// and every proof of it verify as before. With `only_say` nothing is taken out.
    ///
    /// It goes in chunks of two thousand entries, between which others write, and tells the listener of the session's
    /// patience the phase `ledger`. A call that was interrupted is gone on with by the next one.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `engine.cancelled`,
    /// `engine.deadline_exceeded`; `storage.damaged`, `storage.io`.
    pub fn drop_archived(&self, only_say: bool) -> Result<Vec<DroppedValues>> {
        self.check_may("sys.role", Action::Administer)?;
        let crm = self.crm();
        let mut told = Vec::new();
        for (class, days) in crm.ledger_days() {
            let until = kept_since(crm.now(), days);
            let (mut after, last) = {
                let snapshot = crm.durable_snapshot()?;
                let archived = archived_up_to(snapshot.as_ref())?;
                let old = resolve(snapshot.as_ref(), At::Time(until))?;
                (dropped_up_to(snapshot.as_ref(), class.kinds())?, old.min(archived))
            };
            let (first, mut entries) = (after, 0_u64);
            while after < last {
                self.patience().check()?;
                let (walked, found) = crm.drop_some(self, class, (after, last), only_say)?;
                entries = entries.saturating_add(found);
                after = walked;
                self.patience().tell("ledger", after.saturating_sub(first), last.saturating_sub(first));
            }
            told.push(DroppedValues { class, until, last, entries });
        }
        if !only_say && told.iter().any(|dropped| dropped.entries > 0) {
            let text = told.iter().map(|dropped| format!("{}: {}", dropped.class.code(), dropped.entries));
            let text = text.collect::<Vec<_>>().join(", ");
            crm.enter_note(self.user(), EntryKind::Settings, "ledger.drop", &text)?;
        }
        Ok(told)
    }
}

impl Crm {
    /// For how many days values of the ledger are kept, by class; those that nobody has set are kept for ever.
    fn ledger_days(&self) -> BTreeMap<LedgerClass, u32> {
        let set = self.set_value(LEDGER_DAYS).unwrap_or_default();
        let days = set.as_object().into_iter().flatten().filter_map(|(class, days)| {
            Some((LedgerClass::from_code(class)?, u32::try_from(days.as_u64()?).ok()?))
        });
        days.collect()
    }

    /// Empties some entries of a class; it gives the last one that was looked at, and how many were emptied.
    fn drop_some(
        &self,
        session: &Session,
        class: LedgerClass,
        (after, last): (u64, u64),
        only_say: bool,
    ) -> Result<(u64, u64)> {
        let most = usize::try_from(self.inner.build_at_once.clamp(1, PRUNE_CHUNK)).unwrap_or(1);
        if only_say {
            let chunk = look_for_kinds(self.snapshot()?.as_ref(), class.kinds(), (after, most, last))?;
            return Ok((chunk.last, u64::try_from(chunk.emptied.len()).unwrap_or(u64::MAX)));
        }
        let mut told = (last, 0);
        self.engine_write(session.patience(), |view| {
            let chunk = look_for_kinds(view, class.kinds(), (after, most, last))?;
            told = (chunk.last, u64::try_from(chunk.emptied.len()).unwrap_or(u64::MAX));
            drop_values(view, class.kinds(), chunk)
        })?;
        Ok(told)
    }
}

/// Whether a value of the setting names classes alone, each with at least a day.
pub(super) fn check_ledger_days(value: &serde_json::Value) -> Result<()> {
    let good = |(class, days): (&String, &serde_json::Value)| {
        let days = days.as_u64().is_some_and(|days| days >= 1 && u32::try_from(days).is_ok());
        LedgerClass::from_code(class).is_some() && days
    };
    match value.as_object() {
        Some(classes) if classes.iter().all(good) => Ok(()),
        _ => {
            Err(Error::new(Code::OutOfRange)
                .rule("days, at least 1, of reads, sign_ins, refusals or exports"))
        }
    }
}
