//! Contact group: contacts that somebody keeps together, for invitations and greetings. A contact stands in it once, and
//! is shown there to who may see the contact.

use std::sync::Arc;

use crate::base::{RecordId, Result};
use crate::engine::{BeforeSave, Condition, Find, Listing, PageCursor, Registrar, Save, Session};
use crate::model::{Contact, contact};
use crate::schema::declare::entity;
use crate::schema::{EntityType, OnDelete, Reference, SearchClass, Text};

entity! {
    /// Contacts that somebody keeps together.
    ContactGroup = ("crm", 28, "contact_group", "联系人分组", "Contact group",
        "便于邀约、问候等而归在一起的联系人。", title "name", data_subject false);
    /// What it is called.
    NAME: Text = 1, "name", "名称", "Name", "分组名称。",
        [required = true, indexed = true, search = Some(SearchClass::Title)];
    /// For what it is.
    NOTE: Text = 2, "note", "说明", "Note", "分组的用途。", [];
}

/// Who is in a group.
pub mod contact_group_member {
    use super::{Contact, ContactGroup, OnDelete, Reference, Text, entity};

    entity! {
        /// A contact in a group.
        ContactGroupMember = ("crm", 29, "contact_group_member", "分组成员", "Group member",
            "归入某分组的联系人。", title "key", data_subject false);
        /// The group.
        GROUP: Reference<ContactGroup> = 1, "group", "分组", "Group", "所属的分组。",
            [required = true, on_delete = OnDelete::Cascade];
        /// The contact.
        CONTACT: Reference<Contact> = 2, "contact", "联系人", "Contact", "归入分组的联系人。",
            [required = true, on_delete = OnDelete::Cascade];
        /// What stands once: the group and the contact. The engine keeps it.
        KEY: Text = 3, "key", "唯一标识", "Key", "由分组与联系人构成的唯一标识，由引擎维护。", [unique = true, read_only = true];
    }
}

pub use contact_group_member::ContactGroupMember;

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(ContactGroup::definition().in_module("parties"));
    registrar.entity(ContactGroupMember::definition().in_module("parties"));
    registrar.before_save(ContactGroupMember::NAME, 100, Arc::new(KeepKey));
}

/// A contact stands once in a group.
struct KeepKey;

impl BeforeSave for KeepKey {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let group = save.value(contact_group_member::GROUP)?.as_id();
        if let (Some(group), Some(contact)) = (group, save.value(contact_group_member::CONTACT)?.as_id()) {
            save.set(contact_group_member::KEY, format!("{group}.{contact}"))?;
        }
        Ok(())
    }
}

/// Contacts of a group.
#[derive(Debug)]
pub struct GroupPage {
    /// The contacts, by their names.
    pub rows: Vec<Listing>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
}

impl Session {
    /// The contacts of a group, by their names, as far as the user sees the group, who is in it, and the contacts.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`; as [`crate::engine::Reader::find`].
    pub fn contacts_of_group(
        &self,
        group: RecordId,
        limit: usize,
        after: Option<PageCursor>,
    ) -> Result<GroupPage> {
        self.read(|reader| {
            reader.get(ContactGroup::NAME, group)?;
            let is_in = contact_group_member::GROUP.is(group);
            let find = Find {
                filter: Condition::of_some(ContactGroupMember::NAME, contact_group_member::CONTACT, is_in),
                sort: vec![contact::NAME.ascending()],
                limit,
                after,
                ..Find::default()
            };
            let page = reader.find(Contact::NAME, &find)?;
            Ok(GroupPage { rows: page.rows, next: page.next })
        })
    }
}
