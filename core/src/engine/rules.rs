//! What the schema says of a record on its way into the store: defaults, codes, what is required, rules.

use crate::base::{Code, Error, Label, Locale, Result, Value};
use crate::engine::Warning;
use crate::engine::record_types::excludes;
use crate::engine::retype::is_on_its_way;
use crate::records::{Moment, Record, RecordFacts};
use crate::schema::expr::Expression;
use crate::schema::{
    Entity, EnumCode, Field, FieldName, FieldType, PhoneRegion, Rule, Severity, has_unparsed_phone,
    normalize_value,
};

/// Gives a new record the defaults of the fields that came without value, in the order of the fields, so
/// that one may follow from another.
///
/// # Errors
/// Those of the expressions, and of the values that they give, naming the field.
pub(super) fn apply_defaults(entity: &Entity, record: &mut Record, moment: Moment) -> Result<()> {
    for field in entity.fields().iter().filter(|field| !field.is_withdrawn()) {
        if let Some(default) = field.default().filter(|_| !excludes(entity, record, field.id())) {
            apply_default(entity, (field, default), record, moment)?;
        }
    }
    Ok(())
}

/// Gives a field without value what an expression says.
pub(super) fn apply_default(
    entity: &Entity,
    (field, default): (&Field, &Expression),
    record: &mut Record,
    moment: Moment,
) -> Result<()> {
    if record.stored(field.id()).is_some() {
        return Ok(());
    }
    record.compute(entity, moment);
    let value = default.evaluate(&RecordFacts { record, moment });
    let value = value.and_then(|value| normalize_value(field, value, PhoneRegion::INTERNATIONAL));
    record.set(field.id(), value.map_err(|error| error.entity(&entity.api_name).field(&field.api_name))?);
    Ok(())
}

/// Refuses a code that is no longer offered, or does not go with the code of the controlling field. Codes
/// that stood already may stay until one of the two changes.
///
/// # Errors
/// [`Code::CodeNotAllowed`].
pub(super) fn check_codes(entity: &Entity, old: Option<&Record>, new: &Record) -> Result<()> {
    for field in entity.fields() {
        let (Some(codes), value) = (field.definition.kind.codes(), new.peek(field.id())) else { continue };
        let controller = field.definition.controlled_by.as_deref();
        let controller = controller.map(|name| entity.field(FieldName::Name(name))).transpose()?;
        let same = |field: &Field| old.is_some_and(|old| old.peek(field.id()) == new.peek(field.id()));
        if value.is_null() || (same(field) && controller.is_none_or(same)) {
            continue;
        }
        let control = controller.map(|controller| new.value(controller.id()));
        let before = old.map(|old| old.value(field.id())).unwrap_or_default();
        let refused = |code: &&EnumCode| holds(&value, code) && !may_stand(code, control.as_ref(), &before);
        if let Some(code) = codes.iter().find(refused) {
            let error = Error::new(Code::CodeNotAllowed).entity(&entity.api_name).field(&field.api_name);
            return Err(error.value(&code.code));
        }
    }
    Ok(())
}

fn holds(value: &Value, code: &EnumCode) -> bool {
    value.items().any(|item| item.as_text() == Some(&code.code))
}

fn may_stand(code: &EnumCode, control: Option<&Value>, before: &Value) -> bool {
    let stood = holds(before, code);
    let goes = control.is_none_or(|control| {
        code.only_with.is_empty() || control.as_text().is_some_and(|control| code.only_with.contains(control))
    });
    (code.active || stood) && goes
}

/// Refuses a record without a value that a condition of its field asks for.
///
/// # Errors
/// [`Code::Required`]; those of the condition.
pub(super) fn check_required_when(entity: &Entity, record: &Record, moment: Moment) -> Result<()> {
    let wanted = |field: &&Field| {
        let missing = record.stored(field.id()).is_none() && !excludes(entity, record, field.id());
        missing && !is_on_its_way(entity, record, field)
    };
    for field in entity.fields().iter().filter(wanted) {
        let named = |error: Error| error.entity(&entity.api_name).field(&field.api_name);
        for condition in field.required_when().iter().filter(|_| !field.is_withdrawn()) {
            if condition.holds(&RecordFacts { record, moment }).map_err(named)? == Some(true) {
                let rule = format!("required when {}", condition.source());
                return Err(named(Error::new(Code::Required).rule(&rule)));
            }
        }
    }
    Ok(())
}

/// Holds a record against the rules of its entity, and gives what is to be looked at.
///
/// # Errors
/// [`Code::RuleBroken`] in the words of the first rule that refuses it; those of its condition.
pub(super) fn check_rules(entity: &Entity, record: &Record, moment: Moment) -> Result<Vec<Warning>> {
    let mut warnings = Vec::new();
    let facts = RecordFacts { record, moment };
    let rules = entity.rules().iter().filter(|rule| rule.definition.active);
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
                warnings.push(Warning { code: Code::RuleBroken, entity, field, message });
            }
        }
    }
    Ok(warnings)
}

/// Reads the phone numbers that a record has other than before by the rules of a region, wherever they came from.
///
/// # Errors
/// Never in practice: those of values that were found right before.
pub(super) fn read_phones(
    entity: &Entity,
    old: Option<&Record>,
    record: &mut Record,
    region: PhoneRegion,
) -> Result<()> {
    for field in changed_phones(entity, old, record) {
        let value = normalize_value(field, record.value(field.id()), region)?;
        record.set(field.id(), value);
    }
    Ok(())
}

/// What is to be said of phone numbers that a record has other than before and that did not parse.
pub(super) fn unparsed_phones(entity: &Entity, old: Option<&Record>, record: &Record) -> Vec<Warning> {
    let unparsed = changed_phones(entity, old, record)
        .into_iter()
        .filter(|field| has_unparsed_phone(&field.definition.kind, &record.peek(field.id())));
    let warnings = unparsed.map(|field| {
        let code = Code::PhoneUnparsed;
        let [zh, en] = [Locale::SimplifiedChinese, Locale::English].map(|locale| code.message(locale));
        let (entity, field) = (entity.api_name.clone(), field.api_name.clone());
        Warning { code, entity, field, message: Label::new(zh, en) }
    });
    warnings.collect()
}

fn changed_phones<'e>(entity: &'e Entity, old: Option<&Record>, record: &Record) -> Vec<&'e Field> {
    let is_phone = |kind: &FieldType| *kind == FieldType::Phone;
    let phones = entity.fields().iter().filter(|field| match &field.definition.kind {
        FieldType::Rows { columns } => columns.iter().any(|column| is_phone(&column.kind)),
        kind => is_phone(kind),
    });
    let same = |field: &Field| old.is_some_and(|old| old.peek(field.id()) == record.peek(field.id()));
    phones.filter(|field| !same(field)).collect()
}

/// The field of a rule that a person is led to: the first one that it reads.
fn field_of(entity: &Entity, rule: &Rule) -> String {
    let field = rule.fields().next().and_then(|id| entity.field_by_id(id));
    field
        .or_else(|| entity.field(FieldName::Name(&entity.definition.title)).ok())
        .map_or_else(String::new, |field| field.api_name.clone())
}
