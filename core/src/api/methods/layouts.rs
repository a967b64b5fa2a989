//! Methods by which a host builds its screens without knowing an entity beforehand.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::planned::define_or_plan;
use crate::base::{Label, Locale};
use crate::engine::{Layout, LayoutKind, NavigationItem};
use crate::schema::{Entity, Layer, LayoutDefinition, RecordType};

use super::modules::module_to_json;

methods! {
    /// Gives a layout of an entity with the fields that the user sees: one that `schema.define_layout` or a package
    /// declared, the customer's before those of packages, for the record type before those for all types and for a
    /// role of the user before those for everybody; else the title first, then what is required, then what is indexed. `by` names the fields that say where a record stands in a
    /// kanban, calendar or timeline.
    "schema.layout" (session, given: GiveLayout {
        /// The entity.
        entity: String,
        /// `list`, `detail`, `form`, `kanban`, `calendar` or `timeline`.
        kind: String,
        /// The code of a record type, for the fields of that type and those that belong to all; every field if not
        /// said.
        record_type: Option<String>,
    }) -> "{entity, label, kind, title, by, sections: [{label, fields: [{name, label, type, required, read_only}]}]}" {
        let kind = LayoutKind::from_name(&given.kind)?;
        let layout = match &given.record_type {
            Some(code) => session.layout_of_type(&given.entity, kind, code)?,
            None => session.layout(&given.entity, kind)?,
        };
        let registry = session.crm().registry();
        let entity = registry.entity(&layout.entity)?;
        let code = given.record_type.as_deref();
        let own = entity.record_types().and_then(|types| types.of_code(code?));
        Ok(layout_to_json((entity, own), &layout, session.locale()))
    }

    /// Declares a layout of an entity for this customer, in place of the one for the same kind, record type and role.
    /// It needs the right to administer the entity. Nobody sees a field by it that is hidden from them.
    "schema.define_layout" (session, given: DefineLayout {
        /// The entity.
        entity: String,
        /// The layout: {kind, record_type, role, by, sections: [{label: {zh, en}, fields}], hidden, append}. `kind` is
        /// one that `schema.layout` knows, `record_type` a code and `role` the name of a role for which alone it is;
        /// `fields` and `hidden` name fields, and `owner`, `unit`, `created_at`, `modified_at` and `tags`; the
        /// `fields` of a list are its columns; `by` is the field of a kanban's columns, the first and the last day of
        /// a calendar, or the moments of a timeline. Fields that it does not name stand behind the others, unless
        /// `append` is false.
        layout: Json,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{layout}" {
        let layout = LayoutDefinition::from_json(&given.layout)?;
        define_or_plan(session, given.dry_run, |session| {
            let name = layout.name();
            session.define_layout(&given.entity, layout)?;
            Ok(json!({"layout": name}))
        })
    }

    /// Takes a layout of the customer's own back; then what a package declares or the registry gives holds again.
    "schema.remove_layout" (session, given: RemoveLayout {
        /// The entity.
        entity: String,
        /// The kind.
        kind: String,
        /// The code of its record type, if it is for one.
        record_type: Option<String>,
        /// The name of its role, if it is for one.
        role: Option<String>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        let kind = LayoutKind::from_name(&given.kind)?;
        define_or_plan(session, given.dry_run, |session| {
            let of = (given.record_type.as_deref(), given.role.as_deref());
            session.remove_layout(&given.entity, kind, of)?;
            Ok(json!({"outcome": "removed"}))
        })
    }

    /// Lists the layouts of an entity that the customer or packages declared, for who may administer the entity.
    "schema.layouts" (session, given: ListLayouts {
        /// The entity.
        entity: String,
    }) -> "{layouts: [{layer, namespace, kind, record_type, role, by, sections, hidden, append}]}" {
        let layouts = session.declared_layouts(&given.entity)?;
        let told: Vec<Json> = layouts.iter().map(declared_to_json).collect();
        Ok(json!({"layouts": told}))
    }

    /// Lists the entities that the user may read, for a host's navigation, and the layouts that have something
    /// to show of each; and the modules that are on, in their order, each with those of its entities.
    "schema.navigation" (session, _given: Navigation {}) -> "{entities: [{entity, label, may_create, kinds}], modules: [{module, label, icon, order, on, requires, entities}]}" {
        let items = session.navigation()?;
        let items: Vec<Json> = items.iter().map(|item| item_to_json(item, session.locale())).collect();
        let modules = session.modules()?;
        let shown = modules.iter().filter(|module| !module.entities.is_empty());
        let modules: Vec<Json> = shown.map(|module| module_to_json(module, session.locale())).collect();
        Ok(json!({"entities": items, "modules": modules}))
    }
}

fn item_to_json(item: &NavigationItem, locale: Locale) -> Json {
    let kinds: Vec<&str> = item.kinds.iter().map(|kind| kind.name()).collect();
    json!({
        "entity": item.entity,
        "label": item.label.text(locale),
        "may_create": item.may_create,
        "kinds": kinds,
    })
}

fn declared_to_json(layout: &LayoutDefinition) -> Json {
    json!({
        "layer": Layer::of(&layout.namespace).name(),
        "namespace": layout.namespace,
        "kind": layout.kind,
        "record_type": layout.record_type,
        "role": layout.role,
        "by": layout.by,
        "sections": layout.sections,
        "hidden": layout.hidden,
        "append": layout.append,
    })
}

fn layout_to_json(of: (&Entity, Option<&RecordType>), layout: &Layout, locale: Locale) -> Json {
    let sections = layout.sections.iter().map(|section| {
        let fields: Vec<Json> = section.fields.iter().map(|name| field_to_json(of, name, locale)).collect();
        json!({"label": section.label.text(locale), "fields": fields})
    });
    json!({
        "entity": layout.entity,
        "label": layout.label.text(locale),
        "kind": layout.kind.name(),
        "title": layout.title,
        "by": layout.by,
        "sections": sections.collect::<Vec<_>>(),
    })
}

/// What people read for the facts of every record that stand in layouts.
const FACTS: [(&str, &str, &str); 5] = [
    ("owner", "负责人", "Owner"),
    ("unit", "所属部门", "Unit"),
    ("created_at", "创建时间", "Created"),
    ("modified_at", "修改时间", "Changed"),
    ("tags", "标签", "Tags"),
];

/// A field with what a host needs to show it; a fact of every record has name and label alone.
fn field_to_json((entity, own): (&Entity, Option<&RecordType>), name: &str, locale: Locale) -> Json {
    let mut told = Map::from_iter([("name".to_owned(), json!(name))]);
    if let Some(field) = entity.fields().iter().find(|field| field.api_name == name) {
        let definition = &field.definition;
        told.insert("label".to_owned(), json!(definition.label.text(locale)));
        told.insert("type".to_owned(), json!(definition.kind.name()));
        let of_type = own.is_some_and(|own| own.required.contains(&field.id()));
        told.insert("required".to_owned(), json!(definition.required || of_type));
        told.insert("read_only".to_owned(), json!(definition.read_only));
    } else if let Some((_, zh, en)) = FACTS.iter().find(|(fact, _, _)| *fact == name) {
        told.insert("label".to_owned(), json!(Label::new(zh, en).text(locale)));
    }
    Json::Object(told)
}
