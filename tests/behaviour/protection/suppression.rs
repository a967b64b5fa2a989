//! The list of those who must not come back unnoticed: who gets on it, what is told when they come back, and that it has
//! no identifier, crosses no partition, and outlives a restore.

use guanxi::engine::{
    Action, BackupScope, ConfigurationChange, ErasureReason, Level, SuppressionCause, SuppressionReason,
    User, UserStatus, role_assignment, user,
};
use guanxi::features::exchange::ImportOptions;
use guanxi::model::Contact;
use guanxi::schema::{EntityType, IdentifierKind};
use guanxi::{Changes, Code, RecordId, RestoreOptions, Session};
use guanxi_tests::{House, database, options, refusal};
use serde_json::{Value as Json, json};

use super::{DAY, call, entries};
use crate::backup::restored;

const PHONE: &str = "13812345678";

fn known(house: &House, name: &str) -> RecordId {
    let changes = Changes::new().set("name", name).set("phone", PHONE).set("email", "Lin@Example.com");
    house.create(Contact::NAME, &changes)
}

/// The fields of which somebody is warned who enters a person.
fn warned(session: &Session, changes: &Changes) -> Vec<String> {
    let told = session.write(|transaction| {
        transaction.create_record(Contact::NAME, changes.clone())?;
        Ok(transaction.take_warnings())
    });
    let told = told.unwrap();
    let told = told.into_iter().filter(|warning| warning.code == Code::Suppressed);
    told.map(|warning| warning.field).collect()
}

fn set(house: &House, name: &str, value: Json) {
    let values = [(name.to_owned(), Some(value))].into();
    house
        .admin
        .change_configuration(&ConfigurationChange { values, ..ConfigurationChange::default() })
        .unwrap();
}

#[test]
fn an_erased_person_who_is_entered_anew_is_told_however_it_is_written() {
    let house = database();
    let id = known(&house, "林先生");
    assert!(warned(&house.admin, &Changes::new().set("name", "同号").set("phone", PHONE)).is_empty());
    let receipt = house.admin.erase(Contact::NAME, id).unwrap();
    assert_eq!(receipt.statement.suppressed, 2);
    for (phone, email, told) in [
        (PHONE, "lin@example.com", vec!["phone", "email"]),
        ("+86 138-1234-5678", "", vec!["phone"]),
        ("", "LIN@EXAMPLE.COM", vec!["email"]),
        ("13812345679", "lin@example.cn", vec![]),
    ] {
        let mut changes = Changes::new().set("name", "某人");
        for (field, value) in
            [("phone", phone), ("email", email)].into_iter().filter(|(_, text)| !text.is_empty())
        {
            changes = changes.set(field, value);
        }
        assert_eq!(warned(&house.admin, &changes), told, "{phone} {email}");
    }
    // A change that brings it is told as well, and one that leaves it as it is, is not.
    let other = house.create(Contact::NAME, &Changes::new().set("name", "王女士"));
    let change = |changes: Changes| {
        let told = house.admin.write(|transaction| {
            transaction.update_record(Contact::NAME, other, changes.clone())?;
            Ok(transaction.take_warnings().len())
        });
        told.unwrap()
    };
    assert_eq!(change(Changes::new().set("phone", PHONE)), 1);
    assert_eq!(change(Changes::new().set("position", "厂长")), 0);
    // Other entities are not asked: the number of a company is none of a person's.
    let company = json!({"entity": "account", "values": {"name": "加喜", "phone": PHONE}});
    assert_eq!(call(&house.admin, "record.create", company).unwrap()["warnings"], json!([]));
    let _ = house.verified();
}

#[test]
fn a_setting_refuses_them_or_says_nothing_and_an_import_tells_of_each_row() {
    let house = database();
    house.admin.erase(Contact::NAME, known(&house, "林先生")).unwrap();
    // Other names each time, since a row of a known name is a change of its record, which has the number already.
    let import = |names: [&str; 2]| {
        let file = format!("姓名,电话\n{},{PHONE}\n{},13912345678\n", names[0], names[1]);
        let given = ImportOptions::default();
        house.admin.import_csv(Contact::NAME, file.as_bytes(), &given, &mut |_| {}).unwrap()
    };
    let report = import(["甲", "乙"]);
    assert_eq!((report.taken, report.warned, report.rejected), (1, 1, 0));
    assert_eq!((report.rows[0].line, report.rows[0].reason), (2, "privacy.suppressed"));
    set(&house, "privacy.suppression", json!("refuse"));
    let report = import(["丁", "戊"]);
    assert_eq!((report.taken, report.warned, report.rejected), (1, 0, 1));
    assert!(!report.rows[0].message.contains("138"), "{:?}", report.rows);
    let made = json!({"entity": "contact", "values": {"name": "丙", "phone": PHONE}});
    let error = call(&house.admin, "record.create", made.clone()).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::Suppressed, Some("phone")));
    set(&house, "privacy.suppression", json!("off"));
    assert_eq!(call(&house.admin, "record.create", made).unwrap()["warnings"], json!([]));
    let bad = [("privacy.suppression".to_owned(), Some(json!("perhaps")))].into();
    let bad = ConfigurationChange { values: bad, ..ConfigurationChange::default() };
    assert_eq!(refusal(house.admin.change_configuration(&bad)), Code::InvalidConfiguration);
}

#[test]
fn erasing_puts_on_the_list_unless_the_call_or_the_setting_says_no() {
    let house = database();
    let not = ErasureReason { suppress: Some(false), ..ErasureReason::default() };
    let receipt = house.admin.erase_for(Contact::NAME, known(&house, "甲"), &not).unwrap();
    assert_eq!(receipt.statement.suppressed, 0);
    assert!(!receipt.text.contains("suppressed"), "receipts are as they were where there is nothing to say");
    set(&house, "privacy.suppress_erased", json!(false));
    assert_eq!(house.admin.erase(Contact::NAME, known(&house, "乙")).unwrap().statement.suppressed, 0);
    assert!(house.admin.suppression_list(None, 0).unwrap().rows.is_empty());
    let given = json!({"entity": "contact", "id": known(&house, "丙").to_string(), "suppress": true});
    let receipt = call(&house.admin, "privacy.erase", given).unwrap();
    assert_eq!(receipt["statement"]["suppressed"], 2);
    // A rule of retention erases by the setting.
    set(&house, "privacy.suppress_erased", json!(true));
    let _ = house.create(Contact::NAME, &Changes::new().set("name", "丁").set("phone", "13712345678"));
    let rule = json!({"entity": "sys.retention_rule", "values": {
        "code": "gone", "name": "x", "entity": "crm.contact", "clock": "created_at", "period": "P1D", "action": "erase",
        "basis": "x", "active": true,
    }});
    call(&house.admin, "record.create", rule).unwrap();
    house.clock.advance_micros(3 * DAY);
    assert_eq!(call(&house.admin, "retention.run", json!({})).unwrap()["runs"][0]["removed"], 1);
    assert_eq!(
        warned(&house.admin, &Changes::new().set("name", "戊").set("phone", "13712345678")),
        ["phone"]
    );
}

#[test]
fn whoever_asks_not_to_be_entered_is_listed_previewed_and_taken_off_with_a_reason() {
    let house = database();
    let id = known(&house, "林先生");
    let of = json!({"entity": "contact", "id": id.to_string()});
    let preview = || call(&house.admin, "suppression.preview", of.clone()).unwrap()["rows"].clone();
    let row = |field: &str, listed: bool| json!({"field": field, "kind": field, "listed": listed});
    assert_eq!(preview(), json!([row("phone", false), row("email", false)]));
    let given = json!({"kind": "email", "value": " lin@EXAMPLE.com ", "reason": "来电要求"});
    assert_eq!(call(&house.admin, "suppression.add", given.clone()).unwrap(), json!({"added": true}));
    assert_eq!(call(&house.admin, "suppression.add", given).unwrap(), json!({"added": false}));
    assert_eq!(preview(), json!([row("phone", false), row("email", true)]));
    assert_eq!(call(&house.admin, "suppression.add_person", of.clone()).unwrap(), json!({"added": 1}));
    let asked = json!({"identifiers": [
        {"kind": "phone", "value": "+8613812345678"}, {"kind": "phone", "value": "13912345678"},
        {"kind": "email", "value": "lin@example.com"},
    ]});
    let told = call(&house.admin, "suppression.check", asked).unwrap();
    let listed: Vec<&Json> = told["rows"].as_array().unwrap().iter().map(|row| &row["listed"]).collect();
    assert_eq!(listed, [&json!(true), &json!(false), &json!(true)]);
    assert_eq!(told["rows"][2]["reason"], "来电要求");
    let (mut rows, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = house.admin.suppression_list(after.as_deref(), 1).unwrap();
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.cause == SuppressionCause::Asked && row.by == house.admin.user()));
    for bad in ["", "00", "zz"] {
        assert_eq!(refusal(house.admin.suppression_list(Some(bad), 1)), Code::InvalidCursor);
        assert_eq!(refusal(house.admin.unsuppress(bad, "x")), Code::RecordNotFound);
    }
    let phone = rows.iter().find(|row| row.kind == IdentifierKind::Phone).unwrap();
    assert_eq!(refusal(house.admin.unsuppress(&phone.hash, " ")), Code::ReasonRequired);
    let remove = json!({"hash": phone.hash, "reason": "本人重新注册"});
    call(&house.admin, "suppression.remove", remove.clone()).unwrap();
    assert_eq!(refusal(call(&house.admin, "suppression.remove", remove)), Code::RecordNotFound);
    assert_eq!(warned(&house.admin, &Changes::new().set("name", "他").set("phone", PHONE)), [""; 0]);
    let told = call(&house.admin, "ledger.query", json!({"order": "rising", "limit": 1000})).unwrap();
    let told = told["entries"].as_array().unwrap();
    let causes = |cause: &str| told.iter().filter(|entry| entry["cause"] == cause).count();
    assert_eq!((causes("suppression.add"), causes("suppression.remove")), (2, 1));
    let removed = told.iter().find(|entry| entry["cause"] == "suppression.remove").unwrap().to_string();
    assert!(removed.contains("本人重新注册") && !removed.contains(&phone.hash), "{removed}");
    assert!(entries(&house, id).iter().all(|(_, cause, _)| !cause.starts_with("suppression")));
    let long = SuppressionReason { reason: Some("x".repeat(501)), request: None };
    assert_eq!(refusal(house.admin.suppress(IdentifierKind::Phone, PHONE, &long)), Code::LimitExceeded);
    let none = SuppressionReason::default();
    assert_eq!(refusal(house.admin.suppress(IdentifierKind::Email, "no address", &none)), Code::InvalidEmail);
    let fax = json!({"kind": "fax", "value": "1"});
    assert_eq!(refusal(call(&house.admin, "suppression.add", fax)), Code::InvalidArgument);
    let many = vec![(IdentifierKind::Phone, PHONE.to_owned()); 1_001];
    assert_eq!(refusal(house.admin.look_up_suppressed(&many)), Code::LimitExceeded);
}

#[test]
fn the_list_of_one_partition_is_not_there_in_another_nor_for_who_does_not_handle_requests() {
    let house = database();
    let north = house.partition("north");
    let all = ["crm.contact", "sys.rights_request"];
    let grants: Vec<_> = all
        .iter()
        .flat_map(|entity| {
            [Action::Create, Action::Read, Action::Update, Action::Delete]
                .map(|action| (*entity, action, Level::All))
        })
        .collect();
    let role = house.role("officer", &grants);
    let officer = house.user("officer", &[role]);
    let made = house.admin.write(|transaction| {
        let changes = Changes::new()
            .set(user::NAME, "northern")
            .set(user::STATUS, UserStatus::Active)
            .set(user::PARTITION, north);
        let made = transaction.create_record(User::NAME, changes)?;
        let changes = Changes::new().set(role_assignment::USER, made).set(role_assignment::ROLE, role);
        transaction.create_record("sys.role_assignment", changes)
    });
    made.unwrap();
    let northern = house.crm.session_for("northern").unwrap();
    let none = SuppressionReason::default();
    assert!(officer.suppress(IdentifierKind::Phone, PHONE, &none).unwrap());
    assert!(northern.suppression_list(None, 0).unwrap().rows.is_empty());
    let asked = [(IdentifierKind::Phone, PHONE.to_owned())];
    assert_eq!(northern.look_up_suppressed(&asked).unwrap(), [None]);
    let person = Changes::new().set("name", "林先生").set("phone", PHONE);
    assert_eq!(warned(&northern, &person), [""; 0]);
    assert_eq!(warned(&officer, &person), ["phone"]);
    let hash = officer.suppression_list(None, 0).unwrap().rows[0].hash.clone();
    assert_eq!(refusal(northern.unsuppress(&hash, "x")), Code::RecordNotFound);
    assert!(northern.suppress(IdentifierKind::Phone, PHONE, &none).unwrap(), "a list of its own");
    let theirs = northern.suppression_list(None, 0).unwrap().rows[0].hash.clone();
    assert_ne!(hash, theirs, "whoever has both cannot join them");
    // Some requests are not enough, and to read them is not enough.
    let own = house.role(
        "own",
        &[
            ("sys.rights_request", Action::Read, Level::All),
            ("sys.rights_request", Action::Update, Level::Own),
        ],
    );
    for name in ["clerk", "director"] {
        let session = match name {
            "clerk" => house.user("clerk", &[own]),
            role => house.user_as("a director", role),
        };
        assert_eq!(refusal(session.suppression_list(None, 0)), Code::NotPermitted, "{name}");
        assert_eq!(refusal(session.suppress(IdentifierKind::Phone, PHONE, &none)), Code::NotPermitted);
        assert_eq!(refusal(session.look_up_suppressed(&asked)), Code::NotPermitted);
        assert_eq!(refusal(session.unsuppress(&hash, "x")), Code::NotPermitted);
        let preview = session.preview_suppression(Contact::NAME, house.admin.user());
        assert_eq!(refusal(preview), Code::NotPermitted);
    }
}

#[test]
fn a_restore_of_an_older_backup_knows_who_was_put_on_the_list_since() {
    let house = database();
    let id = known(&house, "林先生");
    let mut before = Vec::new();
    house.admin.backup(&mut before, BackupScope::Everything).unwrap();
    house.admin.erase(Contact::NAME, id).unwrap();
    let mut keys = Vec::new();
    house.admin.backup_keys(&mut keys).unwrap();
    let path = house.folder().join("restored.guanxi");
    restored(&[&before], Some(&keys), &path, &RestoreOptions::default()).unwrap();
    let crm = options().open(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    assert_eq!(
        session.suppression_list(None, 0).unwrap(),
        house.admin.suppression_list(None, 0).unwrap(),
        "with when, why and by whom"
    );
    let again = Changes::new().set("name", "林先生").set("email", "lin@example.com");
    assert_eq!(warned(&session, &again), ["email"]);
    let mut after = Vec::new();
    house.admin.backup(&mut after, BackupScope::Everything).unwrap();
    let text = String::from_utf8_lossy(&after).into_owned() + &String::from_utf8_lossy(&keys);
    assert!(!text.contains("example.com"), "sealed, and hashed within");
    let path = house.folder().join("again.guanxi");
    restored(&[&after], Some(&keys), &path, &RestoreOptions::default()).unwrap();
    let crm = options().open(&path).unwrap();
    assert_eq!(warned(&crm.session_for("admin").unwrap(), &again), ["email"]);
}
