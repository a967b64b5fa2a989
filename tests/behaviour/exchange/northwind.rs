//! A trading house of the nineties: its customers come as leads, are converted, and buy; the figures are the published
//! ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use guanxi::engine::{Find, Ref, user};
use guanxi::features::reports::Bucket;
use guanxi::model::activity::{self, Outcome};
use guanxi::model::lead::{self, Conversion};
use guanxi::model::overview::PanelKind;
use guanxi::model::{Account, ActivityKind, ForecastOf, Lead, Opportunity, User, account, opportunity};
use guanxi::schema::{EntityType, RecordReference};
use guanxi::{Changes, Condition, Date, Decimal, Money, RecordId, Settings};
use guanxi_tests::{House, shared_data};
use serde_json::Value as Json;

use super::sales::{Row, hire, rows};

/// The house with its customers, people and orders.
struct Trade {
    house: House,
    /// Accounts by the customer's code.
    accounts: BTreeMap<String, RecordId>,
    /// People by their number.
    people: BTreeMap<String, (String, RecordId)>,
    expected: Json,
}

fn settled(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.split(' ').next().unwrap().parse().unwrap()
}

/// What an order comes to after the discounts of its lines, by the order's number.
fn nets(folder: &Path) -> BTreeMap<String, Decimal> {
    let mut nets: BTreeMap<String, Decimal> = BTreeMap::new();
    for line in rows(&folder.join("order_details.csv")) {
        let kept = Decimal::from(1).checked_sub(settled(&line["discount"])).unwrap();
        let gross = settled(&line["unitPrice"]).checked_mul(settled(&line["quantity"])).unwrap();
        let net = nets.entry(line["orderID"].clone()).or_insert(Decimal::ZERO);
        *net = net.checked_add(gross.checked_mul(kept).unwrap()).unwrap();
    }
    nets
}

/// Makes the people, those above before those below.
fn employ(house: &House, folder: &Path) -> BTreeMap<String, (String, RecordId)> {
    let mut left: Vec<Row> = rows(&folder.join("employees.csv"));
    let mut people: BTreeMap<String, (String, RecordId)> = BTreeMap::new();
    while !left.is_empty() {
        let (ready, later): (Vec<Row>, Vec<Row>) = left
            .into_iter()
            .partition(|row| row["reportsTo"] == "NULL" || people.contains_key(&row["reportsTo"]));
        assert!(!ready.is_empty(), "somebody reports to nobody who is there");
        for row in ready {
            let name = format!("{} {}", row["firstName"], row["lastName"]);
            let superior = people.get(&row["reportsTo"]).map(|(_, id)| *id);
            let changes = Changes::new().set(user::NAME, name.as_str()).set(user::REPORTS_TO, superior);
            let id = house.create(User::NAME, &changes);
            people.insert(row["employeeID"].clone(), (name, id));
        }
        left = later;
    }
    hire(house);
    people
}

/// A customer comes as a lead, is called, and becomes an account with a contact.
fn win_over(house: &House, customer: &Row) -> RecordId {
    let named = lead::named(&customer["contactName"])
        .with(lead::COMPANY, customer["companyName"].as_str())
        .with(lead::POSITION, customer["contactTitle"].as_str())
        .with(lead::CITY, customer["city"].as_str());
    let converted = house.admin.write(|transaction| {
        let lead: Ref<Lead> = transaction.create(named.clone())?;
        let call = Changes::new()
            .set(activity::KIND, ActivityKind::Call)
            .set(activity::SUBJECT, "first call")
            .set(activity::OUTCOME, Outcome::Interested)
            .set(activity::REGARDING, RecordReference::new(Lead::NAME, lead.id()));
        activity::record(transaction, call)?;
        lead.convert(transaction, &Conversion { without_opportunity: true, ..Conversion::default() })
    });
    let converted = converted.unwrap();
    assert_eq!(converted.made.len(), 2, "{}", customer["companyName"]);
    converted.account.id()
}

fn trade() -> Option<Trade> {
    let folder = shared_data("northwind")?;
    let settings = Settings { base_currency: "USD".to_owned(), ..Settings::default() };
    let house = House::with(|options| options.settings(settings));
    let people = employ(&house, &folder);
    let customers = rows(&folder.join("customers.csv"));
    let accounts: BTreeMap<String, RecordId> = customers
        .iter()
        .map(|customer| (customer["customerID"].clone(), win_over(&house, customer)))
        .collect();
    let nets = nets(&folder);
    house
        .admin
        .write(|transaction| {
            for order in rows(&folder.join("orders.csv")) {
                let changes = Changes::new()
                    .set(opportunity::TITLE, order["orderID"].as_str())
                    .set(opportunity::ACCOUNT, accounts[&order["customerID"]])
                    .set(
                        opportunity::AMOUNT,
                        Money::new(nets[&order["orderID"]], guanxi::Currency::from_code("USD").unwrap()),
                    )
                    .set(opportunity::CLOSED_ON, day(&order["orderDate"]))
                    .owner(people[&order["employeeID"]].1);
                let deal = transaction.create_record(Opportunity::NAME, changes)?;
                Ref::<Opportunity>::new(deal).win(transaction)?;
            }
            Ok(())
        })
        .unwrap();
    let expected = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    Some(Trade { house, accounts, people, expected })
}

impl Trade {
    /// A published amount, in cents as a forecast gives it.
    fn published(&self, place: &[&str]) -> Money {
        let figure = place.iter().fold(&self.expected, |json, name| &json[name]);
        Money::new(settled(figure.as_str().unwrap()).rounded(2), guanxi::Currency::from_code("USD").unwrap())
    }

    fn forecast(&self, bucket: Bucket, by_person: bool) -> Vec<guanxi::model::ForecastRow> {
        let (from, to) = ("1996-01-01".parse().unwrap(), "1998-12-31".parse().unwrap());
        let of = ForecastOf { from, to, bucket, by_person, filter: Condition::Everything };
        self.house.admin.forecast(&of).unwrap()
    }

    fn check_spans(&self) {
        let quarters = self.forecast(Bucket::Quarter, false);
        assert_eq!(quarters.len(), self.expected["net_by_quarter"].as_object().unwrap().len());
        for row in quarters {
            let name = format!("{}Q{}", row.period.year(), (row.period.month() - 1) / 3 + 1);
            assert_eq!(row.amounts, [self.published(&["net_by_quarter", &name])], "{name}");
        }
        for row in self.forecast(Bucket::Year, false) {
            let name = row.period.year().to_string();
            assert_eq!(row.amounts, [self.published(&["net_by_year", &name])], "{name}");
        }
    }

    fn check_people(&self) {
        for (name, id) in self.people.values() {
            let session = self.house.crm.session_for(name).unwrap();
            let own = Condition::Compare("owner".into(), guanxi::engine::Comparison::Equal, (*id).into());
            let orders = session.count(Opportunity::NAME, &own).unwrap();
            assert_eq!(Some(orders), self.expected["orders_by_employee"][name].as_u64(), "{name}");
        }
        // One span holds all, so that nothing is rounded before it is added up.
        let days: (Date, Date) = ("1996-01-01".parse().unwrap(), "1998-12-31".parse().unwrap());
        let target = Money::new(Decimal::from(1_000_000), guanxi::Currency::from_code("USD").unwrap());
        let set = self.house.admin.write(|transaction| {
            for (_, id) in self.people.values() {
                let of = guanxi::model::quota::QuotaOf::User(*id);
                guanxi::model::quota::set(transaction, of, days, target)?;
            }
            Ok(())
        });
        set.unwrap();
        let told = self.house.admin.attainment(&Condition::Everything).unwrap();
        assert_eq!(told.len(), 9);
        for row in told {
            let (name, _) = self.people.values().find(|(_, id)| Some(*id) == row.user).unwrap();
            assert_eq!(row.won, self.published(&["net_by_employee", name]), "{name}");
        }
    }

    fn check_customers(&self) {
        let won = |account: RecordId| {
            let overview = self.house.admin.overview(account, false, 1).unwrap();
            let count = |kind: PanelKind| {
                overview.panels.iter().find(|panel| panel.kind == kind).map(|panel| panel.count)
            };
            assert_eq!((count(PanelKind::Contacts), count(PanelKind::Leads)), (Some(1), Some(1)));
            let won = overview.panels.iter().find(|panel| panel.kind == PanelKind::WonDeals).unwrap();
            (won.count, won.totals.clone())
        };
        for code in self.expected["net_top10_customers"].as_object().unwrap().keys() {
            let published = self.published(&["net_top10_customers", code]);
            assert_eq!(won(self.accounts[code]).1, [published], "{code}");
        }
        for code in self.expected["customers_without_orders"].as_array().unwrap() {
            assert_eq!(won(self.accounts[code.as_str().unwrap()]), (0, Vec::new()), "{code}");
        }
    }
}

#[test]
fn customers_of_a_trading_house_are_won_over_from_leads_and_bring_in_what_is_published() {
    let Some(trade) = trade() else { return };
    trade.check_spans();
    trade.check_people();
    trade.check_customers();
    let find = Find { sort: vec![account::NAME.ascending()], limit: 100, ..Find::default() };
    assert_eq!(trade.house.admin.list(Account::NAME, &find).unwrap().rows.len(), 91);
    let _ = trade.house.verified();
}
