//! Packages that bring roles with grants, saved views and commands: compared, made, taken back.

use guanxi::{Code, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

use super::{call, changes, install, label};

/// A package with a role that reads accounts, two views and a command.
fn desk(version: &str, level: &str, views: &[&str]) -> Json {
    let columns = json!({"columns": ["name"], "sort": ["name"]});
    let views = views.iter().map(
        |name| json!({"name": name, "entity": "crm.account", "role": "Front desk", "definition": columns}),
    );
    json!({
        "package": "cn.desk", "version": version, "label": label("Desk"),
        "roles": [{"name": "Front desk", "grants": [
            {"entity": "account", "action": "read", "level": level, "hidden_fields": ["phone"]},
        ]}],
        "views": views.collect::<Vec<_>>(),
        "commands": [{"method": "desk.ring", "label": label("Ring"), "entity": "crm.account", "action": "update"}],
    })
}

fn views(session: &Session) -> Vec<String> {
    let told = api::call(session, "view.list", &json!({"entity": "account"})).unwrap();
    let views = told["views"].as_array().unwrap().iter();
    views.map(|view| view["name"].as_str().unwrap().to_owned()).collect()
}

fn sees(session: &Session) -> usize {
    let told = api::call(session, "query.run", &json!({"entity": "account"}));
    told.map_or(0, |told| told["rows"].as_array().unwrap().len())
}

fn methods(session: &Session) -> Vec<String> {
    session.commands().unwrap().into_iter().map(|command| command.method).collect()
}

fn clerk(house: &House) -> Session {
    let roles = house.admin.read(|reader| reader.find_by_title("sys.role", "Front desk")).unwrap();
    house.user("clerk", &roles)
}

#[test]
fn a_package_brings_roles_views_and_commands_and_takes_them_back() {
    let house = database();
    let account = json!({"entity": "account", "values": {"name": "加喜", "phone": "13812345678"}});
    call(&house, "record.create", account).unwrap();
    let plan = call(
        &house,
        "schema.install_package",
        json!({"package": desk("1.0.0", "all", &["Mine"]), "dry_run": true}),
    );
    let expected = ["added role  Front desk", "added view crm.account Mine", "added command  Ring"];
    assert_eq!(changes(&plan.unwrap()), expected);
    assert!(views(&house.admin).is_empty(), "a dry run leaves nothing behind");
    let done = install(&house, &desk("1.0.0", "all", &["Mine"])).unwrap();
    assert_eq!(changes(&done), expected);

    let session = clerk(&house);
    assert_eq!((sees(&session), views(&session)), (1, vec!["Mine".to_owned()]));
    let row = api::call(&session, "query.run", &json!({"entity": "account"})).unwrap();
    assert!(row["rows"][0]["values"].get("phone").is_none(), "the grant hides it");
    assert!(methods(&house.admin).contains(&"desk.ring".to_owned()));
    assert!(!methods(&session).contains(&"desk.ring".to_owned()), "who may not do it is not offered it");

    let done = install(&house, &desk("1.1.0", "own", &["Others"])).unwrap();
    let expected =
        ["changed role  Front desk", "added view crm.account Others", "withdrawn view crm.account Mine"];
    assert_eq!(changes(&done), expected);
    assert_eq!((sees(&session), views(&session)), (0, vec!["Others".to_owned()]));

    drop(session);
    let house = house.reopened();
    call(&house, "schema.roll_back_package", json!({"package": "cn.desk"})).unwrap();
    let session = house.crm.session_for("clerk").unwrap();
    assert_eq!((sees(&session), views(&session)), (1, vec!["Mine".to_owned()]));
    let given = call(&house, "schema.export_package", json!({"package": "cn.desk"})).unwrap();
    let other = database();
    install(&other, &given["package"]).unwrap();
    assert_eq!(views(&clerk(&other)), ["Mine"]);

    call(&house, "schema.remove_package", json!({"package": "cn.desk"})).unwrap();
    assert_eq!(sees(&session), 0, "a role that somebody has stays, and allows nothing");
    let command = "desk.ring".to_owned();
    assert!(!methods(&house.admin).contains(&command));
    let _ = house.verified();
}

fn commits(house: &House) -> u64 {
    call(house, "database.statistics", json!({})).unwrap()["commits"].as_u64().unwrap()
}

fn entries(house: &House) -> u64 {
    house.crm.verify(&guanxi::Patience::default()).unwrap().entries
}

#[test]
fn a_package_is_installed_rolled_back_and_removed_in_one_commit_each() {
    let house = database();
    let step = |method: &str, given: Json| {
        let before = commits(&house);
        let done = call(&house, method, given).unwrap();
        assert_eq!((commits(&house) - before, &done["commits"]), (1, &json!(1)), "{method}");
    };
    step("schema.install_package", json!({"package": desk("1.0.0", "all", &["Mine"])}));
    step("schema.install_package", json!({"package": desk("1.1.0", "own", &["Others"])}));
    step("schema.roll_back_package", json!({"package": "cn.desk"}));
    step("schema.remove_package", json!({"package": "cn.desk"}));
    // The same once more changes nothing, and a record that cannot be made leaves nothing of the package.
    install(&house, &desk("2.0.0", "all", &["Mine"])).unwrap();
    let standing = (commits(&house), entries(&house), house.crm.registry().version());
    install(&house, &desk("2.0.0", "all", &["Mine"])).unwrap();
    let _ = house.role("Back office", &[]);
    let standing = (standing.0 + 1, entries(&house), standing.2);
    let mut package = desk("3.0.0", "all", &["Mine"]);
    package["roles"][0]["name"] = json!("Back office");
    package["views"] = json!([]);
    assert_eq!(install(&house, &package).unwrap_err().code(), Code::NotUnique);
    assert_eq!((commits(&house), entries(&house), house.crm.registry().version()), standing);
    assert_eq!(views(&clerk(&house)), ["Mine"]);
    let _ = house.verified();
}

#[test]
fn a_role_of_a_package_is_granted_what_the_same_package_declares() {
    let house = database();
    let mut package = desk("1.0.0", "all", &[]);
    let title = json!({"local": 1, "name": "name", "label": label("name"), "kind": {"type": "text"}});
    package["entities"] =
        json!([{"local": 1, "name": "bell", "label": label("bell"), "title": "name", "fields": [title]}]);
    package["roles"][0]["grants"] = json!([
        {"entity": "cn.desk.bell", "action": "read", "level": "all"},
        {"entity": "cn.desk.bell", "action": "create", "level": "all"},
    ]);
    package["views"] =
        json!([{"name": "Bells", "entity": "cn.desk.bell", "definition": {"columns": ["name"]}}]);
    install(&house, &package).unwrap();
    let session = clerk(&house);
    let given = json!({"entity": "cn.desk.bell", "values": {"name": "一"}});
    api::call(&session, "record.create", &given).unwrap();
    let rows = api::call(&session, "view.run", &json!({"entity": "cn.desk.bell", "name": "Bells"})).unwrap();
    assert_eq!(rows["rows"].as_array().unwrap().len(), 1);
    let _ = house.verified();
}

#[test]
fn a_package_whose_roles_views_or_commands_name_what_there_is_not_is_refused_whole() {
    let house = database();
    let refused = |spoil: &dyn Fn(&mut Json)| {
        let mut package = desk("1.0.0", "all", &["Mine"]);
        spoil(&mut package);
        install(&house, &package).unwrap_err().code()
    };
    assert_eq!(
        refused(&|package| package["roles"][0]["grants"][0]["entity"] = json!("nothing")),
        Code::UnknownEntity
    );
    assert_eq!(
        refused(&|package| package["roles"][0]["grants"][0]["level"] = json!("everywhere")),
        Code::InvalidDefinition
    );
    assert_eq!(
        refused(&|package| package["roles"][0]["grants"][0]["hidden_fields"] = json!(["phnoe"])),
        Code::UnknownField
    );
    assert_eq!(refused(&|package| package["roles"][0]["grant"] = json!([])), Code::InvalidDefinition);
    assert_eq!(
        refused(&|package| package["views"][0]["definition"]["spiral"] = json!(true)),
        Code::InvalidDefinition
    );
    assert_eq!(
        refused(&|package| package["views"][0]["definition"]["sort"] = json!(["nmae"])),
        Code::UnknownField
    );
    assert_eq!(refused(&|package| package["views"][0]["role"] = json!("Nobody")), Code::ReferenceMissing);
    assert_eq!(
        refused(&|package| package["commands"][0]["action"] = json!("dance")),
        Code::InvalidDefinition
    );
    let _ = house.role("Front desk", &[]);
    assert_eq!(refused(&|_| {}), Code::NotUnique, "a role of somebody else bears the name");
    let packages = call(&house, "schema.packages", json!({})).unwrap();
    let active = packages["packages"].as_array().unwrap().iter().filter(|package| package["active"] == true);
    assert_eq!(active.count(), 0);
    assert!(views(&house.admin).is_empty());
    let clerk = house.user_as("plain", "salesperson");
    let given = json!({"package": desk("1.0.0", "all", &[])});
    assert_eq!(api::call(&clerk, "schema.install_package", &given).unwrap_err().code(), Code::NotPermitted);
}
