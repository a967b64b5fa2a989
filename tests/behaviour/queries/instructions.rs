//! How many instructions a list takes over a field that a vendor declared, and over one that a customer added: counted
//! by valgrind, so that no other work on the machine has a part in it.
//!
//! `cargo test --test behaviour instructions -- --ignored --nocapture` prints both numbers.

use std::env;
use std::path::Path;
use std::process::Command;

use guanxi::api::call;
use guanxi::engine::{Comparison, Direction, Filter, Find};
use guanxi::{Changes, Session, Value};
use guanxi_tests::{ADMIN, options};
use serde_json::json;

/// What the process that is counted asks for: the database, the form and the number of lists, with `|` between.
const ASKED: &str = "GUANXI_COUNTED";
/// Lists in the longer one of two processes, beyond the one of both.
const LISTS: u64 = 200;
/// Rows of a list.
const ROWS: usize = 50;

fn fields(form: &str) -> [&'static str; 2] {
    if form == "custom" { ["x.town", "x.places"] } else { ["city", "employees"] }
}

/// Accounts that say the same in a vendor's fields and in a customer's, each with an index of its own.
fn fill(admin: &Session) {
    for (name, kind) in [("town", "text"), ("places", "int")] {
        let field =
            json!({"entity": "account", "name": name, "field_type": kind, "label_zh": "字", "label_en": "F"});
        call(admin, "schema.define_field", &field).unwrap();
    }
    for form in ["vendor", "custom"] {
        let [city, places] = fields(form);
        let index = json!({"entity": "account", "name": format!("by_{form}"), "fields": [city, format!("-{places}")]});
        call(admin, "schema.define_index", &index).unwrap();
    }
    let written = admin.write(|transaction| {
        for number in 0..400_i64 {
            let city = if number % 4 == 0 { "上海" } else { "北京" };
            let mut changes = Changes::new().set("name", format!("account {number}"));
            for form in ["vendor", "custom"] {
                let [town, places] = fields(form);
                changes = changes.set(town, city).set(places, number);
            }
            transaction.create_record("account", changes)?;
        }
        Ok(())
    });
    written.unwrap();
}

fn ask(session: &Session, form: &str, times: u64) {
    let [city, places] = fields(form);
    for _ in 0..times {
        let find = Find {
            filter: Filter::Compare(city.into(), Comparison::Equal, Value::from("上海")),
            sort: vec![(places.into(), Direction::Descending)],
            limit: ROWS,
            ..Find::default()
        };
        assert_eq!(session.list("account", &find).unwrap().rows.len(), ROWS);
    }
}

/// Instructions of a process that opens the database and asks so many times.
fn counted(path: &Path, form: &str, times: u64) -> u64 {
    let name = "queries::instructions::a_list_over_a_customers_field_takes_what_one_over_a_vendors_takes";
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--test-threads=1"])
        .env(ASKED, format!("{}|{form}|{times}", path.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let (_, count) = said.split_once("Collected : ").unwrap();
    count.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
#[ignore = "it needs valgrind and takes some minutes"]
fn a_list_over_a_customers_field_takes_what_one_over_a_vendors_takes() {
    if let Ok(asked) = env::var(ASKED) {
        let mut parts = asked.split('|');
        // What is kept in memory depends on hashes, which are others in each process.
        let crm = options().record_cache_bytes(0).open(parts.next().unwrap()).unwrap();
        let session = crm.session_for(ADMIN).unwrap();
        return ask(&session, parts.next().unwrap(), parts.next().unwrap().parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counted.guanxi");
    let crm = options().create(&path).unwrap();
    fill(&crm.session_for(ADMIN).unwrap());
    drop(crm);
    // What opening takes is in both processes of a form, and goes out with the difference.
    let [vendor, custom] =
        ["vendor", "custom"].map(|form| (counted(&path, form, 1 + LISTS) - counted(&path, form, 1)) / LISTS);
    eprintln!("instructions of a list: {vendor} over a vendor's field, {custom} over a customer's");
    assert!(vendor.abs_diff(custom) * 20 <= vendor, "{vendor} and {custom} are more than 5 % apart");
}
