//! A real sales team: 8,800 deals of 35 agents, against the published figures and the file itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use guanxi::engine::{Find, User, UserStatus, role_assignment, user};
use guanxi::features::exchange::ImportOptions;
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::model::{Opportunity, Status, opportunity};
use guanxi::schema::EntityType;
use guanxi::{Changes, Condition, Money, RecordId, Session, Settings};
use guanxi_tests::{House, shared_data};
use serde_json::Value as Json;

use super::{figures, import, one};

/// A row of a CSV file by its headings.
pub(super) type Row = BTreeMap<String, String>;

/// The rows of a file, read without the engine.
pub(super) fn rows(path: &Path) -> Vec<Row> {
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

/// The team's database and the folder that it came from.
pub(super) struct Team {
    pub house: House,
    folder: PathBuf,
    pub deals: Vec<Row>,
    /// The manager of each agent.
    pub managers: BTreeMap<String, String>,
    expected: Json,
}

pub(super) fn team() -> Option<Team> {
    let folder = shared_data("crm_sales")?;
    let settings = Settings { base_currency: "USD".to_owned(), ..Settings::default() };
    let house = House::with(|options| options.settings(settings));
    let file = |name: &str| fs::File::open(folder.join(name)).unwrap();
    let people = ImportOptions {
        create_missing: vec!["reports_to".to_owned(), "unit".to_owned()],
        ..ImportOptions::default()
    };
    import(&house.admin, "user", file("sales_teams.csv"), &people).unwrap();
    hire(&house);
    for (entity, name, count) in [("account", "accounts.csv", 85), ("product", "products.csv", 7)] {
        let report = import(&house.admin, entity, file(name), &ImportOptions::default()).unwrap();
        assert_eq!(figures(&report), ([count, count, 0, 0], [count, 0, 0]), "{name}");
    }
    let deals = rows(&folder.join("sales_pipeline.csv"));
    let team = rows(&folder.join("sales_teams.csv"));
    let managers = team.into_iter().map(|row| (row["sales_agent"].clone(), row["manager"].clone())).collect();
    let expected = serde_json::from_slice(&fs::read(folder.join("expected_public.json")).unwrap()).unwrap();
    Some(Team { house, folder, deals, managers, expected })
}

/// Makes everybody active: managers are those to whom somebody reports.
pub(super) fn hire(house: &House) {
    let role = |name: &str| house.admin.read(|reader| reader.find_by_title("sys.role", name)).unwrap()[0];
    let (manager, seller) = (role("manager"), role("salesperson"));
    let people = house.admin.list(User::NAME, &Find { limit: 1_000, ..Find::default() }).unwrap().rows;
    let superiors: BTreeSet<RecordId> =
        people.iter().filter_map(|row| row.value(user::REPORTS_TO).unwrap().as_id()).collect();
    house
        .admin
        .write(|transaction| {
            for person in people.iter().map(|row| row.record.id).filter(|id| *id != house.admin.user()) {
                let active = Changes::new().set(user::STATUS, UserStatus::Active);
                transaction.update_record(User::NAME, person, active)?;
                let role = if superiors.contains(&person) { manager } else { seller };
                let assignment =
                    Changes::new().set(role_assignment::USER, person).set(role_assignment::ROLE, role);
                transaction.create_record("sys.role_assignment", assignment)?;
            }
            Ok(())
        })
        .unwrap();
}

fn count(session: &Session, condition: &Condition) -> u64 {
    session.count(Opportunity::NAME, condition).unwrap()
}

fn dollars(text: &str) -> Figure {
    Figure::Amount(format!("USD {text}").parse::<Money>().unwrap())
}

impl Team {
    fn import_deals(&self) {
        let file = || fs::File::open(self.folder.join("sales_pipeline.csv")).unwrap();
        // The file names a product that the price list writes otherwise.
        let read = |options: &ImportOptions| {
            figures(&import(&self.house.admin, "opportunity", file(), options).unwrap())
        };
        let unknown = &self.expected["referential"]["product_values_not_in_products"]["GTXPro"];
        let unknown = unknown.as_u64().unwrap();
        let known = 8_800 - unknown;
        assert_eq!(read(&ImportOptions::default()), ([8_800, known, unknown, 0], [8_800, 0, 0]));
        assert_eq!(read(&Self::spellings()), ([8_800, 8_800, 0, 0], [0, unknown, known]));
    }

    fn spellings() -> ImportOptions {
        let aliases = [("GTXPro".to_owned(), "GTX Pro".to_owned())].into();
        ImportOptions { aliases, ..ImportOptions::default() }
    }

    /// Reads the deals at once with the spellings of the file.
    pub fn import_deals_as_meant(&self) {
        let file = fs::File::open(self.folder.join("sales_pipeline.csv")).unwrap();
        let report = import(&self.house.admin, "opportunity", file, &Self::spellings()).unwrap();
        assert_eq!(figures(&report), ([8_800, 8_800, 0, 0], [8_800, 0, 0]));
    }

    /// The deals of some agents, counted in the file.
    fn deals_of(&self, agents: impl Fn(&str) -> bool, stage: Option<&str>) -> u64 {
        let theirs = self.deals.iter().filter(|deal| agents(&deal["sales_agent"]));
        let at_stage = theirs.filter(|deal| stage.is_none_or(|stage| deal["deal_stage"] == stage));
        u64::try_from(at_stage.count()).unwrap()
    }

    fn check_totals(&self) {
        let admin = &self.house.admin;
        let report = Report {
            entity: Opportunity::NAME.to_owned(),
            filter: Condition::Everything,
            group_by: vec![GroupBy { path: vec![opportunity::STAGE.into()], bucket: None }],
            measures: vec![Measure::Count],
        };
        let table = admin.report(&report).unwrap();
        let stages: BTreeMap<String, Figure> =
            table.rows.into_iter().map(|row| (row.labels[0].clone(), row.figures[0].clone())).collect();
        let expected = self.expected["stage_counts"].as_object().unwrap();
        let expected =
            expected.iter().map(|(name, count)| (name.clone(), Figure::Count(count.as_u64().unwrap())));
        assert_eq!(stages, expected.collect());
        let won = admin.report(&opportunity::won()).unwrap();
        let [count, sum, ..] = won.rows[0].figures.as_slice() else { panic!("count and sum") };
        assert_eq!((count, sum), (&Figure::Count(4_238), &dollars("10005534")));
        let totals = admin.report(&opportunity::totals()).unwrap();
        assert_eq!(totals.rows[0].figures[1], Figure::Number("0.631501".parse().unwrap()));
        assert_eq!(count_without_account(admin), self.expected["null_counts"]["account"].as_u64().unwrap());
    }

    /// Won deals of each region, by the unit of their owner.
    fn check_regions(&self) {
        let report = Report {
            entity: Opportunity::NAME.to_owned(),
            filter: opportunity::STATUS.is(Status::Won),
            group_by: vec![GroupBy { path: vec!["owner".into(), "unit".into()], bucket: None }],
            measures: vec![Measure::Count, Measure::Sum(opportunity::AMOUNT.into())],
        };
        let table = self.house.admin.report(&report).unwrap();
        assert_eq!(table.rows.len(), 3);
        for row in &table.rows {
            let region = &self.expected["by_region"][&row.labels[0]];
            let won = region["won"].as_u64().unwrap();
            // The published amounts are whole dollars.
            let amount = region["won_amount"].to_string();
            let amount = dollars(amount.trim_end_matches(".0"));
            assert_eq!(row.figures, [Figure::Count(won), amount], "{}", row.labels[0]);
        }
    }

    fn check_people(&self) {
        for (agent, manager) in &self.managers {
            let session = self.house.crm.session_for(agent).unwrap();
            let own = |name: &str| name == agent.as_str();
            assert_eq!(count(&session, &Condition::Everything), self.deals_of(own, None), "{agent}");
            let won = opportunity::STATUS.is(Status::Won);
            assert_eq!(count(&session, &won), self.deals_of(own, Some("Won")), "{agent}");
            assert_ne!(agent, manager);
        }
        for (name, expected) in self.expected["by_manager"].as_object().unwrap() {
            let session = self.house.crm.session_for(name).unwrap();
            let team = |agent: &str| self.managers[agent] == *name;
            assert_eq!(count(&session, &Condition::Everything), self.deals_of(team, None), "{name}");
            let table = session.report(&opportunity::won()).unwrap();
            let amount = expected["won_amount"].to_string();
            let figures =
                [Figure::Count(expected["won"].as_u64().unwrap()), dollars(amount.trim_end_matches(".0"))];
            assert_eq!(table.rows[0].figures[..2], figures, "{name}");
        }
    }
}

fn count_without_account(session: &Session) -> u64 {
    count(session, &opportunity::ACCOUNT.is_empty())
}

#[test]
fn a_real_team_s_figures_are_the_published_ones_for_all_and_for_each_person() {
    let Some(team) = team() else { return };
    team.import_deals();
    team.check_totals();
    team.check_regions();
    team.check_people();
    let bluth = one(&team.house.admin, "account", "Bluth Company");
    let acme = one(&team.house.admin, "account", "Acme Corporation");
    assert_eq!(bluth.value("parent").unwrap(), acme.record.id.into());
    let _ = team.house.verified();
}
