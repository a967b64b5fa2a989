//! What the registry says of entities, as those may know it who see some of their fields.

use serde_json::{Value as Json, json};

use crate::base::{FieldId, Language, Result};
use crate::engine::Session;
use crate::schema::expr::Expression;
use crate::schema::{Entity, Field, FieldType, Layer, Registry, RelationSide, StateMachine};

/// The language in which a call asks for labels: that of a BCP 47 tag, or the session's.
pub(super) fn language(session: &Session, tag: Option<&str>) -> Result<Language> {
    tag.map_or_else(|| Ok(session.locale().into()), |tag| Language::of_tag(tag, session.locale()))
}

/// An entity as a user who sees some of its fields may know it, in a partition that is given by its folded name.
pub(super) fn entity_to_json(
    (registry, language): (&Registry, &Language),
    entity: &Entity,
    shown: &[FieldId],
    partition: Option<&str>,
) -> Json {
    let fields = entity.fields().iter().filter(|field| shown.contains(&field.id()));
    let fields = fields.map(|field| field_to_json((registry, language), entity, field, shown));
    // A rule that reads a hidden field would tell of it.
    let told = entity.rules().iter().filter(|rule| rule.fields().all(|field| shown.contains(&field)));
    let rules = told.map(|rule| {
        json!({
            "name": rule.definition.api_name(),
            "condition": rule.definition.condition,
            "message": rule.definition.message.spoken(language),
            "severity": rule.definition.severity,
            "active": rule.definition.active,
        })
    });
    let (indexes, counters) = declared_to_json(entity, shown);
    let visible =
        |machine: &&StateMachine| machine.fields().chain(machine.field()).all(|field| shown.contains(&field));
    let told =
        entity.unique_rules().iter().filter(|rule| rule.reads().all(|field| sees(entity, shown, field)));
    let unique = told.map(|rule| {
        json!({
            "name": rule.definition.api_name(),
            "fields": rule.definition.fields,
            "condition": rule.definition.condition,
            "complete": rule.complete,
            "reveal": rule.definition.reveal,
        })
    });
    let states = entity.machines().iter().filter(visible).map(|machine| states_to_json(machine, language));
    json!({
        "name": entity.api_name,
        "former_names": entity.former_names(),
        "namespace": entity.definition.namespace,
        "layer": Layer::of(&entity.definition.namespace).name(),
        "label": entity.label().spoken(language),
        "help": entity.help().map(|help| help.spoken(language)),
        "changed_by": entity.overrides().iter().map(|changed| &changed.namespace).collect::<Vec<_>>(),
        "module": entity.module(),
        "withdrawn": entity.is_withdrawn(),
        "title": entity.definition.title,
        "data_subject": entity.definition.data_subject,
        "fields": fields.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "indexes": indexes,
        "counters": counters,
        "states": states.collect::<Vec<_>>(),
        "valid_time": entity.definition.valid_time.as_ref().filter(|_| entity.validity().is_some_and(|validity| {
            let days = [validity.from, validity.to].into_iter().flatten();
            let mut fields = validity.exclusions.iter().flat_map(|one| one.fields.iter().copied()).chain(days);
            fields.all(|field| shown.contains(&field))
        })),
        "relation": entity.ends().and_then(|_| relation_to_json(language, entity, shown)),
        "unique": unique.collect::<Vec<_>>(),
        "temporal_index": entity.temporal().map(|index| json!({"complete": index.is_complete()})),
        "record_types": record_types_to_json(language, entity, shown, partition),
    })
}

/// What a relation says, if its sides are shown.
fn relation_to_json(language: &Language, entity: &Entity, shown: &[FieldId]) -> Option<Json> {
    let (relation, ends) = (entity.definition.relation.as_ref()?, entity.ends()?);
    if ![ends.from, ends.to].iter().all(|end| shown.contains(end)) {
        return None;
    }
    let side = |side: &RelationSide| {
        json!({
            "name": side.name,
            "entities": side.entities,
            "label": side.label.spoken(language),
            "on_delete": side.on_delete,
        })
    };
    Some(json!({
        "from": side(&relation.from),
        "to": side(&relation.to),
        "cardinality": relation.cardinality,
        "symmetric": relation.symmetric,
        "to_itself": relation.to_itself,
        "validity": relation.validity,
    }))
}

/// The text whose translations a field keeps, by API name.
fn translates<'e>(entity: &'e Entity, kept: &Field) -> Option<&'e str> {
    kept.definition.translation_of?;
    let of = |field: &&Field| entity.translations_of(field).is_some_and(|known| known.id() == kept.id());
    entity.fields().iter().find(of).map(|field| field.api_name.as_str())
}

fn field_to_json(
    (registry, language): (&Registry, &Language),
    entity: &Entity,
    field: &Field,
    shown: &[FieldId],
) -> Json {
    let definition = &field.definition;
    let replacement = definition.deprecated.as_ref().and_then(|said| said.replacement.as_deref());
    let replacement = replacement.and_then(|name| entity.field(name.into()).ok());
    let replacement = replacement.filter(|other| shown.contains(&other.id())).map(|other| &other.api_name);
    let codes = definition.kind.codes().map(|codes| {
        let codes = codes.iter().map(|code| {
            json!({
                "code": code.code,
                "label": code.label.spoken(language),
                "active": code.active,
                "color": code.color,
                "only_with": code.only_with,
            })
        });
        codes.collect::<Vec<_>>()
    });
    let targets: Vec<&str> = targets_of(registry, &definition.kind);
    let details = details_of(registry, &definition.kind, language);
    // An expression over a hidden field would tell of it.
    let told = |expression: &&Expression| expression.fields().iter().all(|field| shown.contains(field));
    let conditions: Vec<&str> = field.required_when().iter().filter(told).map(Expression::source).collect();
    json!({
        "name": field.api_name,
        "namespace": definition.namespace,
        "layer": Layer::of(&definition.namespace).name(),
        "local": definition.local,
        "label": definition.label.spoken(language),
        "help": definition.help.as_ref().map(|help| help.spoken(language)),
        "changed_by": field.overrides().iter().map(|changed| &changed.namespace).collect::<Vec<_>>(),
        "former_names": field.former_names(),
        "withdrawn": field.is_withdrawn(),
        "moving": field.is_moving(),
        "rows_outdated": field.has_outdated_rows(),
        "deprecated": definition.deprecated.is_some(),
        "replacement": replacement,
        "type": definition.kind.name(),
        "codes": codes,
        "value_set": definition.value_set,
        "privacy": registry.privacy(entity, field.id()).name(),
        "purposes": registry.purposes(entity, field.id()),
        "mask": definition.mask,
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
        "reveal": definition.reveal,
        "indexed": definition.indexed,
        "read_only": definition.read_only,
        "translatable": definition.translatable,
        "translation_of": translates(entity, field),
        "searchable": definition.search.is_some(),
    })
}

fn states_to_json(machine: &StateMachine, language: &Language) -> Json {
    let definition = &machine.definition;
    let transitions = definition.transitions.iter().map(|transition| {
        json!({
            "name": transition.name,
            "label": transition.label.spoken(language),
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

/// The record types of an entity, as far as they speak of fields that the user sees; nothing where the type is not
/// seen.
fn record_types_to_json(
    language: &Language,
    entity: &Entity,
    shown: &[FieldId],
    partition: Option<&str>,
) -> Json {
    let types =
        entity.record_types().filter(|types| types.field().is_some_and(|field| shown.contains(&field)));
    let Some(types) = types else { return Json::Null };
    let name = |field: &FieldId| {
        let field = entity.field_by_id(*field).filter(|_| shown.contains(field));
        field.map(|field| field.api_name.clone())
    };
    let told = types.types().iter().zip(&types.definition.types).map(|(own, said)| {
        // An expression over a hidden field would tell of it.
        let defaults = own
            .defaults
            .iter()
            .filter(|(_, default)| default.fields().iter().all(|field| shown.contains(field)));
        let defaults = defaults.filter_map(|(field, default)| Some((name(field)?, json!(default.source()))));
        let codes = own.codes.iter().filter_map(|(field, codes)| Some((name(field)?, json!(codes))));
        json!({
            "code": own.code,
            "label": said.label.spoken(language),
            "active": own.is_open_to(partition),
            "fields": own.fields.iter().filter_map(name).collect::<Vec<_>>(),
            "required": own.required.iter().filter_map(name).collect::<Vec<_>>(),
            "defaults": defaults.collect::<serde_json::Map<_, _>>(),
            "codes": codes.collect::<serde_json::Map<_, _>>(),
        })
    });
    let field = types.field().as_ref().and_then(name);
    json!({"field": field, "types": told.collect::<Vec<_>>()})
}

/// What works a column out.
fn column_expression(kind: &FieldType) -> Option<&str> {
    match kind {
        FieldType::Formula { expression, .. } => Some(expression),
        _ => None,
    }
}

/// The entities that a field refers to, by the names that these have now.
fn targets_of<'k>(registry: &'k Registry, kind: &'k FieldType) -> Vec<&'k str> {
    let named = kind.targets().into_iter();
    named.map(|name| registry.entity(name).map_or(name.as_str(), |entity| &entity.api_name)).collect()
}

/// What else a type says: columns, parts, the scheme, what a formula, lookup or rollup reads and gives.
fn details_of(registry: &Registry, kind: &FieldType, language: &Language) -> Json {
    match kind {
        FieldType::Rows { columns } => {
            let columns = columns.iter().map(|column| {
                json!({
                    "name": column.name,
                    "label": column.label.spoken(language),
                    "type": column.kind.name(),
                    "targets": targets_of(registry, &column.kind),
                    "expression": column_expression(&column.kind),
                    "required": column.required,
                })
            });
            json!({"columns": columns.collect::<Vec<_>>()})
        }
        FieldType::Serial { parts } => json!({"parts": parts}),
        FieldType::Opaque(opaque) => json!({"newer_type": opaque.said}),
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

/// Whether a field is a system field, or one that the user sees.
fn sees(entity: &Entity, shown: &[FieldId], field: FieldId) -> bool {
    entity.field_by_id(field).is_none() || shown.contains(&field)
}

/// The declared indexes and counters of an entity, but for those that speak of a hidden field.
fn declared_to_json(entity: &Entity, shown: &[FieldId]) -> (Json, Json) {
    let sees = |field| sees(entity, shown, field);
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
