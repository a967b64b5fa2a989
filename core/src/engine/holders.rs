//! What a writer who is refused learns of the record that has the value already: the record itself, if they see it,
//! else what the unique rule or field says.

use crate::access::{Permit, Read, Showing, User, user};
use crate::base::{Code, Error, FieldId, Holder, RecordId, Result};
use crate::engine::Transaction;
use crate::records::{self, Record};
use crate::schema::{Entity, EntityType, Reveal};

impl Transaction<'_> {
    /// The same error, with what the user may know of the record that has the value.
    pub(super) fn telling_holder(&self, entity: &Entity, error: Error) -> Error {
        let Some((holder, by)) = error.held() else { return error };
        match self.told_of(entity, by, holder) {
            Ok(Some(told)) => error.holder(told),
            // The write is refused whether or not more can be said.
            _ => error,
        }
    }

    fn told_of(&self, entity: &Entity, by: Option<FieldId>, holder: RecordId) -> Result<Option<Holder>> {
        let Some(record) = records::get_for_rule(self.view(), entity.id(), holder)? else { return Ok(None) };
        let rule = entity.unique_rules().iter().find(|rule| Some(rule.id()) == by);
        let field = by.and_then(|field| entity.field_by_id(field));
        let read: Vec<FieldId> = match (rule, field) {
            (Some(rule), _) => rule.reads().collect(),
            (None, field) => field.map(crate::schema::Field::id).into_iter().collect(),
        };
        let permit = match self.policy.decide::<Read>(self.user(), entity.id(), &entity.api_name) {
            Ok(permit) => Some(permit),
            Err(error) if error.code() == Code::NotPermitted => None,
            Err(error) => return Err(error),
        };
        if let Some(permit) = &permit {
            if self.sees(permit, (entity, &record), &read)? {
                return Ok(Some(Holder::Record(record.id)));
            }
            if read.iter().any(|field| !permit.reads(*field)) {
                return Ok(None);
            }
        }
        let reveal = rule.map(|rule| rule.definition.reveal).or(field.map(|field| field.definition.reveal));
        // Nobody learns anything from beyond the own partition.
        let own = self.policy.partition_of(self.user()) == Some(record.envelope.partition);
        match reveal.unwrap_or_default() {
            Reveal::Existence if own => Ok(Some(Holder::Unseen)),
            Reveal::Owner if own => Ok(Some(self.owner_of(&record)?)),
            _ => Ok(None),
        }
    }

    /// Whether the user sees a record, and its values in all of some fields.
    fn sees(
        &self,
        permit: &Permit<Read>,
        (entity, record): (&Entity, &Record),
        fields: &[FieldId],
    ) -> Result<bool> {
        let class = record.envelope.access_class();
        if !permit.allows(record.id, &class) || !self.reader().sees_ends(permit, entity, record)? {
            return Ok(false);
        }
        let withheld = |field: &FieldId| {
            let masked = permit.masked_in(&class, Showing::List).any(|masked| masked == *field);
            masked || permit.hidden_in(&class).contains(field)
        };
        Ok(!fields.iter().any(withheld))
    }

    /// The owner of a record, by the name to ask for.
    fn owner_of(&self, record: &Record) -> Result<Holder> {
        let users = self.registry.entity(User::NAME)?;
        let owner = records::get_for_rule(self.view(), users.id(), record.envelope.owner)?;
        let name = users.field(user::NAME.selector())?.id();
        let name = owner.and_then(|owner| owner.value(name).as_text().map(str::to_owned));
        Ok(name.map_or(Holder::Unseen, |name| Holder::Owner { id: record.envelope.owner, name }))
    }
}
