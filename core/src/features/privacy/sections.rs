//! What the sections of the report of compliance tell, one function for each.
//!
//! Another part of the engine joins by one more line in [`SECTIONS`].

use std::collections::BTreeMap;

use super::report::{Cell, Column, ReportSection, Scope};
use crate::base::{Code, EntityId, Error, Label, RecordId, Result, Value};
use crate::engine::{
    AuditedEntry, AuditedValue, Comparison, Condition, Consent, Decision, EntryKind, FieldSelector, Filter,
    Find, LedgerQuery, Listing, Page, Processor, RecordShare, Role, RoleAssignment, Session, TeamRole, User,
    UserStatus, consent, note_field, processor, role, role_assignment, share, team_role, user,
};
use crate::schema::{EntityType, Registry};

/// Most pages of the ledger that a section reads.
const MAX_PAGES: usize = 20;
/// Entries of one of them.
const PAGE: usize = 1_000;
/// Most pages of a list that a section reads.
const MAX_LIST_PAGES: usize = 20;
/// What a change of gives or takes rights.
const RIGHTS: [&str; 16] = [
    "sys.role",
    "sys.grant",
    "sys.role_assignment",
    "sys.team",
    "sys.team_member",
    "sys.team_role",
    "sys.share",
    "sys.delegation",
    "sys.user",
    "sys.sharing_rule",
    "sys.inherited_access",
    "sys.pool",
    "sys.pool_member",
    "sys.position",
    "sys.position_role",
    "sys.position_holder",
];

/// What a section has found: its rows, and where to go on.
type Rows = (Vec<Vec<Cell>>, Option<String>);

/// A section: its code, what it is called, its columns, and what fills it.
pub(super) struct SectionOf {
    pub code: &'static str,
    zh: &'static str,
    en: &'static str,
    columns: &'static [(&'static str, &'static str, &'static str)],
    fill: fn(&Session, &Scope) -> Result<Rows>,
}

impl SectionOf {
    pub fn make(&self, session: &Session, scope: &Scope) -> Result<ReportSection> {
        session.patience().check()?;
        let (rows, next) = (self.fill)(session, scope)?;
        let columns = self.columns.iter().map(|(code, zh, en)| Column { code, label: Label::new(zh, en) });
        let label = Label::new(self.zh, self.en);
        Ok(ReportSection { code: self.code, label, columns: columns.collect(), rows, next })
    }
}

const USER: (&str, &str, &str) = ("user", "用户", "User");
const NAME: (&str, &str, &str) = ("name", "名称", "Name");
const ENTITY: (&str, &str, &str) = ("entity", "实体", "Entity");
const RECORD: (&str, &str, &str) = ("record", "记录", "Record");
const FIELD: (&str, &str, &str) = ("field", "字段", "Field");
const COUNT: (&str, &str, &str) = ("count", "数量", "Count");
const REASON: (&str, &str, &str) = ("reason", "原因", "Reason");

/// The sections, in their order.
pub(super) const SECTIONS: &[SectionOf] = &[
    SectionOf {
        code: "rights_requests",
        zh: "未答复的权利请求",
        en: "Requests that are not answered",
        columns: &[
            ("request", "请求", "Request"),
            ("kind", "类型", "Kind"),
            ("law", "法律", "Law"),
            ("status", "状态", "Status"),
            ("due", "期限", "Due"),
            ("overdue", "逾期", "Overdue"),
        ],
        fill: rights_requests,
    },
    SectionOf {
        code: "overdue_deletions",
        zh: "逾期未删除",
        en: "Overdue deletions",
        columns: &[("rule", "规则", "Rule"), ENTITY, COUNT],
        fill: overdue_deletions,
    },
    SectionOf {
        code: "exports",
        zh: "导出",
        en: "Exports",
        columns: &[USER, NAME, ENTITY, COUNT, ("rows", "记录数", "Records")],
        fill: exports,
    },
    SectionOf {
        code: "changes_of_rights",
        zh: "权限变更",
        en: "Changes of rights",
        columns: &[USER, NAME, ENTITY, ("kind", "操作", "Kind"), COUNT],
        fill: changes_of_rights,
    },
    SectionOf {
        code: "administrators",
        zh: "管理员",
        en: "Administrators",
        columns: &[USER, NAME, ("level", "级别", "Level")],
        fill: administrators,
    },
    SectionOf {
        code: "roles_of_nobody",
        zh: "未分配的角色",
        en: "Roles granted to nobody",
        columns: &[("role", "角色", "Role"), NAME],
        fill: roles_of_nobody,
    },
    SectionOf {
        code: "inactive_users",
        zh: "长期未登录的用户",
        en: "Users without a sign-in",
        columns: &[USER, NAME],
        fill: inactive_users,
    },
    SectionOf {
        code: "shares_without_end",
        zh: "无期限的共享",
        en: "Shares without an end",
        columns: &[("share", "共享", "Share"), ENTITY, RECORD, ("since", "自", "Since")],
        fill: shares_without_end,
    },
    SectionOf {
        code: "fields_without_purpose",
        zh: "未登记处理目的的个人信息字段",
        en: "Personal fields without a purpose",
        columns: &[ENTITY, FIELD, ("privacy", "类别", "Class")],
        fill: fields_without_purpose,
    },
    SectionOf {
        code: "unregistered_purposes",
        zh: "字段所用但未登记的处理目的",
        en: "Purposes of fields that are not in the register",
        columns: &[("purpose", "处理目的", "Purpose"), ENTITY, FIELD],
        fill: unregistered_purposes,
    },
    SectionOf {
        code: "withdrawals",
        zh: "撤回、拒绝与限制",
        en: "Withdrawals, objections and restrictions",
        columns: &[
            ("purpose", "处理目的", "Purpose"),
            ("channel", "渠道", "Channel"),
            ("decision", "表示", "Decision"),
            COUNT,
        ],
        fill: withdrawals,
    },
    SectionOf {
        code: "processors_without_contract",
        zh: "无合同的处理方",
        en: "Processors without a contract",
        columns: &[("processor", "处理方", "Processor"), NAME, ("country", "国家或地区", "Country")],
        fill: processors_without_contract,
    },
    SectionOf {
        code: "legal_holds",
        zh: "法律保全",
        en: "Legal holds",
        columns: &[("hold", "保全", "Hold"), ENTITY, RECORD, REASON, ("since", "自", "Since")],
        fill: legal_holds,
    },
];

/// Those that are due first, and so those that are overdue, before the others.
fn rights_requests(session: &Session, scope: &Scope) -> Result<Rows> {
    let page = session.rights_due(None, cursor_of(scope)?, scope.limit)?;
    let rows = page.requests.into_iter().map(|request| {
        let overdue = if request.is_overdue { "yes" } else { "no" };
        let id = request.listing.record.id.to_string();
        let codes = [request.kind.code(), request.law.code(), request.status.code()];
        let [kind, law, status] = codes.map(Cell::from);
        vec![id.into(), kind, law, status, request.due_at.to_string().into(), overdue.into()]
    });
    Ok((rows.collect(), page.next.map(|next| text_of_cursor(&next)).transpose()?))
}

fn overdue_deletions(session: &Session, scope: &Scope) -> Result<Rows> {
    let due = session.due_by_retention()?.into_iter().filter(|(_, _, count)| *count != Some(0));
    let behind = |rule: &str| scope.after.as_deref().is_none_or(|after| rule > after);
    let rows = due.filter(|(rule, _, _)| behind(rule));
    let rows = rows
        .map(|(rule, entity, count)| vec![rule.into(), entity.into(), count.map_or(Cell::Empty, Cell::from)]);
    Ok(cut(rows.collect(), scope.limit))
}

/// Rows up to a bound, and the first cell of the last of them where there are more.
fn cut(mut rows: Vec<Vec<Cell>>, limit: usize) -> Rows {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().and_then(|row| row.first()).filter(|_| more);
    let next = last.and_then(|cell| if let Cell::Text(text) = cell { Some(text.clone()) } else { None });
    (rows, next)
}

/// Walks over entries of the period, and gives where to go on if it did not come to the end.
fn walk_ledger(
    session: &Session,
    scope: &Scope,
    query: LedgerQuery,
    take: &mut dyn FnMut(&AuditedEntry) -> bool,
) -> Result<Option<String>> {
    let invalid = || Error::new(Code::InvalidCursor);
    let after =
        scope.after.as_deref().map(|after| after.parse::<u64>().map_err(|_| invalid())).transpose()?;
    let (from, until) = (Some(scope.from), Some(scope.until));
    let mut query = LedgerQuery { from, until, after, limit: PAGE, ..query };
    for _ in 0..MAX_PAGES {
        session.patience().check()?;
        let page = session.query_ledger(&query)?;
        for entry in &page.entries {
            if !take(entry) {
                return Ok(Some(query.after.unwrap_or(0).to_string()));
            }
            query.after = Some(entry.entry.position);
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(None),
        }
    }
    Ok(query.after.map(|after| after.to_string()))
}

/// Counts by a key, for as many keys as a section has rows; says whether there was room.
fn count_up<K: Ord>(counts: &mut BTreeMap<K, (u64, u64)>, key: K, more: u64, limit: usize) -> bool {
    if counts.len() >= limit && !counts.contains_key(&key) {
        return false;
    }
    let known = counts.entry(key).or_default();
    *known = (known.0.saturating_add(1), known.1.saturating_add(more));
    true
}

fn exports(session: &Session, scope: &Scope) -> Result<Rows> {
    let mut counts: BTreeMap<(RecordId, EntityId), (u64, u64)> = BTreeMap::new();
    let query = LedgerQuery { kinds: vec![EntryKind::Export], ..LedgerQuery::default() };
    let next = walk_ledger(session, scope, query, &mut |entry| {
        let key = (entry.entry.actor, entry.entry.entity);
        count_up(&mut counts, key, number_said(entry, "rows"), scope.limit)
    })?;
    let (registry, mut names) = (session.crm().registry(), Names::default());
    let rows = counts.into_iter().map(|((user, entity), (count, records))| {
        let name = names.of(session, user)?;
        let entity = entity_name(&registry, entity);
        Ok(vec![user.to_string().into(), name, entity, count.into(), records.into()])
    });
    Ok((rows.collect::<Result<_>>()?, next))
}

/// What an entry that changes no record says under a name.
fn number_said(entry: &AuditedEntry, name: &str) -> u64 {
    let field = note_field(name);
    let said = entry.changes.iter().find(|change| Some(change.field) == field).map(|change| &change.new);
    match said {
        Some(AuditedValue::Known(Value::Int(number))) => u64::try_from(*number).unwrap_or(0),
        _ => 0,
    }
}

fn changes_of_rights(session: &Session, scope: &Scope) -> Result<Rows> {
    let (begin, mut after) = match scope.after.as_deref().map(|after| after.split_once('@')) {
        Some(Some((entity, position))) => (Some(entity), Some(position.to_owned())),
        Some(None) => return Err(Error::new(Code::InvalidCursor)),
        None => (None, None),
    };
    let mut counts: BTreeMap<(RecordId, &str, &str), (u64, u64)> = BTreeMap::new();
    let mut next = None;
    for name in RIGHTS.into_iter().skip_while(|name| begin.is_some_and(|begin| begin != *name)) {
        let kinds = vec![EntryKind::Create, EntryKind::Update, EntryKind::Delete, EntryKind::Erase];
        let query = LedgerQuery { entity: Some(name.to_owned()), kinds, ..LedgerQuery::default() };
        let part = Scope { after: after.take(), ..scope.clone() };
        let stopped = walk_ledger(session, &part, query, &mut |audited| {
            let entry = &audited.entry;
            count_up(&mut counts, (entry.actor, name, entry.kind.name()), 0, scope.limit)
        })?;
        if let Some(position) = stopped {
            next = Some(format!("{name}@{position}"));
            break;
        }
    }
    let mut names = Names::default();
    let rows = counts.into_iter().map(|((user, entity, kind), (count, _))| {
        let name = names.of(session, user)?;
        Ok(vec![user.to_string().into(), name, entity.into(), kind.into(), count.into()])
    });
    Ok((rows.collect::<Result<_>>()?, next))
}

fn administrators(session: &Session, scope: &Scope) -> Result<Rows> {
    let page = session.administrators(id_behind(scope)?, scope.limit)?;
    let mut names = Names::default();
    let rows = page.rows.iter().map(|row| {
        let name = names.of(session, row.user)?;
        Ok(vec![row.user.to_string().into(), name, row.level.code().into()])
    });
    Ok((rows.collect::<Result<_>>()?, page.next.map(|user| user.to_string())))
}

fn roles_of_nobody(session: &Session, scope: &Scope) -> Result<Rows> {
    let (found, next) = listed(session, scope, Role::NAME, Condition::Everything)?;
    let mut rows = Vec::new();
    for row in &found {
        let id = row.record.id;
        let of_users = is_id(role_assignment::ROLE, id);
        let of_teams = is_id(team_role::ROLE, id);
        if session.count(RoleAssignment::NAME, &of_users)? == 0
            && session.count(TeamRole::NAME, &of_teams)? == 0
        {
            rows.push(vec![id.to_string().into(), text_of(row, role::NAME)?]);
        }
    }
    Ok((rows, next))
}

fn inactive_users(session: &Session, scope: &Scope) -> Result<Rows> {
    // A user who is newer than that could not have signed in before.
    let older = Filter::Compare("created_at".into(), Comparison::Less, Value::DateTime(scope.inactive_since));
    let active = Filter::Compare(user::STATUS.into(), Comparison::Equal, Value::from(UserStatus::Active));
    let few = Scope { limit: scope.limit.min(200), ..scope.clone() };
    let (found, next) = listed(session, &few, User::NAME, Filter::All(vec![older, active]))?;
    let mut rows = Vec::new();
    for row in &found {
        session.patience().check()?;
        if !signed_in(session, row.record.id, scope)? {
            rows.push(vec![row.record.id.to_string().into(), text_of(row, user::NAME)?]);
        }
    }
    Ok((rows, next))
}

/// Whether a user has signed in lately.
fn signed_in(session: &Session, user: RecordId, scope: &Scope) -> Result<bool> {
    let mut query = LedgerQuery {
        actor: Some(user),
        kinds: vec![EntryKind::SignIn],
        from: Some(scope.inactive_since),
        falling: true,
        limit: 1,
        ..LedgerQuery::default()
    };
    loop {
        session.patience().check()?;
        let page = session.query_ledger(&query)?;
        match (page.entries.is_empty(), page.next) {
            (false, _) => return Ok(true),
            (true, None) => return Ok(false),
            (true, next) => query.after = next,
        }
    }
}

fn shares_without_end(session: &Session, scope: &Scope) -> Result<Rows> {
    let (found, next) = listed(session, scope, RecordShare::NAME, Filter::IsNull(share::UNTIL.into()))?;
    let rows = found.iter().map(|row| {
        let since = row.record.envelope.created.at().to_string();
        let (entity, record) = (text_of(row, share::ENTITY)?, text_of(row, share::RECORD)?);
        Ok(vec![row.record.id.to_string().into(), entity, record, since.into()])
    });
    Ok((rows.collect::<Result<_>>()?, next))
}

fn fields_without_purpose(session: &Session, scope: &Scope) -> Result<Rows> {
    let fields = session.read(|reader| Ok(reader.personal_fields()))?;
    let bare = fields.into_iter().filter(|(_, purposes)| purposes.is_empty());
    let rows: Vec<Vec<Cell>> = bare
        .map(|((entity, field, privacy), _)| vec![entity.into(), field.into(), privacy.name().into()])
        .collect();
    Ok(numbered(rows, scope))
}

fn unregistered_purposes(session: &Session, scope: &Scope) -> Result<Rows> {
    let unknown = session.purposes()?.into_iter().filter(|purpose| purpose.id.is_none());
    let rows: Vec<Vec<Cell>> = unknown
        .flat_map(|purpose| {
            let code = purpose.code;
            purpose
                .fields
                .into_iter()
                .map(move |field| vec![code.clone().into(), field.entity.into(), field.field.into()])
        })
        .collect();
    Ok(numbered(rows, scope))
}

/// The rows behind as many as were told before.
fn numbered(rows: Vec<Vec<Cell>>, scope: &Scope) -> Rows {
    let told: usize = scope.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
    let all = rows.len();
    let rows: Vec<Vec<Cell>> = rows.into_iter().skip(told).take(scope.limit).collect();
    let end = told.saturating_add(rows.len());
    (rows, (end < all).then(|| end.to_string()))
}

fn withdrawals(session: &Session, scope: &Scope) -> Result<Rows> {
    let said = [Decision::Withdrawn, Decision::Objected, Decision::Restricted];
    let at = |comparison, moment| Filter::Compare(consent::AT.into(), comparison, Value::DateTime(moment));
    let filter = Filter::All(vec![
        at(Comparison::GreaterOrEqual, scope.from),
        at(Comparison::Less, scope.until),
        Filter::In(consent::DECISION.into(), said.into_iter().map(Value::from).collect()),
    ]);
    let mut counts: BTreeMap<[String; 3], (u64, u64)> = BTreeMap::new();
    let mut next = scope.after.clone();
    for _ in 0..MAX_LIST_PAGES {
        let page = Scope { limit: PAGE, after: next, ..scope.clone() };
        let (found, more) = listed(session, &page, Consent::NAME, filter.clone())?;
        for row in &found {
            let text = |field: FieldSelector| {
                row.value(field).map(|value| value.as_text().unwrap_or_default().to_owned())
            };
            let fields = [consent::PURPOSE.into(), consent::CHANNEL.into(), consent::DECISION.into()];
            let [purpose, channel, decision] = fields.map(text);
            let key = [purpose?, channel?, decision?];
            count_up(&mut counts, key, 0, usize::MAX);
        }
        next = more;
        if next.is_none() {
            break;
        }
    }
    let rows = counts.into_iter().map(|([purpose, channel, decision], (count, _))| {
        vec![purpose.into(), channel.into(), decision.into(), count.into()]
    });
    Ok((rows.collect(), next))
}

fn processors_without_contract(session: &Session, scope: &Scope) -> Result<Rows> {
    let today = session.read(|reader| reader.today())?;
    let ended = Filter::Compare(processor::UNTIL.into(), Comparison::Less, Value::Date(today));
    let filter = Filter::All(vec![Filter::IsNull(processor::CONTRACT.into()), Filter::Not(Box::new(ended))]);
    let (found, next) = listed(session, scope, Processor::NAME, filter)?;
    let rows = found.iter().map(|row| {
        let (name, country) = (text_of(row, processor::NAME)?, text_of(row, processor::COUNTRY)?);
        Ok(vec![row.record.id.to_string().into(), name, country])
    });
    Ok((rows.collect::<Result<_>>()?, next))
}

fn legal_holds(session: &Session, scope: &Scope) -> Result<Rows> {
    let page = session.holds(None, false, cursor_of(scope)?, scope.limit)?;
    let rows = page.rows.into_iter().map(|hold| {
        let record = hold.record.map_or(Cell::Empty, |record| record.to_string().into());
        let since = hold.from.to_string().into();
        vec![hold.id.to_string().into(), hold.entity.into(), record, hold.reason.into(), since]
    });
    Ok((rows.collect(), page.next.map(|next| text_of_cursor(&next)).transpose()?))
}

/// One page of a list, and where it goes on.
fn listed(
    session: &Session,
    scope: &Scope,
    entity: &str,
    filter: Condition,
) -> Result<(Vec<Listing>, Option<String>)> {
    let find = Find { filter, limit: scope.limit, after: cursor_of(scope)?, ..Find::default() };
    let Page { rows, next } = session.list(entity, &find)?;
    Ok((rows, next.map(|next| text_of_cursor(&next)).transpose()?))
}

fn cursor_of<C: serde::de::DeserializeOwned>(scope: &Scope) -> Result<Option<C>> {
    let read = |text: &String| serde_json::from_str(text).map_err(|_| Error::new(Code::InvalidCursor));
    scope.after.as_ref().map(read).transpose()
}

fn text_of_cursor(cursor: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(cursor).map_err(|error| Error::new(Code::Panic).because(error))
}

fn id_behind(scope: &Scope) -> Result<Option<RecordId>> {
    let read = |text: &String| text.parse().map_err(|_| Error::new(Code::InvalidCursor));
    scope.after.as_ref().map(read).transpose()
}

fn is_id(field: impl Into<FieldSelector>, id: RecordId) -> Condition {
    Filter::Compare(field.into(), Comparison::Equal, Value::Id(id))
}

fn text_of(row: &Listing, field: impl Into<FieldSelector>) -> Result<Cell> {
    Ok(row.value(field)?.as_text().map_or(Cell::Empty, Cell::from))
}

fn entity_name(registry: &Registry, entity: EntityId) -> Cell {
    registry.entity_by_id(entity).map_or(Cell::Empty, |entity| entity.api_name.as_str().into())
}

/// Names of users, each looked up once.
#[derive(Default)]
struct Names(BTreeMap<RecordId, Cell>);

impl Names {
    fn of(&mut self, session: &Session, id: RecordId) -> Result<Cell> {
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let name = match session.get(User::NAME, id) {
            Ok(row) => text_of(&row, user::NAME)?,
            Err(error) if error.code() == Code::RecordNotFound => Cell::Empty,
            Err(error) => return Err(error),
        };
        self.0.insert(id, name.clone());
        Ok(name)
    }
}
