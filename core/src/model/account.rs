//! Account: an organisation or person that buys, or may.

use crate::engine::{Draft, Pool};
use crate::model::Territory;
use crate::schema::declare::{codes, entity};
use crate::schema::{
    Bool, Choice, CounterDefinition, DateTime, Email, Int, MoneyAmount, OnDelete, Phone, Reference,
    SearchClass, Text,
};

codes! {
    /// What an account is.
    Kind {
        /// A company, authority or association.
        Organisation = "organisation", "组织", "Organisation";
        /// A natural person who buys.
        Person = "person", "个人", "Person";
    }
}

entity! {
    /// An organisation or person that buys, or may.
    Account = ("crm", 1, "account", "客户", "Account",
        "已经购买或可能购买的组织或个人。", title "name", data_subject false);
    /// The full name, as on the licence or the identity document. People find and quote the account by it.
    NAME: Text = 1, "name", "客户名称", "Name",
        "营业执照或证件上的全称，查找和引用客户时使用。",
        [required = true, indexed = true, search = Some(SearchClass::Title),
         synonyms = vec!["account".into(), "company".into(), "公司名称".into()]];
    /// Whether it is an organisation or a natural person.
    KIND: Choice<Kind> = 2, "kind", "类型", "Kind",
        "是组织还是自然人。", [];
    /// The line of business, in the words of whoever recorded it.
    INDUSTRY: Text = 3, "industry", "行业", "Industry",
        "所从事的行业，以录入者的表述为准。", [indexed = true, synonyms = vec!["sector".into()]];
    /// City or country of the head office.
    CITY: Text = 4, "city", "城市", "City",
        "总部所在的城市或国家。",
        [search = Some(SearchClass::Body), synonyms = vec!["office location".into(), "location".into()]];
    /// The main telephone number; a number abroad is written with `+` and the code of its country.
    PHONE: Phone = 5, "phone", "电话", "Phone",
        "总机号码；境外号码以 + 和国家代码开头。", [indexed = true, search = Some(SearchClass::Phone)];
    /// Where general correspondence with the account goes.
    EMAIL: Email = 6, "email", "电子邮箱", "E-mail",
        "与该客户一般往来邮件的收件地址。", [indexed = true, search = Some(SearchClass::Email)];
    /// The year in which it was founded, in four digits.
    ESTABLISHED: Int = 7, "established", "成立年份", "Established",
        "成立的年份，四位数字。",
        [synonyms = vec!["year established".into(), "year_established".into()]];
    /// Revenue of the last year that is known, with its currency.
    REVENUE: MoneyAmount = 8, "revenue", "营业收入", "Revenue",
        "已知最近一年的收入，含币种。", [];
    /// How many people work for it, as far as known.
    EMPLOYEES: Int = 9, "employees", "员工人数", "Employees",
        "已知的在职人数。", [];
    /// The account that this one belongs to, as a subsidiary to its group.
    PARENT: Reference<Account> = 10, "parent", "上级单位", "Parent",
        "所隶属的客户，例如子公司所属的集团。",
        [tree = true, synonyms = vec!["subsidiary of".into(), "subsidiary_of".into()]];
    /// Whatever else is known and has no field of its own.
    NOTE: Text = 11, "note", "备注", "Note",
        "其他没有专门字段的情况。", [search = Some(SearchClass::Body)];
    /// The account at the top of the tree that this one stands in; none for that account itself. The engine keeps
    /// it.
    ULTIMATE_PARENT: Reference<Account> = 12, "ultimate_parent", "最终上级单位", "Ultimate parent",
        "所在层级树最顶端的客户，由引擎维护；最顶端的客户自身为空。",
        [read_only = true, root_of = Some("parent".into())];
    /// The pool to which the account goes back when nobody works at it; the default one if not said.
    POOL: Reference<Pool> = 13, "pool", "所属公海", "Pool", "无人跟进时退回的公海；未填写时为默认公海。",
        [on_delete = OnDelete::SetNull];
    /// When somebody last followed it up with an effect. The engine keeps it.
    LAST_ACTIVITY_AT: DateTime = 14, "last_activity_at", "最近跟进时间", "Last activity",
        "最近一次有效跟进的时刻，由引擎维护。", [indexed = true, read_only = true];
    /// Since when its owner has it, as far as a pool asks for that. The engine keeps it.
    HELD_SINCE: DateTime = 15, "held_since", "持有起始", "Held since", "现负责人开始持有的时刻，由引擎维护。",
        [read_only = true];
    /// When a deal with it last began, as far as a pool asks for that. The engine keeps it.
    LAST_OPPORTUNITY_AT: DateTime = 16, "last_opportunity_at", "最近商机时间", "Last deal begun",
        "最近一次新建商机的时刻，由引擎维护。", [read_only = true];
    /// When a deal with it was last won, as far as a pool asks for that. The engine keeps it.
    LAST_DEAL_AT: DateTime = 17, "last_deal_at", "最近成交时间", "Last deal won", "最近一次赢单的时刻，由引擎维护。",
        [read_only = true];
    /// When it goes back to its pool, if nothing is done until then. The engine keeps it.
    RECYCLE_AT: DateTime = 18, "recycle_at", "预计收回时间", "Goes back at", "若无变化，将退回公海的时刻，由引擎维护。",
        [indexed = true, read_only = true];
    /// When its owner is warned of that next. The engine keeps it.
    WARN_AT: DateTime = 19, "warn_at", "下次预警时间", "Warned at", "下次预警负责人的时刻，由引擎维护。",
        [read_only = true];
    /// Until when it does not go back, by the wish of its owner and as far as the policy lets it.
    PROTECTED_UNTIL: DateTime = 20, "protected_until", "保护至", "Protected until", "在此之前不收回，以规则允许为限。", [];
    /// The territory to which it belongs: the one that is named, or that which its values meet.
    TERRITORY: Reference<Territory> = 21, "territory", "区域", "Territory",
        "所属区域；可指定，否则按区域条件确定。", [on_delete = OnDelete::SetNull];
    /// Whether the territory was named, and so stays. The engine keeps it.
    TERRITORY_NAMED: Bool = 22, "territory_named", "区域已指定", "Territory named", "区域是否由人指定，由引擎维护。",
        [read_only = true];
    /// Whether the assignment rules are to give it to somebody. It is emptied when they have.
    ASSIGN: Bool = 23, "assign", "按规则分配", "Assign by rules", "置为是时按分配规则指定负责人，随后清空。", [];
    /// When the assignment rules last gave it to somebody. The engine keeps it.
    ASSIGNED_AT: DateTime = 24, "assigned_at", "规则分配时间", "Assigned at", "最近一次按规则分配的时刻，由引擎维护。",
        [read_only = true];
}

/// A draft of an account with a name.
#[must_use]
pub fn named(name: &str) -> Draft<Account> {
    Draft::new().with(NAME, name)
}

/// How many accounts there are of each kind.
pub(super) fn by_kind() -> CounterDefinition {
    CounterDefinition::new("crm", 1, "by_kind", &["kind"])
}
