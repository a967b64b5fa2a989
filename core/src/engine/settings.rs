//! Settings of the organisation, which dates, reports and money obey.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Currency, Error, Month, Result, TimeZone, Timestamp, Weekday};
use crate::engine::{AnomalyRule, ReadPolicy};
use crate::records::Moment;
use crate::schema::Registry;
use crate::storage::{Keyspace, Snapshot};

/// Where the settings lie.
pub(super) const KEY: &[u8] = b"settings";

/// Settings of the organisation, as names and numbers; the methods give them as types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// ISO 4217 code in which amounts without a currency are.
    pub base_currency: String,
    /// IANA name of the zone in which days begin and end.
    pub time_zone: String,
    /// English name of the day on which weeks begin.
    pub first_weekday: String,
    /// Month in which the fiscal year begins, 1 to 12.
    pub fiscal_year_start: i8,
    /// Largest attachment, in bytes.
    #[serde(default = "usual_attachment_bytes")]
    pub max_attachment_bytes: u64,
    /// By API name of an entity: how many days back the history of its records is told, at least 1. Without
    /// a number it is told for ever. The ledger itself stays whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub history_days: BTreeMap<String, u32>,
    /// By API name of an entity: for how many days deleted records are kept before a purge takes them, at least 1.
    /// Without a number they are kept for ever.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub purge_days: BTreeMap<String, u32>,
    /// By API name of an entity: whether the ledger says who read its records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub read_policies: BTreeMap<String, ReadPolicy>,
    /// By name: rules over the ledger in place of the usual ones, or beside them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anomaly_rules: BTreeMap<String, AnomalyRule>,
}

/// 4 GiB.
const fn usual_attachment_bytes() -> u64 {
    4 << 30
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_currency: "CNY".to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
            first_weekday: "monday".to_owned(),
            fiscal_year_start: 1,
            max_attachment_bytes: usual_attachment_bytes(),
            history_days: BTreeMap::new(),
            purge_days: BTreeMap::new(),
            read_policies: BTreeMap::new(),
            anomaly_rules: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// The currency of amounts that name none.
    ///
    /// # Errors
    /// `schema.unknown_currency`.
    pub fn currency(&self) -> Result<Currency> {
        Currency::from_code(&self.base_currency).map_err(|error| error.field("base_currency"))
    }

    /// The zone of days.
    ///
    /// # Errors
    /// `input.invalid_argument`.
    pub fn zone(&self) -> Result<TimeZone> {
        TimeZone::named(&self.time_zone)
    }

    /// A moment with the day on which it falls.
    ///
    /// # Errors
    /// As [`Settings::zone`].
    pub(super) fn moment(&self, now: Timestamp) -> Result<Moment> {
        Ok(Moment { now, today: now.date_in(&self.zone()?) })
    }

    /// The first day of weeks.
    ///
    /// # Errors
    /// `input.invalid_argument`.
    pub fn week_start(&self) -> Result<Weekday> {
        Weekday::parse(&self.first_weekday).map_err(|error| error.field("first_weekday"))
    }

    /// The first month of fiscal years.
    ///
    /// # Errors
    /// `schema.out_of_range`.
    pub fn fiscal_month(&self) -> Result<Month> {
        Month::new(self.fiscal_year_start).map_err(|error| error.field("fiscal_year_start"))
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// Those of the methods, naming the setting.
    pub fn check(&self) -> Result<()> {
        self.currency()?;
        self.zone()?;
        self.week_start()?;
        self.fiscal_month()?;
        self.check_anomaly_rules()?;
        if self.history_days.values().any(|days| *days == 0) {
            return Err(Error::new(Code::OutOfRange).field("history_days").rule("at least 1 day"));
        }
        if self.purge_days.values().any(|days| *days == 0) {
            return Err(Error::new(Code::OutOfRange).field("purge_days").rule("at least 1 day"));
        }
        Ok(())
    }

    /// Checks every setting, and that it speaks of entities that there are.
    pub(super) fn check_in(&self, registry: &Registry) -> Result<()> {
        self.check()?;
        self.history_days.keys().try_for_each(|name| registry.entity(name).map(drop))?;
        for name in self.purge_days.keys() {
            let entity = &registry.entity(name)?.api_name;
            // Entries of the ledger name users, roles and the like for ever.
            if entity.starts_with("sys.") {
                let error = Error::new(Code::InvalidArgument).entity(entity).field("purge_days");
                return Err(error.rule("what the engine itself needs is kept"));
            }
        }
        self.check_read_policies(registry)
    }

    /// How many days back the history of an entity is told; nothing for ever.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn history_days(&self, registry: &Registry, entity: &str) -> Result<Option<u32>> {
        let asked = registry.entity(entity)?.id();
        let is_it = |name: &str| registry.entity(name).is_ok_and(|known| known.id() == asked);
        let days = self.history_days.iter().filter(|(name, _)| is_it(name)).map(|(_, days)| *days);
        Ok(days.min())
    }

    /// For how many days deleted records of an entity are kept; nothing for ever.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn purge_days(&self, registry: &Registry, entity: &str) -> Result<Option<u32>> {
        let asked = registry.entity(entity)?.id();
        let is_it = |name: &str| registry.entity(name).is_ok_and(|known| known.id() == asked);
        let days = self.purge_days.iter().filter(|(name, _)| is_it(name)).map(|(_, days)| *days);
        Ok(days.max())
    }

    pub(super) fn load(snapshot: &dyn Snapshot) -> Result<Self> {
        match snapshot.get(Keyspace::Meta, KEY)? {
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| Error::new(Code::Damaged).rule("settings").because(error)),
            None => Ok(Self::default()),
        }
    }
}
