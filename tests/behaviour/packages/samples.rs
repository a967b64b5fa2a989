//! Two businesses that no line of Rust knows, made of a package of metadata each and of the files of others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use guanxi::{Decimal, Session, api};
use guanxi_tests::{House, database, shared_data};
use serde_json::{Value as Json, json};

/// A package as it stands among the examples, installed.
fn house(package: &str) -> House {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packages");
    let text = fs::read_to_string(folder.join(package)).unwrap();
    let package: Json = serde_json::from_str(&text).unwrap();
    let house = database();
    call(&house.admin, "schema.install_package", json!({"package": package}));
    house
}

fn call(session: &Session, method: &str, given: Json) -> Json {
    api::call(session, method, &given).unwrap_or_else(|error| panic!("{method} {given}: {error}"))
}

/// Imports a file, of which every row is taken: as it is, or with a number of a telephone that no table knows.
fn import(house: &House, method: &str, mut given: Json, path: &Path, rows: u64) {
    given["text"] = json!(fs::read_to_string(path).unwrap());
    let report = call(&house.admin, method, given);
    let told = report["rows"].as_array().unwrap().iter();
    let unparsed = told.filter(|row| row["reason"] == "schema.phone_unparsed");
    let lines: BTreeSet<String> = unparsed.map(|row| format!("{}:{}", row["file"], row["line"])).collect();
    let taken = report["taken"].as_u64().unwrap() + u64::try_from(lines.len()).unwrap();
    assert_eq!((&report["read"], taken), (&json!(rows), rows), "{path:?}: {}", report["rows"]);
}

fn report(session: &Session, given: Json) -> Vec<(Vec<Json>, Vec<Json>)> {
    let told = call(session, "report.run", given);
    let rows = told["rows"].as_array().unwrap().iter();
    let list = |json: &Json| json.as_array().unwrap().clone();
    rows.map(|row| (list(&row["labels"]), list(&row["figures"]))).collect()
}

fn count(session: &Session, entity: &str, filter: Json) -> Json {
    call(session, "query.count", json!({"entity": entity, "filter": filter}))["count"].clone()
}

/// A number as text, without zeros behind its last digit.
fn plain(number: &Json) -> String {
    let text = number.as_str().unwrap();
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

fn northwind(data: &Path) -> House {
    let house = house("northwind.json");
    let csv = |entity: &str, file: &str, key: &str, rows: u64, mapping: Json| {
        let key = if key.is_empty() { Json::Null } else { json!(key) };
        let given = json!({
            "entity": entity, "key": key, "source": "northwind", "null_text": "NULL", "mapping": mapping,
        });
        import(&house, "import.csv", given, &data.join(file), rows);
    };
    csv("sys.user", "employees.csv", "employeeID", 9, json!({"region": "-"}));
    csv("northwind.region", "regions.csv", "regionID", 4, json!({}));
    csv("northwind.territory", "territories.csv", "territoryID", 53, json!({}));
    csv("northwind.category", "categories.csv", "categoryID", 8, json!({}));
    csv("northwind.supplier", "suppliers.csv", "supplierID", 29, json!({}));
    csv("northwind.shipper", "shippers.csv", "shipperID", 3, json!({}));
    csv("northwind.product", "products.csv", "productID", 77, json!({}));
    csv("northwind.customer", "customers.csv", "customerID", 91, json!({}));
    csv("northwind.order", "orders.csv", "orderID", 830, json!({"employeeID": "owner", "orderID": "number"}));
    csv("northwind.line", "order_details.csv", "", 2_155, json!({}));
    house
}

/// Gives each of the nine the right to read their orders and those of their subordinates.
fn let_them_read(house: &House) {
    let role =
        call(&house.admin, "record.create", json!({"entity": "role", "values": {"name": "Northwind sales"}}));
    let levels = [
        ("northwind.order", "own_and_subordinates"),
        ("northwind.line", "own"),
        ("northwind.customer", "all"),
    ];
    for (entity, level) in levels {
        let grant = json!({"role": role["id"], "entity": entity, "action": "read", "level": level});
        call(&house.admin, "record.create", json!({"entity": "grant", "values": grant}));
    }
    let users = call(&house.admin, "query.run", json!({"entity": "sys.user", "limit": 100}));
    for user in users["rows"].as_array().unwrap() {
        let assignment = json!({"user": user["id"], "role": role["id"]});
        call(&house.admin, "record.create", json!({"entity": "role_assignment", "values": assignment}));
    }
}

#[test]
fn northwind_is_a_package_and_its_totals_are_right_to_the_last_digit_for_everybody() {
    let Some(data) = shared_data("northwind") else { return };
    let expected: Json =
        serde_json::from_str(&fs::read_to_string(data.join("expected.json")).unwrap()).unwrap();
    let house = northwind(&data);
    let admin = &house.admin;
    let lines = json!({"entity": "northwind.line", "measures": [{"sum": "gross"}, {"sum": "net"}]});
    let figures = report(admin, lines).remove(0).1;
    assert_eq!(
        [plain(&figures[0]), plain(&figures[1])],
        [plain(&expected["gross_total"]), plain(&expected["net_total_after_line_discount"])]
    );
    let by = |group: &str| {
        let given = json!({
            "entity": "northwind.order", "group_by": [group], "measures": ["count", {"sum": "net"}],
        });
        let rows = report(admin, given).into_iter();
        rows.map(|(labels, figures)| (labels[0].as_str().unwrap().to_owned(), figures))
            .collect::<BTreeMap<_, _>>()
    };
    let years = by("ordered_on:year");
    for (year, net) in expected["net_by_year"].as_object().unwrap() {
        assert_eq!(plain(&years[&format!("{year}-01-01")][1]), plain(net), "{year}");
    }
    let quarters: Vec<String> = by("ordered_on:quarter").values().map(|figures| plain(&figures[1])).collect();
    let wanted: Vec<String> = expected["net_by_quarter"].as_object().unwrap().values().map(plain).collect();
    assert_eq!(quarters, wanted);
    let owners = by("owner");
    for (name, net) in expected["net_by_employee"].as_object().unwrap() {
        let last = name.rsplit(' ').next().unwrap();
        assert_eq!(
            (&owners[last][0], plain(&owners[last][1])),
            (&expected["orders_by_employee"][name], plain(net)),
            "{name}"
        );
    }
    let best =
        json!({"entity": "northwind.customer", "sort": ["-net"], "limit": 10, "fields": ["name", "net"]});
    let best = call(admin, "query.run", best);
    let best: Vec<String> =
        best["rows"].as_array().unwrap().iter().map(|row| plain(&row["values"]["net"])).collect();
    let mut wanted: Vec<String> =
        expected["net_top10_customers"].as_object().unwrap().values().map(plain).collect();
    wanted.sort_by_key(|net| std::cmp::Reverse(net.parse::<Decimal>().unwrap()));
    assert_eq!(best, wanted, "a rollup of rollups, by which the list is sorted");
    let without = json!({"expression": "orders == 0"});
    assert_eq!(
        count(admin, "northwind.customer", without),
        json!(expected["customers_without_orders"].as_array().unwrap().len())
    );
    assert_eq!(
        count(admin, "northwind.order", json!({"field": "shipped_on", "op": "is_null"})),
        expected["unshipped_orders"]
    );
    assert_eq!(
        count(admin, "northwind.order", json!({"is_late": true})),
        expected["shipped_after_required_date"]
    );
    let_them_read(&house);
    for (name, orders) in expected["orders_visible_with_subordinates"].as_object().unwrap() {
        let session = house.crm.session_for(name.rsplit(' ').next().unwrap()).unwrap();
        assert_eq!(count(&session, "northwind.order", Json::Null), *orders, "{name}");
        let net =
            report(&session, json!({"entity": "northwind.order", "measures": [{"sum": "net"}]})).remove(0).1;
        assert_eq!(plain(&net[0]), plain(&expected["net_visible_with_subordinates"][name]), "{name}");
    }
    let _ = house.verified();
}

#[test]
fn easy_spaces_is_a_package_and_its_trees_come_in_with_their_links() {
    let Some(data) = shared_data("easy_spaces") else { return };
    let house = house("easy_spaces.json");
    // The plan names its files, and the counts are those of whoever put the sample together.
    let expected = file_of(&data, "expected_counts");
    let of_file = |file: &str| expected[format!("salesforce_easy_spaces/{file}")].clone();
    let rows_of = |plan: &str| -> u64 {
        files_of(&data, plan).iter().map(|file| of_file(file)["records"].as_u64().unwrap()).sum()
    };
    let bring = |plan: &str| {
        let read = |file: &String| (file.clone(), json!(fs::read_to_string(data.join(file)).unwrap()));
        let files: Json = files_of(&data, plan).iter().map(read).collect::<serde_json::Map<_, _>>().into();
        // The engine's own leads have that name too.
        let entities = json!({"Lead": "easy_spaces.lead"});
        let given = json!({"source": "easy_spaces", "files": files, "entities": entities});
        import(&house, "import.tree", given, &data.join(format!("{plan}.json")), rows_of(plan));
    };
    let plans = ["Plan1", "Plan2"];
    plans.iter().for_each(|plan| bring(plan));
    let before = house.crm.head().unwrap().position;
    // The other two plans name files of the second once more, and all links are found by what stands.
    let again = ["Plan1", "Plan2", "Market__c-Space__c-plan", "Reservation__c-plan"];
    again.iter().for_each(|plan| bring(plan));
    assert_eq!(house.crm.head().unwrap().position, before, "the same files again change nothing");
    let admin = &house.admin;
    let entities = [
        ("Account", "crm.account"),
        ("Contact", "crm.contact"),
        ("Lead", "easy_spaces.lead"),
        ("Market__c", "easy_spaces.market"),
        ("Space__c", "easy_spaces.space"),
        ("Reservation__c", "easy_spaces.reservation"),
    ];
    for file in plans.iter().flat_map(|plan| files_of(&data, plan)) {
        let (told, kind) = (of_file(&file), of_file(&file)["types"][0].clone());
        let (_, entity) = entities.iter().find(|(known, _)| *known == kind).unwrap();
        assert_eq!(count(admin, entity, Json::Null), told["records"], "{entity}");
    }
    check_tables(&house, &data, &|file| of_file(file)["records"].as_u64().unwrap());
    // Each market has every one of the twelve spaces.
    let markets = call(admin, "query.run", json!({"entity": "easy_spaces.market", "limit": 100}));
    let spaces = markets["rows"].as_array().unwrap().iter().map(|row| row["values"]["spaces"].clone());
    assert_eq!(spaces.collect::<Vec<_>>(), vec![json!(12); 11]);
    let file = fs::read_to_string(data.join("Space__cs.json")).unwrap();
    let file: Json = serde_json::from_str(&file).unwrap();
    let quiet = |space: &&Json| space["Type__c"].as_str().unwrap().split(';').any(|kind| kind == "Quiet");
    let expected = file["records"].as_array().unwrap().iter().filter(quiet).count();
    assert_eq!(count(admin, "easy_spaces.space", json!({"types": "quiet"})), json!(expected));
    let reserved = json!({"entity": "easy_spaces.reservation", "filter": {"guests": 150}, "display": true});
    let reserved = call(admin, "query.run", reserved);
    let row = &reserved["rows"][0]["values"];
    let title = |field: &str| reserved["titles"][row[field].as_str().unwrap()].clone();
    let market = &file_of(&data, "Market__cs")["records"][2]["Name"];
    let contact = &file_of(&data, "Contacts")["records"][2];
    let name =
        format!("{} {}", contact["FirstName"].as_str().unwrap(), contact["LastName"].as_str().unwrap());
    assert_eq!((title("market"), title("contact")), (market.clone(), json!(name)));
    let worked = json!({"field": "contact.account.name", "op": "eq", "value": account_of(&data, contact)});
    assert_eq!(count(admin, "easy_spaces.reservation", worked), json!(1));
    let _ = house.verified();
}

fn file_of(data: &Path, name: &str) -> Json {
    serde_json::from_str(&fs::read_to_string(data.join(format!("{name}.json"))).unwrap()).unwrap()
}

/// The files that a plan names, in its order.
fn files_of(data: &Path, plan: &str) -> Vec<String> {
    let plan = file_of(data, plan);
    let steps = plan.as_array().unwrap().iter();
    let files = steps.flat_map(|step| step["files"].as_array().unwrap());
    files.map(|file| file.as_str().unwrap().to_owned()).collect()
}

/// Four of the trees are there once more as tables: a database that those are brought into has the same records.
fn check_tables(trees: &House, data: &Path, rows_of: &dyn Fn(&str) -> u64) {
    let tables = house("easy_spaces.json");
    let person = ["name", "easy_spaces.first_name", "easy_spaces.last_name", "easy_spaces.mailing_city"];
    let lead =
        ["name", "company", "email", "mobile_phone", "job_title", "industry", "street", "city", "country"];
    let space = [
        "name",
        "market",
        "category",
        "types",
        "daily_rate",
        "maximum_capacity",
        "minimum_capacity",
        "picture",
    ];
    let spaces = json!({
        "Daily_Booking_Rate": "daily_rate", "Maximum_Capacity": "maximum_capacity", "Type": "types",
        "Minimum_Capacity": "minimum_capacity", "Picture_URL": "picture",
    });
    for (table, tree, entity, key, fields, mapping) in [
        (
            "Market_Data",
            "Market__cs",
            "easy_spaces.market",
            "Name",
            &["name", "city", "state", "country"][..],
            json!({}),
        ),
        ("Space_Data", "Space__cs", "easy_spaces.space", "Name", &space[..], spaces),
        ("Lead_Data", "Leads", "easy_spaces.lead", "Email", &lead[..], json!({})),
        ("Contact_Data", "Contacts", "crm.contact", "Email", &person[..], json!({"Reservation_Status": "-"})),
    ] {
        let given = json!({"entity": entity, "key": key, "source": "tables", "mapping": mapping});
        import(
            &tables,
            "import.csv",
            given,
            &data.join(format!("{table}.csv")),
            rows_of(&format!("{tree}.json")),
        );
        assert_eq!(told_of(&tables, entity, fields), told_of(trees, entity, fields), "{table}");
    }
}

/// What the records of an entity have in some fields, by their names, of which no two are equal.
fn told_of(house: &House, entity: &str, fields: &[&str]) -> BTreeMap<String, Json> {
    let asked = json!({"entity": entity, "fields": fields, "display": true, "limit": 1_000});
    let told = call(&house.admin, "query.run", asked);
    let rows = told["rows"].as_array().unwrap().iter().map(|row| {
        let mut values = row["values"].clone();
        if let Some(market) = values.get("market").and_then(Json::as_str) {
            values["market"] = told["titles"][market].clone();
        }
        (values["name"].as_str().unwrap().to_owned(), values)
    });
    rows.collect()
}

/// The name of the account that a contact of the files refers to.
fn account_of(data: &Path, contact: &Json) -> Json {
    let wanted = contact["AccountId"].as_str().unwrap().trim_start_matches('@').to_owned();
    let accounts = file_of(data, "Accounts");
    let mut accounts = accounts["records"].as_array().unwrap().iter();
    accounts.find(|account| account["attributes"]["referenceId"] == wanted).unwrap()["Name"].clone()
}
