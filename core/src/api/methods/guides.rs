//! Methods on guides and on help: what there is to learn, and what a user has done of it.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::described::language;
use crate::base::{Code, Error, Language, Locale, Result};
use crate::engine::{Action, GuideState, Session};
use crate::schema::{Entity, FieldName, GuideStep};

use super::organisation::user_or_self;

methods! {
    /// Lists the guides, and how far the user has come with each, as it is written down.
    "guide.list" (session, given: ListGuides {
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{guides: [{guide, label, help, steps, done, completed_at, opens_role}]}" {
        let language = language(session, given.locale.as_deref())?;
        let guides = session.guides()?;
        let guides = guides.iter().map(|state| {
            // What was done of an earlier version of the guide may be no step of this one.
            let steps = &state.definition.steps;
            let done = steps.iter().filter(|step| state.done.contains(&step.name)).count();
            let counts = [("steps", json!(steps.len())), ("done", json!(done))];
            and(state_to_json(state, &language), counts)
        });
        Ok(json!({"guides": guides.collect::<Vec<_>>()}))
    }

    /// Shows a guide with its steps: what each says, what it points at as far as the user sees that, and whether it is
    /// done, by what is written down and by what the data shows.
    "guide.show" (session, given: ShowGuide {
        /// The guide, as `guide.list` names it.
        guide: String,
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{guide, label, help, completed_at, opens_role, next, steps: [{step, label, text, entity, field, method, by_data, optional, done}]}" {
        let state = session.guide(&given.guide)?;
        guide_to_json(session, &state, given.locale.as_deref())
    }

    /// Says that a step of a guide is done. Roles that wait for the guide count from the last step on that is not
    /// optional.
    "guide.complete" (session, given: CompleteGuideStep {
        /// The guide, as `guide.list` names it.
        guide: String,
        /// The step.
        step: String,
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{guide, label, help, completed_at, opens_role, next, steps: [{step, label, text, entity, field, method, by_data, optional, done}]}" {
        let state = session.complete_guide_step(&given.guide, &given.step)?;
        guide_to_json(session, &state, given.locale.as_deref())
    }

    /// Writes down which steps of a guide the data shows to be done.
    "guide.check" (session, given: CheckGuide {
        /// The guide, as `guide.list` names it.
        guide: String,
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{guide, label, help, completed_at, opens_role, next, steps: [{step, label, text, entity, field, method, by_data, optional, done}]}" {
        let state = session.check_guide(&given.guide)?;
        guide_to_json(session, &state, given.locale.as_deref())
    }

    /// Takes back what somebody has done of a guide, so that it begins anew and roles that wait for it count no longer.
    /// For administrators.
    "guide.reset" (session, given: ResetGuide {
        /// The guide, as `guide.list` names it.
        guide: String,
        /// The user, by id or name; oneself if not said.
        user: Option<String>,
    }) -> "{changed}" {
        session.check_may("sys.role", Action::Administer)?;
        let user = user_or_self(session, given.user.as_deref())?;
        Ok(json!({"changed": session.reset_guide(&given.guide, user)?}))
    }

    /// Tells what is said of an entity, of one of its fields, or of a method: what people read, what it is for, and which
    /// steps of guides point at it. Where nothing is named, it tells which entities and methods there are. Of entities and
    /// fields that the user does not see nothing is told.
    "help.show" (session, given: ShowHelp {
        /// The entity.
        entity: Option<String>,
        /// The field; the entity itself if not said.
        field: Option<String>,
        /// The method, in place of an entity.
        method: Option<String>,
        /// A BCP 47 tag: labels and help texts that stand in this language are told in it; the session's if not said.
        locale: Option<String>,
    }) -> "{name, label, help, fields: [{name, label, help}], methods, parameters: [{name, help}], guides: [{guide, step}], entities: [{name, label}]}" {
        let language = language(session, given.locale.as_deref())?;
        let locale = language.locale();
        match (given.entity, given.method) {
            (Some(entity), None) => help_of_entity(session, &entity, given.field.as_deref(), &language),
            (None, Some(method)) if given.field.is_none() => help_of_method(session, &method, locale),
            (None, None) if given.field.is_none() => help_of_all(session, &language),
            _ => Err(Error::new(Code::InvalidArgument).field("entity").rule("an entity or a method")),
        }
    }
}

/// What may be asked about: entities that the user reads, and methods.
fn help_of_all(session: &Session, language: &Language) -> Result<Json> {
    let methods: Vec<&str> = crate::api::methods().iter().map(|method| method.name).collect();
    session.read(|reader| {
        let entities = reader.registry().entities();
        let seen = entities.iter().filter(|entity| reader.may(&entity.api_name, Action::Read));
        let told = seen
            .map(|entity| json!({"name": entity.api_name, "label": entity.label().spoken(language)}))
            .collect::<Vec<_>>();
        Ok(json!({"entities": told, "methods": methods}))
    })
}

/// A guide without its steps.
fn state_to_json(state: &GuideState, language: &Language) -> Json {
    json!({
        "guide": state.definition.api_name(),
        "label": state.definition.label.spoken(language),
        "help": state.definition.help.as_ref().map(|help| help.spoken(language)),
        "completed_at": state.completed_at.map(|at| at.to_string()),
        "opens_role": state.opens_role,
    })
}

fn guide_to_json(session: &Session, state: &GuideState, locale: Option<&str>) -> Result<Json> {
    let language = language(session, locale)?;
    let steps = state.definition.steps.iter();
    let steps =
        steps.map(|step| step_to_json(session, state, step, &language)).collect::<Result<Vec<_>>>()?;
    let next = json!(state.next_step().map(|step| &step.name));
    Ok(and(state_to_json(state, &language), [("next", next), ("steps", Json::Array(steps))]))
}

/// An object with further members.
fn and<const MORE: usize>(mut told: Json, more: [(&str, Json); MORE]) -> Json {
    if let Some(members) = told.as_object_mut() {
        members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    told
}

fn step_to_json(
    session: &Session,
    state: &GuideState,
    step: &GuideStep,
    language: &Language,
) -> Result<Json> {
    let (entity, field) = session.read(|reader| {
        let Some(name) = step.entity.as_deref().filter(|name| reader.may(name, Action::Read)) else {
            return Ok((None, None));
        };
        let entity = reader.registry().entity(name)?;
        let shown = reader.readable_fields(name)?;
        let seen = |field: &&str| {
            entity.field(FieldName::Name(field)).is_ok_and(|field| shown.contains(&field.id()))
        };
        Ok((Some(entity.api_name.clone()), step.field.as_deref().filter(seen)))
    })?;
    Ok(json!({
        "step": step.name,
        "label": step.label.spoken(language),
        "text": step.text.spoken(language),
        "entity": entity,
        "field": field,
        "method": step.method,
        "by_data": step.done.is_some(),
        "optional": step.optional,
        "done": state.done.contains(&step.name),
    }))
}

/// The steps of guides that point at something.
fn steps_that(session: &Session, points: impl Fn(&GuideStep) -> bool) -> Vec<Json> {
    let guides = session.crm().guides();
    let steps = guides.iter().flat_map(|guide| {
        let told = |step: &&GuideStep| points(step);
        guide.steps.iter().filter(told).map(|step| json!({"guide": guide.api_name(), "step": step.name}))
    });
    steps.collect()
}

fn help_of_entity(session: &Session, name: &str, field: Option<&str>, language: &Language) -> Result<Json> {
    let registry = session.crm().registry();
    let entity: &Entity = registry.entity(name)?;
    let shown = session.read(|reader| reader.readable_fields(name))?;
    let fields = entity.fields().iter().filter(|known| shown.contains(&known.id()));
    let points = |step: &GuideStep| step.entity.as_deref().is_some_and(|said| entity.is_called(said));
    let told = |known: &crate::schema::Field| {
        json!({
            "name": known.api_name,
            "label": known.definition.label.spoken(language),
            "help": known.definition.help.as_ref().map(|help| help.spoken(language)),
        })
    };
    if let Some(field) = field {
        let unknown = || Error::new(Code::UnknownField).entity(&entity.api_name).field(field);
        let wanted = entity.field(FieldName::Name(field)).map_err(|_| unknown())?.id();
        let known = { fields }.find(|known| known.id() == wanted).ok_or_else(unknown)?;
        let of_field = |step: &GuideStep| points(step) && step.field.as_deref() == Some(&*known.api_name);
        return Ok(and(told(known), [("guides", json!(steps_that(session, of_field)))]));
    }
    let noun = entity.api_name.rsplit('.').next().unwrap_or_default();
    let of_noun = |method: &&&str| method.split('.').next() == Some(noun);
    let methods: Vec<&str> = crate::api::methods().iter().map(|method| method.name).collect();
    Ok(json!({
        "name": entity.api_name,
        "label": entity.label().spoken(language),
        "help": entity.help().map(|help| help.spoken(language)),
        "fields": fields.map(told).collect::<Vec<_>>(),
        "methods": methods.iter().filter(of_noun).collect::<Vec<_>>(),
        "guides": steps_that(session, points),
    }))
}

fn help_of_method(session: &Session, name: &str, locale: Locale) -> Result<Json> {
    let guides = || steps_that(session, |step| step.method.as_deref() == Some(name));
    if let Some(method) = crate::api::methods().into_iter().find(|method| method.name == name) {
        let parameters = method.parameters.iter();
        let parameters = parameters.map(|given| json!({"name": given.name, "help": given.help_in(locale)}));
        return Ok(json!({
            "name": method.name,
            "help": method.help_in(locale),
            "parameters": parameters.collect::<Vec<_>>(),
            "guides": guides(),
        }));
    }
    let actions = session.actions()?;
    let unknown = || Error::new(Code::UnknownMethod).value(name);
    let action = actions.iter().find(|action| action.name == name).ok_or_else(unknown)?;
    Ok(json!({
        "name": action.name,
        "label": action.label.text(locale),
        "help": action.help.text(locale),
        "guides": guides(),
    }))
}
