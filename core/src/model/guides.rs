//! The guides that come with the trade: the way of a deal from the first word to the won order.

use serde_json::json;

use crate::base::Label;
use crate::model::{
    Account, Activity, Contact, Lead, LeadStatus, Opportunity, Status, activity, lead, opportunity,
};
use crate::schema::{EntityType, GuideDefinition, GuideEvidence, GuideStep};

/// From a lead to an account, to an opportunity, to a deal that is won.
pub(super) fn first_deal() -> GuideDefinition {
    GuideDefinition {
        name: "first_deal".to_owned(),
        label: Label::new("第一笔成交", "The first deal"),
        help: Some(Label::new(
            "从录入线索到赢单，走完一遍销售主流程。",
            "The main flow of selling, from a lead that is entered to a deal that is won.",
        )),
        steps: [until_converted(), until_won()].concat(),
        ..GuideDefinition::default()
    }
}

/// The steps of a lead.
fn until_converted() -> Vec<GuideStep> {
    vec![
        GuideStep {
            method: Some("record.create".to_owned()),
            done: Some(owns(Lead::NAME)),
            ..step(
                ("lead", "录入线索", "Enter a lead"),
                "记下对接人的姓名、单位和联系方式，并选择来源。重复的线索会收到提示。",
                "Write down the name, the company and how to reach the person, and choose the source. A warning tells \
                     where somebody like this is known already.",
                Lead::NAME,
            )
        },
        GuideStep {
            method: Some("activity.record".to_owned()),
            done: Some(owns(Activity::NAME)),
            field: Some(activity::NEXT_CONTACT_AT.name().to_owned()),
            ..step(
                ("contact", "首次跟进", "Talk to them"),
                "打电话或拜访后记录一次跟进，写明结果和下次联系时间，待办清单会按时提醒。",
                "After a call or a visit record an activity with its outcome and when the next contact is; the to-do \
                     list tells when that has come.",
                Activity::NAME,
            )
        },
        GuideStep {
            method: Some("lead.convert".to_owned()),
            field: Some(lead::STATUS.name().to_owned()),
            done: Some(owns_with(Lead::NAME, lead::STATUS.name(), LeadStatus::Converted.code())),
            ..step(
                ("convert", "转化线索", "Convert the lead"),
                "确认有需求后转化线索，一次生成客户、联系人和商机；匹配到已有客户时请选择沿用。",
                "Where there is a need, convert the lead: account, contact and opportunity are made at once. Where \
                     an account matches, take that one.",
                Lead::NAME,
            )
        },
    ]
}

/// The steps of what it became.
fn until_won() -> Vec<GuideStep> {
    vec![
        GuideStep {
            done: Some(owns(Account::NAME)),
            ..step(
                ("account", "完善客户资料", "Complete the account"),
                "补充行业、规模、地址等资料，团队成员据此开展工作。",
                "Fill in industry, size and address, by which your colleagues work.",
                Account::NAME,
            )
        },
        GuideStep {
            done: Some(owns(Contact::NAME)),
            optional: true,
            ..step(
                ("people", "登记联系人", "Enter who decides"),
                "登记客户方的决策人和使用人。",
                "Enter those who decide and those who will use it.",
                Contact::NAME,
            )
        },
        GuideStep {
            field: Some(opportunity::AMOUNT.name().to_owned()),
            done: Some(owns(Opportunity::NAME)),
            ..step(
                ("opportunity", "推进商机", "Work on the opportunity"),
                "填写预计金额和日期，随进展调整阶段；阶段的离开条件会列出尚缺的内容。",
                "Say the expected amount and day, and move the stage as you get on; what a stage asks for is told \
                     when you leave it.",
                Opportunity::NAME,
            )
        },
        GuideStep {
            method: Some("opportunity.win".to_owned()),
            field: Some(opportunity::STATUS.name().to_owned()),
            done: Some(owns_with(Opportunity::NAME, opportunity::STATUS.name(), Status::Won.code())),
            ..step(
                ("won", "赢单", "Win it"),
                "客户确认后将商机标记为赢单，金额计入业绩；未成交时记录原因。",
                "When they have said yes, win the opportunity, and its amount counts for your quota; where it is \
                     lost, say why.",
                Opportunity::NAME,
            )
        },
    ]
}

fn step((name, zh, en): (&str, &str, &str), text_zh: &str, text_en: &str, entity: &str) -> GuideStep {
    GuideStep {
        name: name.to_owned(),
        label: Label::new(zh, en),
        text: Label::new(text_zh, text_en),
        entity: Some(entity.to_owned()),
        ..GuideStep::default()
    }
}

fn owns(entity: &str) -> GuideEvidence {
    GuideEvidence { entity: entity.to_owned(), ..GuideEvidence::default() }
}

fn owns_with(entity: &str, field: &str, code: &str) -> GuideEvidence {
    GuideEvidence { values: [(field.to_owned(), json!(code))].into(), ..owns(entity) }
}
