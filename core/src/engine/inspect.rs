//! One report about a database for whoever looks after it: size, growth, keys, backup, and how well
//! records are filled in. It shows numbers and names of the schema, and no value of any record.

use serde_json::{Value as Json, json};

use crate::base::{Date, Label, Locale, Patience, Result, TimeZone, Timestamp};
use crate::engine::{Crm, EntryKind, RecoveryInfo, Session, StoreStatistics};
use crate::records::{growth, newest_of, survey};
use crate::schema::Entity;
use crate::storage::{FORMAT, Snapshot};

/// Months of growth that are told.
const MONTHS: usize = 12;
/// Entries of the ledger among which the last backup is looked for.
const SEARCHED_ENTRIES: u64 = 20_000;
/// Records of an entity that are looked at, at most.
const LOOKED_AT: u64 = 10_000;
/// Microseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// Length of a bar of the text, in characters.
const BAR: u64 = 20;

/// What one month added to the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthInspection {
    /// Its first day, of UTC.
    pub month: Date,
    /// Entries.
    pub entries: u64,
    /// Their bytes, worked out from a sample of 64 entries.
    pub bytes: u64,
}

/// The records of one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityInspection {
    /// The number of the entity in this database.
    pub number: u32,
    /// Its API name.
    pub name: String,
    /// Who defines it.
    pub namespace: String,
    /// Records that are not deleted.
    pub records: u64,
    /// Of those, the newest 10,000 at most, which were looked at for empty fields.
    pub looked_at: u64,
    /// Its phone numbers and e-mail addresses.
    pub fields: Vec<FieldInspection>,
}

/// How often a field that people expect to be filled in is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInspection {
    /// The number of the field in this database.
    pub number: u32,
    /// Its API name.
    pub name: String,
    /// Who defines it.
    pub namespace: String,
    /// Records among those looked at that have no value in it.
    pub empty: u64,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// When it was made, by the database's clock.
    pub at: Timestamp,
    /// Format of the files.
    pub format: u32,
    /// Sizes, and what was done since the open, slow commits among it.
    pub statistics: StoreStatistics,
    /// Entries of the ledger.
    pub entries: u64,
    /// The last 12 months, oldest first; the last one is not over.
    pub months: Vec<MonthInspection>,
    /// Entities that have records, most records first.
    pub entities: Vec<EntityInspection>,
    /// Kinds of the keys that open the database, in the order of their slots.
    pub keys: Vec<&'static str>,
    /// When the last backup was entered in the ledger, if that is among the newest 20,000 entries.
    pub last_backup: Option<Timestamp>,
    /// Whether a compaction or a change of the data key was begun and not finished.
    pub unfinished_copy: bool,
    /// What the open had to mend.
    pub recovery: RecoveryInfo,
    /// How many queries were slow since the open; [`Session::slow_queries`] tells the newest.
    pub slow_queries: u64,
}

impl Session {
    /// Looks over the database. It reads the pages of all tables once, the newest 10,000 records of each
    /// entity that has phone numbers or e-mail addresses, and a sample of the ledger.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.damaged`, `storage.io`,
    /// `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn inspect(&self) -> Result<Inspection> {
        self.administered()?.inspect(self.patience())
    }
}

impl Crm {
    pub(super) fn inspect(&self, patience: &Patience) -> Result<Inspection> {
        let (statistics, at) = (self.statistics()?, self.now());
        let snapshot = self.snapshot()?;
        let registry = self.registry();
        let mut entities = Vec::new();
        let of_entities = u64::try_from(registry.entities().len()).unwrap_or(u64::MAX);
        for (done, entity) in (1_u64..).zip(registry.entities()) {
            patience.check()?;
            entities.extend(entity_report(snapshot.as_ref(), entity, patience)?);
            patience.tell("entities", done, of_entities);
        }
        entities.sort_by(|one, other| (other.records, &one.name).cmp(&(one.records, &other.name)));
        let backup = newest_of(snapshot.as_ref(), EntryKind::Backup, SEARCHED_ENTRIES)?;
        Ok(Inspection {
            at,
            format: FORMAT,
            statistics,
            entries: snapshot.head()?.position,
            months: months(snapshot.as_ref(), at)?,
            entities,
            keys: self.keys().iter().map(|slot| slot.kind.name()).collect(),
            last_backup: backup.map(|(_, stamp)| stamp.at()),
            unfinished_copy: self.inner.database.has_unfinished_copy(),
            recovery: self.recovery(),
            slow_queries: self.slow_queries().total,
        })
    }
}

fn entity_report(
    snapshot: &dyn Snapshot,
    entity: &Entity,
    patience: &Patience,
) -> Result<Option<EntityInspection>> {
    let found = survey(snapshot, entity, LOOKED_AT, patience)?;
    let fields = found.fields.iter().filter_map(|counted| {
        let field = entity.field_by_id(counted.field)?;
        Some(FieldInspection {
            number: counted.field.number(),
            name: field.api_name.clone(),
            namespace: field.definition.namespace.clone(),
            empty: counted.empty,
        })
    });
    Ok((found.live > 0).then(|| EntityInspection {
        number: entity.id().number(),
        name: entity.api_name.clone(),
        namespace: entity.definition.namespace.clone(),
        records: found.live,
        looked_at: found.looked_at,
        fields: fields.collect(),
    }))
}

/// The growth of the ledger in the months up to a moment.
fn months(snapshot: &dyn Snapshot, at: Timestamp) -> Result<Vec<MonthInspection>> {
    let mut firsts = vec![at.date_in(&TimeZone::utc()).first_of_month()];
    while firsts.len() < MONTHS {
        let newest = firsts.last().map_or(0, |first| first.days());
        firsts.push(Date::from_days(newest.saturating_sub(1))?.first_of_month());
    }
    firsts.reverse();
    let start = |first: &Date| Timestamp::from_micros(i64::from(first.days()).saturating_mul(DAY));
    let moments: Vec<Timestamp> = firsts.iter().map(start).collect();
    let grown = growth(snapshot, &moments)?;
    let months = firsts.into_iter().zip(grown);
    Ok(months
        .map(|(month, grown)| MonthInspection { month, entries: grown.entries, bytes: grown.bytes })
        .collect())
}

impl Inspection {
    /// How many days ago the last backup was made.
    #[must_use]
    pub fn days_since_backup(&self) -> Option<i64> {
        self.last_backup.map(|backup| self.at.micros().saturating_sub(backup.micros()) / DAY)
    }

    /// The report as data: names stay the same in every language.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "at": self.at.to_string(),
            "format": self.format,
            "statistics": statistics_to_json(&self.statistics),
            "ledger": {
                "entries": self.entries,
                "months": self.months.iter().map(month_to_json).collect::<Vec<_>>(),
                "bytes_are": "worked out from 64 entries of each month",
            },
            "entities": self.entities.iter().map(entity_to_json).collect::<Vec<_>>(),
            "looked_at_most": LOOKED_AT,
            "keys": {"count": self.keys.len(), "kinds": self.keys},
            "last_backup": self.last_backup.map(|at| at.to_string()),
            "days_since_backup": self.days_since_backup(),
            "unfinished_copy": self.unfinished_copy,
            "recovery": recovery_to_json(self.recovery),
            "slow_queries": self.slow_queries,
        })
    }

    /// The report for people, with small bars.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        let mut page = Page { locale, lines: Vec::new() };
        self.write_sizes(&mut page);
        self.write_state(&mut page);
        self.write_months(&mut page);
        self.write_entities(&mut page);
        page.lines.join("\n")
    }

    fn write_sizes(&self, page: &mut Page) {
        let statistics = &self.statistics;
        page.fact(("格式", "format"), &self.format.to_string());
        page.fact(("文件", "file"), &in_bytes(statistics.file_bytes));
        let free = format!(
            "{}  {}",
            in_bytes(statistics.free_bytes),
            bar(statistics.free_bytes, statistics.file_bytes)
        );
        page.fact(("其中空闲", "free in it"), &free);
        page.fact(("日志文件", "journal"), &in_bytes(statistics.journal_bytes));
        let slow = format!("{} / {}", statistics.slow_commits, statistics.commits);
        page.fact(("打开以来的慢提交", "slow commits since the open"), &slow);
        page.fact(("打开以来的慢查询", "slow queries since the open"), &self.slow_queries.to_string());
    }

    fn write_state(&self, page: &mut Page) {
        page.fact(("密钥", "keys"), &format!("{} ({})", self.keys.len(), self.keys.join(", ")));
        let backup = match self.days_since_backup() {
            Some(days) => format!("{days} {}", page.say(("天前", "days ago"))),
            None => {
                page.say(("最近 20000 条账本记录中没有", "none in the newest 20000 entries of the ledger"))
            }
        };
        page.fact(("最近备份", "last backup"), &backup);
        let (yes, no) = (page.say(("有", "yes")), page.say(("无", "no")));
        let told = |is: bool| if is { yes.clone() } else { no.clone() };
        let (unfinished, repaired) = (told(self.unfinished_copy), told(self.recovery.repaired));
        page.fact(("未完成的副本", "unfinished copy"), &unfinished);
        let commits = self.recovery.replayed_commits;
        page.fact(("打开时的恢复", "recovery at the open"), &format!("{repaired}, {commits}"));
    }

    fn write_months(&self, page: &mut Page) {
        page.heading((
            "账本增长（字节数按样本推算）",
            "growth of the ledger (bytes worked out from a sample)",
        ));
        let most = self.months.iter().map(|month| month.entries).max().unwrap_or(0);
        for month in &self.months {
            let name: String = month.month.to_string().chars().take(7).collect();
            let (bar, entries) = (bar(month.entries, most), month.entries);
            page.lines.push(format!("  {name}  {bar}  {entries:>10}  {}", in_bytes(month.bytes)));
        }
    }

    fn write_entities(&self, page: &mut Page) {
        page.heading(("各实体的记录", "records by entity"));
        let most = self.entities.iter().map(|entity| entity.records).max().unwrap_or(0);
        for entity in &self.entities {
            let (bar, records) = (bar(entity.records, most), entity.records);
            page.lines.push(format!("  {bar}  {records:>10}  {}", entity.name));
        }
        let title = (
            "未填写的字段（每个实体最多查看最新的 10000 条记录）",
            "empty fields (at most the newest 10000 records of each entity were looked at)",
        );
        page.heading(title);
        for entity in &self.entities {
            for field in &entity.fields {
                let (bar, share) =
                    (bar(field.empty, entity.looked_at), percent(field.empty, entity.looked_at));
                page.lines.push(format!("  {bar}  {share:>3}%  {}.{}", entity.name, field.name));
            }
        }
    }
}

/// The text on its way.
struct Page {
    locale: Locale,
    lines: Vec<String>,
}

impl Page {
    fn say(&self, (zh, en): (&str, &str)) -> String {
        Label::new(zh, en).text(self.locale).to_owned()
    }

    fn fact(&mut self, name: (&str, &str), value: &str) {
        let name = self.say(name);
        self.lines.push(format!("{name}: {value}"));
    }

    fn heading(&mut self, name: (&str, &str)) {
        let name = self.say(name);
        self.lines.extend([String::new(), name]);
    }
}

/// A bar of blocks, in eighths of a character (Unicode, Block Elements).
fn bar(part: u64, whole: u64) -> String {
    let eighths = part.min(whole).saturating_mul(BAR * 8).checked_div(whole).unwrap_or(0);
    // What is there but too little to be drawn is drawn as the least.
    let eighths = if part > 0 { eighths.max(1) } else { 0 };
    let full = usize::try_from(eighths / 8).unwrap_or(0);
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let rest = usize::try_from(eighths % 8).ok().and_then(|rest_of| rest.get(rest_of)).copied();
    let drawn = format!("{}{}", "█".repeat(full), rest.unwrap_or_default());
    let missing = usize::try_from(BAR).unwrap_or(0).saturating_sub(drawn.chars().count());
    drawn + &"·".repeat(missing)
}

fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

/// Bytes in the largest unit of which there is at least one, with one digit behind the point.
fn in_bytes(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(size, _)| bytes >= *size) {
        Some((size, name)) => {
            let tenths = bytes.saturating_mul(10) / size;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

fn month_to_json(month: &MonthInspection) -> Json {
    json!({"month": month.month.to_string(), "entries": month.entries, "bytes": month.bytes})
}

fn entity_to_json(entity: &EntityInspection) -> Json {
    let fields = entity.fields.iter().map(|field| {
        json!({
            "field": field.name,
            "empty": field.empty,
            "empty_percent": percent(field.empty, entity.looked_at),
        })
    });
    json!({
        "entity": entity.name,
        "records": entity.records,
        "looked_at": entity.looked_at,
        "fields": fields.collect::<Vec<_>>(),
    })
}

pub(super) fn recovery_to_json(recovery: RecoveryInfo) -> Json {
    json!({
        "repaired": recovery.repaired,
        "replayed_commits": recovery.replayed_commits,
        "discarded_units": recovery.discarded_units,
    })
}

/// Statistics as data, for the methods too.
pub(crate) fn statistics_to_json(statistics: &StoreStatistics) -> Json {
    let tables = statistics.tables.iter().map(|(name, size)| {
        let told = json!({
            "rows": size.rows,
            "stored_bytes": size.stored_bytes,
            "overhead_bytes": size.overhead_bytes,
        });
        ((*name).to_owned(), told)
    });
    json!({
        "tables": tables.collect::<serde_json::Map<_, _>>(),
        "file_bytes": statistics.file_bytes,
        "free_bytes": statistics.free_bytes,
        "journal_bytes": statistics.journal_bytes,
        "memory_bytes": statistics.memory_bytes,
        "commits": statistics.commits,
        "changed_rows": statistics.changed_rows,
        "changed_bytes": statistics.changed_bytes,
        "groups": statistics.groups,
        "syncs": statistics.syncs,
        "checkpoints": statistics.checkpoints,
        "slow_commits": statistics.slow_commits,
        "longest_commit_micros": statistics.longest_commit_micros,
        "kept_bytes": statistics.kept_bytes,
        "cache_hits": statistics.cache_hits,
        "cache_misses": statistics.cache_misses,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share_and_never_longer() {
        assert_eq!(bar(0, 10), "·".repeat(20));
        assert_eq!(bar(10, 10), "█".repeat(20));
        assert_eq!(bar(99, 10), "█".repeat(20));
        assert_eq!(bar(1, 1_000_000), format!("▏{}", "·".repeat(19)));
        assert_eq!(bar(3, 16), format!("███▊{}", "·".repeat(16)));
        assert_eq!(bar(1, 0), format!("▏{}", "·".repeat(19)));
    }

    #[test]
    fn bytes_are_told_in_units_that_people_read() {
        assert_eq!(in_bytes(1_023), "1023 B");
        assert_eq!(in_bytes(1_024), "1.0 KiB");
        assert_eq!(in_bytes(1_610_612_736), "1.5 GiB");
        assert_eq!(in_bytes(u64::MAX), "1717986918.3 GiB");
    }
}
