//! Layouts that users make for themselves: they go before those that others declare, for nobody else.
//!
//! They are no part of the registry, since they change nothing that anybody else sees, and ten thousand users make
//! more of them than a registry holds. Those of one user and entity lie together, so that a layout costs one read.

use crate::base::{Code, Error, RecordId, Result};
use crate::engine::own_json::{own_json, read_own};
use crate::engine::{Session, Transaction, WriteOptions};
use crate::schema::{CUSTOMER, Entity, LayoutDefinition};
use crate::storage::{Keyspace, Snapshot};

/// Where the layouts of a user lie.
const KEY: &[u8] = b"layout.";
/// Most layouts of a user for one entity.
pub const MAX_OWN_LAYOUTS: usize = 50;
/// Most bytes of them.
const MAX_BYTES: usize = 48 * 1_024;

impl Session {
    /// Makes a layout that holds for the user alone, in place of the user's own for the same kind, record type and
    /// device. It may name what the user sees, and shows nothing else.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to read the entity; `access.field_not_permitted`,
    /// `schema.unknown_field`, `schema.invalid_expression`, `schema.invalid_definition`, also for a layout that names
    /// a role or a partition; `input.limit_exceeded` for more than 50 layouts of an entity, or 48 KiB of them.
    pub fn save_own_layout(&self, entity: &str, layout: &LayoutDefinition) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        let layout = &LayoutDefinition { namespace: CUSTOMER.to_owned(), ..layout.clone() };
        self.check_layout(known, layout)?;
        if layout.role.is_some() || layout.partition.is_some() {
            let error = Error::new(Code::InvalidDefinition).entity(&known.api_name).field("role");
            return Err(error.rule("one's own layout is for nobody else"));
        }
        layout.check(known)?;
        self.change_own(known, "layout.save", |own| {
            own.retain(|other| !other.is_same_as(layout));
            own.push(layout.clone());
        })
    }

    /// Takes the user's own layout for this kind, record type and device back; one that is not there is no fault.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to read the entity, `schema.unknown_entity`.
    pub fn remove_own_layout(&self, entity: &str, layout: &LayoutDefinition) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.read(|reader| reader.permit(known).map(drop))?;
        let layout = &LayoutDefinition { namespace: CUSTOMER.to_owned(), ..layout.clone() };
        self.change_own(known, "layout.remove", |own| own.retain(|other| !other.is_same_as(layout)))
    }

    /// The layouts of an entity that the user has made for themselves, as they were made.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to read the entity, `schema.unknown_entity`.
    pub fn own_layouts(&self, entity: &str) -> Result<Vec<LayoutDefinition>> {
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            reader.permit(known)?;
            own_layouts(reader.snapshot, reader.user, known)
        })
    }

    fn change_own(
        &self,
        entity: &Entity,
        cause: &str,
        change: impl Fn(&mut Vec<LayoutDefinition>),
    ) -> Result<()> {
        self.write_with(WriteOptions::default().cause(cause), |transaction: &mut Transaction<'_>| {
            let mut own = own_layouts(transaction.view(), self.user(), entity)?;
            change(&mut own);
            let json = own_json(&own)?;
            if own.len() > MAX_OWN_LAYOUTS || json.len() > MAX_BYTES {
                let rule = format!("own layouts <= {MAX_OWN_LAYOUTS}, {MAX_BYTES} bytes");
                return Err(Error::new(Code::LimitExceeded).entity(&entity.api_name).rule(&rule));
            }
            let key = place_of(self.user(), entity);
            match own.is_empty() {
                true => transaction.view_mut().remove(Keyspace::Meta, key),
                false => transaction.view_mut().put(Keyspace::Meta, key, json),
            }
            Ok(())
        })
    }
}

fn place_of(user: RecordId, entity: &Entity) -> Vec<u8> {
    [KEY, user.as_bytes(), &entity.id().number().to_be_bytes()].concat()
}

/// The layouts that a user has made for an entity.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub(super) fn own_layouts(
    snapshot: &dyn Snapshot,
    user: RecordId,
    entity: &Entity,
) -> Result<Vec<LayoutDefinition>> {
    read_own(snapshot, &place_of(user, entity), "layout")
}
