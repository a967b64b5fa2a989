//! Methods on leads, on what is done with parties, and on pools.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{
    changes_from_json, condition_from_json, cursor_from_text, cursor_to_text, find_from_json,
    listing_to_json, warnings_to_json,
};
use crate::base::{Code, Error, Label, RecordId, Result, Timestamp, Value};
use crate::engine::{Condition, Find, Ref, Session};
use crate::model::{
    Account, Activity, Along, Conversion, Converted, Event, Lead, Transfer, activity, pool_policy,
};
use crate::schema::{Codes, EntityType, RecordReference};

use super::audit::moment;
use super::bulk::{bulk, outcome_to_json, selection};
use super::records::write;
use super::sharing::share_level;

methods! {
    /// Makes a customer of a lead: account, contact and, unless it is said otherwise, a deal, all at once. What stands
    /// already is found by name, phone and e-mail, and is not made again.
    "lead.convert" (session, given: ConvertLead {
        /// The lead.
        id: RecordId,
        /// The account that it is to belong to; one that matches, or a new one, if not said.
        account: Option<RecordId>,
        /// The contact that it is; one that matches, or a new one, if not said.
        contact: Option<RecordId>,
        /// Whether no deal is made; no if not said.
        without_opportunity: Option<bool>,
        /// What the deal is called; as the account if not said.
        title: Option<String>,
        /// Whether nothing that stands is looked for; no if not said.
        make_anew: Option<bool>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{account, contact, opportunity, made}" {
        let wanted = Conversion {
            account: given.account,
            contact: given.contact,
            without_opportunity: given.without_opportunity.unwrap_or(false),
            title: given.title,
            make_anew: given.make_anew.unwrap_or(false),
        };
        let said = (wanted.account.map(|id| id.to_string()), wanted.contact.map(|id| id.to_string()));
        let how = (wanted.without_opportunity, &wanted.title, wanted.make_anew);
        let request = json!([given.id.to_string(), said.0, said.1, how.0, how.1, how.2]);
        write(session, "lead.convert", given.idempotency_key.as_deref(), &request, |transaction| {
            Ok(converted_to_json(&Ref::<Lead>::new(given.id).convert(transaction, &wanted)?))
        })
    }

    /// Takes the conversion of a lead back: what it made is deleted, what it found stays, and the lead is qualified again.
    "lead.undo_conversion" (session, given: UndoConversion {
        /// The lead.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let request = json!(given.id.to_string());
        write(session, "lead.undo_conversion", given.idempotency_key.as_deref(), &request, |transaction| {
            Ref::<Lead>::new(given.id).undo_conversion(transaction)?;
            Ok(json!({"id": given.id.to_string()}))
        })
    }

    /// Lists the contacts of a group, by their names, as far as the user sees the group, who is in it, and the contacts.
    "contact_group.contacts" (session, given: ContactsOfGroup {
        /// The group.
        id: RecordId,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{rows: [{id, name}], cursor}" {
        let after = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let limit = usize::try_from(given.limit.unwrap_or(100)).unwrap_or(usize::MAX);
        let page = session.contacts_of_group(given.id, limit, after)?;
        let rows = page.rows.iter().map(|row| json!({"id": row.record.id.to_string(), "name": row.title()}));
        Ok(json!({
            "rows": rows.collect::<Vec<_>>(),
            "cursor": page.next.as_ref().map(cursor_to_text).transpose()?,
        }))
    }

    /// Tells why a lead has its score: the rules of the active model that give it points, as far as the user sees the fields
    /// and activities at which they look, and the points of all others as a sum.
    "lead.explain_score" (session, given: ExplainScore {
        /// The lead.
        id: RecordId,
    }) -> "{score, model, reasons: [{rule, name, times, points}], others}" {
        let told = session.read(|reader| Ref::<Lead>::new(given.id).explain_score(&reader))?;
        let reasons = told.reasons.iter().map(|reason| {
            json!({"rule": reason.rule.to_string(), "name": reason.name, "times": reason.times, "points": reason.points})
        });
        Ok(json!({
            "score": told.score,
            "model": told.model.map(|model| model.to_string()),
            "reasons": reasons.collect::<Vec<_>>(),
            "others": told.others,
        }))
    }

    /// Tells which accounts and contacts a conversion would find for a lead, as far as the user sees them.
    "lead.matches" (session, given: MatchesOfLead {
        /// The lead.
        id: RecordId,
    }) -> "{accounts, contacts}" {
        let found = session.read(|reader| Ref::<Lead>::new(given.id).matches(&reader))?;
        let ids = |ids: &[RecordId]| ids.iter().map(RecordId::to_string).collect::<Vec<_>>();
        Ok(json!({"accounts": ids(&found.accounts), "contacts": ids(&found.contacts)}))
    }

    /// Records something that was done with a party, and at once what follows from it: the next contact of a lead, and the
    /// stage of a deal. One that has an effect moves the clocks by which pools wait.
    "activity.record" (session, given: RecordActivity {
        /// Values of the activity by field name; `owner` names a user.
        values: Map<String, Json>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, warnings}" {
        let request = json!(given.values);
        write(session, "activity.record", given.idempotency_key.as_deref(), &request, |transaction| {
            let reader = transaction.reader();
            let draft = changes_from_json(&reader, reader.registry().entity(Activity::NAME)?, &given.values)?;
            let id = activity::record(transaction, draft)?.id();
            let warnings = transaction.take_warnings();
            Ok(json!({"id": id.to_string(), "warnings": warnings_to_json(&warnings, transaction.locale())}))
        })
    }

    /// Lists what was done with a party, newest first; of an account also what was done with its contacts and for its
    /// deals.
    "party.timeline" (session, given: Timeline {
        /// The entity of the party.
        entity: String,
        /// The party.
        id: RecordId,
        /// Whether what was done with the accounts below it is among them, of an account; no if not said.
        group: Option<bool>,
        /// A condition on the activities.
        filter: Option<Json>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{rows, cursor}" {
        let (party, find) = session.read(|reader| {
            let party = RecordReference::new(&reader.registry().entity(&given.entity)?.api_name, given.id);
            let activities = reader.registry().entity(Activity::NAME)?;
            let filter = given.filter.as_ref().unwrap_or(&Json::Null);
            Ok((party, find_from_json(&reader, activities, filter, &[], given.limit, given.cursor.as_deref())?))
        })?;
        let page = match given.group.unwrap_or(false) && party.entity == Account::NAME {
            true => session.group_timeline(party.id, find)?,
            false => session.timeline(&party, find)?,
        };
        let rows = page.rows.iter().map(listing_to_json).collect::<Result<Vec<_>>>()?;
        Ok(json!({"rows": rows, "cursor": page.next.as_ref().map(cursor_to_text).transpose()?}))
    }

    /// Shows an account at one look: contacts, subsidiaries, deals with their totals, what was done, what is to be done and
    /// what is to come, as far as the user sees it. Parts of which the user sees nothing are left out.
    "account.overview" (session, given: LookAtAccount {
        /// The account.
        id: RecordId,
        /// Whether the accounts below it are looked at too; no if not said.
        group: Option<bool>,
        /// Most rows of each part; 5 if not said, 50 at the most.
        rows: Option<u64>,
    }) -> "{account, accounts, panels: [{kind, label, entity, count, totals, rows}]}" {
        let rows = usize::try_from(given.rows.unwrap_or(5)).unwrap_or(usize::MAX);
        let overview = session.overview(given.id, given.group.unwrap_or(false), rows)?;
        let panels = overview.panels.iter().map(|panel| {
            Ok(json!({
                "kind": panel.kind.code(),
                "label": label_of(session, panel.kind),
                "entity": panel.entity,
                "count": panel.count,
                "totals": panel.totals.iter().map(|sum| Value::Money(*sum).to_json()).collect::<Vec<_>>(),
                "rows": panel.rows.iter().map(listing_to_json).collect::<Result<Vec<_>>>()?,
            }))
        });
        Ok(json!({
            "account": listing_to_json(&overview.account)?,
            "accounts": overview.accounts.iter().map(RecordId::to_string).collect::<Vec<_>>(),
            "panels": panels.collect::<Result<Vec<_>>>()?,
        }))
    }

    /// Gives accounts to somebody else, each in one piece with what goes along as far as it is of the same owner. One for
    /// which that cannot be done stays as it is. At most 10000 in one call; it is gone on with by the cursor, and taken
    /// back by `record.undo_bulk`.
    "party.transfer" (session, given: TransferParties {
        /// The accounts; these, or `filter`.
        ids: Option<Vec<Json>>,
        /// A condition that the accounts meet.
        filter: Option<Json>,
        /// Who gets them.
        to: RecordId,
        /// What goes along: `contacts`, `open_opportunities`, `closed_opportunities`, `open_tasks`, `future_events`.
        along: Option<Vec<Json>>,
        /// What the owner before may still do: `read`, `edit` or `full`; nothing if not said.
        keeps: Option<String>,
        /// Until when, RFC 3339; without end if not said.
        keeps_until: Option<String>,
        /// Most accounts of this call.
        limit: Option<u64>,
        /// Where the call before stopped.
        cursor: Option<String>,
    }) -> "{batch, rows: [{id, outcome, error}], cursor, stopped}" {
        let accounts = selection(session, Account::NAME, given.filter.as_ref(), given.ids.as_deref())?;
        let transfer = transfer_of(given.to, given.along.as_deref(), given.keeps.as_deref(), given.keeps_until.as_deref())?;
        let bulk = bulk(given.limit, given.cursor.as_deref())?;
        outcome_to_json(session, &session.transfer(&accounts, &transfer, &bulk)?)
    }

    /// Tells how many accounts a transfer would move, and what would go along. Nothing is changed.
    "party.preview_transfer" (session, given: PreviewTransfer {
        /// The accounts; these, or `filter`.
        ids: Option<Vec<Json>>,
        /// A condition that the accounts meet.
        filter: Option<Json>,
        /// Who gets them.
        to: RecordId,
        /// What goes along: `contacts`, `open_opportunities`, `closed_opportunities`, `open_tasks`, `future_events`.
        along: Option<Vec<Json>>,
    }) -> "{accounts, along, more}" {
        let accounts = selection(session, Account::NAME, given.filter.as_ref(), given.ids.as_deref())?;
        let transfer = transfer_of(given.to, given.along.as_deref(), None, None)?;
        let preview = session.preview_transfer(&accounts, &transfer)?;
        let along: Map<String, Json> =
            preview.along.iter().map(|(kind, count)| (kind.code().to_owned(), json!(count))).collect();
        Ok(json!({"accounts": preview.accounts, "along": along, "more": preview.more}))
    }

    /// Lists what waits for the user who is signed in, by kinds: overdue tasks, today's tasks and events, reminders, leads
    /// to contact, what goes back to a pool, deals that are late or stagnate. Kinds of which nothing waits are left out.
    "todo.list" (session, given: ListTodo {
        /// Most rows of each kind; 20 if not said, 100 at the most.
        rows: Option<u64>,
    }) -> "{kinds: [{kind, label, entity, count, rows}]}" {
        let rows = usize::try_from(given.rows.unwrap_or(20)).unwrap_or(usize::MAX);
        let kinds = session.todo(rows)?;
        let kinds = kinds.iter().map(|todo| {
            let rows = todo.rows.iter().map(listing_to_json).collect::<Result<Vec<_>>>()?;
            Ok(json!({
                "kind": todo.kind.code(), "label": label_of(session, todo.kind), "entity": todo.entity, "count": todo.count, "rows": rows,
            }))
        });
        Ok(json!({"kinds": kinds.collect::<Result<Vec<_>>>()?}))
    }

    /// Lists the times of events that reach into a span of time, those that come again among them, the earliest first.
    "event.occurrences" (session, given: Occurrences {
        /// The beginning of the span, RFC 3339.
        from: String,
        /// The end of the span, RFC 3339.
        to: String,
        /// A condition on the events.
        filter: Option<Json>,
    }) -> "{occurrences: [{event, subject, from, to}]}" {
        let (from, to) = (said_moment("from", &given.from)?, said_moment("to", &given.to)?);
        let met = condition_on(session, Event::NAME, given.filter.as_ref())?;
        let times = session.occurrences(from, to, &met)?;
        let times = times.iter().map(|time| {
            json!({
                "event": time.event.record.id.to_string(),
                "subject": time.event.title(),
                "from": time.from.to_string(),
                "to": time.to.to_string(),
            })
        });
        Ok(json!({"occurrences": times.collect::<Vec<_>>()}))
    }

    /// Gives the events that reach into a span of time and the tasks that are due in it, of one person, as a file of
    /// RFC 5545 (iCalendar): those that the user sees. Each time of an event that comes again stands for itself.
    "calendar.export" (session, given: ExportCalendar {
        /// The beginning of the span, RFC 3339.
        from: String,
        /// The end of the span, RFC 3339.
        to: String,
        /// Whose; one's own if not said.
        user: Option<RecordId>,
    }) -> "{text}" {
        let (from, to) = (said_moment("from", &given.from)?, said_moment("to", &given.to)?);
        let of = given.user.unwrap_or(session.user());
        Ok(json!({"text": session.icalendar(of, from, to)?}))
    }

    /// Tells what a pool would take back within some days, the first to go first, as things stand.
    "pool.forecast" (session, given: ForecastPool {
        /// `account` or `lead`.
        of: String,
        /// Days from now; 30 if not said.
        days: Option<u64>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{rows: [{id, title, owner, recycle_at}], cursor}" {
        let days = i64::try_from(given.days.unwrap_or(30)).unwrap_or(i64::MAX);
        let usual = Find::default();
        let find = Find {
            limit: given.limit.map_or(usual.limit, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            after: given.cursor.as_deref().map(cursor_from_text).transpose()?,
            ..usual
        };
        let page = session.forecast_pool(pool_policy::of_name(&given.of)?, days, find)?;
        let rows = page.rows.iter().map(|row| {
            Ok(json!({
                "id": row.record.id.to_string(),
                "title": row.title(),
                "owner": row.record.envelope.owner.to_string(),
                "recycle_at": row.value("recycle_at")?.to_json(),
            }))
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        Ok(json!({"rows": rows, "cursor": page.next.as_ref().map(cursor_to_text).transpose()?}))
    }

    /// Tells which records somebody has would go back within some days if a policy were other than it is. Nothing is
    /// changed. At most 10000 records are looked at; with more there is a cursor.
    "pool.simulate" (session, given: SimulatePool {
        /// The policy.
        policy: RecordId,
        /// Values of the policy that are otherwise, by field name.
        changes: Map<String, Json>,
        /// Days from now; 30 if not said.
        days: Option<u64>,
        /// Where the call before stopped.
        cursor: Option<String>,
    }) -> "{looked_at, rows: [{id, owner, recycle_at, now}], cursor}" {
        let days = i64::try_from(given.days.unwrap_or(30)).unwrap_or(i64::MAX);
        let after = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let changes = given.changes.iter().map(|(name, json)| Ok((name.clone(), Value::from_json(json)?)));
        let changes = changes.collect::<Result<BTreeMap<_, _>>>()?;
        let simulated = session.simulate_pool(given.policy, &changes, days, after)?;
        let rows = simulated.rows.iter().map(|row| {
            json!({
                "id": row.id.to_string(),
                "owner": row.owner.to_string(),
                "recycle_at": row.then.to_string(),
                "now": row.now.map(|now| now.to_string()),
            })
        });
        Ok(json!({
            "looked_at": simulated.looked_at,
            "rows": rows.collect::<Vec<_>>(),
            "cursor": simulated.next.as_ref().map(cursor_to_text).transpose()?,
        }))
    }
}

/// What people of the session's language read of a code.
fn label_of<C: Codes + PartialEq>(session: &Session, code: C) -> Option<String> {
    let known = C::ALL.iter().find(|(known, ..)| *known == code);
    known.map(|(_, _, zh, en)| Label::new(zh, en).text(session.locale()).to_owned())
}

fn said_moment(name: &str, text: &str) -> Result<Timestamp> {
    moment(name, Some(text))?.ok_or_else(|| Error::new(Code::MissingParameter).field(name))
}

fn transfer_of(
    to: RecordId,
    along: Option<&[Json]>,
    keeps: Option<&str>,
    until: Option<&str>,
) -> Result<Transfer> {
    let wrong = |field: &str| Error::new(Code::InvalidArgument).field(field);
    let along = along.unwrap_or_default().iter().map(|kind| {
        kind.as_str().and_then(Along::from_code).ok_or_else(|| wrong("along").value(&kind.to_string()))
    });
    let until = moment("keeps_until", until)?;
    let keeps = keeps.map(|level| share_level("keeps", level)).transpose()?.map(|level| (level, until));
    Ok(Transfer { to, along: along.collect::<Result<_>>()?, keeps })
}

pub(super) fn condition_on(session: &Session, entity: &str, filter: Option<&Json>) -> Result<Condition> {
    let filter = filter.unwrap_or(&Json::Null);
    session.read(|reader| condition_from_json(&reader, reader.registry().entity(entity)?, filter))
}

fn converted_to_json(converted: &Converted) -> Json {
    json!({
        "account": converted.account.id().to_string(),
        "contact": converted.contact.id().to_string(),
        "opportunity": converted.opportunity.map(|deal| deal.id().to_string()),
        "made": converted.made.iter().map(|part| part.code()).collect::<Vec<_>>(),
    })
}
