//! Competitor: who else would sell to a customer, and how they stand in one deal.

use std::sync::Arc;

use crate::base::Result;
use crate::engine::{BeforeSave, Registrar, Save};
use crate::model::Opportunity;
use crate::schema::declare::{codes, entity};
use crate::schema::{Choice, EntityType, MoneyAmount, OnDelete, Reference, SearchClass, Text};

codes! {
    /// How much a competitor is to be feared in a deal.
    Threat {
        /// They may well win.
        High = "high", "高", "High";
        /// They have a chance.
        Medium = "medium", "中", "Medium";
        /// They hardly have one.
        Low = "low", "低", "Low";
    }
}

entity! {
    /// Somebody who sells what could be bought instead.
    Competitor = ("crm", 19, "competitor", "竞争对手", "Competitor",
        "提供可替代产品或服务的同行。", title "name", data_subject false);
    /// What they are called. No two competitors have the same name.
    NAME: Text = 1, "name", "名称", "Name", "竞争对手的名称，不可重复。",
        [required = true, unique = true, indexed = true, search = Some(SearchClass::Title)];
    /// What they offer.
    OFFER: Text = 2, "offer", "产品与服务", "Offer", "对方提供的产品或服务。", [search = Some(SearchClass::Body)];
    /// What they are good at, whatever the deal.
    STRENGTHS: Text = 3, "strengths", "优势", "Strengths", "对方普遍的优势。", [search = Some(SearchClass::Body)];
    /// What they are not good at.
    WEAKNESSES: Text = 4, "weaknesses", "劣势", "Weaknesses", "对方普遍的劣势。", [search = Some(SearchClass::Body)];
    /// Whatever else is known of them.
    NOTE: Text = 5, "note", "备注", "Note", "其他已知情况。", [search = Some(SearchClass::Body)];
}

/// A competitor in one deal.
pub mod competition {
    use super::{Choice, Competitor, MoneyAmount, OnDelete, Opportunity, Reference, Text, Threat, entity};

    entity! {
        /// How a competitor stands in one deal.
        Competition = ("crm", 20, "competition", "竞争情况", "Competition",
            "竞争对手在某一商机中的评估。", title "key", data_subject false);
        /// The deal that it is about.
        OPPORTUNITY: Reference<Opportunity> = 1, "opportunity", "商机", "Opportunity", "所涉的商机。",
            [required = true, on_delete = OnDelete::Cascade];
        /// The competitor.
        COMPETITOR: Reference<Competitor> = 2, "competitor", "竞争对手", "Competitor", "参与竞争的对手。",
            [required = true, on_delete = OnDelete::Restrict];
        /// How much they are to be feared.
        THREAT: Choice<Threat> = 3, "threat", "威胁程度", "Threat", "对赢单的威胁程度。", [indexed = true];
        /// In what they are better here.
        STRENGTH: Text = 4, "strength", "此单优势", "Strength here", "对方在此商机中的优势。", [];
        /// In what they are worse here.
        WEAKNESS: Text = 5, "weakness", "此单劣势", "Weakness here", "对方在此商机中的劣势。", [];
        /// What they ask for it, as far as known.
        PRICE: MoneyAmount = 6, "price", "对方报价", "Their price", "已知的对方报价。", [];
        /// What stands once: the deal and the competitor. The engine keeps it.
        KEY: Text = 7, "key", "唯一标识", "Key", "由商机与竞争对手构成的唯一标识，由引擎维护。", [unique = true, read_only = true];
    }
}

pub use competition::Competition;

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(Competitor::definition().in_module("sales"));
    registrar.entity(Competition::definition().in_module("sales"));
    registrar.everybody_reads(Competitor::NAME);
    registrar.before_save(Competition::NAME, 100, Arc::new(KeepKey));
}

/// A competitor stands once in a deal.
struct KeepKey;

impl BeforeSave for KeepKey {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let deal = save.value(competition::OPPORTUNITY)?.as_id();
        if let (Some(deal), Some(other)) = (deal, save.value(competition::COMPETITOR)?.as_id()) {
            save.set(competition::KEY, format!("{deal}.{other}"))?;
        }
        Ok(())
    }
}
