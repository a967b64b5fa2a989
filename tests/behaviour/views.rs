//! Saved views: found by name, one's own before those of a role before everyone's.

use guanxi::api::call;
use guanxi::engine::{Action, Level, MAX_RECENT};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Session};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn save(session: &Session, more: &Json) -> guanxi::Result<Json> {
    let mut given = json!({"entity": "account", "name": "mine"});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(session, "view.save", &given)
}

fn run(session: &Session, name: &str) -> guanxi::Result<Json> {
    call(session, "view.run", &json!({"entity": "account", "name": name}))
}

fn names(told: &Json) -> Vec<&str> {
    told["rows"].as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap()).collect()
}

fn accounts(house: &House) {
    for (name, city) in [("甲", "上海"), ("乙", "北京"), ("丙", "上海")] {
        let _ = house.create(Account::NAME, &Changes::new().set("name", name).set("city", city));
    }
}

#[test]
fn a_view_lists_its_columns_in_its_order_by_its_condition() {
    let house = database();
    accounts(&house);
    let definition = json!({"columns": ["name", "city", "number"], "sort": ["-name"], "group": "city"});
    save(&house.admin, &definition).unwrap();
    let told = run(&house.admin, "mine").unwrap();
    let cities: Vec<_> = told["rows"].as_array().unwrap().iter().map(|row| &row["cells"]["city"]).collect();
    assert_eq!(cities, ["上海", "上海", "北京"]);
    assert_eq!(told["columns"][1], json!({"name": "city", "label": "City"}));
    assert_eq!(told["rows"][2]["cells"], json!({"name": "乙", "city": "北京", "number": 2}));
    // A view of the same name takes its place.
    save(&house.admin, &json!({"filter": {"city": "北京"}})).unwrap();
    assert_eq!(names(&run(&house.admin, "mine").unwrap()), ["乙"]);
    let listed = call(&house.admin, "view.list", &json!({})).unwrap();
    assert_eq!(listed["views"].as_array().unwrap().len(), 1);
}

#[test]
fn one_finds_one_s_own_view_before_that_of_a_role_before_everyone_s() {
    let house = database();
    accounts(&house);
    let lin = house.user_as("lin", "director");
    let chen = house.user_as("chen", "salesperson");
    save(&house.admin, &json!({"audience": "everyone", "filter": {"city": "北京"}})).unwrap();
    save(&house.admin, &json!({"audience": "role", "role": "director", "filter": {"name": "甲"}})).unwrap();
    assert_eq!(names(&run(&lin, "mine").unwrap()), ["甲"]);
    let own = save(&lin, &json!({"filter": {"name": "丙"}})).unwrap();
    assert_eq!(names(&run(&lin, "mine").unwrap()), ["丙"]);
    // What a view lists is what its user may see.
    assert!(names(&run(&chen, "mine").unwrap()).is_empty());
    assert_eq!(call(&chen, "view.list", &json!({})).unwrap()["views"][0]["audience"], "everyone");
    assert_eq!(
        call(&chen, "view.delete", &json!({"id": own["id"]})).unwrap_err().code(),
        Code::RecordNotFound
    );
    call(&lin, "view.delete", &json!({"id": own["id"]})).unwrap();
    let role = call(&lin, "view.list", &json!({"entity": "account"})).unwrap()["views"][0].clone();
    assert_eq!(role["audience"], "role");
    assert_eq!(call(&lin, "view.delete", &json!({"id": role["id"]})).unwrap_err().code(), Code::NotPermitted);
    for audience in [json!({"audience": "everyone"}), json!({"audience": "role", "role": "director"})] {
        assert_eq!(save(&lin, &audience).unwrap_err().code(), Code::NotPermitted);
    }
    let _ = house.verified();
}

#[test]
fn the_people_of_a_unit_and_of_those_below_it_find_its_views_the_nearest_first() {
    let house = database();
    accounts(&house);
    let [east, desk, west] = ["华东", "上海前台", "西部"].map(|name| house.unit(name));
    house.change("sys.unit", desk, &guanxi::Changes::new().set("parent", east));
    let [lin, chen, wang] =
        [("lin", Some(desk)), ("chen", Some(east)), ("wang", Some(west))].map(|(name, unit)| {
            let person = house.user_as(name, "director");
            house.change("sys.user", person.user(), &guanxi::Changes::new().set("unit", unit));
            person
        });
    let found = |who: &Session| {
        let told = call(who, "view.list", &json!({"entity": "account"})).unwrap();
        told["views"]
            .as_array()
            .unwrap()
            .iter()
            .map(|view| view["unit"].as_str().unwrap_or("none").to_owned())
            .collect::<Vec<_>>()
    };
    let of = |unit: &str| json!({"audience": "unit", "unit": unit, "filter": {"name": "甲"}});
    save(&house.admin, &of("华东")).unwrap();
    assert_eq!([&lin, &chen, &wang].map(found), [vec!["华东"], vec!["华东"], vec![]]);
    assert_eq!(names(&run(&lin, "mine").unwrap()), ["甲"]);
    save(&house.admin, &of("上海前台")).unwrap();
    assert_eq!([&lin, &chen, &wang].map(found), [vec!["上海前台"], vec!["华东"], vec![]]);
    save(&house.admin, &json!({"audience": "everyone"})).unwrap();
    assert_eq!([&lin, &chen, &wang].map(found), [vec!["上海前台"], vec!["华东"], vec!["none"]]);
    // One of a role goes before that of a unit; saved again it takes the place of what stood.
    save(&house.admin, &json!({"audience": "role", "role": "director"})).unwrap();
    save(&house.admin, &of("华东")).unwrap();
    assert_eq!(found(&lin), ["none"]);
    assert_eq!(house.admin.count("sys.view", &guanxi::Condition::Everything).unwrap(), 4);
    assert_eq!(save(&lin, &of("华东")).unwrap_err().code(), Code::NotPermitted);
    assert_eq!(save(&house.admin, &of("nowhere")).unwrap_err().code(), Code::ReferenceMissing);
    let wrong = json!({"audience": "unit", "role": "director"});
    assert_eq!(save(&house.admin, &wrong).unwrap_err().code(), Code::InvalidArgument);
    // Everyone's views are found by an index, whatever views others have.
    let explained = call(
        &house.admin,
        "query.explain",
        &json!({"entity": "sys.view", "filter": {"user": null, "role": null, "for_unit": null, "for_team": null}}),
    );
    let explained = explained.unwrap();
    assert_eq!((&explained["index"], &explained["residual"]), (&json!("sys.audiences"), &json!(0)));
    // Before there were teams, the field of the unit was called so.
    let of_unit = |name: &str| {
        let given =
            json!({"entity": "sys.view", "filter": {"field": name, "op": "eq", "value": {"title": "华东"}}});
        call(&house.admin, "query.count", &given).unwrap()["count"].clone()
    };
    assert_eq!([of_unit("for_unit"), of_unit("team")], [json!(1), json!(1)]);
    let _ = house.verified();
}

#[test]
fn the_members_of_a_team_find_its_views_as_long_as_they_belong_to_it() {
    let house = database();
    accounts(&house);
    let [south, north] =
        ["华南组", "华北组"].map(|name| house.create("sys.team", &Changes::new().set("name", name)));
    let [lin, chen] = ["lin", "chen"].map(|name| house.user_as(name, "director"));
    let join = |team: guanxi::RecordId, who: &Session| {
        house.create("sys.team_member", &Changes::new().set("team", team).set("user", who.user()))
    };
    let member = join(south, &lin);
    let _ = join(north, &chen);
    let of = |team: &str, name: &str| json!({"audience": "team", "team": team, "filter": {"name": name}});
    let saved = save(&house.admin, &of("华南组", "甲")).unwrap();
    save(&house.admin, &of("华北组", "乙")).unwrap();
    assert_eq!(names(&run(&lin, "mine").unwrap()), ["甲"]);
    assert_eq!(names(&run(&chen, "mine").unwrap()), ["乙"]);
    let listed = call(&house.admin, "view.list", &json!({})).unwrap();
    assert_eq!(listed["views"], json!([]), "who administers them finds those alone that are meant for them");
    let told = call(&lin, "view.list", &json!({"entity": "account"})).unwrap()["views"][0].clone();
    assert_eq!(
        (&told["audience"], &told["team"], &told["role"], &told["unit"]),
        (&json!("team"), &json!(south.to_string()), &Json::Null, &Json::Null)
    );
    // Saved again it takes the place of what stood.
    assert_eq!(save(&house.admin, &of("华南组", "丙")).unwrap(), saved);
    assert_eq!(names(&run(&lin, "mine").unwrap()), ["丙"]);
    // One's own goes before it, one of a role too, and it goes before that of a unit and everyone's.
    let unit = house.unit("南区");
    house.change("sys.user", lin.user(), &Changes::new().set("unit", unit));
    save(&house.admin, &json!({"audience": "everyone", "filter": {"name": "甲"}})).unwrap();
    save(&house.admin, &json!({"audience": "unit", "unit": "南区", "filter": {"name": "甲"}})).unwrap();
    assert_eq!(names(&run(&lin, "mine").unwrap()), ["丙"]);
    let role = json!({"audience": "role", "role": "director", "filter": {"name": "乙"}});
    let role = save(&house.admin, &role).unwrap();
    assert_eq!(names(&run(&lin, "mine").unwrap()), ["乙"]);
    call(&house.admin, "view.delete", &role).unwrap();
    // Who belongs to a team neither saves nor deletes for it, and who leaves it no longer finds what is its.
    assert_eq!(save(&lin, &of("华南组", "甲")).unwrap_err().code(), Code::NotPermitted);
    assert_eq!(call(&lin, "view.delete", &saved).unwrap_err().code(), Code::NotPermitted);
    house.admin.write(|transaction| transaction.delete_record("sys.team_member", member)).unwrap();
    assert_eq!(names(&run(&lin, "mine").unwrap()), ["甲"]);
    // A view goes with its team.
    let before = house.admin.count("sys.view", &guanxi::Condition::Everything).unwrap();
    house.admin.write(|transaction| transaction.delete_record("sys.team", south)).unwrap();
    assert_eq!(house.admin.count("sys.view", &guanxi::Condition::Everything).unwrap(), before - 1);
    for (wrong, code) in [
        (json!({"audience": "team", "team": "nowhere"}), Code::ReferenceMissing),
        (json!({"audience": "team"}), Code::InvalidArgument),
        (json!({"audience": "team", "unit": "南区"}), Code::InvalidArgument),
        (json!({"audience": "unit", "team": "华北组"}), Code::InvalidArgument),
        (json!({"team": "华北组"}), Code::InvalidArgument),
    ] {
        assert_eq!(save(&house.admin, &wrong).unwrap_err().code(), code, "{wrong}");
    }
    let _ = house.verified();
}

#[test]
fn a_view_is_checked_when_it_is_saved() {
    let house = database();
    let read = [("crm.account", Action::Read, Level::All)];
    let lin = house.user("lin", &[house.role_hiding("lin", &read, "city")]);
    for (definition, code) in [
        (json!({"columns": ["nothing"]}), Code::UnknownField),
        (json!({"sort": ["-nothing"]}), Code::UnknownField),
        (json!({"group": "city"}), Code::UnknownField),
        (json!({"columns": ["city"]}), Code::UnknownField),
        (json!({"filter": {"city": "上海"}}), Code::UnknownField),
        (json!({"filter": {"nothing": 1}}), Code::UnknownField),
        (json!({"filter": {"field": "name", "op": "like"}}), Code::InvalidFilter),
        (json!({"columns": [1]}), Code::InvalidArgument),
        (json!({"audience": "all"}), Code::InvalidArgument),
        (json!({"role": "director"}), Code::InvalidArgument),
        (json!({"name": ""}), Code::Required),
        (json!({"entity": "nothing"}), Code::UnknownEntity),
        (json!({"entity": "contact"}), Code::NotPermitted),
    ] {
        assert_eq!(save(&lin, &definition).unwrap_err().code(), code, "{definition}");
    }
    assert_eq!(run(&lin, "mine").unwrap_err().code(), Code::RecordNotFound);
    let raw =
        json!({"entity": "sys.view", "values": {"name": "a", "entity": "crm.account", "definition": "{}]"}});
    let refused = call(&house.admin, "record.create", &raw).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidDefinition);
}

#[test]
fn a_column_that_is_hidden_from_whoever_runs_the_view_is_left_out() {
    let house = database();
    accounts(&house);
    let read = [("crm.account", Action::Read, Level::All)];
    let lin = house.user("lin", &[house.role_hiding("lin", &read, "city")]);
    save(&house.admin, &json!({"audience": "everyone", "columns": ["name", "city"]})).unwrap();
    let told = run(&lin, "mine").unwrap();
    assert_eq!(told["columns"].as_array().unwrap().len(), 1);
    let shown: Vec<&String> = told["rows"][0]["cells"].as_object().unwrap().keys().collect();
    assert_eq!(shown, ["name"]);
    save(&house.admin, &json!({"audience": "everyone", "group": "city"})).unwrap();
    assert_eq!(run(&lin, "mine").unwrap_err().code(), Code::UnknownField);
}

#[test]
fn every_entity_has_layouts_of_what_the_user_sees() {
    let house = database();
    let layout = |session: &Session, entity: &str, kind: &str| {
        call(session, "schema.layout", &json!({"entity": entity, "kind": kind})).unwrap()
    };
    let fields = |layout: &Json, section: usize| -> Vec<String> {
        let fields = layout["sections"][section]["fields"].as_array().unwrap().iter();
        fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect()
    };
    let list = layout(&house.admin, "opportunity", "list");
    assert_eq!((&list["title"], &fields(&list, 0)[0]), (&json!("title"), &"title".to_owned()));
    let form = layout(&house.admin, "opportunity", "form");
    assert_eq!(fields(&form, 0), ["title"]);
    assert!(!fields(&form, 1).contains(&"status".to_owned()), "what verbs set is in no form");
    assert_eq!(layout(&house.admin, "opportunity", "kanban")["by"], json!(["status"]));
    assert_eq!(layout(&house.admin, "opportunity", "calendar")["by"], json!(["engaged_on"]));
    assert_eq!(layout(&house.admin, "product", "calendar")["by"], json!([]));
    let detail = layout(&house.admin.with_locale(guanxi::Locale::SimplifiedChinese), "account", "detail");
    assert_eq!(
        (&detail["label"], &detail["sections"][1]["fields"][0]["label"]),
        (&json!("客户"), &json!("负责人"))
    );
    // A customer's own entity field is there as any other, and a hidden one is not.
    let read = [("crm.account", Action::Read, Level::All)];
    let lin = house.user("lin", &[house.role_hiding("lin", &read, "kind,city")]);
    assert!(!fields(&layout(&lin, "account", "detail"), 0).contains(&"city".to_owned()));
    assert_eq!(layout(&lin, "account", "kanban")["by"], json!([]));
    let refused = call(&lin, "schema.layout", &json!({"entity": "contact", "kind": "list"}));
    assert_eq!(refused.unwrap_err().code(), Code::NotPermitted);
    let refused = call(&lin, "schema.layout", &json!({"entity": "account", "kind": "map"}));
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let told = call(&lin, "schema.navigation", &json!({})).unwrap();
    let expected = json!([{
        "entity": "crm.account", "label": "Account", "may_create": false,
        "kinds": ["list", "detail", "form", "calendar", "timeline"],
    }]);
    assert_eq!(told["entities"], expected);
}

#[test]
fn a_user_s_views_go_with_the_user() {
    let house = database();
    let lin = house.user("lin", &[house.role("reader", &[("crm.account", Action::Read, Level::All)])]);
    save(&lin, &json!({})).unwrap();
    let assigned = house.admin.list("sys.role_assignment", &guanxi::Find::default()).unwrap();
    for row in assigned.rows.iter().filter(|row| row.value("user").unwrap() == lin.user().into()) {
        house.admin.write(|txn| txn.delete_record("sys.role_assignment", row.record.id)).unwrap();
    }
    house.admin.write(|transaction| transaction.delete_record("sys.user", lin.user())).unwrap();
    assert_eq!(house.admin.count("sys.view", &guanxi::Condition::Everything).unwrap(), 0);
    let _ = house.verified();
}

#[test]
fn what_a_user_looked_at_and_keeps_at_hand_is_bounded_and_told_as_far_as_the_user_sees() {
    let house = database();
    let all = [("crm.account", Action::Read, Level::All)];
    let own = [("crm.account", Action::Read, Level::Own)];
    let lin = house.user("lin", &[house.role("all", &all)]);
    let chen = house.user("chen", &[house.role("own", &own)]);
    let made: Vec<_> = (0..MAX_RECENT + 2)
        .map(|number| house.create(Account::NAME, &Changes::new().set("name", format!("{number}"))))
        .collect();
    let add = |session: &Session, method: &str, id: guanxi::RecordId| {
        call(session, method, &json!({"entity": "account", "id": id.to_string()})).map(drop)
    };
    let told = |session: &Session, method: &str| -> Vec<String> {
        let told = call(session, method, &json!({})).unwrap();
        let records = told["records"].as_array().unwrap().iter();
        records.map(|record| record["title"].as_str().unwrap().to_owned()).collect()
    };
    made.iter().for_each(|id| add(&lin, "recent.add", *id).unwrap());
    add(&lin, "recent.add", made[5]).unwrap();
    let recent = told(&lin, "recent.list");
    assert_eq!(
        (recent.len(), &recent[..2]),
        (MAX_RECENT, &["5".to_owned(), (MAX_RECENT + 1).to_string()][..])
    );
    for id in [made[1], made[2], made[1]] {
        add(&lin, "favourite.add", id).unwrap();
    }
    assert_eq!(told(&lin, "favourite.list"), ["1", "2"]);
    // Nobody else has them, and nobody keeps what is hidden.
    assert!(told(&chen, "recent.list").is_empty());
    for method in ["recent.add", "favourite.add"] {
        assert_eq!(add(&chen, method, made[0]).unwrap_err().code(), Code::RecordNotFound);
    }
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, made[1])).unwrap();
    assert_eq!(told(&lin, "favourite.list"), ["2"]);
    add(&lin, "favourite.remove", made[2]).unwrap();
    assert!(told(&lin, "favourite.list").is_empty());
    let before = house.crm.head().unwrap();
    for id in made.iter().skip(3).cycle().take(10) {
        add(&lin, "favourite.add", *id).unwrap();
    }
    assert_eq!(house.crm.head().unwrap(), before, "they are no part of the ledger");
    let _ = house.verified();
}
