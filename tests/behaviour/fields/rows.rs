//! Rows within a record that refer to other records: an order line names its product.

use guanxi::{Changes, Code, RecordId, Session, Value, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

/// Lines of an opportunity, each with a product and how many of it.
fn define_lines(house: &House, on_delete: &str, required: bool) -> guanxi::Result<Json> {
    let given = json!({
        "entity": "opportunity", "name": "lines", "field_type": "rows", "label_zh": "明细", "label_en": "Lines",
        "on_delete": on_delete,
        "columns": [
            {"name": "product", "zh": "产品", "en": "Product", "type": "reference", "target": "product", "required": required},
            {"name": "quantity", "zh": "数量", "en": "Quantity", "type": "int"},
        ],
    });
    call(&house.admin, "schema.define_field", given)
}

fn product(house: &House, name: &str) -> RecordId {
    house.create("crm.product", &Changes::new().set("name", name))
}

fn order(session: &Session, lines: Json) -> guanxi::Result<String> {
    let values = json!({"title": "order", "stage": {"title": "Prospecting"}, "x.lines": lines});
    let made = call(session, "record.create", json!({"entity": "opportunity", "values": values}))?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

fn lines(session: &Session, order: &str) -> Json {
    let read = call(session, "record.get", json!({"entity": "opportunity", "id": order})).unwrap();
    read["values"]["x.lines"].clone()
}

fn delete(house: &House, product: RecordId) -> guanxi::Result<()> {
    house.admin.write(|transaction| transaction.delete_record("crm.product", product))
}

#[test]
fn a_line_names_its_product_and_a_product_that_a_line_names_is_not_deleted() {
    let house = database();
    define_lines(&house, "restrict", true).unwrap();
    let (ink, pen) = (product(&house, "ink"), product(&house, "pen"));
    let given = json!([
        {"product": ink.to_string(), "quantity": 2}, {"product": {"title": "pen"}, "quantity": 1},
        {"product": ink.to_string(), "quantity": 5},
    ]);
    let made = order(&house.admin, given).unwrap();
    let stored = lines(&house.admin, &made);
    assert_eq!(stored[1], json!({"product": pen.to_string(), "quantity": 1}));
    let nobody = RecordId::from_bytes([9; 16]).to_string();
    let missing = order(&house.admin, json!([{"product": nobody}])).unwrap_err();
    assert_eq!((missing.code(), missing.field_name()), (Code::ReferenceMissing, Some("x.lines")));
    let none = order(&house.admin, json!([{"quantity": 1}])).unwrap_err();
    assert_eq!(none.code(), Code::Required);

    assert_eq!(delete(&house, ink).unwrap_err().code(), Code::Referenced);
    let fewer = json!([{"product": ink.to_string(), "quantity": 5}]);
    let change = json!({"entity": "opportunity", "id": made, "values": {"x.lines": fewer}});
    call(&house.admin, "record.update", change).unwrap();
    delete(&house, pen).unwrap();
    assert_eq!(delete(&house, ink).unwrap_err().code(), Code::Referenced, "one of its lines is left");
    let house = house.reopened();
    assert_eq!(delete(&house, ink).unwrap_err().code(), Code::Referenced);
    let _ = house.verified();
    let told = call(&house.admin, "schema.describe", json!({"entity": "opportunity"})).unwrap();
    let fields = told["entities"][0]["fields"].as_array().unwrap().clone();
    let field = fields.iter().find(|field| field["name"] == "x.lines").unwrap();
    assert_eq!(field["details"]["columns"][0]["targets"], json!(["crm.product"]));
    assert_eq!((&field["on_delete"], &field["targets"]), (&json!("restrict"), &json!(["crm.product"])));
}

#[test]
fn a_deleted_product_is_taken_out_of_the_lines_that_named_it_and_out_of_no_other() {
    let house = database();
    assert_eq!(define_lines(&house, "set_null", true).unwrap_err().code(), Code::InvalidDefinition);
    define_lines(&house, "set_null", false).unwrap();
    let (ink, pen) = (product(&house, "ink"), product(&house, "pen"));
    let made = order(
        &house.admin,
        json!([{"product": ink.to_string(), "quantity": 2}, {"product": pen.to_string(), "quantity": 1}]),
    );
    let made = made.unwrap();
    delete(&house, ink).unwrap();
    assert_eq!(
        lines(&house.admin, &made),
        json!([{"quantity": 2}, {"product": pen.to_string(), "quantity": 1}])
    );
    let _ = house.verified();
    let dead = order(&house.admin, json!([{"product": ink.to_string()}])).unwrap_err();
    assert_eq!(dead.code(), Code::ReferenceMissing);
    let house = house.reopened();
    delete(&house, pen).unwrap();
    assert_eq!(lines(&house.admin, &made), json!([{"quantity": 2}, {"quantity": 1}]));
}

#[test]
fn an_order_goes_with_a_product_where_its_lines_say_so() {
    let house = database();
    define_lines(&house, "cascade", true).unwrap();
    let (ink, pen) = (product(&house, "ink"), product(&house, "pen"));
    let gone = order(&house.admin, json!([{"product": ink.to_string()}])).unwrap();
    let kept = order(&house.admin, json!([{"product": pen.to_string()}])).unwrap();
    delete(&house, ink).unwrap();
    let read = |id: &str| call(&house.admin, "record.get", json!({"entity": "opportunity", "id": id}));
    assert_eq!(read(&gone).unwrap_err().code(), Code::RecordNotFound);
    read(&kept).unwrap();
    let _ = house.verified();
}

#[test]
fn who_does_not_see_a_product_names_it_in_no_line_and_reads_no_title_of_it() {
    use guanxi::engine::{Action, Level};
    let house = database();
    define_lines(&house, "restrict", false).unwrap();
    let ink = product(&house, "ink");
    let made = order(&house.admin, json!([{"product": ink.to_string(), "quantity": 2}])).unwrap();
    let grants = [
        ("crm.opportunity", Action::Read, Level::All),
        ("crm.opportunity", Action::Create, Level::All),
        ("crm.stage", Action::Read, Level::All),
    ];
    let clerk = house.user("clerk", &[house.role("clerk", &grants)]);
    let refused = order(&clerk, json!([{"product": ink.to_string()}])).unwrap_err();
    assert_eq!(refused.code(), Code::ReferenceMissing);
    let run = json!({"entity": "opportunity", "display": true});
    let seen = call(&clerk, "query.run", run.clone()).unwrap();
    assert!(seen["titles"].get(ink.to_string()).is_none(), "{seen}");
    let seen = call(&house.admin, "query.run", run).unwrap();
    assert_eq!(seen["titles"][ink.to_string()], "ink");
    assert_eq!(lines(&house.admin, &made)[0]["quantity"], 2);
    let found = json!({"expression": format!("x.lines.exists(line, line.product == id('{ink}'))")});
    let counted =
        call(&house.admin, "query.count", json!({"entity": "opportunity", "filter": found})).unwrap();
    assert_eq!(counted["count"], 1);
    let row = house.admin.get("opportunity", made.parse().unwrap()).unwrap().value("x.lines").unwrap();
    let Value::List(rows) = row else { panic!("rows are a list") };
    assert_eq!(rows[0].part("product").as_id(), Some(ink));
}

#[test]
fn a_column_is_worked_out_from_its_row_whenever_the_row_is_written() {
    let house = database();
    let columns = |total: &str| {
        json!([
            {"name": "price", "zh": "单价", "en": "Price", "type": "money"},
            {"name": "quantity", "zh": "数量", "en": "Quantity", "type": "int"},
            {"name": "total", "zh": "金额", "en": "Total", "type": "formula", "expression": total},
            {"name": "large", "zh": "大额", "en": "Large", "type": "formula", "expression": "amount(total) > 100"},
        ])
    };
    let define = |name: &str, total: &str| {
        let given = json!({
            "entity": "opportunity", "name": name, "field_type": "rows", "columns": columns(total),
            "label_zh": "明细", "label_en": "Lines",
        });
        call(&house.admin, "schema.define_field", given)
    };
    define("lines", "price * quantity").unwrap();
    let price = |amount: &str| json!({"amount": amount, "currency": "CNY"});
    let given = json!([{"price": price("9.90"), "quantity": 3}, {"price": price("60"), "quantity": 2}, {"quantity": 1}]);
    let made = order(&house.admin, given).unwrap();
    let stored = lines(&house.admin, &made);
    assert_eq!((&stored[0]["total"]["amount"], &stored[0]["large"]), (&json!("29.70"), &json!(false)));
    assert_eq!((&stored[1]["total"]["amount"], &stored[1]["large"]), (&json!("120"), &json!(true)));
    assert_eq!(stored[2], json!({"quantity": 1}), "what cannot be worked out has no value");
    let mut again = stored.clone();
    again[0]["quantity"] = json!(1);
    again[0]["total"] = price("1");
    let change = json!({"entity": "opportunity", "id": made, "values": {"x.lines": again}});
    call(&house.admin, "record.update", change).unwrap();
    assert_eq!(lines(&house.admin, &made)[0]["total"]["amount"], "9.90");
    let filter = json!({"expression": "x.lines.exists(line, line.large)"});
    let counted =
        call(&house.admin, "query.count", json!({"entity": "opportunity", "filter": filter})).unwrap();
    assert_eq!(counted["count"], 1);
    for (name, wrong, code) in [
        ("a", "price * nothing", Code::InvalidExpression),
        ("b", "amount(total) + 1", Code::InvalidExpression),
        ("c", "large", Code::InvalidExpression),
        ("d", "today()", Code::InvalidDefinition),
    ] {
        assert_eq!(define(name, wrong).unwrap_err().code(), code, "{wrong}");
    }
    let _ = house.verified();
}

/// Installs a package whose orders have lines with a total that an expression works out.
fn install_total(session: &Session, version: &str, total: &str) -> guanxi::Result<Json> {
    call(session, "schema.install_package", json!({"package": shop(version, total)}))
}

fn shop(version: &str, total: &str) -> Json {
    let label = json!({"zh": "订单", "en": "Order"});
    json!({
        "package": "cn.shop", "version": version, "label": label,
        "entities": [{
            "local": 1, "name": "order", "label": label, "title": "title",
            "fields": [
                {"local": 1, "name": "title", "label": label, "kind": {"type": "text"}},
                {"local": 2, "name": "lines", "label": label, "kind": {"type": "rows", "columns": [
                    {"name": "price", "label": label, "kind": {"type": "int"}},
                    {"name": "quantity", "label": label, "kind": {"type": "int"}},
                    {"name": "total", "label": label, "kind": {"type": "formula", "expression": total}},
                ]}},
            ],
        }],
    })
}

const SHOP: &str = "cn.shop.order";

fn sale(session: &Session, lines: Json) -> String {
    let given = json!({"entity": SHOP, "values": {"title": "order", "lines": lines}});
    call(session, "record.create", given).unwrap()["id"].as_str().unwrap().to_owned()
}

fn sold(session: &Session, order: &str) -> Json {
    let read = call(session, "record.get", json!({"entity": SHOP, "id": order})).unwrap();
    read["values"]["lines"].clone()
}

fn total(house: &House, order: &str) -> Json {
    sold(&house.admin, order)[0]["total"].clone()
}

fn pending(house: &House) -> Json {
    call(&house.admin, "schema.pending_builds", json!({})).unwrap()["builds"].clone()
}

#[test]
fn rows_that_stand_are_worked_out_anew_when_a_column_says_another_expression() {
    let house = database();
    install_total(&house.admin, "1.0.0", "price * quantity").unwrap();
    let made = |price: i64| sale(&house.admin, json!([{"price": price, "quantity": 2}]));
    let (one, gone, empty) = (made(3), made(5), sale(&house.admin, json!([{"price": 1}])));
    let delete = json!({"entity": SHOP, "id": gone});
    call(&house.admin, "record.delete", delete.clone()).unwrap();
    let before = house.crm.head().unwrap().position;
    let planned = json!({"package": shop("1.1.0", "price * quantity + 1"), "dry_run": true});
    let planned = call(&house.admin, "schema.install_package", planned).unwrap();
    assert_eq!(planned["records"], 3, "{planned}");
    assert_eq!((total(&house, &one), house.crm.head().unwrap().position), (json!(6), before));
    install_total(&house.admin, "1.1.0", "price * quantity + 1").unwrap();
    assert_eq!((total(&house, &one), pending(&house)), (json!(7), json!([])));
    assert_eq!(sold(&house.admin, &empty), json!([{"price": 1}]));
    let filter = json!({"expression": "lines.exists(line, line.total == 7)"});
    let count = call(&house.admin, "query.count", json!({"entity": SHOP, "filter": filter}));
    assert_eq!(count.unwrap()["count"], 1);
    let told = call(&house.admin, "record.history", json!({"entity": SHOP, "id": one})).unwrap();
    let newest = &told["versions"][0];
    assert_eq!((&newest["kind"], &newest["changes"][0]["new"][0]["total"]), (&json!("update"), &json!(7)));
    let versions = |id: &str| {
        let told = call(&house.admin, "record.history", json!({"entity": SHOP, "id": id})).unwrap();
        told["versions"].as_array().unwrap().len()
    };
    assert_eq!((versions(&one), versions(&empty)), (2, 1), "what gives the same is not entered");
    let then = json!({"entity": SHOP, "id": one, "position": before});
    let then = call(&house.admin, "record.get_as_of", then).unwrap();
    assert_eq!(then["values"]["lines"][0]["total"], 6);
    call(&house.admin, "record.undelete", delete).unwrap();
    assert_eq!(total(&house, &gone), 11, "what was deleted meanwhile comes back with the new result");
    let _ = house.verified();
}

#[test]
fn rows_of_many_records_are_worked_out_anew_in_chunks_while_others_write() {
    let house = House::with(|options| options.build_at_once(10));
    install_total(&house.admin, "1.0.0", "price * quantity").unwrap();
    let made = |price: i64| sale(&house.admin, json!([{"price": price, "quantity": 2}]));
    let ids: Vec<String> = (0..25).map(made).collect();
    let token = guanxi::CancelToken::default();
    let inner = token.clone();
    let impatient = house.admin.with_patience(guanxi::Patience::with_token(token).telling(move |told| {
        if told.phase == "indexes" {
            inner.cancel();
        }
    }));
    let stopped = install_total(&impatient, "1.1.0", "price * quantity + 1");
    assert_eq!(stopped.unwrap_err().code(), Code::Cancelled);
    drop(impatient);
    let told = json!([{"entity": SHOP, "kind": "rows", "name": "lines", "done": 10, "total": 25}]);
    assert_eq!(pending(&house), told);
    assert_eq!((total(&house, &ids[9]), total(&house, &ids[20])), (json!(19), json!(40)));
    let house = house.reopened();
    let version = |id: &str| house.admin.get(SHOP, id.parse().unwrap()).unwrap().record.envelope.version;
    let again = json!({"entity": SHOP, "id": ids[20], "values": {"lines": sold(&house.admin, &ids[20])}});
    call(&house.admin, "record.update", again).unwrap();
    assert_eq!((total(&house, &ids[20]), version(&ids[20])), (json!(41), 2));
    house.admin.build_indexes().unwrap();
    assert_eq!(pending(&house), json!([]));
    for (number, id) in ids.iter().enumerate() {
        assert_eq!((total(&house, id), version(id)), (json!(2 * number + 1), 2), "{number}");
    }
    install_total(&house.admin, "1.2.0", "price").unwrap();
    assert_eq!(total(&house, &ids[3]), json!(3));
    let _ = house.verified();
}

#[test]
fn a_restore_to_before_the_rows_were_worked_out_anew_leaves_that_to_be_done() {
    let house = database();
    install_total(&house.admin, "1.0.0", "price * quantity").unwrap();
    let made = sale(&house.admin, json!([{"price": 3, "quantity": 2}]));
    let (base, before) = crate::backup::full(&house.admin);
    let place = house.crm.head().unwrap().position;
    let _ = product(&house, "ink");
    install_total(&house.admin, "1.1.0", "price + quantity").unwrap();
    let (increment, _) = crate::backup::since(&house.admin, &before);
    let path = house.folder().join("restored.guanxi");
    let options = guanxi::RestoreOptions::default().up_to(place + 1);
    let keys = crate::backup::keys(&house.admin);
    crate::backup::restored(&[&base, &increment], Some(&keys), &path, &options).unwrap();
    let crm = guanxi_tests::options().open(&path).unwrap();
    let admin = crm.session_for(guanxi_tests::ADMIN).unwrap();
    assert_eq!(sold(&admin, &made)[0]["total"], 6);
    let pending = call(&admin, "schema.pending_builds", json!({})).unwrap();
    assert_eq!(pending["builds"][0]["kind"], "rows");
    admin.build_indexes().unwrap();
    assert_eq!(sold(&admin, &made)[0]["total"], 5);
    crm.verify(&guanxi::Patience::default()).unwrap();
}
