//! Contact: a person at an account; a data subject, who may be forgotten.

use crate::engine::Draft;
use crate::model::Account;
use crate::schema::declare::entity;
use crate::schema::{DateOnly, Email, Phone, Privacy, Reference, SearchClass, Text};

entity! {
    /// A person at an account.
    Contact = ("crm", 2, "contact", "联系人", "Contact", title "name", data_subject true);
    /// Name.
    NAME: Text = 1, "name", "姓名", "Name",
        [required = true, indexed = true, search = Some(SearchClass::Title), privacy = Privacy::Personal];
    /// The account that the person works for.
    ACCOUNT: Reference<Account> = 2, "account", "客户", "Account", [];
    /// Position.
    POSITION: Text = 3, "position", "职务", "Position",
        [search = Some(SearchClass::Body), privacy = Privacy::Personal];
    /// Telephone.
    PHONE: Phone = 4, "phone", "电话", "Phone",
        [indexed = true, search = Some(SearchClass::Phone), synonyms = vec!["mobile".into(), "手机".into()],
         privacy = Privacy::Personal];
    /// E-mail address.
    EMAIL: Email = 5, "email", "电子邮箱", "E-mail",
        [indexed = true, search = Some(SearchClass::Email), privacy = Privacy::Personal];
    /// Birthday.
    BIRTHDAY: DateOnly = 6, "birthday", "生日", "Birthday", [privacy = Privacy::Personal];
}

/// A draft of a contact with a name.
#[must_use]
pub fn named(name: &str) -> Draft<Contact> {
    Draft::new().with(NAME, name)
}
