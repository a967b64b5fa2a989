//! Party preference: how a party wants to be spoken to, by what, when and in which language.
//!
//! It is what the party wishes, and not whether one may: that a person agrees or objects is a consent, which the room of
//! privacy keeps.

use std::sync::Arc;

use crate::base::{Code, Error, Result, Value, locale_tag};
use crate::engine::{BeforeSave, Registrar, Save};
use crate::model::{Account, Contact, Lead};
use crate::schema::declare::{codes, entity};
use crate::schema::{AnyReference, Choice, Choices, EntityType, Int, OnDelete, Text};

codes! {
    /// By what a party is spoken to.
    ContactChannel {
        /// By telephone.
        Phone = "phone", "电话", "Phone";
        /// By short message.
        Message = "message", "短信", "Short message";
        /// By a messenger, such as WeChat.
        Messenger = "messenger", "即时通讯", "Messenger";
        /// By e-mail.
        Email = "email", "电子邮件", "E-mail";
        /// By letter.
        Letter = "letter", "信函", "Letter";
        /// In person.
        Visit = "visit", "拜访", "Visit";
    }
}

codes! {
    /// A day of the week.
    PreferredDay {
        /// Monday.
        Monday = "monday", "周一", "Monday";
        /// Tuesday.
        Tuesday = "tuesday", "周二", "Tuesday";
        /// Wednesday.
        Wednesday = "wednesday", "周三", "Wednesday";
        /// Thursday.
        Thursday = "thursday", "周四", "Thursday";
        /// Friday.
        Friday = "friday", "周五", "Friday";
        /// Saturday.
        Saturday = "saturday", "周六", "Saturday";
        /// Sunday.
        Sunday = "sunday", "周日", "Sunday";
    }
}

/// Who has preferences.
pub type WithPreferences = (Account, Contact, Lead);

entity! {
    /// How a party wants to be spoken to; one for each party.
    PartyPreference = ("crm", 30, "party_preference", "客户偏好", "Party preference",
        "客户、联系人或线索希望的联系方式、时间和语言；每个对象一条。", title "key", data_subject false);
    /// Whose it is.
    PARTY: AnyReference<WithPreferences> = 1, "party", "对象", "Party", "偏好所属的客户、联系人或线索。",
        [required = true, on_delete = OnDelete::Cascade];
    /// By what they like to be spoken to.
    CHANNEL: Choice<ContactChannel> = 2, "channel", "首选方式", "Preferred channel", "首选的联系方式。", [indexed = true];
    /// By what they do not.
    NOT_BY: Choices<ContactChannel> = 3, "not_by", "不希望的方式", "Not by", "不希望采用的联系方式。", [];
    /// On which days; on any if not said.
    DAYS: Choices<PreferredDay> = 4, "days", "合适的日子", "Days", "合适的星期几；未填写时不限。", [];
    /// From which hour of their day, from 0 to 23.
    FROM_HOUR: Int = 5, "from_hour", "起始时", "From hour", "当地时间从几点起，0 至 23。", [];
    /// To which hour of their day, from 1 to 24, and after the first one.
    TO_HOUR: Int = 6, "to_hour", "截止时", "To hour", "当地时间到几点止，1 至 24，且晚于起始时。", [];
    /// In which language: a tag such as `zh-Hans` or `en`.
    LANGUAGE: Text = 7, "language", "语言", "Language", "希望使用的语言，以语言标签表示，如 zh-Hans、en。", [indexed = true];
    /// What else they wish.
    NOTE: Text = 8, "note", "说明", "Note", "其他偏好。", [];
    /// What stands once: the party. The engine keeps it.
    KEY: Text = 9, "key", "唯一标识", "Key", "对象的唯一标识，由引擎维护。", [unique = true, read_only = true];
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(PartyPreference::definition().in_module("parties"));
    registrar.before_save(PartyPreference::NAME, 100, Arc::new(CheckPreference));
}

/// Holds a preference to hours and a language that there are; a party has one.
struct CheckPreference;

impl BeforeSave for CheckPreference {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if let Some(party) = save.value(PARTY)?.part("id").as_id() {
            save.set(KEY, party.to_string())?;
        }
        let out = |field: &str, rule: &str| Err(Error::new(Code::OutOfRange).field(field).rule(rule));
        let (from, to) = (save.value(FROM_HOUR)?, save.value(TO_HOUR)?);
        match (&from, &to) {
            (Value::Int(from), _) if !(0..=23).contains(from) => return out(FROM_HOUR.name(), "0 to 23"),
            (_, Value::Int(to)) if !(1..=24).contains(to) => return out(TO_HOUR.name(), "1 to 24"),
            (Value::Int(from), Value::Int(to)) if to <= from => {
                return out(TO_HOUR.name(), "after from_hour");
            }
            _ => {}
        }
        let not_by = save.value(NOT_BY)?;
        let channel = save.value(CHANNEL)?;
        if !channel.is_null() && not_by.items().any(|one| *one == channel) {
            return Err(Error::new(Code::InvalidArgument)
                .field(NOT_BY.name())
                .rule("not the preferred channel"));
        }
        match save.value(LANGUAGE)?.as_text() {
            Some(tag) => locale_tag(tag).map(drop).map_err(|error| error.field(LANGUAGE.name())),
            None => Ok(()),
        }
    }
}
