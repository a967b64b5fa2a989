//! Phone numbers: E.164 where they parse, by the region of the database; every other one as it was written, told to
//! whoever writes it, and found by whoever looks for such numbers.

use guanxi::{Code, Session, api};
use guanxi_tests::database;
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn contact(session: &Session, name: &str, phone: &str) -> Json {
    let given = json!({"entity": "contact", "values": {"name": name, "phone": phone}});
    call(session, "record.create", given).unwrap()
}

fn read(session: &Session, created: &Json) -> Json {
    call(session, "record.get", json!({"entity": "contact", "id": created["id"]})).unwrap()
}

fn unparsed(session: &Session) -> Vec<String> {
    let filter = json!({"expression": "!isPhone(phone)"});
    let found = call(session, "query.run", json!({"entity": "contact", "filter": filter, "sort": ["name"]}));
    let rows = found.unwrap()["rows"].as_array().unwrap().clone();
    rows.iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_phone_that_does_not_parse_is_kept_as_it_was_written_and_everybody_can_tell() {
    let house = database();
    for (place, text) in
        [" ask at the desk ", "12", "+12", "１２３ａ", "021-58881234 转 8001"].iter().enumerate()
    {
        let created = contact(&house.admin, &format!("raw {place}"), text);
        assert_eq!(created["warnings"][0]["code"], "schema.phone_unparsed", "{text}");
        assert_eq!(created["warnings"][0]["field"], "phone");
        let record = read(&house.admin, &created);
        assert_eq!((&record["values"]["phone"], &record["unparsed"]), (&json!(text), &json!(["phone"])));
    }
    let plain = contact(&house.admin, "plain", "138 1234 5678");
    contact(&house.admin, "none", "  ");
    let record = read(&house.admin, &plain);
    assert_eq!((&plain["warnings"], &record["values"]["phone"]), (&json!([]), &json!("+8613812345678")));
    assert!(record.get("unparsed").is_none());
    let expected: Vec<String> = (0..5).map(|place| format!("raw {place}")).collect();
    assert_eq!(unparsed(&house.admin), expected);
    let again = json!({"entity": "contact", "id": plain["id"], "values": {"name": "still plain"}});
    assert_eq!(call(&house.admin, "record.update", again).unwrap()["warnings"], json!([]));
    let _ = house.verified();
}

#[test]
fn numbers_without_country_code_are_read_by_the_region_that_the_configuration_says() {
    let house = database();
    let abroad = contact(&house.admin, "before", "(609) 555-2368");
    assert_eq!(read(&house.admin, &abroad)["unparsed"], json!(["phone"]));
    let set = |region: &str| {
        call(&house.admin, "configuration.set", json!({"settings": {"regional.phone_region": region}}))
    };
    set("US").unwrap();
    let after = contact(&house.admin, "after", "(609) 555-2368");
    assert_eq!(read(&house.admin, &after)["values"]["phone"], "+16095552368");
    let filter = json!({"field": "phone", "op": "eq", "value": "609-555-2368"});
    let found = call(&house.admin, "query.run", json!({"entity": "contact", "filter": filter})).unwrap();
    assert_eq!(found["rows"][0]["title"], "after");
    assert_eq!(
        read(&house.admin, &abroad)["values"]["phone"],
        "(609) 555-2368",
        "what stands is not altered"
    );
    for wrong in ["cn", "XX", "China"] {
        assert_eq!(set(wrong).unwrap_err().code(), Code::InvalidConfiguration, "{wrong}");
    }
    let house = house.reopened();
    let later = contact(&house.admin, "later", "609 555 2369");
    assert_eq!(read(&house.admin, &later)["values"]["phone"], "+16095552369");
}

#[test]
fn an_import_takes_what_does_not_parse_with_a_warning_of_its_own_code() {
    let house = database();
    let text = "name,phone\nA,13812345678\nB, at the desk\n";
    let report = call(&house.admin, "import.csv", json!({"entity": "contact", "text": text})).unwrap();
    assert_eq!((&report["taken"], &report["warned"]), (&json!(1), &json!(1)));
    let row = &report["rows"][0];
    let told = (&row["line"], &row["outcome"], &row["field"], &row["reason"]);
    let expected = (json!(3), json!("taken_with_warning"), json!("phone"), json!("schema.phone_unparsed"));
    assert_eq!(told, (&expected.0, &expected.1, &expected.2, &expected.3));
    assert_eq!(unparsed(&house.admin), ["B"]);
    let filter = json!({"field": "name", "op": "eq", "value": "B"});
    let found = call(&house.admin, "query.run", json!({"entity": "contact", "filter": filter})).unwrap();
    assert_eq!(found["rows"][0]["values"]["phone"], " at the desk");
}

#[test]
fn a_list_of_unparsed_phones_reads_an_index_where_a_formula_keeps_one() {
    let house = database();
    let field = json!({
        "entity": "contact", "name": "callable", "field_type": "formula", "expression": "isPhone(phone)",
        "label_zh": "可拨打", "label_en": "Callable", "indexed": true,
    });
    call(&house.admin, "schema.define_field", field).unwrap();
    contact(&house.admin, "A", "13812345678");
    contact(&house.admin, "B", "desk");
    let filter = json!({"field": "x.callable", "op": "eq", "value": false});
    let given = json!({"entity": "contact", "filter": filter});
    assert_eq!(call(&house.admin, "query.run", given.clone()).unwrap()["rows"][0]["title"], "B");
    let plan = call(&house.admin, "query.explain", given).unwrap();
    assert_eq!(plan["index"], "x.callable", "{plan}");
}

#[test]
fn a_masked_number_does_not_tell_whether_it_parsed() {
    use guanxi::engine::{Action, Level};
    let house = database();
    let created = contact(&house.admin, "B", "ask at the desk");
    let role = house.role("clerk", &[("crm.contact", Action::Read, Level::All)]);
    let clerk = house.user("clerk", &[role]);
    assert_eq!(read(&clerk, &created)["unparsed"], json!(["phone"]));
    let grants = json!({
        "entity": "sys.grant",
        "filter": {"field": "role", "op": "eq", "value": role.to_string()},
    });
    let grants = call(&house.admin, "query.run", grants).unwrap();
    let change = json!({
        "entity": "sys.grant", "id": grants["rows"][0]["id"], "values": {"masked_fields": "phone"},
    });
    call(&house.admin, "record.update", change).unwrap();
    let record = read(&clerk, &created);
    assert!(record.get("unparsed").is_none() && record["values"]["phone"] != "ask at the desk", "{record}");
}
