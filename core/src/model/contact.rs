//! Contact: a person at an account; a data subject, who may be forgotten.

use crate::engine::Draft;
use crate::model::Account;
use crate::schema::declare::entity;
use crate::schema::{DateOnly, Email, Phone, Privacy, Reference, SearchClass, Text};

entity! {
    /// A person with whom one deals at an account. Such a person may ask to be forgotten.
    Contact = ("crm", 2, "contact", "联系人", "Contact",
        "客户方的对接人；可依法要求删除其个人信息。", title "name", data_subject true);
    /// The full name of the person, family name first where that is the custom.
    NAME: Text = 1, "name", "姓名", "Name",
        "全名，按当地习惯书写姓和名的顺序。",
        [required = true, indexed = true, search = Some(SearchClass::Title), privacy = Privacy::Personal];
    /// The account that the person works for or speaks for.
    ACCOUNT: Reference<Account> = 2, "account", "客户", "Account",
        "此人任职或代表的客户。", [];
    /// What the person does at the account, as on the business card.
    POSITION: Text = 3, "position", "职务", "Position",
        "在客户方担任的职位，以名片为准。",
        [search = Some(SearchClass::Body), privacy = Privacy::Personal];
    /// The number under which the person is reached; one abroad is written with `+` and the code of its country.
    PHONE: Phone = 4, "phone", "电话", "Phone",
        "本人的联系号码；境外号码以 + 和国家代码开头。",
        [indexed = true, search = Some(SearchClass::Phone), synonyms = vec!["mobile".into(), "手机".into()],
         privacy = Privacy::Personal];
    /// The person's own address.
    EMAIL: Email = 5, "email", "电子邮箱", "E-mail",
        "本人的邮箱地址。",
        [indexed = true, search = Some(SearchClass::Email), privacy = Privacy::Personal];
    /// The day of birth, for congratulations.
    BIRTHDAY: DateOnly = 6, "birthday", "生日", "Birthday",
        "出生日期，可用于生日问候。", [privacy = Privacy::Personal];
}

/// A draft of a contact with a name.
#[must_use]
pub fn named(name: &str) -> Draft<Contact> {
    Draft::new().with(NAME, name)
}
