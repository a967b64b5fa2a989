//! Methods that describe the interface itself, the registry and the catalogue of errors.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::described::{entity_to_json, language};
use crate::api::json::with;
use crate::api::planned::define_or_plan;
use crate::base::{Code, Error, Label, Locale, Result};
use crate::engine::{Session, SystemField};
use crate::schema::expr::function_help;
use crate::schema::{
    Entity, EntityDefinition, EnumCode, FIELD_TYPES, FieldDefinition, FieldType, OnDelete,
    RecordTypesDefinition, Reveal, RollupDefinition, RowColumn, RuleDefinition, SearchClass, Severity,
    StateMachineDefinition, UniqueDefinition,
};

methods! {
    /// Lists every method with its parameters and their types, and whether it is called with a session:
    /// `required`, `none`, or `optional`.
    "api.describe" with_or_without_session (caller, given: Describe {
        /// The language, `zh-Hans` or `en`; the session's if not said, and English without a session.
        locale: Option<String>,
    }) -> "{methods: [{name, help, session, parameters, returns}]}" {
        let of_session = caller.session.map(Session::locale).unwrap_or_default();
        let locale = given.locale.as_deref().map_or(Ok(of_session), Locale::parse)?;
        let methods = crate::api::methods().into_iter().map(|method| {
            let parameters = method.parameters.iter().map(|parameter| {
                json!({
                    "name": parameter.name,
                    "type": parameter.kind,
                    "required": parameter.required,
                    "help": parameter.help_in(locale),
                })
            });
            json!({
                "name": method.name,
                "help": method.help_in(locale),
                "session": method.session().name(),
                "parameters": parameters.collect::<Vec<_>>(),
                "returns": method.returns,
            })
        });
        Ok(json!({"methods": methods.collect::<Vec<_>>()}))
    }

    /// Lists every error code with message, cause and remedy in the session's language.
    "api.errors" (session, _given: Errors {}) -> "{errors: [{code, number, message, cause, remedy}]}" {
        let locale = session.locale();
        let errors = Code::ALL.iter().map(|code| {
            json!({
                "code": code.key(),
                "number": code.number(),
                "message": code.message(locale),
                "cause": code.cause(locale),
                "remedy": code.remedy(locale),
            })
        });
        Ok(json!({"errors": errors.collect::<Vec<_>>()}))
    }

    /// Describes the entities that the user may read, with their fields, or one of them.
    "schema.describe" (session, given: Schema {
        /// One entity; all if not said.
        entity: Option<String>,
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{version, entities: [{name, former_names, layer, label, help, module, title, fields, rules, indexes, counters, states, unique, record_types, relation, relations, valid_time}], system_fields}" {
        let language = language(session, given.locale.as_deref())?;
        session.read(|reader| {
            let (registry, partition) = (reader.registry(), reader.partition()?);
            let chosen: Vec<&Entity> = match &given.entity {
                Some(name) => vec![registry.entity(name)?],
                None => registry.entities().iter().collect(),
            };
            let entities = chosen
                .into_iter()
                .filter(|entity| reader.may(&entity.api_name, crate::engine::Action::Read))
                .map(|entity| {
                    let shown = reader.readable_fields(&entity.api_name)?;
                    let relations = registry.relations_of(entity).map(|relation| relation.api_name.as_str());
                    let read = |name: &&str| reader.may(name, crate::engine::Action::Read);
                    let relations: Vec<&str> = relations.filter(read).collect();
                    let told =
                        entity_to_json((registry, &language), entity, &shown, partition.as_deref());
                    Ok(with(told, [("relations", json!(relations))]))
                });
            let system: Vec<&str> = SystemField::ALL.iter().map(|(_, name)| *name).collect();
            Ok(json!({
                "version": registry.version(),
                "entities": entities.collect::<Result<Vec<_>>>()?,
                "system_fields": system,
            }))
        })
    }

    /// Adds a rule of the customer's own to an entity, or changes the one of this name. Records that stand
    /// are held against it when they are next saved.
    "schema.define_rule" (session, given: DefineRule {
        /// The entity.
        entity: String,
        /// The name, without namespace.
        name: String,
        /// What holds of every record: an expression over the entity's fields, as `amount(amount) > 0`.
        condition: String,
        /// What people read where it does not hold, in Chinese.
        message_zh: String,
        /// What people read where it does not hold, in English.
        message_en: String,
        /// What becomes of such a record: `error` refuses it, `warning` takes it; `error` if not said.
        severity: Option<String>,
        /// Whether the rule is looked at; yes if not said.
        active: Option<bool>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{rule}" {
        let severity = given.severity.as_deref().map(severity).transpose()?;
        let rule = RuleDefinition {
            namespace: String::new(),
            name: given.name,
            condition: given.condition,
            message: Label::new(&given.message_zh, &given.message_en),
            severity: severity.unwrap_or(Severity::Error),
            active: given.active.unwrap_or(true),
        };
        define_or_plan(session, given.dry_run, |session| {
            Ok(json!({"rule": session.define_rule(&given.entity, rule)?}))
        })
    }

    /// Adds a state machine of the customer's own to an entity, or changes the one of this name.
    "schema.define_states" (session, given: DefineStates {
        /// The entity.
        entity: String,
        /// The machine: {name, field, initial, transitions: [{name, label, from, to, guard, sets}], locked}.
        machine: Json,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{states}" {
        let machine = StateMachineDefinition::from_json(&given.machine)?;
        define_or_plan(session, given.dry_run, |session| {
            Ok(json!({"states": session.define_states(&given.entity, machine)?}))
        })
    }

    /// Takes a rule of the customer's own back: records are held against it no more.
    "schema.remove_rule" (session, given: RemoveRule {
        /// The entity.
        entity: String,
        /// The name, with the namespace or without.
        name: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.remove_rule(&given.entity, &given.name)?;
            Ok(json!({"outcome": "removed"}))
        })
    }

    /// Takes a state machine of the customer's own back: records keep the codes that they have.
    "schema.remove_states" (session, given: RemoveStates {
        /// The entity.
        entity: String,
        /// The name, with the namespace or without.
        name: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.remove_states(&given.entity, &given.name)?;
            Ok(json!({"outcome": "removed"}))
        })
    }

    /// Adds a unique rule of the customer's own to an entity: no two records have the same values in all of its
    /// fields. Where records that stand already do, nothing is added.
    "schema.define_unique" (session, given: DefineUnique {
        /// The entity.
        entity: String,
        /// The rule: {name, fields: [{field, normalizer}], condition, reveal}. A normalizer is `folded`, without
        /// regard to case, width and white space, or `exact`; `folded` if not said. A record in which a field is
        /// missing, or for which the condition does not hold, takes no part. `reveal` is what a refused writer learns
        /// of a record that has the values and that they may not see: `nothing`, `existence` (that it is such a
        /// record) or `owner` (whose it is); `nothing` if not said. Called again, it may say otherwise.
        rule: Json,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{unique}" {
        let rule = UniqueDefinition::from_json(&given.rule)?;
        define_or_plan(session, given.dry_run, |session| {
            Ok(json!({"unique": session.define_unique(&given.entity, rule)?}))
        })
    }

    /// Takes a unique rule of the customer's own back.
    "schema.remove_unique" (session, given: RemoveUnique {
        /// The entity.
        entity: String,
        /// The name.
        name: String,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        define_or_plan(session, given.dry_run, |session| {
            session.remove_unique(&given.entity, &given.name)?;
            Ok(json!({"outcome": "removed"}))
        })
    }

    /// Declares the record types of an entity for this customer, in place of those declared before: which fields
    /// records have by the code of one field, what is required there, and what comes into fields without value. An
    /// empty list of types takes them back.
    "schema.define_record_types" (session, given: DefineRecordTypes {
        /// The entity.
        entity: String,
        /// The types: {field, types: [{code, label, active, fields, required, defaults, codes, partitions}]}. A field
        /// that some type names belongs to the records of those types alone; `partitions` names those whose records
        /// may become of the type, where not all may.
        record_types: Json,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{outcome}" {
        let types = RecordTypesDefinition::from_json(&given.record_types)?;
        define_or_plan(session, given.dry_run, |session| {
            session.define_record_types(&given.entity, types)?;
            Ok(json!({"outcome": "changed"}))
        })
    }

    /// Lists the functions of expressions.
    "schema.functions" (session, _given: Functions {}) -> "{functions: [{usage, help}]}" {
        let locale = session.locale();
        let functions = function_help().map(|function| {
            json!({"usage": function.usage, "help": function.label.text(locale)})
        });
        Ok(json!({"functions": functions.collect::<Vec<_>>()}))
    }

    /// Adds a field of the customer's own to an entity.
    "schema.define_field" (session, given: DefineField {
        /// The entity.
        entity: String,
        /// The name, without namespace.
        name: String,
        /// The type, as `schema.types` lists them.
        field_type: String,
        /// What people read, in Chinese.
        label_zh: String,
        /// What people read, in English.
        label_en: String,
        /// For enum and multi_enum: [{code, zh, en, active, color, only_with}].
        codes: Option<Vec<Json>>,
        /// For enum and multi_enum, in place of codes: the value set whose codes it takes.
        value_set: Option<String>,
        /// What it tells of people: none, personal or sensitive; none if not said.
        privacy: Option<String>,
        /// What it may be used for, by stable codes.
        purposes: Option<Vec<Json>>,
        /// Which form its masks have: nothing, phone, email, ends, name or magnitude; that of its type if not said.
        mask: Option<String>,
        /// For reference and multi_reference: the entity referred to.
        target: Option<String>,
        /// For references, and for rows with references, what becomes of the record when one that it refers to is deleted: `restrict` refuses
        /// that, `set_null` takes it out of the field, `cascade` deletes the record too; `restrict` if not said.
        on_delete: Option<String>,
        /// For a reference to the entity itself: whether its records are a tree by it. For rollup: whether the
        /// records of all those count too that are below in the tree of the entity.
        tree: Option<bool>,
        /// For any_reference: the entities referred to.
        targets: Option<Vec<Json>>,
        /// For rows: [{name, zh, en, type, required, codes, target, expression}].
        columns: Option<Vec<Json>>,
        /// For serial: [{part: "text", text} or {part: "date", format} or {part: "counter", digits}].
        parts: Option<Vec<Json>>,
        /// For identifier: the scheme, as cn_resident_identity, lei, iban, gtin.
        scheme: Option<String>,
        /// For formula: an expression over the other fields.
        expression: Option<String>,
        /// For lookup: the reference to the record whose field is looked up.
        through: Option<String>,
        /// For lookup: the field of the entity referred to. For rollup: the field that sum, min, max and avg
        /// look at.
        field: Option<String>,
        /// For rollup: the entity whose records are rolled up.
        child: Option<String>,
        /// For rollup: the field by which these refer to the record.
        by: Option<String>,
        /// For rollup: count, sum, min, max, avg or exists.
        function: Option<String>,
        /// For rollup: a condition over the fields of the records that count, as an expression.
        filter: Option<String>,
        /// For rollup: whose records count: `all`, whoever reads it, or those `visible` to the reader; `all` if
        /// not said.
        readers: Option<String>,
        /// Whether lists sort and filter by it through an index.
        indexed: Option<bool>,
        /// Whether no two records have the same value.
        unique: Option<bool>,
        /// For a unique field: what a refused writer learns of a record that has the value and that they may not see:
        /// `nothing`, `existence` (that it is such a record) or `owner` (whose it is); `nothing` if not said.
        reveal: Option<String>,
        /// How it is searched: title, body, phone, email, code.
        search: Option<String>,
        /// The value of a new record that comes with none, as an expression.
        default: Option<String>,
        /// A condition under which a record must have a value, as an expression.
        required_when: Option<String>,
        /// For text and rich_text: whether records have it in other languages too.
        translatable: Option<bool>,
        /// The field whose code decides which codes may be chosen.
        controlled_by: Option<String>,
        /// What it is for, for people who fill it in, in Chinese; with `help_en`.
        help_zh: Option<String>,
        /// The same in English.
        help_en: Option<String>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{field}" {
        let kind = field_type(session, &given)?;
        let search = given.search.as_deref().map(search_class).transpose()?;
        let privacy = given.privacy.as_ref().map(|privacy| described(json!(privacy), "privacy")).transpose()?;
        let purposes =
            given.purposes.as_ref().map(|purposes| described(json!(purposes), "purposes")).transpose()?;
        let mask = given.mask.as_ref().map(|mask| described(json!(mask), "mask")).transpose()?;
        let on_delete = given.on_delete.as_deref().map(on_delete).transpose()?;
        let reveal = given.reveal.as_deref().map(Reveal::from_name).transpose()?;
        let label = Label::new(&given.label_zh, &given.label_en);
        let help = help(given.help_zh.as_deref(), given.help_en.as_deref());
        define_or_plan(session, given.dry_run, |session| {
            let name = session.define_field(&given.entity, &given.name, label, kind, |field| {
                let serial = matches!(field.kind, FieldType::Serial { .. });
                field.help = help;
                field.value_set = given.value_set;
                field.privacy = privacy.unwrap_or_default();
                field.purposes = purposes.unwrap_or_default();
                field.mask = mask;
                field.indexed = given.indexed.unwrap_or(false);
                field.unique = given.unique.unwrap_or(serial);
                field.reveal = reveal.unwrap_or_default();
                field.read_only = serial;
                field.search = search;
                field.on_delete = on_delete.unwrap_or_default();
                field.tree = given.tree.unwrap_or(false) && !matches!(field.kind, FieldType::Rollup(_));
                field.default = given.default;
                field.required_when = given.required_when;
                field.translatable = given.translatable.unwrap_or(false);
                field.controlled_by = given.controlled_by;
            })?;
            Ok(json!({"field": name}))
        })
    }

    /// Adds an entity of the customer's own, with one field: the text by which people know its records.
    "schema.define_entity" (session, given: DefineEntity {
        /// The name, without namespace.
        name: String,
        /// What people read, in Chinese.
        label_zh: String,
        /// What people read, in English.
        label_en: String,
        /// The name of the field by which people know a record; `name` if not said.
        title: Option<String>,
        /// What people read of that field, in Chinese; as `名称` if not said.
        title_zh: Option<String>,
        /// What people read of that field, in English; as `Name` if not said.
        title_en: Option<String>,
        /// What its records are, in Chinese; with `help_en`.
        help_zh: Option<String>,
        /// The same in English.
        help_en: Option<String>,
        /// Whether each record is a person with the right to be forgotten; no if not said.
        data_subject: Option<bool>,
        /// Only says what would be, as `schema.install_package` does; no if not said.
        dry_run: Option<bool>,
    }) -> "{entity}" {
        let title = given.title.as_deref().unwrap_or("name");
        let (zh, en) = (given.title_zh.as_deref().unwrap_or("名称"), given.title_en.as_deref().unwrap_or("Name"));
        let field = FieldDefinition {
            required: true,
            indexed: true,
            search: Some(SearchClass::Title),
            ..FieldDefinition::new("", 1, title, Label::new(zh, en), FieldType::Text)
        };
        let entity = EntityDefinition {
            name: given.name.clone(),
            label: Label::new(&given.label_zh, &given.label_en),
            help: help(given.help_zh.as_deref(), given.help_en.as_deref()),
            title: title.to_owned(),
            data_subject: given.data_subject.unwrap_or(false),
            fields: vec![field],
            ..EntityDefinition::default()
        };
        define_or_plan(session, given.dry_run, |session| Ok(json!({"entity": session.define_entity(entity)?})))
    }

    /// Lists the types of fields, with the parameters that each takes in `schema.define_field`.
    "schema.types" (session, _given: Types {}) -> "{types: [{name, help, parameters}]}" {
        let locale = session.locale();
        let types = FIELD_TYPES.iter().map(|known| json!({
            "name": known.name,
            "help": known.label().text(locale),
            "parameters": known.parameters,
        }));
        Ok(json!({"types": types.collect::<Vec<_>>()}))
    }
}

/// Help in both languages, where one is said; the definition asks for the other.
pub(super) fn help(zh: Option<&str>, en: Option<&str>) -> Option<Label> {
    (zh.is_some() || en.is_some()).then(|| Label::new(zh.unwrap_or_default(), en.unwrap_or_default()))
}

/// The type that parameters describe: the same JSON that the registry stores it as.
fn field_type(session: &Session, given: &DefineField) -> Result<FieldType> {
    let missing = |name: &str| Error::new(Code::MissingParameter).field(name);
    let entity = |name: &str| Ok(session.crm().registry().entity(name)?.api_name.clone());
    match given.field_type.as_str() {
        kind @ ("enum" | "multi_enum") => {
            let codes = match (&given.codes, &given.value_set) {
                (Some(given), _) => codes(given)?,
                (None, Some(_)) => Vec::new(),
                (None, None) => return Err(missing("codes")),
            };
            described(json!({"type": kind, "codes": codes}), "codes")
        }
        kind @ ("reference" | "multi_reference") => {
            let target = entity(given.target.as_deref().ok_or_else(|| missing("target"))?)?;
            described(json!({"type": kind, "entity": target}), "target")
        }
        "any_reference" => {
            let targets = given.targets.as_ref().ok_or_else(|| missing("targets"))?;
            let names = targets.iter().map(|name| entity(name.as_str().unwrap_or_default()));
            Ok(FieldType::AnyReference { entities: names.collect::<Result<_>>()? })
        }
        "rows" => {
            let columns = given.columns.as_ref().ok_or_else(|| missing("columns"))?;
            Ok(FieldType::Rows {
                columns: columns.iter().map(|json| column(session, json)).collect::<Result<_>>()?,
            })
        }
        "serial" => {
            let parts = given.parts.as_ref().ok_or_else(|| missing("parts"))?;
            described(json!({"type": "serial", "parts": parts}), "parts")
        }
        "identifier" => {
            let scheme = given.scheme.as_ref().ok_or_else(|| missing("scheme"))?;
            described(json!({"type": "identifier", "scheme": scheme}), "scheme")
        }
        "formula" => {
            let source = given.expression.as_deref().ok_or_else(|| missing("expression"))?;
            session.formula(&given.entity, source)
        }
        "lookup" => {
            let through = given.through.as_deref().ok_or_else(|| missing("through"))?;
            session.lookup(&given.entity, through, given.field.as_deref().ok_or_else(|| missing("field"))?)
        }
        "rollup" => session.rollup(rollup(given)?),
        simple => FieldType::from_name(simple),
    }
}

/// A rollup as parameters give it.
fn rollup(given: &DefineField) -> Result<RollupDefinition> {
    let said = |parameter: &Option<String>, name: &str| {
        parameter.clone().ok_or_else(|| Error::new(Code::MissingParameter).field(name))
    };
    let function = described(json!(said(&given.function, "function")?), "function")?;
    let (child, by) = (said(&given.child, "child")?, said(&given.by, "by")?);
    let readers = given.readers.as_ref().map(|readers| described(json!(readers), "readers")).transpose()?;
    Ok(RollupDefinition {
        field: given.field.clone(),
        filter: given.filter.clone(),
        readers: readers.unwrap_or_default(),
        tree: given.tree.unwrap_or(false),
        ..RollupDefinition::new(function, &child, &by)
    })
}

fn described<T: serde::de::DeserializeOwned>(json: Json, parameter: &str) -> Result<T> {
    serde_json::from_value(json)
        .map_err(|error| Error::new(Code::InvalidArgument).field(parameter).because(error))
}

/// Codes as parameters give them: with labels as `zh` and `en`.
pub(super) fn codes(given: &[Json]) -> Result<Vec<EnumCode>> {
    let wrong = || Error::new(Code::InvalidArgument).field("codes").rule("[{code, zh, en}]");
    let codes = given.iter().map(|json| {
        let mut code = json.as_object()?.clone();
        let label = json!({"zh": code.remove("zh")?, "en": code.remove("en")?});
        code.insert("label".to_owned(), label);
        serde_json::from_value(Json::Object(code)).ok()
    });
    codes.collect::<Option<_>>().ok_or_else(wrong)
}

fn column(session: &Session, json: &Json) -> Result<RowColumn> {
    let wrong = || Error::new(Code::InvalidArgument).field("columns").rule("[{name, zh, en, type}]");
    let text = |name: &str| json.get(name).and_then(Json::as_str).ok_or_else(wrong);
    let kind = match text("type")? {
        kind @ ("enum" | "multi_enum") => {
            let codes = codes(json.get("codes").and_then(Json::as_array).ok_or_else(wrong)?)?;
            described(json!({"type": kind, "codes": codes}), "columns")?
        }
        "formula" => described(json!({"type": "formula", "expression": text("expression")?}), "columns")?,
        kind @ "reference" => {
            let target = session.crm().registry().entity(text("target")?)?.api_name.clone();
            described(json!({"type": kind, "entity": target}), "columns")?
        }
        simple => FieldType::from_name(simple)?,
    };
    Ok(RowColumn {
        name: text("name")?.to_owned(),
        label: Label::new(text("zh")?, text("en")?),
        kind,
        required: json.get("required").and_then(Json::as_bool).unwrap_or(false),
    })
}

fn severity(name: &str) -> Result<Severity> {
    serde_json::from_value(Json::from(name))
        .map_err(|_| Error::new(Code::InvalidArgument).field("severity").value(name))
}

fn on_delete(name: &str) -> Result<OnDelete> {
    serde_json::from_value(Json::from(name))
        .map_err(|_| Error::new(Code::InvalidArgument).field("on_delete").value(name))
}

fn search_class(name: &str) -> Result<SearchClass> {
    serde_json::from_value(Json::from(name))
        .map_err(|_| Error::new(Code::InvalidArgument).field("search").value(name))
}
