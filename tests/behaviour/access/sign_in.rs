//! Signing in: guessers wait, refusals are counted, sessions are listed and end.

use guanxi::api::call;
use guanxi::{Code, RecordId};
use guanxi_tests::{House, PASSWORD, database, refusal};
use serde_json::{Value as Json, json};

fn pass(house: &House, seconds: i64) {
    house.clock.advance_micros(seconds * 1_000_000);
}

fn refused(house: &House) -> Vec<Json> {
    let query = json!({"kinds": ["sign_in_refused"], "limit": 200});
    call(&house.admin, "ledger.query", &query).unwrap()["entries"].as_array().unwrap().clone()
}

#[test]
fn a_name_that_fails_too_often_waits_twice_as_long_each_time() {
    let house = database();
    let wrong = |name: &str| refusal(house.crm.sign_in(name, "wrong password"));
    for name in ["admin", "nobody of this name"] {
        for _ in 0..10 {
            assert_eq!(wrong(name), Code::SignInFailed);
        }
        assert_eq!(wrong(name), Code::SignInWaits, "alike whether there is such a user or not");
    }
    assert_eq!(refusal(house.crm.sign_in("admin", PASSWORD)), Code::SignInWaits, "even with the password");
    assert_eq!(refusal(house.crm.sign_in("\u{ff21}DMIN", PASSWORD)), Code::SignInWaits, "by any spelling");
    for wait in [1, 2, 4, 8] {
        pass(&house, wait);
        assert_eq!(wrong("admin"), Code::SignInFailed);
        assert_eq!(refusal(house.crm.sign_in("admin", PASSWORD)), Code::SignInWaits);
    }
    pass(&house, 16);
    house.crm.sign_in("admin", PASSWORD).unwrap();
    assert_eq!(wrong("admin"), Code::SignInFailed, "who signed in begins anew");
    house.crm.sign_in("admin", PASSWORD).unwrap();
}

#[test]
fn refused_sign_ins_are_entered_one_by_one_and_then_counted() {
    let house = database();
    for number in 0..300 {
        let name = format!("nobody {number}");
        assert_eq!(refusal(house.crm.sign_in(&name, "wrong password")), Code::SignInFailed);
    }
    assert_eq!(refused(&house).len(), 10);
    pass(&house, 61);
    house.admin.flush_audit().unwrap();
    let entries = refused(&house);
    assert_eq!(entries.len(), 11);
    assert!(entries.iter().any(|entry| entry.to_string().contains("290")), "{entries:?}");
    let _ = house.verified();
}

#[test]
fn sessions_are_listed_and_end_at_their_next_call() {
    let house = database();
    let first = house.user_as("lin", "salesperson");
    let second = house.crm.session_for("lin").unwrap();
    let listed = call(&first, "session.list", &Json::Null).unwrap();
    let listed = listed["sessions"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed.iter().filter(|session| session["is_this"] == true).count(), 1);
    let other = listed.iter().find(|session| session["is_this"] == false).unwrap();
    assert_eq!(call(&first, "session.end", &json!({"id": other["id"]})).unwrap(), json!({"ended": 1}));
    assert_eq!(refusal(second.read(|_| Ok(()))), Code::SessionEnded);
    assert_eq!(refusal(second.clone().write(|_| Ok(()))), Code::SessionEnded, "clones are the same session");
    first.read(|_| Ok(())).unwrap();
    let nothing = first.end_sessions(first.user(), Some(RecordId::from_bytes([9; 16])));
    assert_eq!(refusal(nothing), Code::RecordNotFound);
    // Of others for administrators alone.
    let admin = house.admin.user();
    assert_eq!(refusal(first.open_sessions(admin)), Code::NotPermitted);
    assert_eq!(refusal(first.end_sessions(admin, None)), Code::NotPermitted);
    assert_eq!(house.admin.end_sessions(first.user(), None).unwrap(), 1);
    assert_eq!(refusal(first.read(|_| Ok(()))), Code::SessionEnded);
}

#[test]
fn a_new_password_ends_the_other_sessions_of_its_user() {
    let house = database();
    let (one, two) = (house.user_as("lin", "salesperson"), house.crm.session_for("lin").unwrap());
    one.set_password(one.user(), "a password of my own").unwrap();
    one.read(|_| Ok(())).unwrap();
    assert_eq!(refusal(two.read(|_| Ok(()))), Code::SessionEnded);
    house.admin.set_password(one.user(), "a password of theirs").unwrap();
    assert_eq!(refusal(one.read(|_| Ok(()))), Code::SessionEnded);
    house.admin.read(|_| Ok(())).unwrap();
}
