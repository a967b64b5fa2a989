//! What an organisation owes the people of whom it knows something, as far as an engine can hold to it: for what their
//! data is used and who gets it, what they agreed to, what must be kept, and what must go.
//!
//! Invariants: nothing here is overwritten that somebody may be asked for later, so consents and holds go through their
//! own calls alone; a hold is asked for by the records' floor before every removal; rules of retention remove by the same
//! verbs as people do, and so never more than these may.

mod consents;
mod drift;
mod erasures;
mod holds;
mod kept;
mod purposes;
mod retention;
mod suppression;
mod term;

use std::sync::Arc;

use crate::base::{Code, Error, Result};
use crate::engine::{BeforeSave, Registrar, Save};
use crate::schema::{Entity, EntityType};

pub(super) use consents::forget_consents;
pub use consents::{
    Channel, Consent, ConsentAnswer, ConsentPage, ConsentReason, ConsentStatement, Decision, Evidence,
    RecordedConsent, consent,
};
pub use drift::{Administrator, AdministratorPage};
pub use holds::{Hold, HoldPage, LegalHold, NewHold, legal_hold};
pub use purposes::{
    DataClass, FieldPurpose, LegalBasis, Processor, ProcessorRole, Purpose, RegisteredPurpose, Transfer,
    processor, purpose,
};
pub use retention::{
    Kept, RetentionAction, RetentionPage, RetentionRow, RetentionRule, RetentionRun, retention_rule,
};
pub use suppression::{
    IdentifierOfRecord, SuppressedIdentifier, SuppressionCause, SuppressionPage, SuppressionReason,
};
pub use term::Term;

/// The entities of this room, in whose records no policy is stated.
pub(super) const ENTITIES: [&str; 5] =
    [Purpose::NAME, Processor::NAME, Consent::NAME, LegalHold::NAME, RetentionRule::NAME];
/// Those whose records are made by their own calls alone, and never go by themselves.
const KEPT: [&str; 2] = [Consent::NAME, LegalHold::NAME];

/// Declares the entities, and what is held against their records.
pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(Purpose::definition());
    registrar.entity(Processor::definition());
    registrar.entity(Consent::definition());
    registrar.entity(LegalHold::definition());
    registrar.entity(RetentionRule::definition());
    for entity in KEPT {
        registrar.before_save(entity, 0, Arc::new(OwnCallsAlone));
    }
    registrar.before_save(Purpose::NAME, 0, Arc::new(purposes::CheckPurpose));
    registrar.before_save(Processor::NAME, 0, Arc::new(purposes::CheckProcessor));
    registrar.before_save(RetentionRule::NAME, 0, Arc::new(retention::CheckRule));
}

/// Refuses what comes through the door of all records: also another owner, under whom nobody would look.
struct OwnCallsAlone;

impl BeforeSave for OwnCallsAlone {
    fn before_save(&self, _save: &mut Save<'_>) -> Result<()> {
        Err(own_calls_alone())
    }
}

fn own_calls_alone() -> Error {
    Error::new(Code::NotPermitted).rule("made and changed by its own calls alone")
}

/// Refuses to delete what is kept for those who ask later.
pub(super) fn check_not_kept(entity: &Entity) -> Result<()> {
    if KEPT.contains(&entity.api_name.as_str()) {
        return Err(own_calls_alone().entity(&entity.api_name));
    }
    Ok(())
}
