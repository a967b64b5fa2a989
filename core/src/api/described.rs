//! What the registry says of entities, as those may know it who see some of their fields.

use serde_json::{Value as Json, json};

use crate::base::{FieldId, Locale};
use crate::schema::expr::Expression;
use crate::schema::{Entity, Field, FieldType, Layer, StateMachine};

/// An entity as a user who sees some of its fields may know it.
pub(super) fn entity_to_json(locale: Locale, entity: &Entity, shown: &[FieldId]) -> Json {
    let fields = entity.fields().iter().filter(|field| shown.contains(&field.id()));
    let fields = fields.map(|field| field_to_json(locale, entity, field, shown));
    // A rule that reads a hidden field would tell of it.
    let told = entity.rules().iter().filter(|rule| rule.fields().all(|field| shown.contains(&field)));
    let rules = told.map(|rule| {
        json!({
            "name": rule.definition.api_name(),
            "condition": rule.definition.condition,
            "message": rule.definition.message.text(locale),
            "severity": rule.definition.severity,
            "active": rule.definition.active,
        })
    });
    let (indexes, counters) = declared_to_json(entity, shown);
    let visible =
        |machine: &&StateMachine| machine.fields().chain(machine.field()).all(|field| shown.contains(&field));
    let states = entity.machines().iter().filter(visible).map(|machine| states_to_json(machine, locale));
    json!({
        "name": entity.api_name,
        "namespace": entity.definition.namespace,
        "layer": Layer::of(&entity.definition.namespace).name(),
        "label": entity.definition.label.text(locale),
        "help": entity.definition.help.as_ref().map(|help| help.text(locale)),
        "module": entity.module(),
        "withdrawn": entity.is_withdrawn(),
        "title": entity.definition.title,
        "data_subject": entity.definition.data_subject,
        "fields": fields.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "indexes": indexes,
        "counters": counters,
        "states": states.collect::<Vec<_>>(),
    })
}

/// The text whose translations a field keeps, by API name.
fn translates<'e>(entity: &'e Entity, kept: &Field) -> Option<&'e str> {
    kept.definition.translation_of?;
    let of = |field: &&Field| entity.translations_of(field).is_some_and(|known| known.id() == kept.id());
    entity.fields().iter().find(of).map(|field| field.api_name.as_str())
}

fn field_to_json(locale: Locale, entity: &Entity, field: &Field, shown: &[FieldId]) -> Json {
    let definition = &field.definition;
    let codes = definition.kind.codes().map(|codes| {
        let codes = codes.iter().map(|code| {
            json!({
                "code": code.code,
                "label": code.label.text(locale),
                "active": code.active,
                "color": code.color,
                "only_with": code.only_with,
            })
        });
        codes.collect::<Vec<_>>()
    });
    let targets = definition.kind.targets();
    let details = details_of(&definition.kind, locale);
    // An expression over a hidden field would tell of it.
    let told = |expression: &&Expression| expression.fields().iter().all(|field| shown.contains(field));
    let conditions: Vec<&str> = field.required_when().iter().filter(told).map(Expression::source).collect();
    json!({
        "name": field.api_name,
        "namespace": definition.namespace,
        "layer": Layer::of(&definition.namespace).name(),
        "local": definition.local,
        "label": definition.label.text(locale),
        "help": definition.help.as_ref().map(|help| help.text(locale)),
        "changed_by": field.overrides().iter().map(|changed| &changed.namespace).collect::<Vec<_>>(),
        "former_names": field.former_names(),
        "withdrawn": field.is_withdrawn(),
        "type": definition.kind.name(),
        "codes": codes,
        "on_delete": (!targets.is_empty()).then_some(definition.on_delete),
        "tree": definition.tree,
        "root_of": definition.root_of,
        "target": targets.first(),
        "targets": targets,
        "details": details,
        "default": field.default().filter(told).map(Expression::source),
        "required_when": conditions,
        "controlled_by": definition.controlled_by,
        "required": field.is_required(),
        "unique": definition.unique,
        "indexed": definition.indexed,
        "read_only": definition.read_only,
        "translatable": definition.translatable,
        "translation_of": translates(entity, field),
        "searchable": definition.search.is_some(),
    })
}

fn states_to_json(machine: &StateMachine, locale: Locale) -> Json {
    let definition = &machine.definition;
    let transitions = definition.transitions.iter().map(|transition| {
        json!({
            "name": transition.name,
            "label": transition.label.text(locale),
            "from": transition.from,
            "to": transition.to,
            "guard": transition.guard,
            "sets": transition.sets,
        })
    });
    json!({
        "name": definition.api_name(),
        "field": definition.field,
        "initial": definition.initial,
        "locked": definition.locked,
        "transitions": transitions.collect::<Vec<_>>(),
    })
}

/// What else a type says: columns, parts, the scheme, what a formula, lookup or rollup reads and gives.
fn details_of(kind: &FieldType, locale: Locale) -> Json {
    match kind {
        FieldType::Rows { columns } => {
            let columns = columns.iter().map(|column| {
                json!({
                    "name": column.name,
                    "label": column.label.text(locale),
                    "type": column.kind.name(),
                    "required": column.required,
                })
            });
            json!({"columns": columns.collect::<Vec<_>>()})
        }
        FieldType::Serial { parts } => json!({"parts": parts}),
        FieldType::Identifier { scheme } => json!({"scheme": scheme}),
        FieldType::Formula { expression, gives } => json!({"expression": expression, "gives": gives}),
        FieldType::Lookup { through, field, gives } => {
            json!({"through": through, "field": field, "gives": gives})
        }
        FieldType::Rollup(rollup) => json!({
            "child": rollup.entity,
            "by": rollup.by,
            "function": rollup.function,
            "field": rollup.field,
            "filter": rollup.filter,
            "readers": rollup.readers,
            "tree": rollup.tree,
            "gives": rollup.gives,
        }),
        _ => Json::Null,
    }
}

/// The declared indexes and counters of an entity, but for those that speak of a hidden field.
fn declared_to_json(entity: &Entity, shown: &[FieldId]) -> (Json, Json) {
    let sees = |field: FieldId| entity.field_by_id(field).is_none() || shown.contains(&field);
    let indexes = entity.indexes().iter().filter(|index| {
        let mut fields = index.components().iter().map(|component| component.field());
        fields.all(sees)
    });
    let indexes = indexes.map(|index| {
        json!({"name": index.api_name, "fields": index.definition.fields, "complete": index.complete})
    });
    let counters = entity.counters().iter();
    let counters = counters.filter(|counter| counter.group_by().chain(counter.sums()).all(sees));
    let counters = counters.map(|counter| {
        json!({
            "name": counter.api_name,
            "group_by": counter.definition.group_by,
            "sums": counter.definition.sums,
            "complete": counter.complete,
        })
    });
    (Json::Array(indexes.collect()), Json::Array(counters.collect()))
}
