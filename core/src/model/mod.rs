//! Floor 7: the trade's nouns and verbs, declared through the same door that a vendor uses.
//!
//! It deliberately has no private way into the engine: what a customer, a product and a deal are is
//! said here in the terms that any extension may use.
//! Invariants: an opportunity's status follows from its stage; a closed one stays as it is until it is opened again.

pub mod account;
pub mod activity;
pub mod assignment;
pub mod birthday_reminder;
pub mod competitor;
pub mod contact;
pub mod contact_group;
pub mod deal_team;
pub mod event;
pub mod forecast;
mod guides;
pub mod icalendar;
pub mod lead;
pub mod opportunity;
pub mod overview;
pub mod owner_change;
pub mod party_preference;
pub mod pipeline;
pub mod pipeline_snapshot;
pub mod pool_policy;
pub mod product;
pub mod quota;
pub mod score;
pub mod stage;
pub mod task;
pub mod territory;
pub mod todo;
pub mod transfer;
pub mod work_report;

pub use crate::engine::{User, user};
pub use account::Account;
pub use activity::{Activity, ActivityKind};
pub use assignment::{Assigned, Assignment, AssignmentMember, AssignmentRule};
pub use birthday_reminder::{BirthdayCalendar, BirthdayReminder};
pub use competitor::{Competition, Competitor};
pub use contact::Contact;
pub use contact_group::{ContactGroup, ContactGroupMember};
pub use deal_team::TeamMember;
pub use event::{Event, Occurrence};
pub use forecast::{ForecastCategory, ForecastOf, ForecastRow};
pub use lead::{Conversion, Converted, Lead, LeadMatches, LeadStatus};
pub use opportunity::{Opportunity, StageChange, Status};
pub use overview::{Overview, Panel, PanelKind};
pub use owner_change::{OwnerChange, OwnerChangeKind};
pub use party_preference::PartyPreference;
pub use pipeline::Pipeline;
pub use pipeline_snapshot::{PipelineSchedule, PipelineSnapshot};
pub use pool_policy::PoolPolicy;
pub use product::Product;
pub use quota::{Attainment, Quota};
pub use score::{ScoreModel, ScoreReasons, ScoreRule};
pub use stage::Stage;
pub use task::{Task, TaskStatus};
pub use territory::{Territory, TerritoryMember};
pub use todo::{Todo, TodoKind};
pub use transfer::{Along, Transfer, TransferPreview};
pub use work_report::WorkReport;

use std::sync::Arc;

use crate::base::{Label, Result};
use crate::engine::{Action, Command, Extension, Registrar, Transaction};
use crate::schema::{EntityType, ModuleDefinition};

/// The built-in model, as an extension.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trade;

/// The modules of the trade. Deals need those with whom they are made; what is sold may be left open.
fn modules() -> [ModuleDefinition; 4] {
    let module = |name: &str, label, icon, order| ModuleDefinition::new("crm", name, label, icon, order);
    [
        module("parties", Label::new("客户与联系人", "Parties"), "people", 100),
        module("products", Label::new("产品", "Products"), "box", 300),
        module("sales", Label::new("销售", "Sales"), "funnel", 200).requiring(&["parties"]),
        module("work", Label::new("工作", "Work"), "calendar", 150).requiring(&["parties", "sales"]),
    ]
}

/// What stands around deals: teams, competitors, quotas, snapshots and warnings.
fn declare_deals(registrar: &mut Registrar) {
    deal_team::declare(registrar);
    competitor::declare(registrar);
    quota::declare(registrar);
    pipeline_snapshot::declare(registrar);
}

/// Leads, what is done with all of them, and the pools to which they go back.
fn declare_work(registrar: &mut Registrar) {
    registrar.entity(Lead::definition().in_module("sales"));
    registrar.states(Lead::NAME, lead::states());
    registrar.before_save(Lead::NAME, 100, Arc::new(lead::FollowStatus));
    let activity = Activity::definition().in_module("work");
    registrar.entity(activity.with_index(activity::by_account()).with_index(activity::by_party()));
    registrar.before_save(Activity::NAME, 100, Arc::new(activity::MoveClocks));
    task::declare(registrar);
    event::declare(registrar);
    work_report::declare(registrar);
    birthday_reminder::declare(registrar);
    territory::declare(registrar);
    pool_policy::declare(registrar);
    assignment::declare(registrar);
    score::declare(registrar);
    party_preference::declare(registrar);
}

impl Extension for Trade {
    fn id(&self) -> &'static str {
        "crm"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        crate::time::declare(registrar);
        modules().into_iter().for_each(|module| registrar.module(module));
        registrar.entity(Account::definition().in_module("parties").with_counter(account::by_kind()));
        registrar.entity(Contact::definition().in_module("parties"));
        contact_group::declare(registrar);
        registrar.entity(Product::definition().in_module("products"));
        pipeline::declare(registrar);
        registrar.entity(Stage::definition().in_module("sales"));
        let opportunity = Opportunity::definition().in_module("sales");
        registrar.entity(
            opportunity
                .with_counter(opportunity::counted_by_stage())
                .with_counter(opportunity::counted_by_status()),
        );
        registrar.entity(StageChange::definition().in_module("sales"));
        let pipeline = Command::new("opportunity.pipeline", Label::new("销售漏斗", "Pipeline"));
        registrar.command(pipeline.needing(Opportunity::NAME, Action::Read));
        registrar.everybody_reads(Product::NAME);
        registrar.everybody_reads(Stage::NAME);
        registrar.states(Opportunity::NAME, opportunity::states());
        registrar.before_save(Opportunity::NAME, 90, Arc::new(opportunity::HoldClosed));
        registrar.before_save(Opportunity::NAME, 100, Arc::new(opportunity::FollowStage));
        registrar.before_save(Opportunity::NAME, 110, Arc::new(opportunity::KeepArchive));
        registrar.before_save(Opportunity::NAME, 150, Arc::new(opportunity::MoveAccountClocks));
        declare_deals(registrar);
        declare_work(registrar);
        registrar.guide(guides::first_deal());
        Ok(())
    }

    fn seed(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        stage::seed(transaction)
    }
}
