//! The real sales team through the verbs of the trade: forecast, quotas, pipeline, snapshots and overviews say what a
//! plain count over the file says.

use std::collections::BTreeMap;

use guanxi::engine::{Comparison, Find};
use guanxi::features::reports::{Bucket, Figure, GroupBy, Measure, Report};
use guanxi::model::overview::PanelKind;
use guanxi::model::pipeline_snapshot::{self, SnapshotEvery, snapshot};
use guanxi::model::quota::{self, QuotaOf};
use guanxi::model::{
    Account, ForecastCategory, ForecastOf, Opportunity, PipelineSchedule, PipelineSnapshot, Status,
    opportunity,
};
use guanxi::schema::EntityType;
use guanxi::{Changes, Condition, Date, Money, RecordId, Timestamp, Value};

use super::sales::{Row, Team, team};

/// How many deals, and what they come to in whole dollars.
type Sum = (u64, i64);

fn dollars(amount: i64) -> Money {
    format!("USD {amount}").parse().unwrap()
}

/// The first day of the quarter in which a deal of the file was closed.
fn quarter(deal: &Row) -> Date {
    let (year, rest) = deal["close_date"].split_once('-').unwrap();
    let month: u32 = rest.split('-').next().unwrap().parse().unwrap();
    format!("{year}-{:02}-01", (month - 1) / 3 * 3 + 1).parse().unwrap()
}

/// What the deals of a stage come to by something that the file says of them.
fn by<K: Ord>(team: &Team, stage: &str, key: impl Fn(&Row) -> K) -> BTreeMap<K, Sum> {
    let mut sums: BTreeMap<K, Sum> = BTreeMap::new();
    for deal in team.deals.iter().filter(|deal| deal["deal_stage"] == stage) {
        let sum = sums.entry(key(deal)).or_default();
        let amount = deal["close_value"].as_str();
        *sum = (sum.0 + 1, sum.1 + if amount.is_empty() { 0 } else { amount.parse::<i64>().unwrap() });
    }
    sums
}

impl Team {
    fn person(&self, name: &str) -> RecordId {
        self.house.admin.read(|reader| reader.find_by_title("sys.user", name)).unwrap()[0]
    }

    /// What was won by each agent in each quarter.
    fn won(&self) -> BTreeMap<(Date, RecordId), Sum> {
        by(self, "Won", |deal| (quarter(deal), self.person(&deal["sales_agent"])))
    }

    fn check_forecast(&self) {
        let of = |by_person: bool| ForecastOf {
            from: "2016-01-01".parse().unwrap(),
            to: "2018-12-31".parse().unwrap(),
            bucket: Bucket::Quarter,
            by_person,
            filter: Condition::Everything,
        };
        let told = self.house.admin.forecast(&of(true)).unwrap();
        assert!(told.iter().all(|row| row.category == ForecastCategory::Closed), "open deals have no day");
        let told: BTreeMap<_, _> = told
            .into_iter()
            .map(|row| ((row.period, row.person.unwrap()), (row.deals, row.amounts, row.weighted)))
            .collect();
        let expected = self
            .won()
            .into_iter()
            .map(|(key, (deals, amount))| (key, (deals, vec![dollars(amount)], vec![dollars(amount)])));
        assert_eq!(told, expected.collect());
        let told = self.house.admin.forecast(&of(false)).unwrap();
        let told: BTreeMap<_, _> =
            told.into_iter().map(|row| (row.period, (row.deals, row.amounts))).collect();
        let expected = by(self, "Won", quarter);
        assert_eq!(
            told,
            expected.into_iter().map(|(key, (deals, sum))| (key, (deals, vec![dollars(sum)]))).collect()
        );
    }

    /// Every agent and manager has a quota of each quarter, and it is filled by what the file says.
    fn check_attainment(&self) {
        let won = self.won();
        let quarters: std::collections::BTreeSet<Date> = won.keys().map(|(quarter, _)| *quarter).collect();
        assert_eq!(quarters.len(), 4);
        for first in quarters {
            let days = (first, first.plus_months(3).unwrap().plus_days(-1).unwrap());
            let mut expected: BTreeMap<RecordId, Sum> = BTreeMap::new();
            for (agent, manager) in &self.managers {
                let (agent, manager) = (self.person(agent), self.person(manager));
                let (deals, amount) = won.get(&(first, agent)).copied().unwrap_or_default();
                expected.insert(agent, (deals, amount));
                let together = expected.entry(manager).or_default();
                *together = (together.0 + deals, together.1 + amount);
            }
            let managers: Vec<RecordId> = self.managers.values().map(|name| self.person(name)).collect();
            let set = self.house.admin.write(|transaction| {
                for person in expected.keys() {
                    let leads = managers.contains(person);
                    let of = if leads { QuotaOf::WithReports(*person) } else { QuotaOf::User(*person) };
                    quota::set(transaction, of, days, dollars(100_000))?;
                }
                Ok(())
            });
            set.unwrap();
            let filter = Condition::Compare("from_day".into(), Comparison::Equal, first.into());
            let told = self.house.admin.attainment(&filter).unwrap();
            let told: BTreeMap<_, _> =
                told.into_iter().map(|row| (row.user.unwrap(), (row.deals, row.won))).collect();
            let expected = expected.into_iter().map(|(person, (deals, sum))| (person, (deals, dollars(sum))));
            assert_eq!(told, expected.collect());
        }
    }

    /// What was won by product, and the win rate of each agent.
    fn check_reports(&self) {
        let report = |group: &str, filter: Condition, measures: Vec<Measure>| {
            let group_by = vec![GroupBy { path: vec![group.into()], bucket: None }];
            let entity = Opportunity::NAME.to_owned();
            self.house.admin.report(&Report { entity, filter, group_by, measures }).unwrap().rows
        };
        let (won, lost) = (|| opportunity::STATUS.is(Status::Won), opportunity::STATUS.is(Status::Lost));
        let rows = report("product", won(), vec![Measure::Count, Measure::Sum(opportunity::AMOUNT.into())]);
        let told: BTreeMap<String, Vec<Figure>> =
            rows.into_iter().map(|row| (row.labels[0].clone(), row.figures)).collect();
        let expected = by(self, "Won", |deal| deal["product"].replace("GTXPro", "GTX Pro"));
        let figures = |(count, sum): Sum| vec![Figure::Count(count), Figure::Amount(dollars(sum))];
        assert_eq!(told, expected.into_iter().map(|(name, sum)| (name, figures(sum))).collect());
        let closed = Condition::Any(vec![won(), lost]);
        let rows = report("owner", Condition::Everything, vec![Measure::Share(won(), closed)]);
        let agent = |deal: &Row| deal["sales_agent"].clone();
        let (won, lost) = (by(self, "Won", agent), by(self, "Lost", agent));
        assert_eq!(rows.len(), won.len());
        for row in rows {
            let Figure::Number(rate) = &row.figures[0] else { panic!("{row:?}") };
            let rate: f64 = rate.to_string().parse().unwrap();
            let (won, lost) = (won[&row.labels[0]].0 as f64, lost[&row.labels[0]].0 as f64);
            assert!((rate - won / (won + lost)).abs() < 0.000_001, "{}", row.labels[0]);
        }
    }

    /// A snapshot of the pipeline has the open deals of each agent in each stage.
    fn check_snapshot(&self) {
        let changes = Changes::new()
            .set(pipeline_snapshot::NAME, "daily")
            .set(pipeline_snapshot::EVERY, SnapshotEvery::Day);
        let _ = self.house.create(PipelineSchedule::NAME, &changes);
        let next = self.house.crm.now().micros() + 86_400_000_000;
        self.house.clock.set(Timestamp::from_micros(next));
        self.house.admin.tick(0).unwrap();
        let find = Find { limit: 10_000, ..Find::default() };
        let rows = self.house.admin.list(PipelineSnapshot::NAME, &find).unwrap().rows;
        let mut told: BTreeMap<(RecordId, String), u64> = BTreeMap::new();
        for row in rows {
            let stage = row.value(snapshot::STAGE).unwrap().as_id().unwrap();
            let stage = self.house.admin.get("stage", stage).unwrap().title();
            let person = row.value(snapshot::DEALS_OF).unwrap().as_id().unwrap();
            let Value::Int(deals) = row.value(snapshot::DEALS).unwrap() else { panic!("no number") };
            *told.entry((person, stage)).or_default() += u64::try_from(deals).unwrap();
        }
        let mut expected = BTreeMap::new();
        for stage in ["Prospecting", "Engaging"] {
            for (agent, (deals, _)) in by(self, stage, |deal| deal["sales_agent"].clone()) {
                expected.insert((self.person(&agent), stage.to_owned()), deals);
            }
        }
        assert_eq!(told, expected);
    }

    /// Each account at one look has the deals that the file has of it.
    fn check_overviews(&self) {
        let accounts = self.house.admin.list(Account::NAME, &Find { limit: 100, ..Find::default() }).unwrap();
        assert_eq!(accounts.rows.len(), 85);
        let of = |stage: &str| by(self, stage, |deal| deal["account"].clone());
        let (won, lost) = (of("Won"), of("Lost"));
        let (prospecting, engaging) = (of("Prospecting"), of("Engaging"));
        for row in accounts.rows {
            let overview = self.house.admin.overview(row.record.id, false, 3).unwrap();
            let told = |kind: PanelKind| {
                let panel = overview.panels.iter().find(|panel| panel.kind == kind);
                let panel = panel.unwrap_or_else(|| panic!("{}", kind.code()));
                assert_eq!(panel.rows.len() as u64, panel.count.min(3));
                (panel.count, panel.totals.clone())
            };
            let of = |sums: &BTreeMap<String, Sum>| sums.get(&row.title()).copied().unwrap_or_default();
            assert_eq!(told(PanelKind::WonDeals), (of(&won).0, vec![dollars(of(&won).1)]), "{}", row.title());
            assert_eq!(told(PanelKind::LostDeals).0, of(&lost).0);
            assert_eq!(told(PanelKind::OpenDeals).0, of(&prospecting).0 + of(&engaging).0);
        }
    }
}

#[test]
fn what_the_verbs_of_the_trade_say_of_a_real_team_is_what_its_file_says() {
    let Some(team) = team() else { return };
    team.import_deals_as_meant();
    team.check_forecast();
    team.check_attainment();
    team.check_reports();
    team.check_overviews();
    team.check_snapshot();
    let _ = team.house.verified();
}
