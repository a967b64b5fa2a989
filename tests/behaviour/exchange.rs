//! Files in: every row accounted for, nothing left of a rejected one, and the same file read again.

mod files;
mod northwind;
mod sales;
mod sales_verbs;

use std::io::Read;

use guanxi::engine::{Comparison, Direction, Filter, Find, Listing};
use guanxi::features::exchange::{ImportOptions, ImportReport, Outcome};
use guanxi::model::{Account, Contact, Product};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Result, Session, Value};
use guanxi_tests::{database, refusal};

/// Reads a file as somebody.
fn import(session: &Session, entity: &str, text: impl Read, options: &ImportOptions) -> Result<ImportReport> {
    session.import_csv(entity, text, options, &mut |_| {})
}

/// Reads a file that must be readable, with no options.
fn taken(session: &Session, entity: &str, text: &str) -> ImportReport {
    import(session, entity, text.as_bytes(), &ImportOptions::default()).unwrap()
}

fn count(session: &Session, entity: &str) -> u64 {
    session.count(entity, &Condition::Everything).unwrap()
}

/// Read, taken, warned, rejected; created, updated, unchanged.
fn figures(report: &ImportReport) -> ([u64; 4], [u64; 3]) {
    assert_eq!(report.read, report.taken + report.warned + report.rejected);
    assert_eq!(report.taken + report.warned, report.created + report.updated + report.unchanged);
    let outcomes = [report.read, report.taken, report.warned, report.rejected];
    (outcomes, [report.created, report.updated, report.unchanged])
}

fn one(session: &Session, entity: &str, name: &str) -> Listing {
    let filter = Filter::Compare("name".into(), Comparison::Equal, Value::from(name));
    let rows = session.list(entity, &Find { filter, ..Find::default() }).unwrap().rows;
    assert_eq!(rows.len(), 1, "one {entity} is called {name}");
    rows.into_iter().next().unwrap()
}

fn text(row: &Listing, field: &str) -> String {
    row.value(field).unwrap().as_text().unwrap_or_default().to_owned()
}

#[test]
fn each_row_is_taken_taken_with_a_warning_or_rejected_with_line_field_and_reason() {
    let house = database();
    let _ = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    let report = taken(
        &house.admin,
        "contact",
        "name,account,email,birthday\r\n林,加喜,lin@jiaxi.cn,1990-01-31\r\n王,无名公司,,\r\n,加喜,,\r\n李,加喜,not an address,\r\n张,,,1990-02-31\r\n",
    );
    assert_eq!(figures(&report), ([5, 1, 1, 3], [2, 0, 0]));
    let told: Vec<_> =
        report.rows.iter().map(|row| (row.line, row.outcome, row.field.as_str(), row.reason)).collect();
    assert_eq!(
        told,
        [
            (3, Outcome::TakenWithWarning, "account", "record.reference_missing"),
            (4, Outcome::Rejected, "name", "schema.required"),
            (5, Outcome::Rejected, "email", "schema.invalid_email"),
            (6, Outcome::Rejected, "birthday", "schema.wrong_type"),
        ]
    );
    assert_eq!(count(&house.admin, "contact"), 2);
    assert!(one(&house.admin, "contact", "王").value("account").unwrap().is_null());
    let _ = house.verified();
}

#[test]
fn the_same_file_read_again_changes_nothing() {
    let house = database();
    let file = "name,city,employees\n加喜,上海,12\n佳喜,,\n";
    assert_eq!(figures(&taken(&house.admin, "account", file)), ([2, 2, 0, 0], [2, 0, 0]));
    let records = house.verified();
    let before = house.crm.head().unwrap();
    assert_eq!(figures(&taken(&house.admin, "account", file)), ([2, 2, 0, 0], [0, 0, 2]));
    assert_eq!((house.verified(), house.crm.head().unwrap()), (records, before));
    let changed = file.replace("12", "13");
    assert_eq!(figures(&taken(&house.admin, "account", &changed)), ([2, 2, 0, 0], [0, 1, 1]));
    assert_eq!(count(&house.admin, "account"), 2);
}

#[test]
fn a_row_s_key_in_the_other_system_is_what_makes_it_the_same_row() {
    let house = database();
    let options = |source: &str| ImportOptions {
        key: Some("no".to_owned()),
        source: source.to_owned(),
        ..ImportOptions::default()
    };
    let read = |text: &str, source: &str| {
        figures(&import(&house.admin, "account", text.as_bytes(), &options(source)).unwrap()).1
    };
    assert_eq!(read("no,name\n1,one\n2,two\n", "erp"), [2, 0, 0]);
    assert_eq!(read("no,name\n1,renamed\n2,two\n", "erp"), [0, 1, 1]);
    assert_eq!(read("no,name\n1,one of another\n", "other"), [1, 0, 0]);
    assert_eq!(one(&house.admin, "account", "renamed").record.envelope.external_ids.len(), 1);
    let missing = import(&house.admin, "account", "name\nx\n".as_bytes(), &options("erp"));
    assert_eq!(refusal(missing), Code::InvalidArgument);
}

#[test]
fn a_dry_run_tells_the_same_and_leaves_nothing() {
    let house = database();
    let before = house.crm.head().unwrap();
    let file = "name,parent,employees\n甲,乙,1\n乙,,x\n丙,甲,3\n丁,无,4\n";
    let dry = ImportOptions { dry_run: true, ..ImportOptions::default() };
    let told = import(&house.admin, "account", file.as_bytes(), &dry).unwrap();
    assert_eq!((count(&house.admin, "account"), house.crm.head().unwrap()), (0, before));
    assert_eq!(told, taken(&house.admin, "account", file));
    assert_eq!(count(&house.admin, "account"), 3);
}

#[test]
fn a_line_in_another_encoding_is_rejected_and_the_others_are_taken() {
    let house = database();
    // "加喜" in GBK between two lines of UTF-8.
    let file =
        [b"name,city\n\xe7\x94\xb2,x\n".as_slice(), b"\xbc\xd3\xcf\xb2,y\n", "乙,z\n".as_bytes()].concat();
    let report = import(&house.admin, "account", file.as_slice(), &ImportOptions::default()).unwrap();
    assert_eq!(figures(&report), ([3, 2, 0, 1], [2, 0, 0]));
    assert_eq!((report.rows[0].line, report.rows[0].reason), (3, "input.invalid_utf8"));
    assert_eq!(
        (count(&house.admin, "account"), text(&one(&house.admin, "account", "乙"), "city")),
        (2, "z".into())
    );
}

#[test]
fn a_line_is_counted_alike_with_any_line_end_behind_blank_lines_and_in_quotes() {
    let house = database();
    let file = "\u{feff}no,name\n1,\n\n\n2,\"two\nlines\n\nlong\"\n3,\n\n4,\n5,\"x\ny\n";
    for ends in ["\n", "\r\n"] {
        let report = taken(&house.admin, "account", &file.replace('\n', ends));
        let lines: Vec<u64> = report.rows.iter().map(|row| row.line).collect();
        assert_eq!((report.read, lines), (5, vec![2, 9, 11]), "{ends:?}");
    }
}

#[test]
fn a_line_with_more_or_fewer_columns_is_rejected_and_the_others_are_taken() {
    let house = database();
    let report = taken(&house.admin, "account", "name,city\n甲\n乙,x\n丙,y,z\n");
    assert_eq!(figures(&report), ([3, 1, 0, 2], [1, 0, 0]));
    let told: Vec<_> = report.rows.iter().map(|row| (row.line, row.reason)).collect();
    assert_eq!(told, [(2, "input.invalid_csv"), (4, "input.invalid_csv")]);
}

#[test]
fn a_file_without_usable_headings_is_refused_as_a_whole() {
    let house = database();
    for file in ["", "\n", "colour,taste\nred,sweet\n"] {
        let refused = import(&house.admin, "account", file.as_bytes(), &ImportOptions::default());
        assert_eq!(refusal(refused), Code::InvalidCsv, "{file:?}");
    }
    let refused = import(&house.admin, "account", b"na\xffme\nx\n".as_slice(), &ImportOptions::default());
    assert_eq!(refusal(refused), Code::InvalidUtf8);
    let mapping = [("name".to_owned(), "no_such_field".to_owned())].into();
    let options = ImportOptions { mapping, ..ImportOptions::default() };
    assert_eq!(
        refusal(import(&house.admin, "account", "name\nx\n".as_bytes(), &options)),
        Code::UnknownField
    );
}

#[test]
fn headings_are_names_labels_or_synonyms_however_they_are_written() {
    let house = database();
    let file = "\u{feff}客户名称,ＩＮＤＵＳＴＲＹ,Office_Location,unknown,E-mail\n加喜,服务,上海,?,a@b.cn\n";
    let report = taken(&house.admin, "account", file);
    assert_eq!(figures(&report), ([1, 1, 0, 0], [1, 0, 0]));
    let row = one(&house.admin, "account", "加喜");
    let told = ["industry", "city", "email"].map(|field| text(&row, field));
    assert_eq!(told, ["服务", "上海", "a@b.cn"]);
}

#[test]
fn a_reference_to_a_row_further_down_is_found_when_the_file_is_read() {
    let house = database();
    let mut file = String::from("name,parent\n女儿,母亲\n");
    // The parent stands in another chunk than the child.
    (0..600).for_each(|number| file.push_str(&format!("n{number},\n")));
    file.push_str("母亲,\n孤儿,无人\n");
    let report = taken(&house.admin, "account", &file);
    assert_eq!(figures(&report), ([603, 602, 1, 0], [603, 0, 0]));
    assert_eq!((report.rows[0].line, report.rows[0].field.as_str()), (604, "parent"));
    let parent = one(&house.admin, "account", "女儿").value("parent").unwrap();
    assert_eq!(parent, one(&house.admin, "account", "母亲").record.id.into());
    assert_eq!(figures(&taken(&house.admin, "account", &file)), ([603, 602, 1, 0], [0, 0, 603]));
    let _ = house.verified();
}

#[test]
fn another_spelling_of_a_reference_means_what_the_options_say() {
    let house = database();
    let _ = house.create(Product::NAME, &Changes::new().set("name", "GTX Pro"));
    let aliases = [("GTXPro".to_owned(), "gtx pro".to_owned())].into();
    let options = ImportOptions { aliases, ..ImportOptions::default() };
    let file = "title,product\none,GTXPro\ntwo,ＧＴＸ Ｐｒｏ\nthree,GTX-Pro\n";
    let report = import(&house.admin, "opportunity", file.as_bytes(), &options).unwrap();
    assert_eq!(figures(&report), ([3, 2, 1, 0], [3, 0, 0]));
    assert_eq!(report.rows[0].line, 4);
}

#[test]
fn a_reference_that_two_records_answer_to_rejects_the_row() {
    let house = database();
    for _ in 0..2 {
        let _ = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    }
    let report = taken(&house.admin, "contact", "name,account\n林,加喜\n");
    assert_eq!((report.rejected, report.rows[0].reason), (1, "record.reference_ambiguous"));
}

#[test]
fn a_record_made_for_a_rejected_row_goes_with_the_row() {
    let house = database();
    let options = ImportOptions { create_missing: vec!["account".to_owned()], ..ImportOptions::default() };
    let file = "name,account,email\n林,新公司,bad address\n王,新公司,wang@x.cn\n李,另一家,bad\n";
    let report = import(&house.admin, "contact", file.as_bytes(), &options).unwrap();
    assert_eq!(figures(&report), ([3, 1, 0, 2], [1, 0, 0]));
    assert_eq!((count(&house.admin, "contact"), count(&house.admin, "account")), (1, 1));
    let buyer = one(&house.admin, "account", "新公司").record.id;
    assert_eq!(one(&house.admin, "contact", "王").value("account").unwrap(), buyer.into());
    let _ = house.verified();
}

#[test]
fn an_import_gives_no_right_that_its_user_does_not_have() {
    let house = database();
    let seller = house.user_as("lin", "salesperson");
    let refused = import(&seller, "account", "name\nx\n".as_bytes(), &ImportOptions::default());
    assert_eq!(refusal(refused), Code::NotPermitted);
    let manager = house.user_as("wang", "manager");
    let report = taken(&manager, "account", "name,owner\nmine,wang\ntheirs,lin\nnobody's,nobody\n");
    assert_eq!(figures(&report), ([3, 1, 0, 2], [1, 0, 0]));
    let reasons: Vec<_> = report.rows.iter().map(|row| row.reason).collect();
    assert_eq!(reasons, ["access.not_permitted", "record.reference_missing"]);
}

#[test]
fn rows_of_a_large_file_are_durable_chunk_by_chunk_in_their_order() {
    let house = database();
    let mut file = String::from("name,employees\n");
    (0..1_203).for_each(|number| file.push_str(&format!("n{number},{number}\n")));
    let mut steps = Vec::new();
    let mut bytes = 0;
    house
        .admin
        .import_csv("account", file.as_bytes(), &ImportOptions::default(), &mut |progress| {
            assert!(progress.bytes > bytes);
            bytes = progress.bytes;
            steps.push((progress.rows, count(&house.admin, "account")));
        })
        .unwrap();
    assert_eq!(steps, [(500, 500), (1_000, 1_000), (1_203, 1_203)]);
    assert_eq!(bytes, u64::try_from(file.len()).unwrap());
    let sort = vec![("employees".into(), Direction::Ascending)];
    let page = house.admin.list("account", &Find { sort, limit: 2_000, ..Find::default() }).unwrap();
    let numbers: Vec<u64> = page.rows.iter().map(|row| row.record.envelope.record_number).collect();
    assert_eq!(numbers, (1..=1_203).collect::<Vec<_>>());
    assert_eq!(count(&house.admin, Contact::NAME), 0);
}

#[test]
fn a_text_for_no_value_a_midnight_for_its_day_and_the_label_of_a_code_are_understood() {
    let house = database();
    let define = |name: &str, kind: serde_json::Value| {
        let mut given =
            serde_json::json!({"entity": "account", "name": name, "label_zh": "字段", "label_en": "Field"});
        given.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        guanxi::api::call(&house.admin, "schema.define_field", &given).unwrap();
    };
    define("since", serde_json::json!({"field_type": "date"}));
    let codes = serde_json::json!([{"code": "gold", "zh": "金", "en": "Gold"}, {"code": "tin", "zh": "锡", "en": "Tin"}]);
    define("level", serde_json::json!({"field_type": "enum", "codes": codes}));
    let csv = "name,city,since,level\na,NULL,1996-07-04 00:00:00.000,金\nb,NULL city,1996-07-05,Tin\nc,,1996-07-06 08:00:00,gold\n";
    let options = ImportOptions { null_text: Some("NULL".into()), ..ImportOptions::default() };
    let report = import(&house.admin, "account", csv.as_bytes(), &options).unwrap();
    assert_eq!(figures(&report), ([3, 2, 0, 1], [2, 0, 0]), "a moment of the day is no day");
    let rows = house.admin.list("account", &guanxi::engine::Find::default()).unwrap().rows;
    let mut told: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            ["name", "city", "x.since", "x.level"].map(|field| row.value(field).unwrap().to_string()).to_vec()
        })
        .collect();
    told.sort();
    assert_eq!(told, [["a", "", "1996-07-04", "gold"], ["b", "NULL city", "1996-07-05", "tin"]]);
}
