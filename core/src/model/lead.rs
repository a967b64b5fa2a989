//! Lead: somebody who may become a customer, and the verbs that make one of them.
//!
//! A lead goes from new over assigned and contacting to qualified, and is converted: in one transaction there are
//! an account, a contact and a deal, found among those that stand or made anew. What was made can be taken back.

use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::{
    BeforeSave, Changes, Condition, Draft, Find, Listing, Pool, Reader, Ref, Save, Transaction,
};
use crate::model::{Account, Contact, Opportunity, Territory, account, contact, opportunity};
use crate::schema::declare::{codes, entity};
use crate::schema::{
    Bool, Choice, Choices, DateTime, Email, EntityType, FieldKind, Int, MoneyAmount, OnDelete, Phone,
    Privacy, Reference, SearchClass, StateMachineDefinition, Text, Transition, TypedField,
};

codes! {
    /// How far work on a lead has come.
    LeadStatus {
        /// Nobody works on it yet.
        New = "new", "新建", "New";
        /// Somebody is to work on it.
        Assigned = "assigned", "已分配", "Assigned";
        /// It is being contacted.
        Contacting = "contacting", "跟进中", "Contacting";
        /// There is a need, and money for it.
        Qualified = "qualified", "已确认", "Qualified";
        /// There is none, at least not now.
        Unqualified = "unqualified", "不合格", "Unqualified";
        /// It went back to a pool, for somebody else.
        Recycled = "recycled", "已回收", "Recycled";
        /// It is a customer's now.
        Converted = "converted", "已转化", "Converted";
        /// Nothing will ever come of it.
        Dead = "dead", "已失效", "Dead";
    }
}

codes! {
    /// Where a lead came from.
    LeadSource {
        /// A form or chat of a web site.
        Web = "web", "网站", "Web";
        /// Somebody called.
        Phone = "phone", "来电", "Phone";
        /// Somebody named them.
        Referral = "referral", "转介绍", "Referral";
        /// A campaign.
        Campaign = "campaign", "市场活动", "Campaign";
        /// An exhibition.
        Exhibition = "exhibition", "展会", "Exhibition";
        /// An advertisement.
        Advertisement = "advertisement", "广告", "Advertisement";
        /// A partner.
        Partner = "partner", "合作伙伴", "Partner";
        /// A list that was brought in.
        Import = "import", "导入", "Import";
        /// Anything else.
        Other = "other", "其他", "Other";
    }
}

codes! {
    /// How promising it looks.
    Rating {
        /// Likely to buy soon.
        Hot = "hot", "热", "Hot";
        /// Interested.
        Warm = "warm", "温", "Warm";
        /// Hardly interested.
        Cold = "cold", "冷", "Cold";
    }
}

codes! {
    /// What a conversion made, beside what stood already.
    ConvertedPart {
        /// The account.
        Account = "account", "客户", "Account";
        /// The contact.
        Contact = "contact", "联系人", "Contact";
        /// The deal.
        Opportunity = "opportunity", "商机", "Opportunity";
    }
}

entity! {
    /// Somebody who may become a customer. Such a person may ask to be forgotten.
    Lead = ("crm", 7, "lead", "线索", "Lead",
        "可能成为客户的人或单位；可依法要求删除其个人信息。", title "name", data_subject true);
    /// The name of the person with whom one speaks.
    NAME: Text = 1, "name", "姓名", "Name", "对接人的姓名。",
        [required = true, indexed = true, search = Some(SearchClass::Title), privacy = Privacy::Personal];
    /// The company or authority for which the person speaks; none for somebody who would buy for themselves.
    COMPANY: Text = 2, "company", "单位名称", "Company", "所代表的单位；个人购买时为空。",
        [indexed = true, search = Some(SearchClass::Body)];
    /// What the person does there.
    POSITION: Text = 3, "position", "职务", "Position", "在单位担任的职位。", [privacy = Privacy::Personal];
    /// The number under which the person is reached.
    PHONE: Phone = 4, "phone", "电话", "Phone", "联系号码。",
        [indexed = true, search = Some(SearchClass::Phone), privacy = Privacy::Personal,
         synonyms = vec!["mobile".into(), "手机".into()]];
    /// The person's own address.
    EMAIL: Email = 5, "email", "电子邮箱", "E-mail", "本人的邮箱地址。",
        [indexed = true, search = Some(SearchClass::Email), privacy = Privacy::Personal];
    /// How far work on it has come.
    STATUS: Choice<LeadStatus> = 6, "status", "状态", "Status", "跟进的进展。", [indexed = true];
    /// Where it came from.
    SOURCE: Choice<LeadSource> = 7, "source", "来源", "Source", "线索的来源。", [indexed = true];
    /// How promising it looks.
    RATING: Choice<Rating> = 8, "rating", "热度", "Rating", "成交的可能性。", [indexed = true];
    /// Points by whatever model the organisation has; more is better.
    SCORE: Int = 9, "score", "评分", "Score", "按组织模型给出的分数，越高越好。", [indexed = true];
    /// What is wanted.
    NEED: Text = 10, "need", "需求", "Need", "对方的需求。", [search = Some(SearchClass::Body)];
    /// How much may be spent on it.
    BUDGET: MoneyAmount = 11, "budget", "预算", "Budget", "可用于此项的金额。", [];
    /// City or country.
    CITY: Text = 12, "city", "城市", "City", "所在的城市或国家。", [];
    /// When the person is to be contacted next.
    NEXT_CONTACT_AT: DateTime = 13, "next_contact_at", "下次联系时间", "Next contact", "计划下次联系的时刻。",
        [indexed = true];
    /// When somebody last followed it up with an effect. The engine keeps it.
    LAST_ACTIVITY_AT: DateTime = 14, "last_activity_at", "最近跟进时间", "Last activity",
        "最近一次有效跟进的时刻，由引擎维护。", [indexed = true, read_only = true];
    /// Why it is unqualified or dead, in a few words.
    REASON: Text = 15, "reason", "原因", "Reason", "不合格或失效的原因，简要说明。", [];
    /// The account that it was converted to.
    ACCOUNT: Reference<Account> = 16, "converted_account", "转化客户", "Converted account", "转化所得的客户。",
        [on_delete = OnDelete::SetNull];
    /// The contact that it was converted to.
    CONTACT: Reference<Contact> = 17, "converted_contact", "转化联系人", "Converted contact", "转化所得的联系人。",
        [on_delete = OnDelete::SetNull];
    /// The deal that it was converted to.
    OPPORTUNITY: Reference<Opportunity> = 18, "converted_opportunity", "转化商机", "Converted opportunity",
        "转化所得的商机。", [on_delete = OnDelete::SetNull];
    /// When it was converted. The engine keeps it.
    CONVERTED_AT: DateTime = 19, "converted_at", "转化时间", "Converted at", "转化的时刻，由引擎维护。",
        [indexed = true, read_only = true];
    /// What the conversion made anew, and what is deleted when it is taken back.
    MADE: Choices<ConvertedPart> = 20, "made", "新建内容", "Made", "转化时新建的记录；撤销转化时将删除。", [];
    /// Since when it has its present status. The engine keeps it.
    STATUS_SINCE: DateTime = 21, "status_since", "状态起始", "Status since", "进入当前状态的时刻，由引擎维护。",
        [read_only = true];
    /// Whatever else is known and has no field of its own.
    NOTE: Text = 22, "note", "备注", "Note", "其他没有专门字段的情况。", [search = Some(SearchClass::Body)];
    /// The pool to which the lead goes back when nobody works at it; the default one if not said.
    POOL: Reference<Pool> = 23, "pool", "所属公海", "Pool", "无人跟进时退回的公海；未填写时为默认公海。",
        [on_delete = OnDelete::SetNull];
    /// Since when its owner has it, as far as a pool asks for that. The engine keeps it.
    HELD_SINCE: DateTime = 24, "held_since", "持有起始", "Held since", "现负责人开始持有的时刻，由引擎维护。",
        [read_only = true];
    /// When it goes back to its pool, if nothing is done until then. The engine keeps it.
    RECYCLE_AT: DateTime = 25, "recycle_at", "预计收回时间", "Goes back at", "若无变化，将退回公海的时刻，由引擎维护。",
        [indexed = true, read_only = true];
    /// When its owner is warned of that next. The engine keeps it.
    WARN_AT: DateTime = 26, "warn_at", "下次预警时间", "Warned at", "下次预警负责人的时刻，由引擎维护。",
        [read_only = true];
    /// Until when it does not go back, by the wish of its owner and as far as the policy lets it.
    PROTECTED_UNTIL: DateTime = 27, "protected_until", "保护至", "Protected until", "在此之前不收回，以规则允许为限。", [];
    /// The line of business, in the words of whoever recorded it.
    INDUSTRY: Text = 28, "industry", "行业", "Industry", "所从事的行业，以录入者的表述为准。", [];
    /// The territory to which it belongs: the one that is named, or that which its values meet.
    TERRITORY: Reference<Territory> = 29, "territory", "区域", "Territory",
        "所属区域；可指定，否则按区域条件确定。", [on_delete = OnDelete::SetNull];
    /// Whether the territory was named, and so stays. The engine keeps it.
    TERRITORY_NAMED: Bool = 30, "territory_named", "区域已指定", "Territory named", "区域是否由人指定，由引擎维护。",
        [read_only = true];
    /// Whether the assignment rules are to give it to somebody. It is emptied when they have.
    ASSIGN: Bool = 31, "assign", "按规则分配", "Assign by rules", "置为是时按分配规则指定负责人，随后清空。", [];
    /// When the assignment rules last gave it to somebody. The engine keeps it.
    ASSIGNED_AT: DateTime = 32, "assigned_at", "规则分配时间", "Assigned at", "最近一次按规则分配的时刻，由引擎维护。",
        [read_only = true];
}

/// A draft of a lead with a name.
#[must_use]
pub fn named(name: &str) -> Draft<Lead> {
    Draft::new().with(NAME, name)
}

/// The statuses in which nobody works at a lead any more.
pub(super) const OVER: [LeadStatus; 2] = [LeadStatus::Converted, LeadStatus::Dead];

/// Whether a status is one in which nobody works at a lead any more.
pub(super) fn is_over(status: &Value) -> bool {
    status.as_text().is_some_and(|status| OVER.map(LeadStatus::code).contains(&status))
}

/// Which status may follow which.
pub(super) fn states() -> StateMachineDefinition {
    use LeadStatus::{Assigned, Contacting, Converted, Dead, New, Qualified, Recycled, Unqualified};
    let step = |name: &str, (zh, en): (&str, &str), from: &[LeadStatus], to: LeadStatus| Transition {
        name: name.to_owned(),
        label: crate::base::Label::new(zh, en),
        from: from.iter().map(|status| status.code().to_owned()).collect(),
        to: to.code().to_owned(),
        ..Transition::default()
    };
    let guarded =
        |transition: Transition, guard: &str| Transition { guard: Some(guard.to_owned()), ..transition };
    let open = [New, Assigned, Contacting, Qualified];
    let not_dead = [New, Assigned, Contacting, Qualified, Unqualified, Recycled];
    let emptied = ["converted_account", "converted_contact", "converted_opportunity", "made"];
    StateMachineDefinition {
        namespace: "crm".to_owned(),
        name: "status".to_owned(),
        field: STATUS.name().to_owned(),
        initial: vec![New.code().to_owned(), Assigned.code().to_owned()],
        transitions: vec![
            step("assign", ("分配", "Assign"), &[New, Recycled], Assigned),
            step("contact", ("开始跟进", "Contact"), &[New, Assigned], Contacting),
            step("qualify", ("确认", "Qualify"), &[Contacting], Qualified),
            guarded(
                step("convert", ("转化", "Convert"), &[Contacting, Qualified], Converted),
                "converted_account != null",
            ),
            guarded(step("disqualify", ("判为不合格", "Disqualify"), &open, Unqualified), "reason != null"),
            step("recycle", ("回收", "Recycle"), &[Assigned, Contacting, Qualified, Unqualified], Recycled),
            guarded(step("bury", ("判为失效", "Bury"), &not_dead, Dead), "reason != null"),
            Transition {
                sets: emptied.map(|field| (field.to_owned(), "null".to_owned())).into(),
                ..step("undo_conversion", ("撤销转化", "Undo the conversion"), &[Converted], Qualified)
            },
        ],
        locked: OVER.map(|status| status.code().to_owned()).into(),
    }
}

/// What is to become of a lead.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversion {
    /// The account that it is to belong to; one that matches, or a new one, if not said.
    pub account: Option<RecordId>,
    /// The contact that it is; one that matches, or a new one, if not said.
    pub contact: Option<RecordId>,
    /// Whether no deal is made.
    pub without_opportunity: bool,
    /// What the deal is called; as the account if not said.
    pub title: Option<String>,
    /// Whether nothing that stands is looked for: what is not said is made anew.
    pub make_anew: bool,
}

/// What became of a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The account.
    pub account: Ref<Account>,
    /// The contact.
    pub contact: Ref<Contact>,
    /// The deal, if one was made.
    pub opportunity: Option<Ref<Opportunity>>,
    /// What of it is new.
    pub made: Vec<ConvertedPart>,
}

/// What stands already of a lead's, as far as the reader sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadMatches {
    /// Accounts with the company's name, or the lead's phone or e-mail.
    pub accounts: Vec<RecordId>,
    /// Contacts with the lead's phone or e-mail.
    pub contacts: Vec<RecordId>,
}

/// Most records that are shown to match.
const MAX_MATCHES: usize = 20;

impl Ref<Lead> {
    /// What stands already of this lead's: accounts by name, phone and e-mail, and contacts by phone and e-mail.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`; `access.field_not_permitted` where the reader sees a mask of the
    /// lead's name.
    pub fn matches(self, reader: &Reader<'_>) -> Result<LeadMatches> {
        let lead = reader.get(Lead::NAME, self.id())?;
        reader.visible(lead.entity()?, &NAME.into())?;
        let phone = text_of(reader, &lead, PHONE)?;
        let email = text_of(reader, &lead, EMAIL)?;
        let company = text_of(reader, &lead, COMPANY)?;
        let name = lead.title();
        let title = company.as_deref().unwrap_or(&name);
        let mut accounts = vec![account::NAME.is(title)];
        accounts.extend(phone.as_deref().map(|phone| account::PHONE.is(phone)));
        accounts.extend(email.as_deref().map(|email| account::EMAIL.is(email)));
        let mut contacts = Vec::new();
        contacts.extend(phone.as_deref().map(|phone| contact::PHONE.is(phone)));
        contacts.extend(email.as_deref().map(|email| contact::EMAIL.is(email)));
        Ok(LeadMatches {
            accounts: meeting(reader, Account::NAME, accounts)?,
            contacts: meeting(reader, Contact::NAME, contacts)?,
        })
    }

    /// Makes a customer of the lead: account, contact and, unless it is said otherwise, a deal, in this transaction, and
    /// with the lead's owner. What stands already is found by name, phone and e-mail and not made again, and of two
    /// who convert one lead the second is refused. What the user does not see of the lead, or as a mask alone, stays in
    /// the lead.
    ///
    /// # Errors
    /// `model.ambiguous_match` where several match and none is named; `schema.transition_not_allowed` unless the lead is
    /// being contacted or is qualified; `record.not_found`; `access.not_permitted` without the right to create what is
    /// missing; what the rules of the parts say.
    pub fn convert(self, transaction: &mut Transaction<'_>, wanted: &Conversion) -> Result<Converted> {
        let lead = transaction.get_record(Lead::NAME, self.id())?;
        // A lead that is converted already is told so before anything is looked for.
        let status = lead.value(STATUS)?;
        if ![LeadStatus::Contacting, LeadStatus::Qualified]
            .iter()
            .any(|one| status.as_text() == Some(one.code()))
        {
            let refused = Error::new(Code::TransitionNotAllowed).entity(Lead::NAME).record(self.id());
            return Err(refused.field("status").value(status.as_text().unwrap_or_default()));
        }
        transaction.reader().visible(lead.entity()?, &NAME.into())?;
        let found =
            if wanted.make_anew { LeadMatches::default() } else { self.matches(&transaction.reader())? };
        let mut made = Vec::new();
        let account = match chosen(wanted.account, &found.accounts, "account")? {
            Some(account) => Ref::new(account),
            None => {
                made.push(ConvertedPart::Account);
                let draft = account_of(&transaction.reader(), &lead)?;
                transaction.create(draft)?
            }
        };
        let contact = match chosen(wanted.contact, &found.contacts, "contact")? {
            Some(contact) => Ref::new(contact),
            None => {
                made.push(ConvertedPart::Contact);
                let draft = contact_of(&transaction.reader(), &lead, account)?;
                transaction.create(draft)?
            }
        };
        let opportunity = match wanted.without_opportunity {
            true => None,
            false => {
                made.push(ConvertedPart::Opportunity);
                let title = match &wanted.title {
                    Some(title) => title.clone(),
                    None => transaction.get_record(Account::NAME, account.id())?.title(),
                };
                let draft = opportunity_of(&transaction.reader(), &lead, &title, account)?;
                Some(transaction.create(draft)?)
            }
        };
        let codes = made.iter().map(|part| Value::from(part.code()));
        let changes = Changes::new()
            .set(STATUS, LeadStatus::Converted)
            .set(ACCOUNT, account.id())
            .set(CONTACT, contact.id())
            .set(OPPORTUNITY, opportunity.map(Ref::id))
            .set(MADE, Value::List(codes.collect()));
        transaction.update_record(Lead::NAME, self.id(), changes)?;
        Ok(Converted { account, contact, opportunity, made })
    }

    /// Takes a conversion back: what it made is deleted, what it found stays, and the lead is qualified again. All of it
    /// is done, or nothing.
    ///
    /// # Errors
    /// `schema.transition_not_allowed` unless the lead is converted; `record.referenced` where something else refers by
    /// now to what was made; `access.not_permitted` without the right to delete it.
    pub fn undo_conversion(self, transaction: &mut Transaction<'_>) -> Result<()> {
        let lead = transaction.get_record(Lead::NAME, self.id())?;
        if lead.value(STATUS)?.as_text() != Some(LeadStatus::Converted.code()) {
            let refused = Error::new(Code::TransitionNotAllowed).entity(Lead::NAME).record(self.id());
            return Err(refused.field("status").rule("only a conversion is taken back"));
        }
        let made = lead.value(MADE)?;
        let changes = Changes::new().set(STATUS, LeadStatus::Qualified);
        transaction.update_record(Lead::NAME, self.id(), changes)?;
        let parts: [(ConvertedPart, &str, Value); 3] = [
            (ConvertedPart::Opportunity, Opportunity::NAME, lead.value(OPPORTUNITY)?),
            (ConvertedPart::Contact, Contact::NAME, lead.value(CONTACT)?),
            (ConvertedPart::Account, Account::NAME, lead.value(ACCOUNT)?),
        ];
        for (part, entity, record) in parts {
            let is_made = made.items().any(|made| made.as_text() == Some(part.code()));
            if let (true, Some(record)) = (is_made, record.as_id()) {
                transaction.delete_record(entity, record)?;
            }
        }
        Ok(())
    }
}

/// A text of a lead, unless the reader sees a mask of it: that is neither looked for nor written down anywhere.
fn text_of<K: FieldKind>(
    reader: &Reader<'_>,
    lead: &Listing,
    field: TypedField<Lead, K>,
) -> Result<Option<String>> {
    match reader.visible(lead.entity()?, &field.into()) {
        Ok(_) => Ok(lead.value(field)?.as_text().map(str::to_owned)),
        Err(error) if matches!(error.code(), Code::UnknownField | Code::FieldNotPermitted) => Ok(None),
        Err(error) => Err(error),
    }
}

fn meeting(reader: &Reader<'_>, entity: &str, any: Vec<Condition>) -> Result<Vec<RecordId>> {
    if any.is_empty() {
        return Ok(Vec::new());
    }
    let find = Find { filter: Condition::Any(any), limit: MAX_MATCHES, ..Find::default() };
    match reader.find(entity, &find) {
        Ok(page) => Ok(page.rows.iter().map(|row| row.record.id).collect()),
        // Who may not see any finds none.
        Err(error) if error.code() == Code::NotPermitted => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The one that was named, or the one that matches, if any does.
fn chosen(named: Option<RecordId>, found: &[RecordId], field: &str) -> Result<Option<RecordId>> {
    match (named, found) {
        (Some(named), _) => Ok(Some(named)),
        (None, []) => Ok(None),
        (None, [one]) => Ok(Some(*one)),
        (None, several) => {
            let ids: Vec<String> = several.iter().map(RecordId::to_string).collect();
            let error = Error::new(Code::AmbiguousMatch).entity(Lead::NAME).field(field);
            Err(error.value(&ids.join(" ")))
        }
    }
}

fn account_of(reader: &Reader<'_>, lead: &Listing) -> Result<Draft<Account>> {
    let (name, kind) = match text_of(reader, lead, COMPANY)? {
        Some(company) => (company, account::Kind::Organisation),
        None => (lead.title(), account::Kind::Person),
    };
    let mut draft = account::named(&name).with(account::KIND, kind).owner(lead.record.envelope.owner);
    if let Some(city) = text_of(reader, lead, CITY)? {
        draft = draft.with(account::CITY, city);
    }
    if let Some(industry) = text_of(reader, lead, INDUSTRY)? {
        draft = draft.with(account::INDUSTRY, industry);
    }
    // The number and address of a person who speaks for a company are the contact's.
    if kind == account::Kind::Person {
        if let Some(phone) = text_of(reader, lead, PHONE)? {
            draft = draft.with(account::PHONE, phone);
        }
        if let Some(email) = text_of(reader, lead, EMAIL)? {
            draft = draft.with(account::EMAIL, email);
        }
    }
    Ok(draft)
}

fn contact_of(reader: &Reader<'_>, lead: &Listing, account: Ref<Account>) -> Result<Draft<Contact>> {
    let mut draft =
        contact::named(&lead.title()).with(contact::ACCOUNT, account.id()).owner(lead.record.envelope.owner);
    if let Some(position) = text_of(reader, lead, POSITION)? {
        draft = draft.with(contact::POSITION, position);
    }
    if let Some(phone) = text_of(reader, lead, PHONE)? {
        draft = draft.with(contact::PHONE, phone);
    }
    if let Some(email) = text_of(reader, lead, EMAIL)? {
        draft = draft.with(contact::EMAIL, email);
    }
    Ok(draft)
}

fn opportunity_of(
    reader: &Reader<'_>,
    lead: &Listing,
    title: &str,
    account: Ref<Account>,
) -> Result<Draft<Opportunity>> {
    let mut draft =
        opportunity::titled(title).with(opportunity::ACCOUNT, account.id()).owner(lead.record.envelope.owner);
    if let Value::Money(budget) = lead.value(BUDGET)? {
        draft = draft.with(opportunity::AMOUNT, budget);
    }
    if let Some(need) = text_of(reader, lead, NEED)? {
        draft = draft.with(opportunity::NOTE, need);
    }
    Ok(draft)
}

/// The rule that keeps moments and owner in step with the status.
#[derive(Debug, Clone, Copy)]
pub(super) struct FollowStatus;

impl BeforeSave for FollowStatus {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        self.follow_owner(save)?;
        if !save.is_new() && !save.changes(STATUS)? {
            return Ok(());
        }
        let now = save.now();
        save.set(STATUS_SINCE, now)?;
        if save.value(STATUS)?.as_text() == Some(LeadStatus::Converted.code()) {
            return save.set(CONVERTED_AT, now);
        }
        save.set(CONVERTED_AT, Value::Null)
    }
}

impl FollowStatus {
    /// What comes out of a pool or to somebody new is assigned, and what goes to a pool is recycled.
    fn follow_owner(self, save: &mut Save<'_>) -> Result<()> {
        let Some(before) = save.old_owner().filter(|before| *before != save.owner()) else { return Ok(()) };
        if save.changes(STATUS)? {
            return Ok(());
        }
        let status = save.value(STATUS)?;
        let status = status.as_text().and_then(LeadStatus::from_code);
        let to_pool = save.is_pool(save.owner());
        let next = match status {
            Some(LeadStatus::New | LeadStatus::Recycled) if !to_pool => LeadStatus::Assigned,
            Some(
                LeadStatus::Assigned
                | LeadStatus::Contacting
                | LeadStatus::Qualified
                | LeadStatus::Unqualified,
            ) if to_pool && !save.is_pool(before) => LeadStatus::Recycled,
            _ => return Ok(()),
        };
        save.set(STATUS, next)
    }
}
