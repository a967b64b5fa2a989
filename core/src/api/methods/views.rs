//! Methods on saved views, and on what a user has looked at lately or keeps at hand.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{collation_from_json, cursor_to_text, find_from_json, listing_to_json};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{Audience, Find, Listing, Role, SavedView, Session, Team, Unit, ViewDefinition};
use crate::schema::{Entity, EntityType, Field, SystemField};

methods! {
    /// Saves a view: a list that is found by its name. One's own, or, with the right to administer `sys.view`,
    /// one of a role, a team, a unit or everyone. A view of the same name, entity and audience is replaced.
    "view.save" (session, given: SaveView {
        /// The name.
        name: String,
        /// The entity.
        entity: String,
        /// Fields and facts of records, in their order.
        columns: Option<Vec<Json>>,
        /// The condition, as `record.list` takes it.
        filter: Option<Json>,
        /// Fields in order; `-amount` falls.
        sort: Option<Vec<Json>>,
        /// How texts sort: `code_point`, `pinyin`, `stroke` or `surname`; `code_point` if not said.
        collation: Option<String>,
        /// The field by which rows stand together.
        group: Option<String>,
        /// `own`, `role`, `team`, `unit` or `everyone`; `own` if not said.
        audience: Option<String>,
        /// For the audience `role`: the name of the role.
        role: Option<String>,
        /// For the audience `team`: the name of the team, whose members find the view.
        team: Option<String>,
        /// For the audience `unit`: the name of the unit, whose people and those of the units below it find the view.
        unit: Option<String>,
    }) -> "{id}" {
        let definition = ViewDefinition {
            columns: names("columns", given.columns.as_deref())?,
            filter: given.filter.clone().unwrap_or(Json::Null),
            sort: names("sort", given.sort.as_deref())?,
            group: given.group.clone(),
            collation: collation_from_json(given.collation.as_deref())?,
        };
        session.read(|reader| {
            let entity = reader.registry().entity(&given.entity)?;
            let find = find_from_json(&reader, entity, &definition.filter, &[], Some(1), None)?;
            // A field that the user may not see is refused here as a list would refuse it.
            reader.find(&given.entity, &find).map(drop)
        })?;
        let of = [given.role.as_deref(), given.team.as_deref(), given.unit.as_deref()];
        let audience = audience(session, given.audience.as_deref(), of)?;
        let id = session.save_view(&given.name, &given.entity, audience, &definition)?;
        Ok(json!({"id": id.to_string()}))
    }

    /// Lists the views that the user finds: of several of a name the user's own, else that of a role, else that of a
    /// team, else that of the nearest unit, else everyone's.
    "view.list" (session, given: ListViews {
        /// The entity; all if not said.
        entity: Option<String>,
    }) -> "{views: [{id, name, label, entity, audience, role, team, unit, definition}]}" {
        let views = session.views(given.entity.as_deref())?;
        Ok(json!({"views": views.iter().map(|view| view_to_json(session, view)).collect::<Vec<_>>()}))
    }

    /// Deletes a view: one's own, or any with the right to administer `sys.view`.
    "view.delete" (session, given: DeleteView {
        /// The view.
        id: RecordId,
    }) -> "{id, outcome}" {
        session.delete_view(given.id)?;
        Ok(json!({"id": given.id.to_string(), "outcome": "deleted"}))
    }

    /// Says that the user has looked at a record, as a host does when it shows one. The newest 50 are kept.
    "recent.add" (session, given: AddRecent {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{}" {
        session.note_recent(&given.entity, given.id)?;
        Ok(json!({}))
    }

    /// Lists the records that the user has looked at lately, newest first, as far as the user sees them now.
    "recent.list" (session, _given: ListRecent {}) -> "{records: [{entity, id, title}]}" {
        records_to_json(&session.recent()?)
    }

    /// Keeps a record at hand for the user, 200 at the most.
    "favourite.add" (session, given: AddFavourite {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{}" {
        session.add_favourite(&given.entity, given.id)?;
        Ok(json!({}))
    }

    /// No longer keeps a record at hand.
    "favourite.remove" (session, given: RemoveFavourite {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{}" {
        session.remove_favourite(&given.entity, given.id)?;
        Ok(json!({}))
    }

    /// Lists the records that the user keeps at hand, newest first, as far as the user sees them now.
    "favourite.list" (session, _given: ListFavourites {}) -> "{records: [{entity, id, title}]}" {
        records_to_json(&session.favourites()?)
    }

    /// Lists the records of a view, a page at a time, within the permissions of the user. Columns that the user
    /// may not see are left out.
    "view.run" (session, given: RunView {
        /// The entity.
        entity: String,
        /// The name of the view.
        name: String,
        /// A BCP 47 tag: texts that have a translation in this language are told, compared and sorted by it. No index
        /// knows translations.
        locale: Option<String>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{view, columns: [{name, label}], rows: [{id, title, cells}], cursor}" {
        let view = session.view(&given.entity, &given.name)?;
        session.read(|reader| {
            let entity = reader.registry().entity(&view.entity)?;
            let sort: Vec<Json> = view.definition.order().into_iter().map(Json::from).collect();
            let find = find_from_json(
                &reader,
                entity,
                &view.definition.filter,
                &sort,
                given.limit,
                given.cursor.as_deref(),
            )?;
            let find = Find { collation: view.definition.collation, locale: given.locale.clone(), ..find };
            let page = reader.find(&view.entity, &find)?;
            let shown = reader.readable_fields(&view.entity)?;
            let columns: Vec<(&String, Option<&Field>)> = view
                .definition
                .columns
                .iter()
                .map(|name| (name, column_field(entity, name)))
                .filter(|(_, field)| field.is_none_or(|field| shown.contains(&field.id())))
                .collect();
            let rows = page.rows.iter().map(|row| {
                let told = listing_to_json(row)?;
                let cells = columns.iter().map(|(name, field)| {
                    let place = if field.is_some() { told.get("values") } else { Some(&told) };
                    let key = field.map_or(name.as_str(), |field| field.api_name.as_str());
                    let cell = place.and_then(|place| place.get(key)).cloned();
                    ((*name).clone(), cell.unwrap_or(Json::Null))
                });
                let cells: Map<String, Json> = cells.collect();
                Ok(json!({"id": row.record.id.to_string(), "title": row.title(), "cells": cells}))
            });
            let rows = rows.collect::<Result<Vec<_>>>()?;
            let columns = columns.iter().map(|(name, field)| {
                let label = field.map_or(name.as_str(), |field| field.definition.label.text(session.locale()));
                json!({"name": name, "label": label})
            });
            Ok(json!({
                "view": view_to_json(session, &view),
                "columns": columns.collect::<Vec<_>>(),
                "rows": rows,
                "cursor": page.next.as_ref().map(cursor_to_text).transpose()?,
            }))
        })
    }
}

/// The field of a column, under its name or one that it bore; nothing for a fact of every record.
fn column_field<'e>(entity: &'e Entity, name: &str) -> Option<&'e Field> {
    let fact = SystemField::from_name(name).is_some() || name == "tags";
    let named = entity.fields().iter().find(|field| field.api_name == name);
    named.or_else(|| entity.field(name.into()).ok().filter(|_| !fact))
}

fn records_to_json(listings: &[Listing]) -> Result<Json> {
    let records = listings.iter().map(|listing| {
        let entity = &listing.entity()?.api_name;
        Ok(json!({"entity": entity, "id": listing.record.id.to_string(), "title": listing.title()}))
    });
    Ok(json!({"records": records.collect::<Result<Vec<_>>>()?}))
}

fn names(what: &str, given: Option<&[Json]>) -> Result<Vec<String>> {
    let refused = || Error::new(Code::InvalidArgument).field(what).rule("a list of names");
    let names = given.unwrap_or_default().iter().map(|name| name.as_str().map(str::to_owned));
    names.collect::<Option<_>>().ok_or_else(refused)
}

fn audience(session: &Session, name: Option<&str>, of: [Option<&str>; 3]) -> Result<Audience> {
    let refused = |rule: &str| Error::new(Code::InvalidArgument).field("audience").rule(rule);
    match (name.unwrap_or("own"), of) {
        ("own", [None, None, None]) => Ok(Audience::User(session.user())),
        ("everyone", [None, None, None]) => Ok(Audience::Everyone),
        ("role", [Some(role), None, None]) => session.role_named(role).map(Audience::Role),
        ("team", [None, Some(team), None]) => session.team_named(team).map(Audience::Team),
        ("unit", [None, None, Some(unit)]) => session.unit_named(unit).map(Audience::Unit),
        ("own" | "everyone" | "role" | "team" | "unit", _) => {
            Err(refused("role, team and unit are named for the audience of that name, and for no other"))
        }
        _ => Err(refused("own, role, team, unit or everyone")),
    }
}

fn view_to_json(session: &Session, view: &SavedView) -> Json {
    // Who holds a role knows its name only where roles may be read; so does who belongs to a team or a unit.
    let named = |entity: &str, id: RecordId| {
        let title = session.get(entity, id).map(|listing| listing.title());
        Some(title.unwrap_or_else(|_| id.to_string()))
    };
    let (audience, [role, team, unit]) = match view.audience {
        Audience::User(_) => ("own", [None, None, None]),
        Audience::Role(role) => ("role", [named(Role::NAME, role), None, None]),
        Audience::Team(team) => ("team", [None, named(Team::NAME, team), None]),
        Audience::Unit(unit) => ("unit", [None, None, named(Unit::NAME, unit)]),
        Audience::Everyone => ("everyone", [None, None, None]),
    };
    json!({
        "id": view.id.to_string(),
        "name": view.name,
        "label": view.label.text(session.locale()),
        "entity": view.entity,
        "audience": audience,
        "role": role,
        "team": team,
        "unit": unit,
        "definition": view.definition,
    })
}
