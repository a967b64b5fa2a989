//! Methods that describe the interface itself, the registry and the catalogue of errors.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::methods::indexes::declared_to_json;
use crate::base::{Code, Error, Label, Result};
use crate::engine::{Session, SystemField};
use crate::schema::expr::function_help;
use crate::schema::{Entity, EnumCode, FieldType, RuleDefinition, SearchClass, Severity};

methods! {
    /// Lists every method with its parameters and their types, and whether it is called with a session:
    /// `required`, `none`, or `optional`.
    "api.describe" with_or_without_session (_patience, _given: Describe {}) -> "{methods: [{name, help, session, parameters, returns}]}" {
        let methods = crate::api::methods().into_iter().map(|method| {
            let parameters = method.parameters.iter().map(|parameter| {
                json!({
                    "name": parameter.name,
                    "type": parameter.kind,
                    "required": parameter.required,
                    "help": parameter.help.trim(),
                })
            });
            json!({
                "name": method.name,
                "help": method.help.trim(),
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
    }) -> "{version, entities: [{name, label, title, fields, rules, indexes, counters}], system_fields}" {
        session.read(|reader| {
            let registry = reader.registry();
            let chosen: Vec<&Entity> = match &given.entity {
                Some(name) => vec![registry.entity(name)?],
                None => registry.entities().iter().collect(),
            };
            let entities = chosen
                .into_iter()
                .filter(|entity| reader.may(&entity.api_name, crate::engine::Action::Read))
                .map(|entity| {
                    let shown = reader.shown_fields(&entity.api_name)?;
                    Ok(entity_to_json(session, entity, &shown))
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
    }) -> "{rule}" {
        let severity = given.severity.as_deref().map(severity).transpose()?;
        let rule = session.define_rule(&given.entity, RuleDefinition {
            namespace: String::new(),
            name: given.name,
            condition: given.condition,
            message: Label::new(&given.message_zh, &given.message_en),
            severity: severity.unwrap_or(Severity::Error),
            active: given.active.unwrap_or(true),
        })?;
        Ok(json!({"rule": rule}))
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
        /// The type: text, bool, int, decimal, money, date, datetime, enum, reference, phone, email.
        field_type: String,
        /// What people read, in Chinese.
        label_zh: String,
        /// What people read, in English.
        label_en: String,
        /// For an enum: [{code, zh, en}].
        codes: Option<Vec<Json>>,
        /// For a reference: the entity referred to.
        target: Option<String>,
        /// Whether lists sort and filter by it through an index.
        indexed: Option<bool>,
        /// How it is searched: title, body, phone, email, code.
        search: Option<String>,
    }) -> "{field}" {
        let kind = field_type(session, &given)?;
        let search = given.search.as_deref().map(search_class).transpose()?;
        let label = Label::new(&given.label_zh, &given.label_en);
        let name = session.define_field(&given.entity, &given.name, label, kind, |field| {
            field.indexed = given.indexed.unwrap_or(false);
            field.search = search;
        })?;
        Ok(json!({"field": name}))
    }
}

fn entity_to_json(session: &Session, entity: &Entity, shown: &[crate::base::FieldId]) -> Json {
    let locale = session.locale();
    let fields = entity.fields().iter().filter(|field| shown.contains(&field.id())).map(|field| {
        let definition = &field.definition;
        let (codes, target) = match &definition.kind {
            FieldType::Enum { codes } => {
                let codes =
                    codes.iter().map(|code| json!({"code": code.code, "label": code.label.text(locale)}));
                (Some(codes.collect::<Vec<_>>()), None)
            }
            FieldType::Reference { entity } => (None, Some(entity)),
            _ => (None, None),
        };
        json!({
            "name": field.api_name,
            "namespace": definition.namespace,
            "local": definition.local,
            "label": definition.label.text(locale),
            "type": definition.kind.name(),
            "codes": codes,
            "target": target,
            "required": definition.required,
            "unique": definition.unique,
            "indexed": definition.indexed,
            "read_only": definition.read_only,
            "searchable": definition.search.is_some(),
        })
    });
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
    json!({
        "name": entity.api_name,
        "label": entity.definition.label.text(locale),
        "title": entity.definition.title,
        "data_subject": entity.definition.data_subject,
        "fields": fields.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "indexes": indexes,
        "counters": counters,
    })
}

fn field_type(session: &Session, given: &DefineField) -> Result<FieldType> {
    let missing = |name: &str| Error::new(Code::MissingParameter).field(name);
    match given.field_type.as_str() {
        "enum" => {
            let codes = given.codes.as_ref().ok_or_else(|| missing("codes"))?;
            let codes = codes.iter().map(|json| {
                let text = |name: &str| json.get(name).and_then(Json::as_str);
                let (code, zh, en) = (text("code")?, text("zh")?, text("en")?);
                Some(EnumCode { code: code.to_owned(), label: Label::new(zh, en) })
            });
            let codes: Option<Vec<EnumCode>> = codes.collect();
            let wrong = || Error::new(Code::InvalidArgument).field("codes").rule("[{code, zh, en}]");
            Ok(FieldType::Enum { codes: codes.ok_or_else(wrong)? })
        }
        "reference" => {
            let target = given.target.as_deref().ok_or_else(|| missing("target"))?;
            let entity = session.crm().registry().entity(target)?.api_name.clone();
            Ok(FieldType::Reference { entity })
        }
        simple => FieldType::from_name(simple),
    }
}

fn severity(name: &str) -> Result<Severity> {
    serde_json::from_value(Json::from(name))
        .map_err(|_| Error::new(Code::InvalidArgument).field("severity").value(name))
}

fn search_class(name: &str) -> Result<SearchClass> {
    serde_json::from_value(Json::from(name))
        .map_err(|_| Error::new(Code::InvalidArgument).field("search").value(name))
}
