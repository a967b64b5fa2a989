//! Rules over the ledger that notice what a person should look at: somebody who reads very many records, or
//! those of others, who exports at night, who fails to sign in again and again.
//!
//! They read the ledger behind a cursor of their own, when a host asks for it, and enter what they find. They
//! never stand in anybody's way. The entries and the cursor are one commit, so nothing is raised twice; what a
//! rule has raised of a person begins its count anew.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::{Deserialize, Serialize};

use crate::access::{Policy, User};
use crate::base::{Code, Date, EntityId, Error, RecordId, Result, Timestamp, Value};
use crate::engine::audit_trail::fact;
use crate::engine::{Crm, EntryKind, Head, LedgerEntry, Session, Settings};
use crate::records::{self, FieldChange, LedgerFilter, LedgerWalk, Note, note_field};
use crate::schema::EntityType;
use crate::storage::{Keyspace, Snapshot};

/// Where the cursor lies: position (8) and hash (32).
const CURSOR: &[u8] = b"audit.cursor";
/// Most entries that one call looks at.
const MAX_ENTRIES: u64 = 65_536;
/// Entries of one page.
const PAGE: usize = 1_000;
/// The longest time over which a rule counts, in minutes: a day.
const MAX_MINUTES: u32 = 1_440;
/// The greatest number that a rule counts to.
const MAX_THRESHOLD: u64 = 1_000_000;
const MINUTE: i64 = 60_000_000;
/// Longest name of a rule, in bytes.
const MAX_NAME: usize = 100;

/// What a rule looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    /// A person reads as many records within a time. Only reads that a policy enters are known.
    MassReads,
    /// A person reads as many records of which another one is the owner. Only reads that a policy enters are
    /// known.
    ReadsOfOthers,
    /// A person reads as many records of owners who neither report to that person nor are in a team with them, by the
    /// organisation as it is when the rules read. Only reads that a policy enters are known.
    ReadsOutsideTeam,
    /// A person exports outside of business hours, as often.
    ExportsOutsideHours,
    /// As many sign-ins of a name are refused within a time. All names that there are not count as one.
    FailedSignIns,
}

/// A rule over the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnomalyRule {
    /// What it looks for.
    pub kind: AnomalyKind,
    /// Whether it is on.
    pub enabled: bool,
    /// From how many on.
    pub threshold: u64,
    /// Within how many minutes, up to 1,440.
    pub minutes: u32,
    /// The hour of the organisation's zone with which business begins, 0 to 23.
    pub opens: i8,
    /// The hour with which it ends, up to 24. Saturday and Sunday are outside of business hours.
    pub closes: i8,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// The rule.
    pub rule: String,
    /// The person; zeros for names that there are not.
    pub person: RecordId,
    /// How many it counted.
    pub count: u64,
    /// The first entry that it counted.
    pub first_entry: u64,
    /// The last one.
    pub last_entry: u64,
    /// When that was.
    pub since: Timestamp,
}

/// What a call found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detection {
    /// What was raised and entered.
    pub raised: Vec<Anomaly>,
    /// Up to which entry the rules have read.
    pub position: u64,
    /// Whether there is more to read: call again.
    pub more: bool,
}

impl AnomalyRule {
    /// The rules that every organisation has: they cost nothing until a host asks. All of them are on but for
    /// `reads_outside_team`, which counts less than `reads_of_others` does and is for who works in teams.
    #[must_use]
    pub fn usual() -> BTreeMap<String, Self> {
        let rule =
            |kind, threshold, minutes| Self { kind, enabled: true, threshold, minutes, opens: 8, closes: 20 };
        [
            ("mass_reads", rule(AnomalyKind::MassReads, 1_000, 60)),
            ("reads_of_others", rule(AnomalyKind::ReadsOfOthers, 200, 60)),
            ("reads_outside_team", Self { enabled: false, ..rule(AnomalyKind::ReadsOutsideTeam, 100, 60) }),
            ("exports_outside_hours", rule(AnomalyKind::ExportsOutsideHours, 1, 60)),
            ("failed_sign_ins", rule(AnomalyKind::FailedSignIns, 5, 10)),
        ]
        .map(|(name, rule)| (name.to_owned(), rule))
        .into()
    }

    fn check(&self, name: &str) -> Result<()> {
        let refused =
            |field: &str, rule: &str| Err(Error::new(Code::OutOfRange).field(field).rule(rule).value(name));
        if name.is_empty() || name.len() > MAX_NAME {
            return refused("name", "1 to 100 bytes");
        }
        if !(1..=MAX_THRESHOLD).contains(&self.threshold) {
            return refused("threshold", "1 to 1000000");
        }
        if !(1..=MAX_MINUTES).contains(&self.minutes) {
            return refused("minutes", "1 to 1440");
        }
        if !(0..=23).contains(&self.opens) || !(1..=24).contains(&self.closes) || self.opens >= self.closes {
            return refused("opens", "an hour before that of closing");
        }
        Ok(())
    }

    /// The kinds of entries that it counts.
    fn counts(&self) -> EntryKind {
        match self.kind {
            AnomalyKind::MassReads | AnomalyKind::ReadsOfOthers | AnomalyKind::ReadsOutsideTeam => {
                EntryKind::Read
            }
            AnomalyKind::ExportsOutsideHours => EntryKind::Export,
            AnomalyKind::FailedSignIns => EntryKind::SignInRefused,
        }
    }
}

impl Settings {
    /// The rules over the ledger: the usual ones, and what the organisation has set in place of them or beside.
    #[must_use]
    pub fn rules_of_anomalies(&self) -> BTreeMap<String, AnomalyRule> {
        let mut rules = AnomalyRule::usual();
        rules.extend(self.anomaly_rules.clone());
        rules
    }

    pub(super) fn check_anomaly_rules(&self) -> Result<()> {
        self.anomaly_rules.iter().try_for_each(|(name, rule)| rule.check(name))
    }
}

impl Session {
    /// Defines a rule over the ledger, or changes the one of this name; without a rule the usual one of the name
    /// is in force again.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.out_of_range`.
    pub fn define_anomaly_rule(&self, name: &str, rule: Option<AnomalyRule>) -> Result<()> {
        let mut settings = Settings::clone(&self.crm().settings());
        match rule {
            Some(rule) => drop(settings.anomaly_rules.insert(name.to_owned(), rule)),
            None => drop(settings.anomaly_rules.remove(name)),
        }
        self.change_settings(settings)
    }

    /// Lets the rules read what was entered since they last did, at most 65,536 entries, and enters what they
    /// find. A host calls it from time to time; it looks back over the entries that rules count by as far as the
    /// longest of them counts.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `ledger.broken`, `storage.io`,
    /// `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn detect_anomalies(&self) -> Result<Detection> {
        let crm = self.administered()?;
        let settings = crm.settings();
        let rules = settings.rules_of_anomalies();
        let snapshot = crm.durable_snapshot()?;
        let head = snapshot.head()?.position;
        let read = read_cursor(snapshot.as_ref())?;
        let last = head.min(read.saturating_add(MAX_ENTRIES));
        let mut count = Count {
            crm,
            settings: &settings,
            rules: &rules,
            policy: crm.policy(snapshot.as_ref())?,
            read,
            people: BTreeMap::new(),
            raised: Vec::new(),
        };
        if read < last {
            self.count_entries(&mut count, snapshot.as_ref(), last)?;
        }
        let raised = count.raised;
        if read < last && !crm.raise(self, &raised, read, last, snapshot.as_ref())? {
            // Another call has read these entries meanwhile, and raised what is in them.
            return Ok(Detection { raised: Vec::new(), position: read, more: true });
        }
        crm.tell_of(&raised);
        Ok(Detection { raised, position: last, more: last < head })
    }

    /// Counts what rules look for, from as far back as the longest of them counts.
    fn count_entries(&self, count: &mut Count<'_>, snapshot: &dyn Snapshot, last: u64) -> Result<()> {
        let enabled = || count.rules.values().filter(|rule| rule.enabled);
        let minutes = enabled().map(|rule| rule.minutes).max().unwrap_or(0);
        let kinds: BTreeSet<EntryKind> = enabled().map(AnomalyRule::counts).collect();
        if kinds.is_empty() {
            return Ok(());
        }
        let first_new = records::stamp_at(snapshot, count.read.saturating_add(1))?.at();
        let from = first_new.micros().saturating_sub(i64::from(minutes).saturating_mul(MINUTE));
        let filter = LedgerFilter {
            kinds: kinds.into_iter().chain([EntryKind::Anomaly]).collect(),
            from: Some(Timestamp::from_micros(from)),
            last: Some(last),
            ..LedgerFilter::default()
        };
        let mut walk = LedgerWalk { falling: false, after: None, limit: PAGE };
        loop {
            let source = (snapshot, &self.crm().inner.sealer);
            let page = records::search_ledger(source, &filter, walk, self.patience())?;
            page.entries.iter().try_for_each(|entry| count.take(entry))?;
            match page.next {
                Some(next) => walk.after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// What was counted of one person by one rule: moment, how many, position.
type Events = VecDeque<(Timestamp, u64, u64)>;

struct Count<'a> {
    crm: &'a Crm,
    settings: &'a Settings,
    rules: &'a BTreeMap<String, AnomalyRule>,
    /// The organisation as it is now.
    policy: Arc<Policy>,
    /// Up to where the rules have read before. What they would have raised there they have.
    read: u64,
    people: BTreeMap<(String, RecordId), Events>,
    raised: Vec<Anomaly>,
}

impl Count<'_> {
    fn take(&mut self, entry: &LedgerEntry) -> Result<()> {
        if entry.kind == EntryKind::Anomaly {
            self.begin_anew(entry);
            return Ok(());
        }
        for (name, rule) in self.rules.iter().filter(|(_, rule)| rule.enabled && rule.counts() == entry.kind)
        {
            let weight = self.weight(rule, entry)?;
            if weight == 0 {
                continue;
            }
            let at = moment_of(entry);
            let key = (name.clone(), entry.actor);
            let events = self.people.entry(key.clone()).or_default();
            let oldest = at.micros().saturating_sub(i64::from(rule.minutes).saturating_mul(MINUTE));
            while events.front().is_some_and(|(moment, _, _)| moment.micros() <= oldest) {
                events.pop_front();
            }
            events.push_back((at, weight, entry.position));
            let counted = events.iter().fold(0_u64, |sum, (_, weight, _)| sum.saturating_add(*weight));
            if counted >= rule.threshold && entry.position > self.read {
                let (since, _, first_entry) = events.front().copied().unwrap_or((at, 0, entry.position));
                let (rule, person) = key;
                events.clear();
                let last_entry = entry.position;
                self.raised.push(Anomaly { rule, person, count: counted, first_entry, last_entry, since });
            }
        }
        Ok(())
    }

    /// What was raised before is not counted once more.
    fn begin_anew(&mut self, entry: &LedgerEntry) {
        let rule = fact(entry, "rule");
        let person = fact(entry, "person").and_then(Value::as_id);
        let up_to = match fact(entry, "last_entry") {
            Some(Value::Int(position)) => u64::try_from(*position).ok(),
            _ => None,
        };
        if let (Some(rule), Some(person)) = (rule.and_then(Value::as_text), person)
            && let Some(events) = self.people.get_mut(&(rule.to_owned(), person))
        {
            events.retain(|(_, _, position)| up_to.is_some_and(|up_to| *position > up_to));
        }
    }

    fn weight(&self, rule: &AnomalyRule, entry: &LedgerEntry) -> Result<u64> {
        let named = || records::named_records(entry);
        match rule.kind {
            // Of many within a minute one entry tells the number.
            AnomalyKind::FailedSignIns => Ok(match fact(entry, "count") {
                Some(Value::Int(count)) => u64::try_from(*count).unwrap_or(1),
                _ => 1,
            }),
            AnomalyKind::MassReads => Ok(u64::try_from(named().count()).unwrap_or(u64::MAX)),
            AnomalyKind::ExportsOutsideHours => {
                Ok(u64::from(is_outside(rule, moment_of(entry), self.settings)?))
            }
            AnomalyKind::ReadsOfOthers => self.owned_by(entry, &|owner| owner != entry.actor),
            AnomalyKind::ReadsOutsideTeam => {
                self.owned_by(entry, &|owner| !self.policy.works_with(entry.actor, owner))
            }
        }
    }

    /// How many records an entry names whose owners are of some sort.
    fn owned_by(&self, entry: &LedgerEntry, are: &dyn Fn(RecordId) -> bool) -> Result<u64> {
        let mut found = 0_u64;
        for record in records::named_records(entry) {
            let record = self.crm.record_unchecked(entry.entity, record)?;
            found = found.saturating_add(u64::from(record.is_some_and(|record| are(record.envelope.owner))));
        }
        Ok(found)
    }
}

/// Who is told of what rules over the ledger find.
pub(super) type AnomalyListeners = Mutex<Vec<Weak<AnomalyListener>>>;

/// What a host does with one.
type AnomalyListener = dyn Fn(&Anomaly) + Send + Sync;

/// A host's interest in anomalies; it ends when this is dropped.
pub struct AnomalySubscription {
    /// Listeners are known by weak references, so this is what keeps one.
    _listener: Arc<AnomalyListener>,
}

impl std::fmt::Debug for AnomalySubscription {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AnomalySubscription").finish_non_exhaustive()
    }
}

impl Crm {
    /// Tells a host of every anomaly that the rules over the ledger raise from now on, until the subscription is
    /// dropped. The host is told in the thread that has let the rules read ([`Session::detect_anomalies`]), after
    /// the anomaly is durable in the ledger, and in no transaction; whatever it does holds nobody up, and what it
    /// has raised is raised though it panics.
    #[must_use]
    pub fn on_anomaly(&self, listener: impl Fn(&Anomaly) + Send + Sync + 'static) -> AnomalySubscription {
        let listener: Arc<AnomalyListener> = Arc::new(listener);
        let mut listeners = self.inner.anomaly_listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|known| known.strong_count() > 0);
        listeners.push(Arc::downgrade(&listener));
        AnomalySubscription { _listener: listener }
    }

    fn tell_of(&self, raised: &[Anomaly]) {
        let listeners: Vec<Arc<AnomalyListener>> = {
            let known = self.inner.anomaly_listeners.lock().unwrap_or_else(PoisonError::into_inner);
            known.iter().filter_map(Weak::upgrade).collect()
        };
        for listener in listeners {
            for anomaly in raised {
                // A host's fault is the host's: what was raised stands in the ledger.
                let _ = catch_unwind(AssertUnwindSafe(|| listener(anomaly)));
            }
        }
    }

    /// Enters what was found and moves the cursor, unless another call has moved it.
    fn raise(
        &self,
        session: &Session,
        raised: &[Anomaly],
        read: u64,
        last: u64,
        snapshot: &dyn Snapshot,
    ) -> Result<bool> {
        let hash = records::hash_at(snapshot, last)?;
        let users = self.registry().entity(User::NAME)?.id();
        let nobody = RecordId::from_bytes([0; 16]);
        let mut is_own = false;
        let version = self.registry().version();
        self.engine_write(session.patience(), |view| {
            is_own = read_cursor(view)? == read;
            if is_own {
                for anomaly in raised {
                    let cause = format!("anomaly.{}", anomaly.rule);
                    let context = self.write_context(nobody, &cause, version);
                    records::enter_note(view, &context, &note_of(anomaly, users));
                }
                view.put(Keyspace::Meta, CURSOR.to_vec(), [&last.to_be_bytes()[..], &hash].concat());
            }
            Ok(())
        })?;
        Ok(is_own)
    }
}

fn note_of(anomaly: &Anomaly, users: EntityId) -> Note {
    let int = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let facts = [
        ("rule", Value::from(anomaly.rule.as_str())),
        ("person", Value::Id(anomaly.person)),
        ("count", int(anomaly.count)),
        ("first_entry", int(anomaly.first_entry)),
        ("since", Value::DateTime(anomaly.since)),
        ("last_entry", int(anomaly.last_entry)),
    ];
    let changes = facts
        .into_iter()
        .filter_map(|(name, new)| note_field(name).map(|field| FieldChange { field, old: Value::Null, new }));
    Note { kind: EntryKind::Anomaly, entity: users, record: anomaly.person, changes: changes.collect() }
}

/// Up to where the rules have read. A cursor that points past a ledger which was put back begins at its end.
fn read_cursor(snapshot: &dyn Snapshot) -> Result<u64> {
    let Some(row) = snapshot.get(Keyspace::Meta, CURSOR)? else { return Ok(0) };
    let damaged = || Error::new(Code::Damaged).rule("cursor of the rules over the ledger");
    let (position, hash) = row.split_first_chunk::<8>().ok_or_else(damaged)?;
    let position = u64::from_be_bytes(*position);
    let head: Head = snapshot.head()?;
    if position > head.position || records::hash_at(snapshot, position)? != hash {
        return Ok(head.position);
    }
    Ok(position)
}

/// When what an entry tells was done, which for reads may be before it was entered.
fn moment_of(entry: &LedgerEntry) -> Timestamp {
    match fact(entry, "read_at") {
        Some(Value::DateTime(at)) => *at,
        _ => entry.stamp.at(),
    }
}

fn is_outside(rule: &AnomalyRule, at: Timestamp, settings: &Settings) -> Result<bool> {
    let zone = settings.zone()?;
    let day: Date = at.date_in(&zone);
    // The first day of the era of days, 1970-01-01, was a Thursday.
    let is_weekend = day.days().saturating_add(3).rem_euclid(7) >= 5;
    let since_midnight = at.micros().saturating_sub(day.start_in(&zone)?.micros());
    let hour = since_midnight / (60 * MINUTE);
    Ok(is_weekend || hour < i64::from(rule.opens) || hour >= i64::from(rule.closes))
}
