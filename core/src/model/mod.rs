//! Floor 7: the trade's nouns and verbs, declared through the same door that a vendor uses.
//!
//! It deliberately has no private way into the engine: what a customer, a product and a deal are is
//! said here in the terms that any extension may use.
//! Invariants: an opportunity's status follows from its stage; a closed one stays as it is.

pub mod account;
pub mod contact;
pub mod opportunity;
pub mod product;
pub mod stage;

pub use crate::engine::{User, user};
pub use account::Account;
pub use contact::Contact;
pub use opportunity::{Opportunity, StageChange, Status};
pub use product::Product;
pub use stage::Stage;

use std::sync::Arc;

use crate::base::Result;
use crate::engine::{Extension, Registrar, Transaction};
use crate::schema::EntityType;

/// The built-in model, as an extension.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trade;

impl Extension for Trade {
    fn id(&self) -> &'static str {
        "crm"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        registrar.entity(Account::definition().with_counter(account::by_kind()));
        registrar.entity(Contact::definition());
        registrar.entity(Product::definition());
        registrar.entity(Stage::definition());
        let opportunity = Opportunity::definition();
        registrar.entity(
            opportunity
                .with_counter(opportunity::counted_by_stage())
                .with_counter(opportunity::counted_by_status()),
        );
        registrar.entity(StageChange::definition());
        registrar.everybody_reads(Product::NAME);
        registrar.everybody_reads(Stage::NAME);
        registrar.before_save(Opportunity::NAME, 100, Arc::new(opportunity::FollowStage));
        Ok(())
    }

    fn seed(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        stage::seed(transaction)
    }
}
