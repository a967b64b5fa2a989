//! Keeps a plugin's failures within bounds: counts them, measures its calls, and stops calling what fails too often.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use guanxi::base::{Code, Error, Label, Result};
use guanxi_plugin_abi as abi;

use crate::functions::tell;
use crate::guard::Guard;
use crate::{Manifest, OnFault};

/// Faults after which a plugin is called no more.
pub const MAX_FAULTS: u32 = 3;

/// One plugin in one database.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub id: String,
    pub capabilities: BTreeSet<String>,
    pub on_fault: OnFault,
    /// How long a hook, and other work, may take.
    pub budgets: (Duration, Duration),
    pub guard: Guard,
    /// How far its stored data has come, where its migrations go further.
    unmigrated: AtomicBool,
    /// Whether a migration of it is running, during which it is not asked about what that writes.
    migrating: AtomicBool,
    /// How many calls are running.
    calls: AtomicU32,
}

/// What came of a call into a plugin.
pub(crate) struct Outcome {
    pub status: i32,
    /// Why it refused: a field and a message.
    pub rejection: Option<(String, Label)>,
    /// How long it took.
    pub took: Duration,
}

impl Plugin {
    pub fn new(manifest: &Manifest, guard: Guard) -> Self {
        let budgets = manifest.budgets();
        let milliseconds = |budget: u32| Duration::from_millis(u64::from(budget));
        Self {
            id: manifest.id().to_owned(),
            capabilities: manifest.capabilities().map(str::to_owned).collect(),
            on_fault: manifest.on_fault(),
            budgets: (milliseconds(budgets.hook), milliseconds(budgets.work)),
            guard,
            unmigrated: AtomicBool::new(false),
            migrating: AtomicBool::new(false),
            calls: AtomicU32::new(0),
        }
    }

    /// Says whether migrations are due.
    pub fn set_unmigrated(&self, due: bool) {
        self.unmigrated.store(due, Ordering::Release);
    }

    /// Says whether a migration is running.
    pub fn set_migrating(&self, running: bool) {
        self.migrating.store(running, Ordering::Release);
    }

    /// Whether a hook is to be called now. A plugin that checks what is saved is not passed over because it failed.
    ///
    /// # Errors
    /// `plugin.quarantined`, `plugin.migration_needed`.
    pub fn admits_hooks(&self) -> Result<bool> {
        if self.migrating.load(Ordering::Acquire) {
            return Ok(false);
        }
        match self.check() {
            Err(error) if self.on_fault == OnFault::Reject => Err(error),
            Err(_) => Ok(false),
            Ok(()) => Ok(true),
        }
    }

    /// Refuses what is not to be called.
    ///
    /// # Errors
    /// As [`Plugin::admits_hooks`].
    pub fn check(&self) -> Result<()> {
        if self.guard.is_quarantined() {
            return Err(Error::new(Code::PluginQuarantined).plugin(&self.id));
        }
        if self.unmigrated.load(Ordering::Acquire) {
            return Err(Error::new(Code::PluginMigration).plugin(&self.id));
        }
        Ok(())
    }

    /// Refuses what the manifest did not ask leave for.
    ///
    /// # Errors
    /// `access.not_permitted`, with the capability as its rule.
    pub fn check_capability(&self, capability: &str) -> Result<()> {
        if self.capabilities.contains(capability) {
            return Ok(());
        }
        Err(Error::new(Code::NotPermitted).plugin(&self.id).rule(capability))
    }

    /// A call into the plugin begins.
    pub fn enter(&self) -> Instant {
        self.guard.enter();
        self.calls.fetch_add(1, Ordering::Relaxed);
        Instant::now()
    }

    /// It has returned; gives how long it took.
    pub fn leave(&self, since: Instant) -> Duration {
        self.calls.fetch_sub(1, Ordering::Relaxed);
        self.guard.leave();
        since.elapsed()
    }

    /// What a call came to, after its faults are counted: `true` where it is to be taken as if it had not been made.
    ///
    /// # Errors
    /// `plugin.rejected` with what the plugin said; `plugin.fault` where a fault is not passed over.
    pub fn verdict(&self, outcome: Outcome, budget: Duration) -> Result<bool> {
        if outcome.took > budget {
            let (took, budget) = (outcome.took.as_millis(), budget.as_millis());
            self.count_fault(&format!("took {took} ms of {budget} ms"));
        }
        let code = code_of(outcome.status);
        match (outcome.status, outcome.rejection) {
            (0.., None) => Ok(false),
            // A plugin that said why it refuses has refused, whatever status it returned with; but a panic in one of
            // the kit is told that way too.
            (status, Some((field, message))) => {
                if status < 0 && code == Code::PluginFault {
                    self.count_fault("failed");
                }
                Err(Error::new(Code::PluginRejected).plugin(&self.id).field(&field).said(message))
            }
            (_, None) => {
                // What the host refused a plugin is no fault of it: a user could bring any plugin down with that.
                if code == Code::PluginFault {
                    self.count_fault("failed");
                }
                match self.on_fault {
                    OnFault::Reject => Err(Error::new(Code::PluginFault).plugin(&self.id).rule(code.key())),
                    OnFault::Skip => Ok(true),
                }
            }
        }
    }

    fn count_fault(&self, what: &str) {
        let faults = self.guard.fault();
        tell(abi::GUANXI_LOG_ERROR, &format!("{}: {what}, fault {faults} of {MAX_FAULTS}", self.id));
        if faults >= MAX_FAULTS {
            self.guard.quarantine();
        }
    }
}

/// The code of a status; what no code has is a fault of the plugin.
pub(crate) fn code_of(status: i32) -> Code {
    Code::ALL.iter().find(|code| code.number() == -status).copied().unwrap_or(Code::PluginFault)
}
