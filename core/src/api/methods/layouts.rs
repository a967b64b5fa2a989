//! Methods by which a host builds its screens without knowing an entity beforehand.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::described::language;
use crate::api::json::with;
use crate::api::planned::define_or_plan;
use crate::base::{Label, Language, RecordId, Result};
use crate::engine::{Device, Layout, LayoutFor, LayoutKind, NavigationItem, ShownWhen};
use crate::schema::{Entity, Layer, LayoutDefinition, RecordType};

use super::modules::module_to_json;

methods! {
    /// Gives a layout of an entity with the fields that the user sees: the user's own by `layout.save`, else one that
    /// `schema.define_layout` or a package declared, the customer's before those of packages, for the record type
    /// before those for all types, for the device before those for all, and for a role or the partition of the user
    /// before those for everybody; else the title first, then what is required, then what is indexed. `by` names the
    /// fields that say where a record stands in a kanban, calendar or timeline. `visible_when` is an expression over
    /// fields that the user sees, and `visible` whether it holds of the record, if one is given.
    "schema.layout" (session, given: GiveLayout {
        /// The entity.
        entity: String,
        /// `list`, `detail`, `form`, `kanban`, `calendar` or `timeline`.
        kind: String,
        /// The code of a record type, for the fields of that type and those that belong to all; every field if not
        /// said.
        record_type: Option<String>,
        /// `phone` or `desktop`, for the layout of that class of devices; the one for all if not said.
        device: Option<String>,
        /// A record: the layout of its type, with `visible` for what has a condition.
        record: Option<RecordId>,
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{entity, label, kind, title, by, sections: [{label, visible_when, visible, fields: [{name, label, help, type, required, read_only, visible_when, visible}]}]}" {
        let asked = LayoutFor {
            kind: LayoutKind::from_name(&given.kind)?,
            record_type: given.record_type.as_deref(),
            device: given.device.as_deref().map(Device::from_name).transpose()?,
            record: given.record,
        };
        let layout = session.layout_for(&given.entity, &asked)?;
        let registry = session.crm().registry();
        let entity = registry.entity(&layout.entity)?;
        let code = given.record_type.as_deref();
        let own = entity.record_types().and_then(|types| types.of_code(code?));
        let language = language(session, given.locale.as_deref())?;
        Ok(layout_to_json((entity, own), &layout, &language))
    }

    /// Declares a layout of an entity for this customer, in place of the one for the same kind, record type, device,
    /// role and partition.
    /// It needs the right to administer the entity. Nobody sees a field by it that is hidden from them.
    "schema.define_layout" (session, given: DefineLayout {
        /// The entity.
        entity: String,
        /// The layout: {kind, record_type, device, role, partition, by, sections: [{label: {zh, en}, fields,
        /// visible_when}], hidden, append, visible_when}. `kind` is one that `schema.layout` knows, `record_type` a
        /// code, `device` `phone` or `desktop`, and `role` and `partition` names of those for whose people alone it is;
        /// `fields` and `hidden` name fields, and `owner`, `unit`, `created_at`, `modified_at` and `tags`; the
        /// `fields` of a list are its columns; `by` is the field of a kanban's columns, the first and the last day of
        /// a calendar, or the moments of a timeline; `visible_when` is an expression under whose condition alone a
        /// section is shown, or, by name, a field. Fields that it does not name stand behind the others, unless
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
        /// Its class of devices, if it is for one.
        device: Option<String>,
        /// The name of its partition, if it is for one.
        partition: Option<String>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        let layout = LayoutDefinition {
            role: given.role.clone(),
            partition: given.partition.clone(),
            ..of_device(&given.kind, given.record_type.as_deref(), given.device.as_deref())?
        };
        define_or_plan(session, given.dry_run, |session| {
            session.remove_layout(&given.entity, &layout)?;
            Ok(json!({"outcome": "removed"}))
        })
    }

    /// Lists the layouts of an entity that the customer or packages declared, for who may administer the entity.
    "schema.layouts" (session, given: ListLayouts {
        /// The entity.
        entity: String,
    }) -> "{layouts: [{layer, namespace, kind, record_type, role, device, partition, by, sections, hidden, append, visible_when}]}" {
        let layouts = session.declared_layouts(&given.entity)?;
        let told: Vec<Json> = layouts.iter().map(declared_to_json).collect();
        Ok(json!({"layouts": told}))
    }

    /// Makes a layout that holds for the user alone and goes before all others, in place of the user's own for the
    /// same kind, record type and device. It names what the user sees, and shows nothing else.
    "layout.save" (session, given: SaveLayout {
        /// The entity.
        entity: String,
        /// The layout, as `schema.define_layout` takes it, without role and partition.
        layout: Json,
    }) -> "{layout}" {
        let layout = LayoutDefinition::from_json(&given.layout)?;
        session.save_own_layout(&given.entity, &layout)?;
        Ok(json!({"layout": layout.name()}))
    }

    /// Takes the user's own layout back; then what others declared, or the registry gives, holds again.
    "layout.remove" (session, given: RemoveOwnLayout {
        /// The entity.
        entity: String,
        /// The kind.
        kind: String,
        /// The code of its record type, if it is for one.
        record_type: Option<String>,
        /// Its class of devices, if it is for one.
        device: Option<String>,
    }) -> "{outcome}" {
        let layout = of_device(&given.kind, given.record_type.as_deref(), given.device.as_deref())?;
        session.remove_own_layout(&given.entity, &layout)?;
        Ok(json!({"outcome": "removed"}))
    }

    /// Lists the layouts of an entity that the user has made for themselves.
    "layout.list" (session, given: ListOwnLayouts {
        /// The entity.
        entity: String,
    }) -> "{layouts: [{kind, record_type, device, by, sections, hidden, append, visible_when}]}" {
        let own = session.own_layouts(&given.entity)?;
        Ok(json!({"layouts": own.iter().map(declared_to_json).collect::<Vec<_>>()}))
    }

    /// Lists the entities that the user may read, for a host's navigation, and the layouts that have something
    /// to show of each; and the modules that are on, in their order, each with those of its entities.
    "schema.navigation" (session, given: Navigation {
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{entities: [{entity, label, may_create, kinds}], modules: [{module, label, icon, order, on, requires, entities}]}" {
        let language = language(session, given.locale.as_deref())?;
        let items = session.navigation()?;
        let items: Vec<Json> = items.iter().map(|item| item_to_json(item, &language)).collect();
        let modules = session.modules()?;
        let shown = modules.iter().filter(|module| !module.entities.is_empty());
        let modules: Vec<Json> = shown.map(|module| module_to_json(module, &language)).collect();
        Ok(json!({"entities": items, "modules": modules}))
    }
}

/// What tells a layout that is for no role and no partition.
fn of_device(kind: &str, record_type: Option<&str>, device: Option<&str>) -> Result<LayoutDefinition> {
    Ok(LayoutDefinition {
        record_type: record_type.map(str::to_owned),
        device: device.map(Device::from_name).transpose()?,
        ..LayoutDefinition::new(LayoutKind::from_name(kind)?)
    })
}

fn item_to_json(item: &NavigationItem, language: &Language) -> Json {
    let kinds: Vec<&str> = item.kinds.iter().map(|kind| kind.name()).collect();
    json!({
        "entity": item.entity,
        "label": item.label.spoken(language),
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
        "device": layout.device,
        "partition": layout.partition,
        "visible_when": layout.visible_when,
        "by": layout.by,
        "sections": layout.sections,
        "hidden": layout.hidden,
        "append": layout.append,
    })
}

fn layout_to_json(of: (&Entity, Option<&RecordType>), layout: &Layout, language: &Language) -> Json {
    let sections = layout.sections.iter().map(|section| {
        let fields = section.fields.iter().map(|name| {
            let told = field_to_json(of, name, language);
            with(told, shown_when(layout.visible_when.get(name)))
        });
        let fields = json!(fields.collect::<Vec<_>>());
        let told = json!({"label": section.label.spoken(language), "fields": fields});
        with(told, shown_when(section.visible_when.as_ref()))
    });
    json!({
        "entity": layout.entity,
        "label": layout.label.spoken(language),
        "kind": layout.kind.name(),
        "title": layout.title,
        "by": layout.by,
        "sections": sections.collect::<Vec<_>>(),
    })
}

/// Under what condition something is shown, and whether that holds of the record that was asked about.
fn shown_when(when: Option<&ShownWhen>) -> [(&'static str, Json); 2] {
    let condition = when.map(|when| &when.condition);
    [("visible_when", json!(condition)), ("visible", json!(when.and_then(|when| when.holds)))]
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
fn field_to_json((entity, own): (&Entity, Option<&RecordType>), name: &str, language: &Language) -> Json {
    let mut told = Map::from_iter([("name".to_owned(), json!(name))]);
    if let Some(field) = entity.fields().iter().find(|field| field.api_name == name) {
        let definition = &field.definition;
        told.insert("label".to_owned(), json!(definition.label.spoken(language)));
        let help = definition.help.as_ref().map(|help| help.spoken(language));
        told.insert("help".to_owned(), json!(help));
        told.insert("type".to_owned(), json!(definition.kind.name()));
        let of_type = own.is_some_and(|own| own.required.contains(&field.id()));
        told.insert("required".to_owned(), json!(definition.required || of_type));
        told.insert("read_only".to_owned(), json!(definition.read_only));
    } else if let Some((_, zh, en)) = FACTS.iter().find(|(fact, _, _)| *fact == name) {
        told.insert("label".to_owned(), json!(Label::new(zh, en).spoken(language)));
    }
    Json::Object(told)
}
