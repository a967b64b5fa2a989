//! Account: an organisation or person that buys, or may.

use crate::engine::Draft;
use crate::schema::CounterDefinition;
use crate::schema::declare::{codes, entity};
use crate::schema::{Choice, Email, Int, MoneyAmount, Phone, Reference, SearchClass, Text};

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
    Account = ("crm", 1, "account", "客户", "Account", title "name", data_subject false);
    /// Name, as on the licence.
    NAME: Text = 1, "name", "客户名称", "Name",
        [required = true, indexed = true, search = Some(SearchClass::Title),
         synonyms = vec!["account".into(), "company".into(), "公司名称".into()]];
    /// What it is.
    KIND: Choice<Kind> = 2, "kind", "类型", "Kind", [];
    /// Industry, in the words of whoever recorded it.
    INDUSTRY: Text = 3, "industry", "行业", "Industry", [indexed = true, synonyms = vec!["sector".into()]];
    /// City or country of the head office.
    CITY: Text = 4, "city", "城市", "City",
        [search = Some(SearchClass::Body), synonyms = vec!["office location".into(), "location".into()]];
    /// Telephone.
    PHONE: Phone = 5, "phone", "电话", "Phone", [indexed = true, search = Some(SearchClass::Phone)];
    /// E-mail address.
    EMAIL: Email = 6, "email", "电子邮箱", "E-mail", [indexed = true, search = Some(SearchClass::Email)];
    /// Year of establishment.
    ESTABLISHED: Int = 7, "established", "成立年份", "Established",
        [synonyms = vec!["year established".into(), "year_established".into()]];
    /// Yearly revenue.
    REVENUE: MoneyAmount = 8, "revenue", "营业收入", "Revenue", [];
    /// Number of employees.
    EMPLOYEES: Int = 9, "employees", "员工人数", "Employees", [];
    /// The account that this one belongs to.
    PARENT: Reference<Account> = 10, "parent", "上级单位", "Parent",
        [tree = true, synonyms = vec!["subsidiary of".into(), "subsidiary_of".into()]];
    /// Whatever else is known.
    NOTE: Text = 11, "note", "备注", "Note", [search = Some(SearchClass::Body)];
    /// The account at the top of the tree that this one stands in; none for that account itself.
    ULTIMATE_PARENT: Reference<Account> = 12, "ultimate_parent", "最终上级单位", "Ultimate parent",
        [read_only = true, root_of = Some("parent".into())];
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
