//! Packages of one person: everything that is kept, for whoever may see and export it, and no half of it.

use std::collections::BTreeSet;
use std::fs;

use guanxi::engine::{Action, Level, NewRightsRequest, PrivacyLaw, RightsKind};
use guanxi::features::rights::LeftOut;
use guanxi::{CancelToken, Changes, Code, Locale, Patience, RecordId, Value};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::contact;

fn call(house: &House, method: &str, given: Json) -> Json {
    guanxi::api::call(&house.admin, method, &given).unwrap()
}

fn reference(house: &House, entity: &str, name: &str, kind: &str, target: Json) {
    let mut given = json!({
        "entity": entity, "name": name, "field_type": kind, "label_zh": "相关人", "label_en": "Related person",
    });
    given.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
    call(house, "schema.define_field", given);
}

/// What is known of the person, each a text that nothing else has.
const VALUES: [&str; 11] = [
    "Xuqwen Lin",
    "Old Xuqwen",
    "qxlin@vjwk.example",
    "Kvjpost 77",
    "deal of qzzvk",
    "note by jjwvq",
    "visit wqkzx",
    "any kkqvz",
    "proposal vvqxj",
    "said of qxqzj",
    "said of a deal vjqqk",
];

/// A person to whom records refer in every way, beside another one to whom as many do.
fn house() -> (House, RecordId) {
    let house = database();
    call(
        &house,
        "schema.define_field",
        json!({
            "entity": "contact", "name": "own", "field_type": "text", "label_zh": "自定", "label_en": "Own",
        }),
    );
    reference(&house, "opportunity", "buyer", "reference", json!({"target": "contact"}));
    reference(&house, "opportunity", "others", "multi_reference", json!({"target": "contact"}));
    reference(&house, "account", "about", "any_reference", json!({"targets": ["contact", "account"]}));
    let entity = json!({"name": "visit", "label_zh": "拜访", "label_en": "Visit", "title": "text"});
    call(&house, "schema.define_entity", entity);
    reference(&house, "x.visit", "whom", "reference", json!({"target": "contact"}));
    let filled = |name: &str, of: &dyn Fn(usize) -> String| {
        let id = contact(&house, &of(1));
        let changes = Changes::new()
            .set("name", of(0))
            .set("email", of(2))
            .set("x.own", of(3))
            .tags(vec![name.to_owned()]);
        house.change("contact", id, &changes);
        let deal = Changes::new()
            .set("title", of(4))
            .set("x.buyer", id)
            .set("x.others", Value::List(vec![Value::Id(id)]));
        let deal = house.create("opportunity", &deal.set("note", of(5)));
        house.admin.comment("contact", id, &of(9), &[]).unwrap();
        house.admin.comment("opportunity", deal, &of(10), &[]).unwrap();
        let _ = house.create("x.visit", &Changes::new().set("text", of(6)).set("whom", id));
        let whom = Value::Map(
            [("entity".to_owned(), "crm.contact".into()), ("id".to_owned(), Value::Id(id))].into(),
        );
        let _ = house.create("account", &Changes::new().set("name", of(7)).set("x.about", whom));
        house.admin.propose_correction("contact", id, &[("position", Value::from(of(8)))], "x").unwrap();
        id
    };
    let id = filled("tag-of-lin", &|number| VALUES[number].to_owned());
    let _ = filled("tag-of-other", &|number| format!("other{number}@other.example"));
    (house, id)
}

/// Every text that the database has of a person, by walking over all records of all entities and all their histories.
fn oracle(house: &House, id: RecordId) -> BTreeSet<String> {
    let told = call(house, "schema.describe", json!({}));
    let mut texts = BTreeSet::new();
    for entity in told["entities"].as_array().unwrap() {
        let name = entity["name"].as_str().unwrap();
        let rows = call(house, "record.list", json!({"entity": name, "limit": 1000}));
        for row in rows["rows"].as_array().unwrap() {
            let about = row["id"] == id.to_string() || row["values"].to_string().contains(&id.to_string());
            if !about || name == "sys.correction_request" {
                continue;
            }
            let history = call(house, "record.history", json!({"entity": name, "id": row["id"]}));
            gather(&row["values"], &mut texts);
            for version in history["versions"].as_array().unwrap() {
                for change in version["changes"].as_array().unwrap() {
                    gather(&change["old"], &mut texts);
                    gather(&change["new"], &mut texts);
                }
            }
        }
    }
    texts
}

fn gather(json: &Json, texts: &mut BTreeSet<String>) {
    match json {
        Json::String(text) => drop(texts.insert(text.clone())),
        Json::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Json::Object(members) => members.values().for_each(|member| gather(member, texts)),
        _ => {}
    }
}

#[test]
fn a_package_has_every_value_that_the_database_has_of_the_person_and_none_of_another() {
    let (house, id) = house();
    let content = b"attached \xff\x00 bytes".to_vec();
    house.admin.attach("contact", id, ".. <scan> of Lin.PDF", "application/pdf", &mut &*content).unwrap();
    let folder = house.folder().join("package");
    let report = house.admin.with_locale(Locale::English).personal_package("contact", id, &folder).unwrap();
    assert!(report.left_out.is_empty(), "{:?}", report.left_out);
    assert_eq!((report.records, report.attachments, report.corrections), (4, 1, 1));
    assert_eq!(report.comments, 2);
    let text = fs::read_to_string(folder.join("package.json")).unwrap();
    let package: Json = serde_json::from_str(&text).unwrap();
    let mut packed = BTreeSet::new();
    gather(&package, &mut packed);
    let wanted = oracle(&house, id);
    assert!(wanted.len() > 10 && VALUES[..8].iter().all(|value| wanted.contains(*value)), "{wanted:?}");
    let missing: Vec<&String> = wanted.difference(&packed).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(VALUES.iter().all(|value| packed.contains(*value)) && packed.contains("tag-of-lin"));
    assert!(!text.contains("other.example") && !text.contains("tag-of-other"));
    let records = package["records"].as_array().unwrap();
    let ids: BTreeSet<&str> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), records.len(), "who refers twice comes once");
    assert_eq!((&records[0]["entity"], &records[0]["refers_by"]), (&json!("crm.contact"), &Json::Null));
    // The content lies beside it, under a name that is nobody's choice.
    let attachment = &package["attachments"][0];
    let file = attachment["file"].as_str().unwrap();
    assert_eq!(attachment["name"], ".. <scan> of Lin.PDF");
    assert!(file.starts_with("attachments/") && file.ends_with(".pdf") && !file.contains(".."));
    let bytes = fs::read(folder.join(file)).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((bytes, &attachment["sha256"]), (content, &json!(digest)));
    let schema: Json =
        serde_json::from_str(&fs::read_to_string(folder.join("package.schema.json")).unwrap()).unwrap();
    let required = schema["required"].as_array().unwrap();
    assert!(required.iter().all(|member| package.get(member.as_str().unwrap()).is_some()));
    assert_eq!(package.as_object().unwrap().len(), required.len(), "and nothing that it does not describe");
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(page.contains("Xuqwen Lin") && page.contains("Related person") && page.contains(file));
    assert_eq!(refusal(house.admin.personal_package("contact", id, &folder)), Code::AlreadyExists);
}

#[test]
fn a_page_speaks_the_language_of_its_reader_and_takes_no_value_for_a_mark() {
    let house = database();
    let id = contact(&house, "<script>alert('林')</script>");
    let folder = house.folder().join("package");
    house.admin.with_locale(Locale::SimplifiedChinese).personal_package("contact", id, &folder).unwrap();
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(page.contains("个人信息") && page.contains("lang=\"zh-Hans\""));
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;alert(&#39;林&#39;)"));
}

#[test]
fn what_one_may_not_see_or_export_is_left_out_and_only_its_kind_is_told() {
    let (house, id) = house();
    let grants = [
        ("crm.contact", Action::Read, Level::All),
        ("crm.contact", Action::Export, Level::All),
        ("crm.contact", Action::Administer, Level::All),
        ("crm.opportunity", Action::Read, Level::All),
        ("crm.opportunity", Action::Export, Level::Own),
        ("crm.account", Action::Read, Level::All),
    ];
    let role = house.role_hiding("officer", &grants, "email");
    let officer = house.user("officer", &[role]);
    let mut out = Vec::new();
    let report = officer.write_personal_package("contact", id, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let package: Json = serde_json::from_str(&text).unwrap();
    let kinds: Vec<LeftOut> = report.left_out.into_iter().collect();
    assert_eq!(
        kinds,
        [LeftOut::Entities, LeftOut::Records, LeftOut::NotExportable, LeftOut::HiddenFields, LeftOut::Ledger,]
    );
    let told: Vec<&str> =
        package["left_out"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
    assert_eq!(told, ["entities", "records", "not_exportable", "hidden_fields", "ledger"]);
    for hidden in ["qxlin@vjwk.example", "visit wqkzx", "any kkqvz", "deal of qzzvk"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    assert!(text.contains("Xuqwen Lin"));
    for name in ["reads", "exports"] {
        let grants: Vec<_> = match name {
            "reads" => {
                vec![
                    ("crm.contact", Action::Read, Level::All),
                    ("crm.contact", Action::Administer, Level::All),
                ]
            }
            _ => vec![("crm.contact", Action::Read, Level::All), ("crm.contact", Action::Export, Level::All)],
        };
        let user = house.user(name, &[house.role(name, &grants)]);
        let folder = house.folder().join(name);
        assert_eq!(refusal(user.personal_package("contact", id, &folder)), Code::NotPermitted, "{name}");
        assert!(!folder.exists());
    }
    let company = house.create("account", &Changes::new().set("name", "加喜"));
    let refused = house.admin.write_personal_package("account", company, &mut Vec::new());
    assert_eq!(refusal(refused), Code::InvalidDefinition);
}

#[test]
fn the_ledger_says_who_took_it_out_and_the_next_package_tells_the_person() {
    let (house, id) = house();
    let request = NewRightsRequest::new(RightsKind::Access, PrivacyLaw::Gdpr).of("contact", id);
    house.admin.receive_rights_request(&request).unwrap();
    let first = call(&house, "privacy.package", json!({"entity": "contact", "id": id.to_string()}));
    assert_eq!(first["left_out"], json!([]));
    let exports = call(&house, "ledger.query", json!({"kinds": ["export"], "limit": 100}));
    let exports = exports["entries"].as_array().unwrap();
    assert!(exports.iter().any(|entry| entry["actor"] == house.admin.user().to_string()));
    assert!(exports.len() >= 4, "one for each entity");
    let again = call(&house, "privacy.package", json!({"entity": "contact", "id": id.to_string()}));
    let package: Json = serde_json::from_str(again["document"].as_str().unwrap()).unwrap();
    let kinds: Vec<&Json> =
        package["ledger"].as_array().unwrap().iter().map(|entry| &entry["kind"]).collect();
    assert!(kinds.contains(&&json!("export")), "{kinds:?}");
    let asked = package["records"].as_array().unwrap().iter();
    assert_eq!(asked.filter(|record| record["entity"] == "sys.rights_request").count(), 1);
}

#[test]
fn a_package_that_is_cancelled_leaves_nothing_behind_and_tells_how_far_it_is() {
    let (house, id) = house();
    let token = CancelToken::new();
    let cancelled = house.admin.with_patience(Patience::with_token(token.clone()));
    token.cancel();
    let folder = house.folder().join("package");
    assert_eq!(refusal(cancelled.personal_package("contact", id, &folder)), Code::Cancelled);
    assert!(!folder.exists());
    let seen = std::sync::Arc::new(std::sync::Mutex::new(0));
    let told = std::sync::Arc::clone(&seen);
    let patience = Patience::default().telling(move |so_far| {
        if so_far.phase == "package" {
            *told.lock().unwrap() = so_far.done;
        }
    });
    house.admin.with_patience(patience).personal_package("contact", id, &folder).unwrap();
    assert_eq!(*seen.lock().unwrap(), 4);
}
