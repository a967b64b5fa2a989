//! Layouts with conditions, for devices and partitions, and of a user's own: what is shown, and never what may be seen.

use guanxi::engine::{Action, Level, User, user};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Session, api};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn define(session: &Session, layout: Json) -> guanxi::Result<Json> {
    call(session, "schema.define_layout", json!({"entity": "account", "layout": layout}))
}

fn section(fields: &[&str]) -> Json {
    json!({"label": {"zh": "栏", "en": "Part"}, "fields": fields})
}

fn layout(session: &Session, more: Json) -> Json {
    let mut given = json!({"entity": "account", "kind": "form"});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(session, "schema.layout", given).unwrap()
}

/// The first column of a form whose fields are those of its first section.
fn first(session: &Session, more: Json) -> String {
    layout(session, more)["sections"][0]["fields"][0]["name"].as_str().unwrap().to_owned()
}

#[test]
fn a_condition_is_told_as_an_expression_and_answered_of_a_record_by_what_the_reader_sees() {
    let house = database();
    let conditional = json!({"kind": "form", "append": false, "visible_when": {"phone": "city == '上海'"}, "sections": [
        section(&["name", "phone"]),
        {"label": {"zh": "规模", "en": "Size"}, "fields": ["employees"], "visible_when": "revenue > 100m"},
    ]});
    let wrong = |adjust: &dyn Fn(&mut Json)| {
        let mut layout = conditional.clone();
        adjust(&mut layout);
        refusal(define(&house.admin, layout))
    };
    assert_eq!(
        wrong(&|layout| layout["sections"][1]["visible_when"] = json!("name")),
        Code::InvalidExpression
    );
    assert_eq!(
        wrong(&|layout| layout["visible_when"]["phone"] = json!("nowhere == 1")),
        Code::InvalidExpression
    );
    assert_eq!(wrong(&|layout| layout["visible_when"]["nothing"] = json!("true")), Code::UnknownField);
    let mut typed = conditional.clone();
    typed["sections"][1]["visible_when"] = json!("employees > 100");
    define(&house.admin, typed).unwrap();
    let shown = |session: &Session, record: Json| {
        let told = layout(session, json!({"record": record}));
        let part = |part: &Json| (part["visible_when"].clone(), part["visible"].clone());
        let fields = told["sections"][0]["fields"].as_array().unwrap().clone();
        let phone = fields.iter().find(|field| field["name"] == "phone").map(part);
        (phone, part(&told["sections"][1]))
    };
    let (city, size) = (json!("city == '上海'"), json!("employees > 100"));
    assert_eq!(
        shown(&house.admin, Json::Null),
        (Some((city.clone(), Json::Null)), (size.clone(), Json::Null))
    );
    let make = |values: Changes| house.create("account", &values.set("name", "a")).to_string();
    let here = make(Changes::new().set("city", "上海").set("employees", 7));
    let there = make(Changes::new().set("city", "北京").set("employees", 700));
    // Of a record without value nothing is known, and unknown is not enough.
    let unknown = make(Changes::new());
    for (record, phone, many) in [(&here, true, false), (&there, false, true), (&unknown, false, false)] {
        let expected = (Some((city.clone(), json!(phone))), (size.clone(), json!(many)));
        assert_eq!(shown(&house.admin, json!(record)), expected);
    }
    // Who does not see a field learns nothing of it by a condition: neither its text nor its answer.
    let role = house.role_hiding("sales", &[("crm.account", Action::Read, Level::All)], "city");
    let lin = house.user("lin", &[role]);
    for record in [&here, &there] {
        assert_eq!(shown(&lin, json!(record)).0, Some((Json::Null, Json::Null)));
    }
    assert!(!layout(&lin, json!({})).to_string().contains("city"));
    // What is hidden from a reader is shown by no condition.
    let role = house.role_hiding("desk", &[("crm.account", Action::Read, Level::All)], "phone");
    assert_eq!(shown(&house.user("chen", &[role]), json!(here)).0, None);
    drop(lin);
    let house = house.reopened();
    assert_eq!(shown(&house.admin, json!(here)).0, Some((city, json!(true))));
}

#[test]
fn a_layout_is_for_a_device_or_for_the_people_of_a_partition() {
    let house = database();
    let [north, south] = ["北区", "南区"].map(|name| house.partition(name));
    let read = house.role("reads", &[("crm.account", Action::Read, Level::All)]);
    let [lin, wang] = [("lin", north), ("wang", south)].map(|(name, partition)| {
        let person = house.user(name, &[read]);
        house.change(User::NAME, person.user(), &Changes::new().set(user::PARTITION, partition));
        person
    });
    let declare = |field: &str, more: Json| {
        let mut layout = json!({"kind": "form", "append": false, "sections": [section(&[field])]});
        layout.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        define(&house.admin, layout)
    };
    declare("name", json!({})).unwrap();
    declare("city", json!({"device": "phone"})).unwrap();
    assert_eq!(declare("email", json!({"partition": "北区"})).unwrap()["layout"], "form in \"北区\"");
    assert_eq!(refusal(declare("email", json!({"partition": "nowhere"}))), Code::ReferenceMissing);
    assert_eq!(refusal(declare("email", json!({"device": "watch"}))), Code::InvalidDefinition);
    let (none, phone) = (json!({}), json!({"device": "phone"}));
    assert_eq!([&house.admin, &lin, &wang].map(|who| first(who, none.clone())), ["name", "email", "name"]);
    assert_eq!([&house.admin, &lin, &wang].map(|who| first(who, phone.clone())), ["city", "city", "city"]);
    declare("phone", json!({"device": "phone", "partition": "北区"})).unwrap();
    assert_eq!([&lin, &wang].map(|who| first(who, phone.clone())), ["phone", "city"]);
    assert_eq!(first(&lin, json!({"device": "desktop"})), "email");
    let taken = json!({"entity": "account", "kind": "form", "partition": "北区"});
    call(&house.admin, "schema.remove_layout", taken).unwrap();
    assert_eq!(first(&lin, none), "name");
    assert_eq!(first(&lin, phone), "phone");
}

#[test]
fn a_users_own_layout_holds_for_that_user_alone_and_shows_nothing_else() {
    let house = database();
    let role = house.role_hiding("sales", &[("crm.account", Action::Read, Level::All)], "revenue");
    let (lin, wang) = (house.user("lin", &[role]), house.user("wang", &[role]));
    let save = |session: &Session, layout: Json| {
        call(session, "layout.save", json!({"entity": "account", "layout": layout}))
    };
    let own = |field: &str, more: Json| {
        let mut layout = json!({"kind": "form", "append": false, "sections": [section(&[field])]});
        layout.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        layout
    };
    define(&house.admin, own("name", json!({"role": "sales"}))).unwrap();
    save(&lin, own("city", json!({}))).unwrap();
    save(&lin, own("phone", json!({"device": "phone"}))).unwrap();
    let none = json!({});
    assert_eq!([&lin, &wang].map(|who| first(who, none.clone())), ["city", "name"]);
    assert_eq!(first(&lin, json!({"device": "phone"})), "phone");
    save(&lin, own("email", json!({"visible_when": {"email": "city == '上海'"}}))).unwrap();
    drop((lin, wang));
    let house = house.reopened();
    let (lin, wang) = ["lin", "wang"].map(|name| house.admin.crm().session_for(name).unwrap()).into();
    assert_eq!([&lin, &wang].map(|who| first(who, none.clone())), ["email", "name"]);
    let list = |session: &Session| call(session, "layout.list", json!({"entity": "account"})).unwrap();
    assert_eq!(list(&lin)["layouts"].as_array().unwrap().len(), 2);
    assert_eq!(list(&wang)["layouts"], json!([]));
    assert_eq!(refusal(save(&lin, own("revenue", json!({})))), Code::UnknownField);
    let by_hidden = own("city", json!({"visible_when": {"city": "revenue != null"}}));
    assert_eq!(refusal(save(&lin, by_hidden)), Code::InvalidExpression);
    assert_eq!(refusal(save(&lin, own("city", json!({"role": "sales"})))), Code::InvalidDefinition);
    assert_eq!(refusal(call(&lin, "layout.list", json!({"entity": "sys.role"}))), Code::NotPermitted);
    for device in [Json::Null, json!("phone")] {
        let given = json!({"entity": "account", "kind": "form", "device": device});
        call(&lin, "layout.remove", given).unwrap();
    }
    assert_eq!(first(&lin, none), "name");
    assert_eq!(list(&lin)["layouts"], json!([]));
    let _ = house.verified();
}

#[test]
fn a_record_type_is_of_the_records_of_some_partitions() {
    let house = database();
    let [north, south] = ["北区", "南区"].map(|name| house.partition(name));
    let all =
        [Action::Create, Action::Read, Action::Update].map(|action| ("crm.account", action, Level::All));
    let works = house.role("works", &all);
    let [lin, wang] = [("lin", north), ("wang", south)].map(|(name, partition)| {
        let person = house.user(name, &[works]);
        house.change(User::NAME, person.user(), &Changes::new().set(user::PARTITION, partition));
        person
    });
    let codes =
        json!([{"code": "fair", "zh": "展会", "en": "Fair"}, {"code": "shop", "zh": "门店", "en": "Shop"}]);
    let field = json!({"entity": "account", "name": "kind", "field_type": "enum", "label_zh": "类", "label_en": "Kind", "codes": codes});
    call(&house.admin, "schema.define_field", field).unwrap();
    let types = |partitions: Json| {
        json!({"entity": "account", "record_types": {"field": "x.kind", "types": [
            {"code": "fair", "label": {"zh": "展会", "en": "Fair"}, "partitions": partitions},
            {"code": "shop", "label": {"zh": "门店", "en": "Shop"}},
        ]}})
    };
    let define = |partitions: Json| call(&house.admin, "schema.define_record_types", types(partitions));
    assert_eq!(refusal(define(json!(["nowhere"]))), Code::ReferenceMissing);
    define(json!(["北区"])).unwrap();
    let create = |who: &Session, kind: &str| {
        let given = json!({"entity": "account", "values": {"name": kind, "x.kind": kind}});
        call(who, "record.create", given).map(|made| made["id"].clone())
    };
    let active = |who: &Session| {
        let told = call(who, "schema.describe", json!({"entity": "account"})).unwrap();
        told["entities"][0]["record_types"]["types"][0]["active"].clone()
    };
    let fair = create(&lin, "fair").unwrap();
    assert_eq!(refusal(create(&wang, "fair")), Code::CodeNotAllowed);
    assert_eq!(
        refusal(create(&house.admin, "fair")),
        Code::CodeNotAllowed,
        "the organisation's own is none of them"
    );
    create(&wang, "shop").unwrap();
    assert_eq!([&lin, &wang, &house.admin].map(active), [json!(true), json!(false), json!(false)]);
    // What stands stays when the type is of others by now.
    define(json!(["南区"])).unwrap();
    let change = json!({"entity": "account", "id": fair, "values": {"city": "上海"}});
    call(&lin, "record.update", change).unwrap();
    assert_eq!(refusal(create(&lin, "fair")), Code::CodeNotAllowed);
    let _: &House = &house;
}
