//! Keeps a plugin's failures within bounds: counts them, measures its calls, and stops calling what fails too often.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use guanxi::base::{Code, Error, Label, Result};
use guanxi_plugin_abi as abi;

use crate::functions::tell;
use crate::guard::Guard;
use crate::names::Names;
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
    /// The names of fields that its hooks use.
    pub names: Names,
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
            names: Names::default(),
        }
    }

    /// Whether a hook is to be called now. A plugin that checks what is saved is not passed over because it failed.
    ///
    /// # Errors
    /// `plugin.quarantined`.
    pub fn admits_hooks(&self) -> Result<bool> {
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
        Instant::now()
    }

    /// It has returned; gives how long it took.
    pub fn leave(&self, since: Instant) -> Duration {
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
        if outcome.status >= 0 && outcome.rejection.is_none() {
            return Ok(false);
        }
        let code = code_of(outcome.status);
        // What the host refused a plugin is no fault of it: a user could bring any plugin down with that.
        let is_fault = outcome.status < 0 && code == Code::PluginFault;
        if is_fault {
            self.count_fault("failed");
        }
        match (outcome.status, outcome.rejection) {
            // A panic in a plugin of the kit says why it refuses too, and is passed over as any fault is.
            (_, Some(_)) if is_fault && self.on_fault == OnFault::Skip => Ok(true),
            // A plugin that said why it refuses has refused, whatever status it returned with.
            (_, Some((field, message))) => {
                Err(Error::new(Code::PluginRejected).plugin(&self.id).field(&field).said(message))
            }
            (_, None) => match self.on_fault {
                OnFault::Reject => Err(Error::new(Code::PluginFault).plugin(&self.id).rule(code.key())),
                OnFault::Skip => Ok(true),
            },
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
    Code::ALL.iter().find(|code| -code.number() == status).copied().unwrap_or(Code::PluginFault)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn plugin(on_fault: OnFault) -> Plugin {
        let name = Label::new("一", "One");
        let manifest = Manifest::new("cn.example.one", "1.0.0", name, &[], on_fault).unwrap();
        Plugin::new(&manifest, Guard::open(Path::new("/nowhere/at/all"), "cn.example.one").unwrap())
    }

    fn verdict(plugin: &Plugin, status: i32) -> Result<bool> {
        let rejection = Some((String::new(), Label::new("停", "stop")));
        plugin.verdict(Outcome { status, rejection, took: Duration::ZERO }, Duration::from_secs(1))
    }

    #[test]
    fn a_fault_that_says_why_is_passed_over_as_any_other_and_a_refusal_is_not() {
        let skipped = plugin(OnFault::Skip);
        assert!(verdict(&skipped, abi::GUANXI_ERR_PLUGIN_FAULT).unwrap());
        let refused = verdict(&skipped, abi::GUANXI_ERR_PLUGIN_REJECTED).unwrap_err();
        assert_eq!(refused.code(), Code::PluginRejected);
        let refused = verdict(&plugin(OnFault::Reject), abi::GUANXI_ERR_PLUGIN_FAULT).unwrap_err();
        assert_eq!(refused.code(), Code::PluginRejected);
    }

    #[test]
    fn every_status_that_no_code_has_is_a_fault() {
        for status in [i32::MIN, -1, i32::MAX] {
            assert_eq!(code_of(status), Code::PluginFault, "{status}");
        }
        assert_eq!(code_of(abi::GUANXI_ERR_PLUGIN_REJECTED), Code::PluginRejected);
    }
}
