//! The statements of SQLCipher's side: of each question on behalf of each role all that an engineer would try.

use crate::access::store::{Form, Question};
use crate::access::world::Role;

/// One lead, with its partition.
pub const BY_ID: &str =
    "SELECT name, stage, amount, city, phone, opened_at, note, partition FROM lead WHERE id = ?1";
/// The level at which somebody reads leads, and the unit.
pub const LEVEL: &str = "SELECT max(granted.level), person.unit FROM person \
    JOIN assignment ON assignment.person = person.id JOIN granted ON granted.role = assignment.role \
    WHERE person.id = ?1 AND person.active AND granted.entity = 'lead' AND granted.action = 'read'";
/// Most ranges that are merged by one statement; SQLite takes 500 at most.
const MERGED: usize = 400;

const COLUMNS: &str = "lead.name, lead.stage, lead.amount, lead.city, lead.phone, lead.opened_at, lead.note";
const ORDER: &str = "ORDER BY opened_at DESC, id DESC LIMIT :rows";
const BEHIND: &str = "(opened_at, id) < (:at, :id) AND partition = :partition";
/// Whether somebody reaches a lead by the line of reporting, by units, or by a share.
const REPORTS: &str = "EXISTS (SELECT 1 FROM reports WHERE superior = :me AND person = lead.owner)";
const WITHIN: &str = "EXISTS (SELECT 1 FROM unit_below WHERE unit = :unit AND below = lead.unit)";
const SHARED: &str = "EXISTS (SELECT 1 FROM share WHERE grantee = :me AND record = lead.id)";
/// The leads that are shared with somebody.
const SHARES: &str = "share CROSS JOIN lead ON lead.id = share.record WHERE share.grantee = :me";

/// On whose behalf it is asked, and what a host knows of them.
pub struct Ask {
    /// The role.
    pub role: Role,
    /// The owners who report to them, with themselves.
    pub owners: Vec<i64>,
    /// The units below theirs, with that.
    pub units: Vec<i64>,
}

/// The ways to ask a question.
pub fn of(question: Question, ask: &Ask) -> Vec<Form> {
    match question {
        Question::Page => pages(ask),
        Question::Count => counts(ask),
        Question::Search => searches(ask),
        Question::Explain => vec![form("joined", explanation())],
    }
}

fn form(name: &'static str, statement: String) -> Form {
    Form { name, kept: false, statement }
}

impl Ask {
    /// Whether a lead is within reach by its owner or unit.
    fn by_class(&self) -> String {
        match self.role {
            Role::Salesperson => "lead.owner = :me".to_owned(),
            Role::Manager => REPORTS.to_owned(),
            Role::DivisionHead => format!("({WITHIN} OR {REPORTS})"),
            Role::Director => "1".to_owned(),
        }
    }

    /// Whether a lead is within reach at all. Who reaches everything gains nothing by a share.
    fn reaches(&self) -> String {
        match self.role {
            Role::Director => "1".to_owned(),
            _ => format!("({} OR {SHARED})", self.by_class()),
        }
    }

    /// Conditions on an indexed column each, which together choose what is within reach by owner or unit.
    fn chosen(&self) -> Vec<&'static str> {
        let owners = "lead.owner IN (SELECT person FROM reports WHERE superior = :me)";
        let units = "lead.unit IN (SELECT below FROM unit_below WHERE unit = :unit)";
        match self.role {
            Role::Salesperson => vec!["lead.owner = :me"],
            Role::Manager => vec![owners],
            Role::DivisionHead => vec![units, owners],
            Role::Director => Vec::new(),
        }
    }

    /// One condition for each owner or unit, where they are few enough.
    fn singly(&self) -> Option<Vec<String>> {
        let owners = self.owners.iter().map(|owner| format!("owner = {owner}"));
        let units = self.units.iter().map(|unit| format!("unit = {unit}"));
        let all: Vec<String> = match self.role {
            Role::Manager => owners.collect(),
            // All who report to the head of a division belong to its units, as the host knows.
            Role::DivisionHead => units.collect(),
            Role::Salesperson | Role::Director => return None,
        };
        (all.len() <= MERGED).then_some(all)
    }
}

/// Whole leads of a page whose keys a statement gives.
fn whole(keys: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM ({keys}) AS page CROSS JOIN lead ON lead.id = page.id \
         ORDER BY page.opened_at DESC, page.id DESC"
    )
}

fn pages(ask: &Ask) -> Vec<Form> {
    let walked = whole(&format!(
        "SELECT id, opened_at FROM lead INDEXED BY lead_newest WHERE {BEHIND} AND {} {ORDER}",
        ask.reaches()
    ));
    let mut all = vec![form("walked", walked)];
    if ask.role == Role::Director {
        return all;
    }
    let first = |from: &str| {
        format!("SELECT * FROM (SELECT lead.id AS id, lead.opened_at AS opened_at FROM {from} {ORDER})")
    };
    let shares = first(&format!("{SHARES} AND {BEHIND}"));
    let chosen = ask.chosen().into_iter().map(|chosen| first(&format!("lead WHERE {chosen} AND {BEHIND}")));
    let parts: Vec<String> = chosen.chain([shares.clone()]).collect();
    all.push(form(
        "united",
        whole(&format!("SELECT id, opened_at FROM ({}) {ORDER}", parts.join(" UNION "))),
    ));
    if let Some(ranges) = ask.singly() {
        let range = |one: &String| format!("SELECT id, opened_at FROM lead WHERE {one} AND {BEHIND}");
        let ranges: Vec<String> = ranges.iter().map(range).collect();
        let merged = format!("SELECT * FROM ({} {ORDER})", ranges.join(" UNION ALL "));
        all.push(form(
            "merged",
            whole(&format!("SELECT id, opened_at FROM ({merged} UNION {shares}) {ORDER}")),
        ));
    }
    all
}

fn counts(ask: &Ask) -> Vec<Form> {
    let shared =
        format!("SELECT count(*) FROM {SHARES} AND partition = :partition AND NOT {}", ask.by_class());
    let kept = |conditions: &str| {
        format!("SELECT coalesce(sum(leads), 0) FROM kept AS lead WHERE partition = :partition {conditions}")
    };
    let kept_form = |statement| Form { kept: true, ..form("kept", statement) };
    if ask.role == Role::Director {
        return vec![
            form("plain", "SELECT count(*) FROM lead WHERE partition = :partition".to_owned()),
            kept_form(kept("")),
        ];
    }
    let walked = format!("SELECT count(*) FROM lead WHERE partition = :partition AND {}", ask.reaches());
    let chosen = ask.chosen();
    let first = chosen.first().copied().unwrap_or("0");
    let counted = format!("SELECT count(*) FROM lead WHERE {first} AND partition = :partition");
    let further = chosen.get(1).map(|other| {
        format!(" + (SELECT count(*) FROM lead WHERE {other} AND partition = :partition AND NOT {WITHIN})")
    });
    let further = further.unwrap_or_default();
    let ids =
        chosen.iter().map(|chosen| format!("SELECT id FROM lead WHERE {chosen} AND partition = :partition"));
    let ids: Vec<String> =
        ids.chain([format!("SELECT lead.id FROM {SHARES} AND partition = :partition")]).collect();
    vec![
        form("walked", walked),
        form("added", format!("SELECT ({counted}){further} + ({shared})")),
        form("united", format!("SELECT count(*) FROM ({})", ids.join(" UNION "))),
        kept_form(format!("SELECT ({}) + ({shared})", kept(&format!("AND {}", ask.by_kept())))),
    ]
}

impl Ask {
    /// As [`Ask::by_class`], by sets, which are smaller than the table of what is kept.
    fn by_kept(&self) -> String {
        let chosen = self.chosen();
        if chosen.is_empty() { "1".to_owned() } else { format!("({})", chosen.join(" OR ")) }
    }
}

/// The page and the total, as two statements.
fn searches(ask: &Ask) -> Vec<Form> {
    let found = |condition: &str| {
        format!(
            "FROM lead_text CROSS JOIN lead ON lead.id = lead_text.rowid \
             WHERE lead_text MATCH :sought AND lead.partition = :partition AND {condition}"
        )
    };
    let both = |condition: &str| {
        let found = found(condition);
        format!("SELECT {COLUMNS} {found} ORDER BY rank LIMIT :rows;SELECT count(*) {found}")
    };
    let mut all = vec![form("exists", both(&ask.reaches()))];
    if ask.role != Role::Director {
        let shared = "lead.id IN (SELECT record FROM share WHERE grantee = :me)";
        all.push(form("in_list", both(&format!("({} OR {shared})", ask.chosen().join(" OR ")))));
    }
    all
}

/// The grants that let somebody read a lead, with why and by which line; and the shares.
fn explanation() -> String {
    let line = "(WITH RECURSIVE line (id, depth) AS (SELECT lead.owner, 0 UNION ALL \
        SELECT above.reports_to, depth + 1 FROM line JOIN person AS above ON above.id = line.id \
        WHERE above.reports_to IS NOT NULL AND line.id <> ?1 AND depth < 64) \
        SELECT group_concat(id) FROM line)";
    let reports = "EXISTS (SELECT 1 FROM reports WHERE superior = ?1 AND person = lead.owner)";
    let within = "EXISTS (SELECT 1 FROM unit_below WHERE unit = person.unit AND below = lead.unit)";
    let reason = format!(
        "CASE WHEN granted.level >= 1 AND lead.owner = ?1 THEN 'owner' \
         WHEN granted.level >= 2 AND {reports} THEN 'reporting' \
         WHEN granted.level >= 3 AND lead.unit = person.unit THEN 'unit' \
         WHEN granted.level >= 4 AND {within} THEN 'unit_below' \
         WHEN granted.level = 5 THEN 'everybody' END"
    );
    format!(
        "SELECT role, reason, level, CASE reason WHEN 'reporting' THEN line END FROM ( \
         SELECT granted.role, {reason} AS reason, granted.level, {line} AS line FROM person \
         JOIN assignment ON assignment.person = person.id \
         JOIN granted ON granted.role = assignment.role AND granted.action = 'read' AND granted.entity = 'lead' \
         JOIN lead ON lead.id = ?2 AND lead.partition = person.partition \
         WHERE person.id = ?1 AND person.active) WHERE reason IS NOT NULL \
         UNION ALL SELECT share.record, 'share', share.level, NULL FROM share JOIN lead ON lead.id = share.record \
         JOIN person ON person.id = ?1 AND person.partition = lead.partition \
         WHERE share.grantee = ?1 AND share.record = ?2"
    )
}
