//! The licence plugin in a real database: packed, checked, loaded, and then obeyed by every way in.
#![expect(clippy::unwrap_used, reason = "a test says what it means in the shortest way")]

#[path = "../support/capabilities.rs"]
mod capabilities;
mod containment;
mod extractor;
mod outward;
mod promise;
mod registrar;
mod trust;
mod vendor;

use std::fs;
use std::path::{Path, PathBuf};

use guanxi::base::Label;
use guanxi::features::exchange::ImportOptions;
use guanxi::{Changes, Code, Condition, Crm, Find, Key, KeyCost, Locale, RecordId, Result, Session};
use guanxi_plugin_host::{Manifest, OnFault, install, pack};

const PASSWORD: &str = "a long password";
const FIELD: &str = "cn.guanxi.licence.unified_social_credit_code";
const GOOD: &str = "91110000600037341L";
const BAD: &str = "91110000600037341N";

struct House {
    crm: Crm,
    admin: Session,
    package: PathBuf,
    place: tempfile::TempDir,
}

fn options() -> guanxi::Options {
    let cost = KeyCost { memory_kib: 64, passes: 1, lanes: 1 };
    guanxi::options().key(Key::raw([7; 32])).key_cost(cost).administrator("admin", PASSWORD)
}

fn package(place: &Path, capabilities: &[&str]) -> PathBuf {
    let library = guanxi_examples::shared_library("guanxi-plugin-licence").unwrap();
    let name = Label::new("执照", "Licence");
    let version = env!("CARGO_PKG_VERSION");
    let manifest = Manifest::new("cn.guanxi.licence", version, name, capabilities, OnFault::Reject).unwrap();
    pack(&library, place, manifest).unwrap()
}

fn house() -> House {
    let place = tempfile::tempdir().unwrap();
    let package = package(place.path(), &["schema:crm.account", "hook:crm.account"]);
    let crm = options().create(place.path().join("house.guanxi")).unwrap();
    let admin = crm.sign_in("admin", PASSWORD).unwrap();
    House { crm, admin, package, place }
}

fn create(session: &Session, code: &str) -> Result<RecordId> {
    session.write(|txn| {
        txn.create_record("account", Changes::new().set("name", "上海加喜企业服务有限公司").set(FIELD, code))
    })
}

#[test]
fn a_wrong_check_character_is_refused_in_the_language_of_the_session() {
    let house = house();
    install(&house.crm, std::slice::from_ref(&house.package)).unwrap();
    let error = create(&house.admin, BAD).unwrap_err();
    assert_eq!(
        (error.code(), error.field_name()),
        (Code::PluginRejected, Some("unified_social_credit_code"))
    );
    assert_eq!(error.plugin_name(), Some("cn.guanxi.licence"));
    assert!(error.message(Locale::SimplifiedChinese).contains('L'), "{error}");
    assert_ne!(error.message(Locale::SimplifiedChinese), error.message(Locale::English));
    assert_eq!(house.admin.count("account", &Condition::Everything).unwrap(), 0);
}

#[test]
fn the_field_of_the_plugin_says_what_it_is_for_in_both_languages() {
    let house = house();
    install(&house.crm, std::slice::from_ref(&house.package)).unwrap();
    let told = |locale: &str| {
        let given = serde_json::json!({"entity": "account", "locale": locale});
        let described = guanxi::api::call(&house.admin, "schema.describe", &given).unwrap();
        let fields = described["entities"][0]["fields"].as_array().unwrap().clone();
        let field = fields.into_iter().find(|field| field["name"] == FIELD).unwrap();
        field["help"].as_str().unwrap().to_owned()
    };
    assert!(told("zh-Hans").contains("校验位") && told("en").contains("check character"));
}

#[test]
fn a_good_code_is_normalised_stored_filtered_and_found() {
    let house = house();
    install(&house.crm, std::slice::from_ref(&house.package)).unwrap();
    let id = create(&house.admin, "91 110000 600037341l").unwrap();
    let row = house.admin.get("account", id).unwrap();
    assert_eq!(row.value(FIELD).unwrap().as_text(), Some(GOOD));
    let filter = Condition::Compare(FIELD.into(), guanxi::engine::Comparison::Equal, GOOD.into());
    let page = house.admin.list("account", &Find { filter, ..Find::default() }).unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(house.admin.search(GOOD, None, 5, 0).unwrap().total, 1);
}

#[test]
fn a_historic_code_is_taken_with_a_warning() {
    let house = house();
    install(&house.crm, std::slice::from_ref(&house.package)).unwrap();
    house
        .admin
        .write(|txn| {
            let changes =
                Changes::new().set("name", "厦门云上晴空航空科技有限公司").set(FIELD, "91350211M0000XUF46");
            txn.create_record("account", changes)?;
            assert_eq!(txn.warnings().len(), 1);
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_import_reports_what_the_plugin_refuses_and_takes_the_rest() {
    let house = house();
    install(&house.crm, std::slice::from_ref(&house.package)).unwrap();
    let csv = format!("name,unified_social_credit_code\nA,{GOOD}\nB,{BAD}\nC,\n");
    let report =
        house.admin.import_csv("account", csv.as_bytes(), &ImportOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((report.read, report.taken, report.rejected), (3, 2, 1));
    assert_eq!((report.rows[0].line, report.rows[0].reason), (3, "plugin.rejected"));
}

#[test]
fn a_changed_byte_of_the_library_is_refused_before_it_is_loaded() {
    let house = house();
    let library = fs::read_dir(house.package.join("bin")).unwrap().next().unwrap().unwrap().path();
    let library = fs::read_dir(library).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&library).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&library, bytes).unwrap();
    let error = install(&house.crm, std::slice::from_ref(&house.package)).unwrap_err();
    assert_eq!(error.code(), Code::PluginHash);
    assert!(create(&house.admin, GOOD).is_err(), "the field is not there");
}

#[test]
fn a_plugin_gets_no_more_than_its_manifest_asks_for() {
    let place = tempfile::tempdir().unwrap();
    let package = package(place.path(), &["schema:crm.account"]);
    let crm = options().create(place.path().join("house.guanxi")).unwrap();
    assert_eq!(install(&crm, &[package]).unwrap_err().code(), Code::PluginEntry);
}

#[test]
fn a_second_plugin_of_one_name_is_a_conflict() {
    let house = house();
    install(&house.crm, std::slice::from_ref(&house.package)).unwrap();
    let error = install(&house.crm, std::slice::from_ref(&house.package)).unwrap_err();
    assert_eq!(error.code(), Code::PluginConflict);
}

#[test]
fn what_a_missing_plugin_stored_stays_readable() {
    let house = house();
    install(&house.crm, std::slice::from_ref(&house.package)).unwrap();
    let id = create(&house.admin, GOOD).unwrap();
    let path = house.place.path().join("house.guanxi");
    drop((house.admin, house.crm));
    let crm = options().open(&path).unwrap();
    let admin = crm.sign_in("admin", PASSWORD).unwrap();
    assert_eq!(admin.get("account", id).unwrap().value(FIELD).unwrap().as_text(), Some(GOOD));
    crm.verify(admin.patience()).unwrap();
}
