//! Rules of entities, held against a record on its way into the store.

use crate::base::{Code, Date, Error, FieldId, Result, TimeZone, Timestamp, Value};
use crate::engine::{Settings, Warning};
use crate::records::Record;
use crate::schema::expr::Facts;
use crate::schema::{Entity, FieldName, Rule, Severity};

/// What an expression reads of a record.
struct RecordFacts<'a> {
    record: &'a Record,
    now: Timestamp,
    zone: TimeZone,
}

impl Facts for RecordFacts<'_> {
    fn value(&self, field: FieldId) -> Result<Value> {
        Ok(self.record.value(field))
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn today(&self) -> Date {
        self.now.date_in(&self.zone)
    }
}

/// Holds a record against the rules of its entity, and gives what is to be looked at.
///
/// # Errors
/// [`Code::RuleBroken`] in the words of the first rule that refuses it; those of its condition.
pub(super) fn check_rules(
    entity: &Entity,
    record: &Record,
    now: Timestamp,
    settings: &Settings,
) -> Result<Vec<Warning>> {
    let mut warnings = Vec::new();
    let mut rules = entity.rules().iter().filter(|rule| rule.definition.active).peekable();
    if rules.peek().is_none() {
        return Ok(warnings);
    }
    let facts = RecordFacts { record, now, zone: settings.zone()? };
    for rule in rules {
        let named = |error: Error| error.entity(&entity.api_name).field(&field_of(entity, rule));
        if !rule.is_broken(&facts).map_err(named)? {
            continue;
        }
        let message = rule.definition.message.clone();
        match rule.definition.severity {
            Severity::Error => {
                let refused = Error::new(Code::RuleBroken).rule(&rule.definition.api_name()).said(message);
                return Err(named(refused));
            }
            Severity::Warning => {
                let (entity, field) = (entity.api_name.clone(), field_of(entity, rule));
                warnings.push(Warning { entity, field, message });
            }
        }
    }
    Ok(warnings)
}

/// The field of a rule that a person is led to: the first one that it reads.
fn field_of(entity: &Entity, rule: &Rule) -> String {
    let field = rule.fields().next().and_then(|id| entity.field_by_id(id));
    field
        .or_else(|| entity.field(FieldName::Name(&entity.definition.title)).ok())
        .map_or_else(String::new, |field| field.api_name.clone())
}
