//! What a writer who is refused learns of the record that has the value already: the record itself where they see it,
//! and otherwise what its unique rule or field says.

use guanxi::engine::{Action, Level};
use guanxi::model::{User, user};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Error, RecordId, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn define(house: &House, reveal: Option<&str>) {
    let mut rule = json!({"name": "code", "fields": [{"field": "x.code"}]});
    if let Some(reveal) = reveal {
        rule["reveal"] = json!(reveal);
    }
    call(&house.admin, "schema.define_unique", json!({"entity": "account", "rule": rule})).unwrap();
}

fn create(session: &Session, values: Json) -> guanxi::Result<RecordId> {
    let made = call(session, "record.create", json!({"entity": "account", "values": values}))?;
    Ok(made["id"].as_str().unwrap().parse().unwrap())
}

/// What an error tells of the record that has the value.
fn holder(error: &Error) -> Json {
    assert_eq!(error.code(), Code::NotUnique, "{error}");
    error.to_json(guanxi::Locale::English)["holder"].clone()
}

/// People who see their own accounts alone, one of whom has an account of the code A, and nobody else has any.
struct Desk {
    house: House,
    wang: Session,
    li: Session,
    account: RecordId,
}

const OWN: [(&str, Action, Level); 4] = [
    ("crm.account", Action::Create, Level::All),
    ("crm.account", Action::Read, Level::Own),
    ("crm.account", Action::Update, Level::Own),
    ("crm.account", Action::Import, Level::All),
];

fn desk() -> Desk {
    let house = database();
    let field = json!({"entity": "account", "name": "code", "field_type": "text", "label_zh": "编码", "label_en": "Code"});
    call(&house.admin, "schema.define_field", field).unwrap();
    let role = house.role("seller", &OWN);
    let (wang, li) = (house.user("wang", &[role]), house.user("li", &[role]));
    let account = create(&wang, json!({"name": "加喜", "x.code": "A"})).unwrap();
    Desk { house, wang, li, account }
}

fn clash() -> Json {
    json!({"name": "别家", "x.code": "a"})
}

#[test]
fn a_writer_who_does_not_see_the_record_learns_what_the_rule_reveals_and_one_who_sees_it_learns_which_it_is()
{
    let Desk { house, wang, li, account } = desk();
    let owner = json!({"reveals": "owner", "owner": wang.user().to_string(), "owner_name": "wang"});
    let cases = [
        (None, Json::Null),
        (Some("existence"), json!({"reveals": "existence"})),
        (Some("owner"), owner),
        (Some("nothing"), Json::Null),
    ];
    for (reveal, told) in cases {
        // What is revealed is the one thing of a rule that may be changed.
        define(&house, reveal);
        let error = create(&li, clash()).unwrap_err();
        assert_eq!(holder(&error), told, "{reveal:?}");
        assert_eq!((error.record_name(), error.field_name()), (None, Some("x.code")));
        let text = error.to_json(guanxi::Locale::English).to_string();
        assert!(!text.contains(&account.to_string()), "{text}");
        assert_eq!(text.contains("wang"), reveal == Some("owner"), "{text}");
        for sees in [&wang, &house.admin] {
            let error = create(sees, clash()).unwrap_err();
            assert_eq!(holder(&error), json!({"reveals": "record", "record": account.to_string()}));
        }
    }
    define(&house, Some("owner"));
    let chinese = create(&li, clash()).unwrap_err().message(guanxi::Locale::SimplifiedChinese);
    assert!(chinese.contains("该记录的负责人是 wang"), "{chinese}");
    let described = call(&house.admin, "schema.describe", json!({"entity": "account"})).unwrap();
    assert_eq!(described["entities"][0]["unique"][0]["reveal"], "owner");
    drop((wang, li));
    let house = house.reopened();
    let li = house.crm.session_for("li").unwrap();
    assert_eq!(holder(&create(&li, clash()).unwrap_err())["owner_name"], "wang");
    let wrong = json!({"entity": "account", "rule": {"name": "code", "fields": [{"field": "name"}], "reveal": "owner"}});
    let error = call(&house.admin, "schema.define_unique", wrong).unwrap_err();
    assert_eq!(error.code(), Code::InvalidDefinition, "nothing else of the rule changes");
}

#[test]
fn a_unique_field_reveals_as_a_rule_does() {
    let Desk { house, wang, li, .. } = desk();
    let index = |reveal: &str| {
        let given = json!({"entity": "account", "field": "x.code", "unique": true, "reveal": reveal});
        call(&house.admin, "schema.index_field", given)
    };
    index("owner").unwrap();
    assert_eq!(holder(&create(&li, clash()).unwrap_err())["owner_name"], "wang");
    index("existence").unwrap();
    assert_eq!(holder(&create(&li, clash()).unwrap_err()), json!({"reveals": "existence"}));
    assert_eq!(holder(&create(&wang, clash()).unwrap_err())["reveals"], "record");
    assert_eq!(index("everything").unwrap_err().code(), Code::InvalidArgument);
    let plain = json!({"entity": "account", "name": "nick", "field_type": "text", "label_zh": "别名", "label_en": "Nick", "reveal": "owner"});
    let error = call(&house.admin, "schema.define_field", plain.clone()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidDefinition, "a field that is not unique has nothing to reveal");
    let mut unique = plain;
    unique["unique"] = json!(true);
    call(&house.admin, "schema.define_field", unique).unwrap();
    create(&wang, json!({"name": "甲", "x.nick": "n"})).unwrap();
    assert_eq!(holder(&create(&li, json!({"name": "乙", "x.nick": "N"})).unwrap_err())["owner_name"], "wang");
}

#[test]
fn every_way_of_writing_reveals_the_same() {
    let Desk { house, li, account, .. } = desk();
    define(&house, Some("owner"));
    let own = create(&li, json!({"name": "自家", "x.code": "B"})).unwrap();
    let told = |error: &Json| {
        assert!(!error.to_string().contains(&account.to_string()), "{error}");
        error["holder"]["owner_name"].clone()
    };
    let by_call = |method: &str, given: Json| {
        let error = call(&li, method, given).unwrap_err();
        told(&error.to_json(guanxi::Locale::English))
    };
    let changed = json!({"entity": "account", "id": own.to_string(), "values": {"x.code": "A"}});
    assert_eq!(by_call("record.update", changed), "wang");
    let upsert = json!({"entity": "account", "source": "erp", "key": "7", "values": clash()});
    assert_eq!(by_call("record.upsert", upsert), "wang");
    let created = json!({"entity": "account", "rows": [clash()]});
    let created = call(&li, "record.bulk_create", created).unwrap();
    assert_eq!(told(&created["rows"][0]["error"]), "wang", "{created}");
    let edited = json!({"entity": "account", "ids": [own.to_string()], "values": {"x.code": "A"}});
    let edited = call(&li, "record.bulk_update", edited).unwrap();
    assert_eq!(told(&edited["rows"][0]["error"]), "wang", "{edited}");
    let imported = json!({"entity": "account", "text": "name,x.code\n别家,A\n"});
    let imported = call(&li, "import.csv", imported).unwrap();
    let message = imported["rows"][0]["message"].as_str().unwrap();
    assert!(message.contains("belongs to wang") && !message.contains(&account.to_string()), "{message}");
}

#[test]
fn nothing_is_revealed_beyond_a_partition_or_by_a_field_that_the_writer_does_not_see() {
    let Desk { house, wang, li, .. } = desk();
    define(&house, Some("owner"));
    let default = json!({"entity": "account", "name": "mark", "field_type": "text", "label_zh": "记号", "label_en": "Mark",
                         "default": "'m'", "unique": true, "reveal": "owner"});
    call(&house.admin, "schema.define_field", default).unwrap();
    create(&wang, json!({"name": "甲"})).unwrap();
    // Whoever sees every account and not the field would learn what is in it.
    let all = [("crm.account", Action::Create, Level::All), ("crm.account", Action::Read, Level::All)];
    let blind = house.user("blind", &[house.role_hiding("blind", &all, "x.mark")]);
    let error = create(&blind, json!({"name": "乙"})).unwrap_err();
    assert_eq!(holder(&error), Json::Null);
    let north = house.partition("north");
    house.change(User::NAME, li.user(), &Changes::new().set(user::PARTITION, north));
    let li = house.crm.session_for("li").unwrap();
    let error = create(&li, json!({"name": "丙", "x.code": "A", "x.mark": "n"})).unwrap_err();
    assert_eq!(holder(&error), Json::Null, "values are unique over all partitions, and nothing else crosses");
}
